# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rules for C files. A rule takes a tree and gives a list of findings."""

import ast
import os
import re
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor

from lintlib import arguments_of, functions_of

MAY_INCLUDE = {
    'cli': {'libcpod', 'public'},
    'libcpod': {'generated', 'public'},
    'daemon': {'bus', 'engine', 'config', 'common', 'public'},
    'bus': {'engine', 'config', 'generated', 'common', 'public'},
    'engine': {'storage', 'store', 'transport', 'oci', 'config', 'common', 'public'},
    'registry': {'common', 'public'},
    'config': {'common', 'public'},
    'storage': {'store', 'oci', 'common', 'public'},
    'transport': {'oci', 'common', 'public'},
    'store': {'common', 'public'},
    'oci': {'common', 'public'},
    'common': {'public'},
    'public': set(),
}
MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 60

# What only some layers may use: a pattern in the code, and where it is at home.
CONFINED = (
    (r'#\s*include\s*<sqlite3\.h>|\bsqlite3_\w+', {'store'}, 'SQLite belongs into src/store'),
    (r'#\s*include\s*<seccomp\.h>|\bseccomp_(?!profile)\w+ \(', {'oci'}, 'libseccomp belongs into src/oci'),
    (r'#\s*include\s*<archive(_entry)?\.h>|\barchive_(read|write|entry)_\w+', {'oci', 'storage', 'cli'},
     'libarchive belongs into src/oci and src/storage, and into what the command packs itself'),
    (r'#\s*include\s*<(isa-l|nettle)[/.]|\bisal_\w+ \(|\bsha256_\w+ \(', {'oci'}, 'ISA-L and nettle belong into src/oci'),
    (r'#\s*include\s*<curl/|\bcurl_\w+ \(', {'registry'}, 'libcurl belongs into src/registry, a program of its own'),
    (r'#\s*include\s*<json-glib/|\bjson_(parser|generator|builder|reader|path|gobject|gvariant|from|to)_\w+ \(',
     {'common', 'oci'}, 'json-glib belongs into src/common and src/oci: see common/cpd-json.h'),
    (r'\bg_dbus_(?!error_|address_|proxy_)\w+ \(|\bg_bus_own_\w+ \(|\bGDBusMethodInvocation\b',
     {'bus', 'libcpod', 'cli'}, 'D-Bus service code belongs into src/bus'),
)
SQL = r'"\s*(SELECT\s.*\sFROM|INSERT\s+(OR\s+\w+\s+)?INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|CREATE\s+TABLE|PRAGMA)\s'


def include_direction(tree):
    found = []
    for source in tree.engine_room:
        allowed = MAY_INCLUDE.get(source.layer)
        if allowed is None:
            continue
        for match in re.finditer(r'^\s*#\s*include\s*["<]([^">]+)[">]', source.without_comments, re.M):
            path = match[1]
            other = 'generated' if path == 'cpod-generated.h' else path.split('/')[0]
            if path.startswith('../'):
                found.append(source.finding(match.start(), f'{path}: name the layer, not the way to it'))
            elif other in (set(MAY_INCLUDE) | {'generated'}) - {source.layer} - allowed and \
                    ('/' in path or other == 'generated'):
                found.append(source.finding(match.start(), f'{source.layer} may not include from {other}'))
    return found


def confinement(tree):
    found = []
    for source in tree.engine_room:
        for pattern, homes, text in CONFINED:
            if source.layer not in homes:
                found += source.search(pattern, text)
        if source.layer != 'store':
            found += source.search(SQL, 'SQL belongs into src/store', source.without_comments)
    return found


def prefix_of(layer):
    if layer in ('public', 'libcpod'):
        return r'_?cpod_', r'_?Cpod[A-Z]', r'_?CPOD_'
    if layer == 'cli':
        return r'(cpod|cli)_', r'(Cpod|Cli)[A-Z]', r'(CPOD|CLI)_'
    return r'_?cpd_', r'_?Cpd[A-Z]', r'_?CPD_'


# Lends the names of a library to those who call it.
NAMES_OF_LIBARCHIVE = 'src/oci/cpd-libarchive.h'


def prefix(tree):
    """Names that leave a file begin with the prefix of their layer."""
    found = []
    for source in tree.engine_room:
        if source.layer in (None, 'generated'):
            continue
        function, type_name, macro = prefix_of(source.layer)
        for defined in functions_of(source):
            if not defined.static and defined.name != 'main' and not re.match(function, defined.name):
                found.append(source.finding(defined.start, f'{defined.name}: wrong prefix for {source.layer}'))
        if not source.path.endswith('.h'):
            continue
        for pattern, wanted in ((r'^\} (\w+);', type_name), (r'^typedef struct \w+ (\w+);', type_name),
                                (r'^#define (\w+)', macro + '|' + function)):
            for match in re.finditer(pattern, source.code, re.M):
                if source.path == NAMES_OF_LIBARCHIVE and match[1].startswith('archive_'):
                    continue
                if not re.match(wanted, match[1]):
                    found.append(source.finding(match.start(), f'{match[1]}: wrong prefix for {source.layer}'))
    return found


