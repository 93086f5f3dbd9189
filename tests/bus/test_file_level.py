#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A root file system as cpod, umoci and podman unpack it: no file differs in anything."""

import gzip
import os
import subprocess
import urllib.parse

from file_trees import HOLE, Tree, blocks_of, differences, read_tree
from images_in_archives import begin_export
from other_tools import Podman, run, skopeo_copy, umoci_unpack
from registry import Image, write_layout
from service import Case, GLib, RUNTIME, Service, main, scratch

# Of this machine's Debian: programs, libraries, configuration; with set-id bits, links and odd owners.
PACKAGES = ('base-files', 'base-passwd', 'bash', 'coreutils', 'dash', 'debianutils', 'diffutils', 'findutils', 'grep', 'gzip',
            'libc-bin', 'libc6', 'login', 'mount', 'ncurses-base', 'ncurses-bin', 'passwd', 'sed', 'tar', 'util-linux')


def tar_up(directory, names=None):
    """As GNU tar does it, with all that it can."""
    words = ['--no-recursion', '--null', '--files-from=-'] if names is not None else ['.']
    done = subprocess.run(['tar', '--create', '--format=pax', '--numeric-owner', '--xattrs', '--xattrs-include=*', '--acls', '--sparse',
                           '--directory', directory, *words], env={**os.environ, 'LC_ALL': 'C.UTF-8'}, capture_output=True,
                          check=False, input=b'\0'.join(names) if names is not None else None)
    if done.returncode > 1:     # 1: a file of this machine has changed meanwhile; the archive is good
        raise AssertionError(f'tar: {done.stderr}')
    return done.stdout


def package_files():
    """All directories, then all files, by the paths that they have with no link in them."""
    listed = subprocess.run(['dpkg-query', '--listfiles', *PACKAGES], check=True, capture_output=True).stdout.split(b'\n')
    found = {b'/bin', b'/sbin', b'/lib', b'/lib64'}
    for path in listed:
        if path.startswith(b'/') and os.path.lexists(path):
            found.add(os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path)))
    for path in list(found):
        while path not in (b'/', b''):
            found.add(path)
            path = os.path.dirname(path)
    found -= {b'/', b'/proc', b'/sys', b'/dev', b'/tmp', b'/run'}
    return [b'.' + path for path in sorted(found)]


def without_empty(attributes):
    """The reader of archives that tools in Go have takes an empty value for none."""
    return {key: value for key, value in attributes.items() if value != b''}


def quoted(attributes):
    """libarchive writes what is not ASCII in a name in percent form."""
    return {urllib.parse.quote(key): value for key, value in attributes.items()}


