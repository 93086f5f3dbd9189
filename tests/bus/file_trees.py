# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trees with everything that a file system can hold, and what is in a tree."""

import hashlib
import os
import stat
import struct

LONG = 'long-' + 'n' * 115
# cap_net_raw+ep, as the kernel keeps it; and the same of a user namespace whose root is 100000.
CAPABILITY = struct.pack('<5I', 0x02000001, 1 << 13, 0, 0, 0)
CAPABILITY_OF_NAMESPACE = struct.pack('<6I', 0x03000001, 1 << 13, 0, 0, 0, 100000)
HOLE = 4 << 20


def acl(*entries):
    """An access control list as an extended attribute, of (tag, permissions, id)."""
    return struct.pack('<I', 2) + b''.join(struct.pack('<HHI', *entry) for entry in entries)


# u::rw- u:1000:r-- g::r-- m::r-- o::---
ACL = acl((1, 6, 0xffffffff), (2, 4, 1000), (4, 4, 0xffffffff), (16, 4, 0xffffffff), (32, 0, 0xffffffff))


class Tree:
    """A directory to be filled."""

    def __init__(self, top):
        self.top = top
        os.makedirs(top)

    def path(self, name):
        path = os.path.join(os.fsencode(self.top), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def file(self, name, data=b'', mode=0o644, owner=(0, 0)):
        path = self.path(name)
        with open(path, 'wb') as file:
            file.write(data)
        os.chown(path, *owner)
        os.chmod(path, mode)
        return path

    def directory(self, name, mode=0o755, owner=(0, 0)):
        path = self.path(name)
        os.makedirs(path, exist_ok=True)
        os.chown(path, *owner)
        os.chmod(path, mode)
        return path

    def link(self, name, target, owner=(0, 0)):
        path = self.path(name)
        os.symlink(target, path)
        os.chown(path, *owner, follow_symlinks=False)
        return path

    def hard_link(self, name, first):
        os.link(self.path(first), self.path(name), follow_symlinks=False)

    def node(self, name, kind, major=0, minor=0, mode=0o640):
        path = self.path(name)
        os.mknod(path, kind | mode, os.makedev(major, minor))
        os.chmod(path, mode)
        return path

    def fill(self):
        self.fill_modes()
        self.fill_attributes()
        self.fill_names()
        self.fill_links()
        self.fill_holes()
        self.fill_times()   # last: what is made in a directory changes its time

    def fill_modes(self):
        for mode in (0, 0o1, 0o400, 0o777, 0o4755, 0o2755, 0o6711, 0o1644, 0o7777):
            self.file(f'modes/file-{mode:o}', b'x', mode)
            self.directory(f'modes/directory-{mode:o}', mode)
        for owner in ((1, 0), (1000, 29), (65534, 65534), (2097151, 2097152), (3000000000, 4294967294)):
            name = 'owners/{}-{}'
            self.file(name.format('file', owner[0]), b'x', 0o4755, owner)
            self.directory(name.format('directory', owner[0]), 0o2770, owner)
            self.link(name.format('link', owner[0]), 'nowhere', owner)
        self.node('nodes/fifo', stat.S_IFIFO, mode=0o622)
        self.node('nodes/null', stat.S_IFCHR, 1, 3, 0o666)
        self.node('nodes/loop', stat.S_IFBLK, 7, 200)
        self.node('nodes/high', stat.S_IFBLK, 259, 300)

    def fill_attributes(self):
        path = self.file('attributes/many', b'x', 0o640)
        for name, value in (('user.text', b'text'), ('user.binary', bytes(range(256))), ('user.empty', b''),
                            ('user.line', b'a\nb'), ('user.\u00e4', '\u00e4'.encode())):
            os.setxattr(path, name, value)
        os.setxattr(self.directory('attributes/directory'), 'user.of', b'directory')
        os.setxattr(self.file('attributes/acl', b'x', 0o640, (1, 1)), 'system.posix_acl_access', ACL)
        os.setxattr(self.directory('attributes/acl-directory', 0o750), 'system.posix_acl_default', ACL)
        for name, value, mode in (('raw', CAPABILITY, 0o755), ('namespace', CAPABILITY_OF_NAMESPACE, 0o4755)):
            os.setxattr(self.file('attributes/' + name, b'x', mode, (1000, 0)), 'security.capability', value)

    def fill_names(self):
        for name in (b'caf\xe9', b'\xff\xfe', 'Z\u00e4hler'.encode(), b'two\nlines', b'a b', b'back\\slash', b'a=b', b'-rf', b'"',
                     b'.hidden', b'*', b'.whiteout', b'x' * 255, b'y' * 100, b'z' * 101):
            self.file(b'names/' + name, name)
        self.file('/'.join(['names', LONG, LONG, LONG, 'file']), b'deep')
        self.directory('/'.join(['names', LONG, 'x' * 200]))
        self.file('names/directory-' + '\u00f6' * 100 + '/file')

    def fill_links(self):
        self.file('links/first', b'many names', 0o4750, (5, 6))
        for name in ('links/second', 'links/down/third', 'links/' + LONG + '/' + LONG):
            self.hard_link(name, 'links/first')
        for name, target in (('absolute', '/etc/passwd'), ('relative', '../names'), ('dangling', 'no/such/place'),
                             ('itself', 'itself'), ('up', '../' * 60 + 'etc'), ('long', 'x' * 255 + '/' + 'y' * 255),
                             (b'raw', b'caf\xe9')):
            self.link(os.path.join(b'links', os.fsencode(name)), target)
        self.hard_link('links/dangling-too', 'links/dangling')

    def fill_holes(self):
        for name, pieces in (('only', ()), ('start', (HOLE - 4096,)), ('middle', (0, HOLE - 4096)), ('end', (0,)),
                             ('many', range(0, HOLE, 128 << 10))):
            with open(self.file('holes/' + name), 'r+b') as file:
                file.truncate(HOLE)
                for place in pieces:
                    file.seek(place)
                    file.write(name.encode() * 8)

    def fill_times(self):
        for time in (0, 1, -5, -86400 * 365 * 20, 2 ** 31 - 1, 2 ** 31, 4102444800, 1700000000):
            for nanoseconds in (0, 1, 500000000, 999999999):
                ns = time * 10 ** 9 + nanoseconds
                os.utime(self.file(f'times/file{time}.{nanoseconds}'), ns=(0, ns))
        os.utime(self.link('times/link', 'nowhere'), ns=(0, 1234567890123456789), follow_symlinks=False)
        os.utime(self.node('times/fifo', stat.S_IFIFO), ns=(0, -1500000000))
        self.file('times/directory/file')
        for number, name in enumerate(('times/directory', 'times', 'names', 'links', 'holes')):
            os.utime(self.path(name), ns=(0, (number + 1) * 1000000001))

    def fill_before(self):
        """What the next layer changes."""
        self.file('kept/file', b'kept')
        self.file('kept/gone', b'gone')
        self.file('kept/gone-directory/below/file', b'gone')
        self.file('kept/merged/old', b'old')
        self.file('opaque/old', b'old')
        self.file('opaque/below/old', b'old')
        self.file('types/file-to-directory', b'file')
        self.file('types/directory-to-link/below/file', b'file')
        self.file('types/directory-to-file/below/file', b'file')
        self.link('types/link-to-directory', '../kept')
        self.link('types/link-to-file', '../kept/file')
        self.file('types/file-to-link', b'file')
        self.file('types/file-to-fifo', b'file')
        self.node('types/device-to-file', stat.S_IFCHR, 1, 5)
        self.file('pairs/one', b'both')
        self.hard_link('pairs/two', 'pairs/one')
        self.hard_link('pairs/three', 'pairs/one')
        os.setxattr(self.file('meta/file', b'same', 0o4755, (1, 1)), 'user.old', b'old')
        os.setxattr(self.directory('meta/directory', 0o700, (1, 1)), 'user.kept', b'kept')
        self.file('meta/directory/file')

    def fill_after(self):
        """Layer upon fill_before()."""
        self.file('kept/.wh.gone')
        self.file('kept/.wh.gone-directory')
        self.file('kept/merged/new', b'new')
        self.file('opaque/.wh..wh..opq')
        self.file('opaque/new', b'new')
        self.file('types/file-to-directory/file', b'file')
        self.link('types/directory-to-link', '../kept')
        self.file('types/directory-to-file', b'file')
        self.file('types/link-to-directory/file', b'file')
        self.file('types/link-to-file', b'file')
        self.link('types/file-to-link', '../kept/file')
        self.node('types/file-to-fifo', stat.S_IFIFO)
        self.file('types/device-to-file', b'file')
        self.file('pairs/two', b'alone')
        self.file('meta/file', b'same', 0o755, (2, 2))
        os.setxattr(self.directory('meta/directory', 0o2750, (2, 2)), 'user.kept', b'changed')


def hash_of(path):
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


def describe(path, info):
    """What must be the same of one file."""
    found = {'type': stat.S_IFMT(info.st_mode), 'owner': (info.st_uid, info.st_gid), 'mtime': info.st_mtime_ns}
    if stat.S_ISLNK(info.st_mode):
        found['target'] = os.readlink(path)
    else:
        found['mode'] = f'{stat.S_IMODE(info.st_mode):o}'
    if stat.S_ISREG(info.st_mode):
        found['size'], found['contents'] = info.st_size, hash_of(path)
    if stat.S_ISCHR(info.st_mode) or stat.S_ISBLK(info.st_mode):
        found['device'] = (os.major(info.st_rdev), os.minor(info.st_rdev))
    found['attributes'] = {name: os.getxattr(path, name, follow_symlinks=False)
                           for name in sorted(os.listxattr(path, follow_symlinks=False))}
    return found


def walk(top):
    """Each path below, the top itself as b'', with its stat."""
    top = os.fsencode(top)
    yield b'', top, os.lstat(top)
    pending = [b'']
    while pending:
        directory = pending.pop()
        with os.scandir(os.path.join(top, directory)) as entries:
            for entry in entries:
                name = os.path.join(directory, entry.name)
                info = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(info.st_mode):
                    pending.append(name)
                yield name, os.path.join(top, name), info


def read_tree(top):
    """{path: what is there}; of files with several names each has the first of them."""
    found, names = {}, {}
    for name, path, info in walk(top):
        found[name] = describe(path, info)
        if not stat.S_ISDIR(info.st_mode):
            names.setdefault((info.st_dev, info.st_ino), []).append(name)
    for group in names.values():
        if len(group) > 1:
            for name in group:
                found[name]['first name'] = min(group)
    return found


def blocks_of(top):
    """{path: bytes on disk} of all files with holes."""
    return {name: info.st_blocks * 512 for name, _, info in walk(top)
            if stat.S_ISREG(info.st_mode) and info.st_blocks * 512 < info.st_size}


def differences(one, other):
    """(path, what, here, there), sorted; of attributes those that differ."""
    found = [(name, 'only in one', name in one, name in other) for name in one.keys() ^ other.keys()]
    for name in one.keys() & other.keys():
        here, there = one[name], other[name]
        if here['attributes'] != there['attributes']:
            here, there = ({**side, 'attributes': sorted(side['attributes'].items() - more['attributes'].items())}
                           for side, more in ((here, there), (there, here)))
        found += [(name, key, here.get(key), there.get(key)) for key in sorted(here.keys() | there.keys())
                  if here.get(key) != there.get(key)]
    return sorted(found, key=lambda row: row[:2])
