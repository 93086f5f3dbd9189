/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "common/cpd-fault.h"
#include "engine/cpd-engine-private.h"
#include "public/cpod-error.h"
#include "store/cpd-store-dependencies.h"

/*
 * What a removal takes along and what is in its way is found out first, in
 * the same way for a preview and for the removal itself: nothing is ended
 * for a removal that is then refused.
 */

#define CAN_REMOVE (CPD_STATE_BIT (CPD_CONTAINER_CONFIGURED) | CPD_STATE_BIT (CPD_CONTAINER_CREATED) \
                    | CPD_STATE_BIT (CPD_CONTAINER_STOPPED) | CPD_STATE_BIT (CPD_CONTAINER_EXITED) \
                    | CPD_STATE_BIT (CPD_CONTAINER_REMOVING))

/* How often a plan is made anew because more containers came to depend on those in it. */
#define PLANS_MAX 10

static void
blocker_free (gpointer data)
{
  CpdBlocker *blocker = data;

  g_free (blocker->id);
  g_free (blocker->name);
  g_free (blocker->text);
  g_free (blocker);
}

void
cpd_removal_plan_free (CpdRemovalPlan *plan)
{
  g_ptr_array_unref (plan->rows);
  g_ptr_array_unref (plan->blockers);
  g_free (plan);
}

static void
add_blocker (CpdRemovalPlan *plan, const CpdContainerRow *row, const char *reason, char *text)
{
  CpdBlocker *blocker = g_new0 (CpdBlocker, 1);

  blocker->id = g_strdup (row->id);
  blocker->name = g_strdup (row->name);
  blocker->reason = reason;
  blocker->text = text;
  g_ptr_array_add (plan->blockers, blocker);
}

/* What a plan is made with. */
typedef struct
{
  CpdEngine *engine;            /* (unowned) */
  CpdRemovalPlan *plan;         /* (unowned) */
  GHashTable *wanted;           /* (owned): ids that were asked for (unowned) */
  GHashTable *seen;             /* (owned): ids */
  gboolean force;
  gboolean depend;
} Planner;

static void
planner_clear (Planner *planner)
{
  g_clear_pointer (&planner->wanted, g_hash_table_unref);
  g_clear_pointer (&planner->seen, g_hash_table_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Planner, planner_clear)

static void
look_at_state (const Planner *planner, const CpdContainerRow *row)
{
  if (!planner->force && (CPD_STATE_BIT (row->status.state) & CAN_REMOVE) == 0)
    add_blocker (planner->plan, row, "state",
                 g_strdup_printf ("container %s is %s: stop it first, or give the option 'force'", row->name,
                                  cpd_container_state_to_string (row->status.state)));
}

static gboolean plan_one (Planner *planner, const char *id, GError **error);

/* What depends on ROW goes before it does, or is in the way. One whose removal has begun goes anyway. */
static gboolean
plan_dependents (Planner *planner, const CpdContainerRow *row, GError **error)
{
  g_autoptr(GPtrArray) dependents = cpd_store_list_dependents (planner->engine->store, row->id, error);

  if (dependents == NULL)
    return FALSE;
  for (guint i = 0; i < dependents->len; i++)
    {
      const CpdContainerRow *dependent = dependents->pdata[i];

      if (planner->depend || g_hash_table_contains (planner->wanted, dependent->id))
        {
          if (!plan_one (planner, dependent->id, error))
            return FALSE;
        }
      else if (row->status.state != CPD_CONTAINER_REMOVING)
        add_blocker (planner->plan, dependent, "dependent",
                     g_strdup_printf ("container %s depends on container %s", dependent->name, row->name));
    }
  return TRUE;
}

static gboolean
plan_one (Planner *planner, const char *id, GError **error)
{
  g_autoptr(CpdContainerRow) row = NULL;

  if (!g_hash_table_add (planner->seen, g_strdup (id)))
    return TRUE;
  row = cpd_engine_get_container (planner->engine, id, error);
  if (row == NULL || !plan_dependents (planner, row, error))
    return FALSE;
  look_at_state (planner, row);
  g_ptr_array_add (planner->plan->rows, g_steal_pointer (&row));
  return TRUE;
}

CpdRemovalPlan *
cpd_engine_plan_removal (CpdEngine *engine, const char *const *ids, gboolean force, gboolean depend,
                         GError **error)
{
  g_autoptr(CpdRemovalPlan) plan = g_new0 (CpdRemovalPlan, 1);
  g_auto(Planner) planner = {
    .engine = engine, .plan = plan, .wanted = g_hash_table_new (g_str_hash, g_str_equal),
    .seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL), .force = force, .depend = depend,
  };

  plan->rows = g_ptr_array_new_with_free_func ((GDestroyNotify) cpd_container_row_free);
  plan->blockers = g_ptr_array_new_with_free_func (blocker_free);
  for (const char *const *id = ids; *id != NULL; id++)
    g_hash_table_add (planner.wanted, (gpointer) *id);
  for (const char *const *id = ids; *id != NULL; id++)
    if (!plan_one (&planner, *id, error))
      return NULL;
  return g_steal_pointer (&plan);
}

/* Containers that are about to be ended for a removal: nobody else comes to depend on them. */
typedef struct
{
  CpdEngine *engine;            /* (unowned) */
  GHashTable *ids;              /* (owned) */
} Claim;

