#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Containers that need others: the order of starts and removals, and what previews tell of them."""

import os
import random
import sqlite3
import threading

from cases import BusyboxCase
from service import ERROR, CallError, main, wait_for


class DependencyCase(BusyboxCase):
    changes = ('CMD ["sleep", "1000"]', 'STOPSIGNAL SIGKILL')

    def setUp(self):
        self.since = self.client.last_seq()

    def told(self, *statuses):
        """The names of containers that events of these statuses were about, since the test began."""
        return [event['name'] for event in self.client.events(self.since)[0] if event['status'] in statuses]

    def states(self):
        return {row['name']: (row['state'], row['pid']) for row in self.client.list(fields=['name', 'state', 'pid'])}

    def create(self, name, *depends, **options):
        return self.client.create(name=name, depends=list(depends), **options)

    def chain(self):
        """c needs b, b needs a."""
        return self.create('a'), self.create('b', 'a'), self.create('c', 'b')

    def diamond(self):
        base, left, right = self.create('base'), self.create('left', 'base'), self.create('right', 'base')
        return base, left, right, self.create('top', 'right', 'left')

    def edit(self, *statements):
        """Changes the records as nobody should."""
        self.service.kill()
        with sqlite3.connect(self.service.state('lib', 'cpod.db')) as database:
            for statement in statements:
                database.execute(*statement)
        database.close()
        self.service.start()


class StartTest(DependencyCase):
    def test_in_order(self):
        self.chain()[2].start()
        self.assertEqual(self.told('start'), ['a', 'b', 'c'])

    def test_each_once(self):
        top = self.diamond()[3]
        top.start()
        order = self.told('start')
        self.assertEqual((order[0], order[3]), ('base', 'top'))
        self.assertEqual(sorted(order[1:3]), ['left', 'right'])

    def test_what_runs_is_let_be(self):
        first, second, third = self.chain()
        first.start()
        pid = first.get('Pid')
        third.start()
        self.assertEqual(first.get('Pid'), pid)
        self.assertEqual(self.told('start'), ['a', 'b', 'c'])
        second.stop()
        second.wait_exited()
        second.start()
        self.assertEqual(self.told('start'), ['a', 'b', 'c', 'b'])

    def test_nothing_is_started_for_one_that_cannot_be(self):
        first, second, _ = self.chain()
        second.start()
        first.stop()
        first.wait_exited()
        with self.assert_error('InvalidState', 'b', 'running'):
            second.start()
        self.assertEqual(first.get('State'), 'exited')

    def test_one_that_is_paused_is_told(self):
        first, second, _ = self.chain()
        first.start()
        first.call('Pause')
        with self.assert_error('InvalidState', 'a', 'paused'):
            second.start()
        self.assertEqual(second.get('State'), 'configured')

    def test_one_that_fails_is_told(self):
        self.create('broken', command=['/no/such/program'])
        needy = self.create('needy', 'broken')
        with self.assert_error('ExecutableNotFound', 'broken', needy.id):
            needy.start()
        self.assertEqual(self.told('start'), [])

    def test_by_attaching(self):
        first, second, _ = self.chain()
        stream = second.attach()
        self.assertEqual(first.get('State'), 'running')
        second.start()
        stream.close()
        self.assertEqual(self.told('start'), ['a', 'b'])

    def test_init_wants_them_to_run(self):
        first, second, _ = self.chain()
        with self.assert_error('InvalidState', 'b', 'a', 'configured'):
            second.init()
        first.start()
        second.init()
        self.assertEqual(second.get('State'), 'created')

    def test_many_clients_at_once(self):
        self.diamond()
        others = [self.create(f'other{number}', 'left', 'right') for number in range(4)]
        errors = []

        def start(path):
            client = self.service.connect()
            try:
                client.call(path, 'Container', 'Start')
            except CallError as error:
                errors.append(error)
            client.close()
        threads = [threading.Thread(target=start, args=(container.path,)) for container in others]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(errors, [])
        order = self.told('start')
        self.assertEqual(sorted(order), sorted(set(order)))
        self.assertEqual((order[0], sorted(order[1:3])), ('base', ['left', 'right']))

    def test_a_circle_is_told(self):
        first, second, third = self.chain()
        self.edit(('INSERT INTO dependency (id, depends_on) VALUES (?, ?)', (first.id, third.id)))
        for name, words in ('a', 'a → c → b → a'), ('c', 'c → b → a → c'):
            with self.assert_error('BadDependency', words):
                self.client.container(name).start()
        self.assertEqual(self.told('start'), [])
        self.assertEqual(self.client.runtime('RemovePreview', 's', 'b', depend=True)[1], [])
        self.client.runtime('Remove', 's', 'b', depend=True)
        self.assertEqual(self.client.list(), [])

    def test_one_that_needs_itself_is_told(self):
        first = self.create('a')
        self.edit(('INSERT INTO dependency (id, depends_on) VALUES (?1, ?1)', (first.id,)))
        with self.assert_error('BadDependency', 'a → a'):
            self.client.container('a').start()
        self.client.runtime('Remove', 's', 'a')

    def test_a_missing_one_is_told(self):
        ghost = '0123456789abcdef' * 4
        needy = self.create('needy')
        self.create('top', 'needy')
        self.edit(('INSERT INTO dependency (id, depends_on) VALUES (?, ?)', (needy.id, ghost)))
        for verb in 'Start', 'Init', 'Restart', 'Attach':
            with self.assert_error('BadDependency', 'needy', ghost):
                self.client.container('needy').call(verb)
        with self.assert_error('BadDependency', 'needy', ghost):
            self.client.container('top').start()
        self.assertEqual([(problem['object'], ghost in problem['text']) for problem in self.client.check()],
                         [(needy.id, True)])


