#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images and containers go into archives and come out of them, by the command."""

import io
import json
import os
import subprocess
import tarfile
import tempfile

from cli import CliTest, cpod, tap
from terminal import Terminal


class Archives(CliTest):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = os.path.join(directory.name, 'archive.tar')

    def names(self):
        return set(self.ok('images', '--format', '{{.Repository}}:{{.Tag}}').split())

    def test_save_and_load(self):
        ident = self.ok('images', '-q', '--no-trunc', 'busybox')
        for options in ([], ['--format', 'docker-archive'], ['--format', 'oci-archive']):
            with self.subTest(options):
                self.assertEqual(self.ok('save', *options, '-o', self.path, 'busybox'), '')
                self.ok('rmi', '-f', 'busybox')
                self.assertEqual(self.names(), set())
                self.assertEqual(self.ok('load', '-i', self.path), 'Loaded image: localhost/busybox:latest')
                self.assertEqual(self.ok('images', '-q', '--no-trunc', 'busybox'), ident)
                self.assertEqual(self.ok('run', '--rm', 'busybox', 'echo', 'hello'), 'hello')

    def test_streams(self):
        """Standard input and output, and through another program's."""
        plain = self.ok('save', 'busybox', text=False)
        self.assertEqual(cpod('load', input=plain, text=False).stdout, b'Loaded image: localhost/busybox:latest\n')
        result = subprocess.run('cpod save -q busybox | gzip -1 | cpod load -q', shell=True, capture_output=True, text=True, check=True)
        self.assertEqual((result.stdout, result.stderr), ('Loaded image: localhost/busybox:latest\n', ''))

    def test_several(self):
        self.ok('tag', 'busybox', 'second', 'third')
        self.fails(125, 'multi-image-archive', 'save', '--format', 'oci-archive', '-o', self.path, 'second', 'third')
        self.ok('save', '-m', '-o', self.path, 'second', 'third')
        with tarfile.open(self.path) as tar:
            manifest = json.load(tar.extractfile('manifest.json'))
        self.assertEqual([entry['RepoTags'] for entry in manifest], [['localhost/second:latest', 'localhost/third:latest']])
        self.ok('untag', 'busybox', 'second', 'third')
        self.assertEqual(self.ok('load', '-i', self.path).split('\n'),
                         ['Loaded image: localhost/second:latest', 'Loaded image: localhost/third:latest'])
        self.ok('untag', 'busybox', 'second', 'third')

    def test_further_names(self):
        """As podman: names that follow the first are names in the archive alone."""
        self.ok('save', '-o', self.path, 'busybox', 'one', 'host:5000/two:3', 'busybox')
        with tarfile.open(self.path) as tar:
            entry, = json.load(tar.extractfile('manifest.json'))
        names = ['localhost/busybox:latest', 'localhost/one:latest', 'host:5000/two:3']
        self.assertEqual(entry['RepoTags'], names)
        self.fails(125, 'Bad Name', 'save', '-o', self.path + '.bad', 'busybox', 'Bad Name')
        self.assertFalse(os.path.exists(self.path + '.bad'))
        self.ok('save', '-o', self.path, 'busybox', 'one')
        self.ok('load', '-q', '-i', self.path)
        self.assertEqual(self.ok('inspect', '-f', '{{.Id}}', 'one'), self.ok('inspect', '-f', '{{.Id}}', 'busybox'))
        self.ok('untag', 'busybox', 'one')

    def test_without_a_name(self):
        ident = self.ok('images', '-q', '--no-trunc', 'busybox').rpartition(':')[2]
        self.ok('save', '-o', self.path, ident)
        self.assertEqual(self.ok('load', '-i', self.path), f'Loaded image: {ident}')

    def test_errors(self):
        self.fails(125, 'nosuch', 'save', '-o', self.path, 'nosuch')
        self.assertFalse(os.path.exists(self.path))
        self.fails(125, 'tape', 'save', '--format', 'tape', '-o', self.path, 'busybox')
        self.fails(125, 'at least one', 'save')
        self.fails(125, 'nosuchdir', 'save', '-o', '/nosuchdir/a', 'busybox')
        self.fails(125, 'nosuch.tar', 'load', '-i', '/nosuch.tar')
        self.fails(125, 'failed to load', 'load', input='this is no archive')
        self.fails(125, '--input', 'load', self.path)

    def test_terminal(self):
        """Nobody wants to see an archive, or could type one."""
        for arguments, word in ((['save', 'busybox'], '--output'), (['load'], '--input')):
            with Terminal(*arguments) as terminal:
                terminal.expect(word)
                self.assertEqual(terminal.wait(), 125)

    def test_export(self):
        self.ok('create', '--name', 'exported', 'busybox')
        self.ok('export', '-o', self.path, 'exported')
        with tarfile.open(self.path) as tar:
            names = tar.getnames()
        self.assertIn('bin/busybox', names)
        with tarfile.open(fileobj=io.BytesIO(self.ok('export', 'exported', text=False))) as tar:
            self.assertEqual(tar.getnames(), names)
        result = subprocess.run('cpod export exported | cpod import - again', shell=True, capture_output=True, text=True, check=True)
        self.assertEqual(result.stderr, '')
        self.assertEqual(self.ok('run', '--rm', 'again', 'echo', 'hello'), 'hello')
        self.ok('rmi', 'again')
        self.fails(125, 'nosuch', 'export', '-o', self.path + '2', 'nosuch')
        self.assertFalse(os.path.exists(self.path + '2'))
        self.fails(125, 'exactly one', 'export')


if __name__ == '__main__':
    tap.main()
