/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/streams/cpd-pump.h"
#include "engine/streams/cpd-stats.h"
#include "public/cpod-error.h"

typedef struct
{
  CpdEngine *engine;            /* (owned) */
  GPtrArray *ids;               /* (owned) (nullable): with a NULL at the end */
  char *namespace;              /* (owned) (nullable) */
  guint interval_ms;
} CpdStatsStream;

static void
stream_free (CpdStatsStream *stream)
{
  g_clear_pointer (&stream->ids, g_ptr_array_unref);
  g_free (stream->namespace);
  g_object_unref (stream->engine);
  g_free (stream);
}

static const char *const *
get_ids (const CpdStatsStream *stream)
{
  return stream->ids != NULL ? (const char *const *) stream->ids->pdata : NULL;
}

/* Leaves out those that have been removed; FALSE when none is left. */
static gboolean
drop_removed (CpdStatsStream *stream)
{
  CpdStore *store = cpd_engine_get_store (stream->engine);

  if (stream->ids == NULL)
    return TRUE;
  for (guint i = stream->ids->len - 1; i-- > 0;)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(CpdContainerRow) row = cpd_store_get_container (store, stream->ids->pdata[i], &error);

      if (g_error_matches (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER))
        g_ptr_array_remove_index (stream->ids, i);
    }
  return stream->ids->len > 1;
}

/* What is held up by its reader is not made up for: the next sample is of then. */
static void
run (CpdPump *pump, gpointer user_data)
{
  CpdStatsStream *stream = user_data;
  g_autoptr(GPtrArray) before = NULL;

  while (drop_removed (stream))
    {
      GPtrArray *now = cpd_engine_get_stats (stream->engine, get_ids (stream), stream->namespace, before, NULL);

      if (now != NULL)          /* else one was removed just now */
        {
          g_autofree char *line = cpd_stats_to_json (now);

          g_clear_pointer (&before, g_ptr_array_unref);
          before = now;
          if (!cpd_pump_write_line (pump, line))
            return;
        }
      if (!cpd_pump_wait (pump, -1, (int) stream->interval_ms))
        return;
    }
}

int
cpd_engine_stream_stats (CpdEngine *engine, guint32 uid, const char *const *ids, const char *namespace,
                         guint interval_ms, GError **error)
{
  g_autoptr(GPtrArray) first = cpd_engine_get_stats (engine, ids, namespace, NULL, error);
  CpdStatsStream *stream;

  if (first == NULL)
    return -1;
  stream = g_new0 (CpdStatsStream, 1);
  stream->engine = g_object_ref (engine);
  stream->namespace = g_strdup (namespace);
  stream->interval_ms = interval_ms;
  if (ids != NULL)
    {
      stream->ids = g_ptr_array_new_with_free_func (g_free);
      for (; *ids != NULL; ids++)
        g_ptr_array_add (stream->ids, g_strdup (*ids));
      g_ptr_array_add (stream->ids, NULL);
    }
  return cpd_pump_start (engine, uid, "statistics", run, stream, (GDestroyNotify) stream_free, error);
}
