#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Count the results of test runs. usage: count-results.py BUILD-DIRECTORY...

Every case inside a test program counts. A program that failed although none
of its cases did (it crashed, hung, or left cases out) counts as one failure,
and so does a case that was skipped: it has shown nothing.
"""

import json
import os
import sys
import xml.etree.ElementTree as ElementTree


def cases_of(directory):
    """For each test: how many of its cases passed, and the names of the others."""
    results = {}
    root = ElementTree.parse(os.path.join(directory, 'meson-logs', 'testlog.junit.xml')).getroot()
    for suite in root.iter('testsuite'):
        for case in suite.iter('testcase'):
            # Programs without cases of their own lie together in one suite.
            key = suite.get('name').split('.', 1)[1] if '.' in suite.get('name') else case.get('name')
            passed, others = results.setdefault(key, (0, []))
            if case.find('failure') is None and case.find('error') is None and case.find('skipped') is None:
                results[key] = (passed + 1, others)
            else:
                others.append(case.get('name'))
    return results


def failed_programs(directory):
    with open(os.path.join(directory, 'meson-logs', 'testlog.json'), encoding='utf-8') as file:
        for line in file:
            test = json.loads(line)
            if test['result'] != 'OK':
                yield test['name'], test['result']


def count(directory):
    cases = cases_of(directory)
    passed = sum(good for good, _ in cases.values())
    failures = [f'{test}: {name}' for test, (_, others) in cases.items() for name in others]
    failures += [f'{name}: {result}' for name, result in failed_programs(directory)
                 if not cases.get(name, (0, []))[1]]
    return passed, failures


def main():
    passed, failed = 0, 0
    for directory in sys.argv[1:]:
        try:
            good, failures = count(directory)
        except (OSError, ElementTree.ParseError) as error:
            good, failures = 0, [f'no results: {error}']
        for failure in failures:
            print(f'{directory}: {failure}')
        passed += good
        failed += len(failures)
    print(f'{passed} passed, {failed} failed')
    return 1 if failed or not passed else 0


if __name__ == '__main__':
    sys.exit(main())
