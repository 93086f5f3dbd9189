# SPDX-License-Identifier: LGPL-2.1-or-later
"""cpod stats: once, as a stream, by templates and as JSON."""

import json
import subprocess

from cli import CliTest, cpod, tap

FOREVER = 'while :; do sleep 0.05; done'


class Stats(CliTest):
    def setUp(self):
        self.run_container('--name', 'c', '--memory', '64m', 'busybox', 'sh', '-c', FOREVER)

    def test_table(self):
        lines = self.ok('stats', '--no-stream').split('\n')
        self.assertRegex(lines[0], r'\AID +NAME +CPU % +MEM USAGE / LIMIT +MEM % +NET IO +BLOCK IO +PIDS +CPU TIME +AVG CPU %')
        self.assertEqual(len(lines), 2)
        self.assertRegex(lines[1], r'\A[0-9a-f]{12} +c +[0-9.]+% +[0-9.]+ [kM]B / 67.1 MB +[0-9.]+% +0 B / 0 B +\S+ \S+ / \S+ \S+ +\d+ ')

    def test_template(self):
        self.assertEqual(self.ok('stats', '--no-stream', '--format', '{{.Name}} {{.ID}}', 'c'),
                         'c ' + self.ok('inspect', '--format', '{{.Id}}', 'c')[:12])
        self.assertRegex(self.ok('stats', '--no-stream', '--no-trunc', '--latest', '--format', '{{.ID}} {{.MemUsageBytes}}'),
                         r'\A[0-9a-f]{64} \d+ / 67108864\Z')

    def test_json(self):
        row, = json.loads(self.ok('stats', '--no-stream', '--format', 'json'))
        self.assertEqual(sorted(row), ['avg_cpu', 'block_io', 'cpu_percent', 'cpu_time', 'id', 'mem_percent', 'mem_usage',
                                       'name', 'net_io', 'pids'])
        self.assertEqual(row['name'], 'c')

    def test_stream(self):
        with subprocess.Popen(['cpod', 'stats', '--interval', '1', '--format', '{{.Name}} {{.PIDS}}', 'c'],
                              stdout=subprocess.PIPE, text=True) as process:
            for _ in range(2):
                self.assertRegex(process.stdout.readline(), r'\Ac \d+\n\Z')
            self.ok('rm', '-f', '-t', '0', 'c')
            self.assertRegex(process.stdout.read(), r'\A(c \d+\n)*\Z')
            self.assertEqual(process.wait(60), 0)

    def test_errors(self):
        self.fails(125, 'nobody', 'stats', '--no-stream', 'nobody')
        self.fails(125, 'interval', 'stats', '--interval', '0')
        self.fails(125, '--latest', 'stats', '--latest', 'c')
        self.assertEqual(cpod('stats', '--frobnicate').returncode, 125)


if __name__ == '__main__':
    tap.main()
