/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/cpd-config.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include "common/cpd-process.h"

static const char *const conmon_paths[] = {
  "/usr/libexec/podman/conmon", "/usr/local/libexec/podman/conmon", "/usr/bin/conmon",
  "/usr/sbin/conmon", "/usr/local/bin/conmon", "/usr/local/sbin/conmon", NULL,
};
static const char *const runc_paths[] = {
  "/usr/bin/runc", "/usr/sbin/runc", "/usr/local/bin/runc", "/usr/local/sbin/runc", NULL,
};
static const char *const crun_paths[] = {
  "/usr/bin/crun", "/usr/sbin/crun", "/usr/local/bin/crun", "/usr/local/sbin/crun", NULL,
};
static const char *const seccomp_paths[] = {
  "/etc/containers/seccomp.json", "/usr/share/containers/seccomp.json", NULL,
};

/* Whether the host has only the unified cgroup hierarchy. */
gboolean
cpd_config_is_cgroup_v2 (void)
{
  struct statfs info;

  return statfs ("/sys/fs/cgroup", &info) == 0 && (guint) info.f_type == CGROUP2_SUPER_MAGIC;
}

/* What the environment names, be it there or not, or else the first of the paths that is there. */
static char *
find_program (const char *variable, const char *const *paths)
{
  const char *given = g_getenv (variable);

  return given != NULL && *given != '\0' ? g_strdup (given) : cpd_process_find (paths);
}

/* crun is the quicker one, but it needs the unified hierarchy. */
static char *
find_oci_runtime (void)
{
  gboolean v2 = cpd_config_is_cgroup_v2 ();
  char *path = find_program ("CPOD_OCI_RUNTIME", v2 ? crun_paths : runc_paths);

  return path != NULL ? path : cpd_process_find (v2 ? runc_paths : crun_paths);
}

static char *
find_seccomp_profile (void)
{
  for (const char *const *path = seccomp_paths; *path != NULL; path++)
    if (g_file_test (*path, G_FILE_TEST_IS_REGULAR))
      return g_strdup (*path);
  return g_strdup (seccomp_paths[1]);   /* named in the error when it is needed */
}

CpdConfig *
cpd_config_new (const char *root)
{
  CpdConfig *config = g_new0 (CpdConfig, 1);

  config->static_dir = root != NULL ? g_build_filename (root, "lib", NULL) : g_strdup ("/var/lib/cpod");
  config->graph_root = g_build_filename (config->static_dir, "storage", NULL);
  config->run_root = root != NULL ? g_build_filename (root, "run", NULL) : g_strdup ("/run/cpod");
  config->conmon = find_program ("CPOD_CONMON", conmon_paths);
  config->oci_runtime = find_oci_runtime ();
  config->seccomp_profile = find_seccomp_profile ();
  config->cgroup_parent = g_strdup ("/cpod");
  config->events_max_rows = 100000;
  return config;
}

void
cpd_config_free (CpdConfig *config)
{
  g_free (config->static_dir);
  g_free (config->graph_root);
  g_free (config->run_root);
  g_free (config->conmon);
  g_free (config->oci_runtime);
  g_free (config->seccomp_profile);
  g_free (config->cgroup_parent);
  g_free (config);
}
