/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cli-filters.h"
#include "cli/cli-image-rows.h"
#include "cli/cli-output.h"

#define TABLE "table {{.Repository}}\\t{{.Tag}}\\t{{.ID}}\\t{{.Created}}\\t{{.Size}}"
#define TABLE_DIGESTS "table {{.Repository}}\\t{{.Tag}}\\t{{.Digest}}\\t{{.ID}}\\t{{.Created}}\\t{{.Size}}"

typedef struct
{
  gboolean all;
  gboolean quiet;
  gboolean no_trunc;
  gboolean no_heading;
  gboolean digests;
  char *format;
  char *sort;
  char **filters;
  const char *name;             /* (nullable): show only those */
} ImagesOptions;

/* What makes a line: an image under one of its names. */
typedef struct
{
  GVariant *image;
  char *name;
} Line;

static void
line_free (Line *line)
{
  g_variant_unref (line->image);
  g_free (line->name);
  g_free (line);
}

static const char *
heading (const char *field)
{
  static const char *const known[][2] = {
    { "ID", "IMAGE ID" }, { "Id", "IMAGE ID" }, { "CreatedAt", "CREATED AT" }, { "CreatedSince", "CREATED" },
    { "ReadOnly", "R/O" }, { "VirtualSize", "VIRTUAL SIZE" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (known); i++)
    {
      if (g_str_equal (known[i][0], field))
        return known[i][1];
    }

  return NULL;
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

  cli_image_split_name (name, &repository, &tag);
  if (g_str_equal (repository, wanted))
    return TRUE;

  slash = strchr (name, '/');
  return slash != NULL && is_wanted (slash + 1, wanted);
}

/* An image has a line for each of its names; one that has none has one, under the place where it was found, if that
 * is known. */
static char **
list_names (GVariant *image)
{
  g_auto(GStrv) names = NULL;
  g_auto(GStrv) digests = NULL;
  const char *const none[] = { "<none>", NULL };

  if (g_variant_lookup (image, "names", "^as", &names) && names[0] != NULL)
    return g_steal_pointer (&names);

  if (!g_variant_lookup (image, "digests", "^as", &digests) || digests[0] == NULL)
    return g_strdupv ((char **) none);

  *strchr (digests[0], '@') = '\0';
  g_clear_pointer (&digests[1], g_free);
  return g_steal_pointer (&digests);
}

static void
add_lines (GVariant            *image,
           const ImagesOptions *images,
           GPtrArray           *lines)
{
  g_auto(GStrv) names = list_names (image);

  for (char **name = names; *name != NULL; name++)
    {
      Line *line;

      if (!is_wanted (*name, images->name))
        continue;

      line = g_new0 (Line, 1);
      line->image = g_variant_ref (image);
      line->name = g_strdup (*name);
      g_ptr_array_add (lines, line);
      /* With ids only, an image is told once. */
      if (images->quiet)
        return;
    }
}

static guint64
number_of (GVariant   *image,
           const char *key)
{
  guint64 number = 0;

  g_variant_lookup (image, key, "t", &number);
  return number;
}

static int
compare_parts (const Line *a,
               const Line *b,
               gboolean    by_tag)
{
  g_autofree char *repository_a = NULL;
  g_autofree char *repository_b = NULL;
  g_autofree char *tag_a = NULL;
  g_autofree char *tag_b = NULL;

  cli_image_split_name (a->name, &repository_a, &tag_a);
  cli_image_split_name (b->name, &repository_b, &tag_b);
  return by_tag ? strcmp (tag_a, tag_b) : strcmp (repository_a, repository_b);
}

/* The engine gives the newest first, and equal ones stay as they are. */
static int
compare_lines (gconstpointer first,
               gconstpointer second,
               gpointer      user_data)
{
  const Line *a = *(const Line *const *) first;
  const Line *b = *(const Line *const *) second;
  const char *sort = user_data;
  const char *id_a = "";
  const char *id_b = "";

  if (g_str_equal (sort, "size"))
    {
      const guint64 size_a = number_of (a->image, "size");
      const guint64 size_b = number_of (b->image, "size");

      return size_a < size_b ? -1 : size_a > size_b;
    }

  if (!g_str_equal (sort, "id"))
    return compare_parts (a, b, g_str_equal (sort, "tag"));

  g_variant_lookup (a->image, "id", "&s", &id_a);
  g_variant_lookup (b->image, "id", "&s", &id_b);
  return strcmp (id_a, id_b);
}

static gboolean
has_filter (char       **filters,
            const char  *prefix)
{
  for (char **filter = filters; filter != NULL && *filter != NULL; filter++)
    {
      if (g_str_has_prefix (*filter, prefix))
        return TRUE;
    }

  return FALSE;
}

static GVariant *
make_options (const ImagesOptions  *images,
              GError              **error)
{
  static const CliFilter known[] = {
    { "reference", "reference" }, { "id", "id" }, { "label", "label" }, { "label!", "label-not" },
    { "before", "before", CLI_FILTER_STRING }, { "since", "since", CLI_FILTER_STRING },
    { "after", "since", CLI_FILTER_STRING }, { "until", "until", CLI_FILTER_TIME },
    { "dangling", "dangling", CLI_FILTER_BOOLEAN }, { "intermediate", "intermediate", CLI_FILTER_BOOLEAN },
    { "containers", "containers", CLI_FILTER_BOOLEAN }, { "readonly", "readonly", CLI_FILTER_BOOLEAN },
    { "manifest", "manifest", CLI_FILTER_BOOLEAN },
  };
  g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  if (!cli_filters_add (&builder, known, G_N_ELEMENTS (known), images->filters, error))
    return NULL;

  if (!images->all && !has_filter (images->filters, "intermediate="))
    g_variant_builder_add (&builder, "{sv}", "intermediate", g_variant_new_boolean (FALSE));
  return g_variant_builder_end (&builder);
}

static int
print_images (GVariant            *list,
              const ImagesOptions *images)
{
  g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func ((GDestroyNotify) line_free);
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  g_autoptr(GVariant) json = NULL;
  GVariantBuilder builder;
  const CliOutput output = {
    .format = images->quiet ? "{{.ID}}" : images->format,
    .table = images->digests ? TABLE_DIGESTS : TABLE,
    .no_heading = images->no_heading,
    .heading = heading,
  };

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("av"));
  for (gsize i = 0; i < g_variant_n_children (list); i++)
    {
      g_autoptr(GVariant) image = g_variant_get_child_value (list, i);
      const guint before = lines->len;

      add_lines (image, images, lines);
      if (lines->len > before)
        g_variant_builder_add (&builder, "v", cli_image_json (image));
    }

  if (images->sort != NULL && !g_str_equal (images->sort, "created"))
    g_ptr_array_sort_with_data (lines, compare_lines, images->sort);
  for (guint i = 0; i < lines->len; i++)
    {
      const Line *line = lines->pdata[i];

      g_ptr_array_add (rows, g_variant_ref_sink (cli_image_row (line->image, line->name, !images->no_trunc)));
    }

  json = g_variant_ref_sink (g_variant_builder_end (&builder));
  return cli_output_rows (&output, rows, json);
}

