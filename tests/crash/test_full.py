#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The disk is full, in the middle of each operation: it is done or undone, the error says why, and removing works."""

import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'bus'))

from service import ERROR, CallError, Case, GLib, Service, files_in, main, scratch, wait_for  # noqa: E402
from storage_faults import use_driver  # noqa: E402

PAGE = 4096
# How much is left: each page of the first writes, then further and further on.
LEFT = [*range(0, 12), 14, 17, 20, 24, 30, 40, 60, 90, 140, 200, 300]
LOOP = ('sh', '-c', 'trap "exit 4" TERM; while :; do sleep 0.02; done')


class FullCase(Case):
    """With the state on a small disk of its own."""

    size = '32m'
    where = ('lib',)                # what of the state is on that disk

    def setUp(self):
        self.root = os.path.join(scratch(), self.id().rpartition('__main__.')[2])
        self.disk = os.path.join(self.root, *self.where)
        os.makedirs(self.disk)
        subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={self.size},mode=711', 'tmpfs', self.disk], check=True)
        self.service = Service('full', peer=True, root=self.root)
        self.client.import_busybox()

    def tearDown(self):
        self.free()
        self.service.remove_all()
        self.assert_nothing_left(self.service)
        self.service.stop()
        subprocess.run(['umount', '-l', self.disk], check=True)
        shutil.rmtree(self.root)

    @property
    def client(self):
        return self.service.client

    def ballast(self):
        return os.path.join(self.disk, 'ballast')

    def fill(self, pages):
        """Leaves so many pages of the disk."""
        info = os.statvfs(self.disk)
        with open(self.ballast(), 'wb') as file:
            os.posix_fallocate(file.fileno(), 0, max(1, info.f_bavail * info.f_frsize - pages * PAGE))

    def free(self):
        if os.path.exists(self.ballast()):
            os.unlink(self.ballast())

    def fresh(self):
        """Ends the service and starts it again: its log of transactions is empty then, and has to grow."""
        self.client.close()
        self.assertEqual(self.service.process.wait(30), 0)
        self.service.start()

    def rows(self):
        return {row['name']: row['state'] for row in self.client.list()}

    def settle(self):
        """There is room again: nothing half-made is there, now or after a while."""
        self.free()
        wait_for(lambda: self.client.check() == [], 20, f'a clean check: {self.client.check()}')
        events, _ = self.client.events()
        self.assert_gapless(events)
        return events

    def attempt(self, action, *words):
        """Whether it was done; else the error is the right one."""
        try:
            action()
            return True
        except CallError as error:
            self.assertEqual(error.name, ERROR + 'DiskFull', error.message)
            for word in words:
                self.assertIn(word, error.message)
            return False

    def sweep(self, prepare, action, verify, *words, may_fail=True):
        """ACTION with less and less room; VERIFY gets what PREPARE gave, and whether it was done."""
        done = []
        for pages in LEFT:
            with self.subTest(pages=pages):
                try:
                    thing = prepare()
                    self.fresh()
                    self.fill(pages)
                    done.append(self.attempt(lambda: action(thing), *words))  # pylint: disable=cell-var-from-loop
                    self.remove_while_full()
                    self.settle()
                    verify(thing, done[-1])
                finally:
                    self.free()
                    self.service.remove_all()
            if done[-3:] == [True] * 3 and (not may_fail or False in done):
                break
        self.assertIn(True, done)
        if not may_fail:
            self.assertNotIn(False, done)

    def remove_while_full(self):
        """The way out of a full disk is never barred."""
        self.client.container('spare').remove()
        self.assertNotIn('spare', self.rows())

    def box(self, *command, state='configured', **options):
        """The container "box", and one to be removed while the disk is full."""
        self.client.create('true', name='spare')
        self.client.create(*(command or LOOP), name='box', **options)
        box = self.client.container('box')
        if state in ('running', 'paused'):
            box.start()
        if state == 'paused':
            box.call('Pause')
        return 'box'

    def act(self, method, *arguments, **options):
        return lambda name: self.client.container(name).call(method, *arguments, **options)

    def state_is(self, done, undone):
        def verify(name, was_done):
            self.assertEqual(self.client.container(name).get('State'), done if was_done else undone)
        return verify


