# SPDX-License-Identifier: LGPL-2.1-or-later
"""cpod top: the processes in a container."""

import os
import re
import shutil
import subprocess
import time

from cli import CliTest, cpod, tap

NUMBERS = re.compile(r'(\d+h)?(\d+m)?[\d.]+(s|ms|µs)')
# What a terminal would obey.
TITLE = '\033[2Jowned\tx'


class Top(CliTest):
    def setUp(self):
        self.run_container('--name', 'c', 'busybox', 'sleep', '1000')

    def run_container(self, *arguments):
        """One whose process is the command already, and not what prepares it."""
        identity = super().run_container(*arguments)
        while 'runc:' in self.ok('top', identity, 'comm'):
            time.sleep(0.01)
        return identity

    def cells(self, *words):
        """The lines of a table, parted where there are two blanks."""
        return [re.split(r' {2,}', line) for line in self.ok('top', *words).split('\n')]

    def test_usual_columns(self):
        heading, row = self.cells('c')
        self.assertEqual(heading, ['USER', 'PID', 'PPID', '%CPU', 'ELAPSED', 'TTY', 'TIME', 'COMMAND'])
        self.assertEqual((row[:3], row[5], row[7]), (['root', '1', '0'], '?', 'sleep 1000'))
        self.assertRegex(row[3], r'\A\d+\.\d{3}\Z')
        self.assertTrue(NUMBERS.fullmatch(row[4]) and NUMBERS.fullmatch(row[6]), row)
        self.assertEqual(self.cells('--latest')[1][7], 'sleep 1000')
        self.assertEqual(self.ok('container', 'top', 'c', 'pid'), 'PID\n1')

    def test_descriptors(self):
        """In words of their own, with commas, and by ps's letters."""
        for words in (('pid', 'user', 'args'), ('pid,user,args',), ('pid, user', 'args'), ('%p', '%U,%a')):
            self.assertEqual(self.cells('c', *words), [['PID', 'USER', 'COMMAND'], ['1', 'root', 'sleep 1000']])
        pid = self.ok('inspect', '--format', '{{.State.Pid}}', 'c')
        self.assertEqual(self.cells('c', 'hpid,huser,huid,hgroup,pgid,nice'),
                         [['HPID', 'HUSER', 'HUID', 'HGROUP', 'PGID', 'NI'], [pid, 'root', '0', 'root', '1', str(os.getpriority(os.PRIO_PROCESS, int(pid)))]])
        with open(f'/proc/{pid}/statm', encoding='ascii') as file:
            size = int(file.read().split()[0]) * os.sysconf('SC_PAGESIZE') // 1024
        self.assertEqual(self.ok('top', 'c', 'vsz'), f'VSZ\n{size}')

    def test_every_descriptor(self):
        manual = self.ok('top', '--help')
        self.assertIn('DESCRIPTOR', manual)
        names = ('args capamb capbnd capeff capinh capprm comm etime group groups hgroup hgroups hpid huid huser label nice pcpu pgid '
                 'pid ppid rgroup rss ruser seccomp state stime time tty uid user vsz').split()
        for name in names:
            lines = self.ok('top', 'c', name).split('\n')
            self.assertEqual((len(lines), lines[0].upper()), (2, lines[0]) if name not in ('groups', 'hgroups') else (len(lines), lines[0]), name)

    def test_capabilities(self):
        self.assertEqual(self.ok('top', 'c', 'capamb'), 'AMBIENT CAPS\nnone')
        heading, names = self.ok('top', 'c', 'capeff').split('\n')
        self.assertEqual(heading, 'EFFECTIVE CAPS')
        self.assertIn('CHOWN', names.split(','))
        self.assertNotIn('SYS_ADMIN', names.split(','))

    def test_terminals_are_safe(self):
        self.run_container('--name', 'odd', 'busybox', 'sh', '-c', 'while :; do read x < /dev/zero; done', TITLE)
        text = self.ok('top', 'odd', 'args', 'pid')
        self.assertIn('?[2Jowned?x', text)
        self.assertNotIn('\033', text)
        self.assertEqual(len(text.split('\n')), 2)

    def test_without_a_command_line(self):
        """Its first process does not wait for its children, so the one that ends stays a zombie."""
        self.run_container('--name', 'z', 'busybox', 'sh', '-c',
                           'sh -c "until grep -q sleep /proc/1/comm; do :; done" & exec sleep 1000')
        for _ in range(1000):
            if 'Z' in self.ok('top', 'z', 'state'):
                break
        lines = self.cells('z', 'state', 'args')
        self.assertIn(['Z', '[sh]'], lines)
        self.assertIn(['S', 'sleep 1000'], lines)

    def test_options_of_ps(self):
        """The host's ps tells, of the processes of the container alone."""
        self.run_container('--name', 'two', 'busybox', 'sh', '-c', 'sleep 1000 & wait')
        self.wait_lines(3, 'top', 'two', 'pid')
        pids = self.ok('top', 'two', 'hpid').split('\n')[1:]
        for words in (('top', 'two', '-eo', 'pid='), ('top', 'two', '--', '-eo', 'pid='), ('container', 'top', 'two', '-o', 'pid='),
                      ('top', '-l', '--', '-e', '-o', 'pid='), ('top', '--', 'two', '-eo', 'pid=')):
            self.assertEqual(set(self.ok(*words).split()), set(pids), words)
        heading, row = self.ok('top', 'c', '-o', 'nlwp,comm').split('\n')
        self.assertEqual((heading.split(), row.split()), (['NLWP', 'COMMAND'], ['1', 'sleep']))
        result = cpod('top', 'c', '-o', 'no-such')
        self.assertEqual((result.returncode, result.stdout), (1, ''))
        self.assertIn('"no-such"', result.stderr)
        self.fails(125, 'nobody', 'top', 'nobody', '-ef')
        result = subprocess.run([shutil.which('cpod'), 'top', 'c', '-ef'], env={**os.environ, 'PATH': '/nonexistent'},
                                capture_output=True, text=True, check=False, timeout=120)
        self.assertEqual((result.returncode, result.stdout), (125, ''))
        self.assertRegex(result.stderr, r'\AError: .*\bps\b')

    def wait_lines(self, count, *words):
        deadline = time.monotonic() + 60
        while len(self.ok(*words).split('\n')) != count:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    def test_errors(self):
        self.fails(125, 'nobody', 'top', 'nobody')
        self.fails(125, 'a container must be given', 'top')
        self.fails(125, '"nonsense" is no descriptor', 'top', 'c', 'pid', 'nonsense')
        self.ok('create', '--name', 'still', 'busybox', 'true')
        self.fails(125, 'still', 'top', 'still')


if __name__ == '__main__':
    tap.main()
