/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/exec/cpd-exec.h"

#include <signal.h>

#include "common/cpd-clock.h"
#include "common/cpd-json.h"
#include "common/cpd-names.h"
#include "common/cpd-process.h"
#include "engine/containers/cpd-container-config.h"
#include "engine/containers/cpd-reach.h"
#include "engine/exec/cpd-exec-config.h"
#include "engine/exec/cpd-exec-private.h"
#include "public/cpod-error.h"
#include "store/cpd-store-operations.h"

/* How long one that has ended can still be asked about at least, unless it is removed; as podman has it. */
#define KEEP_US (5 * 60 * G_USEC_PER_SEC)

/* How long the kernel and the monitor may take to report an end by SIGKILL. */
#define KILL_WAIT_US (10 * G_USEC_PER_SEC)

char *
cpd_engine_exec_dir (CpdEngine *engine, const CpdExecRow *row)
{
  g_autofree char *bundle = cpd_engine_bundle_path (engine, row->container_id);

  return g_build_filename (bundle, "execs", row->id, NULL);
}

CpdExecRow *
cpd_engine_get_exec (CpdEngine *engine, const char *id, GError **error)
{
  return cpd_store_get_exec (engine->store, id, error);
}

char *
cpd_engine_find_exec (CpdEngine *engine, const char *id_or_prefix, char **exec_id, GError **error)
{
  g_autofree char *id = cpd_store_find_exec (engine->store, id_or_prefix, error);
  g_autoptr(CpdExecRow) row = id != NULL ? cpd_engine_get_exec (engine, id, error) : NULL;

  if (row == NULL)
    return NULL;
  *exec_id = g_steal_pointer (&id);
  return g_steal_pointer (&row->container_id);
}

/* The container may have been given another OCI runtime since the caller was authorized. */
static gboolean
check_grant (CpdEngine *engine, const CpdContainerRow *container, const CpdExecConfig *config,
             const CpdCaller *caller, GError **error)
{
  g_autoptr(CpdContainerConfig) parsed = NULL;
  g_auto(GStrv) reach = NULL;

  if (caller->grant == NULL)
    return TRUE;
  parsed = cpd_container_config_parse (container->config, error);
  if (parsed == NULL)
    return FALSE;
  reach = cpd_engine_exec_reach (engine, parsed, config->privileged);
  return cpd_grant_check_reach (caller->grant, (const char *const *) reach, error);
}

/* The container's lock keeps its end out, which would not see the new session. */
char *
cpd_engine_create_exec (CpdEngine *engine, const char *container_id, const char *const *command,
                        GVariant *options, const char *foreground, const CpdCaller *caller, GError **error)
{
  g_autoptr(CpdExecConfig) config = cpd_exec_config_new (command, options, error);
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, container_id, "exec");
  g_autoptr(CpdContainerRow) container = NULL;
  g_autoptr(CpdTransaction) tx = NULL;
  g_autofree char *id = cpd_id_generate (), *json = NULL;
  CpdExecRow row = { .id = id, .container_id = (char *) container_id, .created = cpd_clock_now () };

  if (config == NULL)
    return NULL;
  container = cpd_engine_get_in_state (engine, container_id, CPD_STATE_BIT (CPD_CONTAINER_RUNNING), "exec in", error);
  if (container == NULL || !check_grant (engine, container, config, caller, error))
    return NULL;
  config->foreground = g_strdup (foreground);
  row.config = json = cpd_exec_config_to_json (config);
  g_variant_lookup (options, "auto-remove", "b", &row.auto_remove);
  tx = cpd_store_begin (engine->store, CPD_STORE_BOOT, error);
  if (tx == NULL
      || !cpd_store_delete_old_execs (tx, row.created - KEEP_US, error)
      || !cpd_store_add_exec (tx, &row, error)
      || !cpd_transaction_commit (tx, error))
    {
      g_prefix_error (error, "failed to create an exec session in container %s: ", container->name);
      return NULL;
    }
  return g_steal_pointer (&id);
}

gboolean
cpd_engine_detach_exec (CpdEngine *engine, const char *id, GError **error)
{
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "detach");
  g_autoptr(CpdExecRow) row = cpd_engine_get_exec (engine, id, error);
  g_autoptr(CpdExecConfig) config = row != NULL ? cpd_exec_config_parse (row->config, error) : NULL;
  g_autoptr(CpdTransaction) tx = NULL;
  g_autofree char *json = NULL;

  if (config == NULL)
    return FALSE;
  if (config->foreground == NULL)
    return TRUE;
  g_clear_pointer (&config->foreground, g_free);
  json = cpd_exec_config_to_json (config);
  tx = cpd_store_begin (engine->store, CPD_STORE_BOOT, error);
  if (tx != NULL && cpd_store_set_exec_config (tx, id, json, error) && cpd_transaction_commit (tx, error))
    return TRUE;
  g_prefix_error (error, "failed to detach exec session %s: ", id);
  return FALSE;
}

