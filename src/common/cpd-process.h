/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <sys/types.h>

G_BEGIN_DECLS

gint64   cpd_process_start_time (pid_t         pid);
gboolean cpd_process_is         (pid_t         pid,
                                 gint64        start_time);
int      cpd_process_open       (pid_t         pid,
                                 gint64        start_time);
gboolean cpd_process_signal     (pid_t         pid,
                                 gint64        start_time,
                                 int           signal_number,
                                 GError      **error);
gboolean cpd_process_run        (const char  *const *argv,
                                 guint         timeout_ms,
                                 char        **output,
                                 GError      **error);
char    *cpd_process_unit       (pid_t         pid);
char    *cpd_process_find       (const char  *const *candidates);

G_END_DECLS
