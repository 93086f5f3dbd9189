/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/cpd-oci-features.h"

#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cpd-json.h"
#include "common/cpd-process.h"

#define TIMEOUT_MS (10 * 1000)

/* Guards the table of what was found, by file. */
static GMutex mutex;

/* Another file at the same path is another program. */
static char *
identify (const char *path)
{
  struct stat info;

  if (stat (path, &info) < 0)
    return NULL;
  return g_strdup_printf ("%s\n%ju:%ju:%ju:%jd.%09ld", path, (uintmax_t) info.st_dev, (uintmax_t) info.st_ino,
                          (uintmax_t) info.st_size, (intmax_t) info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
}

static void
read_features (CpdOciFeatures *features, JsonObject *object)
{
  JsonObject *annotations = cpd_json_get_object (object, "annotations");
  JsonObject *about = cpd_json_get_object (object, "linux");
  JsonObject *cgroup = cpd_json_get_object (about, "cgroup");
  JsonObject *seccomp = cpd_json_get_object (about, "seccomp");

  features->is_known = cpd_json_get_string (object, "ociVersionMin") != NULL;
  features->cgroup_v1 = cpd_json_get_boolean (cgroup, "v1");
  features->cgroup_v2 = cpd_json_get_boolean (cgroup, "v2");
  features->systemd = cpd_json_get_boolean (cgroup, "systemd");
  features->seccomp = cpd_json_get_boolean (seccomp, "enabled");
  features->is_runc = cpd_json_get_string (annotations, "org.opencontainers.runc.version") != NULL;
  features->is_crun = cpd_json_get_string (annotations, "run.oci.crun.version") != NULL;
}

/* crun has the command since 1.9 only. */
static void
read_version (CpdOciFeatures *features, const char *path)
{
  const char *argv[] = { path, "--version", NULL };
  g_autofree char *text = NULL;

  if (!cpd_process_run (argv, TIMEOUT_MS, &text, NULL))
    return;
  features->is_crun = g_str_has_prefix (text, "crun version ");
  features->is_runc = g_str_has_prefix (text, "runc version ");
}

static CpdOciFeatures *
probe (const char *path)
{
  const char *argv[] = { path, "features", NULL };
  CpdOciFeatures *features = g_new0 (CpdOciFeatures, 1);
  g_autofree char *text = NULL;
  g_autoptr(JsonNode) node = NULL;
  g_autoptr(GError) error = NULL;

  if (cpd_process_run (argv, TIMEOUT_MS, &text, &error))
    node = cpd_json_parse (text, -1, &error);
  if (node != NULL && JSON_NODE_HOLDS_OBJECT (node))
    read_features (features, json_node_get_object (node));
  else
    g_debug ("OCI runtime %s does not tell its features: %s", path, error != NULL ? error->message : "no object");
  if (!features->is_crun && !features->is_runc)
    read_version (features, path);
  return features;
}

CpdOciFeatures
cpd_oci_features_probe (const char *path)
{
  static GHashTable *found;     /* what identify() gives → CpdOciFeatures */
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&mutex);
  g_autofree char *key = identify (path);
  CpdOciFeatures *features;

  if (key == NULL)
    return (CpdOciFeatures) { 0 };
  if (found == NULL)
    found = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  features = g_hash_table_lookup (found, key);
  if (features == NULL)
    {
      features = probe (path);
      g_hash_table_insert (found, g_steal_pointer (&key), features);
    }
  return *features;
}
