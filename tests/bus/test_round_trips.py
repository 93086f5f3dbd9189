#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images go from one tool to the next and come back as they were."""

import itertools
import json
import os
import tarfile

from images_in_archives import begin_load, begin_save
from other_tools import Podman, run, skopeo_copy, skopeo_identity, umoci_unpack
from service import Case, GLib, RUNTIME, Service, image_tar, main, scratch

FORMATS = ('docker-archive', 'oci-archive')
NAME = 'localhost/trip:1'
CONTAINERFILE = '''FROM scratch
ADD image.tar /
COPY one /dir/one
COPY --chown=1000:29 two /dir/two
ENV PLACE="here and there" EMPTY=
LABEL org.example.quotes="\\"<&>\\"" org.example.letters="äöü"
EXPOSE 80/tcp
VOLUME /data
STOPSIGNAL SIGUSR1
WORKDIR /dir
USER 1000:29
ENTRYPOINT ["cat"]
CMD ["one"]
'''


class TripCase(Case):
    """An image that podman has built, in podman's own storage."""

    @classmethod
    def setUpClass(cls):
        cls.files = os.path.join(scratch(), cls.__name__)
        cls.context = os.path.join(cls.files, 'context')
        os.makedirs(cls.context)
        cls.count = itertools.count()
        cls.podman = Podman(cls.__name__)
        cls.build()
        cls.original = cls.podman.image(NAME)
        cls.service = Service(cls.__name__ + '-service', peer=True)
        cls.client = cls.service.client

    @classmethod
    def build(cls):
        for name, text in (('Containerfile', CONTAINERFILE), ('one', 'one\n'), ('two', 'two\n')):
            with open(os.path.join(cls.context, name), 'w', encoding='utf-8') as file:
                file.write(text)
        os.link(image_tar(), os.path.join(cls.context, 'image.tar'))
        cls.podman.run('build', '--layers', '--tag', NAME, cls.context)

    @classmethod
    def tearDownClass(cls):
        cls.podman.destroy()
        cls.service.destroy()

    def tearDown(self):
        for image in self.client.images('ListImages'):
            self.client.images('RemoveImage', 's', image['id'], force=True)
        self.assert_nothing_left(self.service)

    def path(self, what):
        return os.path.join(self.files, f'{next(self.count)}-{what}')

    def load(self, path):
        loaded, = self.client.job_wait(begin_load(self.client, path), seconds=240)['images']
        self.assert_same(loaded['id'])
        return loaded['names']

    def save(self, form, name=NAME):
        path = self.path(form)
        self.client.job_wait(begin_save(self.client, path, name, format=form), seconds=240)
        return path

    def transfer(self, method, signature, *arguments, **options):
        parameters = GLib.Variant(f'({signature}a{{sv}})', (*arguments, {
            key: GLib.Variant('s', value) for key, value in options.items()}))
        job = self.client.call_raw(RUNTIME, 'org.cpod.Cpod1.Images', method, parameters)[0].unpack()[0]
        return self.client.job_wait(job, seconds=240)

    @property
    def identity(self):
        """What must be the same everywhere."""
        return self.original['Id'], self.original['RootFS']['Layers']

    def assert_same(self, name):
        """cpod has the image that podman has built."""
        found = json.loads(self.client.call(self.client.images('GetImage', 's', name), 'Image', 'Inspect'))
        self.assertEqual((found['Id'], found['RootFS']['Layers']), self.identity)
        self.assertEqual(found['Config'], self.original['Config'])

    def assert_runs(self):
        self.assertEqual(self.client.run(image=NAME), (0, 'one\n'))


class PodmanTest(TripCase):
    def test_several_layers(self):
        """Otherwise the rest would say little."""
        self.assertGreaterEqual(len(self.identity[1]), 3)

    def test_archives(self):
        """podman save, cpod load, cpod save, podman load; whichever formats."""
        for first, second in itertools.product(FORMATS, FORMATS):
            with self.subTest(first=first, second=second):
                saved = self.path(first)
                self.podman.run('save', '--quiet', '--format', first, '--output', saved, NAME)
                self.assertEqual(self.load(saved), [NAME])
                self.assert_runs()
                again = self.save(second)
                self.podman.forget()
                self.podman.run('load', '--quiet', '--input', again)
                self.assertEqual(self.podman.image(NAME), self.original)
                self.client.images('RemoveImage', 's', NAME)

    def test_storage(self):
        """Out of podman's storage and into it, without an archive."""
        self.assertEqual(self.transfer('Pull', 's', self.podman.storage + NAME)['name'], NAME)
        self.assert_same(NAME)
        self.assert_runs()
        self.podman.forget()
        self.transfer('Push', 'ss', NAME, self.podman.storage + NAME)
        self.assertEqual(self.podman.image(NAME), self.original)
        self.assertEqual(self.podman.run('run', '--rm', '--network', 'none', NAME, 'two'), 'two\n')