static int
list_images (CliApp              *app,
             const ImagesOptions *images)
{
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GVariant) list = NULL;
  g_autoptr(GError) error = NULL;
  GVariant *options = make_options (images, &error);

  if (options != NULL)
    reply = cli_call (app, CPOD_PATH_RUNTIME, CLI_IMAGES, "ListImages", g_variant_new ("(@a{sv})", options), &error);
  if (reply == NULL)
    return cli_fail_error (error);

  list = g_variant_get_child_value (reply, 0);
  return print_images (list, images);
}

int
cli_images (CliApp        *app,
            const CliVerb *verb,
            int            argc,
            char         **argv)
{
  static const char *const sorts[] = { "created", "id", "repository", "size", "tag", NULL };
  ImagesOptions images = { FALSE };
  int status;
  const GOptionEntry entries[] = {
    { "all", 'a', 0, G_OPTION_ARG_NONE, &images.all, N_("Show also those without a name that others were made from"), NULL },
    { "digests", 0, 0, G_OPTION_ARG_NONE, &images.digests, N_("Show the digests"), NULL },
    { "filter", 'f', 0, G_OPTION_ARG_STRING_ARRAY, &images.filters,
      N_("Show only those that fit; the manual tells the keys"), N_("KEY=VALUE") },
    { "format", 0, 0, G_OPTION_ARG_STRING, &images.format, N_("json, or a template"), N_("FORMAT") },
    { "no-trunc", 0, 0, G_OPTION_ARG_NONE, &images.no_trunc, N_("Do not shorten anything"), NULL },
    { "noheading", 'n', 0, G_OPTION_ARG_NONE, &images.no_heading, N_("Leave the heading out"), NULL },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &images.quiet, N_("Show only the ids"), NULL },
    { "sort", 0, 0, G_OPTION_ARG_STRING, &images.sort, N_("created, id, repository, size or tag"), N_("KEY") },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  images.name = argv[1];
  if (argc > 2)
    status = cli_fail (_("unexpected argument \"%s\""), argv[2]);
  else if (images.sort != NULL && !g_strv_contains (sorts, images.sort))
    status = cli_fail (_("unknown key \"%s\": created, id, repository, size or tag"), images.sort);
  else
    status = list_images (app, &images);
  g_free (images.format);
  g_free (images.sort);
  g_strfreev (images.filters);
  return status;
}
