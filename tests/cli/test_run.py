# SPDX-License-Identifier: LGPL-2.1-or-later
"""cpod run, create and start: output, input, signals, options and exit codes."""

import os
import signal
import subprocess
import tempfile
import time

from cli import CliTest, cpod, tap

FOREVER = 'while :; do sleep 0.05; done'


class Run(CliTest):
    def test_streams_and_exit_code(self):
        result = cpod('run', '--rm', 'busybox', 'sh', '-c', 'echo out; echo err >&2; exit 3')
        self.assertEqual((result.returncode, result.stdout, result.stderr), (3, 'out\n', 'err\n'))
        self.assertEqual(self.ok('ps', '-aq'), '')

    def test_killed_container(self):
        with subprocess.Popen(['cpod', 'run', '--rm', '--name', 'c', 'busybox', 'sh', '-c', f'echo ready; {FOREVER}'],
                              stdout=subprocess.PIPE, text=True) as process:
            self.assertEqual(process.stdout.readline(), 'ready\n')
            self.ok('kill', 'c')
            self.assertEqual(process.wait(30), 137)

    def test_engine_error(self):
        self.fails(125, 'nosuch', 'run', '-q', '--rm', 'nosuch', 'true')
        self.fails(125, 'no image .*nosuch', 'run', '--pull=never', '--rm', 'nosuch', 'true')
        self.assertEqual(self.ok('ps', '-aq'), '')

    def test_not_executable(self):
        self.fails(126, '/etc/passwd', 'run', '--rm', 'busybox', '/etc/passwd')
        self.assertEqual(self.ok('ps', '-aq'), '')

    def test_not_found(self):
        self.fails(127, 'nosuch', 'run', '--rm', 'busybox', 'nosuch')
        self.assertEqual(self.ok('ps', '-aq'), '')

    def test_without_rm_the_container_stays(self):
        self.assertEqual(cpod('run', '--name', 'stays', 'busybox', 'false').returncode, 1)
        # What it needed to run is cleared away a little after its end.
        self.assertRegex(self.ok('ps', '-a', '--format', '{{.Names}} {{.ExitCode}} {{.State}}'),
                         r'\Astays 1 (stopped|exited)\Z')

    def test_detach(self):
        identity = self.run_container('--name', 'web', 'busybox', 'sleep', '100')
        self.assertRegex(identity, r'\A[0-9a-f]{64}\Z')
        self.assertEqual(self.ok('ps', '-q', '--no-trunc'), identity)

    def test_output_is_whole(self):
        output = self.ok('run', '--rm', 'busybox', 'head', '-c', '3000000', '/dev/zero', text=False)
        self.assertEqual(len(output), 3000000)
        self.assertEqual(output.strip(b'\0'), b'')

    def test_input_is_whole(self):
        data = os.urandom(1000000)
        self.assertEqual(self.ok('run', '--rm', '-i', 'busybox', 'cat', input=data, text=False), data)

    def test_input_that_nobody_reads(self):
        self.assertEqual(self.ok('run', '--rm', '-i', 'busybox', 'true', input=b'x' * 1000000, text=False), b'')

    def test_without_i_input_is_empty(self):
        self.assertEqual(self.ok('run', '--rm', 'busybox', 'wc', '-c', input='some').strip(), '0')

    def test_output_comes_as_it_is_written(self):
        with subprocess.Popen(['cpod', 'run', '--rm', '-i', 'busybox', 'sh', '-c', 'echo one; read x; echo $x'],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            self.assertEqual(process.stdout.readline(), 'one\n')
            process.stdin.write('two\n')
            process.stdin.flush()
            self.assertEqual(process.stdout.readline(), 'two\n')
            self.assertEqual(process.wait(30), 0)

    def test_signals_are_passed_on(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
            with self.subTest(number), subprocess.Popen(
                    ['cpod', 'run', '--rm', 'busybox', 'sh', '-c',
                     f'trap "exit 42" {number.name[3:]}; echo ready; {FOREVER}'],
                    stdout=subprocess.PIPE, text=True) as process:
                self.assertEqual(process.stdout.readline(), 'ready\n')
                # The service is told to start and says that it did; the command may just be reading that.
                time.sleep(0.2)
                process.send_signal(number)
                self.assertEqual(process.wait(30), 42)

    def test_options(self):
        output = self.ok('run', '--rm', '-e', 'A=1', '-e', 'GIVEN', '-e', 'NOT_GIVEN', '-w', '/tmp', '-u', 'nobody',
                         '-h', 'host1', '--read-only', 'busybox', 'sh', '-c',
                         'echo $A $GIVEN ${NOT_GIVEN-none}; pwd; id -un; hostname; touch /x 2>/dev/null || echo ro',
                         env={**os.environ, 'GIVEN': '2'})
        self.assertEqual(output.split('\n'), ['1 2 none', '/tmp', 'nobody', 'host1', 'ro'])

    def test_environment(self):
        with tempfile.NamedTemporaryFile('w', encoding='utf-8') as file:
            file.write('# what is left out\n\n  A=of the file\nB="as it is" \nGIVEN\nNOT_GIVEN\nSOME_*\nD=\r\n')
            file.flush()
            options = ('-e', 'A=1', '--env-file', file.name, '-e', 'C=here')
            running = self.run_container('busybox', 'sleep', '1000')
            for verb in (('run', '--rm', *options, 'busybox'), ('exec', *options, running)):
                output = self.ok(*verb, 'sh', '-c', 'echo "$A|$B|$C|${D-none}|$GIVEN|${NOT_GIVEN-none}|$SOME_1|$SOME_2"',
                                 env={**os.environ, 'GIVEN': '2', 'SOME_1': 'x', 'SOME_2': 'y', 'SOM': 'z'})
                self.assertEqual(output, '1|"as it is" |here||2|none|x|y')
            file.write('=nameless\n')
            file.flush()
            self.fails(125, 'line 9: a variable has no name', 'run', '--rm', '--env-file', file.name, 'busybox', 'true')
        self.fails(125, '/not/there', 'exec', '--env-file', '/not/there', '-l', 'true')

    def test_entrypoint(self):
        self.assertEqual(self.ok('run', '--rm', '--entrypoint', 'echo', 'busybox', 'a', 'b'), 'a b')
        self.assertEqual(self.ok('run', '--rm', '--entrypoint', '["echo", "x y"]', 'busybox', 'z'), 'x y z')
        self.assertEqual(self.ok('run', '--rm', '--entrypoint', '', 'busybox', 'echo', 'none'), 'none')
        self.fails(125, 'entrypoint', 'run', '--rm', '--entrypoint', '["echo", 1]', 'busybox')
        self.fails(125, 'entrypoint', 'run', '--rm', '--entrypoint', '["echo"', 'busybox')

    def test_capabilities(self):
        def effective(*options):
            return int(self.ok('run', '--rm', *options, 'busybox', 'sed', '-n', 's/^CapEff:\t//p',
                               '/proc/self/status'), 16)

        net_admin = 1 << 12
        self.assertEqual(effective() & net_admin, 0)
        self.assertEqual(effective('--cap-add', 'net_admin') & net_admin, net_admin)
        self.assertEqual(effective('--cap-drop', 'all'), 0)
        self.assertEqual(effective('--privileged') & net_admin, net_admin)

    def test_words_after_the_image_are_the_commands(self):
        self.assertEqual(self.ok('run', '--rm', 'busybox', 'echo', '--rm', '-d', '--', '-x'), '--rm -d -- -x')

    def test_cidfile(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, 'id')
            identity = self.ok('create', '--cidfile', path, 'busybox')
            with open(path, encoding='utf-8') as file:
                self.assertEqual(file.read(), identity)
            self.fails(125, 'exists', 'run', '--cidfile', path, 'busybox')
            self.assertEqual(self.ok('ps', '-aq', '--no-trunc'), identity)

    def test_bad_options(self):
        self.fails(125, '--frobnicate', 'run', '--frobnicate', 'busybox')
        self.fails(125, 'image', 'run', '--rm')
        self.fails(125, 'name', 'run', '--name', 'no/good', 'busybox')
        self.fails(125, '', 'run', '--stop-signal', 'SIGNONE', 'busybox')
        self.fails(125, '', 'create', '-d', 'busybox')
        self.assertEqual(self.ok('ps', '-aq'), '')

    def test_duplicate_name(self):
        self.ok('create', '--name', 'one', 'busybox')
        self.fails(125, 'one', 'create', '--name', 'one', 'busybox')

    def test_start_attached(self):
        self.ok('create', '--name', 'c', '-i', 'busybox', 'sh', '-c', 'cat; exit 5')
        result = cpod('start', '-a', '-i', 'c', input='hello\n')
        self.assertEqual((result.returncode, result.stdout), (5, 'hello\n'))
        self.fails(125, '', 'start', '-a', 'c', 'd')

    def test_start_attached_auto_remove(self):
        self.ok('create', '--rm', '--name', 'c', 'busybox', 'sh', '-c', 'echo bye; exit 6')
        result = cpod('start', '-a', 'c')
        self.assertEqual((result.returncode, result.stdout), (6, 'bye\n'))
        self.assertEqual(self.ok('ps', '-aq'), '')

    def test_closed_output(self):
        """Who cannot write any more ends like any other program; the container goes on, as podman's does."""
        with subprocess.Popen(['cpod', 'run', '--name', 'c', 'busybox', 'yes'], stdout=subprocess.PIPE,
                              text=True) as process:
            self.assertEqual(process.stdout.readline(), 'y\n')
            process.stdout.close()
            self.assertEqual(process.wait(30), -signal.SIGPIPE)
        self.assertEqual(self.ok('ps', '--format', '{{.Names}}'), 'c')
        self.ok('rm', '-f', '-t', '0', 'c')


if __name__ == '__main__':
    tap.main()
