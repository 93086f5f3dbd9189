#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""cpod as "meson install" leaves it, under systemd and on the system bus."""

import json
import os
import re
import signal
import time
import unittest

from machine import (CONF, MachineCase, UNIT, journal, main, main_pid, measured, run, run_as, show, systemctl,
                     wait_active, wait_restarted, write)
import cgroups
from service import is_alive, wait_for

MIB = 1 << 20
# Of 10. See cpodd(8) for why it is not far from that.
EXPOSURE_MAX = 9.6
MANY = 1000
PROPERTY = ('busctl', '--system', '--timeout=60', 'get-property', 'org.cpod.Cpod1', '/org/cpod/Cpod1/Runtime',
            'org.cpod.Cpod1.Runtime')


class ActivationTest(unittest.TestCase):
    """First of all: nothing has started the service yet."""

    def test_a_call_of_an_unprivileged_user(self):
        self.assertEqual(show('ActiveState'), 'inactive')
        begun = time.monotonic()
        result = run_as('nobody', *PROPERTY, 'Version')
        measured(f'the first call, which starts the service: {(time.monotonic() - begun) * 1000:.0f} ms')
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout, r'^s "\d+\.\d+\.\d+"$')
        self.assertEqual((show('ActiveState'), show('SubState'), show('Type')), ('active', 'running', 'notify'))
        self.assertEqual(os.readlink(f'/proc/{main_pid()}/exe'), '/usr/libexec/cpodd')
        wait_for(lambda: 'containers, 0 of them running' in show('StatusText'), 60, 'the status')

    def test_directories(self):
        for path, mode in (('/var/lib/cpod', 0o700), ('/run/cpod', 0o711)):
            self.assertEqual(os.stat(path).st_mode & 0o7777, mode, path)

    def test_the_unit_is_well(self):
        self.assertEqual(run('systemd-analyze', 'verify', '--man=no', UNIT), '')

    def test_security(self):
        text = run('systemd-analyze', 'security', '--no-pager', UNIT)
        exposure = float(re.search(r'Overall exposure level for cpod\.service: ([\d.]+)', text)[1])
        measured(f'systemd-analyze security: {exposure}')
        self.assertLessEqual(exposure, EXPOSURE_MAX)


class LifeTest(MachineCase):
    def test_reload(self):
        write(CONF, '[containers]\npids_limit = 111\n')
        self.addCleanup(self.unconfigure)
        systemctl('reload', UNIT)
        self.assertEqual(self.client.runtime('GetConfig')['containers.pids_limit'][0], 111)
        write(CONF, '[containers]\npids_limit = "many"\n')
        with self.assertRaisesRegex(AssertionError, 'failed'):
            systemctl('reload', UNIT)
        self.assertEqual(show('ActiveState'), 'active')
        write(CONF, '[containers]\npids_limit = 222\n')
        os.kill(main_pid(), signal.SIGHUP)
        wait_for(lambda: self.client.runtime('GetConfig')['containers.pids_limit'][0] == 222, 60, 'the new value')
        wait_for(lambda: show('SubState') == 'running', 60, 'the end of the reload')

    def test_restart_harms_nobody(self):
        container = self.sleeper()
        pid, before = container.get('Pid'), main_pid()
        systemctl('restart', UNIT)
        self.assertNotEqual(main_pid(), before)
        self.assert_lives_on(container, pid)

    def test_crash(self):
        container = self.sleeper()
        pid, before = container.get('Pid'), main_pid()
        since = self.client.last_seq()
        ended = self.client.create('sh', '-c', 'while [ -e /proc/1 ] && ! [ -e /end ]; do sleep 0.1; done; exit 7')
        ended.start()
        root = f'/proc/{ended.get("Pid")}/root'
        os.kill(before, signal.SIGKILL)
        os.close(os.open(root + '/end', os.O_CREAT | os.O_WRONLY))
        wait_restarted(before)
        self.assert_lives_on(container, pid)
        again = self.client.container(ended.name)
        wait_for(lambda: again.get('State') == 'exited', 60, 'the end that nobody saw')
        self.assertEqual(again.get('ExitCode'), 7)
        self.assert_gapless(self.client.events(since)[0], since)

    def test_watchdog(self):
        self.extend_unit('[Service]\nWatchdogSec=10\nTimeoutAbortSec=5\n')
        container = self.sleeper()
        pid, before = container.get('Pid'), main_pid()
        time.sleep(15)              # it gives signs of life, or it would be gone
        self.assertEqual(main_pid(), before)
        os.kill(before, signal.SIGSTOP)
        wait_restarted(before)
        self.assertIn('Watchdog timeout', journal('-u', UNIT))
        self.assert_lives_on(container, pid)

    def test_update(self):
        container = self.sleeper()
        pid, before = container.get('Pid'), main_pid()
        here = os.path.dirname(os.path.abspath(__file__))
        run(os.path.join(here, 'install'), os.environ['CPOD_TREE'])
        wait_active()
        self.assertNotEqual(main_pid(), before)
        self.assertEqual(os.readlink(f'/proc/{main_pid()}/exe'), '/usr/libexec/cpodd')
        self.assert_lives_on(container, pid)

    def test_the_monitors_are_the_services(self):
        """They are in its cgroup, and outlive it even when it is stopped."""
        container = self.sleeper()
        pid, monitor = container.get('Pid'), container.inspect()['State']['ConmonPid']
        self.assertIn('/system.slice/cpod.service', cgroups.path_of(monitor))
        systemctl('stop', UNIT)
        self.assertTrue(is_alive(monitor))
        self.assertTrue(is_alive(pid))
        systemctl('start', UNIT)
        self.assert_lives_on(container, pid)


