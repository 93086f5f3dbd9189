/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/cpd-config.h"

#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

static const char *const seccomp_paths[] = {
  "/etc/containers/seccomp.json", "/usr/share/containers/seccomp.json",
};

/* More than the age of all events there are, and no overflow in microseconds. */
#define MAX_AGE_SECONDS (G_MAXINT64 / (4 * G_USEC_PER_SEC))

/* conmon cannot keep a log smaller than what it reads at once. */
#define MIN_LOG_SIZE 8192

/* Whether the host has only the unified cgroup hierarchy. */
gboolean
cpd_config_is_cgroup_v2 (void)
{
  struct statfs info;

  return statfs ("/sys/fs/cgroup", &info) == 0 && (guint) info.f_type == CGROUP2_SUPER_MAGIC;
}

GVariant *
cpd_config_get (const CpdConfig *config, CpdKey key)
{
  return cpd_config_values_get (config->values, key);
}

const char *
cpd_config_get_string (const CpdConfig *config, CpdKey key)
{
  return g_variant_get_string (cpd_config_get (config, key), NULL);
}

gboolean
cpd_config_get_boolean (const CpdConfig *config, CpdKey key)
{
  return g_variant_get_boolean (cpd_config_get (config, key));
}

gint64
cpd_config_get_int (const CpdConfig *config, CpdKey key)
{
  return g_variant_get_int64 (cpd_config_get (config, key));
}

char **
cpd_config_get_list (const CpdConfig *config, CpdKey key)
{
  return g_variant_dup_strv (cpd_config_get (config, key), NULL);
}

gboolean
cpd_config_is_set (const CpdConfig *config, CpdKey key)
{
  return cpd_config_values_is_set (config->values, key);
}

const char *
cpd_config_get_origin (const CpdConfig *config, CpdKey key)
{
  return cpd_config_values_origin (config->values, key);
}

static void
clear_fields (CpdConfig *config)
{
  g_clear_pointer (&config->static_dir, g_free);
  g_clear_pointer (&config->graph_root, g_free);
  g_clear_pointer (&config->volume_path, g_free);
  g_clear_pointer (&config->run_root, g_free);
  g_clear_pointer (&config->tmp_dir, g_free);
  g_clear_pointer (&config->conmon, g_free);
  g_clear_pointer (&config->oci_runtime, g_free);
  g_clear_pointer (&config->seccomp_profile, g_free);
  g_clear_pointer (&config->cgroup_parent, g_free);
  g_clear_pointer (&config->capabilities, g_strfreev);
  g_clear_pointer (&config->sysctls, g_strfreev);
  g_clear_pointer (&config->ulimits, g_strfreev);
  g_clear_pointer (&config->env, g_strfreev);
  g_clear_pointer (&config->runtimes, cpd_oci_runtimes_free);
}

/* One that is named and missing is kept, so that the error can tell of it. */
static char *
find_conmon (const CpdConfig *config)
{
  g_auto(GStrv) paths = cpd_config_get_list (config, CPD_KEY_CONMON_PATH);
  char *found = cpd_find_executable ((const char *const *) paths);

  if (found == NULL && g_strv_length (paths) == 1)
    return g_strdup (paths[0]);
  return found;
}

static char *
find_seccomp_profile (const CpdConfig *config)
{
  const char *given = cpd_config_get_string (config, CPD_KEY_SECCOMP_PROFILE);

  if (g_str_equal (given, "unconfined"))
    return NULL;
  if (*given != '\0')
    return g_strdup (given);
  for (gsize i = 0; i < G_N_ELEMENTS (seccomp_paths); i++)
    if (g_file_test (seccomp_paths[i], G_FILE_TEST_IS_REGULAR))
      return g_strdup (seccomp_paths[i]);
  return g_strdup (seccomp_paths[1]);   /* named in the error when it is needed */
}

static void
set_cgroups (CpdConfig *config)
{
  const char *parent = cpd_config_get_string (config, CPD_KEY_CGROUP_PARENT);
  gboolean wanted = g_str_equal (cpd_config_get_string (config, CPD_KEY_CGROUP_MANAGER), "systemd");

  config->systemd_cgroups = wanted && g_file_test ("/run/systemd/system", G_FILE_TEST_IS_DIR);
  if (wanted && !config->systemd_cgroups)
    g_info ("%s: engine.cgroup_manager: systemd does not run here, so cgroups are made without it",
            cpd_config_get_origin (config, CPD_KEY_CGROUP_MANAGER));
  if (*parent == '\0')
    parent = config->systemd_cgroups ? "machine.slice" : "/cpod";
  config->cgroup_parent = g_strdup (parent);
}

static void
set_limits (CpdConfig *config)
{
  config->events_max_rows = (guint) MIN (cpd_config_get_int (config, CPD_KEY_EVENTS_MAX_ROWS), G_MAXUINT);
  config->events_max_age = MIN (cpd_config_get_int (config, CPD_KEY_EVENTS_MAX_AGE), MAX_AGE_SECONDS) * G_USEC_PER_SEC;
  config->pids_limit = MAX (cpd_config_get_int (config, CPD_KEY_PIDS_LIMIT), 0);
  config->stop_timeout = (guint) cpd_config_get_int (config, CPD_KEY_STOP_TIMEOUT);
  config->shm_size = cpd_config_get_int (config, CPD_KEY_SHM_SIZE);
  config->log_size_max = MAX (cpd_config_get_int (config, CPD_KEY_LOG_SIZE_MAX), 0);
  if (config->log_size_max > 0)
    config->log_size_max = MAX (config->log_size_max, MIN_LOG_SIZE);
}

