# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the module for Python gives, and that its lists of options are those of the service."""

import asyncio
import json
import os
import re
import time
import unittest

from library import SLEEP, loop_until
from gi.repository import Cpod, Gio, GLib
from service import NAME, RUNTIME, CallError, Service, main

service = None


def setUpModule():
    global service
    service = Service('bindings')
    service.client.import_busybox()


def tearDownModule():
    service.remove_all()
    assert service.destroy() == 0


class Options(unittest.TestCase):
    """An unknown option is answered with those that are known, and a wrong type with the right one."""

    def setUp(self):
        self.addCleanup(service.remove_all)
        container = service.client.create(*SLEEP)
        container.start()
        session = container.call('Exec', 'as', ['true'])[0]
        image = service.client.images('GetImage', 's', 'busybox')
        self.paths = {'Runtime': RUNTIME, 'Images': RUNTIME, 'Container': container.path, 'Exec': session, 'Image': image}

    def complaint(self, interface, info, key, value):
        """What the service says of one option."""
        values = {'s': 'x', 'as': [], 'u': 1, 't': 0, 'h': 0, 'ay': b'/'}
        signature = ''.join(argument.signature for argument in info.in_args)
        arguments = [values[argument.signature] for argument in info.in_args[:-1]]
        parameters = GLib.Variant(f'({signature})', (*arguments, {key: value}))
        with self.assertRaises(CallError) as caught, open(os.devnull, 'rb') as null:
            service.client.call_raw(self.paths[interface], f'{NAME}.{interface}', info.name, parameters, fds=[null.fileno()])
        self.assertEqual(caught.exception.name, f'{NAME}.Error.InvalidArgument', caught.exception.message)
        return caught.exception.message

    def compare(self, interface, info, known):
        message = self.complaint(interface, info, 'no-such', GLib.Variant('y', 1))
        listed = re.search(r'known are (.*)', message)
        self.assertEqual(sorted(listed[1].split(', ')) if listed else [], sorted(known), info.name)
        for key, kind in known.items():
            self.assertIn(f"option '{key}' must be of type '{kind}'",
                          self.complaint(interface, info, key, GLib.Variant('y', 1)))

    def test_all(self):
        with open(os.path.join(os.path.dirname(Cpod.run.__code__.co_filename), 'cpod-options.json'),
                  encoding='utf-8') as file:
            options = json.load(file)
        for interface in self.paths:
            info = getattr(Cpod, f'{interface.lower()}_interface_info')()
            self.assertEqual(sorted(options[interface]), sorted(method.name for method in info.methods))
            for method in info.methods:
                with self.subTest(interface=interface, method=method.name):
                    self.compare(interface, method, options[interface][method.name])
        self.assertEqual(options['Client']['exec'], 'Container.Exec')


