/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "engine/conmon/cpd-launcher-private.h"

/* conmon's command line: what containers and sessions have in common there, and reading it from who runs. */

GPtrArray *
cpd_launcher_begin_arguments (CpdLauncher *launcher, const CpdOciRuntime *runtime, const CpdMonitored *monitored)
{
  GPtrArray *argv = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *pid_file = g_build_filename (monitored->directory, "pidfile", NULL);
  g_autofree char *conmon_pid_file = g_build_filename (monitored->directory, "conmon.pid", NULL);

  cpd_launcher_add_pair (argv, launcher->config->conmon, "--full-attach");
  cpd_launcher_add_pair (argv, "--api-version", "1");
  cpd_launcher_add_pair (argv, "-c", monitored->container_id);
  cpd_launcher_add_pair (argv, "-u", monitored->id);
  cpd_launcher_add_pair (argv, "-n", monitored->name);
  cpd_launcher_add_pair (argv, "-r", runtime->path);
  cpd_launcher_add_pair (argv, "-b", monitored->directory);
  cpd_launcher_add_pair (argv, "-p", pid_file);
  cpd_launcher_add_pair (argv, "--conmon-pidfile", conmon_pid_file);
  cpd_launcher_add_pair (argv, "--exit-dir", monitored->exit_dir);
  cpd_launcher_add_pair (argv, "-l", monitored->log);
  cpd_launcher_add_pair (argv, "--log-level", "warning");
  return argv;
}

void
cpd_launcher_add_pair (GPtrArray *argv, const char *option, const char *value)
{
  g_ptr_array_add (argv, g_strdup (option));
  g_ptr_array_add (argv, g_strdup (value));
}

void
cpd_launcher_add_runtime (CpdLauncher *launcher, GPtrArray *argv, const CpdOciRuntime *runtime, const char *oci_log,
                          gboolean systemd_cgroup, gboolean no_cgroup)
{
  cpd_launcher_add_pair (argv, "--runtime-arg", "--root");
  cpd_launcher_add_pair (argv, "--runtime-arg", launcher->runtime_root);
  if (cpd_oci_runtimes_supports_json (launcher->config->runtimes, runtime))
    cpd_launcher_add_pair (argv, "--runtime-arg", "--log-format=json");
  cpd_launcher_add_pair (argv, "--runtime-arg", "--log");
  cpd_launcher_add_pair (argv, "--runtime-arg", oci_log);
  if (systemd_cgroup)
    g_ptr_array_add (argv, g_strdup ("-s"));
  if (no_cgroup)
    {
      cpd_launcher_add_pair (argv, "--runtime-arg", "--cgroup-manager");
      cpd_launcher_add_pair (argv, "--runtime-arg", "disabled");
    }
}

/* A terminal takes input anyway; with both, the first client that leaves would close it for all. */
void
cpd_launcher_add_input (GPtrArray *argv, gboolean terminal, gboolean keep_stdin)
{
  if (terminal)
    g_ptr_array_add (argv, g_strdup ("-t"));
  else if (keep_stdin)
    g_ptr_array_add (argv, g_strdup ("-i"));
}

char *
cpd_launcher_read_argument (const char *pid, const char *option, const char *const *marks)
{
  g_autofree char *path = g_build_filename ("/proc", pid, "cmdline", NULL);
  g_autofree char *text = NULL;
  const char *argument = NULL;
  guint found = 0;
  gsize length = 0;

  if (!g_ascii_isdigit (*pid) || !g_file_get_contents (path, &text, &length, NULL))
    return NULL;
  for (const char *word = text; word < text + length; word += strlen (word) + 1)
    {
      const char *next = word + strlen (word) + 1;

      if (argument == NULL && strcmp (word, option) == 0 && next < text + length)
        argument = next;
      for (guint i = 0; marks[i] != NULL; i++)
        if (strcmp (word, marks[i]) == 0)
          found |= 1u << i;
    }
  return found == (1u << g_strv_length ((char **) marks)) - 1 ? g_strdup (argument) : NULL;
}
