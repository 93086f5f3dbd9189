#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The defaults of the policy, as polkit applies them to users in real sessions."""

import re
import unittest
import xml.etree.ElementTree as ElementTree

from machine import main, run, systemctl
from sessions import NoSession, Session

POLICY = '/usr/share/polkit-1/actions/org.cpod.Cpod1.policy'
USERS = ('active', 'inactive', 'remote', 'admin', 'none')
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
        for user in USERS:
            run('useradd', '--create-home', *(('--groups', 'sudo') if user == 'admin' else ()), f'cpod-{user}')
        systemctl('start', 'systemd-logind', 'polkit')
        vt = int(re.search(r'\d+', open('/sys/class/tty/tty0/active', encoding='utf-8').read())[0])
        cls.sessions = {
            'active': Session('cpod-active', tty=f'tty{vt}'),
            'inactive': Session('cpod-inactive', tty=f'tty{vt + 1}'),
            'remote': Session('cpod-remote', tty='pts/9', remote_host='192.0.2.7'),
            'admin': Session('cpod-admin', tty=f'tty{vt + 2}'),
            'none': NoSession('cpod-none'),
        }

    @classmethod
    def tearDownClass(cls):
        for session in cls.sessions.values():
            session.close()
        for user in USERS:
            run('userdel', '--force', f'cpod-{user}')

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


if __name__ == '__main__':
    main()
