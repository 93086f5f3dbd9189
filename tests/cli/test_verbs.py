# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every other verb of cpod: output, errors and exit codes."""

import json
import os
import subprocess
import tempfile
import time

from cli import CliTest, cpod, tap


class Containers(CliTest):
    def test_ps_table(self):
        self.assertEqual(self.ok('ps').split(),
                         ['CONTAINER', 'ID', 'IMAGE', 'COMMAND', 'CREATED', 'STATUS', 'PORTS', 'NAMES'])
        identity = self.run_container('--name', 'web', 'busybox', 'sleep', '100')
        header, row = self.ok('ps').split('\n')
        self.assertTrue(row.startswith(identity[:12] + '  busybox'))
        self.assertTrue(row.endswith('  web'))
        self.assertEqual(row[header.index('COMMAND'):].split('  ')[0], 'sleep 100')
        self.assertTrue(row[header.index('STATUS'):].startswith('Up '))

    def test_ps_selects(self):
        self.run_container('--name', 'runs', '-l', 'k=v', 'busybox', 'sleep', '100')
        self.ok('create', '--name', 'waits', 'busybox')
        names = ('--format', '{{.Names}}')
        self.assertEqual(self.ok('ps', *names), 'runs')
        self.assertEqual(self.ok('ps', '-a', *names), 'waits\nruns')
        self.assertEqual(self.ok('ps', '-l', *names), 'waits')
        self.assertEqual(self.ok('ps', '-n', '2', *names), 'waits\nruns')
        self.assertEqual(self.ok('ps', '-a', '--filter', 'label=k=v', *names), 'runs')
        self.assertEqual(self.ok('ps', '--filter', 'status=configured', *names), 'waits')
        self.assertEqual(self.ok('ps', '-a', '--filter', 'name=ait', *names), 'waits')
        self.fails(125, 'frob', 'ps', '--filter', 'frob=1')
        self.fails(125, 'unexpected', 'ps', 'word')

    def test_options_that_are_on_or_off(self):
        """As podman has them, --OPTION=false is not --OPTION."""
        identity = self.run_container('--rm=false', '--name', 'runs', 'busybox', 'sh', '-c', 'sleep 100', '--rm=what')
        self.fails(2, 'running', 'rm', '--force=false', 'runs')
        self.fails(125, '"maybe" for --force', 'rm', '--force=maybe', 'runs')
        self.assertEqual(self.ok('ps', '--quiet=1'), identity[:12])
        self.assertEqual(self.ok('ps', '--quiet', '--no-trunc=true'), identity)
        self.assertEqual(self.ok('ps', '--quiet', '--no-trunc=F'), identity[:12])
        told = self.ok('events', '--stream=false', '--no-trunc=false', '--filter', 'container=runs')
        self.assertIn(f'start {identity[:12]} ', told)
        self.assertEqual(self.ok('rm', '--force=true', '--time', '0', 'runs'), 'runs')

    def test_ps_json(self):
        identity = self.run_container('--name', 'web', '-l', 'a=b', 'busybox', 'sleep', '100')
        (container,) = json.loads(self.ok('ps', '--format', 'json'))
        self.assertEqual(container['Id'], identity)
        self.assertEqual(container['Names'], ['web'])
        self.assertEqual(container['Command'], ['sleep', '100'])
        self.assertEqual(container['Labels'], {'a': 'b'})
        self.assertEqual(container['State'], 'running')
        self.assertLess(abs(container['Created'] - time.time()), 60)

    def test_templates(self):
        self.ok('create', '--name', 'c', 'busybox')
        self.assertEqual(self.ok('ps', '-a', '--format', 'table {{.Names}}\\t{{.State}}').split(),
                         ['NAMES', 'STATE', 'c', 'configured'])
        self.fails(125, 'Nothing', 'ps', '-a', '--format', '{{.Nothing}}')
        self.fails(125, '', 'ps', '-a', '--format', '{{.Names')

    def test_stop(self):
        self.run_container('--name', 'c', 'busybox', 'sh', '-c', 'trap "exit 7" TERM; while :; do sleep 0.05; done')
        time.sleep(0.3)
        self.assertEqual(self.ok('stop', 'c'), 'c')
        self.assertEqual(self.ok('wait', 'c'), '7')
        self.assertEqual(self.ok('stop', 'c'), 'c')

    def test_stop_timeout(self):
        self.run_container('--name', 'c', 'busybox', 'sh', '-c', 'trap "" TERM; while :; do sleep 0.05; done')
        time.sleep(0.3)
        begin = time.monotonic()
        self.assertEqual(self.ok('stop', '-t', '1', 'c'), 'c')
        self.assertLess(time.monotonic() - begin, 8)
        self.assertEqual(self.ok('wait', 'c'), '137')

    def test_kill(self):
        self.run_container('--name', 'c', 'busybox', 'sleep', '100')
        self.fails(125, '', 'kill', '-s', 'NONSENSE', 'c')
        self.assertEqual(self.ok('kill', 'c'), 'c')
        self.assertEqual(self.ok('wait', 'c'), '137')
        self.fails(125, 'c', 'kill', 'c')

    def test_several_names(self):
        self.ok('create', '--name', 'a', 'busybox', 'true')
        self.ok('create', '--name', 'b', 'busybox', 'true')
        result = self.fails(125, 'nosuch', 'start', 'a', 'nosuch', 'b')
        self.assertEqual(result.stdout, 'a\nb\n')
        self.fails(125, '', 'start')

    def test_rename(self):
        identity = self.ok('create', '--name', 'old', 'busybox')
        self.assertEqual(self.ok('rename', 'old', 'new'), '')
        self.assertEqual(self.ok('inspect', '--format', '{{.Id}}', 'new'), identity)
        self.fails(125, 'old', 'rename', 'old', 'other')
        self.fails(125, '', 'rename', 'new')
        self.fails(125, '', 'rename', 'new', 'not/good')

    def test_rm(self):
        self.fails(1, 'nosuch', 'rm', 'nosuch')
        self.ok('rm', '-f', 'nosuch')
        self.run_container('--name', 'c', '--stop-timeout', '0', 'busybox', 'sleep', '100')
        self.fails(2, 'c', 'rm', 'c')
        self.assertEqual(self.ok('rm', '-f', 'c'), 'c')
        self.assertEqual(self.ok('ps', '-aq'), '')

    def test_logs(self):
        cpod('run', '--name', 'c', 'busybox', 'sh', '-c', 'echo one; echo two; echo three >&2; printf end')
        result = cpod('logs', 'c')
        self.assertEqual((result.stdout, result.stderr), ('one\ntwo\nend', 'three\n'))
        self.assertRegex(cpod('logs', '-t', 'c').stdout, r'\A\d{4}-\d\d-\d\dT[\d:.]+\S* one\n')
        self.assertEqual(cpod('logs', '--since', '2100-01-01', 'c').stdout, '')
        self.assertEqual(cpod('logs', '--until', '2000-01-01', 'c').stdout, '')
        self.fails(125, '', 'logs', '--since', 'whenever', 'c')
        self.fails(125, 'nosuch', 'logs', 'nosuch')

    def test_logs_tail(self):
        cpod('run', '--name', 'c', 'busybox', 'seq', '1', '10')
        self.assertEqual(self.ok('logs', '--tail', '2', 'c'), '9\n10')
        self.assertEqual(self.ok('logs', '--tail', '0', 'c'), '')

    def test_logs_follow(self):
        self.run_container('--name', 'c', 'busybox', 'sh', '-c', 'for i in 1 2 3; do echo $i; sleep 0.2; done')
        self.assertEqual(self.ok('logs', '-f', 'c'), '1\n2\n3')

    def test_inspect(self):
        identity = self.ok('create', '--name', 'web', '-e', 'SOME=thing', 'busybox')
        (container,) = json.loads(self.ok('inspect', 'web'))
        self.assertEqual((container['Id'], container['Name']), (identity, 'web'))
        self.assertIn('SOME=thing', container['Config']['Env'])
        self.assertEqual(len(json.loads(self.ok('inspect', 'web', 'busybox'))), 2)
        self.assertEqual(self.ok('inspect', '-f', '{{.State.Running}}', 'web'), 'false')
        result = self.fails(125, 'nosuch', 'inspect', 'nosuch')
        self.assertEqual(json.loads(result.stdout), [])
        self.fails(125, 'web', 'inspect', '--type', 'image', 'web')
        self.fails(125, 'frob', 'inspect', '--type', 'frob', 'web')

    def test_prefix_of_an_id(self):
        identity = self.ok('create', '--name', 'c', 'busybox')
        self.assertEqual(self.ok('inspect', '-f', '{{.Name}}', identity[:10]), 'c')


