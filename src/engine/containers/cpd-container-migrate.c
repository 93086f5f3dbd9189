/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-fault.h"
#include "config/cpd-oci-features.h"
#include "engine/cpd-engine-private.h"
#include "public/cpod-error.h"

#define CAN_MIGRATE (CPD_STATE_BIT (CPD_CONTAINER_CONFIGURED) | CPD_STATE_BIT (CPD_CONTAINER_EXITED))

static void
migrated_free (gpointer data)
{
  CpdMigrated *migrated = data;

  g_clear_error (&migrated->error);
  g_free (migrated->id);
  g_free (migrated);
}

static gboolean
refuse (GError **error, const CpdOciRuntime *runtime, const char *what)
{
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_OCI_RUNTIME, "OCI runtime %s (%s) has no %s, which the container needs",
               runtime->name, runtime->path, what);
  return FALSE;
}

/* By what the OCI runtime says of itself, if it does: the error is a better one than its own. */
static gboolean
check_features (CpdEngine *engine, const CpdContainerConfig *config, const CpdOciRuntime *runtime, GError **error)
{
  CpdOciFeatures features = cpd_oci_features_probe (runtime->path);
  gboolean is_v2 = cpd_config_is_cgroup_v2 ();

  if (config->cgroup.mode == CPD_CGROUPS_DISABLED)
    {
      if (!cpd_oci_runtimes_supports_nocgroups (engine->config->runtimes, runtime))
        return refuse (error, runtime, "way to do without cgroups");
    }
  else if (features.is_known && !(is_v2 ? features.cgroup_v2 : features.cgroup_v1))
    return refuse (error, runtime, is_v2 ? "support of cgroup v2" : "support of cgroup v1");
  if (features.is_known && config->cgroup.systemd && !features.systemd)
    return refuse (error, runtime, "support of cgroups that systemd makes");
  if (features.is_known && !config->privileged && !features.seccomp)
    return refuse (error, runtime, "support of seccomp");
  return TRUE;
}

/* The only proof is to have it created, which starts nothing of the container's own. */
static gboolean
try_runtime (CpdEngine *engine, const CpdContainerRow *row, CpdContainerConfig *config, const CpdCaller *caller,
             GError **error)
{
  CpdLaunched launched = { 0 };
  gboolean created = cpd_engine_launch (engine, row, config, caller, &launched, error);

  cpd_fault_point ("migrate.created");
  return cpd_engine_clear_runtime (engine, row->id, created ? error : NULL) && created;
}

static gboolean
migrate (CpdEngine *engine, const CpdContainerRow *row, CpdContainerConfig *config, const CpdCaller *caller,
         GError **error)
{
  g_autoptr(GVariantBuilder) attributes = cpd_engine_attributes (row);
  gint64 operation;

  if (!cpd_engine_begin_operation (engine, "migrate", row->id, &operation, error))
    return FALSE;
  cpd_fault_point ("migrate.intent");
  g_variant_builder_add (attributes, "{sv}", "oci-runtime", g_variant_new_string (config->oci_runtime));
  if (!try_runtime (engine, row, config, caller, error)
      || !cpd_engine_set_config (engine, row, config, attributes, caller, error))
    {
      cpd_engine_end_operation (engine, operation);
      return FALSE;
    }
  cpd_fault_point ("migrate.committed");
  cpd_engine_finish_metadata (engine, row->id, operation);
  cpd_fault_point ("migrate.recorded");
  return TRUE;
}

/* One container; FALSE without an error when it is run by RUNTIME already. */
static gboolean
migrate_one (CpdEngine *engine, const char *id, const CpdOciRuntime *runtime, const CpdCaller *caller,
             GError **error)
{
  g_autoptr(CpdHold) hold = cpd_holds_take (engine->holds);
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "migrate");
  g_autoptr(CpdContainerRow) row = cpd_engine_get_container (engine, id, error);
  g_autoptr(CpdContainerConfig) config = row != NULL ? cpd_container_config_parse (row->config, error) : NULL;
  g_autoptr(CpdContainerRow) allowed = NULL;

  if (config == NULL || !cpd_engine_complete_config (engine, config, error)
      || g_strcmp0 (config->oci_runtime, runtime->name) == 0)
    return FALSE;
  allowed = cpd_engine_get_in_state (engine, id, CAN_MIGRATE, "migrate", error);
  if (allowed == NULL)
    return FALSE;
  g_free (config->oci_runtime);
  config->oci_runtime = g_strdup (runtime->name);
  if (check_features (engine, config, runtime, error) && migrate (engine, allowed, config, caller, error))
    return TRUE;
  g_prefix_error (error, "failed to move container %s to OCI runtime %s: ", row->name, runtime->name);
  return FALSE;
}

