#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What can be done with images that are here: names, removal, lists, history, pruning, and what it all takes."""

import base64
import json
import os
import subprocess

from cases import BusyboxCase
from registry import OCI_CONFIG, Image, Registry, digest_of, index_of, pack, to_json, write_layout
from service import RUNTIME, CallError, GLib, files_in, main, scratch, wait_for

IMAGES = '/org/cpod/Cpod1/images/'


class ImagesCase(BusyboxCase):
    peer = True

    """With a service and the image "busybox"."""

    @classmethod
    def setUpClass(cls):
        cls.files = os.path.join(scratch(), cls.__name__ + '-files')
        os.makedirs(cls.files)
        super().setUpClass()
        cls.busybox, = (image['id'] for image in cls.service.client.images('ListImages'))

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
        layout = write_layout(os.path.join(self.files, image.id), image)
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


def with_history(layers, steps, marker=''):
    """An image whose configuration tells how it was made: (created_by, whether that made a layer)."""
    image = Image(*layers)
    config = json.loads(image.config)
    del image.blobs[digest_of(image.config)]
    config['config']['Labels'] = {'marker': marker} if marker else {}
    config['history'] = [{'created': f'2024-01-0{number + 1}T00:00:00Z', 'created_by': step, 'comment': f'step {number}',
                          **({} if has_layer else {'empty_layer': True})} for number, (step, has_layer) in enumerate(steps)]
    config['created'] = config['history'][-1]['created']
    image.config = to_json(config)
    image.manifest['config'] = image.describe(image.config, OCI_CONFIG)
    return image


STEPS = [('ADD a', True), ('ENV x=y', False), ('RUN b', True)]


def family():
    """Three images, each made from the one before it, and one that only has a layer of theirs."""
    layers = [pack(a=b'aaa'), pack(b=b'bb')]
    first = with_history(layers[:1], STEPS[:1])
    second = with_history(layers[:1], STEPS[:2])
    third = with_history(layers, STEPS, marker='third')
    return first, second, third, with_history(layers[:1], [('COPY a', True), ('ENV z', False)], marker='stranger')


