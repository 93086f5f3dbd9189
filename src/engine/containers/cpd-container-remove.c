/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "common/cpd-fault.h"
#include "common/cpd-fs.h"
#include "common/cpd-journal.h"
#include "common/cpd-names.h"
#include "common/cpd-process.h"
#include "engine/containers/cpd-container-metadata.h"
#include "engine/cpd-engine-private.h"
#include "engine/cpd-mounts.h"
#include "public/cpod-error.h"
#include "store/cpd-store-mounts.h"
#include "store/cpd-store-operations.h"

#define CAN_REMOVE (CPD_STATE_BIT (CPD_CONTAINER_CONFIGURED) | CPD_STATE_BIT (CPD_CONTAINER_CREATED) \
                    | CPD_STATE_BIT (CPD_CONTAINER_STOPPED) | CPD_STATE_BIT (CPD_CONTAINER_EXITED) \
                    | CPD_STATE_BIT (CPD_CONTAINER_REMOVING))

/* Without it the container can never be rebuilt, whatever else of it is left. */
static gboolean
delete_metadata (const char *directory, GError **error)
{
  g_autofree char *path = g_build_filename (directory, CPD_METADATA_FILE, NULL);

  if (unlink (path) == 0 || errno == ENOENT || errno == ENOTDIR)
    return TRUE;
  cpd_set_error_errno (error, errno, "failed to remove %s", path);
  return FALSE;
}

/* All files of a container. Can be done again. */
gboolean
cpd_engine_delete_files (CpdEngine *engine, const char *id, GError **error)
{
  g_autofree char *directory = cpd_engine_container_dir (engine, id);

  return cpd_engine_drop_mount (engine, id, error)
         && delete_metadata (directory, error)
         && cpd_storage_delete_rw (engine->storage, id, error)
         && cpd_fs_remove_tree (directory, error);
}

/* From here on it is being removed, whatever happens; recovery finishes it. */
static gboolean
begin_remove (CpdEngine *engine, const CpdContainerRow *row, GHashTable *together, GError **error)
{
  CpdContainerStatus status = row->status;
  g_autoptr(CpdTransaction) tx = cpd_store_begin (engine->store, CPD_STORE_BOOT, error);
  gint64 number;

  status.state = CPD_CONTAINER_REMOVING;
  return tx != NULL
         && (row->status.state == CPD_CONTAINER_REMOVING
             || cpd_engine_check_dependents (engine, row, together, error))
         && cpd_store_add_operation (tx, "remove", row->id, NULL, &number, error)
         && cpd_store_set_container_status (tx, row->id, &status, error)
         && cpd_transaction_commit (tx, error);
}

static gboolean
commit (CpdEngine *engine, const CpdContainerRow *row, const CpdCaller *caller, GError **error)
{
  g_autoptr(GVariantBuilder) attributes = cpd_engine_attributes (row);
  g_autoptr(CpdTransaction) tx =
    cpd_store_begin (engine->store, row->auto_remove ? CPD_STORE_BOOT : CPD_STORE_DURABLE, error);

  if (tx == NULL
      || !cpd_store_set_mounts (tx, row->id, 0, error)
      || !cpd_store_add_event (tx, "container", "remove", row->id, row->name,
                               g_variant_builder_end (attributes), caller, error)
      || !cpd_store_delete_container (tx, row->id, error)
      || !cpd_store_delete_operations (tx, "remove", row->id, error)
      || !cpd_store_delete_operations (tx, "refresh", row->id, error)
      || !cpd_transaction_commit (tx, error))
    return FALSE;
  cpd_engine_forget_refresh (engine, row->id);
  return TRUE;
}

/* Removes a container that does not run. Its lock is held. */
gboolean
cpd_engine_remove_locked (CpdEngine *engine, const CpdContainerRow *row, GHashTable *together,
                          const CpdCaller *caller, GError **error)
{
  g_autoptr(CpdHold) hold = cpd_holds_take (engine->holds);

  if (!begin_remove (engine, row, together, error))
    return FALSE;
  cpd_fault_point ("remove.intent");
  if (!cpd_engine_clear_runtime (engine, row->id, error))
    return FALSE;
  cpd_fault_point ("remove.cleared");
  if (!cpd_engine_delete_files (engine, row->id, error))
    return FALSE;
  cpd_fault_point ("remove.deleted");
  if (!commit (engine, row, caller, error))
    return FALSE;
  cpd_fault_point ("remove.committed");
  cpd_engine_release_dependencies (engine, row);
  return TRUE;
}

