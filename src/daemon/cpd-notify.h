/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

void   cpd_notify_init         (void);
/* Whether there is a service manager that wants to know. */
gboolean cpd_notify_is_wanted  (void);
/* How often it wants WATCHDOG=1 at least, in µs; 0 when it does not. */
gint64 cpd_notify_get_watchdog (void);
/* Any thread; waits until it is taken. */
void   cpd_notify              (const char *state);
/* What will be told again, so that it need not be waited for. */
void   cpd_notify_again        (const char *state);
/* Says what the service does, in a few words. */
void   cpd_notify_status       (const char *format,
                                ...) G_GNUC_PRINTF (1, 2);

G_END_DECLS
