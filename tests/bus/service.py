# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the bus share: a cpodd of their own, and raw calls to it.

Nothing here uses libcpod: what is tested is what goes over the wire.
"""

import atexit
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import gi
gi.require_version('Gio', '2.0')
from gi.repository import Gio, GLib  # noqa: E402

NAME = 'org.cpod.Cpod1'
ROOT_PATH = '/org/cpod/Cpod1'
RUNTIME = ROOT_PATH + '/Runtime'
ERROR = NAME + '.Error.'
PROPERTIES = 'org.freedesktop.DBus.Properties'
OBJECT_MANAGER = 'org.freedesktop.DBus.ObjectManager'
NEVER = 2 ** 31 - 1

# Types of the options whose values Python's types do not tell.
OPTION_TYPES = {
    'labels': 'a{ss}', 'stop-timeout': 'u', 'timeout': 'u', 'tail': 'u', 'limit': 'u',
    'since': 't', 'until': 't', 'from-time': 't', 'until-time': 't', 'exited': 'ai', 'size': '(uu)',
    'cpus': 'd', 'oom-score-adj': 'i', 'shm-size': 'x',
    **dict.fromkeys(('memory', 'memory-swap', 'memory-reservation', 'memory-swappiness', 'cpu-shares', 'cpu-quota',
                     'cpu-period', 'blkio-weight', 'pids-limit'), 'x'),
}


class CallError(Exception):
    """An error reply."""

    def __init__(self, error):
        match = re.match(r'GDBus\.Error:([A-Za-z0-9_.]+): (.*)', error.message, re.DOTALL)
        self.name, self.message = match.groups() if match else ('', error.message)
        super().__init__(error.message)


def variant(key, value):
    if isinstance(value, GLib.Variant):
        return value
    if key in OPTION_TYPES and not isinstance(value, str):
        return GLib.Variant(OPTION_TYPES[key], value)
    if isinstance(value, bool):
        return GLib.Variant('b', value)
    if isinstance(value, str):
        return GLib.Variant('s', value)
    return GLib.Variant('as', value)


def to_options(options):
    """A dictionary of variants out of keyword arguments; "_" stands for "-"."""
    result = {}
    for key, value in options.items():
        key = key.replace('_', '-')
        result[key] = variant(key, value)
    return result


class Client:
    """A connection to the service."""

    def __init__(self, connection, name=NAME):
        self.connection = connection
        self.name = name

    def call_raw(self, path, interface, method, parameters=None, fds=None, seconds=60):
        """The reply as a variant, and the descriptors that came with it."""
        fd_list = Gio.UnixFDList.new_from_array(fds) if fds else None
        try:
            reply, out = self.connection.call_with_unix_fd_list_sync(
                self.name, path, interface, method, parameters, None,
                Gio.DBusCallFlags.NO_AUTO_START, seconds if seconds == NEVER else seconds * 1000, fd_list, None)
        except GLib.Error as error:
            raise CallError(error) from None
        return reply, out.steal_fds() if out is not None else []

    def call(self, path, interface, method, signature='', *arguments, seconds=60, **options):
        """A method of ours; the options go last. Gives what it gives, not as a tuple when it is one thing."""
        parameters = GLib.Variant(f'({signature}a{{sv}})', (*arguments, to_options(options)))
        reply, fds = self.call_raw(path, f'{NAME}.{interface}', method, parameters, seconds=seconds)
        values = (*(value for value in reply.unpack()), *fds)
        if fds:
            return fds[0]
        return values[0] if len(values) == 1 else values or None

    def runtime(self, method, signature='', *arguments, **options):
        return self.call(RUNTIME, 'Runtime', method, signature, *arguments, **options)

    def images(self, method, signature='', *arguments, **options):
        return self.call(RUNTIME, 'Images', method, signature, *arguments, **options)

    def property(self, path, interface, key):
        reply, _ = self.call_raw(path, PROPERTIES, 'Get', GLib.Variant('(ss)', (f'{NAME}.{interface}', key)))
        return reply.unpack()[0]

    def properties(self, path, interface):
        reply, _ = self.call_raw(path, PROPERTIES, 'GetAll', GLib.Variant('(s)', (f'{NAME}.{interface}',)))
        return reply.unpack()[0]

    def managed(self, kind):
        return self.call_raw(f'{ROOT_PATH}/{kind}', OBJECT_MANAGER, 'GetManagedObjects')[0].unpack()[0]

    def begin_import(self, archive, reference='', **options):
        """Starts an import of an open file; gives the job's path."""
        parameters = GLib.Variant('(hsa{sv})', (0, reference, to_options(options)))
        fd = archive if isinstance(archive, int) else archive.fileno()
        reply, _ = self.call_raw(RUNTIME, f'{NAME}.Images', 'Import', parameters, fds=[os.dup(fd)])
        return reply.unpack()[0]

    def job_wait(self, job, seconds=60):
        return self.call(job, 'Job', 'Wait', seconds=seconds)

    def import_image(self, path, reference='', **options):
        with open(path, 'rb') as archive:
            return self.job_wait(self.begin_import(archive, reference, **options))

    def import_busybox(self, reference='busybox', **options):
        return self.import_image(image_tar(), reference, **options)

    def create(self, *command, image='busybox', **options):
        if command:
            options['command'] = list(command)
        path, ident, name = self.runtime('Create', 's', image, **options)
        return Container(self, path, ident, name)

    def container(self, name):
        path = self.runtime('GetContainer', 's', name)
        return Container(self, path, path.rsplit('/', 1)[1], name)

    def list(self, **options):
        columns = self.runtime('ListContainers', **options)
        return [dict(zip(columns, row)) for row in zip(*columns.values())]

    def events(self, since=0, **options):
        """All events after SINCE, and the number up to which that is all."""
        result = []
        while True:
            events, last, gap = self.runtime('GetEvents', 't', since, **options)
            assert not gap, 'events are missing'
            result += events
            if not events or 'limit' in options:
                return result, last
            since = last

    def last_seq(self):
        return self.events()[1]

    def check(self):
        return self.runtime('Check')

    def run(self, *command, **options):
        """Runs a container to its end; gives its exit code and output."""
        container = self.create(*command, **options)
        try:
            container.start()
            code = container.wait()
            return code, container.output()
        finally:
            container.remove(force=True)

    def wait_running(self, seconds=20):
        """Waits until the service has recovered."""
        wait_for(lambda: self.property(RUNTIME, 'Runtime', 'State') == 'running', seconds, 'recovery')

    def close(self):
        self.connection.close_sync(None)