class A21Depends(DependencyCase):
    def test_by_name_and_id(self):
        first, second, _ = self.chain()
        needy = self.create('needy', 'a', first.id, second.id[:20])
        self.assertEqual(sorted(needy.inspect()['Dependencies']), sorted([first.id, second.id]))
        self.assertEqual(first.inspect()['Dependencies'], [])

    def test_unknown_ones_are_refused(self):
        for name in 'ghost', '%', '':
            with self.assert_error('NoSuchContainer', 'depends', f"'{name}'"):
                self.create('needy', name)
        self.assertEqual(self.client.list(), [])

    def test_it_outlives_the_service(self):
        self.chain()
        self.service.restart()
        self.client.container('c').start()
        self.assertEqual(self.told('start'), ['a', 'b', 'c'])


class RestartTest(DependencyCase):
    def test_restart_wants_them_to_run(self):
        first, second, _ = self.chain()
        second.start()
        pid = second.get('Pid')
        first.stop()
        first.wait_exited()
        with self.assert_error('InvalidState', 'b', 'a', 'exited'):
            second.call('Restart')
        self.assertEqual((second.get('State'), second.get('Pid')), ('running', pid))
        first.start()
        second.call('Restart')
        self.assertNotEqual(second.get('Pid'), pid)

    def test_stop_lets_the_others_be(self):
        containers = self.chain()
        containers[2].start()
        containers[0].stop()
        containers[0].wait_exited()
        self.assertEqual([container.get('State') for container in containers], ['exited', 'running', 'running'])

    def test_a_policy_starts_them_first(self):
        base = self.create('base')
        needy = self.create('needy', 'base', restart_policy='always')
        needy.start()
        for container in base, needy:
            os.kill(container.get('Pid'), 9)
        wait_for(lambda: self.told('start').count('needy') == 2, 30, 'the restart')
        self.assertEqual(self.told('start'), ['base', 'needy', 'base', 'needy'])

    def test_a_policy_does_not_start_what_was_stopped(self):
        base = self.create('base')
        needy = self.create('needy', 'base', restart_policy='always')
        needy.start()
        base.stop()
        base.wait_exited()
        os.kill(needy.get('Pid'), 9)
        wait_for(lambda: needy.get('RestartCount') >= 2, 30, 'two tries')
        self.assertEqual(self.told('start'), ['base', 'needy'])
        base.start()
        wait_for(lambda: needy.get('State') == 'running', 70, 'the next try')
        self.assertEqual(self.told('start'), ['base', 'needy', 'base', 'needy'])

    def test_after_a_reboot(self):
        self.create('a')
        self.create('b', 'a', restart_policy='always')
        top = self.create('c', 'b', restart_policy='unless-stopped')
        other = self.create('d', restart_policy='always')
        top.start()
        other.start()
        self.client.container('a').stop()
        pids = [row['pid'] for row in self.client.list(fields=['pid']) if row['pid']]
        self.service.kill()
        for pid in pids:
            os.kill(pid, 9)
        self.since = 0
        self.service.start(CPOD_BOOT_ID='another boot of ' + self.id())
        wait_for(lambda: len(self.client.list(all=False)) == 4, 30, 'four containers')
        events = [(event['status'], event['name']) for event in self.client.events()[0]]
        order = [name for status, name in events[events.index(('refresh', '')):] if status == 'start' and name != 'd']
        self.assertEqual(order, ['a', 'b', 'c'])


