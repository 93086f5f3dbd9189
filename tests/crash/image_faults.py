# SPDX-License-Identifier: LGPL-2.1-or-later
"""The service is killed while it works on images."""

import subprocess

from images_in_archives import Saved, begin_load, begin_save, docker_members, pack_members
from registry import Image, Registry, pack, write_layout
from service import files_in


class ImageFaults:
    """For a case that can kill the service."""

    def import_dies(self, point):
        self.arm(point)
        since = self.client.last_seq()
        self.die(lambda: self.client.import_busybox('victim', message=point))
        self.revive()
        events = self.assert_whole(since)
        names = [name for image in self.client.images('ListImages') for name in image['names']]
        done = point == 'pull.committed'
        self.assertEqual([e['status'] for e in events], ['import'] if done else [])
        self.assertEqual(sorted(names), ['localhost/busybox:latest'] + ['localhost/victim:latest'] * done)
        if not done:
            self.client.import_busybox('victim', message=point)
        self.assertEqual(self.client.run('echo', 'here', image='victim'), (0, 'here\n'))
        self.client.images('RemoveImage', 's', 'victim')
        self.assertEqual(self.client.check(), [])

    def other_image(self):
        """An image whose layer no other one has."""
        path = self.service.state('other.tar')
        subprocess.run(['tar', '-cf', path, '--transform=s,.*,file,', __file__], check=True, stderr=subprocess.DEVNULL)
        return self.client.import_image(path, 'victim')

    def remove_image_dies(self, point):
        ident = self.other_image()['id']
        blobs = len(files_in(self.service.root, 'lib', 'storage', 'images', 'blobs', 'sha256'))
        self.arm(point)
        since = self.client.last_seq()
        self.die(lambda: self.client.images('RemoveImage', 's', 'victim'))
        self.revive()
        events = self.assert_whole(since)
        done = point == 'remove-image.committed'
        self.assertEqual(self.statuses(events, ident), ['untag', 'remove'] if done else [])
        left = len(files_in(self.service.root, 'lib', 'storage', 'images', 'blobs', 'sha256'))
        self.assertEqual(left, blobs - 3 if done else blobs)
        if not done:
            self.client.images('RemoveImage', 's', 'victim')
        with self.assert_error('NoSuchImage'):
            self.client.images('GetImage', 's', 'victim')
        self.assertEqual(len(files_in(self.service.root, 'lib', 'storage', 'overlay', 'layers')), 1)

    def tag_dies(self, point):
        ident = self.other_image()['id']
        self.client.import_busybox('loser', message=point)
        self.arm(point)
        since = self.client.last_seq()
        self.die(lambda: self.client.call(f'/org/cpod/Cpod1/images/{ident}', 'Image', 'Tag', 'as', ['more', 'loser']))
        self.revive()
        events = self.assert_whole(since)
        self.assertEqual([(e['status'], e['name']) for e in events],
                         [('tag', 'localhost/more:latest'), ('tag', 'localhost/loser:latest')])
        names = {image['id']: image['names'] for image in self.client.images('ListImages')}
        self.assertEqual(names.pop(ident), ['localhost/loser:latest', 'localhost/more:latest', 'localhost/victim:latest'])
        self.assertEqual(sorted(names.values()), [[], ['localhost/busybox:latest']])
        for left in self.client.images('ListImages'):
            if 'localhost/busybox:latest' not in left['names']:
                self.client.images('RemoveImage', 's', left['id'], all_names=True)

    def untag_dies(self, point):
        """Of what the image loses nothing is left, though nobody has cleared it away."""
        self.other_image()
        image = Image(pack(x=point.encode()))
        registry = Registry(point)
        self.addCleanup(registry.stop)
        name = registry.put('a', '1', image)
        self.client.job_wait(self.client.images('Pull', 's', name, tls_verify=False))
        path = self.client.images('GetImage', 's', name)
        self.arm(point)
        since = self.client.last_seq()
        self.die(lambda: self.client.call(path, 'Image', 'Untag', 'as', []))
        self.revive()
        self.assertEqual([(e['status'], e['name']) for e in self.assert_whole(since)], [('untag', name)])
        self.assertEqual(self.client.property(path, 'Image', 'Names'), [])
        for ident in image.id, 'victim':
            self.client.images('RemoveImage', 's', ident)
        self.assertEqual(len(files_in(self.service.root, 'lib', 'storage', 'images', 'blobs', 'sha256')), 3)

    def prune_images_dies(self, point):
        """What was removed is gone, the rest goes with the next prune."""
        idents = []
        for number in range(2):
            idents.append(self.client.import_busybox(message=f'{point} {number}', reference='victim')['id'])
        self.client.call(f'/org/cpod/Cpod1/images/{idents[1]}', 'Image', 'Untag', 'as', [])
        prune = lambda: self.client.job_wait(self.client.images('PruneImages'))  # noqa: E731
        self.arm(point)
        since = self.client.last_seq()
        self.die(prune)
        self.revive()
        gone = [e['id'] for e in self.assert_whole(since) if e['status'] == 'remove']
        self.assertEqual(len(gone), 1 if point == 'prune-images.one' else 2)
        self.assertEqual(sorted(gone + prune()['removed']), sorted(idents))
        self.assertEqual([image['names'] for image in self.client.images('ListImages')], [['localhost/busybox:latest']])
        self.assertEqual([e['status'] for e in self.client.events(since)[0]].count('prune'), 2 - len(gone))

    def pull_dies(self, point):
        image = Image(pack(first=b'1'), pack(second=b'2'), marker=point)
        layout = write_layout(self.service.state(point), image)

        def pull():
            job = self.client.images('Pull', 's', f'oci:{layout}:latest', name='victim')
            return self.client.job_wait(job)
        if point == 'pull.confirmed':
            pull()
        self.arm(point)
        since = self.client.last_seq()
        self.die(pull)
        self.revive()
        events = self.assert_whole(since)
        done = point in ('pull.committed', 'pull.confirmed')
        self.assertEqual([e['status'] for e in events], ['pull'] if done else [])
        names = [name for found in self.client.images('ListImages') for name in found['names']]
        self.assertEqual('localhost/victim:latest' in names, done)
        self.assertEqual(pull()['id'], image.id)
        self.assertEqual(self.client.check(), [])
        self.client.images('RemoveImage', 's', 'victim')
        self.assertEqual(len(files_in(self.service.root, 'lib', 'storage', 'overlay', 'layers')), 1)
        self.assertEqual(self.client.check(), [])
        if point in ('pull.intent', 'pull.unpacked', 'pull.blobs', 'pull.renamed', 'pull.committed'):
            self.load_dies(point)       # these take the same way from there on
            self.import_dies(point)

    def load(self, data):
        return self.client.job_wait(begin_load(self.client, data))

    def load_dies(self, point):
        """Both images of an archive are there, or none."""
        images = [Saved(pack(base=point.encode()), pack(file=name.encode()), marker=point) for name in ('one', 'two')]
        archive = pack_members(docker_members((images[0], 'one'), (images[1], 'two')))
        names = {'localhost/one:latest', 'localhost/two:latest'}
        self.arm(point)
        since = self.client.last_seq()
        self.die(lambda: self.load(archive))
        self.revive()
        events = self.assert_whole(since)
        done = point == 'pull.committed'
        self.assertEqual([e['status'] for e in events], ['loadfromarchive'] * 2 if done else [])
        found = {name for image in self.client.images('ListImages') for name in image['names']}
        self.assertEqual(found & names, names if done else set())
        self.load(archive)
        self.assertEqual(self.client.check(), [])
        for name in ('one', 'two'):
            self.client.images('RemoveImage', 's', name)
        self.assertEqual(len(files_in(self.service.root, 'lib', 'storage', 'overlay', 'layers')), 1)
        self.assertEqual(self.client.check(), [])

    def save_dies(self, point):
        def save():
            self.client.job_wait(begin_save(self.client, '/dev/null', 'busybox'))
        self.arm(point)
        since = self.client.last_seq()
        self.die(save)
        self.revive()
        self.assertEqual(self.assert_whole(since), [])
        save()
        self.assertEqual([e['status'] for e in self.assert_whole(since)], ['save'])

    def push_dies(self, point):
        target = f'dir:{self.service.state(point)}'

        def push():
            return self.client.job_wait(self.client.images('Push', 'ss', 'busybox', target))
        self.arm(point)
        since = self.client.last_seq()
        self.die(push)
        self.revive()
        self.assertEqual(self.assert_whole(since), [])
        push()
        self.assertEqual([e['status'] for e in self.assert_whole(since)], ['push'])