class Container:
    """A container, by its path."""

    def __init__(self, client, path, ident, name):
        self.client, self.path, self.id, self.name = client, path, ident, name

    def call(self, method, signature='', *arguments, **options):
        return self.client.call(self.path, 'Container', method, signature, *arguments, **options)

    def start(self):
        self.call('Start')

    def init(self):
        self.call('Init')

    def stop(self, **options):
        self.call('Stop', **options)

    def kill(self, **options):
        self.call('Kill', **options)

    def rename(self, name):
        self.call('Rename', 's', name)
        self.name = name

    def remove(self, **options):
        self.call('Remove', **options)

    def wait(self, *conditions, seconds=60):
        options = {'condition': list(conditions)} if conditions else {}
        return self.call('Wait', seconds=seconds, **options)

    def wait_exited(self):
        """Waits until all of the run is cleared away."""
        return self.wait('exited', 'configured')

    def attach(self):
        return socket.socket(fileno=self.call('Attach'))

    def inspect(self):
        return json.loads(self.call('Inspect'))

    def get(self, key):
        return self.client.property(self.path, 'Container', key)

    def get_all(self):
        return self.client.properties(self.path, 'Container')

    def log(self, **options):
        """The lines of the log: (time, stream, tag, text)."""
        with open(self.call('Logs', **options), 'rb') as stream:
            text = stream.read().decode()
        return [tuple(line.split(' ', 3)) for line in text.split('\n')[:-1]]

    def output(self, stream='stdout'):
        return ''.join(text + ('\n' if tag == 'F' else '')
                       for _, name, tag, text in self.log() if name == stream)


def wait_for(condition, seconds=10, what='it'):
    """Waits until CONDITION() holds; gives what it gave."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f'{what} has not come in {seconds} s')
        time.sleep(0.005)


def listen_for(condition, seconds=10, what='the signal or reply'):
    """As wait_for(), with the main loop running meanwhile."""
    def look():
        while GLib.MainContext.default().iteration(False):
            pass
        return condition()
    return wait_for(look, seconds, what)


def read_packets(stream, seconds=10):
    """All of an attached stream: {stream number: bytes}."""
    stream.settimeout(seconds)
    result = {2: b'', 3: b''}
    while packet := stream.recv(16384):
        result[packet[0]] += packet[1:]
    return result


def bus_address():
    return os.environ['DBUS_SYSTEM_BUS_ADDRESS']


def connect_bus():
    connection = Gio.DBusConnection.new_for_address_sync(
        bus_address(), Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
        | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)
    connection.set_exit_on_close(False)
    return connection


def name_owner(connection):
    """The process that has the service's name, 0 when none has it."""
    try:
        return connection.call_sync('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus',
                                    'GetConnectionUnixProcessID', GLib.Variant('(s)', (NAME,)),
                                    None, 0, -1, None).unpack()[0]
    except GLib.Error:
        return 0


