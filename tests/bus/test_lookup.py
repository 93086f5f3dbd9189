#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How containers are found: by name, id and prefix, by filters, in a namespace."""

import time

from cases import BusyboxCase
from service import Case, Service, main


class LookupCase(BusyboxCase):
    changes = ('CMD ["sleep", "100"]',)

    def find(self, name, **options):
        return self.client.runtime('GetContainer', 's', name, **options).rsplit('/', 1)[1]

    def names(self, **options):
        return [container['name'] for container in self.client.list(fields=['name'], **options)]


class A11Namespaces(LookupCase):
    def test_names_are_unique_in_each(self):
        one = self.client.create(name='web', namespace='a')
        other = self.client.create(name='web', namespace='b')
        with self.assert_error('ContainerExists', "'web'"):
            self.client.create(name='web', namespace='a')
        self.assertEqual(self.find('web', namespace='a'), one.id)
        self.assertEqual(self.find('web', namespace='b'), other.id)
        self.assertEqual((one.get('Namespace'), other.get('Namespace')), ('a', 'b'))
        self.assertEqual(one.inspect()['Namespace'], 'a')

    def test_who_sees_all_is_told_of_candidates(self):
        one = self.client.create(name='web', namespace='a')
        other = self.client.create(name='web', namespace='b')
        with self.assert_error('AmbiguousName', one.id[:12], "'a'", other.id[:12], "'b'"):
            self.find('web')
        self.assertEqual(self.find(one.id), one.id)
        for verb in 'Remove', 'Evict':
            with self.assert_error('AmbiguousName'):
                self.client.runtime(verb, 's', 'web')
        with self.assert_error('AmbiguousName'):
            self.client.runtime('Rename', 'ss', 'web', 'new')

    def test_each_sees_its_own(self):
        one = self.client.create(name='web', namespace='a')
        plain = self.client.create(name='plain')
        self.assertEqual(self.names(), ['plain', 'web'])
        self.assertEqual(self.names(namespace=''), ['plain', 'web'])
        self.assertEqual(self.names(namespace='a'), ['web'])
        self.assertEqual(self.names(namespace='nobody'), [])
        self.assertEqual(self.client.list(fields=['name', 'namespace']),
                         [{'name': 'plain', 'namespace': ''}, {'name': 'web', 'namespace': 'a'}])
        with self.assert_error('NoSuchContainer', "'plain'", "'a'"):
            self.find('plain', namespace='a')
        for ident in one.id, one.id[:20]:
            with self.assert_error('NamespaceMismatch', "'a'", "'b'"):
                self.find(ident, namespace='b')
        with self.assert_error('NamespaceMismatch'):
            self.find(plain.id, namespace='a')

    def test_verbs_keep_to_it(self):
        one = self.client.create(name='web', namespace='a')
        other = self.client.create(name='web', namespace='b')
        third = self.client.create(name='db', namespace='b')
        with self.assert_error('NamespaceMismatch'):
            self.client.runtime('Remove', 's', one.id, namespace='b')
        self.client.runtime('Rename', 'ss', 'web', 'db', namespace='a')
        self.assertEqual(one.get('Name'), 'db')
        with self.assert_error('ContainerExists', "'db'"):
            self.client.runtime('Rename', 'ss', 'web', 'db', namespace='b')
        self.assertEqual(self.client.runtime('RemovePreview', 's', 'web', namespace='b'), ([other.id], []))
        self.assertEqual(self.client.runtime('Evict', 's', 'web', namespace='b'), other.id)
        self.assertEqual(self.client.runtime('Remove', 's', 'db', namespace='b'), third.id)
        self.assertEqual(self.names(), ['db'])

    def test_prune_keeps_to_it(self):
        one = self.client.create(namespace='a')
        other = self.client.create(namespace='b')
        self.assertEqual(self.client.runtime('PrunePreview', namespace='a')[0], [one.id])
        job = self.client.runtime('PruneContainers', namespace='a')
        self.assertEqual(self.client.job_wait(job)['removed'], [one.id])
        self.assertEqual([row['id'] for row in self.client.list()], [other.id])

    def test_generated_names_are_unique_over_all(self):
        names = [self.client.create(namespace=f'n{number % 3}').name for number in range(30)]
        for name in names:
            self.find(name)

    def test_events_tell_it(self):
        since = self.client.last_seq()
        one = self.client.create(namespace='a')
        other = self.client.create(namespace='b')
        one.remove()
        other.remove()
        events, _ = self.client.events(since)
        self.assertEqual([event['attributes'].get('namespace') for event in events], ['a', 'b', 'a', 'b'])
        events, last = self.client.events(since, namespace='b')
        self.assertEqual({event['id'] for event in events}, {other.id})
        self.assertEqual(last, self.client.last_seq())

    def test_bad_ones_are_refused(self):
        for bad in 'a b', '-a', '/', 'ä':
            for call in (lambda name: self.client.create(namespace=name), lambda name: self.find('x', namespace=name),
                         lambda name: self.client.list(namespace=name),
                         lambda name: self.client.runtime('PrunePreview', namespace=name),
                         lambda name: self.client.runtime('GetEvents', 't', 0, namespace=name)):
                with self.assert_error('InvalidArgument', 'namespace'):
                    call(bad)

    def test_dependencies_stay_within(self):
        one = self.client.create(name='db', namespace='a')
        with self.assert_error('NoSuchContainer', "'db'", 'depends'):
            self.client.create(namespace='b', depends=['db'])
        with self.assert_error('NamespaceMismatch', 'depends'):
            self.client.create(namespace='b', depends=[one.id])
        self.client.create(namespace='a', depends=['db'])
        self.client.create(depends=['db'])


