#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""cpod system shutdown"""

import subprocess

from cli import CliTest, tap


class A18Shutdown(CliTest):
    def owner(self):
        """The process of the service; asking for it does not start one."""
        reply = subprocess.run(['busctl', 'call', 'org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus',
                                'GetConnectionUnixProcessID', 's', 'org.cpod.Cpod1'],
                               capture_output=True, text=True, check=False)
        return reply.stdout.split()[-1] if reply.returncode == 0 else None

    def test_containers_live_on(self):
        identity = self.run_container('--name', 'c', 'busybox', 'sleep', '1000')
        before = self.owner()
        self.assertIsNotNone(before)
        self.assertEqual(self.ok('system', 'shutdown'), '')
        self.assertIsNone(self.owner())
        # One that does not run need not be started to end.
        self.assertEqual(self.ok('system', 'shutdown'), '')
        self.assertIsNone(self.owner())
        self.assertEqual(self.ok('ps', '-q', '--no-trunc'), identity)
        self.assertNotEqual(self.owner(), before)

    def test_force(self):
        identities = {self.run_container('--restart', 'always', 'busybox', 'sleep', '1000') for _ in range(2)}
        self.ok('system', 'shutdown')
        self.assertEqual(set(self.ok('system', 'shutdown', '--force', '--time', '0').split()), identities)
        self.assertEqual(self.ok('ps', '-q'), '')
        self.assertEqual(set(self.ok('ps', '-aq', '--no-trunc').split()), identities)

    def test_arguments(self):
        self.fails(125, 'unexpected argument "now"', 'system', 'shutdown', 'now')


if __name__ == '__main__':
    tap.main()
