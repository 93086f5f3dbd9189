#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Restart policies, pause, restart, cleanup, prune and evict, on real containers."""

import os
import sqlite3
import time

from cases import BusyboxCase
from service import Case, Service, main, parent_of, wait_for


class UpkeepCase(BusyboxCase):
    def setUp(self):
        self.since = self.client.last_seq()

    def statuses(self, container):
        return [event['status'] for event in self.client.events(self.since)[0] if event['id'] == container.id]

    def wait_for_count(self, container, status, count, seconds=20):
        wait_for(lambda: self.statuses(container).count(status) >= count, seconds, f'{count} x {status}')


class RestartPolicyTest(UpkeepCase):
    def test_on_failure_gives_up_after_its_retries(self):
        container = self.client.create('sh', '-c', 'exit 3', restart_policy='on-failure:2')
        container.start()
        self.wait_for_count(container, 'died', 3)
        container.wait_exited()
        time.sleep(1)           # a third restart would have come after 0.4 s
        self.assertEqual(self.statuses(container).count('start'), 3)
        self.assertEqual(self.statuses(container).count('restart'), 2)
        self.assertEqual(container.get('RestartCount'), 2)
        self.assertEqual(container.get('ExitCode'), 3)

    def test_on_failure_lets_success_be(self):
        container = self.client.create('true', restart_policy='on-failure')
        container.start()
        container.wait_exited()
        time.sleep(0.4)
        self.assertEqual(self.statuses(container).count('start'), 1)

    def test_no_is_the_default(self):
        container = self.client.create('false')
        container.start()
        container.wait_exited()
        time.sleep(0.4)
        self.assertEqual(self.statuses(container).count('start'), 1)

    def test_always_waits_longer_each_time(self):
        container = self.client.create('true', restart_policy='always')
        container.start()
        self.wait_for_count(container, 'start', 4)
        starts = [event['time'] for event in self.client.events(self.since)[0]
                  if event['id'] == container.id and event['status'] == 'start']
        gaps = [later - sooner for sooner, later in zip(starts, starts[1:])]
        for gap, least in zip(gaps, (100000, 200000, 400000)):
            self.assertGreaterEqual(gap, least)
        container.stop(timeout=0)

    def test_stop_beats_a_restart_that_is_due(self):
        for policy in 'always', 'unless-stopped':
            container = self.client.create('sh', '-c', 'exit 1', restart_policy=policy)
            container.start()
            self.wait_for_count(container, 'start', 3)
            container.stop(timeout=0)
            container.wait_exited()
            seen = self.statuses(container).count('start')
            time.sleep(1)
            self.assertEqual(self.statuses(container).count('start'), seen, policy)

    def test_a_kill_that_ends_it_counts_as_a_stop(self):
        container = self.client.create('sleep', '100', restart_policy='always')
        container.start()
        container.kill()
        container.wait_exited()
        time.sleep(0.4)
        self.assertEqual(self.statuses(container).count('start'), 1)

    def test_an_end_by_itself_is_followed_by_a_start_and_a_start_resets_the_count(self):
        container = self.client.create('sleep', '100', restart_policy='unless-stopped')
        container.start()
        os.kill(container.get('Pid'), 9)
        self.wait_for_count(container, 'restart', 1)
        self.assertEqual(container.get('RestartCount'), 1)
        container.stop(timeout=0)
        container.wait_exited()
        container.start()
        self.assertEqual(container.get('RestartCount'), 0)

    def test_bad_policies_are_refused(self):
        for policy in 'sometimes', 'always:3', 'on-failure:', 'on-failure:-1', '':
            with self.assert_error('InvalidArgument', 'restart-policy'):
                self.client.create('true', restart_policy=policy)
        with self.assert_error('InvalidArgument', 'restart-policy', 'auto-remove'):
            self.client.create('true', restart_policy='always', auto_remove=True)

    def test_removed_while_a_restart_is_due(self):
        container = self.client.create('false', restart_policy='always')
        container.start()
        self.wait_for_count(container, 'start', 3)
        container.remove(force=True)
        time.sleep(1)
        self.assertEqual(self.statuses(container)[-1], 'remove')


class RebootTest(Case):
    def test_policies_after_a_reboot(self):
        service = Service('reboot')
        self.addCleanup(service.destroy)
        service.client.import_busybox()
        names = {}
        for policy in 'no', 'always', 'unless-stopped', 'on-failure':
            for stopped in False, True:
                container = service.client.create('sleep', '100', restart_policy=policy)
                names[container.name] = (policy, stopped)
                container.start()
                if stopped:
                    container.stop(timeout=0)
                    container.wait_exited()
        pids = [row['pid'] for row in service.client.list(fields=['pid']) if row['pid']]
        monitors = [parent_of(pid) for pid in pids]
        service.kill()
        for pid in monitors + pids:
            os.kill(pid, 9)
        service.start(CPOD_BOOT_ID='another boot')
        client = service.client
        wait_for(lambda: len(client.list(all=False)) >= 3, 20, 'three containers')
        time.sleep(0.5)
        running = {names[row['name']] for row in client.list(all=False)}
        self.assertEqual(running, {('always', False), ('always', True), ('unless-stopped', False)})
        self.assertEqual([event['status'] for event in client.events()[0]].count('refresh'), 1)
        self.assertEqual(client.check(), [])

    def test_metadata_that_a_power_cut_lost(self):
        service = Service('power')
        self.addCleanup(service.destroy)
        service.client.import_busybox()
        lost, cut, kept = (service.client.create('true', name=name) for name in ('lost', 'cut', 'kept'))
        service.stop()
        paths = [service.state('lib', 'containers', container.id, 'container.json') for container in (lost, cut, kept)]
        before = []
        for path in paths:
            with open(path, encoding='utf-8') as file:
                before.append(file.read())
        os.unlink(paths[0])
        os.truncate(paths[1], 0)
        service.start(CPOD_BOOT_ID='another boot')
        for path, text in zip(paths, before):
            with open(path, encoding='utf-8') as file:
                self.assertEqual(file.read(), text)
        self.assertEqual(sorted(row['name'] for row in service.client.list()), ['cut', 'kept', 'lost'])
        self.assert_well(service)


