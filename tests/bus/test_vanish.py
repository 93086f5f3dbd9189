#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients that are killed while they have a job: of each kind, and in each of its phases. Nothing is left."""

import os
import shutil
from contextlib import closing

from halt import Halt
from images_in_archives import Saved, docker_members, pack_members
from registry import Image, Registry, base_layer, noise, pack
from service import Case, Client, Service, connect_bus, main, name_owner, scratch, wait_for
from vanish import (LONG, Drain, Feed, Gate, Leaver, SlowRegistry, Traces, call_of, job_nodes, start_job, threads_named,
                    wait_noticed)

# When the client is killed: as soon as its first call is on the bus, or one of later; amid the work; when that ends, and its Wait is about to be
# answered; when it has ended, and nobody has asked for the result yet.
AT_ONCE = ('stranger', 'called')
PHASES = (*AT_ONCE, 'halfway', 'waiting', 'ended')

CONF = '''[engine]
registries_conf_path = "{files}/registries.conf"
signature_policy_path = "{files}/policy.json"
[engine.runtimes]
second = ["{runc}"]
'''
REGISTRIES = '[[registry]]\nlocation = "{host}"\ninsecure = true\n'
POLICY = '{"default": [{"type": "insecureAcceptAnything"}]}'
MUCH = 400000


def in_bytes(path):
    return list(path.encode() + b'\0')


class VanishCase(Case):
    @classmethod
    def setUpClass(cls):
        files = os.path.join(scratch(), cls.__name__ + '-files')
        os.makedirs(files)
        cls.registry = Registry(cls.__name__)
        cls.slow = SlowRegistry(cls.registry.port)
        for name, text in (('cpod.conf', CONF.format(files=files, runc=shutil.which('runc'))), ('policy.json', POLICY),
                           ('registries.conf', REGISTRIES.format(host=cls.slow.host))):
            with open(os.path.join(files, name), 'w', encoding='utf-8') as file:
                file.write(text)
        cls.remote = Image(base_layer(), pack(some=noise('some', MUCH)), marker='remote')
        cls.registry.put('vanish', '1', cls.remote)
        cls.conf = os.path.join(files, 'cpod.conf')
        cls.service = Service(cls.__name__, CPOD_CONF=cls.conf)
        cls.service.client.import_busybox()
        cls.box = cls.service.client.create('sleep', '1000', name='box')
        cls.box.start()

    @classmethod
    def tearDownClass(cls):
        cls.service.destroy()
        cls.slow.listener.close()
        cls.registry.stop()

    @property
    def client(self):
        return self.service.client

    def tearDown(self):
        self.restore()

    def restore(self):
        """What was made as a whole is removed; a client that is killed may have got that far."""
        self.service.remove_all(keep=('box',))
        for image in self.client.images('ListImages'):
            if image['names'] != ['localhost/busybox:latest']:
                self.client.images('RemoveImage', 's', image['id'], force=True)

    def is_quiet(self):
        return not threads_named(self.service.process.pid, 'cpd-job') and not job_nodes(self.service)

    def again(self, kind):
        """The same by somebody who stays works as ever."""
        call, hold = kind(self, False)
        with closing(self.service.connect()) as client:
            job = start_job(client, call, hold.fds)
            hold.handed_over()
            hold.go_on()
            client.job_wait(job, LONG)
        hold.end()
        wait_for(self.is_quiet, LONG, 'the end of the job')
        self.restore()

    def vanish(self, kind, phase):
        traces = Traces(self.service)
        call, hold = kind(self, phase in ('halfway', 'waiting'))
        leaver = Leaver(call, phase, hold.fds)
        hold.handed_over()
        if phase in AT_ONCE:
            leaver.end()
        else:
            self.assertTrue(leaver.line(), 'the client could not start the job')
        if phase in ('halfway', 'waiting'):
            hold.halfway()
        if phase in ('waiting', 'ended'):
            hold.go_on()
        if phase == 'ended':
            self.assertEqual(leaver.line(), 'done')
        if phase not in AT_ONCE:
            leaver.kill()
        if isinstance(hold, Gate):
            hold.go_on()        # no other work can be held up by somebody who does not read or write
        wait_for(self.is_quiet, LONG, 'the end of the job')
        self.restore()
        traces.assert_gone()
        hold.end()
        self.assert_well(self.service)

    def vanish_in_each_phase(self, kind):
        self.again(kind)
        for phase in PHASES:
            with self.subTest(phase):
                self.vanish(kind, phase)
                self.again(kind)


# What the kinds of jobs need for their beginning: each gives the call, and what it can be held up by. They are held
# up at once where they must come to stand, HELD, and not elsewhere.

def import_(test, held):
    return call_of('Images', 'Import', 'hs', 0, 'imported'), Feed(base_layer())


