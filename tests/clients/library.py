# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the library share: the main loop, and what a list model tells."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.environ['CPOD_SOURCE'], 'tests', 'bus'))

import gi  # noqa: E402

gi.require_version('Cpod', '1.0')
from gi.repository import Cpod, Gio, GLib  # noqa: E402 pylint: disable=wrong-import-position

SLEEP = ['sleep', '1000']


def options(**values):
    """Options whose types Python's own tell."""
    def variant(value):
        kind = {bool: 'b', str: 's', int: 'u', list: 'as'}[type(value)]
        return GLib.Variant(kind, value)
    return GLib.Variant('a{sv}', {key.replace('_', '-'): variant(value) for key, value in values.items()})


def connect():
    """A client with a connection of its own."""
    return Cpod.Client.new_for_address_sync(os.environ['DBUS_SYSTEM_BUS_ADDRESS'], None)


def loop_until(condition, what, seconds=60):
    """Runs the main loop until CONDITION holds."""
    tick = GLib.timeout_add(50, lambda: True)
    end = time.monotonic() + seconds
    try:
        while not condition():
            assert time.monotonic() < end, f'{what} did not come'
            GLib.MainContext.default().iteration(True)
    finally:
        GLib.source_remove(tick)


class Mirror:
    """A copy of a list model that is kept by nothing but items-changed."""

    def __init__(self, model):
        self.model = model
        self.items = [model.get_item(i) for i in range(model.get_n_items())]
        self.changes = []
        model.connect('items-changed', self.on_changed)

    def on_changed(self, model, position, removed, added):
        assert position + removed <= len(self.items), 'more went than there were'
        self.items[position:position + removed] = [model.get_item(position + i) for i in range(added)]
        self.changes.append((position, removed, added))
        self.check()

    def check(self):
        assert self.items == [self.model.get_item(i) for i in range(self.model.get_n_items())]
        created = [(-item.props.created, item.props.id) for item in self.items]
        assert created == sorted(created), 'the list is not in order'

    def names(self):
        return [item.props.name for item in self.items]
