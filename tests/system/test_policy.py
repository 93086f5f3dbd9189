#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The defaults of the policy, as polkit applies them to users in real sessions."""

import re
import unittest
import xml.etree.ElementTree as ElementTree

from machine import MachineCase, main, run
from sessions import USERS, close_all, open_all

POLICY = '/usr/share/polkit-1/actions/org.cpod.Cpod1.policy'
# What is to be had without any question: of everybody, and of those who sit at the machine.
FOR_ALL = {'read'}
FOR_ACTIVE = {'read', 'inspect', 'manage-own'}
# pkcheck's answers.
YES, CHALLENGE = 0, 2


def actions():
    return {action.get('id').removeprefix('org.cpod.Cpod1.'): {kind.tag: kind.text for kind in action.find('defaults')}
            for action in ElementTree.parse(POLICY).getroot().iter('action')}


class PolicyTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sessions = open_all()

    @classmethod
    def tearDownClass(cls):
        close_all(cls.sessions)

    def check(self, user, action):
        """What polkit says when USER asks about its own process."""
        script = f'exec pkcheck --action-id org.cpod.Cpod1.{action} --process $$'
        code, output, errors = self.sessions[user].run('sh', '-c', script)
        self.assertIn(code, (YES, CHALLENGE), f'{user}, {action}: {output}{errors}')
        return code

    def test_sessions_are_what_they_are_meant_to_be(self):
        shown = {user: [session.show(key) for key in ('Active', 'Remote', 'Seat')]
                 for user, session in self.sessions.items() if user != 'none'}
        self.assertEqual(shown, {'active': ['yes', 'no', 'seat0'], 'inactive': ['no', 'no', 'seat0'],
                                 'remote': ['yes', 'yes', ''], 'admin': ['no', 'no', 'seat0']})

    def test_table(self):
        self.assertTrue(FOR_ACTIVE < set(actions()))
        for action in actions():
            for user in USERS:
                free = FOR_ACTIVE if user == 'active' else FOR_ALL
                with self.subTest(f'{action} by {user}'):
                    self.assertEqual(self.check(user, action), YES if action in free else CHALLENGE)

    def test_what_reaches_into_the_host_is_asked_for_each_time(self):
        for action, defaults in actions().items():
            if action.endswith('-host') or action == 'system':
                self.assertEqual(set(defaults.values()), {'auth_admin'}, action)

    def test_changing_the_seat_changes_the_answer(self):
        active, inactive = self.sessions['active'], self.sessions['inactive']
        run('loginctl', 'activate', inactive.id)
        try:
            self.assertEqual((active.show('Active'), inactive.show('Active')), ('no', 'yes'))
            self.assertEqual((self.check('active', 'inspect'), self.check('inactive', 'inspect')), (CHALLENGE, YES))
        finally:
            run('loginctl', 'activate', active.id)
        self.assertEqual((self.check('active', 'inspect'), self.check('inactive', 'inspect')), (YES, CHALLENGE))


class CallsTest(MachineCase):
    """Commands of the same users, who have nobody to ask."""

    # By the action that each is worth; the container "theirs" is root's.
    COMMANDS = {
        'read': ('ps', '--all'), 'inspect': ('logs', 'theirs'), 'manage': ('stop', '--time', '0', 'theirs'),
        'create': ('create', '--name', 'new', 'busybox', 'true'),
        'create-host': ('create', '--privileged', '--name', 'new', 'busybox', 'true'),
        'exec': ('exec', 'theirs', 'true'), 'exec-host': ('exec', 'wide', 'true'),
        'images': ('tag', 'busybox', 'new'), 'system': ('system', 'check'),
    }

    @classmethod
    def setUpClass(cls):
        cls.sessions = open_all()

    @classmethod
    def tearDownClass(cls):
        close_all(cls.sessions)

    def test_table(self):
        self.assertEqual(set(self.COMMANDS) | {'manage-own'}, set(actions()))
        self.sleeper(name='theirs')
        self.sleeper(name='wide', privileged=True)
        images, last = len(self.client.images('ListImages')), self.client.last_seq()
        for action, command in self.COMMANDS.items():
            for user, session in self.sessions.items():
                with self.subTest(f'{" ".join(command)} by {user}'):
                    code, _, errors = session.run('cpod', *command)
                    if action in (FOR_ACTIVE if user == 'active' else FOR_ALL):
                        self.assertEqual((code, errors), (0, ''))
                    else:
                        self.assertEqual(code, 125)
                        self.assertRegex(errors, rf'not authorized for org\.cpod\.Cpod1\.{action}: ')
        self.assertEqual({row['name']: row['state'] for row in self.client.list()}, {'theirs': 'running', 'wide': 'running'})
        self.assertEqual((len(self.client.images('ListImages')), self.client.last_seq()), (images, last))


if __name__ == '__main__':
    main()
