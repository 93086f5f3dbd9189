#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Streams of events and of what containers use, through descriptors; readers that are slow, or gone."""

import fcntl
import json
import os
import select
import sqlite3
import struct
import termios
import time

from cases import BusyboxCase
from service import GLib, NEVER, Case, Service, main, wait_for

FOREVER = 'while :; do sleep 0.05; done'
FROM_NOW = 2 ** 64 - 1


class Lines:
    """JSON lines that come through a descriptor."""

    def __init__(self, fd):
        self.file = open(fd, 'rb')

    def next(self, seconds=60):
        if not self.file.peek():
            return None
        deadline = time.monotonic() + seconds
        while not select.select([self.file], [], [], 1)[0] and b'\n' not in self.file.peek():
            assert time.monotonic() < deadline, 'no line has come'
        return json.loads(self.file.readline())

    def rest(self):
        return [json.loads(line) for line in self.file]

    def close(self):
        self.file.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def threads(service):
    count = 0
    for thread in os.listdir(f'/proc/{service.process.pid}/task'):
        try:
            with open(f'/proc/{service.process.pid}/task/{thread}/comm', encoding='ascii') as file:
                count += file.read().strip() == 'cpd-pump'
        except (FileNotFoundError, ProcessLookupError):
            pass
    return count


class StreamCase(BusyboxCase):
    def tearDown(self):
        super().tearDown()
        wait_for(lambda: threads(self.service) == 0, 60, 'the end of all streams')

    def run_container(self, script=FOREVER, **options):
        container = self.client.create('sh', '-c', script, **options)
        container.start()
        return container


class EventStreamTest(StreamCase):
    def stream(self, seq, **options):
        return Lines(self.client.runtime('StreamEvents', 't', seq, **options))

    def test_replay(self):
        container = self.client.create('true', labels={'a': 'b'})
        container.start()
        container.wait()
        container.wait_exited()
        recorded, last = self.client.events()
        with self.stream(0, follow=False) as stream:
            told = stream.rest()
        self.assertEqual([e['Seq'] for e in told], list(range(1, last + 1)))
        for event, line in zip(recorded, told):
            self.assertEqual([line[k] for k in ('Seq', 'Type', 'Status', 'ID', 'Name', 'Uid', 'Pid')],
                             [event[k] for k in ('seq', 'type', 'status', 'id', 'name', 'uid', 'pid')])
        died = next(line for line in told if line['Status'] == 'died' and line['ID'] == container.id)
        self.assertEqual((died['ContainerExitCode'], died['Image'], died['Attributes']['a']), (0, 'busybox', 'b'))
        with self.stream(last - 2, follow=False) as stream:
            self.assertEqual([e['Seq'] for e in stream.rest()], [last - 1, last])

    def test_live_after_replay(self):
        """Nothing is left out or told twice where the past ends."""
        begin = self.client.last_seq()
        self.client.create('true')
        with self.stream(begin) as stream:
            self.assertEqual(stream.next()['Seq'], begin + 1)
            for number in range(2, 6):
                self.client.create('true')
                self.assertEqual(stream.next()['Seq'], begin + number)

    def test_from_now_on(self):
        self.client.create('true')
        with self.stream(FROM_NOW) as stream:
            last = self.client.last_seq()
            self.client.create('true', name='later')
            event = stream.next()
            self.assertEqual((event['Seq'], event['Status'], event['Name']), (last + 1, 'create', 'later'))

    def test_filters(self):
        with self.stream(FROM_NOW, status=['create'], name=['wanted']) as stream:
            self.client.create('true', name='other')
            self.client.create('true', name='wanted')
            self.client.container('wanted').remove()
            self.client.create('true', name='wanted')
            self.assertEqual([(e['Status'], e['Name']) for e in (stream.next(), stream.next())], [('create', 'wanted')] * 2)
        with self.assert_error('InvalidArgument', 'status'):
            self.stream(0, status='create')
        with self.assert_error('InvalidArgument', 'limit'):
            self.stream(0, limit=3)

    def test_slow_reader(self):
        """Nothing is held for it but what the pipe holds, and it misses nothing."""
        with self.stream(FROM_NOW) as slow:
            fcntl.fcntl(slow.file.fileno(), fcntl.F_SETPIPE_SZ, 4096)
            first = self.client.last_seq() + 1
            for number in range(60):
                self.client.create('true', labels={'text': 'x' * 300}, name=f'c{number}')
            last = self.client.last_seq()
            held = struct.unpack('i', fcntl.ioctl(slow.file.fileno(), termios.FIONREAD, bytes(4)))[0]
            self.assertLessEqual(held, 4096)
            with self.stream(first - 1) as quick:
                self.assertEqual([quick.next()['Seq'] for _ in range(first, last + 1)], list(range(first, last + 1)))
            self.assertEqual([slow.next()['Seq'] for _ in range(first, last + 1)], list(range(first, last + 1)))

    def test_many_readers_that_are_gone(self):
        before = len(os.listdir(f'/proc/{self.service.process.pid}/fd'))
        streams = [self.stream(FROM_NOW) for _ in range(50)]
        wait_for(lambda: threads(self.service) == 50, 60, 'all streams')
        for stream in streams:
            stream.close()
        wait_for(lambda: threads(self.service) == 0, 60, 'the end of the streams')
        wait_for(lambda: len(os.listdir(f'/proc/{self.service.process.pid}/fd')) <= before, 60, 'descriptors as before')


