/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/conmon/cpd-launcher-private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "common/cpd-process.h"
#include "engine/conmon/cpd-conmon-clients.h"
#include "engine/conmon/cpd-conmon.h"
#include "engine/host/cpd-cgroup.h"
#include "public/cpod-error.h"

#define RUNTIME_TIMEOUT_MS (60 * 1000)

/* How long a monitor may take to end once its container has. */
#define MONITOR_GRACE_MS 2000

/* In the bundle; its lines. */
#define RECORD "launch"
#define RECORD_RUNTIME 0
#define RECORD_CGROUP 1

CpdLauncher *
cpd_launcher_new (CpdConfig *config, GError **error)
{
  g_autoptr(CpdLauncher) launcher = g_new0 (CpdLauncher, 1);

  launcher->config = cpd_config_ref (config);
  launcher->runtime_root = g_build_filename (config->tmp_dir, "runtime", NULL);
  launcher->exit_dir = g_build_filename (config->tmp_dir, "exits", NULL);
  if (!cpd_fs_mkdir_p (launcher->runtime_root, 0700, error)
      || !cpd_fs_mkdir_p (launcher->exit_dir, 0700, error))
    return NULL;
  return g_steal_pointer (&launcher);
}

void
cpd_launcher_free (CpdLauncher *launcher)
{
  cpd_config_unref (launcher->config);
  g_free (launcher->runtime_root);
  g_free (launcher->exit_dir);
  g_free (launcher);
}

const char *
cpd_launcher_exit_dir (CpdLauncher *launcher)
{
  return launcher->exit_dir;
}

static gboolean
check_conmon (CpdLauncher *launcher, GError **error)
{
  const char *conmon = launcher->config->conmon;
  g_autofree char *tried = NULL;
  g_auto(GStrv) paths = NULL;

  if (conmon != NULL && g_file_test (conmon, G_FILE_TEST_IS_EXECUTABLE))
    return TRUE;
  paths = cpd_config_get_list (launcher->config, CPD_KEY_CONMON_PATH);
  tried = g_strjoinv (", ", paths);
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_CONMON_FAILED, "no conmon at %s: install the package conmon",
               conmon != NULL ? conmon : tried);
  return FALSE;
}

/* What is known of a launch afterwards: OCI runtime and cgroup, each a line of a file in the bundle, "" for none. */
static gboolean
write_record (const CpdLaunch *launch, GError **error)
{
  g_autofree char *path = g_build_filename (launch->bundle, RECORD, NULL);
  g_autofree char *cgroup = launch->cgroup != NULL ? cpd_cgroup_path_of_spec (launch->cgroup) : NULL;
  g_autofree char *text = g_strdup_printf ("%s\n%s\n", launch->oci_runtime != NULL ? launch->oci_runtime : "",
                                           cgroup != NULL ? cgroup : "");

  return cpd_fs_write_file (path, text, -1, 0600, FALSE, error);
}

/* The line of the record, NULL for "" and for what version 0.1.0 has launched. */
static char *
read_record (const char *bundle, guint line)
{
  g_autofree char *path = g_build_filename (bundle, RECORD, NULL);
  g_autofree char *text = cpd_fs_read_file (path, 2 * PATH_MAX, NULL);
  g_auto(GStrv) lines = text != NULL ? g_strsplit (text, "\n", -1) : NULL;

  if (lines == NULL || g_strv_length (lines) <= line || *lines[line] == '\0')
    return NULL;
  return g_strdup (lines[line]);
}

char *
cpd_launcher_get_cgroup (CpdLauncher *launcher, const char *bundle)
{
  return read_record (bundle, RECORD_CGROUP);
}

const CpdOciRuntime *
cpd_launcher_find_programs (CpdLauncher *launcher, const char *bundle, GError **error)
{
  g_autofree char *name = read_record (bundle, RECORD_RUNTIME);

  return check_conmon (launcher, error) ? cpd_oci_runtimes_find (launcher->config->runtimes, name, error) : NULL;
}

