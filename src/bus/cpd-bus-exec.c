/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-exec.h"

#include "bus/cpd-bus-create-options.h"
#include "bus/cpd-bus-foreground.h"
#include "bus/cpd-bus-interface.h"
#include "bus/cpd-bus-rows.h"
#include "common/cpd-fs.h"
#include "cpod-generated.h"
#include "engine/exec/cpd-exec-streams.h"
#include "engine/exec/cpd-exec.h"
#include "public/cpod-error.h"
#include "public/cpod-names.h"

const CpdBusOption cpd_bus_exec_options[] = {
  { "env", G_VARIANT_TYPE_STRING_ARRAY, cpd_bus_check_env },
  { "workdir", G_VARIANT_TYPE_STRING, cpd_bus_check_workdir },
  { "user", G_VARIANT_TYPE_STRING },
  { "privileged", G_VARIANT_TYPE_BOOLEAN },
  { "tty", G_VARIANT_TYPE_BOOLEAN },
  { "size", (const GVariantType *) "(uu)", cpd_bus_check_size },
  { "stdin", G_VARIANT_TYPE_BOOLEAN },
  { "auto-remove", G_VARIANT_TYPE_BOOLEAN },
  { "foreground", G_VARIANT_TYPE_BOOLEAN },
  { NULL }
};

static const CpdBusOption start_options[] = {
  { "stdin", G_VARIANT_TYPE_HANDLE },
  { "stdout", G_VARIANT_TYPE_HANDLE },
  { "stderr", G_VARIANT_TYPE_HANDLE },
  { NULL }
};

static const CpdBusOption kill_options[] = {
  { "signal", G_VARIANT_TYPE_STRING, cpd_bus_check_signal },
  { NULL }
};

static const CpdBusOption stop_options[] = {
  { "timeout", G_VARIANT_TYPE_UINT32 },
  { NULL }
};

static const CpdBusOption remove_options[] = {
  { "force", G_VARIANT_TYPE_BOOLEAN },
  { NULL }
};

static char *
exec_path (const char *id)
{
  return g_strconcat (CPOD_PATH_EXECS "/", id, NULL);
}

static CpdBusForeground *
get_foreground (CpdBusCall *call)
{
  return cpd_bus_service_get_foreground (cpd_bus_call_get_service (call));
}

GVariant *
cpd_bus_work_exec (CpdBusCall *call, GError **error)
{
  g_auto(GStrv) command = cpd_bus_call_get_strings (call, 0);
  gboolean foreground = cpd_bus_options_get_boolean (cpd_bus_call_get_options (call), "foreground", FALSE);
  g_autofree char *caller = foreground ? cpd_bus_foreground_describe (get_foreground (call), cpd_bus_call_get_peer (call))
                                       : NULL;
  g_autofree char *path = NULL, *id = NULL;

  id = cpd_engine_create_exec (cpd_bus_call_get_engine (call), cpd_bus_call_get_object (call),
                               (const char *const *) command, cpd_bus_call_get_options (call),
                               caller, cpd_bus_call_get_caller (call), error);
  if (id != NULL)
    cpd_bus_peer_add_made (cpd_bus_call_get_peer (call), id);
  path = id != NULL ? exec_path (id) : NULL;
  if (path != NULL && foreground)
    cpd_bus_foreground_add (get_foreground (call), cpd_bus_call_get_peer (call), id);
  return path != NULL ? g_variant_new ("(os)", path, id) : NULL;
}

static GVariant *
describe (const CpdExecRow *row)
{
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  const CpdExecStatus *status = &row->status;
  g_autofree char *path = exec_path (row->id);

  g_variant_builder_add (&dict, "{sv}", "id", g_variant_new_string (row->id));
  g_variant_builder_add (&dict, "{sv}", "session", g_variant_new_object_path (path));
  g_variant_builder_add (&dict, "{sv}", "state", g_variant_new_string (cpd_exec_state_to_string (status->state)));
  g_variant_builder_add (&dict, "{sv}", "pid", g_variant_new_uint32 ((guint32) status->pid));
  g_variant_builder_add (&dict, "{sv}", "exit-code", g_variant_new_int32 (status->exit_code));
  g_variant_builder_add (&dict, "{sv}", "created", g_variant_new_uint64 ((guint64) row->created));
  g_variant_builder_add (&dict, "{sv}", "started", g_variant_new_uint64 ((guint64) status->started));
  g_variant_builder_add (&dict, "{sv}", "finished", g_variant_new_uint64 ((guint64) status->finished));
  return g_variant_builder_end (&dict);
}

GVariant *
cpd_bus_work_list_execs (CpdBusCall *call, GError **error)
{
  CpdEngine *engine = cpd_bus_call_get_engine (call);
  const char *id = cpd_bus_call_get_object (call);
  g_autoptr(CpdContainerRow) container = cpd_engine_get_container (engine, id, error);
  g_autoptr(GPtrArray) rows =
    container != NULL ? cpd_store_list_execs (cpd_engine_get_store (engine), id, FALSE, error) : NULL;
  GVariantBuilder sessions;

  if (rows == NULL)
    return NULL;
  g_variant_builder_init (&sessions, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < rows->len; i++)
    g_variant_builder_add_value (&sessions, describe (rows->pdata[i]));
  return g_variant_new ("(aa{sv})", &sessions);
}

