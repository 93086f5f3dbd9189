# SPDX-License-Identifier: LGPL-2.1-or-later
"""What makes libcpod feel at home in Python. `from gi.repository import Cpod` gets it.

    async def main():
        async with await Cpod.Client.new() as client:
            container = await client.create('busybox', command=['httpd', '-f'], name='web')
            await container.start()
            output, errors, code = await container.exec(['hostname'])
            async for line in container.logs(tail=10):
                print(line.text)
            try:
                await container.remove()
            except Cpod.InvalidStateError:
                await container.remove(force=True, timeout=0)

    Cpod.run(main())

Options are keyword arguments, "_" standing for "-", and have Python's types;
which there are is read from the interfaces of the bus. Each code of Cpod.Error
is an exception, a GLib.Error. In a program that has a GLib main loop already,
Cpod.spawn(main()) begins a coroutine in it; Cpod.run() is asyncio with GLib's
main loop, so all of asyncio can be used there.

What the bindings give without this module goes on to work: a method that is
given a callback calls it.
"""

import asyncio
import collections
import json
import os
import re
import selectors

from gi.repository import Gio, GLib

from gi.module import get_introspection_module

Cpod = get_introspection_module('Cpod')
__all__ = []

with open(os.path.join(os.path.dirname(__file__), 'cpod-options.json'), encoding='utf-8') as _file:
    OPTIONS = json.load(_file)
NAME = 'org.cpod.Cpod1'


def _is_interactive(connection):
    """Whether calls by this connection may ask the user."""
    return vars(connection).get('cpod_interactive', False)


def _export(thing):
    globals()[thing.__name__] = thing
    __all__.append(thing.__name__)
    return thing


# Errors: a class for each code.

@_export
class CpodError(GLib.Error):
    """What the engine says has gone wrong; the code is one of Cpod.Error."""


def _name_of_error(code):
    name = code.value_name.removeprefix('CPOD_ERROR_')
    return ''.join(word.capitalize() for word in name.split('_')) + 'Error'


_ERRORS = {}
for _code in sorted(Cpod.Error.__enum_values__):
    _value = Cpod.Error.__enum_values__[_code]
    _ERRORS[_code] = _export(type(_name_of_error(_value), (CpodError,), {'__module__': 'gi.repository.Cpod'}))


def _raise(error):
    """Raise ERROR as the class of its code, without the name that it has on the bus."""
    if isinstance(error, CpodError) or error.domain != GLib.quark_to_string(Cpod.error_quark()):
        raise error
    message = re.sub(r'^GDBus\.Error:[\w.]+: ', '', error.message)
    raise _ERRORS.get(error.code, CpodError)(message, error.domain, error.code) from None


# Waiting: one kind of future, which asyncio waits for as well as spawn().

@_export
class Future:
    """The result of a call, to be awaited once or to have a callback."""

    def __init__(self, cancellable=None):
        self.cancellable = cancellable or Gio.Cancellable()
        self._done = False
        self._value = self._error = None
        self._callbacks = []

    def _settle(self, value, error=None):
        self._done, self._value, self._error = True, value, error
        for callback in self._callbacks:
            callback(self)

    def done(self):
        return self._done

    def result(self):
        if self._error is not None:
            raise self._error
        return self._value

    def cancel(self):
        self.cancellable.cancel()

    def add_done_callback(self, callback):
        if self._done:
            callback(self)
        else:
            self._callbacks.append(callback)

    def __await__(self):
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            if not self._done:
                yield self
            return self.result()
        waiter = loop.create_future()
        self.add_done_callback(lambda _: loop.call_soon_threadsafe(lambda: waiter.done() or waiter.set_result(None)))
        try:
            yield from waiter
        except asyncio.CancelledError:
            self.cancel()
            raise
        return self.result()