static GPtrArray *
conmon_arguments (CpdLauncher *launcher, const CpdLaunch *launch, const CpdOciRuntime *runtime,
                  const char *oci_log)
{
  g_autofree char *log = g_strconcat ("k8s-file:", launch->log_path, NULL);
  const CpdMonitored monitored = { .container_id = launch->id, .id = launch->id, .name = launch->name,
                                   .directory = launch->bundle, .exit_dir = launcher->exit_dir, .log = log };
  g_autoptr(GPtrArray) argv = cpd_launcher_begin_arguments (launcher, runtime, &monitored);

  cpd_launcher_add_pair (argv, "--persist-dir", launch->bundle);
  /* A log line need not survive a power cut, and its sync would delay the news of the exit. */
  g_ptr_array_add (argv, g_strdup ("--no-sync-log"));
  cpd_launcher_add_runtime (launcher, argv, runtime, oci_log, launch->systemd_cgroup, launch->cgroup == NULL);
  if (cpd_config_get_boolean (launcher->config, CPD_KEY_NO_PIVOT_ROOT))
    g_ptr_array_add (argv, g_strdup ("--no-pivot"));
  if (launch->log_size_max > 0)
    {
      g_autofree char *size = g_strdup_printf ("%" G_GINT64_FORMAT, launch->log_size_max);

      cpd_launcher_add_pair (argv, "--log-size-max", size);
    }
  cpd_launcher_add_input (argv, launch->terminal, launch->keep_stdin);
  g_ptr_array_add (argv, NULL);
  return g_steal_pointer (&argv);
}

gboolean
cpd_launcher_create (CpdLauncher *launcher, const CpdLaunch *launch, CpdLaunched *launched,
                     GError **error)
{
  g_autofree char *oci_log = g_build_filename (launch->bundle, "oci-log", NULL);
  g_autofree char *conmon_pid_file = g_build_filename (launch->bundle, "conmon.pid", NULL);
  g_autofree char *exit_file = g_build_filename (launcher->exit_dir, launch->id, NULL);
  g_autofree char *text = NULL;
  const CpdOciRuntime *runtime = NULL;
  g_auto(GStrv) env = cpd_config_get_list (launcher->config, CPD_KEY_CONMON_ENV_VARS);
  g_autoptr(GPtrArray) argv = NULL;

  if (check_conmon (launcher, error))
    runtime = cpd_oci_runtimes_find (launcher->config->runtimes, launch->oci_runtime, error);
  if (runtime == NULL || !write_record (launch, error))
    return FALSE;
  unlink (exit_file);           /* of the run before */
  argv = conmon_arguments (launcher, launch, runtime, oci_log);
  if (!cpd_conmon_spawn ((const char *const *) argv->pdata, (const char *const *) env,
                         launch->bundle, oci_log,
                         &launched->pid, error))
    return FALSE;

  text = cpd_fs_read_file (conmon_pid_file, 32, error);
  if (text == NULL)
    return FALSE;
  launched->monitor_pid = atoi (text);
  return TRUE;
}

/* Runs the OCI runtime that the container was created by; the words after COMMAND end with NULL. */
static gboolean
run_runtime (CpdLauncher *launcher, const char *bundle, GError **error, const char *command, ...)
{
  g_autoptr(GPtrArray) argv = g_ptr_array_new ();
  g_autofree char *name = read_record (bundle, RECORD_RUNTIME);
  const CpdOciRuntime *runtime = cpd_oci_runtimes_find (launcher->config->runtimes, name, error);
  g_autoptr(GError) cause = NULL;
  va_list args;

  if (runtime == NULL)
    return FALSE;
  g_ptr_array_add (argv, runtime->path);
  g_ptr_array_add (argv, (char *) "--root");
  g_ptr_array_add (argv, launcher->runtime_root);
  va_start (args, command);
  for (const char *word = command; word != NULL; word = va_arg (args, const char *))
    g_ptr_array_add (argv, (char *) word);
  va_end (args);
  g_ptr_array_add (argv, NULL);

  if (cpd_process_run ((const char *const *) argv->pdata, RUNTIME_TIMEOUT_MS, NULL, &cause))
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_OCI_RUNTIME, "OCI runtime %s: %s", command,
               cause->message);
  return FALSE;
}

/* Whether the container's OCI runtime is there: what needs no more than its cgroup can be done without it. */
static gboolean
has_runtime (CpdLauncher *launcher, const char *bundle)
{
  g_autofree char *name = read_record (bundle, RECORD_RUNTIME);

  return cpd_oci_runtimes_find (launcher->config->runtimes, name, NULL) != NULL;
}

gboolean
cpd_launcher_start (CpdLauncher *launcher, const char *id, const char *bundle, GError **error)
{
  return run_runtime (launcher, bundle, error, "start", id, NULL);
}

/* By COMMAND of the OCI runtime, or else by the cgroup itself, which is what it does. */
static gboolean
freeze (CpdLauncher *launcher, const char *id, const char *bundle, const char *command, gboolean on, GError **error)
{
  g_autofree char *cgroup = read_record (bundle, RECORD_CGROUP);

  if (cgroup != NULL && !has_runtime (launcher, bundle))
    return cpd_cgroup_freeze (cgroup, on, error);
  return run_runtime (launcher, bundle, error, command, id, NULL);
}

gboolean
cpd_launcher_pause (CpdLauncher *launcher, const char *id, const char *bundle, GError **error)
{
  return freeze (launcher, id, bundle, "pause", TRUE, error);
}

