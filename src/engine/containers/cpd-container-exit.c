/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-clock.h"
#include "common/cpd-fault.h"
#include "common/cpd-fs.h"
#include "common/cpd-journal.h"
#include "common/cpd-process.h"
#include "engine/conmon/cpd-conmon-clients.h"
#include "engine/cpd-engine-private.h"
#include "engine/exec/cpd-exec-private.h"
#include "public/cpod-error.h"

#define LIVE (CPD_STATE_BIT (CPD_CONTAINER_CREATED) | CPD_STATE_BIT (CPD_CONTAINER_RUNNING) \
              | CPD_STATE_BIT (CPD_CONTAINER_PAUSED) | CPD_STATE_BIT (CPD_CONTAINER_STOPPING))

/* Ends what still runs of a container and takes away what it needed to run. Can be done again. */
gboolean
cpd_engine_clear_runtime (CpdEngine *engine, const char *id, GError **error)
{
  g_autofree char *bundle = cpd_engine_bundle_path (engine, id);
  g_autofree char *rootfs = cpd_engine_rootfs_path (engine, id);

  return cpd_engine_end_execs (engine, id, error)
         && cpd_launcher_delete (engine->launcher, id, bundle, error)
         && cpd_storage_unmount (engine->storage, rootfs, error)
         && cpd_fs_remove_tree (bundle, error);
}

/* Clients that do not read must not keep the news of the end back. */
void
cpd_engine_drop_attached (CpdEngine *engine, const char *id)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CpdContainerRow) row = cpd_engine_get_container (engine, id, &error);

  if (row == NULL
      || !cpd_conmon_drop_clients ((pid_t) row->status.monitor_pid, row->status.monitor_start, &error))
    cpd_log_container (G_LOG_LEVEL_INFO, id, "failed to drop the clients of container %s: %s", id, error->message);
}

/*
 * From stopped to exited, or from created back to what it was before. The
 * container's lock is held.
 */
gboolean
cpd_engine_cleanup_locked (CpdEngine *engine, const char *id, GError **error)
{
  g_autoptr(CpdHold) hold = cpd_holds_take (engine->holds);
  g_autoptr(CpdContainerRow) row = cpd_engine_get_container (engine, id, error);
  CpdContainerStatus status;

  if (row == NULL || !cpd_engine_clear_runtime (engine, id, error))
    return FALSE;
  cpd_fault_point ("cleanup.cleared");
  status = row->status;
  status.state = status.started == 0 ? CPD_CONTAINER_CONFIGURED : CPD_CONTAINER_EXITED;
  status.pid = status.pid_start = status.monitor_pid = status.monitor_start = 0;
  return cpd_engine_set_status (engine, row, &status, "cleanup", NULL, 0, CPD_CALLER_SELF, error);
}

gboolean
cpd_engine_cleanup_container (CpdEngine *engine, const char *id, const CpdCaller *caller,
                              GError **error)
{
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "cleanup");
  g_autoptr(CpdContainerRow) row =
    cpd_engine_get_in_state (engine, id, CPD_STATE_BIT (CPD_CONTAINER_CONFIGURED)
                                         | CPD_STATE_BIT (CPD_CONTAINER_CREATED)
                                         | CPD_STATE_BIT (CPD_CONTAINER_STOPPED)
                                         | CPD_STATE_BIT (CPD_CONTAINER_EXITED), "clean up", error);

  if (row == NULL)
    return FALSE;
  if (row->status.state == CPD_CONTAINER_CONFIGURED || row->status.state == CPD_CONTAINER_EXITED)
    return TRUE;
  return cpd_engine_cleanup_locked (engine, id, error);
}

/* What is known of how it ended; that nobody saw it is told by -1. */
static void
read_exit (CpdEngine *engine, const CpdContainerRow *row, CpdContainerStatus *status)
{
  g_autofree char *bundle = cpd_engine_bundle_path (engine, row->id);

  status->exit_code = -1;
  cpd_launcher_get_exit (engine->launcher, row->id, bundle, &status->exit_code,
                         &status->oom_killed);
  /* It is asked in any case: what is known of this run must not be told of the next. */
  if (cpd_oom_log_take (engine->oom_log, row->id))
    status->oom_killed = TRUE;
}

static gboolean
has_exit (CpdEngine *engine, const CpdContainerRow *row)
{
  g_autofree char *bundle = cpd_engine_bundle_path (engine, row->id);
  int exit_code;
  gboolean oom_killed;

  return cpd_launcher_get_exit (engine->launcher, row->id, bundle, &exit_code, &oom_killed);
}