static gboolean
write_status (CpdEngine *engine, const CpdExecRow *row, const CpdExecStatus *status, const char *status_event,
              gint64 operation, const CpdCaller *caller, GError **error)
{
  g_autoptr(CpdContainerRow) container = cpd_engine_get_container (engine, row->container_id, error);
  g_autoptr(GVariantBuilder) attributes = NULL;
  g_autoptr(CpdTransaction) tx = NULL;
  gboolean ended = status->state == CPD_EXEC_STOPPED;

  if (container == NULL)
    return FALSE;
  attributes = cpd_engine_attributes (container);
  g_variant_builder_add (attributes, "{sv}", "exec-id", g_variant_new_string (row->id));
  if (ended)
    g_variant_builder_add (attributes, "{sv}", "exit-code", g_variant_new_int32 (status->exit_code));
  tx = cpd_store_begin (engine->store, CPD_STORE_BOOT, error);
  return tx != NULL
         && cpd_store_set_exec_status (tx, row->id, status, error)
         && (status_event == NULL
             || cpd_store_add_event (tx, "container", status_event, container->id, container->name,
                                     g_variant_builder_end (attributes), caller, error))
         && (!ended || !row->auto_remove || cpd_store_delete_exec (tx, row->id, error))
         && (operation == 0 || cpd_store_delete_operation (tx, operation, error))
         && cpd_transaction_commit (tx, error);
}

gboolean
cpd_engine_set_exec_status (CpdEngine *engine, const CpdExecRow *row, const CpdExecStatus *status,
                            const char *status_event, gint64 operation, const CpdCaller *caller, GError **error)
{
  g_autoptr(GError) failure = NULL;

  if (write_status (engine, row, status, status_event, operation, caller, &failure))
    return TRUE;
  /* What has happened to a process has happened. */
  if (status->state == CPD_EXEC_STOPPED && cpd_engine_use_reserve (engine, failure))
    return write_status (engine, row, status, status_event, operation, caller, error);
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

/* One that runs, or an error that tells for what it would have to. */
static CpdExecRow *
get_running (CpdEngine *engine, const char *id, const char *operation, GError **error)
{
  g_autoptr(CpdExecRow) row = cpd_engine_get_exec (engine, id, error);

  if (row == NULL || row->status.state == CPD_EXEC_RUNNING)
    return g_steal_pointer (&row);
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_STATE, "cannot %s exec session %s: it is %s", operation, id,
               cpd_exec_state_to_string (row->status.state));
  return NULL;
}

/* What would be written while somebody else writes could be lost, so the lock is taken. */
gboolean
cpd_engine_resize_exec (CpdEngine *engine, const char *id, guint rows, guint columns, GError **error)
{
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "resize");
  g_autoptr(CpdExecRow) row = get_running (engine, id, "resize", error);
  g_autoptr(CpdExecConfig) config = row != NULL ? cpd_exec_config_parse (row->config, error) : NULL;
  g_autofree char *directory = row != NULL ? cpd_engine_exec_dir (engine, row) : NULL;

  if (config == NULL)
    return FALSE;
  if (config->tty)
    return cpd_launcher_resize (engine->launcher, directory, rows, columns, error);
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_STATE, "cannot resize exec session %s: it has no terminal", id);
  return FALSE;
}

static gboolean
send_signal (const CpdExecRow *row, int number, GError **error)
{
  if (cpd_process_signal ((pid_t) row->status.pid, row->status.pid_start, number, error))
    return TRUE;
  g_prefix_error (error, "failed to kill exec session %s: ", row->id);
  return FALSE;
}

gboolean
cpd_engine_kill_exec (CpdEngine *engine, const char *id, const char *signal_name, GError **error)
{
  g_autoptr(CpdExecRow) row = get_running (engine, id, "kill", error);
  int number = row != NULL ? cpd_signal_parse (signal_name, error) : 0;

  if (row != NULL && number == 0)
    g_prefix_error (error, "option 'signal': ");
  return number != 0 && send_signal (row, number, error);
}

static guint
container_timeout (CpdEngine *engine, const CpdExecRow *row)
{
  g_autoptr(CpdContainerRow) container = cpd_engine_get_container (engine, row->container_id, NULL);
  g_autoptr(CpdContainerConfig) config =
    container != NULL ? cpd_container_config_parse (container->config, NULL) : NULL;

  return config != NULL ? config->stop_timeout : 0;
}

/* Ends a process; no lock is held meanwhile. */
static gboolean
end_process (CpdEngine *engine, const CpdExecRow *row, gint64 timeout, GError **error)
{
  if (timeout > 0)
    {
      if (!send_signal (row, SIGTERM, error))
        return FALSE;
      if (cpd_engine_wait_exec_ended (engine, row->id, timeout * G_USEC_PER_SEC))
        return TRUE;
    }
  if (!send_signal (row, SIGKILL, error))
    return FALSE;
  if (cpd_engine_wait_exec_ended (engine, row->id, KILL_WAIT_US))
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "process %d of exec session %s has not ended %d s after SIGKILL",
               (int) row->status.pid, row->id, (int) (KILL_WAIT_US / G_USEC_PER_SEC));
  return FALSE;
}