class Images(CliTest):
    def archive(self):
        file = tempfile.NamedTemporaryFile(suffix='.tar')  # pylint: disable=consider-using-with
        subprocess.run([os.path.join(os.environ['CPOD_SOURCE'], 'scripts', 'make-image'), file.name], check=True)
        self.addCleanup(file.close)
        return file

    def test_list(self):
        header, row = self.ok('images').split('\n')
        self.assertEqual(header.split(), ['REPOSITORY', 'TAG', 'IMAGE', 'ID', 'CREATED', 'SIZE'])
        self.assertEqual(row.split()[:2], ['localhost/busybox', 'latest'])
        self.assertEqual(self.ok('images', '-q'), row.split()[2])
        (image,) = json.loads(self.ok('images', '--format', 'json'))
        self.assertTrue(image['Id'].startswith(row.split()[2]))
        self.assertEqual(image['Names'], ['localhost/busybox:latest'])
        self.assertEqual(self.ok('images', '-q', 'busybox'), row.split()[2])
        self.assertEqual(self.ok('images', '-q', 'other'), '')

    def test_import_from_standard_input(self):
        with self.archive() as file:
            name = self.ok('import', '-c', 'ENV A=b', '-c', 'CMD ["env"]', '-m', 'for a test', '-', 'fromstdin:1',
                           stdin=file)
        self.assertRegex(name, r'\Asha256:[0-9a-f]{64}\Z')
        self.assertIn('A=b', self.ok('run', '--rm', 'fromstdin:1').split('\n'))
        self.assertEqual(self.ok('rmi', 'fromstdin:1').split('\n')[0], 'Untagged: localhost/fromstdin:1')

    def test_bad_import(self):
        self.fails(125, 'nosuch.tar', 'import', '/nosuch.tar')
        self.fails(125, '', 'import', '-', input='this is no archive')
        self.fails(125, '', 'import')
        with self.archive() as file:
            self.fails(125, '', 'import', file.name, 'Not/A Name')
            self.fails(125, '', 'import', '-c', 'FROB x', file.name)
        self.assertEqual(len(self.ok('images', '-q').split()), 1)

    def test_rmi(self):
        self.fails(1, 'nosuch', 'rmi', 'nosuch')
        self.ok('create', 'busybox')
        self.fails(2, 'busybox', 'rmi', 'busybox')


