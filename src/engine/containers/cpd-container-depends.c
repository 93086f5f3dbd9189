/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "common/cpd-fault.h"
#include "engine/cpd-engine-private.h"
#include "public/cpod-error.h"
#include "store/cpd-store-dependencies.h"

/*
 * A container may need others to run. Those run before it starts, and stay
 * while it is there. What a container depends on is settled when it is
 * created, so no circle can come about but by damage.
 */

/* How many containers an error names. */
#define NAMES_MAX 10

char **
cpd_engine_resolve_dependencies (CpdEngine *engine, GVariant *options, const char *namespace,
                                 GError **error)
{
  g_autoptr(GStrvBuilder) ids = g_strv_builder_new ();
  g_autoptr(GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_auto(GStrv) names = NULL;

  g_variant_lookup (options, "depends", "^as", &names);
  for (char **name = names; name != NULL && *name != NULL; name++)
    {
      char *id = cpd_engine_find_container (engine, *name, namespace, error);

      if (id == NULL)
        {
          g_prefix_error (error, "option 'depends': ");
          return NULL;
        }
      if (g_hash_table_add (seen, id))
        g_strv_builder_add (ids, id);
    }
  return g_strv_builder_end (ids);
}

gboolean
cpd_engine_check_dependencies (CpdEngine *engine, CpdTransaction *tx, const CpdContainerRow *row,
                               GError **error)
{
  for (char **id = row->depends; id != NULL && *id != NULL; id++)
    if (cpd_engine_is_going (engine, *id))
      {
        g_set_error (error, CPOD_ERROR, CPOD_ERROR_BEING_REMOVED,
                     "option 'depends': container %s is being removed", *id);
        return FALSE;
      }
  return cpd_store_check_dependencies (tx, row, error);
}

/* The order in which a container and all that it depends on are started. */
typedef struct
{
  CpdEngine *engine;            /* (unowned) */
  GHashTable *done;             /* (owned): ids that are in the order */
  GPtrArray *path;              /* (owned): rows from the container to where the walk is */
  GPtrArray *order;             /* (owned): ids */
} Walk;

static void
walk_clear (Walk *walk)
{
  g_clear_pointer (&walk->done, g_hash_table_unref);
  g_clear_pointer (&walk->path, g_ptr_array_unref);
  g_clear_pointer (&walk->order, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Walk, walk_clear)

/* Whether ID is on the way to where the walk is; the error names those from there on. */
static gboolean
closes_circle (const Walk *walk, const char *id, GError **error)
{
  g_autoptr(GString) names = g_string_new (NULL);
  const char *first = NULL;

  for (guint i = 0; i < walk->path->len; i++)
    {
      const CpdContainerRow *row = walk->path->pdata[i];

      if (first == NULL && strcmp (row->id, id) != 0)
        continue;
      if (first == NULL)
        first = row->name;
      g_string_append_printf (names, "%s → ", row->name);
    }
  if (first == NULL)
    return FALSE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_BAD_DEPENDENCY, "containers depend on each other: %s%s",
               names->str, first);
  return TRUE;
}

static CpdContainerRow *
get_needed (const Walk *walk, const char *id, GError **error)
{
  const CpdContainerRow *needy = walk->path->len > 0 ? walk->path->pdata[walk->path->len - 1] : NULL;
  g_autoptr(GError) failure = NULL;
  CpdContainerRow *row = cpd_engine_get_container (walk->engine, id, &failure);

  if (row == NULL && needy != NULL && g_error_matches (failure, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER))
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_BAD_DEPENDENCY,
                 "container %s depends on container %s, which does not exist", needy->name, id);
  else if (row == NULL)
    g_propagate_error (error, g_steal_pointer (&failure));
  return row;
}

static gboolean
visit (Walk *walk, const char *id, GError **error)
{
  g_autoptr(CpdContainerRow) row = NULL;

  if (g_hash_table_contains (walk->done, id))
    return TRUE;
  if (closes_circle (walk, id, error))
    return FALSE;
  row = get_needed (walk, id, error);
  if (row == NULL)
    return FALSE;
  g_ptr_array_add (walk->path, row);
  for (char **needed = row->depends; needed != NULL && *needed != NULL; needed++)
    if (!visit (walk, *needed, error))
      return FALSE;
  g_ptr_array_set_size (walk->path, (int) walk->path->len - 1);
  g_hash_table_add (walk->done, g_strdup (id));
  g_ptr_array_add (walk->order, g_strdup (id));
  return TRUE;
}

