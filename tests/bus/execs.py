# SPDX-License-Identifier: LGPL-2.1-or-later
"""Exec sessions, as the tests of the bus and of crashes see them."""

import json
import os
import socket

from service import GLib, NEVER, read_packets, to_options

EXECS = '/org/cpod/Cpod1/execs/'


class Exec:
    """An exec session, by its path."""

    def __init__(self, client, path):
        self.client, self.path, self.id = client, path, path.rsplit('/', 1)[1]

    def call(self, method, signature='', *arguments, **options):
        return self.client.call(self.path, 'Exec', method, signature, *arguments, **options)

    def start(self):
        self.call('Start')
        return self

    def start_with(self, **streams):
        """Starts it with descriptors of ours as its standard streams."""
        options = {name: GLib.Variant('h', number) for number, name in enumerate(streams)}
        self.client.call_raw(self.path, 'org.cpod.Cpod1.Exec', 'Start', GLib.Variant('(a{sv})', (options,)),
                             fds=[os.dup(fd) for fd in streams.values()])
        return self

    def attach(self):
        return socket.socket(fileno=self.call('Attach'))

    def wait(self, seconds=60):
        return self.call('Wait', seconds=seconds)

    def begin_wait(self):
        """A Wait that is on its way; gives a list that its exit code, or the error, comes into."""
        result = []

        def done(connection, answer):
            try:
                result.append(connection.call_finish(answer).unpack()[0])
            except GLib.Error as error:
                result.append(error.message)
        self.client.connection.call(self.client.name, self.path, 'org.cpod.Cpod1.Exec', 'Wait',
                                    GLib.Variant('(a{sv})', ({},)), None, 0, NEVER, None, done)
        return result

    def run(self, data=b''):
        """Runs it to its end: exit code, standard output, standard error."""
        with self.attach() as stream:
            if data:
                stream.send(data)
            stream.shutdown(socket.SHUT_WR)
            packets = read_packets(stream, 60)
        return self.wait(), packets[2].decode(), packets[3].decode()

    def inspect(self):
        return json.loads(self.call('Inspect'))

    @property
    def state(self):
        return self.inspect()['State']

    @property
    def pid(self):
        return self.inspect()['Pid']

    def remove(self, **options):
        self.call('Remove', **options)


def new_exec(container, *command, **options):
    path, ident = container.client.call_raw(
        container.path, 'org.cpod.Cpod1.Container', 'Exec',
        GLib.Variant('(asa{sv})', (list(command), to_options(options))))[0].unpack()
    assert path == EXECS + ident, path
    return Exec(container.client, path)


def list_execs(container):
    return container.call('ListExecs')