class SkopeoTest(TripCase):
    def setUp(self):
        self.transfer('Pull', 's', self.podman.storage + NAME)

    def test_archives(self):
        """What cpod saves, skopeo turns into the other kind and back, and cpod loads all of it."""
        for form in FORMATS:
            with self.subTest(form):
                path = self.save(form)
                reference = f'{form}:{path}:{NAME}'
                self.assertEqual(skopeo_identity(reference), self.identity)
                for kind in FORMATS:
                    other = self.path(kind)
                    skopeo_copy(reference, f'{kind}:{other}:{NAME}')
                    self.client.images('RemoveImage', 's', NAME)
                    self.assertEqual(self.load(other), [NAME])
                    self.assert_runs()

    def test_transports(self):
        """skopeo writes it, cpod pulls it."""
        archive = f'oci-archive:{self.save("oci-archive")}:{NAME}'
        for kind, suffix in (('oci', ':' + NAME), ('oci-archive', ':' + NAME), ('docker-archive', ':' + NAME), ('dir', '')):
            with self.subTest(kind):
                copy = skopeo_copy(archive, f'{kind}:{self.path(kind)}{suffix}')
                self.client.images('RemoveImage', 's', NAME)
                self.transfer('Pull', 's', copy, name=NAME)
                self.assert_same(NAME)
                self.assert_runs()

    def test_store_itself(self):
        """It is an image layout: skopeo and podman read it where it lies."""
        store = f'oci:{self.service.state("lib", "storage", "images")}:{NAME}'
        self.assertEqual(skopeo_identity(store), self.identity)
        found = json.loads(run('skopeo', 'inspect', store))
        self.assertEqual(found['Labels'], self.original['Config']['Labels'])
        self.assertEqual(len(found['Layers']), len(self.identity[1]))
        copy = skopeo_copy(store, f'docker-archive:{self.path("copy")}:{NAME}')
        self.assertEqual(skopeo_identity(copy), self.identity)
        self.podman.forget()
        skopeo_copy(store, self.podman.storage + NAME)
        self.assertEqual(self.podman.image(NAME), self.original)
        self.assertEqual(self.client.check(), [])


class UmociTest(TripCase):
    def setUp(self):
        self.transfer('Pull', 's', self.podman.storage + NAME)

    def assert_valid(self, layout):
        self.assertEqual(run('umoci', 'ls', '--layout', layout).split(), [NAME])
        found = json.loads(run('umoci', 'stat', '--json', '--image', f'{layout}:{NAME}'))
        layers = [entry['layer'] for entry in found['history'] if not entry.get('empty_layer')]
        self.assertEqual([entry['diff_id'] for entry in found['history'] if not entry.get('empty_layer')], self.identity[1])
        for layer in layers:
            blob = os.path.join(layout, 'blobs', 'sha256', layer['digest'].partition(':')[2])
            self.assertEqual(os.stat(blob).st_size, layer['size'])
        root = umoci_unpack(layout, NAME, self.path('bundle'))
        info = os.stat(os.path.join(root, 'dir', 'two'))
        self.assertEqual((info.st_uid, info.st_gid, info.st_size), (1000, 29, 4))

    def test_saved(self):
        layout = self.path('layout')
        with tarfile.open(self.save('oci-archive')) as archive:
            archive.extractall(layout)
        before = sorted(os.listdir(os.path.join(layout, 'blobs', 'sha256')))
        self.assert_valid(layout)
        # All that is in it belongs to the image.
        run('umoci', 'gc', '--layout', layout)
        self.assertEqual(sorted(os.listdir(os.path.join(layout, 'blobs', 'sha256'))), before)

    def test_store_itself(self):
        self.assert_valid(self.service.state('lib', 'storage', 'images'))

    def test_made_by_umoci(self):
        """What umoci has added to it, cpod takes back."""
        layout = self.path('layout')
        skopeo_copy(f'oci:{self.service.state("lib", "storage", "images")}:{NAME}', f'oci:{layout}:more')
        umoci_unpack(layout, 'more', bundle := self.path('bundle'))
        with open(os.path.join(bundle, 'rootfs', 'dir', 'one'), 'a', encoding='utf-8') as file:
            file.write('and more\n')
        os.unlink(os.path.join(bundle, 'rootfs', 'dir', 'two'))
        run('umoci', 'repack', '--image', f'{layout}:more', bundle)
        identity, layers = skopeo_identity(f'oci:{layout}:more')
        self.assertEqual(layers[:-1], self.identity[1])
        self.assertEqual(self.transfer('Pull', 's', f'oci:{layout}:more', name='more')['id'], identity)
        self.assertEqual(self.client.run(image='more'), (0, 'one\nand more\n'))
        self.assertEqual(self.client.run('.', image='more', entrypoint=['ls']), (0, 'one\n'))


if __name__ == '__main__':
    main()
