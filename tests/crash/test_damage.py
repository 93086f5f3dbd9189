#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The files of the state database are damaged while the service does not run: it starts all the same."""

import glob
import json
import os
import random
import shutil
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'bus'))

from service import Case, RUNTIME, Service, main  # noqa: E402

SEED = 20
NAMES = [f'box{i}' for i in range(8)]


def truncate(generator, data):
    """Cut off anywhere, at nothing, or at the end of a page."""
    length = generator.choice([0, generator.randrange(len(data)), generator.randrange(len(data)) // 4096 * 4096])
    return data[:length]


def flip(generator, data):
    """A few flipped bits."""
    result = bytearray(data)
    for _ in range(generator.choice([1, 1, 3, 40])):
        result[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
    return bytes(result)


def overwrite(generator, data):
    """A stretch of anything."""
    start = generator.randrange(len(data))
    length = min(generator.randrange(1, 5000), len(data) - start)
    return data[:start] + generator.randbytes(length) + data[start + length:]


class Damage(Case):
    """A state that a killed service left, copied for each variant."""

    @classmethod
    def setUpClass(cls):
        cls.service = Service(cls.__name__, peer=True)
        client = cls.service.client
        client.import_busybox()
        client.create('true', name='old-name')
        cls.service.restart()           # what was done so far is in the database itself
        cls.backup()
        client = cls.service.client
        client.runtime('Rename', 'ss', 'old-name', NAMES[0])
        for name in NAMES[1:]:
            client.create('true', name=name)
        client.create('true', name='gone').remove()
        ran = client.container(NAMES[1])
        ran.start()
        ran.wait_exited()
        cls.known = {row['id']: row['name'] for row in client.list()}
        cls.last = client.last_seq()
        cls.service.kill()
        cls.saved = cls.service.root + '.saved'
        shutil.copytree(cls.service.state('lib'), cls.saved, symlinks=True)

    @classmethod
    def tearDownClass(cls):
        cls.service.destroy()
        shutil.rmtree(cls.saved)

    @classmethod
    def path(cls, *parts):
        return cls.service.state('lib', *parts)

    @classmethod
    def backup(cls):
        """Makes the service's own backup old, so that its next start makes a new one."""
        wait = [name for name in glob.glob(cls.path('backup', 'cpod-*.db'))]
        for name in wait:
            os.rename(name, cls.path('backup', 'cpod-%017d.db' % 1))
        cls.service.restart()
        cls.wait_backups(1)

    @classmethod
    def wait_backups(cls, count):
        from service import wait_for  # pylint: disable=import-outside-toplevel
        wait_for(lambda: len([p for p in glob.glob(cls.path('backup', 'cpod-*.db'))]) >= count, 10, 'the backup')

    def restore(self):
        """The state as it was before any damage."""
        self.service.process.poll() is None and self.service.kill()
        shutil.rmtree(self.path())
        shutil.copytree(self.saved, self.path(), symlinks=True)

    def change(self, name, function):
        with open(self.path(name), 'r+b') as file:
            data = file.read()
            file.seek(0)
            file.truncate()
            file.write(function(data))

    def assert_whole(self):
        """All containers are there under their names, and work goes on."""
        self.service.start()
        client = self.service.client
        rows = {row['id']: row['name'] for row in client.list()}
        self.assertEqual(len(set(rows.values())), len(rows), rows)
        self.assertEqual(rows, self.known)
        self.assertEqual(client.check(), [])
        made = client.create('true')
        made.start()
        self.assertEqual(made.wait(), 0)
        made.remove(force=True)
        self.assertEqual(client.check(), [])
        events, _, _ = client.runtime('GetEvents', 't', self.last)
        first = [event for event in events if event['seq'] <= self.last]
        self.assertEqual(first, [])
        self.assertGreaterEqual(len(events), 5)
        return client, events

    def health(self):
        return self.service.client.property(RUNTIME, 'Runtime', 'Health')


class RandomDamageTest(Damage):
    def variant(self, name, function, seed):
        generator = random.Random(f'{SEED} {name} {function.__name__} {seed}')
        with self.subTest(file=name, how=function.__name__, seed=seed):
            self.restore()
            self.change(name, lambda data: function(generator, data))
            self.assert_whole()

    def variants(self, name, count):
        self.restore()
        self.assertGreater(os.path.getsize(self.path(name)), 4096)
        for function in (truncate, flip, overwrite):
            for seed in range(count):
                self.variant(name, function, seed)

    def test_database(self):
        self.variants('cpod.db', 16)

    def test_log(self):
        self.variants('cpod.db-wal', 10)

    def test_shared_memory(self):
        self.variants('cpod.db-shm', 3)

    def test_both(self):
        for seed in range(8):
            generator = random.Random(f'{SEED} both {seed}')
            with self.subTest(seed=seed):
                self.restore()
                for name in ('cpod.db', 'cpod.db-wal'):
                    function = generator.choice([truncate, flip, overwrite])
                    self.change(name, lambda data: function(generator, data))  # pylint: disable=cell-var-from-loop
                self.assert_whole()

    def test_with_backups(self):
        for seed in range(8):
            generator = random.Random(f'{SEED} backups {seed}')
            with self.subTest(seed=seed):
                self.restore()
                for path in ['cpod.db', *glob.glob('backup/cpod-*.db', root_dir=self.path())]:
                    self.change(path, lambda data: flip(generator, truncate(generator, data) or data))  # pylint: disable=cell-var-from-loop
                self.assert_whole()


class DamageTest(Damage):
    def setUp(self):
        self.restore()

    def test_nothing(self):
        self.assert_whole()
        self.assertEqual(self.health(), [])
        self.assertEqual(glob.glob(self.path('cpod.db.damaged-*')), [])

    def test_backup_is_used(self):
        self.change('cpod.db', lambda data: b'This is no database. ' * 1000)
        client, events = self.assert_whole()
        told = self.health()
        self.assertEqual([entry['kind'] for entry in told], ['database'])
        self.assertIn('restored from a backup', told[0]['text'])
        aside = glob.glob(self.path('cpod.db.damaged-*'))
        self.assertEqual(len([path for path in aside if path.endswith('-wal')]), 1, aside)
        self.assertIn(min(aside, key=len), told[0]['text'])
        self.assertEqual((events[0]['type'], events[0]['status']), ('system', 'sync'))
        attributes = events[0]['attributes']
        self.assertEqual((attributes['database'], attributes['containers'], attributes['lost']),
                         ('restored', len(NAMES) - 1, 0))
        self.assertTrue(client.runtime('GetEvents', 't', self.last)[2])
        self.assertEqual([event['seq'] for event in events],
                         list(range(events[0]['seq'], events[0]['seq'] + len(events))))
        self.assertEqual(client.container(NAMES[1]).get('State'), 'exited')
        self.service.restart()
        self.assertEqual(self.health(), [])
        self.assertEqual({row['id']: row['name'] for row in self.service.client.list()}, self.known)

    def test_anew(self):
        shutil.rmtree(self.path('backup'))
        os.unlink(self.path('cpod.db'))
        client, events = self.assert_whole()
        self.assertEqual(events[0]['attributes']['database'], 'anew')
        self.assertEqual([image['names'] for image in client.images('ListImages')], [['localhost/busybox:latest']])
        states = {row['name']: row['state'] for row in client.list()}
        self.assertEqual({name: state for name, state in states.items() if state != 'configured'}, {NAMES[1]: 'exited'})
        self.assertEqual(client.container(NAMES[1]).get('ExitCode'), -1)

    def test_anew_with_everything_lost(self):
        """Not even the number of the newest event is known, nor the list of images."""
        shutil.rmtree(self.path('backup'))
        for path in ('cpod.db', 'cpod.db.seq', 'cpod.db-wal', 'cpod.db-shm', 'storage/images/index.json'):
            os.unlink(self.path(path))
        self.service.start()
        client = self.service.client
        self.assertEqual({row['id']: row['name'] for row in client.list()}, self.known)
        self.assertEqual(client.check(), [])
        self.assertGreater(client.runtime('GetEvents', 't', 0)[1], 0)

    def test_log_is_lost(self):
        """The database itself is sound then, but older."""
        shutil.rmtree(self.path('backup'))
        self.change('cpod.db-wal', lambda data: b'')
        _, events = self.assert_whole()
        self.assertEqual(events[0]['attributes']['database'], 'behind')
        self.assertIn('has lost its newest records', self.health()[0]['text'])

    def test_schema_version(self):
        """Damage must not pass for a newer cpod."""
        for version in (0, 1, 3, 66, 0x40000002):
            with self.subTest(version=version):
                self.restore()
                self.change('cpod.db', lambda data: data[:60] + version.to_bytes(4, 'big') + data[64:])  # pylint: disable=cell-var-from-loop
                os.unlink(self.path('cpod.db-wal'))
                self.assert_whole()

    def test_metadata(self):
        """Without database, backup and its own file one container is lost; the others are not."""
        shutil.rmtree(self.path('backup'))
        self.change('cpod.db', lambda data: b'x' * len(data))
        victim = next(ident for ident, name in self.known.items() if name == NAMES[2])
        generator = random.Random(SEED)
        self.change(f'containers/{victim}/container.json', lambda data: flip(generator, data))
        left = {ident: name for ident, name in self.known.items() if ident != victim}
        for start in range(2):
            self.service.start()
            client = self.service.client
            self.assertEqual({row['id']: row['name'] for row in client.list()}, left)
            lost = [entry for entry in self.health() if entry['kind'] == 'container']
            self.assertEqual(len(lost), 1, (start, self.health()))
            self.assertIn(victim, lost[0]['text'])
            self.assertIn('health', [problem['kind'] for problem in client.check()])
            self.assertTrue(os.path.isdir(self.path('storage', 'overlay', 'c', victim)))
            client.create('true').remove()
            self.service.stop()

    def test_damaged_metadata_beside_a_backup(self):
        """What the backup knows needs no metadata, which is mended then."""
        self.change('cpod.db', lambda data: b'x' * len(data))
        database = sqlite3.connect(max(glob.glob(self.path('backup', 'cpod-*.db'))))
        (victim, old_name), = database.execute('SELECT id, name FROM container').fetchall()
        database.close()
        self.change(f'containers/{victim}/container.json', lambda data: data[:20])
        self.service.start()
        names = {row['id']: row['name'] for row in self.service.client.list()}
        self.assertEqual(names, {**self.known, victim: old_name})
        with open(self.path('containers', victim, 'container.json'), encoding='utf-8') as file:
            self.assertEqual(json.load(file)['name'], old_name)

    def test_clashing_names(self):
        """Names are unique also where metadata is not."""
        shutil.rmtree(self.path('backup'))
        os.unlink(self.path('cpod.db'))
        first = next(ident for ident, name in self.known.items() if name == NAMES[3])
        copy = first[:-1] + ('0' if first[-1] != '0' else '1')
        shutil.copytree(self.path('containers', first), self.path('containers', copy))
        shutil.copytree(self.path('storage', 'overlay', 'c', first), self.path('storage', 'overlay', 'c', copy),
                        symlinks=True)
        import hashlib  # pylint: disable=import-outside-toplevel
        with open(self.path('containers', copy, 'container.json'), 'r+', encoding='utf-8') as file:
            data = json.load(file)
            data['id'] = copy
            text = '\n'.join([data['id'], data['name'], data['image'], data['image_id'], str(data['created']),
                              str(data['owner']), str(int(data['auto_remove'])), data['config']])
            data['sum'] = hashlib.sha256(text.encode()).hexdigest()
            file.seek(0)
            file.truncate()
            json.dump(data, file)
        self.service.start()
        names = {row['id']: row['name'] for row in self.service.client.list()}
        self.assertEqual(set(names), set(self.known) | {copy})
        self.assertEqual(len(set(names.values())), len(names))
        self.assertEqual({names[first], names[copy]} & {NAMES[3]}, {NAMES[3]})
        self.service.client.container(copy).remove()

    def test_interrupted_repair(self):
        """The service is killed right after the backup was put into place."""
        backup = max(glob.glob(self.path('backup', 'cpod-*.db')))
        shutil.copy(backup, self.path('cpod.db'))
        for path in ('cpod.db-wal', 'cpod.db-shm', 'cpod.db.seq'):
            os.unlink(self.path(path))
        with open(self.path('cpod.db.repairing'), 'wb'):
            pass
        self.assert_whole()
        self.assertFalse(os.path.exists(self.path('cpod.db.repairing')))

    def test_running(self):
        """What runs goes on, and is known to."""
        self.service.start()
        client = self.service.client
        runner = client.create('sleep', '1000', name='runner')
        runner.start()
        pid = runner.get('Pid')
        self.service.kill()
        self.change('cpod.db', lambda data: b'x' * len(data))
        self.service.start()
        again = self.service.client.container('runner')
        self.assertEqual((again.get('State'), again.get('Pid')), ('running', pid))
        self.assertEqual(self.service.client.check(), [])
        again.kill(signal='KILL')
        self.assertEqual(again.wait(), 137)
        again.remove(force=True)


if __name__ == '__main__':
    main()
