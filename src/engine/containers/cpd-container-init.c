/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <unistd.h>

#include "common/cpd-fault.h"
#include "common/cpd-fs.h"
#include "common/cpd-journal.h"
#include "common/cpd-names.h"
#include "common/cpd-process.h"
#include "engine/containers/cpd-container-config.h"
#include "engine/containers/cpd-container-mount.h"
#include "engine/containers/cpd-terminal-size.h"
#include "engine/cpd-engine-private.h"
#include "engine/host/cpd-cgroup.h"
#include "oci/cpd-runtime-spec.h"
#include "public/cpod-error.h"
#include "store/cpd-store-operations.h"

/* The user as the mounted root knows it, and the environment with what follows from that. */
typedef struct
{
  guint32 uid;
  guint32 gid;
  GArray *groups;               /* (owned) */
  GPtrArray *env;               /* (owned) */
} CpdIdentity;

static void
identity_clear (CpdIdentity *identity)
{
  g_clear_pointer (&identity->groups, g_array_unref);
  g_clear_pointer (&identity->env, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CpdIdentity, identity_clear)

static gboolean
find_identity (const CpdContainerConfig *config, const char *rootfs, CpdIdentity *identity,
               GError **error)
{
  g_autofree char *home = NULL;
  gboolean has_home = FALSE;

  if (!cpd_user_lookup (rootfs, config->user, &identity->uid, &identity->gid, &identity->groups,
                        &home, error))
    return FALSE;
  identity->env = g_ptr_array_new_with_free_func (g_free);
  for (char **entry = config->env; *entry != NULL; entry++)
    {
      has_home |= g_str_has_prefix (*entry, "HOME=");
      g_ptr_array_add (identity->env, g_strdup (*entry));
    }
  if (!has_home)
    g_ptr_array_add (identity->env, g_strconcat ("HOME=", home, NULL));
  g_ptr_array_add (identity->env, NULL);
  return TRUE;
}

/* Files that every container gets its own of; BINDS gets {source, destination} pairs. */
static gboolean
write_network_files (const CpdContainerConfig *config, const char *bundle, GPtrArray *binds,
                     GError **error)
{
  gboolean host = strcmp (config->network, "host") == 0;
  g_autofree char *hosts_path = g_build_filename (bundle, "hosts", NULL);
  g_autofree char *hostname_path = g_build_filename (bundle, "hostname", NULL);
  g_autofree char *hostname = g_strconcat (config->hostname, "\n", NULL);
  g_autofree char *hosts = g_strdup_printf ("127.0.0.1\tlocalhost\n::1\tlocalhost\n"
                                            "127.0.1.1\t%s\n", config->hostname);

  if (!cpd_fs_write_file (hosts_path, hosts, -1, 0644, FALSE, error)
      || !cpd_fs_write_file (hostname_path, hostname, -1, 0644, FALSE, error))
    return FALSE;
  g_ptr_array_add (binds, g_steal_pointer (&hosts_path));
  g_ptr_array_add (binds, g_strdup ("/etc/hosts"));
  g_ptr_array_add (binds, g_steal_pointer (&hostname_path));
  g_ptr_array_add (binds, g_strdup ("/etc/hostname"));
  if (host && g_file_test ("/etc/resolv.conf", G_FILE_TEST_IS_REGULAR))
    {
      g_ptr_array_add (binds, g_strdup ("/etc/resolv.conf"));
      g_ptr_array_add (binds, g_strdup ("/etc/resolv.conf"));
    }
  g_ptr_array_add (binds, NULL);
  return TRUE;
}

gboolean
cpd_engine_complete_config (CpdEngine *engine, CpdContainerConfig *config, GError **error)
{
  g_autoptr(CpdConfig) settings = cpd_engine_ref_config (engine);
  g_autoptr(GVariant) nothing = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));

  return (config->cgroup.is_recorded || cpd_cgroup_config_set (&config->cgroup, nothing, settings, error))
         && (config->limits.is_recorded
             || cpd_container_limits_set (&config->limits, nothing, FALSE, settings, error));
}

