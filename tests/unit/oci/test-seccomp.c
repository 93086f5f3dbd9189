/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <seccomp.h>
#include <string.h>

#include "common/cpd-json.h"
#include "oci/cpd-platform.h"
#include "oci/cpd-runtime-spec.h"
#include "oci/cpd-seccomp.h"
#include "public/cpod-error.h"

#define PROFILE "/usr/share/containers/seccomp.json"

static JsonObject *
translate_default (const char *const *add)
{
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) capabilities = cpd_capabilities_merge (add, NULL, FALSE, &error);
  JsonObject *seccomp;

  g_assert_no_error (error);
  seccomp = cpd_seccomp_translate (PROFILE, (const char *const *) capabilities, &error);
  g_assert_no_error (error);
  return seccomp;
}

/* The shape that podman gives the same profile: 22 rules by default, other ones with more capabilities. */
static void
test_default (void)
{
  g_autoptr(JsonObject) seccomp = translate_default (NULL);
  JsonArray *rules = cpd_json_get_array (seccomp, "syscalls");
  g_auto(GStrv) arches = cpd_json_get_strv (seccomp, "architectures");
  JsonObject *first = json_array_get_object_element (rules, 0);

  g_assert_cmpstr (cpd_json_get_string (seccomp, "defaultAction"), ==, "SCMP_ACT_ERRNO");
  g_assert_cmpint (cpd_json_get_int (seccomp, "defaultErrnoRet"), ==, ENOSYS);
  g_assert_cmpstr (arches[0], ==, cpd_platform_seccomp_arch ());
  if (seccomp_arch_native () == SCMP_ARCH_X86_64)
    {
      const char *const wanted[] = { "SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", NULL };

      g_assert_cmpstrv (arches, wanted);
      g_assert_cmpuint (json_array_get_length (rules), ==, 22);
    }
  g_assert_cmpstr (cpd_json_get_string (first, "action"), ==, "SCMP_ACT_ERRNO");
  g_assert_cmpint (cpd_json_get_int (first, "errnoRet"), ==, EPERM);
  g_assert_false (json_object_has_member (first, "args"));
}

static gboolean
has_rule (JsonObject *seccomp, const char *name, const char *action)
{
  JsonArray *rules = cpd_json_get_array (seccomp, "syscalls");

  for (guint i = 0; i < json_array_get_length (rules); i++)
    {
      JsonObject *rule = json_array_get_object_element (rules, i);
      g_auto(GStrv) names = cpd_json_get_strv (rule, "names");

      if (strcmp (cpd_json_get_string (rule, "action"), action) == 0
          && g_strv_contains ((const char *const *) names, name))
        return TRUE;
    }
  return FALSE;
}

static void
test_capabilities (void)
{
  const char *const three[] = { "audit_write", "mknod", "net_raw", NULL };
  const char *const ptrace[] = { "SYS_PTRACE", NULL };
  g_autoptr(JsonObject) plain = translate_default (NULL);
  g_autoptr(JsonObject) longer = translate_default (three);
  g_autoptr(JsonObject) tracing = translate_default (ptrace);

  if (seccomp_arch_native () == SCMP_ARCH_X86_64)
    g_assert_cmpuint (json_array_get_length (cpd_json_get_array (longer, "syscalls")), ==, 19);
  g_assert_true (has_rule (plain, "kcmp", "SCMP_ACT_ERRNO") || has_rule (plain, "process_madvise", "SCMP_ACT_ERRNO")
                 || !has_rule (plain, "process_madvise", "SCMP_ACT_ALLOW"));
  g_assert_true (has_rule (plain, "chroot", "SCMP_ACT_ALLOW"));
  g_assert_true (has_rule (plain, "init_module", "SCMP_ACT_ERRNO"));
  g_assert_false (has_rule (plain, "init_module", "SCMP_ACT_ALLOW"));
  g_assert_cmpuint (json_array_get_length (cpd_json_get_array (tracing, "syscalls")), ==,
                    json_array_get_length (cpd_json_get_array (plain, "syscalls")));
}

static void
test_arguments (void)
{
  g_autoptr(JsonObject) seccomp = translate_default (NULL);
  JsonArray *rules = cpd_json_get_array (seccomp, "syscalls");
  guint found = 0;

  for (guint i = 0; i < json_array_get_length (rules); i++)
    {
      JsonArray *arguments = cpd_json_get_array (json_array_get_object_element (rules, i), "args");

      for (guint j = 0; arguments != NULL && j < json_array_get_length (arguments); j++)
        {
          JsonObject *argument = json_array_get_object_element (arguments, j);

          g_assert_true (json_object_has_member (argument, "index"));
          g_assert_true (json_object_has_member (argument, "value"));
          g_assert_true (g_str_has_prefix (cpd_json_get_string (argument, "op"), "SCMP_CMP_"));
          g_assert_false (json_object_has_member (argument, "valueTwo"));       /* always zero there */
          found++;
        }
    }
  g_assert_cmpuint (found, >=, 5);
}

