# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real polkitd with our policy on the private bus, and users of all kinds that it knows.

polkitd reads its actions and rules from fixed directories, and who is logged
in from systemd's files. It gets directories of our own at those places, in a
mount namespace of its own, so nothing of the machine is read or changed.
"""

import json
import os
import pwd
import select
import signal
import socket
import subprocess
import sys
import tempfile

from gi.repository import Gio, GLib

import service
from service import CallError, wait_for

NAME = 'org.freedesktop.PolicyKit1'
AUTHORITY = '/org/freedesktop/PolicyKit1/Authority'
AGENT = NAME + '.AuthenticationAgent'
AGENT_PATH = '/org/cpod/test/Agent'
DAEMON = '/usr/lib/polkit-1/polkitd'
SLICE = f'polkittest{os.getpid()}.slice'         # several tests may run at a time

# Put in place of what a machine has, and then polkitd.
LAUNCH = '''
set -e
mount --bind "$1/actions" /usr/share/polkit-1/actions
mount --bind "$1/rules" /etc/polkit-1/rules.d
mount --bind "$1/no-rules" /usr/share/polkit-1/rules.d
mkdir -p /run/systemd
mount --bind "$1/systemd" /run/systemd
mount -t cgroup2 none /sys/fs/cgroup
exec stdbuf -o0 "$2"
'''

# What the bus starts: it goes on when the test lets it, or ends with that.
ACTIVATE = '''
echo $$ >"{directory}/pid"
until [ -e "{directory}/go" ]; do
  [ -d "{directory}" ] || exit 1
  sleep 0.1
done
[ -s "{directory}/go" ] && exit 1
exec unshare -m --propagation private sh "{directory}/launch" "{directory}" {daemon} >>"{directory}/log" 2>&1
'''

# What polkitd is told is for rules alone; it does not hand it on to agents.
KEYS = ('method', 'name', 'new-name', 'namespace', 'id', 'image', 'image-id', 'destination', 'owner-uid', 'own', 'command',
        'reach', 'reach.network', 'reach.capability', 'reach.privileged', 'reach.oci-runtime', 'reach.depends')
LOG_RULE = '''
polkit.addRule(function (action, subject) {
  var details = {action: action.id, user: subject.user};
  %s.forEach(function (key) {
    if (action.lookup(key) !== undefined)
      details[key] = action.lookup(key);
  });
  polkit.log("asked " + JSON.stringify(details));
});
''' % json.dumps(KEYS)

SESSION = '''UID={uid}
USER={name}
ACTIVE={active}
IS_DISPLAY=1
STATE={state}
REMOTE={remote}
TYPE=wayland
CLASS=user
{seat}'''

# Kinds of users, as polkit tells them apart: where their session is.
KINDS = {
    'active': {'active': 1, 'state': 'active', 'remote': 0, 'seat': 'SEAT=seat0\n'},
    'inactive': {'active': 0, 'state': 'online', 'remote': 0, 'seat': 'SEAT=seat0\n'},
    'remote': {'active': 1, 'state': 'active', 'remote': 1, 'seat': ''},
    'none': None,
}



def read_file(*path):
    with open(os.path.join(*path), encoding='utf-8') as file:
        return file.read()


class Cgroups:
    """Cgroups by which a process belongs to a session; gone at the end."""

    def __init__(self, directory):
        self.mount = os.path.join(directory, 'cgroup2')
        os.mkdir(self.mount)
        subprocess.run(['mount', '-t', 'cgroup2', 'none', self.mount], check=True)

    def path(self, session):
        return os.path.join(self.mount, SLICE, f'session-{session}.scope')

    def remove(self):
        root = os.path.join(self.mount, SLICE)
        if os.path.isdir(root):
            for path in [entry.path for entry in os.scandir(root) if entry.is_dir()]:
                wait_for(lambda: not read_file(path, 'cgroup.procs'), 20, f'the end of what is in {path}')
                os.rmdir(path)
            os.rmdir(root)
        subprocess.run(['umount', self.mount], check=True)


class Polkit:
    """polkitd. RULES is JavaScript; more can come later."""

    def __init__(self, rules='', policy=None):
        self.directory = tempfile.mkdtemp(dir=service.scratch(), prefix='polkit-')
        os.chmod(self.directory, 0o755)
        for name in ('actions', 'rules', 'no-rules', 'systemd'):
            os.mkdir(os.path.join(self.directory, name))
        for name in ('system', 'seats', 'sessions', 'users', 'machines'):
            os.mkdir(os.path.join(self.directory, 'systemd', name))
        self.write('actions', 'org.cpod.Cpod1.policy', policy or read_policy())
        with open('/usr/share/polkit-1/actions/org.freedesktop.policykit.policy', encoding='utf-8') as file:
            self.write('actions', 'org.freedesktop.policykit.policy', file.read())
        self.write('rules', '00-log.rules', LOG_RULE)
        self.write('rules', '50-test.rules', rules)
        self.cgroups = Cgroups(self.directory)
        self.sessions = 0
        self.users = []
        self.process = self.activation = None

    def write(self, *path_and_text):
        *path, text = path_and_text
        with open(os.path.join(self.directory, *path), 'w', encoding='utf-8') as file:
            file.write(text)

    def start(self):
        bus = service.connect_bus()
        wait_for(lambda: not has_owner(bus, NAME), 30, 'the end of the polkitd before')
        with open(os.path.join(self.directory, 'log'), 'ab') as log:
            self.process = subprocess.Popen(
                ['unshare', '-m', '--propagation', 'private', 'sh', '-c', LAUNCH, 'sh', self.directory, DAEMON],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, 'G_DEBUG': ''})      # its warnings are not ours
        wait_for(lambda: has_owner(bus, NAME) or self.process.poll() is not None, 30, 'polkitd')
        if self.process.poll() is not None:
            raise AssertionError('polkitd does not start: ' + self.log())

    def let_the_bus_start_it(self):
        """From now on the bus knows how to; polkitd is there once let_start() was called."""
        self.write('launch', LAUNCH)
        self.write('activate', ACTIVATE.format(directory=self.directory, daemon=DAEMON))
        self.activation = os.path.join(os.path.dirname(os.environ['CPOD_LOG']), 'services', NAME + '.service')
        with open(self.activation, 'w', encoding='utf-8') as file:
            file.write(f'[D-BUS Service]\nName={NAME}\nExec=/bin/sh {self.directory}/activate\nUser=root\n')

    def is_being_started(self):
        return os.path.exists(os.path.join(self.directory, 'pid'))

    def let_start(self, fail=False):
        self.write('go', 'fail' if fail else '')

    def end_activation(self):
        """The bus does not start it any more, and what it has started is gone."""
        os.unlink(self.activation)
        self.activation = None
        bus = service.connect_bus()
        if self.is_being_started() and has_owner(bus, NAME):
            os.kill(int(read_file(self.directory, 'pid')), signal.SIGKILL)
        self.let_start(fail=True)
        wait_for(lambda: not has_owner(bus, NAME), 30, 'the end of polkitd')

    def log(self):
        with open(os.path.join(self.directory, 'log'), encoding='utf-8', errors='replace') as file:
            return file.read()

    def asked(self):
        """What it was asked so far, as rules see it."""
        return [json.loads(line.split('asked ', 1)[1]) for line in self.log().splitlines() if 'asked {' in line]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def user(self, name, kind):
        """A process of that user's, in a session of that kind, that calls what it is told to."""
        session = ''
        if KINDS[kind] is not None:
            self.sessions += 1
            session = f'cpodtest{os.getpid()}s{self.sessions}'
            uid = pwd.getpwnam(name).pw_uid
            self.write('systemd', 'sessions', session, SESSION.format(uid=uid, name=name, **KINDS[kind]))
            self.write('systemd', 'users', str(uid), f'NAME={name}\nSTATE={KINDS[kind]["state"]}\n')
        user = User(name, self.cgroups.path(session) if session else None)
        self.users.append(user)
        return user

    def destroy(self):
        for user in self.users:
            user.kill()
        if self.activation is not None:
            self.end_activation()
        if self.process is not None and self.process.poll() is None:
            self.go_on()
            self.process.kill()
            self.process.wait()
        self.cgroups.remove()


