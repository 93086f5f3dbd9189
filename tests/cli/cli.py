# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the command have in common."""

import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))

import tap  # noqa: E402 pylint: disable=wrong-import-position,unused-import

TIMEOUT = 60


def cpod(*arguments, **options):
    """Run cpod; stdout and stderr are text unless text=False is given."""
    options.setdefault('text', True)
    options.setdefault('timeout', TIMEOUT)
    return subprocess.run(['cpod', *arguments], capture_output=True, check=False, **options)


class CliTest(unittest.TestCase):
    """Has the image "busybox", and nothing else, at the start of each test; checks the engine after each."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        if cpod('images', '-q', 'busybox').stdout:
            return
        with tempfile.NamedTemporaryFile(suffix='.tar') as archive:
            subprocess.run([os.path.join(os.environ['CPOD_SOURCE'], 'scripts', 'make-image'), archive.name],
                           check=True)
            result = cpod('import', '-c', 'CMD ["sh"]', archive.name, 'busybox')
        if result.returncode != 0:
            raise RuntimeError(result.stderr)

    def tearDown(self):
        containers = cpod('ps', '-aq', '--no-trunc').stdout.split()
        if containers:
            cpod('rm', '-f', '-t', '0', *containers)
        check = cpod('system', 'check')
        self.assertEqual((check.returncode, check.stdout), (0, 'All is well.\n'), check.stderr)

    def ok(self, *arguments, **options):
        """Run cpod, which must succeed and say nothing on stderr; gives its output without the last newline."""
        result = cpod(*arguments, **options)
        self.assertEqual((result.returncode, result.stderr), (0, '' if options.get('text', True) else b''), arguments)
        return result.stdout.rstrip('\n') if options.get('text', True) else result.stdout

    def fails(self, status, pattern, *arguments, **options):
        """Run cpod, which must fail with this exit status and an error that fits the pattern."""
        result = cpod(*arguments, **options)
        self.assertEqual(result.returncode, status, (arguments, result.stderr))
        self.assertRegex(result.stderr, r'\AError: .*' + pattern)
        return result

    def run_container(self, *arguments):
        """Start a container in the background; gives its id."""
        return self.ok('run', '-d', *arguments)
