#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What becomes of containers when the service is told to end: it depends on whether the machine does."""

import sqlite3
import threading

from service import CallError, Case, Client, GLib, Gio, NEVER, Service, connect_bus, is_alive, main, wait_for

SYSTEMD = 'org.freedesktop.systemd1'
SYSTEMD_XML = '''<node><interface name="org.freedesktop.systemd1.Unit">
<property name="Job" type="(uo)" access="read"/></interface></node>'''
SHUTDOWN = '/org/freedesktop/systemd1/unit/shutdown_2etarget'
# Says that it was asked politely, and takes its time.
POLITE = ('sh', '-c', 'trap "sleep 0.5; echo bye; exit 5" TERM; echo ready; while :; do sleep 0.1; done')


class FakeSystemd(threading.Thread):
    """Says whether there is a job of the target that every end of the machine goes through."""

    def __init__(self, case, job):
        super().__init__(daemon=True)
        self.job, self.asked = job, 0
        self.context, self.connection = GLib.MainContext(), connect_bus()
        self.loop = GLib.MainLoop(self.context)
        ready = threading.Event()
        self.ready = ready
        self.start()
        case.addCleanup(self.finish)
        case.assertTrue(ready.wait(20))

    def run(self):
        self.context.push_thread_default()
        info = Gio.DBusNodeInfo.new_for_xml(SYSTEMD_XML).interfaces[0]
        self.connection.register_object(SHUTDOWN, info, None, self.on_get, None)
        self.connection.call_sync('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus',
                                  'RequestName', GLib.Variant('(su)', (SYSTEMD, 4)), None, 0, -1, None)
        self.ready.set()
        self.loop.run()
        self.context.pop_thread_default()

    def on_get(self, _connection, _sender, _path, _interface, _key):
        self.asked += 1
        return GLib.Variant('(uo)', (self.job, f'/org/freedesktop/systemd1/job/{self.job}' if self.job else '/'))

    def finish(self):
        self.loop.quit()
        self.join(20)
        self.connection.close_sync(None)


class MachineCase(Case):
    def begin(self, name, peer=False):
        self.service = Service(name, peer=peer)
        self.addCleanup(self.service.destroy)
        self.client = self.service.client
        self.client.import_busybox()

    def polite(self, script=POLITE[2], **options):
        container = self.client.create(*POLITE[:2], script, stop_signal='TERM', **options)
        container.start()
        wait_for(lambda: container.output() == 'ready\n', 20, 'the trap')
        return container

    def again(self, container):
        return self.client.container(container.name)

    def assert_lives_on(self, container, pid):
        self.assertTrue(is_alive(pid))
        self.service.start()
        self.client = self.service.client
        again = self.again(container)
        self.assertEqual((again.get('State'), again.get('Pid')), ('running', pid))
        again.stop(timeout=0)


class MachineEndsTest(MachineCase):
    def test_containers_are_stopped_as_they_want_it(self):
        systemd = FakeSystemd(self, job=182)
        self.begin('ends')
        policies = ('no', 'always', 'unless-stopped', 'on-failure')
        containers = [self.polite(restart_policy=policy) for policy in policies]
        stopped = self.polite(restart_policy='unless-stopped')
        stopped.stop()
        stopped.wait_exited()
        since = self.client.last_seq()
        self.assertEqual(self.service.stop(), 0)
        self.assertEqual(systemd.asked, 1)
        self.service.start()
        self.client = self.service.client
        for container in containers:
            again = self.again(container)
            self.assertEqual((again.get('State'), again.get('ExitCode')), ('exited', 5))
            self.assertEqual(again.output(), 'ready\nbye\n')
        told = self.client.events(since)[0]
        self.assert_gapless(told, since)
        for status in ('died', 'cleanup', 'stop'):
            self.assertEqual({event['id'] for event in told if event['status'] == status},
                             {container.id for container in containers})
        # That it was the machine's end, and nobody's wish, is what a boot goes by.
        wishes = self.wishes()
        self.assertEqual([wishes[container.id] for container in (*containers, stopped)], [0] * 4 + [1])
        # The machine did not end after all: their policies start them now.
        wait_for(lambda: self.client.check() == [], 60, 'nothing that is under way')

    def wishes(self):
        """Which containers somebody has stopped, by what is recorded."""
        database = sqlite3.connect(f'file:{self.service.state("lib", "cpod.db")}?mode=ro', uri=True)
        try:
            return dict(database.execute('SELECT id, stopped_by_user FROM container'
                                         ' JOIN container_status USING (number)'))
        finally:
            database.close()

    def test_one_that_takes_longer_than_callers_get(self):
        FakeSystemd(self, job=182)
        self.begin('long')
        container = self.polite(POLITE[2].replace('0.5', '12'), stop_timeout=600)
        self.service.process.terminate()
        self.assertEqual(self.service.process.wait(120), 0)
        self.service.start()
        self.client = self.service.client
        self.assertEqual(self.again(container).get('ExitCode'), 5)

    def test_waiting_callers_do_not_keep_it(self):
        FakeSystemd(self, job=182)
        self.begin('waiting')
        container = self.polite()
        errors = []

        def wait():
            try:
                Client(connect_bus()).call(container.path, 'Container', 'Wait', seconds=NEVER)
            except CallError as error:
                errors.append(error)
        thread = threading.Thread(target=wait)
        thread.start()
        self.assertEqual(self.service.stop(), 0)
        thread.join(60)
        self.service.start()
        self.client = self.service.client
        self.assertEqual(self.again(container).get('ExitCode'), 5)


class MachineStaysTest(MachineCase):
    def test_systemd_that_runs(self):
        systemd = FakeSystemd(self, job=0)
        self.begin('stays')
        container = self.polite()
        pid = container.get('Pid')
        self.assertEqual(self.service.stop(), 0)
        self.assertEqual(systemd.asked, 1)
        self.assert_lives_on(container, pid)

    def test_no_systemd(self):
        self.begin('no-systemd')
        container = self.polite()
        pid = container.get('Pid')
        self.assertEqual(self.service.stop(), 0)
        self.assert_lives_on(container, pid)

    def test_a_service_of_one_client(self):
        self.begin('peer', peer=True)
        container = self.polite()
        pid = container.get('Pid')
        self.assertEqual(self.service.stop(), 0)
        self.assert_lives_on(container, pid)


if __name__ == '__main__':
    main()
