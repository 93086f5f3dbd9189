/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "registry/cpd-registry-challenge.h"

static void
assert_bearer (const char *header, const char *realm, const char *service)
{
  g_auto(CpdRegistryChallenge) challenge = { FALSE };

  g_assert_true (cpd_registry_challenge_parse (&challenge, header));
  g_assert_true (challenge.bearer);
  g_assert_cmpstr (challenge.realm, ==, realm);
  g_assert_cmpstr (challenge.service, ==, service);
}

static void
test_bearer (void)
{
  assert_bearer ("Bearer realm=\"https://auth.example/token\",service=\"registry.example\",scope=\"a:b:c\"",
                 "https://auth.example/token", "registry.example");
  assert_bearer ("bearer service=plain, realm=https://a", "https://a", "plain");
  assert_bearer ("Bearer realm = \"a\\\"b\"", "a\"b", NULL);
  /* One parameter's value is not another's name. */
  assert_bearer ("Bearer xrealm=\"no\",realm=\"yes\"", "yes", NULL);
}

static void
test_others (void)
{
  const char *const strange[] = { NULL, "", "Negotiate", "Bearer", "Bearer realm", "Bearer realm=", "Bearer service=\"a\"",
                                  "Bearer realm=\"\xff\"" };
  g_auto(CpdRegistryChallenge) basic = { TRUE };

  g_assert_true (cpd_registry_challenge_parse (&basic, "Basic realm=\"here\""));
  g_assert_false (basic.bearer);
  for (gsize i = 0; i < G_N_ELEMENTS (strange); i++)
    {
      g_auto(CpdRegistryChallenge) challenge = { FALSE };

      g_test_message ("%s", strange[i]);
      g_assert_false (cpd_registry_challenge_parse (&challenge, strange[i]));
    }
}

static void
assert_login (const char *auth, const char *host, const char *wanted)
{
  g_autofree char *login = cpd_registry_find_login (auth, host);

  g_assert_cmpstr (login, ==, wanted);
}

static void
test_login (void)
{
  const char *auth = "{\"auths\": {\"one.example\": {\"auth\": \"YTpiOmM=\"}, \"two.example\": {\"auth\": \"bm90aGluZw==\"},"
                     " \"three.example\": {}, \"four.example\": 4, \"https://index.docker.io/v1/\": {\"auth\": \"aHViOng=\"}}}";

  assert_login (auth, "one.example", "a:b:c");
  assert_login (auth, "two.example", NULL);     /* no password */
  assert_login (auth, "three.example", NULL);
  assert_login (auth, "four.example", NULL);
  assert_login (auth, "other.example", NULL);
  assert_login (auth, "index.docker.io", "hub:x");
  assert_login ("{}", "one.example", NULL);
  assert_login ("{\"auths\": 7}", "one.example", NULL);
  assert_login ("[]", "one.example", NULL);
  assert_login ("nonsense", "one.example", NULL);
}

static void
assert_next (const char *link, const char *wanted)
{
  g_autofree char *next = cpd_registry_next_page (link, "a.example:5000");

  g_assert_cmpstr (next, ==, wanted);
}

static void
test_next_page (void)
{
  assert_next ("</v2/_catalog?last=b&n=2>; rel=\"next\"", "/v2/_catalog?last=b&n=2");
  assert_next ("</first>; rel=prev, </second>; rel=next", "/second");
  assert_next ("<https://a.example:5000/v2/_catalog?last=b>; rel=\"next\"", "/v2/_catalog?last=b");
  assert_next ("<https://a.example:5001/v2/_catalog?last=b>; rel=\"next\"", NULL);
  assert_next ("<https://b.example:5000/>; rel=\"next\"", NULL);
  assert_next ("<//b.example/>; rel=\"next\"", NULL);
  assert_next ("<relative>; rel=\"next\"", NULL);
  assert_next ("</a>; rel=\"last\"", NULL);
  assert_next ("/a; rel=next", NULL);
  assert_next ("", NULL);
  assert_next (NULL, NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/registry/challenge/bearer", test_bearer);
  g_test_add_func ("/registry/challenge/others", test_others);
  g_test_add_func ("/registry/challenge/login", test_login);
  g_test_add_func ("/registry/challenge/next-page", test_next_page);
  return g_test_run ();
}