class Engine(CliTest):
    def test_version_and_info(self):
        client, server = self.ok('version').split('\n')
        self.assertEqual(client.split()[1], server.split()[1])
        self.assertEqual(self.ok('--version').split()[-1], client.split()[1])

    def test_info(self):
        """A19: the fields and templates of podman."""
        self.run_container('busybox', 'sleep', '1000')
        info = json.loads(self.ok('info', '-f', 'json'))
        self.assertEqual(list(info), ['host', 'store', 'registries', 'plugins', 'version'])
        self.assertEqual(info['store']['containerStore'], {'number': 1, 'paused': 0, 'running': 1, 'stopped': 0})
        self.assertEqual(self.ok('info', '--format', '{{.Store.ImageStore.Number}} {{.Host.OCIRuntime.Name}}'),
                         f'1 {info["host"]["ociRuntime"]["name"]}')
        self.assertEqual(self.ok('info', '--format', '{{.Host.CgroupVersion}} {{.Store.GraphDriverName}}'),
                         f'{info["host"]["cgroupVersion"]} overlay')
        self.fails(125, 'nosuch', 'info', '--format', '{{.Host.nosuch}}')

    def test_info_as_yaml(self):
        lines = self.ok('info').split('\n')
        self.assertEqual([line for line in lines if not line.startswith(' ')],
                         ['host:', 'plugins:', 'registries: {}' if 'registries: {}' in lines else 'registries:',
                          'store:', 'version:'])
        self.assertIn('  os: linux', lines)
        self.assertEqual(lines[lines.index('  log:') + 1], '    - k8s-file')
        below = lines[lines.index('  ociRuntime:') + 1:]
        self.assertEqual([line.split(':')[0] for line in below[:3]], ['    name', '    package', '    path'])
        self.assertEqual(lines[lines.index('  containerStore:') + 1], '    number: 0')


    def test_no_service(self):
        self.fails(125, 'unix:path=/nosuch', '--address', 'unix:path=/nosuch', 'ps')
        self.assertRegex(cpod('--address', 'unix:path=/nosuch', 'version').stdout, r'\AClient:')

    def test_usage(self):
        self.assertIn('rename', self.ok('--help'))
        self.assertIn('rename', self.ok('help'))
        self.assertIn('--rm', self.ok('run', '--help'))
        self.fails(125, 'frob', 'frob')
        self.fails(125, '--frob', '--frob', 'ps')
        self.assertEqual(cpod().returncode, 125)
        self.fails(125, 'check', 'system')

    def test_events_look_back(self):
        identity = self.ok('create', '--name', 'c', 'busybox')
        self.ok('rename', 'c', 'd')
        lines = self.ok('events', '--no-stream', '--filter', f'id={identity}').split('\n')
        self.assertEqual([line.split()[5] for line in lines], ['create', 'rename'])
        self.assertRegex(lines[1], r' container rename [0-9a-f]{64} \(image=busybox, name=d, .*old-name=c')
        events = [json.loads(line) for line in self.ok('events', '--no-stream', '--format', 'json').split('\n')]
        numbers = [event['Seq'] for event in events]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))
        self.assertEqual(events[-1]['Status'], 'rename')
        self.assertEqual(self.ok('events', '--no-stream', '--since', str(numbers[-2]), '--format', '{{.Seq}}'),
                         str(numbers[-1]))
        self.assertEqual(self.ok('events', '--since', '1h', '--until', '2000-01-01'), '')
        self.fails(125, 'frob', 'events', '--filter', 'frob=1')
        self.fails(125, 'later', 'events', '--since', 'later')

    def test_events_follow(self):
        with subprocess.Popen(['cpod', 'events', '--format', '{{.Seq}} {{.Name}} {{.Status}}',
                               '--filter', 'type=container'],
                              stdout=subprocess.PIPE, text=True) as process:
            try:
                time.sleep(0.5)
                self.ok('create', '--name', 'c', 'busybox')
                self.ok('rename', 'c', 'd')
                self.ok('rm', 'd')
                seen = [process.stdout.readline().split() for _ in range(3)]
            finally:
                process.terminate()
        self.assertEqual([words[1:] for words in seen], [['c', 'create'], ['d', 'rename'], ['d', 'remove']])
        first = int(seen[0][0])
        self.assertEqual([int(words[0]) for words in seen], [first, first + 1, first + 2])

    def test_events_until(self):
        begin = time.monotonic()
        self.ok('events', '--until', str(time.time() + 1))
        self.assertTrue(0.5 < time.monotonic() - begin < 10)



