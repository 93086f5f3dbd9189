#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bad input: each is answered by name, says what was bad, and leaves nothing behind."""

import os
import sqlite3
import subprocess
import time

from archives import BAD, HOSTILE, busybox_with
from cases import BusyboxCase
from service import CallError, Case, GLib, NAME, PROPERTIES, ROOT_PATH, RUNTIME, Service, image_tar, main, scratch

ID = '0123456789abcdef' * 4


class BadInputCase(BusyboxCase):
    def tearDown(self):
        super().tearDown()
        self.assertEqual(len(self.client.images('ListImages')), 1)


class OptionsTest(BadInputCase):
    def test_unknown_key(self):
        container = self.client.create('true')
        for call in (lambda **o: self.client.create('true', **o), lambda **o: container.call('Stop', **o),
                     lambda **o: container.call('Start', **o), lambda **o: container.call('Remove', **o),
                     lambda **o: container.call('Logs', **o), lambda **o: self.client.runtime('ListContainers', **o),
                     lambda **o: self.client.runtime('GetEvents', 't', 0, **o), lambda **o: self.client.runtime('Check', **o),
                     lambda **o: self.client.import_busybox(**o),
                     lambda **o: self.client.images('RemoveImage', 's', 'busybox', **o)):
            with self.assert_error('InvalidArgument', 'no-such-key'):
                call(no_such_key=True)

    def test_wrong_type(self):
        container = self.client.create('true')
        with self.assert_error('InvalidArgument', "'workdir'", "'s'", "'u'"):
            self.client.create('true', workdir=GLib.Variant('u', 1))
        with self.assert_error('InvalidArgument', "'command'", "'as'", "'s'"):
            self.client.create(command=GLib.Variant('s', 'true'), image='busybox')
        with self.assert_error('InvalidArgument', "'labels'", "'a{ss}'"):
            self.client.create('true', labels=GLib.Variant('as', ['a=b']))
        with self.assert_error('InvalidArgument', "'timeout'", "'u'", "'i'"):
            container.stop(timeout=GLib.Variant('i', -1))
        with self.assert_error('InvalidArgument', "'force'", "'b'"):
            container.remove(force='yes')

    def test_values(self):
        for key, value, word in (
                ('workdir', 'relative', 'relative'), ('env', ['NOEQUALS'], 'KEY=value'), ('env', ['=x'], 'KEY=value'),
                ('hostname', 'a b', 'a b'), ('hostname', 'x' * 65, 'xxx'), ('network', 'bridge', 'bridge'),
                ('stop-signal', 'SIGNOPE', 'SIGNOPE'), ('cap-add', ['NO_SUCH'], 'NO_SUCH'), ('cap-drop', ['NO_SUCH'], 'NO_SUCH'),
                ('name', 'with space', 'with space'), ('name', '', 'name'), ('name', '../up', '../up'), ('name', '-dash', '-dash')):
            with self.subTest(key=key, value=value), self.assert_error('InvalidArgument', key, word):
                self.client.create('true', **{key.replace('-', '_'): value})
        for key, value in (('state', ['sleeping']), ('fields', ['secrets'])):
            with self.assert_error('InvalidArgument', key, value[0]):
                self.client.list(**{key: value})
        for limit in (0, 1001):
            with self.assert_error('InvalidArgument', 'limit'):
                self.client.events(limit=limit)
        container = self.client.create('true')
        for conditions in ([], ['sleeping'], ['removing']):
            with self.assert_error('InvalidArgument', 'condition', *conditions):
                container.call('Wait', condition=conditions)
        with self.assert_error('InvalidArgument', 'signal', '99'):
            container.kill(signal='99')

    def test_key_given_twice(self):
        builder = GLib.Variant.parse(None, "('busybox', @a{sv} {'name': <'a'>, 'name': <'b'>})", None, None)
        self.assertEqual(builder.get_child_value(1).n_children(), 2)
        with self.assert_error('InvalidArgument', 'name', 'twice'):
            self.client.call_raw(RUNTIME, NAME + '.Runtime', 'Create', builder)

    def test_names(self):
        self.client.create('true', name='taken')
        other = self.client.create('true', name='other')
        since = self.client.last_seq()
        with self.assert_error('ContainerExists', 'taken'):
            self.client.create('true', name='taken')
        with self.assert_error('ContainerExists', 'taken'):
            other.rename('taken')
        with self.assert_error('InvalidArgument', 'no good'):
            other.rename('no good')
        with self.assert_error('InvalidArgument', 'other'):
            other.rename('other')
        with self.assert_error('NoSuchContainer', 'nobody'):
            self.client.runtime('Rename', 'ss', 'nobody', 'x')
        self.assertEqual(self.client.events(since)[0], [])
        self.assertEqual(other.get('Name'), 'other')

    def test_missing(self):
        for method in ('GetContainer', 'Remove'):
            for name in ('nobody', 'abcdef', ID):
                with self.assert_error('NoSuchContainer', name):
                    self.client.runtime(method, 's', name)
        for call in (lambda: self.client.create('true', image='nothing'), lambda: self.client.images('GetImage', 's', 'nothing'),
                     lambda: self.client.images('RemoveImage', 's', 'nothing')):
            with self.assert_error('NoSuchImage', 'nothing'):
                call()
        with self.assert_error('InvalidArgument'):
            self.client.images('GetImage', 's', 'No Image!')

    def test_image_in_use(self):
        self.client.create('true')
        with self.assert_error('ImageInUse', 'busybox'):
            self.client.images('RemoveImage', 's', 'busybox')

    def test_wrong_signature(self):
        with self.assert_error('org.freedesktop.DBus.Error.InvalidArgs'):
            self.client.call_raw(RUNTIME, NAME + '.Runtime', 'Create', GLib.Variant('(s)', ('busybox',)))

    def test_too_many_values(self):
        with self.assert_error('InvalidArgument', "'name'", '101'):
            self.client.list(name=['x'] * 101)
        self.assertEqual(self.client.list(name=['no-such'] * 100), [])
        with self.assert_error('InvalidArgument', "'status'"):
            self.client.events(status=['x'] * 101)

    def test_unknown_objects(self):
        for path in (f'{ROOT_PATH}/containers/{ID}', f'{ROOT_PATH}/containers/x', f'{ROOT_PATH}/images/{ID}',
                     f'{ROOT_PATH}/jobs/1_1/1', ROOT_PATH, '/'):
            with self.subTest(path=path):
                interface = 'Image' if 'images' in path else 'Job' if 'jobs' in path else 'Container'
                with self.assertRaises(CallError) as raised:
                    self.client.call(path, interface, 'Wait' if interface == 'Job' else 'Inspect')
                self.assertIn(raised.exception.name.rsplit('.', 1)[1],
                              ('UnknownObject', 'UnknownMethod', 'UnknownInterface', 'NoSuchContainer', 'NoSuchImage'),
                              raised.exception)
                with self.assertRaises(CallError):
                    self.client.property(path, interface, 'Id')
        self.assertEqual(self.client.properties(f'{ROOT_PATH}/execs/{ID}', 'Exec'), {})     # as those that are there
        with self.assert_error('org.freedesktop.DBus.Error.UnknownMethod', 'Destroy'):
            self.client.runtime('Destroy')

    def test_properties_of_unknown_objects(self):
        """They are not said to have none."""
        gone = self.client.create('true', name='gone')
        self.assertEqual(gone.get_all()['Name'], gone.get('Name'))
        gone.remove()
        image, = self.client.managed('images')
        self.assertEqual(self.client.properties(image, 'Image')['Id'], self.client.property(image, 'Image', 'Id'))
        for path, interface in ((gone.path, 'Container'), (f'{ROOT_PATH}/containers/{ID}', 'Container'), (f'{ROOT_PATH}/images/{ID}', 'Image')):
            with self.subTest(path=path):
                for read in (lambda: self.client.properties(path, interface), lambda: self.client.property(path, interface, 'Id')):
                    with self.assert_error('org.freedesktop.DBus.Error.UnknownObject', path):
                        read()
                with self.assert_error('org.freedesktop.DBus.Error.InvalidArgs', 'Nonsense'):
                    self.client.property(path, interface, 'Nonsense')

    def test_object_that_went(self):
        container = self.client.create('true')
        container.remove()
        with self.assertRaises(CallError) as raised:
            container.start()
        self.assertIn(raised.exception.name.rsplit('.', 1)[1], ('UnknownMethod', 'UnknownObject', 'NoSuchContainer'))

    def test_properties_are_not_set(self):
        container = self.client.create('true', name='fixed')
        for path, interface, key in ((container.path, 'Container', 'Name'), (RUNTIME, 'Runtime', 'State')):
            with self.assertRaises(CallError) as raised:
                self.client.call_raw(path, PROPERTIES, 'Set',
                                     GLib.Variant('(ssv)', (f'{NAME}.{interface}', key, GLib.Variant('s', 'x'))))
            self.assertTrue(raised.exception.name.startswith('org.freedesktop.DBus.Error.'), raised.exception)
        self.assertEqual(container.get('Name'), 'fixed')

    def test_others_than_root(self):
        container = self.client.create('true')
        for path, interface, method, arguments in (
                (RUNTIME, 'Runtime', 'ListContainers', ['{}']), (RUNTIME, 'Runtime', 'Create', ["'busybox'", '{}']),
                (container.path, 'Container', 'Inspect', ['{}']), (container.path, 'Container', 'Remove', ['{}'])):
            result = subprocess.run(
                ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', 'gdbus', 'call', '--address',
                 os.environ['DBUS_SYSTEM_BUS_ADDRESS'], '-d', NAME, '-o', path, '-m', f'{NAME}.{interface}.{method}', *arguments],
                check=False, capture_output=True, text=True, cwd='/')
            self.assertNotEqual(result.returncode, 0)
            self.assertIn(f'{NAME}.Error.NotAuthorized', result.stderr)
            self.assertIn('65534', result.stderr)
        self.assertEqual(len(self.client.list()), 1)


