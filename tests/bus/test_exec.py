#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Exec sessions: what they are asked to be, seen from inside; and their way through the states."""

import os
import signal
import threading

from cases import BusyboxCase
from execs import EXECS, Exec, list_execs, new_exec
from service import (CallError, Client, command_line, connect_bus, files_in, is_alive, listen_for, main, processes_with, read_packets,
                     wait_for)

FOREVER = 'while :; do sleep 0.05; done'


def read_line(stream):
    """A line of the output, in however many packets it comes."""
    line = b''
    while not line.endswith(b'\n'):
        packet = stream.recv(8193)
        assert packet[:1] == b'\x02', (line, packet)
        line += packet[1:]
    return line


class ExecCase(BusyboxCase):
    """With a container that runs; nothing may be left at the end."""

    changes = ('ENV FROM_IMAGE=1 BOTH=image', 'WORKDIR /home/user')

    def setUp(self):
        self.container = self.run_container()

    def tearDown(self):
        super().tearDown()
        self.assertEqual(self.exec_monitors(), [])

    def run_container(self, **options):
        container = self.client.create('sh', '-c', 'trap "exit 5" TERM; ' + FOREVER, **options)
        container.start()
        return container

    def exec_monitors(self):
        return [pid for pid in processes_with(self.service.root, 'conmon') if '--exec-process-spec' in command_line(pid)]

    def run_exec(self, *command, data=b'', **options):
        code, output, errors = new_exec(self.container, *command, stdin=bool(data), auto_remove=True, **options).run(data)
        self.assertEqual((code, errors), (0, ''), output)
        return output

    def events(self, since, container=None):
        ident = (container or self.container).id
        return [e for e in self.client.events(since)[0] if e['id'] == ident and e['status'].startswith('exec')]


class A31ExecSession(ExecCase):
    """From a session's id to its container, and what sessions a container has."""

    def test_container_of_a_session(self):
        session = new_exec(self.container, 'true')
        other = new_exec(self.run_container(), 'true')
        for ident in (session.id, session.id[:20]):
            self.assertEqual(self.client.runtime('GetExecSessionContainer', 's', ident),
                             (self.container.path, session.path))
        with self.assert_error('NoSuchExecSession', 'f' * 64):
            self.client.runtime('GetExecSessionContainer', 's', 'f' * 64)
        for bad in ('', '%', 'no session', self.container.id):
            with self.assert_error('NoSuchExecSession'):
                self.client.runtime('GetExecSessionContainer', 's', bad)
        other.remove()
        with self.assert_error('NoSuchExecSession', other.id):
            self.client.runtime('GetExecSessionContainer', 's', other.id)

    def test_list(self):
        self.assertEqual(list_execs(self.container), [])
        first = new_exec(self.container, 'sh', '-c', FOREVER).start()
        second = new_exec(self.container, 'sh', '-c', 'exit 4').start()
        self.assertEqual(second.wait(), 4)
        third = new_exec(self.container, 'true')
        rows = list_execs(self.container)
        self.assertEqual([(row['id'], row['session'], row['state'], row['exit-code']) for row in rows],
                         [(first.id, first.path, 'running', 0), (second.id, second.path, 'stopped', 4),
                          (third.id, third.path, 'created', 0)])
        self.assertEqual(rows[0]['pid'], first.pid)
        self.assertTrue(rows[0]['created'] <= rows[0]['started'])
        self.assertTrue(rows[1]['started'] <= rows[1]['finished'])
        self.assertEqual(self.container.inspect()['ExecIDs'], [row['id'] for row in rows])

    def test_no_such_session(self):
        session = Exec(self.client, EXECS + '0' * 64)
        for call in (session.start, session.attach, session.wait, session.inspect, session.remove,
                     lambda: session.call('Kill'), lambda: session.call('Stop'),
                     lambda: session.call('Resize', 'uu', 24, 80)):
            with self.assert_error('NoSuchExecSession', '0' * 64):
                call()
        with self.assertRaises(CallError):
            Exec(self.client, EXECS + 'nonsense').start()


