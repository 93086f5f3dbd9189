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
from gi.repository import Gio, GLib, Gtk  # noqa: E402 pylint: disable=wrong-import-position
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
    return [(row.name.get_label(), row.container.state) for row in widgets(window, cpod_applet.Row) if row.container]


class Applet(unittest.TestCase):
    def setUp(self):
        window.toasts.clear()
        self.addCleanup(self.empty)

    def empty(self):
        service.remove_all()
        loop_until(lambda: len(window.list) == 0, 'the empty list')
        window.details.stack.set_visible_child_name('facts')

    def show(self, name, state=None):
        loop_until(lambda: window.list.find(name)[0] is not None, 'the container')
        window.selection.set_selected(window.list.find(name)[1])
        loop_until(lambda: window.selected() and window.selected().name == name, 'the selection')
        loop_until(lambda: state in (None, window.selected().state), 'the state')

    def do(self, action):
        self.assertTrue(window.lookup_action(action).get_enabled(), action)
        window.activate_action(f'win.{action}', None)

    def remove(self, answer):
        self.do('remove')
        dialog, = (found for found in Gtk.Window.list_toplevels() if isinstance(found, cpod_applet.Adw.MessageDialog))
        self.assertEqual(dialog.get_heading(), 'Remove web?')
        def buttons():
            # A dialog has each twice, side by side and one above the other, and shows what fits.
            return [found for found in widgets(dialog, Gtk.Button)
                    if found.get_label() == f'_{answer.title()}' and found.get_mapped() and found.get_child_visible()]
        loop_until(lambda: len(buttons()) == 1, 'the buttons')
        button, = buttons()
        button.emit('clicked')
        loop_until(lambda: not dialog.get_mapped(), 'the end of the question')

    def test_nothing(self):
        loop_until(lambda: window.status.get_title() == 'No Containers', 'the page')
        self.assertEqual(window.pages.get_visible_child_name(), 'status')
        self.assertFalse(any(window.lookup_action(name).get_enabled() for name in ('start', 'stop', 'remove')))

    def test_life(self):
        service.client.create('sh', '-c', 'echo hello; echo trouble >&2; sleep 1000', name='web', stop_timeout=0)
        self.show('web')
        loop_until(lambda: rows() == [('web', 'configured')], 'the row')
        self.do('start')
        loop_until(lambda: rows() == [('web', 'running')], 'the start')
        window.activate_action('win.page', GLib.Variant('s', 'log'))
        loop_until(lambda: sorted(window.details.log.get_text().split()) == ['hello', 'trouble'], 'the log')
        self.do('stop')
        loop_until(lambda: rows() == [('web', 'exited')], 'the end')
        loop_until(lambda: window.lookup_action('remove').get_enabled(), 'the action')
        self.remove('cancel')
        self.assertEqual(rows(), [('web', 'exited')])
        self.remove('remove')
        loop_until(lambda: window.toasts == ['web was removed'], 'the word of it')
        loop_until(lambda: window.pages.get_visible_child_name() == 'status', 'the empty page')

    def test_terminal(self):
        service.client.create(*SLEEP, name='web').start()
        self.show('web', 'running')
        window.details.stack.set_visible_child_name('terminal')
        terminal = window.details.terminal
        loop_until(lambda: terminal.stream is not None, 'the session')
        terminal.type('echo $((6 * 7))\n')
        loop_until(lambda: '42' in terminal.get_text(), 'the answer')
        self.assertIs(terminal.get_visible_child(), terminal.view)
        terminal.type('exit\n')
        loop_until(lambda: terminal.get_visible_child() is terminal.closed, 'the offer of another one')
        window.activate_action('win.again', None)
        loop_until(lambda: terminal.stream is not None, 'the second session')
        service.client.container('web').stop(timeout=0)
        loop_until(lambda: terminal.get_visible_child() is terminal.stopped, 'the end of the container')
        self.assertIsNone(terminal.stream)

    def test_terminal_asks_for_each_container(self):
        """A selection that merely moves opens nothing."""
        for name in 'one', 'two':
            service.client.create(*SLEEP, name=name).start()
        self.show('one', 'running')
        window.details.stack.set_visible_child_name('terminal')
        terminal = window.details.terminal
        loop_until(lambda: terminal.stream is not None, 'the session')
        self.show('two', 'running')
        self.assertIsNone(terminal.stream)
        self.assertIs(terminal.get_visible_child(), terminal.closed)
        self.assertEqual(service.client.container('two').call('ListExecs'), [])

    def test_facts(self):
        service.client.create('sh', '-c', 'exit 3', name='broken')
        self.show('broken')
        facts = {key: row for key, (row, _text) in window.details.facts.rows.items()}
        self.assertEqual(facts['state'].get_subtitle(), 'Not started yet')
        self.assertFalse(facts['started'].get_visible() or facts['process'].get_visible())
        self.do('start')
        loop_until(lambda: facts['state'].get_subtitle() == 'Failed with exit code 3', 'the failure')
        self.assertEqual(facts['id'].get_subtitle(), service.client.container('broken').id)
        self.assertTrue(facts['finished'].get_visible())
        service.client.container('broken').rename('worse')
        loop_until(lambda: window.details.title.get_title() == 'worse', 'the new name')

    def test_pause_and_restart(self):
        service.client.create(*SLEEP, name='web', stop_timeout=0).start()
        self.show('web')
        loop_until(lambda: rows() == [('web', 'running')], 'the row')
        started = service.client.container('web').get('Started')
        self.do('pause')
        loop_until(lambda: rows() == [('web', 'paused')] and window.lookup_action('resume').get_enabled(), 'the pause')
        self.assertFalse(window.lookup_action('restart').get_enabled())
        self.do('resume')
        loop_until(lambda: rows() == [('web', 'running')] and window.lookup_action('restart').get_enabled(), 'the run')
        self.do('restart')
        loop_until(lambda: service.client.container('web').get('Started') > started, 'the restart')

    def test_log_of_a_new_run(self):
        service.client.create('sh', '-c', 'echo once', name='web')
        self.show('web')
        window.details.stack.set_visible_child_name('log')
        log = window.details.log
        self.assertIs(log.get_visible_child(), log.empty)
        for runs in 1, 2:
            loop_until(lambda: window.lookup_action('start').get_enabled(), 'the action')
            self.do('start')
            loop_until(lambda runs=runs: log.get_text().split() == ['once'] * runs, 'the log')
        self.assertIs(log.get_visible_child(), log.scrolled)

    def test_log_scrolls(self):
        """A short one is shown from its beginning, of a long one the end; who has gone up is left there."""
        for name, lines in ('short', 3), ('long', 400):
            service.client.create('sh', '-c', f'seq {lines}; read again; seq 5; exec sleep 1000', name=name,
                                  stdin=True).start()
            self.show(name, 'running')
            window.details.stack.set_visible_child_name('log')
            log = window.details.log
            loop_until(lambda lines=lines: len(log.get_text().split()) == lines, 'the log')
            position = log.scrolled.get_vadjustment()
            loop_until(lambda: position.get_page_size() > 100 and not log.scroll, 'the layout')
            if name == 'short':
                loop_until(lambda: position.get_value() == 0, 'the beginning')
            else:
                loop_until(lambda: position.get_value() > 1000 and log.at_end, 'the end')
        position.set_value(100)
        self.assertFalse(log.at_end)
        with service.client.container('long').attach() as stream:
            stream.send(b'\n')
            loop_until(lambda: len(log.get_text().split()) == 405, 'more of it')
        loop_until(lambda: not log.scroll, 'the layout')
        self.assertEqual(position.get_value(), 100)

    def test_narrow(self):
        """What fits a telephone: one page at a time, and a way back."""
        service.client.create(*SLEEP, name='web')
        service.client.create(*SLEEP, name='x' * 200)
        self.show('web')
        width = window.get_width()
        self.addCleanup(lambda: (window.set_default_size(width, 600), loop_until(
            lambda: not window.leaflet.get_folded(), 'the wide window')))
        window.set_default_size(360, 600)
        loop_until(lambda: window.leaflet.get_folded() and window.get_surface().get_width() == 360, 'the narrow window')
        for page in 'facts', 'log', 'terminal':
            window.activate_action('win.page', GLib.Variant('s', page))
            loop_until(window.is_details_alone, 'the details')
            loop_until(lambda: window.details.title.get_title_visible(), 'the name')
            self.assertLessEqual(window.get_content().measure(Gtk.Orientation.HORIZONTAL, -1).minimum, window.get_width(),
                                 page)
            window.activate_action('win.back', None)
            loop_until(lambda: window.leaflet.get_visible_child() is not window.details, 'the list')
            self.assertFalse(window.lookup_action('back').get_enabled())
        self.assertEqual(window.get_surface().get_width(), 360)

    def test_error(self):
        service.client.create('/no/such/program', name='broken')
        self.show('broken')
        self.do('start')
        loop_until(lambda: window.toasts, 'the error')
        self.assertRegex(window.toasts[0], '^broken was not started: .*/no/such/program')
        self.assertNotIn('GDBus', window.toasts[0])
        self.assertEqual(rows(), [('broken', service.client.container('broken').get('State'))])

    def test_only_running(self):
        for name in 'one', 'two':
            service.client.create(*SLEEP, name=name)
        service.client.container('one').start()
        loop_until(lambda: rows() == [('two', 'configured'), ('one', 'running')], 'both')
        window.activate_action('win.running', None)
        loop_until(lambda: rows() == [('one', 'running')], 'one')
        service.client.container('one').stop(timeout=0)
        loop_until(lambda: window.pages.get_visible_child_name() == 'status', 'the page that says so')
        self.assertEqual(window.status.get_title(), 'Nothing Runs')
        self.assertEqual(window.status.get_child().get_action_name(), 'win.running')
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
        for _group, keys in cpod_applet.KEYS:
            for action, _key, _title in keys:
                name = action.split('(')[0]
                self.assertTrue((app if name.startswith('app.') else window).lookup_action(name.split('.')[1]), action)
        for found in widgets(window.get_content(), Gtk.Button):
            if (found.get_action_name() or '').startswith('win.'):
                self.assertTrue(found.get_tooltip_text() or found.get_label(), found.get_action_name())
        self.assertTrue(app.client.props.interactive)

    def test_other_windows(self):
        """Keys, what the program is, and the whole of a long error."""
        before = set(Gtk.Window.list_toplevels())
        kinds = {'keys': Gtk.ShortcutsWindow, 'about': cpod_applet.Adw.AboutWindow, 'error': cpod_applet.Adw.MessageDialog}
        for action, kind in kinds.items():
            window.activate_action(f'win.{action}', GLib.Variant('s', 'what & why') if action == 'error' else None)
            opened, = set(Gtk.Window.list_toplevels()) - before
            self.assertIsInstance(opened, kind)
            loop_until(opened.get_mapped, 'the window')
            opened.destroy()
        window.tell_failure('start', 'web', GLib.Error('x' * 100))

        def more():
            return [found for toast in widgets(window.get_content(), Gtk.Widget) if toast.get_css_name() == 'toast'
                    for found in widgets(toast, Gtk.Button) if found.get_label() == 'Details']
        loop_until(more, 'the button of the toast')
        more()[0].emit('clicked')
        loop_until(lambda: len(set(Gtk.Window.list_toplevels()) - before) == 1, 'the whole text')
        (set(Gtk.Window.list_toplevels()) - before).pop().destroy()

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
