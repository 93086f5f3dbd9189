#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Roots that callers mount, and containers that only the storage knows."""

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess

from cases import BusyboxCase
from service import Case, FUSE, RUNTIME, Service, driver_conf, files_in, main, mounts_below, scratch, wait_for

FOREIGN = 'f0' + 'e1' * 31
OTHER = 'f0' + 'e1' * 30 + 'e2'


def metadata_of(text, **changes):
    """Good metadata of another container, with its sum."""
    data = {**json.loads(text), **changes}
    del data['sum']
    parts = [data['id'], data['name'], data['image'], data['image_id'], str(data['created']), str(data['owner']),
             str(int(data['auto_remove'])), data['config']]
    return json.dumps({**data, 'sum': hashlib.sha256('\n'.join(parts).encode()).hexdigest()})


class StorageCase(BusyboxCase):
    peer = True
    driver = 'overlay'

    @classmethod
    def environment(cls):
        """Only for the first start: after that it is recorded."""
        return {'CPOD_CONF': driver_conf(cls.__name__, cls.driver)}

    def tearDown(self):
        for row in self.client.runtime('ListStorageContainers'):
            self.client.runtime('RemoveStorageContainer', 's', row['id'], force=True)
        super().tearDown()

    def statuses(self, ident, kind='container'):
        return [e['status'] for e in self.client.events()[0] if e['id'] == ident and e['type'] == kind]

    def mounts(self):
        return {row['name']: (row['mounts'], row['external']) for row in self.client.runtime('ListMounts')}

    def restart(self, **environment):
        """Ends the service in order, and starts it again."""
        self.client.close()
        self.assertEqual(self.service.process.wait(30), 0)
        self.service.start(**environment)

    def write(self, path, text):
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)

    def read(self, path):
        with open(path, encoding='utf-8') as file:
            return file.read()