class LimitsTest(MachineCase):
    """By scopes of systemd, in force."""

    def setUp(self):
        super().setUp()
        self.configure('[engine]\ncgroup_manager = "systemd"\n')

    def test_memory(self):
        container = self.client.create('dd', 'if=/dev/zero', 'of=/dev/null', 'bs=128M', 'count=1', memory=32 * MIB,
                                       memory_swap=32 * MIB)
        for _ in range(2):          # what systemd keeps of a scope that failed is not in the way of the next
            container.start()
            self.assertEqual(container.wait(seconds=120), 137)
            container.wait_exited()
            self.assertIs(container.inspect()['State']['OOMKilled'], True)
        container = self.client.create('dd', 'if=/dev/zero', 'of=/dev/null', 'bs=8M', 'count=1', memory=32 * MIB)
        container.start()
        self.assertEqual(container.wait(seconds=120), 0)

    def test_pids(self):
        script = 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 100 & done; wait'
        container = self.client.create('sh', '-c', script, pids_limit=8)
        container.start()
        self.assertNotEqual(container.wait(seconds=120), 0)
        self.assertIn("can't fork", container.output('stderr'))

    def test_more_processes_than_systemd_grants(self):
        container = self.sleeper(pids_limit=100000)
        unlimited = self.sleeper(pids_limit=-1)
        for one, limit in ((container, 100000), (unlimited, 'max')):
            path = cgroups.path_of(one.get('Pid'))
            limits = set()
            while 'scope' in path:
                with open(f'/sys/fs/cgroup{path}/pids.max', encoding='utf-8') as file:
                    limits.add(file.read().strip())
                path = os.path.dirname(path)
            self.assertLessEqual(limits, {str(limit), 'max'})


class JournalTest(MachineCase):
    def test_events(self):
        self.configure('[engine]\nevents_logger = "journald"\n')
        container = self.client.create('true')
        container.start()
        container.wait_exited()
        wait_for(lambda: len(self.entries(container, 'died')) == 1, 60, 'the event in the journal')
        entry = self.entries(container, 'died')[0]
        self.assertEqual((entry['_SYSTEMD_UNIT'], entry['CPOD_TYPE'], entry['CPOD_NAME']),
                         (UNIT, 'container', container.name))
        # The catalog knows what it is, in words.
        text = run('journalctl', '-x', '--no-pager', f'CPOD_CONTAINER_ID={container.id}', 'CPOD_EVENT=died')
        self.assertIn('Event of cpod: container died', text)

    def entries(self, container, event):
        text = journal(f'CPOD_CONTAINER_ID={container.id}', f'CPOD_EVENT={event}')
        return [json.loads(line) for line in text.splitlines()]

    def test_lines_about_a_container(self):
        container = self.sleeper()
        os.kill(container.inspect()['State']['ConmonPid'], signal.SIGKILL)
        wait_for(lambda: 'the container goes on' in journal(f'CPOD_CONTAINER_ID={container.id}'), 60, 'the line')


class NumbersTest(MachineCase):
    """What docs/performance.md tells of a machine like this one."""

    def test_memory_and_start(self):
        systemctl('restart', UNIT)
        self.connect()
        measured(f'idle, no container: {settled_pss(main_pid())} KiB')
        for i in range(MANY):
            self.client.create('true', name=f'many{i}')
        systemctl('restart', UNIT)
        begun = int(show('ExecMainStartTimestampMonotonic'))
        ms = (int(show('ActiveEnterTimestampMonotonic')) - begun) / 1000
        measured(f'from the start of the process to owning the name, {MANY} containers: {ms:.0f} ms')
        self.connect()
        self.assertEqual(len(self.client.list()), MANY)
        measured(f'idle, {MANY} containers: {settled_pss(main_pid())} KiB')
        self.client.job_wait(self.client.runtime('PruneContainers'), seconds=300)


def settled_pss(pid):
    """When the service has given back what its last work took; on such a machine that may be a while."""
    last, now = None, pss(pid)
    for _ in range(6):
        time.sleep(10)
        last, now = now, pss(pid)
        if last - now < 64:
            break
    return now


def pss(pid):
    with open(f'/proc/{pid}/smaps_rollup', encoding='utf-8') as file:
        return int(re.search(r'^Pss: +(\d+) kB', file.read(), re.M)[1])


if __name__ == '__main__':
    main()
