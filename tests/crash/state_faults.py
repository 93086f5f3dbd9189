# SPDX-License-Identifier: LGPL-2.1-or-later
"""The service is killed while a container goes from one state to another."""

import os
import signal

from service import files_in, wait_for


class StateFaults:
    def start_dies(self, point):
        for script, code in (('while ! [ -e /go ]; do sleep 0.01; done; exit 4', None), ('exit 5', 5)):
            with self.subTest(script):
                victim = self.client.create('sh', '-c', script, name='victim')
                self.arm(point)
                since = self.client.last_seq()
                self.die(self.client.container('victim').start)
                if code is not None:
                    wait_for(lambda: victim.id in files_in(self.service.root, 'run', 'exits'))  # pylint: disable=cell-var-from-loop
                self.revive()
                again = self.client.container('victim')
                if code is None:
                    self.assertEqual(again.get('State'), 'running')
                    self.assertEqual(self.statuses(self.assert_whole(since), victim.id), ['init', 'start'])
                    again.stop(timeout=0)
                else:
                    self.assertEqual(again.wait(), code)
                    again.wait_exited()
                    self.assertEqual(self.statuses(self.assert_whole(since), victim.id),
                                     ['init', 'start', 'died', 'cleanup'])
                again.remove()

    def test_start_of_what_somebody_had_stopped(self):
        """It is not stopped any more, and so its restart policy counts again."""
        victim = self.client.create('sleep', '1000', name='victim', restart_policy='always')
        victim.start()
        victim.stop(timeout=0)
        self.arm('start.started')
        self.die(self.client.container('victim').start)
        self.revive()
        again = self.client.container('victim')
        pid = again.get('Pid')
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: again.get('Pid') not in (0, pid), 20, 'another run')
        again.remove(force=True, timeout=0)

    def pause_dies(self, point):
        for method, before in (('Pause', 'running'), ('Unpause', 'paused')):
            with self.subTest(method):
                victim = self.client.create('sh', '-c', 'while :; do echo x; sleep 0.01; done', name='victim')
                victim.start()
                if before == 'paused':
                    victim.call('Pause')
                self.arm(point)
                since = self.client.last_seq()
                self.die(lambda: self.client.container('victim').call(method))  # pylint: disable=cell-var-from-loop
                self.revive()
                again = self.client.container('victim')
                self.assertEqual(again.get('State'), 'running')
                self.assertEqual(self.statuses(self.assert_whole(since), victim.id),
                                 ['unpause'] if before == 'paused' else [])
                lines = len(again.log())
                wait_for(lambda: len(again.log()) > lines, 5, 'output')  # pylint: disable=cell-var-from-loop
                again.remove(force=True, timeout=0)

    def stop_dies(self, point):
        """Of one that was paused: it is not left frozen, where nothing would end it."""
        victim = self.client.create('sh', '-c', 'while :; do echo x; sleep 0.01; done', name='victim')
        victim.start()
        victim.call('Pause')
        self.arm(point)
        since = self.client.last_seq()
        self.die(lambda: self.client.container('victim').stop(timeout=100))
        self.revive()
        again = self.client.container('victim')
        self.assertEqual(again.get('State'), 'running')
        self.assertEqual(self.statuses(self.assert_whole(since), victim.id), [])
        lines = len(again.log())
        wait_for(lambda: len(again.log()) > lines, 5, 'output')
        again.stop(timeout=0)
        again.remove()

    def kill_dies(self, point):
        victim = self.client.create('sleep', '1000', name='victim')
        victim.start()
        victim.call('Pause')
        self.arm(point)
        since = self.client.last_seq()
        self.die(lambda: self.client.container('victim').call('Kill'))
        self.revive()
        self.assert_whole(since)
        again = self.client.container('victim')
        if again.get('State') == 'paused':      # with cgroups v1 it has not taken the signal yet
            again.call('Kill')
        again.wait_exited()
        again.remove()
