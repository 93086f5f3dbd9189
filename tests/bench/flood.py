# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long others wait while one client wants too much, and what the service weighs."""

import os
import re
import subprocess

ROUNDS = 300
NOBODY = 65534
CALLS_MAX = 64     # caller_calls_max when nothing is configured
UNREAD_MAX = 1 << 20


def configure(directory):
    """Signals are held back for who does not read them after a second, not after a minute."""
    path = os.path.join(directory, 'flood.conf')
    with open(path, 'w', encoding='ascii') as file:
        file.write(f'[engine]\nunread_signals_max = {UNREAD_MAX}\n')
    return path


def peers(address):
    """What goes on meanwhile: clients that have to be there, the first one first."""
    calls = ['calls', address, str(NOBODY), str(CALLS_MAX)], ['calls', address, '0', str(CALLS_MAX)]
    return {'nothing': [], 'nonsense': [['nonsense', address]] * 3, 'stopped': [['stopped', address], ['events', address, 'renamed']],
            'crowd': [['crowd', address]], 'refused': [calls[0]], 'served': [calls[1]]}


def wait_for_others(program, address, clients, rounds):
    """Milliseconds of each call of somebody who has nothing to do with those CLIENTS."""
    running = []
    try:
        for words in clients:
            process = subprocess.Popen([program, *words], stdout=subprocess.PIPE, text=True)
            running.append(process)
            if process.stdout.readline() != 'ready\n':
                raise SystemExit(f'bench: flood {words[0]} has not begun')
        said = subprocess.run([program, 'others', address, 'measured', str(rounds)], check=True, text=True,
                              stdout=subprocess.PIPE).stdout
        if any(process.poll() is not None for process in running):
            raise SystemExit('bench: a flood has ended by itself')
    finally:
        for process in running:
            process.kill()
            process.wait()
            process.stdout.close()
    return [int(line.split()[1]) / 1000 for line in said.splitlines()]


def peak_mib(pid):
    """As the kernel has noted it, since the service was started."""
    with open(f'/proc/{pid}/status', encoding='ascii') as file:
        return int(re.search(r'^VmHWM:\s+(\d+)', file.read(), re.M)[1]) / 1024


def measure(cpod, build, quick, pss_mib):
    program = f'{build}/tests/bench/flood'
    if str(UNREAD_MAX) not in cpod.cpod('config', 'engine.unread_signals_max'):
        raise SystemExit('bench: the service has another configuration')
    for name in ('measured', 'renamed'):
        cpod.cpod('create', '--name', name, 'busybox', 'true')
    pid, figures = cpod.pid(), {}
    for name, clients in peers(cpod.address).items():
        figures[f'others {name}'] = wait_for_others(program, cpod.address, clients, ROUNDS // 4 if quick else ROUNDS)
    if cpod.pid() != pid:
        raise SystemExit('bench: the service did not outlive the floods')
    figures['peak flooded'], figures['pss flooded'] = [peak_mib(pid)], [pss_mib(pid)]
    return figures
