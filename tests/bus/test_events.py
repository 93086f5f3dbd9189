#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The record of events: what each method writes into it, how it is searched, and how long it is kept."""

import glob
import json
import os
import shutil
import sqlite3
import subprocess
import time
import xml.etree.ElementTree as ElementTree

from cases import BusyboxCase
from execs import new_exec
from images_in_archives import begin_export, begin_load, begin_save
from order import KINDS, Wire
from recorder import Recorder
from service import (NAME, RUNTIME, CallError, Case, GLib, Service, bus_address, connect_bus, listen_for, main, scratch,
                     wait_for, write_conf)

SOURCE = os.environ['CPOD_SOURCE']
ABSENT = 'ab' * 32
READING = ('read', 'inspect')


def changing_methods():
    """All methods whose action is more than to look, as the interface files have them."""
    found = set()
    for path in glob.glob(f'{SOURCE}/introspection/*.xml'):
        for interface in ElementTree.parse(path).getroot().iter('interface'):
            for method in interface.iter('method'):
                action = next(a.get('value') for a in method.iter('annotation') if a.get('name').endswith('.Action'))
                if action.rsplit('.', 1)[1] not in READING:
                    found.add(f'{interface.get("name").rsplit(".", 1)[1]}.{method.get("name")}')
    return found


def copy_arguments(path):
    return GLib.Variant('(ayha{sv})', (path.encode() + b'\0', 0, {}))


class EventsCase(Case):
    def begin(self, name, conf='', **environment):
        self.conf = write_conf(name, conf)
        self.service = Service(name, CPOD_CONF=self.conf, **environment)
        self.addCleanup(self.service.destroy)
        self.client = self.service.client
        self.client.import_busybox()

    def edit(self, *statement):
        database = sqlite3.connect(self.service.state('lib', 'cpod.db'), timeout=20)
        with database:
            database.execute(*statement)
        database.close()


