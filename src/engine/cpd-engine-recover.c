/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "common/cpd-clock.h"
#include "common/cpd-fault.h"
#include "common/cpd-fs.h"
#include "common/cpd-names.h"
#include "common/cpd-process.h"
#include "engine/cpd-container-metadata.h"
#include "engine/cpd-engine-private.h"
#include "public/cpod-error.h"
#include "store/cpd-store-operations.h"

/* What libpod resets after a reboot: nothing runs, nothing is mounted. */
static gboolean
refresh_container (CpdEngine *engine, CpdTransaction *tx, const CpdContainerRow *row,
                   GError **error)
{
  CpdContainerStatus status = row->status;

  if (status.state == CPD_CONTAINER_REMOVING)
    return TRUE;
  status.state = status.started == 0 ? CPD_CONTAINER_CONFIGURED : CPD_CONTAINER_EXITED;
  status.pid = status.pid_start = status.monitor_pid = status.monitor_start = 0;
  return cpd_store_set_container_status (tx, row->id, &status, error);
}

static gboolean
add_refresh_event (CpdEngine *engine, CpdTransaction *tx, guint n, GError **error)
{
  g_autoptr(GVariantBuilder) attributes = g_variant_builder_new (G_VARIANT_TYPE_VARDICT);

  g_variant_builder_add (attributes, "{sv}", "boot-id", g_variant_new_string (engine->boot_id));
  g_variant_builder_add (attributes, "{sv}", "ok", g_variant_new_uint32 (n));
  g_variant_builder_add (attributes, "{sv}", "failed", g_variant_new_uint32 (0));
  return cpd_store_add_event (tx, "system", "refresh", "", "", g_variant_builder_end (attributes),
                              CPD_CALLER_SELF, error);
}

/* A power cut may have kept the newest from the disk; the rows were synced. */
static void
mend_files (CpdEngine *engine, GPtrArray *rows)
{
  for (guint i = 0; i < rows->len; i++)
    {
      const CpdContainerRow *row = rows->pdata[i];
      g_autofree char *directory = cpd_engine_container_dir (engine, row->id);
      g_autoptr(GError) error = NULL;

      if (row->status.state != CPD_CONTAINER_REMOVING
          && !cpd_storage_mend_rw (engine->storage, row->id, row->image_id, &error))
        {
          g_message ("failed to mend the storage of container %s: %s", row->id, error->message);
          continue;
        }
      if (!row->auto_remove && row->status.state != CPD_CONTAINER_REMOVING
          && !cpd_container_metadata_is_good (directory, row->id)
          && !cpd_container_metadata_write (directory, row, FALSE, &error))
        g_message ("failed to mend the metadata of container %s: %s", row->id, error->message);
    }
}

/* The machine was booted since: reset what the boot has voided, in one transaction with the event. */
static gboolean
refresh (CpdEngine *engine, gboolean first, GError **error)
{
  CpdContainerQuery query = { .all = TRUE, .with_config = TRUE };
  g_autoptr(GPtrArray) rows = cpd_store_list_containers (engine->store, &query, error);
  g_autoptr(CpdTransaction) tx = NULL;

  if (rows == NULL)
    return FALSE;
  mend_files (engine, rows);
  tx = cpd_store_begin (engine->store, CPD_STORE_DURABLE, error);
  if (tx == NULL)
    return FALSE;
  for (guint i = 0; i < rows->len; i++)
    if (!refresh_container (engine, tx, rows->pdata[i], error))
      return FALSE;
  if (!first && !add_refresh_event (engine, tx, rows->len, error))
    return FALSE;
  return cpd_transaction_set_meta (tx, "boot-id", engine->boot_id, error)
         && cpd_transaction_commit (tx, error);
}

/* Where the run directory outlives a reboot, because it is on no tmpfs, so does what lies in it. */
static gboolean
clear_run_root (CpdEngine *engine, GError **error)
{
  g_autofree char *bundles = g_build_filename (engine->config->run_root, "containers", NULL);
  g_autoptr(GPtrArray) ids = cpd_fs_list_dir (bundles, error);

  if (ids == NULL)
    return FALSE;
  for (guint i = 0; i < ids->len; i++)
    {
      g_autoptr(GError) failure = NULL;

      if (cpd_id_is_valid (ids->pdata[i])
          && !cpd_engine_clear_runtime (engine, ids->pdata[i], &failure))
        g_message ("failed to clear what the last boot left of container %s: %s",
                   (char *) ids->pdata[i], failure->message);
    }
  return TRUE;
}

