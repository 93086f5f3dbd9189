# SPDX-License-Identifier: LGPL-2.1-or-later
"""pull, push, login and logout, and the pull that run and create do."""

import hashlib
import json
import os
import pty
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'bus'))

from cli import CliTest, cpod, tap  # noqa: E402 pylint: disable=wrong-import-position
from registry import Image, Registry, base_layer, noise, pack  # noqa: E402 pylint: disable=wrong-import-position
from service import wait_for  # noqa: E402 pylint: disable=wrong-import-position

PLAIN = '--tls-verify=false'


class Transfer(CliTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = Registry('cli')
        cls.image = Image(base_layer(), pack(x=b'1'), marker='cli')
        cls.name = cls.registry.put('some/image', '1', cls.image)
        cls.files = cls.registry.directory

    @classmethod
    def tearDownClass(cls):
        cls.registry.stop()
        super().tearDownClass()

    def tearDown(self):
        super().tearDown()
        for name in self.ok('images', '--noheading', '--format', '{{.Repository}}:{{.Tag}} {{.ID}}').split('\n'):
            name, ident = name.split()
            if name != 'localhost/busybox:latest':
                cpod('rmi', ident if '<none>' in name else name)

    def test_pull(self):
        self.assertEqual(self.ok('pull', '-q', PLAIN, self.name), self.image.id)
        result = cpod('pull', PLAIN, self.name)
        self.assertEqual((result.returncode, result.stdout, result.stderr),
                         (0, self.image.id + '\n', f'Pulling {self.name}\n'))
        self.assertEqual(self.ok('run', '--rm', self.name, 'cat', '/x'), '1')
        self.assertIn('some/image', self.ok('images'))
        self.assertIn(self.image.digest, self.ok('inspect', '--format', '{{.RepoDigests}}', self.name))
        self.assertEqual(self.ok('rmi', self.name).split('\n')[-1], f'Deleted: {self.image.id}')

    def test_pull_several(self):
        other = self.registry.put('other', '1', Image(base_layer(), marker='other'))
        result = cpod('pull', '-q', PLAIN, self.name, f'{self.registry.host}/nothing:1', other)
        self.assertEqual(result.returncode, 125)
        self.assertEqual(len(result.stdout.split()), 2)
        self.assertRegex(result.stderr, r'\AError: failed to pull image .*/nothing:1.*manifest unknown')

    def test_pull_all_tags(self):
        images = {tag: Image(base_layer(), marker=tag) for tag in ('1', '2', 'latest')}
        for tag, image in images.items():
            name = self.registry.put('tags/all', tag, image)
        repository = name.rpartition(':')[0]
        ids = self.ok('pull', '-q', '-a', PLAIN, repository).split('\n')
        self.assertEqual(sorted(ids), sorted(image.id for image in images.values()))
        for tag, image in images.items():
            self.assertEqual(self.ok('inspect', '--format', '{{.Id}}', f'{repository}:{tag}'), image.id)
        self.fails(125, '--all-tags', 'pull', '-q', '-a', PLAIN, name)
        self.fails(125, '--all-tags', 'pull', '-q', '-a', PLAIN, f'{repository}@{image.digest}')
        self.fails(125, 'nothing', 'pull', '-q', '-a', PLAIN, f'{self.registry.host}/nothing')

    def test_manifests_of_both_kinds(self):
        """What is committed as docker's goes there as docker's, to be run by who pulls it."""
        self.ok('create', '--name', 'a', 'busybox', 'echo', 'made')
        for kind, media_type in (('docker', 'application/vnd.docker.distribution.manifest.v2+json'),
                                 ('oci', 'application/vnd.oci.image.manifest.v1+json')):
            name = f'{self.registry.host}/made/{kind}:1'
            ident = self.ok('commit', '-q', '-f', kind, '-m', kind, 'a', name)
            self.ok('push', '-q', PLAIN, name)
            raw = subprocess.run(['skopeo', 'inspect', '--raw', PLAIN, f'docker://{name}'], capture_output=True, check=True).stdout
            manifest = json.loads(raw)
            self.assertEqual(manifest['mediaType'], media_type)
            self.assertIn('docker' if kind == 'docker' else 'oci', manifest['config']['mediaType'])
            digests = self.ok('inspect', '--format', '{{json .RepoDigests}}', name)
            self.assertEqual('sha256:' + hashlib.sha256(raw).hexdigest() in digests, kind == 'docker')
            self.ok('rmi', name)
            self.assertEqual(self.ok('pull', '-q', PLAIN, name), ident)
            self.assertEqual(self.ok('run', '--rm', name), 'made')

    def test_pull_options(self):
        self.fails(125, 'may not be pulled', 'pull', '-q', PLAIN, '--policy', 'never', self.name)
        self.fails(125, 'sometimes', 'pull', '-q', '--policy', 'sometimes', self.name)
        self.fails(125, 'perhaps', 'pull', '-q', '--tls-verify=perhaps', self.name)
        self.fails(125, '--platform', 'pull', '-q', '--platform', 'linux/amd64', '--arch', 'arm', self.name)
        self.fails(125, 'HTTP', 'pull', '-q', '--tls-verify=true', self.name)
        self.fails(125, 'at least one', 'pull')
        self.fails(125, 'auth.json', 'pull', '-q', '--authfile', '/nonexistent/auth.json', self.name)

    def test_bar(self):
        """On a terminal there is a bar, and nothing is left of it."""
        name = self.registry.put('large', '1', Image(base_layer(), *(pack(x=noise(i, 3000000)) for i in range(3)), marker='bar'))
        ours, theirs = pty.openpty()
        result = subprocess.run(['cpod', 'pull', PLAIN, name], stdout=subprocess.PIPE, stderr=theirs, check=True, timeout=120)
        os.close(theirs)
        self.assertEqual(len(result.stdout), 65)
        said = b''
        try:
            while data := os.read(ours, 65536):
                said += data
        except OSError:
            pass
        os.close(ours)
        self.assertIn(b'] ', said)
        self.assertTrue(said.endswith(b'\r\x1b[K'))

    def test_run_pulls(self):
        missing = self.registry.host + '/missing:1'
        self.fails(125, 'no image', 'run', '--pull=never', missing)
        # Without TLS only on a registry that the configuration lets off, so it fails; but it is tried.
        result = cpod('run', missing)
        self.assertEqual(result.returncode, 125)
        self.assertIn(f'Pulling {missing}\n', result.stderr)
        self.assertIn('failed to pull image ' + missing, result.stderr)
        self.fails(125, 'failed to pull image', 'create', '-q', missing)
        self.fails(125, 'failed to pull image', 'run', '-q', '--pull=always', missing)

    def test_run_from_files(self):
        """run takes what pull takes."""
        layout = os.path.join(self.files, 'layout')
        subprocess.run(['skopeo', 'copy', '-q', '--src-tls-verify=false', 'docker://' + self.name, f'oci:{layout}:run/me'], check=True)
        self.assertEqual(self.ok('run', '-q', '--rm', '--pull=always', f'oci:{layout}:run/me', 'cat', '/x'), '1')
        self.assertEqual(self.ok('run', '-q', '--rm', 'run/me', 'cat', '/x'), '1')

    def test_push(self):
        name = f'{self.registry.host}/pushed:1'
        digest = self.ok('push', PLAIN, 'busybox', name)
        self.assertRegex(digest, r'\Asha256:[0-9a-f]{64}\Z')
        path = os.path.join(self.files, 'digest')
        self.assertEqual(self.ok('push', '-q', PLAIN, '--digestfile', path, 'busybox', name), '')
        with open(path, encoding='utf-8') as file:
            self.assertEqual(file.read(), digest)
        self.assertNotEqual(self.ok('push', PLAIN, '-f', 'v2s2', 'busybox', name), digest)
        self.fails(125, 'no name with a registry', 'push', 'busybox')
        self.fails(125, 'destination', 'push')
        self.fails(125, 'no image', 'push', 'nothing', name)

    def test_search(self):
        repository = self.name.rpartition(':')[0]
        self.registry.put('some/image', '2', self.image)
        header, *rows = self.ok('search', PLAIN, '--list-tags', repository).split('\n')
        self.assertEqual((header.split(), sorted(row.split() for row in rows)), (['NAME', 'TAG'], [[repository, '1'], [repository, '2']]))
        self.assertIn(self.ok('image', 'search', PLAIN, '--list-tags', '--limit', '1', '--format', '{{.Tag}}', repository), ('1', '2'))
        (found,) = json.loads(self.ok('search', PLAIN, '--list-tags', '--format', 'json', repository))
        self.assertEqual((found['Name'], sorted(found['Tags'])), (repository, ['1', '2']))
        self.fails(125, 'nothing', 'search', PLAIN, '--list-tags', self.registry.host + '/nothing')
        self.fails(125, 'above 0', 'search', '--list-tags', '--limit', '0', 'busybox')
        self.fails(125, 'exactly one', 'search', '--list-tags')
        self.fails(125, 'exactly one', 'search')

    def test_search_for_repositories(self):
        name = self.registry.put('rare/thing', '1', self.image).rpartition(':')[0]
        term = self.registry.host + '/are/th'
        header, row = self.ok('search', PLAIN, term).split('\n')
        self.assertEqual((header.split(), row.split()), (['NAME', 'DESCRIPTION'], [name]))
        self.assertEqual(self.ok('search', PLAIN, '--noheading', '--format', '{{.Index}} {{.Stars}} {{.Official}}', term),
                         self.registry.host + ' 0 ')
        (found,) = json.loads(self.ok('image', 'search', PLAIN, '--format', 'json', term))
        self.assertEqual((found['Name'], found['Index']), (name, self.registry.host))
        self.assertEqual(self.ok('search', PLAIN, '--noheading', '--filter', 'stars=1', term), '')
        self.assertEqual(self.ok('search', PLAIN, '--noheading', '-f', 'is-official', term), '')
        self.fails(125, 'stars=NUMBER', 'search', PLAIN, '--filter', 'stars=many', term)
        self.fails(125, '127.0.0.1:1', 'search', '127.0.0.1:1/a')

    def test_login(self):
        guarded = Registry('cli-guarded', users={'someone': 'secret'})
        auth = os.path.join(self.files, 'auth.json')
        name = f'{guarded.host}/a:1'
        try:
            self.fails(125, 'authentication required', 'push', '-q', PLAIN, 'busybox', name)
            wrong = cpod('login', '--authfile', auth, PLAIN, '-u', 'someone', '--password-stdin', guarded.host, input='wrong\n')
            self.assertNotEqual(wrong.returncode, 0)
            right = cpod('login', '--authfile', auth, PLAIN, '-u', 'someone', '--password-stdin', guarded.host, input='secret\n')
            self.assertEqual(right.returncode, 0, right.stderr)
            self.assertEqual(cpod('login', '--authfile', auth, '--get-login', guarded.host).stdout, 'someone\n')
            self.ok('push', '-q', PLAIN, '--authfile', auth, 'busybox', name)
            self.ok('pull', '-q', PLAIN, name, env={**os.environ, 'REGISTRY_AUTH_FILE': auth})
            self.ok('pull', '-q', PLAIN, '--creds', 'someone:secret', name)
            self.fails(125, 'denied|unauthorized|authentication', 'pull', '-q', PLAIN, '--creds', 'someone:wrong', name)
            self.fails(125, 'creds', 'pull', '-q', '--creds', 'someone', name)
            self.assertEqual(cpod('logout', '--authfile', auth, guarded.host).returncode, 0)
            with open(auth, encoding='utf-8') as file:
                self.assertEqual(json.load(file).get('auths', {}), {})
            self.fails(125, 'authentication required', 'pull', '-q', PLAIN, '--authfile', auth, name)
        finally:
            guarded.stop()
        self.fails(125, 'registry must be given', 'login')
        self.fails(125, 'registry must be given', 'logout')

    def test_interrupted(self):
        """Who is interrupted leaves nothing: the service undoes what was half done."""
        name = self.registry.put('slow', '1', Image(base_layer(), *(pack(x=noise(i, 5000000)) for i in range(6)), marker='slow'))
        process = subprocess.Popen(['cpod', 'pull', '-q', PLAIN, name], stdout=subprocess.PIPE)
        wait_for(lambda: process.poll() is not None or any('slow' in line for line in self.registry.requests()), 60, 'a request')
        process.send_signal(2)
        process.communicate(timeout=60)
        self.assertIn(process.returncode, (-2, 0))
        wait_for(lambda: cpod('system', 'check').returncode == 0, 60, 'a clean check')


if __name__ == '__main__':
    tap.main()
