#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The options of run, create and update that limit a container, and who runs it."""

import json
import shutil

from cli import CliTest, cpod, tap

MIB = 1 << 20


class Limits(CliTest):
    def host_config(self, name):
        return json.loads(self.ok('inspect', name))[0]['HostConfig']

    def test_run(self):
        self.ok('run', '-d', '--name', 'c', '-m', '64m', '--memory-swap', '96MiB', '--memory-reservation=32MB', '--cpus', '.5',
                '-c', '256', '--cpuset-cpus', '0', '--pids-limit', '40', '--shm-size', '65536k', '--ulimit', 'nofile=64:128',
                '--ulimit', 'core=0', '--oom-score-adj', '300', '--cgroupns', 'host', 'busybox', 'sleep', '1000')
        config = self.host_config('c')
        for key, value in (('Memory', 64 * MIB), ('MemorySwap', 96 * MIB), ('MemoryReservation', 32 * MIB),
                           ('NanoCpus', 500000000), ('CpuShares', 256), ('CpusetCpus', '0'), ('PidsLimit', 40),
                           ('ShmSize', 64 * MIB), ('OomScoreAdj', 300), ('CgroupMode', 'host')):
            self.assertEqual(config[key], value, key)
        self.assertIn({'Name': 'RLIMIT_NOFILE', 'Soft': 64, 'Hard': 128}, config['Ulimits'])
        self.assertEqual(self.ok('run', '--rm', '--ulimit', 'nofile=64:128', 'busybox', 'sh', '-c', 'ulimit -n'), '64')

    def test_update(self):
        self.ok('run', '-d', '--name', 'c', '-m', '64m', 'busybox', 'sleep', '1000')
        self.assertEqual(self.ok('update', '-m', '32m', '--memory-swap', '-1', '--pids-limit', '41', 'c'), 'c')
        config = self.host_config('c')
        self.assertEqual([config[key] for key in ('Memory', 'MemorySwap', 'PidsLimit')], [32 * MIB, -1, 41])
        self.fails(125, 'one container', 'update', '-m', '32m')
        self.fails(125, 'no container', 'update', '-m', '32m', 'nobody')
        self.fails(125, 'shm-size', 'update', '--shm-size', '32m', 'c')

    def test_bad_values(self):
        for option, value, expected in (('--memory', '64x', 'a size like 64m'), ('--memory', '-2', 'a size like 64m'),
                                        ('--shm-size', '', 'a size'), ('--pids-limit', 'many', 'a number'),
                                        ('--cpus', 'two', 'a number'), ('--cpu-shares', '1.5', 'a number'),
                                        ('--cpus', 'nan', 'no number of processors'), ('--ulimit', 'nofile', 'nofile'),
                                        ('--cgroups', 'maybe', 'enabled'), ('--cpuset-cpus', 'all', '0-2,4'),
                                        ('--oom-score-adj', '99999999999', '1000')):
            with self.subTest(option + value):
                self.fails(125, expected, 'create', f'{option}={value}', 'busybox', 'true')
        self.assertEqual(self.ok('ps', '-aq'), '')

    def test_out_of_memory(self):
        result = cpod('run', '--name', 'greedy', '-m', '32m', '--memory-swap', '32m', 'busybox',
                      'dd', 'if=/dev/zero', 'of=/dev/null', 'bs=128M', 'count=1')
        self.assertEqual(result.returncode, 137, result.stderr)
        self.assertEqual(self.ok('inspect', '-f', '{{.State.OOMKilled}}', 'greedy'), 'true')

    def test_runtime(self):
        runc = shutil.which('runc')
        self.ok('create', '--name', 'own', '--runtime', runc, 'busybox', 'true')
        self.ok('--runtime', runc, 'create', '--name', 'all', 'busybox', 'true')
        self.ok(f'--runtime={runc}', 'create', '--name', 'both', '--runtime=runc', 'busybox', 'true')
        runtimes = {name: self.ok('inspect', '-f', '{{.OCIRuntime}}', name) for name in ('own', 'all', 'both')}
        self.assertEqual(runtimes, {'own': runc, 'all': runc, 'both': 'runc'})
        self.assertEqual(self.ok('--runtime', runc, 'run', '--rm', 'busybox', 'echo', 'here'), 'here')
        self.fails(125, 'unheard-of.*runc', '--runtime', 'unheard-of', 'run', 'busybox', 'true')

    def test_migrate(self):
        runc = shutil.which('runc')
        one, two = (self.ok('create', '--name', name, '--runtime', 'runc', 'busybox', 'sleep', '1000') for name in ('one', 'two'))
        self.ok('start', 'two')
        result = self.fails(125, f'{two}: .*running', 'system', 'migrate', '--new-runtime', runc)
        self.assertEqual(result.stdout, one + '\n')
        self.assertEqual(self.ok('inspect', '-f', '{{.OCIRuntime}}', 'one'), runc)
        self.assertEqual(self.ok('system', 'migrate', '--new-runtime', 'runc', 'one'), one)
        self.assertEqual(self.ok('inspect', '-f', '{{.OCIRuntime}}', 'one'), 'runc')
        self.fails(125, 'three', 'system', 'migrate', 'three')
        self.fails(125, 'unheard-of', 'system', 'migrate', '--new-runtime', 'unheard-of')

    def test_renumber(self):
        self.assertEqual(self.ok('system', 'renumber'), '0 lock numbers have changed.')
        self.fails(125, 'unexpected', 'system', 'renumber', 'all')


if __name__ == '__main__':
    tap.main()
