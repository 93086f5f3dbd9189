#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What containers do to their file systems: changes, sizes, and images that are made of them."""

import json
import os
import shutil
import subprocess
import tarfile

from cases import ServiceCase
from service import GLib, driver_conf, files_in, main, wait_for

WORK = '''
echo new >/added; mkdir -p /dir/sub; echo x >/dir/sub/file; ln /added /dir/again; ln -s added /link
rm /bin/cat; rm -r /stuff; mkdir /stuff; echo y >/stuff/mine; mkfifo /fifo
chmod 700 /var; touch -d @1000000000 /added; chown 12:34 /dir
dd if=/dev/zero of=/sparse bs=1 count=1 seek=8M 2>/dev/null
'''


class FilesCase(ServiceCase):
    peer = True
    driver = 'overlay'

    @classmethod
    def environment(cls):
        return {'CPOD_CONF': driver_conf(cls.__name__, cls.driver)}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Something to be deleted and hidden that is not in the archive itself.
        box = cls.service.client.create('sh', '-c', 'mkdir -p /stuff/old /keep; echo a >/stuff/old/file; echo b >/keep/file',
                                        name='base', image=cls.import_base())
        box.start()
        box.wait_exited()
        cls.commit(box, 'base')
        box.remove()

    @classmethod
    def import_base(cls):
        cls.service.client.import_busybox()
        return 'busybox'

    def tearDown(self):
        self.service.remove_all()
        for image in self.client.images('ListImages'):
            for name in image['names']:
                if '/new' in name:
                    self.client.images('RemoveImage', 's', name, force=True)
        self.assertEqual(self.client.check(), [])

    @classmethod
    def commit(cls, container, reference='', **options):
        return cls.service.client.job_wait(container.call('Commit', 's', reference, **options))

    def worked(self, script=WORK, **options):
        box = self.client.create('sh', '-c', script, image='base', **options)
        box.start()
        box.wait_exited()
        return box

    def changes(self, container):
        return {bytes(path).rstrip(b'\0').decode(): kind for kind, path in container.call('Diff')}

    def image_changes(self, name):
        path = self.client.images('GetImage', 's', name)
        return {bytes(p).rstrip(b'\0').decode(): k
                for k, p in self.client.call(path, 'Image', 'Diff')}

    def inspect_image(self, name):
        path = self.client.images('GetImage', 's', name)
        return json.loads(self.client.call(path, 'Image', 'Inspect'))

    def layer_of(self, name):
        """The tar of the topmost layer."""
        layer = self.inspect_image(name)['RootFS']['Layers'][-1].removeprefix('sha256:')
        return tarfile.open(self.service.state('lib', 'storage', 'images', 'blobs', 'sha256', layer))


class DiffTest(FilesCase):
    def test_nothing(self):
        box = self.client.create('true', image='base')
        self.assertEqual(self.changes(box), {})

    def test_changes(self):
        found = self.changes(self.worked())
        self.assertEqual({path: kind for path, kind in found.items() if path not in ('/etc', '/dev', '/')}, {
            '/added': 'added', '/dir': 'added', '/dir/sub': 'added', '/dir/sub/file': 'added', '/dir/again': 'added',
            '/link': 'added', '/bin': 'changed', '/bin/cat': 'deleted', '/stuff': 'changed', '/stuff/mine': 'added',
            '/stuff/old': 'deleted', '/fifo': 'added', '/var': 'changed', '/sparse': 'added'})
        self.assertEqual(list(found), sorted(found))

    def test_running(self):
        box = self.client.create('sh', '-c', 'echo a >/here; sleep 1000', image='base', name='box')
        box.start()
        wait_for(lambda: '/here' in self.changes(box), what='the file')
        box.kill()

    def test_odd_names(self):
        box = self.worked('touch "$(printf "/a\\nb\\377")"')
        self.assertIn(b'/a\nb\xff\0', [bytes(path) for _, path in box.call('Diff')])

    def test_file_instead_of_directory(self):
        found = self.changes(self.worked('rm -r /keep; echo x >/keep; rm /bin/ls; mkdir /bin/ls; touch /bin/ls/in'))
        self.assertEqual(found['/keep'], 'changed')
        self.assertEqual(found['/bin/ls'], 'changed')
        self.assertEqual(found['/bin/ls/in'], 'added')

    def test_image(self):
        found = self.image_changes('base')
        self.assertEqual(found['/stuff/old/file'], 'added')
        self.assertEqual(found['/keep/file'], 'added')
        self.assertNotIn('/bin/busybox', found)
        self.assertEqual(self.image_changes('busybox')['/bin/busybox'], 'added')

    def test_errors(self):
        box = self.client.create('true', image='base')
        with self.assert_error('InvalidArgument', 'nonsense'):
            box.call('Diff', nonsense=True)
        box.remove()
        with self.assert_error('NoSuchContainer'):
            box.call('Diff')