class Verbs:
    def possible_codes(self, code):
        return (code,)

    def test_create(self):
        def create(_):
            self.client.create('true', name='new', labels={'big': 'x' * 20000})

        def verify(_, done):
            self.assertEqual(set(self.rows()), {'box', 'new'} if done else {'box'})
            self.assertEqual(len(files_in(self.root, 'lib', 'storage', 'overlay', 'c')), 1 + done)
            self.assertEqual(len(files_in(self.root, 'lib', 'containers')), 1 + done)
            if not done:
                create(None)
        self.sweep(self.box, create, verify, 'new')

    def test_init(self):
        self.sweep(self.box, self.act('Init'), self.state_is('created', 'configured'), 'box')

    def test_start(self):
        self.sweep(self.box, self.act('Start'), self.state_is('running', 'configured'), 'box')

    def test_rename(self):
        def verify(name, done):
            self.assertEqual(set(self.rows()), {'other' if done else name})
            path = os.path.join(self.root, 'lib', 'containers', self.client.list()[0]['id'], 'container.json')
            with open(path, encoding='utf-8') as file:
                self.assertEqual(json.load(file)['name'], 'other' if done else name)
        self.sweep(self.box, lambda name: self.client.runtime('Rename', 'ss', name, 'other'), verify, 'box')

    def test_pause(self):
        self.sweep(lambda: self.box(state='running'), self.act('Pause'), self.state_is('paused', 'running'), 'box')

    def test_unpause(self):
        self.sweep(lambda: self.box(state='paused'), self.act('Unpause'), self.state_is('running', 'paused'), 'box')

    def ended(self, name, done):
        """What has happened to a process is recorded, if not at once."""
        container = self.client.container(name)
        container.wait_exited()
        self.assertEqual(container.get('State'), 'exited')

    def test_stop(self):
        self.sweep(lambda: self.box(state='running'), self.act('Stop'), self.ended, may_fail=False)

    def test_kill(self):
        def verify(name, done):
            if done:
                self.ended(name, done)
            self.assertIn(self.client.container(name).get('State'), ('exited', 'running'))
        self.sweep(lambda: self.box(state='running'), self.act('Kill'), verify, 'box', may_fail=False)

    def test_restart(self):
        def verify(name, done):
            if done:
                self.assertEqual(self.client.container(name).get('State'), 'running')
            else:
                self.ended(name, done)
        self.sweep(lambda: self.box(state='running'), self.act('Restart'), verify, 'box')

    def test_an_end_by_itself(self):
        def end(name):
            container = self.client.container(name)
            with open(f'/proc/{container.get("Pid")}/root/dev/shm/stop', 'w', encoding='utf-8'):
                pass
            container.wait()

        def verify(name, done):
            container = self.client.container(name)
            container.wait_exited()
            died = [e['attributes']['exit-code'] for e in self.client.events()[0]
                    if e['id'] == container.id and e['status'] == 'died']
            code = container.get('ExitCode')
            self.assertEqual((container.get('State'), died), ('exited', [code]))
            self.assertIn(code, self.possible_codes(5))
        self.sweep(lambda: self.box('sh', '-c', 'while ! [ -e /dev/shm/stop ]; do sleep 0.02; done; exit 5', state='running'),
                   end, verify, may_fail=False)

    def test_update(self):
        def verify(name, done):
            inspected = self.client.container(name).inspect()
            self.assertEqual(inspected['HostConfig']['PidsLimit'], 77 if done else before)
        self.box()
        before = self.client.container('box').inspect()['HostConfig']['PidsLimit']
        self.service.remove_all()
        self.sweep(self.box, lambda name: self.client.container(name).call('Update', pids_limit=GLib.Variant('x', 77)),
                   verify, 'box')

    def test_mount(self):
        def verify(name, done):
            self.assertEqual(len(self.client.runtime('ListMounts')), int(done))
            if done:
                self.client.container(name).call('Unmount')
        self.sweep(self.box, self.act('Mount'), verify, 'box')

    def test_unmount(self):
        def prepare():
            self.box()
            self.client.container('box').call('Mount')
            return 'box'

        def verify(name, done):
            self.assertEqual(len(self.client.runtime('ListMounts')), int(not done))
        self.sweep(prepare, self.act('Unmount'), verify, 'box')


