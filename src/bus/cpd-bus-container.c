/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-archives.h"
#include "bus/cpd-bus-create-options.h"
#include "bus/cpd-bus-exec.h"
#include "bus/cpd-bus-files.h"
#include "bus/cpd-bus-interface.h"
#include "bus/cpd-bus-storage.h"
#include "bus/cpd-bus-top.h"
#include "bus/cpd-bus-verbs.h"
#include "cpod-generated.h"
#include "public/cpod-error.h"

static gboolean
check_conditions (GVariant *value, GError **error)
{
  g_autofree const char **conditions = g_variant_get_strv (value, NULL);
  CpdContainerState state;

  if (conditions[0] == NULL)
    {
      g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                           "at least one condition is needed");
      return FALSE;
    }
  for (const char **c = conditions; *c != NULL; c++)
    if (g_strcmp0 (*c, "removed") != 0
        && (!cpd_container_state_from_string (*c, &state) || state == CPD_CONTAINER_STOPPING
            || state == CPD_CONTAINER_REMOVING))
      {
        g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                     "'%s' is no condition to wait for", *c);
        return FALSE;
      }
  return TRUE;
}

static const CpdBusOption stop_options[] = {
  { "timeout", G_VARIANT_TYPE_UINT32 },
  { NULL }
};

static const CpdBusOption kill_options[] = {
  { "signal", G_VARIANT_TYPE_STRING, cpd_bus_check_signal },
  { NULL }
};

static const CpdBusOption wait_options[] = {
  { "condition", G_VARIANT_TYPE_STRING_ARRAY, check_conditions },
  { NULL }
};

static const CpdBusOption remove_options[] = {
  { "force", G_VARIANT_TYPE_BOOLEAN },
  { "depend", G_VARIANT_TYPE_BOOLEAN },
  { "timeout", G_VARIANT_TYPE_UINT32 },
  { NULL }
};

static const CpdBusOption attach_options[] = {
  { "running", G_VARIANT_TYPE_BOOLEAN },
  { NULL }
};

static const CpdBusOption update_options[] = {
  CPD_BUS_RESOURCE_OPTIONS,
  { NULL }
};

static const CpdBusOption logs_options[] = {
  { "follow", G_VARIANT_TYPE_BOOLEAN },
  { "tail", G_VARIANT_TYPE_UINT32 },
  { "since", G_VARIANT_TYPE_UINT64, cpd_bus_check_time },
  { "until", G_VARIANT_TYPE_UINT64, cpd_bus_check_time },
  { NULL }
};

static const CpdBusOption inspect_options[] = {
  { "size", G_VARIANT_TYPE_BOOLEAN },
  { NULL }
};

/* The methods that need nothing but the container. */
static GVariant *
act (CpdBusCall *call,
     gboolean (*verb) (CpdEngine *engine, const char *id, const CpdCaller *caller, GError **error),
     GError **error)
{
  if (!verb (cpd_bus_call_get_engine (call), cpd_bus_call_get_object (call),
             cpd_bus_call_get_caller (call), error))
    return NULL;
  return cpd_bus_call_nothing ();
}

static GVariant *
work_init (CpdBusCall *call, GError **error)
{
  return act (call, cpd_engine_init_container, error);
}

static GVariant *
work_start (CpdBusCall *call, GError **error)
{
  return act (call, cpd_engine_start_container, error);
}

static GVariant *
work_pause (CpdBusCall *call, GError **error)
{
  return act (call, cpd_engine_pause_container, error);
}

static GVariant *
work_unpause (CpdBusCall *call, GError **error)
{
  return act (call, cpd_engine_unpause_container, error);
}

static GVariant *
work_cleanup (CpdBusCall *call, GError **error)
{
  return act (call, cpd_engine_cleanup_container, error);
}

static GVariant *
work_stop (CpdBusCall *call, GError **error)
{
  gint64 timeout = cpd_bus_options_get_uint32 (cpd_bus_call_get_options (call), "timeout", -1);

  if (!cpd_engine_stop_container (cpd_bus_call_get_engine (call), cpd_bus_call_get_object (call),
                                  timeout, cpd_bus_call_get_caller (call), error))
    return NULL;
  return cpd_bus_call_nothing ();
}

