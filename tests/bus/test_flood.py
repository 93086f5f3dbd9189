#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Callers that want too much, send nonsense, or come and go: the others do not notice, and nothing stays behind."""

import contextlib
import glob
import os
import re
import signal
import subprocess
import time
import xml.etree.ElementTree as ElementTree

from order import Follower, Mirror
from raw_bus import BUS, RawBus
from recorder import Recorder
from service import (NAME, OBJECT_MANAGER, ROOT_PATH, RUNTIME, CallError, Case, Gio, GLib, Service, is_alive,
                     listen_for, main, scratch, wait_for)

ABSENT = 'ab' * 32
# What the bus of a test takes in.
LITTLE = 1 << 20
MOST_MEMORY = 64 << 10  # KiB
CLIENTS = 1000


class FloodCase(Case):
    CONF = ''

    @classmethod
    def setUpClass(cls):
        path = os.path.join(scratch(), cls.__name__ + '.conf')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(cls.CONF)
        cls.service = Service(cls.__name__.lower(), CPOD_CONF=path)
        cls.client = cls.service.client
        cls.client.import_busybox()

    @classmethod
    def tearDownClass(cls):
        cls.service.destroy()

    def tearDown(self):
        self.assertIsNone(self.service.process.poll())
        self.service.remove_all()
        self.assert_nothing_left(self.service)

    def status(self, key):
        """A number of the service's status, as the kernel tells it."""
        with open(f'/proc/{self.service.process.pid}/status', encoding='ascii') as file:
            return int(re.search(rf'^{key}:\s+(\d+)', file.read(), re.M)[1])

    def descriptors(self):
        return len(os.listdir(f'/proc/{self.service.process.pid}/fd'))

    def assert_small_again(self):
        """What a sanitizer adds is not ours to bound."""
        if 'ASAN_OPTIONS' not in os.environ:
            wait_for(lambda: self.status('VmRSS') < MOST_MEMORY, 120, 'the memory that was given back')


class LimitsTest(FloodCase):
    CONF = '[engine]\ncaller_calls_max = 5\ncaller_jobs_max = 2\ncaller_streams_max = 3\n'

    def setUp(self):
        self.container = self.client.create('sleep', '1000', stop_signal='KILL')
        self.container.start()

    def wait_later(self, client, done):
        client.connection.call(NAME, self.container.path, f'{NAME}.Container', 'Wait', GLib.Variant('(a{sv})', ({},)), None,
                               0, 2 ** 31 - 1, None, lambda connection, result: done.append(connection.call_finish(result)))

    def test_calls(self):
        """The one after the last is refused by name; nobody else is, and the others are answered."""
        greedy, done = self.service.connect(), []
        for _ in range(5):
            self.wait_later(greedy, done)
        with self.assert_error('LimitsExceeded', 'caller_calls_max', '5'):
            # Of the same object: GDBus hands over calls to others before those, now and then.
            greedy.call(self.container.path, 'Container', 'ListExecs')
        self.client.runtime('GetInfo')
        self.container.stop()
        listen_for(lambda: len(done) == 5, 60)
        self.assertEqual({reply.unpack() for reply in done}, {(137,)})
        for _ in range(20):
            greedy.runtime('GetInfo')
        greedy.close()

    def test_calls_of_who_leaves(self):
        """Calls that nobody waits for any more count for nobody."""
        for _ in range(3):
            greedy = self.service.connect()
            for _ in range(5):
                self.wait_later(greedy, [])
            greedy.connection.flush_sync(None)
            greedy.close()
        self.client.runtime('GetInfo')

    def test_jobs(self):
        greedy, pipes = self.service.connect(), [os.pipe() for _ in range(3)]
        jobs = [greedy.begin_import(r) for r, _ in pipes[:2]]
        with self.assert_error('LimitsExceeded', 'caller_jobs_max'):
            greedy.begin_import(pipes[2][0])
        self.client.import_busybox('other')
        greedy.call(jobs[0], 'Job', 'Cancel')
        with self.assert_error('Cancelled'):
            greedy.job_wait(jobs[0])
        third = greedy.begin_import(pipes[2][0])
        greedy.close()
        for r, w in pipes:
            os.close(r)
            os.close(w)
        self.client.images('RemoveImage', 's', 'other')
        self.assertTrue(third.startswith(ROOT_PATH))

    def test_streams(self):
        streams = [self.container.call('Logs', follow=True) for _ in range(3)]
        with self.assert_error('LimitsExceeded', 'caller_streams_max', '3'):
            self.container.call('Logs', follow=True)
        os.close(streams.pop())

        def again():
            try:
                return self.container.call('Logs', follow=True)
            except CallError as error:
                self.assertEqual(error.name, f'{NAME}.Error.LimitsExceeded')
                return None
        streams.append(wait_for(again, 60, 'the end of the stream that was closed'))
        for stream in streams:
            os.close(stream)


