#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Limits of containers as the kernel has them, and the cgroups that they are in."""

import json
import os
import re
import resource
import signal
import subprocess

from cases import BusyboxCase
import cgroups
from service import GLib, main, wait_for, write_conf

MIB = 1 << 20
CAP_SYS_RESOURCE = 1 << 24
# Four times as much as is allowed, in the memory of one process.
GREEDY = ('sh', '-c', 'dd if=/dev/zero of=/dev/null bs=128M count=1')


class LimitsCase(BusyboxCase):
    def in_force(self, container, *limits):
        return [cgroups.read(container.get('Pid'), limit) for limit in limits]

    def host_config(self, container):
        return container.inspect()['HostConfig']


class LimitsTest(LimitsCase):
    def test_each_is_in_force_and_shown(self):
        container = self.sleeper(memory=64 * MIB, memory_swap=96 * MIB, memory_reservation=32 * MIB, cpu_shares=512,
                                 cpu_quota=20000, cpu_period=50000, cpuset_cpus='0', cpuset_mems='0', pids_limit=33)
        self.assertEqual(self.in_force(container, 'memory', 'memory-reservation', 'cpu-quota', 'cpu-period',
                                       'cpuset-cpus', 'cpuset-mems', 'pids-limit'),
                         [64 * MIB, 32 * MIB, 20000, 50000, '0', '0', 33])
        # Cgroup v2 counts swap by itself, and weighs processors from 1 to 10000.
        self.assertEqual(self.in_force(container, 'memory-swap', 'cpu-shares'),
                         [32 * MIB, 20] if cgroups.IS_V2 else [96 * MIB, 512])
        shown = self.host_config(container)
        for key, value in (('Memory', 64 * MIB), ('MemorySwap', 96 * MIB), ('MemoryReservation', 32 * MIB),
                           ('CpuShares', 512), ('CpuQuota', 20000), ('CpuPeriod', 50000), ('NanoCpus', 400000000),
                           ('CpusetCpus', '0'), ('CpusetMems', '0'), ('PidsLimit', 33), ('MemorySwappiness', -1),
                           ('OomKillDisable', False)):
            self.assertEqual(shown[key], value, key)

    def test_defaults(self):
        container = self.sleeper()
        self.assertEqual(self.in_force(container, 'memory', 'cpu-quota', 'pids-limit'), [-1, -1, 2048])
        shown = self.host_config(container)
        self.assertEqual([shown[key] for key in ('Memory', 'MemorySwap', 'CpuQuota', 'NanoCpus', 'PidsLimit')],
                         [0, 0, 0, 0, 2048])
        self.assertEqual(shown['ShmSize'], 64 * MIB)

    def test_swap_is_as_much_again(self):
        container = self.sleeper(memory=32 * MIB)
        self.assertEqual(self.in_force(container, 'memory', 'memory-swap'),
                         [32 * MIB, 32 * MIB if cgroups.IS_V2 else 64 * MIB])
        self.assertEqual(self.host_config(container)['MemorySwap'], 64 * MIB)

    def test_cpus(self):
        container = self.sleeper(cpus=0.25, pids_limit=-1)
        self.assertEqual(self.in_force(container, 'cpu-quota', 'cpu-period', 'pids-limit'), [25000, 100000, -1])
        self.assertEqual(self.host_config(container)['NanoCpus'], 250000000)

    def test_what_is_refused(self):
        before = self.client.last_seq()
        for options, words in (
                ({'memory': -2}, ('memory', '-2', '-1')), ({'memory_swap': 64 * MIB}, ('memory-swap', 'needs', 'memory')),
                ({'memory': 64 * MIB, 'memory_swap': 32 * MIB}, ('memory-swap', 'less than memory')),
                ({'memory': 64 * MIB, 'memory_reservation': 65 * MIB}, ('memory-reservation', 'more than memory')),
                ({'memory_swappiness': 101}, ('memory-swappiness', '101', '100')),
                ({'cpus': 1.0, 'cpu_quota': 5000}, ('cpus', 'cpu-quota')), ({'cpus': -1.0}, ('cpus', '-1')),
                ({'cpus': float('nan')}, ('cpus', 'nan')), ({'cpus': 1e300}, ('cpus',)), ({'cpus': 0.001}, ('cpus', '0.01')),
                ({'cpu_shares': 1}, ('cpu-shares', '2')), ({'cpu_quota': 999}, ('cpu-quota', '1000')),
                ({'cpu_period': 999}, ('cpu-period', '1000')), ({'cpu_period': 1000001}, ('cpu-period', '1000000')),
                ({'cpuset_cpus': ''}, ('cpuset-cpus',)), ({'cpuset_cpus': '0-'}, ('cpuset-cpus', '0-')),
                ({'cpuset_mems': 'all\n'}, ('cpuset-mems',)), ({'blkio_weight': 9}, ('blkio-weight', '10')),
                ({'pids_limit': -5}, ('pids-limit', '-5')), ({'oom_score_adj': 1001}, ('oom-score-adj', '1001', '1000')),
                ({'shm_size': 0}, ('shm-size', '0')), ({'ulimit': ['nofile']}, ('ulimit', 'nofile')),
                ({'ulimit': ['nofile=20:10']}, ('ulimit', 'nofile=20:10')), ({'ulimit': ['none=1']}, ('ulimit', 'none=1')),
                ({'memory': GLib.Variant('s', '64m')}, ('memory', "'x'", "'s'"))):
            with self.subTest(str(options)), self.assert_error('InvalidArgument', *words):
                self.client.create('true', **options)
        self.assertEqual(self.client.last_seq(), before)

    def test_shm_size(self):
        container = self.sleeper(shm_size=3 * MIB)
        stat = os.statvfs(f'/proc/{container.get("Pid")}/root/dev/shm')
        self.assertEqual(stat.f_blocks * stat.f_frsize, 3 * MIB)
        self.assertEqual(self.host_config(container)['ShmSize'], 3 * MIB)

    def limits_of(self, container):
        with open(f'/proc/{container.get("Pid")}/limits', encoding='utf-8') as file:
            return {line[:26].strip(): line[26:].split()[:2] for line in file}

    def test_ulimits(self):
        container = self.sleeper(ulimit=['nofile=100:200', 'core=0', 'cpu=-1'])
        limits = self.limits_of(container)
        self.assertEqual(limits['Max open files'], ['100', '200'])
        self.assertEqual(limits['Max core file size'], ['0', '0'])
        self.assertEqual(limits['Max cpu time'], ['unlimited', 'unlimited'])
        own = resource.getrlimit(resource.RLIMIT_NPROC)[1]
        self.assertEqual(limits['Max processes'][1], str(32768 if own < 0 else min(own, 32768)))
        shown = {one['Name']: (one['Soft'], one['Hard']) for one in self.host_config(container)['Ulimits']}
        self.assertEqual(shown['RLIMIT_NOFILE'], (100, 200))
        self.assertEqual(shown['RLIMIT_CPU'], (-1, -1))

    def test_a_ulimit_above_the_service_s_own(self):
        pid = self.service.process.pid
        with open(f'/proc/{pid}/status', encoding='utf-8') as file:
            may_raise = int(re.search('CapEff:\\s*(\\w+)', file.read())[1], 16) & CAP_SYS_RESOURCE
        resource.prlimit(pid, resource.RLIMIT_MSGQUEUE, (1000, 1000))
        if may_raise:
            limits = self.limits_of(self.sleeper(ulimit=['msgqueue=2000']))
            self.assertEqual(limits['Max msgqueue size'], ['2000', '2000'])
            return
        with self.assert_error('InvalidArgument', 'ulimit', 'msgqueue=2000', '1000'):
            self.client.create('true', ulimit=['msgqueue=2000'])

    def test_oom_score(self):
        container = self.sleeper(oom_score_adj=567)
        with open(f'/proc/{container.get("Pid")}/oom_score_adj', encoding='utf-8') as file:
            self.assertEqual(int(file.read()), 567)
        self.assertEqual(self.host_config(container)['OomScoreAdj'], 567)

    def test_out_of_memory(self):
        container = self.client.create(*GREEDY[:2], 'exec ' + GREEDY[2], memory=32 * MIB, memory_swap=32 * MIB)
        container.start()
        self.assertEqual(container.wait(), 137)
        container.wait_exited()
        state = container.inspect()['State']
        self.assertEqual((state['OOMKilled'], state['ExitCode']), (True, 137))
        # One that is killed without having used up its memory is not out of memory.
        other = self.sleeper(memory=32 * MIB)
        other.kill(signal='KILL')
        self.assertEqual(other.wait(), 137)
        self.assertIs(other.inspect()['State']['OOMKilled'], False)

    def test_oom_kill_disable(self):
        if cgroups.IS_V2:
            with self.assert_error('InvalidArgument', 'oom-kill-disable', 'v2'):
                self.client.create('true', oom_kill_disable=True)
            return
        container = self.sleeper(memory=32 * MIB, oom_kill_disable=True)
        pid = container.get('Pid')
        with open(f'/sys/fs/cgroup/memory{cgroups.path_of(pid, "memory")}/memory.oom_control', encoding='utf-8') as file:
            self.assertIn('oom_kill_disable 1', file.read())
        self.assertIs(self.host_config(container)['OomKillDisable'], True)


