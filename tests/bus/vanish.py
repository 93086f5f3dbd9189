# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients that are killed, and what a service has while nobody wants anything of it."""

import contextlib
import fcntl
import json
import os
import re
import socket
import sqlite3
import struct
import subprocess
import sys
import termios
import threading
from collections import Counter

from halt import Halt
from service import RUNTIME, GLib, is_alive, mounts_below, parent_of, processes_with, to_options, wait_for

JOBS = '/org/cpod/Cpod1/jobs'
# How long something may take that is known to come.
LONG = 120

# It is told in its arguments what to call, and which of its descriptors go along. It is killed in the end, or kills itself.
CLIENT = '''
import json, os, sys, time
sys.path.insert(0, sys.argv[1])
from service import *
what = json.loads(sys.argv[2])
client = Client(connect_bus())
parameters = GLib.Variant('(' + what['signature'] + 'a{sv})', (*what['arguments'], to_options(what['options'])))
where = what['path'], NAME + '.' + what['interface'], what['method']
if what['until'] in ('called', 'parked'):
    client.runtime('GetInfo')
if what['until'] in ('stranger', 'called', 'parked', 'stopped'):
    fds = Gio.UnixFDList.new_from_array(what['fds'])
    client.connection.call_with_unix_fd_list(NAME, *where, parameters, None, 0, NEVER, fds, None, None)
    client.connection.flush_sync(None)
    if what['until'] == 'parked':
        client.runtime('GetInfo')
        print(client.connection.get_unique_name(), flush=True)
        time.sleep(1000)
    os.kill(os.getpid(), 19 if what['until'] == 'stopped' else 9)
reply, fds = client.call_raw(*where, parameters, fds=[os.dup(fd) for fd in what['fds']])
for fd in what['fds']:
    os.close(fd)
result = reply.unpack()[0] if reply.n_children() else ''
if what['until'] in ('waiting', 'ended'):
    client.connection.call(NAME, result, NAME + '.Job', 'Wait', GLib.Variant('(a{sv})', ({},)), None, 0, NEVER, None, None)
    client.connection.flush_sync(None)
if what['until'] == 'typing':
    socket.socket(fileno=fds[0]).send(b'half of a line')
print(result, flush=True)
if what['until'] == 'ended':
    wait_for(lambda: client.property(result, 'Job', 'State') != 'running', 120)
    print(client.property(result, 'Job', 'State'), flush=True)
time.sleep(1000)
'''


class Leaver:
    """A client in a process of its own, which makes one call and is killed."""

    def __init__(self, call, until, fds=()):
        path, interface, method, signature, arguments, options = call
        what = {'path': path, 'interface': interface, 'method': method, 'signature': signature, 'arguments': arguments,
                'options': options, 'until': until, 'fds': list(fds)}
        self.process = subprocess.Popen(
            [sys.executable, '-W', 'ignore', '-c', CLIENT, os.path.dirname(os.path.abspath(__file__)), json.dumps(what)],
            stdout=subprocess.PIPE, text=True, pass_fds=tuple(fds))

    def line(self):
        """What it says next; '' when it has died instead."""
        return self.process.stdout.readline().strip()

    def wait_stopped(self):
        _, status = os.waitpid(self.process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status), status

    def kill(self):
        self.process.kill()
        self.end()

    def end(self):
        self.process.wait()
        self.process.stdout.close()


def threads_named(pid, name):
    found = 0
    for thread in os.listdir(f'/proc/{pid}/task'):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            with open(f'/proc/{pid}/task/{thread}/comm', encoding='utf-8') as file:
                found += file.read().strip() == name
    return found


def descriptors_of(pid):
    """How many there are of each kind, or of each file."""
    found = Counter()
    for fd in os.listdir(f'/proc/{pid}/fd'):
        with contextlib.suppress(FileNotFoundError):
            found[re.sub(r':\[\d+\]$', '', os.readlink(f'/proc/{pid}/fd/{fd}'))] += 1
    return found


def children_of(pid):
    return sorted(child for child in map(int, filter(str.isdigit, os.listdir('/proc'))) if parent_of(child) == pid and is_alive(child))


def files_below(top):
    return sorted(os.path.join(directory, name) for directory, names, files in os.walk(top) for name in (*names, *files))


def operations_of(service):
    with contextlib.closing(sqlite3.connect(service.state('lib', 'cpod.db'))) as database:
        return database.execute('SELECT kind, object FROM operation').fetchall()


def job_nodes(service):
    """The callers for whom the service has jobs, but for us."""
    ours = service.client.connection.get_unique_name()[1:].replace('.', '_')
    reply, _ = service.client.call_raw(JOBS, 'org.freedesktop.DBus.Introspectable', 'Introspect')
    return [name for name in re.findall(r'<node name="([^"]+)"', reply.unpack()[0]) if name != ours]


class Traces:
    """All that something which did not end well could leave."""

    def __init__(self, service):
        self.service = service
        self.before = self.look()

    def look(self):
        service, pid = self.service, self.service.process.pid
        database = service.state('lib', 'cpod.db')
        return {
            'files': [path for path in files_below(service.root) if not path.startswith(database)],
            'mounts': mounts_below(service.root),
            'descriptors': Counter({name: n for name, n in descriptors_of(pid).items() if not name.startswith(database)}),
            'children': children_of(pid),
            'processes': sorted(processes_with(service.root)),
            'threads': sum(threads_named(pid, name) for name in ('cpd-job', 'cpd-log', 'cpd-abandon')),
            'operations': operations_of(service),
            'jobs': job_nodes(service),
        }

    def differences(self):
        """Something that was under way before may have ended, too."""
        now = self.look()
        return {key: (self.before[key], now[key]) for key in now
                if now[key] != self.before[key] and not (key == 'descriptors' and now[key] <= self.before[key])}

    def assert_gone(self):
        try:
            wait_for(lambda: not self.differences(), LONG, 'the end of all traces')
        except AssertionError:
            raise AssertionError('\n'.join(f'{key} were {was} and are {now}' for key, (was, now) in self.differences().items())) \
                from None


