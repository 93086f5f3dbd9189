/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "common/cpd-process.h"
#include "engine/conmon/cpd-conmon.h"
#include "engine/conmon/cpd-launcher-private.h"
#include "public/cpod-error.h"

/* How long a monitor whose creator is gone may take to end its start. */
#define UNDO_WAIT_US (10 * G_USEC_PER_SEC)

static GPtrArray *
conmon_arguments (CpdLauncher *launcher, const CpdExecLaunch *launch, const CpdOciRuntime *runtime,
                  const char *oci_log, gboolean attach)
{
  g_autofree char *process = g_build_filename (launch->directory, "process.json", NULL);
  g_autofree char *exit_dir = g_build_filename (launch->directory, "exit", NULL);
  const CpdMonitored monitored = { .container_id = launch->container_id, .id = launch->id, .name = launch->name,
                                   .directory = launch->directory, .exit_dir = exit_dir,
                                   .log = launch->streams != NULL ? "passthrough" : "none" };
  g_autoptr(GPtrArray) argv = cpd_launcher_begin_arguments (launcher, runtime, &monitored);

  cpd_launcher_add_runtime (launcher, argv, runtime, oci_log, launch->systemd_cgroup, launch->no_cgroup);
  if (attach)
    g_ptr_array_add (argv, g_strdup ("--exec-attach"));
  cpd_launcher_add_input (argv, launch->terminal, launch->keep_stdin);
  cpd_launcher_add_pair (argv, "-e", "--exec-process-spec");
  g_ptr_array_add (argv, g_steal_pointer (&process));
  g_ptr_array_add (argv, NULL);
  return g_steal_pointer (&argv);
}

/* Not below a bundle that has gone meanwhile, so no more than the last two parts are made. */
static gboolean
make_directories (const char *directory, GError **error)
{
  g_autofree char *execs = g_path_get_dirname (directory);
  g_autofree char *exit_dir = g_build_filename (directory, "exit", NULL);
  const char *const paths[] = { execs, directory, exit_dir };

  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++)
    if (mkdir (paths[i], 0700) < 0 && errno != EEXIST)
      {
        cpd_set_error_errno (error, errno, "failed to create %s", paths[i]);
        return FALSE;
      }
  return TRUE;
}

gboolean
cpd_launcher_exec (CpdLauncher *launcher, const CpdExecLaunch *launch, int *stream, CpdLaunched *launched,
                   GError **error)
{
  g_autofree char *process = g_build_filename (launch->directory, "process.json", NULL);
  g_autofree char *oci_log = g_build_filename (launch->directory, "oci-log", NULL);
  const CpdOciRuntime *runtime = cpd_launcher_find_programs (launcher, launch->bundle, error);
  g_auto(GStrv) env = cpd_config_get_list (launcher->config, CPD_KEY_CONMON_ENV_VARS);
  g_autoptr(GPtrArray) argv = NULL;

  if (runtime == NULL || !make_directories (launch->directory, error)
      || !cpd_fs_write_file (process, launch->process, -1, 0600, FALSE, error))
    return FALSE;
  argv = conmon_arguments (launcher, launch, runtime, oci_log, stream != NULL);
  if (!cpd_conmon_exec ((const char *const *) argv->pdata, (const char *const *) env, launch->directory,
                        oci_log, launch->streams, stream, &launched->pid, error))
    return FALSE;
  launched->monitor_pid = cpd_launcher_read_pid (launch->directory, "conmon.pid");
  return TRUE;
}

gboolean
cpd_launcher_has_clients (CpdLauncher *launcher, const char *directory)
{
  g_autofree char *path = g_build_filename (directory, "attach", NULL);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

char *
cpd_launcher_exec_exit_file (CpdLauncher *launcher, const char *directory, const char *container_id)
{
  return g_build_filename (directory, "exit", container_id, NULL);
}

gboolean
cpd_launcher_get_exec_exit (CpdLauncher *launcher, const char *directory, const char *container_id,
                            int *exit_code)
{
  g_autofree char *path = cpd_launcher_exec_exit_file (launcher, directory, container_id);

  return cpd_launcher_read_exit_code (path, exit_code);
}

/* Of a monitor of ours that watches over a session, or NULL. */
static char *
monitored_session (CpdLauncher *launcher, const char *pid)
{
  const char *const marks[] = { launcher->runtime_root, "--exec-process-spec", NULL };

  return cpd_launcher_read_argument (pid, "-u", marks);
}

GPtrArray *
cpd_launcher_list_exec_monitors (CpdLauncher *launcher, GError **error)
{
  return cpd_launcher_collect_ids (launcher, monitored_session, error);
}

/* Its monitor, 0 when there is none (any more). */
static pid_t
find_monitor (CpdLauncher *launcher, const char *id)
{
  g_autoptr(GPtrArray) pids = cpd_fs_list_dir ("/proc", NULL);

  for (guint i = 0; pids != NULL && i < pids->len; i++)
    {
      g_autofree char *found = monitored_session (launcher, pids->pdata[i]);

      if (g_strcmp0 (found, id) == 0)
        return atoi (pids->pdata[i]);
    }
  return 0;
}

/* A number that was given to another process since is not in the container. */
static gboolean
shares_mounts (pid_t one, pid_t other)
{
  g_autofree char *one_path = g_strdup_printf ("/proc/%d/ns/mnt", (int) one);
  g_autofree char *other_path = g_strdup_printf ("/proc/%d/ns/mnt", (int) other);
  struct stat one_info, other_info;

  return stat (one_path, &one_info) == 0 && stat (other_path, &other_info) == 0
         && one_info.st_ino == other_info.st_ino;
}

static void
kill_pid (pid_t pid)
{
  const gint64 start = cpd_process_start_time (pid);

  if (start > 0)
    cpd_process_signal (pid, start, SIGKILL, NULL);
}

/*
 * A monitor whose creator has died takes that for the word to begin. Killed
 * half-way it could leave a process that no file tells of; so it is given the
 * time to get that far, or to fail.
 */
gboolean
cpd_launcher_undo_exec (CpdLauncher *launcher, const char *id, const char *directory, pid_t container_pid,
                        GError **error)
{
  const gint64 deadline = g_get_monotonic_time () + UNDO_WAIT_US;
  pid_t monitor, pid = 0;

  while ((monitor = find_monitor (launcher, id)) != 0 && g_get_monotonic_time () < deadline
         && (pid = cpd_launcher_read_pid (directory, "pidfile")) == 0)
    g_usleep (2000);
  if (pid == 0)
    pid = cpd_launcher_read_pid (directory, "pidfile");
  if (pid > 0 && container_pid > 0 && shares_mounts (pid, container_pid))
    kill_pid (pid);
  if (monitor != 0)
    kill_pid (monitor);
  return cpd_fs_remove_tree (directory, error);
}
