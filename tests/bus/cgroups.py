# SPDX-License-Identifier: LGPL-2.1-or-later
"""The cgroups of containers as the kernel has them, whichever version it is."""

import os

MOUNTS = '/sys/fs/cgroup'
IS_V2 = os.path.exists(MOUNTS + '/cgroup.controllers')

# What the tests read, by the name of the limit: (controller, file) of v1, file of v2.
FILES = {
    'memory': (('memory', 'memory.limit_in_bytes'), 'memory.max'),
    'memory-swap': (('memory', 'memory.memsw.limit_in_bytes'), 'memory.swap.max'),
    'memory-reservation': (('memory', 'memory.soft_limit_in_bytes'), 'memory.low'),
    'cpu-shares': (('cpu', 'cpu.shares'), 'cpu.weight'),
    'cpu-quota': (('cpu', 'cpu.cfs_quota_us'), 'cpu.max'),
    'cpu-period': (('cpu', 'cpu.cfs_period_us'), 'cpu.max'),
    'cpuset-cpus': (('cpuset', 'cpuset.cpus'), 'cpuset.cpus'),
    'cpuset-mems': (('cpuset', 'cpuset.mems'), 'cpuset.mems'),
    'pids-limit': (('pids', 'pids.max'), 'pids.max'),
}


def path_of(pid, controller=None):
    """The cgroup of a process, as the kernel tells it."""
    with open(f'/proc/{pid}/cgroup', encoding='utf-8') as file:
        for line in file:
            _, controllers, path = line.rstrip('\n').split(':', 2)
            if (controllers == '') if IS_V2 or controller is None else controller in controllers.split(','):
                return path
    raise AssertionError(f'process {pid} has no cgroup of {controller}')


def read(pid, limit):
    """What is in force for the process."""
    (controller, v1_file), v2_file = FILES[limit]
    if IS_V2:
        path = f'{MOUNTS}{path_of(pid)}/{v2_file}'
    else:
        path = f'{MOUNTS}/{controller}{path_of(pid, controller)}/{v1_file}'
    with open(path, encoding='utf-8') as file:
        text = file.read().strip()
    if IS_V2 and v2_file == 'cpu.max':
        text = text.split()[limit == 'cpu-period']
    if text == 'max' or (not IS_V2 and limit.startswith('memory') and int(text) > 2 ** 60):
        return -1
    return int(text) if text.lstrip('-').isdigit() and not limit.startswith('cpuset') else text


def hierarchies():
    return [MOUNTS] if IS_V2 else [os.path.join(MOUNTS, name) for name in os.listdir(MOUNTS)]


def directories(path):
    """Where there is a cgroup of that path."""
    return [one + path for one in hierarchies() if os.path.isdir(one + path)]


def processes(path):
    found = set()
    for directory in directories(path):
        with open(directory + '/cgroup.procs', encoding='utf-8') as file:
            found |= {int(line) for line in file}
    return found
