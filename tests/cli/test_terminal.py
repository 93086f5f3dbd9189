# SPDX-License-Identifier: LGPL-2.1-or-later
"""Containers with a terminal, and cpod attach: what somebody who sits before a terminal sees and types."""

import json
import signal
import subprocess
import time

from cli import CliTest, cpod, tap
from terminal import Terminal

FOREVER = 'while :; do sleep 0.05; done'
SHELL = ('-it', '--name', 'c', '--stop-signal', 'KILL', 'busybox', 'sh', '-c')


class TerminalCase(CliTest):
    def state(self, name='c'):
        return self.inspect('{{.State.Status}}', name)

    def inspect(self, template, name='c'):
        return self.ok('inspect', '-f', template, name)

    def wait_state(self, state):
        deadline = time.monotonic() + 60
        while self.state() != state:
            self.assertLess(time.monotonic(), deadline, f'it is not {state}')
            time.sleep(0.05)

    def ends(self, terminal, code):
        """It ends so, and the terminal is as it was before."""
        self.assertEqual(terminal.wait(), code)
        self.assertTrue(terminal.is_as_before())


class Run(TerminalCase):
    def test_terminal(self):
        with Terminal('run', *SHELL, 'tty; echo $TERM; stty size; exit 5', rows=31, columns=101) as terminal:
            terminal.expect(r'/dev/(pts/\d+|console)\r\nxterm\r\n31 101\r\n')
            self.ends(terminal, 5)
        self.assertEqual(self.inspect('{{.Config.Tty}} {{.Config.OpenStdin}}'), 'true true')
        self.assertIn('31 101', self.ok('logs', 'c'))

    def test_shell_and_its_keys(self):
        with Terminal('run', '--rm', '-it', 'busybox', 'sh') as terminal:
            terminal.expect('# ')
            terminal.type('sh -c "echo is\'\'there; sleep 1000"\r')
            terminal.expect('isthere\r\n')
            terminal.type('\x03')
            terminal.expect('# ')
            terminal.type('echo on$((1))ly; exit 9\r')
            terminal.expect('on1ly\r\n')
            self.ends(terminal, 9)
        self.assertEqual(self.ok('ps', '-aq'), '')

    def test_resize(self):
        with Terminal('run', *SHELL, 'trap "stty size; exit 4" WINCH; echo ready; ' + FOREVER) as terminal:
            terminal.expect('ready\r\n')
            terminal.resize(44, 55)
            terminal.expect('44 55\r\n')
            self.ends(terminal, 4)

    def test_environment(self):
        self.assertEqual(self.ok('run', '--rm', '-t', '-e', 'TERM=dumb', 'busybox', 'sh', '-c', 'echo $TERM'), 'dumb')

    def test_no_input_without_interactive(self):
        """What is typed is not for the container, and ^C is a signal."""
        with Terminal('run', '--rm', '-t', 'busybox', 'sh', '-c', 'trap "exit 33" INT; echo ready; ' + FOREVER) as terminal:
            terminal.expect('ready\r\n')
            terminal.type('\x03')
            self.ends(terminal, 33)

    def test_without_one_of_our_own(self):
        self.assertEqual(self.ok('run', '--rm', '-t', 'busybox', 'sh', '-c', 'test -t 0 && test -t 1 && echo yes',
                                 stdin=subprocess.DEVNULL), 'yes')
        self.assertEqual(self.ok('run', '--rm', '-it', 'busybox', 'head', '-n', '1', input='typed\n').split(),
                         ['typed', 'typed'])

    def test_signal(self):
        with Terminal('run', '--rm', *SHELL[:1], 'busybox', 'sh', '-c', 'trap "exit 42" TERM; echo ready; ' + FOREVER) as terminal:
            terminal.expect('ready')
            terminal.signal(signal.SIGTERM)
            self.ends(terminal, 42)

    def test_signal_that_is_not_passed_on(self):
        """The container goes on, even one that is removed when it ends."""
        with Terminal('run', '--rm', '--sig-proxy=false', *SHELL, 'trap "exit 42" TERM; echo ready; ' + FOREVER) as terminal:
            terminal.expect('ready')
            terminal.signal(signal.SIGTERM)
            self.ends(terminal, 128 + signal.SIGTERM)
        self.assertEqual(self.state(), 'running')

    def test_errors(self):
        with Terminal('run', '--rm', '-it', 'busybox', 'no-such-program') as terminal:
            terminal.expect('Error: .*no-such-program')
            self.ends(terminal, 127)
        self.fails(125, 'ctrl-1', 'run', '-it', '--detach-keys', 'ctrl-1', 'busybox', 'true')
        self.fails(125, '--detach-keys', 'create', '--detach-keys', 'a', 'busybox', 'true')
        self.fails(125, '--sig-proxy', 'create', '--sig-proxy=false', 'busybox', 'true')
        self.assertEqual(self.ok('ps', '-aq'), '')


