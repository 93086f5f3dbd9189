# SPDX-License-Identifier: LGPL-2.1-or-later
"""The applet as a user has it: a process of that user's, on a screen, looked at and worked with from outside.

What it shows is read as a screen reader reads it, by AT-SPI. What is typed comes as from a keyboard. No session
bus and no screen of the machine is touched.
"""

import os
import subprocess
import sys
import tempfile

import gi

SOURCE = os.environ['CPOD_SOURCE']
sys.path[:0] = [os.path.join(SOURCE, 'tests', 'bus'), os.path.join(SOURCE, 'examples', 'applet')]

import polkit  # noqa: E402 pylint: disable=wrong-import-position
import service  # noqa: E402 pylint: disable=wrong-import-position
from service import listen_for, wait_for  # noqa: E402 pylint: disable=wrong-import-position
from shots import ENVIRONMENT, Display  # noqa: E402 pylint: disable=wrong-import-position

BUS = '''<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={path}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
  </policy>
</busconfig>'''
REGISTRY = '/usr/libexec/at-spi2-registryd'
SLOW = 60
LOCALE = 'de_DE'


def make_locale(directory, name=LOCALE):
    """A locale that the machine need not have; what finds it."""
    subprocess.run(['localedef', '-i', name, '-f', 'UTF-8', '--no-archive', os.path.join(directory, f'{name}.UTF-8')],
                   check=True, stdout=subprocess.DEVNULL)
    return {'LANG': f'{name}.UTF-8', 'LOCPATH': directory}


class Desktop:
    """A screen, and a bus for the session and for AT-SPI at once."""

    def __init__(self):
        self.display = Display()
        self.directory = tempfile.TemporaryDirectory(dir=service.scratch(), prefix='desktop-')
        os.chmod(self.directory.name, 0o755)
        path = os.path.join(self.directory.name, 'bus')
        self.address = f'unix:path={path}'
        config = path + '.conf'
        with open(config, 'w', encoding='utf-8') as file:
            file.write(BUS.format(path=path))
        self.bus = subprocess.Popen(['dbus-daemon', '--config-file', config, '--nofork', '--nopidfile', '--nosyslog',
                                     '--print-address=1'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self.bus.stdout.readline(), 'the bus of the session does not start'
        os.environ['AT_SPI_BUS_ADDRESS'] = os.environ['DBUS_SESSION_BUS_ADDRESS'] = self.address
        self.registry = subprocess.Popen([REGISTRY], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        gi.require_version('Atspi', '2.0')
        from gi.repository import Atspi  # pylint: disable=import-outside-toplevel
        self.atspi = Atspi
        wait_for(lambda: 'org.a11y.atspi.Registry' in self.names(), SLOW, 'the registry of AT-SPI')
        Atspi.init()
        # What is asked is what there is now.
        Atspi.get_desktop(0).set_cache_mask(Atspi.Cache.NONE)
        from Xlib.display import Display as Connection  # pylint: disable=import-outside-toplevel
        self.screen = Connection(os.environ['DISPLAY'])

    def names(self):
        result = subprocess.run(['gdbus', 'call', '--address', self.address, '-d', 'org.freedesktop.DBus', '-o', '/',
                                 '-m', 'org.freedesktop.DBus.ListNames'], capture_output=True, text=True, check=False)
        return result.stdout

    def press(self, *keys):
        """Presses keys together: names of X's, such as Control_L and Return."""
        from Xlib import X, XK  # pylint: disable=import-outside-toplevel
        codes = [self.screen.keysym_to_keycode(XK.string_to_keysym(key)) for key in keys]
        assert all(codes), keys
        for kind, order in ((X.KeyPress, codes), (X.KeyRelease, reversed(codes))):
            for code in order:
                self.screen.xtest_fake_input(kind, code)
        self.screen.sync()

    def type(self, text):
        for letter in text:
            key = {' ': 'space', '/': 'slash', '\n': 'Return'}.get(letter, letter)
            self.press(key)

    def point_at_window(self):
        """Where there is no window manager, keys go to where the pointer is."""
        from Xlib import X  # pylint: disable=import-outside-toplevel
        self.screen.xtest_fake_input(X.MotionNotify, x=200, y=400)
        self.screen.sync()

    def close(self):
        self.screen.close()
        for process in self.registry, self.bus:
            process.terminate()
            process.wait()
        self.bus.stdout.close()
        self.display.close()
        self.directory.cleanup()


class Applet:
    """The applet, run by a user. It has what an agent of polkit's wants to know of it: pid and uid."""

    def __init__(self, desktop, user, **environment):
        self.desktop, self.uid = desktop, user.uid
        program = os.path.join(SOURCE, 'examples', 'applet', 'cpod_applet.py')
        self.home = tempfile.TemporaryDirectory(dir=service.scratch(), prefix='home-')
        os.chown(self.home.name, user.uid, -1)
        ours = {**os.environ, **ENVIRONMENT, 'GTK_A11Y': 'atspi', 'HOME': self.home.name, 'XDG_RUNTIME_DIR': self.home.name,
                'MESA_SHADER_CACHE_DISABLE': 'true', **environment}
        self.process = subprocess.Popen(as_user(user, '/usr/bin/python3', program), env=ours)
        self.pid = self.process.pid
        self.root = wait_for(self.find, SLOW, 'the applet')

    def find(self):
        assert self.process.poll() is None, 'the applet does not start'
        desktop = self.desktop.atspi.get_desktop(0)
        for i in range(desktop.get_child_count()):
            child = desktop.get_child_at_index(i)
            if child is not None and child.get_process_id() == self.pid and child.get_child_count():
                return child
        return None

    def nodes(self):
        """All that there is in its windows."""
        return list(walk(self.root))

    def look_for(self, role, name, sensitive=None):
        for node, its_role, its_name, states in self.nodes():
            if its_role == role and its_name == name and sensitive in (None, 'sensitive' in states):
                return node
        return None

    def wait_for(self, role, name, sensitive=None):
        return listen_for(lambda: self.look_for(role, name, sensitive), SLOW, f'{role} "{name}"')

    def click(self, role, name):
        self.wait_for(role, name, True).get_action_iface().do_action(0)

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.home.cleanup()


def walk(node):
    """Everything below NODE that is not hidden: what it is, its role, its name, its states."""
    try:
        states = {state.value_nick for state in node.get_state_set().get_states()}
        if 'visible' in states or node.get_role_name() == 'application':
            yield node, node.get_role_name(), node.get_name() or '', states
            for i in range(node.get_child_count()):
                child = node.get_child_at_index(i)
                if child is not None:
                    yield from walk(child)
    except gi.repository.GLib.Error:
        pass    # gone meanwhile


def as_user(user, *command):
    """The words of a command that runs another in a user's session."""
    return [sys.executable, os.path.abspath(__file__), user.name, user.cgroup or '', *command]


def main(user, cgroup, *command):
    polkit.become(user, cgroup)
    os.execvp(command[0], command)


if __name__ == '__main__':
    main(*sys.argv[1:])
