/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cli-output.h"
#include "cli/cli-text.h"

#define TABLE "table {{.Repository}}\\t{{.Tag}}\\t{{.ID}}\\t{{.Created}}\\t{{.Size}}"

typedef struct
{
  gboolean quiet;
  gboolean no_trunc;
  gboolean no_heading;
  gboolean digests;
  char *format;
  const char *name;             /* (nullable): show only those */
} ImagesOptions;

static const char *
heading (const char *field)
{
  if (g_str_equal (field, "ID") || g_str_equal (field, "Id"))
    return "IMAGE ID";

  return g_str_equal (field, "CreatedAt") ? "CREATED AT" : NULL;
}

static void
add (GVariantBuilder *builder,
     const char      *key,
     GVariant        *value)
{
  g_variant_builder_add (builder, "{sv}", key, value);
}

/* Parts NAME at the tag; a colon before a slash belongs to a port. */
static void
split_name (const char  *name,
            char       **repository,
            char       **tag)
{
  const char *colon = strrchr (name, ':');

  if (colon == NULL || strchr (colon, '/') != NULL)
    {
      *repository = g_strdup (name);
      *tag = g_strdup ("<none>");
      return;
    }

  *repository = g_strndup (name, colon - name);
  *tag = g_strdup (colon + 1);
}

static GVariant *
make_row (GVariant            *image,
          const char          *name,
          const ImagesOptions *images)
{
  const char *id = "";
  const char *digest = "";
  guint64 size = 0;
  guint64 created = 0;
  g_autofree char *repository = NULL;
  g_autofree char *tag = NULL;
  g_autofree char *short_id = NULL;
  g_autofree char *size_text = NULL;
  g_autofree char *ago = NULL;
  g_autofree char *created_at = NULL;
  GVariantBuilder builder;

  g_variant_lookup (image, "id", "&s", &id);
  g_variant_lookup (image, "digest", "&s", &digest);
  g_variant_lookup (image, "size", "t", &size);
  g_variant_lookup (image, "created", "t", &created);
  split_name (name, &repository, &tag);
  short_id = images->no_trunc ? g_strconcat ("sha256:", id, NULL) : g_strndup (id, CLI_SHORT_ID);
  size_text = cli_text_size (size);
  ago = cli_text_ago (created, g_get_real_time ());
  created_at = cli_text_local (created);

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  add (&builder, "Repository", g_variant_new_string (repository));
  add (&builder, "Tag", g_variant_new_string (tag));
  add (&builder, "ID", g_variant_new_string (short_id));
  add (&builder, "Id", g_variant_new_string (id));
  add (&builder, "Digest", g_variant_new_string (digest));
  add (&builder, "Created", g_variant_new_string (ago));
  add (&builder, "CreatedSince", g_variant_new_string (ago));
  add (&builder, "CreatedAt", g_variant_new_string (created_at));
  add (&builder, "Size", g_variant_new_string (size_text));
  return g_variant_builder_end (&builder);
}

static GVariant *
make_json (GVariant *image)
{
  g_autoptr(GVariant) names = g_variant_lookup_value (image, "names", G_VARIANT_TYPE ("as"));
  const char *id = "";
  const char *digest = "";
  guint64 size = 0;
  guint64 created = 0;
  guint containers = 0;
  g_autofree char *created_at = NULL;
  GVariantBuilder builder;

  g_variant_lookup (image, "id", "&s", &id);
  g_variant_lookup (image, "digest", "&s", &digest);
  g_variant_lookup (image, "size", "t", &size);
  g_variant_lookup (image, "created", "t", &created);
  g_variant_lookup (image, "containers", "u", &containers);
  created_at = cli_text_rfc3339 (created);

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  add (&builder, "Id", g_variant_new_string (id));
  add (&builder, "Digest", g_variant_new_string (digest));
  if (names != NULL)
    add (&builder, "Names", names);
  add (&builder, "Size", g_variant_new_uint64 (size));
  add (&builder, "Created", g_variant_new_int64 (created / G_USEC_PER_SEC));
  add (&builder, "CreatedAt", g_variant_new_string (created_at));
  add (&builder, "Containers", g_variant_new_uint32 (containers));
  return g_variant_builder_end (&builder);
}

