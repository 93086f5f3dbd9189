# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each example does what it says, on the bus and, where it can, with a service of its own."""

import os
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.environ['CPOD_SOURCE']
BUILD = os.environ['CPOD_BUILD']
sys.path.insert(0, os.path.join(SOURCE, 'tests'))

import tap  # noqa: E402 pylint: disable=wrong-import-position

EXAMPLES = os.path.join(SOURCE, 'examples')
PYTHON = ['/usr/bin/python3', os.path.join(EXAMPLES, 'run.py')]
EXEC = ['/usr/bin/python3', os.path.join(EXAMPLES, 'exec.py')]
GJS = ['gjs', os.path.join(EXAMPLES, 'run.js')]
C = [os.path.join(BUILD, 'examples', 'example-run')]
EVENTS = os.path.join(BUILD, 'examples', 'example-events')
SCRIPT = 'echo out; exit 3'


def run(*command, environment=None):
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)


# What a program does that keeps to a namespace.
NAMESPACE = """
import gi
gi.require_version('Cpod', '1.0')
from gi.repository import Cpod, Gio, GLib
client = Cpod.Client.new_sync(Gio.BusType.SYSTEM, None)
assert client.props.namespace is None
told = []
client.connect('notify::namespace', lambda *_: told.append(client.get_namespace()))
sleep = GLib.Variant('as', ['sleep', '100'])
plain = client.create_container_sync('busybox', GLib.Variant('a{sv}', {'command': sleep}), None)
client.set_namespace('team')
client.set_namespace('team')
mine = client.create_container_sync('busybox', GLib.Variant('a{sv}', {'name': GLib.Variant('s', 'web'), 'command': sleep}),
                                    None)
other = GLib.Variant('a{sv}', {'namespace': GLib.Variant('s', 'other'), 'name': GLib.Variant('s', 'web'), 'command': sleep})
client.create_container_sync('busybox', other, None)
print(mine.props.namespace, client.get_container_sync('web', None).props.id == mine.props.id)
try:
    client.get_container_sync(plain.props.id, None)
except GLib.Error as error:
    print(error.matches(Cpod.error_quark(), Cpod.Error.NAMESPACE_MISMATCH))
print([row['name'] for row in client.list_containers_sync(None, None).unpack()])
echo = GLib.Variant('a{sv}', {'command': GLib.Variant('as', ['echo', 'ran']), 'name': GLib.Variant('s', 'run')})
print(client.run_sync('busybox', echo, None, None)[1].get_data(), client.get_container_sync('run', None).props.namespace)
client.props.namespace = ''
print(len(client.list_containers_sync(None, None).unpack()), told)
"""


# What a program does that runs a command in a container, with input, and gives one up.
SESSIONS = """
import threading
import gi
gi.require_version('Cpod', '1.0')
from gi.repository import Cpod, Gio, GLib
client = Cpod.Client.new_sync(Gio.BusType.SYSTEM, None)
path = client.get_container_sync('one', None).get_object_path()
ok, output, errors, code = client.exec_sync(path, ['sh', '-c', 'cat; exit 3'], None, GLib.Bytes(b'in'), None)
print(output.get_data(), code)
cancellable = Gio.Cancellable()
threading.Timer(0.5, cancellable.cancel).start()
try:
    client.exec_sync(path, ['sleep', '1000'], None, None, cancellable)
except GLib.Error as error:
    print(error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED))
"""


