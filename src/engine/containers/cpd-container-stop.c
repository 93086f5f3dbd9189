/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>

#include "common/cpd-fault.h"
#include "common/cpd-names.h"
#include "common/cpd-process.h"
#include "engine/containers/cpd-container-config.h"
#include "engine/cpd-engine-private.h"
#include "public/cpod-error.h"

/* How long the kernel and the monitor may take to report an end by SIGKILL. */
#define KILL_WAIT_US (10 * G_USEC_PER_SEC)

#define NOT_REMOVING (CPD_STATE_BIT (CPD_CONTAINER_REMOVING) - 1)
#define RUNNING (CPD_STATE_BIT (CPD_CONTAINER_RUNNING) | CPD_STATE_BIT (CPD_CONTAINER_PAUSED) \
                 | CPD_STATE_BIT (CPD_CONTAINER_STOPPING))

static gboolean
send_signal (const CpdContainerRow *row, int number, GError **error)
{
  return cpd_process_signal ((pid_t) row->status.pid, row->status.pid_start, number, error);
}

/* It does not run, but its restart policy may be about to start it. */
static void
let_be (CpdEngine *engine, const CpdContainerRow *row, GError **error)
{
  CpdContainerStatus status = row->status;

  if (status.stopped_by_user || status.started == 0 || g_atomic_int_get (&engine->machine_ends))
    return;
  status.stopped_by_user = TRUE;
  cpd_engine_set_status (engine, row, &status, NULL, NULL, 0, CPD_CALLER_SELF, error);
}

/* Marks it as stopping and sends the signal; gives NULL without an error when it does not run. */
static CpdContainerRow *
begin_stop (CpdEngine *engine, const char *id, gint64 *timeout, GError **error)
{
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "stop");
  g_autoptr(CpdContainerRow) row = cpd_engine_get_in_state (engine, id, NOT_REMOVING, "stop", error);
  g_autoptr(CpdContainerConfig) config = NULL;
  g_autofree char *bundle = cpd_engine_bundle_path (engine, id);
  CpdContainerStatus status;

  if (row == NULL)
    return NULL;
  if (row->status.state == CPD_CONTAINER_CREATED)
    {
      cpd_engine_cleanup_locked (engine, id, error);
      return NULL;
    }
  if ((CPD_STATE_BIT (row->status.state) & RUNNING) == 0)
    {
      let_be (engine, row, error);
      return NULL;
    }

  config = cpd_container_config_parse (row->config, NULL);
  if (*timeout < 0)
    *timeout = config != NULL ? config->stop_timeout : 10;
  status = row->status;
  status.state = CPD_CONTAINER_STOPPING;
  if (!g_atomic_int_get (&engine->machine_ends))
    status.stopped_by_user = TRUE;
  if (!cpd_engine_set_status (engine, row, &status, NULL, NULL, 0, CPD_CALLER_SELF, error)
      || !send_signal (row, *timeout == 0 || config == NULL ? SIGKILL : config->stop_signal, error))
    return NULL;
  cpd_fault_point ("stop.sent");
  /* One that is frozen would never get to handle it. */
  if (row->status.state == CPD_CONTAINER_PAUSED
      && !cpd_launcher_resume (engine->launcher, id, bundle, error))
    return NULL;
  return g_steal_pointer (&row);
}

/* Ends the container's process and waits for that; no lock is held meanwhile. */
static gboolean
stop_and_wait (CpdEngine *engine, const char *id, gint64 timeout, gboolean *was_running,
               GError **error)
{
  g_autoptr(GError) failure = NULL;
  g_autoptr(CpdContainerRow) row = begin_stop (engine, id, &timeout, &failure);

  *was_running = row != NULL;
  if (row == NULL)
    {
      if (failure == NULL)
        return TRUE;
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  if (timeout > 0 && cpd_engine_wait_stopped (engine, row, timeout * G_USEC_PER_SEC))
    return TRUE;
  if (!send_signal (row, SIGKILL, error))
    return FALSE;
  if (cpd_engine_wait_stopped (engine, row, KILL_WAIT_US))
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED,
               "process %d of container %s has not ended %d s after SIGKILL",
               (int) row->status.pid, row->name, (int) (KILL_WAIT_US / G_USEC_PER_SEC));
  return FALSE;
}

gboolean
cpd_engine_stop_container (CpdEngine *engine, const char *id, gint64 timeout,
                           const CpdCaller *caller, GError **error)
{
  g_autoptr(CpdContainerRow) row = cpd_engine_get_container (engine, id, error);
  gboolean was_running;

  if (row == NULL || !stop_and_wait (engine, id, timeout, &was_running, error))
    return FALSE;
  return !was_running || cpd_engine_add_event (engine, row, "stop", caller, error);
}

/* With cgroups v1 even SIGKILL waits until what is frozen is thawed. */
static gboolean
thaw_killed (CpdEngine *engine, const CpdContainerRow *row, int number, GError **error)
{
  g_autofree char *bundle = cpd_engine_bundle_path (engine, row->id);

  if (number != SIGKILL || row->status.state != CPD_CONTAINER_PAUSED)
    return TRUE;
  cpd_fault_point ("kill.sent");
  return cpd_config_is_cgroup_v2 () || cpd_launcher_resume (engine->launcher, row->id, bundle, error);
}

gboolean
cpd_engine_kill_container (CpdEngine *engine, const char *id, const char *signal_name,
                           const CpdCaller *caller, GError **error)
{
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "kill");
  g_autoptr(CpdContainerRow) row = cpd_engine_get_in_state (engine, id, RUNNING, "kill", error);
  g_autoptr(CpdContainerConfig) config = NULL;
  g_autoptr(GVariantBuilder) attributes = NULL;
  CpdContainerStatus status;
  int number;

  if (row == NULL)
    return FALSE;
  number = cpd_signal_parse (signal_name, error);
  if (number == 0)
    {
      g_prefix_error (error, "option 'signal': ");
      return FALSE;
    }
  if (!send_signal (row, number, error) || !thaw_killed (engine, row, number, error))
    {
      g_prefix_error (error, "failed to kill container %s: ", row->name);
      return FALSE;
    }
  /* Other signals than these are not meant to end it for good. */
  config = cpd_container_config_parse (row->config, NULL);
  status = row->status;
  status.stopped_by_user |= number == SIGKILL || (config != NULL && number == config->stop_signal);
  attributes = cpd_engine_attributes (row);
  g_variant_builder_add (attributes, "{sv}", "signal", g_variant_new_string (signal_name));
  return cpd_engine_set_status (engine, row, &status, "kill",
                                g_variant_builder_end (attributes), 0, caller, error);
}
