/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "common/cpd-fs.h"
#include "common/cpd-names.h"
#include "common/cpd-process.h"
#include "engine/cpd-engine-private.h"
#include "engine/cpd-mounts.h"
#include "engine/exec/cpd-exec-private.h"
#include "public/cpod-error.h"
#include "store/cpd-store-dependencies.h"
#include "store/cpd-store-operations.h"

GHashTable *
cpd_engine_known_ids (CpdEngine *engine, GError **error)
{
  CpdContainerQuery query = { .all = TRUE };
  g_autoptr(GPtrArray) rows = cpd_store_list_containers (engine->store, &query, error);
  g_autoptr(GPtrArray) operations = cpd_store_list_operations (engine->store, error);
  g_autoptr(GHashTable) ids = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  if (rows == NULL || operations == NULL)
    return NULL;
  for (guint i = 0; i < rows->len; i++)
    g_hash_table_add (ids, g_strdup (((CpdContainerRow *) rows->pdata[i])->id));
  /* What an operation works on has no row yet, but is no orphan. */
  for (guint i = 0; i < operations->len; i++)
    g_hash_table_add (ids, g_strdup (((CpdOperationRow *) operations->pdata[i])->object));
  return g_steal_pointer (&ids);
}

static gboolean
tell_unknown (CpdEngine *engine, GHashTable *known, const char *kind, GPtrArray *ids,
              CpdOrphanFunc found, gpointer user_data, GError **error)
{
  if (ids == NULL)
    return FALSE;
  for (guint i = 0; i < ids->len; i++)
    if (cpd_id_is_valid (ids->pdata[i]) && !g_hash_table_contains (known, ids->pdata[i])
        && !found (engine, kind, ids->pdata[i], user_data, error))
      return FALSE;
  return TRUE;
}

/*
 * What is on disk is read before the rows: a container that is created
 * meanwhile has its row, or its operation, by the time that those are read.
 */
gboolean
cpd_engine_find_orphans (CpdEngine *engine, CpdOrphanFunc found, gpointer user_data, GError **error)
{
  g_autofree char *bundles = g_build_filename (engine->config->run_root, "containers", NULL);
  g_autofree char *directories = g_build_filename (engine->config->static_dir, "containers", NULL);
  g_autoptr(GPtrArray) in_run_root = cpd_fs_list_dir (bundles, error);
  g_autoptr(GPtrArray) in_static_dir = in_run_root != NULL ? cpd_fs_list_dir (directories, error) : NULL;
  g_autoptr(GPtrArray) in_runtime =
    in_static_dir != NULL ? cpd_launcher_list (engine->launcher, error) : NULL;
  g_autoptr(GPtrArray) in_storage =
    in_runtime != NULL ? cpd_storage_list_rw (engine->storage, error) : NULL;
  g_autoptr(GHashTable) known = in_storage != NULL ? cpd_engine_known_ids (engine, error) : NULL;

  return known != NULL
         && tell_unknown (engine, known, "oci-container", in_runtime, found, user_data, error)
         && tell_unknown (engine, known, "bundle", in_run_root, found, user_data, error)
         && tell_unknown (engine, known, "directory", in_static_dir, found, user_data, error)
         && tell_unknown (engine, known, "rw-layer", in_storage, found, user_data, error);
}

static void
add_problem (GPtrArray *problems, const char *kind, const char *object, const char *text)
{
  g_ptr_array_add (problems, g_strjoin ("\t", kind, object, text, NULL));
}

static gboolean
lists (GPtrArray *ids, const char *id)
{
  g_autoptr(GPtrArray) owned = ids;

  return ids == NULL || g_ptr_array_find_with_equal_func (ids, id, g_str_equal, NULL);
}

/* It may have been removed after it was listed and before the rows were read. */
static gboolean
is_still_there (CpdEngine *engine, const char *kind, const char *id)
{
  g_autofree char *bundle = cpd_engine_bundle_path (engine, id);
  g_autofree char *directory = cpd_engine_container_dir (engine, id);

  if (strcmp (kind, "bundle") == 0)
    return g_file_test (bundle, G_FILE_TEST_EXISTS);
  if (strcmp (kind, "directory") == 0)
    return g_file_test (directory, G_FILE_TEST_EXISTS);
  if (strcmp (kind, "rw-layer") == 0)
    return lists (cpd_storage_list_rw (engine->storage, NULL), id);
  return lists (cpd_launcher_list (engine->launcher, NULL), id);
}

static gboolean
report_orphan (CpdEngine *engine, const char *kind, const char *id, gpointer user_data,
               GError **error)
{
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "check");

  if (!is_still_there (engine, kind, id))
    return TRUE;
  add_problem (user_data, kind, id, "it belongs to no container");
  return TRUE;
}

static gboolean
has_rw_layer (GPtrArray *layers, const char *id)
{
  return g_ptr_array_find_with_equal_func (layers, id, g_str_equal, NULL);
}