class CrowdTest(FloodCase):
    def test_a_thousand_clients(self):
        """Each connects, asks, and leaves, some in the middle of a call."""
        container = self.client.create('sleep', '1000', stop_signal='KILL')
        container.start()
        self.visit(container, 20)
        before = self.descriptors()
        self.visit(container, CLIENTS)
        wait_for(lambda: self.descriptors() <= before, 60, 'the descriptors that were used')
        self.assert_small_again()

    def visit(self, container, count):
        for number in range(count):
            client = self.service.connect()
            if number % 3 == 0:
                client.connection.call(NAME, container.path, f'{NAME}.Container', 'Wait', GLib.Variant('(a{sv})', ({},)), None,
                                       0, -1, None, None)
                client.connection.flush_sync(None)
            elif number % 3 == 1:
                os.close(container.client.call(container.path, 'Container', 'Logs', follow=True))
            client.managed('containers')
            client.close()

    def test_nothing_to_do(self):
        """A service that nobody asks for anything does not wake up."""
        def switches():
            total = 0
            for path in glob.glob(f'/proc/{self.service.process.pid}/task/*/status'):
                with contextlib.suppress(OSError), open(path, encoding='ascii') as file:  # a thread may end
                    total += sum(map(int, re.findall(r'ctxt_switches:\s+(\d+)', file.read())))
            return total

        def still():
            before = switches()
            time.sleep(3)
            return switches() == before
        wait_for(still, 120, 'a time of quiet')


