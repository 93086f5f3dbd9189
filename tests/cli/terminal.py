# SPDX-License-Identifier: LGPL-2.1-or-later
"""cpod on a terminal of its own."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time


class Terminal:
    """What somebody who sits before it types and sees."""

    def __init__(self, *arguments, rows=24, columns=80):
        self.ours, self.theirs = pty.openpty()
        self.text = ''
        self.set_size(rows, columns)
        self.before = termios.tcgetattr(self.theirs)
        # The session leader's terminal is the one it opens, so that it is told of a new size.
        self.process = subprocess.Popen(['cpod', *arguments], stdin=self.theirs, stdout=self.theirs, stderr=self.theirs,
                                        start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)

    def set_size(self, rows, columns):
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))

    def resize(self, rows, columns):
        """The kernel tells those in the foreground, which the command is."""
        self.set_size(rows, columns)

    def read(self, seconds):
        if select.select([self.ours], [], [], seconds)[0]:
            self.text += os.read(self.ours, 65536).decode(errors='replace')

    def expect(self, pattern, seconds=60):
        """Waits until the pattern has come; what is before it is forgotten."""
        deadline = time.monotonic() + seconds
        while not (match := re.search(pattern, self.text)):
            if time.monotonic() > deadline:
                raise AssertionError(f'{pattern!r} has not come: {self.text!r}')
            self.read(0.2)
        self.text = self.text[match.end():]

    def type(self, keys):
        os.write(self.ours, keys.encode())

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=60):
        """Its exit code; its output is read meanwhile, or it might never get there."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                raise AssertionError(f'it has not ended: {self.text!r}')
            self.read(0.05)
        return self.process.returncode

    def is_as_before(self):
        return termios.tcgetattr(self.theirs) == self.before