static JsonObject *
translate_text (const char *text, GError **error)
{
  const char *const none[] = { NULL };
  g_autofree char *directory = g_dir_make_tmp ("cpod-test-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (directory, "profile.json", NULL);
  JsonObject *result;

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  result = cpd_seccomp_translate (path, none, error);
  g_assert_cmpint (g_unlink (path), ==, 0);
  g_assert_cmpint (g_rmdir (directory), ==, 0);
  return result;
}

static void
test_own_profile (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonObject) seccomp = translate_text (
    "{\"defaultAction\":\"SCMP_ACT_KILL\",\"architectures\":[\"SCMP_ARCH_ARM\"],\"syscalls\":["
    "{\"name\":\"read\",\"action\":\"SCMP_ACT_ALLOW\"},"
    "{\"names\":[\"new\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"minKernel\":\"99.0\"}},"
    "{\"names\":[\"old\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":5,\"includes\":{\"minKernel\":\"2.6\"},"
    "\"args\":[{\"index\":1,\"value\":2,\"valueTwo\":3,\"op\":\"SCMP_CMP_MASKED_EQ\"}]}]}", &error);
  g_autoptr(JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  g_autofree char *text = NULL;

  g_assert_no_error (error);
  json_node_set_object (node, seccomp);
  text = cpd_json_print (node);
  g_assert_cmpstr (text, ==,
                   "{\"defaultAction\":\"SCMP_ACT_KILL\",\"architectures\":[\"SCMP_ARCH_ARM\"],\"syscalls\":["
                   "{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\"},"
                   "{\"names\":[\"old\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":5,"
                   "\"args\":[{\"index\":1,\"value\":2,\"valueTwo\":3,\"op\":\"SCMP_CMP_MASKED_EQ\"}]}]}");
}

static void
test_bad_profiles (void)
{
  const char *const bad[] = {
    "", "{", "[]", "{}", "{\"defaultAction\":\"SCMP_ACT_FOO\"}",
    "{\"defaultAction\":\"SCMP_ACT_KILL\",\"syscalls\":[{\"names\":[\"a\"],\"action\":\"ALLOW\"}]}",
    "{\"defaultAction\":\"SCMP_ACT_KILL\",\"syscalls\":[{\"names\":[\"a\"]}]}",
    "{\"defaultAction\":\"SCMP_ACT_KILL\",\"syscalls\":[{\"action\":\"SCMP_ACT_ALLOW\"}]}",
    "{\"defaultAction\":\"SCMP_ACT_KILL\",\"syscalls\":[{\"name\":\"a\",\"names\":[\"b\"],\"action\":\"SCMP_ACT_ALLOW\"}]}",
    "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrno\":\"EFOO\"}",
    "{\"defaultAction\":\"SCMP_ACT_KILL\",\"syscalls\":[{\"names\":[\"a\"],\"action\":\"SCMP_ACT_ALLOW\","
    "\"args\":[{\"index\":0,\"value\":0,\"op\":\"EQ\"}]}]}",
    "{\"defaultAction\":\"SCMP_ACT_KILL\",\"architectures\":[\"SCMP_ARCH_ARM\"],"
    "\"archMap\":[{\"architecture\":\"SCMP_ARCH_ARM\",\"subArchitectures\":[]}]}",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_null (translate_text (bad[i], &error));
      g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
      g_assert_nonnull (strstr (error->message, "profile.json"));
    }
}

static void
test_missing_profile (void)
{
  const char *const none[] = { NULL };
  g_autoptr(GError) error = NULL;

  g_assert_null (cpd_seccomp_translate ("/nonexistent/seccomp.json", none, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "/nonexistent/seccomp.json"));
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/oci/seccomp/default", test_default);
  g_test_add_func ("/oci/seccomp/capabilities", test_capabilities);
  g_test_add_func ("/oci/seccomp/arguments", test_arguments);
  g_test_add_func ("/oci/seccomp/own-profile", test_own_profile);
  g_test_add_func ("/oci/seccomp/bad-profiles", test_bad_profiles);
  g_test_add_func ("/oci/seccomp/missing-profile", test_missing_profile);
  return g_test_run ();
}
