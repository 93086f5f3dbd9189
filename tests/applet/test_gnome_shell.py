# SPDX-License-Identifier: LGPL-2.1-or-later
"""The indicator for GNOME Shell: its list follows what runs; the rest of it is at least JavaScript."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.environ['CPOD_SOURCE']
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(SOURCE, 'tests', 'bus'))

from desktop import make_locale  # noqa: E402 pylint: disable=wrong-import-position
from service import Service, main  # noqa: E402 pylint: disable=wrong-import-position

EXTENSION = os.path.join(SOURCE, 'examples', 'gnome-shell')


class Indicator(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service('gnome-shell')
        cls.service.client.import_busybox()

    @classmethod
    def tearDownClass(cls):
        cls.service.remove_all()
        assert cls.service.destroy() == 0

    def until(self, process, wanted):
        """Reads on until that is told; the test's own limit ends it else."""
        while True:
            line = process.stdout.readline()
            self.assertTrue(line, f'{wanted} did not come')
            told = json.loads(line)
            if told['available'] and told['names'] == wanted:
                return told

    def tearDown(self):
        self.service.remove_all()

    def indicator(self, **environment):
        return subprocess.Popen(['timeout', '120', 'gjs', os.path.join(HERE, 'indicator.js')], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True, env={**os.environ, **environment})

    def test_list(self):
        create = self.service.client.create
        create('sleep', '1000', name='one', stop_timeout=0).start()
        create('sleep', '1000', name='idle')
        with self.indicator() as process:
            self.assertEqual(self.until(process, ['one running'])['count'], '1')
            two = create('sleep', '1000', name='two', stop_timeout=0)
            two.start()
            self.until(process, ['two running', 'one running'])
            two.call('Pause')
            self.until(process, ['two paused', 'one running'])
            two.call('Unpause')
            two.rename('deux')
            self.until(process, ['deux running', 'one running'])
            process.stdin.write('deux\n')
            process.stdin.flush()
            self.until(process, ['one running'])
            process.stdin.write('one\n')
            process.stdin.flush()
            self.assertEqual(self.until(process, [])['count'], '')
            process.stdin.close()
            self.assertEqual(process.wait(60), 0)

    def test_words(self):
        """In English, and once in German."""
        one = self.service.client.create('sleep', '1000', name='one', stop_timeout=0)
        one.start()
        with tempfile.TemporaryDirectory() as directory:
            for environment, title, action, running, paused, nothing in (
                    ({'LC_ALL': 'C.UTF-8'}, 'Containers', 'Stop', 'running', 'paused', 'Nothing runs'),
                    ({**make_locale(directory), 'LC_ALL': 'de_DE.UTF-8', 'LANGUAGE': ''},
                     'Container', 'Anhalten', 'läuft', 'eingefroren', 'Nichts läuft')):
                with self.subTest(title), self.indicator(**environment) as process:
                    told = self.until(process, ['one running'])
                    self.assertEqual((told['title'], told['action'], told['menu']), (title, action, [f'one ({running})']))
                    one.call('Pause')
                    self.assertEqual(self.until(process, ['one paused'])['menu'], [f'one ({paused})'])
                    one.call('Unpause')
                    one.stop()
                    self.assertEqual(self.until(process, [])['menu'], [nothing])
                    one.start()
                    process.stdin.close()
                    self.assertEqual(process.wait(60), 0)

    def test_syntax(self):
        """Everything is parsed, nothing is run."""
        for name in 'extension.js', 'containers.js':
            with open(os.path.join(EXTENSION, name), encoding='utf-8') as file:
                program = f'new Function({json.dumps(file.read())});'
            result = subprocess.run(['gjs', '-c', program], capture_output=True, text=True, check=False, timeout=60)
            self.assertEqual((result.returncode, result.stderr), (0, ''), name)

    def test_metadata(self):
        with open(os.path.join(EXTENSION, 'metadata.json'), encoding='utf-8') as file:
            metadata = json.load(file)
        self.assertEqual((metadata['uuid'], metadata['shell-version'], metadata['gettext-domain']),
                         ('containers@cpod.org', ['43'], 'cpod'))


if __name__ == '__main__':
    main()
