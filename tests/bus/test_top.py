#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The processes in a container, as Top tells them, held against what the kernel says."""

import os
import signal
import time

from cases import BusyboxCase
from execs import new_exec
from service import GLib, is_alive, main, wait_for

USUAL = {'user', 'pid', 'ppid', 'pcpu', 'etime', 'tty', 'time', 'args'}
ALL = ['args', 'capamb', 'capbnd', 'capeff', 'capinh', 'capprm', 'comm', 'etime', 'gid', 'gids', 'group', 'groups', 'hpid', 'label',
       'nice', 'pcpu', 'pgid', 'pid', 'ppid', 'rgroup', 'rss', 'ruser', 'seccomp', 'state', 'stime', 'time', 'tty', 'uid', 'user', 'vsz']
# A name with all that parses as something else, and a title that is no command line.
HOSTILE = "printf 'a) R 1 (\\n' > /proc/self/comm"


def rows(columns):
    keys = list(columns)
    return [dict(zip(keys, values)) for values in zip(*(columns[key] for key in keys))]


def kernel(pid, key):
    with open(f'/proc/{pid}/status', encoding='utf-8', errors='replace') as file:
        for line in file:
            name, _, value = line.partition(':')
            if name == key:
                return value.split()
    raise KeyError(key)


class TopTest(BusyboxCase):
    def run_container(self, *command, **options):
        """One whose process is the command already, and not what prepares it."""
        container = self.client.create(*command, stop_signal='KILL', **options)
        container.start()
        self.wait_for_rows(container, lambda row: not row['comm'].startswith('runc:'), 'comm')
        return container

    def wait_for_rows(self, container, condition, *fields):
        """Until there is one of which it is true; gives that and all."""
        def look():
            found = rows(container.call('Top', fields=list(fields)))
            good = [row for row in found if condition(row)]
            return (good[0], found) if good else None
        return wait_for(look, 60, 'the process')

    def test_usual_columns(self):
        container = self.run_container('sh', '-c', 'sleep 1000 & exec sleep 2000')
        self.wait_for_rows(container, lambda row: row['args'] == 'sleep 2000', 'args')
        child, found = self.wait_for_rows(container, lambda row: row['args'] == 'sleep 1000', *USUAL)
        columns = container.call('Top')
        self.assertEqual(set(columns), USUAL)
        self.assertEqual(len(found), 2)
        first, = [row for row in found if row['pid'] == 1]
        self.assertEqual((first['args'], first['user'], first['ppid'], first['tty']), ('sleep 2000', 'root', 0, ''))
        self.assertEqual((child['ppid'], child['user']), (1, 'root'))
        self.assertEqual([row['pid'] for row in rows(columns)], sorted(row['pid'] for row in found))
        for row in rows(columns):
            self.assertGreaterEqual(row['etime'], row['time'])
            self.assertGreaterEqual(row['pcpu'], 0)

    def test_against_the_kernel(self):
        container = self.run_container('sleep', '1000', user='1234:5678')
        columns = container.call('Top', fields=ALL)
        self.assertEqual(sorted(columns), sorted(ALL))
        row, = rows(columns)
        pid = container.get('Pid')
        self.assertEqual((row['hpid'], row['pid'], row['pgid'], row['comm'], row['args']), (pid, 1, 1, 'sleep', 'sleep 1000'))
        self.assertEqual((row['user'], row['ruser'], row['group'], row['rgroup'], row['uid'], row['gid']),
                         ('1234', '1234', '5678', '5678', 1234, 5678))
        self.assertEqual(row['gids'], list(map(int, kernel(pid, 'Groups'))))
        for key, name in (('capbnd', 'CapBnd'), ('capeff', 'CapEff'), ('capprm', 'CapPrm'), ('capinh', 'CapInh'), ('capamb', 'CapAmb')):
            self.assertEqual(len(row[key]), bin(int(kernel(pid, name)[0], 16)).count('1'), key)
        self.assertIn('CAP_CHOWN', row['capbnd'])
        self.assertNotIn('CAP_SYS_ADMIN', row['capbnd'])
        self.assertEqual(row['seccomp'], ['disabled', 'strict', 'filter'][int(kernel(pid, 'Seccomp')[0])])
        self.assertEqual(row['vsz'], int(kernel(pid, 'VmSize')[0]) * 1024)
        self.assertGreater(row['rss'], 0)
        self.assertIn(row['state'], 'SRD')
        self.assertLessEqual(abs(row['stime'] + row['etime'] - time.time() * 1e6), 60e6)

    def test_types(self):
        """Each column has its type also when it is of one process alone."""
        container = self.run_container('sleep', '1000')
        reply, _ = self.client.call_raw(container.path, 'org.cpod.Cpod1.Container', 'Top',
                                        GLib.Variant('(a{sv})', ({'fields': GLib.Variant('as', ALL)},)))
        types = {}
        for entry in (reply.get_child_value(0).get_child_value(i) for i in range(len(ALL))):
            types.setdefault(entry.get_child_value(1).get_variant().get_type_string(), set()).add(entry.get_child_value(0).get_string())
        self.assertEqual(types['au'], {'pid', 'ppid', 'pgid', 'hpid', 'uid', 'gid'})
        self.assertEqual(types['at'], {'time', 'etime', 'stime', 'vsz', 'rss'})
        self.assertEqual((types['ad'], types['ai'], types['aau']), ({'pcpu'}, {'nice'}, {'gids'}))
        self.assertEqual(types['aas'], {'groups', 'capamb', 'capbnd', 'capeff', 'capinh', 'capprm'})

    def test_names_of_the_container(self):
        """They are those of its files as they are now, and numbers where these are no such files."""
        container = self.run_container('sh', '-c', 'echo "odd:x:0:0::/:/bin/sh" > /etc/passwd; echo "set:x:0:" > /etc/group; exec sleep 1000')
        row, _ = self.wait_for_rows(container, lambda row: row['comm'] == 'sleep', 'comm', 'user', 'group')
        self.assertEqual((row['user'], row['group']), ('odd', 'set'))
        path = f'/proc/{container.get("Pid")}/root/etc/passwd'
        for make in os.mkfifo, lambda path: os.symlink('/etc/shadow', path), lambda path: os.symlink(path, path), os.mkdir:
            os.unlink(path)
            make(path)
            self.assertEqual(container.call('Top', fields=['user']), {'user': ['0']})

    def test_hostile_names(self):
        container = self.run_container('sh', '-c', f'{HOSTILE}; read never < /dev/zero')
        row, found = self.wait_for_rows(container, lambda row: row['comm'].startswith('a)'), 'pid', 'ppid', 'comm', 'uid')
        self.assertEqual((len(found), row), (1, {'pid': 1, 'ppid': 0, 'comm': 'a) R 1 (\n', 'uid': 0}))

    def test_terminal(self):
        container = self.run_container('sleep', '1000', tty=True)
        row, = rows(container.call('Top', fields=['tty', 'nice']))
        self.assertEqual(row, {'tty': 'pts/0', 'nice': os.getpriority(os.PRIO_PROCESS, container.get('Pid'))})

    def test_exec_session(self):
        """It is in the container, though its parent is not."""
        container = self.run_container('sleep', '1000')
        session = new_exec(container, 'sleep', '2000').start()
        row, found = self.wait_for_rows(container, lambda row: row['args'] == 'sleep 2000', 'args', 'ppid', 'hpid', 'pid')
        self.assertEqual((row['ppid'], row['hpid'], len(found)), (0, session.pid, 2))
        self.assertEqual(row['pid'], int(kernel(session.pid, 'NSpid')[-1]))

    def test_without_a_cgroup(self):
        """Then what is in the container is known by its namespace; another one of the same kind is not in it."""
        one, other = self.run_container('sleep', '1000'), self.run_container('sleep', '2000')
        path = self.service.state('run', 'containers', one.id, 'launch')
        with open(path, encoding='ascii') as file:
            record = file.read()
        with open(path, 'w', encoding='ascii') as file:
            file.write(record.split('\n')[0] + '\n\n')
        self.assertEqual(one.call('Top', fields=['args', 'pid']), {'args': ['sleep 1000'], 'pid': [1]})
        self.assertEqual(other.call('Top', fields=['args', 'hpid']), {'args': ['sleep 2000'], 'hpid': [other.get('Pid')]})
        session = new_exec(one, 'sleep', '3000').start()
        self.assertEqual(sorted(one.call('Top', fields=['args'])['args']), ['sleep 1000', 'sleep 3000'])
        self.assertTrue(is_alive(session.pid))
        with open(path, 'w', encoding='ascii') as file:
            file.write(record)

    def test_states(self):
        container = self.client.create('sleep', '1000', stop_signal='KILL')
        with self.assert_error('InvalidState', 'list the processes of'):
            container.call('Top')
        container.call('Init')
        with self.assert_error('InvalidState', 'created'):
            container.call('Top')
        container.start()
        container.call('Pause')
        self.assertEqual(container.call('Top', fields=['args']), {'args': ['sleep 1000']})
        container.call('Unpause')
        container.stop()
        with self.assert_error('InvalidState', 'stopped'):
            container.call('Top')

    def test_fields(self):
        container = self.run_container('sleep', '1000')
        with self.assert_error('InvalidArgument', "'nonsense' is no known key"):
            container.call('Top', fields=['pid', 'nonsense'])
        self.assertEqual(container.call('Top', fields=['pid', 'pid']), {'pid': [1]})

    def test_processes_that_vanish(self):
        """Some end while they are looked at: the others are told, and each value belongs to its process."""
        container = self.run_container('sh', '-c', 'while :; do for i in 1 2 3 4 5 6 7 8; do true & done; wait; done')
        for _ in range(100):
            found = rows(container.call('Top', fields=['pid', 'hpid', 'args', 'comm', 'ppid', 'uid']))
            first, = [row for row in found if row['pid'] == 1]
            self.assertEqual((first['hpid'], first['ppid']), (container.get('Pid'), 0))
            self.assertEqual(len({row['pid'] for row in found}), len(found))

    def test_one_that_ends(self):
        """Whatever it is that is asked for then, it is answered by columns or by the one error."""
        for _ in range(5):
            container = self.run_container('sleep', '1000')
            os.kill(container.get('Pid'), signal.SIGKILL)
            try:
                self.assertLessEqual(len(container.call('Top', fields=['pid'])['pid']), 1)
            except Exception as error:      # pylint: disable=broad-except
                self.assertTrue(error.name.endswith('InvalidState'), error)
            container.wait()
            container.remove()


if __name__ == '__main__':
    main()