/*
 * One try. That a container is "removing" while nobody else holds its lock
 * means that an earlier removal failed half-way: this one goes on with it.
 * Gives TRUE when it is gone; FALSE without an error when it runs (again).
 */
static gboolean
try_remove (CpdEngine *engine, const char *id, gboolean force, GHashTable *together,
            const CpdCaller *caller, GError **error)
{
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "remove");
  g_autoptr(CpdContainerRow) row = cpd_engine_get_container (engine, id, error);

  if (row == NULL)
    return FALSE;
  if ((CPD_STATE_BIT (row->status.state) & CAN_REMOVE) == 0)
    {
      if (!force)
        g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_STATE,
                     "cannot remove container %s: it is %s: stop it first, or give the option 'force'",
                     row->name, cpd_container_state_to_string (row->status.state));
      return FALSE;
    }
  if (!cpd_engine_remove_locked (engine, row, together, caller, error))
    {
      g_prefix_error (error, "failed to remove container %s: ", row->name);
      return FALSE;
    }
  return TRUE;
}

/* That somebody else (auto-remove) was quicker is what a caller with FORCE wanted. */
gboolean
cpd_engine_remove_one (CpdEngine *engine, const char *id, gboolean force, gint64 timeout,
                       GHashTable *together, const CpdCaller *caller, GError **error)
{
  for (int tries = 0; tries < 3; tries++)
    {
      g_autoptr(GError) failure = NULL;

      if (try_remove (engine, id, force, together, caller, &failure))
        {
          cpd_engine_fill_reserve (engine);
          return TRUE;
        }
      if (cpd_engine_use_reserve (engine, failure))
        continue;
      if (failure == NULL)
        cpd_engine_stop_container (engine, id, timeout, caller, &failure);
      if (tries > 0 && g_error_matches (failure, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER))
        return TRUE;
      if (failure != NULL)
        {
          g_propagate_error (error, g_steal_pointer (&failure));
          return FALSE;
        }
    }
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_STATE,
               "failed to remove container %s: it was started again each time it was stopped", id);
  return FALSE;
}

/* Does STEP, whose failure must not keep the next one from being tried. */
#define TRY(step)                                                                                \
  G_STMT_START                                                                                   \
    {                                                                                            \
      g_autoptr(GError) failure = NULL;                                                          \
                                                                                                 \
      if (!(step))                                                                               \
        cpd_log_container (G_LOG_LEVEL_MESSAGE, id, "evicting container %s: %s", id, failure->message); \
    }                                                                                            \
  G_STMT_END

/* Its files are gone, so its row has to go. */
static gboolean
commit_for_sure (CpdEngine *engine, const CpdContainerRow *row, const CpdCaller *caller, GError **error)
{
  g_autoptr(GError) failure = NULL;

  if (commit (engine, row, caller, &failure))
    return TRUE;
  if (cpd_engine_use_reserve (engine, failure))
    return commit (engine, row, caller, error);
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

/*
 * Only what is in the row is used, not the configuration: that may be what is
 * broken. Files that could not be deleted are orphans from then on, which the
 * next start removes.
 */
gboolean
cpd_engine_evict_container (CpdEngine *engine, const char *id, const CpdCaller *caller,
                            GError **error)
{
  g_autoptr(CpdHold) hold = cpd_holds_take (engine->holds);
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "evict");
  g_autoptr(CpdContainerRow) row = cpd_engine_get_container (engine, id, error);

  if (row == NULL || !cpd_engine_check_dependents (engine, row, NULL, error))
    return FALSE;
  TRY (begin_remove (engine, row, NULL, &failure));
  TRY (cpd_process_signal ((pid_t) row->status.pid, row->status.pid_start, SIGKILL, &failure));
  TRY (cpd_engine_clear_runtime (engine, id, &failure));
  TRY (cpd_engine_delete_files (engine, id, &failure));
  if (!commit_for_sure (engine, row, caller, error))
    {
      g_prefix_error (error, "failed to evict container %s: ", row->name);
      return FALSE;
    }
  cpd_engine_release_dependencies (engine, row);
  cpd_engine_fill_reserve (engine);
  return TRUE;
}