gboolean
cpd_engine_stop_exec (CpdEngine *engine, const char *id, gint64 timeout, GError **error)
{
  g_autoptr(CpdExecRow) row = cpd_engine_get_exec (engine, id, error);

  if (row == NULL)
    return FALSE;
  if (row->status.state != CPD_EXEC_RUNNING)
    return TRUE;
  return end_process (engine, row, timeout >= 0 ? timeout : container_timeout (engine, row), error);
}

/* Gives FALSE without an error when it runs. */
static gboolean
try_remove (CpdEngine *engine, const char *id, GError **error)
{
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "remove");
  g_autoptr(CpdExecRow) row = cpd_engine_get_exec (engine, id, error);
  g_autoptr(CpdTransaction) tx = NULL;

  if (row == NULL || row->status.state == CPD_EXEC_RUNNING)
    return FALSE;
  tx = cpd_store_begin (engine->store, CPD_STORE_BOOT, error);
  return tx != NULL && cpd_store_delete_exec (tx, id, error) && cpd_transaction_commit (tx, error);
}

/* Its row goes with its end if it is to be removed then. */
static gboolean
remove_as_it_is (CpdEngine *engine, const char *id, gboolean force, gboolean *started, GError **error)
{
  g_autoptr(CpdExecRow) row = cpd_engine_get_exec (engine, id, error);
  g_autoptr(GError) failure = NULL;

  if (row == NULL)
    return FALSE;
  if (row->status.state == CPD_EXEC_RUNNING && !force)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_STATE,
                   "cannot remove exec session %s: it is running: stop it first, or give the option 'force'", id);
      return FALSE;
    }
  if (row->status.state == CPD_EXEC_RUNNING && !end_process (engine, row, 0, error))
    return FALSE;
  if (try_remove (engine, id, &failure)
      || (force && g_error_matches (failure, CPOD_ERROR, CPOD_ERROR_NO_SUCH_EXEC_SESSION)))
    return TRUE;
  *started = failure == NULL;
  if (failure != NULL)
    g_propagate_error (error, g_steal_pointer (&failure));
  else
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_STATE,
                 "cannot remove exec session %s: it was just started", id);
  return FALSE;
}

/* It is started once, so it can come in between only once. */
gboolean
cpd_engine_remove_exec (CpdEngine *engine, const char *id, gboolean force, GError **error)
{
  g_autoptr(GError) failure = NULL;
  gboolean started = FALSE;

  if (remove_as_it_is (engine, id, force, &started, &failure))
    return TRUE;
  if (started && force)
    return remove_as_it_is (engine, id, force, &started, error);
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

static JsonObject *
process_object (const CpdExecConfig *config)
{
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "entrypoint", config->args[0]);
  json_object_set_array_member (object, "arguments",
                                cpd_json_array_from_strv ((const char *const *) config->args + 1));
  json_object_set_boolean_member (object, "privileged", config->privileged);
  json_object_set_boolean_member (object, "tty", config->tty);
  json_object_set_string_member (object, "user", config->user != NULL ? config->user : "");
  return object;
}

/* podman's field names. */
char *
cpd_engine_inspect_exec (CpdEngine *engine, const char *id, GError **error)
{
  g_autoptr(CpdExecRow) row = cpd_engine_get_exec (engine, id, error);
  g_autoptr(CpdExecConfig) config = row != NULL ? cpd_exec_config_parse (row->config, error) : NULL;
  g_autoptr(JsonObject) object = json_object_new ();

  if (config == NULL)
    return NULL;
  json_object_set_string_member (object, "ID", row->id);
  json_object_set_string_member (object, "ContainerID", row->container_id);
  json_object_set_string_member (object, "State", cpd_exec_state_to_string (row->status.state));
  json_object_set_boolean_member (object, "Running", row->status.state == CPD_EXEC_RUNNING);
  json_object_set_boolean_member (object, "CanRemove", row->status.state != CPD_EXEC_RUNNING);
  json_object_set_int_member (object, "Pid", row->status.pid);
  json_object_set_int_member (object, "ConmonPid", row->status.monitor_pid);
  json_object_set_int_member (object, "ExitCode", row->status.exit_code);
  json_object_set_boolean_member (object, "OpenStdin", config->keep_stdin);
  json_object_set_boolean_member (object, "OpenStdout", TRUE);
  json_object_set_boolean_member (object, "OpenStderr", TRUE);
  json_object_set_boolean_member (object, "AutoRemove", row->auto_remove);
  cpd_json_set_time (object, "Created", row->created);
  cpd_json_set_time (object, "StartedAt", row->status.started);
  cpd_json_set_time (object, "FinishedAt", row->status.finished);
  json_object_set_object_member (object, "ProcessConfig", process_object (config));
  return cpd_json_print_object (object);
}

void
cpd_engine_wait_exec_async (CpdEngine *engine, const char *id, GCancellable *cancellable,
                            GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (engine, cancellable, callback, user_data);

  g_task_set_source_tag (task, cpd_engine_wait_exec_async);
  cpd_waiters_add_exec (engine->waiters, id, task);
}
