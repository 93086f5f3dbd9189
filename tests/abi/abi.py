#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compare what libcpod offers to programs with what has been promised.

usage: abi.py LIBRARY GIR BASELINE            check
       abi.py --renew LIBRARY GIR BASELINE    write the baseline anew

The baseline has a line for each exported symbol, for each function's types,
and for each constant, property and signal. A line that is not true any more
is a program that breaks: either that is put right, or the library gets
another soname. What is new is no promise yet; the baseline is renewed with
each release, and its difference is looked at then.

The *Iface structures of generated code are left out: who implements them is
the service, which is built with the library.
"""

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'lint'))

from lintlib import Tap  # noqa: E402 pylint: disable=wrong-import-position

CORE = '{http://www.gtk.org/introspection/core/1.0}'
C = '{http://www.gtk.org/introspection/c/1.0}'
GLIB = '{http://www.gtk.org/introspection/glib/1.0}'


def type_of(element):
    """The C type of a parameter or return value; the plain name where C has none, as in signals."""
    found = element.find(f'{CORE}type')
    if found is None:
        found = element.find(f'{CORE}array')
    if found is None:
        return '...'
    return found.get(f'{C}type') or found.get('name') or 'array'


def parameters_of(element):
    parameters = element.find(f'{CORE}parameters')
    found = [] if parameters is None else [type_of(child) for child in parameters if child.tag != f'{CORE}instance-parameter']
    if parameters is not None and parameters.find(f'{CORE}instance-parameter') is not None:
        found.insert(0, type_of(parameters.find(f'{CORE}instance-parameter')))
    if element.get('throws') == '1':
        found.append('GError**')
    return f'{type_of(element.find(f"{CORE}return-value"))} ({", ".join(found)})'


def functions(namespace):
    for kind in ('function', 'method', 'constructor'):
        for element in namespace.iter(CORE + kind):
            name = element.get(f'{C}identifier')
            if name:
                yield f'function {name}: {parameters_of(element)}'


def constants(namespace):
    for element in namespace.findall(f'{CORE}constant'):
        yield f'constant {element.get(f"{C}type")} = {element.get("value")}'
    for kind in ('enumeration', 'bitfield'):
        for element in namespace.findall(CORE + kind):
            for member in element.findall(f'{CORE}member'):
                yield f'constant {member.get(f"{C}identifier")} = {member.get("value")}'


def callbacks(namespace):
    for element in namespace.findall(f'{CORE}callback'):
        yield f'callback {element.get(f"{C}type")}: {parameters_of(element)}'


def classes(namespace):
    for kind in ('class', 'interface'):
        for element in namespace.findall(CORE + kind):
            name = element.get(f'{C}type')
            parents = [element.get('parent')] if element.get('parent') else []
            parents += [child.get('name') for child in element.findall(f'{CORE}implements')]
            for parent in parents:
                yield f'type {name} is a {parent}'
            for child in element.findall(f'{CORE}property'):
                access = [word for word in ('readable', 'writable', 'construct-only')
                          if child.get(word, '1' if word == 'readable' else '0') == '1']
                yield f'property {name}:{child.get("name")}: {type_of(child)} {" ".join(access)}'
            for child in element.findall(f'{GLIB}signal'):
                yield f'signal {name}::{child.get("name")}: {parameters_of(child)}'


def symbols(library):
    listed = subprocess.run(['nm', '--dynamic', '--defined-only', library], check=True, capture_output=True, text=True)
    for line in listed.stdout.splitlines():
        name = line.split()[-1].split('@')[0]
        # The sanitizers' own.
        if not name.startswith('__'):
            yield f'symbol {name}'


def describe(library, gir):
    namespace = ElementTree.parse(gir).getroot().find(f'{CORE}namespace')
    found = set(symbols(library))
    for kind in (functions, constants, callbacks, classes):
        found.update(kind(namespace))
    return sorted(found)


def check(now, baseline):
    with open(baseline, encoding='utf-8') as file:
        promised = file.read().splitlines()
    tap = Tap(3)
    strangers = [line for line in now if line.startswith('symbol ') and not line.startswith('symbol cpod_')]
    tap.result(not strangers, 'the library exports nothing but its own', strangers)
    tap.result(len(promised) > 500, 'there is a baseline')
    broken = sorted(set(promised) - set(now))
    tap.result(not broken, 'what was promised is kept', broken)
    for line in sorted(set(now) - set(promised)):
        print(f'# new: {line}')
    return 1 if tap.failed else 0


def main():
    arguments = sys.argv[1:]
    renew = arguments[:1] == ['--renew']
    library, gir, baseline = arguments[renew:]
    now = describe(library, gir)
    if not renew:
        return check(now, baseline)
    with open(baseline, 'w', encoding='utf-8') as file:
        file.write('\n'.join(now) + '\n')
    return 0


if __name__ == '__main__':
    sys.exit(main())