def file_size(tree):
    return [source.finding(len('\n'.join(source.lines[:MAX_FILE_LINES])) + 1, f'over {MAX_FILE_LINES} lines')
            for source in tree.c_files + tree.select(r'\.py$|^scripts/')
            if len(source.text.splitlines()) > MAX_FILE_LINES]


def function_size(tree):
    found = []
    for source in tree.c_files:
        found += [source.finding(function.start, f'{function.name} has {function.lines} lines')
                  for function in functions_of(source) if function.lines > MAX_FUNCTION_LINES]
    for source in tree.select(r'\.py$|^(scripts|tests/bench)/[^.]+$'):
        if source.path.endswith('.py') or 'python3' in source.lines[0]:
            for node in ast.walk(ast.parse(source.text)):
                if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno >= MAX_FUNCTION_LINES:
                    found.append(source.finding(len('\n'.join(source.lines[:node.lineno - 1])) + 1,
                                                f'{node.name} has {node.end_lineno - node.lineno + 1} lines'))
    return found


def no_goto(tree):
    return [finding for source in tree.c_files for finding in source.search(r'\bgoto\b', 'goto')]


# Containerfiles write a command as one line for the shell of the container, which is none of ours.
SHELL_OF_CONTAINERS = 'src/engine/images/cpd-image-config.c'


def no_shell(tree):
    pattern = r'\b(system|popen|g_spawn_command_line_\w+) \('
    found = []
    for source in tree.engine_room:
        found += source.search(pattern, 'runs a shell')
        if source.path != SHELL_OF_CONTAINERS:
            found += source.search(r'"(/bin/)?(ba|da)?sh"', 'names a shell', source.without_comments)
    return found


def no_setenv(tree):
    """Whoever changes the environment while there are threads changes what another one reads; before that it may be."""
    return [finding for source in tree.engine_room if source.layer != 'daemon'
            for finding in source.search(r'\b(g_)?(setenv|unsetenv|putenv|clearenv) \(', 'changes the environment')]


def no_warnings(tree):
    """Trouble at run time is an error that is returned or a message that is logged."""
    return [finding for source in tree.engine_room
            for finding in source.search(r'\bg_(warning|critical)(_once)? \(', 'not for trouble at run time')]


def error_prefix(tree):
    """What is put before an error's text ends with ": ", is lower case and no sentence."""
    found = []
    for source in tree.engine_room:
        for match in re.finditer(r'\b(g_prefix_error|g_prefix_error_literal|g_propagate_prefixed_error) (?=\()',
                                 source.code):
            arguments = arguments_of(source.without_comments, match.end()) or []
            place = 2 if match[1] == 'g_propagate_prefixed_error' else 1
            literals = re.findall(r'"((?:\\.|[^"\\])*)"', arguments[place]) if len(arguments) > place else []
            if literals and not (literals[-1].endswith(': ') and not literals[0][:1].isupper()):
                found.append(source.finding(match.start(), f'"{"".join(literals)}" does not lead to the cause'))
    return found


def licence_line(tree):
    found = []
    for source in tree.select(r'\.([ch]|py|js|vala|xml|sh)$|^scripts/|^\.ci/'):
        if not any('SPDX-License-Identifier: LGPL-2.1-or-later' in line for line in source.lines[:4]) and \
                re.search(r'^(src|tests|examples|scripts|introspection|\.ci)/', source.path):
            found.append(source.finding(0, 'no SPDX line'))
    return found


def pragma_once(tree):
    return [source.finding(0, 'no #pragma once') for source in tree.c_files
            if source.path.endswith('.h') and not re.search(r'^#pragma once$', source.text, re.M)]


def compiler_flags(tree):
    packages = ['gio-unix-2.0', 'json-glib-1.0', 'sqlite3', 'libseccomp', 'libarchive', 'libisal', 'nettle']
    flags = subprocess.run(['pkg-config', '--cflags', *packages], check=True, text=True, stdout=subprocess.PIPE).stdout
    includes = [f'{tree.root}/src', f'{tree.root}/src/public', f'{tree.root}/src/libcpod']
    build = os.environ.get('CPOD_BUILD')
    if build:
        includes += [build, f'{build}/src', f'{build}/src/generated', f'{build}/src/libcpod']
    return ['-D_GNU_SOURCE', '-std=gnu11', '-fsyntax-only', '-Wall', '-Wextra', '-Werror', '-Wno-unused-parameter',
            '-Wno-unused-function', '-Wno-missing-field-initializers', '-x', 'c',
            *[f'-I{path}' for path in includes], *shlex.split(flags)]


def header_alone(tree):
    flags = compiler_flags(tree)
    headers = [source for source in tree.engine_room if source.path.endswith('.h')]

    def compile_it(source):
        # Through another file, or the compiler would warn of "#pragma once in main file".
        return subprocess.run(['cc', *flags, '-'], input=f'#include "{source.full_path}"\n', text=True, check=False,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(compile_it, headers))
    return [source.finding(0, 'does not compile alone: ' + result.stderr.split('error: ')[-1].split('\n')[0])
            for source, result in zip(headers, results) if result.returncode != 0]