class ArchivesTest(BadInputCase):
    def refused(self, data, *words):
        path = os.path.join(scratch(), 'bad')
        with open(path, 'wb') as file:
            file.write(data)
        with self.assert_error('InvalidArchive', *words):
            self.client.import_image(path, 'bad')

    def test_no_archives(self):
        for name, data in BAD(image_tar()).items():
            with self.subTest(name):
                self.refused(data, 'localhost/bad:latest')

    def test_hostile(self):
        """What would leave the root is refused; nothing outside of it is touched."""
        victim = os.path.join(scratch(), 'victim')
        with open(victim, 'w', encoding='utf-8') as file:
            file.write('whole')
        for name, (data, must_fail) in HOSTILE(victim).items():
            with self.subTest(name):
                if must_fail:
                    self.refused(data, 'localhost/bad:latest')
                else:
                    self.import_and_remove(data)
                with open(victim, encoding='utf-8') as file:
                    self.assertEqual(file.read(), 'whole')
                self.assertFalse(os.path.exists(victim + '-new'))
                self.assertFalse(os.path.exists('/tmp/cpod-hostile'))

    def import_and_remove(self, data):
        path = os.path.join(scratch(), 'odd')
        with open(path, 'wb') as file:
            file.write(data)
        try:
            self.client.import_image(path, 'odd')
        except CallError as error:
            self.assertEqual(error.name, f'{NAME}.Error.InvalidArchive')
        else:
            self.client.images('RemoveImage', 's', 'odd')

    def test_other_descriptors(self):
        with open(os.devnull, 'rb') as null:
            with self.assert_error('InvalidArchive'):
                self.client.job_wait(self.client.begin_import(null, 'bad'))
        directory = os.open('/', os.O_RDONLY)
        try:
            with self.assertRaises(CallError):
                self.client.job_wait(self.client.begin_import(directory, 'bad'))
        finally:
            os.close(directory)
        with self.assert_error('InvalidArgument', 'descriptor'):
            self.client.call_raw(RUNTIME, NAME + '.Images', 'Import', GLib.Variant('(hsa{sv})', (3, 'bad', {})))

    def test_arguments_of_import(self):
        for options, words in (({'token': 'a/b'}, ('token', 'a/b')), ({'changes': ['RUN x']}, ('changes', 'RUN x')),
                               ({'changes': ['WORKDIR x']}, ('changes', 'WORKDIR'))):
            with self.assert_error('InvalidArgument', *words):
                self.client.import_busybox('bad', **options)
        with self.assert_error('InvalidArgument', 'No Good'):
            self.client.import_busybox('No Good')

    def test_modes_of_files(self):
        """What a user of the image cannot read is not readable for others on the host either."""
        path = busybox_with(image_tar(), os.path.join(scratch(), 'modes.tar'))
        self.client.import_image(path, 'modes')
        code, text = self.client.run('sh', '-c', 'stat -c "%a %u:%g" /setuid /sticky /owned', image='modes')
        self.assertEqual((code, text), (0, '4755 0:0\n1777 0:0\n600 1000:29\n'))
        self.assertEqual(os.stat(self.service.state('lib', 'storage')).st_mode & 0o077 and
                         os.stat(self.service.state('lib')).st_mode & 0o077, 0)
        self.client.images('RemoveImage', 's', 'modes')