/* Below which cgroup the container's goes that is split from that of CALLER. */
static char *
split_below (const CpdContainerConfig *config, const CpdCaller *caller, GError **error)
{
  g_autofree char *path = NULL, *room = NULL;

  if (config->cgroup.mode != CPD_CGROUPS_SPLIT)
    return g_strdup ("");
  path = cpd_cgroup_of_process (caller->pid > 0 ? (pid_t) caller->pid : getpid ());
  if (g_str_has_suffix (path, "/" CPD_CGROUP_ROOM))     /* an earlier container has made room */
    path[strlen (path) - strlen ("/" CPD_CGROUP_ROOM)] = '\0';
  room = cpd_cgroup_make_room (path, error);
  return room != NULL ? g_steal_pointer (&path) : NULL;
}

static gboolean
write_bundle (CpdEngine *engine, const CpdContainerRow *row, const CpdContainerConfig *config,
              const char *cgroup, const char *bundle, const char *rootfs, GError **error)
{
  g_autoptr(CpdConfig) settings = cpd_engine_ref_config (engine);
  g_auto(CpdIdentity) identity = { 0 };
  g_autoptr(GPtrArray) binds = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *path = g_build_filename (bundle, "config.json", NULL);
  g_autofree char *directory = cpd_engine_container_dir (engine, row->id);
  const CpdTerminalSize size = cpd_terminal_size_find (directory);
  g_autofree char *json = NULL;
  CpdRuntimeSpec spec = {
    .id = row->id, .name = row->name, .rootfs = rootfs, .hostname = config->hostname,
    .args = (const char *const *) config->args, .cwd = config->workdir,
    .read_only = config->read_only, .privileged = config->privileged, .terminal = config->tty,
    .rows = size.rows, .columns = size.columns,
    .host_network = strcmp (config->network, "host") == 0,
    .capabilities = (const char *const *) config->capabilities,
    .added_capabilities = (const char *const *) config->added_capabilities,
    .seccomp_profile = config->privileged ? NULL : settings->seccomp_profile,
    .cgroup_path = cgroup, .resources = &config->limits.resources,
    .private_cgroupns = config->cgroup.private_namespace,
    .oom_score_adj = config->limits.has_oom_score_adj ? &config->limits.oom_score_adj : NULL,
    .stop_signal = cpd_signal_name (config->stop_signal),
    .sysctls = (const char *const *) settings->sysctls,
    .ulimits = (const char *const *) settings->ulimits,
    .own_ulimits = (const char *const *) config->limits.ulimits, .shm_size = config->limits.shm_size,
  };

  if (!find_identity (config, rootfs, &identity, error)
      || !write_network_files (config, bundle, binds, error))
    return FALSE;
  spec.uid = identity.uid;
  spec.gid = identity.gid;
  spec.additional_gids = (const guint32 *) (void *) identity.groups->data;
  spec.n_additional_gids = identity.groups->len;
  spec.env = (const char *const *) identity.env->pdata;
  spec.binds = (const char *const *) binds->pdata;
  json = cpd_runtime_spec_to_json (&spec, error);
  return json != NULL && cpd_fs_write_file (path, json, -1, 0600, FALSE, error);
}

static gboolean
prepare (CpdEngine *engine, const CpdContainerRow *row, const CpdContainerConfig *config,
         const char *cgroup, const char *bundle, GError **error)
{
  g_autofree char *rootfs = cpd_engine_rootfs_path (engine, row->id);
  g_autofree char *directory = cpd_engine_container_dir (engine, row->id);

  if (!cpd_fs_mkdir_p (rootfs, 0700, error) || !cpd_fs_mkdir_p (directory, 0700, error))
    return FALSE;
  cpd_fault_point ("init.bundle");
  if (!cpd_engine_mount_root (engine, row, rootfs, error))
    return FALSE;
  cpd_fault_point ("init.mounted");
  return write_bundle (engine, row, config, cgroup, bundle, rootfs, error);
}

