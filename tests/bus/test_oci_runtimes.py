#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An OCI runtime for each container: chosen, recorded, missing, changed."""

import json
import os
import shutil

from cases import BusyboxCase
import cgroups
from service import is_alive, main, mounts_below, scratch, wait_for

CONF = '''[engine]
runtime = "runc"
[engine.runtimes]
runc = ["/usr/bin/runc", "/usr/sbin/runc"]
second = ["{bin}/second"]
mute = ["{bin}/mute"]
broken = ["{bin}/broken"]
stubborn = ["{bin}/stubborn"]
optional = ["/nonexistent/optional"]
'''

# Passes all on to runc, and writes down what; the second knows no command "features", the third cannot create.
WRAPPERS = {
    'second': 'exec {runc} "$@"',
    'mute': 'case $* in *features*) exit 1 ;; esac; exec {runc} "$@"',
    'broken': 'case $* in *create*) echo "it is broken" >&2; exit 1 ;; esac; exec {runc} "$@"',
    # Leaves a record behind, and does not let go of it.
    'stubborn': 'if [ -e $0.flag ]; then case $* in *delete*) exit 1 ;; *create*)'
                ' for id; do :; done; mkdir -p $2/$id; exit 1 ;; esac; fi; exec {runc} "$@"',
    'path/runc': 'exec {runc} "$@"',
    'v9': 'case $* in *features*) echo \'{{"ociVersionMin": "1.0.0", "linux": {{"cgroup": {{}}}}}}\'; exit 0 ;; esac;'
          ' exec {runc} "$@"',
}


class RuntimesCase(BusyboxCase):
    @classmethod
    def setUpClass(cls):
        cls.bin = os.path.join(scratch(), cls.__name__ + '-bin')
        os.makedirs(cls.bin + '/path')
        for name in WRAPPERS:
            cls.wrap(name)
        cls.conf = CONF.format(bin=cls.bin)
        super().setUpClass()

    def tearDown(self):
        for name in WRAPPERS:
            self.wrap(name)
        super().tearDown()

    @classmethod
    def wrap(cls, name):
        path = os.path.join(cls.bin, name)
        if not os.path.exists(path):
            with open(path, 'w', encoding='utf-8') as file:
                file.write(f'#!/bin/sh\necho "$*" >> {path}.log\n' + WRAPPERS[name].format(runc=shutil.which('runc')) + '\n')
            os.chmod(path, 0o755)

    def calls(self, name, known=('create', 'start', 'delete', 'pause', 'resume', 'update')):
        """What the wrapper was asked to do so far: the commands of those."""
        try:
            with open(os.path.join(self.bin, name + '.log'), encoding='utf-8') as file:
                return [word for line in file for word in line.split() if word in known]
        except FileNotFoundError:
            return []

    def remove_wrapper(self, name):
        os.unlink(os.path.join(self.bin, name))

    def migrate(self, **options):
        result = self.client.job_wait(self.client.runtime('Migrate', **options))
        return sorted(result['migrated']), result['errors']


