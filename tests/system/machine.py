# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of an installed cpod share: the service under systemd, and its client on the system bus."""

import os
import pwd
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'bus'))

import service  # noqa: E402
from service import Case, Client, connect_bus, is_alive, wait_for  # noqa: E402

UNIT = 'cpod.service'
DROPIN = '/run/systemd/system/cpod.service.d/test.conf'
CONF = '/etc/cpod/cpod.conf.d/test.conf'


def run(*command, **options):
    """What it prints; an error if it fails."""
    result = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert result.returncode == 0, f'{" ".join(command)}: {result.returncode}: {result.stdout}{result.stderr}'
    return result.stdout


def run_as(user, *command):
    """The result of a command of USER, who has no session."""
    entry = pwd.getpwnam(user)
    return subprocess.run(command, capture_output=True, text=True, check=False, user=entry.pw_uid, group=entry.pw_gid,
                          extra_groups=os.getgrouplist(user, entry.pw_gid), stdin=subprocess.DEVNULL, cwd='/')


def systemctl(*arguments):
    return run('systemctl', *arguments)


def show(key, unit=UNIT):
    return systemctl('show', '--value', '-p', key, unit).strip()


def main_pid():
    return int(show('MainPID'))


def wait_active(seconds=120):
    wait_for(lambda: show('ActiveState') == 'active', seconds, 'the service')


def wait_restarted(pid, seconds=180):
    """Waits until systemd has replaced the process PID."""
    wait_for(lambda: show('ActiveState') == 'active' and main_pid() not in (0, pid), seconds, 'the next service')


def journal(*matches):
    run('journalctl', '--sync')
    return run('journalctl', '-o', 'json', '--no-pager', *matches)


def measured(text):
    """For docs/performance.md."""
    print(f'# measured: {text}', flush=True)


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)


def remove(path):
    if os.path.exists(path):
        os.unlink(path)


class MachineCase(Case):
    """The installed service, with an image."""

    def setUp(self):
        systemctl('start', UNIT)
        systemctl('reset-failed', UNIT)     # or many starts would be too many
        self.connect()
        if not self.client.images('ListImages'):
            self.client.import_busybox()

    def connect(self):
        self.client = Client(connect_bus())
        self.client.wait_running(120)
        return self.client

    def tearDown(self):
        client = self.connect()
        for row in client.list():
            client.container(row['name']).remove(force=True, timeout=0)
        self.assertEqual(client.check(), [])

    def configure(self, text):
        """For new containers; the service is started anew, since some keys want that."""
        write(CONF, text)
        self.addCleanup(self.unconfigure)
        systemctl('restart', UNIT)
        return self.connect()

    def unconfigure(self):
        remove(CONF)
        systemctl('restart', UNIT)
        self.connect()

    def extend_unit(self, text):
        write(DROPIN, text)
        self.addCleanup(self.shorten_unit)
        systemctl('daemon-reload')
        systemctl('restart', UNIT)
        return self.connect()

    def shorten_unit(self):
        remove(DROPIN)
        systemctl('daemon-reload')
        systemctl('restart', UNIT)
        self.connect()

    def sleeper(self, **options):
        container = self.client.create('sleep', '100000', **options)
        container.start()
        return container

    def assert_lives_on(self, container, pid):
        self.assertTrue(is_alive(pid))
        again = self.connect().container(container.name)
        self.assertEqual((again.get('State'), again.get('Pid')), ('running', pid))
        code = subprocess.run(['cpod', 'exec', container.name, 'true'], check=False, capture_output=True).returncode
        self.assertEqual(code, 0)


main = service.main
