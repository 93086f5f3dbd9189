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

/*
 * Waits until the monitor has accepted FD, which is connected to it. conmon
 * accepts one client in each turn of its loop and may read from the container
 * in the same turn, so of two clients that wait the second would miss that. As
 * long as another client holds conmon up in a write it accepts nobody, so this
 * does not wait for long.
 */
void     cpd_conmon_await_accepted (int fd);

G_END_DECLS
