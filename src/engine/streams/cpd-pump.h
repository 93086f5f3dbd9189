/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "engine/cpd-engine.h"

G_BEGIN_DECLS

/*
 * What fills a pipe that a client reads, in a thread of its own. All that is
 * ever held for a client that does not read is what the pipe holds: its thread
 * waits, and nobody else does. A client that has gone ends it.
 */
typedef struct _CpdPump CpdPump;

/* The pipe is closed, and USER_DATA is freed, when it returns. */
typedef void (*CpdPumpFunc) (CpdPump  *pump,
                             gpointer  user_data);

/* The reading end, or -1; takes USER_DATA in any case. WHAT is for errors: LIMITS_EXCEEDED if UID has too many. */
int      cpd_pump_start (CpdEngine      *engine,
                         guint32         uid,
                         const char     *what,
                         CpdPumpFunc     func,
                         gpointer        user_data,
                         GDestroyNotify  destroy,
                         GError        **error);
/* FALSE when nobody reads any more. */
gboolean cpd_pump_write (CpdPump        *pump,
                         const char     *data,
                         gsize           length);
/* With a newline. */
gboolean cpd_pump_write_line (CpdPump   *pump,
                         const char     *line);
/* Waits until FD (-1 for none) can be read from, or the time is over (-1 for never); FALSE when nobody reads any more. */
gboolean cpd_pump_wait  (CpdPump        *pump,
                         int             fd,
                         int             timeout_ms);

G_END_DECLS
