# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the command does with images that are here."""

import io
import os
import sys
import tarfile
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'bus'))

from cli import CliTest, cpod, tap  # noqa: E402 pylint: disable=wrong-import-position


class ImagesTest(CliTest):
    def tearDown(self):
        super().tearDown()
        for ident in self.ok('images', '-q', '--no-trunc').split():
            if 'localhost/busybox:latest' not in self.ok('inspect', '-t', 'image', '-f', '{{.RepoTags}}', ident):
                cpod('rmi', '-f', ident)

    def image(self, *names, changes=()):
        """A small image; gives its id."""
        with tempfile.NamedTemporaryFile(suffix='.tar') as file:
            with tarfile.open(file.name, 'w') as tar:
                info = tarfile.TarInfo('file')
                info.size = 5
                tar.addfile(info, io.BytesIO(b'hello'))
            arguments = [word for change in changes for word in ('-c', change)]
            ident = self.ok('import', *arguments, file.name, names[0]).partition(':')[2]
        for name in names[1:]:
            self.ok('tag', ident, name)
        return ident

    def tags(self, ident):
        return self.ok('inspect', '-t', 'image', '-f', '{{join .RepoTags " "}}', ident).split()


class Names(ImagesTest):
    def test_tag_and_untag(self):
        ident = self.image('one')
        self.assertEqual(self.ok('tag', 'one', 'two', 'host:5000/three:3'), '')
        self.assertEqual(self.tags(ident), ['host:5000/three:3', 'localhost/one:latest', 'localhost/two:latest'])
        self.assertEqual(self.ok('untag', 'one', 'two'), '')
        self.assertEqual(self.tags(ident), ['host:5000/three:3', 'localhost/one:latest'])
        self.fails(125, "no name 'nothing'", 'untag', 'one', 'nothing')
        self.ok('untag', 'one')
        self.assertEqual(self.tags(ident), [])
        self.assertIn('<none>', self.ok('images'))
        self.fails(125, 'at least one name', 'tag', 'busybox')
        self.fails(125, 'no image', 'tag', 'nosuch', 'name')
        self.fails(125, 'at least one', 'untag')
        self.fails(125, 'lower case', 'tag', 'busybox', 'Not')


class Removal(ImagesTest):
    def test_rmi(self):
        ident = self.image('one', 'two')
        self.ok('create', '--name', 'c', 'one', '/x')
        self.assertEqual(self.ok('rmi', '-f', 'two'), 'Untagged: localhost/two:latest')
        self.fails(2, 'is used', 'rmi', 'one')
        self.assertEqual(self.ok('rmi', '-f', 'one').split('\n'), ['Untagged: localhost/one:latest', f'Deleted: {ident}'])
        self.assertEqual(self.ok('ps', '-aq'), '')

    def test_ignore(self):
        self.image('one')
        result = self.fails(1, 'nosuch', 'rmi', 'nosuch', 'one')
        self.assertIn('Untagged: localhost/one:latest', result.stdout)
        self.assertEqual(self.ok('rmi', '-i', 'nosuch'), '')
        self.fails(125, 'exclude', 'rmi', '-a', 'busybox')

    def test_all(self):
        ident = self.image('one', 'two')
        self.ok('create', 'busybox')
        result = self.fails(2, 'busybox', 'rmi', '-a')
        self.assertEqual(result.stdout.split('\n')[:-1], ['Untagged: localhost/one:latest', 'Untagged: localhost/two:latest',
                                                          f'Deleted: {ident}'])
        self.assertEqual(self.ok('images', '-n', '--format', '{{.Repository}}'), 'localhost/busybox')


if __name__ == '__main__':
    tap.main()
