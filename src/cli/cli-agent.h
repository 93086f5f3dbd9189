/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/cli.h"

G_BEGIN_DECLS

/* Lets polkit ask on the terminal, where there is one and nothing else that asks. Nothing happens where that cannot be. */
void cli_agent_begin (CliApp *app);
void cli_agent_end   (void);

G_END_DECLS