class ProgramsTest(Case):
    """Programs that are missing, on the host and in the image."""

    def setUp(self):
        self.service = None

    def tearDown(self):
        if self.service is not None:
            self.service.destroy()

    def fails(self, error, *words, **environment):
        self.service = Service('programs', **environment)
        client = self.service.client
        client.import_busybox()
        container = client.create('sleep', '10', name='unlucky')
        for verb in (container.init, container.start, container.attach):
            with self.assert_error(error, 'unlucky', *words):
                verb()
            self.assertEqual(container.get('State'), 'configured')
        self.assertEqual([e['status'] for e in client.events()[0]], ['import', 'create'])
        container.remove()
        self.assert_nothing_left(self.service)

    def test_no_conmon(self):
        self.fails('ConmonFailed', '/nonexistent/conmon', CPOD_CONMON='/nonexistent/conmon')

    def test_no_runtime(self):
        self.fails('OciRuntime', '/nonexistent/runc', CPOD_OCI_RUNTIME='/nonexistent/runc')

    def test_conmon_that_is_something_else(self):
        self.fails('ConmonFailed', CPOD_CONMON='/bin/true')

    def test_runtime_that_is_something_else(self):
        self.service = Service('programs', CPOD_OCI_RUNTIME='/bin/false')
        self.service.client.import_busybox()
        container = self.service.client.create('true', name='unlucky')
        with self.assertRaises(CallError) as raised:
            container.start()
        self.assertIn(raised.exception.name.rsplit('.', 1)[1], ('OciRuntime', 'ConmonFailed'), raised.exception)
        container.remove()
        self.assert_nothing_left(self.service)

    def test_commands(self):
        self.service = Service('programs')
        client = self.service.client
        client.import_busybox()
        for command, error in ((['/no/such'], 'ExecutableNotFound'), (['nosuch'], 'ExecutableNotFound'),
                               (['/etc/passwd'], 'NotExecutable'), (['/etc'], 'NotExecutable')):
            container = client.create(*command, name='unlucky')
            with self.subTest(command), self.assert_error(error, 'unlucky', command[0]):
                container.start()
            self.assertEqual(container.get('State'), 'configured')
            container.remove()
            self.assert_nothing_left(self.service)


