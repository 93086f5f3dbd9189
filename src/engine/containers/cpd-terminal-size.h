/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * The size that a container's terminal was given last, in a file of its own in
 * DIRECTORY: its next run begins with it. It is worth no error.
 */
typedef struct
{
  guint rows;                   /* 0: none is known */
  guint columns;
} CpdTerminalSize;

void            cpd_terminal_size_keep (const char            *directory,
                                        const CpdTerminalSize *size);
CpdTerminalSize cpd_terminal_size_find (const char            *directory);

G_END_DECLS
