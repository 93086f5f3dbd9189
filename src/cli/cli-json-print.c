/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli-json.h"

#include <math.h>
#include <string.h>

#define INDENT 4

static void print_value (GString *out, GVariant *value, int depth);

/* A DEPTH below 0 stands for all on one line. */
static void
new_line (GString *out,
          int      depth)
{
  if (depth < 0)
    return;

  g_string_append_printf (out, "\n%*s", depth * INDENT, "");
}

static void
print_string (GString    *out,
              const char *text)
{
  static const char from[] = "\"\\\b\f\n\r\t";
  static const char to[] = "\"\\bfnrt";

  g_string_append_c (out, '"');
  for (const char *p = text; *p != '\0'; p++)
    {
      const char *special = strchr (from, *p);

      if (special != NULL)
        g_string_append_printf (out, "\\%c", to[special - from]);
      else if ((guchar) *p < 0x20 || *p == 0x7f)
        g_string_append_printf (out, "\\u%04x", *p);
      else
        g_string_append_c (out, *p);
    }
  g_string_append_c (out, '"');
}

static void
print_list (GString  *out,
            GVariant *list,
            int       depth)
{
  const gboolean object = g_variant_is_of_type (list, G_VARIANT_TYPE_DICTIONARY);
  const gsize n = g_variant_n_children (list);
  const int inner = depth < 0 ? depth : depth + 1;

  g_string_append_c (out, object ? '{' : '[');
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr(GVariant) child = g_variant_get_child_value (list, i);

      new_line (out, inner);
      print_value (out, child, inner);
      if (i + 1 < n)
        g_string_append_c (out, ',');
    }
  if (n > 0)
    new_line (out, depth);
  g_string_append_c (out, object ? '}' : ']');
}

static void
print_entry (GString  *out,
             GVariant *entry,
             int       depth)
{
  g_autoptr(GVariant) key = g_variant_get_child_value (entry, 0);
  g_autoptr(GVariant) value = g_variant_get_child_value (entry, 1);

  print_string (out, g_variant_get_string (key, NULL));
  g_string_append (out, depth < 0 ? ":" : ": ");
  print_value (out, value, depth);
}

/* The shorter text where it is read as the same number. */
static void
print_double (GString *out,
              double   number)
{
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];

  g_ascii_formatd (buffer, sizeof buffer, "%.15g", number);
  if (memcmp (&(double) { g_ascii_strtod (buffer, NULL) }, &number, sizeof number) != 0)
    g_ascii_dtostr (buffer, sizeof buffer, number);
  g_string_append (out, isfinite (number) ? buffer : "null");
}

static void
print_number (GString  *out,
              GVariant *value)
{
  g_autofree char *text = g_variant_print (value, FALSE);

  g_string_append (out, text);
}

static void
print_value (GString  *out,
             GVariant *value,
             int       depth)
{
  g_autoptr(GVariant) inner = NULL;

  switch (g_variant_classify (value))
    {
    case G_VARIANT_CLASS_STRING:
    case G_VARIANT_CLASS_OBJECT_PATH:
    case G_VARIANT_CLASS_SIGNATURE:
      print_string (out, g_variant_get_string (value, NULL));
      break;
    case G_VARIANT_CLASS_VARIANT:
      inner = g_variant_get_variant (value);
      print_value (out, inner, depth);
      break;
    case G_VARIANT_CLASS_ARRAY:
    case G_VARIANT_CLASS_TUPLE:
      print_list (out, value, depth);
      break;
    case G_VARIANT_CLASS_DICT_ENTRY:
      print_entry (out, value, depth);
      break;
    case G_VARIANT_CLASS_MAYBE:
      inner = g_variant_get_maybe (value);
      if (inner != NULL)
        print_value (out, inner, depth);
      else
        g_string_append (out, "null");
      break;
    case G_VARIANT_CLASS_DOUBLE:
      print_double (out, g_variant_get_double (value));
      break;
    case G_VARIANT_CLASS_BYTE:
      g_string_append_printf (out, "%u", g_variant_get_byte (value));
      break;
    case G_VARIANT_CLASS_BOOLEAN:
    case G_VARIANT_CLASS_INT16:
    case G_VARIANT_CLASS_UINT16:
    case G_VARIANT_CLASS_INT32:
    case G_VARIANT_CLASS_UINT32:
    case G_VARIANT_CLASS_INT64:
    case G_VARIANT_CLASS_UINT64:
    case G_VARIANT_CLASS_HANDLE:
      print_number (out, value);
      break;
    default:
      g_assert_not_reached ();
    }
}

char *
cli_json_print (GVariant *value,
                gboolean  pretty)
{
  GString *out = g_string_new (NULL);

  print_value (out, value, pretty ? 0 : -1);
  return g_string_free (out, FALSE);
}
