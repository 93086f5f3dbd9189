#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images come from registries and from what other tools have stored, byte for byte, and go there."""

import json
import os
import subprocess
import threading

from cases import ServiceCase
from registry import Image, OCI_INDEX, Registry, base_layer, digest_of, index_of, noise, pack, write_layout
from service import GLib, files_in, main, scratch, wait_for


def write(path, text):
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)
    return path


class PullCase(ServiceCase):
    """With a service whose registries.conf and policy.json the test writes, and a registry."""

    policy = {'default': [{'type': 'insecureAcceptAnything'}]}
    peer = True
    variables = {}              # of the environment

    @classmethod
    def setUpClass(cls):
        cls.files = os.path.join(scratch(), cls.__name__ + '-files')
        os.makedirs(cls.files)
        cls.registry = Registry(cls.__name__)
        cls.registries_conf = write(os.path.join(cls.files, 'registries.conf'), cls.registries())
        cls.policy_json = write(os.path.join(cls.files, 'policy.json'), json.dumps(cls.policy))
        cls.conf = f'[engine]\nregistries_conf_path = "{cls.registries_conf}"\nsignature_policy_path = "{cls.policy_json}"\n'
        super().setUpClass()

    @classmethod
    def environment(cls):
        return {**super().environment(), **cls.variables}

    @classmethod
    def registries(cls):
        return (f'[[registry]]\nlocation = "{cls.registry.host}"\ninsecure = true\n')

    @classmethod
    def tearDownClass(cls):
        cls.registry.stop()

    def tearDown(self):
        self.service.remove_all()
        for image in self.client.images('ListImages'):
            self.client.images('RemoveImage', 's', image['id'], force=True)
        self.assert_clean()

    def assert_clean(self):
        """Nothing is under way, and nothing is left of what was."""
        self.assert_nothing_left(self.service)
        blobs = files_in(self.service.root, 'lib', 'storage', 'images', 'blobs', 'sha256')
        if not self.client.images('ListImages'):
            self.assertEqual(blobs, [])

    def begin(self, method, signature, *arguments, fds=None, **options):
        parameters = GLib.Variant(f'({signature}a{{sv}})', (*arguments, {
            key.replace('_', '-'): value if isinstance(value, GLib.Variant) else GLib.Variant(
                {bool: 'b', int: 'u', str: 's'}[type(value)], value) for key, value in options.items()}))
        reply, _ = self.client.call_raw('/org/cpod/Cpod1/Runtime', 'org.cpod.Cpod1.Images', method, parameters, fds=fds)
        return reply.unpack()[0]

    def work(self, method, argument, auth=None, **options):
        """Begins a job with these credentials, and waits for its result."""
        fds = None
        if auth is not None:
            options['authfile'] = GLib.Variant('h', 0)
            fds = [os.memfd_create('auth')]
            os.write(fds[0], json.dumps(auth).encode())
            os.lseek(fds[0], 0, os.SEEK_SET)
        return self.client.job_wait(self.begin(method, 's', argument, fds=fds, **options), seconds=300)

    def pull(self, reference, **options):
        return self.work('Pull', reference, **options)

    def push(self, image, destination='', **options):
        return self.client.job_wait(self.begin('Push', 'ss', image, destination, **options), seconds=300)

    def blob(self, digest):
        path = self.service.state('lib', 'storage', 'images', 'blobs', 'sha256', digest.partition(':')[2])
        with open(path, 'rb') as file:
            return file.read()

    def inspect(self, name):
        path = self.client.images('GetImage', 's', name)
        return json.loads(self.client.call(path, 'Image', 'Inspect'))


class GuardedCase(PullCase):
    """With another registry, which wants a password and is spoken to by TLS."""

    @classmethod
    def setUpClass(cls):
        cls.guarded = Registry(cls.__name__ + '-guarded', users={'someone': 'secret'}, tls=True)
        cls.addClassCleanup(cls.guarded.stop)
        cls.variables = {'SSL_CERT_FILE': cls.guarded.certificate}
        super().setUpClass()


