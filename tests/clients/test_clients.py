# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each language creates a container, runs a command in it, reads its log and removes it, and says the same of it."""

import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.environ['CPOD_SOURCE'], 'tests', 'bus'))

from service import main  # noqa: E402 pylint: disable=wrong-import-position

BUILD = os.environ['CPOD_BUILD']
HERE = os.path.dirname(os.path.realpath(__file__))


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        archive = os.path.join(os.environ['CPOD_ROOT'], 'root.tar')
        subprocess.run([os.path.join(os.environ['CPOD_SOURCE'], 'scripts', 'make-image'), archive], check=True)
        subprocess.run(['cpod', 'import', archive, 'busybox'], check=True, stdout=subprocess.DEVNULL)

    def tearDown(self):
        self.assertEqual(run('cpod', 'ps', '-aq').stdout, '')
        self.assertEqual(run('cpod', 'system', 'check').stdout, 'All is well.\n')

    def live(self, *client):
        result = run(*client, 'busybox', 'web')
        self.assertEqual(result.stdout, 'created web\nexecuted: 7\nlogged\nremoved web\n', result.stderr)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def test_gdbus(self):
        self.live(os.path.join(HERE, 'life.sh'), 'gdbus')

    def test_busctl(self):
        self.live(os.path.join(HERE, 'life.sh'), 'busctl')

    def test_python(self):
        self.live('/usr/bin/python3', os.path.join(HERE, 'life.py'))

    def test_gjs(self):
        self.live('gjs', os.path.join(HERE, 'life.js'))

    def test_vala(self):
        self.live(os.path.join(BUILD, 'tests', 'clients', 'life-vala'))

    def test_c(self):
        result = self.live(os.path.join(BUILD, 'tests', 'clients', 'life-c'))
        self.assertEqual(result.stderr.split()[:3] + result.stderr.split()[-1:], ['create', 'init', 'start', 'remove'])


if __name__ == '__main__':
    main()
