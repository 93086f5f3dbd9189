# SPDX-License-Identifier: LGPL-2.1-or-later
"""The verbs that look after containers: pause, restart, prune, evict, cleanup; and restart policies."""

import json
import os
import pty
import subprocess
import time

from cli import CliTest, cpod, tap


class UpkeepTest(CliTest):
    def state(self, name):
        return self.ok('inspect', '-f', '{{.State.Status}}', name)

    def pid(self, name):
        return int(self.ok('inspect', '-f', '{{.State.Pid}}', name))

    def statuses(self, identity):
        return self.ok('events', '--no-stream', '--filter', f'id={identity}', '--format', '{{.Status}}').split('\n')


class Pause(UpkeepTest):
    def test_pause_and_unpause(self):
        identity = self.run_container('--name', 'c', 'busybox', 'sh', '-c', 'while :; do echo x; sleep 0.02; done')
        self.assertEqual(self.ok('pause', 'c'), 'c')
        self.assertEqual(self.state('c'), 'paused')
        self.assertEqual(self.ok('ps', '--filter', 'status=paused', '--format', '{{.Names}} {{.Status}}'), 'c Paused')
        frozen = self.ok('logs', 'c')
        time.sleep(0.3)
        self.assertEqual(self.ok('logs', 'c'), frozen)
        self.fails(125, 'container c: .*paused', 'pause', 'c')
        self.assertEqual(self.ok('unpause', 'c'), 'c')
        self.assertEqual(self.state('c'), 'running')
        time.sleep(0.3)
        self.assertGreater(len(self.ok('logs', 'c')), len(frozen))
        self.fails(125, 'container c: .*running', 'unpause', 'c')
        self.assertEqual(self.statuses(identity)[-2:], ['pause', 'unpause'])

    def test_several(self):
        for name in 'a', 'b':
            self.run_container('--name', name, 'busybox', 'sleep', '100')
        result = self.fails(125, 'nosuch', 'pause', 'a', 'nosuch', 'b')
        self.assertEqual(result.stdout, 'a\nb\n')
        self.assertEqual(self.ok('unpause', 'b', 'a'), 'b\na')
        self.fails(125, '', 'pause')


class Restart(UpkeepTest):
    def test_restart(self):
        identity = self.run_container('--name', 'c', '--stop-timeout', '100', 'busybox', 'sh', '-c',
                                      'trap "" TERM; while :; do sleep 0.05; done')
        pid = self.pid('c')
        begin = time.monotonic()
        self.assertEqual(self.ok('restart', '-t', '0', 'c'), 'c')
        self.assertLess(time.monotonic() - begin, 20)
        self.assertNotIn(self.pid('c'), (0, pid))
        self.assertFalse(os.path.exists(f'/proc/{pid}'))
        self.assertEqual(self.statuses(identity)[-1], 'restart')
        self.fails(125, 'nosuch', 'restart', 'nosuch')

    def test_restart_of_one_that_does_not_run(self):
        self.ok('create', '--name', 'c', 'busybox', 'sleep', '100')
        self.ok('restart', 'c')
        self.assertEqual(self.state('c'), 'running')

    def test_policy(self):
        identity = self.run_container('--name', 'c', '--restart', 'on-failure:2', 'busybox', 'false')
        deadline = time.monotonic() + 20
        while self.statuses(identity).count('died') < 3 and time.monotonic() < deadline:
            time.sleep(0.1)
        self.ok('wait', 'c')
        self.assertEqual(self.statuses(identity).count('restart'), 2)
        (container,) = json.loads(self.ok('inspect', 'c'))
        self.assertEqual(container['HostConfig']['RestartPolicy'], {'Name': 'on-failure', 'MaximumRetryCount': 2})
        self.assertEqual(container['RestartCount'], 2)

    def test_policy_of_a_created_one(self):
        for policy, name in ((), 'no'), (('--restart', 'no'), 'no'), (('--restart=unless-stopped',), 'unless-stopped'):
            identity = self.ok('create', *policy, 'busybox')
            (container,) = json.loads(self.ok('inspect', identity))
            self.assertEqual(container['HostConfig']['RestartPolicy'], {'Name': name, 'MaximumRetryCount': 0})
            self.assertEqual(container['RestartCount'], 0)

    def test_bad_policies(self):
        self.fails(125, "restart-policy.*'sometimes'", 'create', '--restart', 'sometimes', 'busybox')
        self.fails(125, "auto-remove", 'run', '--rm', '--restart', 'always', 'busybox', 'true')
        self.assertEqual(self.ok('ps', '-aq'), '')