class Examples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix='examples-', dir=os.environ['CPOD_ROOT'])
        cls.archive = os.path.join(cls.directory, 'root.tar')
        subprocess.run([os.path.join(SOURCE, 'scripts', 'make-image'), cls.archive], check=True)
        # A second engine, which only the private service of one example at a time uses.
        cls.private = {**os.environ, 'CPOD_ROOT': cls.directory, 'DBUS_SYSTEM_BUS_ADDRESS': 'unix:path=/nosuch'}
        for options, environment in ((), None), (('--private',), cls.private):
            result = run('cpod', *options, 'import', cls.archive, 'busybox', environment=environment)
            if result.returncode != 0:
                raise RuntimeError(result.stderr)

    def tearDown(self):
        for options, environment in ((), None), (('--private',), self.private):
            self.assertEqual(run('cpod', *options, 'ps', '-aq', environment=environment).stdout, '')
            check = run('cpod', *options, 'system', 'check', environment=environment)
            self.assertEqual(check.stdout, 'All is well.\n', check.stderr)

    def check(self, *command, environment=None):
        result = run(*command, environment=environment)
        self.assertEqual((result.stdout, result.returncode), ('out\n', 3), result.stderr)
        return result

    def test_python(self):
        self.check(*PYTHON, 'busybox', self.archive, 'sh', '-c', SCRIPT)
        self.check(*PYTHON, '--private', 'busybox', self.archive, 'sh', '-c', SCRIPT, environment=self.private)

    def test_python_imports_what_is_missing(self):
        self.check(*PYTHON, 'imported', self.archive, 'sh', '-c', SCRIPT)
        self.check(*PYTHON, 'imported', '/nosuch', 'sh', '-c', SCRIPT)
        self.assertEqual(run('cpod', 'rmi', 'imported').returncode, 0)

    def test_namespace(self):
        result = run('/usr/bin/python3', '-c', NAMESPACE)
        run('cpod', 'container', 'prune', '-f')
        self.assertEqual(result.stdout.split('\n'), ['team True', 'True', "['web']", "b'ran\\n' team",
                                                    "4 ['team', '']", ''], result.stderr)

    def test_python_error(self):
        result = run(*PYTHON, 'busybox', self.archive, 'nosuch')
        self.assertEqual(result.returncode, 125)
        self.assertIn('nosuch', result.stderr)
        self.assertNotIn('GDBus.Error', result.stderr)

    def test_exec(self):
        for name in 'one', 'two':
            run('cpod', 'run', '-d', '--name', name, 'busybox', 'sleep', '1000')
        run('cpod', 'create', '--name', 'idle', 'busybox', 'true')
        good = run(*EXEC, 'sh', '-c', 'echo here; echo there >&2')
        bad = run(*EXEC, 'nosuch')
        program = run('/usr/bin/python3', '-c', SESSIONS)
        left = run('cpod', 'inspect', '--format', '{{.ExecIDs}}', 'one').stdout
        run('cpod', 'rm', '-f', '-t', '0', 'one', 'two', 'idle')
        self.assertEqual((good.returncode, sorted(good.stdout.split('\n')), sorted(good.stderr.split('\n'))),
                         (0, ['', 'one: here', 'two: here'], ['', 'one: there', 'two: there']))
        self.assertEqual((bad.returncode, bad.stdout), (1, ''))
        self.assertRegex(bad.stderr, r'one: .*nosuch')
        self.assertEqual(program.stdout.split('\n'), ["b'in' 3", 'True', ''], program.stderr)
        self.assertEqual(left, '[]\n')

    def test_gjs(self):
        result = self.check(*GJS, 'busybox', 'sh', '-c', SCRIPT)
        self.assertRegex(result.stderr, r'event \d+: \S+ was created\nevent \d+: \S+ was removed\n')
        self.check(*GJS, '--private', 'busybox', 'sh', '-c', SCRIPT, environment=self.private)

    def test_c(self):
        self.check(*C, 'busybox', 'sh', '-c', SCRIPT)
        self.check(*C, '--private', 'busybox', 'sh', '-c', SCRIPT, environment=self.private)

    def test_vala(self):
        self.check(*C, 'busybox', 'sh', '-c', SCRIPT)
        result = run(EVENTS, '3')
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual([line.split()[0] for line in result.stdout.split('\n')[:3]], ['1', '2', '3'])

    def test_vala_follows(self):
        known = len(run('cpod', 'events', '--no-stream').stdout.split('\n')) - 1
        with subprocess.Popen(['timeout', '30', EVENTS, str(known + 2)], stdout=subprocess.PIPE, text=True) as process:
            seen = [process.stdout.readline() for _ in range(known)]
            run('cpod', 'create', '--name', 'followed', 'busybox', 'true')
            run('cpod', 'rm', 'followed')
            seen += process.stdout.readlines()
            self.assertEqual(process.wait(30), 0)
        self.assertEqual([int(line.split()[0]) for line in seen], list(range(1, known + 3)))
        self.assertEqual([line.split()[1:] for line in seen[-2:]],
                         [['create', 'followed'], ['remove', 'followed']])

    def test_busctl(self):
        result = run(os.path.join(EXAMPLES, 'busctl.sh'), 'busybox')
        self.assertEqual((result.returncode, result.stderr), (0, ''))
        self.assertIn('i 3\n', result.stdout)
        self.assertRegex(result.stdout, r's "busctl-example-\d+-renamed"\n')


if __name__ == '__main__':
    tap.main()
