#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a container is asked to be, seen from inside; and its way through the states."""

import os
import signal
import socket
import threading
import time

from cases import BusyboxCase
from service import (NAME, NEVER, RUNTIME, Case, Client, GLib, command_line, connect_bus, listen_for, main, name_owner,
                     read_packets, wait_for)


class ActivationTest(Case):
    def test_the_bus_starts_the_service(self):
        bus = connect_bus()
        self.assertEqual(name_owner(bus), 0)
        reply = bus.call_sync(NAME, RUNTIME, 'org.freedesktop.DBus.Properties', 'Get',
                              GLib.Variant('(ss)', (NAME + '.Runtime', 'Version')),
                              None, 0, 20000, None)
        self.assertRegex(reply.unpack()[0], r'^[0-9]+\.[0-9]+')
        pid = name_owner(bus)
        self.assertEqual(Client(bus).runtime('GetInfo')['store']['staticDir'], os.environ['CPOD_ROOT'] + '/lib')
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not os.path.exists(f'/proc/{pid}'), 20, 'the end of the service')
        self.assertEqual(name_owner(bus), 0)


class LifecycleCase(BusyboxCase):
    changes = ('CMD ["echo", "from", "the image"]', 'ENV FROM_IMAGE=1 BOTH=image', 'LABEL from=image both=image',
               'WORKDIR /home/user', 'STOPSIGNAL INT')

    def output(self, *command, code=0, **options):
        got, output = self.client.run(*command, **options)
        self.assertEqual(got, code, output)
        return output


