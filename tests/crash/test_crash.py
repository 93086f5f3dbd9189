#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The service is killed: between any two steps, beside a running container, before a reboot."""

import fcntl
import glob
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'bus'))

from exec_faults import ExecFaults, ExecRestarts  # noqa: E402
from files_faults import FilesFaults  # noqa: E402
from image_faults import ImageFaults  # noqa: E402
from limit_faults import LimitFaults  # noqa: E402
from service import (RUNTIME, CallError, Case, GLib, Service, command_line, files_in, is_alive, main, mounts_below,  # noqa: E402
                     processes_with, wait_for)
from state_faults import StateFaults  # noqa: E402
from storage_faults import FuseFaults, StorageFaults, VfsFaults  # noqa: E402

SOURCE = os.environ['CPOD_SOURCE']


def fault_points():
    """All of them, as the source has them."""
    found = []
    for path in sorted(glob.glob(f'{SOURCE}/src/**/*.c', recursive=True)):
        with open(path, encoding='utf-8') as file:
            found += re.findall(r'cpd_fault_point \("([^"]+)"\)', file.read())
    return found


class FaultCase(Case):
    """With a service on a private connection, an image, and a container that runs through it all."""

    @classmethod
    def setUpClass(cls):
        cls.service = Service(cls.__name__, peer=True)
        cls.service.client.import_busybox()
        cls.bystander = cls.service.client.create('sh', '-c', 'while :; do date; sleep 0.01; done', name='bystander')
        cls.bystander.start()
        cls.pid = cls.bystander.get('Pid')

    @classmethod
    def tearDownClass(cls):
        cls.service.remove_all()
        cls.service.destroy()

    @property
    def client(self):
        return self.service.client

    def arm(self, point):
        """A service that dies at that point."""
        self.service.client.close()
        self.assertEqual(self.service.process.wait(20), 0)
        self.service.start(CPOD_FAULT=point)

    def die(self, action):
        """ACTION kills the service, and gets no answer."""
        with self.assertRaises(CallError):
            action()
            self.client.runtime('GetInfo', seconds=10)
            self.service.process.wait(10)
            self.client.runtime('GetInfo', seconds=10)
        self.assertEqual(self.service.process.wait(10), -signal.SIGKILL)

    def revive(self):
        self.service.start()

    def assert_whole(self, since):
        """All is well, nothing was forgotten or told twice, and the bystander has noticed nothing."""
        wait_for(lambda: self.client.check() == [], 5, f'a clean check: {self.client.check()}')
        events, _ = self.client.events()
        self.assert_gapless(events)
        bystander = self.client.container('bystander')
        self.assertEqual((bystander.get('State'), bystander.get('Pid')), ('running', self.pid))
        self.assertTrue(is_alive(self.pid))
        known = {row['id'] for row in self.client.list()}
        self.assertEqual(set(files_in(self.service.root, 'lib', 'containers')), known)
        self.assertEqual(set(files_in(self.service.root, 'lib', 'storage', 'overlay', 'c')), known)
        self.assertEqual(files_in(self.service.root, 'lib', 'storage', 'overlay', 'tmp'), [])
        database = sqlite3.connect(f'file:{self.service.state("lib", "cpod.db")}?mode=ro', uri=True)
        self.assertEqual(database.execute('SELECT * FROM operation').fetchall(), [])
        self.assertEqual(database.execute('PRAGMA integrity_check').fetchall(), [('ok',)])
        self.assertEqual(database.execute('PRAGMA foreign_key_check').fetchall(), [])
        database.close()
        return [e for e in events if e['seq'] > since]

    def assert_not_running(self, ident):
        """Nothing of a run is there, be it on the host or in the OCI runtime's records."""
        self.assertNotIn(ident, files_in(self.service.root, 'run', 'runtime'))
        self.assertNotIn(ident, files_in(self.service.root, 'run', 'exits'))
        self.assertEqual([p for p in mounts_below(self.service.root) if ident in p], [])
        wait_for(lambda: not [pid for pid in processes_with(self.service.root, 'conmon') if ident in command_line(pid)],
                 5, 'the end of the monitor')

    def statuses(self, events, ident):
        return [event['status'] for event in events if event['id'] == ident]


