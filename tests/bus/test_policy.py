# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may do what: actions x kinds of users x contents of the request, by a real polkitd."""

import os
import re
import shutil
import socket
import subprocess
import xml.etree.ElementTree as ElementTree

import polkit
from service import (ERROR, NAME, OBJECT_MANAGER, PROPERTIES, ROOT_PATH, RUNTIME, CallError, Case, Service, main, wait_for)

from gi.repository import GLib

# The defaults: what a user of each kind hears who did not allow a prompt. What a prompt gives is kept or not.
ACTIVE, INACTIVE, REMOTE, NONE = polkit.KINDS
EVERYBODY = dict.fromkeys(polkit.KINDS, 'yes')
NOBODY = dict.fromkeys(polkit.KINDS, 'ask')
WHO_IS_HERE = {**NOBODY, ACTIVE: 'yes'}
POLICY = {
    'read': EVERYBODY, 'inspect': WHO_IS_HERE, 'manage-own': WHO_IS_HERE, 'manage': NOBODY, 'create': NOBODY,
    'create-host': NOBODY, 'exec': NOBODY, 'exec-host': NOBODY, 'images': NOBODY, 'system': NOBODY,
}
KEPT = {'manage': True, 'create': True, 'create-host': False, 'exec': True, 'exec-host': False, 'images': True,
        'system': False}

USERS = {ACTIVE: 'games', INACTIVE: 'news', REMOTE: 'mail', NONE: 'man'}

# Whose a container is, and how far it reaches. By its name the test's own rule lets everybody create it.
OBJECTS = ('own', 'own-host', 'theirs', 'theirs-host')
REACH = {'network': 'host', 'cap_add': ['SYS_ADMIN']}
RULES = '''
polkit.addRule(function (action, subject) {
  if (action.id.indexOf("org.cpod.Cpod1.create") == 0 && /^own-/.test(action.lookup("name")))
    return polkit.Result.YES;
  if (action.id == "org.cpod.Cpod1.images" && subject.user == "%s" && /\\/detached$/.test(action.lookup("image")))
    return polkit.Result.YES;
});
''' % USERS[ACTIVE]

# Methods of a container: arguments, and the kind of thing that they are.
CONTAINER = {
    'Init': ('manage',), 'Start': ('manage',), 'Stop': ('manage',), 'Restart': ('manage',), 'Pause': ('manage',),
    'Unpause': ('manage',), 'Cleanup': ('manage',), 'Kill': ('manage',), 'Rename': ('manage', 's', 'own-other'),
    'Remove': ('manage',), 'Update': ('manage',), 'Mount': ('manage',), 'Unmount': ('manage',),
    'CopyOut': ('manage', 'ayh', list(b'/etc\0'), 0), 'Export': ('manage', 'h', 0), 'Attach': ('exec',),
    'CopyIn': ('exec', 'ayh', list(b'/etc\0'), 0), 'Exec': ('exec', 'as', ['true']), 'Commit': ('images', 's', ''),
    'Top': ('inspect',), 'Diff': ('inspect',), 'StatPath': ('inspect', 'ay', list(b'/\0')), 'Logs': ('inspect',), 'Inspect': ('inspect',),
    'Wait': ('read',), 'ListExecs': ('read',), 'Resize': ('manage', 'uu', 24, 80),
}
EXEC = {
    'Start': ('exec',), 'Attach': ('exec',), 'Detach': ('exec',), 'Resize': ('manage', 'uu', 24, 80), 'Kill': ('manage',), 'Stop': ('manage',),
    'Remove': ('manage',), 'Inspect': ('inspect',), 'Wait': ('read',),
}
IMAGE = {
    'Inspect': ('inspect',), 'History': ('inspect',), 'ListLayers': ('inspect',), 'Diff': ('inspect',),
    'Tag': ('images', 'as', ['other']), 'Untag': ('images', 'as', ['other']), 'Mount': ('images',), 'Unmount': ('images',),
}
NOWHERE = 'localhost:1/nothing'
IMAGES = {
    'Import': ('images', 'hs', 0, ''), 'Load': ('images', 'h', 0), 'Pull': ('images', 's', NOWHERE),
    'Push': ('images', 'ss', 'busybox', NOWHERE), 'ListTags': ('images', 's', NOWHERE), 'Search': ('images', 's', NOWHERE),
    'Save': ('images', 'ash', ['busybox'], 0), 'GetImage': ('read', 's', 'busybox'), 'ListImages': ('read',),
    'ListMounts': ('read',), 'RemoveImage': ('images', 's', 'busybox'), 'PruneImages': ('images',), 'PrunePreview': ('read',),
}
RUNTIME_METHODS = {
    'RemovePreview': ('read', 's', 'theirs'), 'PruneContainers': ('manage',), 'PrunePreview': ('read',),
    'GetContainer': ('read', 's', 'theirs'), 'GetExecSessionContainer': ('read', 's', 'f' * 64),
    'ListContainers': ('read',), 'ListJobs': ('read',), 'ListMounts': ('read',), 'ListStorageContainers': ('read',),
    'MountStorageContainer': ('manage', 's', 'f' * 64), 'UnmountStorageContainer': ('manage', 's', 'f' * 64),
    'RemoveStorageContainer': ('manage', 's', 'f' * 64), 'GetEvents': ('read', 't', 0), 'GetInfo': ('read',),
    'GetDiskUsage': ('inspect',), 'StreamEvents': ('inspect', 't', 0), 'GetStats': ('read', 'as', []),
    'StreamStats': ('read', 'as', []), 'Check': ('system',), 'GetConfig': ('read',), 'Reload': ('system',),
    'Shutdown': ('system',), 'Migrate': ('system',), 'RenumberLocks': ('system',),
}
# Tested on their own below.
ELSEWHERE = {'Runtime': {'Create', 'Remove', 'Rename', 'Evict'}, 'Job': {'Cancel', 'Wait'}}

