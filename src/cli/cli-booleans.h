/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Words such as --force=false, which podman knows and GOption takes for --force: they become --force, nothing, or
 * the option that says the contrary (--no-NAME). Ends at the first argument when OPTIONS_FIRST.
 */
gboolean cli_settle_booleans (const GOptionEntry *entries,
                              gboolean            options_first,
                              int                *argc,
                              char              **argv,
                              GError            **error);

G_END_DECLS
