/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/cpd-oci-runtimes.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/cpd-oci-features.h"
#include "public/cpod-error.h"

struct _CpdOciRuntimes
{
  GMutex mutex;                 /* guards what follows */
  GHashTable *found;            /* (owned): name → CpdOciRuntime */
  GVariant *configured;         /* (owned): a{sas} */
  char **json;                  /* (owned): names */
  char **nocgroups;             /* (owned): names */
  gboolean nocgroups_is_set;    /* somebody has set them: then they count, whatever a runtime says of itself */
  GPtrArray *former;            /* (owned): what was found in places where there is nothing now */
  char *name;                   /* (owned): the default's */
  char *otherwise;              /* (owned) (nullable): what may stand in for it */
};

static void
runtime_free (gpointer data)
{
  CpdOciRuntime *runtime = data;

  g_free (runtime->name);
  g_free (runtime->path);
  g_free (runtime);
}

char *
cpd_find_executable (const char *const *paths)
{
  struct stat info;

  for (; *paths != NULL; paths++)
    if (stat (*paths, &info) == 0 && S_ISREG (info.st_mode) && access (*paths, X_OK) == 0)
      return g_strdup (*paths);
  return NULL;
}

static char **
get_list (CpdConfigValues *values, CpdKey key)
{
  return g_variant_dup_strv (cpd_config_values_get (values, key), NULL);
}

/* What is configured for NAME. */
static char **
get_paths (CpdOciRuntimes *runtimes, const char *name)
{
  char **paths = NULL;

  if (g_path_is_absolute (name))
    return g_strdupv ((char **) (const char *[]) { name, NULL });
  g_variant_lookup (runtimes->configured, name, "^as", &paths);
  return paths;
}

/* Looks again for what is missing: it may have been installed, moved or removed since. */
static const CpdOciRuntime *
look_up (CpdOciRuntimes *runtimes, const char *name, const char *const *paths)
{
  CpdOciRuntime *runtime = g_hash_table_lookup (runtimes->found, name);
  char *path;

  if (runtime != NULL && access (runtime->path, X_OK) == 0)
    return runtime;
  if (runtime != NULL)
    {
      g_hash_table_steal (runtimes->found, name);
      g_ptr_array_add (runtimes->former, runtime);
    }
  path = cpd_find_executable (paths);
  if (path == NULL)
    return NULL;
  runtime = g_new0 (CpdOciRuntime, 1);
  runtime->name = g_strdup (name);
  runtime->path = path;
  g_hash_table_insert (runtimes->found, runtime->name, runtime);
  return runtime;
}

static const CpdOciRuntime *
not_configured (CpdOciRuntimes *runtimes, const char *name, GError **error)
{
  g_autoptr(GString) known = g_string_new (NULL);
  g_autofree char *shown = g_utf8_make_valid (name, -1);
  GVariantIter iter;
  const char *other;

  g_variant_iter_init (&iter, runtimes->configured);
  while (g_variant_iter_next (&iter, "{&s@as}", &other, NULL))
    g_string_append_printf (known, "%s%s", known->len > 0 ? ", " : "", other);
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
               "OCI runtime '%s' is not configured: engine.runtimes has %s", shown, known->str);
  return NULL;
}

static const CpdOciRuntime *
find_named (CpdOciRuntimes *runtimes, const char *name, GError **error)
{
  g_auto(GStrv) paths = get_paths (runtimes, name);
  const CpdOciRuntime *runtime;
  g_autofree char *tried = NULL;

  if (paths == NULL)
    return not_configured (runtimes, name, error);
  runtime = look_up (runtimes, name, (const char *const *) paths);
  if (runtime != NULL)
    return runtime;
  tried = g_strjoinv (", ", paths);
  if (g_path_is_absolute (name))
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_OCI_RUNTIME,
                 "no OCI runtime at %s: install the package runc or crun", name);
  else
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_OCI_RUNTIME,
                 "no OCI runtime %s: it is none of %s", name, tried);
  return NULL;
}

static const CpdOciRuntime *
find_default (CpdOciRuntimes *runtimes, GError **error)
{
  g_autoptr(GError) second = NULL;
  const CpdOciRuntime *runtime = find_named (runtimes, runtimes->name, error);

  if (runtime != NULL || runtimes->otherwise == NULL)
    return runtime;
  runtime = find_named (runtimes, runtimes->otherwise, &second);
  if (runtime != NULL)
    {
      /* What runs stays with it, whatever is installed meanwhile. */
      g_free (runtimes->name);
      runtimes->name = g_steal_pointer (&runtimes->otherwise);
      g_clear_error (error);
    }
  else if (error != NULL)
    {
      g_autofree char *first = g_strdup ((*error)->message);

      g_clear_error (error);
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_OCI_RUNTIME, "%s; %s: install the package runc or crun", first,
                   second->message);
    }
  return runtime;
}

