/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "common/cpd-clock.h"
#include "common/cpd-fs.h"
#include "common/cpd-journal.h"
#include "common/cpd-names.h"
#include "common/cpd-process.h"
#include "engine/containers/cpd-external.h"
#include "engine/cpd-engine-private.h"
#include "engine/cpd-mounts.h"
#include "engine/exec/cpd-exec-private.h"
#include "public/cpod-error.h"
#include "store/cpd-store-operations.h"

typedef gboolean (*Settle) (CpdEngine *engine, const char *id, GError **error);

/* What undoes an operation of this kind that was half done, or finishes it; NULL when that is done further down. */
static Settle
find_settle (const char *kind)
{
  static const struct
  {
    const char *kind;
    Settle settle;
  } all[] = {
    { "commit", cpd_engine_undo_pause },
    { "create", cpd_engine_delete_files },
    { "exec", cpd_engine_undo_exec },
    { "init", cpd_engine_clear_runtime },
    { "migrate", cpd_engine_undo_migrate },
    { "mount", cpd_engine_settle_mount },
    { "pause", cpd_engine_undo_pause },
    { "rename", cpd_engine_record_metadata },
    { "unmount", cpd_engine_settle_mount },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (all); i++)
    if (strcmp (kind, all[i].kind) == 0)
      return all[i].settle;
  return NULL;
}

/* Health tells of what cannot be refreshed; it is tried again, and not only at the next start. */
static void
retry_refresh (CpdEngine *engine, const char *id)
{
  if (!cpd_engine_needs_refresh (engine, id))
    cpd_engine_refresh_again (engine, id);
}

static gboolean
recover_operation (CpdEngine *engine, const CpdOperationRow *operation, GError **error)
{
  const char *kind = operation->kind, *id = operation->object;
  const Settle settle = find_settle (kind);

  if (strcmp (kind, "remove-storage") == 0)
    return cpd_engine_finish_external (engine, id, operation->payload, operation->number, CPD_CALLER_SELF, error);
  if (strcmp (kind, "refresh") == 0)
    retry_refresh (engine, id);

  if (strcmp (kind, "update") == 0)
    {
      if (!cpd_engine_undo_update (engine, id, operation->payload, error))
        return FALSE;
    }
  else if (settle == NULL)
    return TRUE;
  else if (!settle (engine, id, error))
    return FALSE;
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
      running.stopped_by_user = FALSE;
      if (!cpd_engine_set_status (engine, row, &running, "start", NULL, 0, CPD_CALLER_SELF, &error))
        cpd_log_container (G_LOG_LEVEL_INFO, row->id,
                           "failed to record the start of container %s: %s", row->name, error->message);
      g_clear_error (&error);
    }
  cpd_engine_watch (engine, row, status);
  /* Nobody tells of an end before the watch began, should a client hold the monitor up. */
  if (!cpd_process_is ((pid_t) status->pid, status->pid_start))
    cpd_engine_drop_attached (engine, row->id);
  if (status->state == CPD_CONTAINER_STOPPING
      && cpd_process_is ((pid_t) status->pid, status->pid_start))
    {
      g_autofree char *bundle = cpd_engine_bundle_path (engine, row->id);

      /* It may have been paused, and not been thawed yet; the OCI runtime refuses to thaw what is not frozen. */
      cpd_launcher_resume (engine->launcher, row->id, bundle, NULL);
      running.state = CPD_CONTAINER_RUNNING;    /* who wanted it stopped is gone */
      if (!cpd_engine_set_status (engine, row, &running, NULL, NULL, 0, CPD_CALLER_SELF, &error))
        cpd_log_container (G_LOG_LEVEL_INFO, row->id,
                           "failed to take over container %s: %s", row->name, error->message);
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
    cpd_log_container (G_LOG_LEVEL_INFO, id, "failed to finish the removal of container %s: %s", id, error->message);
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

/* One part of the recovery. */
typedef gboolean (*CpdRecoveryStep) (CpdEngine *engine, gboolean *booted, GError **error);

static gboolean
undo_or_finish (CpdEngine *engine, gboolean *booted, GError **error)
{
  return recover_operations (engine, error);
}

static gboolean
delete_orphans (CpdEngine *engine, gboolean *booted, GError **error)
{
  return cpd_engine_settle_mounts (engine, error) && cpd_engine_find_orphans (engine, delete_orphan, NULL, error);
}

static gboolean
take_over (CpdEngine *engine, gboolean *booted, GError **error)
{
  return recover_containers (engine, *booted, error);
}

/* What fails is told, and keeps nothing else from being recovered. */
static gboolean
try (CpdEngine *engine, CpdRecoveryStep step, const char *what, gboolean *booted, GError **error)
{
  g_autoptr(GError) failure = NULL;

  if (step (engine, booted, &failure))
    return TRUE;
  g_prefix_error (&failure, "failed to %s: ", what);
  cpd_health_add (engine->health, "recovery", TRUE, "%s", failure->message);
  cpd_engine_tell_health (engine);
  if (error != NULL && *error == NULL)
    g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

static gboolean
take_execs_over (CpdEngine *engine, gboolean *booted, GError **error)
{
  return cpd_engine_recover_execs (engine, error);
}

static gboolean
recover (CpdEngine *engine, GError **error)
{
  gboolean booted = FALSE, whole = TRUE;

  /* Without this nothing in the records is to be relied on; the next start tries again. */
  if (!try (engine, cpd_engine_refresh_if_booted, "refresh after a reboot", &booted, error))
    return FALSE;
  /* As long as the records are not whole, nothing is left over for sure. */
  if (!engine->incomplete)
    {
      whole &= try (engine, undo_or_finish, "finish what was interrupted", &booted, error);
      whole &= try (engine, delete_orphans, "remove what is left over", &booted, error);
    }
  whole &= try (engine, take_execs_over, "take exec sessions over", &booted, error);
  whole &= try (engine, take_over, "take containers over", &booted, error);
  return whole;
}

gboolean
cpd_engine_recover (CpdEngine *engine, GError **error)
{
  g_autoptr(CpdHold) hold = cpd_holds_take (engine->holds);
  const gint64 begun = g_get_monotonic_time ();
  gboolean ok = recover (engine, error);

  g_info ("recovered in %" G_GINT64_FORMAT " us", g_get_monotonic_time () - begun);
  return ok;
}
