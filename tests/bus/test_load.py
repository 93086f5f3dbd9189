#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images come out of archives: all of them, or none."""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import subprocess
import tarfile
import threading

from cases import ServiceCase
from images_in_archives import Archive, Saved, begin_load, docker_members, oci_members, pack_members
from registry import OCI_INDEX, OCI_MANIFEST, base_layer, digest_of, index_of, noise, pack, to_json
from service import Service, files_in, main, scratch


class LoadCase(ServiceCase):
    """With a service that the test hands archives to."""

    peer = True
    conf = ''

    def tearDown(self):
        for image in self.client.images('ListImages'):
            self.client.images('RemoveImage', 's', image['id'], force=True)
        self.assert_nothing()

    def assert_nothing(self):
        """No image is there, nor anything of one."""
        self.assertEqual(self.client.images('ListImages'), [])
        self.assert_nothing_left(self.service)
        self.assertEqual(files_in(self.service.root, 'lib', 'storage', 'images', 'blobs', 'sha256'), [])
        self.assertEqual(files_in(self.service.root, 'lib', 'storage', 'overlay', 'layers'), [])
        self.assertEqual(files_in(self.service.root, 'lib', 'storage', 'overlay', 'l'), [])

    def begin(self, archive):
        return begin_load(self.client, archive)

    def load(self, data):
        """From a file: {name or id: id}."""
        path = os.path.join(scratch(), 'archive')
        with open(path, 'wb') as file:
            file.write(data)
        fd = os.open(path, os.O_RDONLY)
        os.unlink(path)
        return self.finish(self.begin(fd))

    def load_stream(self, data):
        """From a pipe."""
        reading, writing = os.pipe()

        def write():
            try:
                with os.fdopen(writing, 'wb') as file:
                    file.write(data)
            except BrokenPipeError:
                pass
        thread = threading.Thread(target=write)
        thread.start()
        try:
            return self.finish(self.begin(reading))
        finally:
            thread.join()

    def finish(self, job):
        images = self.client.job_wait(job, seconds=300)['images']
        for image in images:
            self.assertEqual(image['image'], '/org/cpod/Cpod1/images/' + image['id'])
        return [(image['id'], image['names']) for image in images]

    def inspect(self, name):
        return json.loads(self.client.call(self.client.images('GetImage', 's', name), 'Image', 'Inspect'))