class ListTest(ImagesCase):
    def ids(self, **options):
        return [image['id'] for image in self.client.images('ListImages', **options)]

    def setUp(self):
        self.images = family()
        for name, image in zip(('first', 'second', 'third', 'stranger'), self.images):
            self.pull(image, f'host.example/group/{name}:1')

    def test_fields(self):
        third = self.images[2]
        row = next(image for image in self.client.images('ListImages') if image['id'] == third.id)
        self.assertEqual(row, {'id': third.id, 'digest': third.digest, 'names': ['host.example/group/third:1'],
                               'digests': row['digests'], 'size': 5, 'created': 1704240000000000, 'containers': 0,
                               'labels': {'marker': 'third'}, 'dangling': False, 'intermediate': False})

    def test_filters(self):
        first, second, third, stranger = (image.id for image in self.images)
        newest = [self.busybox, third, second, stranger] if second < stranger else [self.busybox, third, stranger, second]
        container = self.client.create('x', image='host.example/group/first:1')
        for wanted, options in (
                ([*newest, first], {}),
                ([third], {'label': ['marker=third']}), ([third], {'label': ['marker'], 'label_not': ['marker=stranger']}),
                ([], {'label': ['marker', 'other']}), ([self.busybox, second, first], {'label_not': ['marker']}),
                ([first], {'before': 'host.example/group/second:1'}), ([self.busybox], {'since': third}),
                ([first], {'until': 1704153600000000}),
                ([first], {'reference': ['first']}), ([first], {'reference': ['group/f*']}),
                ([third, first], {'reference': ['host.example/*/first', 'third:1']}), ([], {'reference': ['*/first:2', 'irst']}),
                ([self.busybox], {'reference': ['busybox']}), ([self.busybox, first], {'id': [self.busybox[:9], 'sha256:' + first]}),
                ([first], {'containers': True}), (newest, {'containers': False}),
                ([], {'dangling': True}), ([], {'intermediate': True})):
            with self.subTest(options=options):
                self.assertEqual(self.ids(**options), wanted)
        container.remove()
        with self.assert_error('NoSuchImage', 'nosuch'):
            self.ids(before='nosuch')
        with self.assert_error('InvalidArgument', 'dangling'):
            self.ids(dangling='yes')

    def test_without_names(self):
        first, second, third, stranger = (image.id for image in self.images)
        for ident in first, second, stranger:
            self.untag(ident)
        self.assertEqual(set(self.ids(intermediate=True)), {first, second})
        self.assertEqual(self.ids(dangling=True), [stranger])
        self.assertEqual(set(self.ids(dangling=False, intermediate=False)), {self.busybox, third})
        self.client.images('RemoveImage', 's', third)
        self.assertEqual((set(self.ids(dangling=True)), self.ids(intermediate=True)), ({second, stranger}, [first]))

    def test_history(self):
        first, second, third, _ = (image.id for image in self.images)
        steps = self.call(third, 'History')
        day = 86400 * 1000000
        start = 1704067200000000
        self.assertEqual([(s['id'], s['created-by'], s['comment'], s['size'], s['created']) for s in steps],
                         [(third, 'RUN b', 'step 2', 2, start + 2 * day), (second, 'ENV x=y', 'step 1', 0, start + day),
                          (first, 'ADD a', 'step 0', 3, start)])
        self.assertEqual([s['names'] for s in steps], [[f'host.example/group/{name}:1'] for name in ('third', 'second', 'first')])
        self.client.images('RemoveImage', 's', second)
        self.assertEqual([s['id'] for s in self.call(third, 'History')], [third, '', first])
        # Layers that the configuration does not speak of are told all the same.
        bare = Image(pack(x=b'1'), pack(y=b'22'))
        self.pull(bare, 'bare')
        self.assertEqual([(s['id'], s['size'], s['created-by']) for s in self.call(bare.id, 'History')],
                         [(bare.id, 2, ''), ('', 1, '')])

    def test_inspect(self):
        first, second, third, stranger = self.images
        found = json.loads(self.call(third.id, 'Inspect'))
        config = json.loads(third.config)
        self.assertEqual((found['Parent'], found['Comment'], found['RootFS']),
                         (second.id, 'step 2', {'Type': 'layers', 'Layers': config['rootfs']['diff_ids']}))
        self.assertEqual((found['Labels'], found['History'], found['ManifestType'], found['Os'], found['User']),
                         ({'marker': 'third'}, config['history'], 'application/vnd.oci.image.manifest.v1+json', 'linux', ''))
        driver = found['GraphDriver']
        self.assertEqual(driver['Name'], 'overlay')
        self.assertEqual([files_in(driver['Data'][key]) for key in ('UpperDir', 'LowerDir')], [['b'], ['a']])
        self.assertEqual([json.loads(self.call(i.id, 'Inspect'))['Parent'] for i in (second, first, stranger)], [first.id, '', ''])

    def test_layers(self):
        first, second, third, stranger = self.images
        layers = self.call(third.id, 'ListLayers')
        self.assertEqual([(layer['size'], layer['diff-id']) for layer in layers],
                         list(zip((3, 2), json.loads(third.config)['rootfs']['diff_ids'])))
        self.assertEqual([layer['digest'] for layer in layers], [entry['digest'] for entry in third.manifest['layers']])
        self.assertEqual([layer['parent'] for layer in layers], ['', layers[0]['id']])
        self.assertEqual(sorted(layers[0]['names']), [f'host.example/group/{n}:1' for n in ('first', 'second', 'stranger')])
        self.assertEqual(self.call(first.id, 'ListLayers', dependents=True), layers)
        self.assertEqual(self.call(third.id, 'ListLayers', dependents=True), layers[1:])
        self.untag(third.id)
        self.assertEqual(self.call(third.id, 'ListLayers')[1]['names'], [third.id])

    def test_odd_configurations(self):
        """What is said of history need not be of any sense."""
        for odd in ({}, [], 'x', [1, None, 'x', []], [{'created': 5, 'created_by': [], 'empty_layer': 'no'}] * 3,
                    [{'created': 'yesterday', 'empty_layer': True}]):
            with self.subTest(odd=odd):
                image = Image(pack(x=b'odd'))
                config = {**json.loads(image.config), 'history': odd}
                image.config = to_json(config)
                image.manifest['config'] = image.describe(image.config, OCI_CONFIG)
                self.assertEqual(self.pull(image, 'odd'), image.id)
                self.call(image.id, 'History')
                json.loads(self.call(image.id, 'Inspect'))
                self.client.images('ListImages')
                self.client.images('RemoveImage', 's', 'odd')