class ContainerFaultTest(StateFaults, LimitFaults, FaultCase):
    def tearDown(self):
        for row in self.client.list():
            if row['name'] != 'bystander':
                self.client.container(row['name']).remove(force=True, timeout=0)

    def create_dies(self, point):
        self.arm(point)
        since = self.client.last_seq()
        self.die(lambda: self.client.create('true', name='victim'))
        self.revive()
        events = self.assert_whole(since)
        if point == 'create.committed':
            self.assertEqual([e['status'] for e in events], ['create'])
            with self.assert_error('ContainerExists'):
                self.client.create('true', name='victim')
            victim = self.client.container('victim')
        else:
            self.assertEqual(events, [])
            victim = self.client.create('true', name='victim')
        victim.start()
        self.assertEqual(victim.wait(), 0)
        victim.remove()

    def init_dies(self, point):
        victim = self.client.create('sh', '-c', 'exit 3', name='victim')
        self.arm(point)
        since = self.client.last_seq()
        self.die(self.client.container('victim').init)
        self.revive()
        events = self.assert_whole(since)
        again = self.client.container('victim')
        if point == 'init.committed':
            self.assertEqual(self.statuses(events, victim.id), ['init'])
            self.assertEqual(again.get('State'), 'created')
        else:
            self.assertEqual(events, [])
            self.assertEqual(again.get('State'), 'configured')
            self.assert_not_running(victim.id)
        again.start()
        self.assertEqual(again.wait(), 3)
        again.remove()

    def end_dies(self, point):
        for auto_remove in (False, True):
            with self.subTest(auto_remove=auto_remove):
                victim = self.client.create('sh', '-c', 'exit 6', name='victim', auto_remove=auto_remove)
                self.arm(point)
                since = self.client.last_seq()
                self.die(self.client.container('victim').start)
                self.revive()
                whole = ['init', 'start', 'died', 'cleanup'] + ['remove'] * auto_remove
                # The killed service may have got no further than to the start of a container that it saw end.
                wait_for(lambda: self.statuses(self.client.events(since)[0], victim.id)[-1:] == whole[-1:])  # pylint: disable=cell-var-from-loop
                events = self.assert_whole(since)
                self.assertEqual(self.statuses(events, victim.id), whole)
                self.assertEqual([e['attributes']['exit-code'] for e in events if e['status'] == 'died'], [6])
                self.assert_not_running(victim.id)
                if not auto_remove:
                    again = self.client.container('victim')
                    self.assertEqual((again.get('State'), again.get('ExitCode')), ('exited', 6))
                    again.remove()
                with self.assert_error('NoSuchContainer'):
                    self.client.container('victim')

    def remove_dies(self, point):
        for prepare in (lambda c: None, lambda c: c.init(), lambda c: (c.start(), c.wait_exited())):
            victim = self.client.create('true', name='victim')
            prepare(victim)
            self.arm(point)
            since = self.client.last_seq()
            self.die(self.client.container('victim').remove)
            self.revive()
            wait_for(lambda: 'victim' not in [row['name'] for row in self.client.list()], 5, 'the removal')
            events = self.assert_whole(since)
            self.assertEqual(self.statuses(events, victim.id), ['remove'])
            self.assert_not_running(victim.id)
            self.client.create('true', name='victim').remove()

    def start_dependency_dies(self, point):
        """What was started runs; what needs it can be started then."""
        base = self.client.create('sleep', '100', name='base')
        victim = self.client.create('sleep', '100', name='victim', depends=['base'])
        self.arm(point)
        since = self.client.last_seq()
        self.die(self.client.container('victim').start)
        self.revive()
        events = self.assert_whole(since)
        self.assertEqual(self.statuses(events, base.id), ['init', 'start'])
        self.assertEqual(self.statuses(events, victim.id), [])
        self.client.container('victim').start()
        self.assertEqual(self.statuses(self.client.events(since)[0], base.id), ['init', 'start'])
        self.client.container('base').remove(force=True, depend=True, timeout=0)

    def remove_dependent_dies(self, point):
        """What was removed is gone; the rest is as it was."""
        base = self.client.create('sleep', '100', name='base')
        near = self.client.create('true', name='near', depends=['base'])
        far = self.client.create('true', name='far', depends=['near'])
        base.start()
        self.arm(point)
        since = self.client.last_seq()
        self.die(lambda: self.client.container('base').remove(force=True, depend=True, timeout=0))
        self.revive()
        events = self.assert_whole(since)
        self.assertEqual([(e['status'], e['id']) for e in events], [('remove', far.id)])
        self.assertEqual(self.client.container('base').get('State'), 'running')
        with self.assert_error('DependentsExist', 'near'):
            self.client.container('base').remove(force=True)
        self.client.container('base').remove(force=True, depend=True, timeout=0)
        with self.assert_error('NoSuchContainer'):
            self.client.container(near.id)

    def rename_dies(self, point):
        victim = self.client.create('true', name='old')
        self.arm(point)
        since = self.client.last_seq()
        self.die(lambda: self.client.runtime('Rename', 'ss', 'old', 'new'))
        self.revive()
        events = self.assert_whole(since)
        done = point != 'rename.uncommitted'
        self.assertEqual(self.statuses(events, victim.id), ['rename'] if done else [])
        kept, free = ('new', 'old') if done else ('old', 'new')
        self.assertEqual(self.client.container(kept).path, victim.path)
        self.client.create('true', name=free).remove()
        self.client.container(kept).remove()


