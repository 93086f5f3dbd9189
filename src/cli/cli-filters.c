/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "cli/cli-filters.h"

#include <glib/gi18n.h>
#include <string.h>

#include "cli/cli-text.h"

static const char *
find_key (const CliFilter *known,
          gsize            n_known,
          const char      *filter,
          gsize            length)
{
  for (gsize i = 0; i < n_known; i++)
    {
      if (strlen (known[i].name) == length && strncmp (known[i].name, filter, length) == 0)
        return known[i].key;
    }

  return NULL;
}

static gboolean
collect (GHashTable       *values,
         const CliFilter  *known,
         gsize             n_known,
         const char       *filter,
         GError          **error)
{
  const char *equals = strchr (filter, '=');
  const char *key = equals != NULL ? find_key (known, n_known, filter, equals - filter) : NULL;
  GPtrArray *list;

  if (key == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, _("unknown filter \"%s\""), filter);
      return FALSE;
    }

  list = g_hash_table_lookup (values, key);
  if (list == NULL)
    {
      list = g_ptr_array_new ();
      g_hash_table_insert (values, (gpointer) key, list);
    }

  g_ptr_array_add (list, (gpointer) (equals + 1));
  return TRUE;
}

static GVariant *
make_numbers (const CliFilter  *filter,
              GPtrArray        *strings,
              GError          **error)
{
  g_autoptr(GArray) numbers = g_array_new (FALSE, FALSE, sizeof (gint32));

  for (guint i = 0; i < strings->len; i++)
    {
      gint64 number;
      gint32 value;

      if (!g_ascii_string_to_signed (strings->pdata[i], 10, G_MININT32, G_MAXINT32, &number, NULL))
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, _("filter \"%s\": \"%s\" is no number"),
                       filter->name, (char *) strings->pdata[i]);
          return NULL;
        }

      value = number;
      g_array_append_val (numbers, value);
    }

  return g_variant_new_fixed_array (G_VARIANT_TYPE_INT32, numbers->data, numbers->len, sizeof (gint32));
}

static GVariant *
make_boolean (const CliFilter  *filter,
              const char       *text,
              GError          **error)
{
  if (g_str_equal (text, "true") || g_str_equal (text, "1"))
    return g_variant_new_boolean (TRUE);

  if (g_str_equal (text, "false") || g_str_equal (text, "0"))
    return g_variant_new_boolean (FALSE);

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, _("filter \"%s\": \"%s\" is neither true nor false"),
               filter->name, text);
  return NULL;
}

static GVariant *
make_value (const CliFilter  *filter,
            GPtrArray        *strings,
            GError          **error)
{
  gint64 time;

  if (filter->kind == CLI_FILTER_STRINGS)
    return g_variant_new_strv ((const char *const *) strings->pdata, strings->len);

  if (filter->kind == CLI_FILTER_NUMBERS)
    return make_numbers (filter, strings, error);

  if (strings->len > 1)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, _("filter \"%s\" can be given only once"),
                   filter->name);
      return NULL;
    }

  if (filter->kind == CLI_FILTER_BOOLEAN)
    return make_boolean (filter, strings->pdata[0], error);

  if (filter->kind == CLI_FILTER_STRING)
    return g_variant_new_string (strings->pdata[0]);

  return cli_time_parse (strings->pdata[0], g_get_real_time (), &time, error) ? g_variant_new_uint64 (time) : NULL;
}

gboolean
cli_filters_add (GVariantBuilder  *builder,
                 const CliFilter  *known,
                 gsize             n_known,
                 char            **filters,
                 GError          **error)
{
  g_autoptr(GHashTable) values = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
                                                        (GDestroyNotify) g_ptr_array_unref);

  for (char **filter = filters; filter != NULL && *filter != NULL; filter++)
    {
      if (!collect (values, known, n_known, *filter, error))
        return FALSE;
    }

  for (gsize i = 0; i < n_known; i++)
    {
      GPtrArray *strings = g_hash_table_lookup (values, known[i].key);
      GVariant *value;

      if (strings == NULL)
        continue;

      value = make_value (&known[i], strings, error);
      if (value == NULL)
        return FALSE;

      /* Two names can have the same key. */
      g_variant_builder_add (builder, "{sv}", known[i].key, value);
      g_hash_table_remove (values, known[i].key);
    }

  return TRUE;
}