const CpdOciRuntime *
cpd_oci_runtimes_find (CpdOciRuntimes *runtimes, const char *name, GError **error)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&runtimes->mutex);

  if (name == NULL || *name == '\0')
    return find_default (runtimes, error);
  return find_named (runtimes, name, error);
}

/* Lists go by the name of the program, whatever its directory. */
static gboolean
is_listed (char **names, const CpdOciRuntime *runtime)
{
  g_autofree char *base = g_path_get_basename (runtime->name);

  return g_strv_contains ((const char *const *) names, base);
}

gboolean
cpd_oci_runtimes_supports_json (CpdOciRuntimes *runtimes, const CpdOciRuntime *runtime)
{
  CpdOciFeatures features;

  if (is_listed (runtimes->json, runtime))
    return TRUE;
  features = cpd_oci_features_probe (runtime->path);
  return features.is_crun || features.is_runc;
}

gboolean
cpd_oci_runtimes_supports_nocgroups (CpdOciRuntimes *runtimes, const CpdOciRuntime *runtime)
{
  CpdOciFeatures features;

  if (runtimes->nocgroups_is_set)
    return is_listed (runtimes->nocgroups, runtime);
  features = cpd_oci_features_probe (runtime->path);
  return features.is_crun || (!features.is_runc && is_listed (runtimes->nocgroups, runtime));
}

/* One that nobody configured need not be there. */
static void
find_all (CpdOciRuntimes *runtimes, CpdConfigValues *values)
{
  gboolean configured = cpd_config_values_is_set (values, CPD_KEY_RUNTIMES);
  g_autoptr(GVariant) builtin = g_variant_parse (cpd_config_key_type (CPD_KEY_RUNTIMES),
                                                 cpd_config_keys[CPD_KEY_RUNTIMES].fallback, NULL, NULL, NULL);
  GVariantIter iter;
  const char *name;
  GVariant *list;

  g_variant_iter_init (&iter, runtimes->configured);
  while (g_variant_iter_loop (&iter, "{&s@as}", &name, &list))
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(GVariant) known = g_variant_lookup_value (builtin, name, G_VARIANT_TYPE_STRING_ARRAY);

      if (find_named (runtimes, name, &error) != NULL)
        continue;
      if (configured && (known == NULL || !g_variant_equal (known, list)))
        cpd_config_values_warn (values, "%s: %s", cpd_config_values_origin (values, CPD_KEY_RUNTIMES), error->message);
      else
        g_debug ("%s", error->message);
    }
}

CpdOciRuntimes *
cpd_oci_runtimes_new (CpdConfigValues *values, gboolean cgroup_v2)
{
  CpdOciRuntimes *runtimes = g_new0 (CpdOciRuntimes, 1);

  g_mutex_init (&runtimes->mutex);
  runtimes->found = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, runtime_free);
  runtimes->configured = g_variant_ref (cpd_config_values_get (values, CPD_KEY_RUNTIMES));
  runtimes->json = get_list (values, CPD_KEY_RUNTIME_SUPPORTS_JSON);
  runtimes->nocgroups = get_list (values, CPD_KEY_RUNTIME_SUPPORTS_NOCGROUPS);
  runtimes->nocgroups_is_set = cpd_config_values_is_set (values, CPD_KEY_RUNTIME_SUPPORTS_NOCGROUPS);
  runtimes->former = g_ptr_array_new_with_free_func (runtime_free);
  runtimes->name = g_strdup (cpd_config_values_string (values, CPD_KEY_RUNTIME));
  if (*runtimes->name == '\0')
    {
      /* crun is the quicker one, but it needs the unified hierarchy. */
      g_free (runtimes->name);
      runtimes->name = g_strdup (cgroup_v2 ? "crun" : "runc");
      runtimes->otherwise = g_strdup (cgroup_v2 ? "runc" : "crun");
    }
  find_all (runtimes, values);
  return runtimes;
}

void
cpd_oci_runtimes_free (CpdOciRuntimes *runtimes)
{
  g_hash_table_unref (runtimes->found);
  g_ptr_array_unref (runtimes->former);
  g_variant_unref (runtimes->configured);
  g_strfreev (runtimes->json);
  g_strfreev (runtimes->nocgroups);
  g_free (runtimes->name);
  g_free (runtimes->otherwise);
  g_mutex_clear (&runtimes->mutex);
  g_free (runtimes);
}