class SizeTest(FilesCase):
    def test_sizes(self):
        box = self.worked('dd if=/dev/zero of=/a bs=1000 count=5 2>/dev/null; ln /a /b; mkdir /d; ln -s abc /d/l')
        data = json.loads(box.call('Inspect', size=GLib.Variant('b', True)))
        image = self.inspect_image('base')
        self.assertEqual(data['SizeRw'], 5003)
        self.assertEqual(data['SizeRootFs'], 5003 + image['Size'])
        self.assertNotIn('SizeRw', json.loads(box.call('Inspect')))
        rows = self.client.runtime('ListContainers', fields=['id'], size=GLib.Variant('b', True))
        self.assertEqual((rows['size-rw'], rows['size-root']), ([5003], [5003 + image['Size']]))
        self.assertNotIn('size-rw', self.client.runtime('ListContainers'))


class CommitTest(FilesCase):
    links = '2'
    upper = 'u'
    mark = 'stuff/.wh..wh..opq'     # by which a directory that was replaced hides what it had

    def test_layer(self):
        box = self.worked()
        ident = self.commit(box, 'new')['id']
        with self.layer_of('new') as layer:
            members = {member.name: member for member in layer.getmembers()}
        self.assertLess({'added', 'dir', 'dir/sub/file', 'link', 'bin/.wh.cat', self.mark, 'fifo'},
                        set(members))
        self.assertNotIn('dir/.wh..wh..opq', members)
        self.assertTrue(members['dir/again'].islnk())
        self.assertEqual((members['added'].mtime, members['dir'].uid, members['dir'].gid), (1000000000, 12, 34))
        self.assertEqual(members['sparse'].size, 8 * 1024 * 1024 + 1)
        self.assertLess(os.path.getsize(self.blob_of('new')), 1024 * 1024)
        self.assertEqual(self.client.run('sh', '-c', 'cat /added 2>/dev/null || head -n 9 /added /stuff/mine; ls /stuff',
                                         image='new')[0], 0)
        code, text = self.client.run('sh', '-c', 'test ! -e /bin/cat && head -c 9 /stuff/mine && ls /stuff && stat -c %s /sparse'
                                     ' && stat -c %h /added && readlink /link && test -p /fifo && stat -c %a /var',
                                     image='new')
        self.assertEqual((code, text), (0, 'y\nmine\n8388609\n' + self.links + '\nadded\n700\n'))
        found = self.image_changes('new')
        for path, kind in self.changes(box).items():
            self.assertEqual(found[path], kind, path)
        self.assertIn(ident, [os.path.basename(path) for path in self.client.managed('images')])

    def blob_of(self, name):
        with self.layer_of(name) as layer:
            return layer.name

    def test_config(self):
        box = self.worked('true', env=['A=1', 'B=x y'], labels={'k': 'v'}, workdir='/keep', user='12:34')
        self.commit(box, 'new', author='me', message='what', changes=['ENV A=2 C=3', 'CMD ["cat","/a b"]', 'EXPOSE 80 53/udp',
                                                                    'VOLUME /data', 'LABEL k2=v2', 'ONBUILD RUN x'])
        data = self.inspect_image('new')
        config = data['Config']
        self.assertEqual(data['Author'], 'me')
        for entry in 'A=2', 'B=x y', 'C=3':
            self.assertIn(entry, config['Env'])
        self.assertNotIn('A=1', config['Env'])
        self.assertFalse([entry for entry in config['Env'] if entry.startswith(('container=', 'HOSTNAME='))])
        self.assertEqual((config['Cmd'], config['User'], config['WorkingDir']), (['cat', '/a b'], '12:34', '/keep'))
        self.assertEqual(config['Labels'], {'k': 'v', 'k2': 'v2'})
        self.assertEqual((config['ExposedPorts'], config['Volumes'], config['OnBuild']),
                         ({'80/tcp': {}, '53/udp': {}}, {'/data': {}}, ['RUN x']))
        self.assertEqual([(h.get('author'), h.get('comment')) for h in data['History']][-1], ('me', 'what'))
        self.assertEqual(len(data['History']), len(data['RootFS']['Layers']))

    def test_entrypoint(self):
        box = self.client.create('b', image='base', entrypoint=['echo', 'a'])
        self.commit(box, 'new')
        config = self.inspect_image('new')['Config']
        self.assertEqual((config['Entrypoint'], config['Cmd']), (['echo', 'a'], ['b']))
        self.assertEqual(self.client.run('c', image='new'), (0, 'a c\n'))

    def test_squash(self):
        box = self.worked('rm -r /stuff/old; echo s >/squashed')
        self.commit(box, 'new', squash=True)
        data = self.inspect_image('new')
        self.assertEqual((len(data['RootFS']['Layers']), len(data['History'])), (1, 1))
        self.assertEqual(self.client.run('sh', '-c', 'cat /squashed; ls /stuff; cat /keep/file', image='new'), (0, 's\nb\n'))
        self.assertEqual(files_in(self.service.root, 'run', 'mounts'), [])

    def test_pause(self):
        box = self.client.create('sleep', '1000', image='base')
        box.start()
        since = self.client.last_seq()
        ident = self.commit(box, 'new', pause=True)['id']
        events = self.client.events(since)[0]
        self.assertEqual([e['status'] for e in events], ['pause', 'unpause', 'commit'])
        self.assertEqual((events[-1]['type'], events[-1]['id'], events[-1]['attributes']['committed']),
                         ('container', box.id, ident))
        self.assertEqual(box.get('State'), 'running')
        box.call('Pause')
        self.commit(box, 'new', pause=True)
        self.assertEqual(box.get('State'), 'paused')
        box.call('Unpause')
        self.commit(box, 'new')
        box.kill()
        box.wait_exited()

    def test_pause_ends_after_a_failure(self):
        box = self.client.create('sleep', '1000', image='base')
        box.start()
        layer = self.service.state('lib', 'storage', 'overlay', 'c', box.id, self.upper)
        os.mkdir(os.path.join(layer, 'torn'))
        os.setxattr(os.path.join(layer, 'torn'), 'trusted.overlay.redirect', b'/x')
        with self.assert_error('Failed', 'torn', 'another layer'):
            self.commit(box, 'new', pause=True)
        os.rmdir(os.path.join(layer, 'torn'))
        self.assertEqual(box.get('State'), 'running')
        with self.assert_error('NoSuchImage'):
            self.client.images('GetImage', 's', 'new')
        box.kill()
        box.wait_exited()

    def test_name_moves(self):
        first = self.commit(self.worked('echo 1 >/n'), 'new')['id']
        second = self.commit(self.worked('echo 2 >/n'), 'new')['id']
        self.assertEqual(self.client.property(f'/org/cpod/Cpod1/images/{first}', 'Image', 'Names'), [])
        self.assertEqual(self.client.property(f'/org/cpod/Cpod1/images/{second}', 'Image', 'Names'),
                         ['localhost/new:latest'])
        self.client.images('RemoveImage', 's', first, force=True)

    def test_errors(self):
        box = self.client.create('true', image='base')
        for words, reference, options in ((('WORKDIR',), 'new', {'changes': ['SHELL x']}), (('port',), '', {'changes': ['EXPOSE x']}),
                                          (('digest',), 'new@sha256:' + '0' * 64, {}), ((), 'No Name', {}),
                                          (('absolute',), '', {'changes': ['VOLUME x']})):
            with self.assert_error('InvalidArgument', *words):
                self.commit(box, reference, **options)
        with self.assert_error('InvalidArgument', 'squash'):
            box.call('Commit', 's', '', squash='yes')
        box.remove()
        with self.assert_error('NoSuchContainer'):
            self.commit(box)

    def test_other_work_waits(self):
        """Several at once: they take turns."""
        box = self.worked('dd if=/dev/urandom of=/r bs=1M count=8 2>/dev/null')
        jobs = [box.call('Commit', 's', f'new{number}') for number in range(4)]
        ids = [self.client.job_wait(job)['id'] for job in jobs]
        layers = {self.inspect_image(ident)['RootFS']['Layers'][-1] for ident in ids}
        self.assertEqual(len(layers), 1)

    def test_other_tools(self):
        self.commit(self.worked(), 'new')
        layout = self.service.state('lib', 'storage', 'images')
        target = self.service.state('copied')
        subprocess.run(['skopeo', '--insecure-policy', 'copy', '-q', f'oci:{layout}:localhost/new:latest', f'dir:{target}'],
                       check=True, timeout=60)
        shutil.rmtree(target)


class FuseDiffTest(DiffTest):
    driver = 'fuse'


class FuseSizeTest(SizeTest):
    driver = 'fuse'


class FuseCommitTest(CommitTest):
    driver = 'fuse'
    links = '1'         # it does not count those of layers
    upper = 'f'


class VfsDiffTest(DiffTest):
    driver = 'vfs'

    def test_nothing_but_the_time(self):
        box = self.worked('touch -d @5 /keep/file; chmod 600 /stuff/old/file; chown -h 3 /bin/ls; ln -sf x /bin/cat')
        found = self.changes(box)
        for path in '/keep/file', '/stuff/old/file', '/bin/ls', '/bin/cat', '/bin', '/stuff', '/stuff/old':
            self.assertEqual(found[path], 'changed', path)
        self.assertNotIn('/bin/busybox', found)


class VfsSizeTest(SizeTest):
    driver = 'vfs'


class VfsCommitTest(CommitTest):
    driver = 'vfs'
    mark = 'stuff/.wh.old'
    test_pause_ends_after_a_failure = None      # it is about the marks of overlayfs


if __name__ == '__main__':
    main()
