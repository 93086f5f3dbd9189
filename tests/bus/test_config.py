#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""GetConfig and Reload, the defaults that containers get, and the directories that the state was made with."""

import json
import os
import subprocess
import tempfile

from service import Case, Service, main, scratch, wait_for


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)


class OwnService(Service):
    """One whose directories are what the files say."""

    def spawn(self, *arguments, **environment):
        self.stderr = tempfile.TemporaryFile()
        self.process = subprocess.Popen([os.environ['CPOD_DAEMON'], *arguments], stdin=subprocess.DEVNULL,
                                        stderr=self.stderr, env={**os.environ, **environment})


class ConfigCase(Case):
    def begin(self, name, text):
        """A service that reads TEXT."""
        self.conf = os.path.join(scratch(), name + '-files', 'cpod.conf')
        write(self.conf, text)
        self.service = Service(name, CPOD_CONF=self.conf)
        self.addCleanup(self.service.destroy)
        self.client = self.service.client

    def config(self):
        return self.client.runtime('GetConfig')

    def refused(self, *words, options=None):
        """The service does not start and says why."""
        argv = [os.environ['CPOD_DAEMON'], *(('--root', self.service.root) if options is None else options)]
        result = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=20,
                                env={**os.environ, 'CPOD_CONF': self.conf})
        self.assertEqual(result.returncode, 1, result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)


class GetTest(ConfigCase):
    def test_values_and_origins(self):
        self.begin('get', '[engine]\nstop_timeout = 3\nno_pivot_root = false\nnamespace = ""\n'
                          '[engine.runtimes]\nmine = ["/bin/true"]\n[containers]\nenv = ["A=1"]\nshm_size = "1m"\n')
        config = self.config()
        self.assertEqual(config['engine.stop_timeout'], (3, self.conf + ':2'))
        self.assertEqual(config['engine.no_pivot_root'], (False, self.conf + ':3'))
        self.assertEqual(config['engine.namespace'], ('', self.conf + ':4'))
        self.assertEqual(config['containers.env'], (['A=1'], self.conf + ':8'))
        self.assertEqual(config['containers.shm_size'], (1 << 20, self.conf + ':9'))
        self.assertEqual(config['engine.runtimes'][0]['mine'], ['/bin/true'])
        self.assertIn('/usr/bin/runc', config['engine.runtimes'][0]['runc'])
        self.assertEqual(config['engine.static_dir'], (self.service.state('lib'), 'option'))
        self.assertEqual(config['engine.num_locks'], (2048, 'default'))
        self.assertNotIn('warnings', config)
        with self.assert_error('InvalidArgument', 'nonsense'):
            self.client.runtime('GetConfig', nonsense=True)

    def test_warnings(self):
        self.begin('warn', '[engine]\nstop_timeot = 3\nremote = true\n[engine.runtimes]\nnot_there = ["/nonexistent/x"]\n')
        warnings = self.config()['warnings'][0]
        self.assertEqual(len(warnings), 2, warnings)
        self.assertEqual(warnings[0], self.conf + ':2: engine.stop_timeot: there is no such key')
        self.assertIn('/nonexistent/x', warnings[1])
        self.assertIn('stop_timeot', self.service.said())

    def test_command(self):
        self.begin('command', '[engine]\nstop_timeout = 3\nstop_timeot = 3\n')
        cpod = [os.path.join(os.environ['CPOD_BUILD'], 'src', 'cli', 'cpod'), 'config']
        result = subprocess.run([*cpod, 'engine.stop_timeout'], check=True, capture_output=True, text=True)
        self.assertEqual(result.stdout.split(), ['engine.stop_timeout', self.conf + ':2', '3'])
        self.assertIn('stop_timeot', result.stderr)
        result = subprocess.run(cpod, check=True, capture_output=True, text=True)
        self.assertGreater(len(result.stdout.splitlines()), 45)
        result = subprocess.run([*cpod, '--format', 'json'], check=True, capture_output=True, text=True)
        self.assertEqual(json.loads(result.stdout)['engine.stop_timeout'], [3, self.conf + ':2'])
        result = subprocess.run([*cpod, 'no.key'], check=False, capture_output=True, text=True)
        self.assertEqual(result.returncode, 125)
        write(self.conf, '[engine]\nstop_timeout = 4\n')
        result = subprocess.run([*cpod, '--reload'], check=True, capture_output=True, text=True)
        self.assertEqual(result.stdout, 'engine.stop_timeout\n')


