#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Exec sessions with the caller's own descriptors, and sessions that end with their caller."""

import os
import pty
import signal
import socket
import subprocess
import sys
import tempfile

from execs import list_execs, new_exec
from service import CallError, GLib, is_alive, main, wait_for
from test_exec import FOREVER, ExecCase

# A client that is killed: it makes what is asked for, says so, and stays.
CLIENT = '''
import os, sys, time
sys.path.insert(0, sys.argv[1])
from execs import new_exec
from service import Client, connect_bus
client = Client(connect_bus())
session = new_exec(client.container(sys.argv[2]), *sys.argv[5:], foreground=True, auto_remove=sys.argv[4] == "auto-remove",
                   tty=sys.argv[4] == "tty")
print(session.id, flush=True)
if sys.argv[3] != 'created':
    session.start()
if sys.argv[3] == 'detached':
    session.call('Detach')
print('ready', flush=True)
time.sleep(1000)
'''


def open_fds(pid):
    """What a process has open, but for descriptors that its own workings come and go with."""
    found = []
    for fd in os.listdir(f'/proc/{pid}/fd'):
        try:
            found.append(os.readlink(f'/proc/{pid}/fd/{fd}').split(':')[0])
        except FileNotFoundError:
            pass
    return sorted(name for name in found if name in ('pipe', 'socket') or not name.startswith(('anon_inode', '/')))