static void
change_claim (CpdEngine *engine, const char *id, int by)
{
  guint count;

  g_mutex_lock (&engine->mutex);
  count = GPOINTER_TO_UINT (g_hash_table_lookup (engine->going, id)) + (guint) by;
  if (count > 0)
    g_hash_table_replace (engine->going, g_strdup (id), GUINT_TO_POINTER (count));
  else
    g_hash_table_remove (engine->going, id);
  g_mutex_unlock (&engine->mutex);
}

static void
claim_add (Claim *claim, const CpdRemovalPlan *plan)
{
  for (guint i = 0; i < plan->rows->len; i++)
    {
      const CpdContainerRow *row = plan->rows->pdata[i];

      if (g_hash_table_add (claim->ids, g_strdup (row->id)))
        change_claim (claim->engine, row->id, 1);
    }
}

static void
claim_clear (Claim *claim)
{
  GHashTableIter iter;
  gpointer id;

  g_hash_table_iter_init (&iter, claim->ids);
  while (g_hash_table_iter_next (&iter, &id, NULL))
    change_claim (claim->engine, id, -1);
  g_clear_pointer (&claim->ids, g_hash_table_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Claim, claim_clear)

gboolean
cpd_engine_is_going (CpdEngine *engine, const char *id)
{
  gboolean going;

  g_mutex_lock (&engine->mutex);
  going = g_hash_table_contains (engine->going, id);
  g_mutex_unlock (&engine->mutex);
  return going;
}

/* A creation that was past looking at the claims is committed before a transaction begins that is begun after. */
static gboolean
let_creations_pass (CpdEngine *engine, GError **error)
{
  g_autoptr(CpdTransaction) tx = cpd_store_begin (engine->store, CPD_STORE_BOOT, error);

  return tx != NULL;
}

/* A plan that nothing can be added to any more. */
static CpdRemovalPlan *
plan_and_claim (Claim *claim, const char *const *ids, gboolean force, gboolean depend, GError **error)
{
  for (int tries = 0; tries < PLANS_MAX; tries++)
    {
      guint claimed = g_hash_table_size (claim->ids);
      g_autoptr(CpdRemovalPlan) plan = cpd_engine_plan_removal (claim->engine, ids, force, depend, error);

      if (plan == NULL)
        return NULL;
      claim_add (claim, plan);
      /* Without force nothing is ended, and each removal looks again at what depends on it. */
      if (!force || g_hash_table_size (claim->ids) == claimed)
        return g_steal_pointer (&plan);
      if (!let_creations_pass (claim->engine, error))
        return NULL;
    }
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_DEPENDENTS_EXIST,
               "cannot remove container %s: again and again containers were created that depend on it", ids[0]);
  return NULL;
}

static gboolean
set_blocked (const CpdRemovalPlan *plan, GError **error)
{
  g_autoptr(GString) texts = g_string_new (NULL);
  const CpdContainerRow *last;
  gboolean dependents = FALSE;

  if (plan->blockers->len == 0)
    return FALSE;
  last = plan->rows->pdata[plan->rows->len - 1];
  for (guint i = 0; i < plan->blockers->len; i++)
    {
      const CpdBlocker *blocker = plan->blockers->pdata[i];

      g_string_append_printf (texts, "%s%s", i > 0 ? "; " : "", blocker->text);
      dependents |= strcmp (blocker->reason, "dependent") == 0;
    }
  g_set_error (error, CPOD_ERROR, dependents ? CPOD_ERROR_DEPENDENTS_EXIST : CPOD_ERROR_INVALID_STATE,
               "cannot remove container %s: %s%s", last->name, texts->str,
               dependents ? ": remove what depends on it first, or give the option 'depend'" : "");
  return TRUE;
}

/* That another one has removed it meanwhile is no error where it goes along with others. */
static gboolean
carry_out (CpdEngine *engine, const CpdRemovalPlan *plan, const char *const *ids, gboolean force,
           gint64 timeout, GHashTable *together, const CpdCaller *caller, GError **error)
{
  for (guint i = 0; i < plan->rows->len; i++)
    {
      const CpdContainerRow *row = plan->rows->pdata[i];
      g_autoptr(GError) failure = NULL;

      if (i > 0)
        cpd_fault_point ("remove-dependent.removed");
      if (cpd_engine_remove_one (engine, row->id, force, timeout, together, caller, &failure)
          || (!g_strv_contains (ids, row->id)
              && g_error_matches (failure, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER)))
        continue;
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  return TRUE;
}

gboolean
cpd_engine_remove_containers (CpdEngine *engine, const char *const *ids, gboolean force, gboolean depend,
                              gint64 timeout, const CpdCaller *caller, GError **error)
{
  g_auto(Claim) claim = { engine, g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL) };
  g_autoptr(CpdRemovalPlan) plan = plan_and_claim (&claim, ids, force, depend, error);

  if (plan == NULL || set_blocked (plan, error))
    return FALSE;
  return carry_out (engine, plan, ids, force, timeout, claim.ids, caller, error);
}

gboolean
cpd_engine_remove_container (CpdEngine *engine, const char *id, gboolean force, gint64 timeout,
                             const CpdCaller *caller, GError **error)
{
  const char *const ids[] = { id, NULL };

  return cpd_engine_remove_containers (engine, ids, force, FALSE, timeout, caller, error);
}
