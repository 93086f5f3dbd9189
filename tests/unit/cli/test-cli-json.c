/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli-json.h"

static void
assert_same (const char *text,
             const char *expected)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) value = cli_json_parse (text, &error);
  g_autofree char *printed = NULL;

  g_assert_no_error (error);
  printed = cli_json_print (value, FALSE);
  g_assert_cmpstr (printed, ==, expected);
}

static void
test_round_trip (void)
{
  assert_same ("{\"b\": 1, \"a\": [true, null, -2.5, \"x\"], \"c\": {}}",
               "{\"b\":1,\"a\":[true,null,-2.5,\"x\"],\"c\":{}}");
  assert_same (" [ ] ", "[]");
  assert_same ("9007199254740993", "9007199254740993");
}

static void
test_strings (void)
{
  assert_same ("\"bfnrt\"", "\"bfnrt\"");
  assert_same ("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\"");
  assert_same ("\"\\u00e4\\ud83d\\ude00\\u0001\"", "\"ä😀\\u0001\"");
}

static void
test_bad (void)
{
  static const char *const bad[] = {
    "", "{", "[1,]", "{\"a\"}", "{\"a\":}", "\"open", "\"\\x\"", "\"\\ud800\"", "\"\\u0000\"", "tru", "1 2",
    "-", "1e", "\"\xff\"", "{\"\xff\":1}", "\"\\",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(GVariant) value = cli_json_parse (bad[i], &error);

      g_test_message ("case %" G_GSIZE_FORMAT, i);
      g_assert_null (value);
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
    }
}

static void
test_depth (void)
{
  g_autoptr(GString) deep = g_string_new (NULL);
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) value = NULL;

  for (int i = 0; i < 100000; i++)
    g_string_append_c (deep, '[');

  value = cli_json_parse (deep->str, &error);
  g_assert_null (value);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
}

static void
test_pretty (void)
{
  g_autoptr(GVariant) value = cli_json_parse ("{\"a\":[1,2],\"b\":{}}", NULL);
  g_autofree char *text = cli_json_print (value, TRUE);

  g_assert_cmpstr (text, ==,
                   "{\n    \"a\": [\n        1,\n        2\n    ],\n    \"b\": {}\n}");
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cli/json/round-trip", test_round_trip);
  g_test_add_func ("/cli/json/strings", test_strings);
  g_test_add_func ("/cli/json/bad", test_bad);
  g_test_add_func ("/cli/json/depth", test_depth);
  g_test_add_func ("/cli/json/pretty", test_pretty);
  return g_test_run ();
}
