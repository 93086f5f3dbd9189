#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Containers with a terminal: its size, several clients, clients that are slow or die, and restarts of the service."""

import os
import select
import signal
import socket
import subprocess
import sys
import time

from cases import BusyboxCase
from execs import new_exec
from service import main, wait_for

FLOOD = 'while :; do echo 0123456789012345678901234567890123456789012345678901234567890123456789; done'
# busybox's stty is silent, or complains, when there is none.
SAY_SIZE = 'size=$(stty size 2>/dev/null); echo ${size:-no size}'
# Attaches to a container, says so, and goes on for ever.
CLIENT = """
import sys, time
from service import Client, connect_bus
stream = Client(connect_bus(), sys.argv[1]).container(sys.argv[2]).attach()
stream.send(b'from the other\\n')
print('attached', flush=True)
time.sleep(1000)
"""


class Screen:
    """What comes to one client."""

    def __init__(self, container, **options):
        self.stream = socket.socket(fileno=container.call('Attach', **options))
        self.text = b''

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()

    def read(self):
        packet = self.stream.recv(8193)
        assert packet[:1] in (b'', b'\x02'), packet
        self.text += packet[1:]
        return packet

    def expect(self, text, seconds=60):
        """Waits until this has come; what is before it is forgotten."""
        deadline = time.monotonic() + seconds
        while text not in self.text:
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self.stream], [], [], left)[0] and self.read(), (text, self.text)
        self.text = self.text.split(text, 1)[1]

    def type(self, text):
        self.stream.send(text)


class TerminalCase(BusyboxCase):
    changes = ('ENV PATH=/bin',)

    def create(self, script, **options):
        return self.client.create('sh', '-c', script, tty=True, stop_signal='KILL', **options)

    def restart(self):
        """The service is killed and comes back, and all that knew it knows it again."""
        self.service.kill()
        self.service.start()

    def descriptors(self):
        """How many the service has open that are sockets or pipes."""
        directory, count = f'/proc/{self.service.process.pid}/fd', 0
        for name in os.listdir(directory):
            try:
                count += os.readlink(f'{directory}/{name}').startswith(('socket:', 'pipe:'))
            except FileNotFoundError:
                pass
        return count


class Terminal(TerminalCase):
    def test_what_is_inside(self):
        container = self.create('tty; echo $TERM; stty size; echo error >&2; exit 6')
        with Screen(container) as screen:
            container.call('Resize', 'uu', 12, 34)
            container.call('Resize', 'uu', 55, 123)
            container.start()
            screen.expect(b'\r\nxterm\r\n55 123\r\nerror\r\n')
            while screen.read():
                pass
        self.assertEqual(container.wait(), 6)
        self.assertTrue(container.output().endswith('xterm\r\n55 123\r\nerror\r\n'), container.output())

    def test_environment(self):
        for options, term in (({}, ['TERM=xterm']), ({'env': ['TERM=dumb']}, ['TERM=dumb'])):
            config = self.create('true', **options).inspect()['Config']
            self.assertEqual([entry for entry in config['Env'] if entry.startswith('TERM=')], term)
            self.assertEqual((config['Tty'], config['OpenStdin']), (True, False))
        config = self.client.create('true', stdin=True).inspect()['Config']
        self.assertEqual((config['Tty'], config['OpenStdin']), (False, True))

    def test_size_is_a_signal(self):
        container = self.create('trap "stty size; exit 7" WINCH; echo ready; while :; do sleep 0.05; done')
        with Screen(container) as screen:
            container.start()
            screen.expect(b'ready\r\n')
            container.call('Resize', 'uu', 30, 99)
            screen.expect(b'30 99\r\n')
        self.assertEqual(container.wait(), 7)

    def test_size_of_the_next_run(self):
        container = self.create('stty size; read x')
        for rows in (20, 21):
            with Screen(container) as screen:
                container.call('Resize', 'uu', rows, 70)
                container.start()
                screen.expect(b'%d 70\r\n' % rows)
                screen.type(b'\n')
            container.wait()
            container.wait_exited()

    def test_size_is_kept(self):
        """Who is not attached has the last size all the same: after Restart, by the policy, with a service that was restarted."""
        container = self.create(SAY_SIZE + '; read x; exit 1', restart_policy='on-failure')
        container.start()
        self.wait_sizes(container, 'no size')
        container.call('Resize', 'uu', 11, 22)
        container.call('Resize', 'uu', 33, 77)
        container.call('Restart', timeout=0)
        self.wait_sizes(container, 'no size', '33 77')
        self.restart()
        container.client = self.client
        with Screen(container) as screen:
            screen.type(b'\n')
            self.wait_sizes(container, 'no size', '33 77', '33 77')
        code, text = self.client.run('sh', '-c', SAY_SIZE, tty=True)
        self.assertEqual((code, text.rstrip()), (0, 'no size'))

    def wait_sizes(self, container, *sizes):
        def said():
            return [line.rstrip() for line in container.output().split('\n') if ' ' in line]
        wait_for(lambda: said() == list(sizes), 60, f'{sizes}')

    def test_size_of_no_sense(self):
        """What is in the file that keeps it is nothing to fail for."""
        container = self.create(SAY_SIZE)
        path = os.path.join(self.service.root, 'lib', 'containers', container.id, 'terminal-size')
        for text in ('', '7', '0 80', '24 65536', '24 80 1', 'x y'):
            with open(path, 'w', encoding='ascii') as file:
                file.write(text)
            container.start()
            container.wait()
            container.wait_exited()
            self.assertTrue(container.output().rstrip().endswith('no size'), (text, container.output()))

    def test_resize_where_it_cannot_be(self):
        container = self.create('read x')
        with self.assert_error('InvalidState', 'resize', container.name, 'configured'):
            container.call('Resize', 'uu', 24, 80)
        container.start()
        for rows, columns in ((0, 80), (24, 0), (65536, 80)):
            with self.assert_error('InvalidArgument', 'rows'):
                container.call('Resize', 'uu', rows, columns)
        container.call('Pause')
        container.call('Resize', 'uu', 24, 80)
        container.call('Unpause')
        container.stop()
        container.wait_exited()
        with self.assert_error('InvalidState', 'exited'):
            container.call('Resize', 'uu', 24, 80)
        plain = self.client.create('sh', '-c', 'read x', stdin=True, stop_signal='KILL')
        plain.start()
        with self.assert_error('InvalidState', plain.name, 'terminal'):
            plain.call('Resize', 'uu', 24, 80)

    def test_attach_to_what_runs_only(self):
        container = self.create('read x')
        with self.assert_error('InvalidState', container.name, 'configured'):
            container.call('Attach', running=True)
        self.assertEqual(container.get('State'), 'configured')
        container.start()
        with Screen(container, running=True) as screen:
            screen.type(b'\n')
        self.assertEqual(container.wait(), 0)