class PruneTest(ImagesCase):
    def agree(self, **options):
        """What is removed is what was said would be."""
        ids, size = self.client.images('PrunePreview', **options)
        since = self.client.last_seq()
        before = {image['id']: image['size'] for image in self.client.images('ListImages')}
        result = self.client.job_wait(self.client.images('PruneImages', **options))
        self.assertEqual((result['removed'], result['bytes'], result['errors']), (ids, size, {}))
        after = [image['id'] for image in self.client.images('ListImages')]
        self.assertEqual(set(after), set(before) - set(ids))
        events = self.client.events(since)[0]
        self.assertEqual([e['id'] for e in events if e['status'] == 'remove'], ids)
        self.assertEqual([(e['type'], e['id'], e['name'], e['attributes']) for e in events if e['status'] == 'prune'],
                         [('image', '', '', {'removed': len(ids), 'bytes': size})] if ids else [])
        self.assertEqual(self.client.check(), [])
        return ids, size

    def setUp(self):
        self.images = family()
        for name, image in zip(('first', 'second', 'third', 'stranger'), self.images):
            self.pull(image, f'host.example/group/{name}:1')

    def test_names_keep(self):
        self.assertEqual(self.agree(), ([], 0))

    def test_children_keep(self):
        first, second, third, stranger = (image.id for image in self.images)
        for ident in first, second, stranger:
            self.untag(ident)
        self.assertEqual(self.agree(), ([stranger], 0))
        self.untag(third)
        self.assertEqual(self.agree(), ([third, second, first], 5))

    def test_all(self):
        first, second, third, stranger = (image.id for image in self.images)
        box = self.client.create('x', image=third)
        other = self.client.create('true')
        self.tag(first, 'again')
        ids, size = self.agree(all=True)
        self.assertEqual((set(ids), size), ({first, second, stranger}, 0))
        box.remove()
        self.assertEqual(self.agree(all=True), ([third], 5))
        other.remove()

    def test_used(self):
        first, second, third, stranger = (image.id for image in self.images)
        box = self.client.create('x', image=second)
        for ident in first, second, third, stranger:
            self.untag(ident)
        ids, size = self.agree()
        self.assertEqual((set(ids), size), ({third, stranger}, 2))
        box.remove()
        self.assertEqual(self.agree(), ([second, first], 3))

    def test_filters(self):
        first, second, third, stranger = (image.id for image in self.images)
        for ident in first, second, third, stranger:
            self.untag(ident)
        self.assertEqual(self.agree(label=['marker=nothing']), ([], 0))
        self.assertEqual(self.agree(label=['marker'], label_not=['marker=third']), ([stranger], 0))
        self.assertEqual(self.agree(until=1704153600000000), ([], 0))
        self.assertEqual(self.agree(until=1704240000000001)[0], [third, second, first])
        self.assertEqual(self.agree(all=True, label=['marker']), ([], 0))
        with self.assert_error('InvalidArgument', 'dangling'):
            self.client.images('PruneImages', dangling=True)


