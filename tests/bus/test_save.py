#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images go into archives, in the words of other tools, and the same each time."""

import hashlib
import io
import json
import os
import subprocess
import tarfile
import threading

from cases import ServiceCase
from images_in_archives import Saved, begin_load, begin_save, docker_members, oci_members, pack_members
from registry import base_layer, noise, pack
from service import main, scratch


class SaveTest(ServiceCase):
    peer = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        base = base_layer()
        cls.one = Saved(base, pack(one=noise('save', 50000)), marker='one')
        cls.two = Saved(base, pack(two=b'2'), pack(three=b'3'), marker='two')
        cls.load(pack_members(oci_members((cls.one, 'one'), (cls.two, 'example.com/two:2'))))

    @classmethod
    def load(cls, data):
        client = cls.service.client
        loaded = client.job_wait(begin_load(client, data), seconds=300)
        return [(image['id'], image['names']) for image in loaded['images']]

    def begin(self, images, fd, **options):
        return begin_save(self.client, fd, *images, **options)

    def save(self, *images, **options):
        path = os.path.join(scratch(), 'saved')
        self.client.job_wait(begin_save(self.client, path, *images, **options), seconds=300)
        with open(path, 'rb') as file:
            return file.read()

    def save_stream(self, *images, **options):
        """Through a pipe, to its end."""
        reading, writing = os.pipe()
        found = []

        def read():
            with os.fdopen(reading, 'rb') as file:
                found.append(file.read())
        thread = threading.Thread(target=read)
        thread.start()
        self.client.job_wait(self.begin(images, writing, **options), seconds=300)
        thread.join(60)
        return found[0]

    @staticmethod
    def unpack(data):
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            return {member.name: tar.extractfile(member).read() if member.isfile() else None for member in tar}

    def test_docker(self):
        since = self.client.last_seq()
        data = self.save('one', 'example.com/two:2')
        self.assertEqual([(e['type'], e['status'], e['id'], e['name']) for e in self.client.events(since)[0]],
                         [('image', 'save', self.one.id, 'localhost/one:latest'),
                          ('image', 'save', self.two.id, 'example.com/two:2')])
        members = self.unpack(data)
        expected = docker_members((self.one, 'localhost/one:latest'), (self.two, 'example.com/two:2'))
        self.assertEqual(json.loads(members.pop('manifest.json')), json.loads(expected.pop('manifest.json')))
        self.assertEqual(members, expected)
        self.assertEqual(next(iter(self.unpack(data))), 'manifest.json')

    def test_oci(self):
        members = self.unpack(self.save('one', 'example.com/two:2', format='oci-archive'))
        expected = oci_members((self.one, 'localhost/one:latest'), (self.two, 'example.com/two:2'))
        for name in ('index.json', 'oci-layout'):
            self.assertEqual(json.loads(members.pop(name)), json.loads(expected.pop(name)))
        self.assertEqual({name: data for name, data in members.items() if data is not None}, expected)

    def test_same_bytes(self):
        for options in ({}, {'format': 'oci-archive'}):
            with self.subTest(options):
                data = self.save('one', **options)
                self.assertEqual(hashlib.sha256(self.save('one', **options)).digest(), hashlib.sha256(data).digest())
                self.assertEqual(hashlib.sha256(self.save_stream('one', **options)).digest(), hashlib.sha256(data).digest())
                self.assertEqual(len(data) % 512, 0)

    def test_names(self):
        """Those that it was given by, each once."""
        for images, names in ((['one', 'localhost/one', 'one:latest'], ['localhost/one:latest']), ([self.one.id], None),
                              ([self.one.id[:12], 'one'], ['localhost/one:latest'])):
            found = json.loads(self.unpack(self.save(*images))['manifest.json'])
            self.assertEqual([entry['RepoTags'] for entry in found], [names])
            found = json.loads(self.unpack(self.save(*images, format='oci-archive'))['index.json'])['manifests']
            self.assertEqual([entry.get('annotations', {}).get('org.opencontainers.image.ref.name') for entry in found],
                             names or [None])

    def test_round_trip(self):
        for options in ({}, {'format': 'oci-archive'}):
            with self.subTest(options):
                data = self.save('one', **options)
                self.client.images('RemoveImage', 's', 'one')
                self.assertEqual(self.load(data), [(self.one.id, ['localhost/one:latest'])])
                self.assertEqual(self.save('one', **options), data)
        self.client.images('RemoveImage', 's', 'one')
        self.load(pack_members(oci_members((self.one, 'one'))))

    def test_others_read_it(self):
        """skopeo, and a layout that umoci finds valid."""
        path = os.path.join(scratch(), 'others')
        for kind in ('docker-archive', 'oci-archive'):
            with open(path, 'wb') as file:
                file.write(self.save('one', format=kind))
            found = json.loads(subprocess.run(['skopeo', 'inspect', '--config', f'{kind}:{path}:localhost/one:latest'],
                                              check=True, capture_output=True).stdout)
            self.assertEqual(found['rootfs'], json.loads(self.one.config)['rootfs'])

    def test_errors(self):
        fd = os.open('/dev/null', os.O_WRONLY)
        with self.assert_error('NoSuchImage', 'nosuch', 'failed to save'):
            self.client.job_wait(self.begin(['one', 'nosuch'], os.dup(fd)))
        with self.assert_error('InvalidArgument', 'images'):
            self.client.job_wait(self.begin([], os.dup(fd)))
        with self.assert_error('InvalidArgument', 'format', 'oci-dir'):
            self.begin(['one'], os.dup(fd), format='oci-dir')
        with self.assert_error('DiskFull'):
            self.client.job_wait(self.begin(['one'], os.open('/dev/full', os.O_WRONLY)))
        with self.assert_error('Failed', 'write'):
            self.client.job_wait(self.begin(['one'], os.open('/dev/null', os.O_RDONLY)))
        reading, writing = os.pipe()
        job = self.begin(['one'], writing)
        os.close(reading)
        with self.assert_error('Failed', 'write'):
            self.client.job_wait(job)
        os.close(fd)

    def test_cancel(self):
        """Nobody reads, and nobody wants it any more."""
        reading, writing = os.pipe()
        job = self.begin(['one'], writing)
        os.read(reading, 1)
        self.client.call(job, 'Job', 'Cancel')
        with self.assert_error('Cancelled'):
            self.client.job_wait(job)
        os.close(reading)

    def test_removed_meanwhile(self):
        """What is being saved is saved whole, whatever happens to the image."""
        reading, writing = os.pipe()
        job = self.begin(['one'], writing)
        first = os.read(reading, 512)
        self.client.images('RemoveImage', 's', 'one')
        with os.fdopen(reading, 'rb') as file:
            data = first + file.read()
        self.client.job_wait(job)
        self.assertEqual(self.load(data), [(self.one.id, ['localhost/one:latest'])])
        self.client.images('RemoveImage', 's', 'one')
        self.load(pack_members(oci_members((self.one, 'one'))))

    def test_damaged(self):
        """A blob that is no longer what it was is found before anything of it goes out."""
        image = Saved(pack(damaged=noise('damage', 3000)), marker='damaged')
        self.load(pack_members(oci_members((image, 'damaged'))))
        digest = image.manifest['layers'][0]['digest']
        path = self.service.state('lib', 'storage', 'images', 'blobs', 'sha256', digest.partition(':')[2])
        with open(path, 'r+b') as file:
            file.seek(100)
            file.write(b'x')
        fd = os.memfd_create('nothing')
        with self.assert_error('InvalidArchive', 'layer 1 of 1'):
            self.client.job_wait(self.begin(['damaged'], os.dup(fd)))
        self.assertEqual(os.fstat(fd).st_size, 0)
        with self.assert_error('Failed', digest, 'damaged'):
            self.client.job_wait(self.begin(['damaged'], os.dup(fd), format='oci-archive'))
        os.close(fd)
        self.client.images('RemoveImage', 's', 'damaged')


if __name__ == '__main__':
    main()
