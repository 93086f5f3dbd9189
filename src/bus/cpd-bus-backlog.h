/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * What the bus has taken from us and others have not read yet. A bus does not
 * read from a connection any more once that is too much, so a single subscriber
 * that is stopped could stop the service. Before it comes to that, signals are
 * held back.
 */
typedef struct _CpdBusBacklog CpdBusBacklog;

typedef struct
{
  void (*held) (gpointer user_data);
  /* Tells a part of what was held back; TRUE if that was all. */
  gboolean (*resume) (gpointer user_data);
} CpdBusBacklogFuncs;

CpdBusBacklog *cpd_bus_backlog_new     (GDBusConnection          *connection,
                                        gint64                    max,
                                        const CpdBusBacklogFuncs *funcs,
                                        gpointer                  user_data);
void           cpd_bus_backlog_free    (CpdBusBacklog            *backlog);
/* Something of so many bytes was sent. */
void           cpd_bus_backlog_add     (CpdBusBacklog            *backlog,
                                        gsize                     bytes);
gboolean       cpd_bus_backlog_is_held (CpdBusBacklog            *backlog);

G_END_DECLS