/* Makes the fields of the values. */
static void
set_fields (CpdConfig *config)
{
  const CpdOciRuntime *runtime;

  clear_fields (config);
  cpd_config_values_finish (config->values);
  config->static_dir = g_strdup (cpd_config_get_string (config, CPD_KEY_STATIC_DIR));
  config->graph_root = g_strdup (cpd_config_get_string (config, CPD_KEY_GRAPH_ROOT));
  config->volume_path = g_strdup (cpd_config_get_string (config, CPD_KEY_VOLUME_PATH));
  config->run_root = g_strdup (cpd_config_get_string (config, CPD_KEY_RUN_ROOT));
  config->tmp_dir = g_strdup (cpd_config_get_string (config, CPD_KEY_TMP_DIR));
  config->capabilities = cpd_config_get_list (config, CPD_KEY_DEFAULT_CAPABILITIES);
  config->sysctls = cpd_config_get_list (config, CPD_KEY_DEFAULT_SYSCTLS);
  config->ulimits = cpd_config_get_list (config, CPD_KEY_DEFAULT_ULIMITS);
  config->env = cpd_config_get_list (config, CPD_KEY_ENV);
  config->conmon = find_conmon (config);
  config->seccomp_profile = find_seccomp_profile (config);
  config->runtimes = cpd_oci_runtimes_new (config->values, cpd_config_is_cgroup_v2 ());
  runtime = cpd_oci_runtimes_find (config->runtimes, NULL, NULL);
  config->oci_runtime = runtime != NULL ? g_strdup (runtime->path) : NULL;
  set_cgroups (config);
  set_limits (config);
}

static void
set_path (CpdConfig *config, CpdKey key, const char *root, const char *below)
{
  cpd_config_values_set (config->values, key, g_variant_new_take_string (g_build_filename (root, below, NULL)),
                         "option");
}

static void
set_root (CpdConfig *config, const char *root)
{
  g_autofree char *base = g_canonicalize_filename (root, "/");

  config->root = g_strdup (root);
  set_path (config, CPD_KEY_STATIC_DIR, base, "lib");
  set_path (config, CPD_KEY_GRAPH_ROOT, base, "lib/storage");
  set_path (config, CPD_KEY_VOLUME_PATH, base, "lib/storage/volumes");
  set_path (config, CPD_KEY_RUN_ROOT, base, "run");
  set_path (config, CPD_KEY_TMP_DIR, base, "run");
  set_path (config, CPD_KEY_EVENTS_LOGFILE_PATH, base, "run/events/events.log");
}

/* A user's own engine keeps its state where a user may. */
static void
set_user_defaults (CpdConfig *config)
{
  if (geteuid () == 0)
    return;
  cpd_config_values_set_default (config->values, CPD_KEY_STATIC_DIR, g_variant_new_take_string (
    g_build_filename (g_get_user_data_dir (), "cpod", NULL)));
  cpd_config_values_set_default (config->values, CPD_KEY_RUN_ROOT, g_variant_new_take_string (
    g_build_filename (g_get_user_runtime_dir (), "cpod", NULL)));
}

static void
set_environment (CpdConfig *config)
{
  const char *conmon = g_getenv ("CPOD_CONMON");
  const char *runtime = g_getenv ("CPOD_OCI_RUNTIME");

  if (conmon != NULL && *conmon != '\0')
    cpd_config_values_set (config->values, CPD_KEY_CONMON_PATH, g_variant_new_strv (&conmon, 1), "environment");
  if (runtime != NULL && *runtime != '\0')
    cpd_config_values_set (config->values, CPD_KEY_RUNTIME, g_variant_new_string (runtime), "environment");
}

CpdConfig *
cpd_config_new_from (const CpdConfigPlaces *places, const char *root, GError **error)
{
  g_autoptr(CpdConfig) config = g_new0 (CpdConfig, 1);

  g_atomic_ref_count_init (&config->references);
  config->values = cpd_config_values_new ();
  set_user_defaults (config);
  if (!cpd_config_read_files (config->values, places, error))
    return NULL;
  set_environment (config);
  if (root != NULL)
    set_root (config, root);
  set_fields (config);
  return g_steal_pointer (&config);
}

CpdConfig *
cpd_config_new (const char *root, GError **error)
{
  const char *named = g_getenv ("CPOD_CONF");
  CpdConfigPlaces places = {
    .system = "",
    .user = geteuid () != 0 ? g_get_user_config_dir () : NULL,
    .named = named != NULL && *named != '\0' ? named : NULL,
  };

  return cpd_config_new_from (&places, root, error);
}

void
cpd_config_override (CpdConfig *config, CpdKey key, GVariant *value, const char *origin)
{
  cpd_config_values_set (config->values, key, value, origin);
  set_fields (config);
}

void
cpd_config_keep (CpdConfig *config, const CpdConfig *started)
{
  for (guint key = 0; key < CPD_N_KEYS; key++)
    if ((cpd_config_keys[key].flags & CPD_KEY_RESTART) != 0)
      cpd_config_values_set (config->values, key, cpd_config_get (started, key),
                             cpd_config_is_set (started, key) ? cpd_config_get_origin (started, key) : NULL);
  set_fields (config);
}

CpdConfig *
cpd_config_ref (CpdConfig *config)
{
  g_atomic_ref_count_inc (&config->references);
  return config;
}

void
cpd_config_unref (CpdConfig *config)
{
  if (!g_atomic_ref_count_dec (&config->references))
    return;
  clear_fields (config);
  g_clear_pointer (&config->values, cpd_config_values_free);
  g_free (config->root);
  g_free (config);
}
