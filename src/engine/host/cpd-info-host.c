/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "engine/cpd-engine-private.h"
#include "engine/host/cpd-info.h"
#include "oci/cpd-platform.h"
#include "public/cpod-error.h"

#define PROC_FILE_MAX (256 * 1024)

static gboolean
add_platform (CpdEngine *engine, GVariantBuilder *host, GError **error)
{
  struct utsname names;

  cpd_info_add_string (host, "arch", cpd_platform_architecture ());
  cpd_info_add_string (host, "os", "linux");
  cpd_info_add (host, "cpus", g_variant_new_int32 ((gint32) g_get_num_processors ()));
  cpd_info_add_string (host, "linkmode", "dynamic");
  cpd_info_add (host, "serviceIsRemote", g_variant_new_boolean (FALSE));
  cpd_info_add_string (host, "bootId", engine->boot_id);
  if (uname (&names) < 0)
    {
      cpd_set_error_errno (error, errno, "failed to ask the kernel for its name");
      return FALSE;
    }
  cpd_info_add_string (host, "hostname", names.nodename);
  cpd_info_add_string (host, "kernel", names.release);
  return TRUE;
}

static gboolean
add_distribution (CpdEngine *engine, GVariantBuilder *host, GError **error)
{
  g_autofree char *id = g_get_os_info (G_OS_INFO_KEY_ID);
  g_autofree char *version = g_get_os_info (G_OS_INFO_KEY_VERSION_ID);
  g_autofree char *codename = g_get_os_info (G_OS_INFO_KEY_VERSION_CODENAME);
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  cpd_info_add_string (&dict, "distribution", id);
  cpd_info_add_string (&dict, "version", version);
  if (codename != NULL)
    cpd_info_add_string (&dict, "codename", codename);
  cpd_info_add (host, "distribution", g_variant_builder_end (&dict));
  return TRUE;
}

/* Those that are on, in the kernel's order: lines "name hierarchy groups enabled". */
static GVariant *
parse_controllers_v1 (const char *text)
{
  GVariantBuilder names = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_STRING_ARRAY);
  g_auto(GStrv) lines = g_strsplit (text, "\n", -1);

  for (char **line = lines; *line != NULL; line++)
    {
      char name[64];
      guint hierarchy, groups, enabled;

      if (**line != '#'
          && sscanf (*line, "%63s %u %u %u", name, &hierarchy, &groups, &enabled) == 4
          && hierarchy > 0 && enabled == 1)
        g_variant_builder_add (&names, "s", name);
    }
  return g_variant_builder_end (&names);
}

static GVariant *
parse_controllers_v2 (char *text)
{
  g_auto(GStrv) names = g_strsplit (g_strstrip (text), " ", -1);

  return g_variant_new_strv ((const char *const *) names, -1);
}

static gboolean
add_cgroups (CpdEngine *engine, GVariantBuilder *host, GError **error)
{
  const gboolean v2 = cpd_config_is_cgroup_v2 ();
  g_autofree char *text = NULL;

  cpd_info_add_string (host, "cgroupManager", engine->config->systemd_cgroups ? "systemd" : "cgroupfs");
  cpd_info_add_string (host, "cgroupVersion", v2 ? "v2" : "v1");
  text = cpd_fs_read_file (v2 ? "/sys/fs/cgroup/cgroup.controllers" : "/proc/cgroups", PROC_FILE_MAX, error);
  if (text == NULL)
    return FALSE;
  cpd_info_add (host, "cgroupControllers", v2 ? parse_controllers_v2 (text) : parse_controllers_v1 (text));
  return TRUE;
}

static gboolean
add_program (CpdEngine *engine, GVariantBuilder *host, const char *key, const char *name, const char *path,
             GError **error)
{
  GVariant *value = cpd_programs_describe (engine->programs, name, path, error);

  if (value != NULL)
    cpd_info_add (host, key, value);
  return value != NULL;
}

