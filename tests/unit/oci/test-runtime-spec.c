/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <string.h>

#include "common/cpd-json.h"
#include "oci/cpd-runtime-spec.h"
#include "public/cpod-error.h"

static const char *const args[] = { "sleep", "1", NULL };
static const char *const env[] = { "PATH=/bin", "A=b", NULL };
static const char *const binds[] = { "/host/hosts", "/etc/hosts", "/host/deep", "/a/b/c/d", "/host/env", "/run/.containerenv", NULL };
static const char *const capabilities[] = { "CAP_CHOWN", "CAP_NET_ADMIN", "CAP_SETUID", NULL };

static const CpdResources own_limits = {
  .set = 1u << CPD_RESOURCE_PIDS_LIMIT, .values = { [CPD_RESOURCE_PIDS_LIMIT] = 2048 },
};

static CpdRuntimeSpec
basic_spec (void)
{
  CpdRuntimeSpec spec = {
    .id = "0123", .name = "quiet_otter", .rootfs = "/run/x/rootfs", .hostname = "host",
    .args = args, .env = env, .cwd = "/work", .capabilities = capabilities,
    .cgroup_path = "/cpod/0123", .resources = &own_limits, .stop_signal = "15", .binds = binds,
  };

  return spec;
}

static JsonNode *
build (const CpdRuntimeSpec *spec)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *text = cpd_runtime_spec_to_json (spec, &error);
  JsonNode *node;

  g_assert_no_error (error);
  node = cpd_json_parse (text, -1, &error);
  g_assert_no_error (error);
  return node;
}

static JsonObject *
find_mount (JsonObject *root, const char *destination, guint *position)
{
  JsonArray *mounts = cpd_json_get_array (root, "mounts");

  for (guint i = 0; i < json_array_get_length (mounts); i++)
    {
      JsonObject *mount = json_array_get_object_element (mounts, i);

      if (strcmp (cpd_json_get_string (mount, "destination"), destination) == 0)
        {
          if (position != NULL)
            *position = i;
          return mount;
        }
    }
  return NULL;
}

static gboolean
has_option (JsonObject *mount, const char *option)
{
  g_auto(GStrv) options = cpd_json_get_strv (mount, "options");

  return g_strv_contains ((const char *const *) options, option);
}

static void
test_terminal (void)
{
  CpdRuntimeSpec spec = basic_spec ();
  g_autoptr(JsonNode) plain = build (&spec), unknown = NULL, known = NULL;
  JsonObject *process = cpd_json_get_object (json_node_get_object (plain), "process"), *size;

  g_assert_false (cpd_json_get_boolean (process, "terminal"));
  spec.terminal = TRUE;
  unknown = build (&spec);
  process = cpd_json_get_object (json_node_get_object (unknown), "process");
  g_assert_true (cpd_json_get_boolean (process, "terminal"));
  g_assert_false (json_object_has_member (process, "consoleSize"));
  spec.rows = 24;
  spec.columns = 80;
  known = build (&spec);
  size = cpd_json_get_object (cpd_json_get_object (json_node_get_object (known), "process"), "consoleSize");
  g_assert_cmpint (cpd_json_get_int (size, "height"), ==, 24);
  g_assert_cmpint (cpd_json_get_int (size, "width"), ==, 80);
}

static char *
namespaces (JsonObject *root)
{
  JsonArray *list = cpd_json_get_array (cpd_json_get_object (root, "linux"), "namespaces");
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < json_array_get_length (list); i++)
    g_string_append_printf (text, "%s ", cpd_json_get_string (json_array_get_object_element (list, i), "type"));
  return g_string_free (text, FALSE);
}

