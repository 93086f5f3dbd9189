#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A service without a bus; and callers that leave in the middle of things."""

import os
import signal
import socket
import subprocess
import sys

from cases import BusyboxCase
from service import (NAME, RUNTIME, Case, Service, image_tar, listen_for, main, process_state,
                     read_packets, scratch, wait_for)


class PeerTest(Case):
    def setUp(self):
        self.service = Service('peer', peer=True)
        self.client = self.service.client

    def tearDown(self):
        if not self.client.connection.is_closed():
            self.client.close()
        self.service.destroy()

    def test_a_whole_life(self):
        told = []
        self.client.connection.signal_subscribe(None, NAME + '.Runtime', 'Event', RUNTIME, None, 0,
                                                lambda *arguments: told.append(arguments[5].unpack()))
        self.client.import_busybox()
        container = self.client.create('sh', '-c', 'echo to stdout; echo to stderr >&2; exit 9', name='alone')
        with container.attach() as stream:
            container.start()
            self.assertEqual(read_packets(stream), {2: b'to stdout\n', 3: b'to stderr\n'})
        self.assertEqual(container.wait(), 9)
        self.assertEqual((container.output(), container.output('stderr')), ('to stdout\n', 'to stderr\n'))
        container.wait_exited()
        container.rename('renamed')
        self.client.runtime('Remove', 's', 'renamed')
        self.assert_nothing_left(self.service)
        listen_for(lambda: len(told) == 9)
        self.assertEqual([event[3] for event in told],
                         ['import', 'create', 'init', 'attach', 'start', 'died', 'cleanup', 'rename', 'remove'])
        events, _ = self.client.events()
        self.assertEqual([event[0] for event in told], [event['seq'] for event in events])
        self.assertEqual({event['pid'] for event in events}, {0, os.getpid()})

    def test_ends_with_its_client(self):
        self.client.import_busybox()
        container = self.client.create('sleep', '100', name='survivor')
        container.start()
        pid = container.get('Pid')
        self.client.close()
        self.assertEqual(self.service.process.wait(10), 0)
        self.assertNotEqual(process_state(pid), '')
        self.service.start()
        self.client = self.service.client
        survivor = self.client.container('survivor')
        self.assertEqual((survivor.get('State'), survivor.get('Pid')), ('running', pid))
        survivor.remove(force=True, timeout=0)
        self.assert_nothing_left(self.service)

    def test_ends_with_sigterm(self):
        self.service.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.service.process.wait(10), 0)

    def test_job_of_a_peer(self):
        with open(image_tar(), 'rb') as archive:
            job = self.client.begin_import(archive, 'busybox', token='mine')
            self.assertEqual(job, '/org/cpod/Cpod1/jobs/peer/mine')
            self.client.job_wait(job)


