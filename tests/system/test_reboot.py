#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The end of the machine and the next boot: BeforeTest leaves containers, AfterTest looks what has become of them."""

import json
import os
import unittest

from machine import (CONF, DROPIN, UNIT, Client, connect_bus, journal, main, main_pid, remove, show, systemctl,
                     wait_for, write)

NOTES = '/var/lib/cpod-tests/before.json'
SIGNALS = '/var/lib/cpod-tests/signals'
# Tells by which signal it was asked to end, and that it had the time that it needs.
POLITE = 'trap "sleep 2; echo USR1; exit 0" USR1; trap "echo TERM; exit 1" TERM; echo ready; while :; do sleep 0.1; done'
# What is to run after the boot, by policy; "unless-stopped" that somebody has stopped is told apart from the machine's end.
COMES_BACK = {'always': True, 'unless-stopped': True, 'on-failure': False, 'no': False, 'stopped-always': True,
              'stopped-unless-stopped': False}
# Listens from before the service starts.
LISTENER = '''[Unit]
DefaultDependencies=no
After=dbus.socket
Requires=dbus.socket
Before=cpod.service
[Service]
ExecStart=/usr/bin/busctl --system --json=short monitor --match=type='signal',interface='org.cpod.Cpod1.Runtime'
StandardOutput=file:{signals}
StandardError=file:{signals}.began
ExecStartPost=/bin/sh -c 'until grep -q Monitoring {signals}.began; do sleep 0.1; done'
[Install]
WantedBy=multi-user.target
'''


class BeforeTest(unittest.TestCase):
    def test_leave_containers(self):
        for path in (CONF, DROPIN):
            remove(path)
        write('/etc/cpod/cpod.conf.d/reboot.conf', '[engine]\ncgroup_manager = "systemd"\n')
        write('/etc/systemd/system/listener.service', LISTENER.format(signals=SIGNALS))
        systemctl('daemon-reload')
        systemctl('enable', UNIT, 'listener.service')
        systemctl('restart', UNIT)
        client = Client(connect_bus())
        client.wait_running(120)
        if not client.images('ListImages'):
            client.import_busybox()
        notes = {'boot-id': client.property('/org/cpod/Cpod1/Runtime', 'Runtime', 'BootId'), 'containers': {}}
        for name in COMES_BACK:
            policy = name.removeprefix('stopped-')
            container = client.create('sh', '-c', POLITE, name=name, restart_policy=policy, stop_signal='USR1',
                                      stop_timeout=60)
            container.start()
            wait_for(lambda: container.output() == 'ready\n', 120, 'the traps')    # noqa: B023
            notes['containers'][name] = container.id
        for name in COMES_BACK:
            if name.startswith('stopped-'):
                client.container(name).stop()
                client.container(name).wait_exited()
        notes['last'] = client.last_seq()
        write(NOTES, json.dumps(notes))


class AfterTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(NOTES, encoding='utf-8') as file:
            cls.notes = json.load(file)
        wait_for(lambda: show('ActiveState') == 'active', 120, 'the service')
        cls.client = Client(connect_bus())
        cls.client.wait_running(120)
        cls.events = cls.client.events(cls.notes['last'])[0]

    def events_of(self, name, status):
        return [event['seq'] for event in self.events if event['id'] == self.notes['containers'][name]
                and event['status'] == status]

    def test_a_started_by_the_boot(self):
        """Nobody has called it."""
        self.assertNotEqual(self.client.property('/org/cpod/Cpod1/Runtime', 'Runtime', 'BootId'), self.notes['boot-id'])
        self.assertTrue(main_pid())
        self.assertEqual([event['seq'] for event in self.events],
                         list(range(self.notes['last'] + 1, self.notes['last'] + 1 + len(self.events))))

    def test_b_containers_were_stopped_in_their_own_way(self):
        refresh = [event['seq'] for event in self.events if event['status'] == 'refresh'][0]
        for name in COMES_BACK:
            if name.startswith('stopped-'):
                continue
            with self.subTest(name):
                container = self.client.container(name)
                self.assertTrue(container.output().startswith('ready\nUSR1\n'), container.output())
                self.assertEqual(len([seq for seq in self.events_of(name, 'died') if seq < refresh]), 1)

    def test_c_restart_policies(self):
        for name, comes_back in COMES_BACK.items():
            with self.subTest(name):
                container = self.client.container(name)
                if comes_back:
                    wait_for(lambda: container.get('State') == 'running', 120, name)       # noqa: B023
                else:
                    self.assertIn(container.get('State'), ('exited', 'configured'))
                    self.assertEqual(self.events_of(name, 'restart'), [])

    def test_d_refreshed(self):
        def refreshed():
            with open(SIGNALS, encoding='utf-8') as file:
                lines = [json.loads(line) for line in file if line.endswith('\n')]
            return [line for line in lines if line.get('member') == 'Refreshed']
        wait_for(refreshed, 60, 'the signal')
        self.assertEqual(len(refreshed()), 1)
        self.assertEqual(len([event for event in self.events if event['status'] == 'refresh']), 1)

    def test_e_nothing_is_left(self):
        self.assertEqual(self.client.check(), [])
        self.assertEqual(self.client.property('/org/cpod/Cpod1/Runtime', 'Runtime', 'Health'), [])
        self.assertNotIn('failed to stop container', journal('-b', '-1', '-u', UNIT))
        for name in COMES_BACK:
            self.client.container(name).remove(force=True, timeout=0)
        os.unlink('/etc/cpod/cpod.conf.d/reboot.conf')


if __name__ == '__main__':
    main()