class Attach(TerminalCase):
    def test_detach_and_attach_again(self):
        with Terminal('run', *SHELL, 'echo first; while read x; do echo got $x; test $x = end && exit 7; done') as terminal:
            terminal.expect('first\r\n')
            terminal.type('one\r')
            terminal.expect('one\r\ngot one\r\n')
            terminal.type('\x10\x11')
            self.ends(terminal, 0)
            self.assertEqual(terminal.text, '')
        self.assertEqual(self.state(), 'running')
        for options, keys in (((), '\x10\x11'), (('--detach-keys', 'ctrl-x,y'), '\x18y')):
            with Terminal('attach', *options, 'c', rows=33, columns=77) as terminal:
                self.wait_size('33 77')
                terminal.type('two\r')
                terminal.expect('got two\r\n')
                terminal.type(keys)
                self.ends(terminal, 0)
        with Terminal('attach', '--detach-keys', '', 'c') as terminal:
            self.wait_size('24 80')
            terminal.type('end\r')
            terminal.expect('got end\r\n')
            self.ends(terminal, 7)

    def wait_size(self, size):
        deadline = time.monotonic() + 60
        while (found := self.ok('exec', 'c', 'sh', '-c', 'stty size < /proc/1/fd/0')) != size:
            self.assertLess(time.monotonic(), deadline, found)
            time.sleep(0.05)

    def test_two_terminals(self):
        with Terminal('run', *SHELL, 'echo ready; read x; echo got $x; exit 3') as one:
            one.expect('ready\r\n')
            with Terminal('attach', 'c', rows=40, columns=100) as two:
                self.wait_size('40 100')
                two.type('this\r')
                one.expect('got this\r\n')
                two.expect('got this\r\n')
                self.ends(one, 3)
                self.ends(two, 3)

    def test_without_a_terminal(self):
        self.run_container('-i', '--name', 'c', 'busybox', 'sh', '-c', 'read x; echo out $x; echo err >&2; exit 6')
        result = cpod('attach', 'c', input='word\n')
        self.assertEqual((result.returncode, result.stdout, result.stderr), (6, 'out word\n', 'err\n'))

    def test_no_stdin(self):
        self.run_container('-i', '--name', 'c', 'busybox', 'sh', '-c', 'read x && exit 6; exit 5')
        process = subprocess.Popen(['cpod', 'attach', '--no-stdin', 'c'], stdin=subprocess.DEVNULL)
        self.wait_event('attach')
        self.assertEqual(cpod('attach', 'c', input='word\n').returncode, 6)
        self.assertEqual(process.wait(60), 6)

    def wait_event(self, status):
        deadline = time.monotonic() + 60
        while f' {status} ' not in cpod('events', '--stream=false').stdout:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def test_signals(self):
        script = 'trap "exit 12" USR1; echo ready; ' + FOREVER
        self.run_container('-t', '--name', 'c', '--stop-signal', 'KILL', 'busybox', 'sh', '-c', script)
        for options, number, code in (('--sig-proxy=false',), signal.SIGTERM, 128 + signal.SIGTERM), ((), signal.SIGUSR1, 12):
            with Terminal('attach', *options, 'c', rows=20, columns=50 + code) as terminal:
                self.wait_size(f'20 {50 + code}')
                terminal.signal(number)
                self.ends(terminal, code)
        self.wait_state('exited')

    def test_killed_client(self):
        """One that was killed leaves its own terminal as it is, and nothing of the container's."""
        with Terminal('run', *SHELL, 'echo ready; read x; echo got $x; exit 3') as terminal:
            terminal.expect('ready\r\n')
            terminal.signal(signal.SIGKILL)
            self.assertEqual(terminal.wait(), -signal.SIGKILL)
        with Terminal('attach', 'c') as terminal:
            terminal.type('this\r')
            terminal.expect('got this\r\n')
            self.ends(terminal, 3)

    def test_errors(self):
        self.ok('create', '-it', '--name', 'c', 'busybox', 'sh')
        self.fails(125, 'configured', 'attach', 'c')
        self.assertEqual(self.state(), 'configured')
        self.fails(125, 'no-such', 'attach', 'no-such')
        self.fails(125, 'exactly one', 'attach')
        self.fails(125, 'exactly one', 'attach', 'c', 'c')
        self.fails(125, 'ctrl-1', 'attach', '--detach-keys', 'ctrl-1', 'c')


class Start(TerminalCase):
    def test_start_attached(self):
        self.ok('create', *SHELL, 'stty size; read x; echo got $x; exit 4')
        for keys, code in (('this\r', 4), ('that\r', 4)):
            with Terminal('start', '-ai', 'c', rows=21, columns=91) as terminal:
                terminal.expect('21 91\r\n')
                terminal.type(keys)
                terminal.expect(f'got {keys[:4]}\r\n')
                self.ends(terminal, code)
            self.wait_state('exited')

    def test_detach(self):
        self.ok('create', *SHELL, 'echo ready; ' + FOREVER)
        with Terminal('start', '-ai', '--detach-keys', 'ctrl-a', 'c') as terminal:
            terminal.expect('ready\r\n')
            terminal.type('\x01')
            self.ends(terminal, 0)
        self.assertEqual(self.state(), 'running')

    def test_inspect_is_json(self):
        self.ok('create', '-t', '--name', 'c', 'busybox', 'true')
        config = json.loads(self.ok('inspect', 'c'))[0]['Config']
        self.assertEqual((config['Tty'], config['OpenStdin'], 'TERM=xterm' in config['Env']), (True, False, True))


if __name__ == '__main__':
    tap.main()
