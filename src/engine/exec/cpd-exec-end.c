/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>
#include <signal.h>

#include "common/cpd-clock.h"
#include "common/cpd-fault.h"
#include "common/cpd-fs.h"
#include "common/cpd-names.h"
#include "common/cpd-process.h"
#include "engine/conmon/cpd-conmon-clients.h"
#include "engine/exec/cpd-exec-private.h"
#include "public/cpod-error.h"

/* What a process that was killed ends with. */
#define KILLED (128 + SIGKILL)

/* How long the monitor of one that was killed has before its clients are dropped, and before it is ended. */
#define CLIENT_GRACE_MS 100
#define MONITOR_GRACE_MS 2000

void
cpd_engine_drop_exec_clients (CpdEngine *engine, const char *id)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CpdExecRow) row = cpd_engine_get_exec (engine, id, NULL);

  if (row != NULL
      && !cpd_conmon_drop_clients ((pid_t) row->status.monitor_pid, row->status.monitor_start, &error))
    g_info ("failed to drop the clients of exec session %s: %s", id, error->message);
}

/* It may all be over before the watch begins, and then the watch tells nothing. */
void
cpd_engine_watch_exec (CpdEngine *engine, const CpdExecRow *row, const CpdExecStatus *status)
{
  g_autofree char *directory = cpd_engine_exec_dir (engine, row);
  g_autofree char *exit_file = cpd_launcher_exec_exit_file (engine->launcher, directory, row->container_id);

  cpd_monitor_watch_exec (engine->monitor, row->id, exit_file,
                          cpd_process_open ((pid_t) status->pid, status->pid_start),
                          cpd_process_open ((pid_t) status->monitor_pid, status->monitor_start),
                          (pid_t) status->monitor_pid);
  if (!cpd_process_is ((pid_t) status->monitor_pid, status->monitor_start))
    cpd_engine_push_exit (engine, row->id, CPD_EXIT_EXEC);
}

/* FALSE when it has not ended; -1 when nobody saw how. */
static gboolean
get_exit (CpdEngine *engine, const CpdExecRow *row, int *exit_code)
{
  const CpdExecStatus *status = &row->status;
  g_autofree char *directory = cpd_engine_exec_dir (engine, row);

  if (cpd_launcher_get_exec_exit (engine->launcher, directory, row->container_id, exit_code))
    return TRUE;
  *exit_code = -1;
  /* Without its monitor it goes on, but its output has nowhere to go. */
  return !cpd_process_is ((pid_t) status->monitor_pid, status->monitor_start)
         && !cpd_process_is ((pid_t) status->pid, status->pid_start);
}

/* The session's lock is held. */
static gboolean
record_end (CpdEngine *engine, const CpdExecRow *row, int exit_code, GError **error)
{
  g_autofree char *directory = cpd_engine_exec_dir (engine, row);
  CpdExecStatus status = row->status;

  status.state = CPD_EXEC_STOPPED;
  status.exit_code = exit_code;
  status.pid = status.pid_start = status.monitor_pid = status.monitor_start = 0;
  status.finished = cpd_clock_now ();
  if (!cpd_engine_set_exec_status (engine, row, &status, "exec_died", 0, CPD_CALLER_SELF, error))
    return FALSE;
  cpd_fault_point ("exec-end.recorded");
  cpd_monitor_forget (engine->monitor, row->id);
  return cpd_fs_remove_tree (directory, error);
}

static gboolean
handle_end (CpdEngine *engine, const char *id, GError **error)
{
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "exit");
  g_autoptr(CpdExecRow) row = cpd_engine_get_exec (engine, id, error);
  int exit_code;

  if (row == NULL)
    return FALSE;
  if (row->status.state != CPD_EXEC_RUNNING || !get_exit (engine, row, &exit_code))
    return TRUE;
  return record_end (engine, row, exit_code, error);
}

void
cpd_engine_exec_ended (CpdEngine *engine, const char *id)
{
  g_autoptr(GError) error = NULL;

  if (handle_end (engine, id, &error)
      || g_error_matches (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_EXEC_SESSION)
      || g_error_matches (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER))
    return;
  g_info ("failed to deal with the end of exec session %s: %s", id, error->message);
  cpd_engine_retry_exit (engine, id, CPD_EXIT_EXEC, error);
}

static gboolean
has_ended (CpdEngine *engine, gconstpointer id)
{
  g_autoptr(CpdExecRow) row = cpd_engine_get_exec (engine, id, NULL);

  return row == NULL || row->status.state != CPD_EXEC_RUNNING;
}

gboolean
cpd_engine_wait_exec_ended (CpdEngine *engine, const char *id, gint64 timeout_us)
{
  return cpd_engine_wait_for (engine, has_ended, id, timeout_us);
}

/* Its process is gone; the monitor is about to write that down, unless a client holds it up. */
static void
end_monitor (const CpdExecStatus *status)
{
  struct pollfd item = { .events = POLLIN };
  cpd_autofd int fd = cpd_process_open ((pid_t) status->monitor_pid, status->monitor_start);

  item.fd = fd;
  if (fd < 0 || poll (&item, 1, CLIENT_GRACE_MS) > 0)
    return;
  cpd_conmon_drop_clients ((pid_t) status->monitor_pid, status->monitor_start, NULL);
  if (poll (&item, 1, MONITOR_GRACE_MS) > 0)
    return;
  cpd_process_signal ((pid_t) status->monitor_pid, status->monitor_start, SIGKILL, NULL);
  poll (&item, 1, MONITOR_GRACE_MS);
}

/* One that shares the host's processes does not end by itself when its container's first process does. */
static gboolean
end_one (CpdEngine *engine, const char *id, GError **error)
{
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "exit");
  g_autoptr(CpdExecRow) row = cpd_engine_get_exec (engine, id, NULL);
  g_autoptr(CpdTransaction) tx = NULL;
  int exit_code = -1;

  if (row == NULL || row->status.state == CPD_EXEC_STOPPED)
    return TRUE;
  if (row->status.state == CPD_EXEC_RUNNING)
    {
      cpd_process_signal ((pid_t) row->status.pid, row->status.pid_start, SIGKILL, NULL);
      end_monitor (&row->status);
      if (!get_exit (engine, row, &exit_code) || exit_code < 0)
        exit_code = KILLED;
      return record_end (engine, row, exit_code, error);
    }
  tx = cpd_store_begin (engine->store, CPD_STORE_BOOT, error);
  return tx != NULL && cpd_store_delete_exec (tx, id, error) && cpd_transaction_commit (tx, error);
}

gboolean
cpd_engine_end_execs (CpdEngine *engine, const char *container_id, GError **error)
{
  g_autoptr(GPtrArray) rows = cpd_store_list_execs (engine->store, container_id, FALSE, error);

  if (rows == NULL)
    return FALSE;
  for (guint i = 0; i < rows->len; i++)
    if (!end_one (engine, ((CpdExecRow *) rows->pdata[i])->id, error))
      {
        g_prefix_error (error, "failed to end the exec sessions of container %s: ", container_id);
        return FALSE;
      }
  return TRUE;
}
