#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Check that the manual leaves nothing out. usage: check-manual.py SOURCE BUILT-MANUAL"""

import glob
import os
import re
import sys

SOURCE, MANUAL = sys.argv[1:]


def read(*path):
    with open(os.path.join(*path), encoding='utf-8') as file:
        return file.read()


def undocumented():
    text = read(MANUAL, 'cpod-undocumented.txt')
    return [] if text.startswith('100%') and '\n0 symbols incomplete' in text else text.split('\n')


def left_out():
    return read(MANUAL, 'cpod-unused.txt').split() + read(MANUAL, 'cpod-undeclared.txt').split()


def bus_members():
    """Members of the bus interfaces that have no place in the manual."""
    missing = []
    for path in glob.glob(f'{SOURCE}/introspection/*.xml'):
        text = re.sub(r'<!--.*?-->', '', read(path), flags=re.S)
        interface = re.search(r'<interface name="([^"]+)"', text)[1]
        page = read(MANUAL, 'html', f'gdbus-{interface}.html')
        for kind, name in re.findall(r'<(method|signal|property) name="(\w+)"', text):
            anchor = f'gdbus-{kind}-{interface.replace(".", "-")}.{name}"'
            if f'name="{anchor}' not in page and f'id="{anchor}' not in page:
                missing.append(f'{kind} {interface}.{name}')
    return missing


def errors():
    codes = set(re.findall(r'@(CPOD_ERROR_\w+):', read(SOURCE, 'src/public/cpod-error.h')))
    return codes ^ set(re.findall(r'%(CPOD_ERROR_\w+)</entry>', read(SOURCE, 'docs/reference/errors.xml')))


def recorded_events():
    """What the sources record, wherever that is a literal."""
    text = ''.join(read(path) for path in glob.glob(f'{SOURCE}/src/engine/**/*.c', recursive=True) + glob.glob(f'{SOURCE}/src/storage/*.c'))
    found = set(re.findall(r'cpd_store_add_event \(tx, "([a-z]+)", "([a-z]+)"', text))
    # A new image comes with the event of what it is made of, if it is made of a container.
    found |= {('container' if '.container' in rest else 'image', status)
              for status, rest in re.findall(r'\.event = "([a-z]+)"(.*?)\};', text, re.S)}
    # What was lent to be copied elsewhere.
    found |= {('image', status) for status in re.findall(r'cpd_storage_end_layout \([^;]*?"([a-z]+)"', text)}
    # The status is the last word but the caller and the error, also where a function passes it on.
    statuses = (re.findall(r'cpd_engine_set_(?:exec_)?status \(engine, [^"();]*"([a-z_]+)"', text)
                + re.findall(r'cpd_engine_add_event \(engine, [^"();]*"([a-z]+)"', text)
                + re.findall(r'"([a-z]+)", caller, error\)', text)
                + [status for pair in re.findall(r'cpd_store_add_event \(tx, type, \w+ \? "([a-z]+)" : "([a-z]+)"', text)
                   for status in pair])
    # Mounts are counted alike whatever is mounted; that of the storage alone shares its row with others.
    counted = re.findall(r'cpd_store_add_event \(tx, what->type, \w+ \? "([a-z]+)" : "([a-z]+)"', text)
    found |= {(kind, status) for kind in re.findall(r'\.kind = "([a-z]+)"', text) for pair in counted for status in pair}
    return found | {('container', status) for status in statuses}


def events():
    """The table, the interface's own words and what the sources record must agree."""
    table = set(re.findall(r'<row><entry>([a-z]+)</entry><entry>([a-z_]+)</entry>', read(SOURCE, 'docs/reference/events.xml')))
    listed = re.search(r'@status:.*?words: ([\w, ]+)\.', read(SOURCE, 'introspection/org.cpod.Cpod1.Runtime.xml'))[1]
    differing = {status for _, status in table} ^ set(listed.split(', '))
    return differing | {' '.join(event) for event in table ^ recorded_events()}


def states():
    names = re.findall(r'<row><entry>([a-z]+)</entry>', read(SOURCE, 'docs/reference/states.xml'))
    text = re.search(r'State:\n.*?-->', read(SOURCE, 'introspection/org.cpod.Cpod1.Container.xml'), re.S)[0]
    return set(names) ^ set(re.findall(r'"(\w+)"', text.split('treat')[0]))


def broken_links():
    pages = {os.path.basename(path): read(path) for path in glob.glob(f'{MANUAL}/html/*.html')}
    broken = set()
    for page, text in pages.items():
        for target in re.findall(r'href="([^":/]+\.html(?:#[^"]*)?)"', text):
            name, _, anchor = target.partition('#')
            if name not in pages or (anchor and f'"{anchor}"' not in pages[name]):
                broken.add(f'{page}: {target}')
    return broken


CHECKS = (
    ('each symbol of the library is documented', undocumented),
    ('each symbol has its place', left_out),
    ('each member of the bus interfaces is shown', bus_members),
    ('the table of errors is complete', errors),
    ('the table of events is complete', events),
    ('the table of states is complete', states),
    ('links lead somewhere', broken_links),
)


def main():
    failed = 0
    print(f'1..{len(CHECKS)}')
    for number, (name, check) in enumerate(CHECKS, 1):
        problems = sorted(check())
        failed += bool(problems)
        print(f'{"not ok" if problems else "ok"} {number} - {name}')
        for problem in problems:
            print(f'# {problem}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