def read_policy():
    path = os.path.join(os.environ['CPOD_BUILD'], 'data', 'org.cpod.Cpod1.policy')
    with open(path, encoding='utf-8') as file:
        return file.read()


def has_owner(connection, name):
    reply = connection.call_sync('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus',
                                 'NameHasOwner', GLib.Variant('(s)', (name,)), None, 0, -1, None)
    return reply.unpack()[0]


class User:
    """A client that is a process of its own. A call is a line to it, its outcome one from it."""

    def __init__(self, name, cgroup=None):
        self.name, self.cgroup = name, cgroup
        self.uid = pwd.getpwnam(name).pw_uid
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__), name, cgroup or ''],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self.process.pid
        self.unique = self.read()['unique']

    def read(self, seconds=60):
        assert select.select([self.process.stdout], [], [], seconds)[0], f'no outcome in {seconds} s'
        return json.loads(self.process.stdout.readline())

    def begin(self, path, interface, method, signature='', *arguments, interactive=False, files=(), **options):
        """Sends the call without waiting for its outcome; see end(). FILES: what it opens for that, see open_one()."""
        parameters = GLib.Variant(f'({signature}a{{sv}})', (*arguments, service.to_options(options)))
        self.begin_raw(path, f'{service.NAME}.{interface}', method, parameters, interactive, files)

    def begin_raw(self, path, interface, method, parameters, interactive=False, files=()):
        line = {'path': path, 'interface': interface, 'method': method, 'interactive': interactive,
                'parameters': parameters.print_(True), 'files': list(files)}
        self.process.stdin.write(json.dumps(line).encode() + b'\n')
        self.process.stdin.flush()

    def end(self, seconds=60):
        outcome = self.read(seconds)
        if 'name' in outcome:
            raise CallError(GLib.Error(f'GDBus.Error:{outcome["name"]}: {outcome["message"]}'))
        return GLib.Variant.parse(None, outcome['reply'], None, None).unpack()

    def call(self, path, interface, method, signature='', *arguments, **options):
        self.begin(path, interface, method, signature, *arguments, **options)
        return self.end()

    def runtime(self, method, signature='', *arguments, **options):
        return self.call(service.RUNTIME, 'Runtime', method, signature, *arguments, **options)

    def images(self, method, signature='', *arguments, **options):
        return self.call(service.RUNTIME, 'Images', method, signature, *arguments, **options)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Agent:
    """An authentication agent for a user's process: tells what it was asked, and answers as ANSWER says.

    ANSWER gets the question and gives True (authenticated), False (failed) or
    None (no answer yet; polkit waits).
    """

    XML = f'''<node><interface name="{AGENT}">
      <method name="BeginAuthentication">
        <arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="s" direction="in"/>
        <arg type="a{{ss}}" direction="in"/><arg type="s" direction="in"/><arg type="a(sa{{sv}})" direction="in"/>
      </method>
      <method name="CancelAuthentication"><arg type="s" direction="in"/></method>
    </interface></node>'''

    def __init__(self, user, answer, locale='C'):
        self.user, self.answer = user, answer
        self.asked, self.cancelled, self.open, self.identities = [], [], {}, {}
        self.connection = service.connect_bus()
        info = Gio.DBusNodeInfo.new_for_xml(self.XML).interfaces[0]
        self.connection.register_object(AGENT_PATH, info, self.on_call, None, None)
        self.subject = ('unix-process', {
            'pid': GLib.Variant('u', user.pid), 'start-time': GLib.Variant('t', start_time(user.pid)),
            'uid': GLib.Variant('i', user.uid)})
        self.authority('RegisterAuthenticationAgent', '((sa{sv})ss)', self.subject, locale, AGENT_PATH)

    def authority(self, method, signature, *arguments):
        return self.connection.call_sync(NAME, AUTHORITY, NAME + '.Authority', method,
                                         GLib.Variant(signature, arguments), None, 0, 30000, None)

    def on_call(self, _connection, _sender, _path, _interface, method, parameters, invocation):
        values = parameters.unpack()
        if method == 'CancelAuthentication':
            self.cancelled.append(values[0])
            pending = self.open.pop(values[0], None)
            if pending is not None:
                pending.return_dbus_error(NAME + '.Error.Cancelled', 'cancelled')
            invocation.return_value(None)
            return
        action, message, _icon, details, cookie, identities = values
        question = {'action': action, 'message': message, 'details': details}
        self.asked.append(question)
        answer = self.answer(question)
        if answer is None:
            self.open[cookie], self.identities[cookie] = invocation, identities[0]
        elif answer:
            self.authenticate(cookie, identities[0], invocation)
        else:
            invocation.return_dbus_error(NAME + '.Error.Failed', 'wrong password')

    def authenticate(self, cookie, identity, invocation):
        """Says that somebody has given the password, as polkit's own helper does; then ends the prompt."""
        kind, details = identity
        details = {key: GLib.Variant('u', value) for key, value in details.items()}
        reply = GLib.Variant.new_tuple(GLib.Variant('u', os.getuid()), GLib.Variant('s', cookie),
                                       GLib.Variant('(sa{sv})', (kind, details)))
        self.connection.call(NAME, AUTHORITY, NAME + '.Authority', 'AuthenticationAgentResponse2', reply,
                             None, 0, 30000, None, lambda *_: invocation.return_value(None))

    def end_of(self, user, seconds=60):
        """The outcome of USER's call, with the prompts it takes."""
        service.listen_for(lambda: select.select([user.process.stdout], [], [], 0)[0], seconds, 'the outcome')
        return user.end()

    def remove(self):
        self.connection.close_sync(None)


