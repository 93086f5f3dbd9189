/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-create-options.h"

#include <string.h>

#include "public/cpod-error.h"

gboolean
cpd_bus_check_env (GVariant *value, GError **error)
{
  g_autofree const char **env = g_variant_get_strv (value, NULL);

  for (const char **e = env; *e != NULL; e++)
    if (strchr (*e, '=') == NULL || **e == '=')
      {
        /* The value may be a secret, so it is not shown; without '=' there is none. */
        g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                     "entry %u is not of the form KEY=value", (guint) (e - env));
        return FALSE;
      }
  return TRUE;
}

gboolean
cpd_bus_check_workdir (GVariant *value, GError **error)
{
  const char *path = g_variant_get_string (value, NULL);

  if (g_path_is_absolute (path))
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "'%s' is no absolute path", path);
  return FALSE;
}

/* What sethostname() and hosts files bear. */
static gboolean
check_hostname (GVariant *value, GError **error)
{
  const char *name = g_variant_get_string (value, NULL);
  gsize length = strspn (name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_.-");

  if (length > 0 && length <= 64 && name[length] == '\0' && name[0] != '-' && name[0] != '.')
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
               "'%s' is no host name of at most 64 letters, digits, '.', '-' and '_'", name);
  return FALSE;
}

static gboolean
check_network (GVariant *value, GError **error)
{
  const char *network = g_variant_get_string (value, NULL);

  if (strcmp (network, "none") == 0 || strcmp (network, "host") == 0)
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
               "'%s' is unknown: known are none, host", network);
  return FALSE;
}

const CpdBusOption cpd_bus_create_options[] = {
  { "name", G_VARIANT_TYPE_STRING, cpd_bus_check_name },
  { "namespace", G_VARIANT_TYPE_STRING, cpd_bus_check_namespace },
  { "depends", G_VARIANT_TYPE_STRING_ARRAY, cpd_bus_check_filter },
  { "command", G_VARIANT_TYPE_STRING_ARRAY },
  { "entrypoint", G_VARIANT_TYPE_STRING_ARRAY },
  { "env", G_VARIANT_TYPE_STRING_ARRAY, cpd_bus_check_env },
  { "labels", (const GVariantType *) "a{ss}" },
  { "workdir", G_VARIANT_TYPE_STRING, cpd_bus_check_workdir },
  { "user", G_VARIANT_TYPE_STRING },
  { "hostname", G_VARIANT_TYPE_STRING, check_hostname },
  { "network", G_VARIANT_TYPE_STRING, check_network },
  { "read-only", G_VARIANT_TYPE_BOOLEAN },
  { "stdin", G_VARIANT_TYPE_BOOLEAN },
  { "tty", G_VARIANT_TYPE_BOOLEAN },
  { "auto-remove", G_VARIANT_TYPE_BOOLEAN },
  { "stop-signal", G_VARIANT_TYPE_STRING, cpd_bus_check_signal },
  { "stop-timeout", G_VARIANT_TYPE_UINT32 },
  { "restart-policy", G_VARIANT_TYPE_STRING },
  { "cap-add", G_VARIANT_TYPE_STRING_ARRAY },
  { "cap-drop", G_VARIANT_TYPE_STRING_ARRAY },
  { "privileged", G_VARIANT_TYPE_BOOLEAN },
  CPD_BUS_RESOURCE_OPTIONS,
  { "oom-kill-disable", G_VARIANT_TYPE_BOOLEAN },
  { "oom-score-adj", G_VARIANT_TYPE_INT32 },
  { "shm-size", G_VARIANT_TYPE_INT64 },
  { "ulimit", G_VARIANT_TYPE_STRING_ARRAY },
  { "cgroup-parent", G_VARIANT_TYPE_STRING },
  { "cgroups", G_VARIANT_TYPE_STRING },
  { "cgroupns", G_VARIANT_TYPE_STRING },
  { "oci-runtime", G_VARIANT_TYPE_STRING },
  { NULL }
};
