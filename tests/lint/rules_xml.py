# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rules for the bus interfaces."""

import re
from collections import namedtuple

EMITS_CHANGED = 'org.freedesktop.DBus.Property.EmitsChangedSignal'
ACTION = 'org.cpod.Cpod1.Action'

Member = namedtuple('Member', 'kind name start attributes body comment')


def attributes_of(tag):
    return dict(re.findall(r'([\w-]+)\s*=\s*"([^"]*)"', tag))


def without_comments(text):
    return re.sub(r'<!--.*?-->', lambda match: re.sub(r'[^\n]', ' ', match.group()), text, flags=re.S)


def comment_before(text, start):
    match = re.search(r'<!--((?:(?!-->).)*)-->\s*\Z', text[:start], re.S)
    return match[1] if match else ''


def members_of(source):
    """Interfaces and what is in them, each with the comment before it."""
    plain = without_comments(source.text)
    for match in re.finditer(r'<(interface|method|signal|property)\b([^>]*?)(/?)>', plain, re.S):
        kind = match[1]
        attributes = attributes_of(match[2])
        end = match.end() if match[3] else plain.find(f'</{kind}>', match.end())
        yield Member(kind, attributes.get('name', ''), match.start(), attributes,
                     plain[match.end():end], comment_before(source.text, match.start()))


def arguments_of(member):
    return [attributes_of(tag) for tag in re.findall(r'<arg\b([^>]*)>', member.body)]


def annotations_of(member):
    return {a.get('name'): a.get('value') for a in map(attributes_of, re.findall(r'<annotation\b([^>]*)>', member.body))}


def each_member(tree, kinds):
    for source in tree.interfaces:
        for member in members_of(source):
            if member.kind in kinds:
                yield source, member


def documented(tree):
    found = []
    for source, member in each_member(tree, ('interface', 'method', 'signal', 'property')):
        problem = None
        if not re.match(rf'\s*{re.escape(member.name)}:\s*\n', member.comment):
            problem = 'has no comment that begins with its name'
        elif not re.search(r'^\s*@since:\s*\d+\.\d+\s*$', member.comment, re.M):
            problem = 'does not say @since'
        elif member.kind in ('method', 'signal'):
            missing = [a['name'] for a in arguments_of(member)
                       if not re.search(rf'^\s*@{re.escape(a["name"])}:\s*\S', member.comment, re.M)]
            problem = f'says nothing about {", ".join(missing)}' if missing else None
        if problem:
            found.append(source.finding(member.start, f'{member.kind} {member.name} {problem}'))
    return found


def no_writable_properties(tree):
    return [source.finding(member.start, f'{member.name} is writable: polkit cannot guard Properties.Set')
            for source, member in each_member(tree, ('property',)) if member.attributes.get('access') != 'read']


def emits_changed(tree):
    return [source.finding(member.start, f'{member.name} does not say how its changes are told')
            for source, member in each_member(tree, ('property',))
            if annotations_of(member).get(EMITS_CHANGED) not in ('true', 'const', 'invalidates')]


def action(tree):
    return [source.finding(member.start, f'{member.name} names no polkit action')
            for source, member in each_member(tree, ('method',))
            if not re.fullmatch(r'org\.cpod\.Cpod1\.[a-z]+(-[a-z]+)*', annotations_of(member).get(ACTION, ''))]


def options_last(tree):
    found = []
    for source, member in each_member(tree, ('method',)):
        inputs = [a for a in arguments_of(member) if a.get('direction', 'in') == 'in']
        if not inputs or (inputs[-1].get('name'), inputs[-1].get('type')) != ('options', 'a{sv}'):
            found.append(source.finding(member.start, f'the last in-argument of {member.name} is not a{{sv}} options'))
    return found


def errors_listed(tree):
    return [source.finding(member.start, f'{member.name} does not list its errors')
            for source, member in each_member(tree, ('method',)) if not re.search(r'^\s*Errors: \w', member.comment, re.M)]