static gboolean
start_one (CpdEngine *engine, const char *id, gboolean even_stopped, const CpdCaller *caller,
           GError **error)
{
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "start");
  g_autoptr(CpdContainerRow) row = cpd_engine_get_container (engine, id, error);

  if (row == NULL)
    return FALSE;
  if (row->status.state == CPD_CONTAINER_RUNNING)
    return TRUE;
  if (!even_stopped && row->status.stopped_by_user)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_STATE, "container %s was stopped by somebody",
                   row->name);
      return FALSE;
    }
  if (!cpd_engine_start_locked (engine, id, 0, caller, error))
    return FALSE;
  cpd_fault_point ("start-dependency.started");
  return TRUE;
}

gboolean
cpd_engine_start_dependencies (CpdEngine *engine, const char *id, gboolean even_stopped,
                               const CpdCaller *caller, GError **error)
{
  g_auto(Walk) walk = {
    .engine = engine, .done = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL),
    .path = g_ptr_array_new (), .order = g_ptr_array_new_with_free_func (g_free),
  };

  if (!visit (&walk, id, error))
    {
      g_prefix_error (error, "failed to start container %s: ", id);
      return FALSE;
    }
  for (guint i = 0; i + 1 < walk.order->len; i++)
    if (!start_one (engine, walk.order->pdata[i], even_stopped, caller, error))
      {
        g_prefix_error (error, "failed to start what container %s depends on: ", id);
        return FALSE;
      }
  return TRUE;
}

gboolean
cpd_engine_dependencies_run (CpdEngine *engine, const CpdContainerRow *row, const char *operation,
                             GError **error)
{
  for (char **id = row->depends; id != NULL && *id != NULL; id++)
    {
      g_autoptr(CpdContainerRow) needed = cpd_engine_get_container (engine, *id, NULL);

      if (needed == NULL)
        g_set_error (error, CPOD_ERROR, CPOD_ERROR_BAD_DEPENDENCY,
                     "cannot %s container %s: it depends on container %s, which does not exist",
                     operation, row->name, *id);
      else if (needed->status.state != CPD_CONTAINER_RUNNING)
        g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_STATE,
                     "cannot %s container %s: it depends on container %s, which is %s", operation, row->name,
                     needed->name, cpd_container_state_to_string (needed->status.state));
      else
        continue;
      return FALSE;
    }
  return TRUE;
}

gboolean
cpd_engine_check_dependents (CpdEngine *engine, const CpdContainerRow *row, GHashTable *together,
                             GError **error)
{
  g_autoptr(GPtrArray) dependents = cpd_store_list_dependents (engine->store, row->id, error);
  g_autoptr(GString) names = g_string_new (NULL);
  guint found = 0;

  if (dependents == NULL)
    return FALSE;
  for (guint i = 0; i < dependents->len; i++)
    {
      const CpdContainerRow *dependent = dependents->pdata[i];

      if (together != NULL && g_hash_table_contains (together, dependent->id))
        continue;
      if (found < NAMES_MAX)
        g_string_append_printf (names, "%s%s", found > 0 ? ", " : "", dependent->name);
      found++;
    }
  if (found == 0)
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_DEPENDENTS_EXIST,
               "cannot remove container %s: other containers depend on it (%s%s): remove them first, or give"
               " the option 'depend'", row->name, names->str, found > NAMES_MAX ? ", ..." : "");
  return FALSE;
}

void
cpd_engine_release_dependencies (CpdEngine *engine, const CpdContainerRow *row)
{
  for (char **id = row->depends; id != NULL && *id != NULL; id++)
    {
      g_autoptr(CpdContainerRow) needed = cpd_engine_get_container (engine, *id, NULL);

      if (needed != NULL && needed->auto_remove && needed->status.state == CPD_CONTAINER_EXITED)
        cpd_engine_push_exit (engine, needed->id, 0);
    }
}
