#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients that do not read: they hold up nobody but, for a while, the container they are attached to."""

import os
import time

from cases import BusyboxCase
from service import main, process_state, wait_for

FLOOD = 'while :; do echo 0123456789012345678901234567890123456789012345678901234567890123456789; done'


class SlowTest(BusyboxCase):
    def wait_blocked(self, container):
        """Until the container's process hangs in its write."""
        pid = container.get('Pid')
        sizes = []

        def stands_still():
            sizes.append(len(container.output()))
            time.sleep(0.1)
            return len(sizes) > 2 and sizes[-1] == sizes[-3] and process_state(pid) == 'S'
        wait_for(stands_still, 20, 'a container that is held up')
        return pid

    def test_exit_is_told(self):
        container = self.client.create('sh', '-c', FLOOD)
        with container.attach():
            container.start()
            os.kill(self.wait_blocked(container), 9)
            begun = time.monotonic()
            self.assertEqual(container.wait(seconds=20), 137)
            self.assertLess(time.monotonic() - begun, 5)
            container.wait_exited()

    def test_exit_is_told_after_a_restart(self):
        """The service that handed the stream out need not be the one that sees the end."""
        container = self.client.create('sh', '-c', FLOOD)
        with container.attach():
            container.start()
            pid = self.wait_blocked(container)
            self.service.kill()
            self.service.start()
            container = self.client.container(container.id)
            self.assertEqual(container.get('State'), 'running')
            os.kill(pid, 9)
            begun = time.monotonic()
            self.assertEqual(container.wait(seconds=20), 137)
            self.assertLess(time.monotonic() - begun, 5)
            container.wait_exited()

    def test_stop_and_remove(self):
        container = self.client.create('sh', '-c', FLOOD)
        with container.attach():
            container.start()
            self.wait_blocked(container)
            begun = time.monotonic()
            container.stop(timeout=1)
            self.assertLess(time.monotonic() - begun, 6)
            container.remove()

    def test_more_than_the_monitor_has_room_for(self):
        """Who cannot be attached is told so, and keeps nobody from ending the container."""
        container = self.client.create('sh', '-c', FLOOD)
        streams = [container.attach()]
        try:
            container.start()
            self.wait_blocked(container)
            with self.assert_error('InvalidState', container.get('Name'), 'does not read'):
                for _ in range(100):
                    streams.append(container.attach())
            container.call('Kill')
            self.assertEqual(container.wait(seconds=20), 137)
        finally:
            for stream in streams:
                stream.close()

    def test_many(self):
        container = self.client.create('sh', '-c', FLOOD)
        streams = [container.attach() for _ in range(10)]
        try:
            container.start()
            os.kill(self.wait_blocked(container), 9)
            begun = time.monotonic()
            self.assertEqual(container.wait(seconds=20), 137)
            self.assertLess(time.monotonic() - begun, 6)
        finally:
            for stream in streams:
                stream.close()

    def test_log_that_is_not_read(self):
        """A follower that does not read holds up neither the container nor its removal."""
        container = self.client.create('sh', '-c', FLOOD)
        container.start()
        stream = container.call('Logs', follow=True)
        try:
            time.sleep(0.5)
            container.remove(force=True, timeout=0)
        finally:
            os.close(stream)


if __name__ == '__main__':
    main()
