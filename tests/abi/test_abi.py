#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The ABI check finds each kind of broken promise. usage: test_abi.py LIBRARY GIR"""

import contextlib
import io
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..'))

import abi  # noqa: E402 pylint: disable=wrong-import-position
import tap  # noqa: E402 pylint: disable=wrong-import-position

LIBRARY, GIR = sys.argv[1:3]
del sys.argv[1:]


class Check(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.now = abi.describe(LIBRARY, GIR)

    def check(self, now):
        """Exit code and output of a check of NOW against what the library really is."""
        with tempfile.NamedTemporaryFile('w', suffix='.abi') as baseline:
            baseline.write('\n'.join(self.now))
            baseline.flush()
            with contextlib.redirect_stdout(io.StringIO()) as output:
                code = abi.check(now, baseline.name)
        return code, output.getvalue()

    def broken(self, line):
        self.assertIn(line, self.now)
        code, output = self.check([other for other in self.now if other != line])
        self.assertEqual((code, line in output), (1, True))

    def test_the_same(self):
        self.assertEqual(self.check(self.now)[0], 0)

    def test_new(self):
        code, output = self.check(self.now + ['function cpod_new: void ()'])
        self.assertEqual((code, '# new: function cpod_new: void ()' in output), (0, True))

    def test_strange_symbol(self):
        self.assertEqual(self.check(self.now + ['symbol helper'])[0], 1)

    def test_gone_symbol(self):
        self.broken('symbol cpod_client_get_type')

    def test_changed_function(self):
        self.broken('function cpod_client_get_namespace: const char* (CpodClient*)')

    def test_changed_constant(self):
        self.broken('constant CPOD_STREAM_ID_STDERR = 3')

    def test_changed_property(self):
        self.broken('property CpodClient:namespace: gchar* readable writable')

    def test_changed_signal(self):
        self.broken('signal CpodClient::events-lost: void (guint64)')

    def test_changed_parent(self):
        self.broken('type CpodContainerList is a Gio.ListModel')

    def test_changed_error(self):
        self.assertTrue(any(line.startswith('constant CPOD_ERROR_NO_SUCH_CONTAINER = ') for line in self.now))


if __name__ == '__main__':
    tap.main()