class EventLogTest(ConfigCase):
    def lines(self, *names):
        result = []
        for name in names or ('events.log',):
            with open(self.service.state('run', 'events', name), encoding='utf-8') as file:
                result += [json.loads(line) for line in file]
        return result

    def assert_logged(self, lines):
        events, _ = self.client.events()
        self.assertEqual([(line['Seq'], line['Type'], line['Status'], line['ID'], line['Name']) for line in lines],
                         [(e['seq'], e['type'], e['status'], e['id'], e['name']) for e in events])

    def log_is_complete(self, *names):
        try:
            lines = self.lines(*names)
        except (FileNotFoundError, json.JSONDecodeError):
            return None     # just renamed, or read while a line is being written
        return lines if lines and lines[-1]['Seq'] == self.client.last_seq() else None

    def test_file(self):
        self.begin('eventlog', '[engine]\nevents_logger = "file"\n')
        self.client.import_busybox()
        self.client.run('sh', '-c', 'exit 3', name='one')
        lines = wait_for(self.log_is_complete)
        self.assert_logged(lines)
        died = [line for line in lines if line['Status'] == 'died'][0]
        self.assertEqual((died['ContainerExitCode'], died['Image']), (3, 'busybox'))
        self.assertRegex(died['Time'], r'^[0-9-]{10}T[0-9:.]{15}Z$')
        self.assertEqual(os.stat(self.service.state('run', 'events', 'events.log')).st_mode & 0o777, 0o600)

    def test_what_a_killed_service_did_not_write_is_written_later(self):
        self.begin('eventlog-kill', '[engine]\nevents_logger = "file"\n')
        self.client.import_busybox()
        wait_for(self.log_is_complete)
        self.service.kill()
        self.service.start()    # without the file: nothing is logged
        self.client = self.service.client
        self.client.create('true', name='unlogged')
        self.service.kill()
        self.service.start(CPOD_CONF=self.conf)
        self.client = self.service.client
        self.assert_logged(wait_for(self.log_is_complete))

    def test_a_file_that_has_grown_makes_room(self):
        self.begin('eventlog-size', '[engine]\nevents_logger = "file"\nevents_logfile_max_size = 1000\n')
        self.client.import_busybox()
        for number in range(12):
            self.client.create('true', name=f'c{number}')
            wait_for(self.log_is_complete)
        lines = self.lines('events.log.1', 'events.log')
        self.assertLess(os.path.getsize(self.service.state('run', 'events', 'events.log')), 2000)
        self.assertEqual([line['Seq'] for line in lines], list(range(lines[0]['Seq'], self.client.last_seq() + 1)))

    def test_none(self):
        self.begin('eventlog-none', '[engine]\nevents_logger = "none"\n')
        self.client.import_busybox()
        self.assertEqual(os.path.exists(self.service.state('run', 'events', 'events.log')), False)


class LayerLimitsTest(ConfigCase):
    def test_limits(self):
        """A layer that is too large is refused and leaves nothing; a reload changes what is too large."""
        self.begin('limits', '[engine]\nlayer_size_max = "10k"\n')
        with self.assert_error('InvalidArchive', 'localhost/a:latest', '10240 bytes'):
            self.client.import_busybox('a')
        write(self.conf, '[engine]\nlayer_entries_max = 2\n')
        self.assertEqual(sorted(self.client.runtime('Reload')), ['engine.layer_entries_max', 'engine.layer_size_max'])
        with self.assert_error('InvalidArchive', 'localhost/a:latest', 'more than 2 entries'):
            self.client.import_busybox('a')
        self.assertEqual(os.listdir(self.service.state('lib', 'storage', 'overlay', 'tmp')), [])
        self.assertEqual(os.listdir(self.service.state('lib', 'storage', 'images', 'blobs', 'sha256')), [])
        write(self.conf, '[engine]\nlayer_entries_max = 0\nlayer_size_max = 0\n')
        self.client.runtime('Reload')
        self.client.import_busybox('a')


