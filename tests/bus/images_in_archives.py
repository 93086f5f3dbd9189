# SPDX-License-Identifier: LGPL-2.1-or-later
"""Archives of images, as other tools save them and as nobody should."""

import io
import os
import tarfile

from registry import OCI_MANIFEST, Image, digest_of, to_json
from service import RUNTIME, GLib


def begin(client, path, interface, method, signature, arguments, fd, **options):
    """Starts the job of a method that takes a descriptor, which it closes here."""
    given = {key: GLib.Variant('s', value) for key, value in options.items()}
    parameters = GLib.Variant(f'({signature}ha{{sv}})', (*arguments, 0, given))
    return client.call_raw(path, f'org.cpod.Cpod1.{interface}', method, parameters, fds=[fd])[0].unpack()[0]


def to_read(archive):
    """A descriptor of a path, bytes, or what is a descriptor."""
    if isinstance(archive, bytes):
        fd = os.memfd_create('archive')
        with os.fdopen(os.dup(fd), 'wb') as file:
            file.write(archive)
        os.lseek(fd, 0, os.SEEK_SET)
        return fd
    return archive if isinstance(archive, int) else os.open(archive, os.O_RDONLY)


def to_write(archive):
    return archive if isinstance(archive, int) else os.open(archive, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)


def begin_load(client, archive, **options):
    return begin(client, RUNTIME, 'Images', 'Load', '', (), to_read(archive), **options)


def begin_save(client, archive, *images, **options):
    return begin(client, RUNTIME, 'Images', 'Save', 'as', (images,), to_write(archive), **options)


def begin_export(container, archive):
    return begin(container.client, container.path, 'Container', 'Export', '', (), to_write(archive))


class Archive:
    """A tar archive in memory; a member is bytes, or the target of a link."""

    def __init__(self):
        self.buffer = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.buffer, mode='w', format=tarfile.PAX_FORMAT)

    def add(self, name, data):
        info = tarfile.TarInfo(name)
        if isinstance(data, str):
            info.type, info.linkname = tarfile.SYMTYPE, data
            self.tar.addfile(info)
        else:
            info.size = len(data)
            self.tar.addfile(info, io.BytesIO(data))
        return self

    def finish(self):
        self.tar.close()
        return self.buffer.getvalue()


def pack_members(members):
    """An archive of {name: bytes or target}, in that order."""
    archive = Archive()
    for name, data in members.items():
        archive.add(name, data)
    return archive.finish()


class Saved(Image):
    """An image whose layers are known as they are, not compressed."""

    def __init__(self, *layers, **options):
        super().__init__(*layers, **options)
        self.layers = layers

    def docker_entry(self, *names):
        return {'Config': f'{self.id}.json', 'RepoTags': list(names) or None,
                'Layers': [digest_of(layer).partition(':')[2] + '.tar' for layer in self.layers]}

    def docker_members(self):
        return {**{digest_of(layer).partition(':')[2] + '.tar': layer for layer in self.layers},
                f'{self.id}.json': self.config}

    def oci_entry(self, name=None):
        entry = {'mediaType': OCI_MANIFEST, 'digest': self.digest, 'size': len(self.text)}
        if name is not None:
            entry['annotations'] = {'org.opencontainers.image.ref.name': name}
        return entry

    def oci_members(self):
        return {'blobs/sha256/' + digest.partition(':')[2]: data
                for digest, data in {**self.blobs, self.digest: self.text}.items()}


def docker_members(*images):
    """Of (image, name...); what tells of all comes last, as it does from podman."""
    members = {}
    for image, *_ in images:
        members.update(image.docker_members())
    members['manifest.json'] = to_json([image.docker_entry(*names) for image, *names in images])
    return members


def oci_members(*images):
    """Of (image, name)."""
    members = {}
    for image, *_ in images:
        members.update(image.oci_members())
    members['index.json'] = to_json({'schemaVersion': 2, 'manifests': [image.oci_entry(*name) for image, *name in images]})
    members['oci-layout'] = to_json({'imageLayoutVersion': '1.0.0'})
    return members
