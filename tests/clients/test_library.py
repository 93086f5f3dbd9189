# SPDX-License-Identifier: LGPL-2.1-or-later
"""The library keeps up with a service that is killed: no event is missed or told twice, and lists stay right."""

import signal
import threading
import unittest

from library import SLEEP, Mirror, connect, loop_until, options
from gi.repository import Cpod, Gio, GLib
from service import CallError, Service, main, wait_for

service = None


def setUpModule():
    global service
    service = Service('library')
    service.client.import_busybox()


def tearDownModule():
    service.remove_all()
    assert service.destroy() == 0


class Creator(threading.Thread):
    """Creates and removes containers until it is stopped, whatever the service does meanwhile."""

    def __init__(self):
        super().__init__()
        self.client = service.connect()
        self.ended = threading.Event()
        self.count = 0

    def run(self):
        while not self.ended.is_set():
            try:
                container = self.client.create('true')
                self.count += 1
                if self.count % 3 == 0:
                    container.remove()
            except CallError:
                self.ended.wait(0.05)

    def stop(self):
        self.ended.set()
        self.join()


class Events(unittest.TestCase):
    def setUp(self):
        self.client = connect()
        self.told = []
        self.lost = []
        self.client.connect('event', self.on_event)
        self.client.connect('events-lost', lambda _client, after: self.lost.append(after))
        self.addCleanup(service.remove_all)

    def on_event(self, _client, seq, _time, *rest):
        self.told.append((seq, *rest[:-1], rest[-1].unpack()))

    def recorded(self, since):
        return [(e['seq'], e['type'], e['status'], e['id'], e['name'], e['attributes'])
                for e in service.client.events(since)[0]]

    def test_from_now(self):
        before = service.client.last_seq()
        self.client.follow_events_sync(Cpod.EVENTS_FROM_NOW, None)
        container = service.client.create('true', name='followed')
        container.remove()
        loop_until(lambda: len(self.told) == 2, 'two events')
        self.assertEqual([(seq, kind, status, name) for seq, kind, status, _id, name, _ in self.told],
                         [(before + 1, 'container', 'create', 'followed'), (before + 2, 'container', 'remove', 'followed')])
        self.assertEqual(self.told, self.recorded(before))

    def test_from_the_beginning_and_anew(self):
        service.client.create('true').remove()
        self.client.follow_events_sync(0, None)
        newest = service.client.last_seq()
        loop_until(lambda: self.told and self.told[-1][0] == newest, 'the newest event')
        self.assertEqual(self.told, self.recorded(0))
        self.told.clear()
        self.client.follow_events_sync(newest - 1, None)
        loop_until(lambda: self.told, 'one event')
        self.client.unfollow_events()
        service.client.create('true').remove()
        other = connect()
        heard = []
        other.connect('event', lambda *arguments: heard.append(arguments))
        other.follow_events_sync(newest, None)
        loop_until(lambda: len(heard) == 2, 'the events for another client')
        self.assertEqual([event[0] for event in self.told], [newest])
        self.assertEqual(self.lost, [])

    def test_asynchronously(self):
        done = []
        self.client.follow_events(0, None, lambda client, result: done.append(client.follow_events_finish(result)))
        newest = service.client.last_seq()
        loop_until(lambda: done and self.told and self.told[-1][0] == newest, 'the newest event')
        self.assertEqual(done, [True])
        self.assertEqual(self.told, self.recorded(0))

    def test_stopping_within_an_event(self):
        self.client.follow_events_sync(0, None)
        self.client.connect('event', lambda client, *_: client.unfollow_events())
        service.client.create('true').remove()
        loop_until(lambda: self.told, 'an event')
        for _ in range(20):
            GLib.MainContext.default().iteration(False)
        self.assertEqual(len(self.told), 1)

    def test_more_than_a_page(self):
        while service.client.last_seq() < 1100:
            service.client.create('true').remove()
        self.client.follow_events_sync(0, None)
        newest = service.client.last_seq()
        loop_until(lambda: self.told and self.told[-1][0] == newest, 'the newest event')
        self.assertEqual([event[0] for event in self.told], list(range(1, newest + 1)))

    def test_killed_in_the_middle(self):
        """Killed with -9 while others create: each event is told once, in order, and so it is on record."""
        before = service.client.last_seq()
        self.client.follow_events_sync(Cpod.EVENTS_FROM_NOW, None)
        creators = [Creator() for _ in range(3)]
        for creator in creators:
            creator.start()
        try:
            for turn in range(3):
                seen = len(self.told)
                loop_until(lambda: len(self.told) >= seen + 25, 'more events')
                service.process.send_signal(signal.SIGKILL)
                service.process.wait()
                service.start()
        finally:
            for creator in creators:
                creator.stop()
        newest = service.client.last_seq()
        loop_until(lambda: self.told[-1][0] >= newest, 'the newest event')
        self.assertEqual([event[0] for event in self.told], list(range(before + 1, newest + 1)))
        self.assertEqual(self.told, self.recorded(before))
        self.assertEqual(self.lost, [])

    def test_ended_service_stays_ended(self):
        """Who follows does not start a service that has been ended."""
        self.client.follow_events_sync(Cpod.EVENTS_FROM_NOW, None)
        watched = []
        Gio.bus_watch_name_on_connection(self.client.props.connection, 'org.cpod.Cpod1', Gio.BusNameWatcherFlags.NONE,
                                         lambda *_: watched.append('here'), lambda *_: watched.append('gone'))
        loop_until(lambda: watched == ['here'], 'the name')
        self.assertEqual(service.stop(), 0)
        loop_until(lambda: watched == ['here', 'gone'], 'the end')
        for _ in range(40):
            GLib.MainContext.default().iteration(False)
        self.assertEqual(watched, ['here', 'gone'])
        service.start()
        service.client.create('true', name='later')
        loop_until(lambda: any(event[4] == 'later' for event in self.told), 'the event after the restart')

    def test_no_service(self):
        refused = Cpod.Client.new_for_connection_sync(connect().props.connection, None)
        refused.props.connection.close_sync(None)
        with self.assertRaisesRegex(GLib.Error, 'failed to follow events: '):
            refused.follow_events_sync(0, None)


