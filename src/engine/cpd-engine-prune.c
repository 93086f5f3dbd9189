/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/cpd-engine-private.h"
#include "public/cpod-error.h"
#include "store/cpd-store-dependencies.h"

void
cpd_pruned_free (CpdPruned *pruned)
{
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
    .namespace = filter->namespace, .until = filter->until,
  };

  return cpd_store_list_containers (engine->store, &query, error);
}

/* What depends on each container, by ids that PAIRS own. */
static GHashTable *
index_dependents (GPtrArray *pairs)
{
  GHashTable *index = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) g_ptr_array_unref);

  for (guint i = 0; i < pairs->len; i++)
    {
      const CpdDependencyRow *pair = pairs->pdata[i];
      GPtrArray *dependents = g_hash_table_lookup (index, pair->depends_on);

      if (dependents == NULL)
        {
          dependents = g_ptr_array_new ();
          g_hash_table_insert (index, pair->depends_on, dependents);
        }
      g_ptr_array_add (dependents, pair->id);
    }
  return index;
}

static gboolean
all_chosen (GPtrArray *dependents, GHashTable *chosen)
{
  for (guint i = 0; dependents != NULL && i < dependents->len; i++)
    if (!g_hash_table_contains (chosen, dependents->pdata[i]))
      return FALSE;
  return TRUE;
}

/*
 * Those of CANDIDATES that nothing depends on which stays, what depends on
 * others first. One round is enough, but for what a repair has put into
 * another order: a container is newer than what it depends on.
 */
static GPtrArray *
choose (GPtrArray *candidates, GHashTable *dependents)
{
  g_autoptr(GHashTable) chosen = g_hash_table_new (g_str_hash, g_str_equal);
  GPtrArray *ids = g_ptr_array_new_with_free_func (g_free);
  guint before;

  do
    {
      before = ids->len;
      for (guint i = 0; i < candidates->len; i++)
        {
          const CpdContainerRow *row = candidates->pdata[i];

          if (!g_hash_table_contains (chosen, row->id)
              && all_chosen (g_hash_table_lookup (dependents, row->id), chosen))
            {
              g_hash_table_add (chosen, row->id);
              g_ptr_array_add (ids, g_strdup (row->id));
            }
        }
    }
  while (ids->len > before && ids->len < candidates->len);
  return ids;
}

static GPtrArray *
find_prunable (CpdEngine *engine, const CpdPruneFilter *filter, GError **error)
{
  g_autoptr(GPtrArray) candidates = find_candidates (engine, filter, error);
  g_autoptr(GPtrArray) pairs = NULL;
  g_autoptr(GHashTable) dependents = NULL;

  if (candidates == NULL)
    return NULL;
  pairs = cpd_store_list_all_dependencies (engine->store, error);
  if (pairs == NULL)
    return NULL;
  dependents = index_dependents (pairs);
  return choose (candidates, dependents);
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
  g_autoptr(GPtrArray) ids = find_prunable (engine, filter, error);
  g_autoptr(GPtrArray) result = g_ptr_array_new_with_free_func ((GDestroyNotify) cpd_pruned_free);

  if (ids == NULL)
    return NULL;
  for (guint i = 0; i < ids->len && !g_cancellable_is_cancelled (cancellable); i++)
    {
      CpdPruned *pruned = prune_one (engine, ids->pdata[i], dry_run, caller);

      /* That somebody else has removed it meanwhile is neither our doing nor an error. */
      if (g_error_matches (pruned->error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER))
        cpd_pruned_free (pruned);
      else
        g_ptr_array_add (result, pruned);
    }
  return g_steal_pointer (&result);
}