static void
test_defaults (void)
{
  CpdRuntimeSpec spec = basic_spec ();
  g_autoptr(JsonNode) node = build (&spec);
  JsonObject *root = json_node_get_object (node), *process = cpd_json_get_object (root, "process");
  JsonObject *linux_object = cpd_json_get_object (root, "linux");
  JsonObject *resources = cpd_json_get_object (linux_object, "resources");
  JsonObject *rule = json_array_get_object_element (cpd_json_get_array (resources, "devices"), 0);
  g_auto(GStrv) got_args = cpd_json_get_strv (process, "args");
  g_auto(GStrv) got_env = cpd_json_get_strv (process, "env");
  g_auto(GStrv) masked = cpd_json_get_strv (linux_object, "maskedPaths");
  g_auto(GStrv) read_only = cpd_json_get_strv (linux_object, "readonlyPaths");
  g_autofree char *spaces = namespaces (root);

  g_assert_cmpstrv (got_args, args);
  g_assert_cmpstrv (got_env, env);
  g_assert_cmpstr (cpd_json_get_string (process, "cwd"), ==, "/work");
  g_assert_cmpint (cpd_json_get_int (cpd_json_get_object (process, "user"), "umask"), ==, 18);
  g_assert_cmpstr (cpd_json_get_string (root, "hostname"), ==, "host");
  g_assert_cmpstr (cpd_json_get_string (cpd_json_get_object (root, "root"), "path"), ==, "/run/x/rootfs");
  g_assert_false (cpd_json_get_boolean (cpd_json_get_object (root, "root"), "readonly"));
  g_assert_cmpstr (spaces, ==, "pid network ipc uts mount ");
  g_assert_cmpuint (g_strv_length (masked), ==, 11);
  g_assert_cmpuint (g_strv_length (read_only), ==, 6);
  g_assert_false (cpd_json_get_boolean (rule, "allow"));
  g_assert_cmpint (cpd_json_get_int (cpd_json_get_object (resources, "pids"), "limit"), ==, 2048);
  g_assert_cmpstr (cpd_json_get_string (linux_object, "cgroupsPath"), ==, "/cpod/0123");
  g_assert_false (json_object_has_member (linux_object, "seccomp"));    /* none was named */
}

static guint
depth_of (const char *path)
{
  g_auto(GStrv) parts = g_strsplit (path, "/", -1);

  return g_strv_length (parts);
}

static void
test_mounts (void)
{
  CpdRuntimeSpec spec = basic_spec ();
  g_autoptr(JsonNode) node = build (&spec);
  JsonObject *root = json_node_get_object (node), *shm = find_mount (root, "/dev/shm", NULL);
  JsonArray *mounts = cpd_json_get_array (root, "mounts");
  guint last = 0, dev = 0, pts = 0;

  for (guint i = 0; i < json_array_get_length (mounts); i++)
    {
      guint depth = depth_of (cpd_json_get_string (json_array_get_object_element (mounts, i), "destination"));

      g_assert_cmpuint (depth, >=, last);
      last = depth;
    }
  find_mount (root, "/dev", &dev);
  find_mount (root, "/dev/pts", &pts);
  g_assert_cmpuint (dev, <, pts);
  g_assert_cmpstr (cpd_json_get_string (shm, "type"), ==, "tmpfs");
  g_assert_true (has_option (shm, "size=65536k") && has_option (shm, "noexec"));
  g_assert_true (has_option (find_mount (root, "/sys", NULL), "ro"));
  g_assert_true (has_option (find_mount (root, "/sys/fs/cgroup", NULL), "ro"));
  g_assert_true (has_option (find_mount (root, "/etc/hosts", NULL), "bind"));
  g_assert_false (has_option (find_mount (root, "/etc/hosts", NULL), "ro"));
  g_assert_cmpstr (cpd_json_get_string (find_mount (root, "/a/b/c/d", NULL), "source"), ==, "/host/deep");
}

static void
test_read_only (void)
{
  CpdRuntimeSpec spec = basic_spec ();
  g_autoptr(JsonNode) node = NULL;
  JsonObject *root;
  guint run = 0, containerenv = 0;

  spec.read_only = TRUE;
  node = build (&spec);
  root = json_node_get_object (node);
  g_assert_true (cpd_json_get_boolean (cpd_json_get_object (root, "root"), "readonly"));
  g_assert_true (has_option (find_mount (root, "/tmp", NULL), "tmpcopyup"));
  g_assert_true (has_option (find_mount (root, "/var/tmp", NULL), "rw"));
  g_assert_true (has_option (find_mount (root, "/etc/hosts", NULL), "ro"));
  find_mount (root, "/run", &run);
  find_mount (root, "/run/.containerenv", &containerenv);
  g_assert_cmpuint (run, <, containerenv);
}

static void
test_namespaces (void)
{
  CpdRuntimeSpec spec = basic_spec ();
  g_autoptr(JsonNode) host = NULL, unified = NULL;
  g_autofree char *host_spaces = NULL, *unified_spaces = NULL;

  spec.host_network = TRUE;
  host = build (&spec);
  spec.host_network = FALSE;
  spec.private_cgroupns = TRUE;
  unified = build (&spec);
  host_spaces = namespaces (json_node_get_object (host));
  unified_spaces = namespaces (json_node_get_object (unified));
  g_assert_cmpstr (host_spaces, ==, "pid ipc uts mount ");
  g_assert_cmpstr (unified_spaces, ==, "pid network ipc uts mount cgroup ");
  /* The host's own settings are not the container's to change. */
  g_assert_null (cpd_json_get_object (cpd_json_get_object (json_node_get_object (host), "linux"), "sysctl"));
  g_assert_nonnull (cpd_json_get_object (cpd_json_get_object (json_node_get_object (unified), "linux"), "sysctl"));
}

