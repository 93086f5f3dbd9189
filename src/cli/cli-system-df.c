/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/cli-image-rows.h"
#include "cli/cli-output.h"
#include "cli/cli-ps-rows.h"
#include "cli/cli-text.h"

#define TABLE "table {{.Type}}\\t{{.Total}}\\t{{.Active}}\\t{{.Size}}\\t{{.Reclaimable}}"
#define IMAGES "table {{.Repository}}\\t{{.Tag}}\\t{{.ImageID}}\\t{{.Created}}\\t{{.Size}}\\t{{.SharedSize}}" \
               "\\t{{.UniqueSize}}\\t{{.Containers}}"
#define CONTAINERS "table {{.ID}}\\t{{.Image}}\\t{{.Command}}\\t{{.Size}}\\t{{.Created}}\\t{{.Status}}\\t{{.Names}}"

static const char *
heading (const char *field)
{
  static const char *const known[][2] = {
    { "ID", "CONTAINER ID" }, { "ImageID", "IMAGE ID" }, { "SharedSize", "SHARED SIZE" }, { "UniqueSize", "UNIQUE SIZE" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (known); i++)
    {
      if (g_str_equal (known[i][0], field))
        return known[i][1];
    }

  return NULL;
}

static void
add (GVariantBuilder *builder,
     const char      *key,
     GVariant        *value)
{
  g_variant_builder_add (builder, "{sv}", key, value);
}

static void
add_size (GVariantBuilder *builder,
          const char      *key,
          GVariant        *fields,
          const char      *field)
{
  guint64 bytes = 0;
  g_autofree char *text = NULL;

  g_variant_lookup (fields, field, "t", &bytes);
  text = cli_text_size (bytes);
  add (builder, key, g_variant_new_string (text));
}

/* A line of the summary, of the objects that the member KEY of USAGE lists. */
static GVariant *
make_summary (GVariant   *usage,
              const char *type,
              const char *key,
              guint       active)
{
  g_autoptr(GVariant) list = g_variant_lookup_value (usage, key, G_VARIANT_TYPE ("aa{sv}"));
  const guint total = list != NULL ? g_variant_n_children (list) : 0;
  g_autofree char *size_key = g_strconcat (key, "-size", NULL);
  g_autofree char *reclaimable_key = g_strconcat (key, "-reclaimable", NULL);
  guint64 size = 0;
  guint64 reclaimable = 0;
  g_autofree char *size_text = NULL;
  g_autofree char *bytes = NULL;
  g_autofree char *reclaimable_text = NULL;
  GVariantBuilder builder;

  g_variant_lookup (usage, size_key, "t", &size);
  g_variant_lookup (usage, reclaimable_key, "t", &reclaimable);
  size_text = cli_text_size (size);
  bytes = cli_text_size (reclaimable);
  reclaimable_text = g_strdup_printf ("%s (%.0f%%)", bytes, size > 0 ? 100.0 * reclaimable / size : 0.0);
  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  add (&builder, "Type", g_variant_new_string (type));
  add (&builder, "Total", g_variant_new_uint32 (total));
  add (&builder, "Active", g_variant_new_uint32 (active));
  add (&builder, "RawSize", g_variant_new_uint64 (size));
  add (&builder, "RawReclaimable", g_variant_new_uint64 (reclaimable));
  add (&builder, "Size", g_variant_new_string (size_text));
  add (&builder, "Reclaimable", g_variant_new_string (reclaimable_text));
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

/* Images that containers are made of, and containers that run. */
static guint
count_active (GVariant   *usage,
              const char *key)
{
  g_autoptr(GVariantIter) iter = NULL;
  GVariant *fields;
  guint n = 0;

  g_variant_lookup (usage, key, "aa{sv}", &iter);
  while (iter != NULL && g_variant_iter_loop (iter, "@a{sv}", &fields))
    {
      guint containers = 0;
      gboolean active = FALSE;

      g_variant_lookup (fields, "containers", "u", &containers);
      g_variant_lookup (fields, "active", "b", &active);
      n += containers > 0 || active;
    }

  return n;
}

static int
print_summary (GVariant   *usage,
               const char *format)
{
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  g_autoptr(GVariant) json = NULL;
  GVariantBuilder builder;
  const CliOutput output = { .format = format, .table = TABLE, .heading = heading };

  g_ptr_array_add (rows, make_summary (usage, "Images", "images", count_active (usage, "images")));
  g_ptr_array_add (rows, make_summary (usage, "Containers", "containers", count_active (usage, "containers")));
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("av"));
  for (guint i = 0; i < rows->len; i++)
    g_variant_builder_add (&builder, "v", rows->pdata[i]);
  json = g_variant_ref_sink (g_variant_builder_end (&builder));
  return cli_output_rows (&output, rows, json);
}

static GVariant *
image_row (GVariant *fields)
{
  g_autofree const char **names = NULL;
  const char *id = "";
  guint64 created = 0;
  guint32 containers = 0;
  g_autofree char *repository = NULL;
  g_autofree char *tag = NULL;
  g_autofree char *short_id = NULL;
  g_autofree char *ago = NULL;
  GVariantBuilder builder;

  g_variant_lookup (fields, "names", "^a&s", &names);
  g_variant_lookup (fields, "id", "&s", &id);
  g_variant_lookup (fields, "created", "t", &created);
  g_variant_lookup (fields, "containers", "u", &containers);
  cli_image_split_name (names != NULL && names[0] != NULL ? names[0] : "<none>", &repository, &tag);
  short_id = g_strndup (id, CLI_SHORT_ID);
  ago = cli_text_ago (created, g_get_real_time ());
  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  add (&builder, "Repository", g_variant_new_string (repository));
  add (&builder, "Tag", g_variant_new_string (tag));
  add (&builder, "ImageID", g_variant_new_string (short_id));
  add (&builder, "Created", g_variant_new_string (ago));
  add_size (&builder, "Size", fields, "size");
  add_size (&builder, "SharedSize", fields, "shared-size");
  add_size (&builder, "UniqueSize", fields, "unique-size");
  add (&builder, "Containers", g_variant_new_uint32 (containers));
  return g_variant_builder_end (&builder);
}

/* As ps shows it, and its size. */
static GVariant *
container_row (GVariant *fields)
{
  g_autoptr(GVariant) row = g_variant_ref_sink (cli_ps_row (fields, g_get_real_time (), TRUE));
  GVariantDict dict;
  guint64 size = 0;
  g_autofree char *text = NULL;

  g_variant_lookup (fields, "size", "t", &size);
  text = cli_text_size (size);
  g_variant_dict_init (&dict, row);
  g_variant_dict_insert (&dict, "Size", "s", text);
  return g_variant_dict_end (&dict);
}

static int
print_table (GVariant   *usage,
             const char *key,
             const char *table,
             GVariant *(*make_row) (GVariant *fields))
{
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  g_autoptr(GVariantIter) iter = NULL;
  GVariant *fields;
  const CliOutput output = { .table = table, .heading = heading };

  g_variant_lookup (usage, key, "aa{sv}", &iter);
  while (iter != NULL && g_variant_iter_loop (iter, "@a{sv}", &fields))
    g_ptr_array_add (rows, g_variant_ref_sink (make_row (fields)));
  return cli_output_rows (&output, rows, NULL);
}

/* podman's titles, which scripts may look for. */
static int
print_all (GVariant *usage)
{
  int status;

  printf ("Images space usage:\n\n");
  status = print_table (usage, "images", IMAGES, image_row);
  if (status != EXIT_SUCCESS)
    return status;

  printf ("\nContainers space usage:\n\n");
  return print_table (usage, "containers", CONTAINERS, container_row);
}

int
cli_system_df (CliApp        *app,
               const CliVerb *verb,
               int            argc,
               char         **argv)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GVariant) usage = NULL;
  g_autofree char *format = NULL;
  gboolean verbose = FALSE;
  int status;
  const GOptionEntry entries[] = {
    { "format", 0, 0, G_OPTION_ARG_STRING, &format, N_("json, or a template"), N_("FORMAT") },
    { "verbose", 'v', 0, G_OPTION_ARG_NONE, &verbose, N_("Show each image and container"), NULL },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  if (argc > 1)
    return cli_fail (_("unexpected argument \"%s\""), argv[1]);
  if (verbose && format != NULL)
    return cli_fail (_("--format and --verbose exclude each other"));

  reply = cli_call (app, CPOD_PATH_RUNTIME, CLI_RUNTIME, "GetDiskUsage", g_variant_new ("(@a{sv})", cli_no_options ()),
                    &error);
  if (reply == NULL)
    return cli_fail_error (error);

  usage = g_variant_get_child_value (reply, 0);
  return verbose ? print_all (usage) : print_summary (usage, format);
}