class PeerStrangersTest(Case):
    def test_garbage_instead_of_a_client(self):
        for data in (b'', b'GET / HTTP/1.0\r\n\r\n', b'\0AUTH ANONYMOUS\r\n', b'\0' * 10000):
            service = Service.__new__(Service)
            service.root, service.peer = os.path.join(scratch(), 'garbage'), True
            os.makedirs(service.root, exist_ok=True)
            ours, theirs = socket.socketpair()
            with theirs:
                service.spawn('--peer', str(theirs.fileno()), pass_fds=(theirs.fileno(),))
            with ours:
                ours.sendall(data)
                ours.settimeout(2)
                try:
                    while ours.recv(4096):
                        pass
                except (TimeoutError, ConnectionError):
                    pass
            self.assertIn(service.process.wait(10), (0, 1), data)

    def test_socket_without_a_client(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as wrong:
            root = os.path.join(scratch(), 'no-client')
            result = subprocess.run([os.environ['CPOD_DAEMON'], '--root', root, '--peer', '0'], stdin=wrong,
                                    check=False, timeout=20, capture_output=True)
            self.assertEqual(result.returncode, 1)
        result = subprocess.run([os.environ['CPOD_DAEMON'], '--root', root, '--peer', '0'], stdin=subprocess.DEVNULL,
                                check=False, timeout=20, capture_output=True)
        self.assertEqual(result.returncode, 1)


# Connects, does one thing that does not end, and tells when that is under way.
LEAVER = '''
import os, sys, time
sys.path.insert(0, sys.argv[1])
from service import *
client = Client(connect_bus())
def later(path, interface, method):
    client.connection.call(NAME, path, interface, method, GLib.Variant('(a{sv})', ({},)), None, 0, NEVER, None, None)
what, path = sys.argv[2:]
if what == 'wait':
    later(path, NAME + '.Container', 'Wait')
elif what == 'attach':
    stream = client.call(path, 'Container', 'Attach')
elif what == 'follow':
    stream = client.call(path, 'Container', 'Logs', follow=True)
    os.read(stream, 1)
elif what == 'import':
    r, w = os.pipe()
    os.set_inheritable(r, False)
    job = client.begin_import(r, 'never')
    with open(image_tar(), 'rb') as tar:
        os.write(w, tar.read(50000))
    later(job, NAME + '.Job', 'Wait')
client.connection.flush_sync(None)
client.runtime('GetInfo')
print('under way', flush=True)
time.sleep(100)
'''


class VanishingTest(BusyboxCase):
    """What a caller held is gone with it: descriptors, threads, jobs, files."""

    def setUp(self):
        self.container = self.client.create(
            'sh', '-c', 'echo begun; cat; while ! [ -e /stop ]; do echo 0123456789012345678901234567890123456789; done; exit 4',
            stdin=True)
        self.container.start()
        wait_for(self.container.output)

    def usage(self):
        pid = self.service.process.pid
        return len(os.listdir(f'/proc/{pid}/fd'))

    def threads_named(self, name):
        pid = self.service.process.pid
        found = 0
        for thread in os.listdir(f'/proc/{pid}/task'):
            try:
                with open(f'/proc/{pid}/task/{thread}/comm', encoding='utf-8') as file:
                    found += file.read().strip() == name
            except (FileNotFoundError, ProcessLookupError):
                pass  # it has just ended
        return found

    def leave(self, what):
        """Runs somebody who is killed in the middle of it."""
        leaver = subprocess.Popen([sys.executable, '-W', 'ignore', '-c', LEAVER, os.path.dirname(os.path.abspath(__file__)),
                                   what, self.container.path], stdout=subprocess.PIPE)
        self.assertEqual(leaver.stdout.readline(), b'under way\n')
        leaver.kill()
        leaver.wait()
        leaver.stdout.close()

    def gone(self, what, thread=None):
        self.client.runtime('GetInfo')
        before = self.usage()
        for _ in range(5):
            self.leave(what)
        wait_for(lambda: self.usage() <= before, 10, 'the end of the descriptors')
        if thread:
            wait_for(lambda: self.threads_named(thread) == 0, 10, 'the end of the threads')
        self.assertEqual(self.container.get('State'), 'running')

    def test_wait(self):
        self.gone('wait')

    def test_follow(self):
        self.gone('follow', 'cpd-log')

    def test_attach(self):
        """A client that died closes nothing for the container, and does not hold its output up."""
        self.gone('attach')
        path = self.service.state('lib', 'containers', self.container.id, 'ctr.log')
        before = os.path.getsize(path)
        wait_for(lambda: os.path.getsize(path) > before + 4000000, 20, 'output that goes on')

    def test_attach_closes_stdin(self):
        """The container sees the end of its input when the only one who wrote to it is gone."""
        before = len(self.container.log())
        self.leave('attach')
        wait_for(lambda: len(self.container.log()) > before + 10, 10, 'the end of the input')

    def test_import(self):
        self.gone('import', 'cpd-job')
        self.assertEqual(len(self.client.images('ListImages')), 1)
        wait_for(lambda: self.client.check() == [], 10, 'the end of the jobs')
        self.assertEqual(os.listdir(self.service.state('lib', 'storage', 'overlay', 'tmp')), [])

    def test_cancelled_import(self):
        reader, writer = os.pipe()
        try:
            job = self.client.begin_import(reader, 'cancelled')
            os.close(reader)
            with open(image_tar(), 'rb') as tar:
                os.write(writer, tar.read(50000))
            self.client.call(job, 'Job', 'Cancel')
            with self.assert_error('Cancelled', 'cancelled'):
                self.client.job_wait(job)
            self.assertEqual(self.client.property(job, 'Job', 'State'), 'cancelled')
        finally:
            os.close(writer)
        self.assertEqual(self.client.check(), [])

    def test_job_of_somebody_else(self):
        reader, writer = os.pipe()
        job = self.client.begin_import(reader, 'private')
        other = self.service.connect()
        for method in ('Cancel', 'Wait'):
            with self.assert_error('NotAuthorized'):
                other.call(job, 'Job', method)
        os.close(writer)
        os.close(reader)
        with self.assert_error('InvalidArchive'):
            self.client.job_wait(job)


if __name__ == '__main__':
    main()
