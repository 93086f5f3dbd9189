/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-foreground.h"

#include <string.h>

#include "engine/exec/cpd-exec.h"
#include "public/cpod-error.h"

struct _CpdBusForeground
{
  CpdEngine *engine;            /* (owned) */
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
begin_end (CpdBusForeground *foreground, GPtrArray *ids)
{
  Abandoned *abandoned = g_new0 (Abandoned, 1);

  abandoned->engine = g_object_ref (foreground->engine);
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
    begin_end (foreground, ids);
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
  begin_end (foreground, ids);
}

void
cpd_bus_foreground_forget (CpdBusForeground *foreground, const char *id)
{
  g_mutex_lock (&foreground->mutex);
  g_hash_table_remove (foreground->sessions, id);
  g_mutex_unlock (&foreground->mutex);
}
