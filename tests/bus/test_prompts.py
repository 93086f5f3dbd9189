# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prompts: agents that answer, refuse, never answer; callers and polkit that vanish meanwhile; a world that moves on."""

import os
import pty
import select
import signal
import termios
import time

import polkit
from service import NAME, RUNTIME, CallError, Case, Service, listen_for, main, wait_for

# Somebody local, somebody with no session; both have to be asked about for most things.
LOCAL, OTHER = 'games', 'man'
SLOW = 60


def children_of(pid):
    with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as file:
        return [int(word) for word in file.read().split()]


class PromptTest(Case):
    def setUp(self):
        self.service = Service('prompts')
        self.addCleanup(self.service.destroy)
        self.root = self.service.client
        self.root.import_busybox()
        self.polkit = polkit.Polkit()
        self.addCleanup(lambda: self.polkit.destroy())
        self.polkit.start()
        self.user = self.polkit.user(LOCAL, 'active')
        self.agents = []

    def tearDown(self):
        for agent in self.agents:
            agent.remove()
        self.service.remove_all()
        self.assert_nothing_left(self.service)
        self.assertEqual(self.service.stop(), 0)

    def agent(self, answer, user=None):
        agent = polkit.Agent(user or self.user, answer)
        self.agents.append(agent)
        return agent

    def begin_create(self, user=None, **options):
        (user or self.user).begin(RUNTIME, 'Runtime', 'Create', 's', 'busybox', interactive=True,
                                  **{'command': ['sleep', '1000'], **options})

    def wait_for_prompt(self, agent, number=1):
        listen_for(lambda: len(agent.asked) >= number, SLOW, 'the prompt')
        return agent.asked[number - 1]

    def test_an_agent_that_answers(self):
        agent = self.agent(lambda question: True)
        self.begin_create(name='new')
        agent.end_of(self.user)
        self.assertEqual(self.root.container('new').get('OwnerUid'), self.user.uid)
        question, = agent.asked
        self.assertEqual(question['action'], NAME + '.create')
        self.assertEqual(question['message'], 'Authentication is required to create a container from image busybox')
        details = self.polkit.asked()[-1]
        self.assertEqual({key: details[key] for key in ('method', 'name', 'image', 'command', 'reach')},
                         {'method': 'Runtime.Create', 'name': 'new', 'image': 'busybox', 'command': 'sleep 1000', 'reach': ''})
        self.assertRegex(details['image-id'], '^[0-9a-f]{64}$')

    def test_a_prompt_is_plain_text(self):
        """What a caller writes can neither turn the rest of the prompt around nor hide it, nor talk to a terminal."""
        for text, shown in (('a\u202eb', 'a?b'), ('a\u200bb', 'a?b'), ('a\u2028b', 'a?b'), ('a\u2029b', 'a?b'),
                            ('a\u009b2Jb', 'a?2Jb'), ('a\x1b[2Jb', 'a?[2Jb'), ('a\nb', 'a?b'), ('ä 漢 b', 'ä 漢 b')):
            with self.subTest(shown=shown), self.assertRaises(CallError):
                self.user.images('Pull', 's', text)
            self.assertEqual(self.polkit.asked()[-1]['image'], shown)

    def run_at_terminal(self, name, user, script):
        """The process of a shell that leads a session of its own, and its terminal."""
        pid, terminal = pty.fork()
        if pid == 0:
            try:
                polkit.become(name, user.cgroup)
                os.execvp('sh', ['sh', '-c', script])
            finally:
                os._exit(1)
        self.addCleanup(os.close, terminal)
        return pid, terminal

    def read_until(self, terminal, word):
        said = b''
        while word not in said:
            self.assertTrue(select.select([terminal], [], [], SLOW)[0], said)
            said += os.read(terminal, 4096)
        return said

    def wait_for_end_of_agents(self):
        def gone():
            log = self.polkit.log()
            return log.count('Registered Authentication Agent') == log.count('Unregistered Authentication Agent') > 0
        wait_for(gone, SLOW, 'the end of the agent')

    def test_the_command_asks_at_its_terminal(self):
        """With polkit's own agent for terminals, which ends with the command."""
        for name, user in ((LOCAL, self.user), (OTHER, self.polkit.user(OTHER, 'none'))):
            with self.subTest(name):
                pid, terminal = self.run_at_terminal(name, user, 'exec cpod create busybox true')
                said = self.read_until(terminal, b'Password')
                self.assertIn(b'Authentication is required to create a container from image busybox', said)
                os.kill(pid, signal.SIGTERM)
                _, status = os.waitpid(pid, 0)
                self.assertEqual(os.waitstatus_to_exitcode(status), -signal.SIGTERM)
                self.wait_for_end_of_agents()
        self.assertEqual(self.root.list(), [])

    def test_the_terminal_shows_again_what_is_typed(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                pid, terminal = self.run_at_terminal(LOCAL, self.user, 'cpod create busybox true; echo "over"; read line')
                before = termios.tcgetattr(terminal)
                self.read_until(terminal, b'Password: ')
                wait_for(lambda: not termios.tcgetattr(terminal)[3] & termios.ECHO, SLOW, 'the agent')    # noqa: B023
                os.kill(children_of(pid)[0], number)
                self.read_until(terminal, b'over')
                self.assertEqual(termios.tcgetattr(terminal), before)
                self.wait_for_end_of_agents()
                os.write(terminal, b'\n')
                os.waitpid(pid, 0)

    def test_an_agent_whose_command_is_killed(self):
        pid, terminal = self.run_at_terminal(LOCAL, self.user, 'cpod create busybox true; read line')
        self.read_until(terminal, b'Password')
        os.kill(children_of(pid)[0], signal.SIGKILL)
        self.wait_for_end_of_agents()
        os.write(terminal, b'\n')
        os.waitpid(pid, 0)

    def test_a_command_that_takes_in_signals_itself(self):
        agent = self.agent(lambda question: True)
        self.begin_create(name='new')
        agent.end_of(self.user)
        self.agents.pop().remove()
        self.root.container('new').start()
        pid, terminal = self.run_at_terminal(LOCAL, self.user, 'cpod exec new true; echo "over: $?"')
        self.read_until(terminal, b'over: 0')
        os.waitpid(pid, 0)
        self.wait_for_end_of_agents()

    def test_a_prompt_says_what_reaches_into_the_host(self):
        agent = self.agent(lambda question: False)
        self.begin_create(cap_add=['SYS_ADMIN', 'NET_ADMIN'], network='host', command=['sh', '-c', 'echo a b'])
        with self.assert_error('NotAuthorized', 'create-host', 'nobody has authenticated'):
            agent.end_of(self.user)
        question = agent.asked[0]
        self.assertIn('network=host', question['message'])
        self.assertIn('capability=CAP_SYS_ADMIN', question['message'])
        details = self.polkit.asked()[-1]
        self.assertEqual(details['reach.network'], 'host')
        self.assertEqual(set(details['reach.capability'].split()), {'CAP_SYS_ADMIN', 'CAP_NET_ADMIN'})
        self.assertEqual(details['command'], "sh -c 'echo a b'")

    def test_a_prompt_names_the_container(self):
        container = self.root.create('sleep', '1000', name='theirs')
        agent = self.agent(lambda question: True)
        self.user.begin(container.path, 'Container', 'Start', interactive=True)
        agent.end_of(self.user)
        question, = agent.asked
        self.assertEqual(question['action'], NAME + '.manage')
        self.assertIn('theirs', question['message'])
        details = self.polkit.asked()[-1]
        self.assertEqual((details['id'], details['name'], details['owner-uid'], details['own'], details['image']),
                         (container.id, 'theirs', '0', 'no', 'busybox'))

    def test_an_agent_that_refuses(self):
        agent = self.agent(lambda question: False)
        self.begin_create()
        with self.assert_error('NotAuthorized', f'user {self.user.uid}', 'org.cpod.Cpod1.create', 'nobody has authenticated'):
            agent.end_of(self.user)
        self.assertEqual(self.root.list(all=True), [])

    def test_without_agent(self):
        self.begin_create()
        with self.assert_error('InteractionRequired', 'no authentication agent'):
            self.user.end()

    def test_without_the_flag_nobody_is_asked(self):
        agent = self.agent(lambda question: True)
        self.user.begin(RUNTIME, 'Runtime', 'Create', 's', 'busybox', command=['true'])
        with self.assert_error('InteractionRequired', 'does not allow a prompt'):
            agent.end_of(self.user)
        self.assertEqual(agent.asked, [])

    def test_an_exec_is_asked_about_once(self):
        container = self.root.create('sleep', '1000', name='host', network='host')
        container.start()
        agent = self.agent(lambda question: True)
        self.user.begin(container.path, 'Container', 'Exec', 'as', ['echo', 'hello'], interactive=True)
        session, _ = agent.end_of(self.user)
        for method in ('Start', 'Inspect', 'Wait', 'Remove'):
            self.user.begin(session, 'Exec', method, interactive=True)
            agent.end_of(self.user)
        question, = agent.asked
        details = self.polkit.asked()[-1]
        self.assertEqual((question['action'], details['command'], details['reach']),
                         (NAME + '.exec-host', 'echo hello', 'network=host'))

    def test_several_questions(self):
        """A commit reads a container and makes an image."""
        container = self.root.create('true', name='theirs')
        agent = self.agent(lambda question: True)
        self.user.begin(container.path, 'Container', 'Commit', 's', 'copy', interactive=True)
        agent.end_of(self.user)
        self.assertEqual([question['action'] for question in agent.asked], [NAME + '.images', NAME + '.manage'])
        self.user.begin(RUNTIME, 'Images', 'RemoveImage', 's', 'busybox', force=True)
        agent.end_of(self.user)                 # both are kept
        self.assertEqual(self.root.list(all=True), [])

    def test_the_caller_is_killed_while_it_is_asked(self):
        agent = self.agent(lambda question: None)
        self.begin_create(name='never')
        self.wait_for_prompt(agent)
        self.user.kill()
        listen_for(lambda: agent.cancelled, SLOW, 'the end of the prompt')
        # Whatever the service still does for the call ends before it does.
        self.assertEqual(self.root.list(all=True), [])
        self.assertEqual(self.service.stop(), 0)
        self.service.start()
        self.root = self.service.client
        self.assertEqual(self.root.list(all=True), [])

    def test_the_service_ends_while_somebody_is_asked(self):
        agent = self.agent(lambda question: None)
        self.begin_create(name='never')
        self.wait_for_prompt(agent)
        self.assertEqual(self.service.stop(), 0)
        with self.assertRaises(CallError):
            agent.end_of(self.user)
        listen_for(lambda: agent.cancelled, SLOW, 'the end of the prompt')
        self.service.start()
        self.root = self.service.client
        self.assertEqual(self.root.list(all=True), [])

    def test_polkit_is_killed_while_somebody_is_asked(self):
        agent = self.agent(lambda question: None)
        self.begin_create(name='never')
        self.wait_for_prompt(agent)
        self.polkit.kill()
        with self.assert_error('NotAuthorized', 'only root is served'):
            agent.end_of(self.user)
        self.assertEqual(self.root.list(all=True), [])
        self.polkit.start()                     # and it is asked again as if nothing had been
        self.assertIn('host', self.user.runtime('GetInfo')[0])

    def test_polkit_is_missing(self):
        self.polkit.kill()
        with self.assert_error('NotAuthorized', f'user {self.user.uid}', 'polkit cannot be asked', 'only root is served'):
            self.user.runtime('GetInfo')
        self.begin_create()
        with self.assert_error('NotAuthorized', 'only root is served'):
            self.user.end()
        self.root.create('true', name='by-root').remove()

    def test_polkit_hangs(self):
        """Who has to be asked about hears of it after a while; nobody else notices."""
        self.polkit.stop()
        others = [self.polkit.user(OTHER, 'none') for _ in range(3)]
        for user in [self.user, *others]:
            user.begin(RUNTIME, 'Runtime', 'Create', 's', 'busybox', interactive=True, command=['true'])
        begun = time.monotonic()
        self.root.create('true', name='by-root').remove()
        self.assertIn('host', self.root.runtime('GetInfo'))
        # As long as it is quicker than the time limit for polkit, which is ten seconds, it has not been waited for.
        self.assertLess(time.monotonic() - begun, 9)
        for user in [self.user, *others]:
            with self.assert_error('NotAuthorized', 'polkit does not answer', 'only root is served'):
                user.end(SLOW)
        self.polkit.go_on()
        self.assertIn('host', self.user.runtime('GetInfo')[0])

    def test_polkit_starts_slowly(self):
        """The bus starts it when it is asked first, as after a boot; that is no polkit that does not answer."""
        self.polkit.kill()
        self.polkit.let_the_bus_start_it()
        other = self.polkit.user(OTHER, 'none')
        for user in (self.user, other):
            user.begin(RUNTIME, 'Runtime', 'GetInfo')
        wait_for(self.polkit.is_being_started, SLOW, 'the start')
        self.root.create('true', name='by-root').remove()
        # That is longer than polkit may take to answer.
        self.assertEqual(select.select([self.user.process.stdout, other.process.stdout], [], [], 11)[0], [])
        self.polkit.let_start()
        for user in (self.user, other):
            self.assertIn('host', user.end(SLOW)[0])

    def test_polkit_does_not_start(self):
        self.polkit.kill()
        self.polkit.let_the_bus_start_it()
        self.polkit.let_start(fail=True)
        with self.assert_error('NotAuthorized', 'polkit cannot be asked', 'only root is served'):
            self.user.runtime('GetInfo')

    def test_who_leaves_while_polkit_starts(self):
        self.polkit.kill()
        self.polkit.let_the_bus_start_it()
        self.user.begin(RUNTIME, 'Runtime', 'Create', 's', 'busybox', command=['true'])
        wait_for(self.polkit.is_being_started, SLOW, 'the start')
        self.user.kill()
        self.polkit.let_start()
        self.assertIn('host', self.polkit.user(OTHER, 'none').runtime('GetInfo')[0])
        self.assertEqual(self.root.list(), [])

    def test_a_polkit_without_our_policy(self):
        self.polkit.destroy()
        self.polkit = polkit.Polkit(policy='<policyconfig/>')
        self.polkit.start()
        user = self.polkit.user(LOCAL, 'active')

        def is_refused():
            with self.assert_error('NotAuthorized', 'only root is served') as refusal:
                user.runtime('GetInfo')
            return 'not registered' in refusal.error.message

        wait_for(is_refused, SLOW, 'the word of the new polkitd')

    def test_too_many_prompts(self):
        users = [self.polkit.user(OTHER, 'none') for _ in range(9)]
        agents = [self.agent(lambda question: None, user) for user in users]
        for user, agent in zip(users[:8], agents):
            self.begin_create(user)
            self.wait_for_prompt(agent)
        self.begin_create(users[8])
        with self.assert_error('LimitsExceeded', 'too many prompts'):
            agents[8].end_of(users[8])
        agent = self.agent(lambda question: True)               # which is no matter to other users
        self.begin_create(name='mine')
        agent.end_of(self.user)
        users[0].kill()                         # one less
        listen_for(lambda: agents[0].cancelled, SLOW, 'the end of the prompt')
        self.begin_create(users[8])
        self.wait_for_prompt(agents[8])

    def test_a_name_that_becomes_anothers(self):
        """What was asked about is what is removed, whatever its name has become."""
        one = self.root.create('true', name='name')
        agent = self.agent(lambda question: None)
        self.user.begin(RUNTIME, 'Runtime', 'Remove', 's', 'name', interactive=True)
        self.wait_for_prompt(agent)
        self.assertEqual(self.polkit.asked()[-1]['id'], one.id)
        one.rename('before')
        other = self.root.create('true', name='name')
        self.answer_all(agent)
        self.assertEqual(agent.end_of(self.user), (one.id,))
        self.assertEqual(other.get('Name'), 'name')

    def test_a_container_that_goes_meanwhile(self):
        one = self.root.create('true', name='name')
        agent = self.agent(lambda question: None)
        self.user.begin(RUNTIME, 'Runtime', 'Remove', 's', 'name', interactive=True)
        self.wait_for_prompt(agent)
        one.remove()
        other = self.root.create('true', name='name')
        self.answer_all(agent)
        with self.assert_error('NoSuchContainer', one.id):
            agent.end_of(self.user)
        self.assertEqual(other.get('Name'), 'name')

    def test_an_image_that_becomes_another(self):
        agent = self.agent(lambda question: None)
        self.begin_create(name='never')
        self.wait_for_prompt(agent)
        image_id = self.polkit.asked()[-1]['image-id']
        self.assertIn(image_id, self.root.images('GetImage', 's', 'busybox'))
        self.root.import_busybox(changes=['ENV A=b'])
        self.answer_all(agent)
        with self.assert_error('NotAuthorized', 'busybox', image_id, 'what was authorized'):
            agent.end_of(self.user)
        self.assertEqual(self.root.list(all=True), [])

    def test_an_image_that_becomes_another_before_it_is_removed(self):
        before = self.root.images('GetImage', 's', 'busybox')
        agent = self.agent(lambda question: None)
        self.user.begin(RUNTIME, 'Images', 'RemoveImage', 's', 'busybox', interactive=True)
        self.wait_for_prompt(agent)
        self.root.import_busybox(changes=['ENV A=b'])
        self.answer_all(agent)
        with self.assert_error('NotAuthorized', 'what was authorized'):
            agent.end_of(self.user)
        self.assertNotEqual(self.root.images('GetImage', 's', 'busybox'), before)

    def test_a_rule_by_details(self):
        """What an administrator would write."""
        self.polkit.write('rules', '10-first.rules', '''
            polkit.addRule(function (action, subject) {
              if (action.id == "org.cpod.Cpod1.exec" && subject.user == "man" && action.lookup("name") == "web"
                  && action.lookup("command") == "echo hello")
                return polkit.Result.YES;
              if (action.id == "org.cpod.Cpod1.create-host" && subject.user == "man"
                  && action.lookup("reach") == "network=host" && action.lookup("image") == "busybox")
                return polkit.Result.YES;
              if (action.id == "org.cpod.Cpod1.create" && subject.user == "man")
                return polkit.Result.NO;
            });''')
        self.polkit.kill()
        self.polkit.start()
        user = self.polkit.user(OTHER, 'none')
        container = self.root.create('sleep', '1000', name='web')
        container.start()
        user.call(container.path, 'Container', 'Exec', 'as', ['echo', 'hello'])
        with self.assert_error('InteractionRequired'):
            user.call(container.path, 'Container', 'Exec', 'as', ['echo', 'hello', 'again'])
        user.runtime('Create', 's', 'busybox', command=['true'], network='host')
        with self.assert_error('InteractionRequired'):
            user.runtime('Create', 's', 'busybox', command=['true'], network='host', privileged=True)
        with self.assert_error('NotAuthorized', 'the policy forbids it'):
            user.runtime('Create', 's', 'busybox', command=['true'])

    def test_what_there_is_not_is_told_to_who_may_read(self):
        with self.assert_error('NoSuchContainer', 'nothing'):
            self.user.runtime('Remove', 's', 'nothing')
        self.polkit.write('rules', '10-first.rules', '''
            polkit.addRule(function (action, subject) {
              if (action.id == "org.cpod.Cpod1.read") return polkit.Result.NO;
            });''')
        self.polkit.kill()
        self.polkit.start()
        with self.assert_error('NotAuthorized', 'read', 'the policy forbids it'):
            self.user.runtime('Remove', 's', 'nothing')

    def answer_all(self, agent):
        """The person has come back."""
        for cookie, pending in list(agent.open.items()):
            agent.open.pop(cookie)
            agent.authenticate(cookie, agent.identities[cookie], pending)


if __name__ == '__main__':
    main()
