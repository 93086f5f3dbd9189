# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is shown of one container: its row in the list, its details, its log, a terminal in it."""

import gi

for _name, _version in (('Adw', '1'), ('Cpod', '1.0'), ('Gdk', '4.0'), ('Gtk', '4.0'), ('Vte', '3.91')):
    gi.require_version(_name, _version)
from gi.repository import Adw, Cpod, Gdk, Gio, GLib, Gtk, Pango, Vte  # noqa: E402 pylint: disable=wrong-import-position

import texts  # noqa: E402 pylint: disable=wrong-import-position
from texts import _  # noqa: E402 pylint: disable=wrong-import-position

SHELL = ['sh']
LINES = 500          # of what was there before
LINES_MAX = 10000    # in memory
ICONS = {'running': 'media-playback-start-symbolic', 'paused': 'media-playback-pause-symbolic'}


def name_it(widget, text):
    """The name by which a widget is known to who does not see it."""
    widget.update_property([Gtk.AccessibleProperty.LABEL], [text])
    return widget


def is_cancelled(error):
    return isinstance(error, GLib.Error) and error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED)


def status_page(icon, title, description=None, button=None):
    """A page that stands for what is not there. BUTTON is a text and an action."""
    page = Adw.StatusPage(icon_name=icon, title=title, description=description, vexpand=True)
    if button is not None:
        text, action = button
        page.set_child(Gtk.Button(label=text, action_name=action, halign=Gtk.Align.CENTER,
                                  css_classes=['pill', 'suggested-action']))
    return page


class Row(Gtk.Box):
    """A container in the list."""

    def __init__(self, on_click):
        super().__init__(spacing=12, margin_top=8, margin_bottom=8, margin_start=6, margin_end=6)
        self.icon = Gtk.Image()
        self.name, self.state = (Gtk.Label(xalign=0, ellipsize=Pango.EllipsizeMode.END, css_classes=classes)
                                 for classes in ([], ['dim-label', 'caption']))
        lines = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=3, hexpand=True)
        lines.append(self.name)
        lines.append(self.state)
        self.append(self.icon)
        self.append(lines)
        self.container = self.handler = None
        click = Gtk.GestureClick()
        click.connect('released', lambda *_: on_click())
        self.add_controller(click)

    def bind(self, container):
        self.container = container
        self.handler = container.connect('notify', lambda *_: self.show_it())
        self.show_it()

    def show_it(self):
        container, state = self.container, texts.state_of(self.container)
        failed = container.state == 'exited' and container.exit_code != 0
        self.name.set_label(container.name)
        self.state.set_label(f'{state} · {container.image}')
        self.icon.set_from_icon_name('dialog-warning-symbolic' if failed
                                     else ICONS.get(container.state, 'media-playback-stop-symbolic'))
        self.icon.set_css_classes(['warning' if failed else 'success' if container.state == 'running' else 'dim-label'])
        if self.get_parent() is not None:
            name_it(self.get_parent(), f'{container.name}, {state}, {container.image}')

    def unbind(self):
        self.container.disconnect(self.handler)
        self.container = self.handler = None


