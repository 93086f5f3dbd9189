#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sessions of users, opened by PAM as login programs do it, so that logind and polkit know them.

As a program it is the leader of one: it opens the session, and runs what it is told in it.
"""

import ctypes
import json
import os
import pwd
import subprocess
import sys

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

    def run(self, *command):
        """(exit status, output, errors)"""
        self.leader.stdin.write(json.dumps(command) + '\n')
        self.leader.stdin.flush()
        return self.read()['result']

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

    def close(self):
        pass


def run_as(user, command):
    entry = pwd.getpwnam(user)
    return subprocess.run(command, capture_output=True, text=True, check=False, user=entry.pw_uid, group=entry.pw_gid,
                          extra_groups=os.getgrouplist(user, entry.pw_gid), stdin=subprocess.DEVNULL, cwd='/')


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
        result = run_as(user, json.loads(line))
        print(json.dumps({'result': [result.returncode, result.stdout, result.stderr]}), flush=True)
    pam.pam_close_session(handle, 0)


if __name__ == '__main__':
    lead()
