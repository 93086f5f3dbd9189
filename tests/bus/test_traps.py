#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Weaknesses that libpod's design has, or had, and cpod's has not. docs/libpod.md lists them by number."""

import contextlib
import json
import os
import shutil
import sqlite3
import stat
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cases import BusyboxCase  # noqa: E402
from service import (CallError, ERROR, Service, command_line, files_in, is_alive, main,  # noqa: E402
                     parent_of, processes_with, scratch, wait_for)

STUBBORN = 'trap "" TERM; echo ready; while :; do sleep 0.05; done'
PODMANS_FILES = ('/etc/containers', '/etc/cpod', os.path.expanduser('~/.config/containers'),
                 os.path.expanduser('~/.config/cpod'))


class TrapCase(BusyboxCase):
    def stubborn(self, **options):
        container = self.client.create('sh', '-c', STUBBORN, **options)
        container.start()
        wait_for(lambda: container.output() == 'ready\n', 60, 'the signal handler')
        return container

    def statuses(self, ident, since=0):
        return [event['status'] for event in self.client.events(since)[0] if event['id'] == ident]

    @contextlib.contextmanager
    def database(self, sql, undo):
        """The service's database with something wrong in it for a while."""
        database = sqlite3.connect(self.service.state('lib', 'cpod.db'), isolation_level=None, timeout=60)
        database.execute(sql)
        try:
            yield
        finally:
            database.execute(undo)
            database.close()

    def wait_stopping(self, thread, container):
        """Waits until what the thread does to the container has begun, or is over already."""
        def begun():
            with contextlib.suppress(CallError):
                return container.get('State') == 'stopping' or not thread.is_alive()
            return True
        wait_for(begun, 60, 'the stop')

    def in_thread(self, function):
        """Runs it beside; gives the thread and the list that gets what went wrong."""
        errors = []

        def run():
            try:
                function()
            except CallError as error:
                errors.append(error.name)
        thread = threading.Thread(target=run)
        thread.start()
        return thread, errors


def snapshot(directories):
    """What files there are, and when they were changed."""
    found = {}
    for directory in directories:
        for base, names, files in os.walk(directory):
            for name in names + files:
                path = os.path.join(base, name)
                info = os.lstat(path)
                found[path] = (info.st_mtime_ns, info.st_ctime_ns, info.st_size)
    return found