class Facts(Adw.PreferencesPage):
    """What is known of a container without asking anybody."""

    ROWS = (
        ('state', _('State'), texts.state_of),
        ('image', _('Image'), lambda container: container.image),
        ('created', _('Created'), lambda container: texts.moment(container.created)),
        ('started', _('Started'), lambda container: texts.moment(container.started)),
        ('finished', _('Ended'), lambda container: texts.moment(container.finished)),
        ('process', _('Process'), lambda container: str(container.pid) if container.pid else ''),
        ('restarts', _('Restarts'), lambda container: str(container.restart_count) if container.restart_count else ''),
        ('id', _('Identifier'), lambda container: container.id),
    )

    def __init__(self):
        super().__init__()
        self.group = Adw.PreferencesGroup()
        self.add(self.group)
        self.rows = {}
        for key, title, text in self.ROWS:
            # What it says is not ours, so no markup.
            row = Adw.ActionRow(title=title, use_markup=False, subtitle_lines=2, title_selectable=False)
            self.rows[key] = (row, text)
            self.group.add(row)
        self.container = self.handler = None

    def show_of(self, container):
        if self.container is not None:
            self.container.disconnect(self.handler)
        self.container = container
        if container is not None:
            self.handler = container.connect('notify', lambda *_: self.show_it())
            self.show_it()

    def show_it(self):
        self.group.set_title(GLib.markup_escape_text(self.container.name))
        for row, text in self.rows.values():
            value = text(self.container)
            row.set_subtitle(value)
            row.set_visible(bool(value))
            row.update_property([Gtk.AccessibleProperty.DESCRIPTION], [value])


class Log(Gtk.Stack):
    """The log of a container, as it grows."""

    def __init__(self):
        super().__init__(vexpand=True)
        self.view = Gtk.TextView(editable=False, monospace=True, cursor_visible=False, left_margin=12, right_margin=12,
                                 top_margin=12, bottom_margin=12, wrap_mode=Gtk.WrapMode.WORD_CHAR)
        name_it(self.view, _('Log'))
        self.text = self.view.get_buffer()
        self.errors = self.text.create_tag('stderr')
        style = Adw.StyleManager.get_default()
        style.connect('notify::dark', self.on_dark)
        self.on_dark(style)
        self.scrolled = Gtk.ScrolledWindow(child=self.view)
        position = self.scrolled.get_vadjustment()
        position.connect('value-changed', self.on_scrolled)
        position.connect('changed', self.on_grown)
        self.at_end, self.scroll = True, 0
        self.empty = status_page('text-x-generic-symbolic', _('No Output'), _('What the container writes appears here.'))
        self.refused = status_page('dialog-warning-symbolic', _('Log Not Available'), None, (_('Try Again'), 'win.again'))
        self.add_child(self.empty)
        self.add_child(self.scrolled)
        self.add_child(self.refused)
        self.task = None

    def on_dark(self, style, *_):
        self.errors.set_property('foreground', '#ff7b63' if style.get_dark() else '#c01c28')

    def on_scrolled(self, position):
        # Who reads further up is left there. A scroll of our own is to the end anyway.
        if not self.scroll:
            self.at_end = position.get_value() + position.get_page_size() >= position.get_upper() - 1

    def on_grown(self, _position):
        # The view is still finding out how high its lines are.
        if self.at_end and not self.scroll:
            self.scroll = GLib.idle_add(self.scroll_to_end)

    def scroll_to_end(self):
        position = self.scrolled.get_vadjustment()
        position.set_value(position.get_upper() - position.get_page_size())
        self.scroll = 0
        return GLib.SOURCE_REMOVE

    def stop(self):
        if self.task is not None:
            self.task.cancel()
        self.task = None
        self.at_end = True
        self.text.set_text('')
        self.set_visible_child(self.empty)

    def show_of(self, container, on_error):
        self.stop()
        self.task = Cpod.spawn(self.read(container, on_error))

    async def read(self, container, on_error):
        try:
            async for line in container.logs(follow=True, tail=LINES):
                self.add_line(line)
        except GLib.Error as error:
            if not is_cancelled(error):
                self.refused.set_description(GLib.markup_escape_text(error.message))
                self.set_visible_child(self.refused)
                on_error('log', container.name, error)

    def add_line(self, line):
        tags = [self.errors] if line.stream == Cpod.StreamId.STDERR else []
        self.text.insert_with_tags(self.text.get_end_iter(), line.text + ('' if line.is_partial() else '\n'), *tags)
        if self.text.get_line_count() > LINES_MAX:
            _found, end = self.text.get_iter_at_line(self.text.get_line_count() - LINES_MAX)
            self.text.delete(self.text.get_start_iter(), end)
        self.set_visible_child(self.scrolled)

    def get_text(self):
        return self.text.get_text(*self.text.get_bounds(), False)


