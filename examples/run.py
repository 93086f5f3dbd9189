#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run a command in a container and print its output.

usage: run.py [--private] IMAGE ARCHIVE COMMAND [ARGUMENT...]

The image is made of the archive (a tar of a root file system) if there is
none of that name. With --private a service is started for this program alone;
else the one on the system bus is used.
"""

import sys

import gi

gi.require_version('Cpod', '1.0')
from gi.repository import Cpod, Gio, GLib  # noqa: E402 pylint: disable=wrong-import-position


def connect(private):
    if private:
        return Cpod.Client.new_private_sync(None)
    return Cpod.Client.new_sync(Gio.BusType.SYSTEM, None)


def has_image(client, name):
    try:
        client.get_images().call_get_image_sync(name, GLib.Variant('a{sv}', {}), None)
        return True
    except GLib.Error as error:
        if error.matches(Cpod.error_quark(), Cpod.Error.NO_SUCH_IMAGE):
            return False
        raise


def import_image(client, name, path):
    def progress(done, total, *_):
        print(f'{path}: {done} of {total} bytes', file=sys.stderr)

    with open(path, 'rb') as archive:
        client.import_image_sync(archive.fileno(), name, None, progress, None, None)


def main(arguments):
    private = arguments[:1] == ['--private']
    image, archive, *command = arguments[1:] if private else arguments
    client = connect(private)
    try:
        if not has_image(client, image):
            import_image(client, image, archive)
        options = GLib.Variant('a{sv}', {
            'command': GLib.Variant('as', command),
            'auto-remove': GLib.Variant('b', True),
        })
        _ok, output, errors, code = client.run_sync(image, options, None, None)
        sys.stdout.write(output.get_data().decode() if output.get_size() else '')
        sys.stderr.write(errors.get_data().decode() if errors.get_size() else '')
        return code
    except GLib.Error as error:
        print(f'{error.message}', file=sys.stderr)
        return 125
    finally:
        client.close_sync(None)


if __name__ == '__main__':
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
