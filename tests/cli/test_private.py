# SPDX-License-Identifier: LGPL-2.1-or-later
"""cpod --private: a service of its own for each command, without a bus."""

import os
import subprocess
import tempfile
import unittest

from cli import cpod, tap


class Private(unittest.TestCase):
    def setUp(self):
        # State of its own, below that of the service that is not used here.
        directory = tempfile.mkdtemp(prefix='private-', dir=os.environ['CPOD_ROOT'])
        self.environment = {**os.environ, 'CPOD_ROOT': directory, 'DBUS_SYSTEM_BUS_ADDRESS': 'unix:path=/nosuch'}
        self.archive = os.path.join(directory, 'root.tar')
        subprocess.run([os.path.join(os.environ['CPOD_SOURCE'], 'scripts', 'make-image'), self.archive], check=True)
        self.ok('import', self.archive, 'busybox')

    def tearDown(self):
        containers = self.ok('ps', '-aq').split()
        if containers:
            self.ok('rm', '-f', '-t', '0', *containers)
        self.assertEqual(self.ok('system', 'check'), 'All is well.\n')

    def ok(self, *arguments):
        result = cpod('--private', *arguments, env=self.environment)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_run(self):
        self.assertEqual(self.ok('run', '--rm', 'busybox', 'echo', 'hello'), 'hello\n')
        self.assertEqual(self.ok('ps', '-aq'), '')

    def test_commands_see_the_same_state(self):
        identity = self.ok('run', '-d', '--name', 'c', 'busybox', 'sleep', '100').strip()
        self.assertEqual(self.ok('ps', '-q', '--no-trunc').strip(), identity)
        self.assertEqual(self.ok('rename', 'c', 'd'), '')
        self.assertEqual(self.ok('rm', '-f', '-t', '0', 'd'), 'd\n')

    def test_no_such_program(self):
        result = cpod('--private', 'ps', env={**self.environment, 'CPOD_DAEMON': '/nosuch/cpodd'})
        self.assertEqual(result.returncode, 125)
        self.assertRegex(result.stderr, r'\AError: .*/nosuch/cpodd')


if __name__ == '__main__':
    tap.main()
