# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table of docs/performance.md: figures, ratios, limits, and whether they are kept."""

import re
import statistics

BEGIN = '<!-- measured: written by tests/bench/bench -->'
END = '<!-- end of measured -->'


class Row:
    """A figure with its limit; without one it stands for comparison."""

    def __init__(self, text, value, unit='ms', limit=None, spread=None, least=None):
        self.text = text
        self.value = value
        self.unit = unit
        self.limit = limit
        self.least = least
        self.spread = spread

    @property
    def kept(self):
        return (self.limit is None or self.value <= self.limit) and (self.least is None or self.value >= self.least)

    def line(self):
        unit = '×' if self.unit == '×' else ' ' + self.unit
        value = f'{self.value:.2f}{unit}' if self.value < 10 else f'{self.value:.1f}{unit}'
        spread = f'{min(self.spread):.2f} … {max(self.spread):.2f}' if self.spread else ''
        limit = f'≤ {self.limit:g}{unit}' if self.limit is not None else ''
        if self.least is not None:
            limit = f'≥ {self.least:g}{unit}'
        verdict = '' if not limit else 'pass' if self.kept else '**FAIL**'
        return f'| {self.text} | {value} | {spread} | {limit} | {verdict} |'


def timed(figures, name, text, limit=None):
    return Row(text, statistics.median(figures[name]), limit=limit, spread=figures[name])


def ratio(figures, name, base, text, limit=None):
    return Row(text, statistics.median(figures[name]) / statistics.median(figures[base]), '×', limit)


def run_rows(figures):
    own = statistics.median(figures['run cpod']) - statistics.median(figures['run floor'])
    rows = [timed(figures, 'run floor', 'conmon + runc + overlay mount, bare'),
            timed(figures, 'run cpod', '`cpod run --rm IMAGE true`'),
            ratio(figures, 'run cpod', 'run floor', '… against the floor', 1.25),
            Row('… cpod\'s own share', own, limit=10)]
    if 'run podman' in figures:
        rows += [timed(figures, 'run podman', '`podman run --rm --network none IMAGE true`'),
                 ratio(figures, 'run podman', 'run floor', '… against the floor')]
    return rows


def exec_rows(figures):
    share = statistics.median(figures['cat cpod']) / statistics.median(figures['cat floor'])
    return [Row('`cat` of 8 GiB from pipe to pipe', statistics.median(figures['cat floor']), 'MiB/s', spread=figures['cat floor']),
            Row('`cpod exec -i CONTAINER cat` of them', statistics.median(figures['cat cpod']), 'MiB/s',
                spread=figures['cat cpod']),
            Row('… against the pipe without cpod', share, '×', least=0.9)]


def bus_rows(figures):
    rows = [timed(figures, 'create empty', 'Create, no containers present'),
            timed(figures, 'create full', 'Create, 1,000 present', 3),
            ratio(figures, 'create full', 'create empty', '… against none present', 1.1)]
    if 'podman create empty' in figures:
        rows += [timed(figures, 'podman create empty', 'podman REST create, none present'),
                 timed(figures, 'podman create full', f'podman REST create, {figures["podman count"]:,} present')]
    rows += [timed(figures, 'list', 'ListContainers of 1,000', 10)]
    if 'podman list' in figures:
        rows += [timed(figures, 'podman list', f'podman REST list of {figures["podman count"]:,}')]
    rows += [timed(figures, 'managed', "GetManagedObjects of 2,000, until the reply is at the client's socket", 50),
             Row('… size of the reply', figures['managed size'][0], 'MiB', 2),
             timed(figures, 'managed parsed', '… until a client with GDBus has it'),
             timed(figures, 'nothing', 'call of an empty method of a bare GDBus service, same bus'),
             timed(figures, 'property', 'read of a property'),
             ratio(figures, 'property', 'nothing', '… against the empty call', 1.3),
             timed(figures, 'ping', '`Peer.Ping` of cpodd (answered by GDBus itself)')]
    return rows


def life_rows(figures):
    rows = [timed(figures, 'pidfd', 'SIGKILL to exit seen by pidfd'),
            timed(figures, 'died', 'SIGKILL to signal `died` at a client', 5),
            Row('PSS of the idle service', figures['pss idle'][0], 'MiB', 10),
            Row('… more with 1,000 created containers', figures['pss full'][0] - figures['pss idle'][0], 'MiB', 10)]
    if 'podman pss idle' in figures:
        rows += [Row('PSS of the idle podman service', figures['podman pss idle'][0], 'MiB'),
                 Row(f'… with {figures["podman count"]:,} containers, listed', figures['podman pss full'][0], 'MiB')]
    return rows


def flood_rows(figures):
    """Of somebody who asks now and then, while others ask for too much."""
    situations = (('nothing', 'nothing else goes on'), ('stopped', 'a subscriber is stopped, and events flow'),
                  ('crowd', 'clients connect, ask and leave in turn'),
                  ('refused', "another user's client always has 64 calls under way, which are refused"),
                  ('served', 'a client always has 64 calls under way, which are answered'),
                  ('nonsense', 'messages of 1 to 8 MiB come, and what is none'))
    rows = []
    for name, text in situations:
        times = figures[f'others {name}']
        rows += [timed(figures, f'others {name}', f'read of a property, or GetContainer, while {text}', 10),
                 Row('… the slowest of a hundred', statistics.quantiles(times, n=100)[-1])]
    return [*rows, Row('the largest resident set of the service during all of these', figures['peak flooded'][0], 'MiB', 64),
            Row('its PSS afterwards', figures['pss flooded'][0], 'MiB')]


