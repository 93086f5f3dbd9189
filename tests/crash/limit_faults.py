# SPDX-License-Identifier: LGPL-2.1-or-later
"""The service is killed while it changes limits or OCI runtimes of containers."""

import json
import os
import shutil

import cgroups


class LimitFaults:
    """For a case that can kill the service."""

    def update_dies(self, point):
        """Record and kernel agree on the limits, whichever they are."""
        victim = self.client.create('sleep', '1000', name='victim', memory=64 << 20)
        victim.start()
        self.arm(point)
        since = self.client.last_seq()
        self.die(lambda: self.client.container('victim').call('Update', memory=32 << 20, pids_limit=77, cpu_shares=512))
        self.revive()
        done = point in ('update.committed', 'update.recorded')
        again = self.client.container('victim')
        self.assertEqual(self.statuses(self.assert_whole(since), victim.id), ['update'] if done else [])
        pid, shown = again.get('Pid'), again.inspect()['HostConfig']
        wanted = [32 << 20, 64 << 20, 77] if done else [64 << 20, 128 << 20, 2048]
        self.assertEqual([shown[key] for key in ('Memory', 'MemorySwap', 'PidsLimit')], wanted)
        self.assertEqual([cgroups.read(pid, limit) for limit in ('memory', 'pids-limit')], [wanted[0], wanted[2]])
        self.assertEqual(cgroups.read(pid, 'cpu-shares') in (512, 20), done)
        with open(self.service.state('lib', 'containers', victim.id, 'container.json'), encoding='utf-8') as file:
            self.assertEqual(json.loads(json.load(file)['config'])['resources']['memory'], wanted[0])
        again.remove(force=True, timeout=0)

    def migrate_dies(self, point):
        path = self.service.state('second')
        if not os.path.exists(path):
            os.symlink(shutil.which('runc'), path)
        victim = self.client.create('sh', '-c', 'exit 7', name='victim')
        self.arm(point)
        since = self.client.last_seq()
        self.die(lambda: self.client.job_wait(self.client.runtime('Migrate', oci_runtime=path, containers=['victim'])))
        self.revive()
        done = point in ('migrate.committed', 'migrate.recorded')
        again = self.client.container('victim')
        self.assertEqual(self.statuses(self.assert_whole(since), victim.id), ['update'] if done else [])
        self.assertEqual((again.get('State'), again.inspect()['OCIRuntime']), ('configured', path if done else 'runc'))
        self.assert_not_running(victim.id)
        with open(self.service.state('lib', 'containers', victim.id, 'container.json'), encoding='utf-8') as file:
            self.assertEqual(json.loads(json.load(file)['config'])['ociRuntime'], path if done else 'runc')
        again.start()
        self.assertEqual(again.wait(), 7)
        again.remove()
