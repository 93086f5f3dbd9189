# SPDX-License-Identifier: LGPL-2.1-or-later
"""Registries for the tests, and images to put into them."""

import gzip
import hashlib
import io
import json
import os
import random
import socket
import subprocess
import tarfile
import urllib.error
import urllib.request

from service import image_tar, scratch, wait_for

OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
OCI_INDEX = 'application/vnd.oci.image.index.v1+json'
OCI_CONFIG = 'application/vnd.oci.image.config.v1+json'
OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip'


def digest_of(data):
    return 'sha256:' + hashlib.sha256(data).hexdigest()


def to_json(value):
    return json.dumps(value).encode()


def pack(**files):
    """A tar archive of small files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w', format=tarfile.PAX_FORMAT) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def zip_up(data):
    """The same bytes whenever it is done."""
    return gzip.compress(data, 6, mtime=0)


def noise(name, size):
    """Bytes that do not compress, the same each time."""
    return random.Random(name).randbytes(size)


def base_layer():
    with open(image_tar(), 'rb') as file:
        return file.read()


class Image:
    """An image in memory: blobs by digest, with their types."""

    def __init__(self, *layers, architecture='amd64', marker='', compress=zip_up, layer_type=OCI_LAYER):
        self.blobs = {}
        diff_ids, entries = [], []
        for layer in layers:
            diff_ids.append(digest_of(layer))
            entries.append(self.describe(compress(layer), layer_type))
        self.config = to_json({'architecture': architecture, 'os': 'linux', 'created': '2024-01-02T03:04:05Z',
                               'config': {'Cmd': ['sh'], 'Labels': {'marker': marker}},
                               'rootfs': {'type': 'layers', 'diff_ids': diff_ids}})
        self.manifest = {'schemaVersion': 2, 'mediaType': OCI_MANIFEST, 'config': self.describe(self.config, OCI_CONFIG),
                         'layers': entries}

    def describe(self, data, media_type):
        self.blobs[digest_of(data)] = data
        return {'mediaType': media_type, 'digest': digest_of(data), 'size': len(data)}

    @property
    def id(self):
        return digest_of(self.config).partition(':')[2]

    @property
    def text(self):
        return to_json(self.manifest)

    @property
    def digest(self):
        return digest_of(self.text)


def index_of(*images):
    """The text of an index of (architecture, image)."""
    return to_json({'schemaVersion': 2, 'mediaType': OCI_INDEX, 'manifests': [
        {'mediaType': OCI_MANIFEST, 'digest': image.digest, 'size': len(image.text),
         'platform': {'os': 'linux', 'architecture': architecture}} for architecture, image in images]})


def write_layout(path, image, name='latest'):
    """An OCI image layout."""
    blobs = os.path.join(path, 'blobs', 'sha256')
    os.makedirs(blobs, exist_ok=True)
    for digest, data in {**image.blobs, image.digest: image.text}.items():
        with open(os.path.join(blobs, digest.partition(':')[2]), 'wb') as file:
            file.write(data)
    entry = {'mediaType': OCI_MANIFEST, 'digest': image.digest, 'size': len(image.text),
             'annotations': {'org.opencontainers.image.ref.name': name}}
    for name_, text in (('oci-layout', {'imageLayoutVersion': '1.0.0'}), ('index.json', {'schemaVersion': 2, 'manifests': [entry]})):
        with open(os.path.join(path, name_), 'wb') as file:
            file.write(to_json(text))
    return path


def free_port():
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        return sock.getsockname()[1]


def make_certificate(directory):
    """A certificate for 127.0.0.1 that vouches for itself."""
    key, certificate = os.path.join(directory, 'key.pem'), os.path.join(directory, 'cert.pem')
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
                    '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', certificate],
                   check=True, stderr=subprocess.DEVNULL)
    return key, certificate


class Registry:
    """Debian's docker-registry on a port of its own."""

    def __init__(self, name, users=None, tls=False):
        self.directory = os.path.join(scratch(), 'registry-' + name)
        os.makedirs(self.directory)
        self.port = free_port()
        self.host = f'127.0.0.1:{self.port}'
        self.certificate = None
        self.process = self.log = None
        http = {'addr': self.host, 'secret': 'x'}
        config = {'version': '0.1', 'log': {'level': 'info', 'accesslog': {'disabled': False}},
                  'storage': {'filesystem': {'rootdirectory': os.path.join(self.directory, 'data')}}, 'http': http}
        if tls:
            key, self.certificate = make_certificate(self.directory)
            http['tls'] = {'key': key, 'certificate': self.certificate}
        if users:
            lines = [subprocess.run(['htpasswd', '-nbB', *user], check=True, capture_output=True, text=True).stdout.strip()
                     for user in users.items()]
            with open(os.path.join(self.directory, 'htpasswd'), 'w', encoding='utf-8') as file:
                file.write('\n'.join(lines) + '\n')
            config['auth'] = {'htpasswd': {'realm': 'test', 'path': file.name}}
        with open(os.path.join(self.directory, 'config.yml'), 'w', encoding='utf-8') as file:
            json.dump(config, file)     # which is YAML as well
        self.start()

    def start(self):
        self.log = open(os.path.join(self.directory, 'log'), 'ab')
        self.process = subprocess.Popen(['docker-registry', 'serve', os.path.join(self.directory, 'config.yml')],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        wait_for(self.is_up, 60, 'the registry')

    def is_up(self):
        assert self.process.poll() is None, 'docker-registry does not start'
        with socket.socket() as sock:
            return sock.connect_ex(('127.0.0.1', self.port)) == 0

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def requests(self):
        """The lines of its log that tell of a request for a blob or a manifest."""
        with open(os.path.join(self.directory, 'log'), encoding='utf-8', errors='replace') as file:
            return [line for line in file if '"GET /v2/' in line and ('/blobs/' in line or '/manifests/' in line)]

    def request(self, method, path, data=None, **headers):
        request = urllib.request.Request(f'http://{self.host}{path}', data=data, method=method,
                                         headers={key.replace('_', '-'): value for key, value in headers.items()})
        return urllib.request.urlopen(request, timeout=60)

    def put_blob(self, repository, digest, data):
        with self.request('POST', f'/v2/{repository}/blobs/uploads/') as reply:
            location = reply.headers['Location']
        path = location.partition(self.host)[2] or location
        separator = '&' if '?' in path else '?'
        self.request('PUT', f'{path}{separator}digest={digest}', data, Content_Type='application/octet-stream').close()

    def put_manifest(self, repository, tag, text, media_type=OCI_MANIFEST):
        self.request('PUT', f'/v2/{repository}/manifests/{tag}', text, Content_Type=media_type).close()

    def put(self, repository, tag, image):
        """Puts an image there; gives the name it has then."""
        for digest, data in image.blobs.items():
            self.put_blob(repository, digest, data)
        self.put_manifest(repository, tag, image.text)
        return f'{self.host}/{repository}:{tag}'

    def manifest(self, repository, tag):
        """The bytes of a manifest, and its type."""
        with self.request('GET', f'/v2/{repository}/manifests/{tag}',
                          Accept=f'{OCI_MANIFEST}, {OCI_INDEX}, application/vnd.docker.distribution.manifest.v2+json') as reply:
            return reply.read(), reply.headers['Content-Type']