class ImageFaultTest(ImageFaults, FaultCase):
    pass


class StorageFaultTest(FilesFaults, StorageFaults, FaultCase):
    pass


class FuseFaultTest(FuseFaults, FaultCase):
    pass


class VfsFaultTest(VfsFaults, FaultCase):
    pass


class ExecFaultTest(ExecFaults, FaultCase):
    pass


class RefreshFaultTest(Case):
    """The service is killed while it deals with a reboot, of which it is told once all the same."""

    def die_at_start(self, service, point):
        service.spawn(CPOD_FAULT=point, CPOD_BOOT_ID='another boot')
        self.assertEqual(service.process.wait(30), -signal.SIGKILL)

    def refresh_dies(self, point):
        service = Service(point, CPOD_BOOT_ID='one boot')
        self.addCleanup(service.destroy)
        service.client.import_busybox()
        idle = service.client.create('true', name='idle')
        ended = service.client.create('sh', '-c', 'exit 3', name='ended')
        ended.start()
        self.assertEqual(ended.wait_exited(), 3)
        service.stop()
        if point == 'refresh.again':
            # As a refresh that went wrong leaves it.
            with sqlite3.connect(service.state('lib', 'cpod.db')) as database:
                database.execute("UPDATE meta SET value = 'another boot' WHERE key = 'boot-id'")
                database.execute("INSERT INTO operation (kind, object, payload, started) VALUES ('refresh', ?, '', 1)",
                                 (idle.id,))
            database.close()
        self.die_at_start(service, point)
        service.start(CPOD_BOOT_ID='another boot')
        client = service.client
        wait_for(lambda: client.check() == [], 20, f'a clean check: {client.check()}')
        self.assertEqual([event['attributes']['ok'] for event in client.events()[0] if event['status'] == 'refresh'],
                         [] if point == 'refresh.again' else [2])
        self.assertEqual({row['name']: row['state'] for row in client.list()}, {'idle': 'configured', 'ended': 'exited'})
        self.assertEqual(client.property(RUNTIME, 'Runtime', 'Health'), [])
        database = sqlite3.connect(f'file:{service.state("lib", "cpod.db")}?mode=ro', uri=True)
        self.assertEqual(database.execute('SELECT * FROM operation').fetchall(), [])
        database.close()


