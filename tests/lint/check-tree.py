#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Check the source tree against each rule. usage: check-tree.py ROOT [RULE...]"""

import sys

from lintlib import Tap, Tree
from rules import RULES


def main():
    tree = Tree(sys.argv[1])
    names = sys.argv[2:] or list(RULES)
    if not tree.engine_room or not tree.interfaces:
        print(f'Bail out! {tree.root} is no source tree of cpod')
        return 1
    tap = Tap(len(names))
    for name in names:
        findings = RULES[name](tree)
        tap.result(not findings, name, [f'{f.path}:{f.line}: {f.text}' for f in findings])
    return 1 if tap.failed else 0


if __name__ == '__main__':
    sys.exit(main())
