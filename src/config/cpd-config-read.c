/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/cpd-config-read.h"

#include <string.h>

#include "public/cpod-error.h"
#include "public/cpod-size.h"

static gpointer
wrong (GError **error, const char *expected, const char *found)
{
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_BAD_CONFIG, "expected %s, found %s", expected, found);
  return NULL;
}

/* With what stands there, when that is short enough to be told. */
static gpointer
wrong_node (GError **error, const char *expected, const CpdTomlNode *node)
{
  g_autofree char *text = node->value != NULL ? g_variant_print (node->value, FALSE) : NULL;
  g_autofree char *found = NULL;

  if (text == NULL || strlen (text) > 100)
    return wrong (error, expected, cpd_toml_type_name (node->type));
  found = g_strdup_printf ("%s: %s", cpd_toml_type_name (node->type), text);
  return wrong (error, expected, found);
}

static GVariant *
read_number (CpdKey key, const CpdTomlNode *node, GError **error)
{
  const CpdConfigKey *entry = &cpd_config_keys[key];
  gint64 least = (entry->flags & CPD_KEY_SIGNED) != 0 ? -1 : 0;
  gboolean is_size = entry->type == CPD_KEY_SIZE;
  gint64 most = is_size ? G_MAXINT64 : G_MAXUINT32;
  gint64 number = 0;

  if (node->type == CPD_TOML_INTEGER)
    number = g_variant_get_int64 (node->value);
  else if (!is_size)
    return wrong_node (error, "an integer", node);
  else if (node->type != CPD_TOML_STRING)
    return wrong_node (error, "a size: a number of bytes, or a string like \"64m\"", node);
  else if (!cpod_size_parse (g_variant_get_string (node->value, NULL), &number))
    return wrong_node (error, "a size like \"64m\"", node);
  if (number < least || number > most)
    {
      g_autofree char *range = is_size ? g_strdup_printf ("at least %" G_GINT64_FORMAT, least)
        : g_strdup_printf ("a number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, least, most);

      return wrong_node (error, range, node);
    }
  return g_variant_new_int64 (number);
}

static gboolean
is_choice (const char *choices, const char *text)
{
  g_auto(GStrv) list = g_strsplit (choices, "|", -1);

  return g_strv_contains ((const char *const *) list, text);
}

static GVariant *
read_string (CpdKey key, const CpdTomlNode *node, GError **error)
{
  const CpdConfigKey *entry = &cpd_config_keys[key];
  const char *text;

  if (node->type != CPD_TOML_STRING)
    return wrong_node (error, entry->type == CPD_KEY_PATH ? "a path as a string" : "a string", node);
  text = g_variant_get_string (node->value, NULL);
  if (*text == '\0' && (entry->flags & CPD_KEY_FILLED) != 0)
    return wrong (error, "a path", "an empty string");
  if (entry->choices != NULL && !is_choice (entry->choices, text))
    {
      g_autofree char *expected = g_strconcat ("one of ", entry->choices, NULL);

      return wrong_node (error, expected, node);
    }
  if (entry->type != CPD_KEY_PATH || *text == '\0')
    return g_variant_new_string (text);
  if (!g_path_is_absolute (text))
    return wrong_node (error, "an absolute path", node);
  return g_variant_new_take_string (g_canonicalize_filename (text, "/"));
}

/* Containers' newer files may end a list with {append = true}. */
static gboolean
read_append (const CpdTomlNode *table, gboolean *append)
{
  const CpdTomlNode *node = table->type == CPD_TOML_TABLE ? cpd_toml_get (table, "append") : NULL;

  if (node == NULL || node->type != CPD_TOML_BOOLEAN || table->children->len != 1)
    return FALSE;
  *append = g_variant_get_boolean (node->value);
  return TRUE;
}

static GVariant *
read_list (const CpdTomlNode *node, gboolean filled, GVariant *old, GError **error)
{
  g_autoptr(GPtrArray) strings = g_ptr_array_new ();
  g_autofree const char **before = NULL;
  gboolean append = FALSE;

  if (node->type != CPD_TOML_ARRAY)
    return wrong_node (error, "a list of strings", node);
  for (guint i = 0; i < node->children->len; i++)
    {
      const CpdTomlNode *child = node->children->pdata[i];

      if (child->type == CPD_TOML_STRING)
        g_ptr_array_add (strings, (gpointer) g_variant_get_string (child->value, NULL));
      else if (!read_append (child, &append))
        {
          wrong_node (error, "a list of strings", child);
          g_prefix_error (error, "entry %u of the list: ", i + 1);
          return NULL;
        }
    }
  if (append && old != NULL)
    {
      gsize length;

      before = g_variant_get_strv (old, &length);
      for (gsize i = 0; i < length; i++)
        g_ptr_array_insert (strings, (int) i, (gpointer) before[i]);
    }
  if (filled && strings->len == 0)
    return wrong (error, "a list with at least one entry", "an empty list");
  return g_variant_new_strv ((const char *const *) strings->pdata, (gssize) strings->len);
}

static gboolean
add_entry (GVariantBuilder *builder, const CpdTomlNode *node, GVariant *before, GError **error)
{
  GVariant *value = read_list (node, TRUE, before, error);

  if (value == NULL)
    {
      g_prefix_error (error, "%s: ", node->key);
      return FALSE;
    }
  g_variant_builder_add (builder, "{s@as}", node->key, value);
  return TRUE;
}

/* Names of OLD that the file does not say stay as they are, and all keep their places. */
static GVariant *
read_map (const CpdTomlNode *node, GVariant *old, GError **error)
{
  g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{sas}"));
  g_autoptr(GVariantDict) known = g_variant_dict_new (NULL);

  if (node->type != CPD_TOML_TABLE)
    return wrong_node (error, "a table of lists of paths", node);
  for (gsize i = 0; i < g_variant_n_children (old); i++)
    {
      g_autoptr(GVariant) list = NULL;
      const CpdTomlNode *said;
      const char *name;

      g_variant_get_child (old, i, "{&s@as}", &name, &list);
      g_variant_dict_insert (known, name, "b", TRUE);
      said = cpd_toml_get (node, name);
      if (said == NULL)
        g_variant_builder_add (&builder, "{s@as}", name, list);
      else if (!add_entry (&builder, said, list, error))
        return NULL;
    }
  for (guint i = 0; i < node->children->len; i++)
    {
      const CpdTomlNode *child = node->children->pdata[i];

      if (!g_variant_dict_contains (known, child->key) && !add_entry (&builder, child, NULL, error))
        return NULL;
    }
  return g_variant_builder_end (&builder);
}

GVariant *
cpd_config_read_value (CpdKey key, const CpdTomlNode *node, GVariant *old, GError **error)
{
  const CpdConfigKey *entry = &cpd_config_keys[key];

  switch (entry->type)
    {
    case CPD_KEY_BOOLEAN:
      if (node->type == CPD_TOML_BOOLEAN)
        return node->value;
      return wrong_node (error, "a boolean", node);
    case CPD_KEY_INTEGER:
    case CPD_KEY_SIZE:
      return read_number (key, node, error);
    case CPD_KEY_LIST:
      return read_list (node, (entry->flags & CPD_KEY_FILLED) != 0, old, error);
    case CPD_KEY_MAP:
      return read_map (node, old, error);
    case CPD_KEY_STRING:
    case CPD_KEY_PATH:
    default:
      return read_string (key, node, error);
    }
}
