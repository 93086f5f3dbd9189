/* BAD SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CPD_WRONG_H
#define CPD_WRONG_H
#endif