class A12MountTest(StorageCase):
    def test_mount_and_unmount(self):
        box = self.client.create('cat', '/note', name='box')
        path = box.call('Mount')
        self.assertIn(path, mounts_below(os.path.dirname(path)))
        self.assertIn('busybox', os.listdir(os.path.join(path, 'bin')))
        self.write(os.path.join(path, 'note'), 'from the host\n')
        self.assertEqual(self.mounts(), {'box': (1, False)})
        self.assertEqual(self.client.check(), [])
        box.call('Unmount')
        self.assertFalse(os.path.exists(path))
        self.assertEqual(self.mounts(), {})
        box.start()
        box.wait()
        self.assertEqual(box.output(), 'from the host\n')
        self.assertEqual(self.statuses(box.id)[:4], ['create', 'mount', 'unmount', 'init'])

    def test_mounts_are_counted(self):
        box = self.client.create('true', name='box')
        path = box.call('Mount')
        self.assertEqual(box.call('Mount'), path)
        self.assertEqual(self.mounts(), {'box': (2, False)})
        box.call('Unmount')
        self.assertIn(path, mounts_below(os.path.dirname(path)))
        box.call('Unmount')
        self.assertFalse(os.path.exists(path))
        with self.assert_error('InvalidState', 'box', 'not mounted'):
            box.call('Unmount')
        self.assertEqual(self.statuses(box.id), ['create', 'mount', 'mount', 'unmount', 'unmount'])

    def test_a_run_and_a_mount_are_the_same_root(self):
        """Whichever comes first, and whichever goes first."""
        box = self.client.create('sh', '-c', 'while ! [ -e /stop ]; do date > /now; sleep 0.02; done', name='box')
        path = box.call('Mount')
        box.start()
        wait_for(lambda: os.path.exists(os.path.join(path, 'now')), 10, 'what the container writes')
        box.call('Unmount', force=True)
        again = box.call('Mount')
        self.assertEqual(again, path)
        self.write(os.path.join(path, 'stop'), '')
        self.assertEqual(box.wait(), 0)
        box.wait_exited()
        self.assertTrue(os.path.exists(os.path.join(path, 'now')))
        self.assertEqual(self.client.check(), [])
        os.unlink(os.path.join(path, 'stop'))
        box.start()
        self.write(os.path.join(path, 'stop'), '')
        self.assertEqual(box.wait(), 0)
        box.wait_exited()
        box.call('Unmount')

    def test_states_that_refuse(self):
        box = self.client.create('sleep', '1000', name='box')
        path = box.call('Mount')
        box.start()
        for step, state in ((lambda: None, 'running'), (lambda: box.call('Pause'), 'paused')):
            step()
            with self.assert_error('InvalidState', 'box', state):
                box.call('Unmount')
        self.assertIn(path, mounts_below(os.path.dirname(path)))
        box.call('Unpause')
        box.stop(timeout=0)
        box.wait_exited()
        box.call('Unmount')
        self.assertEqual([s for s in self.statuses(box.id) if 'mount' in s], ['mount', 'unmount'])

    def test_somebody_uses_it(self):
        box = self.client.create('true', name='box')
        path = box.call('Mount')
        with subprocess.Popen(['sleep', '1000'], cwd=path) as user:
            try:
                with self.assert_error('InvalidState', 'box', path):
                    box.call('Unmount')
                self.assertEqual(self.mounts(), {'box': (1, False)})
                self.assertEqual(self.client.check(), [])
                box.call('Unmount', force=True)
                self.assertFalse(os.path.exists(path))
            finally:
                user.kill()

    def test_force_takes_all_back(self):
        box = self.client.create('true', name='box')
        path = [box.call('Mount') for _ in range(3)][0]
        box.call('Unmount', force=True)
        self.assertFalse(os.path.exists(path))
        self.assertEqual(self.mounts(), {})

    def test_removal_unmounts(self):
        for method, ident in (('Remove', 'box'), ('Evict', 'box')):
            box = self.client.create('true', name='box')
            path = box.call('Mount')
            with open(os.path.join(path, 'bin', 'busybox'), 'rb'):
                self.client.runtime(method, 's', ident)
            self.assertFalse(os.path.exists(path))
            self.assertEqual(self.mounts(), {})

    def test_restart_of_the_service(self):
        box = self.client.create('true', name='box')
        path = box.call('Mount')
        box.call('Mount')
        self.service.kill()
        self.service.start()
        self.assertIn(path, mounts_below(os.path.dirname(path)))
        self.assertEqual(self.mounts(), {'box': (2, False)})
        box = self.client.container('box')
        box.call('Unmount')
        self.restart()
        box = self.client.container('box')
        self.assertEqual(self.mounts(), {'box': (1, False)})
        box.call('Unmount')
        self.assertFalse(os.path.exists(path))

    def test_reboot(self):
        box = self.client.create('true', name='box')
        path = box.call('Mount')
        self.client.close()
        self.assertEqual(self.service.process.wait(30), 0)
        subprocess.run(['umount', path], check=True)
        shutil.rmtree(self.service.state('run'))
        self.addCleanup(self.restart)
        self.service.start(CPOD_BOOT_ID='00000000-0000-4000-8000-000000000001')
        self.assertEqual(self.mounts(), {})
        self.assertEqual(self.client.check(), [])
        box = self.client.container('box')
        with self.assert_error('InvalidState', 'not mounted'):
            box.call('Unmount')
        self.assertEqual(box.call('Mount'), path)
        box.call('Unmount')

    def test_run_directory_outlives_a_reboot(self):
        box = self.client.create('true', name='box')
        path = box.call('Mount')
        self.addCleanup(self.restart)
        self.restart(CPOD_BOOT_ID='00000000-0000-4000-8000-000000000002')
        self.assertEqual(self.mounts(), {})
        self.assertFalse(os.path.exists(path))
        self.assertEqual(self.client.check(), [])

    def test_unmounted_by_somebody_else(self):
        box = self.client.create('true', name='box')
        path = box.call('Mount')
        subprocess.run(['umount', path], check=True)
        self.assertEqual([(p['kind'], p['object']) for p in self.client.check()], [('mount', box.id)])
        self.assertEqual(box.call('Mount'), path)
        self.assertIn(path, mounts_below(os.path.dirname(path)))
        self.assertEqual(self.client.check(), [])
        subprocess.run(['umount', path], check=True)
        box.call('Unmount', force=True)
        self.assertEqual(self.client.check(), [])

    def test_namespaces(self):
        for name, options in (('plain', {}), ('inside', {'namespace': 'shop'})):
            self.client.create('true', name=name, **options).call('Mount')
        self.assertEqual(set(self.mounts()), {'plain', 'inside'})
        self.assertEqual([row['name'] for row in self.client.runtime('ListMounts', namespace='shop')], ['inside'])


