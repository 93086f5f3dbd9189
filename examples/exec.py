#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run a command in each container that runs, all at once, and print what they say.

usage: exec.py COMMAND [ARGUMENT...]

Who does not answer within ten seconds is given up, and the command there is killed.
"""

import sys

import gi

gi.require_version('Cpod', '1.0')
from gi.repository import Cpod, Gio, GLib  # noqa: E402 pylint: disable=wrong-import-position

SECONDS = 10


class Everywhere:
    """The commands under way."""

    def __init__(self, client, command):
        self.client, self.command = client, command
        self.loop = GLib.MainLoop()
        self.cancellable = Gio.Cancellable()
        self.pending = 0
        self.failed = 0

    def begin(self, name, ident):
        path = f'{Cpod.PATH_CONTAINERS}/{ident}'
        self.pending += 1
        self.client.exec(path, self.command, None, None, self.cancellable, self.done, name)

    def done(self, client, result, name):
        try:
            _ok, output, errors, code = client.exec_finish(result)
            self.failed += code != 0
            for stream, data in ((sys.stdout, output), (sys.stderr, errors)):
                for line in (data.get_data() or b'').decode(errors='replace').splitlines():
                    print(f'{name}: {line}', file=stream)
        except GLib.Error as error:
            self.failed += 1
            print(f'{name}: {error.message}', file=sys.stderr)
        self.pending -= 1
        if self.pending == 0:
            self.loop.quit()

    def run(self):
        options = GLib.Variant('a{sv}', {'state': GLib.Variant('as', ['running'])})
        for row in self.client.list_containers_sync(options, None).unpack():
            self.begin(row['name'], row['id'])
        if self.pending:
            GLib.timeout_add_seconds(SECONDS, self.cancellable.cancel)
            self.loop.run()
        return self.failed


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(Everywhere(Cpod.Client.new_sync(Gio.BusType.SYSTEM, None), sys.argv[1:]).run() != 0)
