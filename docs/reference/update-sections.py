#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Write cpod-sections.txt anew. usage: update-sections.py BUILD-DIRECTORY

Run it after a change of the public headers or of the bus interfaces, and look
at the difference. Each symbol goes to the section of the type that its name
begins with; what only macros need goes to the standard part of it.
"""

import os
import re
import sys

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
# A section, the type that names it, and the titles of what else belongs to it.
HAND_WRITTEN = (
    ('cpod-client', 'CpodClient', ('CpodClientFlags', 'CpodProgressCallback', 'CPOD_EVENTS_FROM_NOW')),
    ('cpod-container-list', 'CpodContainerList', ()),
    ('cpod-stream', 'CpodStream', ('CpodStreamId', 'CpodOutputCallback')),
    ('cpod-log-reader', 'CpodLogReader', ('CpodLogLine',)),
    ('cpod-error', 'CpodError', ('CPOD_ERROR', 'CPOD_N_ERRORS')),
)
GENERATED = ('CpodRuntime', 'CpodImages', 'CpodContainer', 'CpodExec', 'CpodImage', 'CpodJob', 'CpodObject',
             'CpodObjectManagerClient')
STANDARD = re.compile(r'_get_type$|^CPOD_N_|^CPOD_(TYPE|IS)_|_GET_(CLASS|IFACE)$|^cpod_error_quark$|_CLASS$|Private$'
                      r'|^CPOD_(CLIENT|CONTAINER_LIST|STREAM|LOG_READER|RUNTIME|IMAGES?|CONTAINER|EXEC|JOB|OBJECT)(_PROXY|_SKELETON|'
                      r'_MANAGER_CLIENT)?$')


def declared(path):
    with open(path, encoding='utf-8') as file:
        text = re.sub(r'/\*.*?\*/', '', file.read(), flags=re.S)
    names = re.findall(r'^#\s*define (CPOD_\w+|Cpod\w+)', text, re.M)
    names += re.findall(r'\b(cpod_\w+) *\(', text)
    names += re.findall(r'^\} (Cpod\w+);', text, re.M)
    names += re.findall(r'^typedef struct _\w+ (Cpod\w+);', text, re.M)
    names += re.findall(r'^struct _(Cpod\w+)', text, re.M)
    names += re.findall(r'^typedef .*\(\*(Cpod\w+)\)', text, re.M)
    for match in re.finditer(r'G_DECLARE_FINAL_TYPE \((\w+), (\w+), (\w+), (\w+),', text):
        names += [match[1], match[2] + '_get_type', f'{match[3]}_{match[4]}', f'{match[3]}_IS_{match[4]}']
    return list(dict.fromkeys(names))


def words_of(type_name):
    return re.sub(r'(?<=[a-z])(?=[A-Z])', '_', type_name).lower()


def owner_of(name, types):
    """The longest type name that NAME belongs to."""
    plain = words_of(name).replace('cpod_type_', 'cpod_').replace('cpod_is_', 'cpod_')
    fitting = [t for t in types if plain == words_of(t) or plain.startswith(words_of(t) + '_')]
    return max(fitting, key=len) if fitting else None


def write_section(file, section, title, names):
    standard = [name for name in names if STANDARD.search(name)]
    shown = sorted((name for name in names if name not in standard), key=lambda name: not name.startswith('Cpod'))
    file.write(f'<SECTION>\n<FILE>{section}</FILE>\n')
    if title:
        file.write(f'<TITLE>{title}</TITLE>\n')
    file.write('\n'.join(shown) + '\n')
    if standard:
        file.write('<SUBSECTION Standard>\n' + '\n'.join(standard) + '\n')
    file.write('</SECTION>\n\n')


def main():
    build = sys.argv[1]
    headers = [f'{SOURCE}/src/libcpod/{name}.h' for name in ('cpod-types', 'cpod-client', 'cpod-container-list',
                                                           'cpod-stream', 'cpod-log-reader')]
    headers += [f'{SOURCE}/src/public/cpod-error.h', f'{build}/src/generated/cpod-generated.h']
    sections = {title: section for section, title, _ in HAND_WRITTEN}
    # Not by the name of the type: a property "image" of it would be taken for the picture of the section.
    sections.update({title: words_of(title).replace('_', '-') for title in GENERATED})
    homes = {title: title for title in sections}
    for _, title, others in HAND_WRITTEN:
        homes.update({other: title for other in others})
    members = {title: [] for title in sections}
    for header in headers:
        for name in declared(header):
            owner = owner_of(name, homes)
            if owner is not None and name not in members[homes[owner]]:
                members[homes[owner]].append(name)
    names = declared(f'{SOURCE}/src/public/cpod-names.h') + declared(f'{SOURCE}/src/public/cpod-size.h')
    with open(f'{SOURCE}/docs/reference/cpod-sections.txt', 'w', encoding='utf-8') as file:
        for title, section in sections.items():
            write_section(file, section, title, members[title])
        write_section(file, 'cpod-names', None, names)


if __name__ == '__main__':
    main()
