#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients that are killed while they attach to a container, or are attached. Nothing is left, and the next one is served."""

import os
import pty
import select
import signal

from cases import BusyboxCase
from service import main, wait_for
from vanish import LONG, Leaver, Traces, call_of, descriptors_of

# Says something when it is told to, and nothing else; or all that it can.
QUIET = 'trap "echo told" USR1; echo ready; while :; do sleep 1000 & wait $!; done'
FLOOD = 'while :; do echo 0123456789012345678901234567890123456789012345678901234567890123456789; done'

# When the client is killed: as soon as its first call is on the bus, or a later one; when the answer is there for it, but not
# taken; when it has the socket; when it has written something. All of them are tried with all of the scripts.
PHASES = ('stranger', 'called', 'stopped', 'taken', 'typing')


class AttachCase(BusyboxCase):
    changes = ('ENV PATH=/bin',)

    def create(self, script, **options):
        return self.client.create('sh', '-c', script, stdin=True, stop_signal='KILL', **options)

    def start(self, script, **options):
        container = self.create(script, **options)
        container.start()
        wait_for(container.output, LONG, 'output')
        return container

    def read(self, stream):
        """The next packet, or None when the container has ended."""
        self.assertTrue(select.select([stream], [], [], LONG)[0], 'nothing comes')
        return stream.recv(8193) or None

    def attached(self, container):
        """Another one attaches, and gets what comes from then on."""
        with container.attach() as stream:
            self.make_it_speak(container)
            for _ in range(100 if self.floods(container) else 1):
                self.assertEqual(self.read(stream)[:1], b'\x02')

    def floods(self, container):
        return FLOOD in container.inspect()['Config']['Cmd']

    def make_it_speak(self, container):
        if not self.floods(container):
            container.kill(signal='USR1')

    def was_attached(self, container, since):
        return any(event['status'] == 'attach' and event['id'] == container.id for event in self.client.events(since)[0])

    def leave(self, container, phase):
        since = self.client.last_seq()
        leaver = Leaver(call_of('Container', 'Attach', path=container.path), phase)
        if phase in ('stranger', 'called'):
            leaver.end()
            return
        if phase == 'stopped':
            leaver.wait_stopped()
            wait_for(lambda: self.was_attached(container, since), LONG, 'the answer')
        else:
            leaver.line()
            self.assertTrue(self.was_attached(container, since))
        leaver.kill()

    def vanish(self, container, phase):
        monitor = container.inspect()['State']['ConmonPid']
        traces, before = Traces(self.service), descriptors_of(monitor)
        self.leave(container, phase)
        traces.assert_gone()
        self.forgotten(container, monitor, before)
        self.assertEqual(container.get('State'), 'running')
        self.assert_well(self.service)
        self.attached(container)
        self.forgotten(container, monitor, before)

    def forgotten(self, container, monitor, before):
        """The monitor finds out when it has something for the client; it has less when a client has closed the input."""
        self.make_it_speak(container)
        wait_for(lambda: descriptors_of(monitor) <= before, LONG, f'the end of what the monitor has: {descriptors_of(monitor) - before}')


class RunningTest(AttachCase):
    def vanish_in_each_phase(self, script, **options):
        """A container each: what is typed once the input is closed, conmon keeps together with the connection."""
        for phase in PHASES:
            with self.subTest(phase):
                container = self.start(script, **options)
                self.vanish(container, phase)
                container.remove(force=True, timeout=0)

    def test_quiet(self):
        self.vanish_in_each_phase(QUIET)

    def test_quiet_with_terminal(self):
        self.vanish_in_each_phase(QUIET, tty=True)

    def test_while_it_writes(self):
        """The client is full of what it has not read when it dies."""
        self.vanish_in_each_phase(FLOOD)

    def test_while_it_writes_to_a_terminal(self):
        self.vanish_in_each_phase(FLOOD, tty=True)


class BeforeTest(AttachCase):
    """The container is initialised for whoever attaches, and that is undone by nothing but its end."""

    def test_before_the_start(self):
        for tty in (False, True):
            for phase in PHASES:
                with self.subTest(phase, tty=tty):
                    traces = Traces(self.service)
                    container = self.create(QUIET, tty=tty)
                    self.leave(container, phase)
                    self.attached_and_started(container)
                    container.remove(force=True)
                    traces.assert_gone()
                    self.assert_well(self.service)

    def attached_and_started(self, container):
        with container.attach() as stream:
            self.assertEqual(container.get('State'), 'created')
            container.start()
            said = b''
            while b'ready' not in said:
                said += self.read(stream)[1:]


class CommandTest(AttachCase):
    """The command is killed when half of the keys are typed by which it would detach."""

    def test_amid_the_keys(self):
        container = self.start(QUIET, tty=True)
        traces = Traces(self.service)
        since = self.client.last_seq()
        pid, terminal = pty.fork()
        if pid == 0:
            os.execvp('cpod', ['cpod', 'attach', container.id])
        wait_for(lambda: self.was_attached(container, since), LONG, 'the client')
        container.kill(signal='USR1')
        said = b''
        while b'told' not in said:
            self.assertTrue(select.select([terminal], [], [], LONG)[0], said)
            said += os.read(terminal, 4096)
        os.write(terminal, b'\x10')
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
        traces.assert_gone()
        self.assertEqual(container.get('State'), 'running')
        self.attached(container)


if __name__ == '__main__':
    main()