class ReloadTest(ConfigCase):
    def test_reload(self):
        self.begin('reload', '[engine]\nstop_timeout = 3\n')
        self.assertEqual(self.client.runtime('Reload'), [])
        write(self.conf, '[engine]\nstop_timeout = 4\nconmon_path = ["/x"]\n[containers]\npids_limit = 7\n')
        self.assertEqual(sorted(self.client.runtime('Reload')),
                         ['containers.pids_limit', 'engine.conmon_path (restart)', 'engine.stop_timeout'])
        config = self.config()
        self.assertEqual(config['engine.stop_timeout'], (4, self.conf + ':2'))
        self.assertEqual(config['containers.pids_limit'], (7, self.conf + ':5'))
        self.assertEqual(config['engine.conmon_path'][1], 'default')
        # What waits for a restart is told until then.
        self.assertEqual(self.client.runtime('Reload'), ['engine.conmon_path (restart)'])
        self.service.stop()
        self.service.start(CPOD_CONF=self.conf)
        self.client = self.service.client
        self.assertEqual(self.config()['engine.conmon_path'], (['/x'], self.conf + ':3'))

    def test_bad_file(self):
        self.begin('bad', '[engine]\nstop_timeout = 3\n')
        write(self.conf, '[engine]\nstop_timeout = "long"\n')
        with self.assert_error('BadConfig', self.conf + ':2: engine.stop_timeout: expected an integer, found a string'):
            self.client.runtime('Reload')
        self.assertEqual(self.config()['engine.stop_timeout'], (3, self.conf + ':2'))
        self.service.stop()
        self.refused(self.conf + ':2: engine.stop_timeout: expected an integer')
        write(self.conf, '[engine\n')
        self.refused(self.conf + ':1: ')
        os.unlink(self.conf)
        self.refused(self.conf, 'No such file')


class DefaultsTest(ConfigCase):
    def test_containers(self):
        self.begin('defaults', '[engine]\nstop_timeout = 2\n[containers]\ndefault_capabilities = ["KILL"]\n'
                   'default_ulimits = ["nofile=300:400"]\ndefault_sysctls = ["net.ipv4.ip_default_ttl=33"]\n'
                   'env = ["PATH=/bin", "FLAVOUR=sweet"]\npids_limit = 55\nshm_size = "2m"\n')
        self.client.import_busybox()
        container = self.client.create('sh', '-c', 'echo $FLAVOUR; ulimit -n; ulimit -Hn; df -k /dev/shm | tail -1;'
                                       ' grep CapBnd /proc/self/status; cat /proc/sys/net/ipv4/ip_default_ttl')
        self.assertEqual(json.loads(container.call('Inspect'))['Config']['StopTimeout'], 2)
        container.start()
        container.wait_exited()
        lines = container.output().splitlines()
        self.assertEqual(lines[:3], ['sweet', '300', '400'])
        self.assertEqual(lines[3].split()[1], '2048')
        self.assertEqual(int(lines[4].split()[1], 16), 1 << 5)
        self.assertEqual(lines[5], '33')
        # A reload is for containers to come, and needs no restart.
        write(self.conf, '[containers]\nenv = ["PATH=/bin", "FLAVOUR=sour"]\n')
        self.client.runtime('Reload')
        status, out = self.client.run('sh', '-c', 'echo $FLAVOUR')[:2]
        self.assertEqual((status, out.strip()), (0, 'sour'))

    def test_log_size(self):
        self.begin('log', '[containers]\nlog_size_max = "8k"\n')
        self.client.import_busybox()
        container = self.client.create('sh', '-c', 'i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done')
        container.start()
        container.wait_exited()
        size = os.path.getsize(self.service.state('lib', 'containers', container.id, 'ctr.log'))
        self.assertGreater(size, 0)
        self.assertLessEqual(size, 8192)

    def test_log_that_is_followed(self):
        """When conmon begins another file, the log goes on in that."""
        self.begin('followed', '[containers]\nlog_size_max = "8k"\n')
        self.client.import_busybox()
        script = 'while read n; do i=0; while [ $i -lt 80 ]; do echo line $n $i; i=$((i+1)); done; done'
        container = self.client.create('sh', '-c', script, stdin=True)
        with container.attach() as stream:
            container.start()
            with open(container.call('Logs', follow=True), encoding='ascii') as log:
                for number in range(6):         # of less than half a file each
                    stream.send(b'%d\n' % number)
                    lines = [log.readline().split(' ', 3)[3] for _ in range(80)]
                    self.assertEqual(lines, [f'line {number} {i}\n' for i in range(80)])
                container.kill()
                self.assertEqual(log.read(), '')
        self.assertLessEqual(os.path.getsize(self.service.state('lib', 'containers', container.id, 'ctr.log')), 8192)

    def test_runtime_by_name(self):
        self.begin('named', '[engine]\nruntime = "mine"\n[engine.runtimes]\nmine = ["/nonexistent/a", "/nonexistent/b"]\n')
        self.client.import_busybox()
        container = self.client.create('true')
        with self.assert_error('OciRuntime', '/nonexistent/a, /nonexistent/b'):
            container.start()


