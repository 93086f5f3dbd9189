# SPDX-License-Identifier: LGPL-2.1-or-later
"""How much goes through "cpod exec CONTAINER cat", against the same program in the same pipe without cpod."""

import os
import subprocess
import time

SIZE = 8 << 30


def piped(argv, environment):
    """MiB/s from one process through ARGV to another."""
    begin = time.perf_counter()
    with subprocess.Popen(['head', '-c', str(SIZE), '/dev/zero'], stdout=subprocess.PIPE) as source, \
            subprocess.Popen(argv, stdin=source.stdout, stdout=subprocess.PIPE, env=environment) as middle, \
            subprocess.Popen(['wc', '-c'], stdin=middle.stdout, stdout=subprocess.PIPE) as sink:
        source.stdout.close()
        middle.stdout.close()
        count = int(sink.stdout.read())
        if middle.wait() != 0 or count != SIZE:
            raise SystemExit(f'bench: {argv[0]}: {count} bytes of {SIZE} came through')
    return SIZE / (1 << 20) / (time.perf_counter() - begin)


def measure(cpod, rounds, in_turns):
    """cat is a busybox of the container's image, in it and outside of it."""
    ident = cpod.cpod('run', '-d', 'busybox', 'sleep', '100000').strip()
    pid = cpod.cpod('inspect', '--format', '{{.State.Pid}}', ident).strip()
    floor = [f'/proc/{pid}/root/bin/busybox', 'cat']
    try:
        return in_turns(rounds, [
            ('cat floor', lambda: piped(floor, dict(os.environ))),
            ('cat cpod', lambda: piped([cpod.program, 'exec', '-i', ident, 'cat'], cpod.environment))])
    finally:
        cpod.cpod('rm', '-f', '-t', '0', ident)