/* BOOTED tells whether there were containers of another boot. */
static gboolean
refresh_if_booted (CpdEngine *engine, gboolean *booted, GError **error)
{
  g_autoptr(GError) failure = NULL;
  g_autofree char *known = cpd_store_get_meta (engine->store, "boot-id", &failure);

  if (failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  *booted = known != NULL && strcmp (known, engine->boot_id) != 0;
  if (known != NULL && !*booted)
    return TRUE;
  if (*booted && !clear_run_root (engine, error))
    return FALSE;
  return refresh (engine, known == NULL, error);
}

/* Undoes a half-done creation, initialisation or pause; a removal goes on further down. */
static gboolean
recover_operation (CpdEngine *engine, const CpdOperationRow *operation, GError **error)
{
  if (strcmp (operation->kind, "create") == 0)
    {
      if (!cpd_engine_delete_files (engine, operation->object, error))
        return FALSE;
    }
  else if (strcmp (operation->kind, "init") == 0)
    {
      if (!cpd_engine_clear_runtime (engine, operation->object, error))
        return FALSE;
    }
  else if (strcmp (operation->kind, "rename") == 0)
    {
      if (!cpd_engine_record_name (engine, operation->object, error))
        return FALSE;
    }
  else if (strcmp (operation->kind, "pause") == 0)
    {
      if (!cpd_engine_undo_pause (engine, operation->object, error))
        return FALSE;
    }
  else
    return TRUE;
  cpd_engine_end_operation (engine, operation->number);
  return TRUE;
}

static gboolean
recover_operations (CpdEngine *engine, GError **error)
{
  g_autoptr(GPtrArray) operations = cpd_store_list_operations (engine->store, error);

  if (operations == NULL)
    return FALSE;
  for (guint i = 0; i < operations->len; i++)
    {
      CpdOperationRow *operation = operations->pdata[i];
      g_autoptr(GError) failure = NULL;

      /* One that cannot be undone now is tried again at the next start; it must not keep others. */
      if (!recover_operation (engine, operation, &failure))
        g_info ("failed to undo the %s of %s: %s", operation->kind, operation->object,
                failure->message);
    }
  return cpd_storage_recover (engine->storage, error);
}

/* Takes a container over that ran when the service ended, or deals with its end. */
static void
adopt (CpdEngine *engine, const CpdContainerRow *row)
{
  const CpdContainerStatus *status = &row->status;
  g_autoptr(GError) error = NULL;
  CpdContainerStatus running = *status;

  if (status->state == CPD_CONTAINER_CREATED && cpd_launcher_was_started (engine->launcher, row->id))
    {
      /* The service was killed between the start and its record. */
      running.state = CPD_CONTAINER_RUNNING;
      running.started = cpd_clock_now ();
      running.finished = 0;
      running.exit_code = 0;
      if (!cpd_engine_set_status (engine, row, &running, "start", NULL, 0, CPD_CALLER_SELF, &error))
        g_info ("failed to record the start of container %s: %s", row->name, error->message);
      g_clear_error (&error);
    }
  cpd_engine_watch (engine, row, status);
  /* Nobody tells of an end before the watch began, should a client hold the monitor up. */
  if (!cpd_process_is ((pid_t) status->pid, status->pid_start))
    cpd_engine_drop_attached (engine, row->id);
  if (status->state == CPD_CONTAINER_STOPPING
      && cpd_process_is ((pid_t) status->pid, status->pid_start))
    {
      running.state = CPD_CONTAINER_RUNNING;    /* who wanted it stopped is gone */
      if (!cpd_engine_set_status (engine, row, &running, NULL, NULL, 0, CPD_CALLER_SELF, &error))
        g_info ("failed to take over container %s: %s", row->name, error->message);
    }
  /* Does nothing for one that runs; whichever of this and the monitor comes first records the end. */
  cpd_engine_container_exited (engine, row->id, 0);
}

static void
finish_removal (CpdEngine *engine, const char *id)
{
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "remove");
  g_autoptr(GError) error = NULL;
  g_autoptr(CpdContainerRow) row = cpd_engine_get_container (engine, id, &error);

  if (row == NULL || !cpd_engine_remove_locked (engine, row, NULL, CPD_CALLER_SELF, &error))
    g_info ("failed to finish the removal of container %s: %s", id, error->message);
}

/* Configurations are read of the few that it matters for: of thousands that takes a while. */
static gboolean
consider_restarts (CpdEngine *engine, gboolean booted, GError **error)
{
  char *states[] = { (char *) "exited", NULL };
  CpdContainerQuery query = { .all = TRUE, .states = states, .restarting = TRUE, .with_config = TRUE };
  g_autoptr(GPtrArray) rows = cpd_store_list_containers (engine->store, &query, error);

  for (guint i = 0; rows != NULL && i < rows->len; i++)
    cpd_engine_consider_restart (engine, rows->pdata[i], booted);
  return rows != NULL;
}

static gboolean
recover_containers (CpdEngine *engine, gboolean booted, GError **error)
{
  CpdContainerQuery query = { .all = TRUE };
  g_autoptr(GPtrArray) rows = cpd_store_list_containers (engine->store, &query, error);

  if (rows == NULL || !consider_restarts (engine, booted, error))
    return FALSE;
  for (guint i = 0; i < rows->len; i++)
    {
      CpdContainerRow *row = rows->pdata[i];

      if (row->status.state == CPD_CONTAINER_REMOVING
          || (row->status.state == CPD_CONTAINER_EXITED && row->auto_remove))
        finish_removal (engine, row->id);
      else if (row->status.state != CPD_CONTAINER_CONFIGURED
               && row->status.state != CPD_CONTAINER_EXITED)
        adopt (engine, row);
    }
  return TRUE;
}

static gboolean
delete_orphan (CpdEngine *engine, const char *kind, const char *id, gpointer user_data,
               GError **error)
{
  g_autoptr(GError) failure = NULL;

  if (cpd_engine_keeps_files (engine, id))
    return TRUE;
  g_info ("removing %s %s, which belongs to no container", kind, id);
  if (!cpd_engine_clear_runtime (engine, id, &failure)
      || !cpd_engine_delete_files (engine, id, &failure))
    g_info ("failed to remove %s %s: %s", kind, id, failure->message);
  return TRUE;
}

gboolean
cpd_engine_recover (CpdEngine *engine, GError **error)
{
  gboolean booted = FALSE;

  if (!refresh_if_booted (engine, &booted, error))
    {
      g_prefix_error_literal (error, "failed to refresh after a reboot: ");
      return FALSE;
    }
  /* As long as the records are not whole, nothing is left over for sure. */
  if (engine->incomplete)
    return recover_containers (engine, booted, error);
  return recover_operations (engine, error)
         && cpd_engine_find_orphans (engine, delete_orphan, NULL, error)
         && recover_containers (engine, booted, error);
}
