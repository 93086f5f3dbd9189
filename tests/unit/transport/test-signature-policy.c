/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transport/cpd-signature-policy.h"

#include <glib/gstdio.h>

#include "public/cpod-error.h"

#define ACCEPT "[{\"type\": \"insecureAcceptAnything\"}]"
#define REJECT "[{\"type\": \"reject\"}]"
#define SIGNED "[{\"type\": \"signedBy\", \"keyType\": \"GPGKeys\", \"keyPath\": \"/k\"}]"

static char *path;

static void
assert_verdict (const char *policy, CpdTransport transport, const char *name, CpdPolicyVerdict wanted)
{
  g_autoptr(GError) error = NULL;
  CpdPolicyVerdict verdict;

  g_assert_true (g_file_set_contents (path, policy, -1, NULL));
  g_assert_true (cpd_signature_policy_judge (path, transport, name, &verdict, &error));
  g_assert_no_error (error);
  g_assert_cmpint (verdict, ==, wanted);
}

static void
test_default (void)
{
  assert_verdict ("{\"default\": " ACCEPT "}", CPD_TRANSPORT_DOCKER, "a.b/c:1", CPD_POLICY_ACCEPT);
  assert_verdict ("{\"default\": " REJECT "}", CPD_TRANSPORT_DIR, "dir:/a", CPD_POLICY_REJECT);
  assert_verdict ("{\"default\": " SIGNED "}", CPD_TRANSPORT_DOCKER, "a.b/c:1", CPD_POLICY_VERIFY);
  /* What is not known lets nothing pass. */
  assert_verdict ("{\"default\": [{\"type\": \"other\"}]}", CPD_TRANSPORT_DOCKER, "a.b/c:1", CPD_POLICY_VERIFY);
  assert_verdict ("{\"default\": []}", CPD_TRANSPORT_DOCKER, "a.b/c:1", CPD_POLICY_VERIFY);
  assert_verdict ("{\"default\": [1]}", CPD_TRANSPORT_DOCKER, "a.b/c:1", CPD_POLICY_VERIFY);
  /* All have to be met. */
  assert_verdict ("{\"default\": [{\"type\": \"insecureAcceptAnything\"}, {\"type\": \"reject\"}]}", CPD_TRANSPORT_DOCKER,
                  "a.b/c:1", CPD_POLICY_REJECT);
  assert_verdict ("{\"default\": [{\"type\": \"insecureAcceptAnything\"}, {\"type\": \"signedBy\"}]}", CPD_TRANSPORT_DOCKER,
                  "a.b/c:1", CPD_POLICY_VERIFY);
}

static void
test_scopes (void)
{
  static const char *const scopes[] = {
    "reg.one.example:5000/a/b:1", "reg.one.example:5000/a/b", "reg.one.example:5000/a", "reg.one.example:5000",
    "*.one.example", "*.example", "",
  };
  static const char *const others[] = {
    "reg.one.example:5000/a/b:2", "reg.one.example:5000/a/bb", "reg.one.example", "*.reg.one.example", "one.example",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (scopes); i++)
    {
      g_autofree char *policy = g_strdup_printf ("{\"default\": " REJECT ", \"transports\": {\"docker\": {\"%s\": " ACCEPT "}}}",
                                                 scopes[i]);

      g_test_message ("%s", scopes[i]);
      assert_verdict (policy, CPD_TRANSPORT_DOCKER, "reg.one.example:5000/a/b:1", CPD_POLICY_ACCEPT);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (others); i++)
    {
      g_autofree char *policy = g_strdup_printf ("{\"default\": " REJECT ", \"transports\": {\"docker\": {\"%s\": " ACCEPT "}}}",
                                                 others[i]);

      g_test_message ("%s", others[i]);
      assert_verdict (policy, CPD_TRANSPORT_DOCKER, "reg.one.example:5000/a/b:1", CPD_POLICY_REJECT);
    }
  /* The narrowest counts. */
  assert_verdict ("{\"default\": " ACCEPT ", \"transports\": {\"docker\": {\"\": " REJECT ", \"a.b\": " REJECT ","
                  " \"a.b/c\": " ACCEPT "}}}", CPD_TRANSPORT_DOCKER, "a.b/c:1", CPD_POLICY_ACCEPT);
}

static void
test_other_transports (void)
{
  assert_verdict ("{\"default\": " REJECT ", \"transports\": {\"dir\": {\"\": " ACCEPT "}}}", CPD_TRANSPORT_DIR, "dir:/a",
                  CPD_POLICY_ACCEPT);
  /* Which path is meant is skopeo's to find out. */
  assert_verdict ("{\"default\": " ACCEPT ", \"transports\": {\"dir\": {\"/a\": " ACCEPT "}}}", CPD_TRANSPORT_DIR, "dir:/a",
                  CPD_POLICY_VERIFY);
  assert_verdict ("{\"default\": " ACCEPT ", \"transports\": {\"dir\": {}}}", CPD_TRANSPORT_DIR, "dir:/a", CPD_POLICY_ACCEPT);
}

static void
test_errors (void)
{
  static const char *const texts[] = { "", "nonsense", "[]", "{}", "{\"default\": {}}" };
  CpdPolicyVerdict verdict;
  g_autoptr(GError) missing = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_true (g_file_set_contents (path, texts[i], -1, NULL));
      g_assert_false (cpd_signature_policy_judge (path, CPD_TRANSPORT_DOCKER, "a.b/c:1", &verdict, &error));
      g_assert_error (error, CPOD_ERROR, CPOD_ERROR_BAD_CONFIG);
    }
  g_unlink (path);
  g_assert_false (cpd_signature_policy_judge (path, CPD_TRANSPORT_DOCKER, "a.b/c:1", &verdict, &missing));
  g_assert_error (missing, CPOD_ERROR, CPOD_ERROR_IMAGE_REJECTED);
}

int
main (int argc, char *argv[])
{
  g_autofree char *directory = g_dir_make_tmp ("policy-XXXXXX", NULL);
  int status;

  g_test_init (&argc, &argv, NULL);
  path = g_build_filename (directory, "policy.json", NULL);
  g_test_add_func ("/transport/signature-policy/default", test_default);
  g_test_add_func ("/transport/signature-policy/scopes", test_scopes);
  g_test_add_func ("/transport/signature-policy/other-transports", test_other_transports);
  g_test_add_func ("/transport/signature-policy/errors", test_errors);
  status = g_test_run ();
  g_unlink (path);
  g_rmdir (directory);
  g_free (path);
  return status;
}
