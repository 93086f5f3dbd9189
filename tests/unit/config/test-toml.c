/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-toml.h"

#include <string.h>

#include "public/cpod-error.h"

static void
assert_refused (const char *text, gssize length, const char *beginning)
{
  g_autoptr(GError) error = NULL;

  g_assert_null (cpd_toml_parse (text, length, "file", &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
  if (!g_str_has_prefix (error->message, beginning))
    g_error ("'%s' does not begin with '%s'", error->message, beginning);
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
}

static void
test_tree (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CpdTomlNode) root = cpd_toml_parse (
    "z = 1\n[b]\nno = false\nempty = \"\"\n\n[a.\"x.y\"]\nlist = [\n  \"one\",\n  2.5,\n  {in = -3},\n]\nday = 1979-05-27\n",
    -1, "file", &error);
  CpdTomlNode *node, *list;

  g_assert_no_error (error);
  g_assert_cmpint (root->type, ==, CPD_TOML_TABLE);
  g_assert_cmpuint (root->children->len, ==, 3);
  g_assert_cmpstr (((CpdTomlNode *) root->children->pdata[0])->key, ==, "z");   /* the file's order */
  g_assert_cmpstr (((CpdTomlNode *) root->children->pdata[1])->key, ==, "b");
  node = cpd_toml_get (cpd_toml_get (root, "b"), "no");
  g_assert_cmpint (node->type, ==, CPD_TOML_BOOLEAN);
  g_assert_false (g_variant_get_boolean (node->value));
  g_assert_cmpuint (node->line, ==, 3);
  node = cpd_toml_get (cpd_toml_get (root, "b"), "empty");
  g_assert_cmpstr (g_variant_get_string (node->value, NULL), ==, "");
  g_assert_null (cpd_toml_get (cpd_toml_get (root, "b"), "absent"));
  node = cpd_toml_get (cpd_toml_get (root, "a"), "x.y");
  list = cpd_toml_get (node, "list");
  g_assert_cmpint (list->type, ==, CPD_TOML_ARRAY);
  g_assert_cmpuint (list->line, ==, 7);
  g_assert_cmpuint (list->children->len, ==, 3);
  g_assert_cmpint (((CpdTomlNode *) list->children->pdata[1])->type, ==, CPD_TOML_FLOAT);
  g_assert_cmpint (g_variant_get_int64 (cpd_toml_get (list->children->pdata[2], "in")->value), ==, -3);
  g_assert_cmpint (cpd_toml_get (node, "day")->type, ==, CPD_TOML_TIME);
}

static void
test_errors (void)
{
  g_autoptr(GString) deep = g_string_new ("a = ");

  assert_refused ("a = 1\nb = \n", -1, "file:2: ");
  assert_refused ("a = 1\n\na = 2\n", -1, "file:3: ");
  assert_refused ("a = \"\xff\"\n", -1, "file:1: ");
  assert_refused ("a = \"x\\u0000y\"\n", -1, "file:1: ");
  assert_refused ("\"x\\u0000y\" = 1\n", -1, "file:1: ");
  assert_refused ("a = 1\n\0b = 2\n", 13, "file:2: ");
  assert_refused ("[a\n", -1, "file:1: ");
  assert_refused ("[/a]\n", -1, "file:1: ");
  assert_refused ("a = 1\n\xcf\xbb = 2\n", -1, "file:2: ");
  assert_refused ("a = \"no end\n", -1, "file:1: ");
  assert_refused ("a = 99999999999999999999\n", -1, "file:1: ");
  for (guint i = 0; i < 100000; i++)
    g_string_append_c (deep, '[');
  assert_refused (deep->str, -1, "file:1: ");
}

static void
test_empty (void)
{
  g_autoptr(CpdTomlNode) nothing = cpd_toml_parse ("", -1, "file", NULL);
  g_autoptr(CpdTomlNode) comment = cpd_toml_parse ("\xef\xbb\xbf# only this\r\n", -1, "file", NULL);

  g_assert_cmpuint (nothing->children->len, ==, 0);
  g_assert_cmpuint (comment->children->len, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/toml/tree", test_tree);
  g_test_add_func ("/toml/errors", test_errors);
  g_test_add_func ("/toml/empty", test_empty);
  return g_test_run ();
}
