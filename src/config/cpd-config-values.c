/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/cpd-config-values.h"

#include <string.h>

#include "config/cpd-config-read.h"
#include "public/cpod-error.h"

typedef struct
{
  GVariant *value;              /* (owned) */
  GVariant *fallback;           /* (owned): as the table has it */
  char *origin;                 /* (owned) (nullable): NULL for a default */
} Value;

struct _CpdConfigValues
{
  Value values[CPD_N_KEYS];
  GPtrArray *warnings;          /* (owned) */
};

/* The file that is being read. */
typedef struct
{
  CpdConfigValues *values;
  const char *file;
  gboolean own;
} Reader;

CpdConfigValues *
cpd_config_values_new (void)
{
  CpdConfigValues *values = g_new0 (CpdConfigValues, 1);

  for (guint i = 0; i < CPD_N_KEYS; i++)
    {
      values->values[i].fallback = g_variant_parse (cpd_config_key_type (i), cpd_config_keys[i].fallback,
                                                    NULL, NULL, NULL);
      values->values[i].value = g_variant_ref (values->values[i].fallback);
    }
  values->warnings = g_ptr_array_new_with_free_func (g_free);
  return values;
}

void
cpd_config_values_free (CpdConfigValues *values)
{
  for (guint i = 0; i < CPD_N_KEYS; i++)
    {
      g_variant_unref (values->values[i].value);
      g_variant_unref (values->values[i].fallback);
      g_free (values->values[i].origin);
    }
  g_ptr_array_unref (values->warnings);
  g_free (values);
}

static void
take_value (Value *value, GVariant *variant)
{
  g_autoptr(GVariant) old = value->value;

  value->value = g_variant_ref_sink (variant);
}

void
cpd_config_values_set (CpdConfigValues *values, CpdKey key, GVariant *value, const char *origin)
{
  take_value (&values->values[key], value);
  g_free (values->values[key].origin);
  values->values[key].origin = g_strdup (origin);
}

void
cpd_config_values_set_default (CpdConfigValues *values, CpdKey key, GVariant *value)
{
  g_variant_unref (values->values[key].fallback);
  values->values[key].fallback = g_variant_ref_sink (value);
}

void
cpd_config_values_warn (CpdConfigValues *values, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  for (guint i = 0; i < values->warnings->len; i++)
    if (strcmp (values->warnings->pdata[i], text) == 0)
      return;
  g_ptr_array_add (values->warnings, g_steal_pointer (&text));
}

static void
unknown_key (Reader *reader, const char *path, guint line)
{
  if (cpd_config_is_foreign (path))
    g_debug ("%s:%u: %s: cpod has no use for it", reader->file, line, path);
  else if (reader->own)
    cpd_config_values_warn (reader->values, "%s:%u: %s: there is no such key", reader->file, line, path);
  else
    g_debug ("%s:%u: %s: unknown to cpod", reader->file, line, path);
}

static gboolean
apply_key (Reader *reader, CpdKey key, const char *path, const CpdTomlNode *node, GError **error)
{
  const CpdConfigKey *entry = &cpd_config_keys[key];
  Value *old = &reader->values->values[key];
  g_autofree char *origin = g_strdup_printf ("%s:%u", reader->file, node->line);
  GVariant *value;

  if ((entry->flags & CPD_KEY_OWN) != 0 && !reader->own)
    {
      g_debug ("%s: %s: means podman's own state, not cpod's", origin, path);
      return TRUE;
    }
  /* The heading of a table with nothing in it sets nothing. */
  if (entry->type == CPD_KEY_MAP && node->type == CPD_TOML_TABLE && node->children->len == 0)
    return TRUE;
  value = cpd_config_read_value (key, node, old->value, error);
  if (value == NULL)
    {
      g_prefix_error (error, "%s: %s: ", origin, path);
      return FALSE;
    }
  if ((entry->flags & CPD_KEY_NOTED) != 0)
    g_info ("%s: %s: accepted, but cpod has no need of it", origin, path);
  cpd_config_values_set (reader->values, key, value, origin);
  return TRUE;
}

