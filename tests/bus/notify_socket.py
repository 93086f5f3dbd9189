# SPDX-License-Identifier: LGPL-2.1-or-later
"""A service manager's end of sd_notify(3)."""

import os
import socket

from service import scratch, wait_for


class NotifySocket:
    """Takes what a service tells; its environment is what a service manager sets."""

    def __init__(self, name, watchdog_us=0):
        self.path = os.path.join(scratch(), name + '.notify')
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)
        self.told = []              # "KEY=VALUE", in order
        self.environment = {'NOTIFY_SOCKET': self.path}
        if watchdog_us:
            self.environment['WATCHDOG_USEC'] = str(watchdog_us)

    def read(self):
        """All that was told until now."""
        while True:
            try:
                self.told += self.socket.recv(65536).decode().splitlines()
            except BlockingIOError:
                return self.told

    def wait_for(self, *lines, seconds=30):
        """Waits until all LINES were told since the last forget()."""
        wait_for(lambda: set(lines) <= set(self.read()), seconds, f'{lines} to the service manager')

    def wait_status(self, text, seconds=30):
        wait_for(lambda: any(line.startswith('STATUS=') and text in line for line in self.read()), seconds,
                 f'"{text}" as the status')

    def count(self, line):
        return self.read().count(line)

    def forget(self):
        self.read()
        self.told.clear()

    def close(self):
        self.socket.close()
        os.unlink(self.path)