class A11Configured(Case):
    """What the configuration says counts where a call says nothing; the records outlive the database."""

    def setUp(self):
        self.service = Service(self.id().rsplit('.', 1)[1])
        self.conf = self.service.state('cpod.conf')
        self.client = self.service.client
        self.client.import_busybox(changes=['CMD ["sleep", "100"]'])

    def tearDown(self):
        self.service.destroy()

    def test_default(self):
        with open(self.conf, 'w', encoding='utf-8') as file:
            file.write('[engine]\nnamespace = "team"\n')
        plain = self.client.create(name='plain')
        self.client = self.service.restart(CPOD_CONF=self.conf)
        mine = self.client.create(name='mine')
        self.assertEqual(mine.get('Namespace'), 'team')
        self.assertEqual([row['name'] for row in self.client.list()], ['mine'])
        self.assertEqual([row['name'] for row in self.client.list(namespace='')], ['mine', 'plain'])
        with self.assert_error('NamespaceMismatch'):
            self.client.container(plain.id)
        self.assertEqual(self.client.runtime('GetContainer', 's', 'plain', namespace=''), plain.path)
        other = self.client.create(name='other', namespace='')
        self.assertEqual(other.get('Namespace'), '')

    def test_a_default_that_is_no_name(self):
        with open(self.conf, 'w', encoding='utf-8') as file:
            file.write('[engine]\nnamespace = "no name"\n')
        self.client = self.service.restart(CPOD_CONF=self.conf)
        with self.assert_error('InvalidArgument', 'namespace', 'no name'):
            self.client.create()

    def test_rebuilt_after_damage(self):
        base = self.client.create('sleep', '100', name='db', namespace='a')
        needy = self.client.create('sleep', '100', name='web', namespace='a', depends=['db'])
        namesake = self.client.create(name='db', namespace='b')
        self.service.stop()
        with open(self.service.state('lib', 'cpod.db'), 'wb') as file:
            file.write(b'this is no database')
        self.service.start()
        self.client = self.service.client
        self.assertEqual({(row['id'], row['name'], row['namespace']) for row in self.client.list()},
                         {(base.id, 'db', 'a'), (needy.id, 'web', 'a'), (namesake.id, 'db', 'b')})
        web = self.client.runtime('GetContainer', 's', 'web', namespace='a')
        self.client.call(web, 'Container', 'Start')
        self.assertEqual(self.client.property(base.path, 'Container', 'State'), 'running')
        with self.assert_error('DependentsExist', 'web'):
            self.client.runtime('Remove', 's', base.id, force=True)
        self.service.remove_all()
        self.assertEqual(self.client.list(), [])


