#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How the service ends: by a call, by a signal, while it works, and while the machine shuts down."""

import os
import signal
import sqlite3
import threading
import time

from halt import Halt
from service import (ERROR, NAME, RUNTIME, CallError, Case, Client, GLib, Gio, Service, connect_bus, files_in, is_alive,
                     listen_for, main, name_owner, wait_for)

LOGIND = 'org.freedesktop.login1'
LOGIND_XML = '''<node><interface name="org.freedesktop.login1.Manager"><method name="Inhibit">
<arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="s" direction="in"/>
<arg type="h" direction="out"/></method></interface></node>'''


class Answer(threading.Thread):
    """A call in a thread, on a connection of its own."""

    def __init__(self, function):
        super().__init__()
        self.function, self.value, self.error = function, None, None
        self.start()

    def run(self):
        try:
            self.value = self.function(Client(connect_bus()))
        except CallError as error:
            self.error = error


class ShutdownCase(Case):
    def begin(self, name, **environment):
        self.service = Service(name, **environment)
        self.addCleanup(self.service.destroy)
        self.client = self.service.client

    def begin_halted(self, name, point, before=None):
        """A service with an image that will wait at POINT; BEFORE is done without that."""
        self.begin(name)
        self.client.import_busybox()
        if before is not None:
            before()
        halt = Halt(point, name)
        self.service.restart(**halt.environment)
        self.client = self.service.client
        return halt

    def stubborn(self, **options):
        """A container that has to be killed."""
        container = self.client.create('sh', '-c', 'trap "" TERM; echo ready; while :; do sleep 0.1; done',
                                       stop_signal='TERM', **options)
        container.start()
        wait_for(lambda: container.output() == 'ready\n', 20, 'the trap')
        return container

    def wait_end(self, seconds=60):
        wait_for(lambda: self.service.process.poll() is not None, seconds, 'the end of the service')
        self.assertEqual(self.service.process.returncode, 0)

    def assert_no_operation(self):
        """The service has left nothing for the next one."""
        database = sqlite3.connect(f'file:{self.service.state("lib", "cpod.db")}?mode=ro', uri=True)
        self.assertEqual(database.execute('SELECT * FROM operation').fetchall(), [])
        database.close()


