# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the rules share: the files of a tree, C without comments, findings, TAP."""

import os
import re
from collections import namedtuple
from functools import cached_property

Finding = namedtuple('Finding', 'path line text')

SKIPPED = re.compile(r'(^|/)(\.git|build[^/]*|__pycache__|subprojects)$')
BAD_EXAMPLES = 'tests/lint/bad'


class Source:
    """A file, its path being relative to the tree."""

    def __init__(self, root, path):
        self.path = path
        self.full_path = os.path.join(root, path)

    @cached_property
    def text(self):
        with open(self.full_path, encoding='utf-8', errors='replace') as file:
            return file.read()

    @cached_property
    def lines(self):
        return self.text.split('\n')

    @cached_property
    def without_comments(self):
        return blank(self.text, strings=False)

    @cached_property
    def code(self):
        """The text without comments and without what is in strings."""
        return blank(self.text, strings=True)

    @property
    def layer(self):
        parts = self.path.split('/')
        return parts[1] if parts[0] == 'src' and len(parts) > 2 else None

    def finding(self, offset, text):
        return Finding(self.path, self.text.count('\n', 0, offset) + 1, text)

    def search(self, pattern, text, in_text=None):
        """A finding for each match of PATTERN."""
        return [self.finding(match.start(), text)
                for match in re.finditer(pattern, self.code if in_text is None else in_text, re.M)]


class Tree:
    """The files that are looked at."""

    def __init__(self, root):
        self.root = os.path.realpath(root)

    @cached_property
    def sources(self):
        found = []
        for directory, names, files in os.walk(self.root):
            base = os.path.relpath(directory, self.root)
            base = '' if base == '.' else base + '/'
            names[:] = sorted(name for name in names
                              if not SKIPPED.search(base + name) and base + name != BAD_EXAMPLES)
            found += [Source(self.root, base + name) for name in sorted(files)]
        return found

    def select(self, pattern):
        return [source for source in self.sources if re.search(pattern, source.path)]

    @property
    def c_files(self):
        return self.select(r'^(src|tests|examples)/.*\.[ch]$')

    @property
    def engine_room(self):
        """The hand-written C of src."""
        return self.select(r'^src/.*\.[ch]$')

    @property
    def interfaces(self):
        return self.select(r'^introspection/.*\.xml$')


C_TOKENS = re.compile(r'''(?P<comment>/\*.*?\*/|//[^\n]*)
                        | (?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')''', re.S | re.X)


def blank(text, strings):
    """TEXT with its comments, and perhaps its strings, replaced by spaces."""
    def replace(match):
        if match['comment'] is not None:
            return re.sub(r'[^\n]', ' ', match['comment'])
        if strings and len(match['string']) > 2:
            quote = match['string'][0]
            return quote + ' ' * (len(match['string']) - 2) + quote
        return match['string']

    return C_TOKENS.sub(replace, text)


def arguments_of(text, start):
    """The arguments of a call whose parenthesis opens at START, or None."""
    found, depth, begin = [], 0, start + 1
    for match in re.finditer(r'"(?:\\.|[^"\\\n])*"|[()\[\]{},]', text[start:]):
        token, position = match.group(), start + match.start()
        if token in '([{':
            depth += 1
        elif token in ')]}':
            depth -= 1
            if depth == 0:
                return found + [text[begin:position]]
        elif token == ',' and depth == 1:
            found.append(text[begin:position])
            begin = position + 1
    return None


Function = namedtuple('Function', 'name start static lines')


def functions_of(source):
    """The functions that a C file defines, in the one style that is used here."""
    for match in re.finditer(r'^(?P<type>[A-Za-z_][^;{}\n]*)\n(?P<name>[a-z_]\w*) \([^;{}]*\)\s*\n\{[ \t]*\n',
                             source.code, re.M):
        end = source.code.find('\n}', match.end())
        lines = source.code.count('\n', match.start('name'), end) + 2
        yield Function(match['name'], match.start('name'), 'static' in match['type'].split(), lines)


class Tap:
    """Prints results as TAP."""

    def __init__(self, planned):
        self.number = 0
        self.failed = 0
        print(f'1..{planned}', flush=True)

    def result(self, good, name, details=()):
        self.number += 1
        self.failed += not good
        print(f'{"ok" if good else "not ok"} {self.number} - {name}')
        for detail in details:
            print(f'# {detail}')
