/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <unistd.h>

#include "common/cpd-clock.h"
#include "common/cpd-fault.h"
#include "common/cpd-fs.h"
#include "common/cpd-process.h"
#include "engine/containers/cpd-container-config.h"
#include "engine/exec/cpd-exec-config.h"
#include "engine/exec/cpd-exec-private.h"
#include "engine/exec/cpd-exec-streams.h"
#include "oci/cpd-exec-spec.h"
#include "oci/cpd-runtime-spec.h"
#include "public/cpod-error.h"

#define CONFIG_MAX_SIZE (16 << 20)

/* A client of the session, or its own streams; one of them at most. */
typedef struct
{
  const CpdStreams *streams;    /* (nullable) */
  int *client;                  /* (nullable) */
  uid_t caller;                 /* whose streams they are */
} Ends;

static gboolean
check_ends (const Ends *ends, const CpdExecConfig *config, const CpdExecSpec *spec, GError **error)
{
  if (ends->streams == NULL)
    return TRUE;
  if (!config->tty)
    return cpd_exec_streams_check (ends->streams, spec->uid, ends->caller, error);
  g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                       "options 'stdin', 'stdout' and 'stderr': the session has a terminal for that");
  return FALSE;
}

/* The process as the OCI runtime wants it described. Names of users are those of the container as it is now. */
static char *
build_process (CpdEngine *engine, const CpdContainerRow *container, const CpdContainerConfig *own,
               const CpdExecConfig *config, const Ends *ends, GError **error)
{
  g_autofree char *rootfs = cpd_engine_rootfs_path (engine, container->id);
  g_autofree char *bundle = cpd_engine_bundle_path (engine, container->id);
  g_autofree char *path = g_build_filename (bundle, "config.json", NULL);
  g_autofree char *json = NULL, *home = NULL;
  g_autoptr(GArray) groups = NULL;
  g_auto(GStrv) env = NULL;
  gboolean given = config->user != NULL && *config->user != '\0';
  CpdExecSpec spec = {
    .args = (const char *const *) config->args, .cwd = config->workdir,
    .privileged = config->privileged, .terminal = config->tty,
    .rows = config->rows, .columns = config->columns,
  };

  json = cpd_fs_read_file (path, CONFIG_MAX_SIZE, error);
  if (json == NULL
      || !cpd_user_lookup (rootfs, given ? config->user : own->user, &spec.uid, &spec.gid, &groups, &home, error)
      || !check_ends (ends, config, &spec, error))
    return NULL;
  env = cpd_exec_config_build_env (config, own->env, home);
  spec.env = (const char *const *) env;
  spec.additional_gids = (const guint32 *) (void *) groups->data;
  spec.n_additional_gids = groups->len;
  spec.same_user = !given || strcmp (config->user, own->user) == 0;
  return cpd_exec_spec_to_json (json, &spec, error);
}

static gboolean
launch (CpdEngine *engine, const CpdContainerRow *container, const CpdExecRow *row, const char *directory,
        const Ends *ends, CpdExecStatus *status, GError **error)
{
  g_autoptr(CpdExecConfig) config = cpd_exec_config_parse (row->config, error);
  g_autoptr(CpdContainerConfig) own = config != NULL ? cpd_container_config_parse (container->config, error) : NULL;
  g_autofree char *process = own != NULL ? build_process (engine, container, own, config, ends, error) : NULL;
  g_autofree char *bundle = cpd_engine_bundle_path (engine, container->id);
  CpdLaunched launched = { 0 };
  CpdExecLaunch wanted;

  if (process == NULL)
    return FALSE;
  wanted = (CpdExecLaunch) {
    .id = row->id, .container_id = container->id, .name = container->name, .directory = directory,
    .process = process, .bundle = bundle, .keep_stdin = config->keep_stdin && ends->streams == NULL,
    .terminal = config->tty, .streams = ends->streams,
    .systemd_cgroup = own->cgroup.systemd, .no_cgroup = own->cgroup.mode == CPD_CGROUPS_DISABLED,
  };
  if (!cpd_launcher_exec (engine->launcher, &wanted, ends->client, &launched, error))
    return FALSE;
  cpd_fault_point ("exec.launched");
  status->state = CPD_EXEC_RUNNING;
  status->pid = launched.pid;
  status->pid_start = cpd_process_start_time (launched.pid);
  status->monitor_pid = launched.monitor_pid;
  status->monitor_start = cpd_process_start_time (launched.monitor_pid);
  status->started = cpd_clock_now ();
  return TRUE;
}