class A06OciRuntimeTest(RuntimesCase):
    def test_default_is_recorded(self):
        container = self.client.create('true')
        self.assertEqual(container.inspect()['OCIRuntime'], 'runc')

    def test_each_has_its_own(self):
        before = len(self.calls('second'))
        one = self.client.create('sleep', '1000', oci_runtime='second')
        two = self.client.create('sleep', '1000')
        for container in (one, two):
            container.start()
            container.call('Pause')
            container.call('Unpause')
            container.call('Update', memory=64 << 20)
            container.remove(force=True, timeout=0)
        self.assertEqual(self.calls('second')[before:], ['create', 'start', 'pause', 'resume', 'update', 'delete'])

    def test_it_is_recorded(self):
        container = self.client.create('sleep', '1000', oci_runtime='second', name='recorded')
        container.start()
        self.service.restart(**self.environment())
        container = self.client.container('recorded')
        self.assertEqual(container.inspect()['OCIRuntime'], 'second')
        before = len(self.calls('second'))
        container.call('Pause')
        container.call('Unpause')
        container.remove(force=True, timeout=0)
        self.assertEqual(self.calls('second')[before:], ['pause', 'resume', 'delete'])

    def test_by_path(self):
        """One that is given as a path does not stand in for the configured one of that name."""
        path = os.path.join(self.bin, 'path/runc')
        by_path = self.client.create('true', oci_runtime=path)
        by_name = self.client.create('true', oci_runtime='runc')
        self.assertEqual(by_path.inspect()['OCIRuntime'], path)
        self.assertEqual(by_name.inspect()['OCIRuntime'], 'runc')
        before = len(self.calls('path/runc'))
        for container in (by_name, by_path):
            container.start()
            self.assertEqual(container.wait(), 0)
            container.wait_exited()
        self.assertEqual(self.calls('path/runc')[before:], ['create', 'start', 'delete'])

    def test_unknown(self):
        with self.assert_error('InvalidArgument', 'oci-runtime', "'unheard-of'", 'runc', 'second', 'optional'):
            self.client.create('true', oci_runtime='unheard-of')
        with self.assert_error('OciRuntime', 'oci-runtime', '/nonexistent/optional'):
            self.client.create('true', oci_runtime='optional')
        with self.assert_error('OciRuntime', 'oci-runtime', '/nonexistent/runc'):
            self.client.create('true', oci_runtime='/nonexistent/runc')
        with self.assert_error('OciRuntime', 'oci-runtime', self.bin):
            self.client.create('true', oci_runtime=self.bin)

    def test_an_optional_one_that_is_missing_warns(self):
        warnings = self.client.runtime('GetConfig')['warnings'][0]
        self.assertEqual([text for text in warnings if '/nonexistent/optional' in text and 'optional' in text], warnings)

    def test_no_cgroups_by_what_it_is(self):
        """A runc stays a runc, whatever it is called."""
        for name in ('second', os.path.join(self.bin, 'mute')):
            with self.assert_error('InvalidArgument', 'cgroups', name):
                self.client.create('true', oci_runtime=name, cgroups='disabled')
        container = self.client.create('true', oci_runtime=shutil.which('crun'), cgroups='disabled')
        self.assertEqual(container.inspect()['HostConfig']['Cgroups'], 'disabled')

    def test_features_are_asked_for_once(self):
        for _ in range(3):
            with self.assert_error('InvalidArgument', 'cgroups'):
                self.client.create('true', oci_runtime=os.path.join(self.bin, 'v9'), cgroups='disabled')
        asked = len(self.calls('v9', ['features']))
        self.assertEqual(asked, 1)
        # Another file in its place is another program.
        self.remove_wrapper('v9')
        self.wrap('v9')
        with self.assert_error('InvalidArgument', 'cgroups'):
            self.client.create('true', oci_runtime=os.path.join(self.bin, 'v9'), cgroups='disabled')
        self.assertEqual(len(self.calls('v9', ['features'])), 2)

    def test_a_start_that_cannot_be_taken_back(self):
        """It is told of until it can be, which each further start tries before it begins."""
        flag = os.path.join(self.bin, 'stubborn.flag')
        container = self.client.create('sleep', '1000', oci_runtime='stubborn')
        with open(flag, 'w', encoding='ascii'):
            pass
        try:
            for code in ('ConmonFailed', 'OciRuntime'):
                with self.assert_error(code):
                    container.start()
                self.assertIn({'kind': 'operation', 'object': container.id, 'text': 'init is not finished'},
                              self.client.check())
        finally:
            os.unlink(flag)
        container.start()
        self.assertEqual(self.client.check(), [])
        self.assertEqual(len([path for path in mounts_below(self.service.root) if container.id in path]), 1)
        container.remove(force=True, timeout=0)

    def test_without_it_all_but_start_works(self):
        container = self.client.create('sleep', '1000', oci_runtime='second', name='orphaned')
        container.start()
        pid = container.get('Pid')
        path = cgroups.path_of(pid, 'pids')
        self.remove_wrapper('second')
        container.call('Pause')
        self.assertEqual(container.get('State'), 'paused')
        container.call('Unpause')
        self.assertEqual(container.inspect()['State']['Running'], True)
        container.rename('renamed')
        container.stop(timeout=0)
        container.wait_exited()
        self.assertFalse(is_alive(pid))
        self.assertEqual((container.get('State'), container.get('ExitCode')), ('exited', 137))
        self.assertEqual(cgroups.directories(path), [])
        with self.assert_error('OciRuntime', 'renamed', 'second'):
            container.start()
        self.assertEqual(container.get('State'), 'exited')
        self.assert_well(self.service)
        self.wrap('second')
        container.start()
        self.remove_wrapper('second')
        self.service.restart(**self.environment())
        container = self.client.container('renamed')
        self.assertEqual(container.get('State'), 'running')
        container.remove(force=True, timeout=0)