class PauseTest(UpkeepCase):
    def quiet(self, container):
        """How many lines there are once no more come: what was written last may still be on its way to the log."""
        for _ in range(50):
            lines = len(container.log())
            time.sleep(0.3)
            if len(container.log()) == lines:
                return lines
        raise AssertionError('it still writes')

    def test_pause_and_unpause(self):
        container = self.client.create('sh', '-c', 'while :; do echo x; sleep 0.02; done')
        container.start()
        container.call('Pause')
        self.assertEqual(container.get('State'), 'paused')
        lines = self.quiet(container)
        with self.assert_error('InvalidState', container.name, 'paused'):
            container.call('Pause')
        container.call('Unpause')
        self.assertEqual(container.get('State'), 'running')
        wait_for(lambda: len(container.log()) > lines, 5, 'output')
        with self.assert_error('InvalidState', container.name, 'running'):
            container.call('Unpause')
        self.assertEqual(self.statuses(container)[-2:], ['pause', 'unpause'])

    def test_a_paused_container_can_be_stopped_and_removed(self):
        for end, options in ('Stop', {'timeout': 1}), ('Remove', {'force': True, 'timeout': 0}):
            container = self.client.create('sleep', '100', stop_signal='KILL')
            container.start()
            container.call('Pause')
            container.call(end, **options)
            self.assertIn('died', self.statuses(container))


class RestartTest(UpkeepCase):
    def test_restart(self):
        container = self.client.create('sleep', '100')
        container.start()
        pid = container.get('Pid')
        container.call('Restart', timeout=0)
        self.assertNotEqual(container.get('Pid'), pid)
        # The end of the stop and the cleanup after it are told by two threads.
        seen = [status for status in self.statuses(container) if status != 'stop']
        self.assertEqual(seen, ['create', 'init', 'start', 'died', 'cleanup', 'init', 'start', 'restart'])
        self.assertEqual(self.statuses(container).count('stop'), 1)

    def test_restart_of_one_that_does_not_run(self):
        container = self.client.create('sleep', '100')
        container.call('Restart')
        self.assertEqual(container.get('State'), 'running')
        self.assertEqual(self.statuses(container)[-1], 'restart')

    def test_cleanup(self):
        container = self.client.create('true')
        container.call('Cleanup')
        self.assertEqual(container.get('State'), 'configured')
        container.init()
        container.call('Cleanup')
        self.assertEqual(container.get('State'), 'configured')
        container.start()
        container.wait_exited()
        container.call('Cleanup')
        self.assertEqual(container.get('State'), 'exited')


class A32PruneTest(UpkeepCase):
    def prune(self, **options):
        return self.client.job_wait(self.client.runtime('PruneContainers', **options))

    def test_prune_and_its_preview(self):
        ended = self.client.create('sh', '-c', 'head -c 100000 /dev/zero > /file')
        ended.start()
        ended.wait_exited()
        fresh = self.client.create('true')
        running = self.client.create('sleep', '100')
        running.start()
        ids, size = self.client.runtime('PrunePreview')
        self.assertEqual(sorted(ids), sorted([ended.id, fresh.id]))
        self.assertGreaterEqual(size, 100000)
        result = self.prune()
        self.assertEqual(sorted(result['removed']), sorted(ids))
        self.assertEqual(result['bytes'], size)
        self.assertEqual(result['errors'], {})
        self.assertEqual([row['id'] for row in self.client.list()], [running.id])
        self.assertEqual(self.prune()['removed'], [])

    def test_filters(self):
        old = self.client.create('true', labels={'keep': 'no'})
        border = int(time.time() * 1e6)
        new = self.client.create('true', labels={'keep': 'yes'})
        self.assertEqual(self.client.runtime('PrunePreview', label=['keep=yes'])[0], [new.id])
        self.assertEqual(self.client.runtime('PrunePreview', until=border)[0], [old.id])
        self.assertEqual(self.client.runtime('PrunePreview', label=['keep=yes'], until=border)[0], [])
        self.assertEqual(self.prune(until=border)['removed'], [old.id])
        self.assertEqual(self.prune(label=['keep'])['removed'], [new.id])
        with self.assert_error('InvalidArgument', 'labels'):
            self.prune(labels={})


class A30EvictTest(Case):
    def test_trap_44_a_running_container_whose_configuration_is_broken(self):
        service = Service('evict')
        self.addCleanup(service.destroy)
        service.client.import_busybox()
        container = service.client.create('sleep', '100')
        container.start()
        pid = container.get('Pid')
        service.kill()
        with sqlite3.connect(os.path.join(service.root, 'lib', 'cpod.db')) as database:
            database.execute("UPDATE container SET config = '{broken'")
        database.close()
        service.start()
        client = service.client
        self.assertEqual(client.runtime('Evict', 's', container.name), container.id)
        wait_for(lambda: not os.path.exists(f'/proc/{pid}'), 5, 'the end of the process')
        self.assertEqual(client.list(), [])
        self.assertEqual([event['status'] for event in client.events()[0]][-1], 'remove')
        self.assertEqual(client.check(), [])
        with self.assert_error('NoSuchContainer', container.name):
            client.runtime('Evict', 's', container.name)


if __name__ == '__main__':
    main()
