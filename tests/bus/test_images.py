#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What can be done with images that are here: names, removal, lists, history, pruning, and what it all takes."""

import os

from registry import Image, Registry, digest_of, index_of, pack, write_layout
from service import Case, CallError, Service, files_in, main, scratch

IMAGES = '/org/cpod/Cpod1/images/'


class ImagesCase(Case):
    """With a service and the image "busybox"."""

    @classmethod
    def setUpClass(cls):
        cls.files = os.path.join(scratch(), cls.__name__ + '-files')
        os.makedirs(cls.files)
        cls.service = Service(cls.__name__, peer=True)
        cls.client = cls.service.client
        cls.busybox = cls.client.import_busybox()['id']

    @classmethod
    def tearDownClass(cls):
        cls.service.destroy()

    def tearDown(self):
        self.service.remove_all()
        for image in self.client.images('ListImages'):
            if image['id'] != self.busybox:
                self.client.images('RemoveImage', 's', image['id'], all_names=True)
        if 'localhost/busybox:latest' not in self.names(self.busybox):
            self.tag(self.busybox, 'busybox')
        self.assert_nothing_left(self.service)
        self.assertEqual(len(self.blobs()), 3)

    def blobs(self):
        return files_in(self.service.root, 'lib', 'storage', 'images', 'blobs', 'sha256')

    def image(self, name, **contents):
        """A small image of one layer; gives its id."""
        path = os.path.join(self.files, 'image.tar')
        with open(path, 'wb') as file:
            file.write(pack(**(contents or {'name': name.encode()})))
        return self.client.import_image(path, name)['id']

    def pull(self, image, name):
        """An image of several layers, by an image layout; gives its id."""
        layout = write_layout(os.path.join(self.files, digest_of(image.text)), image)
        return self.client.job_wait(self.client.images('Pull', 's', f'oci:{layout}:latest', name=name))['id']

    def call(self, ident, method, *arguments, **options):
        return self.client.call(IMAGES + ident, 'Image', method, *arguments, **options)

    def tag(self, ident, *names):
        return self.call(ident, 'Tag', 'as', list(names))

    def untag(self, ident, *names):
        return self.call(ident, 'Untag', 'as', list(names))

    def names(self, ident):
        return self.client.property(IMAGES + ident, 'Image', 'Names')

    def said(self, since):
        return [(e['status'], e['id'], e['name']) for e in self.client.events(since)[0] if e['type'] == 'image']


class NamesTest(ImagesCase):
    def test_tag(self):
        ident = self.image('one')
        since = self.client.last_seq()
        self.assertEqual(self.tag(ident, 'two', 'registry.example:5000/three:3'),
                         ['localhost/two:latest', 'registry.example:5000/three:3'])
        names = ['localhost/one:latest', 'localhost/two:latest', 'registry.example:5000/three:3']
        self.assertEqual(self.names(ident), names)
        self.assertEqual(self.said(since), [('tag', ident, name) for name in names[1:]])
        self.assertEqual(self.client.images('GetImage', 's', 'two'), IMAGES + ident)
        self.tag(ident, 'two')
        self.assertEqual(self.names(ident), names)

    def test_a_name_moves(self):
        one, other = self.image('one'), self.image('other')
        self.tag(other, 'one')
        self.assertEqual((self.names(one), self.names(other)), ([], ['localhost/one:latest', 'localhost/other:latest']))
        self.assertEqual(self.client.managed('images')[IMAGES + one]['org.cpod.Cpod1.Image']['Names'], [])

    def test_bad_names(self):
        """Nothing is done if one of several cannot be."""
        ident = self.image('one')
        since = self.client.last_seq()
        for bad, word in (('UPPER', 'lower case'), ('', 'empty'), ('a@sha256:' + '0' * 64, 'digest')):
            with self.assert_error('InvalidArgument', word):
                self.tag(ident, 'good', bad)
        with self.assert_error('NoSuchImage', 'nothing'):
            self.untag(ident, 'one', 'nothing')
        with self.assert_error('NoSuchImage', '0' * 64):
            self.tag('0' * 64, 'x')
        self.assertEqual(self.names(ident), ['localhost/one:latest'])
        self.assertEqual(self.said(since), [])

    def test_untag(self):
        ident = self.image('one')
        self.tag(ident, 'two', 'three:3')
        since = self.client.last_seq()
        self.assertEqual(self.untag(ident, 'two'), ['localhost/two:latest'])
        self.assertEqual(self.untag(ident), ['localhost/one:latest', 'localhost/three:3'])
        self.assertEqual(self.untag(ident), [])
        self.assertEqual(self.names(ident), [])
        self.assertEqual(self.said(since), [('untag', ident, f'localhost/{name}')
                                            for name in ('two:latest', 'one:latest', 'three:3')])
        with self.assert_error('NoSuchImage', "'one'"):
            self.client.images('GetImage', 's', 'one')

    def test_in_use(self):
        """Names have nothing to do with what is made of an image."""
        ident = self.image('one')
        container = self.client.create('x', image='one')
        self.untag(ident)
        self.tag(ident, 'again')
        self.assertEqual(container.get('ImageId'), ident)


