/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli-mounts.h"

#include <string.h>

#include "cli/cli-text.h"

/* Those of an image; a container has one. */
static const char **
names_of (GVariant *mount)
{
  const char **names = NULL;

  if (g_variant_lookup (mount, "names", "^a&s", &names))
    return names;

  names = g_new0 (const char *, 2);
  names[0] = "";
  g_variant_lookup (mount, "name", "&s", &names[0]);
  return names;
}

/* An image without a name is known by its id. */
static GVariant *
mount_row (GVariant *mount,
           gboolean  truncate)
{
  g_autofree const char **names = names_of (mount);
  g_autofree char *shown = NULL;
  GVariantBuilder builder;
  const char *id = "";
  const char *path = "";
  guint count = 0;

  g_variant_lookup (mount, "id", "&s", &id);
  g_variant_lookup (mount, "mount-point", "&s", &path);
  g_variant_lookup (mount, "mounts", "u", &count);
  shown = g_strndup (id, truncate ? CLI_SHORT_ID : strlen (id));
  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "ID", g_variant_new_string (shown));
  g_variant_builder_add (&builder, "{sv}", "Name", g_variant_new_string (names[0] != NULL ? names[0] : id));
  g_variant_builder_add (&builder, "{sv}", "MountPoint", g_variant_new_string (path));
  g_variant_builder_add (&builder, "{sv}", "Mounts", g_variant_new_uint32 (count));
  return g_variant_builder_end (&builder);
}

/* podman's JSON has other names than its lines. */
static GVariant *
mount_json (GVariant   *mount,
            const char *names_key)
{
  g_autofree const char **names = names_of (mount);
  GVariantBuilder builder;
  const char *id = "";
  const char *path = "";

  g_variant_lookup (mount, "id", "&s", &id);
  g_variant_lookup (mount, "mount-point", "&s", &path);
  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "id", g_variant_new_string (id));
  g_variant_builder_add (&builder, "{sv}", names_key, g_variant_new_strv (names, -1));
  g_variant_builder_add (&builder, "{sv}", "mountpoint", g_variant_new_string (path));
  return g_variant_builder_end (&builder);
}

int
cli_print_mounts (const CliOutput *output,
                  GVariant        *mounts,
                  const char      *names_key,
                  gboolean         truncate)
{
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  g_autoptr(GVariant) json = NULL;
  GVariantBuilder list;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("av"));
  for (gsize i = 0; i < g_variant_n_children (mounts); i++)
    {
      g_autoptr(GVariant) mount = g_variant_get_child_value (mounts, i);

      g_variant_builder_add (&list, "v", mount_json (mount, names_key));
      g_ptr_array_add (rows, g_variant_ref_sink (mount_row (mount, truncate)));
    }
  json = g_variant_ref_sink (g_variant_builder_end (&list));
  return cli_output_rows (output, rows, json);
}