@_export
def spawn(coroutine, on_error=None):
    """Begin COROUTINE in the main loop that runs; gives a Future of its result.

    It may await whatever this module gives. An error that nobody awaits goes to ON_ERROR.
    """
    task = Future()

    def step(awaited=None):
        try:
            waiting = coroutine.send(None)
        except StopIteration as end:
            task._settle(end.value)
        except Exception as error:  # pylint: disable=broad-except
            task._settle(None, error)
            if on_error is not None:
                on_error(error)
        else:
            task.cancel = waiting.cancel
            waiting.add_done_callback(step)

    step()
    return task


class _Selector(selectors.SelectSelector):
    """Waits for asyncio's files and for GLib's sources at once."""

    def __init__(self):
        super().__init__()
        self.sources = {}
        self.ready = {}

    def register(self, fileobj, events, data=None):
        key = super().register(fileobj, events, data)
        condition = GLib.IOCondition.HUP | GLib.IOCondition.ERR
        if events & selectors.EVENT_READ:
            condition |= GLib.IOCondition.IN
        if events & selectors.EVENT_WRITE:
            condition |= GLib.IOCondition.OUT
        self.sources[key.fd] = GLib.unix_fd_add_full(GLib.PRIORITY_DEFAULT, key.fd, condition, self.on_ready, key)
        return key

    def on_ready(self, _fd, condition, key):
        events = selectors.EVENT_WRITE if condition & GLib.IOCondition.OUT else 0
        if condition & ~GLib.IOCondition.OUT:
            events |= selectors.EVENT_READ
        # What has failed is for whoever waits, whatever for.
        failed = condition & (GLib.IOCondition.HUP | GLib.IOCondition.ERR)
        self.ready[key.fd] = (key, key.events if failed else events & key.events)
        return GLib.SOURCE_CONTINUE

    def unregister(self, fileobj):
        key = super().unregister(fileobj)
        GLib.source_remove(self.sources.pop(key.fd))
        self.ready.pop(key.fd, None)
        return key

    def select(self, timeout=None):
        waits = timeout is None or timeout > 0
        rung = []
        timer = GLib.timeout_add(max(1, int(timeout * 1000)), rung.append, True) if waits and timeout else 0
        GLib.MainContext.default().iteration(waits)
        if timer and not rung:
            GLib.source_remove(timer)
        ready, self.ready = list(self.ready.values()), {}
        return ready


@_export
def new_event_loop():
    """An event loop of asyncio that runs GLib's main loop as well."""
    return asyncio.SelectorEventLoop(_Selector())


@_export
def run(coroutine):
    """Run COROUTINE to its end, as asyncio.run() does, with GLib's main loop."""
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(coroutine)


# Calls.

def _variant(method, options):
    """Python's values as the options (a{sv}) of METHOD, "Interface.Method"."""
    interface, name = method.split('.')
    known = OPTIONS[interface][name]
    result = {}
    for key, value in options.items():
        key = key.replace('_', '-')
        if key not in known:
            raise TypeError(f'{method} has no option {key!r}: known are {", ".join(sorted(known)) or "none"}')
        result[key] = value if isinstance(value, GLib.Variant) else GLib.Variant(known[key], value)
    return GLib.Variant('a{sv}', result)


# GDBus's thread may be the last to let go of a call's cancellable, with its lock held. To free what Python knew it would
# wait for the interpreter, which may be freeing a proxy and wait for that lock. By the next reply it has let go.
_SPENT = collections.deque(maxlen=32)


def _finishing(future, finish):
    def done(source, result, *_):
        _SPENT.append(future.cancellable)
        try:
            future._settle(finish(source, result))
        except GLib.Error as error:
            try:
                _raise(error)
            except GLib.Error as raised:
                future._settle(None, raised)
    return done


def _plain(value):
    """The result of a _finish without the boolean that errors make pointless, and bytes as Python's."""
    values = value if isinstance(value, tuple) else (value,)
    if len(values) > 1 and isinstance(values[0], bool):
        values = values[1:]
    values = tuple((item.get_data() or b'') if isinstance(item, GLib.Bytes) else item for item in values)
    return values[0] if len(values) == 1 else tuple(values)


