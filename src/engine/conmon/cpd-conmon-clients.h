/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <sys/types.h>

G_BEGIN_DECLS

/*
 * Ends the writing to all clients that are attached to the monitor PID. A
 * client that does not read holds conmon up in a write, and with it the news
 * of the exit.
 */
gboolean cpd_conmon_drop_clients (pid_t    pid,
                                  gint64   start_time,
                                  GError **error);

G_END_DECLS
