/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/cpd-engine-private.h"
#include "public/cpod-error.h"

/* How many containers are waited for at once. */
#define MAX_AT_ONCE 64

/* One that was being started while the others were stopped is found by another look. */
#define MAX_LOOKS 3

/* How long steps that were under way may take until that look. */
#define SETTLE_US (10 * G_USEC_PER_SEC)

/* All containers that run are being stopped. */
typedef struct
{
  CpdEngine *engine;            /* (unowned) */
  gint64 timeout;
  const CpdCaller *caller;
  GPtrArray *rows;              /* (owned) of CpdContainerRow: those of this look */
  GHashTable *tried;            /* (owned): id → CpdStopped (unowned) */
  GPtrArray *result;            /* (owned) of CpdStopped */
} CpdStopAll;

static void
stopped_free (gpointer data)
{
  CpdStopped *stopped = data;

  g_clear_error (&stopped->error);
  g_free (stopped->id);
  g_free (stopped);
}

static void
stop_all_clear (CpdStopAll *all)
{
  g_clear_pointer (&all->rows, g_ptr_array_unref);
  g_clear_pointer (&all->tried, g_hash_table_unref);
  g_clear_pointer (&all->result, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CpdStopAll, stop_all_clear)

static void
stop_one (gpointer data, gpointer user_data)
{
  CpdStopped *stopped = data;
  const CpdStopAll *all = user_data;

  /* One that is removed when it ends may be gone before its end is noticed here. */
  if (!cpd_engine_stop_container (all->engine, stopped->id, all->timeout, all->caller, &stopped->error)
      && g_error_matches (stopped->error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER))
    g_clear_error (&stopped->error);
}

/* Those that run and have not been tried in vain. */
static gboolean
look_for_more (CpdStopAll *all, GError **error)
{
  static const char *const states[] = { "created", "running", "paused", "stopping", NULL };
  CpdContainerQuery query = { .all = TRUE, .states = (char **) states };

  g_clear_pointer (&all->rows, g_ptr_array_unref);
  all->rows = cpd_store_list_containers (all->engine->store, &query, error);
  if (all->rows == NULL)
    return FALSE;
  for (guint i = all->rows->len; i > 0; i--)
    {
      const CpdContainerRow *row = all->rows->pdata[i - 1];
      const CpdStopped *before = g_hash_table_lookup (all->tried, row->id);

      if (before != NULL && before->error != NULL)
        g_ptr_array_remove_index_fast (all->rows, i - 1);
    }
  return TRUE;
}

static void
stop_these (CpdStopAll *all)
{
  GThreadPool *pool = g_thread_pool_new (stop_one, all, MAX_AT_ONCE, FALSE, NULL);

  for (guint i = 0; i < all->rows->len; i++)
    {
      const CpdContainerRow *row = all->rows->pdata[i];
      CpdStopped *stopped = g_hash_table_lookup (all->tried, row->id);

      if (stopped == NULL)
        {
          stopped = g_new0 (CpdStopped, 1);
          stopped->id = g_strdup (row->id);
          g_ptr_array_add (all->result, stopped);
          g_hash_table_insert (all->tried, stopped->id, stopped);
        }
      g_thread_pool_push (pool, stopped, NULL);
    }
  g_thread_pool_free (pool, FALSE, TRUE);
}

GPtrArray *
cpd_engine_stop_all (CpdEngine *engine, gint64 timeout, const CpdCaller *caller, GError **error)
{
  g_auto(CpdStopAll) all = {
    .engine = engine, .timeout = timeout, .caller = caller,
    .tried = g_hash_table_new (g_str_hash, g_str_equal),
    .result = g_ptr_array_new_with_free_func (stopped_free),
  };

  cpd_engine_forget_restarts (engine);
  for (guint looks = 0; looks < MAX_LOOKS; looks++)
    {
      if (!look_for_more (&all, error))
        return NULL;
      if (all.rows->len == 0 && looks > 0)
        break;
      stop_these (&all);
      cpd_holds_wait_none (engine->holds, SETTLE_US);
    }
  return g_steal_pointer (&all.result);
}

GPtrArray *
cpd_engine_end_with_machine (CpdEngine *engine, GError **error)
{
  g_atomic_int_set (&engine->machine_ends, TRUE);
  return cpd_engine_stop_all (engine, -1, CPD_CALLER_SELF, error);
}
