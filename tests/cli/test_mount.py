#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The verbs mount and umount, also those of images."""

import json
import os

from cli import CliTest, tap


class A12Mount(CliTest):
    def test_mount(self):
        identity = self.ok('create', '--name', 'a', 'busybox', 'true')
        self.ok('create', '--name', 'b', 'busybox', 'true')
        self.assertEqual(self.ok('mount'), '')
        path = self.ok('mount', 'a')
        self.assertTrue(os.path.ismount(path))
        self.assertEqual(self.ok('mount'), f'{identity[:12]} {path}')
        self.assertEqual(self.ok('mount', '--no-trunc'), f'{identity} {path}')
        self.assertEqual(self.ok('mount', '--format', '{{.Name}} {{.Mounts}}'), 'a 1')
        self.assertEqual(json.loads(self.ok('mount', '--format', 'json')),
                         [{'id': identity, 'Names': ['a'], 'mountpoint': path}])
        other = self.ok('mount', 'a', 'b').split('\n')[1]
        self.assertRegex(other, r'\Ab /.*')
        self.assertEqual(self.ok('mount', '-l'), other.split(' ')[1])
        self.assertEqual(self.ok('umount', 'a'), 'a')
        self.assertEqual(len(self.ok('umount', '-af').split('\n')), 2)
        self.assertEqual(self.ok('mount'), '')
        self.assertEqual(self.ok('umount', '-a'), '')
        self.assertFalse(os.path.exists(path))

    def test_all(self):
        for name in 'a', 'b':
            self.ok('create', '--name', name, 'busybox', 'true')
        self.assertEqual(len(self.ok('mount', '-a').split('\n')), 2)
        self.assertEqual(len(self.ok('umount', '--all').split('\n')), 2)
        self.fails(125, '--all', 'mount', '-a', 'a')

    def test_errors(self):
        self.ok('create', '--name', 'a', 'busybox', 'true')
        self.fails(125, 'container a is not mounted', 'umount', 'a')
        self.fails(125, 'nosuch', 'mount', 'nosuch')
        self.fails(125, 'nosuch', 'umount', 'nosuch')
        self.fails(125, 'nosuch', 'umount', '-f', 'nosuch')
        self.fails(125, '--format', 'mount', '--format', 'json', 'a')
        self.fails(125, 'name or id', 'umount')
        self.ok('mount', 'a')
        self.ok('start', 'a')
        self.ok('wait', 'a')


class ImageMount(CliTest):
    NAME = 'localhost/busybox:latest'

    def tearDown(self):
        self.ok('image', 'unmount', '--all', '--force')
        super().tearDown()

    def test_mount(self):
        identity = self.ok('images', '-q', '--no-trunc').removeprefix('sha256:')
        self.assertEqual(self.ok('image', 'mount'), '')
        path = self.ok('image', 'mount', 'busybox')
        self.assertTrue(os.path.exists(os.path.join(path, 'bin', 'busybox')))
        self.assertEqual(self.ok('image', 'mount'), f'{self.NAME} {path}')
        self.assertEqual(self.ok('image', 'mount', '--format', '{{.ID}} {{.Mounts}}'), f'{identity} 1')
        self.assertEqual(json.loads(self.ok('image', 'mount', '--format', 'json')),
                         [{'id': identity, 'Repositories': [self.NAME], 'mountpoint': path}])
        self.assertEqual(self.ok('image', 'mount', 'busybox', identity[:8]).split('\n'),
                         [f'busybox {path}', f'{identity[:8]} {path}'])
        self.assertEqual(self.ok('image', 'mount', '-a'), f'{identity} {path}')
        self.fails(2, 'mounted', 'rmi', 'busybox')
        self.assertEqual(self.ok('image', 'unmount', 'busybox'), identity)
        self.assertEqual(self.ok('image', 'mount', '--format', '{{.Mounts}}'), '3')
        self.assertEqual(self.ok('image', 'umount', '-f', 'busybox'), identity)
        self.assertEqual(self.ok('image', 'mount'), '')
        self.assertEqual(self.ok('image', 'umount', '-a'), '')
        self.assertFalse(os.path.exists(path))

    def test_errors(self):
        self.fails(125, 'busybox:latest is not mounted', 'image', 'unmount', 'busybox')
        self.fails(125, 'nosuch', 'image', 'mount', 'nosuch')
        self.fails(125, '--all', 'image', 'mount', '-a', 'busybox')
        self.fails(125, '--format', 'image', 'mount', '--format', 'json', 'busybox')
        self.fails(125, 'name or id', 'image', 'unmount')


class A33External(CliTest):
    """Those that the engine knows are none; what is lost is made in tests/bus/test_storage.py."""

    FOREIGN = 'f0' + 'e1' * 31

    def test_none(self):
        identity = self.ok('create', '--name', 'a', 'busybox', 'true')
        self.assertEqual(self.ok('ps', '-aq', '--external'), identity[:12])
        self.fails(125, 'container of the engine', 'rm', '--storage', 'a')
        self.fails(1, 'nosuch', 'rm', '--storage', 'nosuch')
        self.assertEqual(self.ok('rm', '-f', '--storage', 'nosuch'), '')
        self.fails(125, '--external', 'ps', '--external', '-l')
        self.fails(125, '--storage', 'rm', '--storage', '--dry-run', 'a')

    def test_external(self):
        lib = os.path.join(os.environ['CPOD_ROOT'], 'lib')
        try:
            os.makedirs(os.path.join(lib, 'containers', self.FOREIGN))
            with open(os.path.join(lib, 'containers', self.FOREIGN, 'container.json.damaged'), 'w', encoding='utf-8') as file:
                file.write('{')
            layer = os.path.join(lib, 'storage', 'overlay', 'c', self.FOREIGN)
            for name in 'u', 'w':
                os.makedirs(os.path.join(layer, name))
            image = self.ok('images', '-q', '--no-trunc', 'busybox').removeprefix('sha256:')
            os.symlink(image, os.path.join(layer, 'image'))
            line, = self.ok('ps', '--external', '--no-trunc', '--format',
                            '{{.ID}} {{.Image}} {{.Command}} {{.Status}} {{.State}}').split('\n')
            self.assertEqual(line, f'{self.FOREIGN} {image} storage Storage storage')
            path = self.ok('mount', self.FOREIGN)
            self.assertTrue(os.path.exists(os.path.join(path, 'bin', 'busybox')))
            self.assertEqual(self.ok('mount', '--format', '{{.ID}}'), self.FOREIGN[:12])
            self.fails(2, 'mounted', 'rm', '--storage', self.FOREIGN)
            self.assertEqual(self.ok('umount', self.FOREIGN[:10]), self.FOREIGN[:10])
        finally:
            self.assertEqual(self.ok('rm', '--storage', self.FOREIGN), self.FOREIGN)
        self.assertEqual(self.ok('ps', '-a', '--external', '-q'), '')


if __name__ == '__main__':
    tap.main()