GVariant *
cpd_bus_work_get_exec_container (CpdBusCall *call, GError **error)
{
  g_autofree char *container_path = NULL, *path = NULL, *id = NULL;
  g_autofree char *container = cpd_engine_find_exec (cpd_bus_call_get_engine (call),
                                                     cpd_bus_call_get_string (call, 0), &id, error);

  if (container == NULL)
    return NULL;
  container_path = cpd_bus_container_path (container);
  path = exec_path (id);
  return g_variant_new ("(oo)", container_path, path);
}

static void
close_streams (CpdStreams *streams)
{
  for (gsize i = 0; i < CPD_N_STREAMS; i++)
    cpd_close_fd (&streams->fd[i]);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CpdStreams, close_streams)

/* Those that the caller has given; GIVEN tells whether there are any. */
static gboolean
take_streams (CpdBusCall *call, CpdStreams *streams, gboolean *given, GError **error)
{
  *given = FALSE;
  for (gsize i = 0; i < CPD_N_STREAMS; i++)
    {
      if (!cpd_bus_call_get_fd_option (call, cpd_stream_names[i], &streams->fd[i], error))
        return FALSE;
      *given |= streams->fd[i] >= 0;
    }
  return TRUE;
}

static GVariant *
work_start (CpdBusCall *call, GError **error)
{
  g_auto(CpdStreams) streams = { { -1, -1, -1 } };
  gboolean given;

  if (!take_streams (call, &streams, &given, error)
      || !cpd_engine_start_exec (cpd_bus_call_get_engine (call), cpd_bus_call_get_object (call),
                                 given ? &streams : NULL, cpd_bus_call_get_caller (call), error))
    return NULL;
  return cpd_bus_call_nothing ();
}

static GVariant *
work_detach (CpdBusCall *call, GError **error)
{
  if (!cpd_engine_detach_exec (cpd_bus_call_get_engine (call), cpd_bus_call_get_object (call), error))
    return NULL;
  cpd_bus_foreground_forget (get_foreground (call), cpd_bus_call_get_object (call));
  return cpd_bus_call_nothing ();
}

static GVariant *
work_attach (CpdBusCall *call, GError **error)
{
  int fd = cpd_engine_attach_exec (cpd_bus_call_get_engine (call), cpd_bus_call_get_object (call),
                                   cpd_bus_call_get_caller (call), error);

  return cpd_bus_call_reply_fd (call, fd, error);
}

static GVariant *
work_resize (CpdBusCall *call, GError **error)
{
  guint32 rows, columns;

  if (!cpd_bus_call_get_size (call, &rows, &columns, error)
      || !cpd_engine_resize_exec (cpd_bus_call_get_engine (call), cpd_bus_call_get_object (call), rows, columns,
                                  error))
    return NULL;
  return cpd_bus_call_nothing ();
}

static GVariant *
work_kill (CpdBusCall *call, GError **error)
{
  g_autofree char *signal = cpd_bus_options_get_string (cpd_bus_call_get_options (call), "signal");

  if (!cpd_engine_kill_exec (cpd_bus_call_get_engine (call), cpd_bus_call_get_object (call),
                             signal != NULL ? signal : "SIGKILL", error))
    return NULL;
  return cpd_bus_call_nothing ();
}

static GVariant *
work_stop (CpdBusCall *call, GError **error)
{
  gint64 timeout = cpd_bus_options_get_uint32 (cpd_bus_call_get_options (call), "timeout", -1);

  if (!cpd_engine_stop_exec (cpd_bus_call_get_engine (call), cpd_bus_call_get_object (call), timeout, error))
    return NULL;
  return cpd_bus_call_nothing ();
}

static GVariant *
work_inspect (CpdBusCall *call, GError **error)
{
  g_autofree char *json = cpd_engine_inspect_exec (cpd_bus_call_get_engine (call),
                                                   cpd_bus_call_get_object (call), error);

  return json != NULL ? g_variant_new ("(s)", json) : NULL;
}

static GVariant *
work_remove (CpdBusCall *call, GError **error)
{
  gboolean force = cpd_bus_options_get_boolean (cpd_bus_call_get_options (call), "force", FALSE);

  if (!cpd_engine_remove_exec (cpd_bus_call_get_engine (call), cpd_bus_call_get_object (call), force, error))
    return NULL;
  cpd_bus_foreground_forget (get_foreground (call), cpd_bus_call_get_object (call));
  return cpd_bus_call_nothing ();
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

static void
start_wait (CpdBusCall *call)
{
  cpd_engine_wait_exec_async (cpd_bus_call_get_engine (call), cpd_bus_call_get_object (call),
                              cpd_bus_call_get_cancellable (call), on_waited, call);
}

static const CpdBusMethod methods[] = {
  { "Start", start_options, TRUE, work_start },
  { "Attach", cpd_bus_no_options, TRUE, work_attach },
  { "Detach", cpd_bus_no_options, FALSE, work_detach },
  { "Wait", cpd_bus_no_options, FALSE, NULL, start_wait },
  { "Resize", cpd_bus_no_options, FALSE, work_resize },
  { "Kill", kill_options, TRUE, work_kill },
  { "Stop", stop_options, TRUE, work_stop },
  { "Inspect", cpd_bus_no_options, FALSE, work_inspect },
  { "Remove", remove_options, TRUE, work_remove },
  { NULL }
};

const CpdBusInterface cpd_bus_exec_interface = { cpod_exec_interface_info, methods };
