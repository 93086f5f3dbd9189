# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which containers a verb is about: namespaces, dependencies, the newest one, filters."""

import json

from cli import CliTest, cpod, tap

NAMES = ('--format', '{{.Names}}')


class A11Namespaces(CliTest):
    def test_verbs_keep_to_it(self):
        one = self.ok('--namespace', 'a', 'create', '--name', 'web', 'busybox', 'sleep', '100')
        other = self.ok('--namespace=b', 'create', '--name', 'web', 'busybox', 'sleep', '100')
        self.assertEqual(self.ok('ps', '-a', *NAMES), 'web\nweb')
        self.assertEqual(self.ok('--namespace', 'a', 'ps', '-aq', '--no-trunc'), one)
        self.assertEqual(self.ok('ps', '-a', '--format', '{{.Namespace}}'), 'b\na')
        self.fails(125, one[:12] + '.*', 'start', 'web')
        self.assertEqual(self.ok('--namespace', 'b', 'start', 'web'), 'web')
        self.assertEqual(self.ok('ps', '-q', '--no-trunc'), other)
        (shown,) = json.loads(self.ok('--namespace', 'a', 'inspect', 'web'))
        self.assertEqual((shown['Id'], shown['Namespace']), (one, 'a'))
        self.ok('--namespace', 'a', 'rename', 'web', 'db')
        self.fails(125, "'a'.*'b'", '--namespace', 'b', 'stop', one)
        self.assertEqual(self.ok('--namespace', 'b', 'rm', '-f', '-t', '0', 'web'), 'web')
        self.assertEqual(self.ok('ps', '-a', *NAMES), 'db')
        self.assertEqual(self.ok('--namespace', 'b', 'container', 'prune', '-f'), 'Total reclaimed space: 0 B')
        self.assertEqual(self.ok('--namespace', '', 'container', 'prune', '-f').split('\n')[0], one)

    def test_events(self):
        ids = [self.ok('--namespace', space, 'create', '--name', 'eve', 'busybox') for space in ('a', 'b')]
        shown = self.ok('--namespace', 'b', 'events', '--no-stream', '--filter', 'name=eve', '--format', '{{.ID}}')
        self.assertEqual(shown, ids[1])

    def test_bad_names(self):
        self.fails(125, 'namespace', '--namespace', 'a b', 'ps')
        self.fails(125, "'web' in the namespace 'ghost'", '--namespace', 'ghost', 'stop', 'web')


class Dependencies(CliTest):
    def test_requires(self):
        for name in 'db', 'cache':
            self.ok('create', '--name', name, 'busybox', 'sleep', '100')
        self.ok('create', '--name', 'web', '--requires', 'db,cache', 'busybox', 'sleep', '100')
        self.ok('create', '--name', 'api', '--requires', 'db', '--requires', 'cache', 'busybox', 'sleep', '100')
        self.assertEqual(self.ok('start', 'web'), 'web')
        self.assertEqual(set(self.ok('ps', *NAMES).split()), {'web', 'db', 'cache'})
        self.assertEqual(self.ok('ps', '-a', '--filter', 'requires=db', *NAMES), 'api\nweb')
        self.fails(125, 'ghost', 'create', '--requires', 'ghost', 'busybox')

    def test_run_with_output(self):
        self.ok('create', '--name', 'db', 'busybox', 'sleep', '100')
        self.assertEqual(self.ok('run', '--rm', '--requires', 'db', 'busybox', 'echo', 'here'), 'here')
        self.assertEqual(self.ok('ps', *NAMES), 'db')

    def test_rm(self):
        self.ok('create', '--name', 'db', 'busybox', 'sleep', '100')
        web = self.ok('create', '--name', 'web', '--requires', 'db', 'busybox', 'sleep', '100')
        self.ok('start', 'web')
        self.fails(125, 'container web depends on container db', 'rm', '-f', 'db')
        self.fails(125, 'web is running', 'rm', '--dry-run', '--depend', 'db')
        self.fails(125, 'web depends', 'rm', '--dry-run', '-f', 'db')
        self.assertEqual(self.ok('ps', *NAMES), 'web\ndb')
        would = self.ok('rm', '--dry-run', '--depend', '-f', 'db').split()
        self.assertEqual((len(would), would[0]), (2, web))
        self.assertEqual(self.ok('rm', '--depend', '-f', '-t', '0', 'db'), 'db')
        self.assertEqual(self.ok('ps', '-aq'), '')