class A29Remove(DependencyCase):
    def test_refused(self):
        containers = self.chain()
        for force in False, True:
            with self.assert_error('DependentsExist', 'container b depends on container a', 'depend'):
                containers[0].remove(force=force)
        containers[2].remove()
        containers[1].remove()
        containers[0].remove()
        self.assertEqual(self.told('remove'), ['c', 'b', 'a'])

    def test_with_what_depends_on_it(self):
        containers = self.chain()
        other = self.create('other')
        self.client.runtime('Remove', 's', 'a', depend=True)
        self.assertEqual(self.told('remove'), ['c', 'b', 'a'])
        self.assertEqual([row['id'] for row in self.client.list()], [other.id])
        with self.assert_error('NoSuchContainer'):
            self.client.runtime('Remove', 's', containers[1].id, depend=True)

    def test_depend_does_not_mean_force(self):
        containers = self.chain()
        containers[2].start()
        before = self.states()
        with self.assert_error('InvalidState', 'container c is running', 'container a is running'):
            containers[0].remove(depend=True)
        self.assertEqual(self.states(), before)
        containers[0].remove(depend=True, force=True, timeout=0)
        self.assertEqual(self.client.list(), [])

    def test_evict_is_refused_too(self):
        containers = self.chain()
        containers[2].start()
        before = self.states()
        with self.assert_error('DependentsExist', 'b'):
            self.client.runtime('Evict', 's', 'a')
        self.assertEqual(self.states(), before)
        for name in 'c', 'b', 'a':
            self.client.runtime('Evict', 's', name)

    def test_one_that_removes_itself_waits_for_what_depends_on_it(self):
        base = self.create('base', auto_remove=True)
        needy = self.create('needy', 'base')
        needy.start()
        base.stop()
        base.wait_exited()
        self.assertEqual(base.get('State'), 'exited')
        needy.remove(force=True, timeout=0)
        wait_for(lambda: not self.client.list(), 30, 'the removal')
        self.assertEqual(self.told('remove'), ['needy', 'base'])

    def test_who_waits_for_such_a_removal_waits_for_the_end(self):
        base = self.create('base', command=['sh', '-c', 'exit 3'], auto_remove=True)
        self.create('needy', 'base')
        base.start()
        self.assertEqual(base.wait('removed'), 3)
        self.assertEqual(base.get('State'), 'exited')

    def test_of_an_image(self):
        self.client.import_busybox('other', changes=['CMD ["sleep", "1000"]', 'STOPSIGNAL SIGKILL'])
        self.create('base', image='other')
        near = self.create('near', 'base', image='other')
        far = self.create('far', 'base')
        far.start()
        near.start()
        before = self.states()
        with self.assert_error('DependentsExist', 'far'):
            self.client.images('RemoveImage', 's', 'other', force=True)
        self.assertEqual(self.states(), before)
        far.remove(force=True)
        self.client.images('RemoveImage', 's', 'other', force=True)
        self.assertEqual(self.told('remove')[:3], ['far', 'near', 'base'])
        self.assertEqual(self.client.list(), [])


class Trap39KilledBeforeChecked(DependencyCase):
    """What depends on the victim is looked at before anything is done to the victim."""

    def test_a_running_victim(self):
        containers = self.chain()
        containers[2].start()
        before = self.states()
        seq = self.client.last_seq()
        for options in {'force': True}, {'force': True, 'timeout': 0}:
            with self.assert_error('DependentsExist', 'b'):
                containers[0].remove(**options)
        self.assertEqual(self.states(), before)
        self.assertEqual(self.client.last_seq(), seq)

    def test_a_paused_victim(self):
        containers = self.chain()
        containers[1].start()
        containers[0].call('Pause')
        before = self.states()
        with self.assert_error('DependentsExist', 'b'):
            containers[0].remove(force=True)
        self.assertEqual(self.states(), before)
        self.assertEqual(before['a'][0], 'paused')

    def test_nobody_comes_to_depend_on_one_that_is_ended(self):
        victim = self.create('victim', command=['sh', '-c', 'trap "" TERM; echo ready; while :; do sleep 0.1; done'],
                             stop_signal='TERM')
        victim.start()
        wait_for(lambda: 'ready' in victim.output(), 20, 'the trap')
        other = self.service.connect()
        thread = threading.Thread(target=lambda: other.call(victim.path, 'Container', 'Remove', force=True, timeout=3))
        thread.start()
        wait_for(lambda: victim.get('State') == 'stopping', 20, 'the stop')
        with self.assert_error('BeingRemoved', 'depends', victim.id):
            self.create('late', 'victim')
        thread.join()
        other.close()
        self.assertEqual(self.client.list(), [])

    def test_creations_and_removals_at_once(self):
        """Whoever comes first: nobody depends on what is gone, and nothing is ended in vain."""
        lost = []

        def create_some():
            client = self.service.connect()
            for _ in range(20):
                try:
                    client.create(depends=['victim'])
                except CallError as error:
                    if error.name not in (ERROR + 'BeingRemoved', ERROR + 'NoSuchContainer'):
                        lost.append(error)
            client.close()
        for _ in range(5):
            victim = self.create('victim')
            victim.start()
            pid = victim.get('Pid')
            thread = threading.Thread(target=create_some)
            thread.start()
            try:
                victim.remove(force=True, timeout=0)
            except CallError as error:
                self.assertEqual(error.name, ERROR + 'DependentsExist')
                self.assertEqual((victim.get('State'), victim.get('Pid')), ('running', pid))
            thread.join()
            self.assert_well(self.service)
            self.service.remove_all()
        self.assertEqual(lost, [])