/* Has the OCI runtime create the container; what was made so far is left to the caller. */
gboolean
cpd_engine_launch (CpdEngine *engine, const CpdContainerRow *row, CpdContainerConfig *config,
                   const CpdCaller *caller, CpdLaunched *launched, GError **error)
{
  g_autoptr(CpdConfig) settings = cpd_engine_ref_config (engine);
  g_autofree char *bundle = cpd_engine_bundle_path (engine, row->id);
  g_autofree char *log_path = cpd_engine_log_path (engine, row->id);
  g_autofree char *below = NULL, *cgroup = NULL;
  CpdLaunch launch = {
    .id = row->id, .name = row->name, .bundle = bundle, .log_path = log_path,
    .keep_stdin = config->keep_stdin, .terminal = config->tty, .log_size_max = settings->log_size_max,
    .oci_runtime = config->oci_runtime,
  };

  if (!cpd_engine_complete_config (engine, config, error))
    return FALSE;
  below = split_below (config, caller, error);
  if (below == NULL)
    return FALSE;
  cgroup = cpd_cgroup_config_spec_path (&config->cgroup, row->id, below);
  launch.cgroup = cgroup;
  launch.systemd_cgroup = config->cgroup.systemd;
  return prepare (engine, row, config, cgroup, bundle, error)
         && cpd_launcher_create (engine->launcher, &launch, launched, error);
}

/* libpod's split has the monitor beside the container. */
static void
place_monitor (const CpdContainerConfig *config, const CpdCaller *caller, pid_t monitor)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *below = NULL, *room = NULL;

  if (config->cgroup.mode != CPD_CGROUPS_SPLIT)
    return;
  below = split_below (config, caller, &error);
  room = below != NULL ? cpd_cgroup_make_room (below, &error) : NULL;
  if (room == NULL || !cpd_cgroup_move (room, monitor, &error))
    g_info ("the monitor stays in the cgroup of the service: %s", error->message);
}

/* A bundle that is there is that of a run that could neither begin nor be taken back. */
static gboolean
clear_leftovers (CpdEngine *engine, const char *id, GError **error)
{
  g_autofree char *bundle = cpd_engine_bundle_path (engine, id);
  g_autoptr(CpdTransaction) tx = NULL;

  if (!g_file_test (bundle, G_FILE_TEST_EXISTS))
    return TRUE;
  if (!cpd_engine_clear_runtime (engine, id, error))
    return FALSE;
  tx = cpd_store_begin (engine->store, CPD_STORE_BOOT, error);
  return tx != NULL && cpd_store_delete_operations (tx, "init", id, error) && cpd_transaction_commit (tx, error);
}

/* Where that fails, too, the operation stays, and the next run or the next start of the service takes back what is left. */
static void
undo_init (CpdEngine *engine, const char *id, gint64 operation)
{
  g_autoptr(GError) failure = NULL;

  if (cpd_engine_clear_runtime (engine, id, &failure))
    cpd_engine_end_operation (engine, operation);
  else
    cpd_log_container (G_LOG_LEVEL_MESSAGE, id, "failed to clear what is left of a run of container %s that could not begin: %s",
                       id, failure->message);
}