class A31Lookup(LookupCase):
    def test_an_exact_name_beats_the_prefix_of_an_id(self):
        one = self.client.create(name='one')
        other = self.client.create(name=one.id[:6])
        self.assertEqual(self.find(one.id[:6]), other.id)
        self.assertEqual(self.find(one.id[:7]), one.id)

    def test_an_ambiguous_prefix_lists_candidates(self):
        seen = {}
        while True:             # two ids that begin with the same digit come soon
            container = self.client.create()
            if container.id[0] in seen:
                break
            seen[container.id[0]] = container
        twin = seen[container.id[0]]
        with self.assert_error('AmbiguousName', container.id[:12], container.name, twin.id[:12], twin.name):
            self.find(container.id[0])

    def test_wildcards_are_literal(self):
        container = self.client.create(name='web_1')
        for pattern in '%', '_', 'web%', 'we__1', '*', container.id[:5] + '%', container.id[:5] + '_', 'web?1', '':
            with self.assert_error('NoSuchContainer'):
                self.find(pattern)
        self.assertEqual(self.names(id=['%']), [])
        self.assertEqual(self.names(name=['web%']), [])

    def test_none(self):
        self.assertEqual(self.names(limit=1), [])
        with self.assert_error('NoSuchContainer', "'ghost'"):
            self.find('ghost')

    def test_trap_48_latest_is_by_number_and_not_by_clock(self):
        for name in 'first', 'second', 'third':
            self.client.create(name=name)
        self.assertEqual(self.names(limit=1), ['third'])
        self.client.runtime('Remove', 's', 'third')
        self.assertEqual(self.names(limit=1), ['second'])

    def test_filters_of_several_keys_narrow(self):
        self.client.create(name='web-1', labels={'tier': 'front'})
        self.client.create(name='web-2', labels={'tier': 'back'})
        self.client.create(name='db-1', labels={'tier': 'back'})
        self.assertEqual(self.names(name=['^web'], label=['tier=back']), ['web-2'])
        self.assertEqual(self.names(name=['1$', 'db'], label=['tier=back', 'tier=front']), ['db-1', 'web-1'])
        self.assertEqual(self.names(name=['^web'], label=['tier=back'], state=['running']), [])

    def test_names_are_patterns(self):
        for name in 'web-1', 'web-22', 'db':
            self.client.create(name=name)
        self.assertEqual(self.names(name=['^web-[0-9]$']), ['web-1'])
        self.assertEqual(self.names(name=['eb']), ['web-22', 'web-1'])
        self.assertEqual(self.names(name=['(?i)DB']), ['db'])
        with self.assert_error('InvalidArgument', 'name', '[a'):
            self.names(name=['[a'])

    def test_by_list(self):
        made = {name: self.client.create(name=name) for name in ('a', 'b', 'c')}
        self.assertEqual(self.names(containers=['c', made['a'].id[:20]]), ['c', 'a'])
        self.assertEqual(self.names(containers=['c', 'a'], name=['^a$']), ['a'])
        self.assertEqual(self.names(containers=[]), ['c', 'b', 'a'])
        with self.assert_error('NoSuchContainer', 'containers', "'ghost'", "'spirit'"):
            self.names(containers=['a', 'ghost', 'b', 'spirit'])

    def test_running(self):
        self.client.create('sleep', '100', name='idle')
        busy = self.client.create('sleep', '100', name='busy')
        busy.start()
        self.assertEqual(self.names(state=['running']), ['busy'])
        self.assertEqual(self.names(all=False), ['busy'])

    def test_ended(self):
        for code in 0, 3:
            container = self.client.create('sh', '-c', f'exit {code}', name=f'c{code}')
            container.start()
            container.wait_exited()
        self.client.create(name='never')
        self.assertEqual(self.names(exited=[0]), ['c0'])
        self.assertEqual(self.names(exited=[0, 3]), ['c3', 'c0'])
        self.assertEqual(self.names(exited=[7]), [])

    def test_before_and_since(self):
        middle = None
        for name in 'first', 'second', 'third':
            container = self.client.create(name=name)
            middle = container if name == 'second' else middle
        for key in 'second', middle.id, middle.id[:20]:
            self.assertEqual(self.names(before=key), ['first'])
            self.assertEqual(self.names(since=key), ['third'])
        self.assertEqual(self.names(since='first', before='third'), ['second'])
        self.assertEqual(self.names(until=middle.get('Created')), ['first'])
        for option in 'before', 'since':
            with self.assert_error('NoSuchContainer', option, 'ghost'):
                self.names(**{option: 'ghost'})

    def test_policies_and_dependencies(self):
        self.client.create(name='db', restart_policy='always')
        self.client.create(name='web', restart_policy='on-failure:3', depends=['db'])
        self.client.create(name='job')
        self.assertEqual(self.names(restart_policy=['always']), ['db'])
        self.assertEqual(self.names(restart_policy=['on-failure', 'no']), ['job', 'web'])
        self.assertEqual(self.names(depends=['db']), ['web'])
        self.assertEqual(self.names(depends=['job']), [])
        with self.assert_error('NoSuchContainer', 'depends', 'ghost'):
            self.names(depends=['ghost'])

    def test_an_evil_pattern_takes_no_time(self):
        self.client.create(name='a' * 200)
        begun = time.monotonic()
        self.assertEqual(self.names(name=['^(a+)+b$']), [])
        self.assertLess(time.monotonic() - begun, 20)


if __name__ == '__main__':
    main()
