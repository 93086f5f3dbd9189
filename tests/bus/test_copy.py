#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Archives of what is in containers: StatPath, CopyOut, CopyIn."""

import io
import os
import stat
import tarfile
import tempfile
import threading

from cases import BusyboxCase
from service import GLib, files_in, main, wait_for


def raw(path):
    return (path if isinstance(path, bytes) else path.encode()) + b'\0'


def pack(*members):
    """A tar of (name, type, contents or target, uid)."""
    file = tempfile.TemporaryFile()
    with tarfile.open(fileobj=file, mode='w', format=tarfile.PAX_FORMAT) as archive:
        for name, kind, value, *uid in members:
            info = tarfile.TarInfo(name)
            info.type, info.mode = kind, 0o755 if kind == tarfile.DIRTYPE else 0o640
            info.uid = info.gid = uid[0] if uid else 0
            if kind == tarfile.REGTYPE:
                info.size = len(value)
            else:
                info.linkname = value
            archive.addfile(info, io.BytesIO(value if kind == tarfile.REGTYPE else b''))
    file.seek(0)
    return file


def regular(name, contents=b'x', *uid):
    return (name, tarfile.REGTYPE, contents, *uid)


def directory(name):
    return (name, tarfile.DIRTYPE, '')


def link(name, target):
    return (name, tarfile.SYMTYPE, target)


class CopyCase(BusyboxCase):
    peer = True

    def tearDown(self):
        super().tearDown()
        self.assertEqual(files_in(self.service.root, 'run', 'mounts'), [])

    def begin(self, box, method, path, fd, **options):
        parameters = GLib.Variant('(ayha{sv})', (raw(path), 0, {k: GLib.Variant(*v) for k, v in options.items()}))
        return self.client.call_raw(box.path, 'org.cpod.Cpod1.Container', method, parameters, [os.dup(fd)])[0].unpack()[0]

    def put(self, box, path, archive, **options):
        with archive:
            options = {key: ('b', value) for key, value in options.items()}
            return self.client.job_wait(self.begin(box, 'CopyIn', path, archive.fileno(), **options))

    def get(self, box, path, name=None):
        options = {} if name is None else {'name': ('ay', raw(name))}
        with tempfile.TemporaryFile() as file:
            result = self.client.job_wait(self.begin(box, 'CopyOut', path, file.fileno(), **options))
            file.seek(0)
            with tarfile.open(fileobj=file) as archive:
                members = {member.name: member for member in archive.getmembers()}
        self.assertEqual(result['entries'], len(members))
        return members

    def stat(self, box, path):
        info = box.call('StatPath', 'ay', raw(path))
        return bytes(info['path']).rstrip(b'\0').decode(), info

    def worked(self, script, **options):
        box = self.client.create('sh', '-c', script, **options)
        box.start()
        box.wait_exited()
        return box

    def running(self, script='exec sleep 1000', **options):
        box = self.client.create('sh', '-c', f'{script}', **options)
        box.start()
        return box

    def see(self, box, command):
        """What a command in a new run of the container would say, by way of its image."""
        self.client.job_wait(box.call('Commit', 's', 'seen'))
        try:
            return self.client.run('sh', '-c', command, image='seen')[1]
        finally:
            self.client.images('RemoveImage', 's', 'seen', force=True)


