#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Users in real sessions ask for what needs an administrator, whose password is typed at their terminal."""

import pwd

from machine import MachineCase, main
from sessions import PASSWORD, close_all, open_all

RIGHT, WRONG, INTERRUPT = PASSWORD + '\n', 'wrong' + PASSWORD + '\n', '\x03'


class PasswordTest(MachineCase):
    @classmethod
    def setUpClass(cls):
        cls.sessions = open_all()

    @classmethod
    def tearDownClass(cls):
        close_all(cls.sessions)

    def setUp(self):
        super().setUp()
        # What a test was granted is not the next one's.
        for user in ('active', 'remote'):
            self.sessions[user].run('pkcheck', '--revoke-temp')
        self.last = self.client.last_seq()

    def run_cpod(self, user, *arguments, typed=()):
        """(exit status, what the terminal has shown); whoever it asks for is the administrator."""
        code, seen, echo = self.sessions[user].run_at_terminal('cpod', *arguments, typed=typed)
        self.assertTrue(echo, seen)
        self.assertEqual(seen.count('Password: '), len(typed), seen)
        if typed:
            self.assertRegex(seen, r'(?i)authenticating as: cpod-admin')
        self.assertNotIn(PASSWORD, seen)
        return code, seen

    def assert_done(self, user, *arguments, typed=()):
        code, seen = self.run_cpod(user, *arguments, typed=typed)
        self.assertEqual(code, 0, seen)
        return seen

    def assert_nothing_done(self):
        self.assertEqual(self.client.last_seq(), self.last)
        self.assertEqual(self.client.list(), [])
        self.assertEqual(self.client.check(), [])

    def test_right_password(self):
        seen = self.assert_done('active', 'create', '--name', 'mine', 'busybox', 'sleep', '1000', typed=[RIGHT])
        self.assertIn('Authentication is required to create a container from image busybox', seen)
        container = self.client.container('mine')
        self.assertEqual(container.get('OwnerUid'), pwd.getpwnam('cpod-active').pw_uid)
        # It is theirs.
        self.assert_done('active', 'start', 'mine')
        self.assertEqual(container.get('State'), 'running')
        self.assert_done('active', 'exec', 'mine', 'true')
        # What polkit keeps, it keeps for whom the agent serves, which at a terminal is the one command.
        self.assert_done('active', 'create', '--name', 'another', 'busybox', 'true', typed=[RIGHT])
        code, seen = self.run_cpod('remote', 'create', '--name', 'third', 'busybox', 'true', typed=[WRONG])
        self.assertEqual(code, 125, seen)
        self.assert_done('active', 'rm', '--force', '--time', '0', 'mine', 'another')
        self.assertEqual(self.client.list(), [])

    def test_wrong_password(self):
        for user in ('active', 'remote', 'none'):
            with self.subTest(user):
                code, seen = self.run_cpod(user, 'create', '--name', 'new', 'busybox', 'true', typed=[WRONG])
                self.assertEqual(code, 125, seen)
                self.assertIn('not authorized for org.cpod.Cpod1.create: ', seen)
        self.assert_nothing_done()

    def test_interrupted_at_the_question(self):
        code, seen = self.run_cpod('active', 'create', '--name', 'new', 'busybox', 'true', typed=[INTERRUPT])
        self.assertNotEqual(code, 0, seen)
        self.assert_nothing_done()

    def test_what_reaches_into_the_host_is_asked_for_each_time(self):
        for number in ('1', '2'):
            seen = self.assert_done('active', 'create', '--privileged', '--name', f'wide{number}', 'busybox', 'true',
                                    typed=[RIGHT])
            self.assertRegex(seen, 'from image busybox that reaches into the host: .*privileged')
        code, seen = self.run_cpod('active', 'create', '--privileged', '--name', 'wide3', 'busybox', 'true', typed=[WRONG])
        self.assertEqual(code, 125, seen)
        self.assertEqual({row['name'] for row in self.client.list()}, {'wide1', 'wide2'})

    def test_of_somebody_who_is_not_at_the_machine(self):
        container = self.sleeper(name='theirs')
        seen = self.assert_done('remote', 'stop', '--time', '0', 'theirs', typed=[RIGHT])
        self.assertIn("container theirs, which is another user's", seen)
        container.wait_exited()

    def test_of_somebody_without_a_session(self):
        self.assert_done('none', 'create', '--name', 'mine', 'busybox', 'true', typed=[RIGHT])
        self.assertEqual(self.client.container('mine').get('OwnerUid'), pwd.getpwnam('cpod-none').pw_uid)

    def test_of_an_administrator(self):
        """Is asked for the password of their own."""
        self.assert_done('admin', 'tag', 'busybox', 'renamed', typed=[RIGHT])
        self.assert_done('admin', 'untag', 'renamed', 'renamed', typed=[RIGHT])


if __name__ == '__main__':
    main()