class A13TableTest(BusyboxCase):
    """Each method that changes something tells so when it did, and tells nothing when it did not."""

    def statuses(self, action, kinds=('container', 'image', 'system')):
        since = self.client.last_seq()
        action()
        return [event['status'] for event in self.client.events(since)[0] if event['type'] in kinds]

    def container(self, *command, **options):
        return self.client.create(*(command or ('sleep', '1000')), stop_signal='KILL', **options)

    def running(self):
        container = self.container()
        container.start()
        return container

    def paused(self):
        container = self.running()
        container.call('Pause')
        return container

    def copy_image(self):
        self.client.import_busybox('copy')

    def pruned(self):
        return self.client.job_wait(self.client.runtime('PruneContainers'))

    def oci_directory(self):
        """An image in a directory, as other tools write it."""
        path = os.path.join(scratch(), 'oci')
        if not os.path.exists(path):
            reply = self.client.call_raw(RUNTIME, 'org.cpod.Cpod1.Images', 'Push', push_arguments('busybox', 'oci:' + path))
            self.client.job_wait(reply[0].unpack()[0], seconds=120)
        return path

    def refused(self, method, *arguments, **options):
        with self.assertRaises(CallError):
            method(*arguments, **options)

    def absent(self):
        container = self.container()
        container.remove()
        return container

    def ended_by(self, action, *last):
        """The end of a container is told by another thread than that which answers."""
        since = self.client.last_seq()
        action()
        wait_for(lambda: [e['status'] for e in self.client.events(since)[0]].count('cleanup'), 30, 'the cleanup')
        found = [event['status'] for event in self.client.events(since)[0]]
        self.assertEqual(sorted(found), sorted(last))

    def check_container(self):
        self.assertEqual(self.statuses(self.container().init), ['init'])
        self.assertEqual(self.statuses(self.container().start), ['init', 'start'])
        self.ended_by(self.running().stop, 'died', 'stop', 'cleanup')
        running = self.running()
        found = self.statuses(lambda: running.call('Restart'))
        self.assertEqual(sorted(found), sorted(['died', 'stop', 'cleanup', 'init', 'start', 'restart']))
        self.assertEqual(self.statuses(lambda: running.call('Pause')), ['pause'])
        self.assertEqual(self.statuses(lambda: running.call('Unpause')), ['unpause'])
        self.assertEqual(self.statuses(lambda: running.kill(signal='SIGUSR1')), ['kill'])
        initialised = self.container()
        initialised.init()
        self.assertEqual(self.statuses(lambda: initialised.call('Cleanup')), ['cleanup'])
        self.assertEqual(self.statuses(lambda: self.container().rename('renamed')), ['create', 'rename'])
        self.assertEqual(self.statuses(self.container().remove), ['remove'])
        self.assertEqual(self.statuses(lambda: os.close(running.call('Attach'))), ['attach'])
        self.assertEqual(self.statuses(lambda: running.call('Update', memory=64 << 20)), ['update'])
        terminal = self.container(tty=True)
        terminal.init()
        self.assertEqual(self.statuses(lambda: terminal.call('Resize', 'uu', 24, 80)), [])
        return {'Container.' + name for name in ('Init', 'Start', 'Stop', 'Restart', 'Pause', 'Unpause', 'Kill', 'Cleanup',
                                                 'Rename', 'Remove', 'Attach', 'Resize', 'Update')}

    def check_runtime(self):
        runtime = self.client.runtime
        self.assertEqual(self.statuses(lambda: runtime('Create', 's', 'busybox', name='one', command=['true'])), ['create'])
        self.assertEqual(self.statuses(lambda: runtime('Rename', 'ss', 'one', 'two')), ['rename'])
        self.assertEqual(self.statuses(lambda: runtime('Remove', 's', 'two')), ['remove'])
        self.container(name='three')
        self.assertEqual(self.statuses(lambda: runtime('Evict', 's', 'three')), ['remove'])
        self.service.remove_all()
        for _ in range(2):
            self.container()
        self.assertEqual(self.statuses(self.pruned), ['remove', 'remove'])
        self.container()
        migrate = lambda: self.client.job_wait(runtime('Migrate', oci_runtime=os.path.realpath(shutil.which('runc'))))  # noqa: E731
        self.assertEqual(self.statuses(migrate), ['update'])
        self.assertEqual(self.statuses(migrate), [])
        self.assertEqual(self.statuses(lambda: runtime('RenumberLocks')), ['renumber'])
        return {'Runtime.' + name for name in ('Create', 'Rename', 'Remove', 'Evict', 'PruneContainers', 'Migrate', 'RenumberLocks')}

    def check_images(self):
        self.assertEqual(self.statuses(self.copy_image), ['import'])
        copy = self.client.images('GetImage', 's', 'copy')
        self.assertEqual(self.statuses(lambda: self.client.call(copy, 'Image', 'Tag', 'as', ['b', 'c'])), ['tag', 'tag'])
        self.assertEqual(self.statuses(lambda: self.client.call(copy, 'Image', 'Untag', 'as', ['b', 'c'])), ['untag', 'untag'])
        self.assertEqual(self.statuses(lambda: self.client.images('RemoveImage', 's', 'copy')), ['untag', 'remove'])
        path = self.oci_directory()
        pull = lambda: self.client.job_wait(self.client.images('Pull', 's', 'oci:' + path), seconds=120)  # noqa: E731
        self.assertEqual(self.statuses(pull), ['pull'])
        push = lambda: self.client.job_wait(self.client.call_raw(  # noqa: E731
            RUNTIME, 'org.cpod.Cpod1.Images', 'Push', push_arguments('busybox', f'oci:{path}-2'))[0].unpack()[0], seconds=120)
        self.assertEqual(self.statuses(push), ['push'])
        self.copy_image()
        self.client.call(self.client.images('GetImage', 's', 'copy'), 'Image', 'Untag', 'as', [])
        prune = lambda: self.client.job_wait(self.client.images('PruneImages'))  # noqa: E731
        self.assertEqual(self.statuses(prune), ['remove', 'prune'])
        self.assertEqual(self.statuses(prune), [])
        path = os.path.join(scratch(), 'saved')
        self.assertEqual(self.statuses(lambda: self.client.job_wait(begin_save(self.client, path, 'busybox'))), ['save'])
        self.assertEqual(self.statuses(lambda: self.client.job_wait(begin_load(self.client, path))), ['loadfromarchive'])
        return ({'Images.' + name for name in ('Import', 'Load', 'RemoveImage', 'PruneImages', 'Pull', 'Push', 'Save')}
                | {'Image.Tag', 'Image.Untag'})

    def check_exec(self):
        container = self.running()
        create = lambda: new_exec(container, 'sleep', '1000', tty=True)  # noqa: E731
        self.assertEqual(self.statuses(create), [])
        session, other = create(), create()
        self.assertEqual(self.statuses(lambda: session.call('Start')), ['exec'])
        self.assertEqual(self.statuses(lambda: session.call('Resize', 'uu', 24, 80)), [])
        self.assertEqual(self.statuses(lambda: session.call('Detach')), [])
        self.assertEqual(self.statuses(lambda: (session.call('Kill'), session.wait())), ['exec_died'])
        self.assertEqual(self.statuses(lambda: session.call('Remove')), [])
        self.assertEqual(self.statuses(lambda: os.close(other.call('Attach'))), ['exec'])
        self.assertEqual(self.statuses(lambda: other.call('Stop', timeout=0)), ['exec_died'])
        return {'Container.Exec'} | {'Exec.' + name for name in ('Start', 'Attach', 'Detach', 'Resize', 'Kill', 'Stop', 'Remove')}

    @staticmethod
    def archive():
        """The descriptor of an empty one, to read from or write to."""
        fd = os.memfd_create('archive')
        os.write(fd, bytes(10240))
        os.lseek(fd, 0, os.SEEK_SET)
        return fd

    def check_storage(self):
        container = self.container()
        self.assertEqual(self.statuses(lambda: container.call('Mount')), ['mount'])
        self.assertEqual(self.statuses(lambda: container.call('Unmount')), ['unmount'])
        copied = lambda method: self.client.job_wait(self.client.call_raw(  # noqa: E731
            container.path, 'org.cpod.Cpod1.Container', method, copy_arguments('/tmp'), [self.archive()])[0].unpack()[0])
        self.assertEqual(self.statuses(lambda: copied('CopyIn')), ['copy'])
        self.assertEqual(self.statuses(lambda: copied('CopyOut')), [])
        commit = lambda: self.client.job_wait(container.call('Commit', 's', 'committed'))  # noqa: E731
        self.assertEqual(self.statuses(commit), ['commit'])
        self.client.images('RemoveImage', 's', 'committed')
        image = lambda method: self.client.call(self.client.images('GetImage', 's', 'busybox'), 'Image', method)  # noqa: E731
        self.assertEqual(self.statuses(lambda: image('Mount')), ['mount'])
        self.assertEqual(self.statuses(lambda: image('Unmount')), ['unmount'])
        export = lambda: self.client.job_wait(begin_export(container, os.path.join(scratch(), 'exported')))  # noqa: E731
        self.assertEqual(self.statuses(export), ['export'])
        self.lose(container)
        client, since = self.client, self.client.last_seq()
        methods = 'MountStorageContainer', 'UnmountStorageContainer', 'RemoveStorageContainer'
        for method in methods:
            client.runtime(method, 's', ABSENT)
        self.assertEqual([(event['type'], event['status']) for event in client.events(since)[0]],
                         [('storage', 'mount'), ('storage', 'unmount'), ('storage', 'remove')])
        since = client.last_seq()
        for method in methods:
            self.refused(client.runtime, method, 's', ABSENT)
        self.assertEqual(client.events(since)[0], [])
        return ({'Container.' + name for name in ('Mount', 'Unmount', 'Commit', 'CopyIn', 'CopyOut', 'Export')}
                | {'Image.Mount', 'Image.Unmount'} | {'Runtime.' + name for name in methods})

    def lose(self, container):
        """Makes a copy of the container that only the storage knows of."""
        self.service.stop()
        for parts in ('lib', 'containers'), ('lib', 'storage', 'overlay', 'c'):
            shutil.copytree(self.service.state(*parts, container.id), self.service.state(*parts, ABSENT), symlinks=True)
        metadata = self.service.state('lib', 'containers', ABSENT, 'container.json')
        os.rename(metadata, metadata + '.damaged')
        self.start_again()
        self.look()

    def start_again(self):
        """The one client goes on."""
        client = self.client
        self.service.start()
        self.client.close()
        self.service.client = client

    def look(self):
        """Asks for all objects, which are compared with what was told, once the whole record is."""
        for kind in KINDS.values():
            self.client.managed(kind)
        self.client.properties(RUNTIME, 'Runtime')

    def check_others(self):
        """The service's own affairs, which are no events."""
        tags = lambda: self.client.job_wait(self.client.images('ListTags', 's', 'oci:' + self.oci_directory()))  # noqa: E731
        self.refused(tags)
        self.refused(lambda: self.client.job_wait(self.client.images('Search', 's', '127.0.0.1:1/a')))
        r, w = os.pipe()
        job = self.client.begin_import(r, 'never')
        self.assertEqual(self.statuses(lambda: self.client.call(job, 'Job', 'Cancel')), [])
        self.refused(self.client.job_wait, job)
        os.close(r)
        os.close(w)
        for method in 'Reload', 'Check':
            self.assertEqual(self.statuses(lambda method=method: self.client.runtime(method)), [])
        owner = self.service.owner()
        self.client.runtime('Shutdown')
        self.assertEqual(self.service.process.wait(60), 0)
        return owner

    SILENT = {'Runtime.Reload', 'Runtime.Shutdown', 'Runtime.Check', 'Images.ListTags', 'Images.Search'}

    def test_each_method_tells(self):
        """In order, and once: what went over the bus meanwhile is followed message by message."""
        self.recorder = Recorder()
        self.addCleanup(self.recorder.close)
        since, owner = self.client.last_seq(), self.service.owner()
        self.look()
        known = (self.check_container() | self.check_runtime() | self.check_images() | self.check_storage()
                 | self.check_exec() | self.SILENT)
        self.assertEqual(changing_methods() - known, set(), 'methods that no test of events knows')
        self.service.remove_all()
        self.look()
        events, _ = self.client.events(since)
        last = self.check_others()
        messages = self.recorder.take_until(lambda m: m.member == 'NameOwnerChanged' and m.body == (NAME, last, ''), 60)
        self.start_again()
        wire = Wire(self, self.client, owner, since, {event['seq']: event['pid'] for event in events})
        wire.follow(messages)
        self.assertEqual(wire.follower.seq, since + len(events))
        self.assertEqual(wire.follower.mirror.objects[RUNTIME]['State'], 'stopping')
        self.assertEqual(changing_methods() - wire.answered, set(), 'methods that were not seen on the wire')

    def test_no_method_tells_what_failed(self):
        running, paused, gone, idle = self.running(), self.paused(), self.absent(), self.container(name='taken')
        broken = self.client.create('/nosuch')
        since = self.client.last_seq()
        refusals = [
            *((running.call, name) for name in ('Init', 'Start', 'Unpause', 'Cleanup', 'Remove')),
            (paused.call, 'Pause'), (idle.call, 'Pause'), (idle.call, 'Kill'),
            (broken.call, 'Start'), (broken.call, 'Init'), (broken.call, 'Restart'), (broken.call, 'Attach'),
            *((gone.call, name) for name in ('Init', 'Start', 'Stop', 'Restart', 'Pause', 'Unpause', 'Kill', 'Cleanup', 'Remove',
                                             'Attach', 'Mount', 'Unmount')), (idle.call, 'Unmount'),
            (gone.call, 'Update'), (gone.rename, 'new'), (running.rename, 'taken'), (running.rename, '-bad'),
        ]
        for method, *arguments in refusals:
            with self.subTest(arguments=arguments):
                self.refused(method, *arguments)
        runtime, images = self.client.runtime, self.client.images
        self.refused(running.kill, signal='SIGNOPE')
        self.refused(running.call, 'Update', memory=1)
        self.refused(running.call, 'Update', cpuset_cpus='9999')
        self.refused(self.client.job_wait, runtime('Migrate', oci_runtime='nosuch'))
        self.refused(runtime, 'Create', 's', 'nosuch', command=['true'])
        self.refused(runtime, 'Create', 's', 'busybox', name='taken', command=['true'])
        self.refused(runtime, 'Rename', 'ss', ABSENT, 'x')
        self.refused(runtime, 'Remove', 's', ABSENT)
        self.refused(runtime, 'Evict', 's', ABSENT)
        self.refused(runtime, 'PruneContainers', labels=[])
        self.refused(images, 'RemoveImage', 's', 'nosuch')
        self.refused(images, 'RemoveImage', 's', 'busybox')
        with open(__file__, 'rb') as no_archive:
            self.refused(self.client.job_wait, self.client.begin_import(no_archive, 'x'))
        self.refused(self.client.job_wait, images('Pull', 's', 'oci:/nosuch'))
        self.refused(lambda: self.client.job_wait(self.client.call_raw(
            RUNTIME, 'org.cpod.Cpod1.Images', 'Push', push_arguments('busybox', 'oci:/proc/nosuch/x'))[0].unpack()[0]))
        self.refused(lambda: self.client.job_wait(begin_load(self.client, __file__)))
        self.refused(lambda: self.client.job_wait(begin_save(self.client, '/dev/full', 'busybox')))
        self.refused(lambda: self.client.job_wait(begin_export(idle, '/dev/full')))
        self.assertEqual([(e['status'], e['name']) for e in self.client.events(since)[0]], [])