class NonsenseTest(FloodCase):
    """Every method with options that make no sense, as the service itself tells what it knows."""

    DUMMIES = {'s': 'absent', 'as': ['absent'], 'ay': b'/absent\0', 'h': 0, 't': 0, 'u': 1, 'i': 1, 'b': False}
    VALUES = ['s', 'as', 'b', 'u', 'i', 't', 'x', 'd', 'a{ss}', 'ai', 'ay', 'v', 'h', '(uu)', 'a{sv}', 'o', 'g', 'aas']
    # Without an object to name they would do what they are told.
    OBEDIENT = ('Shutdown', 'Reload', 'RenumberLocks', 'Check')

    def methods(self):
        for path in sorted(glob.glob(f'{os.environ["CPOD_SOURCE"]}/introspection/*.xml')):
            for interface in ElementTree.parse(path).getroot().iter('interface'):
                for method in interface.iter('method'):
                    signature = [a.get('type') for a in method.iter('arg') if a.get('direction') == 'in']
                    yield interface.get('name').rsplit('.', 1)[1], method.get('name'), signature

    def call(self, interface, method, signature, key, value):
        """Calls a method of an object that is not there; gives the error."""
        where = {'Container': f'{ROOT_PATH}/containers/{ABSENT}', 'Image': f'{ROOT_PATH}/images/{ABSENT}',
                 'Exec': f'{ROOT_PATH}/execs/{ABSENT}', 'Job': self.job}.get(interface, RUNTIME)
        arguments = [GLib.Variant(kind, self.DUMMIES[kind]) for kind in signature[:-1]]
        options = GLib.Variant('a{sv}', {key: value})
        fds = [os.open(os.devnull, os.O_RDWR)] if 'h' in signature or value.get_type_string() == 'h' else None
        try:
            return self.client.call_raw(where, f'{NAME}.{interface}', method,
                                        GLib.Variant.new_tuple(*arguments, options), fds=fds)[0]
        except CallError as error:
            return error

    @staticmethod
    def value_of(kind, text):
        """A value that has the type, and is else as odd as it can be."""
        values = {'s': text, 'as': [text] * 3, 'b': True, 'u': 2 ** 32 - 1, 'i': -1, 't': 2 ** 64 - 1, 'x': -2 ** 63, 'd': float('nan'),
                  'a{ss}': {text: text}, 'ai': [-2 ** 31], 'ay': list(text.encode()[:100]), 'v': GLib.Variant('s', text), 'h': 0,
                  '(uu)': (0, 2 ** 32 - 1), 'a{sv}': {text: GLib.Variant('s', text)}, 'o': '/', 'g': 'a{sv}', 'aas': [[text]], '(g)': ('',),
                  'a{su}': {text: 2 ** 32 - 1}, 'at': [2 ** 64 - 1], 'au': [2 ** 32 - 1], 'a(ss)': [(text, text)]}
        return GLib.Variant(kind, values[kind])

    def test_options(self):
        r, w = os.pipe()
        self.job = self.client.begin_import(r, token='never')
        keys = 0
        for interface, method, signature in self.methods():
            with self.subTest(interface=interface, method=method):
                error = self.call(interface, method, signature, 'no-such-key\n%s%n', GLib.Variant('b', True))
                self.assertIsInstance(error, CallError)
                self.assertEqual(error.name, f'{NAME}.Error.InvalidArgument')
                self.assertIn('no-such-key', error.message)
                known = error.message.partition('known are ')[2]
                for key in known.split(', ') if known else []:
                    keys += 1
                    self.check_key(interface, method, signature, key)
        self.assertGreater(keys, 100)
        self.client.call(self.job, 'Job', 'Cancel')
        with self.assert_error('Cancelled'):
            self.client.job_wait(self.job)
        os.close(r)
        os.close(w)
        self.assert_small_again()

    def check_key(self, interface, method, signature, key):
        expected = self.refused_type(interface, method, signature, key, '(g)')
        for kind in self.VALUES:
            if kind != expected:
                self.assertEqual(self.refused_type(interface, method, signature, key, kind), expected)
        if interface in ('Runtime', 'Images') and (method in self.OBEDIENT or 'Prune' in method or 'List' in method):
            return
        for text in '', 'x' * 100000, '\n\r\t\x01\x7f', '../../..', '%s%n', '\u202e\U0001f980', '-1', '=', 'a=b' * 1000:
            answer = self.call(interface, method, signature, key, self.value_of(expected, text))
            if isinstance(answer, CallError):
                self.assertTrue(answer.name.startswith(f'{NAME}.Error.'), answer)
                self.assertNotEqual(answer.name, f'{NAME}.Error.Failed', answer)

    def refused_type(self, interface, method, signature, key, kind):
        """The type that a value of another should have had."""
        error = self.call(interface, method, signature, key, self.value_of(kind, 'x'))
        told = re.search(r"option '([^']+)' must be of type '([^']+)', not '([^']+)'", str(error))
        self.assertIsNotNone(told, error)
        self.assertEqual((error.name, told[1], told[3]), (f'{NAME}.Error.InvalidArgument', key, kind))
        return told[2]


class ManyTest(FloodCase):
    COUNT = 500

    def test_size_of_objects(self):
        """2,000 containers have room in 2 MiB; so a part of them in a part of it."""
        for number in range(self.COUNT):
            self.client.create('true', name=f'a-name-of-usual-length-{number}')
        reply, _ = self.client.call_raw(f'{ROOT_PATH}/containers', OBJECT_MANAGER, 'GetManagedObjects')
        self.assertEqual(reply.get_child_value(0).n_children(), self.COUNT)
        self.assertLess(reply.get_size(), (2 << 20) * self.COUNT / 2000)


