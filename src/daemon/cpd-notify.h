/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

void cpd_notify_init (void);
void cpd_notify      (const char *state);

G_END_DECLS
