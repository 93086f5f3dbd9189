/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/cli.h"

G_BEGIN_DECLS

/* Our own terminal, while that of a container is shown on it. */
typedef struct _CliTerminal CliTerminal;

/* KEYS is the sequence to detach with, such as "ctrl-p,ctrl-q", or "" for none; NULL is that of the configuration.
 * Nothing is done to a standard input that is no terminal. */
CliTerminal *cli_terminal_new       (CliApp       *app,
                                     const char   *keys,
                                     GError      **error);
/* Every key goes to the container from now on, if there is input, and output is as it comes; until it is freed. */
void         cli_terminal_begin     (CliTerminal  *self,
                                     gboolean      with_input);
void         cli_terminal_free      (CliTerminal  *self);
/* FALSE when there is no terminal that has a size. */
gboolean     cli_terminal_get_size  (guint32      *rows,
                                     guint32      *columns);
/* Appends to OUT what of INPUT is for the container; TRUE when the sequence to detach with is complete. */
gboolean     cli_terminal_filter    (CliTerminal  *self,
                                     const char   *input,
                                     gsize         length,
                                     GString      *out);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CliTerminal, cli_terminal_free)

#define CLI_DETACH_KEYS_MAX 64

/* "a", "ctrl-p" and the like, parted by commas, as bytes; NULL with an error for anything else. */
GBytes      *cli_terminal_parse_keys (const char  *keys,
                                      GError     **error);

G_END_DECLS
