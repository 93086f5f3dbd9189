#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many at once, and the same thing many times."""

import os
import threading

from recorder import Recorder
from service import CallError, Case, ERROR, Service, main, wait_for

CLIENTS = 8
CONTAINERS = 50
SANITIZED = any(word in os.environ.get('ASAN_OPTIONS', '') for word in ('address', 'log_path'))
CYCLES = 400 if SANITIZED else 10000
CYCLERS = 4


class A16ConcurrentTest(Case):
    def setUp(self):
        self.service = Service('concurrent')
        self.client = self.service.client
        self.client.import_busybox()
        self.errors = []

    def tearDown(self):
        self.service.remove_all()
        self.assert_nothing_left(self.service)
        self.service.destroy()

    def in_threads(self, work):
        """Runs WORK(client, number) for each of the clients at once."""
        def guarded(number):
            try:
                work(self.service.connect(), number)
            except BaseException as error:  # pylint: disable=broad-exception-caught
                self.errors.append(error)
        threads = [threading.Thread(target=guarded, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(self.errors, [])

    def test_lives_at_once(self):
        """Each event of 50 lives is told once, in order, and by all ways alike."""
        recorder = Recorder()
        owner = self.service.owner()
        since = self.client.last_seq()
        ids = {}

        def work(client, number):
            for index in range(number, CONTAINERS, CLIENTS):
                container = client.create('sh', '-c', f'exit {index}', name=f'c-{index}')
                ids[index] = container.id
                container.start()
                assert container.wait() == index
                container.rename(f'renamed-{index}')
                container.wait_exited()
                container.remove()
        self.in_threads(work)

        events, last = self.client.events(since)
        self.assert_gapless(events, since)
        self.assertEqual(len(set(ids.values())), CONTAINERS)
        for index, ident in ids.items():
            mine = [e for e in events if e['id'] == ident]
            self.assertEqual([e['status'] for e in mine if e['status'] != 'rename'],
                             ['create', 'init', 'start', 'died', 'cleanup', 'remove'])
            self.assertEqual([e['status'] for e in mine].count('rename'), 1)
            self.assertEqual([e['attributes']['exit-code'] for e in mine if e['status'] == 'died'], [index])
            self.assertEqual(mine[-1]['name'], f'renamed-{index}')
        messages = recorder.take_until(lambda m: m.is_event and m.sender == owner and m.body[0] == last)
        self.assertEqual([m.body[0] for m in messages if m.is_event and m.body[0] > since], [e['seq'] for e in events])
        for member, status in (('Create', 'create'), ('Remove', 'remove'), ('Rename', 'rename')):
            self.assertEqual([m.body[0] for m in messages if m.is_specific and m.member == member],
                             [e['seq'] for e in events if e['status'] == status])
        for member in ('InterfacesAdded', 'InterfacesRemoved'):
            told = [m.body[0].rsplit('/', 1)[1] for m in messages if m.sender == owner and m.member == member]
            self.assertEqual(sorted(told), sorted(ids.values()))
        recorder.close()

    def test_crowd(self):
        """500 callers over few names: a name taken is the only error there is, and no name is given out twice."""
        connections = [self.service.connect() for _ in range(10)]
        since = self.client.last_seq()
        refused = []

        def live(number):
            client = connections[number % len(connections)]
            try:
                container = client.create('true', name=f'n-{number % 100}')
                container.rename(f'm-{number % 50}')
            except CallError as error:
                refused.append(error.name)
            else:
                container.remove()

        threads = [threading.Thread(target=live, args=(number,)) for number in range(500)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertLessEqual(set(refused), {ERROR + 'ContainerExists'})
        events, _ = self.client.events(since)
        self.assert_gapless(events, since)
        names = {}
        for event in events:        # in the order of the commits, a name has one owner at most
            if event['status'] == 'remove':
                self.assertEqual(names.pop(event['name']), event['id'])
                continue
            if event['status'] == 'rename':
                self.assertEqual(names.pop(event['attributes']['old-name']), event['id'])
            self.assertNotIn(event['name'], names)
            names[event['name']] = event['id']
        self.assertEqual({row['name']: row['id'] for row in self.client.list()}, names)

    def test_one_name_for_all(self):
        """Of all who want a name at once, one gets it."""
        for _ in range(5):
            won = []

            def work(client, number):
                try:
                    won.append(client.create('true', name='wanted').id)  # pylint: disable=cell-var-from-loop
                except CallError as error:
                    assert error.name == ERROR + 'ContainerExists', error
            self.in_threads(work)
            self.assertEqual(len(won), 1)
            self.assertEqual([row['id'] for row in self.client.list()], won)
            self.client.container('wanted').remove()

    def test_trap_51_one_container_for_all(self):
        """Whatever is done to one container at once, it is whole, and each outcome was possible."""
        possible = {ERROR + name for name in ('InvalidState', 'BeingRemoved', 'NoSuchContainer', 'ContainerExists')}
        possible |= {'org.freedesktop.DBus.Error.' + name for name in ('UnknownMethod', 'UnknownObject')}
        container = self.client.create('sleep', '100', name='shared')

        def work(client, number):
            mine = client.container(container.id)
            for round_number in range(6):
                for act in (mine.start, lambda: mine.stop(timeout=0), mine.init, mine.kill, lambda: mine.stop(timeout=0),
                            lambda: mine.rename(f'shared-{number}-{round_number}')):  # pylint: disable=cell-var-from-loop
                    try:
                        act()
                    except CallError as error:
                        assert error.name in possible, error
        since = self.client.last_seq()
        self.in_threads(work)
        container.stop(timeout=0)
        wait_for(lambda: container.get('State') in ('configured', 'exited'))
        events, _ = self.client.events(since)
        self.assert_gapless(events, since)
        statuses = [e['status'] for e in events if e['status'] in ('init', 'start', 'died', 'cleanup')]
        self.assertEqual(statuses.count('start'), statuses.count('died'))
        self.assertEqual(statuses.count('init'), statuses.count('cleanup'))
        for before, after in zip(statuses, statuses[1:]):
            self.assertIn((before, after), (('init', 'start'), ('init', 'cleanup'), ('start', 'died'), ('died', 'cleanup'),
                                            ('cleanup', 'init')))
        self.assertEqual(container.get('Name'), self.client.list()[0]['name'])

    def test_removed_by_all(self):
        """A container that everybody removes is removed once."""
        for _ in range(3):
            container = self.client.create('sleep', '100')
            container.start()
            since = self.client.last_seq()

            def work(client, number):
                try:
                    client.runtime('Remove', 's', container.id, force=True, timeout=0)  # pylint: disable=cell-var-from-loop
                except CallError as error:
                    assert error.name in (ERROR + 'NoSuchContainer', ERROR + 'BeingRemoved'), error
            self.in_threads(work)
            events, _ = self.client.events(since)
            self.assertEqual([e['status'] for e in events].count('remove'), 1)
            self.assertEqual([e['status'] for e in events].count('died'), 1)
            self.assertEqual(self.client.list(), [])

    def test_imports_at_once(self):
        """The same archive by all: one layer, no leftovers."""
        def work(client, number):
            client.import_busybox(f'import-{number}', message=str(number))
        self.in_threads(work)
        self.assertEqual(len(self.client.images('ListImages')), CLIENTS + 1)
        layers = os.listdir(self.service.state('lib', 'storage', 'overlay', 'layers'))
        self.assertEqual(len(layers), 1)

        def undo(client, number):
            client.images('RemoveImage', 's', f'import-{number}')
        self.in_threads(undo)
        self.assertEqual(self.client.run('true')[0], 0)


class EnduranceTest(Case):
    def setUp(self):
        self.service = Service('endurance')
        self.client = self.service.client
        self.client.import_busybox()

    def tearDown(self):
        self.service.destroy()

    def usage(self):
        pid = self.service.process.pid
        with open(f'/proc/{pid}/statm', encoding='utf-8') as file:
            pages = int(file.read().split()[1])
        return len(os.listdir(f'/proc/{pid}/fd')), len(os.listdir(f'/proc/{pid}/task')), pages * 4

    def cycle(self, count):
        """Many times from creation to removal, by several callers."""
        def live(number):
            client = self.service.connect()
            for _ in range(count // CYCLERS):
                container = client.create('true', labels={'a': 'b' * 100})
                container.inspect()
                container.rename(f'cycle-{number}')
                container.remove()
            client.close()
            done.append(number)
        done = []
        threads = [threading.Thread(target=live, args=(number,)) for number in range(CYCLERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(done), CYCLERS)

    def test_many_cycles(self):
        self.cycle(CYCLES // 10)
        fds, threads, memory = self.usage()
        self.cycle(CYCLES)
        wait_for(lambda: self.usage()[0] <= fds, 30, 'the end of the descriptors')
        after = self.usage()
        print(f'# {CYCLES} cycles: memory from {memory} to {after[2]} KiB')
        self.assertLessEqual(after[1], threads + 4)
        if not SANITIZED:
            self.assertLess(after[2], memory + 1536, 'it grows')
        self.assert_nothing_left(self.service)

    def test_many_connections(self):
        self.service.connect().close()
        fds = self.usage()[0]
        for _ in range(200):
            client = self.service.connect()
            client.runtime('GetInfo')
            client.close()
        wait_for(lambda: self.usage()[0] <= fds)

    def test_many_runs(self):
        self.client.run('true')
        self.client.run('true')
        fds = self.usage()[0]
        for _ in range(20):
            self.client.run('true')
        wait_for(lambda: self.usage()[0] <= fds, 10, 'the end of the descriptors')
        self.service.remove_all()
        self.assert_nothing_left(self.service)


if __name__ == '__main__':
    main()