# What a request for a new container may hold, and what that comes to.
CONTENTS = (
    ('create', {}), ('create', {'memory': 64 << 20, 'pids_limit': 64, 'cpus': 0.5}), ('create', {'network': 'none'}),
    ('create', {'env': ['A=b'], 'labels': {'a': 'b'}, 'user': '1', 'workdir': '/tmp', 'hostname': 'h'}),
    ('create', {'cap_drop': ['ALL']}), ('create', {'cap_add': ['CHOWN']}), ('create', {'privileged': False}),
    ('create', {'read_only': True, 'stdin': True, 'auto_remove': True, 'stop_signal': 'INT', 'stop_timeout': 3}),
    ('create', {'restart_policy': 'always', 'oom_score_adj': 10, 'ulimit': ['nofile=100'], 'shm_size': 1 << 20}),
    ('create', {'oci_runtime': 'runc', 'cgroupns': 'private', 'cgroups': 'enabled'}), ('create', {'depends': ['own']}),
    ('create-host', {'privileged': True}), ('create-host', {'network': 'host'}),
    ('create-host', {'cap_add': ['SYS_ADMIN']}), ('create-host', {'cap_add': ['all']}),
    ('create-host', {'cap_add': ['CAP_NET_RAW'], 'cap_drop': ['CHOWN']}),
    ('create-host', {'oci_runtime': shutil.which('runc')}), ('create-host', {'cgroup_parent': '/elsewhere'}),
    ('create-host', {'cgroupns': 'host'}), ('create-host', {'cgroups': 'split'}), ('create-host', {'oom_score_adj': -10}),
    ('create-host', {'ulimit': ['rtprio=0']}), ('create-host', {'depends': ['theirs']}),
)


def expected(need, owner):
    """The action that is asked for a container that is OWNER's."""
    if need == 'exec' and owner.endswith('-host'):
        return 'exec-host'
    if need in ('exec', 'manage') and owner.startswith('own'):
        return 'manage-own'
    return need


