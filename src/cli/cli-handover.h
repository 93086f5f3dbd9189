/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/cli.h"

G_BEGIN_DECLS

/* Our own standard streams, given to a process in a container. */
typedef struct _CliHandover CliHandover;

/* NULL when they cannot be given away: its output can come here by way of a pipe of ours, but what is typed cannot go
 * there. Without WITH_INPUT its input is empty. */
CliHandover *cli_handover_new        (gboolean       with_input);
void         cli_handover_free       (CliHandover   *self);
/* The parameters of Start, and the descriptors that go with them. */
GVariant    *cli_handover_parameters (CliHandover   *self,
                                      GUnixFDList  **fds,
                                      GError       **error);
/* The process has them now. */
void         cli_handover_begin      (CliHandover   *self);
/* It has ended: passes on what has come to us of its output. */
void         cli_handover_end        (CliHandover   *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CliHandover, cli_handover_free)

G_END_DECLS
