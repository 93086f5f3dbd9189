/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli-template.h"

#include <string.h>

static GVariant *
unbox (GVariant *value)
{
  while (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_VARIANT))
    {
      g_autoptr(GVariant) boxed = value;

      value = g_variant_get_variant (boxed);
    }

  return value;
}

static GVariant *
find_member (GVariant   *value,
             const char *key,
             int       (*compare) (const char *a,
                                   const char *b))
{
  const gsize n = g_variant_is_of_type (value, G_VARIANT_TYPE_DICTIONARY) ? g_variant_n_children (value) : 0;

  for (gsize i = 0; i < n; i++)
    {
      g_autoptr(GVariant) entry = g_variant_get_child_value (value, i);
      g_autoptr(GVariant) name = g_variant_get_child_value (entry, 0);

      if (compare (g_variant_get_string (name, NULL), key) == 0)
        return unbox (g_variant_get_child_value (entry, 1));
    }

  return NULL;
}

/* Go's names of fields, which podman's templates have, differ from those in its JSON by case. */
GVariant *
cli_value_get (GVariant   *value,
               const char *key)
{
  GVariant *found = find_member (value, key, strcmp);

  return found != NULL ? found : find_member (value, key, g_ascii_strcasecmp);
}

static void
print_children (GVariant *value,
                GString  *out)
{
  const gsize n = g_variant_n_children (value);

  for (gsize i = 0; i < n; i++)
    {
      g_autoptr(GVariant) child = unbox (g_variant_get_child_value (value, i));

      if (i > 0)
        g_string_append_c (out, ' ');
      cli_value_print (child, out);
    }
}

static void
print_entry (GVariant *entry,
             GString  *out)
{
  g_autoptr(GVariant) key = g_variant_get_child_value (entry, 0);
  g_autoptr(GVariant) value = unbox (g_variant_get_child_value (entry, 1));

  cli_value_print (key, out);
  g_string_append_c (out, ':');
  cli_value_print (value, out);
}

/* Go writes lists as [a b] and maps as map[k:v]. */
void
cli_value_print (GVariant *value,
                 GString  *out)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)
      || g_variant_is_of_type (value, G_VARIANT_TYPE_OBJECT_PATH))
    g_string_append (out, g_variant_get_string (value, NULL));
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_DICT_ENTRY))
    print_entry (value, out);
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_MAYBE))
    g_string_append (out, "<nil>");
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_ARRAY))
    {
      g_string_append (out, g_variant_is_of_type (value, G_VARIANT_TYPE_DICTIONARY) ? "map[" : "[");
      print_children (value, out);
      g_string_append_c (out, ']');
    }
  else
    {
      g_autofree char *text = g_variant_print (value, FALSE);

      g_string_append (out, text);
    }
}
