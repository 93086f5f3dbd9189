# SPDX-License-Identifier: LGPL-2.1-or-later
"""cpod build: buildah builds, from our images, and we have what it has made."""

import os
import shutil
import subprocess
import tempfile

from cli import CliTest, cpod, tap

STORAGE = '''[storage]
driver = "vfs"
graphroot = "{0}/graph"
runroot = "{0}/run"
'''


class Build(CliTest):
    def setUp(self):
        self.scratch = tempfile.mkdtemp(prefix='cpod-test-build-')
        self.addCleanup(shutil.rmtree, self.scratch)
        self.addCleanup(lambda: cpod('rmi', '-f', *set(self.built())))
        self.context = os.path.join(self.scratch, 'context')
        self.write('storage.conf', STORAGE.format(self.scratch))
        self.environment = dict(os.environ, CONTAINERS_STORAGE_CONF=os.path.join(self.scratch, 'storage.conf'),
                                BUILDAH_ISOLATION='chroot', TMPDIR=os.path.join(self.scratch, 'tmp'))
        os.mkdir(self.environment['TMPDIR'])

    def write(self, name, text):
        path = os.path.join(self.scratch, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)
        return path

    def names(self):
        return self.ok('images', '--format', '{{.Repository}}:{{.Tag}}').split()

    def built(self):
        return [name for name in self.names() if name != 'localhost/busybox:latest']

    def build(self, *words):
        result = cpod('build', *words, env=self.environment, timeout=240)
        self.assertEqual(os.listdir(self.environment['TMPDIR']), [])
        return result

    def build_ok(self, *words):
        result = self.build(*words)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout.strip()

    def test_build(self):
        """From an image that only we have, in two stages."""
        self.write('context/Containerfile', 'FROM busybox AS one\nRUN echo built > /built\nFROM one\nCOPY file /file\n'
                   'ENV A=b\nCMD ["cat", "/built", "/file"]\n')
        self.write('context/file', 'copied\n')
        self.build_ok('-t', 'made', '--tag=other:2', self.context)
        self.assertEqual(sorted(self.built()), ['localhost/made:latest', 'localhost/other:2'])
        self.assertEqual(self.ok('run', '--rm', 'made'), 'built\ncopied')
        self.assertEqual(self.ok('run', '--rm', 'other:2', 'sh', '-c', 'echo $A'), 'b')
        ids = self.ok('images', '--no-trunc', '-q', 'made')
        there = subprocess.run(['buildah', 'images', '--no-trunc', '-q', 'made'], env=self.environment, check=True,
                               stdout=subprocess.PIPE, text=True).stdout.strip()
        self.assertEqual(ids, there)

    def test_format_and_id(self):
        """An image in docker's format keeps its id too; a file is named, and the id written where it is wanted."""
        path = self.write('elsewhere', 'FROM busybox\nLABEL a=b\n')
        ident = os.path.join(self.scratch, 'id')
        os.mkdir(self.context)
        words = ['--format', 'docker', '--quiet', '-f', path, self.context]
        said = self.build_ok(*words)
        self.assertEqual(self.build_ok('--iidfile', ident, *words), '')
        with open(ident, encoding='utf-8') as file:
            text = file.read().strip()
        for image in ('sha256:' + said, text):
            self.assertIn(image, self.ok('images', '--no-trunc', '-q').split())
            self.ok('rmi', image)

    def test_failures(self):
        self.write('context/Containerfile', 'FROM busybox\nRUN exit 7\n')
        for words, message in (([self.context], 'exit status 7'), (['/nosuch'], '/nosuch'), (['--frob', self.context], '--frob')):
            result = self.build('-t', 'made', *words)
            self.assertEqual(result.returncode, 125)
            self.assertIn(message, result.stderr)
            self.assertIn('buildah build failed', result.stderr)
        self.assertEqual(self.built(), [])
        missing = cpod('build', self.context, env=dict(self.environment, PATH=os.path.dirname(shutil.which('cpod'))))
        self.assertEqual(missing.returncode, 125)
        self.assertIn('buildah', missing.stderr)


if __name__ == '__main__':
    tap.main()