class GoodTest(LoadCase):
    def two(self):
        base = base_layer()
        return Saved(base, pack(one=b'1'), marker='one'), Saved(base, pack(two=b'2'), pack(three=b'3'), marker='two')

    def test_docker(self):
        one, two = self.two()
        since = self.client.last_seq()
        loaded = self.load(pack_members(docker_members((one, 'one', 'example.com/a/one:2'), (two, 'two:latest'))))
        self.assertEqual(loaded, [(one.id, ['localhost/one:latest', 'example.com/a/one:2']), (two.id, ['localhost/two:latest'])])
        self.assertEqual([(e['type'], e['status'], e['id'], e['name']) for e in self.client.events(since)[0]],
                         [('image', 'loadfromarchive', one.id, 'localhost/one:latest'),
                          ('image', 'loadfromarchive', two.id, 'localhost/two:latest')])
        self.assertEqual(self.client.run('cat', '/two', '/three', image='two'), (0, '23'))
        self.assertEqual(self.client.run('cat', '/one', image='example.com/a/one:2'), (0, '1'))
        # What both lie upon is there once.
        self.assertEqual(len(files_in(self.service.root, 'lib', 'storage', 'overlay', 'layers')), 4)
        self.assertEqual(self.client.check(), [])
        layout = self.service.state('lib', 'storage', 'images')
        subprocess.run(['skopeo', 'inspect', f'oci:{layout}:localhost/two:latest'], check=True, capture_output=True)

    def test_oci(self):
        """The bytes of manifest, configuration and layers are kept as they came."""
        one, two = self.two()
        loaded = self.load(pack_members(oci_members((one, 'localhost/one:1'), (two, 'quay.io/b/two:2'))))
        self.assertEqual(loaded, [(one.id, ['localhost/one:1']), (two.id, ['quay.io/b/two:2'])])
        self.assertEqual(self.inspect('localhost/one:1')['Digest'], one.digest)
        for digest, data in {**one.blobs, **two.blobs, one.digest: one.text}.items():
            with open(self.service.state('lib', 'storage', 'images', 'blobs', 'sha256', digest.partition(':')[2]), 'rb') as file:
                self.assertEqual(file.read(), data)
        self.assertEqual(self.client.run('cat', '/one', image='localhost/one:1'), (0, '1'))

    def test_streams(self):
        """However it is compressed, and whatever it comes through."""
        one, _ = self.two()
        for members in (docker_members((one, 'one')), oci_members((one, 'one'))):
            whole = pack_members(members)
            zstd = subprocess.run(['zstd', '-c', '-1'], input=whole, check=True, capture_output=True).stdout
            for kind, data in (('plain', whole), ('gzip', gzip.compress(whole, 1)), ('xz', lzma.compress(whole, preset=0)),
                               ('bzip2', bz2.compress(whole, 1)), ('zstd', zstd)):
                for how in (self.load, self.load_stream):
                    with self.subTest(kind, how=how.__name__, oci='oci-layout' in members):
                        self.assertEqual(how(data), [(one.id, ['localhost/one:latest'])])
                        self.assertEqual(self.client.run('cat', '/one', image='one'), (0, '1'))
                        self.client.images('RemoveImage', 's', 'one')
                        self.assert_nothing()

    def test_from_the_middle(self):
        """A descriptor is read from where it is."""
        one, _ = self.two()
        path = os.path.join(scratch(), 'middle')
        with open(path, 'wb') as file:
            file.write(b'not for the service' + pack_members(docker_members((one, 'one'))))
        fd = os.open(path, os.O_RDONLY)
        os.lseek(fd, len(b'not for the service'), os.SEEK_SET)
        self.assertEqual(self.finish(self.begin(fd)), [(one.id, ['localhost/one:latest'])])
        self.assertEqual(self.client.run('cat', '/one', image='one'), (0, '1'))

    def test_again(self):
        """What is here is not unpacked again; names move."""
        one, two = self.two()
        self.load(pack_members(docker_members((one, 'a'))))
        since = self.client.last_seq()
        # Were its layers read, they would be found to be wrong.
        members = {name: data if name.endswith('json') else b'x' for name, data in docker_members((one, 'a', 'b')).items()}
        self.assertEqual(self.load(pack_members(members)), [(one.id, ['localhost/a:latest', 'localhost/b:latest'])])
        self.assertEqual([e['status'] for e in self.client.events(since)[0]], ['loadfromarchive'])
        self.load(pack_members(docker_members((two, 'a'))))
        self.assertEqual({image['id']: image['names'] for image in self.client.images('ListImages')},
                         {one.id: ['localhost/b:latest'], two.id: ['localhost/a:latest']})

    def test_without_a_name(self):
        one, two = self.two()
        self.assertEqual(self.load(pack_members(docker_members((one,)))), [(one.id, [])])
        self.assertEqual(self.load(pack_members(oci_members((two,)))), [(two.id, [])])
        self.assertEqual(self.client.run('cat', '/one', image=one.id), (0, '1'))

    def test_links(self):
        """docker once saved a layer that two images have as a link to the first one's."""
        one, _ = self.two()
        base, top = one.layers
        members = {'a/layer.tar': base, 'b/layer.tar': top, 'c/layer.tar': '../a/layer.tar', './d//layer.tar': '/b/layer.tar',
                   one.id + '.json': one.config,
                   'manifest.json': to_json([{'Config': one.id + '.json', 'Layers': ['c/layer.tar', 'd/layer.tar']}])}
        self.assertEqual(self.load(pack_members(members)), [(one.id, [])])

    def test_both_kinds(self):
        """As docker saves since version 25: names are whole in an annotation of containerd's."""
        one, _ = self.two()
        members = oci_members((one, 'latest'))
        index = json.loads(members['index.json'])
        index['manifests'][0]['annotations']['io.containerd.image.name'] = 'docker.io/library/one:latest'
        members['index.json'] = to_json(index)
        members['manifest.json'] = to_json([{'Config': 'blobs/sha256/' + one.id, 'RepoTags': ['one:latest'], 'Layers': [
            'blobs/sha256/' + entry['digest'].partition(':')[2] for entry in one.manifest['layers']]}])
        self.assertEqual(self.load(pack_members(members)), [(one.id, ['docker.io/library/one:latest'])])
        self.client.images('RemoveImage', 's', one.id)
        del members['oci-layout'], members['index.json']
        self.assertEqual(self.load(pack_members(members)), [(one.id, ['localhost/one:latest'])])

    def test_platforms(self):
        """An index in the index: the image for this machine is meant."""
        here = {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(os.uname().machine, os.uname().machine)
        own, other = (Saved(base_layer(), pack(a=arch.encode()), architecture=arch) for arch in (here, 's390x'))
        text = index_of((here, own), ('s390x', other))
        members = {**own.oci_members(), 'blobs/sha256/' + digest_of(text).partition(':')[2]: text,
                   'index.json': to_json({'schemaVersion': 2, 'manifests': [
                       {'mediaType': OCI_INDEX, 'digest': digest_of(text), 'size': len(text),
                        'annotations': {'org.opencontainers.image.ref.name': 'multi'}}]}),
                   'oci-layout': to_json({'imageLayoutVersion': '1.0.0'})}
        self.assertEqual(self.load(pack_members(members)), [(own.id, ['localhost/multi:latest'])])
        self.client.images('RemoveImage', 's', own.id)
        # Side by side without names; one alone is taken whatever it is for.
        members = oci_members((own,), (other,))
        index = json.loads(members['index.json'])
        for entry, architecture in zip(index['manifests'], (here, 's390x')):
            entry['platform'] = {'os': 'linux', 'architecture': architecture}
        self.assertEqual(self.load(pack_members({**members, 'index.json': to_json(index)})), [(own.id, [])])
        self.client.images('RemoveImage', 's', own.id)
        self.assertEqual(self.load(pack_members(oci_members((other, 'x')))), [(other.id, ['localhost/x:latest'])])

    def test_cancel(self):
        """While it waits for the rest of a pipe."""
        one, _ = self.two()
        whole = pack_members(docker_members((one, 'one')))
        for half in (whole[:1 << 19], gzip.compress(whole, 1)[:1 << 16]):
            reading, writing = os.pipe()
            job = self.begin(reading)
            thread = threading.Thread(target=os.write, args=(writing, half))
            thread.start()
            thread.join()
            self.client.call(job, 'Job', 'Cancel')
            with self.assert_error('Cancelled'):
                self.client.job_wait(job)
            os.close(writing)
            self.assert_nothing()

    def test_progress(self):
        one, _ = self.two()
        job = self.begin(pack_members(docker_members((one, 'one'))))
        self.finish(job)
        found = self.client.properties(job, 'Job')
        size = sum(len(layer) for layer in one.layers)
        self.assertEqual((found['Kind'], found['BytesDone'], found['BytesTotal'], found['ItemsDone'], found['ItemsTotal']),
                         ('load', size, size, 2, 2))

    def test_at_once(self):
        one, two = self.two()
        archives = [pack_members(docker_members((one, 'one'), (two, 'two'))), pack_members(oci_members((two, 'two'))),
                    pack_members(docker_members((one, 'three')))] * 2
        jobs = [self.begin(archive) for archive in archives]
        for job in jobs:
            self.finish(job)
        names = sorted(name for image in self.client.images('ListImages') for name in image['names'])
        self.assertEqual(names, ['localhost/one:latest', 'localhost/three:latest', 'localhost/two:latest'])
        self.assertEqual(self.client.run('cat', '/three', image='two'), (0, '3'))
        self.assertEqual(self.client.check(), [])


class BadTest(LoadCase):
    conf = '[engine]\nlayer_size_max = "4m"\n'

    def refused(self, data, error, *words):
        """In both ways, and nothing is left, though one good image came before the bad one."""
        for how in (self.load, self.load_stream):
            with self.assert_error(error, *words):
                how(data)
            self.assert_nothing()

    def members(self):
        good, bad = Saved(pack(good=b'g'), marker='good'), Saved(pack(one=b'1'), pack(two=noise('bad', 20000)), marker='bad')
        return bad, docker_members((good, 'good'), (bad, 'bad')), oci_members((good, 'good'), (bad, 'bad'))

    def test_no_archive_of_images(self):
        self.refused(b'', 'InvalidArchive', 'failed to load images')
        self.refused(b'Dear service,\n' * 1000, 'InvalidArchive')
        self.refused(pack(file=b'a root file system'), 'InvalidArchive', 'index.json', 'manifest.json')
        self.refused(gzip.compress(b'no archive' * 1000), 'InvalidArchive')
        _, docker, _ = self.members()
        whole = pack_members(docker)
        self.refused(gzip.compress(whole)[:-100], 'InvalidArchive')
        # Cut off within a layer, before what tells of it; and behind that.
        self.refused(whole[:3000], 'InvalidArchive')
        last = {'manifest.json': docker.pop('manifest.json'), **docker}
        data = pack_members(last)
        self.refused(data[:data.index(noise('bad', 20000)) + 1000], 'InvalidArchive')

    def test_missing(self):
        bad, docker, oci = self.members()
        layer = digest_of(bad.layers[1]).partition(':')[2]
        blob = bad.manifest['layers'][1]['digest'].partition(':')[2]
        for members, name, words in ((docker, f'{layer}.tar', ('image 2', 'layer 2', 'missing')),
                                     (docker, f'{bad.id}.json', ('image 2', 'missing')),
                                     (oci, 'blobs/sha256/' + blob, ('image bad', 'layer 2', 'missing')),
                                     (oci, 'blobs/sha256/' + bad.id, ('image bad', 'missing')),
                                     (oci, 'blobs/sha256/' + bad.digest.partition(':')[2], ('image bad', 'missing'))):
            with self.subTest(name):
                self.refused(pack_members({key: data for key, data in members.items() if key != name}), 'InvalidArchive', name, *words)

    def test_wrong(self):
        """What is there is not what it is said to be."""
        bad, docker, oci = self.members()
        layer = digest_of(bad.layers[1]).partition(':')[2] + '.tar'
        blob = 'blobs/sha256/' + bad.manifest['layers'][1]['digest'].partition(':')[2]
        self.refused(pack_members({**docker, layer: pack(two=b'other')}), 'InvalidImage', 'localhost/bad:latest', 'layer 2 of 2', layer, 'diff-id')
        self.refused(pack_members({**oci, blob: gzip.compress(pack(two=b'other'))}), 'InvalidImage', 'layer 2 of 2', 'diff-id')
        again = gzip.compress(bad.layers[1], 1, mtime=7)
        self.refused(pack_members({**oci, blob: again}), 'InvalidImage', 'layer 2 of 2', 'digest')
        self.refused(pack_members({**docker, layer: b'x' * 2000}), 'InvalidArchive', 'layer 2 of 2')
        self.refused(pack_members({**docker, f'{bad.id}.json': bad.config + b' '}), 'InvalidImage', 'digest')
        self.refused(pack_members({**oci, 'blobs/sha256/' + bad.id: bad.config + b' '}), 'InvalidImage', 'digest')
        name = 'blobs/sha256/' + bad.digest.partition(':')[2]
        self.refused(pack_members({**oci, name: bad.text + b' '}), 'InvalidImage', 'digest')

    def test_texts(self):
        bad, docker, oci = self.members()
        for text in (b'', b'{', b'{}', b'[]', b'[1]', b'[{}]', b'[[[[', b'[{"Config":"x"}]', b'\0' * 100,
                     b'[{"Config":["a"],"Layers":"b"}]', b'[' * 100000):
            with self.subTest(text[:20]):
                with self.assert_error('InvalidArchive' if text[:1] == b'\0' else 'InvalidImage'):
                    self.load(pack_members({**docker, 'manifest.json': text}))
        for text in (b'', b'{}', b'[]', b'{"manifests":[]}', b'{"manifests":{}}', b'{"manifests":[{}]}', bad.text):
            with self.subTest(text[:20]):
                with self.assert_error('InvalidImage'):
                    self.load(pack_members({**oci, 'index.json': text}))
        entry = bad.docker_entry('Not A Name')
        self.refused(pack_members({**docker, 'manifest.json': to_json([entry])}), 'InvalidImage', 'Not A Name')
        fewer = {**bad.docker_entry('a'), 'Layers': bad.docker_entry('a')['Layers'][:1]}
        self.refused(pack_members({**docker, 'manifest.json': to_json([fewer])}), 'InvalidImage', '1 layers', '2')
        config = to_json({'rootfs': {'diff_ids': []}})
        self.refused(pack_members({**docker, 'c.json': config, 'manifest.json': to_json([{**bad.docker_entry(), 'Config': 'c.json'}])}),
                     'InvalidImage', 'diff_ids')
        self.assert_nothing()

    def test_huge_texts(self):
        _, docker, _ = self.members()
        with self.assert_error('InvalidArchive', 'manifest.json', 'too long'):
            self.load(pack_members({**docker, 'manifest.json': b' ' * (9 << 20)}))
        self.assert_nothing()

    def test_hostile_members(self):
        """Names and links lead to nothing outside of the archive."""
        bad, docker, _ = self.members()
        secret = os.path.join(scratch(), 'secret.tar')
        with open(secret, 'wb') as file:
            file.write(bad.layers[1])
        entry = bad.docker_entry('bad')
        for name in (secret, '../' * 30 + secret[1:], '/proc/self/fd/0', '.', ''):
            with self.subTest(name):
                text = to_json([{**entry, 'Layers': [entry['Layers'][0], name]}])
                self.refused(pack_members({**docker, 'manifest.json': text}), 'InvalidArchive', 'missing')
        layer = entry['Layers'][1]
        self.refused(pack_members({**docker, layer: secret}), 'InvalidArchive', 'missing')
        self.refused(pack_members({**docker, layer: '../' * 30 + secret[1:]}), 'InvalidArchive', 'missing')
        self.refused(pack_members({**docker, layer: 'other', 'other': layer}), 'InvalidArchive', 'link')
        self.refused(pack_members({**docker, layer: layer}), 'InvalidArchive', 'link')
        archive = Archive()
        for name, data in [*docker.items(), ('./' + layer, b'another')]:
            archive.add(name, data)
        self.refused(archive.finish(), 'InvalidArchive', 'twice')
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode='w') as tar:
            for name, data in docker.items():
                info = tarfile.TarInfo(name)
                info.type = tarfile.FIFOTYPE if name == layer else tarfile.REGTYPE
                info.size = 0 if name == layer else len(data)
                tar.addfile(info, io.BytesIO(data))
        self.refused(buffer.getvalue(), 'InvalidArchive', 'no plain file')

    def test_hostile_layers(self):
        evil = io.BytesIO()
        with tarfile.open(fileobj=evil, mode='w') as tar:
            tar.addfile(tarfile.TarInfo('../../../../evil'))
        image = Saved(pack(one=b'1'), evil.getvalue())
        self.refused(pack_members(docker_members((image, 'evil'))), 'InvalidArchive', 'layer 2 of 2', 'evil')

    def test_indexes(self):
        """An index that is in itself cannot be; one in one in one can, and ends."""
        image = Saved(pack(one=b'1'))
        members = {**image.oci_members(), 'oci-layout': b'{}'}
        entry = image.oci_entry()
        for _ in range(6):
            text = to_json({'schemaVersion': 2, 'mediaType': OCI_INDEX, 'manifests': [entry]})
            members['blobs/sha256/' + hashlib.sha256(text).hexdigest()] = text
            entry = {'mediaType': OCI_INDEX, 'digest': digest_of(text), 'size': len(text)}
        members['index.json'] = text
        self.refused(pack_members(members), 'InvalidImage', 'without end')
        entry = {'mediaType': OCI_MANIFEST, 'digest': digest_of(b'x'), 'size': 1}
        members['index.json'] = to_json({'schemaVersion': 2, 'manifests': [
            {**entry, 'platform': {'os': 'plan9', 'architecture': 'mips'}}, {**entry, 'platform': {'os': 'linux', 'architecture': 'm68k'}}]})
        self.refused(pack_members(members), 'NoSuchImage', 'plan9/mips', 'linux/m68k')

    def test_bombs(self):
        """What is small and becomes large: within the archive, and the archive itself."""
        image = Saved(pack(zeros=bytes(8 << 20)))
        self.refused(pack_members(oci_members((image, 'bomb'))), 'InvalidArchive', 'limit')
        self.refused(gzip.compress(pack_members(docker_members((image, 'bomb')))), 'InvalidArchive', 'limit')

    def test_disk_full(self):
        mount = os.path.join(scratch(), 'small')
        os.makedirs(mount, exist_ok=True)
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=2m', 'none', mount], check=True)
        try:
            service = Service('small', root=mount, peer=True)
            try:
                self.service = service
                image = Saved(pack(noise=noise('full', 3 << 20)))
                for how in (self.load, self.load_stream):
                    with self.assert_error('DiskFull'):
                        how(pack_members(docker_members((image, 'full'))))
                    self.assertEqual(service.client.images('ListImages'), [])
                    self.assertEqual(service.client.check(), [])
            finally:
                del self.service        # the one of the class again
                service.stop()
        finally:
            subprocess.run(['umount', '-l', mount], check=True)


class PolicyTest(LoadCase):
    @classmethod
    def setUpClass(cls):
        path = os.path.join(scratch(), 'policy.json')
        with open(path, 'w', encoding='utf-8') as file:
            json.dump({'default': [{'type': 'insecureAcceptAnything'}], 'transports': {
                'docker-archive': {'': [{'type': 'reject'}]}}}, file)
        cls.conf = f'[engine]\nsignature_policy_path = "{path}"\n'
        super().setUpClass()

    def test_policy(self):
        image = Saved(pack(one=b'1'))
        with self.assert_error('ImageRejected', 'policy.json'):
            self.load(pack_members(docker_members((image, 'a'))))
        self.assert_nothing()
        self.assertEqual(self.load(pack_members(oci_members((image, 'a')))), [(image.id, ['localhost/a:latest'])])


if __name__ == '__main__':
    main()
