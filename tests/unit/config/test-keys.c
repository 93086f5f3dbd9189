/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "public/cpod-size.h"
#include "test-config.h"

#define CONF "/etc/cpod/cpod.conf"

/* What a file may set the key to, and what comes out: other than the default, and of every kind. */
static void
sample (CpdKey key, char **toml, char **expected)
{
  const CpdConfigKey *entry = &cpd_config_keys[key];
  g_auto(GStrv) choices = entry->choices != NULL ? g_strsplit (entry->choices, "|", -1) : NULL;
  gboolean on;

  switch (entry->type)
    {
    case CPD_KEY_BOOLEAN:
      on = g_str_equal (entry->fallback, "true");
      *toml = g_strdup (on ? "false" : "true");
      *expected = g_strdup (*toml);
      break;
    case CPD_KEY_INTEGER:
      *toml = g_strdup ("77");
      *expected = g_strdup ("77");
      break;
    case CPD_KEY_SIZE:
      *toml = g_strdup ("\"3MiB\"");
      *expected = g_strdup ("3145728");
      break;
    case CPD_KEY_LIST:
      *toml = g_strdup ("[\"/one\", \"two=2\"]");
      *expected = g_strdup ("['/one', 'two=2']");
      break;
    case CPD_KEY_MAP:
      *toml = g_strdup ("{crun = [\"/my/crun\"]}");
      *expected = NULL;         /* joined with the default */
      break;
    case CPD_KEY_PATH:
      *toml = g_strdup ("\"/some//where/../else/\"");
      *expected = g_strdup ("'/some/else'");
      break;
    case CPD_KEY_STRING:
    default:
      *toml = choices != NULL ? g_strdup_printf ("\"%s\"", choices[g_strv_length (choices) - 1]) : g_strdup ("\"word\"");
      *expected = g_strdelimit (g_strdup (*toml), "\"", '\'');
      break;
    }
}

/* Sets one key in a file of its own, by the name NAME, and reads it back. */
static void
check_key (TestPlaces *places, CpdKey key, const char *name)
{
  g_autofree char *toml = NULL, *expected = NULL, *text = NULL, *default_value = NULL;
  g_autoptr(CpdConfig) config = NULL, before = NULL;

  test_places_write (places, CONF, "");
  before = test_places_load (places);
  default_value = g_variant_print (cpd_config_get (before, key), FALSE);
  g_assert_cmpstr (cpd_config_get_origin (before, key), ==, "default");
  g_assert_false (cpd_config_is_set (before, key));

  sample (key, &toml, &expected);
  text = g_strdup_printf ("# a comment\n%s = %s\n", name, toml);
  test_places_write (places, CONF, text);
  config = test_places_load (places);
  g_assert_true (cpd_config_is_set (config, key));
  g_assert_cmpstr (test_origin (places, config, cpd_config_keys[key].name), ==, CONF ":2");
  if (expected != NULL)
    test_assert_value (config, cpd_config_keys[key].name, expected);
  text = (g_free (text), g_variant_print (cpd_config_get (config, key), FALSE));
  g_assert_cmpstr (text, !=, default_value);
  /* Nothing else was touched but what depends on it. */
  for (guint other = 0; other < CPD_N_KEYS; other++)
    if (other != key && key != CPD_KEY_RUNTIME_PATH)
      g_assert_false (cpd_config_is_set (config, other));
}

static void
test_each (TestPlaces *places, gconstpointer data)
{
  for (guint key = 0; key < CPD_N_KEYS; key++)
    {
      const char *name = cpd_config_keys[key].name;

      g_assert_nonnull (name);
      g_assert_cmpint (cpd_config_find_key (name), ==, (int) key);
      g_assert_nonnull (cpd_config_keys[key].doc);
      check_key (places, key, name);
      if (g_str_has_prefix (name, "engine."))
        check_key (places, key, name + strlen ("engine."));
      if (cpd_config_keys[key].older != NULL)
        check_key (places, key, cpd_config_keys[key].older);
    }
}

/* A value of another type than the key's, for each key. */
static void
test_wrong_types (TestPlaces *places, gconstpointer data)
{
  for (guint key = 0; key < CPD_N_KEYS; key++)
    {
      gboolean is_number = cpd_config_keys[key].type == CPD_KEY_INTEGER || cpd_config_keys[key].type == CPD_KEY_SIZE;
      g_autofree char *text = g_strdup_printf ("\n\n%s = %s\n", cpd_config_keys[key].name, is_number ? "true" : "1");
      g_autofree char *where = g_strdup_printf (CONF ":3: %s: expected ", cpd_config_keys[key].name);
      g_autofree char *message = NULL;

      test_places_write (places, CONF, text);
      message = test_places_fail (places);
      g_assert_nonnull (strstr (message, where));
      g_assert_nonnull (strstr (message, is_number ? "found a boolean: true" : "found an integer: 1"));
    }
}

