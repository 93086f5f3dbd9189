#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Registries that hang, refuse and lie: each time a named error, and nothing is left."""

import base64
import gzip
import http.server
import json
import os
import socket
import subprocess
import threading

from registry import Image, OCI_INDEX, OCI_MANIFEST, base_layer, digest_of, noise, pack, to_json
from service import CallError, is_alive, main, parent_of, processes_with, wait_for
from test_pull import GuardedCase, PullCase, write


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    disable_nagle_algorithm = True  # what is answered goes in two parts

    def log_message(self, *arguments):  # pylint: disable=arguments-differ
        pass

    def do_GET(self):  # pylint: disable=invalid-name
        try:
            self.server.answer(self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_HEAD = do_GET

    def give(self, data, media_type='application/octet-stream', length=None, status=200, **headers):
        self.send_response(status)
        self.send_header('Content-Type', media_type)
        self.send_header('Content-Length', str(len(data) if length is None else length))
        for key, value in headers.items():
            self.send_header(key.replace('_', '-'), value)
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(data)
        if length is not None and length != len(data):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True

    def hang(self):
        """Answers nothing, until the other end has had enough."""
        self.close_connection = True
        self.connection.settimeout(120)
        try:
            self.connection.recv(1)
        except OSError:
            pass

    def reset(self):
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\x01\0\0\0\0\0\0\0')
        self.connection.close()


class HostileRegistry(http.server.ThreadingHTTPServer):
    """Serves one image; what a test puts into "on" is done instead: {part of a path: function (handler)}."""

    daemon_threads = True

    def __init__(self):
        super().__init__(('127.0.0.1', 0), Handler)
        self.host = f'127.0.0.1:{self.server_address[1]}'
        self.on, self.blobs, self.manifests = {}, {}, {}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass

    def serve(self, image):
        self.on = {}
        self.blobs = dict(image.blobs)
        self.manifests = {'1': (image.text, OCI_MANIFEST), image.digest: (image.text, OCI_MANIFEST)}
        return f'{self.host}/a:1'

    def answer(self, handler):
        for part, action in self.on.items():
            if part in handler.path:
                action(handler)
                return
        name = handler.path.rsplit('/', 1)[1]
        if handler.path == '/v2/':
            handler.give(b'{}')
        elif '/manifests/' in handler.path and name in self.manifests:
            handler.give(*self.manifests[name])
        elif '/blobs/' in handler.path and name in self.blobs:
            handler.give(self.blobs[name])
        else:
            code = 'MANIFEST_UNKNOWN' if '/manifests/' in handler.path else 'BLOB_UNKNOWN'
            handler.give(to_json({'errors': [{'code': code, 'message': code.lower().replace('_', ' ')}]}), 'application/json', status=404)


class HostileCase(PullCase):
    @classmethod
    def setUpClass(cls):
        cls.hostile = HostileRegistry()
        super().setUpClass()
        cls.bystander = cls.registry.put('bystander', '1', Image(base_layer(), marker='bystander'))

    @classmethod
    def registries(cls):
        return super().registries() + f'[[registry]]\nlocation = "{cls.hostile.host}"\ninsecure = true\n'

    @classmethod
    def tearDownClass(cls):
        cls.hostile.shutdown()
        cls.hostile.server_close()
        super().tearDownClass()

    def setUp(self):
        self.image = Image(base_layer(), pack(one=noise('one', 400000)), pack(two=noise('two', 400000)), marker='hostile')
        self.name = self.hostile.serve(self.image)
        self.layer = self.image.manifest['layers'][1]['digest']

    def refused(self, error, *words, name=None, **options):
        """The pull fails as it should, and neither harms another image nor leaves anything of this one."""
        self.pull(self.bystander)
        with self.assert_error(error, *words):
            self.pull(name or self.name, **options)
        self.assertEqual([image['names'] for image in self.client.images('ListImages')], [[self.bystander]])
        self.assertEqual(self.client.run('echo', 'well', image=self.bystander), (0, 'well\n'))
        wait_for(lambda: not self.children(), 20, 'the end of skopeo')
        self.client.images('RemoveImage', 's', self.bystander)
        self.assert_clean()

    def children(self):
        """What skopeo does for the service."""
        return [pid for verb in ('experimental-image-proxy', 'inspect', 'copy') for pid in processes_with(verb, 'skopeo')
                if parent_of(pid) == self.service.process.pid and is_alive(pid)]

    def serve_manifest(self, change):
        manifest = json.loads(self.image.text)
        change(manifest)
        text = to_json(manifest)
        self.hostile.manifests = {key: (text, manifest.get('mediaType', OCI_MANIFEST)) for key in ('1', digest_of(text))}

    def serve_instead(self, data):
        """Another layer than the manifest's second one, described truly."""
        self.hostile.blobs[digest_of(data)] = data
        self.serve_manifest(lambda m: m['layers'][1].update(digest=digest_of(data), size=len(data)))
        self.layer = digest_of(data)


class AnswersTest(HostileCase):
    def test_well_behaved(self):
        self.assertEqual(self.pull(self.name)['id'], self.image.id)

    def test_statuses(self):
        for status, error in ((401, 'RegistryDenied'), (403, 'RegistryDenied'), (500, 'RegistryFailed'), (502, 'RegistryFailed')):
            for part in ('/v2/', '/manifests/', self.layer):
                with self.subTest(status=status, part=part):
                    headers = {'WWW_Authenticate': 'Basic realm="x"'} if status == 401 else {}
                    self.hostile.on = {part: lambda h: h.give(b'no', status=status, **headers)}  # pylint: disable=cell-var-from-loop
                    self.refused(error, *(['layer 2 of 3', self.layer] if part == self.layer else [self.name]))

    def test_rate_limit(self):
        answer = to_json({'errors': [{'code': 'TOOMANYREQUESTS', 'message': 'you have reached your pull rate limit'}]})
        self.hostile.on = {'/manifests/': lambda h: h.give(answer, 'application/json', status=429, Retry_After='1')}
        self.refused('RegistryFailed', 'too')

    def test_hangs(self):
        for part in ('/v2/', '/manifests/', self.image.manifest['config']['digest'], self.layer):
            with self.subTest(part):
                self.hostile.on = {part: Handler.hang}
                self.refused('RegistryFailed', 'nothing has happened for 3 seconds', timeout=3)

    def test_hangs_amid_a_layer(self):
        def some(handler):
            handler.send_response(200)
            handler.send_header('Content-Length', str(len(self.image.blobs[self.layer])))
            handler.end_headers()
            handler.wfile.write(self.image.blobs[self.layer][:100000])
            handler.wfile.flush()
            handler.hang()
        self.hostile.on = {self.layer: some}
        self.refused('RegistryFailed', 'layer 2 of 3', 'nothing has happened for 3 seconds', timeout=3)

    def test_slow_but_alive(self):
        """A layer may come in pieces, with pauses longer than it takes to become suspicious."""
        pauses = threading.Event()

        def slow(handler):
            data = self.image.blobs[self.layer]
            handler.send_response(200)
            handler.send_header('Content-Length', str(len(data)))
            handler.end_headers()
            for i in range(0, len(data), 200000):
                handler.wfile.write(data[i:i + 200000])
                handler.wfile.flush()
                pauses.wait(2.5)
        self.hostile.on = {self.layer: slow}
        self.assertEqual(self.pull(self.name)['id'], self.image.id)

    def test_cancel_while_it_hangs(self):
        for part in ('/v2/', '/manifests/', self.layer):
            with self.subTest(part):
                reached = threading.Event()
                self.hostile.on = {part: lambda h: (reached.set(), h.hang())}  # pylint: disable=cell-var-from-loop
                job = self.begin('Pull', 's', self.name)
                self.assertTrue(reached.wait(60))
                self.client.call(job, 'Job', 'Cancel')
                with self.assert_error('Cancelled'):
                    self.client.job_wait(job, seconds=20)
                self.assert_clean()

    def test_caller_leaves_while_it_hangs(self):
        reached = threading.Event()
        self.hostile.on = {self.layer: lambda h: (reached.set(), h.hang())}
        self.begin('Pull', 's', self.name)
        self.assertTrue(reached.wait(60))
        self.service.client.close()
        self.assertEqual(self.service.process.wait(30), 0)
        self.service.start(**self.environment())

    def test_resets(self):
        for part in ('/v2/', '/manifests/', self.layer):
            with self.subTest(part):
                self.hostile.on = {part: Handler.reset}
                self.refused('RegistryFailed')


class LiesTest(HostileCase):
    def test_truncated_layer(self):
        data = self.image.blobs[self.layer]
        self.hostile.on = {self.layer: lambda h: h.give(data[:-1000], length=len(data))}
        self.refused('RegistryFailed', 'layer 2 of 3', self.layer)

    def test_wrong_size(self):
        for difference in (-1000, 1000):
            with self.subTest(difference):
                self.hostile.serve(self.image)
                self.serve_manifest(lambda m: m['layers'][1].update(size=m['layers'][1]['size'] + difference))  # pylint: disable=cell-var-from-loop
                with self.assertRaises(CallError) as caught:
                    self.pull(self.name)
                self.assertIn(caught.exception.name.rsplit('.', 1)[1], ('InvalidImage', 'InvalidArchive', 'RegistryFailed'))
                self.assertIn(f'layer 2 of 3 ({self.layer})', str(caught.exception))
                self.assert_clean()

    def test_wrong_digest(self):
        data = gzip.compress(pack(one=noise('other', 400000)))
        self.hostile.blobs[self.layer] = data[:len(self.image.blobs[self.layer])].ljust(len(self.image.blobs[self.layer]), b'\0')
        with self.assertRaises(CallError) as caught:
            self.pull(self.name)
        self.assertIn(caught.exception.name.rsplit('.', 1)[1], ('InvalidImage', 'InvalidArchive'))
        self.assertIn(f'layer 2 of 3 ({self.layer})', str(caught.exception))

    def test_wrong_diff_id(self):
        self.serve_instead(gzip.compress(pack(one=b'something else')))
        self.refused('InvalidImage', 'layer 2 of 3', self.layer, 'diff-id')

    def test_no_archive(self):
        for data in (b'', b'no archive at all', gzip.compress(b'no archive at all' * 1000),
                     gzip.compress(pack(x=noise('x', 100000)))[:-2000]):
            with self.subTest(data[:20]):
                self.hostile.serve(self.image)
                self.serve_instead(data)
                self.refused('InvalidArchive', 'layer 2 of 3', self.layer)

    def test_missing_blob(self):
        del self.hostile.blobs[self.layer]
        self.refused('RegistryFailed', 'layer 2 of 3', '404')

    def test_config(self):
        digest = self.image.manifest['config']['digest']
        self.hostile.blobs[digest] = self.image.config.replace(b'hostile', b'HOSTILE')
        self.refused('InvalidImage', digest)
        for config in (b'{}', b'[]', b'nonsense', self.image.config.replace(b'sha256:', b'sha999:'),
                       to_json({**json.loads(self.image.config), 'rootfs': {'type': 'layers', 'diff_ids': ['sha256:' + '0' * 64]}})):
            with self.subTest(config[:20]):
                self.hostile.serve(self.image)
                self.hostile.blobs[digest_of(config)] = config
                self.serve_manifest(lambda m: m['config'].update(digest=digest_of(config), size=len(config)))  # pylint: disable=cell-var-from-loop
                self.refused('InvalidImage', 'configuration' if b'nonsense' not in config else '')

    def test_manifests(self):
        def replace(**members):
            return lambda m: m.update(members)
        layer = self.image.manifest['layers'][0]
        for what, change, words in (
                ('digest', lambda m: m['layers'][1].update(digest='sha256:short'), 'layer 2'),
                ('path', lambda m: m['layers'][1].update(digest='sha256:../../../../etc/passwd'), 'layer 2'),
                ('negative', lambda m: m['layers'][1].update(size=-5), 'layer 2'),
                ('encrypted', lambda m: m['layers'][1].update(mediaType=layer['mediaType'] + '+encrypted'), 'encrypted'),
                ('unknown', lambda m: m['layers'][1].update(mediaType='text/plain'), 'text/plain'),
                ('artifact', lambda m: m['config'].update(mediaType='application/vnd.example+json'), 'artifact'),
                ('none', replace(layers=[]), 'layers'),
                ('many', replace(layers=[layer] * 501), '501'),
                ('more', replace(layers=[layer] * 4), '4 layers'),
                ('schema 1', replace(schemaVersion=1, fsLayers=[]), 'schema 1'),
                ('both', replace(manifests=[]), 'both'),
                ('media type', replace(mediaType='application/vnd.example'), 'media type')):
            with self.subTest(what):
                self.hostile.serve(self.image)
                self.serve_manifest(change)
                self.refused('InvalidImage', words)
        self.hostile.manifests['1'] = (b'no JSON', OCI_MANIFEST)
        self.refused('InvalidImage', 'JSON')

    def test_other_manifest_than_asked_for(self):
        other = Image(base_layer(), marker='other')
        self.hostile.manifests[self.image.digest] = (other.text, OCI_MANIFEST)
        with self.assertRaises(CallError):
            self.pull(f'{self.hostile.host}/a@{self.image.digest}')

    def test_index_in_itself(self):
        """No index can have its own digest in it, but a registry can say so."""
        texts = {}
        for i in range(8):
            entry = {'mediaType': OCI_INDEX, 'digest': digest_of(texts[i - 1]) if i else self.image.digest, 'size': 100}
            texts[i] = to_json({'schemaVersion': 2, 'mediaType': OCI_INDEX, 'manifests': [entry]})
        self.hostile.manifests.update({digest_of(text): (text, OCI_INDEX) for text in texts.values()})
        self.hostile.manifests['1'] = (texts[7], OCI_INDEX)
        self.refused('InvalidImage', 'indexes')

    def test_many_requests_at_once(self):
        """Callers of a registry that hangs keep nobody else out."""
        self.hostile.on = {'/v2/': Handler.hang}
        jobs = [self.begin('Pull', 's', f'{self.hostile.host}/a{i}:1', timeout=60) for i in range(20)]
        self.pull(self.bystander)
        self.assertEqual(self.client.run('echo', 'well', image=self.bystander), (0, 'well\n'))
        for job in jobs:
            self.client.call(job, 'Job', 'Cancel')
        for job in jobs:
            with self.assert_error('Cancelled'):
                self.client.job_wait(job, seconds=60)


class AccessTest(GuardedCase):
    """Credentials, TLS, short names, mirrors, blocked registries."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.image = Image(base_layer(), marker='access')

    @classmethod
    def registries(cls):
        return (f'unqualified-search-registries = ["127.0.0.1:1", "{cls.registry.host}"]\n'
                f'[[registry]]\nlocation = "{cls.registry.host}"\ninsecure = true\n'
                '[[registry]]\nlocation = "blocked.example"\nblocked = true\n'
                f'[[registry]]\nprefix = "mirrored.example"\nlocation = "127.0.0.1:1"\n[[registry.mirror]]\n'
                f'location = "{cls.registry.host}"\ninsecure = true\n'
                f'[aliases]\n"nickname" = "{cls.registry.host}/deep/name"\n')

    def auth(self, user='someone', password='secret'):
        return {'auths': {self.guarded.host: {'auth': base64.b64encode(f'{user}:{password}'.encode()).decode()}}}

    def test_credentials(self):
        path = self.service.state('access.tar')
        with open(path, 'wb') as file:
            file.write(pack(x=b'1'))
        ident = self.client.import_image(path, f'{self.guarded.host}/a:1')['id']
        name = f'{self.guarded.host}/a:1'
        with self.assert_error('RegistryDenied', name):
            self.push(name)
        auth = os.memfd_create('auth')
        os.write(auth, json.dumps(self.auth()).encode())
        os.lseek(auth, 0, os.SEEK_SET)
        from service import GLib  # pylint: disable=import-outside-toplevel
        job = self.begin('Push', 'ss', name, '', fds=[auth], authfile=GLib.Variant('h', 0))
        self.client.job_wait(job)
        self.client.images('RemoveImage', 's', name)
        for wrong in (None, {}, self.auth(password='wrong'), self.auth(user='nobody')):
            with self.assert_error('RegistryDenied', name):
                self.pull(name, auth=wrong)
        self.assertEqual(self.pull(name, auth=self.auth())['id'], ident)
        self.assertEqual([line for line in self.service.said().splitlines() if 'secret' in line], [])

    def test_tls(self):
        """Who cannot be believed is not, unless that is asked for."""
        name = self.registry.put('plain', '1', self.image)
        with self.assert_error('RegistryFailed', 'HTTP'):
            self.pull(name, **{'tls-verify': True})
        self.pull(name, **{'tls-verify': False})
        self.pull(name)

    def test_short_names(self):
        self.registry.put('short', '1', self.image)
        self.registry.put('deep/name', '2', self.image)
        self.assertEqual(self.pull('short:1')['name'], f'{self.registry.host}/short:1')
        self.assertEqual(self.pull('nickname:2')['name'], f'{self.registry.host}/deep/name:2')
        # All that were tried are named.
        with self.assert_error('RegistryFailed', '127.0.0.1:1/none', f'{self.registry.host}/none'):
            self.pull('none')
        self.assertEqual(self.pull('short:1', policy='never')['id'], self.image.id)

    def test_mirror(self):
        self.registry.put('in/mirror', '1', self.image)
        result = self.pull('mirrored.example/in/mirror:1')
        self.assertEqual((result['id'], result['name']), (self.image.id, 'mirrored.example/in/mirror:1'))

    def test_blocked(self):
        with self.assert_error('ImageRejected', 'blocked.example', self.registries_conf):
            self.pull('blocked.example/a:1')


class PolicyTest(PullCase):
    """What policy.json says of signatures, which skopeo's proxy would not ask."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.name = cls.registry.put('policy', '1', Image(base_layer(), marker='policy'))

    def set_policy(self, **policy):
        write(self.policy_json, json.dumps(policy))

    def test_policy(self):
        accept, reject = [{'type': 'insecureAcceptAnything'}], [{'type': 'reject'}]
        host = self.registry.host
        for scopes, accepted in (({'docker': {host: accept}}, True), ({'docker': {host + '/policy': accept}}, True),
                                 ({'docker': {self.name: accept}}, True), ({'docker': {'': accept}}, True),
                                 ({'docker': {host: accept, host + '/policy': reject}}, False),
                                 ({'docker': {'other.example': accept}}, False), ({'dir': {'': accept}}, False), ({}, False)):
            with self.subTest(scopes):
                self.set_policy(default=reject, transports=scopes)
                if accepted:
                    self.pull(self.name)
                else:
                    with self.assert_error('ImageRejected', self.policy_json):
                        self.pull(self.name)

    def test_bad_policy(self):
        for text in ('', '{}', '[]', '{"default": 1}'):
            write(self.policy_json, text)
            with self.assert_error('BadConfig', self.policy_json):
                self.pull(self.name)
        os.unlink(self.policy_json)
        with self.assert_error('ImageRejected', self.policy_json, 'missing'):
            self.pull(self.name)

    def test_signatures(self):
        """An image with the right signature comes in byte for byte; one without, or with another's, does not."""
        home = os.path.join(self.files, 'gnupg')
        os.makedirs(home, mode=0o700)
        gpg = ['gpg', '--homedir', home, '--batch', '--quiet', '--pinentry-mode', 'loopback', '--passphrase', '']
        self.addCleanup(subprocess.run, ['gpgconf', '--homedir', home, '--kill', 'all'], check=False)
        for who in ('good', 'bad'):
            subprocess.run([*gpg, '--quick-generate-key', f'{who}@example.org', 'ed25519', 'sign'], check=True,
                           stderr=subprocess.DEVNULL)
        key = os.path.join(self.files, 'good.gpg')
        subprocess.run([*gpg, '--output', key, '--export', 'good@example.org'], check=True)
        image = Image(base_layer(), pack(x=b'signed'), marker='signed')
        names = {}
        for who in ('good', 'bad', ''):
            path = os.path.join(self.files, 'signed-' + who)
            self.write_dir(path, image)
            if who:
                subprocess.run(['skopeo', 'standalone-sign', os.path.join(path, 'manifest.json'), f'docker.example/{who}:1',
                                f'{who}@example.org', '--output', os.path.join(path, 'signature-1')],
                               check=True, env={**os.environ, 'GNUPGHOME': home}, stdout=subprocess.DEVNULL)
            names[who] = 'dir:' + path
        self.set_policy(default=[{'type': 'reject'}], transports={'dir': {self.files: [
            {'type': 'signedBy', 'keyType': 'GPGKeys', 'keyPath': key,
             'signedIdentity': {'type': 'exactReference', 'dockerReference': 'docker.example/good:1'}}]}})
        result = self.pull(names['good'], name='signed:1')
        self.assertEqual(result['id'], image.id)
        self.assertEqual(self.inspect('signed:1')['Digest'], image.digest)
        for who in ('bad', ''):
            with self.assert_error('ImageRejected'):
                self.pull(names[who])

    @staticmethod
    def write_dir(path, image):
        os.makedirs(path)
        for name, data in (('version', b'Directory Transport Version: 1.1\n'), ('manifest.json', image.text),
                           *((digest.partition(':')[2], data) for digest, data in image.blobs.items())):
            with open(os.path.join(path, name), 'wb') as file:
                file.write(data)


if __name__ == '__main__':
    main()