class A33StorageContainerTest(StorageCase):
    def lose(self, name, text='kept\n', wrecked=True):
        """A container that the engine knows no more: its record is gone, its metadata damaged, its files are there."""
        box = self.client.create('true', name=name)
        path = box.call('Mount')
        self.write(os.path.join(path, 'note'), text)
        box.call('Unmount')
        self.client.close()
        self.assertEqual(self.service.process.wait(30), 0)
        with contextlib.closing(sqlite3.connect(self.service.state('lib', 'cpod.db'))) as database:
            database.execute('DELETE FROM container_status WHERE number = (SELECT number FROM container WHERE id = ?)', (box.id,))
            for table in 'container', 'name':
                database.execute(f'DELETE FROM {table} WHERE id = ?', (box.id,))
            database.commit()
        if wrecked:
            metadata = self.service.state('lib', 'containers', box.id, 'container.json')
            with open(metadata, 'r+', encoding='utf-8') as file:
                file.truncate(100)
            os.rename(metadata, metadata + '.damaged')
        self.service.start()
        return box.id

    def list(self):
        return self.client.runtime('ListStorageContainers')

    def test_list_mount_and_remove(self):
        known = self.client.create('true', name='known')
        image = known.get('ImageId')
        ident = self.lose('lost')
        row, = self.list()
        self.assertEqual((row['id'], row['image-id'], row['mounts'], row['mount-point']), (ident, image, 0, ''))
        self.assertGreater(row['created'], 1.7e15)
        self.assertEqual({p['object'] for p in self.client.check() if p['kind'] != 'health'}, {ident})

        path = self.client.runtime('MountStorageContainer', 's', ident[:20])
        self.assertEqual(self.read(os.path.join(path, 'note')), 'kept\n')
        self.assertIn('busybox', os.listdir(os.path.join(path, 'bin')))
        row, = self.list()
        self.assertEqual((row['mounts'], row['mount-point']), (1, path))
        self.assertEqual(self.mounts(), {'': (1, True)})
        self.assertEqual(self.client.runtime('MountStorageContainer', 's', ident), path)
        self.assertIs(self.client.runtime('UnmountStorageContainer', 's', ident), True)
        with self.assert_error('InvalidState', ident, 'mounted'):
            self.client.runtime('RemoveStorageContainer', 's', ident)
        self.assertIs(self.client.runtime('UnmountStorageContainer', 's', ident), False)
        with self.assert_error('InvalidState', 'not mounted'):
            self.client.runtime('UnmountStorageContainer', 's', ident)

        self.assertEqual(self.client.runtime('RemoveStorageContainer', 's', ident), ident)
        self.assertEqual(self.list(), [])
        self.assertEqual(self.client.check(), [])
        self.assertEqual(self.client.property(RUNTIME, 'Runtime', 'Health'), [])
        self.assertEqual(files_in(self.service.root, 'lib', 'containers'), [known.id])
        self.assertEqual(self.statuses(ident, 'storage'), ['mount', 'mount', 'unmount', 'unmount', 'remove'])
        with self.assert_error('NoSuchContainer'):
            self.client.runtime('RemoveStorageContainer', 's', ident)

    def test_mounts_outlive_the_service(self):
        ident = self.lose('lost')
        path = self.client.runtime('MountStorageContainer', 's', ident)
        self.service.kill()
        self.service.start()
        self.assertIn(path, mounts_below(os.path.dirname(path)))
        self.assertEqual(self.list()[0]['mount-point'], path)
        self.client.runtime('RemoveStorageContainer', 's', ident, force=True)
        self.assertEqual(mounts_below(self.service.root), [])

    def test_half_done_creation_is_none(self):
        """What no call was ever answered for is deleted, as before."""
        for directory in ('lib/containers', 'lib/storage/overlay/c'):
            os.makedirs(self.service.state(*directory.split('/'), FOREIGN))
        self.restart()
        self.assertEqual(self.list(), [])
        self.assertEqual(files_in(self.service.root, 'lib', 'storage', 'overlay', 'c'), [])

    def test_ours_are_refused(self):
        box = self.client.create('true', name='box')
        path = box.call('Mount')
        for name in ('box', box.id, box.id[:8]):
            for method in 'MountStorageContainer', 'UnmountStorageContainer', 'RemoveStorageContainer':
                with self.assert_error('ContainerExists', name, box.id[:12]):
                    self.client.runtime(method, 's', name)
        with self.assert_error('ContainerExists'):
            self.client.runtime('RemoveStorageContainer', 's', 'box', force=True)
        self.assertIn(path, mounts_below(os.path.dirname(path)))
        for method in 'MountStorageContainer', 'UnmountStorageContainer', 'RemoveStorageContainer':
            with self.assert_error('NoSuchContainer', 'nosuch'):
                self.client.runtime(method, 's', 'nosuch')

    def test_trap_49_a_failing_lookup_is_an_error(self):
        """A database that fails says nothing about whose a container is."""
        box = self.client.create('true', name='box')
        path = box.call('Mount')
        database = self.service.state('lib', 'cpod.db')

        def rename(old, new):
            with contextlib.closing(sqlite3.connect(database, timeout=30)) as connection:
                connection.execute('PRAGMA legacy_alter_table = ON')
                connection.execute(f'ALTER TABLE {old} RENAME TO {new}')

        rename('container', 'hidden')
        try:
            for name in ('box', box.id):
                for method, options in (('MountStorageContainer', {}), ('UnmountStorageContainer', {'force': True}),
                                        ('RemoveStorageContainer', {'force': True})):
                    with self.assert_error('StoreFailed'):
                        self.client.runtime(method, 's', name, **options)
            with self.assert_error('StoreFailed'):
                self.list()
        finally:
            rename('hidden', 'container')
        self.assertIn(path, mounts_below(os.path.dirname(path)))
        self.assertEqual(self.mounts(), {'box': (1, False)})
        self.assertEqual(files_in(self.service.root, 'lib', 'storage', 'overlay', 'c'), [box.id])
        box.call('Unmount')
        self.assertEqual(self.client.check(), [])

    def test_its_image_is_in_use(self):
        """The layer is worth nothing without what lies below it."""
        self.client.import_busybox('other', message='other')
        box = self.client.create('true', image='other', name='box')
        box.remove()
        ident = self.lose('lost')
        with self.assert_error('ImageInUse', 'busybox'):
            self.client.images('RemoveImage', 's', 'busybox')
        self.client.images('RemoveImage', 's', 'other')
        self.assertEqual([row['id'] for row in self.list()], [ident])
        self.client.images('RemoveImage', 's', 'busybox', force=True)
        self.assertEqual(self.list(), [])
        self.client.import_busybox()

    def test_lookup(self):
        """By name, id, or prefix of an id; an image that is gone leaves a name, but nothing to mount."""
        box = self.client.create('true', name='box')
        image = box.get('ImageId')
        self.client.close()
        self.assertEqual(self.service.process.wait(30), 0)
        for ident in (FOREIGN, OTHER):
            for parts in (('lib', 'containers'), ('lib', 'storage', 'overlay', 'c')):
                shutil.copytree(self.service.state(*parts, box.id), self.service.state(*parts, ident), symlinks=True)
        metadata = self.service.state('lib', 'containers', FOREIGN, 'container.json')
        os.rename(metadata, metadata + '.damaged')
        metadata = self.service.state('lib', 'containers', OTHER, 'container.json')
        self.write(metadata, metadata_of(self.read(metadata), id=OTHER, name='lonely', image='gone', image_id='ab' * 32))
        os.unlink(self.service.state('lib', 'storage', 'overlay', 'c', OTHER, 'image'))
        self.service.start()
        rows = {row['id']: (row['name'], row['image'], row['image-id']) for row in self.list()}
        self.assertEqual(rows, {FOREIGN: ('', '', image), OTHER: ('lonely', 'gone', 'ab' * 32)})
        if self.driver != 'vfs':
            with self.assert_error('NoSuchImage', 'lonely'):
                self.client.runtime('MountStorageContainer', 's', 'lonely')
        else:  # a copy is whole without its image
            path = self.client.runtime('MountStorageContainer', 's', 'lonely')
            self.assertIn('busybox', os.listdir(os.path.join(path, 'bin')))
            self.client.runtime('UnmountStorageContainer', 's', 'lonely')
        self.assertEqual(mounts_below(self.service.root), [])
        with self.assert_error('AmbiguousName', 'f0e1e1'):
            self.client.runtime('MountStorageContainer', 's', 'f0e1e1')
        self.assertEqual(self.client.runtime('RemoveStorageContainer', 's', 'lonely'), OTHER)
        self.assertEqual(self.client.runtime('RemoveStorageContainer', 's', 'f0e1e1'), FOREIGN)