class ProcessTest(ExecCase):
    def test_streams_and_exit_code(self):
        session = new_exec(self.container, 'sh', '-c', 'echo out; echo err >&2; exit 3')
        self.assertEqual(session.state, 'created')
        self.assertEqual(session.run(), (3, 'out\n', 'err\n'))
        known = session.inspect()
        self.assertEqual((known['State'], known['Running'], known['ExitCode'], known['Pid'], known['ContainerID']),
                         ('stopped', False, 3, 0, self.container.id))

    def test_standard_input(self):
        self.assertEqual(self.run_exec('cat', data=b'some\n'), 'some\n')
        self.assertEqual(self.run_exec('wc', '-c').strip(), '0')

    def test_environment(self):
        def env(**options):
            return dict(line.split('=', 1) for line in self.run_exec('env', **options).splitlines())

        known = env(env=['BOTH=caller', 'OWN=a b=c', 'EMPTY='])
        self.assertEqual((known['FROM_IMAGE'], known['BOTH'], known['OWN'], known['EMPTY'], known['HOME']),
                         ('1', 'caller', 'a b=c', '', '/root'))
        self.assertEqual(known['HOSTNAME'], self.container.id[:12])
        self.assertEqual(env(user='user')['HOME'], '/home/user')
        self.assertEqual(env(user='user', env=['HOME=/here'])['HOME'], '/here')

    def test_workdir(self):
        self.assertEqual(self.run_exec('pwd'), '/home/user\n')
        self.assertEqual(self.run_exec('pwd', workdir='/tmp'), '/tmp\n')

    def status(self, **options):
        return dict(line.split(':', 1) for line in self.run_exec('cat', '/proc/self/status', **options).splitlines())

    def test_user(self):
        for user, uid, gid in (('user', '1000', '1000'), ('user:audio', '1000', '29'), ('4711:4712', '4711', '4712'),
                               ('', '0', '0')):
            known = self.status(user=user)
            self.assertEqual((known['Uid'].split()[0], known['Gid'].split()[0]), (uid, gid), user)
        self.assertIn('29', self.status(user='user')['Groups'].split())
        session = new_exec(self.container, 'true', user='nobody-knows')
        with self.assert_error('InvalidArgument', 'nobody-knows', self.container.name):
            session.start()
        self.assertEqual(session.state, 'created')

    def test_user_of_the_container(self):
        self.container = self.run_container(user='user')
        self.assertEqual(self.status()['Uid'].split()[0], '1000')
        self.assertEqual(self.status(user='0')['Uid'].split()[0], '0')

    def capabilities(self, **options):
        known = self.status(**options)
        return tuple(int(known[key], 16) for key in ('CapBnd', 'CapEff', 'CapPrm', 'CapInh', 'CapAmb'))

    def test_capabilities(self):
        """As podman has it: another user has none of them, not even when it is privileged."""
        sys_admin = 1 << 21
        bound = self.capabilities()[0]
        self.assertFalse(bound & sys_admin)
        self.assertEqual(self.capabilities(), (bound, bound, bound, 0, 0))
        self.assertEqual(self.capabilities(user='user'), (bound, 0, 0, 0, 0))
        everything = self.capabilities(privileged=True)
        self.assertTrue(everything[0] & sys_admin)
        self.assertEqual(everything, (everything[0],) * 3 + (0, 0))
        self.assertEqual(self.capabilities(privileged=True, user='user'), (everything[0], 0, 0, 0, 0))

    def test_capabilities_of_the_containers_user(self):
        self.container = self.run_container(user='user', cap_add=['NET_ADMIN'])
        net_admin = 1 << 12
        bound = self.capabilities()[0]
        self.assertEqual(self.capabilities(), (bound,) + (net_admin,) * 4)
        self.assertEqual(self.capabilities(user='4711'), (bound, 0, 0, 0, 0))
        self.assertEqual(self.capabilities(user='0'), (bound, bound, bound, 0, 0))

    def test_it_shares_what_the_container_has(self):
        self.assertIn('trap', self.run_exec('cat', '/proc/1/cmdline'))
        self.assertEqual(self.status()['Seccomp'].strip(), '2')
        self.run_exec('touch', '/left')
        self.assertEqual(self.run_exec('ls', '/left'), '/left\n')

    def test_command_that_cannot_run(self):
        for command, error in ((['no-such-program'], 'ExecutableNotFound'), (['/etc/passwd'], 'NotExecutable'),
                               (['/no/such/path'], 'ExecutableNotFound')):
            since = self.client.last_seq()
            for begin in ('start', 'attach'):
                session = new_exec(self.container, *command)
                with self.assert_error(error, self.container.name):
                    getattr(session, begin)()
                self.assertEqual(session.state, 'created')
                gone = new_exec(self.container, *command, auto_remove=True)
                with self.assert_error(error):
                    getattr(gone, begin)()
                with self.assert_error('NoSuchExecSession'):
                    gone.inspect()
            self.assertEqual(self.events(since), [])
        self.assertEqual(files_in(self.service.root, 'run', 'containers', self.container.id, 'execs'), [])

    def test_bad_arguments(self):
        for command, options, words in (([], {}, ['command']), ([''], {}, ['command']), (['true'], {'env': ['bad']}, ['env']),
                                        (['true'], {'workdir': 'relative'}, ['workdir']), (['true'], {'shell': True}, ['shell']),
                                        (['true'], {'tty': 'yes'}, ['tty'])):
            with self.assert_error('InvalidArgument', *words):
                new_exec(self.container, *command, **options)
        session = new_exec(self.container, 'true')
        for rows, columns in ((0, 80), (24, 0), (65536, 80)):
            with self.assert_error('InvalidArgument', 'rows'):
                session.call('Resize', 'uu', rows, columns)
            with self.assert_error('InvalidArgument', 'size'):
                new_exec(self.container, 'true', size=(rows, columns))

    def test_much_output(self):
        code, output, _ = new_exec(self.container, 'sh', '-c', 'dd if=/dev/zero bs=1000 count=3000 2>/dev/null | tr "\\0" x').run()
        self.assertEqual((code, len(output)), (0, 3000000))