class OneProcess(TrapCase):
    """What is not needed where one service has the state for itself."""

    def test_trap_04_no_configuration_is_written(self):
        before = snapshot(PODMANS_FILES)
        service = Service('writes-none', peer=True, HOME=os.path.join(scratch(), 'home'))
        self.addCleanup(service.destroy)
        service.client.import_busybox()
        self.assertEqual(service.client.run('true')[0], 0)
        service.client.runtime('Reload')
        service.restart(HOME=os.path.join(scratch(), 'home'))
        self.assertEqual(snapshot(PODMANS_FILES), before)
        self.assertEqual(files_in(scratch(), 'home'), [])

    def test_trap_10_no_lock_is_left_to_children(self):
        """Whatever runs for longer than the service has none of its files open."""
        container = self.sleeper()
        pids = [container.get('Pid'), *processes_with(self.service.root, 'conmon')]
        self.assertGreater(len(pids), 1)
        own = self.service.state('lib', 'cpod')
        for pid in pids:
            for fd in files_in(f'/proc/{pid}/fd'):
                with contextlib.suppress(FileNotFoundError):
                    self.assertFalse(os.readlink(f'/proc/{pid}/fd/{fd}').startswith(own), command_line(pid))

    def test_trap_12_and_18_it_does_not_run_itself_again(self):
        """It stays the process that it is, in the user namespace that it was started in; nothing calls it back."""
        program = os.readlink(f'/proc/{self.service.process.pid}/exe')
        container = self.sleeper()
        again = [pid for pid in filter(str.isdigit, os.listdir('/proc'))
                 if parent_of(pid) == self.service.process.pid and self.program(pid) == program]
        self.assertEqual(again, [])
        self.assertEqual(os.readlink(f'/proc/{self.service.process.pid}/ns/user'), os.readlink('/proc/self/ns/user'))
        for pid in processes_with(self.service.root, 'conmon'):
            self.assertNotIn('--exit-command', command_line(pid))
            self.assertNotIn(program, command_line(pid))
        container.kill()
        container.wait_exited()

    def program(self, pid):
        try:
            return os.readlink(f'/proc/{pid}/exe')
        except OSError:
            return ''

    def test_trap_20_no_directory_that_others_can_guess(self):
        """Nothing is made below TMPDIR, where anybody may have been before."""
        decoy = os.path.join(scratch(), 'tmp')
        os.makedirs(decoy)
        os.chmod(decoy, 0o1777)
        service = Service('no-tmp', peer=True, TMPDIR=decoy)
        self.addCleanup(service.destroy)
        before = os.stat(decoy).st_mtime_ns
        service.client.import_busybox()
        self.assertEqual(service.client.run('true')[0], 0)
        self.assertEqual((os.listdir(decoy), os.stat(decoy).st_mtime_ns), ([], before))

    def test_trap_26_what_a_container_is_given_is_for_root_only(self):
        """Nobody else can read what may be a secret, wherever it is kept."""
        container = self.sleeper(env=['SECRET=dragonfly'], labels={'key': 'dragonfly'}, name='secretive')
        found = []
        for base, _, files in os.walk(self.service.root):
            if '/overlay' in base or '/rootfs' in base:
                continue
            for name in files:
                path = os.path.join(base, name)
                if not stat.S_ISREG(os.lstat(path).st_mode):
                    continue
                with open(path, 'rb') as file:
                    if b'dragonfly' in file.read():
                        found.append(path)
        self.assertTrue(found)
        for path in found:
            self.assertTrue(self.is_closed(path), path)
        for key, value in container.get_all().items():
            self.assertNotIn('dragonfly', str(value), key)
        for event in self.client.events()[0]:
            self.assertNotIn('dragonfly', str({key: value for key, value in event.items() if key not in ('attributes', 'labels')}))

    def is_closed(self, path):
        """Whether the file, or a directory on the way to it, keeps others out."""
        while path != self.service.root:
            mode = os.stat(path).st_mode
            if not mode & (stat.S_IROTH if stat.S_ISREG(mode) else stat.S_IXOTH):
                return True
            path = os.path.dirname(path)
        return False


