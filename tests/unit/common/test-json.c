/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-json.h"

#include <string.h>

#include "public/cpod-error.h"

static JsonNode *
parse (const char *text)
{
  g_autoptr(GError) error = NULL;
  JsonNode *node = cpd_json_parse (text, -1, &error);

  g_assert_no_error (error);
  g_assert_nonnull (node);
  return node;
}

static void
test_parse_bad (void)
{
  const char *const bad[] = { "", "  ", "{", "{]", "{\"a\":}", "[1,", "nonsense", "[]{\"a\": \"b\"}", "1 2",
                            "\"a\" []", "[1] // [", "[1] /* */" };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr(GError) error = NULL;

      g_test_message ("parsing '%s'", bad[i]);
      g_assert_null (cpd_json_parse (bad[i], -1, &error));
      g_assert_error (error, CPOD_ERROR, CPOD_ERROR_FAILED);
      g_assert_true (g_str_has_prefix (error->message, "no valid JSON: "));
    }
}

/* The parser of the library has a stack, and it ends. */
static void
test_parse_deep (void)
{
  g_autofree char *much = g_strnfill (4 * 1024 * 1024, '[');
  g_autofree char *opened = g_strnfill (128, '[');
  g_autofree char *closed = g_strnfill (128, ']');
  g_autofree char *most = g_strconcat (opened, "\"[[[[\\\"[[\"", closed, NULL);
  g_autofree char *one_more = g_strconcat ("{\"a\":", most, "}", NULL);
  g_autofree char *hidden = g_strconcat ("/* \" */", much, NULL);
  const char *const bad[] = { much, one_more, hidden };
  g_autoptr(JsonNode) good = parse (most);

  g_assert_nonnull (good);
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_null (cpd_json_parse (bad[i], -1, &error));
      g_assert_error (error, CPOD_ERROR, CPOD_ERROR_FAILED);
    }
}

static void
test_parse_length (void)
{
  g_autoptr(JsonNode) node = cpd_json_parse ("[1, 2] and more", 6, NULL);

  g_assert_nonnull (node);
  g_assert_cmpuint (json_array_get_length (json_node_get_array (node)), ==, 2);
}

static void
test_readers (void)
{
  g_autoptr(JsonNode) node = parse ("{\"s\": \"text\", \"i\": 42, \"big\": 9007199254740993, \"t\": true,"
                                    " \"f\": false, \"o\": {\"k\": \"v\"}, \"a\": [\"x\", \"y\"], \"n\": null}");
  JsonObject *object = json_node_get_object (node);
  g_auto(GStrv) strings = cpd_json_get_strv (object, "a");

  g_assert_cmpstr (cpd_json_get_string (object, "s"), ==, "text");
  g_assert_cmpint (cpd_json_get_int (object, "i"), ==, 42);
  g_assert_cmpint (cpd_json_get_int (object, "big"), ==, G_GINT64_CONSTANT (9007199254740993));
  g_assert_true (cpd_json_get_boolean (object, "t"));
  g_assert_false (cpd_json_get_boolean (object, "f"));
  g_assert_cmpstr (cpd_json_get_string (cpd_json_get_object (object, "o"), "k"), ==, "v");
  g_assert_cmpuint (json_array_get_length (cpd_json_get_array (object, "a")), ==, 2);
  g_assert_cmpuint (g_strv_length (strings), ==, 2);
  g_assert_cmpstr (strings[1], ==, "y");
}

/* Nothing that a stranger wrote may trip a reader. */
static void
test_readers_lenient (void)
{
  static const char *const keys[] = { "s", "i", "t", "d", "o", "a", "n", "missing" };
  g_autoptr(JsonNode) node = parse ("{\"s\": \"text\", \"i\": 42, \"t\": true, \"d\": 1.5, \"o\": {},"
                                    " \"a\": [1, null, \"x\", [\"deep\"], {}, true], \"n\": null}");
  JsonObject *object = json_node_get_object (node);
  JsonObject *nothing = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      const char *key = keys[i];
      g_auto(GStrv) strings = cpd_json_get_strv (object, key);
      g_auto(GStrv) none = cpd_json_get_strv (nothing, key);

      g_assert_cmpstr (cpd_json_get_string (object, key), ==, *key == 's' ? "text" : NULL);
      g_assert_cmpint (cpd_json_get_int (object, key), ==, *key == 'i' ? 42 : 0);
      g_assert_cmpint (cpd_json_get_boolean (object, key), ==, *key == 't');
      g_assert_true ((cpd_json_get_object (object, key) != NULL) == (*key == 'o'));
      g_assert_true ((cpd_json_get_array (object, key) != NULL) == (*key == 'a'));
      g_assert_cmpuint (g_strv_length (strings), ==, *key == 'a' ? 1 : 0);

      g_assert_null (cpd_json_get_string (nothing, key));
      g_assert_cmpint (cpd_json_get_int (nothing, key), ==, 0);
      g_assert_false (cpd_json_get_boolean (nothing, key));
      g_assert_null (cpd_json_get_object (nothing, key));
      g_assert_null (cpd_json_get_array (nothing, key));
      g_assert_cmpuint (g_strv_length (none), ==, 0);
    }
}

static void
test_builders (void)
{
  const char *const list[] = { "one", "t\"wo", NULL };
  const char *const empty[] = { NULL };
  g_autoptr(JsonObject) object = json_object_new ();
  g_autofree char *text = NULL, *again = NULL;
  g_autoptr(JsonNode) node = NULL;

  cpd_json_set_string (object, "name", "a\nb");
  cpd_json_set_string (object, "nothing", NULL);
  cpd_json_set_strv (object, "list", list);
  cpd_json_set_strv (object, "empty", empty);
  cpd_json_set_strv (object, "none", NULL);
  text = cpd_json_print_object (object);
  g_assert_cmpstr (text, ==, "{\"name\":\"a\\nb\",\"list\":[\"one\",\"t\\\"wo\"]}");

  node = parse (text);
  again = cpd_json_print (node);
  g_assert_cmpstr (again, ==, text);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/json/parse-bad", test_parse_bad);
  g_test_add_func ("/json/parse-deep", test_parse_deep);
  g_test_add_func ("/json/parse-length", test_parse_length);
  g_test_add_func ("/json/readers", test_readers);
  g_test_add_func ("/json/readers-lenient", test_readers_lenient);
  g_test_add_func ("/json/builders", test_builders);
  return g_test_run ();
}
