#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Roots of images that callers mount."""

import errno
import io
import os
import shutil
import subprocess
import tarfile

from images_in_archives import Saved, begin_load, docker_members, pack_members
from service import driver_conf, ROOT_PATH, Client, connect_bus, files_in, main, mounts_below, scratch
from test_shutdown import Answer, Halt
from test_storage import StorageCase


def layer(number):
    """Takes away what the layer below has brought; "top" is the number of the newest."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w') as tar:
        directory = tarfile.TarInfo('d')
        directory.type, directory.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(directory)
        for name, data in ((f'd/file{number}', b'%d' % number), ('d/top', b'%d' % number),
                           *([(f'd/.wh.file{number - 1}', b'')] if number else [])):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        if number == 0:
            tool = tarfile.TarInfo('tool')
            tool.mode, tool.uid = 0o4711, 7
            tar.addfile(tool)
    return buffer.getvalue()


class ImageMountCase(StorageCase):
    def load(self, name, layers):
        path = os.path.join(scratch(), f'{type(self).__name__}.tar')
        with open(path, 'wb') as file:
            file.write(pack_members(docker_members((Saved(*map(layer, range(layers)), marker=name), f'localhost/{name}:1'))))
        self.client.job_wait(begin_load(self.client, path))
        return self.client.images('GetImage', 's', name + ':1').rsplit('/', 1)[1]

    def call(self, ident, method, **options):
        return self.client.call(f'{ROOT_PATH}/images/{ident}', 'Image', method, **options)

    def image_mounts(self):
        return {row['id']: row['mounts'] for row in self.client.images('ListMounts')}

    def busybox(self):
        return self.client.images('GetImage', 's', 'busybox').rsplit('/', 1)[1]

    def tearDown(self):
        for ident in self.image_mounts():
            self.call(ident, 'Unmount', force=True)
        for image in self.client.images('ListImages'):
            if 'localhost/busybox:latest' not in image['names']:
                self.client.images('RemoveImage', 's', image['id'], force=True)
        self.assertEqual(files_in(self.service.root, 'lib', 'storage', 'overlay', 'i'), [])
        super().tearDown()


class ImageMountTest(ImageMountCase):
    def test_mount_and_unmount(self):
        for layers in 1, 2, 60:
            ident = self.load(f'img{layers}', layers)
            path = self.call(ident, 'Mount')
            self.assertIn(path, mounts_below(os.path.dirname(path)))
            self.assertEqual(sorted(os.listdir(path)), ['d', 'tool'])
            self.assertEqual(sorted(os.listdir(os.path.join(path, 'd'))), [f'file{layers - 1}', 'top'])
            self.assertEqual(self.read(os.path.join(path, 'd', 'top')), str(layers - 1))
            info = os.stat(os.path.join(path, 'tool'))
            self.assertEqual((info.st_mode & 0o7777, info.st_uid), (0o4711, 7))
            for name in 'new', 'd/top', 'd/new':
                with self.assertRaises(OSError) as caught:
                    self.write(os.path.join(path, name), 'x')
                self.assertEqual(caught.exception.errno, errno.EROFS)
            with self.assertRaises(OSError) as caught:
                os.mknod(os.path.join(path, 'device'))
            self.assertEqual(caught.exception.errno, errno.EROFS)
            row, = self.client.images('ListMounts')
            self.assertEqual(row, {'id': ident, 'names': [f'localhost/img{layers}:1'], 'mount-point': path, 'mounts': 1})
            self.assertEqual(self.client.runtime('ListMounts'), [])
            self.assertEqual(self.client.check(), [])
            self.call(ident, 'Unmount')
            self.assertFalse(os.path.exists(path))
            self.assertEqual(self.image_mounts(), {})
            events = [(e['status'], e['name']) for e in self.client.events()[0] if e['id'] == ident and 'mount' in e['status']]
            self.assertEqual(events, [('mount', f'localhost/img{layers}:1'), ('unmount', f'localhost/img{layers}:1')])

    def test_mounts_are_counted(self):
        before = len(self.statuses(Saved(*map(layer, range(3)), marker='img').id, 'image'))
        ident = self.load('img', 3)
        path = self.call(ident, 'Mount')
        self.assertEqual(self.call(ident, 'Mount'), path)
        self.assertEqual(self.image_mounts(), {ident: 2})
        self.call(ident, 'Unmount')
        self.assertIn(path, mounts_below(os.path.dirname(path)))
        self.call(ident, 'Unmount')
        with self.assert_error('InvalidState', 'image localhost/img:1 is not mounted'):
            self.call(ident, 'Unmount')
        for _ in range(3):
            self.call(ident, 'Mount')
        self.call(ident, 'Unmount', force=True)
        self.assertEqual((self.image_mounts(), os.path.exists(path)), ({}, False))
        with self.assert_error('NoSuchImage'):
            self.call('f' * 64, 'Mount')
        self.assertEqual(self.statuses(ident, 'image')[before:],
                         ['loadfromarchive', 'mount', 'mount', 'unmount', 'unmount', 'mount', 'mount', 'mount', 'unmount'])

    def test_somebody_uses_it(self):
        ident = self.load('img', 3)
        path = self.call(ident, 'Mount')
        with subprocess.Popen(['sleep', '1000'], cwd=path) as user:
            try:
                with self.assert_error('InvalidState', 'img', path):
                    self.call(ident, 'Unmount')
                self.assertEqual(self.image_mounts(), {ident: 1})
                self.call(ident, 'Unmount', force=True)
                self.assertFalse(os.path.exists(path))
            finally:
                user.kill()

    def test_containers_do_not_mind(self):
        """The layers may be mounted as often as is wanted."""
        ident = self.busybox()
        path = self.call(ident, 'Mount')
        self.assertEqual(self.client.run('sh', '-c', 'echo here > /new; cat /new'), (0, 'here\n'))
        box = self.client.create('true', name='box')
        self.assertNotEqual(box.call('Mount'), path)
        self.assertEqual(set(self.mounts()), {'box'})
        self.assertEqual(self.image_mounts(), {ident: 1})
        self.assertFalse(os.path.exists(os.path.join(path, 'new')))

    def test_removal(self):
        ident = self.load('img', 3)
        path = self.call(ident, 'Mount')
        for name, options in ((ident, {}), ('img:1', {}), ('img:1', {'all_names': True})):
            with self.assert_error('ImageInUse', ident, 'mounted'):
                self.client.images('RemoveImage', 's', name, **options)
        # A name is not the image.
        self.call_tag(ident, 'more')
        self.client.images('RemoveImage', 's', 'more')
        for options in {}, {'all': True}:
            self.assertNotIn(ident, self.client.images('PrunePreview', **options)[0])
            removed = self.client.job_wait(self.client.images('PruneImages', **options))['removed']
            self.assertNotIn(ident, removed)
            if 'all' in options:
                self.client.import_busybox()
        self.assertEqual(self.client.images('RemoveImage', 's', 'img:1', force=True)[1], ident)
        self.assertEqual((self.image_mounts(), os.path.exists(path)), ({}, False))
        self.assertEqual(self.statuses(ident, 'image')[-3:], ['unmount', 'untag', 'remove'])

    def call_tag(self, ident, name):
        self.client.call(f'{ROOT_PATH}/images/{ident}', 'Image', 'Tag', 'as', [name])

    def test_nameless(self):
        ident = self.load('img', 2)
        self.call(ident, 'Mount')
        self.client.call(f'{ROOT_PATH}/images/{ident}', 'Image', 'Untag', 'as', [])
        self.assertEqual(self.client.images('PrunePreview')[0], [])
        self.call(ident, 'Unmount')
        self.assertEqual(self.client.images('PrunePreview')[0], [ident])

    def test_service_restarts(self):
        ident = self.load('img', 3)
        path = self.call(ident, 'Mount')
        self.call(ident, 'Mount')
        self.service.kill()
        self.service.start()
        self.assertIn(path, mounts_below(os.path.dirname(path)))
        self.assertEqual(self.image_mounts(), {ident: 2})
        self.restart()
        self.assertEqual(self.client.check(), [])
        self.call(ident, 'Unmount')
        self.call(ident, 'Unmount')
        self.assertFalse(os.path.exists(path))

    def test_reboot(self):
        ident = self.load('img', 3)
        path = self.call(ident, 'Mount')
        self.client.close()
        self.assertEqual(self.service.process.wait(30), 0)
        subprocess.run(['umount', path], check=True)
        shutil.rmtree(self.service.state('run'))
        self.addCleanup(self.restart)
        self.service.start(CPOD_BOOT_ID='00000000-0000-4000-8000-000000000001')
        self.assertEqual((self.image_mounts(), self.client.check()), ({}, []))
        self.assertEqual(files_in(self.service.root, 'lib', 'storage', 'overlay', 'i'), [])
        self.assertEqual(self.call(ident, 'Mount'), path)

    def test_run_directory_outlives_a_reboot(self):
        ident = self.load('img', 3)
        path = self.call(ident, 'Mount')
        self.addCleanup(self.restart)
        self.restart(CPOD_BOOT_ID='00000000-0000-4000-8000-000000000002')
        self.assertEqual((self.image_mounts(), self.client.check(), os.path.exists(path)), ({}, [], False))
        self.assertEqual(files_in(self.service.root, 'lib', 'storage', 'overlay', 'i'), [])

    def test_unmounted_by_somebody_else(self):
        ident = self.load('img', 3)
        path = self.call(ident, 'Mount')
        subprocess.run(['umount', path], check=True)
        self.assertEqual([(p['kind'], p['object']) for p in self.client.check()], [('mount', ident)])
        self.assertEqual(self.call(ident, 'Mount'), path)
        self.assertEqual(self.client.check(), [])
        self.assertEqual(self.read(os.path.join(path, 'd', 'top')), '2')


class FuseImageMountTest(ImageMountTest):
    """By a program that makes overlays."""

    driver = 'fuse'

    def setUp(self):
        super().setUp()
        if not self.client.runtime('GetInfo')['store']['graphOptions']:         # a test has started the service anew
            self.restart(CPOD_CONF=driver_conf('FuseImageMountTest', 'fuse'))


class VfsImageMountTest(ImageMountTest):
    """Where there are no overlays, what is mounted is a copy."""

    driver = 'vfs'

    def test_copy(self):
        ident, single = self.load('img', 3), self.load('single', 1)
        path = self.call(ident, 'Mount')
        self.call(single, 'Mount')
        copy = self.service.state('lib', 'storage', 'overlay', 'i')
        self.assertEqual(os.listdir(copy), [ident])
        self.assertTrue(os.path.samefile(path, os.path.join(copy, ident, 'root')))
        self.call(ident, 'Unmount')
        self.assertEqual(os.listdir(copy), [])

    def test_copy_that_is_left_over(self):
        """Nobody has mounted it: the check tells, and the next start removes it."""
        ident = self.load('img', 3)
        left = self.service.state('lib', 'storage', 'overlay', 'i', ident)
        os.makedirs(os.path.join(left, 'copy', 'half'))
        self.assertEqual([(p['kind'], p['object']) for p in self.client.check()], [('mount', ident)])
        path = self.call(ident, 'Mount')
        self.assertEqual(self.read(os.path.join(path, 'd', 'top')), '2')
        self.call(ident, 'Unmount')
        os.makedirs(os.path.join(left, 'copy', 'half'))
        self.restart()
        self.assertFalse(os.path.exists(left))


class RaceTest(ImageMountCase):
    """A mount and a removal at once: whichever is recorded first wins."""

    peer = False

    def halted(self, point):
        halt = Halt(point, f'{type(self).__name__}-{point}')
        self.service.restart(**halt.environment)
        self.addCleanup(self.service.restart)
        return halt

    def mount(self, ident):
        return Answer(lambda client: client.call(f'{ROOT_PATH}/images/{ident}', 'Image', 'Mount'))

    def test_removal_comes_first(self):
        ident = self.load('img', 3)
        halt = self.halted('mount.mounted')
        answer = self.mount(ident)
        halt.wait()
        self.assertEqual(Client(connect_bus()).images('RemoveImage', 's', 'img:1')[1], ident)
        halt.release()
        answer.join()
        self.assertIn('NoSuchImage', answer.error.name)
        self.assertIn('removed meanwhile', answer.error.message)
        self.assertEqual(files_in(self.service.root, 'run', 'mounts'), [])

    def test_mount_comes_first(self):
        ident = self.load('img', 3)
        halt = self.halted('remove-image.intent')
        answer = Answer(lambda client: client.images('RemoveImage', 's', 'img:1'))
        halt.wait()
        path = Client(connect_bus()).call(f'{ROOT_PATH}/images/{ident}', 'Image', 'Mount')
        halt.release()
        answer.join()
        self.assertIn('ImageInUse', answer.error.name)
        self.assertIn('mounted', answer.error.message)
        self.assertEqual(self.read(os.path.join(path, 'd', 'top')), '2')

    def test_forced_removal_waits_for_the_mount(self):
        ident = self.load('img', 3)
        halt = self.halted('mount.mounted')
        mount = self.mount(ident)
        halt.wait()
        removal = Answer(lambda client: client.images('RemoveImage', 's', 'img:1', force=True))
        halt.release()
        mount.join()
        removal.join()
        self.assertIsNone(removal.error)
        self.assertEqual(removal.value[1], ident)
        self.assertEqual(files_in(self.service.root, 'run', 'mounts'), [])


if __name__ == '__main__':
    main()