class StreamsTest(ExecCase):
    def start(self, *command, session=None, **fds):
        """A session with these files or descriptors, which stay open here."""
        session = session or new_exec(self.container, *command)
        session.start_with(**{name: fd if isinstance(fd, int) else fd.fileno() for name, fd in fds.items()})
        return session

    def pipe(self):
        reading, writing = os.pipe()
        ends = open(reading, 'rb', buffering=0), open(writing, 'wb', buffering=0)
        for end in ends:
            self.addCleanup(end.close)
        return ends

    def test_streams_and_exit_code(self):
        (input_end, feed), (output, output_end), (errors, errors_end) = self.pipe(), self.pipe(), self.pipe()
        session = self.start('sh', '-c', 'cat; echo error >&2; exit 7', stdin=input_end, stdout=output_end, stderr=errors_end)
        for end in (input_end, output_end, errors_end):
            end.close()
        feed.write(b'some input')
        feed.close()
        self.assertEqual(output.read(), b'some input')
        self.assertEqual(errors.read(), b'error\n')
        self.assertEqual(session.wait(), 7)

    def test_what_is_not_given_is_nothing(self):
        output, end = self.pipe()
        session = self.start('sh', '-c', 'cat; echo gone >&2; readlink /proc/self/fd/0; readlink /proc/self/fd/2', stdout=end)
        end.close()
        self.assertEqual(output.read(), b'/dev/null\n/dev/null\n')
        self.assertEqual(session.wait(), 0)

    def test_order_of_output_and_errors(self):
        output, end = self.pipe()
        script = 'for i in 1 2 3 4 5 6 7 8; do echo o$i; echo e$i >&2; done'
        self.start('sh', '-c', script, stdout=end, stderr=end)
        end.close()
        self.assertEqual(output.read().decode().split(), [f'{c}{i}' for i in range(1, 9) for c in 'oe'])

    def test_much_data(self):
        data = os.urandom(3 << 20)
        theirs, ours = socket.socketpair()
        with theirs, ours, tempfile.TemporaryFile() as source:
            source.write(data)
            source.seek(0)
            session = self.start('cat', stdin=source.fileno(), stdout=theirs.fileno())
            theirs.close()
            with ours.makefile('rb') as stream:
                self.assertEqual(stream.read(), data)
        self.assertEqual(session.wait(), 0)

    def test_reader_that_is_gone(self):
        output, end = self.pipe()
        session = self.start('sh', '-c', 'while :; do echo more; done', stdout=end)
        end.close()
        self.assertEqual(output.read(5), b'more\n')
        output.close()
        self.assertEqual(session.wait(), 141)

    def test_reader_that_does_not_read(self):
        """It holds up its own process alone; that can be killed, and what comes then is told."""
        output, end = self.pipe()
        session = self.start('sh', '-c', 'while :; do echo more; done', stdout=end)
        end.close()
        output.read(5)
        self.assertEqual(self.run_exec('echo', 'others go on'), 'others go on\n')
        session.call('Kill')
        self.assertEqual(session.wait(), 137)

    def test_nothing_is_kept(self):
        pid = self.service.process.pid
        self.start('true', stdin=self.pipe()[0], stdout=self.pipe()[1], stderr=self.pipe()[1]).wait()
        before = open_fds(pid)
        for _ in range(3):
            self.start('true', stdin=self.pipe()[0], stdout=self.pipe()[1], stderr=self.pipe()[1]).wait()
        with self.assert_error('ExecutableNotFound'):
            self.start('no-such-program', stdout=self.pipe()[1])
        wait_for(lambda: open_fds(pid) == before, what=f'{before}, there are {open_fds(pid)}')

    def test_what_is_refused(self):
        master, slave = pty.openpty()
        directory = os.open('/', os.O_RDONLY)
        path = os.open('/dev/null', os.O_PATH)
        with tempfile.NamedTemporaryFile() as foreign:
            os.chown(foreign.name, 1234, 0)
            for fd, words in ((slave, 'terminal'), (master, 'terminal'), (directory, 'stdout'), (path, 'stdout'),
                              (foreign.fileno(), 'another user')):
                session = new_exec(self.container, 'true')
                with self.assert_error('InvalidArgument', 'stdout', words):
                    self.start(session=session, stdout=fd)
                self.assertEqual(session.state, 'created')
                session.remove()
            owner = os.stat(foreign.name)
            session = self.start('sh', '-c', 'echo mine', session=new_exec(self.container, 'echo', 'mine', user='1234'),
                                 stdout=foreign.fileno())
            self.assertEqual(session.wait(), 0)
            foreign.seek(0)
            self.assertEqual(foreign.read(), b'mine\n')
            self.assertEqual(os.stat(foreign.name).st_uid, owner.st_uid)
        for fd in (master, slave, directory, path):
            os.close(fd)
        with self.assert_error('InvalidArgument', 'stdin', 'descriptor'):
            new_exec(self.container, 'true').call('Start', stdin=handle(0))
        with self.assert_error('InvalidArgument', 'terminal'):
            self.start(session=new_exec(self.container, 'true', tty=True), stdin=self.pipe()[0])

    def test_fifo_of_somebody_else(self):
        """Whoever may exec may not have files given to the user of the process."""
        path = os.path.join(self.service.root, 'fifo')
        os.mkfifo(path)
        fd = os.open(path, os.O_RDWR)
        with self.assert_error('InvalidArgument', 'stdin', 'another user'):
            self.start(session=new_exec(self.container, 'true', user='nobody'), stdin=fd)
        self.assertEqual(os.stat(path).st_uid, 0)
        os.close(fd)
        os.unlink(path)

    def test_no_client_comes(self):
        session = self.start('sh', '-c', FOREVER, stdin=self.pipe()[0])
        with self.assert_error('InvalidState', session.id, 'streams'):
            session.attach()

    def test_service_goes_in_between(self):
        """Nothing of it is in the way, so its restart is not noticed."""
        (input_end, feed), (output, output_end) = self.pipe(), self.pipe()
        session = self.start('cat', stdin=input_end, stdout=output_end)
        input_end.close()
        output_end.close()
        feed.write(b'before ')
        ident, container = session.path, self.container.id
        self.service.kill()
        feed.write(b'meanwhile ')
        self.service.start()
        self.container = self.client.container(container)
        feed.write(b'after')
        feed.close()
        self.assertEqual(output.read(), b'before meanwhile after')
        self.assertEqual(self.client.call(ident, 'Exec', 'Wait'), 0)


def handle(number):
    return GLib.Variant('h', number)