static void
test_scope_properties (void)
{
  CpdRuntimeSpec spec = basic_spec ();
  g_autoptr(JsonNode) plain = build (&spec), scope = NULL;
  JsonObject *annotations = cpd_json_get_object (json_node_get_object (plain), "annotations");

  g_assert_false (json_object_has_member (annotations, "org.systemd.property.Before"));
  spec.cgroup_path = "/user.slice:odd/cpod-0123";       /* a path, whatever is in it */
  g_clear_pointer (&plain, json_node_unref);
  plain = build (&spec);
  annotations = cpd_json_get_object (json_node_get_object (plain), "annotations");
  g_assert_false (json_object_has_member (annotations, "org.systemd.property.TasksMax"));
  spec.cgroup_path = "machine.slice:cpod:0123";
  scope = build (&spec);
  annotations = cpd_json_get_object (json_node_get_object (scope), "annotations");
  g_assert_cmpstr (cpd_json_get_string (annotations, "org.systemd.property.Before"), ==, "['cpod.service']");
  g_assert_cmpstr (cpd_json_get_string (annotations, "org.systemd.property.TasksMax"), ==,
                   "uint64 18446744073709551615");
}

static char *
capability_set (const CpdRuntimeSpec *spec, const char *set)
{
  g_autoptr(JsonNode) node = build (spec);
  JsonObject *process = cpd_json_get_object (json_node_get_object (node), "process");
  g_auto(GStrv) names = cpd_json_get_strv (cpd_json_get_object (process, "capabilities"), set);

  return g_strjoinv (" ", names);
}

static void
assert_set (const CpdRuntimeSpec *spec, const char *set, const char *wanted)
{
  g_autofree char *found = capability_set (spec, set);

  g_assert_cmpstr (found, ==, wanted);
}

static void
test_capability_sets (void)
{
  const char *const added[] = { "CAP_CHOWN", NULL };
  const char *all = "CAP_CHOWN CAP_NET_ADMIN CAP_SETUID";
  CpdRuntimeSpec spec = basic_spec ();

  assert_set (&spec, "bounding", all);
  assert_set (&spec, "effective", all);
  assert_set (&spec, "permitted", all);
  assert_set (&spec, "inheritable", "");
  assert_set (&spec, "ambient", "");

  spec.uid = 1000;              /* what is in no default set must have been asked for */
  assert_set (&spec, "bounding", all);
  assert_set (&spec, "effective", "CAP_NET_ADMIN");
  assert_set (&spec, "permitted", "CAP_NET_ADMIN");
  assert_set (&spec, "inheritable", "CAP_NET_ADMIN");
  assert_set (&spec, "ambient", "CAP_NET_ADMIN");

  spec.added_capabilities = added;
  assert_set (&spec, "bounding", all);
  assert_set (&spec, "ambient", "CAP_CHOWN");
}

static void
test_user (void)
{
  const guint32 gids[] = { 1001, 10 };
  CpdRuntimeSpec spec = basic_spec ();
  g_autoptr(JsonNode) node = NULL;
  JsonObject *user;
  JsonArray *list;

  spec.uid = 1000;
  spec.gid = 1001;
  spec.additional_gids = gids;
  spec.n_additional_gids = 2;
  node = build (&spec);
  user = cpd_json_get_object (cpd_json_get_object (json_node_get_object (node), "process"), "user");
  list = cpd_json_get_array (user, "additionalGids");
  g_assert_cmpint (cpd_json_get_int (user, "uid"), ==, 1000);
  g_assert_cmpint (cpd_json_get_int (user, "gid"), ==, 1001);
  g_assert_cmpuint (json_array_get_length (list), ==, 2);
  g_assert_cmpint (json_array_get_int_element (list, 1), ==, 10);
}

