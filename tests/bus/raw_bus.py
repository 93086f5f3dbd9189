# SPDX-License-Identifier: LGPL-2.1-or-later
"""A connection to the bus that sends what it is told to, also what no library would send."""

import array
import os
import socket
import struct

from gi.repository import Gio, GLib

BUS = 'org.freedesktop.DBus'


def with_field(blob, code, first, second):
    """A message of this machine's byte order with one more field in its header, of two numbers."""
    size, = struct.unpack_from('=I', blob, 12)
    fields = blob[16:16 + size] + bytes(-size % 8) + struct.pack('=BB6sII', code, 4, b'(uu)', first, second)
    body = blob[16 + size + -size % 8:]
    return blob[:12] + struct.pack('=I', len(fields)) + fields + bytes(-len(fields) % 8) + body


class RawBus:
    def __init__(self):
        self.serial, self.data = 0, b''
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(os.environ['DBUS_SYSTEM_BUS_ADDRESS'].partition('path=')[2].partition(',')[0])
        for line, answer in ((b'\0AUTH EXTERNAL ' + str(os.getuid()).encode().hex().encode(), b'OK'),
                             (b'NEGOTIATE_UNIX_FD', b'AGREE')):
            self.socket.sendall(line + b'\r\n')
            if not self.socket.recv(1024).startswith(answer):
                raise ConnectionError(line)
        self.socket.sendall(b'BEGIN\r\n')
        self.call(BUS, '/org/freedesktop/DBus', BUS, 'Hello')

    def call(self, *names, body=None, fds=(), field=None):
        """Sends a call to a destination, path, interface and member; reads no reply."""
        message = Gio.DBusMessage.new_method_call(*names)
        if body is not None:
            message.set_body(body)
        return self.send(message, fds, field)

    def signal(self, destination, *names, body=None):
        """Sends a signal of a path, interface and name to one destination alone."""
        message = Gio.DBusMessage.new_signal(*names)
        message.set_destination(destination)
        if body is not None:
            message.set_body(body)
        return self.send(message)

    def send(self, message, fds=(), field=None):
        self.serial += 1
        message.set_serial(self.serial)
        if fds:
            message.set_unix_fd_list(Gio.UnixFDList.new_from_array([os.dup(fd) for fd in fds]))
        blob = bytes(message.to_blob(Gio.DBusCapabilityFlags.UNIX_FD_PASSING))
        if field is not None:
            blob = with_field(blob, *field)
        sent = self.socket.sendmsg([blob], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))] if fds else [])
        self.socket.sendall(blob[sent:])
        return self.serial

    def read(self):
        """The next message."""
        while len(self.data) < 16 or len(self.data) < Gio.DBusMessage.bytes_needed(self.data[:16]):
            got = self.socket.recv(1 << 16)
            if not got:
                raise ConnectionError('the bus has closed the connection')
            self.data += got
        size = Gio.DBusMessage.bytes_needed(self.data[:16])
        blob, self.data = self.data[:size], self.data[size:]
        return Gio.DBusMessage.new_from_blob(blob, Gio.DBusCapabilityFlags.UNIX_FD_PASSING)

    def reply_to(self, serial):
        """What comes before it is lost."""
        while True:
            message = self.read()
            if message.get_reply_serial() == serial:
                return message

    def close(self):
        self.socket.close()
