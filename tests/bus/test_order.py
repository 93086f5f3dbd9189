#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The order promise: objects, then the signal of their own, then Event, then the reply."""

from cases import ServiceCase
from order import JOBS, Follower, Mirror
from recorder import ERROR, Recorder
from service import NAME, RUNTIME, Case, Service, main


class A13OrderTest(ServiceCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.recorder = Recorder()
        cls.addClassCleanup(cls.recorder.close)
        cls.caller = cls.service.connect()
        cls.sender = cls.caller.connection.get_unique_name()
        cls.owner = cls.service.owner()
        cls.caller.import_busybox()
        cls.recorder.cut('Wait', cls.sender)

    def setUp(self):
        self.follower = Follower(self, self.owner, self.caller.last_seq(), Mirror(self.caller))
        self.caller.runtime('GetInfo')
        self.recorder.cut('GetInfo', self.sender)

    def told(self, messages):
        """What the service told; it may also have asked others, such as logind, at any time."""
        return [message for message in messages if message.sender == self.owner and not message.is_call]

    @property
    def seq(self):
        return self.follower.seq

    @property
    def mirror(self):
        return self.follower.mirror

    def follow(self, messages):
        """Checks the order among signals; gives the events that they told of."""
        return self.follower.follow(messages)

    def assert_like_announced(self):
        """What Get, GetAll and GetManagedObjects say is what was announced last, and GetEvents what was signalled."""
        fresh = Mirror(self.service.client)
        announced_now = {path: value for path, value in self.mirror.objects.items() if not path.startswith(JOBS)}
        self.assertEqual(fresh.objects, announced_now)
        for path, announced in announced_now.items():
            interface = 'Runtime' if path == RUNTIME else 'Container' if '/containers/' in path else 'Image'
            self.assertEqual(self.service.client.properties(path, interface), announced)
        self.assertEqual(self.service.client.last_seq(), self.seq)

    def expect(self, method, *statuses, settle=True):
        """The events of the call that was just made, all told before its reply."""
        messages = self.recorder.cut(method, self.sender)
        told = self.follow(messages[:-1])
        self.assertEqual(told, list(statuses))
        self.assertNotEqual(messages[-1].kind, ERROR)
        if settle:
            self.assert_like_announced()
        return messages

    def expect_later(self, *statuses):
        """Events that no call waits for."""
        seq = self.seq + len(statuses)
        messages = self.recorder.take_until(lambda m: m.is_event and m.body[0] == seq)
        self.assertEqual(self.follow(messages), list(statuses))

    def expect_sometime(self, method, count, *statuses):
        """The first COUNT of these come before the reply; the others come by themselves."""
        told = self.follow(self.recorder.cut(method, self.sender)[:-1])
        self.assertEqual(told, list(statuses[:len(told)]))
        self.assertGreaterEqual(len(told), count)
        if len(told) < len(statuses):
            self.expect_later(*statuses[len(told):])

    def test_create(self):
        container = self.caller.create('true', name='new')
        messages = self.expect('Create', 'create')
        self.assertIn(container.path, self.mirror.objects)
        self.assertEqual([m.member for m in self.told(messages)],
                         ['InterfacesAdded', 'Create', 'Event', None])

    def test_init_start_kill(self):
        container = self.caller.create('sleep', '100')
        self.expect('Create', 'create')
        container.init()
        self.expect('Init', 'init')
        self.assertEqual(self.mirror.objects[container.path]['State'], 'created')
        container.start()
        self.expect('Start', 'start')
        self.assertEqual(self.mirror.objects[container.path]['State'], 'running')
        container.kill(signal='SIGKILL')
        self.expect_sometime('Kill', 1, 'kill', 'died', 'cleanup')
        self.assertEqual(self.mirror.objects[container.path]['ExitCode'], 137)
        self.assert_like_announced()

    def test_start_in_one(self):
        container = self.caller.create('sleep', '100')
        self.expect('Create', 'create')
        container.start()
        messages = self.expect('Start', 'init', 'start')
        states = [m.body[1]['State'] for m in messages if m.is_property_signal and 'State' in m.body[1]]
        self.assertEqual(states[-1], 'running')

    def test_stop(self):
        container = self.caller.create('sleep', '100', stop_signal='SIGKILL')
        container.start()
        self.expect('Create', 'create', settle=False)
        self.expect('Start', 'init', 'start')
        container.stop()
        messages = self.recorder.cut('Stop', self.sender)
        told = self.follow(messages[:-1])
        self.assertIn(told, (['died', 'stop'], ['died', 'cleanup', 'stop']))
        if 'cleanup' not in told:
            self.expect_later('cleanup')
        container.wait_exited()
        self.assert_like_announced()

    def test_rename_through_both_doors(self):
        container = self.caller.create('true', name='first')
        self.expect('Create', 'create')
        container.rename('second')
        messages = self.expect('Rename', 'rename')
        self.assertEqual([m.member for m in self.told(messages)],
                         ['PropertiesChanged', 'Rename', 'Event', None])
        self.caller.runtime('Rename', 'ss', 'second', 'third')
        messages = self.expect('Rename', 'rename')
        rename = next(m for m in messages if m.is_specific)
        self.assertEqual(rename.body[1:], (container.path, container.id, 'second', 'third'))

    def test_remove_through_both_doors(self):
        for remove in (lambda c: c.remove(), lambda c: self.caller.runtime('Remove', 's', c.id)):
            container = self.caller.create('true')
            self.expect('Create', 'create')
            remove(container)
            messages = self.expect('Remove', 'remove')
            self.assertNotIn(container.path, self.mirror.objects)
            self.assertEqual([m.member for m in self.told(messages) if not m.is_property_signal],
                             ['InterfacesRemoved', 'Remove', 'Event', None])

    def test_forced_remove(self):
        container = self.caller.create('sleep', '100')
        container.start()
        self.expect('Create', 'create', settle=False)
        self.expect('Start', 'init', 'start')
        container.remove(force=True, timeout=0)
        self.assertIn(container.path, self.mirror.objects)
        messages = self.recorder.cut('Remove', self.sender)
        told = self.follow(messages[:-1])
        self.assertEqual(sorted(told), ['cleanup', 'died', 'remove', 'stop'])
        self.assertEqual((told[0], told[-1]), ('died', 'remove'))
        self.assert_like_announced()

    def test_auto_remove(self):
        container = self.caller.create('sh', '-c', 'exit 3', auto_remove=True)
        self.expect('Create', 'create', settle=False)
        container.start()
        self.expect_sometime('Start', 2, 'init', 'start', 'died', 'cleanup', 'remove')
        self.assertNotIn(container.path, self.mirror.objects)
        self.assert_like_announced()
        self.assertEqual(container.wait('removed'), 3)

    def test_attach(self):
        container = self.caller.create('true')
        self.expect('Create', 'create')
        with container.attach():
            self.expect('Attach', 'init', 'attach')

    def test_failed_start(self):
        container = self.caller.create('/no/such/program')
        self.expect('Create', 'create')
        with self.assert_error('ExecutableNotFound'):
            container.start()
        messages = self.recorder.cut('Start', self.sender)
        self.assertEqual(messages[-1].kind, ERROR)
        told = self.follow(messages[:-1])
        self.assertNotIn('start', told)
        self.assertNotIn('died', told)
        self.assert_like_announced()
        self.assertEqual(container.get('State'), 'configured')

    def test_images(self):
        imported = self.caller.import_busybox('other', message='another')
        messages = self.recorder.cut('Wait', self.sender, since='Import')
        self.assertEqual(self.follow(messages[:-1]), ['import'])
        self.assertEqual(messages[-1].body[0]['id'], imported['id'])
        self.assertEqual(self.mirror.objects[imported['image']]['Names'], ['localhost/other:latest'])
        self.assert_like_announced()
        self.caller.images('RemoveImage', 's', 'other')
        self.expect('RemoveImage', 'untag', 'remove')
        self.assertNotIn(imported['image'], self.mirror.objects)

    def test_job_order(self):
        path = self.caller.import_busybox('third', token='mine', message='for its job')['image']
        everything = self.recorder.cut('Wait', self.sender, since='Import')
        finished = [i for i, m in enumerate(everything) if m.member == 'Finished']
        events = [i for i, m in enumerate(everything) if m.is_event]
        self.assertEqual(len(finished), 1)
        self.assertLess(events[-1], finished[0])
        state = [i for i, m in enumerate(everything)
                 if m.is_property_signal and m.body[0] == f'{NAME}.Job' and m.body[1].get('State') == 'done']
        self.assertEqual(len(state), 1)
        self.assertLess(state[0], finished[0])
        self.caller.images('RemoveImage', 's', path.rsplit('/', 1)[1])

    def test_replay(self):
        """GetEvents gives what the signals told, no more and no less."""
        since = self.seq
        container = self.caller.create('sh', '-c', 'exit 4', labels={'a': 'b'})
        container.start()
        container.wait_exited()
        container.rename('replayed')
        container.remove()
        last = self.caller.last_seq()
        messages = self.recorder.take_until(lambda m: m.is_event and m.body[0] == last)
        signalled = [dict(zip(('seq', 'time', 'type', 'status', 'id', 'name', 'attributes'), m.body))
                     for m in messages if m.is_event]
        replayed, _ = self.caller.events(since)
        self.assert_gapless(replayed, since)
        for event in replayed:
            self.assertEqual(event.pop('uid'), 0)
            self.assertEqual(event.pop('pid') == 0, event['status'] in ('died', 'cleanup'))
            event.pop('unit')
            self.assertEqual(event.pop('labels'), {'a': 'b'})       # which no signal tells
        self.assertEqual(replayed, signalled)
        self.assertEqual([e['status'] for e in replayed],
                         ['create', 'init', 'start', 'died', 'cleanup', 'rename', 'remove'])
        self.assertEqual([e['attributes'].get('exit-code') for e in replayed if e['status'] == 'died'], [4])
        part, _ = self.caller.events(since + 2, limit=3)
        self.assertEqual([e['seq'] for e in part], [since + 3, since + 4, since + 5])

    def test_nothing_without_effect(self):
        """What fails or changes nothing is not told."""
        container = self.caller.create('true', name='quiet')
        self.expect('Create', 'create')
        for attempt in (lambda: self.caller.create('true', name='quiet'), lambda: container.kill(),
                        lambda: self.caller.runtime('Rename', 'ss', 'nobody', 'x'), lambda: container.rename('quiet')):
            with self.assertRaises(Exception):
                attempt()
        container.stop()
        self.expect('Stop')
        self.assertEqual(self.caller.last_seq(), self.seq)


class RuntimePropertiesTest(Case):
    def test_state_of_the_runtime(self):
        """The end of the service is announced before it leaves the bus."""
        recorder = Recorder()
        service = Service('order-runtime')
        try:
            self.assertEqual(service.stop(), 0)
            changes = recorder.take_until(lambda m: m.member == 'NameOwnerChanged' and m.body[0] == NAME and not m.body[2])
            states = [m.body[1]['State'] for m in changes
                      if m.is_property_signal and m.path == RUNTIME and 'State' in m.body[1]]
            self.assertEqual(states, ['running', 'stopping'])
        finally:
            recorder.close()
            service.destroy()


if __name__ == '__main__':
    main()