def wait_noticed(service, name):
    """Until the service has been told by the bus that this connection is gone, and has looked at it."""
    bus = service.client.connection
    wait_for(lambda: not bus.call_sync('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus', 'NameHasOwner',
                                       GLib.Variant('(s)', (name,)), None, 0, -1, None).unpack()[0], LONG, 'the end of a connection')
    service.client.runtime('GetInfo')       # the bus keeps the order


def unread(fd):
    """How many bytes are in a pipe."""
    return struct.unpack('i', fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))[0]


class Feed:
    """A pipe that a job reads from: half of the data, and the rest when it may go on."""

    def __init__(self, data):
        self.data = data
        self.theirs, self.ours = os.pipe()
        self.fds = [self.theirs]
        self.thread = None

    def handed_over(self):
        os.close(self.theirs)

    def halfway(self):
        half = len(self.data) // 2
        self.begin(self.data[:half], False)
        self.thread.join()
        self.data = self.data[half:]
        wait_for(lambda: unread(self.ours) == 0, LONG, 'half of the data on its way')

    def go_on(self):
        self.begin(self.data, True)

    def begin(self, data, to_the_end):
        self.thread = threading.Thread(target=self.write, args=(data, to_the_end))
        self.thread.start()

    def write(self, data, to_the_end):
        with contextlib.suppress(BrokenPipeError):
            while data:
                data = data[os.write(self.ours, data):]
        if to_the_end:
            os.close(self.ours)
            self.ours = -1

    def end(self):
        """Nobody has read it to the end by then, or it is over."""
        if self.thread is not None:
            self.thread.join()
        if self.ours >= 0:
            os.close(self.ours)


class Drain:
    """A pipe that a job writes to: it is read when the job may go on."""

    def __init__(self):
        self.ours, self.theirs = os.pipe()
        fcntl.fcntl(self.ours, fcntl.F_SETPIPE_SZ, 4096)
        self.fds = [self.theirs]
        self.thread = None

    def handed_over(self):
        os.close(self.theirs)

    def halfway(self):
        wait_for(lambda: unread(self.ours) == 4096, LONG, 'a full pipe')

    def go_on(self):
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        while os.read(self.ours, 65536):
            pass

    def end(self):
        if self.thread is not None:
            self.thread.join()
        os.close(self.ours)


class Gate(Halt):
    """A point of a job at which it waits; others pass it."""

    fds = ()

    def __init__(self, point):
        super().__init__(point, point)
        os.unlink(self.path)
        self.held = False

    def arm(self):
        os.mkfifo(self.path)
        return self

    def handed_over(self):
        pass

    def halfway(self):
        self.wait()
        self.held = True

    def go_on(self):
        if self.held:
            self.release()
            self.held = False

    end = go_on


class SlowRegistry:
    """In front of a registry: what it answers to a request with AT in it stands still when it has begun."""

    fds = ()

    def __init__(self, port):
        self.port = port
        self.at, self.reached, self.gate = None, threading.Event(), threading.Event()
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.host = '127.0.0.1:{}'.format(self.listener.getsockname()[1])
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                far = socket.create_connection(('127.0.0.1', self.port))
                held = threading.Event()
                for pump in (self.ask, self.answer):
                    threading.Thread(target=pump, args=(near, far, held), daemon=True).start()

    def ask(self, near, far, held):
        """Passes on what is asked; the body of the request may be longer than what is let through."""
        with contextlib.suppress(OSError):
            while data := near.recv(4096):
                if self.at is not None and self.at in data:
                    held.set()
                far.sendall(data)
                if held.is_set() and data.startswith((b'PATCH', b'PUT')):
                    self.hold(held)
        self.close(near, far)

    def answer(self, near, far, held):
        with contextlib.suppress(OSError):
            while data := far.recv(4096):
                if held.is_set():
                    near.sendall(data[:50])
                    data = data[50:]
                    self.hold(held)
                near.sendall(data)
        self.close(near, far)

    def hold(self, held):
        gate = self.gate
        self.reached.set()
        gate.wait()
        held.clear()

    @staticmethod
    def close(*ends):
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def arm(self, at):
        self.at, self.reached, self.gate = at, threading.Event(), threading.Event()
        return self

    def handed_over(self):
        pass

    def halfway(self):
        assert self.reached.wait(LONG), f'nobody has asked for {self.at}'

    def go_on(self):
        self.at = None
        self.gate.set()

    end = go_on


def call_of(interface, method, signature='', *arguments, path=RUNTIME, **options):
    """What Leaver and Client.call_raw() are to do."""
    return path, interface, method, signature, list(arguments), options


def start_job(client, call, fds=()):
    """The same from here: gives the job's path."""
    path, interface, method, signature, arguments, options = call
    parameters = GLib.Variant(f'({signature}a{{sv}})', (*arguments, to_options(options)))
    reply, _ = client.call_raw(path, 'org.cpod.Cpod1.' + interface, method, parameters, fds=[os.dup(fd) for fd in fds] or None)
    return reply.unpack()[0]
