#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sessions of users, opened by PAM as login programs do it, so that logind and polkit know them.

As a program it is the leader of one: it opens the session, and runs what it is told in it.
"""

import ctypes
import json
import os
import pty
import pwd
import re
import select
import signal
import subprocess
import sys
import termios
import time

USERS = ('active', 'inactive', 'remote', 'admin', 'none')
PASSWORD, SLOW = 'correct horse battery staple', 180

PAM_SERVICE = 'cpod-test'
PAM_FILE = f'/etc/pam.d/{PAM_SERVICE}'
PAM_TEXT = '''auth required pam_permit.so
account required pam_permit.so
session required pam_permit.so
session required pam_systemd.so
'''
PAM_TTY, PAM_RHOST = 3, 4


class Session:
    """One of USER; commands that run in it."""

    def __init__(self, user, **items):
        self.user = user
        with open(PAM_FILE, 'w', encoding='utf-8') as file:
            file.write(PAM_TEXT)
        self.leader = subprocess.Popen([sys.executable, os.path.abspath(__file__), user, json.dumps(items)],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.id = self.read()['id']

    def read(self):
        line = self.leader.stdout.readline()
        assert line, f'the session of {self.user} has ended'
        return json.loads(line)

    def ask(self, **question):
        self.leader.stdin.write(json.dumps(question) + '\n')
        self.leader.stdin.flush()
        return self.read()['result']

    def run(self, *command):
        """(exit status, output, errors)"""
        return self.ask(command=command)

    def run_at_terminal(self, *command, typed=()):
        """(exit status, what was to be seen, whether the terminal echoes afterwards); TYPED answers questions for passwords."""
        return self.ask(command=command, typed=typed)

    def show(self, key):
        return subprocess.run(['loginctl', 'show-session', '--value', '-p', key, self.id], check=True,
                              capture_output=True, text=True).stdout.strip()

    def close(self):
        self.leader.stdin.close()
        self.leader.wait(60)


class NoSession:
    """A process of USER that has none, as a service or a job of cron."""

    def __init__(self, user):
        self.user = user

    def run(self, *command):
        result = run_as(self.user, command)
        return [result.returncode, result.stdout, result.stderr]

    def run_at_terminal(self, *command, typed=()):
        return run_at_terminal(self.user, command, typed)

    def close(self):
        pass


def open_all():
    """Users of all kinds, made for this, and a session of each that has one."""
    for user in USERS:
        subprocess.run(['useradd', '--create-home', *(('--groups', 'sudo') if user == 'admin' else ()), f'cpod-{user}'],
                       check=True)
    subprocess.run('chpasswd', input=f'cpod-admin:{PASSWORD}\n', text=True, check=True)
    subprocess.run(['systemctl', 'start', 'systemd-logind', 'polkit'], check=True)
    with open('/sys/class/tty/tty0/active', encoding='utf-8') as file:
        vt = int(re.search(r'\d+', file.read())[0])
    return {
        'active': Session('cpod-active', tty=f'tty{vt}'),
        'inactive': Session('cpod-inactive', tty=f'tty{vt + 1}'),
        'remote': Session('cpod-remote', tty='pts/9', remote_host='192.0.2.7'),
        'admin': Session('cpod-admin', tty=f'tty{vt + 2}'),
        'none': NoSession('cpod-none'),
    }


def close_all(sessions):
    for session in sessions.values():
        session.close()
    for user in USERS:
        subprocess.run(['userdel', '--force', '--remove', f'cpod-{user}'], check=True, capture_output=True)


def run_as(user, command):
    entry = pwd.getpwnam(user)
    return subprocess.run(command, capture_output=True, text=True, check=False, user=entry.pw_uid, group=entry.pw_gid,
                          extra_groups=os.getgrouplist(user, entry.pw_gid), stdin=subprocess.DEVNULL, cwd='/')


def run_at_terminal(user, command, typed):
    """Answers each question for a password with the next of what is typed."""
    entry = pwd.getpwnam(user)
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            os.initgroups(user, entry.pw_gid)
            os.setgid(entry.pw_gid)
            os.setuid(entry.pw_uid)
            os.chdir('/')
            os.execvp(command[0], command)
        finally:
            os._exit(127)
    seen = ''
    for keys in typed:
        seen += read_until(pid, terminal, 'Password: ')
        # The agent throws away what was typed before it has switched the echo off.
        while echoes(terminal) and is_child_alive(pid):
            time.sleep(0.05)
        os.write(terminal, keys.encode())
    seen += read_until(pid, terminal, None)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    result = [code, seen.replace('\r', ''), echoes(terminal)]
    os.close(terminal)
    return result


def echoes(terminal):
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


def is_child_alive(pid):
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def read_until(pid, terminal, word):
    """Until WORD has come, the other side is closed, or it takes too long; then PID is killed."""
    seen = ''
    while word is None or word not in seen:
        if not select.select([terminal], [], [], SLOW)[0]:
            os.kill(pid, signal.SIGKILL)
            return seen + '[nothing more comes]'
        try:
            seen += os.read(terminal, 4096).decode(errors='replace')
        except OSError:         # nobody has it open any more
            break
    return seen


class Conversation(ctypes.Structure):
    _fields_ = [('function', ctypes.c_void_p), ('data', ctypes.c_void_p)]


def open_session(user, items):
    """Makes this process the leader of a session of USER; gives its id."""
    pam = ctypes.CDLL('libpam.so.0')
    pam.pam_getenv.restype = ctypes.c_char_p
    handle, conversation = ctypes.c_void_p(), Conversation()

    def must(code, what):
        if code != 0:
            raise OSError(f'{what} of {user}: PAM error {code}')
    must(pam.pam_start(PAM_SERVICE.encode(), user.encode(), ctypes.byref(conversation), ctypes.byref(handle)), 'start')
    for key, number in (('tty', PAM_TTY), ('remote_host', PAM_RHOST)):
        if key in items:
            must(pam.pam_set_item(handle, number, items[key].encode()), key)
    for text in items.get('environment', ()):
        must(pam.pam_putenv(handle, text.encode()), text)
    must(pam.pam_open_session(handle, 0), 'session')
    return pam, handle, pam.pam_getenv(handle, b'XDG_SESSION_ID').decode()


def lead():
    user, items = sys.argv[1], json.loads(sys.argv[2])
    pam, handle, ident = open_session(user, items)
    print(json.dumps({'id': ident}), flush=True)
    for line in sys.stdin:
        question = json.loads(line)
        if 'typed' in question:
            outcome = run_at_terminal(user, question['command'], question['typed'])
        else:
            result = run_as(user, question['command'])
            outcome = [result.returncode, result.stdout, result.stderr]
        print(json.dumps({'result': outcome}), flush=True)
    pam.pam_close_session(handle, 0)


if __name__ == '__main__':
    lead()
