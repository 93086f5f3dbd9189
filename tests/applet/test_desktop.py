# SPDX-License-Identifier: LGPL-2.1-or-later
"""The applet as somebody has it who is not root: polkit asks, keys do all that the mouse does, everything has a name."""

import os
import subprocess
import sys
import tempfile
import unittest
import warnings

SOURCE = os.environ['CPOD_SOURCE']
sys.path[:0] = [os.path.join(SOURCE, 'tests', 'bus'), os.path.join(SOURCE, 'tests', 'applet'),
                os.path.join(SOURCE, 'examples', 'applet')]

import desktop  # noqa: E402 pylint: disable=wrong-import-position
import polkit  # noqa: E402 pylint: disable=wrong-import-position
from service import NAME, Service, listen_for, main  # noqa: E402 pylint: disable=wrong-import-position

USER = 'games'
SLOW = 60
# What somebody can do something with.
WORKING = {'push button', 'toggle button', 'radio button', 'page tab', 'list item', 'menu item', 'list', 'text', 'terminal', 'entry'}


class Desktop(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        warnings.simplefilter('ignore', DeprecationWarning)     # of Atspi's names
        cls.service = Service('desktop')
        cls.addClassCleanup(cls.service.destroy)
        cls.addClassCleanup(cls.service.remove_all)
        cls.root = cls.service.client
        cls.root.import_busybox()
        cls.polkit = polkit.Polkit()
        cls.addClassCleanup(cls.polkit.destroy)
        cls.polkit.start()
        cls.user = cls.polkit.user(USER, 'active')
        cls.desktop = desktop.Desktop()
        cls.addClassCleanup(cls.desktop.close)

    def setUp(self):
        self.addCleanup(self.service.remove_all)

    def create(self, name='web'):
        return self.root.create('sleep', '1000', name=name, stop_timeout=0)

    def begin(self, answer=lambda question: True, locale='C', **environment):
        """The applet, and who answers for its user."""
        applet = desktop.Applet(self.desktop, self.user, **environment)
        self.addCleanup(applet.close)
        agent = polkit.Agent(applet, answer, locale)
        self.addCleanup(agent.remove)
        return applet, agent

    def item(self, applet, name, state):
        applet.wait_for('list item', f'{name}, {state}, busybox')

    def listen(self, condition, what):
        return listen_for(condition, SLOW, what)

    def test_allowed(self):
        container = self.create()
        applet, agent = self.begin()
        self.item(applet, 'web', 'Not started yet')
        self.assertEqual(agent.asked, [], 'nothing may ask that was only looked at')
        applet.click('push button', 'Start')
        self.listen(lambda: agent.asked, 'the question')
        self.assertEqual((agent.asked[0]['action'], agent.asked[0]['message']),
                         (NAME + '.manage', 'Authentication is required to manage container web, which is another user\'s'))
        self.listen(lambda: container.get('State') == 'running', 'the start')
        self.item(applet, 'web', 'Running')
        applet.wait_for('push button', 'Stop', True)

    def refused(self, answer, reply=lambda agent: None):
        container = self.create()
        applet, agent = self.begin(answer)
        before = self.root.last_seq()
        applet.click('push button', 'Start')
        self.listen(lambda: agent.asked, 'the question')
        reply(agent)
        self.listen(lambda: applet.look_for('label', 'web was not started: this was not authorized'), 'the word of it')
        self.assertEqual((container.get('State'), self.root.last_seq()), ('configured', before))
        # It can be tried again.
        applet.wait_for('push button', 'Start', True)

    def test_wrong_password(self):
        self.refused(lambda question: False)

    def test_dismissed(self):
        def dismiss(agent):
            for pending in agent.open.values():
                pending.return_dbus_error(polkit.NAME + '.Error.Cancelled', 'dismissed')
        self.refused(lambda question: None, dismiss)

    def test_open_question(self):
        """While it is open nothing else can be begun with that container; the window lives."""
        container = self.create()
        self.create('other')
        applet, agent = self.begin(lambda question: None)
        applet.wait_for('list item', 'other, Not started yet, busybox')
        applet.click('push button', 'Start')
        self.listen(lambda: agent.asked, 'the question')
        applet.wait_for('push button', 'Start', False)
        container.rename('later')
        self.root.container('other').rename('still-there')
        self.item(applet, 'still-there', 'Not started yet')
        (cookie, invocation), = agent.open.items()
        agent.authenticate(cookie, agent.identities[cookie], invocation)
        self.item(applet, 'still-there', 'Running')
        self.assertEqual(len(agent.asked), 1)

    def test_terminal(self):
        container = self.create()
        container.start()
        applet, agent = self.begin()
        self.item(applet, 'web', 'Running')
        self.desktop.point_at_window()
        self.desktop.press('Alt_L', '3')
        self.listen(lambda: agent.asked, 'the question')
        self.assertEqual(agent.asked[0]['message'],
                         'Authentication is required to run commands in container web, which is another user\'s')
        self.listen(lambda: container.call('ListExecs'), 'the session')
        self.desktop.type('touch /typed\n')
        self.listen(lambda: self.is_there(container, b'/typed'), 'what was typed')

    def is_there(self, container, path):
        try:
            container.call('StatPath', 'ay', path + b'\0')
            return True
        except polkit.CallError:
            return False

    def test_keys_alone(self):
        """Choose, start, read the log, stop, remove."""
        container = self.root.create('sh', '-c', 'echo hello; exec sleep 1000', name='older', stop_timeout=0)
        self.create('newer')
        applet, agent = self.begin()
        self.item(applet, 'older', 'Not started yet')
        self.desktop.point_at_window()
        self.choose(applet, 'older')
        self.desktop.press('Control_L', 'Return')
        self.listen(lambda: container.get('State') == 'running', 'the start')
        self.assertEqual(agent.asked[0]['message'].split(',')[0], 'Authentication is required to manage container older')
        self.desktop.press('Alt_L', '2')
        self.listen(lambda: 'hello' in self.text_of(applet, 'Log'), 'the log')
        applet.wait_for('push button', 'Stop', True)
        self.desktop.press('Control_L', 'period')
        self.listen(lambda: container.get('State') == 'exited', 'the end')
        applet.wait_for('push button', 'Start', True)
        self.desktop.press('Control_L', 'Delete')
        self.listen(lambda: applet.look_for('label', 'Remove older?'), 'the question')
        self.desktop.press('Alt_L', 'r')
        self.listen(lambda: [row['name'] for row in self.root.list(all=True)] == ['newer'], 'the removal')

    def choose(self, applet, name):
        """Goes round the window until the list has the focus, and down in it."""
        def selected():
            return any(role == 'list item' and its_name.startswith(name) and 'selected' in states
                       for _node, role, its_name, states in applet.nodes())

        def focused():
            return [role for _node, role, _name, states in applet.nodes() if 'focused' in states]
        for _step in range(20):
            if 'list item' in focused():
                break
            before = focused()
            self.desktop.press('Tab')
            listen_for(lambda before=before: focused() != before, SLOW, 'the next one')
        self.desktop.press('Down')
        self.listen(selected, 'the choice')

    def text_of(self, applet, name):
        node = applet.look_for('text', name)
        return node.get_text_iface().get_text(0, -1) if node is not None else ''

    def test_names(self):
        """Whatever can be worked with says what it is, on each page."""
        self.create('other')
        self.create().start()
        applet, _agent = self.begin()
        self.item(applet, 'web', 'Running')
        self.desktop.point_at_window()
        for key in '1', '2', '3':
            self.desktop.press('Alt_L', key)
            found = [(role, name) for _node, role, name, states in applet.nodes() if role in WORKING]
            self.assertEqual([role for role, name in found if not name.strip() or name.startswith(('Gtk', 'Adw'))], [])
        names = {name for _role, name in found}
        self.assertEqual(applet.look_for('list item', 'State').get_description(), 'Running')
        self.assertLessEqual({'Stop', 'Main Menu', 'Container Menu', 'Details', 'Log', 'Terminal', 'Containers', 'Close',
                              'web, Running, busybox', 'other, Not started yet, busybox', 'State'}, names)

    def test_no_bus(self):
        """A window that says so, not none."""
        applet = desktop.Applet(self.desktop, self.user, DBUS_SYSTEM_BUS_ADDRESS='unix:path=/nowhere')
        self.addCleanup(applet.close)
        applet.wait_for('label', 'The System Bus Cannot Be Reached')

    def test_indicator(self):
        """That of GNOME Shell asks too, by way of the JavaScript module."""
        container = self.create()
        container.start()
        with subprocess.Popen(desktop.as_user(self.user, 'gjs', os.path.join(SOURCE, 'tests', 'applet', 'indicator.js')),
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            self.addCleanup(process.kill)
            while 'web running' not in (line := process.stdout.readline()):
                self.assertTrue(line, 'the list did not come')
            process.uid = self.user.uid
            agent = polkit.Agent(process, lambda question: True)
            self.addCleanup(agent.remove)
            process.stdin.write('web\n')
            process.stdin.flush()
            self.listen(lambda: agent.asked, 'the question')
            self.assertEqual(agent.asked[0]['action'], NAME + '.manage')
            self.listen(lambda: container.get('State') == 'exited', 'the stop')
            process.stdin.close()
            self.assertEqual(process.wait(SLOW), 0)

    def test_german(self):
        with tempfile.TemporaryDirectory() as directory:
            os.chmod(directory, 0o755)
            container = self.create()
            applet, agent = self.begin(lambda question: False, 'de_DE.UTF-8', **desktop.make_locale(directory))
            self.item(applet, 'web', 'Noch nicht gestartet')
            names = {name for _node, _role, name, _states in applet.nodes()}
            self.assertLessEqual({'Hauptmenü', 'Protokoll', 'Zustand', 'Container'}, names)
            applet.click('push button', 'Starten')
            self.listen(lambda: agent.asked, 'the question')
            self.assertEqual(agent.asked[0]['message'], 'Um den Container web zu verwalten, der einem anderen Benutzer gehört, '
                             'ist eine Legitimierung erforderlich')
            self.listen(lambda: applet.look_for('label', 'web wurde nicht gestartet: das wurde nicht erlaubt'), 'the word')
            self.assertEqual(container.get('State'), 'configured')


if __name__ == '__main__':
    main()
