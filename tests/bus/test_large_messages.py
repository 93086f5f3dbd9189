#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Messages that are larger than any call that makes sense: they cost the service next to nothing, and others even less."""

import contextlib
import os
import re
import socket
import threading

from cases import BusyboxCase
from raw_bus import BUS, RawBus
from service import NAME, NEVER, RUNTIME, Gio, GLib, listen_for, main, wait_for

MOST_BYTES = (2 << 20) + (64 << 10)
MOST_VALUES = 32768
MOST_MEMORY = 64 << 10          # KiB


def many(kind, count, value):
    builder, item = GLib.VariantBuilder.new(GLib.VariantType.new('a' + kind)), GLib.Variant(kind, value)
    for _ in range(count):
        builder.add_value(item)
    return builder.end()


class LargeMessagesTest(BusyboxCase):
    def status(self, key):
        """KiB of the service's memory."""
        with open(f'/proc/{self.service.process.pid}/status', encoding='ascii') as file:
            return int(re.search(rf'^{key}:\s+(\d+)', file.read(), re.M)[1])

    def forget_peak(self):
        with open(f'/proc/{self.service.process.pid}/clear_refs', 'w', encoding='ascii') as file:
            file.write('5')

    def assert_peak(self):
        """What a sanitizer adds is not ours to bound."""
        if 'ASAN_OPTIONS' not in os.environ:
            self.assertLess(self.status('VmHWM'), MOST_MEMORY)

    def descriptors(self):
        return len(os.listdir(f'/proc/{self.service.process.pid}/fd'))

    @staticmethod
    def arguments(value, image='absent'):
        return GLib.Variant.new_tuple(GLib.Variant('s', image), GLib.Variant('a{sv}', {'command': value}))

    def create(self, value, fds=None):
        return self.client.call_raw(RUNTIME, f'{NAME}.Runtime', 'Create', self.arguments(value), fds=fds)

    def test_too_many_bytes(self):
        """Refused by name, with the limit; what is just below it comes to where options are looked at."""
        for size in MOST_BYTES, 30 << 20:
            with self.assert_error('LimitsExceeded', 'Create', 'bytes', str(MOST_BYTES)):
                self.create(GLib.Variant('s', 'x' * size))
        with self.assert_error('InvalidArgument', 'command', "'as'"):
            self.create(GLib.Variant('s', 'x' * (MOST_BYTES - 1024)))

    def test_too_many_values(self):
        """Most of the memory is for those, however small they are."""
        for value in (many('s', 100000, ''), many('g', 100000, ''), many('v', 50000, GLib.Variant('y', 1)),
                      many('(ss)', 20000, ('', '')), many('b', 300000, True), many('ay', 40000, b''),
                      GLib.Variant('a{su}', {str(number): number for number in range(20000)})):
            with self.subTest(value.get_type_string()), self.assert_error('LimitsExceeded', 'Create', str(MOST_VALUES), 'values'):
                self.create(value)
        with self.assert_error('NoSuchImage', 'absent'):
            self.create(many('s', 30000, ''))
        with self.assert_error('InvalidArgument', 'command'):
            self.create(many('u', 500000, 1))   # an array of numbers is one value

    def test_a_command_line_as_large_as_the_kernel_takes(self):
        words = ['x' * 60] * 30000
        container = self.client.create('true', *words)
        self.assertEqual(container.inspect()['Config']['Cmd'], ['true', *words])

    def test_a_flood(self):
        """Some send as much as there may be, others more; and somebody else is served as ever."""
        self.create_all([])
        self.forget_peak()
        values = [GLib.Variant('s', 'x' * (20 << 20)), many('s', 100000, ''), many('s', 30000, 'x' * 60), many('v', 15000, GLib.Variant('u', 1))]
        self.create_all([value for value in values for _ in range(8)])
        self.assert_peak()

    def create_all(self, values):
        """Each with a connection of its own, all at once."""
        clients, names = [self.service.connect() for _ in values], []

        def on_reply(connection, result):
            try:
                connection.call_finish(result)
            except GLib.Error as error:
                names.append(Gio.DBusError.get_remote_error(error).rpartition('.')[2])
        for client, value in zip(clients, values):
            client.connection.call(NAME, RUNTIME, f'{NAME}.Runtime', 'Create', self.arguments(value), None, 0, NEVER, None, on_reply)
        while len(names) < len(values):
            self.client.runtime('GetInfo')
            listen_for(lambda seen=len(names): len(names) > seen, 60)
        self.assertLessEqual(set(names), {'LimitsExceeded', 'NoSuchImage', 'InvalidArgument'})
        for client in clients:
            client.close()

    def test_a_user_has_room_for_some_calls(self):
        """Calls that wait keep their arguments, so only some may be large; how many connections they come from does not matter."""
        container = self.client.create('true')
        clients, done = [self.service.connect() for _ in range(8)], []
        conditions = GLib.Variant('(a{sv})', ({'condition': many('s', 30000, 'running')},))
        self.forget_peak()
        for client in clients:
            client.connection.call(NAME, container.path, f'{NAME}.Container', 'Wait', conditions, None, 0, NEVER, None,
                                   lambda connection, result: done.append(self.error_of(connection, result)))
        listen_for(lambda: len(done) == 5, 60)
        self.assertEqual({error.rpartition('.')[2] for error, _ in done}, {'LimitsExceeded'})
        self.assertIn('calls of user 0', done[0][1])
        self.assertEqual(container.get('State'), 'configured')
        self.assert_peak()
        container.remove()
        listen_for(lambda: len(done) == 8, 60)
        for client in clients:
            client.close()
        for _ in range(5):                      # there is room again
            self.client.call_raw(self.client.create('true').path, f'{NAME}.Container', 'Wait',
                                 GLib.Variant('(a{sv})', ({'condition': many('s', 30000, 'configured')},)))

    @staticmethod
    def error_of(connection, result):
        try:
            connection.call_finish(result)
        except GLib.Error as error:
            return Gio.DBusError.get_remote_error(error), error.message
        return None

    def test_descriptors_of_what_is_refused(self):
        self.client.runtime('GetInfo')
        before = self.descriptors()
        for value in GLib.Variant('s', 'x' * (3 << 20)), many('s', 100000, ''):
            with self.assert_error('LimitsExceeded'):
                self.create(value, fds=[os.open(os.devnull, os.O_RDONLY) for _ in range(10)])
        wait_for(lambda: self.descriptors() <= before, 20, 'the end of the descriptors')

    def test_signals_that_nobody_wants(self):
        """The bus lets everybody send a signal to one connection; there is nobody to answer, so it is dropped."""
        owner, bus = self.service.owner(), RawBus()
        self.addCleanup(bus.close)
        self.forget_peak()
        for body in GLib.Variant('(s)', ('x' * (20 << 20),)), GLib.Variant.new_tuple(many('s', 100000, '')):
            for _ in range(3):
                bus.signal(owner, '/', 'a.b', 'C', body=body)
        serial = bus.call(NAME, RUNTIME, f'{NAME}.Runtime', 'GetInfo', body=GLib.Variant('(a{sv})', ({},)))
        self.assertEqual(bus.reply_to(serial).get_message_type(), Gio.DBusMessageType.METHOD_RETURN)
        self.assert_peak()

    def test_from_the_first_moment(self):
        """Whoever has a connection gets messages, also before it serves anything."""
        bus, seen = RawBus(), []
        self.addCleanup(bus.close)
        bus.call(BUS, '/org/freedesktop/DBus', BUS, 'AddMatch', body=GLib.Variant('(s)', ("member='NameOwnerChanged'",)))

        def greet():
            with contextlib.suppress(OSError):
                while True:
                    message = bus.read()
                    if message.get_member() == 'NameOwnerChanged' and message.get_body().unpack()[1] == '':
                        seen.append(message.get_body().unpack()[0])
                        for size in 5000, 5000, 3 << 20:
                            bus.call(seen[-1], RUNTIME, f'{NAME}.Runtime', 'GetInfo', body=GLib.Variant('(s)', ('x' * size,)))
        thread = threading.Thread(target=greet)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(bus.socket.shutdown, socket.SHUT_RDWR)
        for _ in range(5):
            self.service.restart()
            self.client.runtime('GetInfo')
        self.assertGreaterEqual(len([name for name in seen if name.startswith(':')]), 10)

    def test_marks_that_a_caller_makes_up(self):
        """They are no more than a field of a header that nobody knows, or a caller who refuses itself."""
        bus = RawBus()
        self.addCleanup(bus.close)
        for code, values in ((200, (1, 0)), (200, (0, 2 ** 32 - 1)), (201, (0, 0)), (201, (2 ** 32 - 1, 1))):
            with self.subTest(code=code, values=values):
                serial = bus.call(NAME, RUNTIME, f'{NAME}.Runtime', 'GetInfo', body=GLib.Variant('(a{sv})', ({},)),
                                  field=(code, *values))
                reply = bus.reply_to(serial)
                self.assertIn((reply.get_message_type(), reply.get_error_name()),
                              ((Gio.DBusMessageType.METHOD_RETURN, None), (Gio.DBusMessageType.ERROR, f'{NAME}.Error.LimitsExceeded')))
                self.client.runtime('GetInfo')

    def test_a_stream_of_small_and_large(self):
        """All are answered in the order in which they were sent, also when they are read in pieces."""
        bus = RawBus()
        self.addCleanup(bus.close)
        sizes = [1, 1000, 1024, 5000, 70000, 300000, 3 << 20, 10, 2000] * 5
        serials = [bus.call(NAME, f'/{number}', 'org.freedesktop.DBus.Peer', 'Ping', body=GLib.Variant('(s)', ('x' * size,)))
                   for number, size in enumerate(sizes)]
        for serial, size in zip(serials, sizes):
            reply = bus.reply_to(serial)
            self.assertEqual(reply.get_message_type() == Gio.DBusMessageType.ERROR and reply.get_error_name().rpartition('.')[2],
                             'LimitsExceeded' if size > MOST_BYTES else 'UnknownMethod')


if __name__ == '__main__':
    main()
