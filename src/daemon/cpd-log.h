/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

void cpd_log_init (gboolean verbose,
                   gboolean private);

G_END_DECLS
