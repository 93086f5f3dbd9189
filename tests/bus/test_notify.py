#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the service tells a service manager: that it is ready, that it moves, what it does, and that it ends."""

import os
import signal
import time

from halt import Halt
from notify_socket import NotifySocket
from service import Case, Service, main, scratch, wait_for

WATCHDOG_US = 2_000_000
# As many as the engine has threads for the ends of containers; an end is told twice.
EXIT_THREADS = 8


class NotifyCase(Case):
    def begin(self, name, watchdog_us=0, **environment):
        self.manager = NotifySocket(name, watchdog_us)
        self.addCleanup(self.manager.close)
        self.service = Service(name, **self.manager.environment, **environment)
        self.addCleanup(self.service.destroy)
        self.client = self.service.client

    def environment_of(self, pid):
        with open(f'/proc/{pid}/environ', encoding='utf-8', errors='replace') as file:
            return dict(line.split('=', 1) for line in file.read().split('\0') if '=' in line)


class ReadyTest(NotifyCase):
    def test_ready_and_the_end(self):
        self.begin('ready')
        self.manager.wait_for('READY=1', 'STATUS=0 containers, 0 of them running')
        self.assertNotIn('WATCHDOG=1', self.manager.read())
        self.manager.forget()
        self.assertEqual(self.service.stop(), 0)
        told = self.manager.read()
        self.assertEqual(told[:2], ['STOPPING=1', 'EXTEND_TIMEOUT_USEC=20000000'])
        self.assertTrue(told[2].startswith('STATUS=Ends'))

    def test_status_follows(self):
        self.begin('status')
        self.client.import_busybox()
        container = self.client.create('sleep', '1000')
        self.manager.wait_for('STATUS=1 container, 0 of them running')
        container.start()
        self.manager.wait_for('STATUS=1 container, 1 of them running')
        container.remove(force=True)
        self.manager.forget()
        self.client.create('true').remove()
        self.manager.wait_for('STATUS=0 containers, 0 of them running')

    def test_nothing_of_it_gets_into_containers(self):
        self.begin('inherit', WATCHDOG_US)
        self.client.import_busybox()
        container = self.client.create('sleep', '1000')
        container.start()
        for pid in (container.get('Pid'), container.inspect()['State']['ConmonPid']):
            names = set(self.environment_of(pid))
            self.assertFalse(names & {'NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'}, names)


class ReloadTest(NotifyCase):
    def begin_with(self, name, text):
        self.conf = os.path.join(scratch(), name + '.conf')
        self.write(text)
        self.begin(name, CPOD_CONF=self.conf)
        self.manager.wait_for('READY=1')
        self.manager.forget()

    def write(self, text):
        with open(self.conf, 'w', encoding='utf-8') as file:
            file.write(text)

    def value(self):
        return self.client.runtime('GetConfig')['containers.pids_limit'][0]

    def wait_reloaded(self):
        self.manager.wait_for('READY=1')
        told = self.manager.read()
        self.assertEqual(told[0], 'RELOADING=1')
        self.assertRegex(told[1], r'^MONOTONIC_USEC=\d+$')
        self.manager.forget()

    def test_by_signal_and_by_call(self):
        self.begin_with('reload', '[containers]\npids_limit = 100\n')
        self.assertEqual(self.value(), 100)
        self.write('[containers]\npids_limit = 200\n')
        self.service.process.send_signal(signal.SIGHUP)
        self.wait_reloaded()
        self.assertEqual(self.value(), 200)
        self.assertIn('containers.pids_limit', self.service.said())
        self.write('[containers]\npids_limit = 300\n')
        self.assertEqual(self.client.runtime('Reload'), ['containers.pids_limit'])
        self.wait_reloaded()
        self.assertEqual(self.value(), 300)

    def test_what_is_wrong_changes_nothing(self):
        self.begin_with('reload-wrong', '[containers]\npids_limit = 100\n')
        self.write('[containers]\npids_limit = "many"\n')
        self.service.process.send_signal(signal.SIGHUP)
        self.wait_reloaded()
        self.assertEqual(self.value(), 100)
        self.assertIn('failed to read the configuration again', self.service.said())

    def test_many_signals(self):
        self.begin_with('reload-many', '')
        for i in range(1, 51):
            self.write(f'[containers]\npids_limit = {i}\n')
            self.service.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.manager.read() and self.value() == 50, 30, 'the last configuration')

    def test_a_manager_that_does_not_read(self):
        self.begin_with('reload-deaf', '')
        for _ in range(1000):
            self.service.process.send_signal(signal.SIGHUP)
            self.assertEqual(self.client.check(), [])
        self.wait_reloaded()


class WatchdogTest(NotifyCase):
    def wait_beats(self, count):
        self.manager.forget()
        wait_for(lambda: self.manager.count('WATCHDOG=1') >= count, 60, f'{count} signs of life')

    def test_signs_of_life(self):
        self.begin('watchdog', WATCHDOG_US)
        self.wait_beats(3)

    def test_not_for_another_process(self):
        self.begin('watchdog-other', WATCHDOG_US, WATCHDOG_PID='1')
        self.manager.wait_for('READY=1')
        time.sleep(1)           # one and a half of what it would be
        self.assertEqual(self.manager.count('WATCHDOG=1'), 0)

    def test_a_stopped_process_gives_none(self):
        self.begin('watchdog-stopped', WATCHDOG_US)
        self.wait_beats(1)
        os.kill(self.service.process.pid, signal.SIGSTOP)
        try:
            self.manager.forget()
            time.sleep(WATCHDOG_US / 1e6)
            self.assertEqual(self.manager.read(), [])
        finally:
            os.kill(self.service.process.pid, signal.SIGCONT)
        self.wait_beats(2)

    def test_all_threads_that_deal_with_ends_hang(self):
        """The main loop goes on, so only a sign of life that goes through the engine can tell."""
        halt = Halt('exit.recorded', 'ends')
        self.begin('watchdog-ends', WATCHDOG_US, **halt.environment)
        self.addCleanup(halt.give_up, self.service)
        self.client.import_busybox()
        for _ in range(EXIT_THREADS):
            self.client.create('true').start()
        wait_for(lambda: 'stuck in the monitor or the threads' in self.service.said(), 60, 'what it says of that')
        self.manager.forget()
        time.sleep(WATCHDOG_US / 1e6)
        self.assertEqual(self.manager.count('WATCHDOG=1'), 0)
        self.assertEqual(len(self.client.list()), EXIT_THREADS)
        halt.wait()
        halt.release()
        self.wait_beats(2)

    def test_one_that_hangs_is_no_reason(self):
        halt = Halt('exit.recorded', 'one')
        self.begin('watchdog-one', WATCHDOG_US, **halt.environment)
        self.client.import_busybox()
        self.client.create('true').start()
        halt.wait()
        self.wait_beats(4)
        halt.release()


if __name__ == '__main__':
    main()
