# SPDX-License-Identifier: LGPL-2.1-or-later
"""The service is killed while it works on exec sessions."""

import os
import signal

from execs import Exec, list_execs, new_exec
from service import is_alive, wait_for

FOREVER = 'while :; do sleep 0.05; done'


class ExecFaults:
    """For a case that can kill the service. The sessions are the bystander's."""

    def container(self):
        return self.client.container('bystander')

    def processes_like(self, word):
        """In the bystander, whatever the records say of it."""
        return [line for line in new_exec(self.container(), 'ps', '-o', 'args', auto_remove=True).run()[1].splitlines()
                if word in line]

    def exec_dies(self, point):
        for begin, mark in (('start', 'sleep 1001'), ('attach', 'sleep 1002'), ('start_with_streams', 'sleep 1003')):
            with self.subTest(begin):
                # Not a shell, which would be there twice while it begins something.
                session = new_exec(self.container(), *mark.split())
                self.arm(point)
                since = self.client.last_seq()
                with open(os.devnull, 'r+b') as null:
                    begins = {'start_with_streams': lambda s: s.start_with(stdin=null.fileno(), stdout=null.fileno())}
                    victim = Exec(self.client, session.path)
                    self.die(lambda: begins.get(begin, lambda s: getattr(s, begin)())(victim))
                self.revive()
                events = self.assert_whole(since)
                again = Exec(self.client, session.path)
                if point == 'exec.committed':
                    self.assertEqual([e['status'] for e in events], ['exec'])
                    self.assertEqual(again.state, 'running')
                else:
                    self.assertEqual(events, [])
                    self.assertEqual(again.state, 'created')
                    self.assertEqual(self.processes_like(mark), [])
                    again.start()
                self.assertEqual(len(self.processes_like(mark)), 1)
                again.call('Kill')
                self.assertEqual(again.wait(), 137)
                again.remove()

    def exec_end_dies(self, point):
        for auto_remove in (False, True):
            with self.subTest(auto_remove=auto_remove):
                session = new_exec(self.container(), 'sh', '-c', 'exit 6', auto_remove=auto_remove)
                self.arm(point)
                since = self.client.last_seq()
                self.die(Exec(self.client, session.path).start)
                self.revive()
                events = self.assert_whole(since)
                self.assertEqual([(e['status'], e['attributes'].get('exit-code')) for e in events],
                                 [('exec', None), ('exec_died', 6)])
                again = Exec(self.client, session.path)
                self.assertEqual(again.wait(), 6)
                bundle = os.path.join(self.service.root, 'run', 'containers', self.container().id, 'execs')
                self.assertEqual(os.listdir(bundle), [])
                if auto_remove:
                    with self.assert_error('NoSuchExecSession'):
                        again.inspect()
                else:
                    again.remove()


class ExecRestarts:
    """For a case whose service can be killed while sessions run."""

    def exec_died(self, session):
        return [e['attributes']['exit-code'] for e in self.client.events()[0]
                if e['status'] == 'exec_died' and e['attributes']['exec-id'] == session.id]

    def run_sessions(self, *scripts):
        container = self.client.create('sh', '-c', FOREVER, name='with-sessions')
        container.start()
        return [new_exec(container, 'sh', '-c', script).start() for script in scripts]

    def find(self, session):
        return Exec(self.client, session.path)

    def test_sessions_go_on(self):
        ends, stays = self.run_sessions('while ! [ -e /end ]; do sleep 0.01; done; exit 7', FOREVER)
        pid = stays.pid
        self.crash()
        self.assertEqual((self.find(stays).state, self.find(stays).pid), ('running', pid))
        container = self.client.container('with-sessions')
        new_exec(container, 'touch', '/end').run()
        self.assertEqual(self.find(ends).wait(), 7)
        with self.find(stays).attach() as stream:
            self.find(stays).call('Kill')
            self.assertEqual(stream.recv(8193), b'')
        self.assertEqual(self.find(stays).wait(), 137)
        self.assertEqual((self.exec_died(ends), self.exec_died(stays)), ([7], [137]))

    def test_session_ends_in_between(self):
        session, = self.run_sessions('while ! [ -e /end ]; do sleep 0.01; done; exit 9')
        known = session.inspect()

        def end():
            with open(f'/proc/{known["Pid"]}/root/end', 'w', encoding='utf-8'):
                pass
            wait_for(lambda: not is_alive(known['ConmonPid']))
        self.crash(end)
        self.assertEqual(self.find(session).wait(), 9)
        self.crash()
        self.assertEqual(self.exec_died(session), [9])

    def test_session_and_monitor_end_in_between(self):
        session, = self.run_sessions(FOREVER)
        known = session.inspect()
        self.crash(lambda: (os.kill(known['ConmonPid'], signal.SIGKILL), os.kill(known['Pid'], signal.SIGKILL),
                            wait_for(lambda: not is_alive(known['Pid']))))
        self.assertEqual(self.find(session).wait(), -1)
        self.assertEqual(self.exec_died(session), [-1])

    def test_container_ends_in_between(self):
        session, = self.run_sessions(FOREVER)
        container = self.client.container('with-sessions')
        pid = container.get('Pid')
        self.crash(lambda: (os.kill(pid, signal.SIGKILL), wait_for(lambda: not is_alive(pid))))
        container = self.client.container('with-sessions')
        container.wait_exited()
        self.assertEqual(self.find(session).wait(), 137)
        self.assertEqual(self.exec_died(session), [137])

    def test_reboot_ends_sessions(self):
        session, = self.run_sessions(FOREVER)
        created = new_exec(self.client.container('with-sessions'), 'true')
        since = self.client.last_seq()
        self.crash(self.boot, CPOD_BOOT_ID='another-boot')
        self.assertEqual(list_execs(self.client.container('with-sessions')), [])
        for gone in (session, created):
            with self.assert_error('NoSuchExecSession'):
                self.find(gone).inspect()
        self.assertEqual([e['status'] for e in self.client.events(since)[0]], ['refresh'])
        self.assertEqual(self.client.check(), [])