class A17MigrateTest(RuntimesCase):
    def test_to_another_runtime(self):
        fresh = self.client.create('sh', '-c', 'exit 3', name='fresh')
        ended = self.client.create('sh', '-c', 'exit 4', name='ended')
        ended.start()
        ended.wait_exited()
        already = self.client.create('true', name='already', oci_runtime='second')
        running = self.client.create('sleep', '1000', name='running')
        running.start()
        seq = self.client.last_seq()
        migrated, errors = self.migrate(oci_runtime='second')
        self.assertEqual(migrated, sorted([fresh.id, ended.id]))
        self.assertEqual(list(errors), [running.id])
        self.assertIn('running', errors[running.id])
        self.assertEqual([one.inspect()['OCIRuntime'] for one in (fresh, ended, already, running)],
                         ['second', 'second', 'second', 'runc'])
        events = self.client.events(seq)[0]
        self.assertEqual({(event['id'], event['status'], event['attributes'].get('oci-runtime')) for event in events},
                         {(fresh.id, 'update', 'second'), (ended.id, 'update', 'second')})
        self.assertEqual(len(events), 2)
        self.assertEqual((fresh.get('State'), ended.get('State'), ended.get('ExitCode')), ('configured', 'exited', 4))
        before = len(self.calls('second'))
        for container, code in ((fresh, 3), (ended, 4)):
            container.start()
            self.assertEqual(container.wait(), code)
            container.wait_exited()
        self.assertEqual(self.calls('second')[before:], ['create', 'start', 'delete'] * 2)
        self.assertEqual(running.get('State'), 'running')

    def test_of_some(self):
        one, two = (self.client.create('true', name=name) for name in ('one', 'two'))
        self.assertEqual(self.migrate(oci_runtime='second', containers=['one', 'three']),
                         ([one.id], {'three': "no container with name or id 'three'"}))
        self.assertEqual(two.inspect()['OCIRuntime'], 'runc')
        # Back to the default, by its id; it is no news to those that have it.
        self.assertEqual(self.migrate(containers=[one.id[:20], 'two']), ([one.id], {}))
        self.assertEqual(one.inspect()['OCIRuntime'], 'runc')

    def test_it_lasts(self):
        container = self.client.create('true', name='lasting')
        self.migrate(oci_runtime='second')
        with open(self.service.state('lib', 'containers', container.id, 'container.json'), encoding='utf-8') as file:
            self.assertEqual(json.loads(json.load(file)['config'])['ociRuntime'], 'second')
        self.service.restart(**self.environment())
        self.assertEqual(self.client.container('lasting').inspect()['OCIRuntime'], 'second')

    def test_trap_16_it_is_tried_first(self):
        """What the new one cannot run stays with the old one, and can still be started."""
        container = self.client.create('sh', '-c', 'exit 5', name='stays')
        seq = self.client.last_seq()
        for runtime, words in (('broken', ['broken']), (os.path.join(self.bin, 'v9'), ['support of cgroup'])):
            migrated, errors = self.migrate(oci_runtime=runtime)
            self.assertEqual((migrated, list(errors)), ([], [container.id]))
            for word in ('stays', runtime, *words):
                self.assertIn(word, errors[container.id])
            self.assertEqual(container.inspect()['OCIRuntime'], 'runc')
            self.assert_well(self.service)
        self.assertEqual(self.client.last_seq(), seq)
        container.start()
        self.assertEqual(container.wait(), 5)

    def test_unknown(self):
        for options in ({'oci_runtime': 'unheard-of'}, {'oci_runtime': 'optional'}):
            with self.assert_error('InvalidArgument' if options['oci_runtime'] == 'unheard-of' else 'OciRuntime',
                                   options['oci_runtime']):
                self.migrate(**options)
        with self.assert_error('InvalidArgument', 'new-runtime'):
            self.client.runtime('Migrate', new_runtime='second')

    def test_from_one_that_is_gone(self):
        container = self.client.create('true', name='left', oci_runtime='second')
        self.remove_wrapper('second')
        with self.assert_error('OciRuntime', 'second'):
            container.start()
        self.assertEqual(self.migrate(), ([container.id], {}))
        container.start()
        self.assertEqual(container.wait(), 0)

    def test_trap_13_renumber_locks(self):
        """There is nothing to renumber, and it does no harm to what runs."""
        container = self.client.create('sleep', '1000')
        container.start()
        seq = self.client.last_seq()
        self.assertEqual(self.client.runtime('RenumberLocks'), 0)
        events = self.client.events(seq)[0]
        self.assertEqual([(event['type'], event['status'], event['uid']) for event in events],
                         [('system', 'renumber', os.geteuid())])
        self.assertEqual(container.get('State'), 'running')
        wait_for(lambda: is_alive(container.get('Pid')))


if __name__ == '__main__':
    main()