class RegistryTest(PullCase):
    def test_pull(self):
        image = Image(base_layer(), pack(one=b'1'), pack(two=noise('two', 300000)), pack(three=b'3'), marker='pull')
        name = self.registry.put('tools/a', '1', image)
        since = self.client.last_seq()
        result = self.pull(name)
        self.assertEqual((result['id'], result['name'], result['digest']), (image.id, name, image.digest))
        self.assertEqual([(e['type'], e['status'], e['id'], e['name']) for e in self.client.events(since)[0]],
                         [('image', 'pull', image.id, name)])
        # Every byte is as it was there, and the store is a layout that other tools read.
        for digest, data in {**image.blobs, image.digest: image.text}.items():
            self.assertEqual(self.blob(digest), data)
        found = self.inspect(name)
        self.assertEqual((found['Digest'], found['RepoTags'], found['RepoDigests']),
                         (image.digest, [name], [f'{self.registry.host}/tools/a@{image.digest}']))
        layout = self.service.state('lib', 'storage', 'images')
        raw = subprocess.run(['skopeo', 'inspect', '--raw', f'oci:{layout}:{name}'], check=True, capture_output=True).stdout
        self.assertEqual(raw, image.text)
        self.assertEqual(self.client.run('sh', '-c', 'cat /one /three; wc -c < /two', image=name), (0, '13300000\n'))
        self.assertEqual(self.client.check(), [])

    def test_pull_by_digest(self):
        image = Image(base_layer(), marker='digest')
        self.registry.put('a', '1', image)
        by_digest = f'{self.registry.host}/a@{image.digest}'
        result = self.pull(by_digest)
        self.assertEqual((result['id'], result['name']), (image.id, by_digest))
        self.assertEqual(self.inspect(by_digest)['RepoTags'], [])
        self.assertEqual(self.client.run('echo', 'hello', image=by_digest), (0, 'hello\n'))
        # The tag beside a digest says nothing.
        self.assertEqual(self.pull(f'{self.registry.host}/a:other@{image.digest}')['id'], image.id)
        self.assertEqual(self.client.images('RemoveImage', 's', by_digest)[1], image.id)
        with self.assert_error('NoSuchImage', 'a@sha256:' + '0' * 64):
            self.pull(f'{self.registry.host}/a@sha256:' + '0' * 64)

    def test_unchanged(self):
        name = self.registry.put('same', '1', Image(base_layer(), pack(x=b'x'), marker='unchanged'))
        ident = self.pull(name)['id']
        before = len(self.registry.requests())
        since = self.client.last_seq()
        self.assertEqual(self.pull(name)['id'], ident)
        asked = self.registry.requests()[before:]
        self.assertEqual(len(asked), 1, asked)
        self.assertIn('/manifests/1', asked[0])
        self.assertEqual([e['status'] for e in self.client.events(since)[0]], ['pull'])

    def test_tag_moves(self):
        old, new = (Image(base_layer(), pack(x=text), marker='moves') for text in (b'old', b'new'))
        name = self.registry.put('moving', 'latest', old)
        self.pull(name)
        before = len(self.registry.requests())
        self.registry.put('moving', 'latest', new)
        self.assertEqual(self.pull(name)['id'], new.id)
        # The layer that both have was not asked for again.
        blobs = [line for line in self.registry.requests()[before:] if '/blobs/' in line]
        self.assertEqual(len(blobs), 2, blobs)
        images = {image['id']: image['names'] for image in self.client.images('ListImages')}
        self.assertEqual(images, {old.id: [], new.id: [name]})
        self.assertEqual(self.client.run('cat', '/x', image=name), (0, 'new'))
        self.assertEqual(self.client.run('cat', '/x', image=old.id), (0, 'old'))

    def test_same_blob_elsewhere(self):
        """A blob that is here is not downloaded again, whatever it lies upon."""
        layer = pack(data=noise('elsewhere', 100000))
        self.pull(self.registry.put('first', '1', Image(base_layer(), layer, marker='first')))
        name = self.registry.put('second', '1', Image(base_layer(), pack(between=b'x'), layer, marker='second'))
        before = len(self.registry.requests())
        self.pull(name)
        blobs = [line for line in self.registry.requests()[before:] if '/blobs/' in line]
        self.assertEqual(len(blobs), 2, blobs)
        self.assertEqual(self.client.run('sh', '-c', 'cat /between; wc -c < /data', image=name), (0, 'x100000\n'))

    def test_index(self):
        ours, other = Image(base_layer(), marker='ours'), Image(pack(x=b'1'), architecture='s390x', marker='other')
        for image in (ours, other):
            for digest, data in image.blobs.items():
                self.registry.put_blob('multi', digest, data)
            self.registry.put_manifest('multi', image.digest, image.text)
        text = index_of(('s390x', other), (os.uname().machine.replace('x86_64', 'amd64').replace('aarch64', 'arm64'), ours))
        self.registry.put_manifest('multi', '1', text, OCI_INDEX)
        name = f'{self.registry.host}/multi:1'
        result = self.pull(name)
        self.assertEqual((result['id'], result['digest']), (ours.id, digest_of(text)))
        self.assertEqual(self.blob(digest_of(text)), text)
        self.assertEqual(sorted(self.inspect(name)['RepoDigests']),
                         sorted(f'{self.registry.host}/multi@{digest}' for digest in (digest_of(text), ours.digest)))
        self.assertEqual(self.pull(name, arch='s390x')['id'], other.id)
        self.assertEqual(self.pull(name)['id'], ours.id)
        with self.assert_error('NoSuchImage', 'linux/riscv64', 'linux/s390x'):
            self.pull(name, arch='riscv64')

    def test_docker_manifest(self):
        """A manifest of docker's kind is kept as it came, beside one that fits the layout."""
        image = Image(base_layer(), pack(x=b'1'), marker='docker')
        layout = write_layout(os.path.join(self.files, 'docker'), image)
        name = f'{self.registry.host}/docker:1'
        subprocess.run(['skopeo', 'copy', '--quiet', '--dest-tls-verify=false', '--format', 'v2s2', f'oci:{layout}:latest',
                        'docker://' + name], check=True)
        text, media_type = self.registry.manifest('docker', '1')
        self.assertIn('docker.distribution', media_type)
        result = self.pull(name)
        self.assertEqual((result['id'], result['digest']), (image.id, digest_of(text)))
        self.assertEqual(self.blob(digest_of(text)), text)
        found = self.inspect(name)
        self.assertEqual(found['RepoDigests'], [f'{self.registry.host}/docker@{digest_of(text)}'])
        self.assertEqual(json.loads(self.blob(found['Digest']))['config']['mediaType'], 'application/vnd.oci.image.config.v1+json')
        # It goes out again under the digest that it came by.
        self.assertEqual(self.push(name, f'{self.registry.host}/copy:1')['digest'], digest_of(text))
        self.assertEqual(self.registry.manifest('copy', '1')[0], text)

    def test_policies(self):
        image = Image(base_layer(), marker='policies')
        name = self.registry.put('policies', '1', image)
        with self.assert_error('NoSuchImage', name, 'may not be pulled'):
            self.pull(name, policy='never')
        self.assertEqual(self.pull(name, policy='missing')['id'], image.id)
        before = len(self.registry.requests())
        for policy in ('missing', 'never'):
            self.assertEqual(self.pull(name, policy=policy)['id'], image.id)
        self.assertEqual(len(self.registry.requests()), before)
        newer = Image(base_layer(), marker='newer')
        self.registry.put('policies', '1', newer)
        self.assertEqual(self.pull(name, policy='newer')['id'], newer.id)
        self.registry.stop()
        try:
            self.assertEqual(self.pull(name, policy='newer')['id'], newer.id)
            with self.assert_error('RegistryFailed', 'refused'):
                self.pull(name)
            with self.assert_error('RegistryFailed', 'refused'):
                self.pull(f'{self.registry.host}/unknown', policy='newer')
        finally:
            self.registry.start()
        with self.assert_error('InvalidArgument', 'sometimes'):
            self.pull(name, policy='sometimes')

    def test_no_such_image(self):
        for name in ('nothing', 'nothing:1'):
            with self.assert_error('NoSuchImage', f'{self.registry.host}/{name}'):
                self.pull(f'{self.registry.host}/{name}')
        with self.assert_error('InvalidArgument', 'UPPER'):
            self.pull(f'{self.registry.host}/UPPER')
        with self.assert_error('InvalidArgument', 'docker-daemon'):
            self.pull('docker-daemon:a:1')

    def test_at_once(self):
        """Several pulls of one image ask for each of its blobs once."""
        image = Image(base_layer(), pack(x=noise('at once', 2000000)), marker='at once')
        name = self.registry.put('atonce', '1', image)
        before = len(self.registry.requests())
        jobs = [self.begin('Pull', 's', name) for _ in range(4)]
        self.assertEqual({self.client.job_wait(job, seconds=120)['id'] for job in jobs}, {image.id})
        blobs = [line for line in self.registry.requests()[before:] if '/blobs/' in line]
        self.assertEqual(len(blobs), 3, blobs)

    def test_many_at_once(self):
        """Pulls of images that have layers in common, and removals of such, do not harm each other."""
        shared = [pack(**{f's{i}': noise(i, 50000)}) for i in range(3)]
        images = [Image(base_layer(), *shared[:i + 1], pack(own=str(i).encode()), marker=f'many{i}') for i in range(3)]
        names = [self.registry.put(f'many{i}', '1', image) for i, image in enumerate(images)]
        for _ in range(3):
            jobs = [self.begin('Pull', 's', name) for name in names]
            self.assertEqual([self.client.job_wait(job, seconds=120)['id'] for job in jobs], [i.id for i in images])
            again = self.begin('Pull', 's', names[2])
            for name in names[:2]:
                self.client.images('RemoveImage', 's', name)
            self.client.job_wait(again, seconds=120)
            self.assertEqual(self.client.run('cat', '/own', image=names[2]), (0, '2'))
            self.client.images('RemoveImage', 's', names[2])
            self.assert_clean()

    def test_progress(self):
        image = Image(base_layer(), *(pack(x=noise(i, 200000)) for i in range(5)), marker='progress')
        job = self.begin('Pull', 's', self.registry.put('progress', '1', image), token='mine')
        self.client.job_wait(job)
        properties = self.client.properties(job, 'Job')
        total = sum(layer['size'] for layer in image.manifest['layers'])
        self.assertEqual((properties['Kind'], properties['State'], properties['BytesDone'], properties['BytesTotal'],
                          properties['ItemsDone'], properties['ItemsTotal']), ('pull', 'done', total, total, 6, 6))

    def test_push(self):
        tar = os.path.join(self.files, 'push.tar')
        with open(tar, 'wb') as file:
            file.write(pack(hello=b'world'))
        ident = self.client.import_image(tar, f'{self.registry.host}/pushed:1')['id']
        since = self.client.last_seq()
        digest = self.push(ident)['digest']
        self.assertEqual(digest_of(self.registry.manifest('pushed', '1')[0]), digest)
        self.assertEqual([(e['status'], e['name']) for e in self.client.events(since)[0]],
                         [('push', f'{self.registry.host}/pushed:1')])
        converted = self.push(ident, f'{self.registry.host}/pushed:docker', format='v2s2')['digest']
        self.assertNotEqual(converted, digest)
        self.assertIn('docker', self.registry.manifest('pushed', 'docker')[1])
        with self.assert_error('InvalidArgument', 'no registry'):
            self.push(ident, 'elsewhere')
        with self.assert_error('NoSuchImage', 'unknown'):
            self.push('unknown', f'{self.registry.host}/x')
        with self.assert_error('RegistryFailed', '127.0.0.1:1'):
            self.push(ident, '127.0.0.1:1/x')
        self.client.images('RemoveImage', 's', ident)
        self.assertEqual(self.pull(f'{self.registry.host}/pushed:1')['id'], ident)

    def test_busy_image_is_pushed_whole(self):
        """What is being pushed can be removed meanwhile."""
        image = Image(base_layer(), pack(x=noise('busy', 3000000)), marker='busy')
        name = self.registry.put('busy', '1', image)
        self.pull(name)
        job = self.begin('Push', 'ss', name, f'{self.registry.host}/busy:2')
        wait_for(lambda: self.client.property(job, 'Job', 'BytesTotal') > 0
                 or self.client.property(job, 'Job', 'State') != 'running', 30, 'the push')
        self.client.images('RemoveImage', 's', name)
        self.assertEqual(self.client.job_wait(job)['digest'], image.digest)

    def test_credentials_that_have_no_end(self):
        """A pipe that nobody writes to: it can be cancelled, and ends by itself, so that it holds up nobody for long."""
        name = f'{self.registry.host}/x'
        reading, writing = os.pipe()
        jobs = [self.begin('Pull', 's', name, fds=[os.dup(reading)], authfile=GLib.Variant('h', 0)) for _ in range(2)]
        self.client.call(jobs[0], 'Job', 'Cancel')
        with self.assert_error('Cancelled'):
            self.client.job_wait(jobs[0])
        with self.assert_error('InvalidArgument', 'authfile', 'no end'):
            self.client.job_wait(jobs[1])
        os.close(reading)
        os.close(writing)

    def test_options(self):
        name = f'{self.registry.host}/x'
        for options, word in (({'arch': '../x'}, 'platform'), ({'timeout': 1 << 30}, 'timeout'), ({'nonsense': True}, 'nonsense')):
            with self.assert_error('InvalidArgument', word):
                self.begin('Pull', 's', name, **options)
        with self.assert_error('InvalidArgument', 'authfile'):
            self.begin('Pull', 's', name, authfile=GLib.Variant('h', 7))
        with self.assert_error('InvalidArgument', 'auth.json'):
            self.pull(name, auth=[])
        with self.assert_error('InvalidArgument', 'tarball'):
            self.begin('Push', 'ss', name, '', format='tarball')


