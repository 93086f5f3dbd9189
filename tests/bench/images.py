# SPDX-License-Identifier: LGPL-2.1-or-later
"""The import of a root file system, against the bare unpacking of it and podman."""

import gzip
import hashlib
import os
import re
import shutil
import stat
import subprocess
import tarfile
import time

FILES = 16000
SIZE = 250_000_000
TOPS = ('/usr/share', '/usr/lib', '/usr/include', '/usr/bin', '/usr/sbin')


def choose_files():
    """So many files of this machine, whole directories of them, that have that size together."""
    directories = {path: sorted(names) for top in TOPS for path, _, names in os.walk(top)}
    chosen = []
    left = SIZE
    for directory in sorted(directories, key=lambda path: hashlib.sha256(os.fsencode(path)).digest()):
        for name in directories[directory]:
            path = os.path.join(directory, name)
            info = os.lstat(path)
            size = info.st_size if stat.S_ISREG(info.st_mode) else 0
            # The few large files of a machine would leave nothing for the others.
            if len(chosen) == FILES or size > 60 * left / (FILES - len(chosen)):
                continue
            if stat.S_ISREG(info.st_mode) or stat.S_ISLNK(info.st_mode):
                chosen.append(path)
                left -= size
    return sorted(chosen)


def whole_seconds(member):
    member.mtime = int(member.mtime)
    return member


def make_archives(directory):
    """The root file system as a plain tar and as one by gzip."""
    plain = os.path.join(directory, 'image.tar')
    made = set()
    with tarfile.open(plain, 'w', format=tarfile.GNU_FORMAT) as archive:
        for path in choose_files():
            parents = []
            parent = os.path.dirname(path)
            while parent not in made and parent != '/':
                made.add(parent)
                parents.append(parent)
                parent = os.path.dirname(parent)
            for name in (*reversed(parents), path):
                archive.add(name, name[1:], recursive=False, filter=whole_seconds)
    with open(plain, 'rb') as source, gzip.open(plain + '.gz', 'wb', compresslevel=6) as target:
        shutil.copyfileobj(source, target, 1 << 20)
    return plain, plain + '.gz'


def run(*argv, **options):
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)


def timed(*steps):
    begin = time.perf_counter()
    for step in steps:
        step()
    return (time.perf_counter() - begin) * 1000


class Floor:
    """What unpacks the archive and keeps nothing else."""

    def __init__(self, directory, *argv, synced=False):
        self.directory = directory
        self.target = os.path.join(directory, 'tree')
        self.argv = [word.replace('TARGET', self.target) for word in argv]
        self.synced = synced

    def __call__(self):
        os.mkdir(self.target)
        run('sync', '-f', self.directory)
        steps = [lambda: run(*self.argv)]
        if self.synced:
            steps.append(lambda: run('sync', '-f', self.directory))
        took = timed(*steps)
        shutil.rmtree(self.target)
        run('sync', '-f', self.directory)
        return took


class Import:
    """An engine's import, which it has to forget afterwards."""

    def __init__(self, directory, add, remove, environment):
        self.directory = directory
        self.add = add
        self.remove = remove
        self.environment = environment

    def __call__(self):
        run('sync', '-f', self.directory)
        took = timed(lambda: run(*self.add, env=self.environment))
        run(*self.remove, env=self.environment)
        run('sync', '-f', self.directory)
        return took


def save_archives(cpod, archives, directory):
    """The same as archives of an image: docker's, in which layers are plain, and an OCI layout, in which they are packed."""
    saved = []
    for source, kind in zip(archives, ('docker-archive', 'oci-archive')):
        path = os.path.join(directory, kind)
        if not os.path.exists(path):
            cpod.cpod('import', source, 'measured')
            cpod.cpod('save', '--format', kind, '-o', path, 'measured')
            cpod.cpod('rmi', 'measured')
        saved.append(path)
    return saved


def peers_of(place, disk, cpod, archives, saved, podman):
    """Who takes part, on one file system."""
    plain, packed = archives
    floor = disk.directory(f'tree-{place}', volatile=place == 'tmpfs')
    peers = [(f'{place} tar floor', Floor(floor, 'bsdtar', '-x', '-C', 'TARGET', '-f', plain)),
             (f'{place} gzip floor', Floor(floor, 'sh', '-c', f'gzip -dc {packed} | tar -x -C TARGET'))]
    if place != 'tmpfs':
        peers += [(f'{place} tar synced', Floor(floor, 'bsdtar', '-x', '-C', 'TARGET', '-f', plain, synced=True))]
    for kind, path, image in (('tar', plain, saved[0]), ('gzip', packed, saved[1])):
        peers.append((f'{place} {kind} load',
                      Import(cpod.root, [cpod.program, 'load', '-q', '-i', image], [cpod.program, 'rmi', 'measured'],
                             cpod.environment)))
        peers.append((f'{place} {kind} cpod',
                      Import(cpod.root, [cpod.program, 'import', path, 'measured'], [cpod.program, 'rmi', 'measured'],
                             cpod.environment)))
        if podman and place != 'tmpfs':
            peers.append((f'{place} {kind} podman',
                          Import(podman.root, podman.command('import', path, 'measured'),
                                 podman.command('rmi', 'measured'), podman.environment)))
            peers.append((f'{place} {kind} podman load',
                          Import(podman.root, podman.command('load', '-q', '-i', image),
                                 podman.command('rmi', 'measured'), podman.environment)))
    return peers


def resident(pid, what):
    with open(f'/proc/{pid}/status', encoding='ascii') as file:
        return int(re.search(rf'^{what}:\s+(\d+) kB', file.read(), re.M)[1]) / 1024


def peak_above_idle(cpod, words, image):
    """MiB that the service takes at most while it takes an image in, above what it had before."""
    pid = cpod.pid()
    time.sleep(2)
    before = resident(pid, 'VmRSS')
    with open(f'/proc/{pid}/clear_refs', 'w', encoding='ascii') as file:
        file.write('5')
    cpod.cpod(*words)
    peak = resident(pid, 'VmHWM')
    cpod.cpod('rmi', image)
    return peak - before
