# SPDX-License-Identifier: LGPL-2.1-or-later
"""cpod exec: output, input, signals, options, exit codes, and a terminal."""

import os
import signal
import subprocess

from cli import CliTest, cpod, tap
from terminal import Terminal

FOREVER = 'while :; do sleep 0.05; done'
# conmon sets up the terminal while the program may already run, and would undo what that has set; not after a new size has come.
RAW = 'echo up; until [ "$(stty size)" = "25 81" ]; do sleep 0.01; done; stty raw; echo ready; '


class ExecCase(CliTest):
    def setUp(self):
        self.run_container('--name', 'c', 'busybox', 'sh', '-c', FOREVER)


class Exec(ExecCase):
    def test_streams_and_exit_code(self):
        result = cpod('exec', 'c', 'sh', '-c', 'echo out; echo err >&2; exit 3')
        self.assertEqual((result.returncode, result.stdout, result.stderr), (3, 'out\n', 'err\n'))
        self.assertEqual(cpod('exec', 'c', 'sh', '-c', 'kill -9 $$').returncode, 137)

    def test_exit_codes_of_errors(self):
        self.fails(127, 'no-such-program', 'exec', 'c', 'no-such-program')
        self.fails(126, '/etc/passwd', 'exec', 'c', '/etc/passwd')
        self.fails(125, 'no-such-container', 'exec', 'no-such-container', 'true')
        self.fails(125, 'nobody-knows', 'exec', '-u', 'nobody-knows', 'c', 'true')
        self.ok('pause', 'c')
        self.fails(125, 'paused', 'exec', 'c', 'true')
        self.ok('unpause', 'c')
        self.ok('kill', 'c')
        self.ok('wait', 'c')
        self.fails(125, 'c', 'exec', 'c', 'true')

    def test_bad_options(self):
        self.fails(125, '--frobnicate', 'exec', '--frobnicate', 'c', 'true')
        self.fails(125, 'command', 'exec', 'c')
        self.fails(125, 'command', 'exec')
        self.fails(125, 'command', 'exec', '--latest')
        self.fails(125, 'workdir', 'exec', '-w', 'relative', 'c', 'true')
        self.fails(125, 'ctrl-1', 'exec', '-t', '--detach-keys', 'ctrl-1', 'c', 'true')

    def test_input(self):
        data = os.urandom(1 << 20)
        self.assertEqual(self.ok('exec', '-i', 'c', 'cat', input=data, text=False), data)
        self.assertEqual(self.ok('exec', 'c', 'wc', '-c', input='some').strip(), '0')

    def test_options(self):
        output = self.ok('exec', '-e', 'A=1', '-e', 'GIVEN', '-e', 'NOT_GIVEN', '-w', '/tmp', '-u', 'nobody', 'c',
                         'sh', '-c', 'echo $A $GIVEN ${NOT_GIVEN-none}; pwd; id -un', env={**os.environ, 'GIVEN': '2'})
        self.assertEqual(output.split('\n'), ['1 2 none', '/tmp', 'nobody'])

    def test_privileged(self):
        def effective(*options):
            return int(self.ok('exec', *options, 'c', 'sed', '-n', 's/^CapEff:\t//p', '/proc/self/status'), 16)

        self.assertEqual(effective() & 1 << 21, 0)
        self.assertEqual(effective('--privileged') & 1 << 21, 1 << 21)

    def test_words_after_the_container_are_the_commands(self):
        self.assertEqual(self.ok('exec', 'c', 'echo', '-d', '--', '-x'), '-d -- -x')
        self.assertEqual(self.ok('exec', '--', 'c', 'echo', '-i'), '-i')

    def test_latest(self):
        self.assertEqual(self.ok('exec', '--latest', 'echo', 'c'), 'c')

    def test_detached(self):
        identity = self.ok('exec', '-d', 'c', 'sh', '-c', 'echo there > /there; ' + FOREVER)
        self.assertRegex(identity, r'\A[0-9a-f]{64}\Z')
        self.assertEqual(self.ok('exec', 'c', 'sh', '-c', 'while ! [ -s /there ]; do sleep 0.01; done; cat /there'), 'there')
        self.assertEqual(self.ok('inspect', '--format', '{{.ExecIDs}}', 'c'), f'[{identity}]')
        self.fails(127, 'no-such-program', 'exec', '-d', 'c', 'no-such-program')

    def test_nothing_is_left_of_what_was_waited_for(self):
        self.ok('exec', 'c', 'true')
        self.fails(127, '', 'exec', 'c', 'no-such-program')
        self.assertEqual(self.ok('inspect', '--format', '{{.ExecIDs}}', 'c'), '[]')

    def test_signals_are_passed_on(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
            with self.subTest(number), subprocess.Popen(
                    ['cpod', 'exec', 'c', 'sh', '-c', f'trap "exit 42" {number.name[3:]}; echo ready; {FOREVER}'],
                    stdout=subprocess.PIPE, text=True) as process:
                self.assertEqual(process.stdout.readline(), 'ready\n')
                process.send_signal(number)
                self.assertEqual(process.wait(60), 42)

    def test_container_ends(self):
        with subprocess.Popen(['cpod', 'exec', 'c', 'sh', '-c', 'echo ready; ' + FOREVER], stdout=subprocess.PIPE,
                              text=True) as process:
            self.assertEqual(process.stdout.readline(), 'ready\n')
            self.ok('kill', 'c')
            self.assertEqual(process.wait(60), 137)

    def test_events(self):
        self.assertEqual(cpod('exec', 'c', 'sh', '-c', 'exit 3').returncode, 3)
        lines = self.ok('events', '--no-stream', '--filter', 'container=c', '--filter', 'event=exec', '--filter',
                        'event=exec_died', '--format', '{{.Status}}').split('\n')
        self.assertEqual(lines[-2:], ['exec', 'exec_died'])


class ExecTerminal(ExecCase):
    def test_terminal(self):
        with Terminal('exec', '-it', 'c', 'sh', '-c', 'tty; echo $TERM; stty size; exit 5', rows=31, columns=101) as terminal:
            terminal.expect(r'/dev/pts/\d+\r\nxterm\r\n31 101\r\n')
            self.assertEqual(terminal.wait(), 5)
            self.assertTrue(terminal.is_as_before())

    def test_keys_go_to_the_container(self):
        """Neither is a line waited for, nor does ctrl-c end the command here."""
        with Terminal('exec', '-it', 'c', 'sh') as terminal:
            terminal.expect('# ')
            terminal.type('sh -c "echo is\'\'there; sleep 1000"\r')
            terminal.expect('isthere\r\n')
            terminal.type('\x03')
            terminal.expect('# ')
            terminal.type('echo on$((1))ly; exit 9\r')
            terminal.expect('on1ly\r\n')
            self.assertEqual(terminal.wait(), 9)
            self.assertTrue(terminal.is_as_before())

    def test_size_follows(self):
        with Terminal('exec', '-it', 'c', 'sh', '-c', 'trap "stty size; exit 4" WINCH; echo ready; ' + FOREVER) as terminal:
            terminal.expect('ready\r\n')
            terminal.resize(44, 55)
            terminal.expect('44 55\r\n')
            self.assertEqual(terminal.wait(), 4)

    def make_raw(self, terminal):
        terminal.expect('up')
        terminal.resize(25, 81)
        terminal.expect('ready')

    def test_detach_keys(self):
        script = 'echo $$ >> /pids; ' + RAW + 'head -c 3 > /got; touch /done; ' + FOREVER
        for options, before, keys in (((), 'x\x10y', '\x10\x11'), (('--detach-keys', 'a,ctrl-b'), 'aay', 'a\x02')):
            with self.subTest(options), Terminal('exec', '-it', *options, 'c', 'sh', '-c', script) as terminal:
                self.ok('exec', 'c', 'rm', '-f', '/done')
                self.make_raw(terminal)
                terminal.type(before)
                self.ok('exec', 'c', 'sh', '-c', 'while ! [ -e /done ]; do sleep 0.01; done')
                self.assertEqual(self.ok('exec', 'c', 'cat', '/got'), before)
                terminal.type(keys)
                self.assertEqual(terminal.wait(), 0)
                self.assertTrue(terminal.is_as_before())
        self.assertEqual(len(self.ok('exec', 'c', 'cat', '/pids').split()), 2)
        self.ok('exec', 'c', 'sh', '-c', 'kill -0 $(cat /pids)')

    def test_without_detach_keys(self):
        with Terminal('exec', '-it', '--detach-keys', '', 'c', 'sh', '-c', RAW + 'head -c 2 | od -c; exit 3') as terminal:
            self.make_raw(terminal)
            terminal.type('\x10\x11')
            terminal.expect('020 021')
            self.assertEqual(terminal.wait(), 3)

    def test_signal_leaves_the_terminal_as_it_was(self):
        with Terminal('exec', '-it', 'c', 'sh', '-c', 'trap "exit 42" TERM; echo ready; ' + FOREVER) as terminal:
            terminal.expect('ready')
            terminal.signal(signal.SIGTERM)
            self.assertEqual(terminal.wait(), 42)
            self.assertTrue(terminal.is_as_before())

    def test_error_leaves_the_terminal_as_it_was(self):
        with Terminal('exec', '-it', 'c', 'no-such-program') as terminal:
            terminal.expect('Error: .*no-such-program')
            self.assertEqual(terminal.wait(), 127)
            self.assertTrue(terminal.is_as_before())

    def test_terminal_without_one_of_our_own(self):
        self.assertEqual(self.ok('exec', '-t', 'c', 'tty', stdin=subprocess.DEVNULL), '/dev/pts/0')


if __name__ == '__main__':
    tap.main()
