/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>

#include "common/cpd-json.h"
#include "oci/cpd-exec-spec.h"
#include "public/cpod-error.h"

static const char *const args[] = { "id", "-u", NULL };
static const char *const env[] = { "A=b", NULL };
static const guint32 gids[] = { 7, 8 };

#define CONTAINER \
  "{\"process\": {\"terminal\": true, \"consoleSize\": {\"height\": 1, \"width\": 2}, \"args\": [\"sleep\"]," \
  " \"env\": [\"C=d\"], \"cwd\": \"/work\", \"noNewPrivileges\": true, \"apparmorProfile\": \"profile\"," \
  " \"selinuxLabel\": \"label\", \"oomScoreAdj\": 3," \
  " \"rlimits\": [{\"type\": \"RLIMIT_NOFILE\", \"soft\": 5, \"hard\": 6}]," \
  " \"user\": {\"uid\": 1, \"gid\": 2, \"umask\": 63, \"additionalGids\": [3]}," \
  " \"capabilities\": {\"bounding\": [\"CAP_CHOWN\", \"CAP_KILL\"], \"effective\": [\"CAP_KILL\"]," \
  " \"permitted\": [\"CAP_KILL\"], \"inheritable\": [\"CAP_KILL\"], \"ambient\": [\"CAP_KILL\"]}}}"

static JsonNode *
build (const CpdExecSpec *spec)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *text = cpd_exec_spec_to_json (CONTAINER, spec, &error);
  JsonNode *node;

  g_assert_no_error (error);
  node = cpd_json_parse (text, -1, &error);
  g_assert_no_error (error);
  return node;
}

static void
assert_strings (JsonObject *object, const char *key, const char *expected)
{
  g_auto(GStrv) strings = cpd_json_get_strv (object, key);
  g_autofree char *joined = g_strjoinv (" ", strings);

  g_assert_cmpstr (joined, ==, expected);
}

/* What differs is as asked for, all else is like the first process's. */
static void
test_process (void)
{
  CpdExecSpec spec = { .args = args, .env = env, .uid = 4, .gid = 5, .additional_gids = gids,
                       .n_additional_gids = G_N_ELEMENTS (gids) };
  g_autoptr(JsonNode) node = build (&spec);
  JsonObject *process = json_node_get_object (node);
  JsonObject *user = cpd_json_get_object (process, "user");
  JsonArray *groups = cpd_json_get_array (user, "additionalGids");

  g_assert_false (cpd_json_get_boolean (process, "terminal"));
  g_assert_false (json_object_has_member (process, "consoleSize"));
  assert_strings (process, "args", "id -u");
  assert_strings (process, "env", "A=b");
  g_assert_cmpstr (cpd_json_get_string (process, "cwd"), ==, "/work");
  g_assert_true (cpd_json_get_boolean (process, "noNewPrivileges"));
  g_assert_cmpstr (cpd_json_get_string (process, "apparmorProfile"), ==, "profile");
  g_assert_cmpstr (cpd_json_get_string (process, "selinuxLabel"), ==, "label");
  g_assert_cmpint (cpd_json_get_int (process, "oomScoreAdj"), ==, 3);
  g_assert_cmpuint (json_array_get_length (cpd_json_get_array (process, "rlimits")), ==, 1);
  g_assert_cmpint (cpd_json_get_int (user, "uid"), ==, 4);
  g_assert_cmpint (cpd_json_get_int (user, "gid"), ==, 5);
  g_assert_cmpint (cpd_json_get_int (user, "umask"), ==, 63);
  g_assert_cmpuint (json_array_get_length (groups), ==, 2);
  g_assert_cmpint (json_array_get_int_element (groups, 1), ==, 8);
}

static void
test_terminal_and_directory (void)
{
  CpdExecSpec spec = { .args = args, .env = env, .terminal = TRUE, .cwd = "/tmp", .rows = 24, .columns = 80 };
  g_autoptr(JsonNode) node = build (&spec);
  JsonObject *size = cpd_json_get_object (json_node_get_object (node), "consoleSize");

  g_assert_cmpint (cpd_json_get_int (size, "height"), ==, 24);
  g_assert_cmpint (cpd_json_get_int (size, "width"), ==, 80);

  g_assert_true (cpd_json_get_boolean (json_node_get_object (node), "terminal"));
  g_assert_cmpstr (cpd_json_get_string (json_node_get_object (node), "cwd"), ==, "/tmp");
}

static void
assert_capabilities (const CpdExecSpec *spec, const char *bounding, const char *effective, const char *inheritable)
{
  g_autoptr(JsonNode) node = build (spec);
  JsonObject *capabilities = cpd_json_get_object (json_node_get_object (node), "capabilities");

  if (bounding != NULL)
    {
      assert_strings (capabilities, "bounding", bounding);
      assert_strings (capabilities, "effective", effective);
      assert_strings (capabilities, "permitted", effective);
    }
  assert_strings (capabilities, "inheritable", inheritable);
  assert_strings (capabilities, "ambient", inheritable);
}

static void
test_capabilities (void)
{
  CpdExecSpec spec = { .args = args, .env = env };

  assert_capabilities (&spec, "CAP_CHOWN CAP_KILL", "CAP_CHOWN CAP_KILL", "");
  spec.uid = 1;
  assert_capabilities (&spec, "CAP_CHOWN CAP_KILL", "", "");
  spec.same_user = TRUE;
  assert_capabilities (&spec, "CAP_CHOWN CAP_KILL", "CAP_KILL", "CAP_KILL");
}

static void
test_privileged (void)
{
  CpdExecSpec spec = { .args = args, .env = env, .privileged = TRUE };
  g_autoptr(JsonNode) root = build (&spec), user = NULL;
  g_auto(GStrv) bounding = NULL, effective = NULL;
  JsonObject *capabilities = cpd_json_get_object (json_node_get_object (root), "capabilities");

  bounding = cpd_json_get_strv (capabilities, "bounding");
  effective = cpd_json_get_strv (capabilities, "effective");
  g_assert_true (g_strv_contains ((const char *const *) bounding, "CAP_SYS_ADMIN"));
  g_assert_true (g_strv_equal ((const char *const *) bounding, (const char *const *) effective));
  assert_capabilities (&spec, NULL, NULL, "");

  spec.uid = 1;
  user = build (&spec);
  capabilities = cpd_json_get_object (json_node_get_object (user), "capabilities");
  assert_strings (capabilities, "effective", "");
}

static void
test_bad_container (void)
{
  static const char *const texts[] = { "", "[]", "{}", "{\"process\": 1}", "nonsense" };
  CpdExecSpec spec = { .args = args, .env = env };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_null (cpd_exec_spec_to_json (texts[i], &spec, &error));
      g_assert_nonnull (error);
      g_assert_true (error->domain == CPOD_ERROR);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/exec-spec/process", test_process);
  g_test_add_func ("/exec-spec/terminal-and-directory", test_terminal_and_directory);
  g_test_add_func ("/exec-spec/capabilities", test_capabilities);
  g_test_add_func ("/exec-spec/privileged", test_privileged);
  g_test_add_func ("/exec-spec/bad-container", test_bad_container);
  return g_test_run ();
}