def many_rows(figures):
    rows = [timed(figures, 'owned', 'start with 10,000 containers: the bus name is owned', 100),
            timed(figures, 'running', '… all is reconciled', 500),
            timed(figures, 'nothing beside many', 'the empty call, between the next ones')]
    for name, text in (('name', 'name'), ('id', 'id'), ('prefix', 'the first 12 digits of an id')):
        own = statistics.median(figures[name]) - statistics.median(figures['nothing beside many'])
        rows += [timed(figures, name, f'GetContainer by {text}, 10,000 present'),
                 Row('… more than the empty call', own, limit=0.2)]
    each = (figures['pss many'][0] - figures['pss before many'][0]) * 1024 / 10000
    return [*rows, Row('memory of each of 10,000 created containers', each, 'KiB', 2)]


def place_rows(figures, place):
    """Imports on one file system."""
    where = {'disk': 'ext4', 'tmpfs': 'tmpfs'}[place]
    rows = [timed(figures, f'{place} tar floor', f'`bsdtar -x` of a root file system (250 MB, 16,000 files), {where}')]
    if f'{place} tar synced' in figures:
        rows += [timed(figures, f'{place} tar synced', '… and a sync')]
    rows += [timed(figures, f'{place} tar cpod', f'`cpod import` of it, {where}'),
             ratio(figures, f'{place} tar cpod', f'{place} tar floor', '… against `bsdtar -x`',
                   1 if place == 'tmpfs' else None)]
    if f'{place} tar synced' in figures:
        # Twice the bytes: how fast the disk takes them decides.
        rows += [ratio(figures, f'{place} tar cpod', f'{place} tar synced', '… against `bsdtar -x` and a sync', None)]
    rows += [timed(figures, f'{place} gzip floor', f'`gzip -dc \\| tar -x` of it, {where}'),
             timed(figures, f'{place} gzip cpod', f'`cpod import` of it by gzip, {where}'),
             ratio(figures, f'{place} gzip cpod', f'{place} gzip floor', '… against `gzip -dc \\| tar -x`', 0.75)]
    for kind, floor, text, limit in (('tar', '`bsdtar -x`', 'a docker-archive of it', 1 if place == 'tmpfs' else None),
                                     ('gzip', '`gzip -dc \\| tar -x`', 'an oci-archive of it, by gzip', 0.75)):
        rows += [timed(figures, f'{place} {kind} load', f'`cpod load` of {text}, {where}'),
                 ratio(figures, f'{place} {kind} load', f'{place} {kind} floor', f'… against {floor}', limit)]
    for name, text in (('tar podman', '`podman import` of it'), ('gzip podman', '`podman import` of it by gzip'),
                       ('tar podman load', '`podman load` of it'), ('gzip podman load', '`podman load` of it by gzip')):
        if f'{place} {name}' in figures:
            rows += [timed(figures, f'{place} {name}', f'{text}, {where}')]
    return rows


def pull_rows(figures):
    slower = max('download', 'unpack', key=lambda name: statistics.median(figures[name]))
    over = statistics.median(figures['again cpod']) - statistics.median(figures['answer'])
    deeper = statistics.median(figures['deep']) - statistics.median(figures['shallow'])
    return [timed(figures, 'download', 'download of an image (300 MB, 4 layers by gzip) by `curl --parallel`'),
            timed(figures, 'unpack', '`gzip -dc \\| tar -x` of its layers'),
            timed(figures, 'pull cpod', '`cpod pull` of it'),
            ratio(figures, 'pull cpod', slower, '… against the slower of the two', 1.2),
            *([timed(figures, 'pull podman', '`podman pull` of it')] if 'pull podman' in figures else []),
            Row('most memory while pulling it, above idle', figures['pull peak'][0], 'MiB', 32),
            timed(figures, 'answer', "the registry's answer what a tag is"),
            timed(figures, 'again cpod', '`cpod pull` of an unchanged tag'),
            Row('… more than the answer', over, limit=100),
            *([timed(figures, 'again podman', '`podman pull` of it')] if 'again podman' in figures else []),
            timed(figures, 'shallow', '`cpod run --rm` of an image of 1 layer'),
            timed(figures, 'deep', '… of 60 layers'),
            Row('… more than of one', deeper, limit=10)]


def image_rows(figures):
    return [*place_rows(figures, 'disk'), *place_rows(figures, 'tmpfs'), *pull_rows(figures),
            Row('most memory while importing it, above idle', max(figures['import peak']), 'MiB', 32,
                figures['import peak'])]


def write_table(figures, conditions, path):
    """Print the table, put it into PATH, and tell whether all limits are kept."""
    parts = run_rows, exec_rows, bus_rows, life_rows, flood_rows, many_rows, image_rows
    rows = [row for part in parts for row in part(figures)]
    lines = ['| | median | min … max | limit | |', '|---|---|---|---|---|', *(row.line() for row in rows)]
    text = '\n'.join([BEGIN, conditions, '', *lines, END])
    print(text)
    if path is not None:
        with open(path, encoding='utf-8') as file:
            page = file.read()
        page = re.sub(f'{re.escape(BEGIN)}.*{re.escape(END)}', lambda _: text, page, flags=re.S)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(page)
    return all(row.kept for row in rows)