class TerminalTest(ExecCase):
    def test_terminal(self):
        session = new_exec(self.container, 'sh', '-c', 'tty; echo $TERM; read x; stty size; echo err >&2; exit 6',
                           tty=True, stdin=True)
        with session.attach() as stream:
            stream.settimeout(60)
            text = b''
            while text.count(b'\n') < 2:
                text += stream.recv(8193)[1:]
            session.call('Resize', 'uu', 12, 34)
            session.call('Resize', 'uu', 55, 123)
            stream.send(b'\n')
            packets = read_packets(stream, 60)
        self.assertRegex(text, rb'\A/dev/pts/\d+\r\nxterm\r\n\Z')
        self.assertEqual(packets, {2: b'\r\n55 123\r\nerr\r\n', 3: b''})
        self.assertEqual(session.wait(), 6)

    def test_size_at_the_beginning(self):
        session = new_exec(self.container, 'stty', 'size', tty=True, size=(33, 77), auto_remove=True)
        with session.attach() as stream:
            self.assertEqual(read_packets(stream, 60)[2], b'33 77\r\n')
        self.assertEqual(session.wait(), 0)

    def test_size_is_a_signal(self):
        session = new_exec(self.container, 'sh', '-c', 'trap "stty size; exit 7" WINCH; echo ready; ' + FOREVER, tty=True)
        with session.attach() as stream:
            stream.settimeout(60)
            self.assertEqual(read_line(stream), b'ready\r\n')
            session.call('Resize', 'uu', 30, 99)
            self.assertEqual(read_line(stream), b'30 99\r\n')
        self.assertEqual(session.wait(), 7)

    def test_without_a_terminal(self):
        session = new_exec(self.container, 'sh', '-c', FOREVER).start()
        with self.assert_error('InvalidState', session.id, 'terminal'):
            session.call('Resize', 'uu', 24, 80)


