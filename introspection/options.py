#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Write down the options of each method, with their types, as the interface files tell of them.

usage: options.py FILE.xml... FILE.c...     JSON: interface → method → option → D-Bus type

Where a method's comment speaks of options, a name stands in a <literal> or a
<term>, and its type follows in parentheses, for one name or for several.
"""

import json
import re
import sys

TYPE = r'(?:h|b|s|u|t|x|i|d|as|ai|ay|a\{ss\}|\([a-z]+\))'
# A name, a type, or a word about where more is said.
TOKEN = re.compile(r'<literal>(?P<name>[a-z][a-z-]*)</literal>'
                   rf'|\((?P<type>{TYPE})(?: each)?[,;:)]'
                   r'|[Aa]s for (?:org\.cpod\.Cpod1\.)?(?P<method>[A-Za-z.]+)\(\)'
                   r'|without (?P<without>"[a-z-]+"(?:(?:,| and) "[a-z-]+")*)')
TERM = re.compile(rf'<term>(?P<terms>.*?)</term>')
NONE = 'None are defined'


def methods(text):
    """Each method's name and the comment before it."""
    for match in re.finditer(r'<!--(?P<comment>(?:(?!-->).)*)-->\s*<method name="(?P<name>\w+)"', text, re.S):
        yield match['name'], match['comment']


def paragraphs(comment):
    """Where options are spoken of: what is said of the argument, and the paragraphs about them."""
    about = re.search(r'^ *@options: (.*?)$(?=\n *@|\n *\n)', comment, re.M | re.S)
    plain = re.sub(r'<variablelist>.*?</variablelist>', '', comment, flags=re.S)
    found = [about[1]] if about else []
    return found + [part.strip() for part in re.split(r'\n *\n', plain) if re.match(r'(Options|Filters)\b', part.strip())]


def read_prose(text, interface, known):
    options, pending = {}, []
    for token in TOKEN.finditer(text):
        if token['name']:
            pending.append(token['name'])
        elif token['type']:
            options.update(dict.fromkeys(pending, token['type']))
            pending = []
        elif token['without']:
            for name in re.findall('[a-z-]+', token['without'].replace(' and ', ' ')):
                options.pop(name, None)
        else:
            path = token['method'].split('.')
            other = known.get(path[0] if len(path) > 1 else interface, {}).get(path[-1], {})
            options.update({name: other[name] for name in pending if name in other} if pending or options else other)
            pending = []
    return options


def read_terms(comment):
    for term in TERM.finditer(comment):
        kinds = re.search(rf'\(({TYPE})\)$', term['terms'])
        for name in re.findall(r'([a-z][a-z-]+)(?= \(|,|$)', term['terms']):
            kind = re.search(rf'{re.escape(name)} \(({TYPE})\)', term['terms']) or kinds
            yield name, kind[1]


def read(paths):
    texts = {}
    for path in paths:
        with open(path, encoding='utf-8') as file:
            text = file.read()
        texts[re.search(r'<interface name="org\.cpod\.Cpod1\.(\w+)"', text)[1]] = text
    known = {interface: {} for interface in texts}
    # Twice: one may refer to another that comes later.
    for _ in range(2):
        for interface, text in texts.items():
            for method, comment in methods(text):
                options = {}
                if NONE not in comment:
                    for part in paragraphs(comment):
                        options.update(read_prose(part, interface, known))
                    options.update(read_terms(comment))
                known[interface][method] = options
    return known


def read_client(paths):
    """Whose options a function of CpodClient takes, as the comments of the library say."""
    found = {}
    for path in paths:
        with open(path, encoding='utf-8') as file:
            text = file.read()
        for comment in re.findall(r'/\*\*\n(.*?)\*/', text, re.S):
            name = re.search(r'cpod_client_(\w+?)(?:_sync)?:', comment)
            options = re.search(r'@options: .*?options of org\.cpod\.Cpod1\.(\w+\.\w+)\(\)', ' '.join(comment.split()))
            if name and options:
                found[name[1]] = options[1]
    return found


def main():
    interfaces = [path for path in sys.argv[1:] if path.endswith('.xml')]
    sources = [path for path in sys.argv[1:] if path.endswith('.c')]
    json.dump({**read(interfaces), 'Client': read_client(sources)}, sys.stdout, indent=1, sort_keys=True)
    print()


if __name__ == '__main__':
    main()
