/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Whether NAME ("CAP_...") is one of those that a container gets by default. */
gboolean cpd_capability_is_default (const char *name);

G_END_DECLS