class A18ShutdownTest(ShutdownCase):
    def test_without_force_containers_live_on(self):
        self.begin('plain')
        self.client.import_busybox()
        container = self.client.create('sleep', '100')
        container.start()
        pid = container.get('Pid')
        self.assertEqual(self.client.runtime('Shutdown'), ([], {}))
        self.wait_end()
        self.assertTrue(is_alive(pid))
        self.service.start()
        again = self.service.client.container(container.name)
        self.assertEqual((again.get('State'), again.get('Pid')), ('running', pid))
        again.stop(timeout=0)

    def test_force_stops_all_at_once(self):
        self.begin('force')
        self.client.import_busybox()
        stubborn = [self.stubborn(stop_timeout=600) for _ in range(8)]
        pids = [container.get('Pid') for container in stubborn]
        containers = [*stubborn]
        containers.append(self.client.create('sleep', '1000', restart_policy='always', stop_signal='KILL'))
        containers[-1].start()
        ended = self.client.create('true')
        created = self.client.create('true')
        created.init()
        gone = self.client.create('sleep', '1000', auto_remove=True, stop_signal='KILL')
        gone.start()
        answer = Answer(lambda client: client.runtime('Shutdown', force=True))
        wait_for(lambda: {c.get('State') for c in stubborn} == {'stopping'}, 60, 'eight that are being stopped')
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        answer.join(60)
        self.assertIsNone(answer.error)
        stopped, errors = answer.value
        self.wait_end()
        self.assertEqual(errors, {})
        self.assertEqual(sorted(stopped), sorted(c.id for c in [*containers, created, gone]))
        self.service.start()
        states = {row['id']: row['state'] for row in self.service.client.list()}
        self.assertEqual(states, {**{c.id: 'exited' for c in containers}, ended.id: 'configured',
                                  created.id: 'configured'})
        self.assert_no_operation()
        self.assert_well(self.service)

    def test_the_option_timeout_counts_for_all(self):
        self.begin('timeout')
        self.client.import_busybox()
        containers = [self.stubborn(stop_timeout=3600) for _ in range(2)]
        stopped, errors = self.client.runtime('Shutdown', force=True, timeout=0)
        self.assertEqual((sorted(stopped), errors), (sorted(c.id for c in containers), {}))
        self.wait_end()

    def test_trap_21_each_error_is_told(self):
        """Trap 21: one that cannot be stopped hides neither another one's error nor the others' end."""
        self.begin('errors')
        self.client.import_busybox()
        bad = [self.client.create('sleep', '1000') for _ in range(2)]
        good = self.client.create('sleep', '1000')
        for container in (*bad, good):
            container.start()
        database = sqlite3.connect(self.service.state('lib', 'cpod.db'), timeout=20)
        with database:
            database.execute('CREATE TRIGGER refuse BEFORE UPDATE ON container_status WHEN new.number IN'
                             " (SELECT number FROM container WHERE id IN (?, ?)) BEGIN SELECT RAISE(ABORT, 'no'); END"
                             .replace('?', '"{}"').format(*(c.id for c in bad)).replace('"', "'"))
        stopped, errors = self.client.runtime('Shutdown', force=True, timeout=0)
        self.wait_end()
        with database:
            database.execute('DROP TRIGGER refuse')
        database.close()
        self.assertEqual(stopped, [good.id])
        self.assertEqual(sorted(errors), sorted(c.id for c in bad))
        self.service.start()
        # Whoever wants the rest stopped has another try.
        self.assertEqual(self.service.client.runtime('Shutdown', force=True, timeout=0)[1], {})
        self.wait_end()
        self.service.start()
        self.assertEqual({row['state'] for row in self.service.client.list()}, {'exited'})

    def test_trap_50_every_call_afterwards_is_refused(self):
        """Trap 50: one check, for whatever method."""
        halt = self.begin_halted('refused', 'create.storage')
        other = Answer(lambda client: client.create('true', name='slow').id)
        halt.wait()
        first = Answer(lambda client: client.runtime('Shutdown'))
        wait_for(lambda: self.client.property(RUNTIME, 'Runtime', 'State') == 'stopping', 20, 'the shutdown')
        for method, signature, arguments in (
                ('Shutdown', '', ()), ('Create', 's', ('busybox',)), ('Rename', 'ss', ('a', 'b')),
                ('Remove', 's', ('a',)), ('GetContainer', 's', ('a',)), ('ListContainers', '', ()),
                ('PruneContainers', '', ()), ('GetEvents', 't', (0,)), ('Check', '', ()), ('GetInfo', '', ())):
            with self.subTest(method), self.assert_error('RuntimeStopped'):
                self.client.runtime(method, signature, *arguments)
        with self.assert_error('RuntimeStopped'):
            self.client.images('ListImages')
        halt.release()
        first.join(60)
        other.join(60)
        self.assertEqual((first.value, first.error, other.error), (([], {}), None, None))
        self.wait_end()
        self.assert_no_operation()
        self.service.start()
        self.assertEqual(self.service.client.container('slow').id, other.value)

    def test_who_waits_is_told(self):
        self.begin('waiting')
        self.client.import_busybox()
        container = self.client.create('sleep', '1000')
        container.start()
        errors = []

        def on_reply(connection, result):
            try:
                connection.call_finish(result)
            except GLib.Error as error:
                errors.append(CallError(error).name)
        self.client.connection.call(NAME, container.path, NAME + '.Container', 'Wait', GLib.Variant('(a{sv})', ({},)),
                                    None, 0, -1, None, on_reply)
        container.inspect()         # which comes after it, on the same path
        self.client.runtime('Shutdown')
        listen_for(lambda: errors, 60, 'the end of the wait')
        self.assertEqual(errors, [ERROR + 'Cancelled'])
        self.wait_end()
        self.service.start()

    def test_bad_options(self):
        self.begin('options')
        for options in {'force': 'yes'}, {'timeout': GLib.Variant('i', 1)}, {'speed': True}:
            with self.assert_error('InvalidArgument', next(iter(options))):
                self.client.runtime('Shutdown', **options)
        self.client.runtime('GetInfo')

    def test_on_a_private_connection(self):
        self.begin('private', peer=True)
        self.client.import_busybox()
        container = self.client.create('sleep', '1000')
        container.start()
        self.assertEqual(self.client.runtime('Shutdown', force=True, timeout=0), ([container.id], {}))
        self.wait_end()


