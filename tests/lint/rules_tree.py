# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rules for what lies around the code: the library's comments, translations, paths."""

import os
import re
import subprocess
import tempfile

from lintlib import Finding

DECLARATION = re.compile(r'^(?:G_\w+\s+)*(?P<type>[A-Za-z_][\w \t*]*?[\s*])(?P<name>cpod_\w+)\s*\((?P<arguments>[^;{]*)\)'
                         r'[^;{()]*(?:\([^)]*\)[^;{()]*)*;', re.M)


def gtk_doc_blocks(tree):
    blocks = {}
    for source in tree.select(r'^src/(libcpod|public)/.*\.[ch]$'):
        for match in re.finditer(r'/\*\*\n \* (\w+):(.*?)\*/', source.text, re.S):
            blocks[match[1]] = match[2]
    return blocks


def parameter_names(arguments):
    names = [re.sub(r'\[\]$', '', part.strip()).split('*')[-1].split()[-1:] for part in arguments.split(',')]
    return [name[0] for name in names if name and name[0] not in ('void', '...', 'error')]


def gtk_doc(tree):
    """Each public function of the library says what it does, takes and gives, and since when."""
    blocks = gtk_doc_blocks(tree)
    found = []
    for source in tree.select(r'^src/libcpod/[^/]*\.h$'):
        if source.path.endswith(('-private.h', '-internal.h')):
            continue
        for match in DECLARATION.finditer(source.code):
            name = match['name']
            block = blocks.get(name)
            if name.endswith('_get_type'):
                continue
            problems = []
            if block is None:
                problems.append('has no comment')
            else:
                problems += [f'does not say what @{p} is' for p in parameter_names(match['arguments'])
                             if f' * @{p}:' not in block]
                if match['type'].strip() != 'void' and not re.search(r'^ \* Returns:', block, re.M):
                    problems.append('does not say what it returns')
                if not re.search(r'^ \* Since: \d', block, re.M):
                    problems.append('does not say since when')
            found += [source.finding(match.start('name'), f'{name} {problem}') for problem in problems[:1]]
    return found


def potfiles(tree):
    """Files with text for people are listed for translators, and files that are listed exist."""
    lists = tree.select(r'^po/POTFILES(\.in)?$')
    listed, found = set(), []
    for source in lists:
        for number, line in enumerate(source.lines, 1):
            path = line.strip()
            if path and not path.startswith('#'):
                listed.add(path)
                if not os.path.exists(os.path.join(tree.root, path)):
                    found.append(Finding(source.path, number, f'{path} does not exist'))
    for source in tree.engine_room:
        match = re.search(r'\b(_|N_|C_|ngettext) ?\("', source.without_comments)
        if match and source.path not in listed:
            found.append(source.finding(match.start(), 'is not in po/POTFILES'))
    for source in tree.select(r'^examples/.*\.py$|^data/polkit-1/.*\.policy\.in$'):
        match = re.search(r"""\b_\(['"]|<message>""", source.text)
        if match and source.path not in listed:
            found.append(source.finding(match.start(), 'is not in po/POTFILES'))
    return found


XGETTEXT = ['xgettext', '--from-code=UTF-8', '--keyword=_', '--keyword=N_', '--keyword=C_:1c,2', '--keyword=NC_:1c,2',
            '--files-from=po/POTFILES']


def untranslated(tree, path, template):
    """What msgcmp says of a translation, with the place in the sources of what it lacks."""
    def line_before(source, number, beginning):
        with open(os.path.join(tree.root, source), encoding='utf-8') as file:
            lines = list(enumerate(file.read().split('\n')[:number], 1))
        return next((n, line) for n, line in reversed(lines) if line.startswith(beginning))

    result = subprocess.run(['msgcmp', path, template], cwd=tree.root, capture_output=True, text=True, check=False,
                            env={**os.environ, 'LC_ALL': 'C.UTF-8'})
    for where, number, text in re.findall(r'^(\S+?):(\d+):(?:\d+:)? (?!warning:)(.*)$', result.stderr, re.M):
        if where == template:
            where, number = line_before(template, int(number), '#: ')[1].split()[1].rsplit(':', 1)
            text = f'is not in {path}'
        else:
            number = line_before(path, int(number), 'msgid ')[0]
        yield Finding(where, int(number), text)