static gboolean
add_conmon (CpdEngine *engine, GVariantBuilder *host, GError **error)
{
  if (engine->config->conmon != NULL)
    return add_program (engine, host, "conmon", NULL, engine->config->conmon, error);
  g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_CONMON_FAILED, "conmon was not found");
  return FALSE;
}

static gboolean
add_oci_runtime (CpdEngine *engine, GVariantBuilder *host, GError **error)
{
  const CpdOciRuntime *runtime = cpd_oci_runtimes_find (engine->config->runtimes, NULL, error);

  return runtime != NULL && add_program (engine, host, "ociRuntime", runtime->name, runtime->path, error);
}

static double
percent (guint64 part, guint64 all)
{
  return all > 0 ? (double) (part * 10000 / all) / 100 : 0;
}

/* Since the machine was booted, as podman counts. */
static gboolean
add_cpu_utilization (CpdEngine *engine, GVariantBuilder *host, GError **error)
{
  g_autofree char *text = cpd_fs_read_file ("/proc/stat", PROC_FILE_MAX, error);
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  guint64 user, nice, system, idle, all;

  if (text == NULL)
    return FALSE;
  if (sscanf (text, "cpu %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT,
              &user, &nice, &system, &idle) != 4)
    {
      g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_FAILED, "/proc/stat has no line 'cpu' that is known");
      return FALSE;
    }
  all = user + nice + system + idle;
  cpd_info_add (&dict, "userPercent", g_variant_new_double (percent (user + nice, all)));
  cpd_info_add (&dict, "systemPercent", g_variant_new_double (percent (system, all)));
  cpd_info_add (&dict, "idlePercent", g_variant_new_double (percent (idle, all)));
  cpd_info_add (host, "cpuUtilization", g_variant_builder_end (&dict));
  return TRUE;
}

/* Lines "Name:   number kB". */
static gboolean
add_memory (CpdEngine *engine, GVariantBuilder *host, GError **error)
{
  static const struct { const char *key, *line; } values[] = {
    { "memFree", "MemFree:" }, { "memTotal", "MemTotal:" }, { "swapFree", "SwapFree:" }, { "swapTotal", "SwapTotal:" },
  };
  g_autofree char *text = cpd_fs_read_file ("/proc/meminfo", PROC_FILE_MAX, error);

  if (text == NULL)
    return FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS (values); i++)
    {
      const char *line = strstr (text, values[i].line);

      if (line == NULL)
        {
          g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "/proc/meminfo has no line '%s'", values[i].line);
          return FALSE;
        }
      cpd_info_add (host, values[i].key,
                    g_variant_new_int64 (g_ascii_strtoll (line + strlen (values[i].line), NULL, 10) * 1024));
    }
  return TRUE;
}

/* "3h 44m 41.00s (Approximately 0.12 days)". */
static gboolean
add_uptime (CpdEngine *engine, GVariantBuilder *host, GError **error)
{
  g_autofree char *text = cpd_fs_read_file ("/proc/uptime", PROC_FILE_MAX, error);
  g_autoptr(GString) uptime = g_string_new (NULL);
  double seconds;
  gint64 whole;

  if (text == NULL)
    return FALSE;
  seconds = g_ascii_strtod (text, NULL);
  whole = (gint64) seconds;
  if (whole >= 3600)
    g_string_append_printf (uptime, "%" G_GINT64_FORMAT "h ", whole / 3600);
  if (whole >= 60)
    g_string_append_printf (uptime, "%" G_GINT64_FORMAT "m ", whole / 60 % 60);
  g_string_append_printf (uptime, "%" G_GINT64_FORMAT ".00s", whole % 60);
  if (whole >= 3600)
    g_string_append_printf (uptime, " (Approximately %" G_GINT64_FORMAT ".%02d days)", whole / 86400,
                            (int) (whole % 86400 * 100 / 86400));
  cpd_info_add_string (host, "uptime", uptime->str);
  return TRUE;
}