class Creation(TrapCase):
    def test_trap_22_generated_names_do_not_run_out(self):
        """A name is taken by the commit and not before; who loses draws again."""
        with self.database("CREATE TRIGGER refuse BEFORE INSERT ON name WHEN NEW.name NOT GLOB '*_*_*'"
                           " BEGIN SELECT RAISE(ABORT, 'taken'); END", 'DROP TRIGGER refuse'):
            names = {self.client.create('true').name for _ in range(20)}
            with self.assert_error('ContainerExists', 'given'):
                self.client.create('true', name='given')
        self.assertEqual(len(names), 20)

    def test_trap_23_the_same_under_two_names_is_one(self):
        base = self.client.create('true', name='base')
        container = self.client.create('true', name='user', depends=['base', base.id, base.id[:20]])
        self.assertEqual(container.inspect()['Dependencies'], [base.id])
        container.remove()

    def test_trap_25_a_failed_create_leaves_nothing(self):
        for options in ({'name': 'taken'}, {'user': 'x' * 5000, 'workdir': 'relative'}, {'depends': ['nobody']}):
            if options.get('name'):
                self.client.create('true', name='taken')
            before = (self.service.left_behind(), self.client.last_seq())
            with self.assertRaises(CallError):
                self.client.create('true', **options)
            self.assertEqual((self.service.left_behind(), self.client.last_seq()), before)
        self.assert_well(self.service)

    def test_trap_27_a_stop_timeout_that_was_given_stays(self):
        containers = [self.client.create('true', name=f'stops-{seconds}', stop_timeout=seconds) for seconds in (0, 10, 37)]
        for container in containers:
            container.start()
            container.wait_exited()
            container.start()
            container.wait_exited()
        self.assertEqual([container.inspect()['Config']['StopTimeout'] for container in containers], [0, 10, 37])

    def test_trap_28_a_default_that_was_given_is_not_taken_for_the_default(self):
        """That a value is the usual one does not tell that nobody asked for it."""
        path = os.path.join(scratch(), 'default.conf')
        with open(path, 'w', encoding='utf-8') as file:
            file.write('[engine]\nstop_timeout = 10\n')
        service = Service('given-default', peer=True, CPOD_CONF=path)
        self.addCleanup(service.destroy)
        config = service.client.runtime('GetConfig')
        self.assertEqual(config['engine.stop_timeout'], (10, f'{path}:2'))
        self.assertEqual(config['engine.num_locks'][1], 'default')

    def test_trap_29_no_command_is_stored_that_must_be_rewritten(self):
        """A name that changes is nowhere in a command line that somebody would have to take apart."""
        container = self.sleeper(name='before')
        container.rename('after')
        for pid in processes_with(self.service.root, 'conmon'):
            self.assertNotIn('--exit-command', command_line(pid))
        self.assertNotIn('ExitCommand', json.dumps(container.inspect()))
        container.kill()
        container.wait_exited()
        events = [event for event in self.client.events()[0] if event['id'] == container.id]
        self.assertEqual([(event['status'], event['name']) for event in events[-3:]],
                         [('kill', 'after'), ('died', 'after'), ('cleanup', 'after')])

    def test_trap_30_what_is_restored_keeps_its_time_and_runtime(self):
        """A container that is rebuilt from its own record is the one that it was."""
        service = Service('keeps', peer=True)
        self.addCleanup(service.destroy)
        service.client.import_busybox()
        container = service.client.create('true', name='kept')
        keys = ('Created', 'OCIRuntime', 'Id', 'Image')
        before = {key: container.inspect()[key] for key in keys}
        service.stop()
        for name in files_in(service.root, 'lib'):
            if name.startswith('cpod.db'):
                os.unlink(service.state('lib', name))
        service.start()
        after = service.client.container('kept').inspect()
        self.assertEqual({key: after[key] for key in keys}, before)

    def test_trap_52_a_create_without_its_event_did_not_happen(self):
        before = (self.client.list(), self.service.left_behind(), self.client.last_seq())
        with self.database("CREATE TRIGGER refuse BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'no events'); END",
                           'DROP TRIGGER refuse'):
            with self.assert_error('StoreFailed', 'no events'):
                self.client.create('true', name='unheard-of')
        self.assertEqual((self.client.list(), self.service.left_behind(), self.client.last_seq()), before)
        self.assert_well(self.service)
        self.client.create('true', name='unheard-of')


class Renaming(TrapCase):
    def test_trap_31_and_33_nobody_works_with_an_older_name(self):
        """One client renames, another one removes: what is removed, and told, has the newest name."""
        other = self.service.connect()
        self.addCleanup(other.close)
        for number in range(30):
            container = self.client.create('true', name=f'old-{number}')
            container.rename(f'new-{number}')
            other.container(container.id).remove()
            event = self.client.events()[0][-1]
            self.assertEqual((event['status'], event['name']), ('remove', f'new-{number}'))
            self.client.create('true', name=f'old-{number}').remove()

    def test_trap_32_a_rename_is_whole_or_not_at_all(self):
        self.client.create('true', name='taken')
        container = self.client.create('true', name='first')
        with self.assert_error('ContainerExists', 'taken'):
            container.rename('taken')
        self.assertEqual(self.names(container), {'first'})
        with self.database("CREATE TRIGGER refuse BEFORE INSERT ON event WHEN NEW.status = 'rename'"
                           " BEGIN SELECT RAISE(ABORT, 'no events'); END", 'DROP TRIGGER refuse'):
            with self.assert_error('StoreFailed'):
                container.rename('second')
        self.assertEqual(self.names(container), {'first'})
        container.rename('second')
        self.assertEqual(self.names(container), {'second'})
        self.assertEqual(self.statuses(container.id), ['create', 'rename'])

    def names(self, container):
        """What it is called, wherever that stands."""
        with open(self.service.state('lib', 'containers', container.id, 'container.json'), encoding='utf-8') as file:
            recorded = json.load(file)['name']
        listed = {row['id']: row['name'] for row in self.client.list()}[container.id]
        return {recorded, listed, container.get('Name'), container.inspect()['Name']}


