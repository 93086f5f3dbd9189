# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images of several layers: the pull from a registry, and a run from sixty layers."""

import gzip
import hashlib
import json
import os
import shutil
import socket
import subprocess
import tarfile
import time
import urllib.request

from images import Floor, Import, choose_files, peak_above_idle, run, whole_seconds

LAYERS = 4
NOISE = 50_000_000
MANIFEST = 'application/vnd.oci.image.manifest.v1+json'


def free_port():
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        return sock.getsockname()[1]


class Registry:
    """Debian's docker-registry, on loopback."""

    def __init__(self, directory):
        self.port = free_port()
        self.host = f'127.0.0.1:{self.port}'
        config = os.path.join(directory, 'config.yml')
        with open(config, 'w', encoding='utf-8') as file:       # JSON is YAML as well
            json.dump({'version': '0.1', 'log': {'level': 'error', 'accesslog': {'disabled': True}},
                       'storage': {'filesystem': {'rootdirectory': os.path.join(directory, 'data')}},
                       'http': {'addr': self.host, 'secret': 'x'}}, file)
        self.process = subprocess.Popen(['docker-registry', 'serve', config], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not self.is_up():
            if self.process.poll() is not None:
                raise SystemExit('bench: docker-registry does not start')
            time.sleep(0.05)

    def is_up(self):
        with socket.socket() as sock:
            return sock.connect_ex(('127.0.0.1', self.port)) == 0

    def end(self):
        self.process.kill()
        self.process.wait()


class Layout:
    """An image in a directory, written layer by layer."""

    def __init__(self, directory, config=None):
        self.directory = directory
        self.blobs = os.path.join(directory, 'blobs', 'sha256')
        self.config = dict(config or {}, architecture='amd64', os='linux', rootfs={'type': 'layers', 'diff_ids': []})
        self.layers = []
        os.makedirs(self.blobs)

    def path(self, digest):
        return os.path.join(self.blobs, digest.partition(':')[2])

    def add_blob(self, data, media_type):
        digest = 'sha256:' + hashlib.sha256(data).hexdigest()
        with open(self.path(digest), 'wb') as file:
            file.write(data)
        return {'mediaType': media_type, 'digest': digest, 'size': len(data)}

    def add_layer(self, tar):
        with open(tar, 'rb') as file:
            data = file.read()
        self.config['rootfs']['diff_ids'].append('sha256:' + hashlib.sha256(data).hexdigest())
        self.layers.append(self.add_blob(gzip.compress(data, 6, mtime=0), 'application/vnd.oci.image.layer.v1.tar+gzip'))

    def finish(self):
        config = self.add_blob(json.dumps(self.config).encode(), 'application/vnd.oci.image.config.v1+json')
        manifest = {'schemaVersion': 2, 'mediaType': MANIFEST, 'config': config, 'layers': self.layers}
        index = {'schemaVersion': 2, 'manifests': [self.add_blob(json.dumps(manifest).encode(), MANIFEST)]}
        for name, value in ('index.json', index), ('oci-layout', {'imageLayoutVersion': '1.0.0'}):
            with open(os.path.join(self.directory, name), 'w', encoding='utf-8') as file:
                json.dump(value, file)
        return self


def write_layer(path, names, extra=None):
    with tarfile.open(path, 'w', format=tarfile.GNU_FORMAT) as archive:
        for name in names:
            archive.add(name, name[1:], recursive=False, filter=whole_seconds)
        if extra is not None:
            archive.add(extra, 'noise', filter=whole_seconds)


def large_image(directory):
    """The root file system of the imports in some layers, and 50 MB that nobody can compress."""
    files = choose_files()
    share = len(files) // LAYERS
    noise, tar = os.path.join(directory, 'noise'), os.path.join(directory, 'layer.tar')
    with open(noise, 'wb') as file:
        file.write(os.urandom(NOISE))
    layout = Layout(os.path.join(directory, 'large'))
    for number in range(LAYERS):
        last = number == LAYERS - 1
        write_layer(tar, files[share * number:None if last else share * (number + 1)], noise if last else None)
        layout.add_layer(tar)
    os.unlink(tar)
    os.unlink(noise)
    return layout.finish()


def deep_image(directory, name, tar, layers):
    """A busybox with so many layers in all."""
    layout = Layout(os.path.join(directory, name))
    layout.add_layer(tar)
    for number in range(layers - 1):
        path = os.path.join(directory, f'file-{number}')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(str(number))
        with tarfile.open(path + '.tar', 'w', format=tarfile.GNU_FORMAT) as archive:
            archive.add(path, f'layer-{number}', filter=whole_seconds)
        layout.add_layer(path + '.tar')
    return layout.finish()


class Again:
    """A pull of what is there and has not changed."""

    def __init__(self, argv, environment):
        self.argv = argv
        self.environment = environment

    def __call__(self):
        begin = time.perf_counter()
        run(*self.argv, env=self.environment)
        return (time.perf_counter() - begin) * 1000


def answer(host):
    """How long the registry takes to tell what a tag is."""
    request = urllib.request.Request(f'http://{host}/v2/large/manifests/1', method='HEAD', headers={'Accept': MANIFEST})
    begin = time.perf_counter()
    urllib.request.urlopen(request, timeout=60).close()
    return (time.perf_counter() - begin) * 1000


def pull_peers(disk, cpod, layout, host, podman):
    name = f'{host}/large:1'
    directory = disk.directory('pull-floor')
    urls = [f'http://{host}/v2/large/blobs/{layer["digest"]}' for layer in layout.layers]
    unpack = '; '.join(f'gzip -dc {layout.path(layer["digest"])} | tar -x -C TARGET' for layer in layout.layers)
    download = ' '.join(f'{url} -o TARGET/{number}' for number, url in enumerate(urls))
    peers = [('download', Floor(directory, 'sh', '-c', f'curl -sf --parallel {download}')),
             ('unpack', Floor(directory, 'sh', '-c', unpack)),
             ('pull cpod', Import(cpod.root, [cpod.program, 'pull', '--tls-verify=false', name], [cpod.program, 'rmi', name],
                                  cpod.environment))]
    if podman:
        peers.append(('pull podman', Import(podman.root, podman.command('pull', '--tls-verify=false', name),
                                            podman.command('rmi', name), podman.environment)))
    return peers


def again_peers(cpod, host, podman):
    words = ['pull', '--tls-verify=false', f'{host}/large:1']
    peers = [('answer', lambda: answer(host)), ('again cpod', Again([cpod.program, *words], cpod.environment))]
    if podman:
        peers.append(('again podman', Again(podman.command(*words), podman.environment)))
    return peers


def measure(disk, cpod, tar, podman, rounds, in_turns):
    """Lists of milliseconds, and MiB."""
    directory = disk.directory('layouts', volatile=True)
    os.mkdir(os.path.join(directory, 'registry'))
    registry = Registry(os.path.join(directory, 'registry'))
    try:
        layout = large_image(directory)
        name = f'{registry.host}/large:1'
        run('skopeo', 'copy', '--dest-tls-verify=false', f'oci:{layout.directory}', f'docker://{name}')
        figures = in_turns(rounds, pull_peers(disk, cpod, layout, registry.host, podman))
        figures['pull peak'] = [peak_above_idle(cpod, ['pull', '--tls-verify=false', name], name)]
        cpod.cpod('pull', '--tls-verify=false', name)
        if podman:
            run(*podman.command('pull', '--tls-verify=false', name), env=podman.environment)
        figures.update(in_turns(3 * rounds, again_peers(cpod, registry.host, podman)))
        for image, layers in (('shallow', 1), ('deep', 60)):
            cpod.cpod('pull', f'oci:{deep_image(directory, image, tar, layers).directory}')
            cpod.cpod('tag', cpod.cpod('images', '-q').split()[0], image)
        runs = [(image, Again([cpod.program, 'run', '--rm', image, 'true'], cpod.environment)) for image in ('shallow', 'deep')]
        figures.update(in_turns(3 * rounds, runs))
        return figures
    finally:
        registry.end()
        shutil.rmtree(os.path.join(directory, 'registry'))