class VfsMountTest(A12MountTest):
    """Roots that are copies of their images'."""
    driver = 'vfs'

    def test_each_is_a_copy(self):
        box, other = (self.client.create('sh', '-c', 'echo mine > /etc/note; rm /bin/ls && /bin/ls /', name=name)
                      for name in ('box', 'other'))
        self.assertEqual(box.inspect()['Driver'], 'vfs')
        root = self.service.state('lib', 'storage', 'overlay', 'c', box.id, 'root')
        self.assertIn('busybox', os.listdir(os.path.join(root, 'bin')))
        for container in box, other:
            container.start()
            container.wait_exited()
        self.assertEqual(self.read(os.path.join(root, 'etc', 'note')), 'mine\n')
        self.assertNotIn('ls', os.listdir(os.path.join(root, 'bin')))
        self.assertEqual((box.get('ExitCode'), other.get('ExitCode')), (127, 127))
        self.assertEqual(self.client.runtime('GetInfo')['store']['graphStatus'], {})
        self.assertEqual(self.client.check(), [])

    def test_both_drivers_side_by_side(self):
        box = self.client.create('cat', '/note', name='box')
        self.write(os.path.join(box.call('Mount'), 'note'), 'by vfs\n')
        box.call('Unmount')
        conf = os.path.join(scratch(), 'other.conf')
        self.write(conf, '[storage]\ndriver = "overlay"\n')
        self.restart(CPOD_CONF=conf)
        other = self.client.create('cat', '/note', name='other')
        self.write(os.path.join(other.call('Mount'), 'note'), 'by overlay\n')
        other.call('Unmount')
        self.write(conf, '[storage]\ndriver = "vfs"\n')
        self.restart(CPOD_CONF=conf)
        for name, driver in (('box', 'vfs'), ('other', 'overlay')):
            container = self.client.container(name)
            container.start()
            container.wait_exited()
            self.assertEqual((container.inspect()['Driver'], container.output()), (driver, f'by {driver}\n'))