class LifeTest(ExecCase):
    def test_detached(self):
        session = new_exec(self.container, 'sh', '-c', 'while ! [ -e /end ]; do sleep 0.01; done; exit 9').start()
        self.assertEqual(session.state, 'running')
        with self.assert_error('InvalidState', session.id, 'running'):
            session.start()
        waiting = session.begin_wait()
        self.run_exec('touch', '/end')
        self.assertEqual(listen_for(lambda: waiting), [9])
        self.assertEqual(session.wait(), 9)
        for call in (session.start, session.attach, lambda: session.call('Kill')):
            with self.assert_error('InvalidState', session.id):
                call()
        session.remove()
        self.assertEqual(session.wait(), 9)

    def test_wait_before_the_start(self):
        session = new_exec(self.container, 'sh', '-c', 'exit 2', auto_remove=True)
        waiting = session.begin_wait()
        session.start()
        self.assertEqual(listen_for(lambda: waiting), [2])
        forgotten = new_exec(self.container, 'true')
        waiting = forgotten.begin_wait()
        forgotten.remove()
        self.assertIn('NoSuchExecSession', listen_for(lambda: waiting)[0])

    def test_auto_remove(self):
        session = new_exec(self.container, 'sh', '-c', 'exit 8', auto_remove=True).start()
        self.assertEqual(session.wait(), 8)
        with self.assert_error('NoSuchExecSession'):
            session.inspect()
        self.assertEqual(list_execs(self.container), [])
        self.assertEqual(session.wait(), 8)

    def test_events(self):
        since = self.client.last_seq()
        session = new_exec(self.container, 'sh', '-c', 'exit 3')
        self.assertEqual(self.events(since), [])
        session.start()
        session.wait()
        events = self.events(since)
        self.assertEqual([(e['status'], e['attributes']) for e in events],
                         [('exec', {'image': 'busybox', 'exec-id': session.id}),
                          ('exec_died', {'image': 'busybox', 'exec-id': session.id, 'exit-code': 3})])
        self.assertEqual((events[0]['pid'], events[1]['pid']), (os.getpid(), 0))

    def test_kill(self):
        for options, code in (({}, 137), ({'signal': 'SIGTERM'}, 143), ({'signal': '10'}, 42)):
            session = new_exec(self.container, 'sh', '-c', 'trap "exit 42" USR1; echo ready; ' + FOREVER)
            with session.attach() as stream:
                stream.settimeout(60)
                self.assertEqual(read_line(stream), b'ready\n')
                session.call('Kill', **options)
                self.assertEqual(stream.recv(8193), b'')
            self.assertEqual(session.wait(), code)
        session = new_exec(self.container, 'true')
        with self.assert_error('InvalidState', session.id, 'created'):
            session.call('Kill')
        with self.assert_error('InvalidArgument', 'signal'):
            session.call('Kill', signal='SIGNONE')

    def test_stop(self):
        polite = new_exec(self.container, 'sh', '-c', FOREVER).start()
        polite.call('Stop')
        self.assertEqual(polite.inspect()['ExitCode'], 143)
        polite.call('Stop')
        stubborn = new_exec(self.container, 'sh', '-c', 'trap "" TERM; echo ready; ' + FOREVER)
        with stubborn.attach() as stream:
            stream.settimeout(60)
            self.assertEqual(read_line(stream), b'ready\n')
            stubborn.call('Stop', timeout=1)
        self.assertEqual(stubborn.inspect()['ExitCode'], 137)

    def test_remove(self):
        for auto_remove in (False, True):
            session = new_exec(self.container, 'sh', '-c', FOREVER, auto_remove=auto_remove).start()
            pid = session.pid
            with self.assert_error('InvalidState', session.id, 'force'):
                session.remove()
            self.assertTrue(is_alive(pid))
            session.remove(force=True)
            self.assertFalse(is_alive(pid))
            with self.assert_error('NoSuchExecSession'):
                session.remove()
            self.assertEqual(session.wait(), 137)

    def test_states_of_the_container(self):
        configured = self.client.create('true')
        for container, state in ((configured, 'configured'), (self.container, 'paused'), (self.container, 'exited')):
            session = None
            if state == 'paused':
                session = new_exec(container, 'true')
                container.call('Pause')
            elif state == 'exited':
                container.call('Unpause')
                container.kill()
                container.wait_exited()
            with self.assert_error('InvalidState', container.name, state):
                new_exec(container, 'true')
            if session:
                with self.assert_error('InvalidState', container.name, state):
                    session.start()

    def test_a_second_client(self):
        session = new_exec(self.container, 'sh', '-c', 'read x; echo got $x', stdin=True)
        with session.attach() as first, session.attach() as second:
            first.send(b'this\n')
            self.assertEqual(read_packets(first, 60)[2], b'got this\n')
            self.assertEqual(read_packets(second, 60)[2], b'got this\n')
        self.assertEqual(session.wait(), 0)
        late = new_exec(self.container, 'sh', '-c', 'while ! [ -e /go ]; do sleep 0.01; done; echo late').start()
        with late.attach() as stream:
            self.run_exec('touch', '/go')
            self.assertEqual(read_packets(stream, 60)[2], b'late\n')

    def test_client_that_does_not_read(self):
        """It keeps neither the end of its session a secret, nor that of the container."""
        session = new_exec(self.container, 'yes')
        with session.attach():
            wait_for(lambda: session.state == 'running')
            session.call('Kill')
            self.assertEqual(session.wait(), 137)
        session = new_exec(self.container, 'yes')
        with session.attach():
            self.container.kill()
            self.assertEqual(session.wait(), 137)
            self.container.wait_exited()

    def test_client_that_leaves(self):
        bus = connect_bus()
        other = Exec(Client(bus), new_exec(self.container, 'sh', '-c', 'cat; while ! [ -e /go ]; do sleep 0.01; done; exit 3',
                                           stdin=True).path)
        stream = other.attach()
        bus.close_sync(None)
        stream.close()
        session = Exec(self.client, other.path)
        self.run_exec('touch', '/go')
        self.assertEqual(session.wait(), 3)

    def test_monitor_killed(self):
        session = new_exec(self.container, 'sh', '-c', FOREVER).start()
        known = session.inspect()
        os.kill(known['ConmonPid'], signal.SIGKILL)
        wait_for(lambda: [p['kind'] for p in self.client.check()] == ['exec-session'])
        self.assertEqual(session.state, 'running')
        session.call('Kill')
        self.assertEqual(session.wait(), -1)
        with self.assert_error('InvalidState'):
            session.attach()

    def test_both_killed(self):
        session = new_exec(self.container, 'sh', '-c', FOREVER).start()
        known = session.inspect()
        os.kill(known['ConmonPid'], signal.SIGKILL)
        os.kill(known['Pid'], signal.SIGKILL)
        self.assertEqual(session.wait(), -1)


