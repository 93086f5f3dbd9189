# SPDX-License-Identifier: LGPL-2.1-or-later
"""A display of one's own, and pictures of a window on it."""

import os
import struct
import subprocess
import tempfile

# Before GTK is loaded: no desktop session is asked, and everything is drawn in software.
ENVIRONMENT = {'GDK_BACKEND': 'x11', 'GSK_RENDERER': 'cairo', 'GTK_A11Y': 'none', 'GSETTINGS_BACKEND': 'memory',
               'ADW_DISABLE_PORTAL': '1', 'LANG': 'C.UTF-8', 'NO_AT_BRIDGE': '1', 'GIO_USE_VFS': 'local'}


class Display:
    """An X server without a screen, for this process."""

    def __init__(self):
        self.directory = tempfile.TemporaryDirectory(prefix='screen-')
        ours, theirs = os.pipe()
        self.server = subprocess.Popen(['Xvfb', '-displayfd', str(theirs), '-screen', '0', '1280x900x24', '-nolisten', 'tcp',
                                        '-fbdir', self.directory.name],
                                       pass_fds=(theirs,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(theirs)
        with os.fdopen(ours) as number:
            found = number.readline().strip()
        if not found:
            raise OSError('Xvfb does not start')
        os.environ.update(ENVIRONMENT, DISPLAY=f':{found}')
        os.environ.pop('DBUS_SESSION_BUS_ADDRESS', None)

    def close(self):
        self.server.terminate()
        self.server.wait()
        self.directory.cleanup()


def save(display, window, path):
    """What the screen shows of the window, which is in its corner, as PNG."""
    from gi.repository import GdkPixbuf, GLib  # pylint: disable=import-outside-toplevel
    with open(os.path.join(display.directory.name, 'Xvfb_screen0'), 'rb') as file:
        dump = file.read()
    # The header of xwd(1): numbers in big-endian order; colours follow, then the lines.
    header = struct.unpack('>25I', dump[:100])
    begin, line_size = header[0] + header[19] * 12, header[12]
    width = min(window.get_surface().get_width(), header[4])
    height = min(window.get_surface().get_height(), header[5])
    pixels = bytearray(width * height * 3)
    for line in range(height):
        source = dump[begin + line * line_size:][:width * 4]
        target = slice(line * width * 3, (line + 1) * width * 3)
        packed = bytearray(width * 3)
        packed[0::3], packed[1::3], packed[2::3] = source[2::4], source[1::4], source[0::4]
        pixels[target] = packed
    GdkPixbuf.Pixbuf.new_from_bytes(GLib.Bytes.new(bytes(pixels)), GdkPixbuf.Colorspace.RGB, False, 8, width, height,
                                    width * 3).savev(path, 'png', ['compression'], ['9'])
