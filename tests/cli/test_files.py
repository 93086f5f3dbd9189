#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The verbs about the files of containers: diff and commit, and sizes."""

import io
import json
import os
import subprocess
import tarfile
import tempfile

from cli import CliTest, tap


class Files(CliTest):
    def work(self, script='echo new >/added; rm /bin/cat'):
        self.ok('run', '--name', 'a', 'busybox', 'sh', '-c', script)

    def tearDown(self):
        super().tearDown()
        if self.ok('images', '-q', 'made'):
            self.ok('rmi', '-f', 'made')

    def test_diff(self):
        self.work()
        lines = self.ok('diff', 'a').split('\n')
        self.assertLess({'A /added', 'C /bin', 'D /bin/cat'}, set(lines))
        self.assertEqual(self.ok('diff', '-l').split('\n'), lines)
        found = json.loads(self.ok('diff', '--format', 'json', 'a'))
        self.assertEqual((found['added'], found['deleted']), (['/added'], ['/bin/cat']))
        self.assertIn('A /bin/busybox', self.ok('diff', 'busybox').split('\n'))

    def test_diff_errors(self):
        self.fails(125, 'no such object: "nosuch"', 'diff', 'nosuch')
        self.fails(125, 'json', 'diff', '--format', 'xml', 'busybox')
        self.fails(125, 'unexpected', 'diff', 'busybox', 'busybox')
        self.fails(125, 'name or id', 'diff')

    def test_sizes(self):
        self.work('dd if=/dev/zero of=/a bs=1000 count=2 2>/dev/null')
        self.assertRegex(self.ok('ps', '-as').split('\n')[0], r'NAMES +SIZE$')
        self.assertRegex(self.ok('ps', '-as', '--format', '{{.Size}}'), r'^2 kB \(virtual [0-9.]+ MB\)$')
        row, = json.loads(self.ok('ps', '-as', '--format', 'json'))
        self.assertEqual(row['Size']['rwSize'], 2000)
        self.assertEqual(self.ok('inspect', '-s', '--format', '{{.SizeRw}} {{.SizeRootFs}}', 'a'),
                         f"2000 {row['Size']['rootFsSize']}")
        self.assertNotIn('Size', json.loads(self.ok('ps', '-a', '--format', 'json'))[0])

    def test_commit(self):
        self.work()
        path = os.path.join(os.environ['CPOD_ROOT'], 'id')
        ident = self.ok('commit', '-q', '--iidfile', path, '-a', 'me', '-m', 'why', '-c', 'CMD ["echo","made"]', 'a', 'made')
        with open(path, encoding='utf-8') as file:
            self.assertEqual(file.read(), ident)
        data, = json.loads(self.ok('inspect', 'made'))
        self.assertEqual((data['Id'], data['Author'], data['History'][-1]['comment']), (ident, 'me', 'why'))
        self.assertEqual(self.ok('run', 'made'), 'made')
        self.assertEqual(self.ok('run', 'made', 'head', '/added'), 'new')

    def test_commit_of_one_that_runs(self):
        self.ok('run', '-d', '--name', 'a', 'busybox', 'sleep', '1000')
        self.ok('commit', '--pause', '--squash', 'a', 'made')
        self.assertEqual(self.ok('ps', '--format', '{{.Names}} {{.State}}'), 'a running')
        data, = json.loads(self.ok('inspect', 'made'))
        self.assertEqual(len(data['RootFS']['Layers']), 1)
        self.assertEqual(data['Config']['Cmd'], ['sleep', '1000'])
        self.ok('rm', '-f', '-t', '0', 'a')

    def test_commit_errors(self):
        self.work('true')
        self.fails(125, 'nosuch', 'commit', 'nosuch', 'made')
        self.fails(125, 'container', 'commit')
        self.fails(125, 'SHELL', 'commit', '-c', 'SHELL x', 'a', 'made')
        self.fails(125, 'commit container a', 'commit', 'a', 'Not a name')
        self.fails(125, 'give one', 'commit', '--format', 'docker', 'a')
        self.fails(125, 'tarball', 'commit', '--format', 'tarball', 'a', 'made')


