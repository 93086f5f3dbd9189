/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-journal.h"

#include <string.h>

static GLogLevelFlags last_level;
static GHashTable *last_fields;

static GLogWriterOutput
write_log (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer data)
{
  last_level = level;
  g_hash_table_remove_all (last_fields);
  for (gsize i = 0; i < n_fields; i++)
    g_hash_table_insert (last_fields, g_strdup (fields[i].key), g_strdup (fields[i].value));
  return G_LOG_WRITER_HANDLED;
}

static void
assert_field (const char *key, const char *value)
{
  g_assert_cmpstr (g_hash_table_lookup (last_fields, key), ==, value);
}

static void
test_container (void)
{
  cpd_log_container (G_LOG_LEVEL_MESSAGE, "0123", "failed to stop container %s: %d", "web", 5);
  g_assert_cmpint (last_level, ==, G_LOG_LEVEL_MESSAGE);
  assert_field ("MESSAGE", "failed to stop container web: 5");
  assert_field ("PRIORITY", "5");
  assert_field ("GLIB_DOMAIN", "cpod");
  assert_field ("CPOD_CONTAINER_ID", "0123");
  assert_field ("MESSAGE_ID", NULL);
  cpd_log_container (G_LOG_LEVEL_INFO, "45", "%s", "a\nb");
  g_assert_cmpint (last_level, ==, G_LOG_LEVEL_INFO);
  assert_field ("PRIORITY", "6");
  assert_field ("MESSAGE", "a\nb");
}

static void
test_message (void)
{
  cpd_log_message (G_LOG_LEVEL_MESSAGE, CPD_MESSAGE_HEALTH, "all is %s", "well");
  assert_field ("MESSAGE", "all is well");
  assert_field ("MESSAGE_ID", CPD_MESSAGE_HEALTH);
  assert_field ("CPOD_CONTAINER_ID", NULL);
}

/* The catalog explains each, and nothing that there is not. */
static void
test_catalog (void)
{
  static const char *const ids[] = { CPD_MESSAGE_EVENT, CPD_MESSAGE_HEALTH, CPD_MESSAGE_STUCK };
  g_autofree char *path = g_build_filename (g_getenv ("CPOD_SOURCE"), "data", "systemd", "cpod.catalog", NULL);
  g_autofree char *text = NULL;
  g_auto(GStrv) lines = NULL;
  guint entries = 0;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    entries += g_str_has_prefix (*line, "-- ");
  g_assert_cmpuint (entries, ==, 2 * G_N_ELEMENTS (ids));       /* English and German */
  for (guint i = 0; i < G_N_ELEMENTS (ids); i++)
    {
      g_autofree char *english = g_strdup_printf ("-- %s\n", ids[i]);
      g_autofree char *german = g_strdup_printf ("-- %s de\n", ids[i]);

      g_assert_cmpuint (strlen (ids[i]), ==, 32);
      g_assert_nonnull (strstr (text, english));
      g_assert_nonnull (strstr (text, german));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  last_fields = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_log_set_writer_func (write_log, NULL, NULL);
  g_test_add_func ("/common/journal/container", test_container);
  g_test_add_func ("/common/journal/message", test_message);
  g_test_add_func ("/common/journal/catalog", test_catalog);
  return g_test_run ();
}
