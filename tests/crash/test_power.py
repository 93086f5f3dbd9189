#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The power is cut: of the state, what was synced is left, and nothing of what ran."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'bus'))

from service import CallError, Case, Service, files_in, main, processes_with, scratch, wait_for  # noqa: E402
from test_crash import fault_points  # noqa: E402

# As long as possible between what the file system writes by itself, and no heuristics that help the careless.
FILE_SYSTEMS = {
    'ext4': (['mkfs.ext4', '-q', '-E', 'lazy_itable_init=0'], 'commit=600,noauto_da_alloc', 64),
    'btrfs': (['mkfs.btrfs', '-q', '-f'], 'commit=600', 128),
}


class Disk:
    """A file system in a file: what it has not written to the file yet, a cut loses."""

    def __init__(self, kind, directory):
        self.kind, self.directory = kind, directory
        self.point = os.path.join(directory, 'state', 'lib')
        self.file = os.path.join(directory, 'disk')
        make, _, megabytes = FILE_SYSTEMS[kind]
        os.makedirs(self.point)
        with open(self.file, 'wb') as file:
            file.truncate(megabytes << 20)
        subprocess.run([*make, self.file], check=True, stdout=subprocess.DEVNULL)
        self.mount()

    def mount(self):
        options = 'loop,' + FILE_SYSTEMS[self.kind][1]
        subprocess.run(['mount', '-t', self.kind, '-o', options, self.file, self.point], check=True)

    def copy(self):
        """The disk as it is this moment."""
        path = tempfile.mktemp(prefix='cut-', dir=self.directory)
        subprocess.run(['cp', '--sparse=always', '--reflink=auto', self.file, path], check=True)
        return path

    def replace(self, path):
        """In the place of what is mounted: a copy of before."""
        subprocess.run(['umount', self.point], check=True)
        os.rename(path, self.file)
        self.mount()

    def remove(self):
        subprocess.run(['umount', '-l', self.point], check=True)


class PowerCase(Case):
    kind = None

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix=self.kind, dir=scratch())
        self.disk = Disk(self.kind, self.directory)
        self.boots = 0
        self.service = Service(self.kind, peer=True, root=os.path.join(self.directory, 'state'))

    def tearDown(self):
        self.service.remove_all()
        self.assert_nothing_left(self.service)
        self.end()
        self.disk.remove()
        shutil.rmtree(self.directory)

    @property
    def client(self):
        return self.service.client

    def end(self):
        """Nothing runs any more, and nothing of the run directory is left."""
        self.service.kill()
        for ident in files_in(self.service.root, 'run', 'runtime'):
            subprocess.run(['runc', '--root', self.service.state('run', 'runtime'), 'delete', '--force', ident],
                           check=False, stderr=subprocess.DEVNULL)
        wait_for(lambda: not processes_with(self.service.root, 'conmon'), 10, 'the end of the monitors')
        self.service.unmount_all()
        shutil.rmtree(self.service.state('run'), ignore_errors=True)

    def cut(self, copy=None):
        """The power is cut, now or when COPY was made, and the machine is booted again."""
        copy = copy or self.disk.copy()
        self.end()
        self.disk.replace(copy)
        self.boots += 1
        self.service.start(CPOD_BOOT_ID=f'00000000-0000-4000-8000-{self.boots:012}')

    def names(self):
        return {row['name'] for row in self.client.list()}

    def images(self):
        return {name for image in self.client.images('ListImages') for name in image['names']}

    def assert_whole(self):
        wait_for(lambda: self.client.check() == [], 5, f'a clean check: {self.client.check()}')
        self.assertEqual(self.client.property('/org/cpod/Cpod1/Runtime', 'Runtime', 'Health'), [])