/* A given name matches with or without a tag, and with or without what stands before the last slash. */
static gboolean
is_wanted (const char *name,
           const char *wanted)
{
  const char *slash;
  g_autofree char *repository = NULL;
  g_autofree char *tag = NULL;

  if (wanted == NULL || g_str_equal (name, wanted))
    return TRUE;

  split_name (name, &repository, &tag);
  if (g_str_equal (repository, wanted))
    return TRUE;

  slash = strchr (name, '/');
  return slash != NULL && is_wanted (slash + 1, wanted);
}

/* An image has a line for each of its names, and one line when it has none. */
static void
add_image (GVariant            *image,
           const ImagesOptions *images,
           GPtrArray           *rows,
           GVariantBuilder     *json)
{
  g_autofree const char **names = NULL;
  gboolean any = FALSE;
  const char *const none[] = { "<none>", NULL };
  const char *const *shown;

  g_variant_lookup (image, "names", "^a&s", &names);
  shown = names != NULL && names[0] != NULL ? names : none;
  for (gsize i = 0; shown[i] != NULL; i++)
    {
      if (!is_wanted (shown[i], images->name))
        continue;

      /* With ids only, an image is told once. */
      if (!images->quiet || !any)
        g_ptr_array_add (rows, g_variant_ref_sink (make_row (image, shown[i], images)));
      any = TRUE;
    }

  if (any)
    g_variant_builder_add (json, "v", make_json (image));
}

static int
list_images (CliApp              *app,
             const ImagesOptions *images)
{
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GVariant) list = NULL;
  g_autoptr(GVariant) json = NULL;
  g_autoptr(GError) error = NULL;
  GVariantBuilder builder;
  const CliOutput output = {
    .format = images->quiet ? "{{.ID}}" : images->format,
    .table = images->digests ? "table {{.Repository}}\\t{{.Tag}}\\t{{.Digest}}\\t{{.ID}}\\t{{.Created}}\\t{{.Size}}"
                             : TABLE,
    .no_heading = images->no_heading,
    .heading = heading,
  };

  reply = cli_call (app, CPOD_PATH_RUNTIME, CLI_IMAGES, "ListImages",
                    g_variant_new ("(@a{sv})", cli_no_options ()), &error);
  if (reply == NULL)
    return cli_fail_error (error);

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("av"));
  list = g_variant_get_child_value (reply, 0);
  for (gsize i = 0; i < g_variant_n_children (list); i++)
    {
      g_autoptr(GVariant) image = g_variant_get_child_value (list, i);

      add_image (image, images, rows, &builder);
    }

  json = g_variant_ref_sink (g_variant_builder_end (&builder));
  return cli_output_rows (&output, rows, json);
}

int
cli_images (CliApp        *app,
            const CliVerb *verb,
            int            argc,
            char         **argv)
{
  ImagesOptions images = { FALSE };
  int status;
  const GOptionEntry entries[] = {
    { "digests", 0, 0, G_OPTION_ARG_NONE, &images.digests, N_("Show the digests"), NULL },
    { "format", 0, 0, G_OPTION_ARG_STRING, &images.format, N_("json, or a template"), N_("FORMAT") },
    { "no-trunc", 0, 0, G_OPTION_ARG_NONE, &images.no_trunc, N_("Do not shorten anything"), NULL },
    { "noheading", 'n', 0, G_OPTION_ARG_NONE, &images.no_heading, N_("Leave the heading out"), NULL },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &images.quiet, N_("Show only the ids"), NULL },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  images.name = argv[1];
  status = argc <= 2 ? list_images (app, &images) : cli_fail (_("unexpected argument \"%s\""), argv[2]);
  g_free (images.format);
  return status;
}
