/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/images/cpd-image-config.h"

#include <string.h>

#include "public/cpod-error.h"

/* The config that one change gives. */
static void
assert_change (const char *change, const char *expected)
{
  const char *const changes[] = { change, NULL };
  g_autoptr(GError) error = NULL;
  g_autofree char *json = cpd_image_config_from_changes (changes, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (json, ==, expected);
}

static void
assert_bad (const char *change)
{
  const char *const changes[] = { "USER ok", change, NULL };
  g_autoptr(GError) error = NULL;
  g_autofree char *named = g_strdup_printf ("option 'changes': '%s': ", change);

  g_test_message ("change '%s'", change);
  g_assert_null (cpd_image_config_from_changes (changes, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
  g_assert_true (g_str_has_prefix (error->message, named));
}

static void
test_words (void)
{
  assert_change ("CMD [\"/bin/true\", \"a b\"]", "{\"Cmd\":[\"/bin/true\",\"a b\"]}");
  assert_change ("CMD=[\"/bin/true\"]", "{\"Cmd\":[\"/bin/true\"]}");
  assert_change ("CMD []", "{\"Cmd\":[]}");
  assert_change ("cmd echo \"a\" | wc", "{\"Cmd\":[\"/bin/sh\",\"-c\",\"echo \\\"a\\\" | wc\"]}");
  assert_change ("ENTRYPOINT [\"/entry\"]", "{\"Entrypoint\":[\"/entry\"]}");
  assert_bad ("CMD");
  assert_bad ("CMD ");
  assert_bad ("CMD [\"a\"");
  assert_bad ("CMD [1]");
  assert_bad ("ENTRYPOINT [\"a\", null]");
  assert_bad ("ENTRYPOINT [[\"a\"]]");
}

static void
test_pairs (void)
{
  const char *const both[] = { "ENV A=1 B=\"two words\"", "ENV C three  words", "LABEL k=v", "LABEL k=w l=", NULL };
  g_autofree char *json = cpd_image_config_from_changes (both, NULL);

  g_assert_cmpstr (json, ==, "{\"Env\":[\"A=1\",\"B=two words\",\"C=three words\"],\"Labels\":{\"k\":\"w\",\"l\":\"\"}}");
  assert_change ("ENV=A=b=c", "{\"Env\":[\"A=b=c\"]}");
  assert_bad ("ENV A");
  assert_bad ("ENV A=1 B");
  assert_bad ("ENV =1");
  assert_bad ("ENV A=\"open");
  assert_bad ("LABEL =v");
}

static void
test_texts (void)
{
  assert_change ("USER 1000:1000", "{\"User\":\"1000:1000\"}");
  assert_change ("WORKDIR /srv/a b", "{\"WorkingDir\":\"/srv/a b\"}");
  assert_change ("STOPSIGNAL SIGINT", "{\"StopSignal\":\"SIGINT\"}");
  assert_change ("stopsignal\t9", "{\"StopSignal\":\"9\"}");
  assert_bad ("WORKDIR srv");
  assert_bad ("STOPSIGNAL nothing");
}

static void
test_unknown (void)
{
  assert_bad ("RUN something");
  assert_bad ("");
  assert_bad ("CMDS x");
  assert_bad ("CM x");
  assert_bad (" CMD x");
}

static void
test_nothing (void)
{
  const char *const none[] = { NULL };
  g_autofree char *empty = cpd_image_config_from_changes (none, NULL);
  g_autofree char *null = cpd_image_config_from_changes (NULL, NULL);

  g_assert_cmpstr (empty, ==, "{}");
  g_assert_cmpstr (null, ==, "{}");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/image-config/words", test_words);
  g_test_add_func ("/image-config/pairs", test_pairs);
  g_test_add_func ("/image-config/texts", test_texts);
  g_test_add_func ("/image-config/unknown", test_unknown);
  g_test_add_func ("/image-config/nothing", test_nothing);
  return g_test_run ();
}