class RegistryNamesTest(ImagesCase):
    """What is kept of where an image was found goes with the last of its tags there."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = Registry(cls.__name__)

    @classmethod
    def tearDownClass(cls):
        cls.registry.stop()
        super().tearDownClass()

    def fetch(self, name):
        return self.client.job_wait(self.client.images('Pull', 's', name, tls_verify=False))['id']

    def digests(self, ident):
        return {image['id']: image['digests'] for image in self.client.images('ListImages')}[ident]

    def test_digests(self):
        image = Image(pack(x=b'digests'))
        for digest, data in image.blobs.items():
            self.registry.put_blob('multi', digest, data)
        self.registry.put_manifest('multi', image.digest, image.text)
        text = index_of((os.uname().machine.replace('x86_64', 'amd64').replace('aarch64', 'arm64'), image))
        self.registry.put_manifest('multi', '1', text, 'application/vnd.oci.image.index.v1+json')
        repository = f'{self.registry.host}/multi'
        ident = self.fetch(f'{repository}:1')
        both = sorted(f'{repository}@{digest}' for digest in (digest_of(text), image.digest))
        self.assertEqual(self.digests(ident), both)
        self.tag(ident, f'{repository}:2', 'mine')
        self.untag(ident, f'{repository}:1')
        self.assertEqual(self.digests(ident), both)
        self.assertIn(digest_of(text).partition(':')[2], self.blobs())
        self.untag(ident, f'{repository}:2')
        self.assertEqual(self.digests(ident), [])
        self.assertNotIn(digest_of(text).partition(':')[2], self.blobs())
        self.assertIn(image.digest.partition(':')[2], self.blobs())
        self.assertEqual(self.client.check(), [])

    def test_by_digest_alone(self):
        image = Image(pack(x=b'alone'))
        self.registry.put('alone', '1', image)
        name = f'{self.registry.host}/alone@{image.digest}'
        ident = self.fetch(name)
        self.untag(ident)
        self.tag(ident, 'other')
        self.untag(ident, 'other')
        self.assertEqual(self.digests(ident), [name])
        with self.assert_error('NoSuchImage'):
            self.untag(ident, name)

    def test_a_tag_moves_away(self):
        old, new = Image(pack(x=b'old')), Image(pack(x=b'new'))
        name = self.registry.put('moves', '1', old)
        self.fetch(name)
        self.assertEqual(self.digests(old.id), [f'{self.registry.host}/moves@{old.digest}'])
        self.registry.put('moves', '1', new)
        self.fetch(name)
        self.assertEqual((self.names(old.id), self.digests(old.id)), ([], []))
        self.assertEqual(self.client.check(), [])


class RemovalTest(ImagesCase):
    def remove(self, name, **options):
        untagged, deleted = self.client.images('RemoveImage', 's', name, **options)
        return untagged, deleted

    def test_names_first(self):
        ident = self.image('one')
        self.tag(ident, 'two', 'three')
        self.assertEqual(self.remove('two'), (['localhost/two:latest'], ''))
        with self.assert_error('InvalidArgument', 'localhost/one:latest', 'localhost/three:latest'):
            self.remove(ident)
        # By one of several names it is the name that goes, whatever is forced.
        container = self.client.create('x', image='one')
        self.assertEqual(self.remove('three', force=True), (['localhost/three:latest'], ''))
        self.assertEqual(container.get('State'), 'configured')
        with self.assert_error('ImageInUse', 'localhost/one:latest'):
            self.remove('one')
        self.assertEqual(self.remove('one', force=True), (['localhost/one:latest'], ident))
        with self.assertRaises(CallError):
            container.get('State')

    def test_all_names(self):
        ident = self.image('one')
        self.tag(ident, 'two')
        self.assertEqual(self.remove('one', all_names=True), (['localhost/one:latest', 'localhost/two:latest'], ident))
        ident = self.image('one')
        self.tag(ident, 'two')
        self.assertEqual(self.remove(ident[:12], force=True), (['localhost/one:latest', 'localhost/two:latest'], ident))


if __name__ == '__main__':
    main()