def _parameters(function):
    """Names of the arguments that are not about callbacks."""
    names = [argument.get_name() for argument in function.get_arguments()]
    return [name for name in names if name not in ('callback', 'user_data') and not name.endswith(('_data', '_destroy'))]


def _awaitable(begin, finish, bus_method):
    """A method that gives a future, unless it is given a callback."""
    parameters = _parameters(begin)

    def method(self, *arguments, **named):
        if 'callback' in named or len(arguments) > len(parameters):
            return begin(self, *arguments, **named)
        values = dict(zip(parameters, arguments))
        values.update((key, named.pop(key)) for key in list(named) if key in parameters)
        if bus_method and named:
            values['options'] = _variant(bus_method, named)
        elif named:
            raise TypeError(f'{begin.__name__}() has no argument {", ".join(named)}')
        if isinstance(values.get('input'), bytes):
            values['input'] = GLib.Bytes.new(values['input'])
        future = Future(values.get('cancellable'))
        values['cancellable'] = future.cancellable
        begin(self, **values, callback=_finishing(future, lambda source, result: _plain(finish(source, result))))
        return future

    method.__name__, method.__doc__ = begin.__name__, begin.__doc__
    return method


def _await_all(kind):
    """Lets each function of KIND that has a _finish be awaited."""
    for name in dir(kind):
        finish = getattr(kind, name + '_finish', None)
        if finish is not None and not name.startswith(('new', 'call_', 'init')):
            bus_method = OPTIONS['Client'].get(name) if kind is Cpod.Client else None
            setattr(kind, name, _awaitable(getattr(kind, name), finish, bus_method))


def _connecting(begin):
    """A constructor that can be awaited."""
    def new(*arguments, **named):
        if 'callback' in named or any(callable(argument) for argument in arguments):
            return begin(*arguments, **named)
        future = Future()
        begin(*arguments, cancellable=future.cancellable,
              callback=_finishing(future, lambda _source, result: Cpod.Client.new_finish(result)))
        return future
    return new


def _bus_method(interface, info):
    """A method of the bus: its arguments, then options by name."""
    signature = ''.join(argument.signature for argument in info.in_args)
    has_options = signature.endswith('a{sv}')

    def method(self, *arguments, cancellable=None, **options):
        if has_options:
            arguments = (*arguments, _variant(f'{interface}.{info.name}', options))
        flags = Gio.DBusCallFlags.NONE
        if _is_interactive(self.get_connection()):
            flags = Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION
        future = Future(cancellable)
        Gio.DBusProxy.call(self, info.name, _pack(signature, arguments), flags, GLib.MAXINT32, future.cancellable,
                           _finishing(future, lambda proxy, result: _unpack(Gio.DBusProxy.call_finish(proxy, result))))
        return future
    return method


def _pack(signature, arguments):
    """Arguments as a tuple; the options are a variant already."""
    builder = GLib.VariantBuilder(GLib.VariantType(f'({signature})'))
    rest = signature
    for argument in arguments:
        if isinstance(argument, GLib.Variant):
            builder.add_value(argument)
        else:
            kind, rest = _first_type(rest)
            builder.add_value(GLib.Variant(kind, argument))
    return builder.end()


def _first_type(signature):
    end = 1
    while not GLib.VariantType.string_is_valid(signature[:end]):
        end += 1
    return signature[:end], signature[end:]


def _unpack(reply):
    values = reply.unpack()
    return values[0] if len(values) == 1 else values or None


def _snake(name):
    return re.sub(r'(?<=[a-z])(?=[A-Z])', '_', name).lower()


def _give_bus_methods(proxy, interface, info):
    """Methods and properties of the bus, as the interface has them."""
    for method in info.methods:
        # What carries descriptors has functions of the client.
        if not any(argument.signature == 'h' for argument in method.in_args + method.out_args):
            setattr(proxy, _snake(method.name), _bus_method(interface, method))
    for member in info.properties:
        name = _snake(member.name)
        setattr(proxy, name, property(lambda self, name=name: self.get_property(name.replace('_', '-'))))


