# SPDX-License-Identifier: LGPL-2.1-or-later
"""Archives that are broken, and archives that are meant to break something."""

import gzip
import io
import lzma
import os
import shutil
import tarfile


def pack(*members, format=tarfile.PAX_FORMAT):  # pylint: disable=redefined-builtin
    """A tar archive of (name, type, target or contents)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w', format=format) as tar:
        for name, kind, what in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            if kind == tarfile.REGTYPE:
                data = what.encode()
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
            else:
                if kind == tarfile.DIRTYPE:
                    info.mode = 0o755
                if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                    info.linkname = what
                if kind in (tarfile.CHRTYPE, tarfile.BLKTYPE):
                    info.devmajor, info.devminor = what
                tar.addfile(info)
    return buffer.getvalue()


def BAD(image):  # pylint: disable=invalid-name
    """No archives at all, and archives that end before their end."""
    with open(image, 'rb') as file:
        whole = file.read()
    zipped = gzip.compress(whole, 1)
    flipped = bytearray(zipped)
    flipped[len(flipped) // 2] ^= 0xff
    return {
        'empty': b'',
        'text': b'Dear service, this is a letter and no archive.\n' * 100,
        'zeros then text': bytes(100) + b'text',
        'an ELF program': open('/bin/true', 'rb').read(),
        'truncated tar': whole[:len(whole) // 2 + 100],
        'truncated gzip': zipped[:len(zipped) // 2],
        'damaged gzip': bytes(flipped),
        'truncated xz': lzma.compress(whole[:1 << 20], preset=0)[:-1000],
        'gzip of text': gzip.compress(b'no archive' * 1000),
        'damaged header': whole[:100] + b'garbage!' * 20 + whole[260:],
    }


def HOSTILE(victim):  # pylint: disable=invalid-name
    """{name: (archive, whether it must be refused)}; those that need not be must do no harm."""
    directory, base = os.path.split(victim)
    up = '../' * 40
    new = victim + '-new'
    regular, link, hard, folder = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE
    return {
        'parent': (pack((up + victim[1:], regular, 'evil')), True),
        'parent in the middle': (pack(('a', folder, ''), ('a/' + up + victim[1:], regular, 'evil')), True),
        'absolute': (pack((victim, regular, 'evil')), False),
        'absolute new': (pack((new, regular, 'evil')), False),
        'through a link': (pack(('out', link, directory), (f'out/{base}', regular, 'evil')), False),
        'through a link to the root': (pack(('out', link, '/'), (f'out{new}', regular, 'evil')), False),
        'through a link upwards': (pack(('out', link, up + directory[1:]), (f'out/{base}-new', regular, 'evil')), False),
        'over a link': (pack(('file', link, victim), ('file', regular, 'evil')), False),
        'through two links': (pack(('a', link, '..'), ('b', link, 'a/' + up + directory[1:]), (f'b/{base}-new', regular, 'x')), False),
        'hard link outside': (pack(('file', hard, victim), ('file', regular, 'evil')), True),
        'hard link upwards': (pack(('file', hard, up + victim[1:])), True),
        'hard link through a link': (pack(('out', link, directory), ('file', hard, f'out/{base}'), ('file', regular, 'evil')), True),
        'hard link to nothing': (pack(('file', hard, 'nowhere')), True),
        'device': (pack(('disk', tarfile.BLKTYPE, (8, 0))), False),
        'whiteout upwards': (pack((up + directory[1:] + f'/.wh.{base}', regular, '')), True),
        'whiteout through a link': (pack(('out', link, directory), (f'out/.wh.{base}', regular, '')), False),
        'opaque through a link': (pack(('out', link, directory), ('out/.wh..wh..opq', regular, '')), False),
        'file where a folder is': (pack(('a', folder, ''), ('a/b', regular, 'x'), ('a', regular, 'y'), ('a/c', regular, 'z')), False),
        'only dots': (pack(('..', folder, '')), True),
        'tmp': (pack(('/tmp/cpod-hostile', regular, 'evil')), False),
    }


def busybox_with(image, path):
    """The image and some files with special modes and owners."""
    shutil.copyfile(image, path)
    with tarfile.open(path, 'a', format=tarfile.PAX_FORMAT) as tar:
        for name, kind, mode, uid, gid in (('setuid', tarfile.REGTYPE, 0o4755, 0, 0), ('sticky', tarfile.DIRTYPE, 0o1777, 0, 0),
                                           ('owned', tarfile.REGTYPE, 0o600, 1000, 29)):
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.uid, info.gid = kind, mode, uid, gid
            tar.addfile(info)
    return path
