#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The verbs about the files of containers: diff and commit, and sizes."""

import json
import os

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


if __name__ == '__main__':
    tap.main()
