#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Containers in a window: a live list, and for each its log and a terminal in it.

All that is shown is the library's: the list is a Cpod.ContainerList, and what
is seen of its items follows their properties. Nothing is polled.
"""

import sys

import gi

for _name, _version in (('Adw', '1'), ('Cpod', '1.0'), ('Gdk', '4.0'), ('Gtk', '4.0'), ('Vte', '3.91')):
    gi.require_version(_name, _version)
from gi.repository import Adw, Cpod, Gio, GLib, Gtk, Pango, Vte  # noqa: E402 pylint: disable=wrong-import-position

SHELL = ['sh']
LINES = 500
ICONS = {'running': 'media-playback-start-symbolic', 'paused': 'media-playback-pause-symbolic'}


def label(css=None, **properties):
    return Gtk.Label(xalign=0, ellipsize=Pango.EllipsizeMode.END, css_classes=[css] if css else [], **properties)


def button(icon, action, text):
    found = Gtk.Button(icon_name=icon, action_name=action, tooltip_text=text)
    found.update_property([Gtk.AccessibleProperty.LABEL], [text])
    return found


class Row(Gtk.Box):
    """A container in the list: state, name, image."""

    def __init__(self):
        super().__init__(spacing=12, margin_top=8, margin_bottom=8, margin_start=6, margin_end=6)
        self.icon, self.name, self.image, self.state = Gtk.Image(), label('heading'), label('dim-label'), label('caption')
        texts = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, hexpand=True)
        texts.append(self.name)
        texts.append(self.image)
        for child in self.icon, texts, self.state:
            self.append(child)
        self.container = self.handler = None

    def bind(self, container):
        self.container = container
        self.handler = container.connect('notify', lambda *_: self.show_it())
        self.show_it()

    def show_it(self):
        state = self.container.state
        self.name.set_label(self.container.name)
        self.image.set_label(self.container.image)
        self.state.set_label(state)
        self.icon.set_from_icon_name(ICONS.get(state, 'media-playback-stop-symbolic'))
        self.icon.set_css_classes(['success' if state == 'running' else 'dim-label'])

    def unbind(self):
        self.container.disconnect(self.handler)
        self.container = self.handler = None


class Log(Gtk.ScrolledWindow):
    """The log of a container, as it grows."""

    def __init__(self):
        super().__init__(vexpand=True)
        self.view = Gtk.TextView(editable=False, monospace=True, cursor_visible=False, left_margin=12, right_margin=12,
                                 top_margin=12, bottom_margin=12)
        self.view.update_property([Gtk.AccessibleProperty.LABEL], ['Log'])
        self.text = self.view.get_buffer()
        self.errors = self.text.create_tag('stderr', foreground='#c01c28')
        self.set_child(self.view)
        self.task = None

    def stop(self):
        if self.task is not None:
            self.task.cancel()
        self.task = None
        self.text.set_text('')

    def show_of(self, container, on_error):
        self.stop()
        self.task = Cpod.spawn(self.read(container), on_error)

    async def read(self, container):
        try:
            async for line in container.logs(follow=True, tail=LINES):
                tags = [self.errors] if line.stream == Cpod.StreamId.STDERR else []
                self.text.insert_with_tags(self.text.get_end_iter(), line.text + ('' if line.is_partial() else '\n'), *tags)
        except GLib.Error as error:
            if not error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED):
                raise

    def get_text(self):
        return self.text.get_text(*self.text.get_bounds(), False)


class Terminal(Vte.Terminal):
    """A shell in a container."""

    def __init__(self):
        super().__init__(vexpand=True)
        self.update_property([Gtk.AccessibleProperty.LABEL], ['Terminal'])
        self.task = self.stream = self.session = None
        self.typed = []
        self.connect('commit', self.on_commit)
        self.size = None

    def stop(self):
        if self.task is not None:
            self.task.cancel()
        if self.stream is not None:
            self.stream.close()
        self.task = self.stream = self.session = None
        self.reset(True, True)

    def open_in(self, container, on_error):
        self.stop()
        self.task = Cpod.spawn(self.talk(container), on_error)

    async def talk(self, container):
        size = (self.get_row_count(), self.get_column_count())
        try:
            self.stream, path = await container.open_exec(SHELL, tty=True, stdin=True, auto_remove=True, size=size,
                                                          env=['TERM=xterm-256color'])
            self.size = size
            self.session = Cpod.ExecProxy.new_sync(container.get_connection(), Gio.DBusProxyFlags.NONE, container.get_name(),
                                                   path, None)
            async for _stream, data in self.stream:
                self.feed(data)
        except GLib.Error as error:
            if not error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED):
                raise

    def on_commit(self, _terminal, text, _size):
        self.type(text)

    def type(self, text):
        if self.stream is not None:
            self.stream.write_sync(GLib.Bytes.new(text.encode()), None)

    async def follow_size(self, rows, columns):
        try:
            await self.session.resize(rows, columns)
        except Cpod.CpodError:
            pass  # it has just ended

    def do_size_allocate(self, width, height, baseline):  # pylint: disable=arguments-differ
        Vte.Terminal.do_size_allocate(self, width, height, baseline)
        size = (self.get_row_count(), self.get_column_count())
        if self.session is not None and size != self.size:
            self.size = size
            Cpod.spawn(self.follow_size(*size))


class Details(Gtk.Box):
    """What there is to see and to do of the container that is selected."""

    def __init__(self, window):
        super().__init__(orientation=Gtk.Orientation.VERTICAL)
        self.window = window
        self.container = None
        self.log, self.terminal = Log(), Terminal()
        self.stack = Adw.ViewStack(vexpand=True)
        self.stack.add_titled_with_icon(self.log, 'log', 'Log', 'text-x-generic-symbolic')
        self.stack.add_titled_with_icon(self.terminal, 'terminal', 'Terminal', 'utilities-terminal-symbolic')
        self.stack.connect('notify::visible-child-name', lambda *_: self.show_page())
        self.append(self.stack)

    def show_of(self, container):
        self.log.stop()
        self.terminal.stop()
        self.container = container
        self.show_page()

    def show_page(self):
        if self.container is None:
            return
        if self.stack.get_visible_child_name() == 'log':
            self.log.show_of(self.container, self.window.tell)
        elif self.container.state == 'running' and self.terminal.stream is None:
            self.terminal.open_in(self.container, self.window.tell)
            self.terminal.grab_focus()


class Window(Adw.ApplicationWindow):
    """The list on the left, one container on the right."""

    def __init__(self, client, **properties):
        super().__init__(title='Containers', default_width=960, default_height=600, **properties)
        self.client = client
        self.toasts = []
        self.list = Cpod.ContainerList.new(client)
        self.selection = Gtk.SingleSelection(model=self.list, autoselect=True)
        self.details = Details(self)
        self.overlay = Adw.ToastOverlay(child=self.make_content())
        self.set_content(self.overlay)
        self.add_actions()
        self.selection.connect('notify::selected-item', lambda *_: self.on_selected())
        self.list.connect('items-changed', lambda *_: self.show_what_there_is())
        for name in 'loaded', 'error':
            self.list.connect(f'notify::{name}', lambda *_: self.show_what_there_is())
        self.follow = None
        self.show_what_there_is()

    def make_list(self):
        factory = Gtk.SignalListItemFactory()
        factory.connect('setup', lambda _factory, item: item.set_child(Row()))
        factory.connect('bind', lambda _factory, item: item.get_child().bind(item.get_item()))
        factory.connect('unbind', lambda _factory, item: item.get_child().unbind())
        view = Gtk.ListView(model=self.selection, factory=factory, css_classes=['navigation-sidebar'])
        view.update_property([Gtk.AccessibleProperty.LABEL], ['Containers'])
        return Gtk.ScrolledWindow(child=view, hscrollbar_policy=Gtk.PolicyType.NEVER, width_request=300)

    def make_header(self):
        header = Adw.HeaderBar()
        running = Gtk.ToggleButton(label='Running', action_name='win.running', tooltip_text='Show only what is running')
        header.pack_start(running)
        for icon, action, text in (('user-trash-symbolic', 'win.remove', 'Remove'),
                                   ('media-playback-stop-symbolic', 'win.stop', 'Stop'),
                                   ('media-playback-start-symbolic', 'win.start', 'Start')):
            header.pack_end(button(icon, action, text))
        header.set_title_widget(Adw.ViewSwitcher(stack=self.details.stack, policy=Adw.ViewSwitcherPolicy.WIDE))
        return header

    def make_content(self):
        both = Gtk.Paned(start_child=self.make_list(), end_child=self.details, resize_start_child=False,
                         shrink_start_child=False, shrink_end_child=False)
        self.status = Adw.StatusPage(icon_name='package-x-generic-symbolic', vexpand=True)
        self.pages = Gtk.Stack()
        self.pages.add_named(both, 'containers')
        self.pages.add_named(self.status, 'status')
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL)
        box.append(self.make_header())
        box.append(self.pages)
        return box

    def add_actions(self):
        for name, work in (('start', self.start), ('stop', self.stop), ('remove', self.remove)):
            action = Gio.SimpleAction(name=name)
            action.connect('activate', lambda _action, _value, work=work: Cpod.spawn(work(self.selected()), self.tell))
            self.add_action(action)
        running = Gio.SimpleAction.new_stateful('running', None, GLib.Variant('b', False))
        running.connect('change-state', self.on_running)
        self.add_action(running)

    def on_running(self, action, value):
        action.set_state(value)
        self.list.set_all(not value.get_boolean())

    def selected(self):
        return self.selection.get_selected_item()

    async def start(self, container):
        await container.start()

    async def stop(self, container):
        await container.stop()

    async def remove(self, container):
        await container.remove()
        self.tell(f'{container.name} was removed')

    def tell(self, what):
        """What has gone wrong, or right."""
        text = what if isinstance(what, str) else getattr(what, 'message', str(what))
        self.toasts.append(text)
        self.overlay.add_toast(Adw.Toast(title=GLib.markup_escape_text(text)))

    def on_selected(self):
        container = self.selected()
        if self.follow is not None:
            self.follow[0].disconnect(self.follow[1])
        self.follow = (container, container.connect('notify::state', lambda *_: self.on_state())) if container else None
        self.details.show_of(container)
        self.update_actions()

    def on_state(self):
        self.update_actions()
        # A new run has more to say.
        if self.selected().state == 'running':
            self.details.show_page()
        else:
            self.details.terminal.stop()

    def update_actions(self):
        state = self.selected().state if self.selected() else None
        self.lookup_action('start').set_enabled(state in ('configured', 'created', 'stopped', 'exited'))
        self.lookup_action('stop').set_enabled(state in ('running', 'paused'))
        self.lookup_action('remove').set_enabled(state in ('configured', 'created', 'stopped', 'exited'))

    def show_what_there_is(self):
        error = self.list.get_error()
        if error is not None:
            self.status.set_title('The containers cannot be shown')
            self.status.set_description(GLib.markup_escape_text(error.message))
        elif self.list.get_loaded():
            self.status.set_title('No containers')
            self.status.set_description('They appear here once there are some.')
        else:
            self.status.set_title('Waiting for the service')
            self.status.set_description(None)
        self.pages.set_visible_child_name('containers' if len(self.list) and error is None else 'status')
        self.update_actions()


class Application(Adw.Application):
    """The program."""

    def __init__(self, **properties):
        super().__init__(application_id='org.cpod.Applet', **properties)
        self.client = None

    def do_startup(self):  # pylint: disable=arguments-differ
        Adw.Application.do_startup(self)
        quit_action = Gio.SimpleAction(name='quit')
        quit_action.connect('activate', lambda *_: self.quit())
        self.add_action(quit_action)
        for action, key in (('app.quit', '<Control>q'), ('win.start', '<Control>Return'), ('win.stop', '<Control>period'),
                            ('win.remove', '<Control>Delete'), ('win.running', '<Control>r')):
            self.set_accels_for_action(action, [key])

    def do_activate(self):
        if self.get_active_window() is not None:
            self.get_active_window().present()
            return
        self.client = Cpod.Client.new_sync(Gio.BusType.SYSTEM, None)
        # What the user clicks may ask the user.
        self.client.interactive = True
        Window(self.client, application=self).present()


if __name__ == '__main__':
    sys.exit(Application().run(sys.argv))
