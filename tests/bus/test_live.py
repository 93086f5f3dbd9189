#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Live objects: each property of each interface tells its changes, each once, and what is constant stays so.

The properties are those of the interface files: one that has no mutation here fails.
"""

import glob
import os
import sqlite3
import xml.etree.ElementTree as ElementTree

from cases import BusyboxCase
from images_in_archives import Saved, begin_load, begin_save, docker_members, pack_members
from order import JOBS, Follower, Mirror
from recorder import Recorder
from registry import base_layer, pack
from service import NAME, RUNTIME, CallError, GLib, main, scratch, wait_for
from test_limits import GREEDY, MIB

# Higher than the number of any event here: calls that ask for what came after are marks in the record.
MARK = 1 << 40
CHANGES = 'org.freedesktop.DBus.Property.EmitsChangedSignal'


def all_properties():
    """(interface, property, type, what is announced) of all interfaces."""
    found = []
    for path in sorted(glob.glob(f'{os.environ["CPOD_SOURCE"]}/introspection/*.xml')):
        for interface in ElementTree.parse(path).getroot().iter('interface'):
            for prop in interface.iter('property'):
                announced = next((a.get('value') for a in prop.iter('annotation') if a.get('name') == CHANGES), 'true')
                found.append((interface.get('name').rsplit('.', 1)[1], prop.get('name'), prop.get('type'), announced))
    return found


class LiveTest(BusyboxCase):
    marks = 0

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.recorder = Recorder()
        cls.addClassCleanup(cls.recorder.close)

    def setUp(self):
        self.record()
        self.follower = Follower(self, self.service.owner(), self.client.last_seq(), Mirror(self.client))

    def record(self):
        """All that has gone over the bus since this was called last."""
        type(self).marks += 1
        self.client.runtime('GetEvents', 't', MARK + self.marks)
        return self.recorder.take_until(lambda m: m.is_call and m.member == 'GetEvents' and m.body[0] == MARK + self.marks)

    def announced(self, path, key, mutate):
        """The values of a property that are announced while MUTATE runs."""
        self.record()
        made = mutate()
        path = path or made
        messages = self.record()
        return path, [m.body[1][key] for m in messages if m.is_property_signal and m.path == path and key in m.body[1]]

    def check(self, interface, key, mutate, *wanted, path=None):
        """Each change is told once, and what is told last is what is read then."""
        path, values = self.announced(path, key, mutate)
        self.assertTrue(values, f'{interface}.{key} has changed, and nobody was told')
        for before, after in zip(values, values[1:]):
            self.assertNotEqual(before, after)
        if wanted:
            self.assertEqual(tuple(values), wanted)
        self.assertEqual(self.client.property(path, interface, key), values[-1])
        self.assertEqual(self.client.properties(path, interface)[key], values[-1])

    def test_each_property_has_a_mutation(self):
        for interface, key, _, announced in all_properties():
            with self.subTest(interface=interface, property=key):
                self.assertIn(announced, ('true', 'const'), 'teach this test what that means')
                if announced == 'true':
                    mutation = getattr(self, f'change_{interface}_{key}', None)
                    self.assertIsNotNone(mutation, 'nothing here changes it')
                    mutation()

    # Containers

    def container(self, *command, **options):
        return self.client.create(*(command or ('sleep', '1000')), stop_signal='KILL', **options)

    def ended(self, container):
        container.start()
        container.wait()
        container.wait_exited()

    def stopped(self, container):
        container.stop()
        container.wait_exited()

    def change_Container_Name(self):
        container = self.container(name='old')
        self.check('Container', 'Name', lambda: container.rename('new'), 'new', path=container.path)
        self.check('Container', 'Name', lambda: self.client.runtime('Rename', 'ss', 'new', 'newer'), 'newer', path=container.path)

    def change_Container_State(self):
        container = self.container()
        for action, *states in ((container.init, 'created'), (container.start, 'running'),
                                (lambda: container.call('Pause'), 'paused'), (lambda: container.call('Unpause'), 'running')):
            self.check('Container', 'State', action, *states, path=container.path)
        self.check('Container', 'State', lambda: self.stopped(container), path=container.path)

    def change_Container_Pid(self):
        container = self.container()
        self.check('Container', 'Pid', container.start, path=container.path)
        self.check('Container', 'Pid', lambda: self.stopped(container), 0, path=container.path)

    def change_Container_ExitCode(self):
        container = self.container('sh', '-c', 'exit 3')
        self.check('Container', 'ExitCode', lambda: self.ended(container), 3, path=container.path)

    def change_Container_OomKilled(self):
        container = self.container(*GREEDY[:2], 'exec ' + GREEDY[2], memory=32 * MIB, memory_swap=32 * MIB)
        self.check('Container', 'OomKilled', lambda: self.ended(container), True, path=container.path)

    def change_Container_Started(self):
        container = self.container('true')
        self.check('Container', 'Started', lambda: self.ended(container), path=container.path)

    def change_Container_Finished(self):
        container = self.container('true')
        self.check('Container', 'Finished', lambda: self.ended(container), path=container.path)

    def change_Container_RestartCount(self):
        container = self.container('sh', '-c', 'exit 1', restart_policy='on-failure:2')

        def run():
            container.start()
            wait_for(lambda: container.get('RestartCount') == 2 and container.get('State') == 'exited', 90, 'the last try')
        self.check('Container', 'RestartCount', run, 1, 2, path=container.path)

    # Images

    def change_Image_Names(self):
        image = self.client.import_busybox('one', message='one')['image']
        other = self.client.import_busybox('other', message='other')['image']
        names = [f'localhost/{name}:latest' for name in ('one', 'two')]
        self.check('Image', 'Names', lambda: self.client.call(image, 'Image', 'Tag', 'as', ['two']), names, path=image)
        self.check('Image', 'Names', lambda: self.client.call(image, 'Image', 'Untag', 'as', ['two']), names[:1], path=image)
        # A name that another gets is gone from this one.
        self.check('Image', 'Names', lambda: self.client.call(other, 'Image', 'Tag', 'as', ['one']), [], path=image)
        container = self.container()

        def commit():
            self.client.job_wait(container.call('Commit', 's', 'other'))
        self.check('Image', 'Names', commit, names[:1], path=other)
        for name in 'one', 'other', image.rsplit('/', 1)[1]:
            self.client.images('RemoveImage', 's', name)

    # Jobs: what is told is for who began them

    def load(self):
        image = Saved(base_layer(), pack(x=b'x' * MIB), marker='live')
        job = begin_load(self.client, pack_members(docker_members((image, 'live'))))
        self.client.job_wait(job)
        self.client.images('RemoveImage', 's', 'live')
        return job

    def change_Job_State(self):
        self.check('Job', 'State', self.load, 'done')

        def fail():
            with open(__file__, 'rb') as file:
                job = self.client.begin_import(file)
            with self.assertRaises(CallError):
                self.client.job_wait(job)
            return job
        self.check('Job', 'State', fail, 'failed')

    def change_Job_BytesDone(self):
        self.check('Job', 'BytesDone', self.load)

    def change_Job_BytesTotal(self):
        self.check('Job', 'BytesTotal', self.load)

    def change_Job_ItemsDone(self):
        self.check('Job', 'ItemsDone', self.load)

    def change_Job_ItemsTotal(self):
        self.check('Job', 'ItemsTotal', self.load)

    # The runtime

    def change_Runtime_State(self):
        self.check('Runtime', 'State', lambda: self.service.restart(), 'stopping', 'running', path=RUNTIME)

    def change_Runtime_Health(self):
        self.service.remove_all()
        container = self.container(name='broken')

        def reboot():
            self.service.stop()
            database = sqlite3.connect(self.service.state('lib', 'cpod.db'), timeout=20)
            with database:
                database.execute("UPDATE container SET config = '{broken'")
            database.close()
            self.service.start(CPOD_BOOT_ID='another boot')
        self.check('Runtime', 'Health', reboot, path=RUNTIME)
        self.check('Runtime', 'Health', lambda: self.client.runtime('Evict', 's', container.id), [], path=RUNTIME)

    # What all of them have to hold

    def everything(self):
        """Objects of all kinds, each of which has lived."""
        container = self.container('sh', '-c', 'exit 5', name='constant')
        self.ended(container)
        container.rename('constant-2')
        job = self.load()
        save = begin_save(self.client, os.path.join(scratch(), 'saved'), 'busybox')
        self.client.job_wait(save)
        return {'Container': [container.path], 'Job': [job, save], 'Runtime': [RUNTIME],
                'Image': [container.client.images('GetImage', 's', 'busybox')]}

    def test_constants_and_types(self):
        """What is constant is in no signal, and all that there is has the type that is documented."""
        objects = self.everything()
        messages = self.record()
        properties = all_properties()
        self.assertEqual({interface for interface, *_ in properties}, set(objects))
        for interface, paths in objects.items():
            own = [entry[1:] for entry in properties if entry[0] == interface]
            constant = {key for key, _, announced in own if announced == 'const'}
            for message in messages:
                if message.is_property_signal and message.body[0] == f'{NAME}.{interface}':
                    self.assertFalse(constant & set(message.body[1]), message)
            for path in paths:
                reply, _ = self.client.call_raw(path, 'org.freedesktop.DBus.Properties', 'GetAll',
                                                GLib.Variant('(s)', (f'{NAME}.{interface}',)))
                values = reply.get_child_value(0)
                found = {values.get_child_value(i).get_child_value(0).get_string():
                         values.get_child_value(i).get_child_value(1).get_variant().get_type_string()
                         for i in range(values.n_children())}
                self.assertEqual(found, {key: kind for key, kind, _ in own})

    def test_who_listens_knows_all(self):
        """A client that follows the signals knows what one is told that asks."""
        self.everything()
        self.follower.follow(self.record())
        known = {path: value for path, value in self.follower.mirror.objects.items() if not path.startswith(JOBS)}
        self.assertEqual(known, Mirror(self.client).objects)
        self.assertEqual(self.follower.seq, self.client.last_seq())


if __name__ == '__main__':
    main()