class VfsStorageContainerTest(A33StorageContainerTest):
    driver = 'vfs'


class ChoiceTest(Case):
    """What is taken where nobody says what."""

    def begin(self, name, *mount, conf=''):
        graph = os.path.join(scratch(), name, 'lib', 'storage')
        os.makedirs(graph)
        if mount:
            subprocess.run(['mount', *mount, graph], check=True)
            self.addCleanup(subprocess.run, ['umount', '-l', graph], check=False, stderr=subprocess.DEVNULL)
        path = os.path.join(scratch(), name + '.conf')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(conf)
        self.service = Service(name, peer=True, CPOD_CONF=path)
        self.addCleanup(self.service.destroy)
        self.client = self.service.client
        self.client.import_busybox()

    def runs(self):
        container = self.client.create('sh', '-c', 'echo hello > /etc/new; cat /etc/new; rm /bin/ls && mkdir /bin/ls && rmdir /bin/ls')
        container.start()
        container.wait_exited()
        self.assertEqual((container.get('ExitCode'), container.output()), (0, 'hello\n'))
        driver = container.inspect()['Driver']
        container.remove()
        self.assertEqual(self.client.check(), [])
        return driver

    def troubles(self):
        return [entry['text'] for entry in self.client.property(RUNTIME, 'Runtime', 'Health') if entry['kind'] == 'storage']

    def test_overlay_where_it_works(self):
        self.begin('works')
        self.assertEqual(self.client.runtime('GetConfig')['storage.driver'], ('', 'default'))
        self.assertEqual((self.runs(), self.troubles()), ('overlay', []))

    def test_vfs_where_it_does_not(self):
        """A file system without extended attributes, and a program that makes no overlays."""
        self.begin('plain', '-t', 'ramfs', 'ramfs', conf='[storage.options.overlay]\nmount_program = "/bin/false"\n')
        self.assertEqual(self.runs(), 'vfs')
        text, = self.troubles()
        self.assertIn("'vfs'", text)
        self.assertIn(self.service.state('lib', 'storage'), text)
        self.assertIn('vfs', self.service.said())

    def test_program_where_the_kernel_does_not(self):
        self.begin('program', '-t', 'ramfs', 'ramfs')
        for _ in range(2):
            self.assertEqual((self.runs(), self.troubles()), ('overlay', []))
            options = self.client.runtime('GetInfo')['store']['graphOptions']
            self.assertEqual(options['overlay.mount_program']['Executable'], FUSE)
            self.service.restart()
            self.client = self.service.client
            self.assertEqual(self.client.runtime('GetConfig')['storage.driver'], ('overlay', 'database'))
        self.assertIn(f'{FUSE} makes overlays', self.service.said())

    def test_on_an_overlay(self):
        """Whatever the kernel makes of it, containers run."""
        parts = [os.path.join(scratch(), 'nested-' + name) for name in ('lower', 'upper', 'work')]
        for part in parts:
            os.makedirs(part)
        self.begin('nested', '-t', 'overlay', 'overlay', '-o', 'lowerdir={},upperdir={},workdir={}'.format(*parts))
        driver = self.runs()
        self.assertEqual(len(self.troubles()), int(driver == 'vfs'))


if __name__ == '__main__':
    main()
