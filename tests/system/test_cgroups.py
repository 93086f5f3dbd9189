#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What only a host with systemd and pure cgroup v2 can show; $CPOD_OCI_RUNTIME is the OCI runtime."""

import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'bus'))

import cgroups  # noqa: E402
from cases import BusyboxCase  # noqa: E402
from service import main, wait_for  # noqa: E402

MIB = 1 << 20
RUNTIME = os.environ['CPOD_OCI_RUNTIME']
GREEDY = ('dd', 'if=/dev/zero', 'of=/dev/null', 'bs=128M', 'count=1')


class MachineCase(BusyboxCase):
    conf = ''

    def in_force(self, container, *limits):
        return [cgroups.read(container.get('Pid'), limit) for limit in limits]


class PureV2Test(MachineCase):
    def test_it_is_one(self):
        self.assertTrue(cgroups.IS_V2)
        self.assertTrue(os.path.isdir('/run/systemd/system'))
        info = self.client.runtime('GetInfo')
        self.assertEqual(os.path.basename(info['host']['ociRuntime']['path']), RUNTIME)

    def test_io_weight(self):
        container = self.sleeper(blkio_weight=200)
        path = cgroups.MOUNTS + cgroups.path_of(container.get('Pid'))
        texts = []
        for name in ('io.weight', 'io.bfq.weight'):
            if os.path.exists(f'{path}/{name}'):
                with open(f'{path}/{name}', encoding='utf-8') as file:
                    texts.append(file.read().split()[1])
        # io.weight goes to 10000, and 200 becomes 1 + (200 - 10) * 9999 / 990.
        self.assertTrue({'200', '1920'} & set(texts), texts)

    def test_a23_without_a_cgroup(self):
        if RUNTIME != 'crun':
            with self.assert_error('InvalidArgument', 'cgroups', RUNTIME):
                self.client.create('true', cgroups='disabled')
            return
        container = self.sleeper(cgroups='disabled')
        self.assertEqual(cgroups.path_of(container.get('Pid')), cgroups.path_of(self.service.process.pid))
        self.assertFalse(os.path.exists(f'{cgroups.MOUNTS}/cpod/{container.id}'))
        self.assertEqual(container.inspect()['State']['CgroupPath'], '')
        container.stop(timeout=0)
        self.assertEqual(container.wait(), 137)

    def test_a17_migrate(self):
        other = 'runc' if RUNTIME == 'crun' else 'crun'
        container = self.client.create('sh', '-c', 'exit 6', memory=64 * MIB)
        for runtime in (other, RUNTIME):
            result = self.client.job_wait(self.client.runtime('Migrate', oci_runtime=runtime))
            self.assertEqual((result['migrated'], result['errors']), ([container.id], {}))
            container.start()
            self.assertEqual(container.wait(), 6)
            container.wait_exited()

    def test_a06_by_path(self):
        container = self.client.create('true', oci_runtime=shutil.which('crun'))
        container.start()
        self.assertEqual(container.wait(), 0)


class SystemdTest(MachineCase):
    conf = '[engine]\ncgroup_manager = "systemd"\n'

    def show(self, unit, key):
        return subprocess.run(['systemctl', 'show', '--value', '-p', key, unit], check=True, capture_output=True,
                              text=True).stdout.strip()

    def scope(self, container):
        """The path of its scope, below which crun makes one more cgroup."""
        return cgroups.path_of(container.get('Pid')).removesuffix('/container')

    def test_a23_scope(self):
        container = self.sleeper()
        unit = f'cpod-{container.id}.scope'
        self.assertEqual(self.scope(container), f'/machine.slice/{unit}')
        self.assertEqual(self.show(unit, 'ActiveState'), 'active')
        self.assertEqual(self.show(unit, 'Slice'), 'machine.slice')
        self.assertEqual(self.show(unit, 'Delegate'), 'yes')
        shown = container.inspect()
        self.assertEqual(shown['State']['CgroupPath'], f'/machine.slice/{unit}')
        self.assertEqual([shown['HostConfig'][key] for key in ('CgroupManager', 'CgroupParent')], ['systemd', 'machine.slice'])
        container.stop(timeout=0)
        container.wait_exited()
        self.assertFalse(os.path.exists(f'{cgroups.MOUNTS}/machine.slice/{unit}'))
        wait_for(lambda: self.show(unit, 'ActiveState') == 'inactive', 20, 'the end of the scope')

    def test_a23_parents(self):
        container = self.sleeper(cgroup_parent='cpodtest-inner.slice')
        self.assertEqual(self.scope(container), f'/cpodtest.slice/cpodtest-inner.slice/cpod-{container.id}.scope')
        for bad in ('/cpod', 'cpod', 'a.b', '.slice', 'x--y.slice', '../x.slice'):
            with self.subTest(bad), self.assert_error('InvalidArgument', 'cgroup-parent', bad):
                self.client.create('true', cgroup_parent=bad)

    def test_limits(self):
        container = self.sleeper(memory=64 * MIB, memory_swap=96 * MIB, cpus=0.5, cpu_shares=512, pids_limit=33,
                                 cpuset_cpus='0')
        self.assertEqual(self.in_force(container, 'memory', 'memory-swap', 'cpu-quota', 'cpu-shares', 'pids-limit',
                                       'cpuset-cpus'), [64 * MIB, 32 * MIB, 50000, 20, 33, '0'])
        container.call('Update', memory=32 * MIB, memory_swap=32 * MIB, pids_limit=44)
        self.assertEqual(self.in_force(container, 'memory', 'memory-swap', 'pids-limit'), [32 * MIB, 0, 44])

    def test_out_of_memory(self):
        for _ in range(3):
            container = self.client.create(*GREEDY, memory=32 * MIB, memory_swap=32 * MIB)
            container.start()
            self.assertEqual(container.wait(), 137)
            container.wait_exited()
            self.assertIs(container.inspect()['State']['OOMKilled'], True)

    def test_pause(self):
        container = self.sleeper()
        container.call('Pause')
        with open(cgroups.MOUNTS + cgroups.path_of(container.get('Pid')) + '/cgroup.events', encoding='utf-8') as file:
            self.assertIn('frozen 1', file.read())
        container.call('Unpause')

    def test_a30_evict(self):
        container = self.sleeper()
        path = self.scope(container)
        self.client.runtime('Evict', 's', container.id)
        self.assertEqual(cgroups.directories(path), [])


if __name__ == '__main__':
    main()