static void
test_privileged (void)
{
  CpdRuntimeSpec spec = basic_spec ();
  g_autoptr(JsonNode) node = NULL;
  JsonObject *root, *linux_object;
  JsonArray *devices;
  gboolean found = FALSE;

  spec.privileged = TRUE;
  spec.seccomp_profile = "/usr/share/containers/seccomp.json";
  node = build (&spec);
  root = json_node_get_object (node);
  linux_object = cpd_json_get_object (root, "linux");
  devices = cpd_json_get_array (linux_object, "devices");
  for (guint i = 0; i < json_array_get_length (devices); i++)
    {
      JsonObject *device = json_array_get_object_element (devices, i);
      const char *path = cpd_json_get_string (device, "path");

      found |= strcmp (path, "/dev/null") == 0 && cpd_json_get_int (device, "major") == 1
               && cpd_json_get_int (device, "minor") == 3;
      g_assert_false (g_str_has_prefix (path, "/dev/pts/"));
    }
  g_assert_true (found);
  g_assert_false (json_object_has_member (linux_object, "seccomp"));
  g_assert_false (json_object_has_member (linux_object, "maskedPaths"));
  g_assert_true (has_option (find_mount (root, "/sys", NULL), "rw"));
}

static void
test_bad_profile (void)
{
  CpdRuntimeSpec spec = basic_spec ();
  g_autoptr(GError) error = NULL;

  spec.seccomp_profile = "/nonexistent/profile.json";
  g_assert_null (cpd_runtime_spec_to_json (&spec, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "/nonexistent/profile.json"));
  g_assert_nonnull (strstr (error->message, "0123"));
}

static void
assert_merge (const char *add, const char *drop, const char *wanted)
{
  g_auto(GStrv) add_list = g_strsplit (add, " ", -1), drop_list = g_strsplit (drop, " ", -1);
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) merged = cpd_capabilities_merge ((const char *const *) add_list, (const char *const *) drop_list,
                                                 FALSE, &error);
  g_autofree char *joined = merged != NULL ? g_strjoinv (" ", merged) : NULL;

  g_assert_cmpstr (joined, ==, wanted);
  if (wanted == NULL)
    g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
  else
    g_assert_no_error (error);
}

static void
test_merge (void)
{
  g_auto(GStrv) defaults = cpd_capabilities_merge (NULL, NULL, FALSE, NULL);
  const char *const all[] = { "all", NULL }, *const drop[] = { "chown", NULL };
  g_auto(GStrv) everything = cpd_capabilities_merge (all, NULL, FALSE, NULL);
  g_auto(GStrv) all_but_one = cpd_capabilities_merge (all, drop, FALSE, NULL);
  g_auto(GStrv) privileged = cpd_capabilities_merge (NULL, NULL, TRUE, NULL);

  g_assert_cmpuint (g_strv_length (defaults), ==, 11);
  assert_merge ("", "", "CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_FSETID CAP_KILL CAP_NET_BIND_SERVICE"
                " CAP_SETFCAP CAP_SETGID CAP_SETPCAP CAP_SETUID CAP_SYS_CHROOT");
  assert_merge ("NET_ADMIN", "ALL", "CAP_NET_ADMIN");
  assert_merge ("cap_net_admin CAP_NET_ADMIN net_admin", "all", "CAP_NET_ADMIN");
  assert_merge ("SYS_TIME CHOWN", "all", "CAP_CHOWN CAP_SYS_TIME");
  assert_merge ("mknod", "CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETFCAP SETGID SETPCAP SETUID SYS_CHROOT",
                "CAP_MKNOD CAP_NET_BIND_SERVICE");
  assert_merge ("NET_ADMIN", "NET_ADMIN", NULL);
  assert_merge ("all", "all", NULL);
  assert_merge ("NO_SUCH", "all", NULL);
  assert_merge ("CHOWN", "FOO", NULL);
  g_assert_cmpuint (g_strv_length (everything), ==, g_strv_length (privileged));
  g_assert_cmpuint (g_strv_length (all_but_one), ==, g_strv_length (everything) - 1);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/oci/runtime-spec/defaults", test_defaults);
  g_test_add_func ("/oci/runtime-spec/mounts", test_mounts);
  g_test_add_func ("/oci/runtime-spec/terminal", test_terminal);
  g_test_add_func ("/oci/runtime-spec/read-only", test_read_only);
  g_test_add_func ("/oci/runtime-spec/namespaces", test_namespaces);
  g_test_add_func ("/oci/runtime-spec/scope-properties", test_scope_properties);
  g_test_add_func ("/oci/runtime-spec/capability-sets", test_capability_sets);
  g_test_add_func ("/oci/runtime-spec/user", test_user);
  g_test_add_func ("/oci/runtime-spec/privileged", test_privileged);
  g_test_add_func ("/oci/runtime-spec/bad-profile", test_bad_profile);
  g_test_add_func ("/oci/capabilities/merge", test_merge);
  return g_test_run ();
}
