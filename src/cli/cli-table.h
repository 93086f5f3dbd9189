/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Lines of cells that are divided by tabs, in columns. */
char *cli_table_align (const char *text);

G_END_DECLS