class A31Lookup(CliTest):
    def test_the_newest(self):
        self.ok('create', '--name', 'old', 'busybox', 'sleep', '100')
        new = self.ok('create', '--name', 'new', 'busybox', 'sh', '-c', 'echo here; exec sleep 100')
        self.assertEqual(self.ok('start', '-l'), new)
        self.assertEqual(self.ok('pause', '--latest'), new)
        self.assertEqual(self.ok('unpause', '-l'), new)
        self.assertEqual(json.loads(self.ok('inspect', '-l'))[0]['Name'], 'new')
        self.assertEqual(self.ok('restart', '-l', '-t', '0'), new)
        self.assertEqual(self.ok('kill', '-l'), new)
        self.assertEqual(self.ok('wait', '-l'), '137')
        self.assertEqual(set(self.ok('logs', '-l').split('\n')), {'here'})
        self.assertEqual(self.ok('stop', '-l'), new)
        self.assertEqual(self.ok('container', 'cleanup', '-l'), new)
        self.fails(125, '--latest', 'start', '-l', 'old')
        self.assertEqual(self.ok('rm', '-l'), new)
        self.assertEqual(self.ok('ps', '-a', *NAMES), 'old')
        self.ok('rm', '--latest')
        self.fails(125, 'there is no container', 'rm', '-l')

    def test_the_newest_attached(self):
        self.ok('create', '--name', 'new', 'busybox', 'sh', '-c', 'echo here; exit 3')
        result = cpod('start', '-a', '-l')
        self.assertEqual((result.returncode, result.stdout, result.stderr), (3, 'here\n', ''))

    def test_all_that_are_unknown_are_told(self):
        for name in 'a', 'b':
            self.ok('create', '--name', name, 'busybox')
        result = self.fails(1, 'ghost', 'rm', 'ghost', 'a', 'spirit', 'b')
        self.assertEqual(result.stdout, 'a\nb\n')
        self.assertEqual(result.stderr.count('Error: '), 2)
        self.assertIn('spirit', result.stderr)

    def test_candidates_are_told(self):
        ids = {}
        while True:
            identity = self.ok('create', 'busybox')
            if identity[0] in ids:
                break
            ids[identity[0]] = identity
        result = self.fails(125, identity[:12], 'inspect', identity[0])
        self.assertIn(ids[identity[0]][:12], result.stderr)

    def test_filters(self):
        self.run_container('--name', 'good', 'busybox', 'true')
        self.run_container('--name', 'bad', '--restart', 'no', 'busybox', 'sh', '-c', 'exit 3')
        self.ok('wait', '--condition', 'exited', 'good', 'bad')
        self.ok('create', '--name', 'fresh', '--restart', 'on-failure:2', 'busybox')

        def names(*filters):
            return self.ok('ps', *[word for given in filters for word in ('--filter', given)], *NAMES)
        self.assertEqual(names('exited=0'), 'good')
        self.assertEqual(names('exited=0', 'exited=3'), 'bad\ngood')
        self.assertEqual(names('status=exited'), 'bad\ngood')
        self.assertEqual(names('status=created'), 'fresh')
        self.assertEqual(names('status=exited', 'name=^b'), 'bad')
        self.assertEqual(names('status=exited', 'before=bad'), 'good')
        self.assertEqual(names('status=created', 'since=bad'), 'fresh')
        self.assertEqual(names('status=exited', 'until=1h'), '')
        self.assertEqual(names('status=created', 'restart-policy=on-failure'), 'fresh')
        for bad in 'exited=x', 'name=[', 'before=ghost', 'until=x':
            self.fails(125, '', 'ps', '--filter', bad)


if __name__ == '__main__':
    tap.main()
