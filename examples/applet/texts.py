# SPDX-License-Identifier: LGPL-2.1-or-later
"""Words: what the applet says, in the user's language."""

import gettext
import os

from gi.repository import GLib

DOMAIN = 'cpod'


def directories():
    """Where translations may lie: that of a build tree, then what the system has."""
    own = os.environ.get('CPOD_LOCALEDIR')
    return ([own] if own else []) + [os.path.join(path, 'locale') for path in GLib.get_system_data_dirs()]


def find_translation():
    where = next((path for path in directories() if gettext.find(DOMAIN, path)), None)
    return gettext.translation(DOMAIN, where, fallback=True)


_ = find_translation().gettext

STATES = {
    'configured': _('Not started yet'),
    'created': _('Created'),
    'running': _('Running'),
    'paused': _('Paused'),
    'stopping': _('Stopping'),
    'stopped': _('Stopped'),
    'exited': _('Exited'),
    'removing': _('Being removed'),
}

# What did not come about, by the name of the action.
FAILURES = {
    'start': _('{name} was not started: {reason}'),
    'stop': _('{name} was not stopped: {reason}'),
    'restart': _('{name} was not restarted: {reason}'),
    'pause': _('{name} was not paused: {reason}'),
    'resume': _('{name} was not resumed: {reason}'),
    'remove': _('{name} was not removed: {reason}'),
    'log': _('The log of {name} cannot be read: {reason}'),
    'terminal': _('No terminal in {name}: {reason}'),
}


def state_of(container):
    """The state in a word or two, and how it ended where that is of interest."""
    if container.state == 'exited' and container.exit_code != 0:
        return _('Failed with exit code {code}').format(code=container.exit_code)
    return STATES.get(container.state, container.state)


def failure(action, name, reason):
    return FAILURES[action].format(name=name, reason=reason)


def moment(microseconds):
    """A point in time as people here write it; nothing for one that has not come."""
    if not microseconds:
        return ''
    return GLib.DateTime.new_from_unix_local(microseconds // 1000000).format('%x %X')
