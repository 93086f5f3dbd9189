#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Containers in a window: a live list, and for each its log and a terminal in it.

All that is shown is the library's: the list is a Cpod.ContainerList, and what
is seen of its items follows their properties. Nothing is polled. What needs an
authorization is asked for by polkit's agent of the session, and only when the
user has asked for it: nothing that is merely looked at opens a question.
"""

import locale
import os
import sys

# Its other files are beside it, also when it was started through a link.
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from pages import Adw, Cpod, Facts, Gio, GLib, Gtk, Log, Row, Terminal, name_it, status_page  # noqa: E402 pylint: disable=wrong-import-position
import texts  # noqa: E402 pylint: disable=wrong-import-position
from texts import _  # noqa: E402 pylint: disable=wrong-import-position

IDLE = ('configured', 'created', 'stopped', 'exited')
# In which states an action is of use.
STATES = {'start': IDLE, 'stop': ('running', 'paused'), 'restart': ('running',), 'pause': ('running',),
          'resume': ('paused',), 'remove': IDLE}
KEYS = (
    (_('Containers'), (('win.start', '<Control>Return', _('Start')), ('win.stop', '<Control>period', _('Stop')),
                       ('win.restart', '<Control><Shift>r', _('Restart')), ('win.remove', '<Control>Delete', _('Remove')),
                       ('win.back', '<Alt>Left', _('Back to the list')))),
    (_('Pages'), (("win.page('facts')", '<Alt>1', _('Details')), ("win.page('log')", '<Alt>2', _('Log')),
                  ("win.page('terminal')", '<Alt>3', _('Terminal')))),
    (_('General'), (('win.running', '<Control><Shift>o', _('Only running containers')), ('win.menu', 'F10', _('Main menu')),
                    ('win.keys', '<Control>question', _('Keyboard shortcuts')), ('app.quit', '<Control>q', _('Quit')))),
)
LONG = 60            # letters that a toast has room for


def icon_button(icon, action, text, **properties):
    return name_it(Gtk.Button(icon_name=icon, action_name=action, tooltip_text=text, **properties), text)


def menu_button(icon, text, *sections, **properties):
    """A button with a menu. An item that stands for what cannot be done is not shown."""
    menu = Gio.Menu()
    for items in sections:
        section = Gio.Menu()
        for title, action in items:
            item = Gio.MenuItem.new(title, action)
            item.set_attribute_value('hidden-when', GLib.Variant('s', 'action-disabled'))
            section.append_item(item)
        menu.append_section(None, section)
    found = Gtk.MenuButton(icon_name=icon, tooltip_text=text, menu_model=menu, **properties)
    return name_it(found, text)


def main_menu(**properties):
    return menu_button('open-menu-symbolic', _('Main Menu'), [(_('Only Running'), 'win.running')],
                       [(_('Keyboard Shortcuts'), 'win.keys'), (_('About Containers'), 'win.about')], **properties)


def shortcuts_window(parent):
    """The window with all keys, made of the one list of them."""
    def escape(text):
        return GLib.markup_escape_text(text)
    groups = ''.join(
        f'<child><object class="GtkShortcutsGroup"><property name="title">{escape(group)}</property>' + ''.join(
            '<child><object class="GtkShortcutsShortcut">'
            f'<property name="title">{escape(title)}</property><property name="accelerator">{escape(key)}</property>'
            '</object></child>' for _action, key, title in keys) + '</object></child>' for group, keys in KEYS)
    builder = Gtk.Builder.new_from_string(
        '<interface><object class="GtkShortcutsWindow" id="window"><property name="modal">1</property><child>'
        f'<object class="GtkShortcutsSection">{groups}</object></child></object></interface>', -1)
    window = builder.get_object('window')
    window.set_transient_for(parent)
    return window


class Details(Gtk.Box):
    """What there is to see and to do of the container that is selected."""

    PAGES = (('facts', _('Details'), 'view-list-symbolic'), ('log', _('Log'), 'text-x-generic-symbolic'),
             ('terminal', _('Terminal'), 'utilities-terminal-symbolic'))

    def __init__(self, window):
        super().__init__(orientation=Gtk.Orientation.VERTICAL, hexpand=True)
        self.window = window
        self.container = None
        self.facts, self.log, self.terminal = Facts(), Log(), Terminal()
        self.stack = Adw.ViewStack(vexpand=True)
        for (name, title, icon), page in zip(self.PAGES, (self.facts, self.log, self.terminal)):
            self.stack.add_titled_with_icon(page, name, title, icon)
        self.stack.connect('notify::visible-child-name', lambda *_: self.show_page(True))
        # Where there is no room for it in the header bar, the switcher is below.
        self.title = Adw.ViewSwitcherTitle(stack=self.stack)
        bar = Adw.ViewSwitcherBar(stack=self.stack)
        self.title.bind_property('title-visible', bar, 'reveal', 2)
        self.append(self.make_header())
        self.append(self.stack)
        self.append(bar)

    def make_header(self):
        header = Adw.HeaderBar()
        header.set_title_widget(self.title)
        self.back = icon_button('go-previous-symbolic', 'win.back', _('Back'))
        header.pack_start(self.back)
        header.pack_end(menu_button('view-more-symbolic', _('Container Menu'), [
            (_('Restart'), 'win.restart'), (_('Pause'), 'win.pause'), (_('Resume'), 'win.resume')],
            [(_('Remove…'), 'win.remove')]))
        self.start = icon_button('media-playback-start-symbolic', 'win.start', _('Start'))
        self.stop = icon_button('media-playback-stop-symbolic', 'win.stop', _('Stop'))
        header.pack_end(self.stop)
        header.pack_end(self.start)
        return header

    def show_of(self, container):
        self.log.stop()
        self.container = container
        self.facts.show_of(container)
        self.terminal.show_of(container)
        self.show_title()
        self.show_page(False)

    def show_title(self):
        if self.container is not None:
            self.title.set_title(self.container.name)
            self.title.set_subtitle(texts.state_of(self.container))
            self.start.set_visible(self.container.state in IDLE)
            self.stop.set_visible(self.container.state not in IDLE)

    def show_page(self, wanted):
        """What the page is about; WANTED says that the user has asked for this page of this container."""
        page = self.stack.get_visible_child_name()
        if self.container is None:
            return
        if page == 'log' and (wanted or self.log.task is None):
            self.log.show_of(self.container, self.window.tell_failure)
        elif page == 'terminal' and wanted and self.container.state == 'running' and self.terminal.stream is None:
            self.terminal.open_in(self.container, self.window.tell_failure)

    def on_state(self):
        self.show_title()
        if self.container.state != 'running' or self.terminal.stream is None:
            self.terminal.show_of(self.container)
        if self.container.state == 'running':
            self.log.stop()        # a new run has more to say
            self.show_page(False)


class Window(Adw.ApplicationWindow):
    """The list on the left, one container on the right; one after the other where it is narrow."""

    def __init__(self, client, **properties):
        super().__init__(title=_('Containers'), default_width=960, default_height=600, width_request=360, height_request=294,
                         **properties)
        self.client = client
        self.toasts = []
        self.busy = set()
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
        factory.connect('setup', lambda _factory, item: item.set_child(Row(self.show_details)))
        factory.connect('bind', lambda _factory, item: item.get_child().bind(item.get_item()))
        factory.connect('unbind', lambda _factory, item: item.get_child().unbind())
        self.view = Gtk.ListView(model=self.selection, factory=factory, css_classes=['navigation-sidebar'])
        self.view.connect('activate', lambda *_: self.show_details())
        name_it(self.view, _('Containers'))
        return Gtk.ScrolledWindow(child=self.view, hscrollbar_policy=Gtk.PolicyType.NEVER, vexpand=True)

    def make_sidebar(self):
        header = Adw.HeaderBar(title_widget=Adw.WindowTitle(title=_('Containers')))
        self.menu = main_menu()
        header.pack_end(self.menu)
        sidebar = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, width_request=300)
        sidebar.append(header)
        sidebar.append(self.make_list())
        self.leaflet.bind_property('folded', header, 'show-end-title-buttons', 2)
        return sidebar

    def make_status(self):
        self.status = Adw.StatusPage(vexpand=True)
        header = Adw.HeaderBar(title_widget=Adw.WindowTitle(title=_('Containers')))
        self.status_menu = main_menu()
        header.pack_end(self.status_menu)
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL)
        box.append(header)
        box.append(self.status)
        return box

    def make_content(self):
        self.leaflet = Adw.Leaflet(can_navigate_back=True)
        self.leaflet.append(self.make_sidebar())
        self.leaflet.append(Gtk.Separator(orientation=Gtk.Orientation.VERTICAL)).set_navigatable(False)
        self.leaflet.append(self.details)
        for name in 'folded', 'visible-child':
            self.leaflet.connect(f'notify::{name}', lambda *_: self.on_folded())
        self.leaflet.bind_property('folded', self.details.back, 'visible', 2)
        self.pages = Gtk.Stack()
        self.pages.add_named(self.leaflet, 'containers')
        self.pages.add_named(self.make_status(), 'status')
        return self.pages

    def on_folded(self):
        self.lookup_action('back').set_enabled(self.is_details_alone())

    def is_details_alone(self):
        return self.leaflet.get_folded() and self.leaflet.get_visible_child() is self.details

    def show_details(self):
        self.leaflet.set_visible_child(self.details)

    def go_back(self):
        self.leaflet.navigate(Adw.NavigationDirection.BACK)
        self.view.grab_focus()

    def add_actions(self):
        works = {'start': self.start, 'stop': self.stop, 'restart': self.restart, 'pause': self.pause,
                 'resume': self.resume}
        for name, work in works.items():
            self.add_simple(name, lambda name=name, work=work: self.begin(name, work))
        for name, work in (('remove', self.ask_remove), ('again', lambda: self.details.show_page(True)),
                           ('back', self.go_back), ('menu', self.open_menu), ('about', self.show_about),
                           ('keys', lambda: shortcuts_window(self).present())):
            self.add_simple(name, work)
        self.add_simple('page', lambda value: self.show_named(value.get_string()), 's')
        self.add_simple('error', lambda value: self.show_error(value.get_string()), 's')
        running = Gio.SimpleAction.new_stateful('running', None, GLib.Variant('b', False))
        running.connect('change-state', self.on_running)
        self.add_action(running)
        self.on_folded()

    def add_simple(self, name, work, parameter=None):
        action = Gio.SimpleAction.new(name, GLib.VariantType(parameter) if parameter else None)
        action.connect('activate', lambda _action, value: work(value) if parameter else work())
        self.add_action(action)

    def on_running(self, action, value):
        action.set_state(value)
        self.list.set_all(not value.get_boolean())
        self.show_what_there_is()

    def show_named(self, page):
        self.show_details()
        self.details.stack.set_visible_child_name(page)

    def open_menu(self):
        (self.status_menu if self.pages.get_visible_child_name() == 'status' else self.menu).popup()

    def selected(self):
        return self.selection.get_selected_item()

    def begin(self, name, work):
        """Begins to do something with the container that is selected. Until it is done, nothing else is done with it."""
        Cpod.spawn(self.do(name, work, self.selected()))

    async def do(self, name, work, container):
        self.busy.add(container.id)
        self.update_actions()
        try:
            await work(container)
        except GLib.Error as error:
            self.tell_failure(name, container.name, error)
        finally:
            self.busy.discard(container.id)
            self.update_actions()

    async def start(self, container):
        await container.start()

    async def stop(self, container):
        await container.stop()

    async def restart(self, container):
        await container.restart()

    async def pause(self, container):
        await container.pause()

    async def resume(self, container):
        await container.unpause()

    async def remove(self, container):
        name = container.name
        await container.remove()
        self.tell(_('{name} was removed').format(name=name))

    def ask_remove(self):
        """What cannot be undone is asked about, and done to what was asked about."""
        container = self.selected()
        dialog = Adw.MessageDialog(transient_for=self, heading=_('Remove {name}?').format(name=container.name),
                                   body=_('Its files and its log will be lost.'))
        dialog.add_response('cancel', _('_Cancel'))
        dialog.add_response('remove', _('_Remove'))
        dialog.set_response_appearance('remove', Adw.ResponseAppearance.DESTRUCTIVE)
        dialog.set_default_response('cancel')
        dialog.set_close_response('cancel')
        dialog.connect('response', lambda _dialog, answer: answer == 'remove'
                       and Cpod.spawn(self.do('remove', self.remove, container)))
        dialog.present()
        return dialog

    def tell(self, text, priority=Adw.ToastPriority.NORMAL):
        """A few words at the lower edge; what is longer has a button that shows all of it."""
        self.toasts.append(text)
        toast = Adw.Toast(title=GLib.markup_escape_text(text), priority=priority)
        if len(text) > LONG:
            toast.set_button_label(_('Details'))
            toast.set_action_name('win.error')
            toast.set_action_target_value(GLib.Variant('s', text))
        self.overlay.add_toast(toast)

    def tell_failure(self, action, name, error):
        denied = isinstance(error, (Cpod.NotAuthorizedError, Cpod.InteractionRequiredError))
        # It does not wait for older news to be over.
        self.tell(texts.failure(action, name, _('this was not authorized') if denied else error.message),
                  Adw.ToastPriority.HIGH)

    def show_error(self, text):
        dialog = Adw.MessageDialog(transient_for=self, heading=_('That Did Not Work'), body=text)
        dialog.add_response('close', _('_Close'))
        dialog.present()

    def show_about(self):
        Adw.AboutWindow(transient_for=self, modal=True, application_name=_('Containers'), application_icon='org.cpod.Applet',
                        developer_name=_('The cpod authors'), license_type=Gtk.License.LGPL_2_1,
                        comments=_('Watch and control containers')).present()

    def on_selected(self):
        container = self.selected()
        if self.follow is not None:
            for handler in self.follow[1:]:
                self.follow[0].disconnect(handler)
        self.follow = container and (container, container.connect('notify::state', lambda *_: self.on_state()),
                                     container.connect('notify::name', lambda *_: self.details.show_title()))
        self.details.show_of(container)
        self.update_actions()

    def on_state(self):
        self.update_actions()
        self.details.on_state()

    def update_actions(self):
        container = self.selected()
        free = container is not None and container.id not in self.busy
        for name, states in STATES.items():
            self.lookup_action(name).set_enabled(free and container.state in states)

    def show_what_there_is(self):
        error, shown = self.list.get_error(), len(self.list)
        if error is not None:
            self.show_status('dialog-warning-symbolic', _('Containers Not Available'), error.message)
        elif not self.list.get_loaded() and not shown:
            self.show_status('content-loading-symbolic', _('Waiting for the Service'), '')
        elif not self.list.get_all():
            self.show_status('package-x-generic-symbolic', _('Nothing Runs'), _('Only running containers are shown.'),
                             (_('Show All'), 'win.running'))
        else:
            self.show_status('package-x-generic-symbolic', _('No Containers'), _('They appear here once there are some.'))
        there_are = shown > 0 and error is None
        self.pages.set_visible_child_name('containers' if there_are else 'status')
        if not there_are:
            self.leaflet.navigate(Adw.NavigationDirection.BACK)
        self.update_actions()

    def show_status(self, icon, title, description, button=None):
        self.status.set_icon_name(icon)
        self.status.set_title(title)
        self.status.set_description(GLib.markup_escape_text(description))
        self.status.set_child(button and Gtk.Button(label=button[0], action_name=button[1], halign=Gtk.Align.CENTER,
                                                    css_classes=['pill', 'suggested-action']))


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
        for _group, keys in KEYS:
            for action, key, _title in keys:
                self.set_accels_for_action(action, [key])

    def do_activate(self):
        if self.get_active_window() is not None:
            self.get_active_window().present()
            return
        try:
            self.client = Cpod.Client.new_sync(Gio.BusType.SYSTEM, None)
        except GLib.Error as error:
            self.show_no_bus(error)
            return
        # What the user clicks may ask the user.
        self.client.interactive = True
        Window(self.client, application=self).present()

    def show_no_bus(self, error):
        page = status_page('dialog-warning-symbolic', _('The System Bus Cannot Be Reached'),
                           GLib.markup_escape_text(error.message))
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL)
        box.append(Adw.HeaderBar())
        box.append(page)
        Adw.ApplicationWindow(application=self, title=_('Containers'), content=box, default_width=480,
                              default_height=400).present()


def main():
    try:
        locale.setlocale(locale.LC_ALL, '')
    except locale.Error:
        pass        # one that is not installed: texts are found without it
    GLib.set_prgname('org.cpod.Applet')
    GLib.set_application_name(_('Containers'))
    return Application().run(sys.argv)


if __name__ == '__main__':
    sys.exit(main())