/* One that was to go when it has ended goes when it cannot begin. */
static void
undo (CpdEngine *engine, const CpdContainerRow *container, const CpdExecRow *row, const char *directory,
      gint64 operation)
{
  g_autoptr(CpdTransaction) tx = NULL;
  g_autoptr(GError) error = NULL;

  if (!cpd_launcher_undo_exec (engine->launcher, row->id, directory, (pid_t) container->status.pid, &error))
    {
      g_message ("failed to undo the start of exec session %s: %s", row->id, error->message);
      return;
    }
  cpd_engine_end_operation (engine, operation);
  tx = row->auto_remove ? cpd_store_begin (engine->store, CPD_STORE_BOOT, NULL) : NULL;
  if (tx != NULL && cpd_store_delete_exec (tx, row->id, NULL))
    cpd_transaction_commit (tx, NULL);
}

/* The session's lock is held, which keeps its container's files there. */
static gboolean
start_locked (CpdEngine *engine, const CpdExecRow *row, const Ends *ends, const CpdCaller *caller, GError **error)
{
  g_autoptr(CpdHold) hold = cpd_holds_take (engine->holds);
  g_autoptr(CpdContainerRow) container =
    cpd_engine_get_in_state (engine, row->container_id, CPD_STATE_BIT (CPD_CONTAINER_RUNNING), "exec in", error);
  g_autofree char *directory = cpd_engine_exec_dir (engine, row);
  CpdExecStatus status = row->status;
  gint64 operation;

  if (container == NULL || !cpd_engine_begin_operation (engine, "exec", row->id, &operation, error))
    return FALSE;
  cpd_fault_point ("exec.intent");
  if (!launch (engine, container, row, directory, ends, &status, error)
      || !cpd_engine_set_exec_status (engine, row, &status, "exec", operation, caller, error))
    {
      undo (engine, container, row, directory, operation);
      g_prefix_error (error, "failed to exec in container %s: ", container->name);
      return FALSE;
    }
  cpd_fault_point ("exec.committed");
  cpd_engine_watch_exec (engine, row, &status);
  return TRUE;
}

gboolean
cpd_engine_start_exec (CpdEngine *engine, const char *id, const CpdStreams *streams, const CpdCaller *caller,
                       GError **error)
{
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "exec");
  g_autoptr(CpdExecRow) row = cpd_engine_get_exec (engine, id, error);
  const Ends ends = { .streams = streams, .caller = caller->uid };

  if (row == NULL)
    return FALSE;
  if (row->status.state == CPD_EXEC_CREATED)
    return start_locked (engine, row, &ends, caller, error);
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_STATE, "cannot start exec session %s: it is %s", id,
               cpd_exec_state_to_string (row->status.state));
  return FALSE;
}

static int
connect_to (CpdEngine *engine, const CpdExecRow *row, GError **error)
{
  g_autofree char *directory = cpd_engine_exec_dir (engine, row);
  int fd;

  if (!cpd_launcher_has_clients (engine->launcher, directory))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_STATE,
                   "cannot attach to exec session %s: it was started with streams of its own, or is about to end",
                   row->id);
      return -1;
    }
  fd = cpd_launcher_attach (engine->launcher, directory, error);
  if (fd < 0)
    g_prefix_error (error, "failed to attach to exec session %s: ", row->id);
  return fd;
}

int
cpd_engine_attach_exec (CpdEngine *engine, const char *id, const CpdCaller *caller, GError **error)
{
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "attach");
  g_autoptr(CpdExecRow) row = cpd_engine_get_exec (engine, id, error);
  cpd_autofd int client = -1;
  const Ends ends = { .client = &client };

  if (row == NULL)
    return -1;
  if (row->status.state == CPD_EXEC_RUNNING)
    return connect_to (engine, row, error);
  if (row->status.state == CPD_EXEC_CREATED)
    return start_locked (engine, row, &ends, caller, error) ? g_steal_fd (&client) : -1;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_STATE, "cannot attach to exec session %s: it has ended", id);
  return -1;
}