class Containers(unittest.TestCase):
    def setUp(self):
        self.client = connect()
        self.addCleanup(service.remove_all)

    def load(self, **properties):
        model = Cpod.ContainerList(client=self.client, **properties)
        mirror = Mirror(model)
        loop_until(model.get_loaded, 'the list')
        return model, mirror

    def test_coming_and_going(self):
        kept = [service.client.create('true', name=f'kept-{i}') for i in range(3)]
        model, mirror = self.load()
        self.assertEqual(mirror.names(), ['kept-2', 'kept-1', 'kept-0'])
        self.assertEqual(mirror.changes, [(0, 0, 3)])
        self.assertEqual(model.get_item_type(), Cpod.Container.__gtype__)
        self.assertIsNone(model.get_item(3))
        service.client.create('true', name='new')
        kept[1].remove()
        loop_until(lambda: mirror.names() == ['new', 'kept-2', 'kept-0'], 'the change')
        self.assertEqual(mirror.changes[1:], [(0, 0, 1), (2, 1, 0)])
        found, position = model.find('kept-0')
        self.assertEqual((found, position), (mirror.items[2], 2))
        self.assertEqual(model.find(kept[2].id), (mirror.items[1], 1))
        self.assertIsNone(model.find('kept-1')[0])

    def test_properties_and_methods(self):
        service.client.create(*SLEEP, name='one')
        model, mirror = self.load()
        item = mirror.items[0]
        states = []
        item.connect('notify::state', lambda item, _: states.append(item.props.state))
        item.call_start_sync(options(), None)
        loop_until(lambda: item.props.state == 'running', 'the start')
        self.assertGreater(item.props.pid, 0)
        item.call_rename_sync('two', options(), None)
        loop_until(lambda: item.props.name == 'two', 'the name')
        item.call_stop_sync(options(timeout=0), None)
        loop_until(lambda: item.props.state == 'exited', 'the end')
        self.assertEqual(states[0:2], ['created', 'running'])
        self.assertEqual(states[-1], 'exited')
        self.assertEqual(mirror.changes, [(0, 0, 1)])
        self.assertEqual(model.find('two'), (item, 0))

    def test_only_running(self):
        containers = [service.client.create(*SLEEP, name=f'c{i}') for i in range(4)]
        containers[1].start()
        model, mirror = self.load(all=False)
        self.assertEqual(mirror.names(), ['c1'])
        containers[3].start()
        loop_until(lambda: mirror.names() == ['c3', 'c1'], 'another one')
        containers[3].call('Pause')
        loop_until(lambda: mirror.items[0].props.state == 'paused', 'the pause')
        self.assertEqual(mirror.names(), ['c3', 'c1'])
        containers[1].stop(timeout=0)
        loop_until(lambda: mirror.names() == ['c3'], 'the end')
        model.props.all = True
        self.assertEqual(mirror.names(), ['c3', 'c2', 'c1', 'c0'])
        self.assertEqual(mirror.changes[-1], (1, 0, 3))
        model.set_all(False)
        self.assertEqual(mirror.names(), ['c3'])
        containers[3].call('Unpause')

    def test_namespace(self):
        service.client.create('true', name='plain')
        service.client.create('true', name='mine', namespace='team')
        model, mirror = self.load()
        self.assertEqual(mirror.names(), ['mine', 'plain'])
        self.client.set_namespace('team')
        self.assertEqual(mirror.names(), ['mine'])
        self.client.set_namespace('')
        self.assertEqual(mirror.names(), ['mine', 'plain'])

    def test_restart(self):
        """The containers stay the same objects; what has changed meanwhile is told as one change."""
        kept = service.client.create('true', name='kept')
        gone = service.client.create('true', name='gone')
        model, mirror = self.load()
        item = mirror.items[1]
        service.kill()
        loop_until(lambda: not model.get_loaded(), 'the end of the service')
        self.assertEqual(mirror.names(), ['gone', 'kept'])
        service.start()
        loop_until(model.get_loaded, 'the list')
        mirror.changes.clear()
        service.client.container('gone').remove()
        service.client.create('true', name='new')
        service.client.container('kept').rename('renamed')
        loop_until(lambda: mirror.names() == ['new', 'renamed'], 'the changes')
        self.assertIs(mirror.items[1], item)
        item.call_start_sync(options(), None)
        self.assertEqual((kept.id, gone.id == kept.id), (item.props.id, False))

    def test_killed_in_the_middle(self):
        model, mirror = self.load()
        creator = Creator()
        creator.start()
        try:
            for _ in range(2):
                seen = len(mirror.items)
                loop_until(lambda: len(mirror.items) > seen + 10, 'more containers')
                service.kill()
                service.start()
        finally:
            creator.stop()
        wanted = [row['id'] for row in service.client.list()]
        loop_until(lambda: sorted(item.props.id for item in mirror.items) == sorted(wanted), 'all of them')
        mirror.check()

    def test_given_up(self):
        """A list that nobody holds listens no more."""
        model = Cpod.ContainerList.new(self.client)
        model.run_dispose()
        changes = []
        model.connect('items-changed', lambda *change: changes.append(change))
        other = self.load()[0]
        service.client.create('true', name='unseen')
        loop_until(lambda: other.get_n_items() == 1, 'the container')
        self.assertEqual(changes, [])


