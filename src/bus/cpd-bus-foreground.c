/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-foreground.h"

#include <string.h>

#include "engine/exec/cpd-exec.h"
#include "public/cpod-error.h"

struct _CpdBusForeground
{
  CpdEngine *engine;            /* (owned) */
  GDBusConnection *connection;  /* (owned) (nullable) */
  gulong handler;
  GMutex mutex;
  GHashTable *sessions;         /* (owned): id → its caller's bus name, "" on a private connection; under the mutex */
};

/* Sessions whose caller has left. */
typedef struct
{
  CpdEngine *engine;            /* (owned) */
  GPtrArray *ids;               /* (owned) */
} Abandoned;

#define BUS_DAEMON "org.freedesktop.DBus"
#define BUS_DAEMON_PATH "/org/freedesktop/DBus"

/* A caller that another service has known. */
typedef struct
{
  CpdEngine *engine;            /* (owned) */
  GDBusConnection *connection;  /* (owned) */
  char *name;                   /* (owned) */
  GPtrArray *ids;               /* (owned): its sessions */
} Resumed;

static const char *
name_of (const CpdBusPeer *peer)
{
  const char *sender = cpd_bus_peer_get_sender (peer);

  return sender != NULL ? sender : "";
}

static void
on_event (CpdEngine *engine, const CpdEventRow *event, gpointer user_data)
{
  const char *id;

  if (strcmp (event->status, "exec_died") == 0 && event->attributes != NULL
      && g_variant_lookup (event->attributes, "exec-id", "&s", &id))
    cpd_bus_foreground_forget (user_data, id);
}

CpdBusForeground *
cpd_bus_foreground_new (CpdEngine *engine)
{
  CpdBusForeground *foreground = g_new0 (CpdBusForeground, 1);

  g_mutex_init (&foreground->mutex);
  foreground->engine = g_object_ref (engine);
  foreground->sessions = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  foreground->handler = g_signal_connect (engine, "event", G_CALLBACK (on_event), foreground);
  return foreground;
}

void
cpd_bus_foreground_free (CpdBusForeground *foreground)
{
  if (foreground == NULL)
    return;
  g_signal_handler_disconnect (foreground->engine, foreground->handler);
  g_hash_table_unref (foreground->sessions);
  g_clear_object (&foreground->connection);
  g_object_unref (foreground->engine);
  g_mutex_clear (&foreground->mutex);
  g_free (foreground);
}

/* Ends them one after the other; one that has ended meanwhile is as good. */
static gpointer
end_sessions (gpointer data)
{
  g_autofree Abandoned *abandoned = data;

  for (guint i = 0; i < abandoned->ids->len; i++)
    {
      const char *id = abandoned->ids->pdata[i];
      g_autoptr(GError) error = NULL;

      if (!cpd_engine_remove_exec (abandoned->engine, id, TRUE, &error)
          && !g_error_matches (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_EXEC_SESSION))
        g_message ("failed to end exec session %s, whose caller has left: %s", id, error->message);
    }
  g_ptr_array_unref (abandoned->ids);
  g_object_unref (abandoned->engine);
  return NULL;
}

static void
begin_end (CpdEngine *engine, GPtrArray *ids)
{
  Abandoned *abandoned = g_new0 (Abandoned, 1);

  abandoned->engine = g_object_ref (engine);
  abandoned->ids = g_ptr_array_ref (ids);
  g_thread_unref (g_thread_new ("cpd-abandon", end_sessions, abandoned));
}

static gboolean
take (CpdBusForeground *foreground, const char *name, GPtrArray *ids)
{
  GHashTableIter iter;
  gpointer id, caller;

  g_mutex_lock (&foreground->mutex);
  g_hash_table_iter_init (&iter, foreground->sessions);
  while (g_hash_table_iter_next (&iter, &id, &caller))
    if (strcmp (caller, name) == 0)
      {
        g_ptr_array_add (ids, g_strdup (id));
        g_hash_table_iter_remove (&iter);
      }
  g_mutex_unlock (&foreground->mutex);
  return ids->len > 0;
}

void
cpd_bus_foreground_abandon (CpdBusForeground *foreground, const CpdBusPeer *peer)
{
  g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);

  if (take (foreground, name_of (peer), ids))
    begin_end (foreground->engine, ids);
}