static gboolean
apply_table (Reader *reader, const char *prefix, const CpdTomlNode *table, GError **error)
{
  for (guint i = 0; i < table->children->len; i++)
    {
      const CpdTomlNode *node = table->children->pdata[i];
      g_autofree char *path = g_strconcat (prefix, node->key, NULL);
      /* A quoted key may have dots in it, and is then none of ours. */
      int key = strchr (node->key, '.') == NULL ? cpd_config_find_key (path) : -1;
      gboolean is_bare = *prefix == '\0';

      /* Only the files of libpod had keys outside of all tables. */
      if (key != -1 && (!is_bare || reader->own))
        {
          if (!apply_key (reader, (CpdKey) key, path, node, error))
            return FALSE;
        }
      else if (node->type == CPD_TOML_TABLE && (!cpd_config_is_foreign (path) || cpd_config_is_ours_below (path)))
        {
          g_autofree char *inner = g_strconcat (path, ".", NULL);

          if (node->children->len == 0 && !is_bare)
            unknown_key (reader, path, node->line);
          if (!apply_table (reader, inner, node, error))
            return FALSE;
        }
      else
        unknown_key (reader, path, node->line);
    }
  return TRUE;
}

gboolean
cpd_config_values_apply (CpdConfigValues *values, const CpdTomlNode *root, const char *file, gboolean own,
                         GError **error)
{
  Reader reader = { values, file, own };

  return apply_table (&reader, "", root, error);
}

/* A default that depends on another value depends on what that one comes out as. */
static const char *
resolve (CpdConfigValues *values, CpdKey key)
{
  Value *value = &values->values[key];

  if (value->origin == NULL && cpd_config_keys[key].type == CPD_KEY_PATH)
    take_value (value, g_variant_new_take_string (
                         cpd_config_values_expand (values, g_variant_get_string (value->fallback, NULL))));
  return g_variant_get_string (value->value, NULL);
}

char *
cpd_config_values_expand (CpdConfigValues *values, const char *text)
{
  const char *end = g_str_has_prefix (text, "${") ? strchr (text, '}') : NULL;
  g_autofree char *name = end != NULL ? g_strndup (text + 2, (gsize) (end - text - 2)) : NULL;
  int key = name != NULL ? cpd_config_find_key (name) : -1;

  if (key == -1 || cpd_config_keys[key].type != CPD_KEY_PATH)
    return g_strdup (text);
  return g_strconcat (resolve (values, (CpdKey) key), end + 1, NULL);
}

/* RUNTIMES, with PATHS for NAME. */
static GVariant *
replace_runtime (GVariant *runtimes, const char *name, GVariant *paths)
{
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{sas}"));
  GVariantIter iter;
  GVariant *list;
  const char *known;

  g_variant_iter_init (&iter, runtimes);
  while (g_variant_iter_loop (&iter, "{&s@as}", &known, &list))
    if (strcmp (known, name) != 0)
      g_variant_builder_add (&builder, "{s@as}", known, list);
  g_variant_builder_add (&builder, "{s@as}", name, paths);
  return g_variant_builder_end (&builder);
}

/* The only OCI runtime that libpod knew at first was a list of paths. */
static void
use_runtime_path (CpdConfigValues *values)
{
  Value *old = &values->values[CPD_KEY_RUNTIME_PATH];
  Value *runtimes = &values->values[CPD_KEY_RUNTIMES];
  g_autofree const char **paths = g_variant_get_strv (old->value, NULL);
  g_autofree char *name = NULL;

  if (old->origin == NULL || values->values[CPD_KEY_RUNTIME].origin != NULL)
    return;
  name = g_path_get_basename (paths[0]);
  cpd_config_values_warn (values, "%s: engine.runtime_path is deprecated: say runtime = \"%s\" and, in the table"
                          " engine.runtimes, %s = [...]", old->origin, name, name);
  cpd_config_values_set (values, CPD_KEY_RUNTIME, g_variant_new_string (name), old->origin);
  if (runtimes->origin == NULL)
    cpd_config_values_set (values, CPD_KEY_RUNTIMES, replace_runtime (runtimes->value, name, old->value), old->origin);
}

void
cpd_config_values_finish (CpdConfigValues *values)
{
  use_runtime_path (values);
  for (guint i = 0; i < CPD_N_KEYS; i++)
    if (cpd_config_keys[i].type == CPD_KEY_PATH)
      resolve (values, i);
}

gboolean
cpd_config_values_is_set (CpdConfigValues *values, CpdKey key)
{
  return values->values[key].origin != NULL;
}

GVariant *
cpd_config_values_get (CpdConfigValues *values, CpdKey key)
{
  return values->values[key].value;
}

const char *
cpd_config_values_origin (CpdConfigValues *values, CpdKey key)
{
  return values->values[key].origin != NULL ? values->values[key].origin : "default";
}

const char *
cpd_config_values_string (CpdConfigValues *values, CpdKey key)
{
  return g_variant_get_string (values->values[key].value, NULL);
}

GPtrArray *
cpd_config_values_warnings (CpdConfigValues *values)
{
  return values->warnings;
}
