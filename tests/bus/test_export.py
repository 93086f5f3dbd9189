#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The files of containers go into archives, whatever the containers do meanwhile."""

import io
import os
import tarfile
import threading

from cases import BusyboxCase
from images_in_archives import begin_export
from service import main, mounts_below, scratch, wait_for

WORK = '''
mkdir -p /made/sub; echo new >/made/file; ln /made/file /made/again; ln -s file /made/link; mkfifo /made/fifo
rm /bin/cat; chmod 4711 /made/file; chown 12:34 /made/sub; touch -d @1000000000 /made/file
dd if=/dev/zero of=/made/sparse bs=1 count=1 seek=8M 2>/dev/null
'''


class ExportTest(BusyboxCase):
    peer = True

    def tearDown(self):
        super().tearDown()
        self.assertEqual([point for point in mounts_below(self.service.root) if '/mounts/' in point], [])

    @staticmethod
    def begin(container, fd):
        return begin_export(container, fd)

    def export(self, container):
        path = os.path.join(scratch(), 'exported')
        self.client.job_wait(self.begin(container, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)), seconds=300)
        return tarfile.open(path)

    def export_stream(self, container):
        reading, writing = os.pipe()
        job = self.begin(container, writing)
        with os.fdopen(reading, 'rb') as file:
            data = file.read()
        self.client.job_wait(job, seconds=300)
        return tarfile.open(fileobj=io.BytesIO(data))

    def worked(self, script=WORK, **options):
        box = self.client.create('sh', '-c', script, **options)
        box.start()
        return box

    def assert_exported(self, tar):
        names = tar.getnames()
        self.assertIn('bin/busybox', names)
        self.assertNotIn('bin/cat', names)
        self.assertEqual([name for name in names if '.wh.' in name], [])
        again, file = tar.getmember('made/again'), tar.getmember('made/file')   # the first name has the contents
        self.assertEqual(tar.extractfile(again).read(), b'new\n')
        self.assertEqual((file.islnk(), file.linkname), (True, 'made/again'))
        self.assertEqual((again.mode, again.mtime), (0o4711, 1000000000))
        self.assertEqual(tar.getmember('made/link').linkname, 'file')
        self.assertTrue(tar.getmember('made/fifo').isfifo())
        sub = tar.getmember('made/sub')
        self.assertEqual((sub.isdir(), sub.uid, sub.gid), (True, 12, 34))
        sparse = tar.getmember('made/sparse')
        self.assertEqual((sparse.size, tar.extractfile(sparse).read().strip(b'\0')), (8388609, b''))
        # Nothing of what is mounted in a container.
        self.assertEqual([name for name in names if name.startswith(('proc/', 'sys/', 'dev/'))], [])

    def test_states(self):
        """Never started, running, ended: the same files by whatever way."""
        idle = self.client.create('true')
        with self.export(idle) as tar:
            before = tar.getnames()
        self.assertIn('bin/cat', before)
        box = self.worked(WORK + 'touch /made/ready; while :; do sleep 0.1; done')
        wait_for(lambda: 'made/ready' in self.export(box).getnames(), 60, 'the files')
        with self.export(box) as tar, self.export_stream(box) as streamed:
            self.assert_exported(tar)
            self.assertEqual(streamed.getnames(), tar.getnames())
        box.stop(timeout=0)
        box.wait_exited()
        since = self.client.last_seq()
        with self.export(box) as tar:
            self.assert_exported(tar)
        self.assertEqual([(e['type'], e['status'], e['id']) for e in self.client.events(since)[0]],
                         [('container', 'export', box.id)])

    def test_round_trip(self):
        """What is exported can be imported."""
        box = self.worked()
        self.assertEqual(box.wait_exited(), 0)
        path = os.path.join(scratch(), 'round')
        self.client.job_wait(self.begin(box, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)))
        self.client.import_image(path, 'round')
        self.assertEqual(self.client.run('stat', '-c', '%a %u %g %h %Y %s', '/made/file', '/made/sub', image='round')[1].split('\n')[0],
                         '4711 0 0 2 1000000000 4')
        self.client.images('RemoveImage', 's', 'round')

    def test_start_and_stop_meanwhile(self):
        """There is one overlay of the writable layer, whoever uses it; what is mounted goes with the last user."""
        box = self.worked('[ -e /file ] || echo a >/file; while ! [ -e /stop ]; do sleep 0.05; done')
        path = self.service.state('lib', 'storage', 'overlay', 'c', box.id, 'u', 'file')
        wait_for(lambda: os.path.exists(path) and os.path.getsize(path) == 2, 20, 'the file')
        box.stop(timeout=0)
        box.wait_exited()
        reading, writing = os.pipe()
        job = self.begin(box, writing)
        first = os.read(reading, 512)
        box.start()
        self.assertEqual(box.get('State'), 'running')
        box.stop(timeout=0)
        box.wait_exited()
        with os.fdopen(reading, 'rb') as file:
            data = first + file.read()
        self.client.job_wait(job)
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            self.assertEqual(tar.extractfile('file').read(), b'a\n')

    def test_removed_meanwhile(self):
        """Half a container is none: the archive has no end."""
        box = self.client.create('true')
        reading, writing = os.pipe()
        job = self.begin(box, writing)
        os.read(reading, 512)
        box.remove()
        thread = threading.Thread(target=self.drain, args=(reading,))
        thread.start()
        with self.assertRaises(Exception) as caught:
            self.client.job_wait(job)
        self.assertIn(caught.exception.name.rpartition('.')[2], ('NoSuchContainer', 'Failed'))
        thread.join()

    @staticmethod
    def drain(fd):
        with os.fdopen(fd, 'rb') as file:
            file.read()

    def test_cancel(self):
        box = self.client.create('true')
        reading, writing = os.pipe()
        job = self.begin(box, writing)
        os.read(reading, 1)
        self.client.call(job, 'Job', 'Cancel')
        with self.assert_error('Cancelled', box.id):
            self.client.job_wait(job)
        os.close(reading)

    def test_errors(self):
        box = self.client.create('true')
        with self.assert_error('DiskFull'):
            self.client.job_wait(self.begin(box, os.open('/dev/full', os.O_WRONLY)))
        with self.assert_error('Failed', 'write'):
            self.client.job_wait(self.begin(box, os.open('/dev/null', os.O_RDONLY)))
        reading, writing = os.pipe()
        with self.assert_error('InvalidArgument', 'writing'):       # it is not written to what may only be read
            self.client.job_wait(self.begin(box, reading))
        os.close(writing)
        box.remove()
        with self.assert_error('NoSuchContainer'):
            self.client.job_wait(self.begin(box, os.open('/dev/null', os.O_WRONLY)))

    def test_many_at_once(self):
        box = self.worked()
        box.wait_exited()
        jobs = [self.begin(box, os.open('/dev/null', os.O_WRONLY)) for _ in range(8)]
        for job in jobs:
            self.client.job_wait(job)
        found = self.client.properties(jobs[0], 'Job')
        self.assertEqual((found['Kind'], found['State'], found['BytesTotal']), ('export', 'done', 0))
        self.assertGreater(found['BytesDone'], 1000000)


if __name__ == '__main__':
    main()
