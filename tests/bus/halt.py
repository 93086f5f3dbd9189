# SPDX-License-Identifier: LGPL-2.1-or-later
"""A service that waits where a test wants it to."""

import os

from service import scratch, wait_for


class Halt:
    """A point at which the service waits until release()."""

    def __init__(self, point, name):
        self.path = os.path.join(scratch(), name + '.fifo')
        os.mkfifo(self.path)
        self.environment = {'CPOD_HALT': f'{point}:{self.path}'}
        self.fd = -1

    def reached(self):
        try:
            self.fd = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return False
        return True

    def wait(self):
        wait_for(self.reached, 30, 'the service at ' + self.environment['CPOD_HALT'])

    def release(self):
        os.unlink(self.path)        # the point may be passed again
        os.close(self.fd)

    def give_up(self, service):
        """Whoever waits for what has not been released would wait for ever."""
        if os.path.exists(self.path) and service.process.poll() is None:
            service.kill()