static GVariant *
work_restart (CpdBusCall *call, GError **error)
{
  gint64 timeout = cpd_bus_options_get_uint32 (cpd_bus_call_get_options (call), "timeout", -1);

  if (!cpd_engine_restart_container (cpd_bus_call_get_engine (call), cpd_bus_call_get_object (call),
                                     timeout, cpd_bus_call_get_caller (call), error))
    return NULL;
  return cpd_bus_call_nothing ();
}

static GVariant *
work_kill (CpdBusCall *call, GError **error)
{
  g_autofree char *signal = cpd_bus_options_get_string (cpd_bus_call_get_options (call), "signal");

  if (!cpd_engine_kill_container (cpd_bus_call_get_engine (call), cpd_bus_call_get_object (call),
                                  signal != NULL ? signal : "SIGKILL",
                                  cpd_bus_call_get_caller (call), error))
    return NULL;
  return cpd_bus_call_nothing ();
}

gboolean
cpd_bus_container_rename (CpdBusCall *call, const char *id, const char *new_name, GError **error)
{
  return cpd_engine_rename_container (cpd_bus_call_get_engine (call), id, new_name,
                                      cpd_bus_call_get_caller (call), error);
}

static GVariant *
work_rename (CpdBusCall *call, GError **error)
{
  if (!cpd_bus_container_rename (call, cpd_bus_call_get_object (call),
                                 cpd_bus_call_get_string (call, 0), error))
    return NULL;
  return cpd_bus_call_nothing ();
}

gboolean
cpd_bus_container_remove (CpdBusCall *call, const char *id, GError **error)
{
  GVariant *options = cpd_bus_call_get_options (call);
  const char *const ids[] = { id, NULL };

  return cpd_engine_remove_containers (cpd_bus_call_get_engine (call), ids,
                                       cpd_bus_options_get_boolean (options, "force", FALSE),
                                       cpd_bus_options_get_boolean (options, "depend", FALSE),
                                       cpd_bus_options_get_uint32 (options, "timeout", -1),
                                       cpd_bus_call_get_caller (call), error);
}

static GVariant *
work_remove (CpdBusCall *call, GError **error)
{
  if (!cpd_bus_container_remove (call, cpd_bus_call_get_object (call), error))
    return NULL;
  return cpd_bus_call_nothing ();
}

static GVariant *
work_update (CpdBusCall *call, GError **error)
{
  if (!cpd_engine_update_container (cpd_bus_call_get_engine (call), cpd_bus_call_get_object (call),
                                    cpd_bus_call_get_options (call), cpd_bus_call_get_caller (call), error))
    return NULL;
  return cpd_bus_call_nothing ();
}

static GVariant *
work_attach (CpdBusCall *call, GError **error)
{
  gboolean must_run = cpd_bus_options_get_boolean (cpd_bus_call_get_options (call), "running", FALSE);
  int fd = cpd_engine_attach_container (cpd_bus_call_get_engine (call), cpd_bus_call_get_object (call), must_run,
                                        cpd_bus_call_get_caller (call), error);

  return cpd_bus_call_reply_fd (call, fd, error);
}

static GVariant *
work_resize (CpdBusCall *call, GError **error)
{
  guint32 rows, columns;

  if (!cpd_bus_call_get_size (call, &rows, &columns, error)
      || !cpd_engine_resize_container (cpd_bus_call_get_engine (call), cpd_bus_call_get_object (call), rows, columns,
                                       error))
    return NULL;
  return cpd_bus_call_nothing ();
}

