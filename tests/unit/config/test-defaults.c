/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <sys/resource.h>

#include "common/cpd-json.h"
#include "oci/cpd-runtime-spec.h"
#include "public/cpod-error.h"

/* What the configuration has as defaults of containers, on its way to the OCI runtime. */

static const char *const words[] = { "true", NULL };
static const char *const nothing[] = { NULL };

static char *
describe (const char *const *ulimits, const char *const *sysctls, gint64 shm_size, gboolean host_network,
          GError **error)
{
  CpdRuntimeSpec spec = {
    .id = "0123", .name = "test", .rootfs = "/rootfs", .hostname = "test", .args = words, .env = nothing, .cwd = "/",
    .capabilities = nothing, .cgroup_path = "/cpod/0123", .host_network = host_network,
    .ulimits = ulimits, .sysctls = sysctls, .shm_size = shm_size,
  };

  return cpd_runtime_spec_to_json (&spec, error);
}

static JsonObject *
get_limit (JsonObject *root, const char *type)
{
  JsonArray *limits = json_object_get_array_member (cpd_json_get_object (root, "process"), "rlimits");

  for (guint i = 0; i < json_array_get_length (limits); i++)
    {
      JsonObject *limit = json_array_get_object_element (limits, i);

      if (strcmp (cpd_json_get_string (limit, "type"), type) == 0)
        return limit;
    }
  return NULL;
}

static void
test_limits (void)
{
  const char *const limits[] = { "nofile=100:200", "CORE=0", "nproc=300:-1", NULL };
  g_autofree char *json = describe (limits, NULL, 0, FALSE, NULL);
  g_autoptr(JsonNode) node = cpd_json_parse (json, -1, NULL);
  JsonObject *root = json_node_get_object (node);
  struct rlimit own;

  g_assert_cmpint (cpd_json_get_int (get_limit (root, "RLIMIT_NOFILE"), "soft"), ==, 100);
  g_assert_cmpint (cpd_json_get_int (get_limit (root, "RLIMIT_NOFILE"), "hard"), ==, 200);
  g_assert_cmpint (cpd_json_get_int (get_limit (root, "RLIMIT_CORE"), "hard"), ==, 0);
  g_assert_cmpint (getrlimit (RLIMIT_NPROC, &own), ==, 0);
  g_assert_cmpint (cpd_json_get_int (get_limit (root, "RLIMIT_NPROC"), "hard"), ==, (gint64) own.rlim_max);
}

static void
test_bad_limits (void)
{
  static const char *const bad[] = {
    "nofile", "nofile=", "nofile=a", "nofile=1:b", "nofile=2:1", "nofile=1:2:3", "files=1", "=1", "nofile=-2", "",
    "nofile=-1:5", "nofile=1:",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      const char *const limits[] = { bad[i], NULL };
      g_autoptr(GError) error = NULL;

      g_assert_null (describe (limits, NULL, 0, FALSE, &error));
      g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
      g_assert_nonnull (strstr (error->message, bad[i]));
    }
}

static void
test_sysctls (void)
{
  const char *const sysctls[] = { "net.core.somaxconn=99", "kernel.msgmax=1 2", NULL };
  const char *const bad[] = { "kernel.msgmax", NULL };
  g_autofree char *json = describe (NULL, sysctls, 0, FALSE, NULL);
  g_autofree char *host = describe (NULL, sysctls, 0, TRUE, NULL);
  g_autofree char *none = describe (NULL, nothing, 0, FALSE, NULL);
  g_autofree char *usual = describe (NULL, NULL, 0, FALSE, NULL);
  g_autoptr(JsonNode) node = cpd_json_parse (json, -1, NULL);
  JsonObject *object = cpd_json_get_object (cpd_json_get_object (json_node_get_object (node), "linux"), "sysctl");
  g_autoptr(GError) error = NULL;

  g_assert_cmpstr (cpd_json_get_string (object, "net.core.somaxconn"), ==, "99");
  g_assert_cmpstr (cpd_json_get_string (object, "kernel.msgmax"), ==, "1 2");
  g_assert_null (strstr (host, "somaxconn"));
  g_assert_nonnull (strstr (host, "kernel.msgmax"));
  g_assert_null (strstr (none, "sysctl"));
  g_assert_nonnull (strstr (usual, "ping_group_range"));
  g_assert_null (describe (NULL, bad, 0, FALSE, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
}

static void
test_shm_size (void)
{
  g_autofree char *json = describe (NULL, NULL, 1234567, FALSE, NULL);
  g_autofree char *usual = describe (NULL, NULL, 0, FALSE, NULL);

  g_assert_nonnull (strstr (json, "size=1234567"));
  g_assert_null (strstr (usual, "size=1234567"));
}

static void
test_capabilities (void)
{
  const char *const usual[] = { "kill", "CAP_CHOWN", NULL };
  const char *const unknown[] = { "MAGIC", NULL };
  const char *const add[] = { "NET_ADMIN", NULL };
  const char *const drop[] = { "CHOWN", NULL };
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) some = cpd_capabilities_merge_from (usual, add, drop, FALSE, NULL);
  g_auto(GStrv) none = cpd_capabilities_merge_from (nothing, NULL, NULL, FALSE, NULL);
  g_auto(GStrv) all = cpd_capabilities_merge_from (nothing, NULL, NULL, TRUE, NULL);
  g_autofree char *joined = g_strjoinv (" ", some);

  g_assert_cmpstr (joined, ==, "CAP_KILL CAP_NET_ADMIN");
  g_assert_null (none[0]);
  g_assert_nonnull (all[0]);
  g_assert_null (cpd_capabilities_merge_from (unknown, NULL, NULL, FALSE, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (strstr (error->message, "MAGIC"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/config/defaults/limits", test_limits);
  g_test_add_func ("/config/defaults/bad-limits", test_bad_limits);
  g_test_add_func ("/config/defaults/sysctls", test_sysctls);
  g_test_add_func ("/config/defaults/shm-size", test_shm_size);
  g_test_add_func ("/config/defaults/capabilities", test_capabilities);
  return g_test_run ();
}
