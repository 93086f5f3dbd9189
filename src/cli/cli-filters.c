/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "cli/cli-filters.h"

#include <glib/gi18n.h>
#include <string.h>

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

gboolean
cli_filters_add (GVariantBuilder  *builder,
                 const CliFilter  *known,
                 gsize             n_known,
                 char            **filters,
                 GError          **error)
{
  g_autoptr(GHashTable) values = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
                                                        (GDestroyNotify) g_ptr_array_unref);
  GHashTableIter iter;
  gpointer key;
  gpointer list;

  for (char **filter = filters; filter != NULL && *filter != NULL; filter++)
    {
      if (!collect (values, known, n_known, *filter, error))
        return FALSE;
    }

  g_hash_table_iter_init (&iter, values);
  while (g_hash_table_iter_next (&iter, &key, &list))
    {
      GPtrArray *strings = list;

      g_variant_builder_add (builder, "{sv}", key,
                             g_variant_new_strv ((const char *const *) strings->pdata, strings->len));
    }

  return TRUE;
}
