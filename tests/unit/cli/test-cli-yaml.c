/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli-yaml.h"

static void
assert_yaml (const char *value, const char *expected)
{
  g_autoptr(GVariant) variant = g_variant_ref_sink (g_variant_new_parsed (value));
  g_autofree char *text = cli_yaml_print (variant);

  g_assert_cmpstr (text, ==, expected);
}

static void
test_scalars (void)
{
  assert_yaml ("{'b': <true>, 'a': <45.1>, 'c': <-3>, 'd': <'a word'>, 'e': <''>}",
               "a: 45.1\nb: true\nc: -3\nd: a word\ne: \"\"\n");
}

/* What a reader would take for something else. */
static void
test_quotes (void)
{
  assert_yaml ("{'a': <'true'>, 'b': <'12'>, 'c': <'x: y'>, 'd': <'- x'>, 'e': <'x #y'>, 'f': <'Null'>}",
               "a: \"true\"\nb: \"12\"\nc: \"x: y\"\nd: \"- x\"\ne: \"x #y\"\nf: \"Null\"\n");
  assert_yaml ("{'a': <'x:y'>, 'b': <'x#y'>, 'c': <'12th'>, 'd': <' x'>, 'e': <'x\\ty'>, 'f': <'x '>}",
               "a: x:y\nb: x#y\nc: 12th\nd: \" x\"\ne: \"x\\ty\"\nf: \"x \"\n");
}

static void
test_lines (void)
{
  assert_yaml ("{'x': <{'a': <'one\\ntwo'>, 'b': <'one\\n'>}>}",
               "x:\n  a: |-\n    one\n    two\n  b: |+\n    one\n");
}

static void
test_nested (void)
{
  assert_yaml ("{'x': <{'l': <['one', 'two']>, 'e': <@as []>, 'd': <@a{sv} {}>}>, 'n': <[{'k': <1>}]>}",
               "n:\n  -\n    k: 1\nx:\n  d: {}\n  e: []\n  l:\n    - one\n    - two\n");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/A19/yaml/scalars", test_scalars);
  g_test_add_func ("/A19/yaml/quotes", test_quotes);
  g_test_add_func ("/A19/yaml/lines", test_lines);
  g_test_add_func ("/A19/yaml/nested", test_nested);
  return g_test_run ();
}
