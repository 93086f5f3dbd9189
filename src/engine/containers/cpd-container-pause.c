/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-fault.h"
#include "engine/cpd-engine-private.h"
#include "public/cpod-error.h"

/* Freezes or thaws; the event is recorded with the new state, after it is so. */
static gboolean
change_locked (CpdEngine *engine, const char *id, CpdContainerState from, CpdContainerState to,
               gboolean (*act) (CpdLauncher *launcher, const char *id, const char *bundle, GError **error),
               const char *verb, const CpdCaller *caller, GError **error)
{
  g_autoptr(CpdContainerRow) row =
    cpd_engine_get_in_state (engine, id, CPD_STATE_BIT (from), verb, error);
  g_autofree char *bundle = cpd_engine_bundle_path (engine, id);
  CpdContainerStatus status;
  gint64 operation;

  if (row == NULL)
    return FALSE;
  if (!cpd_engine_begin_operation (engine, "pause", id, &operation, error))
    {
      g_prefix_error (error, "failed to %s container %s: ", verb, row->name);
      return FALSE;
    }
  cpd_fault_point ("pause.intent");
  if (!act (engine->launcher, id, bundle, error))
    {
      cpd_engine_end_operation (engine, operation);
      g_prefix_error (error, "failed to %s container %s: ", verb, row->name);
      return FALSE;
    }
  cpd_fault_point ("pause.done");
  status = row->status;
  status.state = to;
  return cpd_engine_set_status (engine, row, &status, verb, NULL, operation, caller, error);
}

/* Nobody knows how far a pause or its end had come: let the container run, as it did before or will after. */
gboolean
cpd_engine_undo_pause (CpdEngine *engine, const char *id, GError **error)
{
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "unpause");
  g_autoptr(CpdContainerRow) row = cpd_engine_get_container (engine, id, NULL);
  g_autofree char *bundle = cpd_engine_bundle_path (engine, id);
  CpdContainerStatus status;

  if (row == NULL || (row->status.state != CPD_CONTAINER_RUNNING
                      && row->status.state != CPD_CONTAINER_PAUSED))
    return TRUE;
  /* The OCI runtime refuses to thaw what is not frozen, which is just as well. */
  cpd_launcher_resume (engine->launcher, id, bundle, NULL);
  if (row->status.state == CPD_CONTAINER_RUNNING)
    return TRUE;
  status = row->status;
  status.state = CPD_CONTAINER_RUNNING;
  return cpd_engine_set_status (engine, row, &status, "unpause", NULL, 0, CPD_CALLER_SELF, error);
}

gboolean
cpd_engine_pause_locked (CpdEngine *engine, const char *id, const CpdCaller *caller, GError **error)
{
  return change_locked (engine, id, CPD_CONTAINER_RUNNING, CPD_CONTAINER_PAUSED, cpd_launcher_pause,
                        "pause", caller, error);
}

gboolean
cpd_engine_unpause_locked (CpdEngine *engine, const char *id, const CpdCaller *caller, GError **error)
{
  return change_locked (engine, id, CPD_CONTAINER_PAUSED, CPD_CONTAINER_RUNNING, cpd_launcher_resume,
                        "unpause", caller, error);
}

gboolean
cpd_engine_pause_container (CpdEngine *engine, const char *id, const CpdCaller *caller,
                            GError **error)
{
  g_autoptr(CpdHold) hold = cpd_holds_take (engine->holds);
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "pause");

  return cpd_engine_pause_locked (engine, id, caller, error);
}

gboolean
cpd_engine_unpause_container (CpdEngine *engine, const char *id, const CpdCaller *caller,
                              GError **error)
{
  g_autoptr(CpdHold) hold = cpd_holds_take (engine->holds);
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "unpause");

  return cpd_engine_unpause_locked (engine, id, caller, error);
}