class Removal(TrapCase):
    def test_trap_34_a_failing_store_does_not_mean_that_it_is_gone(self):
        container = self.sleeper(name='there')
        with self.database('ALTER TABLE container RENAME TO mislaid', 'ALTER TABLE mislaid RENAME TO container'):
            for call in (lambda: container.remove(force=True), lambda: self.client.runtime('Remove', 's', 'there', force=True),
                         lambda: self.client.runtime('Evict', 's', 'there')):
                with self.assert_error('StoreFailed'):
                    call()
        self.assertTrue(is_alive(container.get('Pid')))
        self.assertEqual([row['name'] for row in self.client.list()], ['there'])

    def test_trap_35_what_it_refers_to_is_gone(self):
        """An error that names it, and the service lives."""
        service = Service('refers', peer=True)
        self.addCleanup(service.destroy)
        service.client.import_busybox()
        container = service.client.create('true', name='orphan')
        layers = service.state('lib', 'storage', 'overlay', 'layers')
        os.rename(layers, layers + '.away')
        with self.assertRaises(CallError) as caught:
            container.start()
        self.assertTrue(caught.exception.name.startswith(ERROR))
        self.assertIn('orphan', caught.exception.message)
        container.remove()
        os.rename(layers + '.away', layers)
        self.assert_nothing_left(service)

    def test_trap_37_nobody_starts_what_is_being_removed(self):
        container = self.stubborn(name='going')
        other = self.service.connect()
        self.addCleanup(other.close)
        thread, errors = self.in_thread(lambda: self.client.runtime('Remove', 's', 'going', force=True, timeout=5))
        self.wait_stopping(thread, container)
        refused = set()
        while thread.is_alive():
            for method in ('Start', 'Restart', 'Pause'):
                try:
                    other.container(container.id).call(method)
                    self.fail(f'{method} worked')
                except CallError as error:
                    refused.add(error.name)
        thread.join()
        self.assertEqual(errors, [])
        self.assertLessEqual(refused, {ERROR + 'BeingRemoved', ERROR + 'InvalidState', ERROR + 'NoSuchContainer',
                                       'org.freedesktop.DBus.Error.UnknownMethod',
                                       'org.freedesktop.DBus.Error.UnknownObject'})
        self.assertEqual(self.statuses(container.id).count('start'), 1)

    def test_trap_38_one_that_is_stopping_is_waited_for(self):
        container = self.stubborn(name='slow')
        pid = container.get('Pid')
        thread, errors = self.in_thread(lambda: container.stop(timeout=5))
        self.wait_stopping(thread, container)
        self.service.connect().runtime('Remove', 's', 'slow', force=True)
        self.assertFalse(is_alive(pid))
        thread.join()
        self.assertLessEqual(set(errors), {ERROR + 'NoSuchContainer', ERROR + 'BeingRemoved', ERROR + 'InvalidState'})
        self.assertEqual(self.statuses(container.id).count('died'), 1)
        self.assertEqual(self.statuses(container.id)[-1], 'remove')

    def test_trap_40_the_runtime_s_record_is_gone_already(self):
        """Clearing away does not depend on what the OCI runtime still knows."""
        ended = self.client.create('true', name='ended')
        ended.init()
        running = self.sleeper(name='running')
        pid = running.get('Pid')
        for container in (ended, running):
            directory = self.service.state('run', 'runtime', container.id)
            os.rename(directory, directory + '.away')
            self.addCleanup(lambda path=directory + '.away': shutil.rmtree(path, True))
        for container in (ended, running):
            container.remove(force=True, timeout=0)
        self.assertFalse(is_alive(pid))
        for name in files_in(self.service.root, 'run', 'runtime'):
            if name.endswith('.away'):
                shutil.rmtree(self.service.state('run', 'runtime', name))

    def test_trap_41_no_event_of_a_removal_that_failed(self):
        container = self.client.create('true', name='stays')
        with self.database("CREATE TRIGGER refuse BEFORE DELETE ON container BEGIN SELECT RAISE(ABORT, 'it stays'); END",
                           'DROP TRIGGER refuse'):
            with self.assert_error('StoreFailed', 'it stays'):
                container.remove()
            with self.assert_error('ContainerExists'):
                self.client.create('true', name='stays')
        self.assertEqual(self.statuses(container.id), ['create'])
        self.assertEqual([row['id'] for row in self.client.list()], [container.id])
        container.remove()
        self.assertEqual(self.statuses(container.id), ['create', 'remove'])

    def test_trap_42_what_removal_does_not_know_it_refuses(self):
        """An option that would mean something else to the reader than to the engine is no option."""
        container = self.client.create('true', name='careful')
        for key in ('volumes', 'remove-named'):
            with self.assert_error('InvalidArgument', key):
                container.remove(**{key: True})
        self.assertEqual(container.get('State'), 'configured')

    def test_trap_43_when_the_reply_comes_it_is_gone(self):
        other = self.service.connect()
        self.addCleanup(other.close)
        for number in range(20):
            container = self.client.create('true', name='short')
            container.remove()
            with self.assert_error('NoSuchContainer', 'short'):
                other.runtime('GetContainer', 's', 'short')
            self.assertEqual(other.events()[0][-1]['status'], 'remove', number)
            self.assertNotIn(container.id, self.service.left_behind())

    def test_trap_45_one_that_is_gone_cannot_be_evicted(self):
        container = self.client.create('true', name='gone')
        container.remove()
        for name in ('gone', container.id, container.id[:12]):
            with self.assert_error('NoSuchContainer', name):
                self.client.runtime('Evict', 's', name)

    def test_trap_46_an_error_is_what_it_is_however_deep_it_came_from(self):
        """Each layer says what it was doing; none changes what it was."""
        self.client.create('true', name='user')
        cases = (('NoSuchImage', 'nowhere', lambda: self.client.create('true', image='nowhere')),
                 ('ImageInUse', 'busybox', lambda: self.client.images('RemoveImage', 's', 'busybox')),
                 ('ContainerExists', 'user', lambda: self.client.create('true', name='user')),
                 ('InvalidArgument', 'no-such-signal', lambda: self.client.create('true', stop_signal='no-such-signal')),
                 ('NoSuchContainer', 'nobody', lambda: self.client.create('true', depends=['nobody'])))
        for name, word, call in cases:
            with self.assert_error(name, word):
                call()


class Looking(TrapCase):
    def test_trap_47_what_cannot_be_looked_at_still_runs(self):
        """A list is what is recorded: no file and no process is asked, and none can make it wrong."""
        container = self.sleeper(name='runs')
        away = []
        for name in ('runtime', 'exits'):
            path = self.service.state('run', name, container.id)
            if os.path.exists(path):
                os.rename(path, path + '.away')
                away.append(path)
        self.assertTrue(away)
        try:
            self.assertEqual([row['name'] for row in self.client.list(state=['running'])], ['runs'])
        finally:
            for path in away:
                os.rename(path + '.away', path)


if __name__ == '__main__':
    main()