class WhatWasAcknowledged:
    """After each reply the power may go: what the reply told of is there."""

    def test_import(self):
        self.client.import_busybox()
        self.cut()
        self.assertEqual(self.images(), {'localhost/busybox:latest'})
        self.assert_whole()
        # All of its files are what they were: none is empty, none is missing.
        self.assertEqual(self.client.run('sh', '-c', 'echo $(( 6 * 7 )); ls /bin | wc -l')[0], 0)
        code, text = self.client.run('sha256sum', '/bin/busybox')
        with open(shutil.which('busybox'), 'rb') as file:
            expected = subprocess.run(['sha256sum'], stdin=file, check=True, capture_output=True, text=True).stdout
        self.assertEqual((code, text.split()[0]), (0, expected.split()[0]))

    def test_create_rename_remove(self):
        self.client.import_busybox()
        steps = (
            (lambda: self.client.create('sh', '-c', 'exit 3', name='one', labels={'a': 'b'}), {'one'}),
            (lambda: self.client.create('true', name='two'), {'one', 'two'}),
            (lambda: self.client.runtime('Rename', 'ss', 'one', 'uno'), {'uno', 'two'}),
            (lambda: self.client.runtime('Remove', 's', 'two'), {'uno'}),
            (lambda: self.client.create('true', name='two'), {'uno', 'two'}),
            (lambda: self.client.runtime('Evict', 's', 'two'), {'uno'}),
        )
        for number, (step, names) in enumerate(steps):
            step()
            with self.subTest(number):
                self.cut()
                self.assertEqual(self.names(), names)
                self.assert_whole()
        one = self.client.container('uno')
        self.assertEqual(one.inspect()['Config']['Labels'], {'a': 'b'})
        one.start()
        self.assertEqual(one.wait(), 3)

    def test_events_of_what_was_acknowledged(self):
        self.client.import_busybox()
        created = self.client.create('true', name='one')
        seq = self.client.last_seq()
        self.cut()
        self.assertEqual([e['status'] for e in self.client.events()[0] if e['id'] == created.id], ['create'])
        self.assertGreater(self.client.last_seq(), seq)

    def test_remove_image(self):
        self.client.import_busybox()
        self.client.import_busybox('other', message='other')
        self.client.images('RemoveImage', 's', 'other')
        self.cut()
        self.assertEqual(self.images(), {'localhost/busybox:latest'})
        self.assert_whole()

    def test_what_ran(self):
        """A run is not synced: what ran has ended, how is not known."""
        self.client.import_busybox()
        running = self.client.create('sleep', '1000', name='running')
        running.start()
        always = self.client.create('sleep', '1000', name='always', restart_policy='always')
        always.start()
        gone = self.client.create('sleep', '1000', name='gone', auto_remove=True)
        gone.start()
        self.cut()
        wait_for(lambda: self.names() <= {'running', 'always'}, 10, 'the removal of what was to be removed')
        wait_for(lambda: self.client.container('always').get('State') == 'running', 10, 'the restart')
        self.assertIn(self.client.container('running').get('State'), ('configured', 'exited'))
        self.assert_whole()
        self.client.container('running').start()


class WhatWasNot:
    """In the middle of an operation: it is done or undone."""

    def half(self, point, prepare, action):
        prepared = prepare()
        self.client.close()
        self.assertEqual(self.service.process.wait(20), 0)
        self.service.start(CPOD_FAULT=point)
        with self.assertRaises(CallError):
            action(prepared)
            self.client.runtime('GetInfo', seconds=10)
            self.service.process.wait(10)
            self.client.runtime('GetInfo', seconds=10)
        self.assertEqual(self.service.process.wait(10), -signal.SIGKILL)
        self.cut()
        self.assert_whole()
        self.assertEqual(set(files_in(self.disk.point, 'storage', 'overlay', 'c')),
                         {row['id'] for row in self.client.list()})

    def points(self, kind):
        found = [point for point in fault_points() if point.startswith(kind + '.')]
        self.assertNotEqual(found, [])
        return found

    def test_create(self):
        self.client.import_busybox()
        for point in self.points('create'):
            with self.subTest(point):
                before = self.names()
                self.half(point, lambda: None, lambda _: self.client.create('true', name='new-' + point))  # pylint: disable=cell-var-from-loop
                self.assertLessEqual(self.names() - before, {'new-' + point})
                self.assertLessEqual(before, self.names())

    def test_remove(self):
        self.client.import_busybox()
        self.client.create('true', name='kept')
        for point in self.points('remove'):
            with self.subTest(point):
                self.half(point, lambda: self.client.create('true', name='old').name,
                          lambda name: self.client.runtime('Remove', 's', name))
                # What was not acknowledged may not have happened, if it is not half done.
                wait_for(lambda: {row['state'] for row in self.client.list()} == {'configured'}, 10, 'the removal')
                self.assertIn(self.names(), ({'kept'}, {'kept', 'old'}))
                if 'old' in self.names():
                    old = self.client.container('old')
                    old.start()
                    self.assertEqual(old.wait(), 0)
                    old.remove()

    def test_rename(self):
        self.client.import_busybox()
        for point in self.points('rename'):
            with self.subTest(point):
                self.half(point, lambda: self.client.create('true', name='old').name,
                          lambda name: self.client.runtime('Rename', 'ss', name, 'new'))
                self.assertIn(self.names(), ({'old'}, {'new'}))
                self.service.remove_all()

    def test_import(self):
        """By the writer of images, which has its points from pulls."""
        self.client.import_busybox('kept')
        points = ['pull.' + step for step in ('intent', 'unpacked', 'blobs', 'renamed', 'committed')]
        self.assertLess(set(points), set(self.points('pull')))
        for point in points:
            with self.subTest(point):
                self.half(point, lambda: None, lambda _: self.client.import_busybox('new', message=point))  # pylint: disable=cell-var-from-loop
                self.assertIn('localhost/kept:latest', self.images())
                self.client.import_busybox('new', message=point)
                self.assertEqual(self.client.run('echo', 'here', image='new'), (0, 'here\n'))
                self.client.images('RemoveImage', 's', 'new')


class Ext4Acknowledged(WhatWasAcknowledged, PowerCase):
    kind = 'ext4'


class BtrfsAcknowledged(WhatWasAcknowledged, PowerCase):
    kind = 'btrfs'


class Ext4Half(WhatWasNot, PowerCase):
    kind = 'ext4'


class BtrfsHalf(WhatWasNot, PowerCase):
    kind = 'btrfs'


del PowerCase     # which is no test by itself

if __name__ == '__main__':
    main()
