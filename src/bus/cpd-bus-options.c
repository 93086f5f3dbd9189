/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-options.h"

#include <string.h>

#include "common/cpd-names.h"
#include "public/cpod-error.h"

#define FILTER_VALUES_MAX 100

const CpdBusOption cpd_bus_no_options[] = {
  { NULL }
};

static const CpdBusOption *
find_option (const CpdBusOption *table, const char *key)
{
  for (; table->key != NULL; table++)
    if (strcmp (table->key, key) == 0)
      return table;
  return NULL;
}

/* What a caller can do about an unknown key is to pick a known one. */
static void
set_unknown_key (const CpdBusOption *table, const char *key, GError **error)
{
  g_autoptr(GString) known = g_string_new (NULL);

  for (; table->key != NULL; table++)
    g_string_append_printf (known, "%s%s", known->len > 0 ? ", " : "", table->key);

  if (known->len == 0)
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                 "unknown option '%s': this method has none", key);
  else
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                 "unknown option '%s': known are %s", key, known->str);
}

static gboolean
check_option (const CpdBusOption *table, const char *key, GVariant *value, GError **error)
{
  const CpdBusOption *option = find_option (table, key);

  if (option == NULL)
    {
      set_unknown_key (table, key, error);
      return FALSE;
    }
  if (!g_variant_is_of_type (value, option->type))
    {
      g_autofree char *expected = g_variant_type_dup_string (option->type);

      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                   "option '%s' must be of type '%s', not '%s'",
                   key, expected, g_variant_get_type_string (value));
      return FALSE;
    }
  if (option->check != NULL && !option->check (value, error))
    {
      g_prefix_error (error, "option '%s': ", key);
      return FALSE;
    }
  return TRUE;
}

/* Checks the options of a call, an a{sv}, against the method's table. */
gboolean
cpd_bus_options_check (const CpdBusOption *table, GVariant *options, GError **error)
{
  g_autoptr(GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  GVariantIter iter;
  const char *key;
  GVariant *value;

  g_variant_iter_init (&iter, options);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &value))
    {
      g_autoptr(GVariant) owned = value;

      if (!check_option (table, key, owned, error))
        return FALSE;

      /* D-Bus does not forbid it, but readers would disagree on which one counts. */
      if (!g_hash_table_add (seen, (char *) key))
        {
          g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                       "option '%s' is given twice", key);
          return FALSE;
        }
    }
  return TRUE;
}

gboolean
cpd_bus_options_get_boolean (GVariant *options, const char *key, gboolean fallback)
{
  gboolean value = fallback;

  g_variant_lookup (options, key, "b", &value);
  return value;
}

gint64
cpd_bus_options_get_uint32 (GVariant *options, const char *key, gint64 fallback)
{
  guint32 value;

  return g_variant_lookup (options, key, "u", &value) ? (gint64) value : fallback;
}

/* Microseconds since the epoch, 0 when missing; cpd_bus_check_time() keeps it in range. */
gint64
cpd_bus_options_get_time (GVariant *options, const char *key)
{
  guint64 value = 0;

  g_variant_lookup (options, key, "t", &value);
  return (gint64) value;
}

char *
cpd_bus_options_get_string (GVariant *options, const char *key)
{
  char *value = NULL;

  g_variant_lookup (options, key, "s", &value);
  return value;
}

char **
cpd_bus_options_get_strings (GVariant *options, const char *key)
{
  char **value = NULL;

  g_variant_lookup (options, key, "^as", &value);
  return value;
}

/* SQLite refuses expressions that are nested too deeply, and nobody needs them. */
gboolean
cpd_bus_check_filter (GVariant *value, GError **error)
{
  gsize n = g_variant_n_children (value);

  if (n <= FILTER_VALUES_MAX)
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
               "%" G_GSIZE_FORMAT " values are too many: there may be %d", n, FILTER_VALUES_MAX);
  return FALSE;
}

gboolean
cpd_bus_check_name (GVariant *value, GError **error)
{
  return cpd_name_check (g_variant_get_string (value, NULL), error);
}

/* A name, or nothing for all. */
gboolean
cpd_bus_check_namespace (GVariant *value, GError **error)
{
  return *g_variant_get_string (value, NULL) == '\0' || cpd_bus_check_name (value, error);
}

gboolean
cpd_bus_check_signal (GVariant *value, GError **error)
{
  return cpd_signal_parse (g_variant_get_string (value, NULL), error) > 0;
}

gboolean
cpd_bus_check_size (GVariant *value, GError **error)
{
  guint32 rows, columns;

  g_variant_get (value, "(uu)", &rows, &columns);
  if (rows > 0 && rows <= G_MAXUINT16 && columns > 0 && columns <= G_MAXUINT16)
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
               "%u rows and %u columns are not both in the range 1 to %d", rows, columns, G_MAXUINT16);
  return FALSE;
}

gboolean
cpd_bus_check_time (GVariant *value, GError **error)
{
  if (g_variant_get_uint64 (value) <= G_MAXINT64)
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
               "%" G_GUINT64_FORMAT " is no time in microseconds since the epoch",
               g_variant_get_uint64 (value));
  return FALSE;
}