class TagsTest(ImagesCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = Registry(cls.__name__, users={'someone': 'secret'})

    @classmethod
    def tearDownClass(cls):
        cls.registry.stop()
        super().tearDownClass()

    def tags(self, repository, auth=None, **options):
        options = {'tls-verify': GLib.Variant('b', False), **options}
        fds = None
        if auth is not None:
            options['authfile'] = GLib.Variant('h', 0)
            fds = [os.memfd_create('auth')]
            os.write(fds[0], json.dumps({'auths': {self.registry.host: {'auth': base64.b64encode(auth.encode()).decode()}}}).encode())
            os.lseek(fds[0], 0, os.SEEK_SET)
        reply, _ = self.client.call_raw(RUNTIME, 'org.cpod.Cpod1.Images', 'ListTags',
                                        GLib.Variant('(sa{sv})', (repository, options)), fds=fds)
        return self.client.job_wait(reply.unpack()[0])

    def test_list(self):
        image = Image(pack(x=b'tags'))
        layout = write_layout(os.path.join(self.files, image.id), image)
        name = f'{self.registry.host}/some/thing'
        for tag in '1', '2', 'latest':
            subprocess.run(['skopeo', 'copy', '--quiet', '--dest-tls-verify=false', '--dest-creds=someone:secret',
                            f'oci:{layout}:latest', f'docker://{name}:{tag}'], check=True)
        for given in name, f'{name}:2', f'docker://{name}':
            result = self.tags(given, 'someone:secret')
            self.assertEqual((result['name'], sorted(result['tags'])), (name, ['1', '2', 'latest']))
        with self.assert_error('NoSuchImage', self.registry.host + '/nothing'):
            self.tags(self.registry.host + '/nothing', 'someone:secret')
        for auth in None, 'someone:wrong':
            with self.assert_error('RegistryDenied', name):
                self.tags(name, auth)
        with self.assert_error('RegistryFailed', '127.0.0.1:1'):
            self.tags('127.0.0.1:1/x')
        for bad, word in ((f'{self.registry.host}/UPPER', 'lower case'), ('oci:/some/where', 'registry'), ('', '')):
            with self.assert_error('InvalidArgument', word):
                self.tags(bad)
        since = self.client.last_seq()
        self.tags(name, 'someone:secret')
        self.assertEqual(self.said(since), [])


class DiskUsageTest(ImagesCase):
    def test_usage(self):
        whole = self.client.images('ListImages')[0]['size']
        first, _, third, stranger = family()
        for name, image in ('first', first), ('third', third), ('stranger', stranger):
            self.pull(image, name)
        bare = Image(pack(z=b'z' * 1000))
        self.pull(bare, 'bare')
        box = self.client.create('sh', '-c', 'head -c 100000 /dev/zero > /file; exec sleep 1000', name='box')
        box.start()
        idle = self.client.create('x', image='first')
        usage = {}

        def written():
            usage.update(self.client.runtime('GetDiskUsage'))
            return usage['containers-size'] >= 100000
        wait_for(written, 20, 'what the container writes')
        images = {image['id']: (image['size'], image['shared-size'], image['unique-size'], image['containers'])
                  for image in usage['images']}
        self.assertEqual(images, {self.busybox: (whole, 0, whole, 1), first.id: (3, 3, 0, 1), third.id: (5, 3, 2, 0),
                                  stranger.id: (3, 3, 0, 0), bare.id: (1000, 0, 1000, 0)})
        self.assertEqual((usage['images-size'], usage['images-reclaimable']), (whole + 3 + 2 + 1000, 2 + 1000))
        self.assertEqual(self.client.images('PrunePreview', all=True)[1], usage['images-reclaimable'])
        rows = {row['name']: row for row in usage['containers']}
        self.assertEqual((rows['box']['active'], rows['box']['state'], rows['box']['command'][0]), (True, 'running', 'sh'))
        self.assertEqual((rows[idle.name]['active'], rows[idle.name]['size']), (False, 0))
        self.assertEqual(usage['containers-size'], rows['box']['size'])
        self.assertEqual(usage['containers-reclaimable'], 0)
        box.stop(timeout=0)
        box.wait_exited()
        usage = self.client.runtime('GetDiskUsage')
        self.assertEqual(usage['containers-reclaimable'], usage['containers-size'])
        self.assertEqual(self.client.runtime('PrunePreview')[1], usage['containers-reclaimable'])


if __name__ == '__main__':
    main()
