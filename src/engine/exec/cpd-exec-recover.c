/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-fs.h"
#include "common/cpd-names.h"
#include "common/cpd-process.h"
#include "engine/exec/cpd-exec-config.h"
#include "engine/exec/cpd-exec-private.h"
#include "public/cpod-error.h"

gboolean
cpd_engine_forget_execs (CpdEngine *engine, GError **error)
{
  g_autoptr(CpdTransaction) tx = cpd_store_begin (engine->store, CPD_STORE_BOOT, error);

  return tx != NULL && cpd_store_delete_all_execs (tx, error) && cpd_transaction_commit (tx, error);
}

/* Nobody was told of it, so it is as if it had not been tried. */
gboolean
cpd_engine_undo_exec (CpdEngine *engine, const char *id, GError **error)
{
  g_autoptr(CpdExecRow) row = cpd_engine_get_exec (engine, id, NULL);
  g_autoptr(CpdContainerRow) container = row != NULL ? cpd_engine_get_container (engine, row->container_id, NULL)
                                                     : NULL;
  g_autofree char *directory = row != NULL ? cpd_engine_exec_dir (engine, row) : NULL;

  if (container == NULL)
    return TRUE;
  return cpd_launcher_undo_exec (engine->launcher, id, directory, (pid_t) container->status.pid, error);
}

GHashTable *
cpd_engine_get_foreground_execs (CpdEngine *engine, GError **error)
{
  g_autoptr(GPtrArray) rows = cpd_store_list_execs (engine->store, NULL, FALSE, error);
  g_autoptr(GHashTable) found = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  if (rows == NULL)
    return NULL;
  for (guint i = 0; i < rows->len; i++)
    {
      const CpdExecRow *row = rows->pdata[i];
      g_autoptr(CpdExecConfig) config = cpd_exec_config_parse (row->config, NULL);

      if (config != NULL && config->foreground != NULL && row->status.state != CPD_EXEC_STOPPED)
        g_hash_table_insert (found, g_strdup (row->id), g_steal_pointer (&config->foreground));
    }
  return g_steal_pointer (&found);
}

static void
adopt (CpdEngine *engine, const CpdExecRow *row)
{
  if (!cpd_process_is ((pid_t) row->status.pid, row->status.pid_start))
    cpd_engine_drop_exec_clients (engine, row->id);
  cpd_engine_watch_exec (engine, row, &row->status);
  /* Does nothing for one that runs. */
  cpd_engine_exec_ended (engine, row->id);
}

/* The files of sessions that do not run and whose monitors do not run. */
static gboolean
clear_files (CpdEngine *engine, const char *bundle, GPtrArray *monitors, GError **error)
{
  g_autofree char *execs = g_build_filename (engine->config->run_root, "containers", bundle, "execs", NULL);
  g_autoptr(GPtrArray) ids = NULL;

  if (!g_file_test (execs, G_FILE_TEST_IS_DIR))
    return TRUE;
  ids = cpd_fs_list_dir (execs, error);
  for (guint i = 0; ids != NULL && i < ids->len; i++)
    {
      const char *id = ids->pdata[i];
      g_autofree char *directory = g_build_filename (execs, id, NULL);
      g_autoptr(CpdExecRow) row = cpd_engine_get_exec (engine, id, NULL);

      if ((row == NULL || row->status.state != CPD_EXEC_RUNNING)
          && !g_ptr_array_find_with_equal_func (monitors, id, g_str_equal, NULL)
          && !cpd_fs_remove_tree (directory, error))
        return FALSE;
    }
  return ids != NULL;
}

gboolean
cpd_engine_recover_execs (CpdEngine *engine, GError **error)
{
  g_autofree char *bundles = g_build_filename (engine->config->run_root, "containers", NULL);
  g_autoptr(GPtrArray) rows = cpd_store_list_execs (engine->store, NULL, TRUE, error);
  g_autoptr(GPtrArray) ids = rows != NULL ? cpd_fs_list_dir (bundles, error) : NULL;
  g_autoptr(GPtrArray) monitors = NULL;

  if (ids == NULL)
    return FALSE;
  for (guint i = 0; i < rows->len; i++)
    adopt (engine, rows->pdata[i]);
  if (ids->len > 0)
    monitors = cpd_launcher_list_exec_monitors (engine->launcher, error);
  for (guint i = 0; monitors != NULL && i < ids->len; i++)
    if (!clear_files (engine, ids->pdata[i], monitors, error))
      return FALSE;
  return ids->len == 0 || monitors != NULL;
}

static void
add_problem (GPtrArray *problems, const char *kind, const char *id, const char *text)
{
  g_ptr_array_add (problems, g_strjoin ("\t", kind, id, text, NULL));
}

/* That one has ended, and that is yet to be recorded, is well. */
static void
check_row (CpdEngine *engine, const char *id, GPtrArray *problems)
{
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "check");
  g_autoptr(CpdExecRow) row = cpd_engine_get_exec (engine, id, NULL);

  if (row != NULL && row->status.state == CPD_EXEC_RUNNING
      && !cpd_process_is ((pid_t) row->status.monitor_pid, row->status.monitor_start)
      && cpd_process_is ((pid_t) row->status.pid, row->status.pid_start))
    add_problem (problems, "exec-session", id, "it runs, but its monitor is gone");
}

static void
check_monitor (CpdEngine *engine, const char *id, GPtrArray *problems)
{
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "check");
  g_autoptr(CpdExecRow) row = cpd_engine_get_exec (engine, id, NULL);
  g_autoptr(GPtrArray) now = NULL;

  if (row != NULL)
    return;
  /* It may have ended since, and its session have been removed. */
  now = cpd_launcher_list_exec_monitors (engine->launcher, NULL);
  if (now == NULL || g_ptr_array_find_with_equal_func (now, id, g_str_equal, NULL))
    add_problem (problems, "monitor", id, "it watches over no exec session");
}

gboolean
cpd_engine_check_execs (CpdEngine *engine, GPtrArray *problems, GError **error)
{
  g_autoptr(GPtrArray) monitors = cpd_launcher_list_exec_monitors (engine->launcher, error);
  g_autoptr(GPtrArray) rows =
    monitors != NULL ? cpd_store_list_execs (engine->store, NULL, TRUE, error) : NULL;

  if (rows == NULL)
    return FALSE;
  for (guint i = 0; i < rows->len; i++)
    check_row (engine, ((CpdExecRow *) rows->pdata[i])->id, problems);
  for (guint i = 0; i < monitors->len; i++)
    check_monitor (engine, monitors->pdata[i], problems);
  return TRUE;
}
