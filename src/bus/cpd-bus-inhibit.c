/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-inhibit.h"

#include <gio/gunixfdlist.h>

#include "common/cpd-fs.h"

#define LOGIND "org.freedesktop.login1"
#define LOGIND_PATH "/org/freedesktop/login1"
#define LOGIND_MANAGER "org.freedesktop.login1.Manager"

struct _CpdBusInhibit
{
  CpdEngine *engine;            /* (owned) */
  GDBusConnection *connection;  /* (owned) */
  GCancellable *cancellable;    /* (owned) */
  guint watch;
  gboolean present;             /* there is a logind */
  gboolean wanted;
  gboolean asking;
  int fd;                       /* as long as it is open the inhibition holds; -1 for none */
};

static void
take (CpdBusInhibit *inhibit, GVariant *reply, GUnixFDList *fds)
{
  g_autoptr(GError) error = NULL;
  gint32 handle = -1;

  g_variant_get (reply, "(h)", &handle);
  if (fds != NULL && handle >= 0 && handle < g_unix_fd_list_get_length (fds))
    inhibit->fd = g_unix_fd_list_get (fds, handle, &error);
  if (error != NULL)
    g_info ("failed to keep what logind has given: %s", error->message);
}

static void
on_inhibited (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GUnixFDList) fds = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply =
    g_dbus_connection_call_with_unix_fd_list_finish (G_DBUS_CONNECTION (source), &fds, result, &error);
  CpdBusInhibit *inhibit = user_data;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;                     /* and the rest is gone */
  inhibit->asking = FALSE;
  if (reply != NULL)
    take (inhibit, reply, fds);
  else
    g_debug ("nobody puts the shutdown off: %s", error->message);
  if (!inhibit->wanted)
    cpd_close_fd (&inhibit->fd);
}

static void
ask (CpdBusInhibit *inhibit)
{
  inhibit->asking = TRUE;
  g_dbus_connection_call_with_unix_fd_list (inhibit->connection, LOGIND, LOGIND_PATH, LOGIND_MANAGER,
                                            "Inhibit",
                                            g_variant_new ("(ssss)", "shutdown", "cpod",
                                                           "A container or image is being changed", "delay"),
                                            G_VARIANT_TYPE ("(h)"), G_DBUS_CALL_FLAGS_NO_AUTO_START, -1,
                                            NULL, inhibit->cancellable, on_inhibited, inhibit);
}

static void
update (CpdBusInhibit *inhibit)
{
  if (!inhibit->wanted)
    cpd_close_fd (&inhibit->fd);
  else if (inhibit->present && inhibit->fd < 0 && !inhibit->asking)
    ask (inhibit);
}

static void
on_busy_changed (CpdEngine *engine, gboolean busy, gpointer user_data)
{
  CpdBusInhibit *inhibit = user_data;

  inhibit->wanted = busy;
  update (inhibit);
}

static void
on_appeared (GDBusConnection *connection, const char *name, const char *owner, gpointer user_data)
{
  CpdBusInhibit *inhibit = user_data;

  inhibit->present = TRUE;
  update (inhibit);
}

/* What it has handed out counts again when it comes back. */
static void
on_vanished (GDBusConnection *connection, const char *name, gpointer user_data)
{
  CpdBusInhibit *inhibit = user_data;

  inhibit->present = FALSE;
}

CpdBusInhibit *
cpd_bus_inhibit_new (CpdEngine *engine, GDBusConnection *connection)
{
  CpdBusInhibit *inhibit = g_new0 (CpdBusInhibit, 1);

  inhibit->engine = g_object_ref (engine);
  inhibit->connection = g_object_ref (connection);
  inhibit->cancellable = g_cancellable_new ();
  inhibit->fd = -1;
  inhibit->watch = g_bus_watch_name_on_connection (connection, LOGIND, G_BUS_NAME_WATCHER_FLAGS_NONE,
                                                   on_appeared, on_vanished, inhibit, NULL);
  g_signal_connect (engine, "busy-changed", G_CALLBACK (on_busy_changed), inhibit);
  return inhibit;
}

void
cpd_bus_inhibit_free (CpdBusInhibit *inhibit)
{
  if (inhibit == NULL)
    return;
  g_signal_handlers_disconnect_by_data (inhibit->engine, inhibit);
  g_bus_unwatch_name (inhibit->watch);
  g_cancellable_cancel (inhibit->cancellable);
  g_object_unref (inhibit->cancellable);
  cpd_close_fd (&inhibit->fd);
  g_object_unref (inhibit->connection);
  g_object_unref (inhibit->engine);
  g_free (inhibit);
}
