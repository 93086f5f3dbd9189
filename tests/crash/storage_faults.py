# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the crash tests do about mounts, and about containers that only the storage knows."""

import os
import shutil

from images_in_archives import Saved, begin_load, docker_members, pack_members
from registry import pack
from service import ROOT_PATH, driver_conf, files_in, mounts_below, processes_with, wait_for

FOREIGN = 'f0' + 'e1' * 31


class LayeredImage:
    """An image whose mount takes more than one layer."""

    def mounts_of(self, ident):
        return [point for point in mounts_below(self.service.root) if ident in point]

    def layered_image(self):
        image = Saved(pack(a=b'1'), pack(b=b'2'))
        path = self.service.state('layered.tar')
        with open(path, 'wb') as file:
            file.write(pack_members(docker_members((image, 'localhost/layered:1'))))
        self.client.job_wait(begin_load(self.client, path))
        return image.id

    def call_image(self, method):
        return self.client.call(f'{ROOT_PATH}/images/{self.client.images("GetImage", "s", "layered:1").rsplit("/", 1)[1]}',
                                'Image', method)


class StorageFaults(LayeredImage):
    """For a FaultCase."""

    def mount_dies(self, point):
        self.mount_image_dies(point)
        victim = self.client.create('true', name='victim')
        self.arm(point)
        since = self.client.last_seq()
        self.die(lambda: self.client.container('victim').call('Mount'))
        self.revive()
        again = self.client.container('victim')
        done = point == 'mount.committed'
        self.assertEqual(self.statuses(self.assert_whole(since), victim.id), ['mount'] if done else [])
        self.assertEqual(len(self.mounts_of(victim.id)), int(done))
        path = again.call('Mount')
        self.assertTrue(os.path.ismount(path))
        for _ in range(1 + done):
            again.call('Unmount')
        self.assertFalse(os.path.exists(path))
        again.remove()

    def unmount_dies(self, point):
        self.unmount_image_dies(point)
        victim = self.client.create('true', name='victim')
        path = victim.call('Mount')
        self.arm(point)
        since = self.client.last_seq()
        self.die(lambda: self.client.container('victim').call('Unmount'))
        self.revive()
        again = self.client.container('victim')
        done = point == 'unmount.committed'
        self.assertEqual(self.statuses(self.assert_whole(since), victim.id), ['unmount'] if done else [])
        self.assertEqual(os.path.ismount(path), not done)
        if not done:
            again.call('Unmount')
        self.assertEqual(self.mounts_of(victim.id), [])
        again.remove()

    def mount_image_dies(self, point):
        ident = self.layered_image()
        self.arm(point)
        since = self.client.last_seq()
        self.die(lambda: self.call_image('Mount'))
        self.revive()
        done = point == 'mount.committed'
        self.assertEqual(self.statuses(self.assert_whole(since), ident), ['mount'] if done else [])
        self.assertEqual(len(self.mounts_of(ident)), int(done))
        path = self.call_image('Mount')
        self.assertEqual(sorted(os.listdir(path)), ['a', 'b'])
        for _ in range(1 + done):
            self.call_image('Unmount')
        self.assertFalse(os.path.exists(path))
        self.client.images('RemoveImage', 's', 'layered:1')

    def unmount_image_dies(self, point):
        ident = self.layered_image()
        path = self.call_image('Mount')
        self.arm(point)
        since = self.client.last_seq()
        self.die(lambda: self.call_image('Unmount'))
        self.revive()
        done = point == 'unmount.committed'
        self.assertEqual(self.statuses(self.assert_whole(since), ident), ['unmount'] if done else [])
        self.assertEqual(os.path.ismount(path), not done)
        if not done:
            self.assertEqual(sorted(os.listdir(path)), ['a', 'b'])
            self.call_image('Unmount')
        self.assertEqual(self.mounts_of(ident), [])
        self.client.images('RemoveImage', 's', 'layered:1')

    def add_foreign(self):
        """Files as they are left of a container that could not be rebuilt."""
        bystander = self.client.container('bystander')
        for parts in (('lib', 'containers'), ('lib', 'storage', 'overlay', 'c')):
            shutil.copytree(self.service.state(*parts, bystander.id), self.service.state(*parts, FOREIGN), symlinks=True)
        metadata = self.service.state('lib', 'containers', FOREIGN, 'container.json')
        os.rename(metadata, metadata + '.damaged')

    def remove_storage_dies(self, point):
        self.add_foreign()
        self.arm(point)
        since = self.client.last_seq()
        self.die(lambda: self.client.runtime('RemoveStorageContainer', 's', FOREIGN))
        self.revive()
        self.assertEqual(self.statuses(self.assert_whole(since), FOREIGN), ['remove'])
        self.assertEqual(self.client.runtime('ListStorageContainers'), [])
        self.assertNotIn(FOREIGN, files_in(self.service.root, 'lib', 'storage', 'overlay', 'c'))


def use_driver(service, driver):
    """From now on: "vfs" is recorded, and whoever starts the service anew with "fuse" has to say so."""
    service.client.close()
    service.process.wait(30)
    service.start(CPOD_CONF=driver_conf('use-' + driver, driver))


class FuseFaults(StorageFaults):
    """The same where a program makes overlays."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        use_driver(cls.service, 'fuse')

    def arm(self, point):
        self.service.client.close()
        self.assertEqual(self.service.process.wait(20), 0)
        self.service.start(CPOD_FAULT=point, CPOD_CONF=driver_conf('use-fuse', 'fuse'))

    def revive(self):
        self.service.start(CPOD_CONF=driver_conf('use-fuse', 'fuse'))

    def test_program_ends_with_the_mount(self):
        victim = self.client.create('true', name='victim')
        self.assertEqual(files_in(self.service.state('lib', 'storage', 'overlay', 'c', victim.id)), ['f', 'image', 'w'])
        victim.remove()
        for point in 'intent', 'mounted', 'committed':
            with self.subTest(point):
                self.mount_dies('mount.' + point)
                self.unmount_dies('unmount.' + point.replace('mounted', 'unmounted'))
        wait_for(lambda: processes_with(self.service.root, 'fuse-overlayfs') == [])


class VfsFaults(LayeredImage):
    """The same where new containers are copies of their images."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        use_driver(cls.service, 'vfs')

    def copy_dies(self, point):
        self.arm(point)
        since = self.client.last_seq()
        self.die(lambda: self.client.create('true', name='victim'))
        self.revive()
        self.assertEqual(self.assert_whole(since), [])
        self.copy_of_image_dies(point)
        victim = self.client.create('sh', '-c', 'exit 5', name='victim')
        self.assertEqual(victim.inspect()['Driver'], 'vfs')
        victim.start()
        self.assertEqual(victim.wait(), 5)
        victim.remove()

    def copy_of_image_dies(self, point):
        ident = self.layered_image()
        self.arm(point)
        since = self.client.last_seq()
        self.die(lambda: self.call_image('Mount'))
        self.revive()
        self.assertEqual(self.assert_whole(since), [])
        self.assertEqual(files_in(self.service.root, 'lib', 'storage', 'overlay', 'i'), [])
        path = self.call_image('Mount')
        self.assertEqual(sorted(os.listdir(path)), ['a', 'b'])
        self.call_image('Unmount')
        self.assertEqual(self.mounts_of(ident), [])
        self.client.images('RemoveImage', 's', 'layered:1')