def push_arguments(image, destination):
    from service import GLib  # pylint: disable=import-outside-toplevel
    return GLib.Variant('(ssa{sv})', (image, destination, {}))


class A13SearchTest(EventsCase):
    def found(self, **filters):
        return [(event['type'], event['status'], event['name']) for event in self.client.events(**filters)[0]]

    def test_filters(self):
        self.begin('filters')
        web = self.client.create('true', name='web', labels={'app': 'shop', 'tier': 'front=1'})
        self.client.create('true', name='db', labels={'app': 'store'})
        self.client.import_busybox('other')
        self.client.create('true', name='third', image='other')
        web.rename('site')
        imported, created = ('image', 'import'), ('container', 'create')
        self.assertEqual(self.found(label=['app']), [(*created, 'web'), (*created, 'db'), ('container', 'rename', 'site')])
        self.assertEqual(self.found(label=['app=store']), [(*created, 'db')])
        self.assertEqual(self.found(label=['tier=front=1', 'app=store']),
                         [(*created, 'web'), (*created, 'db'), ('container', 'rename', 'site')])
        self.assertEqual(self.found(label=['app=shop'], status=['rename']), [('container', 'rename', 'site')])
        self.assertEqual(self.found(label=['app=sho', 'shop']), [])
        self.assertEqual(self.found(container=['web']), [(*created, 'web')])
        self.assertEqual(self.found(container=[web.id[:12]]), [(*created, 'web'), ('container', 'rename', 'site')])
        self.assertEqual(self.found(container=['web', 'site', 'nosuch']), [(*created, 'web'), ('container', 'rename', 'site')])
        self.assertEqual(self.found(image=['other']), [(*imported, 'localhost/other:latest'), (*created, 'third')])
        ident = next(event['id'] for event in self.client.events(type=['image'])[0])
        self.assertIn((*imported, 'localhost/busybox:latest'), self.found(image=[ident[:12]]))
        self.assertEqual(self.found(image=["x'y", '%', '"']), [])
        self.assertEqual(self.found(type=['image'], status=['create']), [])

    def test_times(self):
        self.begin('times')
        self.client.create('true', name='early')
        border = self.client.events()[0][-1]['time'] + 1
        wait_for(lambda: time.time() * 1e6 > border, 20, 'the next microsecond')
        self.client.create('true', name='late')
        self.assertEqual([e['name'] for e in self.client.events(until_time=border)[0]][-1], 'early')
        self.assertEqual([e['name'] for e in self.client.events(from_time=border)[0]], ['late'])

    def test_labels_are_in_no_signal(self):
        self.begin('secret')
        told = []
        connection = connect_bus()
        self.addCleanup(connection.close_sync, None)
        connection.signal_subscribe(None, None, None, None, None, 0, lambda *args: told.append(args[5].print_(False)))
        container = self.client.create('true', name='c', labels={'password': 'sesame'})
        container.remove()
        listen_for(lambda: any("'remove'" in text for text in told), 20, 'the end of the container')
        self.assertNotIn('sesame', ''.join(told))
        events = self.client.events(container=['c'])[0]
        self.assertEqual([event['labels'] for event in events], [{'password': 'sesame'}] * 2)
        self.assertEqual({'labels'} & set(events[0]['attributes']), set())

    def test_a_broken_configuration_has_no_labels(self):
        self.begin('broken')
        container = self.client.create('true', name='c', labels={'a': 'b'})
        self.edit("UPDATE container SET config = '{broken'")
        self.client.runtime('Evict', 's', container.id)
        self.assertEqual([event['labels'] for event in self.client.events(container=['c'])[0]], [{'a': 'b'}, {}])
        self.assertEqual(self.found(label=['a=b']), [('container', 'create', 'c')])

    def test_who_asked(self):
        self.begin('who')
        container = self.client.create('true', auto_remove=True)
        container.start()
        container.wait('removed')
        events = self.client.events(id=[container.id])[0]
        asked = {event['status']: (event['uid'], event['pid']) for event in events}
        self.assertEqual(asked['create'], (os.getuid(), os.getpid()))
        self.assertEqual(asked['start'], (os.getuid(), os.getpid()))
        self.assertEqual((asked['died'], asked['remove']), ((0, 0), (0, 0)))
        self.assertEqual({event['unit'] for event in events} - {''}, {event['unit'] for event in events if event['pid']} - {''})

    def test_the_command(self):
        self.begin('command')
        for name, label in (('web', 'app=shop'), ('db', 'app=store')):
            self.client.create('true', name=name, labels=dict([label.split('=')]))
        container = self.client.container('web')
        container.start()
        container.wait_exited()
        container.rename('site')

        def cpod(*arguments):
            result = subprocess.run(['cpod', '--address', bus_address(), 'events', '--no-stream', *arguments],
                                    capture_output=True, text=True, check=False, timeout=60)
            self.assertEqual((result.returncode, result.stderr), (0, ''))
            return result.stdout.splitlines()
        names = lambda *arguments: cpod('--format', '{{.Status}} {{.Name}}', *arguments)  # noqa: E731
        self.assertEqual(names('--filter', 'label=app=store'), ['create db'])
        self.assertEqual(names('--filter', 'container=site', '--filter', 'event=die'), ['died web'])
        self.assertEqual(names('--filter', 'container=site', '--filter', 'event=create'), ['create web'])
        self.assertEqual(names('--filter', 'container=db', '--filter', 'container=nosuch'), ['create db'])
        self.assertEqual(names('--filter', 'image=busybox', '--filter', 'type=container', '--filter', 'status=rename'),
                         ['rename site'])
        self.assertEqual(names('--since', '1h', '--until', '30m'), [])
        self.assertEqual(names('--filter', 'since=1h', '--filter', 'event=rename'), ['rename site'])
        self.assertEqual(names('--filter', 'until=1h'), [])
        line, = cpod('--filter', 'event=rename')
        self.assertIn(f' container rename {container.id} (', line)
        self.assertIn('app=shop', line)
        line, = cpod('--filter', 'event=rename', '--no-trunc=false')
        self.assertIn(f' container rename {container.id[:12]} (', line)
        line, = cpod('--filter', 'event=rename', '--no-trunc', '--format', 'json')
        self.assertEqual((json.loads(line)['ID'], json.loads(line)['Labels']), (container.id, {'app': 'shop'}))