static void
add_result (GPtrArray *results, const char *id, GError *error)
{
  CpdMigrated *migrated = g_new0 (CpdMigrated, 1);

  migrated->id = g_strdup (id);
  migrated->error = error;
  g_ptr_array_add (results, migrated);
}

/* The ids of those that are named, or of all; what is not found is told in RESULTS. */
static GPtrArray *
find_containers (CpdEngine *engine, const char *const *names, const char *namespace, GPtrArray *results,
                 GError **error)
{
  CpdContainerQuery query = { .all = TRUE, .namespace = namespace };
  g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);
  g_autoptr(GPtrArray) rows = NULL;

  for (; names != NULL && *names != NULL; names++)
    {
      GError *failure = NULL;
      char *id = cpd_engine_find_container (engine, *names, namespace, &failure);

      if (id == NULL)
        add_result (results, *names, failure);
      else
        g_ptr_array_add (ids, id);
    }
  if (ids->len > 0 || results->len > 0)
    return g_steal_pointer (&ids);
  rows = cpd_store_list_containers (engine->store, &query, error);
  for (guint i = 0; rows != NULL && i < rows->len; i++)
    g_ptr_array_add (ids, g_strdup (((CpdContainerRow *) rows->pdata[i])->id));
  return rows != NULL ? g_steal_pointer (&ids) : NULL;
}

GPtrArray *
cpd_engine_migrate_containers (CpdEngine *engine, const char *oci_runtime, const char *const *names,
                               const char *namespace, const CpdCaller *caller, GCancellable *cancellable,
                               GError **error)
{
  g_autoptr(GPtrArray) results = g_ptr_array_new_with_free_func (migrated_free);
  const CpdOciRuntime *runtime = cpd_oci_runtimes_find (engine->config->runtimes, oci_runtime, error);
  g_autoptr(GPtrArray) ids = NULL;

  if (runtime == NULL)
    {
      g_prefix_error (error, "option 'oci-runtime': ");
      return NULL;
    }
  ids = find_containers (engine, names, namespace, results, error);
  if (ids == NULL)
    return NULL;
  for (guint i = 0; i < ids->len && !g_cancellable_is_cancelled (cancellable); i++)
    {
      GError *failure = NULL;
      gboolean moved = migrate_one (engine, ids->pdata[i], runtime, caller, &failure);

      /* That somebody has removed it meanwhile is neither our doing nor an error. */
      if (g_error_matches (failure, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER))
        g_clear_error (&failure);
      else if (moved || failure != NULL)
        add_result (results, ids->pdata[i], failure);
    }
  return g_steal_pointer (&results);
}

/* It may have been started since, if only its metadata could not be written. */
gboolean
cpd_engine_undo_migrate (CpdEngine *engine, const char *id, GError **error)
{
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "migrate");
  g_autoptr(CpdContainerRow) row = cpd_engine_get_container (engine, id, NULL);

  if (row != NULL && (CPD_STATE_BIT (row->status.state) & CAN_MIGRATE) != 0
      && !cpd_engine_clear_runtime (engine, id, error))
    return FALSE;
  return cpd_engine_record_metadata (engine, id, error);
}

/* There are no lock numbers here: 0 of them have changed. */
gboolean
cpd_engine_renumber_locks (CpdEngine *engine, const CpdCaller *caller, GError **error)
{
  g_autoptr(CpdTransaction) tx = cpd_store_begin (engine->store, CPD_STORE_BOOT, error);

  return tx != NULL
         && cpd_store_add_event (tx, "system", "renumber", "", "", g_variant_new ("a{sv}", NULL), caller, error)
         && cpd_transaction_commit (tx, error);
}