class StatTest(CopyCase):
    def test_links_lead_where_they_lead_inside(self):
        box = self.worked('mkdir -p /a/b; echo hello >/a/b/file; chown 12:34 /a/b/file; ln -s /a/b /abs; ln -s ../../../a /a/rel;'
                          ' ln -s loop /loop; ln -s /abs/file /to')
        for path, wanted in (('/a/b/file', '/a/b/file'), ('/abs', '/a/b'), ('/abs/', '/abs'), ('/a/rel/b/', '/a/rel/b'),
                             ('/to', '/abs/file'), ('a/../../../a/b/file', '/a/b/file'), ('/', '/'), ('/.', '/')):
            found, info = self.stat(box, path)
            if not path.startswith('a/..'):
                self.assertEqual(found, wanted, path)
            self.assertEqual(stat.S_ISDIR(info['mode']), not path.endswith(('file', 'to')), path)
        info = self.stat(box, '/to')[1]
        self.assertEqual((info['size'], info['uid'], info['gid']), (6, 12, 34))
        for path in '/nosuch', '/a/b/file/x', '/loop', '/a/b/file/':
            with self.assert_error('NoSuchFile'):
                self.stat(box, path)
        with self.assert_error('InvalidArgument'):
            box.call('StatPath', 'ay', b'')

    def test_what_is_mounted(self):
        box = self.running('echo x >/dev/shm/there; exec sleep 1000')
        wait_for(lambda: self.there(box, '/dev/shm/there'), what='the file')
        self.assertTrue(self.there(box, '/proc/1/comm'))
        box.kill()
        box.wait_exited()
        self.assertFalse(self.there(box, '/dev/shm/there'))

    def there(self, box, path):
        try:
            return bool(self.stat(box, path))
        except Exception as error:  # pylint: disable=broad-except
            self.assertIn('NoSuchFile', str(error.name))
            return False


class CopyOutTest(CopyCase):
    def test_names(self):
        box = self.worked('mkdir -p /d/sub; echo x >/d/file; ln /d/file /d/hard; ln -s file /d/soft')
        self.assertEqual(set(self.get(box, '/d')), {'d', 'd/sub', 'd/file', 'd/hard', 'd/soft'})
        self.assertEqual(set(self.get(box, '/d/.')), {'.', 'sub', 'file', 'hard', 'soft'})
        self.assertEqual(set(self.get(box, '/d', 'e')), {'e', 'e/sub', 'e/file', 'e/hard', 'e/soft'})
        self.assertEqual(set(self.get(box, '/d/soft')), {'soft'})
        self.assertTrue(self.get(box, '/d/soft')['soft'].isreg())
        members = self.get(box, '/d')
        self.assertTrue(members['d/hard'].islnk() and members['d/soft'].issym())
        self.assertIn('bin/busybox', self.get(box, '/'))
        for name in '..', 'a/b', '.':
            with self.assert_error('InvalidArgument', 'name'):
                self.get(box, '/d', name)
        with self.assert_error('InvalidArgument', 'name'):
            self.get(box, '/d/file', '')
        with self.assert_error('NoSuchFile'):
            self.get(box, '/nosuch')

    def test_reader_that_does_not_read(self):
        """It can be cancelled, and is in nobody's way."""
        # The second run leaves the file alone, however far the copy has come.
        box = self.worked('[ -e /large ] || dd if=/dev/zero of=/large bs=1M count=4 2>/dev/null')
        reader, writer = os.pipe()
        job = self.begin(box, 'CopyOut', '/large', writer)
        os.close(writer)
        box.start()
        box.wait_exited()
        self.client.call(job, 'Job', 'Cancel')
        with self.assert_error('Cancelled'):
            self.client.job_wait(job)
        os.close(reader)

    def test_removed_meanwhile(self):
        box = self.worked('dd if=/dev/zero of=/large bs=1M count=4 2>/dev/null')
        reader, writer = os.pipe()
        job = self.begin(box, 'CopyOut', '/large', writer)
        os.close(writer)
        os.read(reader, 1)
        box.remove()
        left = 0
        while data := os.read(reader, 1 << 20):
            left += len(data)
        os.close(reader)
        self.client.job_wait(job)
        self.assertGreater(left, 4 << 20)