gboolean
cpd_launcher_resume (CpdLauncher *launcher, const char *id, const char *bundle, GError **error)
{
  return freeze (launcher, id, bundle, "resume", FALSE, error);
}

gboolean
cpd_launcher_update (CpdLauncher *launcher, const char *id, const char *bundle, const char *resources,
                     GError **error)
{
  g_autofree char *path = g_build_filename (bundle, "resources.json", NULL);
  gboolean done = cpd_fs_write_file (path, resources, -1, 0600, FALSE, error)
                  && run_runtime (launcher, bundle, error, "update", "--resources", path, id, NULL);

  unlink (path);
  return done;
}

int
cpd_launcher_attach (CpdLauncher *launcher, const char *bundle, GError **error)
{
  int fd = cpd_conmon_connect (bundle, error);

  if (fd >= 0)
    cpd_conmon_await_accepted (fd);
  return fd;
}

gboolean
cpd_launcher_resize (CpdLauncher *launcher, const char *directory, guint rows, guint columns, GError **error)
{
  return cpd_conmon_resize (directory, rows, columns, error);
}

gboolean
cpd_launcher_read_exit_code (const char *path, int *exit_code)
{
  g_autofree char *text = cpd_fs_read_file (path, 32, NULL);

  if (text == NULL || *text == '\0')
    return FALSE;
  *exit_code = atoi (text);
  return TRUE;
}

gboolean
cpd_launcher_get_exit (CpdLauncher *launcher, const char *id, const char *bundle, int *exit_code,
                       gboolean *oom_killed)
{
  g_autofree char *path = g_build_filename (launcher->exit_dir, id, NULL);
  g_autofree char *oom_path = g_build_filename (bundle, "oom", NULL);

  if (!cpd_launcher_read_exit_code (path, exit_code))
    return FALSE;
  *oom_killed = g_file_test (oom_path, G_FILE_TEST_EXISTS);
  return TRUE;
}

GPtrArray *
cpd_launcher_list (CpdLauncher *launcher, GError **error)
{
  return cpd_fs_list_dir (launcher->runtime_root, error);
}

/* Of a monitor of a container, which alone has our exit directory in its command line, or NULL. */
static char *
monitored_id (CpdLauncher *launcher, const char *pid)
{
  const char *const marks[] = { launcher->exit_dir, NULL };

  return cpd_launcher_read_argument (pid, "-c", marks);
}

GPtrArray *
cpd_launcher_collect_ids (CpdLauncher *launcher, char *(*get_id) (CpdLauncher *launcher, const char *pid), GError **error)
{
  g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);
  g_autoptr(GPtrArray) pids = cpd_fs_list_dir ("/proc", error);

  if (pids == NULL)
    return NULL;
  for (guint i = 0; i < pids->len; i++)
    {
      char *id = get_id (launcher, pids->pdata[i]);

      if (id != NULL)
        g_ptr_array_add (ids, id);
    }
  return g_steal_pointer (&ids);
}

GPtrArray *
cpd_launcher_list_monitors (CpdLauncher *launcher, GError **error)
{
  return cpd_launcher_collect_ids (launcher, monitored_id, error);
}

/* The fifo at which a created container waits for its start. */
gboolean
cpd_launcher_was_started (CpdLauncher *launcher, const char *id)
{
  g_autofree char *record = g_build_filename (launcher->runtime_root, id, NULL);
  g_autofree char *fifo = g_build_filename (record, "exec.fifo", NULL);

  return g_file_test (record, G_FILE_TEST_IS_DIR) && !g_file_test (fifo, G_FILE_TEST_EXISTS);
}

static gboolean
watches_over (CpdLauncher *launcher, const char *pid, const char *id)
{
  g_autofree char *found = monitored_id (launcher, pid);

  return g_strcmp0 (found, id) == 0;
}

pid_t
cpd_launcher_read_pid (const char *bundle, const char *name)
{
  g_autofree char *path = g_build_filename (bundle, name, NULL);
  g_autofree char *text = cpd_fs_read_file (path, 32, NULL);

  return text != NULL ? atoi (text) : 0;
}

gboolean
cpd_launcher_find (CpdLauncher *launcher, const char *id, const char *bundle, CpdLaunched *launched)
{
  g_autofree char *monitor = NULL;
  g_autofree char *exit_file = g_build_filename (launcher->exit_dir, id, NULL);

  launched->monitor_pid = cpd_launcher_read_pid (bundle, "conmon.pid");
  launched->pid = cpd_launcher_read_pid (bundle, "pidfile");
  monitor = g_strdup_printf ("%d", (int) launched->monitor_pid);
  return launched->pid > 0 && watches_over (launcher, monitor, id)
         && cpd_process_start_time (launched->pid) > 0
         && cpd_launcher_was_started (launcher, id)
         && !g_file_test (exit_file, G_FILE_TEST_EXISTS);
}

