/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli-yaml.h"

#include <string.h>

#include "cli/cli-json.h"

static void print_value (GString *out, GVariant *value, int depth);

static GVariant *
unbox (GVariant *value)
{
  GVariant *inner = g_variant_ref (value);

  while (g_variant_is_of_type (inner, G_VARIANT_TYPE_VARIANT))
    {
      g_autoptr(GVariant) boxed = inner;

      inner = g_variant_get_variant (boxed);
    }

  return inner;
}

/* What YAML would take for something else than this text. */
static gboolean
needs_quotes (const char *text)
{
  static const char *const words[] = { "true", "false", "null", "yes", "no", "on", "off", "~", NULL };
  g_autofree char *lower = g_ascii_strdown (text, -1);
  char *end;

  if (*text == '\0' || g_strv_contains (words, lower) || g_ascii_isspace (*text)
      || strchr ("-?:,[]{}#&*!|>'\"%@`<=", *text) != NULL)
    return TRUE;

  g_ascii_strtod (text, &end);
  return *end == '\0' || strstr (text, ": ") != NULL || strstr (text, " #") != NULL
         || g_str_has_suffix (text, ":") || g_str_has_suffix (text, " ");
}

static void
print_text (GString    *out,
            const char *text,
            int         depth)
{
  g_auto(GStrv) lines = NULL;

  if (strpbrk (text, "\t\r\033") != NULL || (strchr (text, '\n') == NULL && needs_quotes (text)))
    {
      g_autoptr(GVariant) value = g_variant_ref_sink (g_variant_new_string (text));
      g_autofree char *quoted = cli_json_print (value, FALSE);

      g_string_append_printf (out, " %s\n", quoted);
      return;
    }

  if (strchr (text, '\n') == NULL)
    {
      g_string_append_printf (out, " %s\n", text);
      return;
    }

  g_string_append (out, g_str_has_suffix (text, "\n") ? " |+\n" : " |-\n");
  lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL && (*line[0] != '\0' || line[1] != NULL); line++)
    g_string_append_printf (out, "%*s%s\n", (depth + 1) * 2, "", *line);
}

static gint
compare_keys (gconstpointer a,
              gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static void
print_dictionary (GString  *out,
                  GVariant *value,
                  int       depth)
{
  g_autoptr(GPtrArray) keys = g_ptr_array_new ();
  g_autoptr(GHashTable) members = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
                                                         (GDestroyNotify) g_variant_unref);

  for (gsize i = 0; i < g_variant_n_children (value); i++)
    {
      g_autoptr(GVariant) entry = g_variant_get_child_value (value, i);
      g_autoptr(GVariant) key = g_variant_get_child_value (entry, 0);

      g_ptr_array_add (keys, (gpointer) g_variant_get_string (key, NULL));
      g_hash_table_insert (members, (gpointer) g_variant_get_string (key, NULL), g_variant_get_child_value (entry, 1));
    }

  g_ptr_array_sort (keys, compare_keys);
  for (guint i = 0; i < keys->len; i++)
    {
      g_string_append_printf (out, "%*s%s:", depth * 2, "", (const char *) keys->pdata[i]);
      print_value (out, g_hash_table_lookup (members, keys->pdata[i]), depth);
    }
}

static void
print_sequence (GString  *out,
                GVariant *value,
                int       depth)
{
  for (gsize i = 0; i < g_variant_n_children (value); i++)
    {
      g_autoptr(GVariant) child = g_variant_get_child_value (value, i);

      g_string_append_printf (out, "%*s-", depth * 2, "");
      print_value (out, child, depth);
    }
}

static void
print_members (GString  *out,
               GVariant *value,
               int       depth)
{
  const gboolean dictionary = g_variant_is_of_type (value, G_VARIANT_TYPE_DICTIONARY);

  if (g_variant_n_children (value) == 0)
    {
      g_string_append (out, dictionary ? " {}\n" : " []\n");
      return;
    }

  g_string_append_c (out, '\n');
  if (dictionary)
    print_dictionary (out, value, depth + 1);
  else
    print_sequence (out, value, depth + 1);
}

/* Goes on after a key or a dash, up to the end of the line or of the lines below. */
static void
print_value (GString  *out,
             GVariant *value,
             int       depth)
{
  g_autoptr(GVariant) inner = unbox (value);
  g_autofree char *text = NULL;

  if (g_variant_is_of_type (inner, G_VARIANT_TYPE_STRING))
    {
      print_text (out, g_variant_get_string (inner, NULL), depth);
      return;
    }

  if (g_variant_is_of_type (inner, G_VARIANT_TYPE_ARRAY))
    {
      print_members (out, inner, depth);
      return;
    }

  text = cli_json_print (inner, FALSE);
  g_string_append_printf (out, " %s\n", text);
}

char *
cli_yaml_print (GVariant *value)
{
  GString *out = g_string_new (NULL);

  print_dictionary (out, value, 0);
  return g_string_free (out, FALSE);
}
