#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Roots of containers that a program mounts in the kernel's place."""

import contextlib
import os
import signal

import test_storage
from service import FUSE, driver_conf, main, wait_for


class FuseMountTest(test_storage.A12MountTest):
    driver = 'fuse'

    def setUp(self):
        super().setUp()
        if not self.client.runtime('GetInfo')['store']['graphOptions']:        # a test has started the service anew
            self.restart(CPOD_CONF=driver_conf('FuseMountTest', 'fuse'))


class FuseProgramTest(test_storage.StorageCase):
    """Overlays that a program makes."""
    driver = 'fuse'

    def setUp(self):
        super().setUp()
        self.conf = driver_conf('FuseProgramTest', 'fuse')
        if not self.client.runtime('GetInfo')['store']['graphOptions']:
            self.restart(CPOD_CONF=self.conf)

    def servers(self, path):
        """The processes that serve a mount."""
        found = []
        for pid in filter(str.isdigit, os.listdir('/proc')):
            with contextlib.suppress(OSError):
                with open(f'/proc/{pid}/cmdline', 'rb') as file:
                    words = file.read().decode(errors='replace').split('\0')
                if words[0] == FUSE and path in words:
                    found.append(int(pid))
        return found

    def kill_server(self, path):
        pid, = self.servers(path)
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not self.servers(path))

    def root_of(self, container):
        return self.service.state('run', 'containers', container.id, 'rootfs')

    def note_taker(self, name):
        container = self.client.create('sh', '-c', 'trap "cat /note; exit 5" TERM; echo one > /note; while :; do sleep 0.1; done',
                                       name=name)
        container.start()
        note = self.service.state('lib', 'storage', 'overlay', 'c', container.id, 'f', 'note')
        wait_for(lambda: os.path.exists(note) and self.read(note))
        return container

    def test_told(self):
        store = self.client.runtime('GetInfo')['store']
        self.assertEqual(store['graphDriverName'], 'overlay')
        self.assertEqual(store['graphStatus']['Native Overlay Diff'], 'false')
        program = store['graphOptions']['overlay.mount_program']
        self.assertEqual(program['Executable'], FUSE)
        self.assertIn('fuse-overlayfs', program['Package'])
        self.assertIn('version', program['Version'])

    def test_users_and_devices(self):
        """Not only root sees the files, and a device in it is none."""
        box = self.client.create('sh', '-c', 'id -u; cat /etc/note; cat /null', user='1000')
        path = box.call('Mount')
        self.write(os.path.join(path, 'etc', 'note'), 'for all\n')
        os.mknod(os.path.join(path, 'null'), 0o20666, os.makedev(1, 3))
        with self.assertRaises(PermissionError):
            self.read(os.path.join(path, 'null'))
        box.call('Unmount')
        box.start()
        box.wait_exited()
        self.assertEqual((box.output(), box.get('ExitCode')), ('1000\nfor all\n', 1))

    def test_container_outlives_the_service(self):
        box = self.note_taker('box')
        before = self.servers(self.root_of(box))
        self.assertEqual(len(before), 1)
        self.client.close()
        self.service.kill()
        self.service.start(CPOD_CONF=self.conf)
        box = self.client.container('box')
        self.assertEqual((box.get('State'), self.servers(self.root_of(box))), ('running', before))
        box.kill(signal='SIGTERM')
        box.wait_exited()
        self.assertEqual((box.output(), box.get('ExitCode')), ('one\n', 5))
        wait_for(lambda: not self.servers(self.root_of(box)))
        self.assertEqual(self.client.check(), [])

    def test_program_is_killed_below_a_mount(self):
        box = self.client.create('cat', '/note', name='box')
        path = box.call('Mount')
        self.write(os.path.join(path, 'note'), 'kept\n')
        self.kill_server(path)
        with self.assertRaises(OSError):
            os.listdir(path)
        problem, = self.client.check()
        self.assertIn('what serves its root has ended', str(problem))
        self.assertEqual(box.call('Mount'), path)
        self.assertEqual(self.read(os.path.join(path, 'note')), 'kept\n')
        self.assertEqual(self.mounts(), {'box': (2, False)})
        # And a start finds it so, too.
        self.kill_server(path)
        box.start()
        box.wait_exited()
        self.assertEqual(box.output(), 'kept\n')
        # As does the service, when it begins.
        box.call('Mount')
        self.kill_server(path)
        self.client.close()
        self.service.kill()
        self.service.start(CPOD_CONF=self.conf)
        wait_for(lambda: len(self.servers(path)) == 1)
        self.assertEqual(self.read(os.path.join(path, 'note')), 'kept\n')
        self.client.container('box').call('Unmount', force=True)
        wait_for(lambda: not self.servers(path))

    def test_program_is_killed_below_a_container(self):
        box = self.note_taker('box')
        self.kill_server(self.root_of(box))
        self.assertIn('what serves its root has ended', str(self.client.check()))
        # What it has written can still be had.
        path = box.call('Mount')
        self.assertEqual(self.read(os.path.join(path, 'note')), 'one\n')
        box.call('Unmount', force=True)
        box.kill()
        box.wait_exited()
        box.start()
        wait_for(lambda: self.servers(self.root_of(box)))
        box.kill()
        box.wait_exited()
        wait_for(lambda: not self.servers(self.root_of(box)))

    def test_containers_stay_with_what_made_them(self):
        box = self.client.create('cat', '/note', name='box')
        self.write(os.path.join(box.call('Mount'), 'note'), 'by a program\n')
        box.call('Unmount')
        self.restart()          # without that configuration
        self.assertEqual(self.client.runtime('GetInfo')['store']['graphOptions'], {})
        other = self.client.create('cat', '/note', name='other')
        self.write(os.path.join(other.call('Mount'), 'note'), 'by the kernel\n')
        self.assertEqual(self.servers(other.call('Mount')), [])
        box = self.client.container('box')
        path = box.call('Mount')
        self.assertEqual(len(self.servers(path)), 1)
        self.assertEqual(self.read(os.path.join(path, 'note')), 'by a program\n')
        box.call('Unmount')
        self.restart(CPOD_CONF=self.conf)
        for name, text in (('box', 'by a program\n'), ('other', 'by the kernel\n')):
            container = self.client.container(name)
            container.start()
            container.wait_exited()
            self.assertEqual(container.output(), text)

    def test_program_that_fails(self):
        conf = driver_conf('failing', 'fuse')
        for program, words in (('/bin/false', ('false', 'failed')), ('/bin/true', ('/bin/true', 'mounted nothing'))):
            self.write(conf, f'[storage]\ndriver = "overlay"\n[storage.options.overlay]\nmount_program = "{program}"\n')
            self.restart(CPOD_CONF=conf)
            box = self.client.create('true', name='box')
            with self.assert_error('Failed', 'box', *words):
                box.call('Mount')
            with self.assert_error('Failed', 'box', *words):
                box.start()
            box.remove()
            self.assert_nothing_left(self.service)
        self.restart(CPOD_CONF=self.conf)


class FuseStorageContainerTest(test_storage.A33StorageContainerTest):
    driver = 'fuse'


if __name__ == '__main__':
    main()