/* From configured or exited to created. The container's lock is held. */
gboolean
cpd_engine_init_locked (CpdEngine *engine, const CpdContainerRow *row, const CpdCaller *caller,
                        GError **error)
{
  g_autoptr(CpdHold) hold = cpd_holds_take (engine->holds);
  g_autoptr(CpdContainerConfig) config = cpd_container_config_parse (row->config, error);
  CpdContainerStatus status = row->status;
  CpdLaunched launched = { 0 };
  gint64 operation;

  if (config == NULL || !cpd_engine_check_not_ending (engine, error)
      || (cpd_engine_needs_refresh (engine, row->id) && !cpd_engine_refresh_locked (engine, row, error))
      || !clear_leftovers (engine, row->id, error)
      || !cpd_engine_begin_operation (engine, "init", row->id, &operation, error))
    return FALSE;
  cpd_fault_point ("init.intent");
  if (!cpd_engine_launch (engine, row, config, caller, &launched, error))
    {
      undo_init (engine, row->id, operation);
      return FALSE;
    }
  cpd_fault_point ("init.launched");
  place_monitor (config, caller, launched.monitor_pid);
  status.state = CPD_CONTAINER_CREATED;
  status.pid = launched.pid;
  status.pid_start = cpd_process_start_time (launched.pid);
  status.monitor_pid = launched.monitor_pid;
  status.monitor_start = cpd_process_start_time (launched.monitor_pid);
  status.oom_killed = FALSE;
  if (!cpd_engine_set_status (engine, row, &status, "init", NULL, operation, caller, error))
    {
      undo_init (engine, row->id, operation);
      return FALSE;
    }
  cpd_engine_watch (engine, row, &status);
  cpd_fault_point ("init.committed");
  return TRUE;
}

#define CAN_INIT (CPD_STATE_BIT (CPD_CONTAINER_CONFIGURED) | CPD_STATE_BIT (CPD_CONTAINER_STOPPED) \
                  | CPD_STATE_BIT (CPD_CONTAINER_EXITED))
#define CAN_START (CAN_INIT | CPD_STATE_BIT (CPD_CONTAINER_CREATED))
#define RUNS (CPD_STATE_BIT (CPD_CONTAINER_RUNNING) | CPD_STATE_BIT (CPD_CONTAINER_PAUSED))
#define CAN_ATTACH (CAN_START | RUNS)

/* Between the end of its process and its removal nobody brings it to life again. */
static gboolean
check_not_going (CpdEngine *engine, const CpdContainerRow *row, GError **error)
{
  if (!cpd_engine_is_going (engine, row->id))
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_BEING_REMOVED, "container %s is being removed", row->name);
  return FALSE;
}

/* Brings a container to created, whichever of the states in ALLOWED it is in. */
static CpdContainerRow *
bring_to_created (CpdEngine *engine, const char *id, guint allowed, const char *operation,
                  const CpdCaller *caller, GError **error)
{
  g_autoptr(CpdContainerRow) row = cpd_engine_get_in_state (engine, id, allowed, operation, error);

  if (row == NULL)
    return NULL;
  if ((CPD_STATE_BIT (row->status.state) & CAN_START)
      && (!check_not_going (engine, row, error)
          || !cpd_engine_dependencies_run (engine, row, operation, error)))
    return NULL;
  if (row->status.state == CPD_CONTAINER_STOPPED && !cpd_engine_cleanup_locked (engine, id, error))
    return NULL;
  if ((CPD_STATE_BIT (row->status.state) & CAN_INIT)
      && !cpd_engine_init_locked (engine, row, caller, error))
    {
      /* Who attaches to one that does not run is about to start it. */
      g_prefix_error (error, "failed to %s container %s: ", (allowed & RUNS) != 0 ? "start" : operation, row->name);
      return NULL;
    }
  return cpd_engine_get_container (engine, id, error);
}

gboolean
cpd_engine_init_container (CpdEngine *engine, const char *id, const CpdCaller *caller,
                           GError **error)
{
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "init");
  g_autoptr(CpdContainerRow) row = bring_to_created (engine, id, CAN_INIT, "init", caller, error);

  return row != NULL;
}

/* RESTARTS is how often its restart policy has started it by now. The container's lock is held. */
gboolean
cpd_engine_start_locked (CpdEngine *engine, const char *id, guint restarts, const CpdCaller *caller,
                         GError **error)
{
  g_autoptr(CpdHold) hold = cpd_holds_take (engine->holds);
  g_autoptr(CpdContainerRow) row = bring_to_created (engine, id, CAN_START, "start", caller, error);
  g_autofree char *bundle = cpd_engine_bundle_path (engine, id);
  CpdContainerStatus status;

  if (row == NULL || !cpd_engine_check_not_ending (engine, error))
    return FALSE;
  if (!cpd_launcher_start (engine->launcher, id, bundle, error))
    {
      cpd_engine_cleanup_locked (engine, id, NULL);
      g_prefix_error (error, "failed to start container %s: ", row->name);
      return FALSE;
    }
  cpd_fault_point ("start.started");
  status = row->status;
  status.state = CPD_CONTAINER_RUNNING;
  status.started = g_get_real_time ();
  status.finished = 0;
  status.exit_code = 0;
  status.restarts = restarts;
  status.stopped_by_user = FALSE;
  return cpd_engine_set_status (engine, row, &status, "start", NULL, 0, caller, error);
}

