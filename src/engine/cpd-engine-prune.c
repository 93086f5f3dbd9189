/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/cpd-engine-private.h"
#include "public/cpod-error.h"

static void
pruned_free (gpointer data)
{
  CpdPruned *pruned = data;

  g_clear_error (&pruned->error);
  g_free (pruned->id);
  g_free (pruned);
}

/* libpod prunes what is created (never started or initialised), stopped or exited. */
static GPtrArray *
find_candidates (CpdEngine *engine, const CpdPruneFilter *filter, GError **error)
{
  static const char *const states[] = { "configured", "created", "stopped", "exited", NULL };
  CpdContainerQuery query = {
    .all = TRUE, .states = (char **) states, .labels = filter->labels,
  };

  return cpd_store_list_containers (engine->store, &query, error);
}

/* Its size first: afterwards there is nothing to measure. */
static CpdPruned *
prune_one (CpdEngine *engine, const char *id, gboolean dry_run, const CpdCaller *caller)
{
  CpdPruned *pruned = g_new0 (CpdPruned, 1);

  pruned->id = g_strdup (id);
  pruned->bytes = cpd_storage_measure_rw (engine->storage, id);
  if (!dry_run)
    cpd_engine_remove_container (engine, id, FALSE, -1, caller, &pruned->error);
  return pruned;
}

GPtrArray *
cpd_engine_prune_containers (CpdEngine *engine, const CpdPruneFilter *filter, gboolean dry_run,
                             const CpdCaller *caller, GCancellable *cancellable, GError **error)
{
  g_autoptr(GPtrArray) rows = find_candidates (engine, filter, error);
  g_autoptr(GPtrArray) result = g_ptr_array_new_with_free_func (pruned_free);

  if (rows == NULL)
    return NULL;
  for (guint i = 0; i < rows->len && !g_cancellable_is_cancelled (cancellable); i++)
    {
      CpdContainerRow *row = rows->pdata[i];
      CpdPruned *pruned;

      if (filter->until > 0 && row->created >= filter->until)
        continue;
      pruned = prune_one (engine, row->id, dry_run, caller);
      /* That somebody else has removed it meanwhile is neither our doing nor an error. */
      if (g_error_matches (pruned->error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER))
        pruned_free (pruned);
      else
        g_ptr_array_add (result, pruned);
    }
  return g_steal_pointer (&result);
}
