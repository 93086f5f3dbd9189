# SPDX-License-Identifier: LGPL-2.1-or-later
"""podman, skopeo and umoci, with their state in the test's own directory."""

import atexit
import json
import os
import shutil
import subprocess
import tempfile

from registry import digest_of
from service import mounts_below, scratch

# There is no systemd in the tests, and the locks of all podmans of a machine lie in one place otherwise.
PODMAN_CONF = '''[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime = "runc"
lock_type = "file"
tmp_dir = "{tmp}"
'''


def run(*words, **options):
    """Its output, as text; what it complains of is in the error that a failure raises."""
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=240, **options)
    if done.returncode != 0:
        raise AssertionError(f'{" ".join(words)} ended with {done.returncode}: {done.stderr}')
    return done.stdout


class Podman:
    """podman with a storage of its own."""

    def __init__(self, name, driver='vfs'):
        self.top = os.path.join(scratch(), 'podman-' + name)
        self.root = os.path.join(self.top, 'root')
        os.makedirs(self.top)
        # podman does not take a path of more than 50 characters.
        self.run_root = tempfile.mkdtemp(prefix='cpod-', dir='/tmp')
        atexit.register(self.destroy)
        conf = os.path.join(self.top, 'containers.conf')
        with open(conf, 'w', encoding='utf-8') as file:
            file.write(PODMAN_CONF.format(tmp=os.path.join(self.top, 'tmp')))
        self.environment = {**os.environ, 'CONTAINERS_CONF': conf, 'TMPDIR': self.top}
        self.driver = driver
        self.storage = f'containers-storage:[{driver}@{self.root}+{self.run_root}]'

    def run(self, *words):
        return run('podman', '--root', self.root, '--runroot', self.run_root, '--storage-driver', self.driver, *words,
                   env=self.environment)

    def image(self, name):
        """What it says of an image, apart from what is its storage's own."""
        found, = json.loads(self.run('image', 'inspect', name))
        return {key: found[key] for key in ('Id', 'RootFS', 'Config', 'History', 'Created', 'Architecture', 'Os', 'RepoTags')}

    def forget(self):
        """All its images."""
        self.run('rmi', '--all', '--force')

    def destroy(self):
        for directory in (self.top, self.run_root):
            # Its overlay keeps itself mounted; the longest paths are the innermost.
            for point in sorted(mounts_below(directory), key=len, reverse=True):
                subprocess.run(['umount', '-l', point], check=False)
            shutil.rmtree(directory, ignore_errors=True)


def skopeo_copy(source, destination):
    run('skopeo', 'copy', '--quiet', source, destination)
    return destination


def skopeo_identity(reference):
    """The configuration's digest and the diff-ids in it, as skopeo reads them."""
    config = run('skopeo', 'inspect', '--raw', '--config', reference).encode()
    return digest_of(config).partition(':')[2], json.loads(config)['rootfs']['diff_ids']


def umoci_unpack(layout, name, bundle):
    """The root file system; each digest and diff-id was verified on the way."""
    run('umoci', 'unpack', '--image', f'{layout}:{name}', bundle)
    return os.path.join(bundle, 'rootfs')