/* Nothing else is started for one that cannot be. */
gboolean
cpd_engine_start_container (CpdEngine *engine, const char *id, const CpdCaller *caller,
                            GError **error)
{
  g_autoptr(CpdContainerRow) row = cpd_engine_get_in_state (engine, id, CAN_START, "start", error);
  g_autoptr(CpdLock) lock = NULL;

  if (row == NULL || !cpd_engine_start_dependencies (engine, id, TRUE, caller, error))
    return FALSE;
  lock = cpd_locks_acquire (engine->locks, id, "start");
  return cpd_engine_start_locked (engine, id, 0, caller, error);
}

/* The container's lock is held. */
static int
attach_locked (CpdEngine *engine, const char *id, guint allowed, const CpdCaller *caller, GError **error)
{
  g_autofree char *bundle = cpd_engine_bundle_path (engine, id);
  g_autoptr(CpdContainerRow) row = bring_to_created (engine, id, allowed, "attach to", caller, error);
  cpd_autofd int fd = -1;

  if (row == NULL)
    return -1;
  fd = cpd_launcher_attach (engine->launcher, bundle, error);
  if (fd < 0)
    {
      g_prefix_error (error, "failed to attach to container %s: ", row->name);
      return -1;
    }
  if (!cpd_engine_set_status (engine, row, &row->status, "attach", NULL, 0, caller, error))
    return -1;
  return g_steal_fd (&fd);
}

/* To attach to one that does not run is the first half of starting it. */
int
cpd_engine_attach_container (CpdEngine *engine, const char *id, gboolean must_run, const CpdCaller *caller,
                             GError **error)
{
  const guint allowed = must_run ? RUNS : CAN_ATTACH;
  g_autoptr(CpdContainerRow) row = cpd_engine_get_in_state (engine, id, allowed, "attach to", error);
  g_autoptr(CpdLock) lock = NULL;

  if (row == NULL
      || ((CPD_STATE_BIT (row->status.state) & CAN_START)
          && !cpd_engine_start_dependencies (engine, id, TRUE, caller, error)))
    return -1;
  lock = cpd_locks_acquire (engine->locks, id, "attach");
  return attach_locked (engine, id, allowed, caller, error);
}

/* Of two sizes that are written at once one could be lost, hence the lock. The last one is that of the next run, too. */
gboolean
cpd_engine_resize_container (CpdEngine *engine, const char *id, guint rows, guint columns, GError **error)
{
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "resize");
  g_autoptr(CpdContainerRow) row = cpd_engine_get_in_state (engine, id, RUNS | CPD_STATE_BIT (CPD_CONTAINER_CREATED),
                                                            "resize", error);
  g_autoptr(CpdContainerConfig) config = row != NULL ? cpd_container_config_parse (row->config, error) : NULL;
  g_autofree char *bundle = cpd_engine_bundle_path (engine, id);
  g_autofree char *directory = cpd_engine_container_dir (engine, id);
  const CpdTerminalSize size = { rows, columns };

  if (config == NULL)
    return FALSE;
  if (!config->tty)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_STATE, "cannot resize container %s: it has no terminal",
                   row->name);
      return FALSE;
    }
  if (!cpd_launcher_resize (engine->launcher, bundle, rows, columns, error))
    {
      g_prefix_error (error, "failed to resize container %s: ", row->name);
      return FALSE;
    }
  cpd_terminal_size_keep (directory, &size);
  return TRUE;
}