/* Lines "inside outside length"; the mapping of root's own is all there is, and no mapping. */
static gboolean
add_mapping (GVariantBuilder *mappings, const char *key, const char *path, GError **error)
{
  g_autofree char *text = geteuid () != 0 ? cpd_fs_read_file (path, PROC_FILE_MAX, error) : g_strdup ("");
  GVariantBuilder list = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));
  g_auto(GStrv) lines = text != NULL ? g_strsplit (text, "\n", -1) : NULL;

  for (char **line = lines; line != NULL && *line != NULL; line++)
    {
      guint32 inside, outside, length;

      if (sscanf (*line, "%u %u %u", &inside, &outside, &length) != 3)
        continue;
      g_variant_builder_open (&list, G_VARIANT_TYPE_VARDICT);
      cpd_info_add (&list, "container_id", g_variant_new_uint32 (inside));
      cpd_info_add (&list, "host_id", g_variant_new_uint32 (outside));
      cpd_info_add (&list, "size", g_variant_new_uint32 (length));
      g_variant_builder_close (&list);
    }
  cpd_info_add (mappings, key, g_variant_builder_end (&list));
  return text != NULL;
}

static gboolean
add_id_mappings (CpdEngine *engine, GVariantBuilder *host, GError **error)
{
  GVariantBuilder mappings = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  gboolean ok = add_mapping (&mappings, "gidmap", "/proc/self/gid_map", error)
                && add_mapping (&mappings, "uidmap", "/proc/self/uid_map", error);

  cpd_info_add (host, "idMappings", g_variant_builder_end (&mappings));
  return ok;
}

static gboolean
is_apparmor_on (void)
{
  g_autofree char *text = cpd_fs_read_file ("/sys/module/apparmor/parameters/enabled", 16, NULL);

  return text != NULL && *text == 'Y';
}

static gboolean
add_security (CpdEngine *engine, GVariantBuilder *host, GError **error)
{
  g_autoptr(CpdConfig) settings = cpd_engine_ref_config (engine);
  g_autofree char *status = cpd_fs_read_file ("/proc/self/status", PROC_FILE_MAX, error);
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_autoptr(GString) capabilities = g_string_new (NULL);

  for (char **name = settings->capabilities; *name != NULL; name++)
    g_string_append_printf (capabilities, "%s%s%s", capabilities->len > 0 ? "," : "",
                            g_str_has_prefix (*name, "CAP_") ? "" : "CAP_", *name);
  cpd_info_add (&dict, "apparmorEnabled", g_variant_new_boolean (is_apparmor_on ()));
  cpd_info_add_string (&dict, "capabilities", capabilities->str);
  cpd_info_add (&dict, "rootless", g_variant_new_boolean (geteuid () != 0));
  if (status != NULL)
    cpd_info_add (&dict, "seccompEnabled", g_variant_new_boolean (strstr (status, "\nSeccomp:") != NULL));
  cpd_info_add_string (&dict, "seccompProfilePath", settings->seccomp_profile);
  cpd_info_add (&dict, "selinuxEnabled",
                g_variant_new_boolean (g_file_test ("/sys/fs/selinux/enforce", G_FILE_TEST_EXISTS)));
  cpd_info_add (host, "security", g_variant_builder_end (&dict));
  return status != NULL;
}

/* Locks have no numbers, so there is no number of those that are free. */
static gboolean
add_drivers (CpdEngine *engine, GVariantBuilder *host, GError **error)
{
  cpd_info_add_string (host, "eventLogger", cpd_config_get_string (engine->config, CPD_KEY_EVENTS_LOGGER));
  cpd_info_add (host, "freeLocks", g_variant_new_int32 (-1));
  cpd_info_add_string (host, "logDriver", "k8s-file");
  cpd_info_add_string (host, "networkBackend", "none");
  return TRUE;
}

const CpdInfoPart cpd_info_host[] = {
  { "platform", add_platform },
  { "distribution", add_distribution },
  { "cgroups", add_cgroups },
  { "conmon", add_conmon },
  { "ociRuntime", add_oci_runtime },
  { "cpuUtilization", add_cpu_utilization },
  { "memory", add_memory },
  { "uptime", add_uptime },
  { "idMappings", add_id_mappings },
  { "security", add_security },
  { "drivers", add_drivers },
  { NULL }
};
