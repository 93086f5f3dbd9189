# SPDX-License-Identifier: LGPL-2.1-or-later
"""The library makes images of containers, and copies files into them and out of them."""

import os
import tarfile
import tempfile
import unittest

from library import connect, loop_until, options
from gi.repository import Gio, GLib
from service import Service, main

service = None


def setUpModule():
    global service
    service = Service('library-files')
    service.client.import_busybox()


def tearDownModule():
    service.remove_all()
    assert service.destroy() == 0


class Files(unittest.TestCase):
    def setUp(self):
        self.client = connect()
        self.box = service.client.create('true', name='box')
        self.addCleanup(self.box.remove)
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.archive = os.path.join(directory.name, 'archive.tar')
        self.told = []

    def on_progress(self, done, total, *_data):
        self.told.append((done, total))

    def pack(self, name, data):
        path = self.archive + '.' + name
        with open(path, 'wb') as file:
            file.write(data)
        with tarfile.open(self.archive, 'w') as tar:
            tar.add(path, name)

    def copy_out(self, name, call):
        with open(self.archive, 'wb') as file:
            call(file.fileno())
        with tarfile.open(self.archive) as tar:
            return tar.extractfile(name).read()

    def test_copies(self):
        data = os.urandom(3 << 20)
        self.pack('file', data)
        with open(self.archive, 'rb') as file:
            self.assertTrue(self.client.copy_in_sync(self.box.path, '/tmp', file.fileno(), None, self.on_progress, None))
        copied = self.copy_out('file', lambda fd: self.client.copy_out_sync(self.box.path, '/tmp/file', fd, None, None, None))
        self.assertEqual(copied, data)
        # What was told, if anything was in this time, is told in order.
        self.assertEqual(self.told, sorted(self.told))

    def test_copies_in_the_main_loop(self):
        self.pack('file', b'data')
        results = []
        with open(self.archive, 'rb') as file:
            self.client.copy_in(self.box.path, '/tmp', file.fileno(), options(chown=True), None, None, None,
                                lambda client, result: results.append(client.copy_in_finish(result)))
            loop_until(lambda: results, 'the end of the copy')
        self.assertEqual(results, [True])

        def begin(fd):
            self.client.copy_out(self.box.path, '/tmp', fd, None, None, None, None,
                                 lambda client, result: results.append(client.copy_out_finish(result)))
            loop_until(lambda: len(results) == 2, 'the end of the copy')
        self.assertEqual(self.copy_out('tmp/file', begin), b'data')

    def test_errors(self):
        with open(self.archive, 'wb') as file, self.assertRaises(GLib.Error) as caught:
            self.client.copy_out_sync(self.box.path, '/nothing', file.fileno(), None, None, None)
        self.assertIn('/nothing', caught.exception.message)
        cancellable = Gio.Cancellable()
        cancellable.cancel()
        with self.assertRaises(GLib.Error):
            self.client.commit_container_sync(self.box.path, 'made', None, None, None, cancellable)
        with self.assertRaises(GLib.Error) as caught:
            self.client.commit_container_sync(self.box.path, 'made', options(format='tar'), None, None)
        self.assertIn('tar', caught.exception.message)

    def test_commit(self):
        ident = self.client.commit_container_sync(self.box.path, 'made', options(message='why'), self.on_progress, None)
        results = []
        self.client.commit_container(self.box.path, None, None, None, None, None,
                                     lambda client, result: results.append(client.commit_container_finish(result)))
        loop_until(lambda: results, 'the end of the commit')
        known = {image['id']: image['names'] for image in service.client.images('ListImages')}
        self.assertEqual(known[ident], ['localhost/made:latest'])
        self.assertEqual(known[results[0]], [])
        for image in ident, results[0]:
            service.client.images('RemoveImage', 's', image, force=True)


if __name__ == '__main__':
    main()