def outcome(who, *call, **options):
    """'yes' or 'ask' or 'no', and about which action; of a yes nothing is told."""
    try:
        who.call(*call, **options)
    except CallError as error:
        if error.name in (ERROR + 'InteractionRequired', ERROR + 'NotAuthorized'):
            action = re.search(rf'for {NAME}\.([a-z-]+): ', error.message)
            return 'ask' if error.name.endswith('InteractionRequired') else 'no', action[1] if action else error.message
        if error.name == 'org.freedesktop.DBus.Error.InvalidArgs':
            raise
    return 'yes', None


class PolicyTest(Case):
    @classmethod
    def setUpClass(cls):
        cls.service = Service('policy')
        cls.root = cls.service.client
        cls.image = cls.root.import_busybox()['image']
        cls.polkit = polkit.Polkit(RULES)
        cls.polkit.start()
        cls.users = {kind: cls.polkit.user(name, kind) for kind, name in USERS.items()}
        cls.makers = {kind: cls.polkit.user(name, kind) for kind, name in USERS.items()}
        cls.count = 0

    @classmethod
    def tearDownClass(cls):
        cls.polkit.destroy()
        cls.service.remove_all()
        cls.service.destroy()

    def make(self, kind, owner, command='true'):
        """A container to try on; one of the user's own is created by another process of that user's."""
        type(self).count += 1
        options = dict(REACH) if owner.endswith('-host') else {}
        client = self.makers[kind] if owner.startswith('own') else self.root
        path, _, name = client.runtime('Create', 's', 'busybox', command=command.split(), name=f'{owner}-{self.count}',
                                       **options)
        return path, name

    def check_cell(self, what, action, kind, *call, **options):
        with self.subTest(what=what, user=kind):
            said, about = outcome(self.users[kind], *call, **options)
            self.assertEqual(said, POLICY[action][kind])
            if said != 'yes':
                self.assertEqual(about, action)

    def test_every_method_is_in_the_table(self):
        tables = {'Container': CONTAINER, 'Exec': EXEC, 'Image': IMAGE, 'Images': IMAGES, 'Runtime': RUNTIME_METHODS, 'Job': {}}
        directory = os.path.join(os.environ['CPOD_SOURCE'], 'introspection')
        found = {}
        for name in os.listdir(directory):
            if not name.endswith('.xml'):
                continue
            for interface in ElementTree.parse(os.path.join(directory, name)).iter('interface'):
                short = interface.get('name').removeprefix(NAME + '.')
                found[short] = {method.get('name') for method in interface.iter('method')}
        self.maxDiff = None
        self.assertEqual(found, {short: set(table) | ELSEWHERE.get(short, set()) for short, table in tables.items()})

    def test_containers(self):
        for kind in polkit.KINDS:
            for owner in OBJECTS:
                for method, (need, *arguments) in CONTAINER.items():
                    path, _ = self.make(kind, owner)
                    options = {'condition': ['configured']} if method == 'Wait' else {}
                    self.check_cell(f'{method} of {owner}', expected(need, owner), kind, path, 'Container', method,
                                    *arguments, **options)

    def test_containers_by_name(self):
        for kind in polkit.KINDS:
            for owner in OBJECTS:
                for method, need, signature, *more in (('Remove', 'manage', 's'), ('Rename', 'manage', 'ss', 'own-new'),
                                                       ('Evict', 'system', 's')):
                    path, name = self.make(kind, owner)
                    self.check_cell(f'{method} of {owner}', expected(need, owner), kind, RUNTIME, 'Runtime', method,
                                    signature, name, *more)
                    if POLICY[expected(need, owner)][kind] == 'ask':
                        self.assertEqual(self.root.property(path, 'Container', 'Name'), name)

    def test_what_a_connection_has_created(self):
        """Attaching to what one has just been asked about, and going on with a session, is no further question."""
        for kind, user in self.users.items():
            path, _, name = user.runtime('Create', 's', 'busybox', command=['sleep', '1000'], name=f'own-made-{kind}', **REACH)
            self.check_cell('Attach by who created it', 'manage-own', kind, path, 'Container', 'Attach')
            self.check_cell('Exec by who created it', 'exec-host', kind, path, 'Container', 'Exec', 'as', ['true'])
            self.root.container(name).remove()

    def test_dependents_may_be_anybodys(self):
        path, name = self.make(ACTIVE, 'own')
        self.root.create('true', name='hanger-on', depends=[name])
        self.check_cell('Remove with depend', 'manage', ACTIVE, path, 'Container', 'Remove', depend=True)
        self.check_cell('Remove with depend', 'manage', ACTIVE, RUNTIME, 'Runtime', 'Remove', 's', name, depend=True)

    def test_execs(self):
        for kind in polkit.KINDS:
            for owner in OBJECTS:
                path, name = self.make(kind, owner, 'sleep 1000')
                container = self.root.container(name)
                container.start()
                for method, (need, *arguments) in EXEC.items():
                    session, ident = container.call('Exec', 'as', ['true'])
                    if method == 'Wait':        # of one that is none, so that there is nothing to wait for
                        session = session.replace(ident, 'f' * 64)
                    self.check_cell(f'{method} of a session in {owner}', expected(need, owner), kind, session, 'Exec',
                                    method, *arguments)
                self.check_cell(f'Exec with all rights in {owner}', 'exec-host', kind, path, 'Container', 'Exec', 'as',
                                ['true'], privileged=True)
                session, _ = container.call('Exec', 'as', ['true'], privileged=True)
                self.check_cell(f'Start of a session with all rights in {owner}', 'exec-host', kind, session, 'Exec', 'Start')
                container.remove(force=True, timeout=0)

    def test_what_is_handed_to_a_process(self):
        """Who may have a process run as root in a container of one's own cannot have it write to root's files."""
        user = self.users[ACTIVE]
        container = self.root.container(self.make(ACTIVE, 'own', 'sleep 1000')[1])
        container.start()
        mine = os.path.join(self.polkit.directory, 'mine')
        with open(mine, 'w', encoding='ascii'):
            os.chown(mine, user.uid, -1)
        for file, run_as, words in (('/etc/passwd', '0', 'does not belong to the caller'), ('socket', '0', 'socket'),
                                    ('socket', str(user.uid), 'socket'), (mine, '0', 'another user'),
                                    ('pipe', '0', None), ('/dev/null', '0', None), (mine, str(user.uid), None)):
            with self.subTest(file=file, run_as=run_as):
                session, _ = user.call(container.path, 'Container', 'Exec', 'as', ['true'], user=run_as)
                options = {'stdin': GLib.Variant('h', 0)}
                if words is None:
                    user.call(session, 'Exec', 'Start', files=[file], **options)
                    self.assertEqual(user.call(session, 'Exec', 'Wait'), (0,))
                else:
                    with self.assert_error('InvalidArgument', 'stdin', words):
                        user.call(session, 'Exec', 'Start', files=[file], **options)
        container.remove(force=True, timeout=0)

    def test_images(self):
        for kind in polkit.KINDS:
            for method, (need, *arguments) in IMAGE.items():
                self.check_cell(f'{method} of an image', need, kind, self.image, 'Image', method, *arguments)
            for method, (need, *arguments) in IMAGES.items():
                self.check_cell(f'Images.{method}', need, kind, RUNTIME, 'Images', method, *arguments)

    def test_runtime(self):
        self.root.create('true', name='theirs')
        for kind in polkit.KINDS:
            for method, (need, *arguments) in RUNTIME_METHODS.items():
                self.check_cell(f'Runtime.{method}', need, kind, RUNTIME, 'Runtime', method, *arguments)
        self.root.container('theirs').remove()

    def test_contents_of_requests(self):
        self.root.create('true', name='theirs')
        for kind, user in self.users.items():
            own = self.make(kind, 'own')[1]
            for action, options in CONTENTS:
                options = {key: [own] if value == ['own'] else value for key, value in options.items()}
                before = len(self.root.list(all=True))
                self.check_cell(f'Create with {options}', action, kind, RUNTIME, 'Runtime', 'Create', 's', 'busybox',
                                command=['true'], **options)
                self.assertEqual(len(self.root.list(all=True)), before, user.uid)
        self.root.container('theirs').remove()

    def test_prompts_that_are_kept(self):
        """What a prompt gives an active user lasts, or it does not."""
        path, _ = self.make(ACTIVE, 'theirs')
        host, _ = self.make(ACTIVE, 'theirs-host')
        calls = {
            'manage': (path, 'Container', 'Kill'), 'create': (RUNTIME, 'Runtime', 'Create', 's', 'busybox'),
            'create-host': (RUNTIME, 'Runtime', 'Create', 's', 'busybox'), 'exec': (path, 'Container', 'Exec', 'as', ['true']),
            'exec-host': (host, 'Container', 'Exec', 'as', ['true']), 'images': (self.image, 'Image', 'Tag', 'as', ['more']),
            'system': (RUNTIME, 'Runtime', 'Check'),
        }
        self.assertEqual(set(calls), {action for action, cells in POLICY.items() if cells[ACTIVE] == 'ask'})
        for action, call in calls.items():
            options = {'command': ['true']} if action.startswith('create') else {}
            options.update({'network': 'host'} if action == 'create-host' else {})
            with self.subTest(action=action):
                user = self.polkit.user(USERS[ACTIVE], ACTIVE)  # a process of its own, with nothing kept
                agent = polkit.Agent(user, lambda question: True)
                for _ in range(2):
                    user.begin(*call, interactive=True, **options)
                    try:
                        agent.end_of(user)
                    except CallError as error:  # the state of the container may not allow it
                        self.assertEqual(error.name, ERROR + 'InvalidState', error.message)
                self.assertEqual([question['action'] for question in agent.asked],
                                 [f'{NAME}.{action}'] * (1 if KEPT[action] else 2))
                self.assertNotIn('$(', agent.asked[0]['message'])
                agent.remove()

    def test_what_the_tools_of_polkit_say(self):
        """The defaults as pkcheck hears them."""
        codes = {'yes': 0, 'ask': 2, 'no': 1}
        for action, cells in POLICY.items():
            for kind, said in cells.items():
                user = self.users[kind]
                with self.subTest(action=action, user=kind):
                    check = subprocess.run(
                        ['pkcheck', '--action-id', f'{NAME}.{action}', '--process',
                         f'{user.pid},{polkit.start_time(user.pid)},{user.uid}'], check=False, capture_output=True)
                    self.assertEqual(check.returncode, codes[said], check.stderr)

    def test_standard_interfaces_reveal_no_secret(self):
        signals = []
        watcher = self.service.connect()
        watcher.connection.signal_subscribe(None, None, None, None, None, 0, lambda *a: signals.append(a[5].print_(True)))
        _, ident, name = self.root.runtime(
            'Create', 's', 'busybox', command=['echo', 'SECRET-1'], env=['A=SECRET-2'], labels={'a': 'SECRET-3'},
            user='SECRET-4', name='keeper')
        self.root.container(name).rename('keeper2')
        user = self.users[NONE]
        path = f'{ROOT_PATH}/containers/{ident}'
        user.begin_raw(f'{ROOT_PATH}/containers', OBJECT_MANAGER, 'GetManagedObjects', GLib.Variant('()', ()))
        managed = str(user.end())
        user.begin_raw(path, PROPERTIES, 'GetAll', GLib.Variant('(s)', (NAME + '.Container',)))
        everything = managed + str(user.end()) + str(user.runtime('ListContainers', all=True)) + str(user.runtime('GetEvents', 't', 0))
        user.begin_raw(path, 'org.freedesktop.DBus.Introspectable', 'Introspect', GLib.Variant('()', ()))
        everything += str(user.end())
        context = GLib.MainContext.default()
        wait_for(lambda: context.iteration(False) or any('keeper2' in text for text in signals), 20, 'the signal')
        self.assertIn('keeper2', everything)
        self.assertNotIn('SECRET', everything)
        self.assertNotIn('SECRET', ''.join(signals))
        for kind, client in self.users.items():
            self.check_labels(kind, client)
        self.root.container('keeper2').remove()

    def check_labels(self, kind, user):
        """What may hold secrets is for those who may inspect, also where all may read."""
        columns, = user.runtime('ListContainers', all=True, name=['keeper2'], fields=['name', 'command', 'labels'])
        events = user.runtime('GetEvents', 't', 0, name=['keeper2'])[0]
        told = POLICY['inspect'][kind] == 'yes'
        with self.subTest(user=kind):
            self.assertEqual(columns, {'name': ['keeper2'], 'command': [['echo', 'SECRET-1'] if told else []],
                                       'labels': [{'a': 'SECRET-3'} if told else {}]})
            self.assertEqual([event['labels'] for event in events], [{'a': 'SECRET-3'} if told else {}])
        for method, *arguments in (('ListContainers',), ('PrunePreview',), ('GetEvents', 't', 0)):
            self.check_cell(f'{method} with a filter of labels', 'inspect', kind, RUNTIME, 'Runtime', method, *arguments,
                            label=['a=SECRET-3'])

    def test_no_property_can_be_set(self):
        path, name = self.make(ACTIVE, 'own')
        for who in self.users.values():
            who.begin_raw(path, PROPERTIES, 'Set',
                          GLib.Variant('(ssv)', (NAME + '.Container', 'Name', GLib.Variant('s', 'stolen'))))
            with self.assert_error('org.freedesktop.DBus.Error.InvalidArgs', 'not writable'):
                who.end()
        self.assertEqual(self.root.property(path, 'Container', 'Name'), name)

    def test_job_of_another(self):
        """Not even the name of another's job is told."""
        job = self.root.images('ListTags', 's', NOWHERE, token='mine')
        for kind, user in self.users.items():
            for method in ('Wait', 'Cancel'):
                with self.subTest(user=kind, method=method), self.assertRaises(CallError) as caught:
                    user.call(job, 'Job', method)
                self.assertNotIn('Registry', caught.exception.name)
            user.begin_raw(job, PROPERTIES, 'GetAll', GLib.Variant('(s)', (NAME + '.Job',)))
            with self.assert_error('NotAuthorized', 'another caller'):
                user.end()
            self.assertEqual(user.runtime('ListJobs'), ({},))

    def test_job_that_is_detached(self):
        """It is its user's, wherever that comes from, and root's."""
        with socket.create_server(('127.0.0.1', 0)) as mute:        # whoever asks it waits
            name = f'127.0.0.1:{mute.getsockname()[1]}/detached'
            leaver = self.polkit.user(USERS[ACTIVE], ACTIVE)
            job, = leaver.images('ListTags', 's', name, detach=True)
            kept, = self.makers[ACTIVE].images('ListTags', 's', name)
            leaver.kill()
            self.polkit.users.remove(leaver)
            for kind, user in self.users.items():
                mine = kind == ACTIVE
                with self.subTest(user=kind):
                    self.assertEqual(list(user.runtime('ListJobs')[0]), [job] if mine else [])
                for method in ('GetAll', 'Cancel') if not mine else ('GetAll',):
                    self.reach(user, job, method, mine)
            self.assertEqual(self.root.runtime('ListJobs')[job]['OwnerUid'], self.users[ACTIVE].uid)
            self.assertNotIn(kept, self.root.runtime('ListJobs'))
            self.assertEqual(self.root.property(job, 'Job', 'State'), 'running')
            self.users[ACTIVE].call(job, 'Job', 'Cancel')
            for who in (self.users[ACTIVE], self.root):
                with self.assert_error('Cancelled'):
                    who.call(job, 'Job', 'Wait')
            self.makers[ACTIVE].call(kept, 'Job', 'Cancel')

    def reach(self, user, job, method, may):
        if method == 'GetAll':
            user.begin_raw(job, PROPERTIES, 'GetAll', GLib.Variant('(s)', (NAME + '.Job',)))
        else:
            user.begin(job, 'Job', method)
        if may:
            self.assertEqual(user.end()[0]['OwnerUid'], user.uid)
            return
        with self.assert_error('NotAuthorized', 'another caller'):
            user.end()


if __name__ == '__main__':
    main()
