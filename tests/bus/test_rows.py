#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What libpod can do, row by row, where no other test is about it. docs/libpod.md lists the rows."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cases import BusyboxCase  # noqa: E402
from service import (Case, CallError, Client, ERROR, Service, connect_peer, files_in, main, mounts_below,  # noqa: E402
                     scratch)

NOBODY = 65534


class A04Runtime(Case):
    """The engine is made of a configuration that does not change under it."""

    def setUp(self):
        self.path = os.path.join(scratch(), 'a04.conf')
        self.write('stop_timeout = 3\nevents_logger = "none"\n')

    def write(self, text):
        with open(self.path, 'w', encoding='utf-8') as file:
            file.write('[engine]\n' + text)

    def test_what_is_wrong_is_told_before_anything_is_made(self):
        root = os.path.join(scratch(), 'a04-bad')
        self.write('stop_timeout = "soon"\n')
        result = subprocess.run([os.environ['CPOD_DAEMON'], '--root', root], env={**os.environ, 'CPOD_CONF': self.path},
                                stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(f'{self.path}:2', result.stderr)
        self.assertFalse(os.path.exists(root))

    def test_who_has_the_configuration_has_a_copy(self):
        service = Service('a04', peer=True, CPOD_CONF=self.path)
        self.addCleanup(service.destroy)
        client = service.client
        client.import_busybox()
        old = client.create('true', name='old')
        before = client.runtime('GetConfig')
        self.write('stop_timeout = 4\nevents_logger = "file"\n')
        self.assertEqual(client.runtime('GetConfig'), before)
        self.assertIn('engine.stop_timeout', client.runtime('Reload'))
        self.assertEqual(client.runtime('GetConfig')['engine.stop_timeout'][0], 4)
        new = client.create('true', name='new')
        self.assertEqual([c.inspect()['Config']['StopTimeout'] for c in (old, new)], [3, 4])
        service.remove_all()


class A05UserTest(Case):
    """A user's own engine, without root: where it keeps what."""

    def setUp(self):
        self.base = tempfile.mkdtemp(dir='/tmp')
        self.addCleanup(shutil.rmtree, self.base, True)
        os.chmod(self.base, 0o711)
        for name in ('run', 'data', 'config'):
            os.mkdir(os.path.join(self.base, name), 0o700)
            os.chown(os.path.join(self.base, name), NOBODY, NOBODY)

    def start(self):
        """The process and our end of its socket."""
        ours, theirs = socket.socketpair()
        environment = {'PATH': os.environ['PATH'], 'HOME': self.base, 'LSAN_OPTIONS': 'detect_leaks=0',
                       **{f'XDG_{key}': os.path.join(self.base, name) for key, name in
                          (('RUNTIME_DIR', 'run'), ('DATA_HOME', 'data'), ('CONFIG_HOME', 'config'))}}
        with theirs:
            process = subprocess.Popen(
                ['setpriv', f'--reuid={NOBODY}', f'--regid={NOBODY}', '--clear-groups', os.environ['CPOD_DAEMON'],
                 '--peer', str(theirs.fileno())], pass_fds=[theirs.fileno()], env=environment, cwd='/',
                stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.kill)
        return process, ours

    def test_directories(self):
        process, ours = self.start()
        client = Client(connect_peer(ours), None)
        client.wait_running(60)
        config = client.runtime('GetConfig')
        self.assertEqual(config['engine.static_dir'][0], os.path.join(self.base, 'data', 'cpod'))
        self.assertEqual(config['storage.runroot'][0], os.path.join(self.base, 'run', 'cpod'))
        self.assertEqual(client.check(), [])
        self.assertEqual(os.stat(os.path.join(self.base, 'data', 'cpod')).st_mode & 0o777, 0o700)
        self.assertEqual(os.listdir(os.path.join(self.base, 'config')), [])
        client.close()
        self.assertEqual(process.wait(60), 0)

    def refused(self, *words):
        process, ours = self.start()
        with ours:
            said = process.communicate(timeout=60)[1]
        self.assertNotEqual(process.returncode, 0)
        for word in ('XDG_RUNTIME_DIR', os.path.join(self.base, 'run'), *words):
            self.assertIn(word, said)
        self.assertEqual(files_in(os.path.join(self.base, 'run')), [])

    def test_a_runtime_directory_that_others_may_write_to(self):
        os.chmod(os.path.join(self.base, 'run'), 0o777)
        self.refused('0700')

    def test_a_runtime_directory_of_somebody_else(self):
        os.chown(os.path.join(self.base, 'run'), 0, 0)
        self.refused(f'user {NOBODY}')

    def test_a_link_for_a_runtime_directory(self):
        os.rename(os.path.join(self.base, 'run'), os.path.join(self.base, 'real'))
        os.symlink('real', os.path.join(self.base, 'run'))
        self.refused()


class A16Locks(BusyboxCase):
    def test_there_is_no_number_of_locks_to_run_out_of(self):
        """More containers than libpod has locks, each with a lock when it is wanted."""
        config = self.client.runtime('GetConfig')
        count = config['engine.num_locks'][0] + 200
        self.assertGreater(count, 2048)
        database_only = [self.client.create('true', auto_remove=True).id for _ in range(count)]
        self.assertEqual(len({row['id'] for row in self.client.list(all=True)}), count)
        last = self.client.container(database_only[-1])
        last.rename('the-last')
        last.start()
        last.wait()


class A20Names(BusyboxCase):
    def test_generated(self):
        """Two words; an id that nobody takes for a number."""
        for _ in range(50):
            container = self.client.create('true')
            self.assertRegex(container.name, '^[a-z]+_[a-z]+(_[0-9a-f]{6})?$')
            self.assertRegex(container.id, '^[0-9a-f]{64}$')
            self.assertFalse(container.id[:12].isdigit())

    def test_given(self):
        for name in ('a', '0', 'A.b-c_d', 'x' * 253):
            self.assertEqual(self.client.create('true', name=name).name, name)
        for name in ('', '-a', '.a', '_a', 'a b', 'a/b', '/a', 'ä', 'x' * 254):
            with self.assert_error('InvalidArgument', "'name'"):
                self.client.create('true', name=name)

    def test_taken(self):
        holder = self.client.create('true', name='mine')
        with self.assert_error('ContainerExists', 'mine', holder.id[:12]):
            self.client.create('true', name='mine')


class A22Setup(BusyboxCase):
    """A container is there with all that belongs to it, or nothing of it is."""

    def test_a_step_that_fails_takes_back_those_before(self):
        for parts in (('lib', 'containers'), ('lib', 'storage', 'overlay', 'c')):
            path = self.service.state(*parts)
            before = self.client.last_seq()
            os.rename(path, path + '.away')
            with open(path, 'w', encoding='utf-8'):
                pass
            try:
                with self.assertRaises(CallError) as caught:
                    self.client.create('true', name='half')
                self.assertTrue(caught.exception.name.startswith(ERROR), caught.exception.name)
            finally:
                os.unlink(path)
                os.rename(path + '.away', path)
            self.assertEqual((self.client.list(all=True), self.service.left_behind()), ([], []))
            self.assertEqual(self.client.last_seq(), before)
            self.client.create('true', name='half').remove()


class A28Rename(BusyboxCase):
    def recorded(self, container):
        with open(self.service.state('lib', 'containers', container.id, 'container.json'), encoding='utf-8') as file:
            return json.load(file)['name']

    def test_in_each_state(self):
        container = self.client.create('sleep', '1000', name='configured')
        path = container.path
        steps = (('created', container.init), ('running', container.start), ('paused', lambda: container.call('Pause')),
                 ('unpaused', lambda: container.call('Unpause')), ('exited', lambda: container.stop(timeout=0)))
        for name, step in steps:
            step()
            old = container.name
            container.rename(name)
            event = self.client.events()[0][-1]
            self.assertEqual((event['status'], event['name'], event['attributes']['old-name']), ('rename', name, old))
            self.assertEqual((container.get('Name'), container.inspect()['Name'], self.recorded(container)), (name,) * 3)
            self.assertEqual(self.client.runtime('GetContainer', 's', name), path)
            with self.assert_error('NoSuchContainer', old):
                self.client.runtime('GetContainer', 's', old)

    def test_refused(self):
        holder = self.client.create('true', name='taken')
        container = self.client.create('true', name='mine')
        for name, error in (('taken', 'ContainerExists'), ('mine', 'InvalidArgument'), ('', 'InvalidArgument'),
                            ('-x', 'InvalidArgument'), ('a/b', 'InvalidArgument'), ('x' * 254, 'InvalidArgument')):
            with self.assert_error(error):
                container.call('Rename', 's', name)
        with self.assert_error('ContainerExists', holder.id[:12]):
            container.call('Rename', 's', 'taken')
        self.assertEqual((container.get('Name'), self.recorded(container)), ('mine', 'mine'))

    def test_the_old_name_is_free(self):
        container = self.client.create('true', name='first')
        container.rename('second')
        other = self.client.create('true', name='first')
        self.assertNotEqual(other.id, container.id)

    def test_nothing_of_it_lies_about_under_a_name(self):
        """What is on disk is known by the id, so nothing has to follow."""
        container = self.client.create('sleep', '1000', name='visible')
        container.start()
        for base, names, files in os.walk(self.service.root):
            if '/diff' not in base and '/rootfs' not in base:
                self.assertFalse([name for name in names + files if 'visible' in name], base)
        self.assertFalse([point for point in mounts_below(self.service.root) if 'visible' in point])
        self.assertIn(container.id, files_in(self.service.root, 'lib', 'containers'))


if __name__ == '__main__':
    main()