class Copy(CliTest):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.here = directory.name
        self.ok('create', '--name', 'a', '--user', '12:34', 'busybox', 'true')
        self.ok('run', '-d', '--name', 'r', 'busybox', 'sleep', '1000')
        os.makedirs(self.path('src/sub'))
        self.write('src/one', 'one\n')
        self.write('src/sub/two', 'two\n')
        os.link(self.path('src/one'), self.path('src/hard'))
        os.symlink('one', self.path('src/soft'))

    def path(self, name):
        return os.path.join(self.here, name)

    def write(self, name, text):
        with open(self.path(name), 'w', encoding='utf-8') as file:
            file.write(text)

    def read(self, name):
        with open(self.path(name), encoding='utf-8') as file:
            return file.read()

    def inside(self, *command):
        return self.ok('exec', 'r', *command)

    def test_directories_in(self):
        self.ok('cp', self.path('src'), 'r:/tmp')
        self.ok('cp', self.path('src'), 'r:/new')
        self.ok('cp', self.path('src/.'), 'r:/var')
        self.assertEqual(self.inside('cat', '/tmp/src/sub/two', '/new/sub/two', '/var/sub/two'), 'two\ntwo\ntwo')
        self.assertEqual(self.inside('stat', '-c', '%h', '/new/one', '/new/hard'), '2\n2')
        self.assertEqual(self.inside('readlink', '/new/soft'), 'one')

    def test_files_in(self):
        self.ok('cp', self.path('src/one'), 'r:/dev/shm')
        self.ok('cp', self.path('src/soft'), 'r:tmp/name')
        self.assertEqual(self.inside('cat', '/dev/shm/one', '/tmp/name'), 'one\none')
        self.write('src/one', 'again\n')
        self.ok('cp', self.path('src/one'), 'r:/tmp/name')
        self.assertEqual(self.inside('cat', '/tmp/name'), 'again')

    def test_out(self):
        self.ok('cp', self.path('src'), 'a:/kept')
        self.ok('cp', 'a:/kept', self.path('out'))
        self.ok('cp', 'a:/kept', self.path('out'))
        self.ok('cp', 'a:/kept/soft', self.path('file'))
        self.assertEqual(self.read('out/sub/two') + self.read('out/kept/one') + self.read('file'), 'two\none\none\n')
        self.assertEqual(os.stat(self.path('out/one')).st_nlink, 2)
        self.assertEqual(os.stat(self.path('out/one')).st_uid, os.getuid())

    def test_between(self):
        self.ok('cp', self.path('src'), 'a:/kept')
        self.ok('cp', 'a:/kept/.', 'r:/tmp')
        self.ok('cp', '--no-archive', 'a:/kept/one', 'r:/tmp/owned')
        self.assertEqual(self.inside('cat', '/tmp/sub/two'), 'two')
        self.assertEqual(self.inside('stat', '-c', '%u:%g', '/tmp/one', '/tmp/owned'), '0:0\n12:34')

    def test_streams(self):
        result = subprocess.run(['cpod', 'cp', 'r:/etc/passwd', '-'], capture_output=True, check=True)
        with tarfile.open(fileobj=io.BytesIO(result.stdout)) as archive:
            self.assertEqual(archive.getnames(), ['passwd'])
        subprocess.run(['cpod', 'cp', '-', 'r:/tmp'], input=result.stdout, check=True)
        self.assertEqual(self.inside('cat', '/tmp/passwd'), self.inside('cat', '/etc/passwd'))

    def test_errors(self):
        self.fails(125, 'no /nosuch', 'cp', 'r:/nosuch', self.path('x'))
        self.fails(125, 'nosuch', 'cp', self.path('nosuch'), 'r:/')
        self.fails(125, 'nosuch', 'cp', 'nosuch:/', self.path('x'))
        self.fails(125, 'busybox', 'cp', self.path('src'), 'r:/bin/busybox')
        self.fails(125, '/no', 'cp', self.path('src/one'), 'r:/no/where')
        self.fails(125, 'no directory', 'cp', self.path('src/one'), 'r:/nowhere/')
        self.fails(125, 'no/dir', 'cp', 'r:/etc/passwd', self.path('no/dir/file'))
        self.fails(125, 'CONTAINER:PATH', 'cp', self.path('src'), self.path('x'))
        self.fails(125, 'must be given', 'cp', 'r:/etc')
        os.mkdir(self.path('one'))
        self.ok('cp', self.path('src'), 'r:/tmp')
        self.fails(125, 'directory', 'cp', self.path('one'), 'r:/tmp/src')
        self.ok('cp', '--overwrite', self.path('one'), 'r:/tmp/src')


if __name__ == '__main__':
    tap.main()