def start_time(pid):
    with open(f'/proc/{pid}/stat', encoding='utf-8') as file:
        return int(file.read().rpartition(')')[2].split()[19])


def join(cgroup):
    """Whether it worked: who tidies up cgroups takes empty ones away."""
    try:
        os.makedirs(cgroup, exist_ok=True)
        with open(os.path.join(cgroup, 'cgroup.procs'), 'w', encoding='ascii') as file:
            file.write(str(os.getpid()))
        return True
    except FileNotFoundError:
        return False


def become(name, cgroup):
    """Makes this process one of that user's, in that session."""
    if cgroup:
        wait_for(lambda: join(cgroup), 20, 'a place in the cgroup')
    entry = pwd.getpwnam(name)
    os.initgroups(name, entry.pw_gid)
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def open_one(name):
    """A descriptor: of a file that this user may read, or else of what is named."""
    if name == 'socket':
        return socket.socketpair()[0].detach()
    if name == 'pipe':
        return os.pipe()[0]
    return os.open(name, os.O_RDONLY)


def serve(name, cgroup):
    """The process of a User."""
    become(name, cgroup)
    connection = service.connect_bus()
    tell({'unique': connection.get_unique_name()})
    for line in sys.stdin:
        call = json.loads(line)
        flags = Gio.DBusCallFlags.NO_AUTO_START
        if call['interactive']:
            flags |= Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION
        fds = Gio.UnixFDList.new_from_array([open_one(file) for file in call['files']])
        try:
            reply, _ = connection.call_with_unix_fd_list_sync(
                service.NAME, call['path'], call['interface'], call['method'],
                GLib.Variant.parse(None, call['parameters'], None, None), None, flags, service.NEVER, fds, None)
            tell({'reply': reply.print_(True)})
        except GLib.Error as error:
            failure = CallError(error)
            tell({'name': failure.name, 'message': failure.message})


def tell(outcome):
    print(json.dumps(outcome), flush=True)


if __name__ == '__main__':
    serve(*sys.argv[1:])