for _kind in (Cpod.Client, Cpod.Stream, Cpod.LogReader):
    _await_all(_kind)
for _name in ('new', 'new_for_address', 'new_for_connection', 'new_private'):
    setattr(Cpod.Client, _name, staticmethod(_connecting(getattr(Cpod.Client, _name))))
for _name in ('Runtime', 'Images', 'Image', 'Container', 'Exec', 'Job'):
    _give_bus_methods(getattr(Cpod, _name + 'Proxy'), _name, getattr(Cpod, f'{_snake(_name)}_interface_info')())


# Clients.

class _ClientMethods:
    """What a client has besides."""

    def create(self, image, **options):
        return self.create_container(image, **options)

    def containers(self, **options):
        """The containers, as an asynchronous iterator of dictionaries."""
        return _rows(self.list_containers(**options))

    def get_interactive(self):
        return self.get_property('interactive')

    def set_interactive(self, interactive):
        """Whether calls, those of the client's proxies too, may ask the user for authorization."""
        self.set_property('interactive', interactive)
        self.get_connection().cpod_interactive = interactive

    interactive = property(get_interactive, set_interactive)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close_sync(None)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.close()

    def __iter__(self):
        """The containers, as dictionaries; this waits for the service."""
        return iter(self.list_containers_sync(None, None).unpack())


async def _rows(future):
    for row in (await future).unpack():
        yield row


def _client_of(proxy):
    """A client for what takes more than a call on the proxy."""
    # Not by hasattr(): a Gio.DBusProxy has every name, as a method to call.
    client = vars(proxy).get('cpod_client')
    if client is None:
        client = vars(proxy)['cpod_client'] = Cpod.Client.new_for_connection_sync(proxy.get_connection(), None)
    client.set_property('interactive', _is_interactive(proxy.get_connection()))
    return client


class _ContainerMethods:
    """What a container's proxy has besides the methods of the bus."""

    def exec(self, command, **options):
        """Runs a command to its end: standard output, standard error, exit code."""
        return _client_of(self).exec(self.get_object_path(), command, **options)

    def open_exec(self, command, **options):
        """Runs a command: a stream, and the path of its session."""
        return _client_of(self).open_exec(self.get_object_path(), command, **options)

    def attach(self):
        return _client_of(self).attach(self.get_object_path())

    def logs(self, **options):
        """The lines of the log, as an asynchronous iterator."""
        return _lines(_client_of(self).open_logs(self.get_object_path(), **options))

    def export(self, fd, **arguments):
        return _client_of(self).export_container(self.get_object_path(), fd, **arguments)

    def __repr__(self):
        return f'<Cpod.Container {self.name} ({(self.id or "")[:12]}), {self.state}>'


async def _lines(opening):
    reader = await opening
    while (line := await reader.read()) is not None:
        yield line


class _StreamMethods:
    """Streams end a with block, and are iterated over by the piece."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    async def __aiter__(self):
        while True:
            data, stream = await self.read()
            if stream == Cpod.StreamId.NONE:
                return
            yield stream, data

    async def send(self, data):
        await self.write(GLib.Bytes.new(data))


def _extend(kind, methods):
    for name, value in vars(methods).items():
        if name == '__doc__' or name == '__module__' or name.startswith('__') and not callable(value):
            continue
        setattr(kind, name, value)


_extend(Cpod.Client, _ClientMethods)
_extend(Cpod.ContainerProxy, _ContainerMethods)
_extend(Cpod.Stream, _StreamMethods)
_read_sync = Cpod.LogReader.read_sync
Cpod.LogReader.__iter__ = lambda self: iter(lambda: _read_sync(self, None), None)
Cpod.LogLine.text = property(lambda self: (self.get_text().get_data() or b'').decode(errors='replace'))
Cpod.LogLine.timestamp = property(lambda self: self.get_timestamp())
Cpod.LogLine.stream = property(lambda self: self.get_stream())