class ElsewhereTest(PullCase):
    """Other transports."""

    def setUp(self):
        self.image = Image(base_layer(), pack(x=b'1'), marker='elsewhere')
        self.layout = write_layout(os.path.join(self.files, 'layout'), self.image)

    def convert(self, destination):
        subprocess.run(['skopeo', 'copy', '--quiet', f'oci:{self.layout}:latest', destination], check=True)
        return destination

    def test_exact(self):
        for kind, suffix in (('oci', ':a'), ('oci-archive', ':a'), ('dir', '')):
            with self.subTest(kind):
                source = self.convert(f'{kind}:{os.path.join(self.files, kind)}{suffix}')
                result = self.pull(source, name='taken:1')
                self.assertEqual((result['id'], result['name']), (self.image.id, 'localhost/taken:1'))
                self.assertEqual(self.inspect('taken:1')['Digest'], self.image.digest)
                self.assertEqual(self.client.run('cat', '/x', image='taken:1'), (0, '1'))
                self.client.images('RemoveImage', 's', 'taken:1')
                self.assert_clean()

    def test_names(self):
        self.assertEqual(self.pull(f'oci:{self.layout}:latest')['name'], 'localhost/latest:latest')
        self.client.images('RemoveImage', 's', 'localhost/latest')
        source = self.convert(f'dir:{os.path.join(self.files, "nameless")}')
        self.assertEqual(self.pull(source)['name'], '')
        self.assertEqual(self.client.images('ListImages')[0]['names'], [])
        self.client.images('RemoveImage', 's', self.image.id)
        with self.assert_error('NoSuchImage', 'nowhere'):
            self.pull('dir:/nowhere')

    def test_docker_archive(self):
        """Its layers are not compressed, whatever its manifest says."""
        source = self.convert(f'docker-archive:{os.path.join(self.files, "archive.tar")}:docker.io/library/arch:1')
        result = self.pull(source)
        self.assertEqual((result['id'], result['name'], result['digest']), (self.image.id, 'docker.io/library/arch:1', ''))
        manifest = json.loads(self.blob(self.inspect('arch:1')['Digest']))
        self.assertEqual([layer['mediaType'] for layer in manifest['layers']], ['application/vnd.oci.image.layer.v1.tar'] * 2)
        self.assertEqual(self.client.run('cat', '/x', image='arch:1'), (0, '1'))

    def test_containers_storage(self):
        """podman's and buildah's images come without a registry, and go there."""
        root, run = (os.path.join(self.files, name) for name in ('podman', 'podman-run'))
        self.addCleanup(subprocess.run, ['umount', '-q', os.path.join(root, 'overlay')], check=False)
        storage = f'containers-storage:[vfs@{root}+{run}]'
        self.convert(storage + 'localhost/stored:1')
        result = self.pull(storage + 'localhost/stored:1')
        self.assertEqual((result['id'], result['name']), (self.image.id, 'localhost/stored:1'))
        self.assertEqual(self.client.run('cat', '/x', image='stored:1'), (0, '1'))
        self.push('stored:1', storage + 'localhost/back:1')
        config = subprocess.run(['skopeo', 'inspect', '--raw', '--config', storage + 'localhost/back:1'], check=True,
                                capture_output=True).stdout
        self.assertEqual(digest_of(config).partition(':')[2], self.image.id)
        with self.assert_error('NoSuchImage', 'unknown'):
            self.pull(storage + 'localhost/unknown:1')

    def test_push(self):
        self.pull(f'oci:{self.layout}:latest', name='out')
        for kind in ('oci', 'oci-archive', 'dir', 'docker-archive'):
            with self.subTest(kind):
                destination = f'{kind}:{os.path.join(self.files, "out-" + kind)}' + ('' if kind == 'dir' else ':out:1')
                self.push('out', destination)
                config = subprocess.run(['skopeo', 'inspect', '--raw', '--config', destination], check=True, capture_output=True).stdout
                self.assertEqual(digest_of(config).partition(':')[2], self.image.id)


class CancelTest(PullCase):
    def test_cancel(self):
        """Wherever it is, nothing is left."""
        image = Image(base_layer(), *(pack(x=noise(i, 1000000)) for i in range(4)), marker='cancel')
        name = self.registry.put('cancel', '1', image)
        for milliseconds in range(0, 200, 20):
            job = self.begin('Pull', 's', name)
            threading.Event().wait(milliseconds / 1000)
            self.client.call(job, 'Job', 'Cancel')
            try:
                self.client.job_wait(job)
                self.client.images('RemoveImage', 's', name)
            except Exception as error:  # pylint: disable=broad-except
                self.assertEqual(error.name, 'org.cpod.Cpod1.Error.Cancelled', error)
            self.assertEqual(self.client.images('ListImages'), [])
            self.assert_clean()
        self.assertEqual(self.pull(name)['id'], image.id)


if __name__ == '__main__':
    main()