def load(test, held):
    image = Saved(base_layer(), pack(some=noise('load', MUCH)), marker='load')
    return call_of('Images', 'Load', 'h', 0), Feed(pack_members(docker_members((image, 'loaded'))))


def copy_in(test, held):
    archive = pack(some=noise('copy', MUCH))
    return call_of('Container', 'CopyIn', 'ayh', in_bytes('/'), 0, path=test.box.path), Feed(archive)


def copy_out(test, held):
    return call_of('Container', 'CopyOut', 'ayh', in_bytes('/bin'), 0, path=test.box.path), Drain()


def export(test, held):
    return call_of('Container', 'Export', 'h', 0, path=test.box.path), Drain()


def save(test, held):
    return call_of('Images', 'Save', 'ash', ['busybox'], 0), Drain()


def pull(test, held):
    layer = test.remote.manifest['layers'][1]['digest']
    return call_of('Images', 'Pull', 's', test.slow.host + '/vanish:1'), test.slow.arm(f'/blobs/{layer}'.encode() if held else None)


def push(test, held):
    """Each time another image, since what the registry has is not sent again."""
    test.pushed = getattr(test, 'pushed', 0) + 1
    name = f'pushed:{test.pushed}'
    with open(os.path.join(scratch(), 'pushed.tar'), 'wb') as file:
        file.write(pack(some=noise(name, MUCH)))
    test.client.import_image(file.name, name)
    wait_for(test.is_quiet, LONG, 'the end of the import')
    return (call_of('Images', 'Push', 'ss', name, f'{test.slow.host}/{name}'), test.slow.arm(b'PATCH ' if held else None))


def list_tags(test, held):
    return call_of('Images', 'ListTags', 's', test.slow.host + '/vanish'), test.slow.arm(b'/tags/list' if held else None)


def search(test, held):
    return call_of('Images', 'Search', 's', test.slow.host + '/vanish'), test.slow.arm(b'/_catalog' if held else None)


KINDS = {function.__name__.strip('_'): function
         for function in (import_, load, copy_in, copy_out, export, save, pull, push, list_tags, search)}


class StreamTest(VanishCase):
    """Those that wait for somebody else: a pipe, a registry."""


class GateTest(VanishCase):
    """Those that do it all themselves: they are stopped at a point, and it depends on the point whether they go on."""

    def at(self, point, kind):
        gate = Gate(point)
        self.service.restart(CPOD_CONF=self.conf, **gate.environment)
        self.box.client = self.client
        self.vanish_in_each_phase(lambda test, held: (kind(), gate.arm() if held else gate))

    def two(self):
        return [self.client.create('true').id for _ in range(2)]

    def test_commit(self):
        self.at('commit.frozen', lambda: call_of('Container', 'Commit', 's', 'committed', path=self.box.path, pause=True))
        self.assertEqual(self.box.get('State'), 'running')

    def test_prune_containers(self):
        self.at('remove.cleared', lambda: self.two() and call_of('Runtime', 'PruneContainers'))

    def test_prune_images(self):
        def prune():
            for message in ('one', 'other'):
                self.client.import_busybox('', message=message)
            return call_of('Images', 'PruneImages')
        self.at('prune-images.one', prune)

    def test_migrate(self):
        self.at('migrate.intent', lambda: call_of('Runtime', 'Migrate', oci_runtime='second', containers=self.two()))


class ParkedTest(Case):
    """A call that waits for the recovery is not begun any more when its caller has left meanwhile."""

    def test_parked(self):
        service = Service('parked')
        self.addCleanup(service.destroy)
        service.client.import_busybox()
        service.client.create('true').start()
        service.kill()
        halt = Halt('refresh.cleared', 'parked')
        self.addCleanup(halt.give_up, service)
        bus = connect_bus()
        service.spawn(**halt.environment, CPOD_BOOT_ID='another boot')
        wait_for(lambda: name_owner(bus), LONG, 'the service')
        service.client = Client(bus)
        halt.wait()
        feed = Feed(base_layer())
        leaver = Leaver(call_of('Images', 'Import', 'hs', 0, 'parked'), 'parked', feed.fds)
        feed.handed_over()
        name = leaver.line()
        leaver.kill()
        wait_noticed(service, name)
        halt.release()
        service.client.wait_running(LONG)
        service.client.import_busybox('later')      # the call that was parked has had its turn
        self.assertEqual(job_nodes(service), [])
        wait_for(lambda: not threads_named(service.process.pid, 'cpd-job'), LONG, 'the end of jobs')
        feed.end()
        self.assertEqual({name for image in service.client.images('ListImages') for name in image['names']},
                         {'localhost/busybox:latest', 'localhost/later:latest'})
        service.remove_all()
        self.assert_nothing_left(service)


def add_tests():
    for name, kind in KINDS.items():
        def test(self, kind=kind):
            self.vanish_in_each_phase(kind)
        setattr(StreamTest, 'test_' + name, test)


add_tests()


if __name__ == '__main__':
    main()
