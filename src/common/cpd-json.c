/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-json.h"

#include <string.h>

#include "common/cpd-clock.h"
#include "public/cpod-error.h"

/* The parser calls itself for each level, and so does who frees or copies what it has made. */
#define MAX_DEPTH 128

/* Where the string that begins at QUOTE has its closing quote, or END. */
static const char *
skip_string (const char *quote, const char *end)
{
  const char *at = quote + 1;

  while (at < end && *at != '"')
    at += *at == '\\' ? 2 : 1;
  return MIN (at, end);
}

/* Where the text stands while it is looked through. */
typedef struct
{
  guint depth;                  /* open brackets */
  guint values;                 /* that began outside of all brackets */
  gboolean in_word;             /* a number, or true, false or null */
} Scan;

/* FALSE for a character that no JSON has outside of strings. */
static gboolean
scan_character (Scan *scan, char character)
{
  gboolean word = g_ascii_isalnum (character) || (character != '\0' && strchr ("+-.", character) != NULL);
  gboolean opens = character == '[' || character == '{';

  if (scan->depth == 0 && (opens || character == '"' || (word && !scan->in_word)))
    scan->values++;
  scan->in_word = word;
  if (opens)
    scan->depth++;
  else if ((character == ']' || character == '}') && scan->depth > 0)
    scan->depth--;
  return word || opens || (character != '\0' && strchr ("]}:,\" \t\r\n", character) != NULL);
}

/*
 * Whether the parser may have a look: nothing stands outside of strings but
 * what JSON knows (it would also take comments, in which brackets could hide),
 * no more brackets are open at a time than it has stack for, and there is one
 * value (it would take more, and lose them).
 */
static gboolean
check_text (const char *text, gssize length, GError **error)
{
  const char *end = text + (length < 0 ? (gssize) strlen (text) : length);
  Scan scan = { 0 };

  for (const char *at = text; at < end; at++)
    {
      const char *why = NULL;

      if (!scan_character (&scan, *at))
        why = "there is a character that does not belong there";
      else if (scan.depth > MAX_DEPTH)
        why = "it has too many levels";
      else if (scan.values > 1)
        why = "there is more than one value";
      if (why != NULL)
        {
          g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "no valid JSON: %s, at byte %u", why, (guint) (at - text));
          return FALSE;
        }
      if (*at == '"')
        at = skip_string (at, end);
    }
  return TRUE;
}

/* Parses a JSON text; the error tells where it is wrong. */
JsonNode *
cpd_json_parse (const char *text, gssize length, GError **error)
{
  g_autoptr(JsonParser) parser = json_parser_new_immutable ();
  g_autoptr(GError) cause = NULL;

  if (!check_text (text, length, error))
    return NULL;
  if (!json_parser_load_from_data (parser, text, length, &cause))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "no valid JSON: %s", cause->message);
      return NULL;
    }
  if (json_parser_get_root (parser) == NULL)
    {
      g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_FAILED, "no valid JSON: it is empty");
      return NULL;
    }
  return json_parser_steal_root (parser);
}

char *
cpd_json_print (JsonNode *node)
{
  return json_to_string (node, FALSE);
}

char *
cpd_json_print_object (JsonObject *object)
{
  g_autoptr(JsonNode) node = json_node_new (JSON_NODE_OBJECT);

  json_node_set_object (node, object);
  return json_to_string (node, FALSE);
}

static JsonNode *
member_of_type (JsonObject *object, const char *key, GType type)
{
  JsonNode *node = object != NULL ? json_object_get_member (object, key) : NULL;

  return node != NULL && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == type
         ? node : NULL;
}

const char *
cpd_json_get_string (JsonObject *object, const char *key)
{
  JsonNode *node = member_of_type (object, key, G_TYPE_STRING);

  return node != NULL ? json_node_get_string (node) : NULL;
}

gint64
cpd_json_get_int (JsonObject *object, const char *key)
{
  JsonNode *node = member_of_type (object, key, G_TYPE_INT64);

  return node != NULL ? json_node_get_int (node) : 0;
}

gboolean
cpd_json_get_boolean (JsonObject *object, const char *key)
{
  JsonNode *node = member_of_type (object, key, G_TYPE_BOOLEAN);

  return node != NULL && json_node_get_boolean (node);
}

JsonObject *
cpd_json_get_object (JsonObject *object, const char *key)
{
  JsonNode *node = object != NULL ? json_object_get_member (object, key) : NULL;

  return node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

JsonArray *
cpd_json_get_array (JsonObject *object, const char *key)
{
  JsonNode *node = object != NULL ? json_object_get_member (object, key) : NULL;

  return node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
}

/* The strings of a list; what is no string in it is passed over. */
char **
cpd_json_get_strv (JsonObject *object, const char *key)
{
  g_autoptr(GStrvBuilder) strings = g_strv_builder_new ();
  JsonArray *array = cpd_json_get_array (object, key);

  for (guint i = 0; array != NULL && i < json_array_get_length (array); i++)
    {
      JsonNode *node = json_array_get_element (array, i);

      if (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING)
        g_strv_builder_add (strings, json_node_get_string (node));
    }
  return g_strv_builder_end (strings);
}

JsonArray *
cpd_json_array_from_strv (const char *const *strings)
{
  JsonArray *array = json_array_new ();

  for (; strings != NULL && *strings != NULL; strings++)
    json_array_add_string_element (array, *strings);
  return array;
}

void
cpd_json_set_strv (JsonObject *object, const char *key, const char *const *strings)
{
  if (strings != NULL && *strings != NULL)
    json_object_set_array_member (object, key, cpd_json_array_from_strv (strings));
}

void
cpd_json_set_string (JsonObject *object, const char *key, const char *string)
{
  if (string != NULL)
    json_object_set_string_member (object, key, string);
}

GVariant *
cpd_json_to_strings (JsonObject *object)
{
  GVariantBuilder strings = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{ss}"));
  JsonObjectIter iter;
  const char *key;
  JsonNode *node;

  if (object != NULL)
    json_object_iter_init (&iter, object);
  while (object != NULL && json_object_iter_next (&iter, &key, &node))
    if (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING)
      g_variant_builder_add (&strings, "{ss}", key, json_node_get_string (node));
  return g_variant_builder_end (&strings);
}

void
cpd_json_set_time (JsonObject *object, const char *key, gint64 time_us)
{
  g_autofree char *text = cpd_clock_format (time_us);

  json_object_set_string_member (object, key, text);
}