def translated(tree):
    """Each text is in each language, and nothing is left to be looked at again."""
    languages = tree.select(r'^po/\w+\.po$')
    if not languages:
        return []
    with tempfile.TemporaryDirectory() as directory:
        template = os.path.join(directory, 'all.pot')
        subprocess.run([*XGETTEXT, '-o', template], cwd=tree.root, check=True,
                       env={**os.environ, 'GETTEXTDATADIRS': os.path.join(tree.root, 'data', 'polkit-1')})
        return [finding for language in languages for finding in untranslated(tree, language.path, template)]


def words_of(cell):
    return re.findall(r'`([^`]+)`', cell)


def numbers_of(name):
    """What the name of a test says it shows: {'A28', '32'}."""
    traps = re.findall(r'trap[-_]?(\d+(?:(?:[-_]and)?[-_]\d+)*)', name, re.I)
    return {row.upper() for row in re.findall(r'(?<![A-Za-z0-9])a\d\d(?!\d)', name, re.I)} | {
        str(int(number)) for numbers in traps for number in re.findall(r'\d+', numbers)}


def has_test(tree, reference):
    """Whether FILE:NAME is there. NAME is CLASS.METHOD in Python, else any text."""
    path, _, name = reference.partition(':')
    full_path = os.path.join(tree.root, 'tests', path)
    if not name or not os.path.isfile(full_path):
        return False
    with open(full_path, encoding='utf-8') as file:
        text = file.read()
    if path.endswith('.py') and re.fullmatch(r'[A-Z]\w*(\.\w+)?', name):
        kind, _, method = name.partition('.')
        body = re.search(rf'^class {kind}\b.*?(?=^class |\Z)', text, re.M | re.S)
        return body is not None and (not method or re.search(rf'^    def {method}\(', body[0], re.M) is not None)
    return name in text


def row_problems(tree, number, cells):
    """What is wrong with a line of the table of libpod's rows and weaknesses."""
    code, tests = cells[-2:]
    if code.startswith('to come: '):
        return [] if number.startswith('A') and not tests else ['a row to come has no test']
    problems = [f'there is no src/{path}' for path in words_of(code)
                if not os.path.isfile(os.path.join(tree.root, 'src', path))]
    problems += [f'there is no test {test}' for test in words_of(tests) if not has_test(tree, test)]
    if not words_of(code) or not any(number in numbers_of(test) for test in words_of(tests)):
        problems.append(f'no code, or no test that is named after {number}')
    return problems


def libpod_table(tree):
    """Each row and weakness of libpod has its line, each line code and a test that is named after it."""
    found = []
    for source in tree.select(r'^docs/libpod\.md$'):
        missing = [f'A{n:02}' for n in range(1, 34)] + [str(n) for n in range(1, 53)]
        for index, line in enumerate(source.lines, 1):
            cells = [cell.strip() for cell in line.strip().strip('|').split('|')]
            if not re.fullmatch(r'A?\d+', cells[0]):
                continue
            known = cells[0] in missing
            problems = row_problems(tree, cells[0], cells) if known else [f'{cells[0]} is one too many']
            found += [Finding(source.path, index, problem) for problem in problems]
            if known:
                missing.remove(cells[0])
        found += [Finding(source.path, 1, f'{number} is missing') for number in missing]
    return found


def machine_paths(tree):
    """Nothing refers to where it happened to be written."""
    pattern = r'/wor[k]/|/var/tmp/\w|/dev/shm/build|/home/(?!user\b)\w'
    found = []
    for source in tree.sources:
        if source.path.startswith('tests/lint/') or source.path == '.git' or not os.path.isfile(source.full_path):
            continue
        with open(source.full_path, 'rb') as file:
            if b'\0' in file.read(4096):
                continue
        found += source.search(pattern, 'a path of one machine', source.text)
    return found