class Python(unittest.IsolatedAsyncioTestCase):
    """Everything in asyncio."""

    def run(self, result=None):
        asyncio.set_event_loop_policy(Policy())
        try:
            return super().run(result)
        finally:
            asyncio.set_event_loop_policy(None)

    async def asyncSetUp(self):
        self.client = await Cpod.Client.new(Gio.BusType.SYSTEM)
        self.addCleanup(service.remove_all)

    async def test_life(self):
        container = await self.client.create('busybox', name='web', command=SLEEP, memory=1 << 26,
                                             labels={'a': 'b'}, stop_timeout=0)
        self.assertEqual((container.name, container.state), ('web', 'configured'))
        self.assertIsInstance(container, Cpod.Container)
        states = []
        container.connect('notify::state', lambda *_: states.append(container.state))
        await container.start()
        self.assertEqual((states[-1], 'web' in repr(container)), ('running', True))
        self.assertEqual(await container.exec(['sh', '-c', 'cat; echo e >&2; exit 3'], input=b'x'), (b'x', b'e\n', 3))
        json_text = await container.inspect()
        self.assertEqual(json.loads(json_text)['Config']['Labels'], {'a': 'b'})
        await container.stop(timeout=0)
        self.assertEqual(await container.wait(condition=['exited']), 137)
        await container.remove()

    async def test_errors(self):
        with self.assertRaises(Cpod.NoSuchContainerError) as caught:
            await self.client.get_container('nosuch')
        self.assertIsInstance(caught.exception, Cpod.CpodError)
        self.assertTrue(caught.exception.matches(Cpod.error_quark(), Cpod.Error.NO_SUCH_CONTAINER))
        self.assertNotIn('GDBus', caught.exception.message)
        container = await self.client.create('busybox', command=SLEEP)
        with self.assertRaises(Cpod.InvalidStateError) as caught:
            await container.pause()
        self.assertNotIn('GDBus', str(caught.exception))
        with self.assertRaisesRegex(TypeError, "Container.Stop has no option 'time': known are timeout"):
            await container.stop(time=1)
        with self.assertRaisesRegex(TypeError, "no option 'nosuch'"):
            await self.client.create('busybox', nosuch=1)
        with self.assertRaises(TypeError):
            await container.stop(timeout='soon')

    async def test_side_by_side(self):
        container = await self.client.create('busybox', command=SLEEP)
        await container.start()
        outputs = await asyncio.gather(*(container.exec(['echo', str(i)]) for i in range(4)))
        self.assertEqual([output for output, _errors, _code in outputs], [b'0\n', b'1\n', b'2\n', b'3\n'])

    async def test_cancelling(self):
        container = await self.client.create('busybox', command=SLEEP)
        await container.start()

        async def sleep():
            await container.exec(SLEEP)
        task = asyncio.create_task(sleep())
        while not await container.list_execs():
            await asyncio.sleep(0.01)
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        while await container.list_execs():
            await asyncio.sleep(0.01)
        with self.assertRaises(TimeoutError):
            async with asyncio.timeout(0.2):
                await container.wait()

    async def test_iterating(self):
        for i in range(3):
            await self.client.run('busybox', name=f'c{i}', command=['sh', '-c', f'echo one; echo {i}'])
        self.assertEqual([row['name'] async for row in self.client.containers(fields=['name'])], ['c2', 'c1', 'c0'])
        self.assertEqual([row['name'] for row in self.client], ['c2', 'c1', 'c0'])
        container = await self.client.get_container('c1')
        self.assertEqual([line.text async for line in container.logs()], ['one', '1'])
        with self.client.open_logs_sync(container.get_object_path(), None, None) and await self.client.attach(
                container.get_object_path()) as stream:
            await container.start()
            pieces = [(name, data) async for name, data in stream]
        self.assertEqual(b''.join(data for _name, data in pieces), b'one\n1\n')
        self.assertEqual({name for name, _data in pieces}, {Cpod.StreamId.STDOUT})
        self.assertEqual(stream.get_fd(), -1)
        model = Cpod.ContainerList.new(self.client)
        while not model.get_loaded():
            await asyncio.sleep(0.01)
        self.assertEqual(([item.name for item in model], len(model), model[2].name), (['c2', 'c1', 'c0'], 3, 'c0'))
        await model[0].remove()

    async def test_asyncio_beside_it(self):
        """Pipes and timers of asyncio go on with GLib's main loop."""
        process = await asyncio.create_subprocess_exec('cat', stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
        ticks = []
        source = GLib.timeout_add(1, lambda: ticks.append(1) or True)
        output, _ = await process.communicate(b'x' * 300000)
        begin = time.monotonic()
        await asyncio.sleep(0.05)
        self.assertGreaterEqual(time.monotonic() - begin, 0.05)
        GLib.source_remove(source)
        self.assertEqual(len(output), 300000)
        self.assertTrue(ticks)

    async def test_context_manager(self):
        async with await Cpod.Client.new_for_address(os.environ['DBUS_SYSTEM_BUS_ADDRESS']) as client:
            connection = client.get_connection()
            self.assertFalse(connection.is_closed())
        self.assertTrue(connection.is_closed())

    async def test_interactive(self):
        """The flag of messages is there, in the client's calls and in those of its proxies, when it is wanted."""
        client = await Cpod.Client.new_for_address(os.environ['DBUS_SYSTEM_BUS_ADDRESS'])
        seen = []

        def look(_connection, message, incoming, *_):
            if not incoming and message.get_message_type() == Gio.DBusMessageType.METHOD_CALL:
                seen.append((message.get_member(),
                             bool(message.get_flags() & Gio.DBusMessageFlags.ALLOW_INTERACTIVE_AUTHORIZATION)))
            return message
        client.get_connection().add_filter(look)
        for interactive in False, True:
            seen.clear()
            client.interactive = interactive
            container = await client.create('busybox', command=SLEEP)
            await container.rename(f'renamed-{interactive}')
            flags = dict(seen)
            self.assertEqual((flags['Create'], flags['Rename']), (interactive, interactive))
        await client.close()


class Policy(asyncio.DefaultEventLoopPolicy):
    def new_event_loop(self):
        return Cpod.new_event_loop()


class Spawned(unittest.TestCase):
    """Coroutines in a main loop that is there already."""

    def test_spawn(self):
        async def work():
            client = await Cpod.Client.new(Gio.BusType.SYSTEM)
            output, _errors, _code = await client.run('busybox', command=['echo', 'x'], auto_remove=True)
            return output
        task = Cpod.spawn(work())
        loop_until(task.done, 'the end')
        self.assertEqual(task.result(), b'x\n')

    def test_error(self):
        errors = []

        async def work():
            client = await Cpod.Client.new(Gio.BusType.SYSTEM)
            await client.get_container('nosuch')
        task = Cpod.spawn(work(), on_error=errors.append)
        loop_until(task.done, 'the end')
        self.assertIsInstance(errors[0], Cpod.NoSuchContainerError)
        self.assertRaises(Cpod.NoSuchContainerError, task.result)

    def test_callbacks_as_before(self):
        client = Cpod.Client.new_sync(Gio.BusType.SYSTEM, None)
        done = []
        client.get_image('busybox', None, lambda client, result, data: done.append((client.get_image_finish(result), data)), 'x')
        loop_until(lambda: done, 'the end')
        self.assertEqual((done[0][0].props.names, done[0][1]), (['localhost/busybox:latest'], 'x'))


if __name__ == '__main__':
    main()
