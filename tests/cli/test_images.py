# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the command does with images that are here."""

import io
import json
import os
import subprocess
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


class Lists(ImagesTest):
    def names(self, *arguments):
        return self.ok('images', '--format', '{{.Repository}}:{{.Tag}}', *arguments).split('\n')

    def test_filters_and_order(self):
        ident = self.image('host:5000/b:2', 'host:5000/a:3', changes=['LABEL color=red'])
        both = ['host:5000/a:3', 'host:5000/b:2']
        self.assertEqual(self.names('-f', 'label=color=red'), both)
        self.assertEqual(self.names('-f', 'label!=color'), ['localhost/busybox:latest'])
        self.assertEqual(self.names('--filter', 'reference=busy*'), ['localhost/busybox:latest'])
        self.assertEqual(self.names('--filter', 'since=busybox'), both)
        self.assertEqual(self.names('--filter', f'before={ident}'), ['localhost/busybox:latest'])
        for key in 'readonly', 'manifest':
            self.assertEqual(self.ok('images', '-q', '-f', f'{key}=true'), '')
            self.assertEqual(self.names('-f', f'{key}=false', 'busybox'), ['localhost/busybox:latest'])
        self.assertEqual(self.names('-f', f'id={ident[:9]}'), both)
        self.assertEqual(self.names('--sort', 'repository'), [*both, 'localhost/busybox:latest'])
        self.assertEqual(self.names('--sort', 'tag'), [*reversed(both), 'localhost/busybox:latest'])
        self.assertEqual(self.names('--sort', 'size'), [*both, 'localhost/busybox:latest'])
        self.assertEqual(self.names('a'), both[:1])
        self.assertEqual(self.ok('image', 'ls', '--format', '{{.Labels.color}} {{.Containers}}', 'a'), 'red 0')
        (listed,) = json.loads(self.ok('images', '--format', 'json', 'a'))
        self.assertEqual((listed['Id'], listed['RepoTags'], listed['Labels']), (ident, both, {'color': 'red'}))
        for pattern, *arguments in (('dangling', '-f', 'dangling=perhaps'), ('frob', '-f', 'frob=1'), ('frob', '--sort', 'frob'),
                                    ('no image', '-f', 'before=frob')):
            self.fails(125, pattern, 'images', *arguments)

    def test_without_a_name(self):
        ident = self.image('one')
        self.ok('untag', 'one')
        self.assertEqual(self.ok('images', '-q', '--no-trunc', '-f', 'dangling=true'), 'sha256:' + ident)
        self.assertEqual(self.names('-f', 'dangling=true'), ['<none>:<none>'])

    def test_exists(self):
        self.assertEqual(cpod('image', 'exists', 'busybox').returncode, 0)
        result = cpod('image', 'exists', 'nosuch')
        self.assertEqual((result.returncode, result.stdout, result.stderr), (1, '', ''))
        self.fails(125, 'exactly one', 'image', 'exists')

    def test_history(self):
        ident = self.image('one')
        header, row = self.ok('history', 'one').split('\n')
        self.assertEqual(header.split(), ['ID', 'CREATED', 'CREATED', 'BY', 'SIZE', 'COMMENT'])
        self.assertRegex(row, rf'\A{ident[:12]} .* cpod import +5 B')
        self.assertEqual(self.ok('image', 'history', '-q', '--no-trunc', 'one'), ident)
        (step,) = json.loads(self.ok('history', '--format', 'json', 'one'))
        self.assertEqual((step['id'], step['CreatedBy'], step['size'], step['tags']), (ident, 'cpod import', 5, ['localhost/one:latest']))
        self.assertRegex(self.ok('history', '--human', 'false', '--format', '{{.Created}} {{.Size}}', 'one'), r'\A20.*T.*:.* 5\Z')
        self.fails(125, 'neither', 'history', '-H', 'perhaps', 'one')

    def test_tree(self):
        ident = self.image('one')
        lines = self.ok('image', 'tree', 'one').split('\n')
        self.assertEqual(lines[:4], [f'Image ID: {ident[:12]}', 'Tags:     [localhost/one:latest]', 'Size:     5 B', 'Image Layers'])
        self.assertRegex(lines[4], r'\A└── ID: [0-9a-f]{12} Size:     5 B Top Layer of: \[localhost/one:latest\]\Z')
        self.image('two')
        self.assertIn('Top Layer of: [localhost/two:latest, localhost/one:latest]', self.ok('image', 'tree', '--whatrequires', 'two'))

    def test_inspect(self):
        self.ok('create', '--name', 'busybox', 'busybox')
        self.assertIn('busybox:latest', self.ok('image', 'inspect', '-f', '{{.RepoTags}}', 'busybox'))
        (found,) = json.loads(self.ok('image', 'inspect', 'busybox'))
        self.assertEqual((found['RootFS']['Type'], found['GraphDriver']['Name'], found['Parent']), ('layers', 'overlay', ''))
        self.fails(125, 'no image', 'image', 'inspect', 'nosuch')