class ForegroundTest(ExecCase):
    def client_process(self, what, *command, removal='auto-remove'):
        """A client in a process of its own; gives it and the id of its session."""
        process = subprocess.Popen([sys.executable, '-c', CLIENT, os.path.dirname(os.path.abspath(__file__)), self.container.id,
                                    what, removal, *command], stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        ident = process.stdout.readline().strip()
        self.assertEqual(process.stdout.readline(), 'ready\n')
        return process, ident

    def sessions(self):
        return {row['id']: row for row in list_execs(self.container)}

    def test_ends_with_its_caller(self):
        for removal in ('auto-remove', 'stays'):
            with self.subTest(removal):
                since = self.client.last_seq()
                process, ident = self.client_process('started', 'sh', '-c', FOREVER, removal=removal)
                pid = self.sessions()[ident]['pid']
                self.assertTrue(is_alive(pid))
                process.send_signal(signal.SIGKILL)
                wait_for(lambda: not self.sessions(), 60, 'the end of the session')
                self.assertFalse(is_alive(pid))
                self.assertEqual([(e['status'], e['attributes'].get('exit-code')) for e in self.events(since)],
                                 [('exec', None), ('exec_died', 137)])

    def test_terminal_takes_others_along(self):
        """The kernel hangs up on what has the terminal as well."""
        process, ident = self.client_process('started', 'sh', '-c', 'sleep 4711 & wait', removal='tty')
        wait_for(lambda: 'sleep 4711' in self.container.call('Top')['args'], 60, 'the other process')
        process.kill()
        wait_for(lambda: 'sleep 4711' not in self.container.call('Top')['args'], 60, 'its end')
        wait_for(lambda: ident not in self.sessions(), 60, 'the end of the session')

    def test_goes_before_it_begins(self):
        process, ident = self.client_process('created', 'true')
        self.assertIn(ident, self.sessions())
        process.send_signal(signal.SIGKILL)
        wait_for(lambda: not self.sessions(), 60, 'the removal of the session')

    def test_goes_on_when_detached(self):
        process, ident = self.client_process('detached', 'sh', '-c', FOREVER)
        _, other = self.client_process('started', 'sh', '-c', FOREVER)
        process.send_signal(signal.SIGKILL)
        process.wait()
        again = self.client_process('started', 'sh', '-c', FOREVER)
        again[0].kill()
        wait_for(lambda: again[1] not in self.sessions(), 60, 'the end of a later session')
        self.assertEqual({row['state'] for row in self.sessions().values()}, {'running'})
        self.assertEqual(set(self.sessions()), {ident, other})

    def start_again(self, meanwhile):
        """The service dies, and comes back after something has happened."""
        self.service.kill()
        meanwhile()
        self.service.start()
        self.container = self.client.container(self.container.id)

    def test_goes_while_there_is_no_service(self):
        """The next one ends it, whether it was begun or not; who is still there keeps his, and who has detached it, too."""
        gone, ended = self.client_process('started', 'sh', '-c', FOREVER)
        idle, never = self.client_process('created', 'true', removal='stays')
        left, detached = self.client_process('detached', 'sh', '-c', FOREVER)
        _, kept = self.client_process('started', 'sh', '-c', FOREVER)
        pid = self.sessions()[ended]['pid']

        def leave():
            for process in gone, idle, left:
                process.kill()
                process.wait()
        self.start_again(leave)
        wait_for(lambda: set(self.sessions()) == {detached, kept}, 60, 'the end of those whose callers have left')
        self.assertNotIn(never, self.sessions())
        self.assertFalse(is_alive(pid))
        self.assertEqual({row['state'] for row in self.sessions().values()}, {'running'})

    def test_goes_later(self):
        """Who stays over a restart of the service takes the session along when it leaves after all."""
        for times in 1, 2:
            with self.subTest(times):
                process, ident = self.client_process('started', 'sh', '-c', FOREVER)
                for _ in range(times):
                    self.start_again(lambda: None)
                self.assertEqual(self.sessions()[ident]['state'], 'running')
                process.kill()
                wait_for(lambda: not self.sessions(), 60, 'the end of the session')

    def test_one_that_has_ended(self):
        process, ident = self.client_process('started', 'true', removal='stays')
        wait_for(lambda: self.sessions()[ident]['state'] == 'stopped', 60, 'the end of the session')
        process.kill()
        process.wait()
        other, later = self.client_process('started', 'sh', '-c', FOREVER)
        other.kill()
        wait_for(lambda: later not in self.sessions(), 60, 'the end of a later session')
        self.assertEqual(self.sessions()[ident]['state'], 'stopped')

    def test_detach_of_others(self):
        session = new_exec(self.container, 'true')
        session.call('Detach')
        session.remove()
        with self.assertRaises(CallError):
            session.call('Detach')


if __name__ == '__main__':
    main()