class Removals:
    """None of these may fail for lack of room."""

    def test_remove_storage_container(self):
        """One that only the storage knows."""
        foreign = 'f0' + 'e1' * 31

        def prepare():
            self.box()
            box = self.client.container('box')
            for parts in (('containers',), ('storage', 'overlay', 'c')):
                directory = os.path.join(self.root, 'lib', *parts)
                shutil.copytree(os.path.join(directory, box.id), os.path.join(directory, foreign), symlinks=True)
            metadata = os.path.join(self.root, 'lib', 'containers', foreign, 'container.json')
            os.rename(metadata, metadata + '.damaged')

        def verify(_, done):
            self.assertEqual(self.client.runtime('ListStorageContainers'), [])
        self.sweep(prepare, lambda _: self.client.runtime('RemoveStorageContainer', 's', foreign), verify, may_fail=False)

    def gone(self, _name, _done):
        self.assertNotIn('box', self.rows())

    def test_remove(self):
        self.sweep(self.box, self.act('Remove'), self.gone, may_fail=False)

    def test_remove_running(self):
        self.sweep(lambda: self.box(state='running'), self.act('Remove', force=True), self.gone, may_fail=False)

    def test_remove_mounted(self):
        def prepare():
            self.box()
            self.client.container('box').call('Mount')
            return 'box'
        self.sweep(prepare, self.act('Remove'), self.gone, may_fail=False)

    def test_evict(self):
        self.sweep(lambda: self.box(state='running'), lambda name: self.client.runtime('Evict', 's', name), self.gone,
                   may_fail=False)

    def test_prune(self):
        def prune(_):
            result = self.client.job_wait(self.client.runtime('PruneContainers'))
            self.assertEqual(result['errors'], {})
            self.client.create('true', name='spare')        # there is room now, for the sweep to remove it
        self.sweep(self.box, prune, self.gone, may_fail=False)

    def test_reload(self):
        self.sweep(self.box, lambda _: self.client.runtime('Reload'), lambda _name, _done: None, may_fail=False)


class Images:
    def names(self):
        return {name for image in self.client.images('ListImages') for name in image['names']}

    def layers(self):
        return [len(files_in(self.root, 'lib', 'storage', *parts))
                for parts in (('overlay', 'layers'), ('overlay', 'l'), ('overlay', 'tmp'), ('images', 'blobs', 'sha256'))]

    def other(self):
        """An archive whose layer no image has yet."""
        path = os.path.join(scratch(), 'other.tar')
        with open(os.path.join(scratch(), 'file'), 'wb') as file:
            file.write(os.urandom(100000))
        subprocess.run(['tar', '-C', scratch(), '-cf', path, 'file'], check=True)
        return path

    def forget(self, name):
        if f'localhost/{name}:latest' in self.names():
            self.client.images('RemoveImage', 's', name)

    def test_import(self):
        before = self.layers()

        def verify(_, done):
            self.assertEqual('localhost/other:latest' in self.names(), done)
            if not done:
                self.assertEqual(self.layers(), before)
            self.forget('other')
            self.assertEqual(self.layers(), before)
        self.sweep(lambda: self.box() and self.other(), lambda path: self.client.import_image(path, 'other'), verify)

    def test_tag(self):
        """Another name for what is there."""
        archive = self.other()
        self.client.import_image(archive, 'one')

        def verify(_, done):
            self.assertEqual('localhost/two:latest' in self.names(), done)
            self.forget('two')
        self.sweep(self.box, lambda _: self.client.import_image(archive, 'two', message='two'), verify)

    def test_remove_image(self):
        before = self.layers()

        def prepare():
            self.box()
            if 'localhost/other:latest' not in self.names():
                self.client.import_image(self.other(), 'other')

        def verify(_, done):
            self.assertEqual('localhost/other:latest' in self.names(), not done)
            if done:
                self.assertEqual(self.layers(), before)
        self.sweep(prepare, lambda _: self.client.images('RemoveImage', 's', 'other'), verify)


class A22FullVerbs(Verbs, FullCase):
    pass


class A22FullRemovals(Removals, FullCase):
    pass


class A22FullImages(Images, FullCase):
    pass


class A22FullCopies(FullCase):
    """Where each container is a copy of its image."""

    def test_create(self):
        use_driver(self.service, 'vfs')
        for pages in 3, 30, 100, 200:
            with self.subTest(pages=pages):
                self.fill(pages)
                self.assertFalse(self.attempt(lambda: self.client.create('true', name='new'), 'new', 'copy'))
                self.settle()
                self.assertEqual(self.rows(), {})
                self.assertEqual(files_in(self.root, 'lib', 'storage', 'overlay', 'c'), [])
        container = self.client.create('true', name='new')
        container.start()
        self.assertEqual((container.wait(), container.inspect()['Driver']), (0, 'vfs'))


class AllFullVerbs(Verbs, FullCase):
    """The run directory is on the same disk."""

    where = ()

    def possible_codes(self, code):
        """The monitor leaves an exit code there, if it can."""
        return code, -1


class AllFullRemovals(Removals, FullCase):
    where = ()


del FullCase        # which is no test by itself

if __name__ == '__main__':
    main()