class Streams(unittest.TestCase):
    def setUp(self):
        self.client = connect()
        self.addCleanup(service.remove_all)
        service.client.create(*SLEEP, name='one').start()
        self.path = self.client.get_container_sync('one', None).get_object_path()

    def both(self, script, **values):
        return self.client.open_exec_sync(self.path, ['sh', '-c', script], options(**values), None)

    def test_splice(self):
        stream, session = self.both('echo out; echo err >&2')
        out, errors = Gio.MemoryOutputStream.new_resizable(), Gio.MemoryOutputStream.new_resizable()
        self.assertTrue(stream.splice_sync(out, errors, None))
        for target, text in ((out, b'out\n'), (errors, b'err\n')):
            target.close(None)
            self.assertEqual(target.steal_as_bytes().get_data(), text)
        self.assertRegex(session, '^/org/cpod/Cpod1/execs/[0-9a-f]{64}$')
        session = Cpod.ExecProxy.new_sync(self.client.props.connection, 0, self.client.get_bus_name(), session, None)
        self.assertEqual(session.call_wait_sync(options(), None), 0)

    def test_splice_later(self):
        """A megabyte of each, with nothing lost and nothing mixed up."""
        out, errors = Gio.MemoryOutputStream.new_resizable(), Gio.MemoryOutputStream.new_resizable()
        done = []

        def opened(client, result):
            stream, _session = client.open_exec_finish(result)
            stream.splice(out, errors, None, lambda stream, result: done.append(stream.splice_finish(result)))
        script = 'for i in $(seq 1000); do head -c 1024 /dev/zero; head -c 1024 /dev/zero | tr "\\0" x >&2; done'
        self.client.open_exec(self.path, ['sh', '-c', script], None, None, opened)
        loop_until(lambda: done, 'the end')
        for target, byte in ((out, b'\0'), (errors, b'x')):
            target.close(None)
            data = target.steal_as_bytes().get_data()
            self.assertEqual((len(data), data.strip(byte)), (1024 * 1000, b''))

    def test_target_fails(self):
        stream, _session = self.both('yes | head -c 100000')
        full = Gio.MemoryOutputStream.new_resizable()
        full.close(None)
        with self.assertRaisesRegex(GLib.Error, 'failed to write output of container: '):
            stream.splice_sync(full, None, None)
        stream.close()

    def test_callback(self):
        stream, _session = self.both('read line; echo "$line"; echo err >&2', stdin=True)
        pieces, done = {}, []
        stream.read_all(output=lambda name, data, *_: pieces.setdefault(name, []).append(data.get_data()),
                        callback=lambda stream, result, *_: done.append(stream.read_all_finish(result)))
        stream.write_sync(GLib.Bytes.new(b'hello\n'), None)
        loop_until(lambda: done, 'the end')
        self.assertEqual({name: b''.join(parts) for name, parts in pieces.items()},
                         {Cpod.StreamId.STDOUT: b'hello\n', Cpod.StreamId.STDERR: b'err\n'})
        self.assertEqual(done, [True])

    def test_no_such_command(self):
        with self.assertRaises(GLib.Error) as caught:
            self.client.open_exec_sync(self.path, ['nosuch'], None, None)
        self.assertTrue(caught.exception.matches(Cpod.error_quark(), Cpod.Error.EXECUTABLE_NOT_FOUND))


class Images(unittest.TestCase):
    def test_by_name(self):
        client = connect()
        image = client.get_image_sync('busybox', None)
        self.assertEqual(image.props.names, ['localhost/busybox:latest'])
        found = []
        client.get_image(image.props.id[:12], None, lambda client, result: found.append(client.get_image_finish(result)))
        loop_until(lambda: found, 'the image')
        self.assertEqual(found[0].props.id, image.props.id)
        with self.assertRaises(GLib.Error) as caught:
            client.get_image_sync('nosuch', None)
        self.assertTrue(caught.exception.matches(Cpod.error_quark(), Cpod.Error.NO_SUCH_IMAGE))


if __name__ == '__main__':
    main()