class A29ExecSessions(ExecCase):
    """Sessions end with the run of their container, and their exit codes are known."""

    def begin(self):
        session = new_exec(self.container, 'sh', '-c', 'trap "" TERM; ' + FOREVER).start()
        return session, session.pid, session.begin_wait()

    def check_ended(self, session, pid, waiting, since, *statuses):
        self.assertEqual(listen_for(lambda: waiting), [137])
        self.assertFalse(is_alive(pid))
        died = [e['attributes'] for e in self.events(since) if e['status'] == 'exec_died']
        self.assertEqual([(a['exec-id'], a['exit-code']) for a in died], [(session.id, 137)])
        told = [e['status'] for e in self.client.events(since)[0] if e['id'] == self.container.id]
        self.assertEqual([s for s in told if s in statuses], list(statuses))

    def test_stop(self):
        session, pid, waiting = self.begin()
        created = new_exec(self.container, 'true')
        since = self.client.last_seq()
        self.container.stop()
        self.container.wait_exited()
        self.check_ended(session, pid, waiting, since, 'exec_died', 'cleanup')
        self.assertEqual(session.state, 'stopped')
        with self.assert_error('NoSuchExecSession'):
            created.start()
        self.container.start()
        self.assertEqual([row['state'] for row in list_execs(self.container)], ['stopped'])
        self.assertEqual(self.run_exec('echo', 'again'), 'again\n')

    def test_remove_needs_force(self):
        session, pid, waiting = self.begin()
        since = self.client.last_seq()
        with self.assert_error('InvalidState', 'running'):
            self.container.remove()
        self.assertTrue(is_alive(pid))
        self.container.remove(force=True, timeout=0)
        self.check_ended(session, pid, waiting, since, 'exec_died', 'remove')
        self.assertEqual(session.wait(), 137)

    def test_evict(self):
        session, pid, waiting = self.begin()
        since = self.client.last_seq()
        self.client.runtime('Evict', 's', self.container.id)
        self.check_ended(session, pid, waiting, since, 'exec_died', 'remove')

    def test_auto_remove(self):
        self.container = self.run_container(auto_remove=True)
        session, pid, waiting = self.begin()
        since = self.client.last_seq()
        self.container.kill()
        self.container.wait('removed')
        self.check_ended(session, pid, waiting, since, 'exec_died', 'remove')

    def test_created_sessions_go_along(self):
        waiting = new_exec(self.container, 'true').begin_wait()
        self.container.remove(force=True, timeout=0)
        self.assertIn('NoSuchExecSession', listen_for(lambda: waiting)[0])


