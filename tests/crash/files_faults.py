# SPDX-License-Identifier: LGPL-2.1-or-later
"""The service is killed while it makes an image of a container."""

from service import files_in, wait_for


class FilesFaults:
    """For a FaultCase."""

    def commit_dies(self, point):
        script = 'echo kept >/file; while :; do echo x; sleep 0.01; done'
        victim = self.client.create('sh', '-c', script, name='victim')
        victim.start()
        wait_for(lambda: victim.log() != [], what='the first line')
        layers = files_in(self.service.root, 'lib', 'storage', 'overlay', 'layers')
        self.arm(point)
        since = self.client.last_seq()

        def commit():
            return self.client.job_wait(self.client.container('victim').call('Commit', 's', 'made', pause=True))
        self.die(commit)
        self.revive()
        again = self.client.container('victim')
        self.assertEqual(self.statuses(self.assert_whole(since), victim.id),
                         [] if point == 'commit.intent' else ['pause', 'unpause'])
        self.assertEqual(again.get('State'), 'running')
        lines = len(again.log())
        wait_for(lambda: len(again.log()) > lines, what='output')
        self.assertEqual(files_in(self.service.root, 'lib', 'storage', 'overlay', 'layers'), layers)
        with self.assert_error('NoSuchImage'):
            self.client.images('GetImage', 's', 'made')
        commit()
        self.assertEqual(self.client.run('cat', '/file', image='made'), (0, 'kept\n'))
        again.remove(force=True, timeout=0)
        self.client.images('RemoveImage', 's', 'made', force=True)
        self.assertEqual(self.client.check(), [])