class Terminal(Gtk.Stack):
    """A shell in a container."""

    def __init__(self):
        super().__init__(vexpand=True)
        self.view = Screen(self.on_input, self.on_size)
        self.closed = status_page('utilities-terminal-symbolic', _('Terminal'), _('A shell in the container.'),
                                  (_('Open Terminal'), 'win.again'))
        self.stopped = status_page('utilities-terminal-symbolic', _('Not Running'),
                                   _('A terminal can be opened while the container runs.'), (_('Start'), 'win.start'))
        for child in self.closed, self.stopped, self.view:
            self.add_child(child)
        self.task = self.stream = self.session = self.size = None
        self.early = ''

    def show_of(self, container):
        """Shows what can be done; nothing is opened, because that may ask."""
        self.stop()
        self.set_visible_child(self.closed if container is not None and container.state == 'running' else self.stopped)

    def stop(self):
        if self.task is not None:
            self.task.cancel()
        if self.stream is not None:
            self.stream.close()
        self.task = self.stream = self.session = None
        self.early = ''
        self.view.reset(True, True)

    def open_in(self, container, on_error):
        self.stop()
        self.set_visible_child(self.view)
        self.view.grab_focus()
        self.task = Cpod.spawn(self.talk(container, on_error))

    async def talk(self, container, on_error):
        self.size, stream = self.view.get_size(), None
        try:
            stream, path = await container.open_exec(SHELL, tty=True, stdin=True, auto_remove=True, size=self.size,
                                                     env=['TERM=xterm-256color'])
            self.stream = stream
            self.type(self.early)
            self.session = Cpod.ExecProxy.new_sync(container.get_connection(), Gio.DBusProxyFlags.NONE, container.get_name(),
                                                   path, None)
            async for _stream, data in stream:
                self.view.feed(data)
        except GLib.Error as error:
            if is_cancelled(error):
                return
            on_error('terminal', container.name, error)
        # Somebody may have gone on to another one meanwhile.
        if self.stream is stream:
            self.show_of(container)

    def on_input(self, text):
        self.type(text)

    def type(self, text):
        if self.stream is None:
            self.early += text         # for the shell that is being opened
        elif text:
            Cpod.spawn(self.stream.send(text.encode()), lambda _error: None)   # reading tells that it has ended

    def on_size(self, size):
        if self.session is not None and size != self.size:
            self.size = size
            Cpod.spawn(self.session.resize(*size), lambda _error: None)        # the shell has just ended

    def get_text(self):
        return self.view.get_text()[0]


class Screen(Vte.Terminal):
    """The terminal itself."""

    def __init__(self, on_input, on_size):
        super().__init__(vexpand=True, scrollback_lines=LINES_MAX)
        name_it(self, _('Terminal'))
        self.on_size = on_size
        space = Gtk.CssProvider()
        space.load_from_data(b'vte-terminal { padding: 6px; }')
        self.get_style_context().add_provider(space, Gtk.STYLE_PROVIDER_PRIORITY_APPLICATION)
        self.connect('commit', lambda _terminal, text, _size: on_input(text))
        style = Adw.StyleManager.get_default()
        style.connect('notify::dark', self.on_dark)
        self.on_dark(style)

    def on_dark(self, style, *_):
        ink, paper = Gdk.RGBA(), Gdk.RGBA()
        ink.parse('#ffffff' if style.get_dark() else '#1e1e1e')
        paper.parse('#1e1e1e' if style.get_dark() else '#ffffff')
        self.set_colors(ink, paper, None)

    def get_size(self):
        return (self.get_row_count(), self.get_column_count())

    def do_size_allocate(self, width, height, baseline):  # pylint: disable=arguments-differ
        Vte.Terminal.do_size_allocate(self, width, height, baseline)
        self.on_size(self.get_size())