static GVariant *
work_logs (CpdBusCall *call, GError **error)
{
  GVariant *options = cpd_bus_call_get_options (call);
  CpdLogOptions wanted = {
    .follow = cpd_bus_options_get_boolean (options, "follow", FALSE),
    .tail = cpd_bus_options_get_uint32 (options, "tail", -1),
    .since = cpd_bus_options_get_time (options, "since"),
    .until = cpd_bus_options_get_time (options, "until"),
    .uid = cpd_bus_call_get_caller (call)->uid,
  };
  int fd = cpd_engine_container_logs (cpd_bus_call_get_engine (call), cpd_bus_call_get_object (call),
                                      &wanted, error);

  return cpd_bus_call_reply_fd (call, fd, error);
}

static GVariant *
work_inspect (CpdBusCall *call, GError **error)
{
  GVariant *options = cpd_bus_call_get_options (call);
  g_autofree char *json = cpd_engine_inspect_container (cpd_bus_call_get_engine (call),
                                                        cpd_bus_call_get_object (call),
                                                        cpd_bus_options_get_boolean (options, "size", FALSE), error);

  return json != NULL ? g_variant_new ("(s)", json) : NULL;
}

static void
on_waited (GObject *source, GAsyncResult *result, gpointer user_data)
{
  CpdBusCall *call = user_data;
  GError *error = NULL;
  int exit_code = -1;

  if (cpd_engine_wait_finish (CPD_ENGINE (source), result, &exit_code, &error))
    cpd_bus_call_return (call, g_variant_new ("(i)", exit_code), NULL);
  else
    cpd_bus_call_return (call, NULL, error);
}

/* Waits without a thread: it may take days. */
static void
start_wait (CpdBusCall *call)
{
  g_auto(GStrv) conditions = cpd_bus_options_get_strings (cpd_bus_call_get_options (call), "condition");

  cpd_engine_wait_async (cpd_bus_call_get_engine (call), cpd_bus_call_get_object (call),
                         (const char *const *) conditions,
                         cpd_bus_call_get_cancellable (call), on_waited, call);
}

static const CpdBusMethod methods[] = {
  { "Init", cpd_bus_no_options, TRUE, work_init },
  { "Start", cpd_bus_no_options, TRUE, work_start },
  { "Stop", stop_options, TRUE, work_stop },
  { "Restart", stop_options, TRUE, work_restart },
  { "Pause", cpd_bus_no_options, TRUE, work_pause },
  { "Unpause", cpd_bus_no_options, TRUE, work_unpause },
  { "Cleanup", cpd_bus_no_options, TRUE, work_cleanup },
  { "Kill", kill_options, TRUE, work_kill },
  { "Wait", wait_options, FALSE, NULL, start_wait },
  { "Rename", cpd_bus_no_options, TRUE, work_rename },
  { "Remove", remove_options, TRUE, work_remove },
  { "Update", update_options, TRUE, work_update },
  { "Mount", cpd_bus_no_options, TRUE, cpd_bus_work_mount },
  { "Unmount", cpd_bus_force_options, TRUE, cpd_bus_work_unmount },
  { "Diff", cpd_bus_no_options, FALSE, cpd_bus_work_diff_container },
  { "Commit", cpd_bus_commit_options, TRUE, NULL, cpd_bus_commit_start },
  { "Export", cpd_bus_export_options, TRUE, NULL, cpd_bus_export_start },
  { "StatPath", cpd_bus_no_options, FALSE, cpd_bus_work_stat_path },
  { "CopyOut", cpd_bus_copy_out_options, TRUE, NULL, cpd_bus_copy_out_start },
  { "CopyIn", cpd_bus_copy_in_options, TRUE, NULL, cpd_bus_copy_in_start },
  { "Attach", attach_options, TRUE, work_attach },
  { "Resize", cpd_bus_no_options, FALSE, work_resize },
  { "Logs", logs_options, FALSE, work_logs },
  { "Exec", cpd_bus_exec_options, TRUE, cpd_bus_work_exec },
  { "ListExecs", cpd_bus_no_options, FALSE, cpd_bus_work_list_execs },
  { "Top", cpd_bus_top_options, FALSE, cpd_bus_work_top },
  { "Inspect", inspect_options, FALSE, work_inspect },
  { NULL }
};

const CpdBusInterface cpd_bus_container_interface = { cpod_container_interface_info, methods };