# How the operation is called that passes a point, by the first part of its name.
OPERATIONS = {
    'create': (ContainerFaultTest, 'create_dies'), 'init': (ContainerFaultTest, 'init_dies'),
    'start': (ContainerFaultTest, 'start_dies'), 'exit': (ContainerFaultTest, 'end_dies'),
    'cleanup': (ContainerFaultTest, 'end_dies'), 'remove': (ContainerFaultTest, 'remove_dies'),
    'rename': (ContainerFaultTest, 'rename_dies'), 'pause': (ContainerFaultTest, 'pause_dies'),
    'stop': (ContainerFaultTest, 'stop_dies'), 'kill': (ContainerFaultTest, 'kill_dies'),
    'start-dependency': (ContainerFaultTest, 'start_dependency_dies'),
    'remove-dependent': (ContainerFaultTest, 'remove_dependent_dies'),
    'update': (ContainerFaultTest, 'update_dies'), 'migrate': (ContainerFaultTest, 'migrate_dies'),
    'pull': (ImageFaultTest, 'pull_dies'), 'push': (ImageFaultTest, 'push_dies'),
    'load': (ImageFaultTest, 'load_dies'), 'save': (ImageFaultTest, 'save_dies'),
    'refresh': (RefreshFaultTest, 'refresh_dies'),
    'commit': (StorageFaultTest, 'commit_dies'),
    'exec': (ExecFaultTest, 'exec_dies'), 'exec-end': (ExecFaultTest, 'exec_end_dies'),
    'remove-image': (ImageFaultTest, 'remove_image_dies'),
    'tag': (ImageFaultTest, 'tag_dies'), 'untag': (ImageFaultTest, 'untag_dies'),
    'prune-images': (ImageFaultTest, 'prune_images_dies'),
    'copy': (VfsFaultTest, 'copy_dies'),
    'mount': (StorageFaultTest, 'mount_dies'), 'unmount': (StorageFaultTest, 'unmount_dies'),
    'remove-storage': (StorageFaultTest, 'remove_storage_dies'),
}


def add_tests():
    """A test for each point that the source has; one that no operation is known for fails."""
    for point in fault_points():
        kind = point.partition('.')[0]
        case, method = OPERATIONS.get(kind, (ContainerFaultTest, None))

        def test(self, point=point, method=method):
            self.assertIsNotNone(method, f'no operation is known that passes the fault point {point}')
            getattr(self, method)(point)
        setattr(case, 'test_' + point.replace('.', '_').replace('-', '_'), test)


