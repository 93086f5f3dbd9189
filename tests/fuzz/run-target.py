#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs a fuzz target over its corpus, and then for some seconds on inputs that it makes up.

usage: run-target.py TARGET CORPUS [SECONDS]

New inputs of interest are not kept; one that fails is, beside the target, and
is also printed, so that it can become part of the corpus.
"""

import base64
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import tap  # noqa: E402

TARGET = pathlib.Path(sys.argv[1]).resolve()
CORPUS = pathlib.Path(sys.argv[2])
SECONDS = int(sys.argv[3]) if len(sys.argv) > 3 else 15
# One input may take long where the machine is slow; one that takes for ever is a defect.
# GLib's own allocator would hide what is freed, and what is not.
ENVIRONMENT = {'G_SLICE': 'always-malloc'}
LIMITS = ['-timeout=120', '-rss_limit_mb=2048', '-max_len=8192']


class FuzzTest(unittest.TestCase):
    def run_target(self, *arguments):
        prefix = f'{TARGET}-failed-'
        for old in TARGET.parent.glob(f'{TARGET.name}-failed-*'):
            old.unlink()
        with tempfile.TemporaryDirectory() as scratch:
            result = subprocess.run([TARGET, *LIMITS, f'-artifact_prefix={prefix}', *arguments], cwd=scratch,
                                    env=dict(os.environ, **ENVIRONMENT, TMPDIR=scratch), check=False, text=True,
                                    errors='backslashreplace', stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        inputs = [f'{path.name}: {base64.b64encode(path.read_bytes()).decode()}'
                  for path in TARGET.parent.glob(f'{TARGET.name}-failed-*')]
        self.assertEqual(result.returncode, 0, '\n'.join([result.stdout[-6000:], *inputs]))
        return result.stdout

    def test_corpus(self):
        """Every input of the corpus is good for the target."""
        inputs = sorted(CORPUS.iterdir())
        self.assertTrue(inputs)
        self.run_target(*inputs)

    def test_fuzz(self):
        """And so is what comes of them."""
        with tempfile.TemporaryDirectory() as found:
            said = self.run_target(f'-max_total_time={SECONDS}', found, CORPUS)
        self.assertIn('DONE', said)


if __name__ == '__main__':
    del sys.argv[1:]
    tap.main()
