/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* What a PROCESS of the runtime spec says of its terminal; no ROWS: its size is not known. */
void cpd_terminal_spec_set (JsonObject *process,
                            gboolean    terminal,
                            guint       rows,
                            guint       columns);

G_END_DECLS