class GapTest(Case):
    def test_gap_is_told(self):
        service = Service('gap')
        try:
            client = service.client
            client.import_busybox()
            for _ in range(5):
                client.create('true')
            last = client.last_seq()
            service.stop()
            database = sqlite3.connect(service.state('lib', 'cpod.db'))
            database.execute('DELETE FROM event WHERE seq <= ?', (last - 2,))
            database.commit()
            database.close()
            service.start()
            with Lines(service.client.runtime('StreamEvents', 't', 1, follow=False)) as stream:
                lines = stream.rest()
            self.assertEqual(lines[0], {'Gap': True, 'After': 1})
            self.assertEqual([line['Seq'] for line in lines[1:3]], [last - 1, last])
        finally:
            service.destroy()


class StatsTest(StreamCase):
    def stats(self, *names, **options):
        return self.client.runtime('GetStats', 'as', list(names), **options)

    def stream(self, *names, **options):
        options = {key: self.u(value) if isinstance(value, int) else value for key, value in options.items()}
        return Lines(self.client.runtime('StreamStats', 'as', list(names), **options))

    @staticmethod
    def u(value):
        return GLib.Variant('u', value)

    def test_once(self):
        container = self.run_container('head -c 20000000 /dev/zero > /dev/shm/x; while :; do :; done', memory=100 << 20)
        wait_for(lambda: self.stats(container.name)[0]['memory'] > 20000000, 60, 'the memory that it uses')
        wait_for(lambda: self.stats(container.name)[0]['cpu-time'] > 100000000, 60, 'the time that it uses')
        row, = self.stats(container.name)
        self.assertEqual((row['id'], row['name'], row['memory-limit']), (container.id, container.name, 100 << 20))
        self.assertLess(row['memory'], 100 << 20)
        wait_for(lambda: self.stats(container.name)[0]['pids'] == 1, 60, 'a single process')
        self.assertEqual(row['started'], container.get('Started'))
        self.assertGreater(row['cpu'], 0)
        self.assertEqual((row['net-input'], row['net-output']), (0, 0))

    def test_of_all(self):
        running = [self.run_container(), self.run_container()]
        self.client.create('true')
        self.assertEqual({row['id'] for row in self.stats()}, {c.id for c in running})

    def test_one_that_does_not_run(self):
        container = self.client.create('true')
        row, = self.stats(container.name)
        self.assertEqual((row['id'], row['pids'], row['memory'], row['started']), (container.id, 0, 0, 0))
        with self.assert_error('NoSuchContainer', 'nobody'):
            self.stats('nobody')

    def test_stream(self):
        busy = self.run_container('while :; do :; done')
        idle = self.run_container('sleep 100000')
        with self.stream(busy.name, idle.name, interval=300) as stream:
            first, second, third = stream.next(), stream.next(), stream.next()
        for line in (first, second, third):
            self.assertEqual([row['ContainerID'] for row in line['Stats']], [busy.id, idle.id])
        at = [line['Stats'][0] for line in (first, second, third)]
        self.assertTrue(at[0]['CPUNano'] <= at[1]['CPUNano'] <= at[2]['CPUNano'])
        took = (at[2]['SystemNano'] - at[1]['SystemNano'])
        self.assertGreaterEqual(took, 250000000)
        self.assertAlmostEqual(at[2]['CPU'], 100 * (at[2]['CPUNano'] - at[1]['CPUNano']) / took, delta=0.5)
        self.assertGreater(at[2]['UpTime'], at[1]['UpTime'])
        self.assertLess(third['Stats'][1]['CPUNano'], 1 << 40)
        self.assertGreaterEqual(third['Stats'][1]['PIDs'], 1)

    def test_stream_of_all_tells_of_new_ones(self):
        with self.stream(interval=100) as stream:
            self.assertEqual(stream.next(), {'Stats': []})
            container = self.run_container()
            wait_for(lambda: [row['Name'] for row in stream.next()['Stats']] == [container.name], 60, 'the new one')
            container.stop(timeout=0)
            wait_for(lambda: stream.next()['Stats'] == [], 60, 'its end')

    def test_stream_ends_with_the_container(self):
        container = self.run_container()
        with self.stream(container.name, interval=100) as stream:
            stream.next()
            container.remove(force=True, timeout=0)
            self.assertLess(len(stream.rest()), 1000)

    def test_bad_options(self):
        for interval in (0, 99, 3600001):
            with self.assert_error('InvalidArgument', 'interval'):
                self.stream(interval=interval)

    def test_reader_that_does_not_read(self):
        """It is told what is then, not what was."""
        container = self.run_container()
        with self.stream(container.name, interval=100) as stream:
            fcntl.fcntl(stream.file.fileno(), fcntl.F_SETPIPE_SZ, 4096)

            def is_full():
                ready = struct.unpack('i', fcntl.ioctl(stream.file.fileno(), termios.FIONREAD, bytes(4)))[0]
                return ready > 4096 - 400
            wait_for(is_full, 60, 'a pipe that is full')
            self.assertEqual(len(self.stats(container.name)), 1)
            container.kill()
            self.assertEqual(container.wait(), 137)
            wait_for(lambda: stream.next()['Stats'][0]['PIDs'] == 0, 60, 'what is so now')


class LogFollowerTest(StreamCase):
    def test_follower_that_does_not_read(self):
        """Neither the container, nor the service, nor other followers wait for it."""
        container = self.run_container('i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo line $i; done')
        slow = self.client.call(container.path, 'Container', 'Logs', follow=True)
        try:
            self.assertEqual(container.wait(seconds=NEVER), 0)
            lines = [line for line in container.log() if line[2] == 'F']     # long ones come in pieces
            self.assertEqual((len(lines), lines[-1][3]), (20000, 'line 20000'))
            with open(slow, 'rb', closefd=False) as stream:
                self.assertEqual(sum(b' stdout F ' in line for line in stream), 20000)
        finally:
            os.close(slow)

    def test_follower_that_is_gone(self):
        container = self.run_container()
        os.close(self.client.call(container.path, 'Container', 'Logs', follow=True))
        wait_for(lambda: threads(self.service) == 0, 60, 'the end of the follower')


if __name__ == '__main__':
    main()
