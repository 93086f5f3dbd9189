/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-journal.h"
#include "engine/containers/cpd-container-config.h"
#include "engine/cpd-engine-private.h"
#include "public/cpod-error.h"

/* Something that is to be done with a container, some time later. */
typedef struct
{
  CpdEngine *engine;            /* (unowned): it destroys the source before it ends */
  char *key;                    /* in the engine's table */
  char *id;
  pid_t what;
} CpdPending;

static void
pending_free (gpointer data)
{
  CpdPending *pending = data;

  g_free (pending->key);
  g_free (pending->id);
  g_free (pending);
}

static gboolean
on_due (gpointer data)
{
  CpdPending *pending = data;
  g_autofree char *id = g_strdup (pending->id);
  CpdEngine *engine = pending->engine;
  const pid_t what = pending->what;

  g_mutex_lock (&engine->mutex);
  g_hash_table_remove (engine->pending, pending->key);  /* frees PENDING */
  g_mutex_unlock (&engine->mutex);
  cpd_engine_push_exit (engine, id, what);
  return G_SOURCE_REMOVE;
}

void
cpd_engine_schedule (CpdEngine *engine, const char *id, pid_t what, guint delay_ms)
{
  g_autoptr(GSource) source = g_timeout_source_new (delay_ms);
  CpdPending *pending = g_new0 (CpdPending, 1);

  pending->engine = engine;
  pending->key = g_strdup_printf ("%d %s", (int) what, id);
  pending->id = g_strdup (id);
  pending->what = what;
  g_source_set_callback (source, on_due, pending, pending_free);
  g_mutex_lock (&engine->mutex);
  if (engine->pending != NULL)
    {
      g_hash_table_replace (engine->pending, g_strdup (pending->key), g_source_ref (source));
      g_source_attach (source, engine->context);
    }
  g_mutex_unlock (&engine->mutex);
}

/* A reboot starts even what somebody has stopped, when its policy is "always". */
static void
schedule_after_boot (CpdEngine *engine, const CpdContainerRow *row)
{
  CpdContainerStatus status = row->status;
  g_autoptr(GError) error = NULL;

  status.stopped_by_user = FALSE;
  status.restarts = 0;
  if (cpd_engine_set_status (engine, row, &status, NULL, NULL, 0, CPD_CALLER_SELF, &error))
    cpd_engine_schedule (engine, row->id, CPD_EXIT_BOOT, 0);
  else
    cpd_log_container (G_LOG_LEVEL_MESSAGE, row->id,
                       "failed to start container %s after the reboot: %s", row->name, error->message);
}

void
cpd_engine_consider_restart (CpdEngine *engine, const CpdContainerRow *row, gboolean booted)
{
  g_autoptr(CpdContainerConfig) config = cpd_container_config_parse (row->config, NULL);

  if (config == NULL || cpd_engine_needs_refresh (engine, row->id))
    return;
  if (booted && cpd_restart_policy_matches_boot (&config->restart, &row->status))
    schedule_after_boot (engine, row);
  else if (!booted && cpd_restart_policy_matches (&config->restart, &row->status))
    cpd_engine_schedule (engine, row->id, CPD_EXIT_RESTART, cpd_restart_policy_delay (&row->status));
}

/* A start that fails counts as one, so that the next try comes later and "on-failure:N" has an end. */
static void
count_failure (CpdEngine *engine, const CpdContainerRow *row)
{
  CpdContainerStatus status = row->status;
  g_autoptr(CpdContainerRow) now = NULL;

  status.restarts++;
  if (!cpd_engine_set_status (engine, row, &status, NULL, NULL, 0, CPD_CALLER_SELF, NULL))
    return;
  now = cpd_engine_get_container (engine, row->id, NULL);
  if (now != NULL)
    cpd_engine_consider_restart (engine, now, FALSE);
}

/* Somebody may have started, stopped or removed it since. */
static CpdContainerRow *
get_restartable (CpdEngine *engine, const char *id)
{
  g_autoptr(CpdContainerRow) row = cpd_engine_get_container (engine, id, NULL);

  if (row == NULL || row->status.state != CPD_CONTAINER_EXITED || row->status.stopped_by_user
      || !cpd_engine_check_not_ending (engine, NULL))
    return NULL;
  return g_steal_pointer (&row);
}

/* What it depends on comes first; unless the machine was booted, not against the will of who stopped that. */
void
cpd_engine_restart_by_policy (CpdEngine *engine, const char *id, gboolean booted)
{
  g_autoptr(CpdContainerRow) before = get_restartable (engine, id);
  g_autoptr(CpdContainerRow) row = NULL;
  g_autoptr(CpdLock) lock = NULL;
  g_autoptr(GError) error = NULL;
  gboolean ready;

  if (before == NULL)
    return;
  ready = cpd_engine_start_dependencies (engine, id, booted, CPD_CALLER_SELF, &error);
  lock = cpd_locks_acquire (engine->locks, id, "restart");
  row = get_restartable (engine, id);
  if (row == NULL)
    return;
  if (!ready || !cpd_engine_start_locked (engine, id, row->status.restarts + 1, CPD_CALLER_SELF, &error))
    {
      cpd_log_container (G_LOG_LEVEL_MESSAGE, row->id,
                         "failed to start container %s again: %s", row->name, error->message);
      count_failure (engine, row);
      return;
    }
  if (!cpd_engine_add_event (engine, row, "restart", CPD_CALLER_SELF, &error))
    cpd_log_container (G_LOG_LEVEL_MESSAGE, row->id,
                       "failed to tell that container %s was started again: %s", row->name, error->message);
}

/* No container is started again from now on. */
void
cpd_engine_forget_restarts (CpdEngine *engine)
{
  g_autoptr(GHashTable) pending = NULL;

  g_mutex_lock (&engine->mutex);
  pending = g_steal_pointer (&engine->pending);
  g_mutex_unlock (&engine->mutex);
}

gboolean
cpd_engine_check_not_ending (CpdEngine *engine, GError **error)
{
  gboolean ending;

  g_mutex_lock (&engine->mutex);
  ending = engine->pending == NULL;
  g_mutex_unlock (&engine->mutex);
  if (ending)
    g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_RUNTIME_STOPPED, "the service is stopping");
  return !ending;
}

/* Stops it if it runs, and starts it. */
gboolean
cpd_engine_restart_container (CpdEngine *engine, const char *id, gint64 timeout,
                              const CpdCaller *caller, GError **error)
{
  g_autoptr(CpdContainerRow) before = cpd_engine_get_container (engine, id, error);
  g_autoptr(CpdContainerRow) row = NULL;
  g_autoptr(CpdLock) lock = NULL;

  /* One that could not be started again is not stopped. */
  if (before == NULL
      || !cpd_engine_dependencies_run (engine, before, "restart", error)
      || !cpd_engine_stop_container (engine, id, timeout, caller, error))
    return FALSE;
  lock = cpd_locks_acquire (engine->locks, id, "restart");
  row = cpd_engine_get_container (engine, id, error);
  return row != NULL
         && cpd_engine_start_locked (engine, id, 0, caller, error)
         && cpd_engine_add_event (engine, row, "restart", caller, error);
}
