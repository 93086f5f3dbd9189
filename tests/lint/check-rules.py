#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Check that each rule finds what is wrong in its bad example, and nothing else.

An example is a small tree in bad/RULE. The lines that the rule must find
contain the word BAD. usage: check-rules.py DIRECTORY-OF-EXAMPLES
"""

import os
import sys

from lintlib import Tap, Tree
from rules import RULES


def expected_of(tree):
    return {(source.path, number) for source in tree.sources
            for number, line in enumerate(source.lines, 1) if 'BAD' in line}


def main():
    examples = sys.argv[1]
    tap = Tap(len(RULES) + 1)
    for name, rule in RULES.items():
        tree = Tree(os.path.join(examples, name))
        expected = expected_of(tree)
        found = {(finding.path, finding.line) for finding in rule(tree)}
        details = [f'not found: {path}:{line}' for path, line in sorted(expected - found)]
        details += [f'found for no reason: {path}:{line}' for path, line in sorted(found - expected)]
        tap.result(bool(expected) and found == expected, f'{name} finds its bad example', details)
    strangers = sorted(set(os.listdir(examples)) - set(RULES))
    tap.result(not strangers, 'each example belongs to a rule', strangers)
    return 1 if tap.failed else 0


if __name__ == '__main__':
    sys.exit(main())
