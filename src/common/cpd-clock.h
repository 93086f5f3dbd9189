/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

gint64  cpd_clock_now     (void);
char   *cpd_clock_format  (gint64      time_us);
gint64  cpd_clock_parse   (const char *text);
char   *cpd_clock_boot_id (void);

G_END_DECLS