class PreviewCase(DependencyCase):
    """What is previewed is what happens, in states that are made at random."""

    def make_some(self, dice):
        """Containers that depend on each other, some of which run."""
        names = [f'c{number}' for number in range(dice.randint(2, 6))]
        containers = [self.create(name, *[other for other in names[:number] if dice.random() < 0.4])
                      for number, name in enumerate(names)]
        for container in containers:
            if dice.random() < 0.4 and container.get('State') != 'running':
                container.start()
        for container in containers:
            if container.get('State') == 'running' and dice.random() < 0.3:
                container.call('Pause') if dice.random() < 0.5 else container.stop(timeout=0)
        for container in containers:
            if container.get('State') in ('stopping', 'stopped'):
                container.wait_exited()
        return containers

    def rounds(self, count, what):
        for number in range(count):
            dice = random.Random(f'{self.id()} {number}')
            with self.subTest(number):
                what(dice, self.make_some(dice))
                self.service.remove_all()


class A29Preview(PreviewCase):
    def remove_some(self, dice, containers):
        target = dice.choice(containers)
        options = {'force': dice.random() < 0.5, 'depend': dice.random() < 0.5}
        before, since = self.states(), self.client.last_seq()
        ids, blockers = self.client.runtime('RemovePreview', 's', target.name, **options)
        self.assertEqual((self.states(), self.client.last_seq()), (before, since))
        try:
            self.client.runtime('Remove', 's', target.name, timeout=0, **options)
        except CallError as error:
            self.assertIn(error.name, (ERROR + 'DependentsExist', ERROR + 'InvalidState'))
            self.assertNotEqual(blockers, [], error.message)
            for blocker in blockers:
                self.assertIn(blocker['text'], error.message)
                self.assertIn(blocker['name'], before)
            self.assertEqual((self.states(), self.client.last_seq()), (before, since))
            return
        self.assertEqual(blockers, [])
        removed = [event['id'] for event in self.client.events(since)[0] if event['status'] == 'remove']
        self.assertEqual(removed, ids)
        self.assertEqual(ids[-1], target.id)
        rest = {container.name: before[container.name] for container in containers if container.id not in ids}
        self.assertEqual(self.states(), rest)

    def test_remove(self):
        self.rounds(25, self.remove_some)

    def test_words(self):
        containers = self.chain()
        containers[0].start()
        ids, blockers = self.client.runtime('RemovePreview', 's', 'a')
        self.assertEqual(ids, [containers[0].id])
        self.assertEqual([(blocker['id'], blocker['reason']) for blocker in blockers],
                         [(containers[1].id, 'dependent'), (containers[0].id, 'state')])
        self.assertEqual(self.client.runtime('RemovePreview', 's', 'a', depend=True, force=True),
                         ([container.id for container in reversed(containers)], []))
        with self.assert_error('NoSuchContainer', 'ghost'):
            self.client.runtime('RemovePreview', 's', 'ghost')
        with self.assert_error('InvalidArgument', 'timeout'):
            self.client.runtime('RemovePreview', 's', 'a', timeout=1)


class A32PrunePreview(PreviewCase):
    def prune(self, _dice, containers):
        before, since = self.states(), self.client.last_seq()
        ids, size = self.client.runtime('PrunePreview')
        self.assertEqual((self.states(), self.client.last_seq()), (before, since))
        result = self.client.job_wait(self.client.runtime('PruneContainers'))
        self.assertEqual((result['removed'], result['errors'], result['bytes']), (ids, {}, size))
        removed = [event['id'] for event in self.client.events(since)[0] if event['status'] == 'remove']
        self.assertEqual(removed, ids)
        rest = {container.name: before[container.name] for container in containers if container.id not in ids}
        self.assertEqual(self.states(), rest)

    def test_prune(self):
        self.rounds(15, self.prune)

    def test_prune_lets_be_what_is_needed(self):
        containers = self.chain()
        other = self.create('other')
        containers[2].start()
        containers[0].stop()
        containers[0].wait_exited()
        self.prune(None, (*containers, other))
        self.assertEqual(sorted(self.states()), ['a', 'b', 'c'])


if __name__ == '__main__':
    main()
