# SPDX-License-Identifier: LGPL-2.1-or-later
"""The applet in a real window, with a real service: it shows what there is, and does what it is told."""

import os
import sys
import tempfile
import unittest

SOURCE = os.environ['CPOD_SOURCE']
sys.path[:0] = [os.path.join(SOURCE, 'tests', 'clients'), os.path.join(SOURCE, 'tests', 'bus'),
                os.path.join(SOURCE, 'examples', 'applet')]

import shots  # noqa: E402 pylint: disable=wrong-import-position

display = shots.Display()

import cpod_applet  # noqa: E402 pylint: disable=wrong-import-position
from gi.repository import Gio, Gtk  # noqa: E402 pylint: disable=wrong-import-position
from library import SLEEP, loop_until  # noqa: E402 pylint: disable=wrong-import-position
from service import Service, main  # noqa: E402 pylint: disable=wrong-import-position

service = app = window = None


def setUpModule():
    global service, app, window
    service = Service('applet')
    service.client.import_busybox()
    app = cpod_applet.Application(flags=Gio.ApplicationFlags.NON_UNIQUE)
    app.register(None)
    # libadwaita 1.2 can crash when a toast goes while it still moves.
    Gtk.Settings.get_default().set_property('gtk-enable-animations', False)
    app.activate()
    window = app.get_active_window()


def tearDownModule():
    window.destroy()
    service.remove_all()
    assert service.destroy() == 0
    display.close()


def widgets(parent, kind):
    """All widgets of a kind below PARENT."""
    child = parent.get_first_child()
    while child is not None:
        if isinstance(child, kind):
            yield child
        yield from widgets(child, kind)
        child = child.get_next_sibling()


def rows():
    return [(row.name.get_label(), row.state.get_label()) for row in widgets(window, cpod_applet.Row) if row.container]


class Applet(unittest.TestCase):
    def setUp(self):
        window.toasts.clear()
        self.addCleanup(self.empty)

    def empty(self):
        service.remove_all()
        loop_until(lambda: len(window.list) == 0, 'the empty list')
        window.details.stack.set_visible_child_name('log')

    def show(self, name):
        loop_until(lambda: window.list.find(name)[0] is not None, 'the container')
        window.selection.set_selected(window.list.find(name)[1])
        loop_until(lambda: window.selected() and window.selected().name == name, 'the selection')

    def do(self, action):
        self.assertTrue(window.lookup_action(action).get_enabled(), action)
        window.activate_action(f'win.{action}', None)

    def test_nothing(self):
        loop_until(lambda: window.status.get_title() == 'No containers', 'the page')
        self.assertEqual(window.pages.get_visible_child_name(), 'status')
        self.assertFalse(any(window.lookup_action(name).get_enabled() for name in ('start', 'stop', 'remove')))

    def test_life(self):
        service.client.create('sh', '-c', 'echo hello; echo trouble >&2; sleep 1000', name='web', stop_timeout=0)
        self.show('web')
        loop_until(lambda: rows() == [('web', 'configured')], 'the row')
        self.do('start')
        loop_until(lambda: rows() == [('web', 'running')], 'the start')
        loop_until(lambda: sorted(window.details.log.get_text().split()) == ['hello', 'trouble'], 'the log')
        self.do('stop')
        loop_until(lambda: rows() == [('web', 'exited')], 'the end')
        loop_until(lambda: window.lookup_action('remove').get_enabled(), 'the action')
        self.do('remove')
        loop_until(lambda: window.toasts == ['web was removed'], 'the word of it')
        loop_until(lambda: window.pages.get_visible_child_name() == 'status', 'the empty page')

    def test_terminal(self):
        service.client.create(*SLEEP, name='web').start()
        self.show('web')
        window.details.stack.set_visible_child_name('terminal')
        terminal = window.details.terminal
        loop_until(lambda: terminal.stream is not None, 'the session')
        terminal.type('echo $((6 * 7))\n')
        loop_until(lambda: '42' in terminal.get_text()[0], 'the answer')
        window.details.show_of(None)
        self.assertIsNone(terminal.stream)

    def test_error(self):
        service.client.create('/no/such/program', name='broken')
        self.show('broken')
        self.do('start')
        loop_until(lambda: window.toasts, 'the error')
        self.assertRegex(window.toasts[0], 'broken')
        self.assertNotIn('GDBus', window.toasts[0])

    def test_only_running(self):
        for name in 'one', 'two':
            service.client.create(*SLEEP, name=name)
        service.client.container('one').start()
        loop_until(lambda: rows() == [('two', 'configured'), ('one', 'running')], 'both')
        window.activate_action('win.running', None)
        loop_until(lambda: rows() == [('one', 'running')], 'one')
        window.activate_action('win.running', None)
        loop_until(lambda: len(rows()) == 2, 'both')

    def test_many(self):
        """Of five hundred only those that are seen have rows."""
        for i in range(500):
            service.client.create('true', name=f'c{i}')
        loop_until(lambda: len(window.list) == 500, 'all of them', 120)
        loop_until(rows, 'the rows')
        self.assertLess(len(list(widgets(window, cpod_applet.Row))), 400)
        self.assertEqual(window.list[0].name, 'c499')

    def test_service_away(self):
        service.client.create(*SLEEP, name='kept')
        self.show('kept')
        service.kill()
        loop_until(lambda: not window.list.get_loaded(), 'the end of the service')
        self.assertEqual(rows(), [('kept', 'configured')])
        service.start()
        loop_until(window.list.get_loaded, 'the service')
        self.do('start')
        loop_until(lambda: rows() == [('kept', 'running')], 'the start')

    def test_keys_and_names(self):
        self.assertEqual(app.get_accels_for_action('win.start'), ['<Control>Return'])
        for found in widgets(window.get_content(), Gtk.Button):
            if (found.get_action_name() or '').startswith('win.'):
                self.assertTrue(found.get_tooltip_text(), found.get_action_name())
        self.assertTrue(app.client.props.interactive)

    def test_picture(self):
        service.client.create(*SLEEP, name='web')
        loop_until(rows, 'the row')
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, 'window.png')
            shots.save(display, window, path)
            with open(path, 'rb') as file:
                self.assertEqual(file.read(4), b'\x89PNG')


if __name__ == '__main__':
    main()