FUSE = '/usr/bin/fuse-overlayfs'
_made = {}


def scratch():
    """A directory that an overlay can lie in, and that goes when the test ends."""
    if 'scratch' not in _made:
        parent = os.path.join(os.environ['CPOD_ROOT'], 'cases')
        os.makedirs(parent, exist_ok=True)
        os.chmod(parent, 0o755)
        _made['scratch'] = tempfile.mkdtemp(dir=parent)
        os.chmod(_made['scratch'], 0o755)
        atexit.register(shutil.rmtree, _made['scratch'], True)
    return _made['scratch']


def write_conf(name, text):
    """A file of configuration; gives its path."""
    path = os.path.join(scratch(), name + '.conf')
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)
    return path


def driver_conf(name, driver):
    """A file of configuration by which new containers' roots are put together: by "overlay", "fuse" or "vfs"."""
    if driver == 'fuse':
        return write_conf(name, f'[storage]\ndriver = "overlay"\n[storage.options.overlay]\nmount_program = "{FUSE}"\n')
    return write_conf(name, f'[storage]\ndriver = "{driver}"\n')


def image_tar():
    """A small root file system."""
    if 'image' not in _made:
        _made['image'] = os.path.join(scratch(), 'image.tar')
        subprocess.run([os.path.join(os.environ['CPOD_SOURCE'], 'scripts', 'make-image'), _made['image']],
                       check=True)
    return _made['image']