class A18InhibitTest(ShutdownCase):
    """What was begun is not torn by SIGTERM."""

    def end_while_halted(self, halt, work):
        answer = Answer(work)
        halt.wait()
        self.service.process.send_signal(signal.SIGTERM)
        wait_for(lambda: self.client.property(RUNTIME, 'Runtime', 'State') == 'stopping', 20, 'the end')
        self.assertIsNone(self.service.process.poll())
        halt.release()
        answer.join(60)
        self.assertIsNone(answer.error)
        self.wait_end()
        self.assert_no_operation()
        return answer.value

    def test_create(self):
        halt = self.begin_halted('create', 'create.metadata')
        self.end_while_halted(halt, lambda client: client.create('true', name='whole').id)
        self.service.start()
        whole = self.service.client.container('whole')
        whole.start()
        self.assertEqual(whole.wait(), 0)
        self.assert_well(self.service)

    def test_remove(self):
        halt = self.begin_halted('remove', 'remove.cleared', lambda: self.client.create('true', name='victim'))
        self.end_while_halted(halt, lambda client: client.container('victim').remove())
        self.assertEqual(files_in(self.service.root, 'lib', 'containers'), [])
        self.service.start()
        self.assertEqual(self.service.client.list(), [])

    def test_import_is_undone(self):
        """It may wait for its archive for ever."""
        self.begin('import')
        self.client.import_busybox()
        blobs = files_in(self.service.root, 'lib', 'storage', 'images', 'blobs', 'sha256')
        reading, writing = os.pipe()
        job = self.client.begin_import(reading, 'slow')
        os.close(reading)
        os.write(writing, b'\0' * 65536)
        self.service.process.send_signal(signal.SIGTERM)
        self.wait_end()
        os.close(writing)
        self.assertTrue(job)
        self.assert_no_operation()
        self.assertEqual(files_in(self.service.root, 'lib', 'storage', 'images', 'blobs', 'sha256'), blobs)
        self.assertEqual(files_in(self.service.root, 'lib', 'storage', 'overlay', 'tmp'), [])
        self.service.start()
        self.assert_well(self.service)


class FakeLogind:
    """Hands out descriptors, and tells when they are closed."""

    def __init__(self, case):
        self.calls, self.ends = [], []
        self.connection = connect_bus()
        case.addCleanup(self.connection.close_sync, None)
        info = Gio.DBusNodeInfo.new_for_xml(LOGIND_XML).interfaces[0]
        self.connection.register_object('/org/freedesktop/login1', info, self.on_call, None, None)
        self.owner = Gio.bus_own_name_on_connection(self.connection, LOGIND, Gio.BusNameOwnerFlags.NONE, None, None)
        case.addCleanup(Gio.bus_unown_name, self.owner)
        listen_for(self.owned, 20, 'the name of logind')

    def owned(self):
        reply = self.connection.call_sync('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus',
                                          'NameHasOwner', GLib.Variant('(s)', (LOGIND,)), None, 0, -1, None)
        return reply.unpack()[0]

    def on_call(self, _connection, _sender, _path, _interface, _method, parameters, invocation):
        ours, theirs = os.pipe()
        os.set_blocking(ours, False)
        self.calls.append(parameters.unpack())
        self.ends.append(ours)
        invocation.return_value_with_unix_fd_list(GLib.Variant('(h)', (0,)), Gio.UnixFDList.new_from_array([theirs]))

    def held(self):
        """How many of the descriptors are still open at the other side."""
        held = 0
        for end in self.ends:
            try:
                held += os.read(end, 1) != b''
            except BlockingIOError:
                held += 1
        return held


class A18LogindTest(ShutdownCase):
    def test_a_long_operation_puts_the_shutdown_off(self):
        logind = FakeLogind(self)
        halt = self.begin_halted('logind', 'create.storage')
        self.assertEqual(logind.held(), 0)
        answer = Answer(lambda client: client.create('true').id)
        listen_for(halt.reached, 30, 'the service at its point')
        listen_for(lambda: logind.held() == 1, 30, 'the inhibition')
        self.assertEqual(logind.calls[-1][0::3], ('shutdown', 'delay'))
        self.assertEqual(logind.calls[-1][1], 'cpod')
        halt.release()
        answer.join(60)
        self.assertIsNone(answer.error)
        listen_for(lambda: logind.held() == 0, 30, 'the end of the inhibition')

    def test_logind_that_comes_later(self):
        halt = self.begin_halted('late-logind', 'create.storage')
        answer = Answer(lambda client: client.create('true').id)
        halt.wait()
        logind = FakeLogind(self)
        listen_for(lambda: logind.held() == 1, 30, 'the inhibition')
        halt.release()
        answer.join(60)
        listen_for(lambda: logind.held() == 0, 30, 'the end of the inhibition')

    def test_without_logind(self):
        halt = self.begin_halted('no-logind', 'create.storage')
        answer = Answer(lambda client: client.create('true').id)
        halt.wait()
        self.assertTrue(name_owner(connect_bus()))
        time.sleep(0.3)             # it would have asked by now
        halt.release()
        answer.join(60)
        self.assertIsNone(answer.error)
        self.assertEqual(self.client.list()[0]['id'], answer.value)


if __name__ == '__main__':
    main()