class A21OptionsTest(LifecycleCase):
    def test_environment(self):
        env = dict(line.split('=', 1) for line in self.output(
            'env', env=['BOTH=caller', 'OWN=a b=c', 'EMPTY='], hostname='inside').splitlines())
        self.assertEqual(env['FROM_IMAGE'], '1')
        self.assertEqual(env['BOTH'], 'caller')
        self.assertEqual(env['OWN'], 'a b=c')
        self.assertEqual(env['EMPTY'], '')
        self.assertEqual(env['HOSTNAME'], 'inside')
        self.assertEqual(env['HOME'], '/root')
        self.assertIn('/bin', env['PATH'].split(':'))

    def test_hostname(self):
        self.assertEqual(self.output('hostname', hostname='inside.example'), 'inside.example\n')
        self.assertEqual(self.output('cat', '/etc/hostname', hostname='inside'), 'inside\n')
        self.assertIn('inside', self.output('cat', '/etc/hosts', hostname='inside'))
        container = self.client.create('hostname')
        container.start()
        container.wait()
        self.assertEqual(container.output(), container.id[:12] + '\n')

    def test_workdir(self):
        self.assertEqual(self.output('pwd'), '/home/user\n')
        self.assertEqual(self.output('pwd', workdir='/tmp'), '/tmp\n')

    def test_user(self):
        for user, ids in (('1000', 'uid=1000 gid=1000'), ('1000:29', 'uid=1000 gid=29'), ('user', 'uid=1000 gid=1000'),
                          ('user:audio', 'uid=1000 gid=29'), ('4711:4712', 'uid=4711 gid=4712'), ('0', 'uid=0 gid=0')):
            numbers = [line.split()[1] for line in self.output('cat', '/proc/self/status', user=user).splitlines()
                       if line.startswith(('Uid:', 'Gid:'))]
            self.assertEqual('uid={} gid={}'.format(*numbers), ids, user)
        self.assertIn('HOME=/home/user', self.output('env', user='user').splitlines())

    def test_groups_of_the_image(self):
        groups = [line for line in self.output('cat', '/proc/self/status', user='user').splitlines()
                  if line.startswith('Groups:')][0].split()[1:]
        self.assertIn('29', groups)

    def test_unknown_user(self):
        container = self.client.create('true', user='nobody-knows')
        with self.assert_error('InvalidArgument', 'nobody-knows'):
            container.start()
        self.assertEqual(container.get('State'), 'configured')

    def test_command_and_entrypoint(self):
        self.assertEqual(self.output(), 'from the image\n')
        self.assertEqual(self.output('echo', 'own'), 'own\n')
        self.assertEqual(self.output('and more', entrypoint=['echo', 'entry']), 'entry and more\n')
        self.assertEqual(self.output(entrypoint=['echo', 'alone']), 'alone\n')
        self.assertEqual(self.output('echo', 'x', entrypoint=[]), 'x\n')
        with self.assert_error('InvalidArgument', 'command'):
            self.client.create(entrypoint=[])

    def test_entrypoint_of_the_image(self):
        self.client.import_busybox('entry', changes=['ENTRYPOINT ["echo", "fixed"]', 'CMD ["by image"]'])
        self.assertEqual(self.output(image='entry'), 'fixed by image\n')
        self.assertEqual(self.output('by caller', image='entry'), 'fixed by caller\n')
        self.assertEqual(self.output(entrypoint=['echo', 'only'], image='entry'), 'only\n')

    def test_read_only(self):
        self.assertEqual(self.output('touch', '/file', read_only=True, code=1), '')
        self.output('touch', '/file')
        self.output('touch', '/dev/shm/file', read_only=True)

    def capabilities(self, which='CapEff', **options):
        for line in self.output('cat', '/proc/self/status', **options).splitlines():
            if line.startswith(which + ':'):
                return int(line.split()[1], 16)
        return self.fail('no capabilities')

    def test_capabilities(self):
        chown, net_raw, net_admin, sys_admin = 1 << 0, 1 << 13, 1 << 12, 1 << 21
        default = self.capabilities()
        self.assertTrue(default & chown)
        self.assertFalse(default & (net_admin | sys_admin))
        self.assertEqual(self.capabilities(cap_add=['NET_ADMIN']), default | net_admin)
        self.assertEqual(self.capabilities(cap_add=['CAP_NET_ADMIN']), default | net_admin)
        self.assertEqual(self.capabilities(cap_drop=['chown']), default & ~chown)
        self.assertEqual(self.capabilities(cap_drop=['all']), 0)
        self.assertEqual(self.capabilities('CapBnd', cap_drop=['all'], cap_add=['NET_RAW']), net_raw)
        self.assertEqual(self.capabilities(user='1000'), 0)
        self.assertEqual(self.capabilities('CapBnd', user='1000'), default)
        self.assertTrue(self.capabilities(privileged=True) & sys_admin)

    def test_confinement(self):
        status = dict(line.split(':', 1) for line in self.output('cat', '/proc/self/status').splitlines())
        self.assertEqual(status['Seccomp'].strip(), '2')
        status = dict(line.split(':', 1) for line in
                      self.output('cat', '/proc/self/status', privileged=True).splitlines())
        self.assertEqual(status['Seccomp'].strip(), '0')
        self.assertEqual(self.output('cat', '/proc/keys'), '')
        self.assertEqual(self.output('sh', '-c', 'echo $$'), '1\n')

    def test_network(self):
        interfaces = self.output('ls', '/sys/class/net').split()
        self.assertEqual(interfaces, ['lo'])
        self.assertEqual(sorted(self.output('ls', '/sys/class/net', network='host').split()),
                         sorted(os.listdir('/sys/class/net')))
        self.assertEqual(self.output('hostname', network='host'), socket.gethostname() + '\n')

    def test_labels(self):
        container = self.client.create('true', labels={'own': 'x=y', 'both': 'caller'})
        expected = {'from': 'image', 'both': 'caller', 'own': 'x=y'}
        self.assertEqual(container.inspect()['Config']['Labels'], expected)
        self.assertEqual(self.client.list(fields=['labels'])[0]['labels'], expected)

    def test_root_is_its_own(self):
        """What one container writes no other one sees, and it is still there when it is started again."""
        first = self.client.create('sh', '-c', 'cat /kept; echo again > /kept')
        first.start()
        first.wait_exited()
        first.start()
        first.wait_exited()
        self.assertEqual(first.output(), 'again\n')
        self.assertEqual(self.output('cat', '/kept', code=1), '')