def process_state(pid):
    """The letter of a process's state, '' when there is none."""
    try:
        with open(f'/proc/{pid}/stat', encoding='utf-8', errors='replace') as file:
            return file.read().rpartition(')')[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ''


def command_line(pid):
    """The words that a process was started with; none when there is no such process."""
    try:
        with open(f'/proc/{pid}/cmdline', encoding='utf-8', errors='replace') as file:
            return file.read().split('\0')[:-1]
    except (FileNotFoundError, ProcessLookupError):
        return []


def is_alive(pid):
    return process_state(pid) not in ('', 'Z', 'X')


def parent_of(pid):
    try:
        with open(f'/proc/{pid}/stat', encoding='utf-8', errors='replace') as file:
            return int(file.read().rpartition(')')[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def processes_with(word, program=None):
    """Processes that have WORD, or a path below it, in their command line."""
    found = []
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{pid}/cmdline', 'rb') as file:
                argv = file.read().decode(errors='replace').split('\0')
        except OSError:
            continue
        if any(arg == word or arg.startswith(word + '/') for arg in argv) and is_alive(int(pid)):
            if program is None or os.path.basename(argv[0]) == program:
                found.append(int(pid))
    return found


def mounts_below(directory):
    with open('/proc/self/mountinfo', encoding='utf-8') as file:
        points = [line.split()[4] for line in file]
    return [point for point in points if point.startswith(directory + '/')]


def files_in(*parts):
    """What is in a directory; nothing when it is not there."""
    try:
        return sorted(os.listdir(os.path.join(*parts)))
    except FileNotFoundError:
        return []


class Service:
    """A cpodd that the test starts and ends, with its state in a directory of its own."""

    def __init__(self, name, peer=False, root=None, **environment):
        self.root = root or os.path.join(scratch(), name)
        self.peer = peer
        self.process = self.client = None
        self.stderr = None
        os.makedirs(self.root, exist_ok=True)
        os.chmod(self.root, 0o711)
        self.mounts = mounts_below(self.root)
        self.start(**environment)

    def spawn(self, *arguments, **environment):
        """Runs the program without waiting for anything."""
        self.stderr = tempfile.TemporaryFile()
        pass_fds = environment.pop('pass_fds', ())
        self.process = subprocess.Popen(
            [os.environ['CPOD_DAEMON'], '--root', self.root, *arguments], stdin=subprocess.DEVNULL,
            stderr=self.stderr, env={**os.environ, **environment}, pass_fds=pass_fds)

    def start(self, **environment):
        if self.peer:
            ours, theirs = socket.socketpair()
            with theirs:
                self.spawn('--peer', str(theirs.fileno()), pass_fds=(theirs.fileno(),), **environment)
            self.client = Client(connect_peer(ours), None)
        else:
            bus = connect_bus()
            wait_for(lambda: name_owner(bus) == 0, 20, 'the end of the service before')
            self.spawn(**environment)
            wait_for(lambda: name_owner(bus) or self.process.poll() is not None, 20, 'the service')
            if self.process.poll() is not None:
                raise AssertionError('cpodd does not start: ' + self.said())
            self.client = Client(bus)
        self.client.wait_running()

    def said(self):
        self.stderr.seek(0)
        return self.stderr.read().decode(errors='replace')

    def connect(self):
        """One more client."""
        return Client(connect_bus())

    def owner(self):
        """Its unique name on the bus."""
        return self.client.connection.call_sync('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus',
                                                'GetNameOwner', GLib.Variant('(s)', (NAME,)), None, 0, -1, None).unpack()[0]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Ends it in order; gives its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def restart(self, **environment):
        self.stop()
        self.start(**environment)
        return self.client

    def state(self, *parts):
        return os.path.join(self.root, *parts)

    def left_behind(self):
        """What there is of containers, apart from what the service says of itself."""
        left = []
        for parts in (('lib', 'containers'), ('lib', 'storage', 'overlay', 'c'), ('lib', 'storage', 'overlay', 'tmp'),
                      ('lib', 'storage', 'overlay', 'i'), ('run', 'containers'), ('run', 'runtime'), ('run', 'exits')):
            left += ['/'.join((*parts, name)) for name in files_in(self.root, *parts)]
        left += [point for point in mounts_below(self.root) if point not in self.mounts]
        left += [f'conmon {pid}' for pid in processes_with(self.root, 'conmon')]
        return left

    def remove_all(self, keep=()):
        """Those that others are about to remove as well; but not those named in KEEP."""
        for container in self.client.list(fields=['id', 'name']):
            if container['name'] in keep:
                continue
            try:
                self.client.container(container['id']).remove(force=True, timeout=0)
            except CallError as error:
                if error.name != ERROR + 'NoSuchContainer':
                    raise

    def destroy(self):
        """Ends it and removes its state, whatever is in it."""
        code = self.stop()
        for ident in files_in(self.root, 'run', 'runtime'):
            subprocess.run(['runc', '--root', self.state('run', 'runtime'), 'delete', '--force', ident],
                           check=False, stderr=subprocess.DEVNULL)
        self.unmount_all()
        for pid in processes_with(self.root, 'conmon'):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.root, ignore_errors=True)
        return code

    def unmount_all(self):
        """What the service has mounted."""
        for point in reversed(mounts_below(self.root)):
            if point not in self.mounts:
                subprocess.run(['umount', '-l', point], check=False)


def connect_peer(ours):
    stream = Gio.Socket.new_from_fd(os.dup(ours.fileno())).connection_factory_create_connection()
    ours.close()
    connection = Gio.DBusConnection.new_sync(stream, None, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT,
                                             None, None)
    connection.set_exit_on_close(False)
    return connection


class Case(unittest.TestCase):
    """A test case with assertions for what the service promises."""

    def assert_error(self, name, *words):
        return _ErrorContext(self, name, words)

    def assert_nothing_left(self, service):
        """No row, directory, mount or process of a container is there."""
        self.assertEqual(service.client.list(), [])
        self.assert_well(service)
        wait_for(lambda: not service.left_behind(), 5, 'the end of ' + ', '.join(service.left_behind()))

    def assert_well(self, service):
        self.assertEqual(service.client.check(), [])

    def assert_gapless(self, events, since=0):
        self.assertEqual([event['seq'] for event in events], list(range(since + 1, since + len(events) + 1)))


class _ErrorContext:
    def __init__(self, case, name, words):
        self.case, self.words = case, words
        self.name = name if '.' in name else ERROR + name

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _traceback):
        self.case.assertIsNotNone(error, f'no error came, {self.name} was expected')
        if not isinstance(error, CallError):
            return False
        self.error = error
        self.case.assertEqual(error.name, self.name, error.message)
        for word in self.words:
            self.case.assertIn(word, error.message)
        return True


def main():
    tests = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..')
    if os.path.exists(os.path.join(tests, 'tap.py')):
        sys.path.insert(0, tests)
        import tap
        tap.main()
    else:
        unittest.main(verbosity=2)
