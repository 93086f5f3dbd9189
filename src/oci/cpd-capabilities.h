/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Whether NAME ("CAP_...") is one of those that a container gets by default. */
gboolean cpd_capability_is_default (const char *name);
/* The names of those in a set as the kernel has it; a number for one without a name. */
char   **cpd_capabilities_of_set   (guint64     set);

G_END_DECLS