class BusTest(Case):
    """A bus of its own, which can be killed, and does not take much."""

    def start_bus(self, limits=''):
        directory = os.path.join(scratch(), 'own-bus')
        os.makedirs(directory, exist_ok=True)
        config, path = os.path.join(directory, 'bus.conf'), os.path.join(directory, 'socket')
        if os.path.exists(path):
            os.unlink(path)
        with open(config, 'w', encoding='utf-8') as file:
            file.write(f'<busconfig><type>system</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>{limits}'
                       '<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/>'
                       '<allow receive_sender="*"/></policy></busconfig>')
        bus = subprocess.Popen(['dbus-daemon', '--config-file', config, '--nofork', '--nopidfile', '--nosyslog', '--print-address=1'],
                               stdout=subprocess.PIPE, start_new_session=True)
        self.addCleanup(bus.stdout.close)
        self.addCleanup(bus.wait)
        self.addCleanup(bus.kill)
        self.assertTrue(bus.stdout.readline())
        return bus, f'unix:path={path}'

    def use_bus(self, address):
        before = os.environ['DBUS_SYSTEM_BUS_ADDRESS']
        self.addCleanup(os.environ.__setitem__, 'DBUS_SYSTEM_BUS_ADDRESS', before)
        os.environ['DBUS_SYSTEM_BUS_ADDRESS'] = address

    def start_service(self, name, address, **environment):
        self.use_bus(address)
        return Service(name, **environment)

    def test_the_bus_dies(self):
        """The service ends in order, and the container goes on; the next service takes it over."""
        bus, address = self.start_bus()
        service = self.start_service('bus-dies', address)
        service.client.import_busybox()
        container = service.client.create('sleep', '1000', name='survivor', stop_signal='KILL')
        container.start()
        pid = container.get('Pid')
        bus.send_signal(signal.SIGKILL)
        bus.wait()
        self.assertEqual(service.process.wait(60), 1)
        self.assertIn('bus has closed the connection', service.said())
        self.assertTrue(is_alive(pid))
        _, address = self.start_bus()
        service = self.start_service('bus-dies', address)
        self.addCleanup(service.destroy)
        survivor = service.client.container('survivor')
        self.assertEqual((survivor.get('State'), survivor.get('Pid')), ('running', pid))
        self.assertEqual(service.client.check(), [])
        survivor.remove(force=True, timeout=0)
        self.assert_nothing_left(service)

    def stuck_subscriber(self):
        """A client that wants to be told all, and never reads."""
        stuck = RawBus()
        self.addCleanup(stuck.close)
        stuck.call(BUS, '/org/freedesktop/DBus', BUS, 'AddMatch', body=GLib.Variant('(s)', ("type='signal'",)))
        return stuck

    def test_a_subscriber_that_never_reads(self):
        """Calls are answered all the same; once it is gone the others are told all, in order, each once."""
        _, address = self.start_bus(''.join(f'<limit name="{name}">{LITTLE}</limit>' for name in ('max_incoming_bytes', 'max_outgoing_bytes')))
        conf = os.path.join(scratch(), 'unread.conf')
        with open(conf, 'w', encoding='utf-8') as file:
            file.write(f'[engine]\nunread_signals_max = {LITTLE // 4}\n')
        service = self.start_service('unread', address, CPOD_CONF=conf)
        self.addCleanup(service.destroy)
        client, caller = service.client, service.connect()
        client.import_busybox()
        since = client.last_seq()
        listener = Recorder(monitor=False)
        self.addCleanup(listener.close)
        follower = Follower(self, service.owner(), since, Mirror(client))
        follower.late = True
        stuck = self.stuck_subscriber()
        container = caller.create('true', name='n')
        renames = 3 * LITTLE // 600
        for number in range(renames):
            container.rename(f'n{number}')
            listener.drain()
        self.assertIn('signals are held back', service.said())
        for number in range(100):
            caller.create('true', name=f'other-{number}')
        self.assertEqual(container.get('Name'), f'n{renames - 1}')
        stuck.close()
        last = since + 1 + renames + 100
        told = listener.take_until(lambda m: m.is_event and m.body[0] == last, 120)
        follower.follow(told)
        self.assertEqual(follower.seq, last)
        self.assertEqual(follower.mirror.objects, Mirror(client).objects)
        self.assertIn('signals are sent again', service.said())


if __name__ == '__main__':
    main()