class CopyInTest(CopyCase):
    def test_owner(self):
        box = self.client.create('true', user='12:34')
        self.put(box, '/tmp', pack(regular('kept', b'k', 56)))
        self.put(box, '/tmp', pack(directory('d'), regular('d/given', b'g', 56)), chown=True)
        self.assertEqual(self.see(box, 'stat -c %u:%g /tmp/kept /tmp/d /tmp/d/given'), '56:56\n12:34\n12:34\n')
        self.assertEqual([e['status'] for e in self.client.events()[0] if e['id'] == box.id],
                         ['create', 'copy', 'copy', 'commit'])

    def test_running(self):
        box = self.running()
        result = self.put(box, '/dev/shm', pack(regular('in'), regular('.wh.name'), directory('.wh..wh..opq')))
        self.assertEqual((result['bytes'], result['entries']), (2, 3))
        self.assertEqual(set(self.get(box, '/dev/shm/.')), {'.', 'in', '.wh.name', '.wh..wh..opq'})
        box.kill()
        box.wait_exited()

    def test_replacing(self):
        box = self.worked('mkdir -p /t/dir /t/real; echo old >/t/file; ln -s /t/real /t/link; echo other >/t/real/other')
        self.put(box, '/t', pack(regular('file', b'new\n'), directory('link'), regular('link/through', b'yes\n')))
        self.assertEqual(self.see(box, 'cat /t/file /t/real/through /t/real/other; test -h /t/link && echo link'),
                         'new\nyes\nother\nlink\n')
        for archive in (pack(regular('dir')), pack(directory('file')), pack(link('dir', 'x'))):
            with self.assert_error('InvalidArgument', 'directory'):
                self.put(box, '/t', archive)
        self.put(box, '/t', pack(regular('dir', b'now\n'), directory('file')), overwrite=True)
        self.assertEqual(self.see(box, 'cat /t/dir; test -d /t/file && echo directory'), 'now\ndirectory\n')

    def test_nothing_gets_out(self):
        """Links of the container and of the archive, absolute ones too, end at its root."""
        victim = self.service.state('victim')
        os.mkdir(victim)
        box = self.worked(f'mkdir -p /t{os.path.dirname(victim)}; ln -s {victim} /t/out; ln -s / /t/root; ln -s ../../../../../.. /t/up')
        for archive in (pack(regular('out/a')), pack(regular(f'root{victim}/a')), pack(regular(f'up{victim}/a')),
                        pack(link('mine', victim), regular('mine/a')), pack(regular('out/x/a'))):
            try:
                self.put(box, '/t', archive)
            except Exception as error:  # pylint: disable=broad-except
                self.assertRegex(str(error.name), 'InvalidArchive|InvalidArgument')
        with self.assert_error('InvalidArchive', 'leaves the root'):
            self.put(box, '/t', pack(regular('../../a')))
        self.assertEqual(os.listdir(victim), [])
        os.rmdir(victim)

    def test_errors(self):
        box = self.client.create('true')
        with self.assert_error('NoSuchFile'):
            self.put(box, '/nosuch', pack(regular('a')))
        with self.assert_error('InvalidArgument', 'no directory'):
            self.put(box, '/bin/busybox', pack(regular('a')))
        with self.assert_error('InvalidArchive'):
            self.put(box, '/', self.nonsense())
        box.remove()
        with self.assert_error('NoSuchContainer'):
            self.put(box, '/', pack(regular('a')))

    def nonsense(self):
        file = tempfile.TemporaryFile()
        file.write(b'no archive at all' * 1000)
        file.seek(0)
        return file

    def test_started_and_stopped_meanwhile(self):
        """There is but one overlay of the writable layer, whatever comes first."""
        box = self.client.create('sleep', '1000')
        reader, writer = os.pipe()
        job = self.begin(box, 'CopyIn', '/tmp', reader)
        os.close(reader)
        with pack(regular('a', b'z' * 100000)) as archive:
            data = archive.read()
        os.write(writer, data[:2000])
        box.start()
        box.kill()
        box.wait_exited()
        box.start()
        thread = threading.Thread(target=lambda: (os.write(writer, data[2000:]), os.close(writer)))
        thread.start()
        self.client.job_wait(job)
        thread.join()
        self.assertEqual(self.stat(box, '/tmp/a')[1]['size'], 100000)
        self.assertEqual(self.client.check(), [])
        box.kill()
        box.wait_exited()


if __name__ == '__main__':
    main()
