/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli-json.h"

#include <stdlib.h>
#include <string.h>

/* The command reads JSON only from its own service. A reader of its own is
 * quicker to load than a library, and keeps the order of keys. */

#define DEPTH_MAX 128

typedef struct
{
  const char *start;
  const char *next;
  int depth;
} Parser;

static GVariant *parse_value (Parser *parser, GError **error);

static gpointer
fail (Parser      *parser,
      GError     **error,
      const char  *what)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "invalid JSON at byte %" G_GSIZE_FORMAT ": %s",
               (gsize) (parser->next - parser->start), what);
  return NULL;
}

static void
skip_blanks (Parser *parser)
{
  parser->next += strspn (parser->next, " \t\r\n");
}

static gboolean
take (Parser *parser,
      char    c)
{
  skip_blanks (parser);
  if (*parser->next != c)
    return FALSE;

  parser->next++;
  return TRUE;
}

/* Reads four hexadecimal digits; -1 when they are not there. */
static int
parse_hex (Parser *parser)
{
  int code = 0;

  for (int i = 0; i < 4; i++)
    {
      int digit = g_ascii_xdigit_value (*parser->next);

      if (digit < 0)
        return -1;

      code = code * 16 + digit;
      parser->next++;
    }

  return code;
}

/* Reads what follows "\u", with the second half of a surrogate pair. */
static gboolean
parse_code_point (Parser  *parser,
                  GString *out)
{
  int code = parse_hex (parser);

  if (code >= 0xd800 && code < 0xdc00 && parser->next[0] == '\\' && parser->next[1] == 'u')
    {
      int low;

      parser->next += 2;
      low = parse_hex (parser);
      if (low < 0xdc00 || low > 0xdfff)
        return FALSE;

      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }

  if (code <= 0 || !g_unichar_validate (code))
    return FALSE;

  g_string_append_unichar (out, code);
  return TRUE;
}

static gboolean
parse_escape (Parser  *parser,
              GString *out)
{
  static const char from[] = "\"\\/bfnrt";
  static const char to[] = "\"\\/\b\f\n\r\t";
  const char c = *parser->next;
  const char *found = c != '\0' ? strchr (from, c) : NULL;

  if (c == '\0')
    return FALSE;

  parser->next++;
  if (c == 'u')
    return parse_code_point (parser, out);
  if (found == NULL)
    return FALSE;

  g_string_append_c (out, to[found - from]);
  return TRUE;
}

static char *
parse_string (Parser  *parser,
              GError **error)
{
  g_autoptr(GString) out = g_string_new (NULL);

  if (!take (parser, '"'))
    return fail (parser, error, "expected a string");

  while (*parser->next != '"')
    {
      if (*parser->next == '\0')
        return fail (parser, error, "the text ends within a string");

      if (*parser->next == '\\')
        {
          parser->next++;
          if (!parse_escape (parser, out))
            return fail (parser, error, "bad escape");
        }
      else
        g_string_append_c (out, *parser->next++);
    }

  parser->next++;
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static GVariant *
parse_object (Parser  *parser,
              GError **error)
{
  g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  if (take (parser, '}'))
    return g_variant_builder_end (&builder);

  do
    {
      g_autofree char *key = parse_string (parser, error);
      GVariant *value;

      if (key == NULL)
        return NULL;
      if (!take (parser, ':'))
        return fail (parser, error, "expected \":\"");

      value = parse_value (parser, error);
      if (value == NULL)
        return NULL;

      g_variant_builder_add (&builder, "{sv}", key, value);
    }
  while (take (parser, ','));

  return take (parser, '}') ? g_variant_builder_end (&builder) : fail (parser, error, "expected \"}\"");
}

static GVariant *
parse_array (Parser  *parser,
             GError **error)
{
  g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("av"));

  if (take (parser, ']'))
    return g_variant_builder_end (&builder);

  do
    {
      GVariant *value = parse_value (parser, error);

      if (value == NULL)
        return NULL;

      g_variant_builder_add (&builder, "v", value);
    }
  while (take (parser, ','));

  return take (parser, ']') ? g_variant_builder_end (&builder) : fail (parser, error, "expected \"]\"");
}

static GVariant *
parse_number (Parser  *parser,
              GError **error)
{
  const gsize length = strspn (parser->next, "+-.0123456789eE");
  g_autofree char *text = g_strndup (parser->next, length);
  const gboolean whole = strpbrk (text, ".eE") == NULL;
  char *end;
  double number;
  gint64 integer;

  if (length == 0)
    return fail (parser, error, "expected a value");

  integer = g_ascii_strtoll (text, &end, 10);
  if (!whole)
    number = g_ascii_strtod (text, &end);
  if (*end != '\0')
    return fail (parser, error, "bad number");

  parser->next += length;
  return whole ? g_variant_new_int64 (integer) : g_variant_new_double (number);
}

static GVariant *
parse_word (Parser  *parser,
            GError **error)
{
  static const char *const words[] = { "true", "false", "null" };

  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    {
      if (!g_str_has_prefix (parser->next, words[i]))
        continue;

      parser->next += strlen (words[i]);
      return i < 2 ? g_variant_new_boolean (i == 0) : g_variant_new_maybe (G_VARIANT_TYPE_VARIANT, NULL);
    }

  return parse_number (parser, error);
}

static GVariant *
parse_text (Parser  *parser,
            GError **error)
{
  g_autofree char *text = parse_string (parser, error);

  return text != NULL ? g_variant_new_string (text) : NULL;
}

static GVariant *
parse_value (Parser  *parser,
             GError **error)
{
  GVariant *value;

  skip_blanks (parser);
  if (*parser->next == '"')
    return parse_text (parser, error);
  if (*parser->next != '{' && *parser->next != '[')
    return parse_word (parser, error);
  if (parser->depth == DEPTH_MAX)
    return fail (parser, error, "too many levels");

  parser->depth++;
  value = *parser->next++ == '{' ? parse_object (parser, error) : parse_array (parser, error);
  parser->depth--;
  return value;
}

GVariant *
cli_json_parse (const char  *text,
                GError     **error)
{
  Parser parser = { .start = text, .next = text };
  g_autoptr(GVariant) value = NULL;

  if (!g_utf8_validate (text, -1, &parser.next))
    return fail (&parser, error, "not UTF-8");

  parser.next = text;
  value = parse_value (&parser, error);
  if (value == NULL)
    return NULL;

  g_variant_ref_sink (value);
  skip_blanks (&parser);
  return *parser.next == '\0' ? g_steal_pointer (&value) : fail (&parser, error, "text after the value");
}