/* The monitor's pidfd; -1 when there is none. Its file is missing when it was only just started. */
static int
open_monitor (CpdLauncher *launcher, const char *id, const char *bundle)
{
  const pid_t recorded = cpd_launcher_read_pid (bundle, "conmon.pid");
  g_autofree char *text = g_strdup_printf ("%d", (int) recorded);
  g_autoptr(GPtrArray) pids = NULL;

  if (recorded > 0)
    return watches_over (launcher, text, id)
           ? cpd_process_open (recorded, cpd_process_start_time (recorded)) : -1;
  if (g_file_test (bundle, G_FILE_TEST_IS_DIR))
    pids = cpd_fs_list_dir ("/proc", NULL);
  for (guint i = 0; pids != NULL && i < pids->len; i++)
    if (watches_over (launcher, pids->pdata[i], id))
      return cpd_process_open (atoi (pids->pdata[i]), cpd_process_start_time (atoi (pids->pdata[i])));
  return -1;
}

/* Waits for the monitor to end by itself, or sees to it. */
static void
end_monitor (int fd, int grace_ms)
{
  struct pollfd item = { .fd = fd, .events = POLLIN };

  if (fd < 0 || (grace_ms > 0 && poll (&item, 1, grace_ms) > 0))
    return;
  if (syscall (SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) < 0)
    return;
  poll (&item, 1, MONITOR_GRACE_MS);
}

/* Without the OCI runtime its part is done here: the processes are those in the cgroup. */
static gboolean
forget (CpdLauncher *launcher, const char *id, const char *bundle, const char *record, GError **error)
{
  g_autofree char *cgroup = read_record (bundle, RECORD_CGROUP);
  const pid_t pid = cpd_launcher_read_pid (bundle, "pidfile");

  if (cgroup != NULL)
    return cpd_cgroup_kill (cgroup, error) && cpd_fs_remove_tree (record, error);
  if (pid > 0 && cpd_process_start_time (pid) > 0
      && !cpd_process_signal (pid, cpd_process_start_time (pid), SIGKILL, error))
    return FALSE;
  return cpd_fs_remove_tree (record, error);
}

/* The OCI runtime's own part, if it knows of the container. */
static gboolean
delete_record (CpdLauncher *launcher, const char *id, const char *bundle, GError **error)
{
  g_autofree char *record = g_build_filename (launcher->runtime_root, id, NULL);
  g_autoptr(GError) failure = NULL;

  if (!g_file_test (record, G_FILE_TEST_EXISTS))
    return TRUE;
  if (!has_runtime (launcher, bundle))
    return forget (launcher, id, bundle, record, error);
  if (run_runtime (launcher, bundle, &failure, "delete", "--force", id, NULL)
      || !g_file_test (record, G_FILE_TEST_EXISTS))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

/* A monitor that is killed while it writes the exit file leaves that under another name: the id, a dot, and letters. */
static void
remove_exit_file (CpdLauncher *launcher, const char *id)
{
  g_autofree char *whole = g_build_filename (launcher->exit_dir, id, NULL);
  g_autofree char *prefix = g_strconcat (id, ".", NULL);
  g_autoptr(GPtrArray) names = NULL;

  if (unlink (whole) == 0)
    return;
  names = cpd_fs_list_dir (launcher->exit_dir, NULL);
  for (guint i = 0; names != NULL && i < names->len; i++)
    {
      g_autofree char *path = g_build_filename (launcher->exit_dir, names->pdata[i], NULL);

      if (g_str_has_prefix (names->pdata[i], prefix))
        unlink (path);
    }
}

/*
 * A monitor that has seen the end still writes the exit file: it must be gone
 * first, or the next run of the container would be taken for ended. One that
 * has no container yet, since the service was killed, must not make it now.
 */
gboolean
cpd_launcher_delete (CpdLauncher *launcher, const char *id, const char *bundle, GError **error)
{
  g_autofree char *record = g_build_filename (launcher->runtime_root, id, NULL);
  g_autofree char *cgroup = read_record (bundle, RECORD_CGROUP);
  cpd_autofd int monitor = open_monitor (launcher, id, bundle);

  if (!g_file_test (record, G_FILE_TEST_EXISTS))
    end_monitor (monitor, 0);
  if (!delete_record (launcher, id, bundle, error))
    return FALSE;
  end_monitor (monitor, MONITOR_GRACE_MS);
  remove_exit_file (launcher, id);
  /* The OCI runtime has seen to it, unless it was killed, or is not there any more. */
  return cgroup == NULL || cpd_cgroup_remove (cgroup, error);
}