class Prune(UpkeepTest):
    def setUp(self):
        cpod('run', '--name', 'ended', '-l', 'k=v', 'busybox', 'sh', '-c', 'head -c 100000 /dev/zero > /file')
        self.ended = self.ok('inspect', '-f', '{{.Id}}', 'ended')
        self.fresh = self.ok('create', '--name', 'fresh', 'busybox')
        self.running = self.run_container('--name', 'runs', 'busybox', 'sleep', '100')

    def left(self):
        return set(self.ok('ps', '-aq', '--no-trunc').split())

    def ask(self, answer):
        """Prune at a terminal and give this answer; gives what was printed."""
        ours, theirs = pty.openpty()
        with open(ours, 'wb', buffering=0) as keyboard, open(theirs, 'rb', buffering=0) as terminal:
            keyboard.write(answer)
            return self.ok('container', 'prune', stdin=terminal)

    def test_prune(self):
        *ids, total = self.ok('container', 'prune', '-f').split('\n')
        self.assertEqual(set(ids), {self.ended, self.fresh})
        self.assertRegex(total, r'\ATotal reclaimed space: 1\d\d kB\Z')
        self.assertEqual(self.left(), {self.running})
        self.assertEqual(self.ok('container', 'prune', '--force'), 'Total reclaimed space: 0 B')

    def test_dry_run(self):
        *ids, total = self.ok('container', 'prune', '--dry-run').split('\n')
        self.assertEqual(set(ids), {self.ended, self.fresh})
        self.assertRegex(total, r'\ATotal reclaimable space: 1\d\d kB\Z')
        self.assertEqual(self.left(), {self.ended, self.fresh, self.running})

    def test_filters(self):
        prune = ('container', 'prune', '-f', '--filter')
        self.assertEqual(self.ok(*prune, 'until=1h'), 'Total reclaimed space: 0 B')
        self.assertEqual(self.ok(*prune, 'label=other'), 'Total reclaimed space: 0 B')
        self.assertEqual(self.ok(*prune, 'label=other', '--filter', 'label=k=v').split('\n')[0], self.ended)
        self.assertEqual(self.left(), {self.fresh, self.running})
        self.assertEqual(self.ok(*prune, 'until=0s').split('\n')[0], self.fresh)
        self.fails(125, 'frob', *prune, 'frob=1')
        self.fails(125, 'whenever', *prune, 'until=whenever')
        self.fails(125, 'until', *prune, 'until=1h', '--filter', 'until=2h')

    def test_asks(self):
        everything = {self.ended, self.fresh, self.running}
        self.fails(125, '--force', 'container', 'prune', stdin=subprocess.DEVNULL)
        self.assertEqual(self.left(), everything)
        self.assertRegex(self.ask(b'n\n'), r'\[y/N\] \Z')
        self.assertRegex(self.ask(b'\n'), r'\[y/N\] \Z')
        self.assertEqual(self.left(), everything)
        self.assertIn('Total reclaimed space', self.ask(b'y\n'))
        self.assertEqual(self.left(), {self.running})

    def test_usage(self):
        self.fails(125, 'word', 'container', 'prune', 'word')
        self.fails(125, 'cleanup, diff, evict, exists, inspect, prune', 'container')
        self.fails(125, 'cleanup, diff, evict, exists, inspect, prune', 'container', 'frob')
        self.assertIn('cpod container prune', self.ok('container', 'prune', '--help'))


class EvictAndCleanup(UpkeepTest):
    def test_evict(self):
        identity = self.run_container('--name', 'c', 'busybox', 'sleep', '100')
        pid = self.pid('c')
        result = self.fails(1, 'nosuch', 'container', 'evict', 'nosuch', 'c')
        self.assertEqual(result.stdout, 'c\n')
        self.assertEqual(self.ok('ps', '-aq'), '')
        self.assertFalse(os.path.exists(f'/proc/{pid}'))
        self.assertEqual(self.statuses(identity)[-1], 'remove')

    def test_cleanup(self):
        self.ok('create', '--name', 'c', 'busybox', 'sleep', '100')
        self.assertEqual(self.ok('container', 'cleanup', 'c'), 'c')
        self.ok('start', 'c')
        self.fails(125, 'container c: .*running', 'container', 'cleanup', 'c')
        self.ok('kill', 'c')
        self.ok('wait', 'c')
        self.assertEqual(self.ok('container', 'cleanup', 'c'), 'c')


if __name__ == '__main__':
    tap.main()