/* How a key is told of in the manual. */
static char *
manual_entry (const CpdConfigKey *key, CpdKey number)
{
  g_autofree char *choices = key->choices != NULL ? g_strdelimit (g_strdup (key->choices), "|", ' ') : NULL;
  g_auto(GStrv) parts = g_strsplit (key->fallback, "int64 ", 2);
  g_autofree char *value = g_strdup (g_str_has_prefix (key->fallback, "int64 ") ? parts[1]
                                     : g_str_has_prefix (key->fallback, "@as ") ? "[]" : key->fallback);
  g_autoptr(GString) text = g_string_new (NULL);

  g_string_append_printf (text, ".TP\n.BR %s \" (%s)\"\n%s\n", key->name, cpd_config_key_type_name (number), key->doc);
  if (choices != NULL)
    g_string_append_printf (text, "One of: %s.\n", choices);
  if (key->type != CPD_KEY_MAP && strlen (value) <= 100 && !g_str_equal (value, "''") && !g_str_equal (value, "[]"))
    g_string_append_printf (text, "Default: %s.\n", value);
  if (key->older != NULL)
    g_string_append_printf (text, "Its name in libpod.conf was %s.\n", key->older);
  if ((key->flags & CPD_KEY_OWN) != 0)
    g_string_append (text, "Only in files of cpod.\n");
  if ((key->flags & CPD_KEY_RESTART) != 0)
    g_string_append (text, "Read at the start only.\n");
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* The manual has an entry for each key, word for word; "--manual" prints them. */
static void
test_manual (void)
{
  g_autofree char *path = g_build_filename (g_getenv ("CPOD_SOURCE"), "docs", "man", "cpod.conf.5", NULL);
  g_autofree char *manual = NULL;

  g_assert_true (g_file_get_contents (path, &manual, NULL, NULL));
  for (guint key = 0; key < CPD_N_KEYS; key++)
    {
      g_autofree char *entry = manual_entry (&cpd_config_keys[key], key);

      if (strstr (manual, entry) == NULL)
        g_error ("cpod.conf(5) does not have:\n%s", entry);
    }
}

/* The file that is installed, with all that is commented out in it put in force, says just the defaults. */
static void
test_sample_file (TestPlaces *places, gconstpointer data)
{
  g_autofree char *path = g_build_filename (g_getenv ("CPOD_SOURCE"), "data", "cpod.conf", NULL);
  g_autofree char *text = NULL;
  g_autoptr(GRegex) commented = g_regex_new ("^#(?=[a-z_]+ = |  \"|\\])", G_REGEX_MULTILINE, 0, NULL);
  g_autofree char *active = NULL;
  g_autoptr(CpdConfig) config = NULL, defaults = NULL;
  guint found = 0;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  defaults = test_places_load (places);
  active = g_regex_replace_literal (commented, text, -1, 0, "", 0, NULL);
  test_places_write (places, CONF, active);
  config = test_places_load (places);
  test_assert_warnings (config, 0);
  for (guint key = 0; key < CPD_N_KEYS; key++)
    {
      g_assert_true (g_variant_equal (cpd_config_get (config, key), cpd_config_get (defaults, key)));
      found += cpd_config_is_set (config, key);
    }
  g_assert_cmpuint (found, >=, 20);
  /* As it is, it sets nothing. */
  test_places_write (places, CONF, text);
  g_clear_pointer (&config, cpd_config_unref);
  config = test_places_load (places);
  for (guint key = 0; key < CPD_N_KEYS; key++)
    g_assert_false (cpd_config_is_set (config, key));
}

static void
test_sizes (void)
{
  static const struct
  {
    const char *text;
    gint64 size;
  } sizes[] = {
    { "0", 0 }, { "512", 512 }, { "512b", 512 }, { "65536k", 67108864 }, { "64m", 67108864 }, { "64MB", 67108864 },
    { "64MiB", 67108864 }, { "2G", G_GINT64_CONSTANT (2147483648) }, { "1t", G_GINT64_CONSTANT (1099511627776) },
    { "9223372036854775807", G_MAXINT64 }, { "9223372036854775807k", -1 }, { "", -1 }, { "m", -1 }, { "-5", -1 },
    { "5x", -1 }, { "5mm", -1 }, { "5bb", -1 }, { "5 m", -1 }, { "0x10", -1 }, { "99999999999999999999", -1 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      gint64 size = -1;

      g_assert_cmpint (cpod_size_parse (sizes[i].text, &size), ==, sizes[i].size != -1);
      g_assert_cmpint (size, ==, sizes[i].size);
    }
}

static void
print_manual (void)
{
  for (guint key = 0; key < CPD_N_KEYS; key++)
    {
      g_autofree char *entry = manual_entry (&cpd_config_keys[key], key);

      fputs (entry, stdout);
    }
}

int
main (int argc, char **argv)
{
  if (argc == 2 && strcmp (argv[1], "--manual") == 0)
    {
      print_manual ();
      return 0;
    }
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/config/A01/trap-5/each", TestPlaces, NULL, test_places_set_up, test_each, test_places_tear_down);
  g_test_add ("/config/A01/wrong-types", TestPlaces, NULL, test_places_set_up, test_wrong_types, test_places_tear_down);
  g_test_add ("/config/A01/sample-file", TestPlaces, NULL, test_places_set_up, test_sample_file, test_places_tear_down);
  g_test_add_func ("/config/A01/manual", test_manual);
  g_test_add_func ("/config/A01/trap-b/sizes", test_sizes);
  return g_test_run ();
}