class UpdateTest(LimitsCase):
    def metadata(self, container):
        with open(self.service.state('lib', 'containers', container.id, 'container.json'), encoding='utf-8') as file:
            return json.loads(json.load(file)['config'])['resources']

    def test_of_a_running_container(self):
        container = self.sleeper(memory=64 * MIB, name='changed')
        seq = self.client.last_seq()
        container.call('Update', memory=32 * MIB, cpus=0.5, pids_limit=44, cpuset_cpus='0')
        self.assertEqual(self.in_force(container, 'memory', 'cpu-quota', 'pids-limit', 'cpuset-cpus'),
                         [32 * MIB, 50000, 44, '0'])
        container.call('Update', memory=128 * MIB)
        self.assertEqual(self.in_force(container, 'memory', 'cpu-quota'), [128 * MIB, 50000])
        container.call('Update', memory=-1, pids_limit=-1)
        self.assertEqual(self.in_force(container, 'memory', 'memory-swap', 'pids-limit'), [-1, -1, -1])
        events = [event for event in self.client.events(seq)[0] if event['id'] == container.id]
        self.assertEqual([event['status'] for event in events], ['update'] * 3)
        self.assertEqual(events[0]['attributes'], {'image': 'busybox', 'memory': 32 * MIB, 'cpus': 0.5, 'pids-limit': 44,
                                                   'cpuset-cpus': '0'})
        self.assertEqual(events[0]['uid'], os.geteuid())
        shown = self.host_config(container)
        self.assertEqual([shown[key] for key in ('Memory', 'NanoCpus', 'PidsLimit', 'CpusetCpus')], [-1, 500000000, -1, '0'])

    def test_it_lasts(self):
        container = self.client.create('sleep', '1000', memory=64 * MIB, name='lasting')
        container.call('Update', memory=48 * MIB)
        self.assertEqual(self.metadata(container)['memory'], 48 * MIB)
        container.start()
        self.assertEqual(self.in_force(container, 'memory'), [48 * MIB])
        container.call('Update', memory=40 * MIB)
        self.service.restart()
        container = self.client.container('lasting')
        self.assertEqual(self.in_force(container, 'memory'), [40 * MIB])
        container.call('Update', pids_limit=55)
        container.stop(timeout=0)
        container.wait_exited()
        container.start()
        self.assertEqual(self.in_force(container, 'memory', 'pids-limit'), [40 * MIB, 55])
        self.assertEqual(self.metadata(container)['pids-limit'], 55)

    def test_of_a_paused_container(self):
        container = self.sleeper(memory=64 * MIB)
        container.call('Pause')
        container.call('Update', memory=32 * MIB)
        self.assertEqual(self.in_force(container, 'memory'), [32 * MIB])
        container.call('Unpause')

    def test_all_or_nothing(self):
        """What the kernel refuses, since there is no such processor, takes the rest with it."""
        container = self.sleeper(memory=64 * MIB, pids_limit=33)
        seq = self.client.last_seq()
        before = container.inspect()
        with self.assert_error('OciRuntime', container.name):
            container.call('Update', memory=32 * MIB, pids_limit=11, cpu_shares=512, cpuset_cpus='9999')
        self.assertEqual(self.in_force(container, 'memory', 'pids-limit', 'cpu-shares'),
                         [64 * MIB, 33, 100 if cgroups.IS_V2 else 1024])
        with self.assert_error('InvalidArgument', 'memory-swap', 'less'):
            container.call('Update', memory_swap=32 * MIB)
        with self.assert_error('InvalidArgument', 'shm-size'):
            container.call('Update', shm_size=32 * MIB)
        self.assertEqual(container.inspect(), before)
        self.assertEqual(self.client.last_seq(), seq)
        self.assert_well(self.service)