static gboolean
record_exit (CpdEngine *engine, const CpdContainerRow *row, GError **error)
{
  g_autoptr(GVariantBuilder) attributes = cpd_engine_attributes (row);
  CpdContainerStatus status = row->status;

  read_exit (engine, row, &status);
  status.state = CPD_CONTAINER_STOPPED;
  status.pid = status.pid_start = 0;
  status.finished = cpd_clock_now ();
  g_variant_builder_add (attributes, "{sv}", "exit-code", g_variant_new_int32 (status.exit_code));
  return cpd_engine_set_status (engine, row, &status, "died", g_variant_builder_end (attributes), 0,
                                CPD_CALLER_SELF, error);
}

/* Whether this piece of news is about the run that the row tells of, and not yet known. */
static gboolean
is_news (CpdEngine *engine, const CpdContainerRow *row, pid_t monitor_pid)
{
  const CpdContainerStatus *status = &row->status;

  if ((CPD_STATE_BIT (status->state) & LIVE) == 0)
    return FALSE;
  if (monitor_pid != 0 && status->monitor_pid != monitor_pid)
    return FALSE;
  if (has_exit (engine, row))
    return TRUE;
  /* No exit file: only if the monitor is gone will there never be one. */
  if (cpd_process_is ((pid_t) status->monitor_pid, status->monitor_start))
    return FALSE;
  /* Its output has nowhere to go and nobody can tell how it ends, but it runs. */
  if (cpd_process_is ((pid_t) status->pid, status->pid_start))
    {
      cpd_log_container (G_LOG_LEVEL_INFO, row->id,
                         "the monitor of container %s is gone; the container goes on", row->name);
      return FALSE;
    }
  return TRUE;
}

/* It goes when what depends on it has gone. */
static gboolean
auto_remove (CpdEngine *engine, const CpdContainerRow *row, GError **error)
{
  g_autoptr(GError) failure = NULL;

  if (cpd_engine_remove_locked (engine, row, NULL, CPD_CALLER_SELF, &failure)
      || g_error_matches (failure, CPOD_ERROR, CPOD_ERROR_DEPENDENTS_EXIST))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

static gboolean
handle_exit (CpdEngine *engine, const char *id, pid_t monitor_pid, GError **error)
{
  g_autoptr(CpdHold) hold = cpd_holds_take (engine->holds);
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "exit");
  g_autoptr(CpdContainerRow) row = cpd_engine_get_container (engine, id, error);
  g_autoptr(CpdContainerRow) after = NULL;

  if (row == NULL)
    return FALSE;
  if (row->status.state == CPD_CONTAINER_EXITED && row->auto_remove)
    return auto_remove (engine, row, error);
  if (row->status.state != CPD_CONTAINER_STOPPED)
    {
      if (!is_news (engine, row, monitor_pid))
        return TRUE;
      /* One that never ran cannot die: it goes back to where it was. */
      if (row->status.state != CPD_CONTAINER_CREATED && !record_exit (engine, row, error))
        return FALSE;
      cpd_fault_point ("exit.recorded");
    }
  if (!cpd_engine_cleanup_locked (engine, id, error))
    return FALSE;
  after = cpd_engine_get_container (engine, id, error);
  if (after == NULL)
    return FALSE;
  if (row->auto_remove)
    return auto_remove (engine, after, error);
  cpd_engine_consider_restart (engine, after, FALSE);
  return TRUE;
}

/* Should the store be full or broken for now: nobody else will tell of this end. */
void
cpd_engine_retry_exit (CpdEngine *engine, const char *id, pid_t monitor_pid, const GError *error)
{
  if (g_error_matches (error, CPOD_ERROR, CPOD_ERROR_DISK_FULL)
      || g_error_matches (error, CPOD_ERROR, CPOD_ERROR_STORE_FAILED))
    cpd_engine_schedule (engine, id, monitor_pid, CPD_RETRY_MS);
}

void
cpd_engine_container_exited (CpdEngine *engine, const char *id, pid_t monitor_pid)
{
  g_autoptr(GError) error = NULL;

  if (!handle_exit (engine, id, monitor_pid, &error)
      && !g_error_matches (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER))
    {
      cpd_log_container (G_LOG_LEVEL_INFO, id, "failed to deal with the end of container %s: %s", id, error->message);
      cpd_engine_retry_exit (engine, id, monitor_pid, error);
    }
}

/* Somebody else may start it again at once: another process is another run. */
static gboolean
has_stopped (CpdEngine *engine, gconstpointer data)
{
  const CpdContainerRow *row = data;
  g_autoptr(CpdContainerRow) now = cpd_engine_get_container (engine, row->id, NULL);

  return now == NULL
         || (CPD_STATE_BIT (now->status.state) & LIVE) == 0
         || now->status.pid != row->status.pid
         || now->status.pid_start != row->status.pid_start;
}

gboolean
cpd_engine_wait_stopped (CpdEngine *engine, const CpdContainerRow *row, gint64 timeout_us)
{
  return cpd_engine_wait_for (engine, has_stopped, row, timeout_us);
}