class Prune(ImagesTest):
    def test_prune(self):
        ident = self.image('one')
        self.assertEqual(self.ok('image', 'prune', '-f'), 'Total reclaimed space: 0 B')
        self.ok('untag', 'one')
        self.assertEqual(self.ok('image', 'prune', '--dry-run').split('\n'), [ident, 'Total reclaimable space: 5 B'])
        self.fails(125, '--force', 'image', 'prune', stdin=subprocess.DEVNULL)
        self.assertEqual(self.ok('image', 'prune', '-f', '--filter', 'until=1h'), 'Total reclaimed space: 0 B')
        self.assertEqual(self.ok('image', 'prune', '-f').split('\n'), [ident, 'Total reclaimed space: 5 B'])
        self.assertEqual(self.ok('images', '-q', '-f', 'dangling=true'), '')

    def test_all(self):
        ident = self.image('one', 'two')
        self.ok('create', 'busybox')
        self.assertEqual(self.ok('image', 'prune', '-a', '-f', '--filter', 'label!=x').split('\n'), [ident, 'Total reclaimed space: 5 B'])
        self.fails(125, 'frob', 'image', 'prune', '-f', '--filter', 'frob=1')
        self.fails(125, 'word', 'image', 'prune', 'word')


class DiskUsage(ImagesTest):
    def test_summary(self):
        self.image('one')
        self.ok('create', 'one', '/x')
        header, images, containers = self.ok('system', 'df').split('\n')
        self.assertEqual(header.split(), ['TYPE', 'TOTAL', 'ACTIVE', 'SIZE', 'RECLAIMABLE'])
        self.assertRegex(images, r'\AImages +2 +1 +\S+ MB +\S+ MB \(100%\)\Z')
        self.assertRegex(containers, r'\AContainers +1 +0 +0 B +0 B \(0%\)\Z')
        first, second = json.loads(self.ok('system', 'df', '--format', 'json'))
        self.assertEqual((first['Type'], first['Total'], second['Total']), ('Images', 2, 1))
        self.assertEqual(first['RawSize'] - first['RawReclaimable'], 5)
        self.assertEqual(self.ok('system', 'df', '--format', '{{.Type}}:{{.Active}}'), 'Images:1\nContainers:0')

    def test_verbose(self):
        ident = self.image('one', 'two')
        self.ok('create', '--name', 'c', 'one', '/x')
        out = self.ok('system', 'df', '-v')
        self.assertRegex(out, rf'(?m)^localhost/one +latest +{ident[:12]} .* 5 B +0 B +5 B +1$')
        self.assertRegex(out, r'(?m)^[0-9a-f]{12} +one +/x +0 B .* Created +c$')
        self.fails(125, 'exclude', 'system', 'df', '-v', '--format', 'json')
        self.fails(125, 'word', 'system', 'df', 'word')


if __name__ == '__main__':
    tap.main()
