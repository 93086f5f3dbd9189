# SPDX-License-Identifier: LGPL-2.1-or-later
"""bash completion knows each verb and each option that the command knows; so does the manual."""

import os
import re
import subprocess
import unittest

from cli import cpod, tap

COMPLETIONS = os.path.join(os.environ['CPOD_SOURCE'], 'data', 'completions', 'cpod')
MANUAL = os.path.join(os.environ['CPOD_SOURCE'], 'docs', 'man', 'cpod.1')


def verbs():
    listed = cpod('--help').stdout.split('Verbs:\n')[1].split('\n\n')[0]
    return [re.split(r'\s\s+', line.strip())[0] for line in listed.split('\n')]


def aliases():
    """{another name: verb}"""
    listed = cpod('--help').stdout.split('Other names:\n')[1].split('\n\n')[0]
    return dict(re.split(r'\s\s+', line.strip()) for line in listed.split('\n'))


def options(verb):
    return set(re.findall(r'--[a-z-]+', cpod(*verb.split(), '--help').stdout.split('Options:')[1]))


def complete(*words):
    script = ('. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _cpod; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    result = subprocess.run(['bash', '-c', script, COMPLETIONS, *words], capture_output=True, text=True, check=True)
    return set(result.stdout.split())


class Completion(unittest.TestCase):
    def test_verbs(self):
        self.assertEqual(complete('cpod', ''), {verb.split()[0] for verb in [*verbs(), *aliases()]} | {'--address', '--namespace', '--runtime', '--session', '--private', '--version',
                                                               '--help'})

    def test_options(self):
        for verb in verbs():
            with self.subTest(verb):
                self.assertEqual(complete('cpod', *verb.split(), '--'), options(verb))

    def test_verbs_of_two_words(self):
        known = [*verbs(), *aliases()]
        for first in 'container', 'image', 'system':
            self.assertEqual(complete('cpod', first, ''), {verb.split()[1] for verb in known if verb.startswith(first + ' ')})

    def test_other_names(self):
        for alias, verb in aliases().items():
            with self.subTest(alias):
                self.assertIn(verb, verbs())
                self.assertEqual(options(alias), options(verb))
                self.assertEqual(complete('cpod', *alias.split(), '--'), options(verb))

    def test_values(self):
        self.assertEqual(complete('cpod', '--private', 'run', '--network', 'h'), {'host'})
        self.assertEqual(complete('cpod', 'run', '--restart', 'un'), {'unless-stopped'})

    def test_manual(self):
        with open(MANUAL, encoding='utf-8') as file:
            manual = file.read().replace('\\-', '-')
        for verb in verbs():
            with self.subTest(verb):
                self.assertIn(f'.SS cpod {verb} ', manual)
                known = {'--help', '--signal', '--time', '--change', '--message', '--type', '--force', '--attach'}
                missing = [option for option in options(verb) - known if option not in manual]
                self.assertEqual(missing, [])
        for alias in aliases():
            self.assertIn(f'cpod {alias}', manual)


if __name__ == '__main__':
    tap.main()