#undef TRY

gboolean
cpd_engine_record_metadata (CpdEngine *engine, const char *id, GError **error)
{
  g_autofree char *directory = cpd_engine_container_dir (engine, id);
  g_autofree char *path = g_build_filename (directory, CPD_METADATA_FILE, NULL);
  g_autoptr(CpdContainerRow) row = cpd_engine_get_container (engine, id, NULL);

  /* It is gone meanwhile, or is removed when it ends. */
  if (row == NULL || !g_file_test (path, G_FILE_TEST_EXISTS))
    return TRUE;
  return cpd_container_metadata_write (directory, row, FALSE, error);
}

void
cpd_engine_finish_metadata (CpdEngine *engine, const char *id, gint64 number)
{
  g_autoptr(GError) error = NULL;

  if (cpd_engine_record_metadata (engine, id, &error))
    cpd_engine_end_operation (engine, number);
  else
    {
      cpd_log_container (G_LOG_LEVEL_MESSAGE, id,
                         "failed to record the changes of container %s beside the database: %s", id, error->message);
      cpd_engine_schedule (engine, id, CPD_EXIT_METADATA, CPD_RETRY_MS);
    }
}

/* After a failure: all operations that wait for it. */
void
cpd_engine_finish_metadata_again (CpdEngine *engine, const char *id)
{
  static const char *const kinds[] = { "rename", "update", "migrate", NULL };
  g_autoptr(CpdHold) hold = cpd_holds_take (engine->holds);
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "record");
  g_autoptr(GPtrArray) operations = cpd_store_list_operations (engine->store, NULL);

  for (guint i = 0; operations != NULL && i < operations->len; i++)
    {
      const CpdOperationRow *operation = operations->pdata[i];

      if (strcmp (operation->object, id) == 0 && g_strv_contains (kinds, operation->kind))
        cpd_engine_finish_metadata (engine, id, operation->number);
    }
}

gboolean
cpd_engine_rename_container (CpdEngine *engine, const char *id, const char *new_name,
                             const CpdCaller *caller, GError **error)
{
  g_autoptr(CpdHold) hold = cpd_holds_take (engine->holds);
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "rename");
  g_autoptr(CpdContainerRow) row =
    cpd_engine_get_in_state (engine, id, CPD_STATE_BIT (CPD_CONTAINER_REMOVING) - 1, "rename", error);
  g_autoptr(GVariantBuilder) attributes = NULL;
  g_autoptr(CpdTransaction) tx = NULL;
  gint64 operation;

  if (row == NULL || !cpd_name_check (new_name, error))
    return FALSE;
  if (strcmp (row->name, new_name) == 0)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                   "container %s already has the name '%s'", row->id, new_name);
      return FALSE;
    }
  attributes = cpd_engine_attributes (row);
  g_variant_builder_add (attributes, "{sv}", "old-name", g_variant_new_string (row->name));
  tx = cpd_store_begin (engine->store, CPD_STORE_DURABLE, error);
  if (tx == NULL
      || !cpd_store_rename_container (tx, id, new_name, error)
      || !cpd_store_add_operation (tx, "rename", id, NULL, &operation, error)
      || !cpd_store_add_event (tx, "container", "rename", id, new_name,
                               g_variant_builder_end (attributes), caller, error))
    {
      g_prefix_error (error, "failed to rename container %s: ", row->name);
      return FALSE;
    }
  cpd_fault_point ("rename.uncommitted");
  if (!cpd_transaction_commit (tx, error))
    {
      g_prefix_error (error, "failed to rename container %s: ", row->name);
      return FALSE;
    }
  cpd_fault_point ("rename.committed");
  cpd_engine_finish_metadata (engine, id, operation);
  cpd_fault_point ("rename.recorded");
  return TRUE;
}
