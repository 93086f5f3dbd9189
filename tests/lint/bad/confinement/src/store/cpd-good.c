/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sqlite3.h>
static const char query[] = "SELECT id FROM containers";