class ConcurrencyTest(ExecCase):
    def each(self, count, action):
        """ACTION(number) in as many threads, each with a connection of its own."""
        failures = []

        def run(number):
            try:
                action(number, self.service.connect())
            except Exception as error:  # pylint: disable=broad-exception-caught
                failures.append(repr(error))
        threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        self.assertEqual(failures, [])

    def test_twenty_at_once(self):
        since = self.client.last_seq()

        def run(number, client):
            container = client.container(self.container.id)
            session = new_exec(container, 'sh', '-c', f'cat; echo {number} >&2; exit {number}', stdin=True, auto_remove=True)
            self.assertEqual(session.run(b'x' * number + b'\n'), (number, 'x' * number + '\n', f'{number}\n'))
        self.each(20, run)
        events = self.events(since)
        self.assertEqual(sorted(e['attributes']['exit-code'] for e in events if e['status'] == 'exec_died'), list(range(20)))
        self.assert_gapless(self.client.events()[0])

    def test_container_ends_meanwhile(self):
        """Whatever sessions are on their way, the container ends, and none of them is left or forgotten."""
        def run(number, client):
            container = client.container(self.container.id)
            try:
                for _ in range(50):
                    session = new_exec(container, 'sleep', '100', auto_remove=True)
                    session.start()
                    if number == 0:
                        container.stop(timeout=0)
                    self.assertEqual(session.wait(), 137)
            except CallError as error:
                self.assertIn(error.name.rpartition('.')[2], ('InvalidState', 'NoSuchExecSession', 'OciRuntime', 'Failed'),
                              error.message)
        self.each(8, run)
        self.container.wait_exited()
        self.assertEqual(list_execs(self.container), [])
        events = self.events(0)
        begun = {e['attributes']['exec-id'] for e in events if e['status'] == 'exec'}
        ended = {e['attributes']['exec-id'] for e in events if e['status'] == 'exec_died'}
        self.assertEqual(begun, ended)


if __name__ == '__main__':
    main()