class A10PathsTest(ConfigCase):
    def modes(self, *names):
        return [oct(os.stat(self.service.state(*name.split('/'))).st_mode & 0o7777) for name in names]

    def test_a08_modes(self):
        self.begin('modes', '')
        names = ('lib', 'lib/containers', 'run', 'run/containers', 'run/runtime', 'run/exits', 'run/events')
        expected = ['0o700', '0o700', '0o751', '0o700', '0o700', '0o700', '0o700']
        self.assertEqual(self.modes(*names), expected)
        self.service.stop()
        os.chmod(self.service.state('run', 'exits'), 0o777)
        self.service.start(CPOD_CONF=self.conf)
        self.assertEqual(self.modes(*names), expected)

    def test_roots_are_nobody_elses(self):
        """What a container makes set-user-ID in its root is run by nobody on the host."""
        self.begin('reach', '')
        self.client.import_busybox()
        container = self.client.create('sleep', '1000')
        container.start()
        path = self.service.state('run', 'containers', container.id, 'rootfs', 'bin', 'busybox')
        self.assertTrue(os.path.exists(path))
        others = subprocess.run(['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', 'ls', path],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        self.assertIn(b'Permission denied', others.stderr)
        container.remove(force=True, timeout=0)

    def test_moved_below_root(self):
        """The whole state goes to another place: what it says of itself is not in the way."""
        self.begin('first', '')
        self.client.import_busybox()
        self.service.stop()
        first = self.service.root
        other = os.path.join(scratch(), 'second')
        os.makedirs(other)
        os.rename(os.path.join(first, 'lib'), os.path.join(other, 'lib'))
        moved = Service('second', root=other)
        self.addCleanup(moved.destroy)
        self.assertEqual(moved.client.run('true')[0], 0)

    def test_link_to_the_root(self):
        self.begin('linked', '')
        self.client.import_busybox()
        self.service.stop()
        link = os.path.join(scratch(), 'link')
        os.symlink(self.service.root, link)
        self.addCleanup(os.unlink, link)
        other = Service('linked', root=link + '/')
        self.assertEqual(other.client.runtime('GetConfig')['engine.static_dir'][0], link + '/lib')
        other.stop()

    def test_driver(self):
        self.begin('driver', '')
        self.client.import_busybox()
        self.service.stop()
        write(self.conf, '[storage]\ndriver = "btrfs"\n')
        self.refused('storage.driver', "'btrfs'", "'overlay'", "'vfs'")
        for driver in 'vfs', 'overlay':
            write(self.conf, f'[storage]\ndriver = "{driver}"\n')
            self.service.start(CPOD_CONF=self.conf)
            self.assertEqual(self.service.client.runtime('GetInfo')['store']['graphDriverName'], driver)
            write(self.conf, '')
            self.service.restart(CPOD_CONF=self.conf)
            self.assertEqual(self.service.client.runtime('GetConfig')['storage.driver'], (driver, 'database'))
            self.service.stop()

    def test_mount_options(self):
        self.begin('mountopt', '[storage.options.overlay]\nmountopt = "nosuid,metacopy=on"\n[storage.options]\nsize = "1"\n')
        self.client.import_busybox()
        store = self.client.runtime('GetInfo')['store']
        self.assertEqual(store['graphOptions'], {'overlay.mountopt': 'nosuid,metacopy=on'})
        self.assertEqual((store['graphStatus']['Using metacopy'], store['graphStatus']['Native Overlay Diff']), ('true', 'false'))
        container = self.client.create('true')
        path = container.call('Mount')
        with open('/proc/self/mountinfo', encoding='utf-8') as file:
            line, = (line for line in file if f' {path} ' in line)
        for word in 'nosuid', 'nodev', 'metacopy=on':
            self.assertIn(word, line)
        container.remove()
        self.service.stop()
        write(self.conf, '[storage.options.overlay]\nmountopt = "upperdir=/etc"\n')
        self.refused('storage.options.overlay.mountopt', "'upperdir=/etc'")
        write(self.conf, '')
        self.service.start(CPOD_CONF=self.conf)
        store = self.service.client.runtime('GetInfo')['store']
        self.assertEqual((store['graphOptions'], store['graphStatus']['Native Overlay Diff']), ({}, 'true'))

    def test_conflict(self):
        """Without --root: the paths are the files' own."""
        base = os.path.join(scratch(), 'own')
        self.conf = os.path.join(base, 'cpod.conf')

        def say(graph, more=''):
            write(self.conf, f'[engine]\nstatic_dir = "{base}/lib"\n{more}[storage]\nrunroot = "{base}/run"\n'
                             f'graphroot = "{base}/{graph}"\n')

        say('lib/storage')
        self.service = OwnService('own', CPOD_CONF=self.conf)
        self.addCleanup(self.service.destroy)
        self.service.client.import_busybox()
        self.service.stop()
        say('other')
        self.refused('storage.graphroot', base + '/lib/storage', base + '/other', self.conf + ':5', 'Set it back',
                     'engine.recorded_paths', options=())
        # Nothing of it was done: all ways are open.
        write(self.conf, f'[engine]\nstatic_dir = "{base}/lib"\n[storage]\nrunroot = "{base}/run"\n')
        self.service.start(CPOD_CONF=self.conf)
        self.assertEqual(self.service.client.run('true')[0], 0)
        self.service.stop()
        say('lib//storage/')
        self.service.start(CPOD_CONF=self.conf)
        self.service.stop()
        say('other', 'recorded_paths = "accept"\n')
        self.service.start(CPOD_CONF=self.conf)
        self.service.stop()
        write(self.conf, f'[engine]\nstatic_dir = "{base}/lib"\n[storage]\nrunroot = "{base}/run"\n')
        self.service.start(CPOD_CONF=self.conf)
        self.assertEqual(self.service.client.runtime('GetConfig')['storage.graphroot'], (base + '/other', 'database'))

    def test_run_root(self):
        """What runs is bound to where it was started."""
        base = os.path.join(scratch(), 'bound')
        self.conf = os.path.join(base, 'cpod.conf')
        text = f'[engine]\nstatic_dir = "{base}/lib"\n[storage]\nrunroot = "{base}/'
        write(self.conf, text + 'run"\n')
        self.service = OwnService('bound', CPOD_CONF=self.conf)
        self.addCleanup(self.service.destroy)
        self.service.client.import_busybox()
        container = self.service.client.create('sleep', '100', name='bound')
        container.start()
        self.service.stop()
        write(self.conf, text + 'run2"\n')
        self.refused('storage.runroot', base + '/run', 'containers run', options=())
        write(self.conf, text + 'run"\n')
        self.service.start(CPOD_CONF=self.conf)
        self.service.remove_all()
        self.service.stop()
        write(self.conf, text + 'run2"\n')
        self.service.start(CPOD_CONF=self.conf)
        self.assertEqual(self.service.client.run('true')[0], 0)


if __name__ == '__main__':
    main()