class FileLevelTest(Case):
    @classmethod
    def setUpClass(cls):
        cls.files = os.path.join(scratch(), cls.__name__)
        os.makedirs(cls.files)
        cls.source = os.path.join(cls.files, 'source')
        cls.layout = write_layout(os.path.join(cls.files, 'layout'), cls.make_image())
        cls.service = Service(cls.__name__ + '-service', peer=True)
        cls.services = [cls.service]
        cls.podman = Podman(cls.__name__, 'overlay')
        cls.client = cls.service.client
        cls.container = cls.unpack(cls.service)
        cls.ours = cls.container.call('Mount')
        cls.found = read_tree(cls.ours)

    @classmethod
    def make_image(cls):
        tree = Tree(cls.source)
        Tree(os.path.join(cls.source, 'special')).fill()
        tree.fill_before()
        upper = Tree(os.path.join(cls.files, 'upper'))
        upper.fill_after()
        return Image(tar_up('/', package_files()), tar_up(cls.source), tar_up(upper.top),
                     compress=lambda data: gzip.compress(data, 1, mtime=0))

    @classmethod
    def unpack(cls, service):
        parameters = GLib.Variant('(sa{sv})', (f'oci:{cls.layout}:latest', {'name': GLib.Variant('s', 'root')}))
        job = service.client.call_raw(RUNTIME, 'org.cpod.Cpod1.Images', 'Pull', parameters)[0].unpack()[0]
        service.client.job_wait(job, seconds=240)
        return service.client.create('true', image='root')

    @classmethod
    def tearDownClass(cls):
        cls.podman.destroy()
        for service in cls.services:
            service.remove_all()
            service.destroy()

    def assert_equal(self, one, other):
        found = differences(one, other)
        self.assertFalse(found, f'{len(found)} differences:\n' + '\n'.join(map(str, found[:40])))

    def assert_same(self, other):
        self.assert_equal(self.found, read_tree(other))

    def found_by(self, **changes):
        """As another tool sees it, by what it changes."""
        return {name: {**what, **{key: change(what[key]) for key, change in changes.items()}} for name, what in self.found.items()}

    def assert_holes(self, other):
        """Where others leave a hole, there is one."""
        ours = blocks_of(self.ours)
        self.assertEqual([name for name in blocks_of(other) if name not in ours], [])

    def test_source(self):
        """All that was packed is there; nothing of it gets lost in all tools alike."""
        special = os.path.join(self.ours, 'special')
        self.assert_equal(read_tree(special), read_tree(os.path.join(self.source, 'special')))

    def test_umoci(self):
        root = umoci_unpack(self.layout, 'latest', os.path.join(self.files, 'bundle'))
        self.assert_equal(self.found_by(attributes=without_empty), read_tree(root))
        self.assert_holes(root)

    def test_podman(self):
        archive = os.path.join(self.files, 'archive')
        skopeo_copy(f'oci:{self.layout}:latest', f'oci-archive:{archive}:localhost/root:1')
        self.podman.run('load', '--quiet', '--input', archive)
        root = self.podman.run('image', 'mount', 'localhost/root:1').strip()
        # To podman nothing is older than 1970, and it makes the root itself.
        ours, others = self.found_by(attributes=without_empty, mtime=lambda time: max(time, 0)), read_tree(root)
        del ours[b''], others[b'']
        self.assert_equal(ours, others)
        self.assert_holes(root)

    def test_export(self):
        """What cpod packs, GNU tar unpacks to the same."""
        archive, root = (os.path.join(self.files, name) for name in ('export', 'exported'))
        self.client.job_wait(begin_export(self.container, archive), seconds=240)
        os.mkdir(root)
        run('tar', '--extract', '--preserve-permissions', '--numeric-owner', '--xattrs', '--xattrs-include=*',
            '--directory', root, '--file', archive)
        # Times are in whole seconds, as in podman's, unless there is more to say of a file.
        found = read_tree(root)
        for what in (*(expected := self.found_by(attributes=quoted)).values(), *found.values()):
            what['mtime'] //= 10 ** 9
        self.assert_equal(expected, found)
        self.assert_holes(root)

    def test_copy(self):
        """Without an overlay it is the same."""
        conf = os.path.join(self.files, 'vfs.conf')
        with open(conf, 'w', encoding='utf-8') as file:
            file.write('[storage]\ndriver = "vfs"\n')
        service = Service('vfs-service', peer=True, CPOD_CONF=conf)
        self.services.append(service)
        root = self.unpack(service).call('Mount')
        self.assert_same(root)
        self.assert_holes(root)

    def test_holes(self):
        """What was packed with holes takes no more space than before."""
        ours = blocks_of(os.path.join(self.ours, 'special', 'holes'))
        self.assertEqual(sorted(ours), [b'end', b'many', b'middle', b'only', b'start'])
        for name, size in ours.items():
            self.assertLess(size, HOLE // 8 if name != b'many' else HOLE // 2, name)

    def test_layers(self):
        """The tree is one that says something."""
        self.assertGreater(len(self.found), 1000)
        for name in (b'kept/gone', b'kept/gone-directory', b'opaque/old', b'opaque/below', b'types/link-to-directory/merged'):
            self.assertNotIn(name, self.found)
        for name in (b'kept/file', b'kept/merged/old', b'kept/merged/new', b'opaque/new', b'usr/bin/bash'):
            self.assertIn(name, self.found)
        self.assertEqual([self.found[b'pairs/' + name].get('first name') for name in (b'one', b'two', b'three')],
                         [b'pairs/one', None, b'pairs/one'])


if __name__ == '__main__':
    main()
