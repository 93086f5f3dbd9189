#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A container's life in Python. usage: life.py IMAGE NAME"""

import sys

import gi

gi.require_version('Cpod', '1.0')
from gi.repository import Cpod, Gio  # noqa: E402 pylint: disable=wrong-import-position


async def main(image, name):
    async with await Cpod.Client.new(Gio.BusType.SYSTEM) as client:
        container = await client.create(image, name=name, command=['sh', '-c', 'echo logged; sleep 1000'])
        print('created', container.name)
        await container.start()
        _output, _errors, code = await container.exec(['sh', '-c', 'exit 7'])
        print(f'executed: {code}')
        async for line in container.logs(follow=True):
            print(line.text)
            break
        await container.remove(force=True, timeout=0)
        print('removed', name)


Cpod.run(main(*sys.argv[1:]))