class LifeTest(LifecycleCase):
    def test_exit_codes(self):
        for script, code in (('exit 0', 0), ('exit 7', 7), ('exit 255', 255), ('kill -9 $$', 137)):
            got, _ = self.client.run('sh', '-c', f'sh -c "{script}"; exit $?' if '$$' not in script else
                                     'sh -c \'kill -9 $$\'; exit $?')
            self.assertEqual(got, code, script)
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGUSR1):
            container = self.client.create('sleep', '100')
            container.start()
            os.kill(container.get('Pid'), signal.SIGKILL)
            self.assertEqual(container.wait(), 137)
            container.remove()
            container = self.client.create('sh', '-c', f'trap "exit {number}" {number}; echo ready; while :; do sleep 0.01; done')
            if number != signal.SIGKILL:
                container.start()
                wait_for(lambda: container.output() == 'ready\n')  # pylint: disable=cell-var-from-loop
                container.kill(signal=str(int(number)))
                self.assertEqual(container.wait(), int(number))
            container.remove()

    def test_properties(self):
        before = time.time_ns() // 1000
        container = self.client.create('sh', '-c', 'sleep 0.1; exit 7', name='props')
        known = container.get_all()
        self.assertEqual((known['Name'], known['State'], known['Pid'], known['ExitCode'], known['Started'],
                          known['Finished'], known['OwnerUid'], known['AutoRemove']),
                         ('props', 'configured', 0, 0, 0, 0, 0, False))
        container.start()
        known = container.get_all()
        self.assertEqual(known['State'], 'running')
        # The OCI runtime says that it has started it just before it becomes the container's program.
        wait_for(lambda: command_line(known['Pid'])[:2] == ['sh', '-c'])
        container.wait_exited()
        known = container.get_all()
        self.assertEqual((known['State'], known['Pid'], known['ExitCode'], known['OomKilled']), ('exited', 0, 7, False))
        times = [known['Created'], known['Started'], known['Finished'], time.time_ns() // 1000]
        self.assertEqual(times, sorted(times))
        self.assertGreaterEqual(times[0], before)

    def test_stop(self):
        container = self.client.create('sleep', '100', stop_signal='SIGKILL')
        container.start()
        container.stop()
        self.assertEqual(container.get('ExitCode'), 137)
        container.stop()

    def test_stop_signal_of_the_image(self):
        container = self.client.create('sh', '-c', 'trap "exit 3" INT; echo ready; while :; do sleep 0.01; done')
        container.start()
        wait_for(container.output)
        container.stop(timeout=20)
        self.assertEqual(container.get('ExitCode'), 3)

    def test_stop_of_what_ignores_it(self):
        container = self.client.create('sh', '-c', 'trap "" TERM INT; echo ready; while :; do sleep 0.01; done',
                                       stop_signal='TERM', stop_timeout=1)
        container.start()
        wait_for(container.output)
        begun = time.monotonic()
        container.stop()
        self.assertTrue(0.9 < time.monotonic() - begun < 5)
        self.assertEqual(container.get('ExitCode'), 137)
        container.start()
        begun = time.monotonic()
        container.stop(timeout=0)
        self.assertLess(time.monotonic() - begun, 1)

    def test_kill(self):
        script = 'trap "echo usr1" USR1; trap "echo hup" HUP; echo ready; while :; do sleep 0.01; done'
        container = self.client.create('sh', '-c', script)
        with self.assert_error('InvalidState', container.name, 'configured'):
            container.kill()
        container.start()
        wait_for(container.output)
        for number, (name, word) in enumerate((('SIGUSR1', 'usr1'), ('HUP', 'hup'), ('10', 'usr1')), 1):
            container.kill(signal=name)
            wait_for(lambda: len(container.output().split()) > number)  # pylint: disable=cell-var-from-loop
            self.assertEqual(container.output().split()[-1], word)
        container.kill()
        self.assertEqual(container.wait(), 137)

    def test_kill_while_paused(self):
        """It ends at once, and not when somebody unpauses it; another signal has to wait for that."""
        container = self.client.create('sleep', '1000')
        container.start()
        container.call('Pause')
        container.kill(signal='USR1')
        self.assertEqual(container.get('State'), 'paused')
        container.kill()
        self.assertEqual(container.wait(seconds=20), 137)

    def test_states(self):
        """What is asked of a container in the wrong state is refused, naming it and its state."""
        container = self.client.create('sleep', '100', name='stately')
        container.init()
        self.assertEqual(container.get('State'), 'created')
        with self.assert_error('InvalidState', 'stately', 'created'):
            container.init()
        container.start()
        for verb in (container.start, container.init):
            with self.assert_error('InvalidState', 'stately', 'running'):
                verb()
        with self.assert_error('InvalidState', 'stately', 'running', 'force'):
            container.remove()
        container.remove(force=True, timeout=0)
        with self.assertRaises(Exception):
            container.start()

    def test_created_and_stopped(self):
        container = self.client.create('true')
        container.init()
        container.stop()
        self.assertEqual(container.get('State'), 'configured')
        container.start()
        self.assertEqual(container.wait(), 0)

    def test_created_and_removed(self):
        container = self.client.create('true')
        container.init()
        container.remove()
        self.assert_nothing_left(self.service)

    def test_restart(self):
        container = self.client.create('sh', '-c', 'echo run; exit 5')
        for _ in range(3):
            container.start()
            self.assertEqual(container.wait(), 5)
        self.assertEqual(container.output(), 'run\n' * 3)

    def test_wait(self):
        container = self.client.create('sh', '-c', 'sleep 0.2; exit 6')
        self.assertEqual(container.wait(), 0)
        waits = []
        for conditions in (['running'], ['stopped'], ['exited'], ['removed']):
            waiter = self.service.connect()
            done = []
            waiter.connection.call(
                NAME, container.path, NAME + '.Container', 'Wait',
                GLib.Variant('(a{sv})', ({'condition': GLib.Variant('as', conditions)},)),
                None, 0, NEVER, None, lambda c, r, d: d.append(c.call_finish(r).unpack()[0]), done)
            waits.append(done)
        container.start()
        listen_for(lambda: all(waits[:3]))
        self.assertEqual([bool(done) for done in waits], [True, True, True, False])
        self.assertEqual((waits[1], waits[2]), ([6], [6]))
        container.remove()
        listen_for(lambda: waits[3])
        self.assertEqual(waits[3], [6])

    def test_inspect(self):
        container = self.client.create('sleep', '100', name='looked-at', env=['A=b'], user='user', hostname='h',
                                       stop_timeout=3, read_only=True, cap_add=['NET_ADMIN'])
        container.start()
        known = container.inspect()
        self.assertEqual((known['Id'], known['Name'], known['ImageName']), (container.id, 'looked-at', 'busybox'))
        self.assertEqual((known['Path'], known['Args']), ('sleep', ['100']))
        self.assertEqual(known['State']['Status'], 'running')
        self.assertTrue(known['State']['Running'])
        self.assertEqual(known['State']['Pid'], container.get('Pid'))
        self.assertIn('A=b', known['Config']['Env'])
        self.assertEqual((known['Config']['User'], known['Config']['Hostname'], known['Config']['WorkingDir'],
                          known['Config']['StopSignal'], known['Config']['StopTimeout']),
                         ('user', 'h', '/home/user', signal.SIGINT, 3))
        self.assertEqual((known['HostConfig']['NetworkMode'], known['HostConfig']['ReadonlyRootfs']), ('none', True))
        self.assertIn('CAP_NET_ADMIN', known['EffectiveCaps'])
        with open(f'/proc/{known["State"]["ConmonPid"]}/comm', encoding='utf-8') as file:
            self.assertEqual(file.read(), 'conmon\n')

    def test_lookups(self):
        container = self.client.create('true', name='findme')
        path = container.path
        for name in ('findme', container.id, container.id[:12], container.id[:1]):
            self.assertEqual(self.client.runtime('GetContainer', 's', name), path)
        other = self.client.create('true', name=container.id[:8])
        self.assertEqual(self.client.runtime('GetContainer', 's', container.id[:8]), other.path)

    def test_ambiguous_prefix(self):
        by_digit = {}
        while True:
            container = self.client.create('true')
            twin = by_digit.setdefault(container.id[0], container)
            if twin is not container:
                break
        with self.assert_error('AmbiguousName', container.id[0]):
            self.client.runtime('GetContainer', 's', container.id[0])
        with self.assert_error('AmbiguousName', container.id[0]):
            self.client.runtime('Remove', 's', container.id[0])

    def test_list(self):
        made = [self.client.create('sleep', '100', name=f'list-{n}', labels={'n': str(n), 'odd': str(n % 2)})
                for n in range(4)]
        names = lambda **options: [row['name'] for row in self.client.list(**options)]  # noqa: E731
        self.assertEqual(names(), ['list-3', 'list-2', 'list-1', 'list-0'])
        made[1].start()
        self.assertEqual(names(all=False), ['list-1'])
        self.assertEqual(names(state=['running']), ['list-1'])
        self.assertEqual(names(state=['configured'], name=['-2', '-3', '-1']), ['list-3', 'list-2'])
        self.assertEqual(names(id=[made[0].id[:20], made[2].id]), ['list-2', 'list-0'])
        self.assertEqual(names(label=['odd=1']), ['list-3', 'list-1'])
        self.assertEqual(names(label=['n']), ['list-3', 'list-2', 'list-1', 'list-0'])
        self.assertEqual(names(image=['busybox'], limit=2), ['list-3', 'list-2'])
        self.assertEqual(names(image=['other']), [])
        self.assertEqual(names(limit=2, after=made[2].id), ['list-1', 'list-0'])
        self.assertEqual(self.client.list(fields=['id', 'command'], limit=1),
                         [{'id': made[3].id, 'command': ['sleep', '100']}])
        self.assertEqual(sorted(self.client.list(limit=1)[0]),
                         sorted(['id', 'name', 'namespace', 'image', 'image-id', 'state', 'pid', 'exit-code', 'created', 'started',
                                 'finished', 'auto-remove']))


class StreamsTest(LifecycleCase):
    def test_attach(self):
        container = self.client.create('sh', '-c', 'echo out; echo err >&2')
        with container.attach() as stream:
            self.assertEqual(container.get('State'), 'created')
            container.start()
            self.assertEqual(read_packets(stream), {2: b'out\n', 3: b'err\n'})

    def test_stdin(self):
        container = self.client.create('sh', '-c', 'cat; echo end', stdin=True)
        with container.attach() as stream:
            container.start()
            writer = threading.Thread(target=self.write, args=(stream, b'x' * 32000, 20))
            writer.start()
            self.assertEqual(read_packets(stream)[2], b'x' * 640000 + b'end\n')
            writer.join()
        self.assertEqual(container.wait(), 0)

    @staticmethod
    def write(stream, packet, count):
        for _ in range(count):
            stream.send(packet)
        stream.shutdown(socket.SHUT_WR)

    def test_without_stdin(self):
        container = self.client.create('cat')
        with container.attach() as stream:
            container.start()
            self.assertEqual(read_packets(stream)[2], b'')
        self.assertEqual(container.wait(), 0)

    def test_log_lines(self):
        container = self.client.create('sh', '-c', 'echo one; echo two >&2; head -c 20000 /dev/zero | tr "\\0" x; echo; printf end')
        before = time.strftime('%Y-%m-%d')
        container.start()
        container.wait_exited()
        lines = container.log()
        self.assertIn(('stdout', 'F', 'one'), [line[1:] for line in lines])
        self.assertIn(('stderr', 'F', 'two'), [line[1:] for line in lines])
        self.assertIn(('stdout', 'P', 'end'), [line[1:] for line in lines])
        self.assertTrue(any(tag == 'P' and len(text) > 1000 for _, _, tag, text in lines))
        self.assertEqual(container.output(), 'one\n' + 'x' * 20000 + '\nend')
        for stamp, *_ in lines:
            self.assertRegex(stamp, r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}([+-]\d\d:\d\d|Z)$')
            self.assertLessEqual(before, stamp[:10])

    def test_log_parts(self):
        container = self.client.create('sh', '-c', 'for i in 1 2 3; do echo $i; done; sleep 0.3; echo 4; echo 5')
        container.start()
        container.wait_exited()
        text = lambda **options: [line[3] for line in container.log(**options)]  # noqa: E731
        self.assertEqual(text(), ['1', '2', '3', '4', '5'])
        self.assertEqual(text(tail=2), ['4', '5'])
        self.assertEqual(text(tail=0), [])
        self.assertEqual(text(tail=100), ['1', '2', '3', '4', '5'])
        middle = container.get('Started') + 150000
        self.assertEqual(text(since=middle), ['4', '5'])
        self.assertEqual(text(until=middle), ['1', '2', '3'])
        self.assertEqual(text(since=middle, until=middle), [])

    def test_log_follow(self):
        container = self.client.create('sh', '-c', 'echo first; sleep 0.3; echo second; sleep 0.3; echo third')
        container.start()
        begun = time.monotonic()
        with os.fdopen(container.call('Logs', follow=True)) as stream:
            self.assertTrue(stream.readline().endswith(' first\n'))
            self.assertLess(time.monotonic() - begun, 0.25)
            self.assertTrue(stream.readline().endswith(' second\n'))
            self.assertTrue(stream.readline().endswith(' third\n'))
            self.assertEqual(stream.readline(), '')

    def test_log_of_what_never_ran(self):
        self.assertEqual(self.client.create('true').log(), [])


if __name__ == '__main__':
    main()
