#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each method is a job, or waits because that is what it is for, or takes a time that has a bound: and which, is said here.

The table in docs/architecture.md says why. Whoever adds a method has to say it, too.
"""

import os
import re
import xml.etree.ElementTree as ElementTree

from service import Case, main

# They end when something happens that nobody can tell the time of; their callers set no timeout.
WAITING = {
    'Container': {'Wait'},
    'Exec': {'Wait'},
    'Job': {'Wait'},
}

# They wait for processes or callers to end, up to a time that is given in the call or in the configuration.
TIMED = {
    'Container': {'Stop', 'Restart', 'Remove'},
    'Exec': {'Stop', 'Remove'},
    'Images': {'RemoveImage'},
    'Runtime': {'Remove', 'Evict', 'Shutdown'},
}

# They run the OCI runtime, the monitor or a mount program, each of which is given up after a time.
LAUNCHING = {
    'Container': {'Init', 'Start', 'Pause', 'Unpause', 'Cleanup', 'Kill', 'Attach', 'Update', 'Mount', 'Unmount'},
    'Exec': {'Start', 'Attach', 'Kill'},
    'Image': {'Mount', 'Unmount'},
    'Runtime': {'Create', 'MountStorageContainer', 'UnmountStorageContainer', 'RemoveStorageContainer', 'Check', 'GetInfo'},
}

# They look at rows and files, as many as there are, and wait for nobody.
LOOKING = {
    'Container': {'Diff', 'StatPath', 'ListExecs', 'Inspect', 'Logs', 'Resize', 'Rename', 'Exec', 'Top'},
    'Exec': {'Detach', 'Resize', 'Inspect'},
    'Image': {'Inspect', 'History', 'ListLayers', 'Tag', 'Untag', 'Diff'},
    'Images': {'GetImage', 'ListImages', 'ListMounts', 'PrunePreview'},
    'Job': {'Cancel'},
    'Runtime': {'RemovePreview', 'Rename', 'PrunePreview', 'RenumberLocks', 'GetContainer', 'GetExecSessionContainer',
                'ListContainers', 'ListJobs', 'ListMounts', 'ListStorageContainers', 'GetEvents', 'StreamEvents', 'GetStats',
                'StreamStats', 'GetDiskUsage', 'GetConfig', 'Reload'},
}
LISTS = {'wait': WAITING, 'timed': TIMED, 'launch': LAUNCHING, 'look': LOOKING}


# What the section says of each bound that is a constant, and where that is; NUMBER in seconds unless the words say minutes.
BOUNDS = (
    ('NUMBER seconds more for SIGKILL', 'engine/containers/cpd-container-stop.c', 'KILL_WAIT_US'),
    ('NUMBER seconds more for SIGKILL', 'engine/exec/cpd-exec.c', 'KILL_WAIT_US'),
    ('the OCI runtime after NUMBER seconds', 'engine/conmon/cpd-launcher.c', 'RUNTIME_TIMEOUT_MS'),
    ('NUMBER for the creation of a container', 'engine/conmon/cpd-conmon.c', 'CREATE_TIMEOUT_MS'),
    ('mount programs after NUMBER without a word', 'storage/cpd-mount-program.c', 'SILENCE'),
    ('others after NUMBER to', 'engine/host/cpd-programs.c', 'TIMEOUT_MS'),
    ('others after [0-9]+ to NUMBER', 'config/cpd-oci-features.c', 'TIMEOUT_MS'),
    ('a person, who has NUMBER minutes', 'bus/cpd-bus-polkit.c', 'PROMPT_MS'),
    ('without a prompt it has NUMBER seconds', 'bus/cpd-bus-polkit.c', 'ANSWER_MS'),
)
SPELLED = {'five': 5, 'ten': 10}
UNITS = {'MS': 1000, 'US': 1000 * 1000}


def read_section():
    """What docs/architecture.md says of what can take long, in one line."""
    text = read_source('docs', 'architecture.md')
    return ' '.join(re.split(r'\n##+ ', text[text.index('### What can take long'):])[0].split())


def read_constant(path, name):
    """In seconds."""
    found = re.findall(rf'^#define {name} \(?([0-9 *]+?|[0-9 *]+ G_USEC_PER_SEC)\)?(?:\s+/\*.*)?$', read_source('src', path), re.MULTILINE)
    assert len(found) == 1, (path, name, found)
    value = 1
    for factor in found[0].replace('G_USEC_PER_SEC', '1000000').split('*'):
        value *= int(factor)
    return value / UNITS.get(name.rsplit('_', 1)[-1], 1)


def read_methods():
    """{interface: {method: its element}}."""
    directory = os.path.join(os.environ['CPOD_SOURCE'], 'introspection')
    return {interface.get('name').rsplit('.', 1)[1]: {method.get('name'): method for method in interface.iter('method')}
            for name in sorted(os.listdir(directory)) if name.endswith('.xml')
            for interface in ElementTree.parse(os.path.join(directory, name)).iter('interface')}


def is_job(method):
    return any((argument.get('name'), argument.get('type'), argument.get('direction')) == ('job', 'o', 'out')
               for argument in method.iter('arg'))


def read_source(*parts):
    with open(os.path.join(os.environ['CPOD_SOURCE'], *parts), encoding='utf-8') as file:
        return file.read()


class BoundedTest(Case):
    def test_each_method_is_in_one_list(self):
        for interface, methods in read_methods().items():
            for name, method in methods.items():
                with self.subTest(f'{interface}.{name}'):
                    found = [kind for kind, listed in LISTS.items() if name in listed.get(interface, ())]
                    self.assertEqual(len(found) + is_job(method), 1,
                                     f'it is in {found}' + (' and starts a job' if is_job(method) else ''))

    def test_no_list_has_more(self):
        methods = read_methods()
        for kind, listed in LISTS.items():
            for interface, names in listed.items():
                with self.subTest(kind, interface=interface):
                    self.assertLessEqual(names, set(methods[interface]))

    def test_the_table_says_the_same(self):
        """docs/architecture.md has a row for each method that may take long."""
        text = read_source('docs', 'architecture.md')
        table = text[text.index('### What can take long'):]
        rows = {name.strip(): set(re.findall(r'`(\w+\.\w+)`', cell)) for name, cell in
                re.findall(r'^\| (\w[^|]*) \|([^|]*)\|', table.split('\n## ')[0], re.MULTILINE)}
        jobs = {f'{interface}.{name}' for interface, methods in read_methods().items() for name, method in methods.items()
                if is_job(method)}
        self.assertEqual(rows['job'], jobs)
        for row, listed in (('waits', WAITING), ('has a limit', TIMED), ('runs a program', LAUNCHING)):
            self.assertEqual(rows[row], {f'{interface}.{name}' for interface, names in listed.items() for name in names}, row)

    def test_the_bounds_are_the_ones_of_the_code(self):
        section = read_section()
        for words, path, name in BOUNDS:
            with self.subTest(words, path=path):
                said = re.findall(words.replace('NUMBER', '([0-9]+|[a-z]+)'), section)
                self.assertEqual(len(said), 1, said)
                seconds = SPELLED.get(said[0]) or int(said[0])
                self.assertEqual(read_constant(path, name), seconds * (60 if 'minutes' in words else 1), name)

    def test_who_waits_is_told_to_set_no_limit(self):
        for interface, names in WAITING.items():
            text = read_source('introspection', f'org.cpod.Cpod1.{interface}.xml')
            for name in names:
                comment = re.findall(rf'<!--\s+{name}:\s.*?-->', text, re.DOTALL)[0]
                with self.subTest(f'{interface}.{name}'):
                    self.assertIn('unlimited', comment)

    def test_every_job_can_be_detached(self):
        for interface, methods in read_methods().items():
            text = read_source('introspection', f'org.cpod.Cpod1.{interface}.xml')
            for name in (name for name, method in methods.items() if is_job(method)):
                comment = re.findall(rf'<!--\s+{name}:\s.*?-->', text, re.DOTALL)[0]
                with self.subTest(f'{interface}.{name}'):
                    for option in ('token', 'detach'):
                        self.assertRegex(comment, rf'<(literal|term)>{option}\b')


if __name__ == '__main__':
    main()
