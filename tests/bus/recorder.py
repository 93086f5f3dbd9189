# SPDX-License-Identifier: LGPL-2.1-or-later
"""Records all that goes over a bus, in the order in which the bus passes it on.

It speaks the protocol itself, without a thread, a queue or a main loop that
could change the order: what comes out is what was on the wire.
"""

import array
import os
import select
import socket
import struct
import time

from gi.repository import Gio, GLib

from service import NAME, OBJECT_MANAGER, PROPERTIES, RUNTIME, bus_address

CALL, REPLY, ERROR, SIGNAL = range(1, 5)
HEADER = 16


class Message:
    """A message as it went over the bus."""

    def __init__(self, blob):
        self.raw = Gio.DBusMessage.new_from_blob(blob, Gio.DBusCapabilityFlags.UNIX_FD_PASSING)
        self.kind = int(self.raw.get_message_type())
        self.sender = self.raw.get_sender()
        self.destination = self.raw.get_destination()
        self.path = self.raw.get_path()
        self.interface = self.raw.get_interface()
        self.member = self.raw.get_member()
        self.serial = self.raw.get_serial()
        self.reply_serial = self.raw.get_reply_serial()
        body = self.raw.get_body()
        self.body = body.unpack() if body is not None else ()

    def __repr__(self):
        return f'{("", "call", "reply", "error", "signal")[self.kind]} {self.member or ""} {self.path or ""} {self.body}'

    @property
    def is_call(self):
        return self.kind == CALL

    @property
    def is_property_signal(self):
        return self.kind == SIGNAL and self.interface == PROPERTIES

    @property
    def is_object_signal(self):
        """One that tells of an object: that it came, changed or went."""
        return self.kind == SIGNAL and self.interface in (PROPERTIES, OBJECT_MANAGER)

    @property
    def object(self):
        """The object that such a signal is about."""
        return self.path if self.interface == PROPERTIES else self.body[0]

    @property
    def is_event(self):
        return self.kind == SIGNAL and self.path == RUNTIME and self.member == 'Event'

    @property
    def is_specific(self):
        return self.kind == SIGNAL and self.interface == f'{NAME}.Runtime' and self.member != 'Event'


class Recorder:
    """A monitor of the bus, as dbus-monitor is one, or a client that is told what all are told."""

    def __init__(self, monitor=True):
        self.buffer = b''
        self.messages = []
        self.serial = 0
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(bus_address().partition('path=')[2].partition(',')[0])
        self._authenticate()
        self._call('Hello', 'org.freedesktop.DBus')
        if monitor:
            self._call('BecomeMonitor', 'org.freedesktop.DBus.Monitoring', GLib.Variant('(asu)', ([], 0)))
        else:
            self._call('AddMatch', 'org.freedesktop.DBus', GLib.Variant('(s)', ("type='signal'",)))
        self.messages.clear()

    def _authenticate(self):
        uid = str(os.getuid()).encode().hex().encode()
        for line in (b'\0AUTH EXTERNAL ' + uid, b'NEGOTIATE_UNIX_FD'):
            self.socket.sendall(line + b'\r\n')
            answer = self.socket.recv(1024)
            if not answer.startswith((b'OK', b'AGREE')):
                raise ConnectionError(answer)
        self.socket.sendall(b'BEGIN\r\n')

    def _call(self, method, interface, body=None):
        message = Gio.DBusMessage.new_method_call('org.freedesktop.DBus', '/org/freedesktop/DBus', interface, method)
        self.serial += 1
        message.set_serial(self.serial)
        if body is not None:
            message.set_body(body)
        self.socket.sendall(bytes(message.to_blob(Gio.DBusCapabilityFlags.NONE)))
        self.wait(lambda m: m.kind in (REPLY, ERROR) and m.reply_serial == self.serial)

    def _receive(self, timeout):
        """Reads once; descriptors that come along are not for us."""
        self.socket.settimeout(timeout)
        space = socket.CMSG_SPACE(16 * array.array('i').itemsize)
        data, ancillary, _, _ = self.socket.recvmsg(1 << 20, space)
        for _, _, payload in ancillary:
            fds = array.array('i')
            fds.frombytes(payload[:len(payload) - len(payload) % fds.itemsize])
            for fd in fds:
                os.close(fd)
        if not data:
            raise ConnectionError('the bus has closed the connection of the monitor')
        self.buffer += data
        while len(self.buffer) >= HEADER and len(self.buffer) >= self._needed():
            needed = self._needed()
            self.messages.append(Message(self.buffer[:needed]))
            self.buffer = self.buffer[needed:]

    def _needed(self):
        order = '<' if self.buffer[0:1] == b'l' else '>'
        body, _, fields = struct.unpack_from(order + 'III', self.buffer, 4)
        return HEADER + (fields + 7) // 8 * 8 + body

    def wait(self, wanted, seconds=20):
        """Reads until a message is there for which WANTED(message) holds; gives its index."""
        deadline = time.monotonic() + seconds
        seen = 0
        while True:
            for index in range(seen, len(self.messages)):
                if wanted(self.messages[index]):
                    return index
            seen = len(self.messages)
            self._receive(max(0.01, deadline - time.monotonic()))

    def cut(self, method, sender, since=None):
        """All from the call of METHOD (or of SINCE) by SENDER to METHOD's reply; all up to there is dropped."""
        start = self.wait(lambda m: m.kind == CALL and m.member == method and m.sender == sender)
        serial = self.messages[start].serial
        end = self.wait(lambda m: m.kind in (REPLY, ERROR) and m.destination == sender and m.reply_serial == serial)
        first = self.wait(lambda m: m.kind == CALL and m.member == (since or method) and m.sender == sender)
        result = self.messages[first:end + 1]
        del self.messages[:end + 1]
        return result

    def drain(self):
        """Reads what there is, and does not wait for more."""
        while select.select([self.socket], [], [], 0)[0]:
            self._receive(1)

    def take_until(self, wanted, seconds=20):
        """All up to the message wanted, which is the last one given."""
        index = self.wait(wanted, seconds)
        result = self.messages[:index + 1]
        del self.messages[:index + 1]
        return result

    def close(self):
        self.socket.close()
