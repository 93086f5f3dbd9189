# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the unittest cases of a script and prints a line of TAP for each.

Use it as the last lines of a test script:

    if __name__ == '__main__':
        tap.main()
"""

import sys
import unittest


def _comment(text):
    """TEXT as TAP diagnostics."""
    return ''.join(f'# {line}\n' for line in text.rstrip('\n').split('\n'))


class TapResult(unittest.TestResult):
    """Prints each result as it comes."""

    def __init__(self, stream):
        super().__init__()
        self.stream = stream
        self.count = 0
        self.failed_subtests = {}

    def _print(self, text):
        self.stream.write(text)
        self.stream.flush()

    def _report(self, ok, test, note=''):
        self.count += 1
        name = test.id().removeprefix('__main__.').replace('#', '')
        self._print(f'{"ok" if ok else "not ok"} {self.count} - {name}{note}\n')

    def _report_failure(self, test, error):
        self._report(False, test)
        self._print(_comment(self._exc_info_to_string(error, test)))

    def addSuccess(self, test):
        super().addSuccess(test)
        self._report(True, test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._report_failure(test, err)

    def addError(self, test, err):
        """Also for a fixture that fails, of which no test would tell."""
        super().addError(test, err)
        self._report_failure(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._report_failure(subtest, err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._report(True, test, f' # SKIP {reason}')

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self._report(False, test, ' # TODO expected failure')

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self._report(False, test, ' (unexpected success)')


def run(suite, stream=sys.stdout):
    """Run SUITE; gives the exit code."""
    stream.write('TAP version 13\n')
    result = TapResult(stream)
    suite.run(result)
    stream.write(f'1..{result.count}\n')
    stream.flush()
    return 0 if result.wasSuccessful() and result.count > 0 else 1


def main(module='__main__'):
    """Run the cases of MODULE, or those named on the command line, and exit."""
    loader = unittest.defaultTestLoader
    if len(sys.argv) > 1:
        suite = loader.loadTestsFromNames(sys.argv[1:], sys.modules[module])
    else:
        suite = loader.loadTestsFromModule(sys.modules[module])
    sys.exit(run(suite))
