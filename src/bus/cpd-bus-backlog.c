/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-backlog.h"

#define BUS_DAEMON "org.freedesktop.DBus"
#define BUS_DAEMON_PATH "/org/freedesktop/DBus"
#define STATS "org.freedesktop.DBus.Debug.Stats"

/* How often the bus is asked: each time when this part of what there may be was sent, or so, and when signals are held back. */
#define LOOKS 8
#define LOOK_EVERY_MS 500

/* What a header has. */
#define HEADER_SIZE 256

struct _CpdBusBacklog
{
  GDBusConnection *connection;  /* (owned) */
  const CpdBusBacklogFuncs *funcs;      /* (unowned) */
  gpointer user_data;
  gsize max;
  gsize sent;                   /* since the bus was asked last */
  gboolean held;
  gboolean resuming;
  gboolean asking;
  gboolean mute;                /* the bus does not tell */
  guint timer;
  GCancellable *cancellable;    /* (owned) */
};

static void ask (CpdBusBacklog *backlog);

static gboolean
on_timer (gpointer user_data)
{
  CpdBusBacklog *backlog = user_data;

  backlog->timer = 0;
  ask (backlog);
  return G_SOURCE_REMOVE;
}

static void
hold (CpdBusBacklog *backlog, guint32 bytes)
{
  g_message ("clients of the bus have not read %u bytes of what was sent: signals are held back", bytes);
  backlog->held = TRUE;
  backlog->funcs->held (backlog->user_data);
}

static void
resume (CpdBusBacklog *backlog)
{
  gboolean all;

  backlog->resuming = TRUE;
  all = backlog->funcs->resume (backlog->user_data);
  backlog->resuming = FALSE;
  if (!all)
    return;
  backlog->held = FALSE;
  g_message ("signals are sent again");
}

static void
judge (CpdBusBacklog *backlog, guint32 bytes)
{
  if (!backlog->held && bytes >= backlog->max)
    hold (backlog, bytes);
  else if (backlog->held && bytes < backlog->max / 2)
    resume (backlog);
  if (backlog->held && backlog->timer == 0)
    backlog->timer = g_timeout_add (LOOK_EVERY_MS, on_timer, backlog);
}

static void
on_stats (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  g_autoptr(GVariant) stats = NULL;
  CpdBusBacklog *backlog = user_data;
  guint32 bytes;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  backlog->asking = FALSE;
  if (reply != NULL)
    stats = g_variant_get_child_value (reply, 0);
  if (stats != NULL && g_variant_lookup (stats, "IncomingBytes", "u", &bytes))
    {
      judge (backlog, bytes);
      return;
    }
  /* Not all buses have it: dbus-broker parts from who does not read. */
  backlog->mute = TRUE;
  g_debug ("the bus does not tell what is unread: %s", error != NULL ? error->message : "no such number");
}

static void
ask (CpdBusBacklog *backlog)
{
  if (backlog->asking || backlog->mute)
    return;
  backlog->asking = TRUE;
  backlog->sent = 0;
  g_dbus_connection_call (backlog->connection, BUS_DAEMON, BUS_DAEMON_PATH, STATS, "GetConnectionStats",
                          g_variant_new ("(s)", g_dbus_connection_get_unique_name (backlog->connection)),
                          G_VARIANT_TYPE ("(a{sv})"), G_DBUS_CALL_FLAGS_NONE, -1, backlog->cancellable,
                          on_stats, backlog);
}

void
cpd_bus_backlog_add (CpdBusBacklog *backlog, gsize bytes)
{
  if (backlog == NULL)
    return;
  backlog->sent += bytes + HEADER_SIZE;
  if (backlog->sent >= backlog->max / LOOKS)
    ask (backlog);
}

gboolean
cpd_bus_backlog_is_held (CpdBusBacklog *backlog)
{
  return backlog != NULL && backlog->held && !backlog->resuming;
}

CpdBusBacklog *
cpd_bus_backlog_new (GDBusConnection *connection, gint64 max, const CpdBusBacklogFuncs *funcs, gpointer user_data)
{
  CpdBusBacklog *backlog;

  if (max <= 0 || g_dbus_connection_get_unique_name (connection) == NULL)
    return NULL;
  backlog = g_new0 (CpdBusBacklog, 1);
  backlog->connection = g_object_ref (connection);
  backlog->funcs = funcs;
  backlog->user_data = user_data;
  backlog->max = (gsize) max;
  backlog->cancellable = g_cancellable_new ();
  return backlog;
}

void
cpd_bus_backlog_free (CpdBusBacklog *backlog)
{
  if (backlog == NULL)
    return;
  g_clear_handle_id (&backlog->timer, g_source_remove);
  g_cancellable_cancel (backlog->cancellable);
  g_object_unref (backlog->cancellable);
  g_object_unref (backlog->connection);
  g_free (backlog);
}