class Clients(TerminalCase):
    READS = 'echo ready; while read x; do echo got $x; test $x = end && exit 9; done; exit 1'

    def test_several(self):
        """Each sees all, each can type, and none closes the terminal for the others."""
        container = self.create(self.READS, stdin=True)
        with Screen(container) as one:
            container.start()
            one.expect(b'ready\r\n')
            with Screen(container) as two:
                two.type(b'this\n')
                for screen in (one, two):
                    screen.expect(b'got this\r\n')
                two.stream.shutdown(socket.SHUT_WR)
            one.type(b'that\n')
            one.expect(b'got that\r\n')
        with Screen(container) as three:
            three.type(b'end\n')
            three.expect(b'got end\r\n')
        self.assertEqual(container.wait(), 9)

    def test_exec_session(self):
        """That one client leaves does not close the terminal of a session either."""
        container = self.create('read x')
        container.start()
        session = new_exec(container, 'sh', '-c', self.READS, tty=True, stdin=True)
        with session.attach() as first:
            self.assertEqual(first.recv(8193)[:1], b'\x02')
        with session.attach() as second:
            second.send(b'end\n')
            self.assertEqual(session.wait(), 9)

    def test_restart_in_between(self):
        container = self.create(self.READS)
        with Screen(container) as one:
            container.start()
            one.expect(b'ready\r\n')
            self.restart()
            container = self.client.container(container.id)
            one.type(b'this\n')
            one.expect(b'got this\r\n')
            container.call('Resize', 'uu', 41, 42)
            with Screen(container) as two:
                two.type(b'end\n')
                for screen in (one, two):
                    screen.expect(b'got end\r\n')
        self.assertEqual(container.wait(), 9)
        self.assertTrue(container.inspect()['Config']['Tty'])

    def test_killed_client(self):
        container = self.create(self.READS)
        container.start()
        with Screen(container) as screen:
            before = self.descriptors()
            for _ in range(5):
                client = subprocess.Popen([sys.executable, '-c', CLIENT, self.service.owner(), container.id],
                                          stdout=subprocess.PIPE, cwd=os.path.dirname(os.path.abspath(__file__)))
                self.assertEqual(client.stdout.readline(), b'attached\n')
                screen.expect(b'got from the other\r\n')
                client.send_signal(signal.SIGKILL)
                client.wait()
                client.stdout.close()
            wait_for(lambda: self.descriptors() <= before, 60, 'the end of what the clients had')
            screen.type(b'end\n')
            screen.expect(b'got end\r\n')
        self.assertEqual(container.wait(), 9)

    def test_slow_client(self):
        """It holds up neither the service nor the end."""
        container = self.create(FLOOD)
        with Screen(container):
            container.start()
            other = self.create('exit 4')
            other.start()
            self.assertEqual(other.wait(), 4)
            container.call('Stop', timeout=0)
            self.assertEqual(container.wait(), 137)
            container.wait_exited()


if __name__ == '__main__':
    main()