void
cpd_bus_foreground_add (CpdBusForeground *foreground, CpdBusPeer *peer, const char *id)
{
  g_autoptr(GPtrArray) ids = NULL;

  g_mutex_lock (&foreground->mutex);
  g_hash_table_replace (foreground->sessions, g_strdup (id), g_strdup (name_of (peer)));
  g_mutex_unlock (&foreground->mutex);
  if (!g_cancellable_is_cancelled (cpd_bus_peer_get_cancellable (peer)))
    return;
  ids = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (ids, g_strdup (id));
  cpd_bus_foreground_forget (foreground, id);
  begin_end (foreground->engine, ids);
}

void
cpd_bus_foreground_forget (CpdBusForeground *foreground, const char *id)
{
  g_mutex_lock (&foreground->mutex);
  g_hash_table_remove (foreground->sessions, id);
  g_mutex_unlock (&foreground->mutex);
}

void
cpd_bus_foreground_bind (CpdBusForeground *foreground, GDBusConnection *connection)
{
  foreground->connection = g_object_ref (connection);
}

/* A bus gives no name twice, and each has an id of its own. */
char *
cpd_bus_foreground_describe (CpdBusForeground *foreground, const CpdBusPeer *peer)
{
  return g_strconcat (g_dbus_connection_get_guid (foreground->connection), " ", name_of (peer), NULL);
}

static void
resumed_free (gpointer data)
{
  Resumed *resumed = data;

  g_object_unref (resumed->engine);
  g_object_unref (resumed->connection);
  g_free (resumed->name);
  g_ptr_array_unref (resumed->ids);
  g_free (resumed);
}

static void
on_has_owner (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Resumed *resumed = user_data;
  g_autoptr(GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, NULL);
  gboolean has_owner = TRUE;

  if (reply != NULL)
    g_variant_get (reply, "(b)", &has_owner);
  if (!has_owner)
    begin_end (resumed->engine, resumed->ids);
  resumed_free (resumed);
}

/* One that is known from now on is told of when it leaves. An error may have another reason than that it has left. */
static void
on_peer (CpdBusPeer *peer, const GError *error, gpointer user_data)
{
  Resumed *resumed = user_data;

  if (peer != NULL)
    {
      resumed_free (resumed);
      return;
    }
  g_dbus_connection_call (resumed->connection, BUS_DAEMON, BUS_DAEMON_PATH, BUS_DAEMON, "NameHasOwner",
                          g_variant_new ("(s)", resumed->name), G_VARIANT_TYPE ("(b)"), G_DBUS_CALL_FLAGS_NONE, -1,
                          NULL, on_has_owner, resumed);
}

/* The name that CALLER has on this bus, or NULL for one of another bus, or of a private connection. */
static const char *
name_here (CpdBusForeground *foreground, const char *caller)
{
  const char *guid = g_dbus_connection_get_guid (foreground->connection);
  const char *name = strchr (caller, ' ');

  if (name == NULL || strncmp (caller, guid, (gsize) (name - caller)) != 0 || guid[name - caller] != '\0')
    return NULL;
  return g_dbus_is_unique_name (name + 1) ? name + 1 : NULL;
}

static void
resume_one (CpdBusForeground *foreground, CpdBusPeers *peers, const char *id, const char *caller)
{
  const char *name = name_here (foreground, caller);
  g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);
  Resumed *resumed;

  g_ptr_array_add (ids, g_strdup (id));
  if (name == NULL)
    {
      begin_end (foreground->engine, ids);
      return;
    }
  g_mutex_lock (&foreground->mutex);
  g_hash_table_replace (foreground->sessions, g_strdup (id), g_strdup (name));
  g_mutex_unlock (&foreground->mutex);
  resumed = g_new0 (Resumed, 1);
  resumed->engine = g_object_ref (foreground->engine);
  resumed->connection = g_object_ref (foreground->connection);
  resumed->name = g_strdup (name);
  resumed->ids = g_steal_pointer (&ids);
  cpd_bus_peers_get (peers, name, on_peer, resumed);
}

void
cpd_bus_foreground_resume (CpdBusForeground *foreground, CpdBusPeers *peers)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GHashTable) sessions = cpd_engine_get_foreground_execs (foreground->engine, &error);
  GHashTableIter iter;
  gpointer id, caller;

  if (sessions == NULL)
    {
      g_message ("failed to find the exec sessions that end with their callers: %s", error->message);
      return;
    }
  g_hash_table_iter_init (&iter, sessions);
  while (g_hash_table_iter_next (&iter, &id, &caller))
    resume_one (foreground, peers, id, caller);
}
