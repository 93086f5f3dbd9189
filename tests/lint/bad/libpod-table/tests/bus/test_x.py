# SPDX-License-Identifier: LGPL-2.1-or-later
class A01Test:
    def test_trap_1_and_2_are_gone(self):
        pass


class Other:
    def test_a02_elsewhere(self):
        pass