class A13RetentionTest(EventsCase):
    def gap(self, since):
        return self.client.runtime('GetEvents', 't', since)[2]

    def test_by_age(self):
        self.begin('age', '[engine]\nevents_max_age = 3600\n')
        for number in range(4):
            self.client.create('true', name=f'c{number}')
        last = self.client.last_seq()
        self.assertEqual([self.gap(since) for since in range(last + 1)], [False] * (last + 1))
        old = int((time.time() - 7200) * 1e6)
        self.edit('UPDATE event SET time = ? WHERE seq <= ?', (old, last - 2))
        self.service.restart(CPOD_CONF=self.conf)
        self.client = self.service.client
        wait_for(lambda: self.gap(0), 30, 'the upkeep')
        # Exactly those who would miss something are told.
        self.assertEqual([self.gap(since) for since in range(last + 1)], [since < last - 2 for since in range(last + 1)])
        events, _, _ = self.client.runtime('GetEvents', 't', 0)
        self.assertEqual([event['name'] for event in events], ['c2', 'c3'])

    def test_by_number(self):
        self.begin('number', '[engine]\nevents_max_rows = 3\n')
        for number in range(5):
            self.client.create('true', name=f'c{number}')
        last = self.client.last_seq() if not self.gap(0) else self.client.runtime('GetEvents', 't', 0)[1]
        self.service.restart(CPOD_CONF=self.conf)
        self.client = self.service.client
        wait_for(lambda: self.gap(0), 30, 'the upkeep')
        self.assertEqual([self.gap(since) for since in range(last + 1)], [since < last - 3 for since in range(last + 1)])

    def test_for_ever(self):
        self.begin('ever', '[engine]\nevents_max_rows = 0\nevents_max_age = 0\n')
        self.edit('UPDATE event SET time = 1')
        self.service.restart(CPOD_CONF=self.conf)
        self.client = self.service.client
        # The upkeep makes a backup after it has dropped events.
        wait_for(lambda: os.listdir(self.service.state('lib', 'backup')), 30, 'the upkeep')
        self.assertFalse(self.gap(0))


class A13LoggerTest(EventsCase):
    def test_file(self):
        self.begin('file', '[engine]\nevents_logger = "file"\n')
        self.client.create('true', name='c', labels={'app': 'shop'})
        path = self.service.state('run', 'events', 'events.log')
        wait_for(lambda: os.path.exists(path) and '"create"' in read(path), 20, 'the line')
        line = json.loads(read(path).splitlines()[-1])
        self.assertEqual((line['Type'], line['Status'], line['Name'], line['Image']), ('container', 'create', 'c', 'busybox'))
        self.assertEqual((line['Uid'], line['Pid'], line['Attributes']), (os.getuid(), os.getpid(), {'app': 'shop'}))
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)

    def test_none(self):
        self.begin('none', '[engine]\nevents_logger = "none"\n')
        self.client.create('true', name='c')
        self.assertEqual([event['status'] for event in self.client.events(type=['container'])[0]], ['create'])
        self.service.stop()
        self.assertFalse(os.path.exists(self.service.state('run', 'events', 'events.log')))


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


if __name__ == '__main__':
    main()