class A09StateTest(Case):
    """A state directory that is full, not writable, too new or somebody else's."""

    def mount(self, name, options):
        """A file system that goes after all that was made on it."""
        root = os.path.join(scratch(), name)
        os.makedirs(root, exist_ok=True)
        subprocess.run(['mount', '-t', 'tmpfs', '-o', options, 'tmpfs', root], check=True)
        self.addCleanup(subprocess.run, ['umount', '-q', '-l', root], check=False, stderr=subprocess.DEVNULL)
        return root

    def fill(self, root, leave):
        info = os.statvfs(root)
        with open(os.path.join(root, 'ballast'), 'wb') as file:
            os.posix_fallocate(file.fileno(), 0, max(1, info.f_bavail * info.f_frsize - leave))

    def test_full_disk(self):
        root = self.mount('full', 'size=24m,mode=711')
        service = Service('full', root=root)
        self.addCleanup(service.destroy)
        client = service.client
        client.import_busybox()
        ready = client.create('true', name='ready')
        running = client.create('sleep', '100', name='running')
        running.start()
        before = client.last_seq()
        self.fill(root, 0)
        with self.assert_error('DiskFull', 'localhost/second:latest'):
            client.import_busybox('second', message='x' * 10000)
        with self.assert_error('DiskFull', 'third'):
            client.create('true', name='third', labels={'big': 'x' * 200000})
        with self.assert_error('DiskFull', 'ready'):
            ready.start()
        self.assertEqual(ready.get('State'), 'configured')
        self.assertEqual(running.get('State'), 'running')
        self.assertEqual(client.events(before)[0], [])
        self.assertEqual(client.check(), [])
        self.assertEqual(len(client.images('ListImages')), 1)
        os.unlink(os.path.join(root, 'ballast'))
        ready.start()
        self.assertEqual(ready.wait(), 0)
        running.remove(force=True, timeout=0)
        ready.remove()
        self.assert_nothing_left(service)

    def test_removal_on_a_full_disk(self):
        """Removing is the way out of a full disk, so it must work there."""
        root = os.path.join(scratch(), 'full-remove')
        self.mount('full-remove/lib', 'size=24m,mode=711')
        service = Service('full-remove', root=root)
        self.addCleanup(service.destroy)
        client = service.client
        client.import_busybox()
        writer = client.create('sh', '-c', 'dd if=/dev/zero of=/big bs=64k 2>/dev/null; echo full', name='writer')
        writer.start()
        self.assertEqual(writer.wait_exited(), 0)
        writer.remove()
        self.assertEqual(client.run('true')[0], 0)
        self.assert_nothing_left(service)

    def test_an_end_that_cannot_be_recorded_yet(self):
        """Somebody else writes to the database for longer than the service waits: the end is recorded after that."""
        service = Service('busy')
        self.addCleanup(service.destroy)
        client = service.client
        client.import_busybox()
        container = client.create('sh', '-c', 'while ! [ -e /end ]; do sleep 0.05; done; exit 5', name='ends')
        container.start()
        pid = container.get('Pid')
        database = sqlite3.connect(service.state('lib', 'cpod.db'), isolation_level=None)
        database.execute('BEGIN IMMEDIATE')
        open(f'/proc/{pid}/root/end', 'w', encoding='utf-8').close()
        time.sleep(8)           # the first try gives up after 5 s, and is repeated 2 s later
        self.assertEqual(container.get('State'), 'running')
        database.execute('ROLLBACK')
        database.close()
        self.assertEqual(container.wait(), 5)
        container.wait_exited()
        statuses = [event['status'] for event in client.events()[0] if event['id'] == container.id]
        self.assertEqual(statuses, ['create', 'init', 'start', 'died', 'cleanup'])
        container.remove()
        self.assert_nothing_left(service)

    def refused(self, root, *words, user=None):
        argv = [os.environ['CPOD_DAEMON'], '--root', root]
        if user:
            argv = ['setpriv', f'--reuid={user}', f'--regid={user}', '--clear-groups', *argv]
        environment = {**os.environ, 'LSAN_OPTIONS': 'detect_leaks=0'} if user else None
        result = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=20, env=environment, cwd='/')
        self.assertNotEqual(result.returncode, 0)
        for word in words:
            self.assertIn(word, result.stderr)

    def test_not_writable(self):
        root = self.mount('readonly', 'size=4m,mode=711')
        subprocess.run(['mount', '-o', 'remount,ro', root], check=True)
        self.refused(root, root, 'Read-only file system')

    def test_not_ours(self):
        root = self.mount('others', 'size=4m,mode=755')
        self.refused(root, root, 'Permission denied', user=65534)

    def test_newer_database(self):
        service = Service('newer')
        service.stop()
        database = sqlite3.connect(service.state('lib', 'cpod.db'))
        version = database.execute('PRAGMA user_version').fetchone()[0]
        database.execute('PRAGMA user_version = 4711')
        database.execute("UPDATE meta SET value = '4711' WHERE key = 'schema'")
        database.commit()
        database.close()
        self.refused(service.root, 'cpod.db', '4711', 'newer')
        database = sqlite3.connect(service.state('lib', 'cpod.db'))
        self.assertEqual(database.execute('PRAGMA user_version').fetchone(), (4711,))
        database.execute(f'PRAGMA user_version = {version}')
        database.execute(f"UPDATE meta SET value = '{version}' WHERE key = 'schema'")
        database.commit()
        database.close()
        service.start()
        self.assertEqual(service.client.check(), [])
        service.destroy()

    def test_damaged_database(self):
        """No reason to refuse to start; tests/crash/test_damage.py has more of it."""
        service = Service('damaged')
        service.stop()
        with open(service.state('lib', 'cpod.db'), 'wb') as file:
            file.write(b'This is no database. ' * 1000)
        service.start()
        self.assertEqual(service.client.check(), [])
        service.destroy()

    def test_trap_09_second_service(self):
        service = Service('two')
        begun = time.monotonic()
        self.refused(service.root, str(service.process.pid), service.state('lib'))
        self.assertLess(time.monotonic() - begun, 5)
        self.assertEqual(service.client.check(), [])
        service.destroy()

    def test_second_service_on_the_bus(self):
        service = Service('name')
        other = os.path.join(scratch(), 'other-state')
        os.makedirs(other)
        self.refused(other, NAME)
        self.assertEqual(service.client.check(), [])
        service.destroy()

    def test_arguments(self):
        for arguments in (['--nonsense'], ['--root', 'relative'], ['word'], ['--peer', '99'], ['--peer', '0', '--session']):
            result = subprocess.run([os.environ['CPOD_DAEMON'], *arguments], check=False, capture_output=True, text=True,
                                    stdin=subprocess.DEVNULL, timeout=20)
            self.assertEqual(result.returncode, 2, arguments)
            self.assertTrue(result.stderr.startswith('cpodd: '), result.stderr)


if __name__ == '__main__':
    main()