/* What a container's state says against what is there. */
static void
check_container (CpdEngine *engine, const CpdContainerRow *row, GPtrArray *layers,
                 GPtrArray *problems)
{
  const CpdContainerStatus *status = &row->status;
  g_autofree char *rootfs = cpd_engine_rootfs_path (engine, row->id);
  gboolean live = status->state >= CPD_CONTAINER_CREATED && status->state <= CPD_CONTAINER_STOPPING;
  gboolean mounted = cpd_fs_is_mountpoint (rootfs);

  if (!has_rw_layer (layers, row->id))
    add_problem (problems, "container", row->id, "its writable layer is missing");
  if (live && !mounted)
    add_problem (problems, "container", row->id, "it runs, but its root is not mounted");
  if (live && mounted && cpd_fs_is_dead_mount (rootfs))
    add_problem (problems, "container", row->id, "it runs, but what serves its root has ended: restart it");
  if (mounted && (status->state == CPD_CONTAINER_CONFIGURED
                  || status->state == CPD_CONTAINER_EXITED))
    add_problem (problems, "mount", row->id, "its root is mounted though it does not run");
  if (live && !cpd_process_is ((pid_t) status->pid, status->pid_start))
    add_problem (problems, "container", row->id, "it should run, but its process is gone");
  if (live && !cpd_process_is ((pid_t) status->monitor_pid, status->monitor_start))
    add_problem (problems, "container", row->id, "it runs, but its monitor is gone");
}

static gboolean
check_containers (CpdEngine *engine, GPtrArray *problems, GError **error)
{
  CpdContainerQuery query = { .all = TRUE };
  g_autoptr(GPtrArray) layers = cpd_storage_list_rw (engine->storage, error);
  g_autoptr(GPtrArray) rows = NULL;

  if (layers == NULL)
    return FALSE;
  rows = cpd_store_list_containers (engine->store, &query, error);
  if (rows == NULL)
    return FALSE;
  for (guint i = 0; i < rows->len; i++)
    {
      CpdContainerRow *row = rows->pdata[i];
      g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, row->id, "check");
      g_autoptr(CpdContainerRow) now = cpd_engine_get_container (engine, row->id, NULL);

      if (now != NULL)
        check_container (engine, now, layers, problems);
    }
  return TRUE;
}

static gboolean
check_operations (CpdEngine *engine, GPtrArray *problems, GError **error)
{
  g_autoptr(GPtrArray) operations = cpd_store_list_operations (engine->store, error);

  if (operations == NULL)
    return FALSE;
  for (guint i = 0; i < operations->len; i++)
    {
      CpdOperationRow *operation = operations->pdata[i];
      g_autofree char *text = g_strdup_printf ("%s is not finished", operation->kind);

      add_problem (problems, "operation", operation->object, text);
    }
  return TRUE;
}

static gboolean
check_monitors (CpdEngine *engine, GPtrArray *problems, GError **error)
{
  g_autoptr(GPtrArray) ids = cpd_launcher_list_monitors (engine->launcher, error);

  if (ids == NULL)
    return FALSE;
  for (guint i = 0; i < ids->len; i++)
    {
      g_autoptr(CpdContainerRow) row = cpd_engine_get_container (engine, ids->pdata[i], NULL);

      if (row == NULL)
        add_problem (problems, "monitor", ids->pdata[i], "it watches over no container");
    }
  return TRUE;
}

/* By damage, or by whoever has edited the records. */
static gboolean
check_dependencies (CpdEngine *engine, GPtrArray *problems, GError **error)
{
  g_autoptr(GPtrArray) pairs = cpd_store_list_all_dependencies (engine->store, error);

  if (pairs == NULL)
    return FALSE;
  for (guint i = 0; i < pairs->len; i++)
    {
      const CpdDependencyRow *pair = pairs->pdata[i];
      g_autoptr(CpdContainerRow) needed = cpd_engine_get_container (engine, pair->depends_on, NULL);
      g_autoptr(CpdContainerRow) row = cpd_engine_get_container (engine, pair->id, NULL);
      g_autofree char *text = NULL;

      if (row == NULL || needed != NULL)
        continue;
      text = g_strdup_printf ("it depends on container %s, which does not exist", pair->depends_on);
      add_problem (problems, "container", pair->id, text);
    }
  return TRUE;
}

GPtrArray *
cpd_engine_check (CpdEngine *engine, GError **error)
{
  g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);

  if (!check_operations (engine, problems, error)
      || !cpd_engine_find_orphans (engine, report_orphan, problems, error)
      || !check_containers (engine, problems, error)
      || !check_monitors (engine, problems, error)
      || !cpd_engine_check_execs (engine, problems, error)
      || !check_dependencies (engine, problems, error)
      || !cpd_engine_check_mounts (engine, problems, error)
      || !cpd_storage_check (engine->storage, problems, error))
    {
      g_prefix_error_literal (error, "failed to check: ");
      return NULL;
    }
  cpd_health_problems (engine->health, problems);
  return g_steal_pointer (&problems);
}