class RestartTest(ExecRestarts, Case):
    """The service is killed while containers run."""

    def setUp(self):
        self.service = Service('restart', peer=True)
        self.client = self.service.client
        self.client.import_busybox()

    def tearDown(self):
        self.service.remove_all()
        self.assert_nothing_left(self.service)
        self.service.destroy()

    def crash(self, between=lambda: None, **environment):
        self.service.kill()
        between()
        self.service.start(**environment)
        self.client = self.service.client

    def died(self, container):
        return [e['attributes']['exit-code'] for e in self.client.events()[0]
                if e['id'] == container.id and e['status'] == 'died']

    def test_many_points_exist(self):
        self.assertGreaterEqual(len(fault_points()), 20)

    def test_container_goes_on(self):
        container = self.client.create('sh', '-c', 'while ! [ -e /stop ]; do date; sleep 0.01; done; exit 8', name='long')
        container.start()
        pid, conmon = container.get('Pid'), container.inspect()['State']['ConmonPid']
        self.crash(lambda: time.sleep(0.1))
        container = self.client.container('long')
        self.assertEqual((container.get('State'), container.get('Pid')), ('running', pid))
        self.assertTrue(is_alive(conmon))
        lines = len(container.log())
        wait_for(lambda: len(container.log()) > lines + 5)
        with container.attach() as stream:
            stream.settimeout(5)
            self.assertEqual(stream.recv(8193)[0], 2)
        self.assertEqual(self.client.check(), [])
        open(f'/proc/{pid}/root/stop', 'w', encoding='utf-8').close()
        self.assertEqual(container.wait(), 8)
        container.wait_exited()
        self.assertEqual(self.died(container), [8])

    def test_exit_in_between(self):
        for auto_remove in (False, True):
            container = self.client.create('sh', '-c', 'while ! [ -e /stop ]; do sleep 0.01; done; exit 9', auto_remove=auto_remove)
            container.start()
            stop = f'/proc/{container.get("Pid")}/root/stop'

            def end():
                open(stop, 'w', encoding='utf-8').close()  # pylint: disable=cell-var-from-loop
                wait_for(lambda: container.id in files_in(self.service.root, 'run', 'exits'))  # pylint: disable=cell-var-from-loop
            self.crash(end)
            if not auto_remove:
                again = self.client.container(container.id)
                again.wait_exited()
                self.assertEqual((again.get('State'), again.get('ExitCode')), ('exited', 9))
            else:
                wait_for(lambda: self.client.list(state=['running', 'stopped', 'exited', 'removing'], id=[container.id]) == [])  # pylint: disable=cell-var-from-loop
            self.assertEqual(self.died(container), [9])
            self.crash()
            self.assertEqual(self.died(container), [9])

    def test_orderly_stop_with_an_exit_in_between(self):
        container = self.client.create('sh', '-c', 'sleep 0.3; exit 10', name='brief')
        container.start()
        self.service.client.close()
        self.assertEqual(self.service.process.wait(10), 0)
        wait_for(lambda: container.id in files_in(self.service.root, 'run', 'exits'))
        self.service.start()
        self.client = self.service.client
        again = self.client.container('brief')
        self.assertEqual(again.wait(), 10)
        self.assertEqual(self.died(again), [10])

    def test_killed_again_and_again(self):
        container = self.client.create('sleep', '100', name='tough')
        container.start()
        pid = container.get('Pid')
        for _ in range(5):
            self.crash()
        again = self.client.container('tough')
        self.assertEqual((again.get('State'), again.get('Pid')), ('running', pid))
        events, _ = self.client.events()
        self.assertEqual([e['status'] for e in events], ['import', 'create', 'init', 'start'])

    def test_killed_at_any_time(self):
        """Wherever the start of a container stands, and its monitor with it, it can be started afterwards."""
        for milliseconds in range(0, 60, 4):
            container = self.client.create('sh', '-c', 'while ! [ -e /stop ]; do sleep 0.01; done; exit 2')
            self.client.connection.call(None, container.path, 'org.cpod.Cpod1.Container', 'Start',
                                        GLib.Variant('(a{sv})', ({},)), None, 0, -1, None, None)
            self.client.connection.flush_sync(None)
            time.sleep(milliseconds / 1000)
            self.crash()
            wait_for(lambda: self.client.check() == [], 5, f'a clean check: {self.client.check()}')
            again = self.client.container(container.id)
            state = again.get('State')
            self.assertIn(state, ('configured', 'created', 'running'))
            if state != 'running':
                again.start()
            open(f'/proc/{again.get("Pid")}/root/stop', 'w', encoding='utf-8').close()
            self.assertEqual(again.wait(), 2)
            again.wait_exited()
            self.assertEqual(self.died(again), [2])
            again.remove()
        self.assert_gapless(self.client.events()[0])

    def test_lock_that_outlives_the_service(self):
        """A child that was just forked has the killed service's lock for a moment."""
        self.service.kill()
        path = self.service.state('lib', 'cpod.lock')
        with open(path, 'r+', encoding='utf-8') as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            child = subprocess.Popen(['sleep', '0.5'], pass_fds=(file.fileno(),))
        self.service.start()
        self.client = self.service.client
        self.assertIsNotNone(child.poll())

    def test_trap_36_monitor_killed(self):
        container = self.client.create('sleep', '100', name='unwatched')
        container.start()
        pid = container.get('Pid')
        os.kill(container.inspect()['State']['ConmonPid'], signal.SIGKILL)
        time.sleep(0.2)
        self.assertEqual((container.get('State'), container.get('Pid')), ('running', pid))
        self.assertEqual([p['kind'] for p in self.client.check()], ['container'])
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(container.wait(), -1)
        container.wait_exited()
        self.assertEqual(self.died(container), [-1])

    def test_monitor_and_service_killed(self):
        container = self.client.create('sleep', '100', name='unwatched')
        container.start()
        pid = container.get('Pid')
        conmon = container.inspect()['State']['ConmonPid']
        self.crash(lambda: os.kill(conmon, signal.SIGKILL))
        container = self.client.container('unwatched')
        self.assertEqual((container.get('State'), container.get('Pid')), ('running', pid))
        self.crash(lambda: (os.kill(pid, signal.SIGKILL), wait_for(lambda: not is_alive(pid))))
        container = self.client.container('unwatched')
        self.assertEqual(container.wait(), -1)
        container.wait_exited()
        self.assertEqual(self.died(container), [-1])
        container.start()
        container.kill()
        self.assertEqual(container.wait(), 137)

    def test_stop_under_way(self):
        """Who asked for the stop is told nothing; the container goes on, or is stopped."""
        container = self.client.create('sh', '-c', 'trap "" TERM; echo ready; while :; do sleep 0.01; done', name='stubborn')
        container.start()
        wait_for(container.output)
        other = subprocess.Popen(['sleep', '0.3'])
        self.client.connection.call(
            None, container.path, 'org.cpod.Cpod1.Container', 'Stop',
            GLib.Variant('(a{sv})', ({},)), None, 0, -1, None, None)
        self.client.connection.flush_sync(None)
        wait_for(lambda: container.get('State') == 'stopping')
        other.wait()
        self.crash()
        again = self.client.container('stubborn')
        self.assertEqual(again.get('State'), 'running')
        again.stop(timeout=0)
        self.assertEqual(self.died(again), [137])

    def boot(self):
        """What is left of a machine that was switched off and on."""
        run = self.service.state('run')
        for monitor in processes_with(self.service.root, 'conmon'):
            os.kill(monitor, signal.SIGKILL)
        for ident in files_in(run, 'runtime'):
            subprocess.run(['runc', '--root', run + '/runtime', 'delete', '--force', ident], check=False)
        for point in mounts_below(self.service.root):
            subprocess.run(['umount', point], check=True)
        subprocess.run(['rm', '-rf', run], check=True)

    def test_reboot(self):
        containers = {name: self.client.create('sleep', '100', name=name, auto_remove=name == 'passing')
                      for name in ('running', 'created', 'configured', 'exited', 'passing')}
        containers['created'].init()
        for name in ('running', 'passing', 'exited'):
            containers[name].start()
        containers['exited'].kill()
        self.assertEqual(containers['exited'].wait_exited(), 137)
        since = self.client.last_seq()
        self.crash(self.boot, CPOD_BOOT_ID='another-boot')
        states = {row['name']: row['state'] for row in self.client.list()}
        self.assertEqual(states, {'running': 'exited', 'created': 'configured', 'configured': 'configured', 'exited': 'exited'})
        events, _ = self.client.events(since)
        self.assertEqual([e['status'] for e in events], ['refresh', 'remove'])
        self.assertEqual((events[0]['type'], events[0]['attributes']['boot-id']), ('system', 'another-boot'))
        self.assertEqual(self.client.property('/org/cpod/Cpod1/Runtime', 'Runtime', 'BootId'), 'another-boot')
        self.assertEqual(self.client.container('exited').get('ExitCode'), 137)
        self.assertEqual(self.client.check(), [])
        for name in ('running', 'created'):
            self.client.container(name).start()
        self.crash(CPOD_BOOT_ID='another-boot')
        self.assertEqual([e['status'] for e in self.client.events(since)[0]].count('refresh'), 1)
        self.assertEqual(self.client.container('running').get('State'), 'running')

    def test_first_start_is_no_reboot(self):
        self.assertEqual([e['status'] for e in self.client.events()[0]], ['import'])


add_tests()

if __name__ == '__main__':
    main()