class Kinds(CliTest):
    """Verbs that have to do with containers alone, or with images alone."""

    def setUp(self):
        self.ok('create', '--name', 'box', 'busybox', 'true')

    def test_exists(self):
        self.assertEqual(self.ok('container', 'exists', 'box'), '')
        for arguments in ('container', 'exists', 'busybox'), ('container', 'exists', '--external', 'busybox'), ('image', 'exists', 'box'):
            result = cpod(*arguments)
            self.assertEqual((result.returncode, result.stdout, result.stderr), (1, '', ''), arguments)
        self.ok('container', 'exists', '--external', 'box')
        self.ok('image', 'exists', 'busybox')
        for kind in 'container', 'image':
            self.fails(125, f'exactly one {kind}', kind, 'exists')

    def test_inspect(self):
        self.assertEqual(self.ok('container', 'inspect', '-f', '{{.Name}}', 'box'), 'box')
        self.assertEqual(self.ok('container', 'inspect', '-l', '--format', '{{.Name}}'), 'box')
        self.assertIn('SizeRw', self.ok('container', 'inspect', '-s', 'box'))
        self.fails(125, 'no container', 'container', 'inspect', 'busybox')
        self.fails(125, 'no image', 'image', 'inspect', 'box')

    def test_diff(self):
        path = self.ok('mount', 'box')
        with open(os.path.join(path, 'new'), 'w', encoding='utf-8'):
            pass
        self.ok('umount', 'box')
        for verb in ('container', 'diff'), ('diff',):
            self.assertIn('A /new', self.ok(*verb, 'box').split('\n'))
        self.assertEqual(self.ok('image', 'diff', 'busybox'), self.ok('diff', 'busybox'))
        self.assertIn('A /bin/busybox', self.ok('image', 'diff', 'busybox').split('\n'))
        self.fails(125, 'no container', 'container', 'diff', 'busybox')
        self.fails(125, 'no image', 'image', 'diff', 'box')
        self.fails(125, 'format', 'image', 'diff', '--format', 'xml', 'busybox')

    def test_init(self):
        self.assertEqual(self.ok('init', 'box'), 'box')
        self.assertEqual(self.ok('inspect', '-f', '{{.State.Status}}', 'box'), 'created')
        self.fails(125, 'box', 'container', 'init', 'box')

    def test_other_names(self):
        self.ok('mount', 'box')
        self.assertEqual(self.ok('unmount', 'box'), 'box')
        self.ok('mount', 'box')
        self.assertEqual(self.ok('container', 'unmount', 'box'), 'box')
        self.assertEqual(self.ok('system', 'info', '-f', '{{.version.Version}}'), self.ok('info', '-f', '{{.version.Version}}'))
        self.assertIn('create', self.ok('system', 'events', '--no-stream', '--since', '1', '--filter', 'container=box'))

    def test_prune_of_everything(self):
        box = self.ok('inspect', '-f', '{{.Id}}', 'box')
        image = self.ok('commit', 'box', 'other')
        self.ok('untag', image)
        running = self.run_container('busybox', 'sleep', '1000')
        self.fails(125, '--force', 'system', 'prune', stdin=subprocess.DEVNULL)
        self.assertEqual(self.ok('system', 'prune', '-f', '--filter', 'until=1h'), 'Total reclaimed space: 0 B')
        title, container, images, gone, total = self.ok('system', 'prune', '-f').split('\n')
        self.assertEqual((title, container, images, gone), ('Deleted Containers', box, 'Deleted Images', image))
        self.assertRegex(total, 'Total reclaimed space: [0-9.]+ [kM]?B')
        self.assertEqual(self.ok('ps', '-aq', '--no-trunc'), running)
        kept = self.ok('commit', running, 'named')
        self.assertEqual(self.ok('system', 'prune', '-f'), 'Total reclaimed space: 0 B')
        self.assertEqual(self.ok('system', 'prune', '-a', '-f').split('\n')[:-1], ['Deleted Images', kept])
        self.ok('image', 'exists', 'busybox')


if __name__ == '__main__':
    tap.main()