class A23CgroupTest(LimitsCase):
    """Where the cgroups of containers are."""

    def test_default_parent(self):
        container = self.sleeper()
        info = self.client.runtime('GetInfo')
        self.assertEqual(info['host']['cgroupManager'], 'cgroupfs')
        self.assertEqual(cgroups.path_of(container.get('Pid'), 'pids'), '/cpod/' + container.id)
        shown = container.inspect()
        self.assertEqual(shown['State']['CgroupPath'], '/cpod/' + container.id)
        self.assertEqual([shown['HostConfig'][key] for key in ('CgroupManager', 'CgroupParent', 'Cgroups', 'CgroupMode')],
                         ['cgroupfs', '/cpod', 'default', 'private' if cgroups.IS_V2 else 'host'])

    def test_parent_of_cgroupfs(self):
        for given, parent in (('/cpod-test/inner', '/cpod-test/inner'), ('cpod-test', '/cpod-test')):
            container = self.sleeper(cgroup_parent=given)
            self.assertEqual(cgroups.path_of(container.get('Pid'), 'pids'), f'{parent}/{container.id}')
            self.assertEqual(self.host_config(container)['CgroupParent'], parent)
        for bad in ('user.slice', '/a/b.slice', '../up', '/a/../b', '', '/a\nb'):
            with self.subTest(bad), self.assert_error('InvalidArgument', 'cgroup-parent', bad):
                self.client.create('true', cgroup_parent=bad)
        self.service.remove_all()
        for path in ('/cpod-test/inner', '/cpod-test'):
            for directory in cgroups.directories(path):
                os.rmdir(directory)

    def test_modes(self):
        self.assertEqual(cgroups.path_of(self.sleeper(cgroups='no-conmon').get('Pid'), 'pids')[:6], '/cpod/')
        with self.assert_error('InvalidArgument', 'cgroups', 'maybe'):
            self.client.create('true', cgroups='maybe')
        for mode in ('split', 'disabled'):
            with self.assert_error('InvalidArgument', 'cgroup-parent', '/x'):
                self.client.create('true', cgroups=mode, cgroup_parent='/x')

    def test_without_a_cgroup(self):
        """crun can, runc cannot, and the error says which it is."""
        with self.assert_error('InvalidArgument', 'cgroups', 'runc'):
            self.client.create('true', cgroups='disabled', oci_runtime='runc')
        with self.assert_error('InvalidArgument', 'cgroups', 'limits'):
            self.client.create('true', cgroups='disabled', oci_runtime='crun', memory=64 * MIB)
        container = self.client.create('true', cgroups='disabled', oci_runtime='crun')
        self.assertEqual(self.host_config(container)['Cgroups'], 'disabled')
        with self.assert_error('InvalidState', container.name, 'cgroup'):
            container.call('Update', memory=64 * MIB)

    def test_split(self):
        """Below the cgroup of who starts it, and the monitor beside it."""
        path = '/cpod-split-test'
        for hierarchy in cgroups.hierarchies():
            os.makedirs(hierarchy + path, exist_ok=True)
        child = subprocess.Popen(['/usr/bin/python3', '-c', SPLIT_CALLER, path, os.environ['DBUS_SYSTEM_BUS_ADDRESS']],
                                 stdout=subprocess.PIPE, text=True, env={**os.environ, 'PYTHONPATH': os.path.dirname(__file__)})
        try:
            name, pid, monitor = child.communicate(timeout=60)[0].split()
            self.assertTrue(cgroups.path_of(int(pid), 'pids').startswith(path + '/cpod-'))
            self.assertTrue(cgroups.path_of(int(monitor), 'pids').startswith(path))
            self.client.container(name).remove(force=True, timeout=0)
            self.assertEqual(cgroups.directories(f'{path}/cpod-{name}'), [])
        finally:
            child.kill()
            wait_for(lambda: not cgroups.processes(path) and not cgroups.processes(path + '/supervisor'), 20)
            for directory in cgroups.directories(path + '/supervisor') + cgroups.directories(path):
                os.rmdir(directory)

    def test_namespace(self):
        for value, own in (('private', True), ('host', False)):
            container = self.sleeper(cgroupns=value)
            self.assertEqual(os.readlink(f'/proc/{container.get("Pid")}/ns/cgroup') != os.readlink('/proc/self/ns/cgroup'), own)
            self.assertEqual(self.host_config(container)['CgroupMode'], value)
        with self.assert_error('InvalidArgument', 'cgroupns', 'shared'):
            self.client.create('true', cgroupns='shared')

    def test_nothing_is_left(self):
        for verb in ('remove', 'evict'):
            container = self.sleeper()
            path = cgroups.path_of(container.get('Pid'), 'pids')
            self.assertNotEqual(cgroups.directories(path), [])
            if verb == 'remove':
                container.remove(force=True, timeout=0)
            else:
                self.client.runtime('Evict', 's', container.id)
            self.assertEqual(cgroups.directories(path), [])

    def test_evict_ends_all_that_is_in_the_cgroup(self):
        """Also what is not below the first process, and though the OCI runtime has lost its record."""
        container = self.sleeper()
        path = cgroups.path_of(container.get('Pid'), 'pids')
        with subprocess.Popen(['sleep', '1000']) as stray:
            for directory in cgroups.directories(path):
                with open(directory + '/cgroup.procs', 'w', encoding='utf-8') as file:
                    file.write(str(stray.pid))
            subprocess.run(['rm', '-r', self.service.state('run', 'runtime', container.id)], check=True)
            self.client.runtime('Evict', 's', container.id)
            self.assertEqual(stray.wait(20), -signal.SIGKILL)
        self.assertEqual(cgroups.directories(path), [])

    def test_a_monitor_that_is_killed_while_it_writes(self):
        """It writes the exit file under another name first, which nothing else would ever remove."""
        container = self.sleeper()
        unfinished = self.service.state('run', 'exits', container.id + '.ABC123')
        with open(unfinished, 'w', encoding='utf-8'):
            pass
        os.kill(container.inspect()['State']['ConmonPid'], signal.SIGKILL)
        container.remove(force=True, timeout=0)
        self.assertFalse(os.path.exists(unfinished))

    def test_systemd_needs_slices(self):
        """The manager is recorded, whatever the configuration says later."""
        if not os.path.isdir('/run/systemd/system'):
            self.assertEqual(self.client.runtime('GetInfo')['host']['cgroupManager'], 'cgroupfs')
            return
        self.service.restart(CPOD_CONF=write_conf('systemd', '[engine]\ncgroup_manager = "systemd"\n'))
        for bad in ('/cpod', 'a.b', '.slice', 'x--y.slice'):
            with self.subTest(bad), self.assert_error('InvalidArgument', 'cgroup-parent', bad, 'slice'):
                self.client.create('true', cgroup_parent=bad)
        container = self.client.create('sleep', '1000', name='kept', cgroup_parent='user-cpod.slice')
        self.service.restart()
        container = self.client.container('kept')
        container.start()
        self.assertEqual(cgroups.path_of(container.get('Pid')).split('/container')[0],
                         f'/user.slice/user-cpod.slice/cpod-{container.id}.scope')
        self.assertEqual(self.host_config(container)['CgroupManager'], 'systemd')


# Goes into the cgroup that is named, and starts a container from there.
SPLIT_CALLER = '''
import os, sys
import cgroups, service
for directory in cgroups.directories(sys.argv[1]):
    if not directory.startswith('/sys/fs/cgroup/cpuset'):
        with open(directory + '/cgroup.procs', 'w') as file:
            file.write(str(os.getpid()))
client = service.Client(service.connect_bus())
container = client.create('sleep', '1000', cgroups='split')
container.start()
print(container.id, container.get('Pid'), container.inspect()['State']['ConmonPid'], flush=True)
'''


if __name__ == '__main__':
    main()
