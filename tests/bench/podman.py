# SPDX-License-Identifier: LGPL-2.1-or-later
"""podman with its state beside cpod's: its command, and its REST service."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import time

# The service runs without systemd, and its default limits may be more than
# this machine allows. Its locks lie with its state, not in a place that all
# podmans of the machine share.
CONFIG = '''[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
lock_type = "file"
tmp_dir = "{tmp}"
'''


class Connection(http.client.HTTPConnection):
    """HTTP, kept alive, over a Unix socket."""

    def __init__(self, path):
        super().__init__('localhost')
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Podman:
    """podman, and its service while that is measured."""

    def __init__(self, disk, tar):
        self.root = disk.directory('podman')
        self.run_root = disk.directory('podman-run', volatile=True)
        config = os.path.join(disk.top, 'containers.conf')
        with open(config, 'w', encoding='utf-8') as file:
            file.write(CONFIG.format(tmp=os.path.join(self.run_root, 'tmp')))
        self.environment = dict(os.environ, CONTAINERS_CONF=config)
        self.program = shutil.which('podman')
        self.service = None
        self.socket = os.path.join(disk.top, 'podman.sock')
        subprocess.run(self.command('import', tar, 'busybox'), check=True, env=self.environment,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def command(self, *words):
        return [self.program, '--root', self.root, '--runroot', self.run_root, *words]

    def run_command(self):
        return self.command('run', '--rm', '--network', 'none', '--pull', 'never', 'busybox', 'true')

    def request(self, connection, method, path, body=None):
        """Milliseconds and the answer."""
        begin = time.perf_counter()
        connection.request(method, f'/v4.0.0/libpod{path}', body and json.dumps(body),
                           {'Content-Type': 'application/json'})
        answer = connection.getresponse()
        text = answer.read()
        took = (time.perf_counter() - begin) * 1000
        if answer.status >= 300:
            raise SystemExit(f'bench: podman says to {path}: {text.decode(errors="replace")}')
        return took, json.loads(text) if text else None

    def create(self, connection, keep=False):
        took, made = self.request(connection, 'POST', '/containers/create',
                                  {'image': 'busybox', 'command': ['true'], 'netns': {'nsmode': 'none'}})
        if not keep:
            self.request(connection, 'DELETE', f'/containers/{made["Id"]}?force=true')
        return took

    def start_service(self):
        self.service = subprocess.Popen(self.command('system', 'service', '--time', '0', f'unix://{self.socket}'),
                                        env=self.environment, stderr=subprocess.DEVNULL)
        while not os.path.exists(self.socket):
            time.sleep(0.02)
        return Connection(self.socket)

    def measure(self, rounds, count, pss_mib):
        connection = self.start_service()
        time.sleep(2)
        figures = {'podman pss idle': [pss_mib(self.service.pid)], 'podman count': count}
        figures['podman create empty'] = [self.create(connection) for _ in range(rounds)]
        for _ in range(count):
            self.create(connection, keep=True)
        figures['podman create full'] = [self.create(connection) for _ in range(rounds)]
        figures['podman list'] = [self.request(connection, 'GET', '/containers/json?all=true')[0]
                                  for _ in range(rounds)]
        figures['podman pss full'] = [pss_mib(self.service.pid)]
        return figures

    def end(self):
        if self.service:
            self.service.terminate()
            self.service.wait()
        # Created containers hold mounts; the file systems below go away as a whole.
        with open('/proc/self/mountinfo', encoding='utf-8') as file:
            points = [line.split()[4] for line in file]
        for point in points[::-1]:
            if point.startswith((self.root + '/', self.run_root + '/')):
                subprocess.run(['umount', '-l', point], check=False)
