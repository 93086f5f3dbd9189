/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/cli-output.h"
#include "cli/cli-text.h"

#define TABLE "table {{.ID}}\\t{{.Created}}\\t{{.CreatedBy}}\\t{{.Size}}\\t{{.Comment}}"
/* podman cuts off what made a step here. */
#define CREATED_BY_MAX 45

typedef struct
{
  gboolean quiet;
  gboolean no_trunc;
  gboolean machine;             /* not for people */
  char *format;
} HistoryOptions;

/* A step as the engine tells it. */
typedef struct
{
  const char *id;
  const char *created_by;
  const char *comment;
  guint64 created;
  guint64 size;
} Step;

static const char *
heading (const char *field)
{
  if (g_str_equal (field, "CreatedBy"))
    return "CREATED BY";

  return g_str_equal (field, "CreatedAt") ? "CREATED AT" : g_str_equal (field, "CreatedSince") ? "CREATED" : NULL;
}

static Step
read_step (GVariant *fields)
{
  Step step = { "", "", "" };

  g_variant_lookup (fields, "id", "&s", &step.id);
  g_variant_lookup (fields, "created-by", "&s", &step.created_by);
  g_variant_lookup (fields, "comment", "&s", &step.comment);
  g_variant_lookup (fields, "created", "t", &step.created);
  g_variant_lookup (fields, "size", "t", &step.size);
  if (step.id[0] == '\0')
    step.id = "<missing>";
  return step;
}

static void
add_string (GVariantBuilder *builder,
            const char      *key,
            const char      *value)
{
  g_variant_builder_add (builder, "{sv}", key, g_variant_new_string (value));
}

static GVariant *
make_row (GVariant             *fields,
          const HistoryOptions *history)
{
  const Step step = read_step (fields);
  g_autoptr(GVariant) tags = g_variant_lookup_value (fields, "names", G_VARIANT_TYPE_STRING_ARRAY);
  g_autofree char *id = history->no_trunc ? g_strdup (step.id) : g_strndup (step.id, CLI_SHORT_ID);
  g_autofree char *at = cli_text_rfc3339 (step.created);
  g_autofree char *ago = cli_text_ago (step.created, g_get_real_time ());
  g_autofree char *by = history->no_trunc ? g_strdup (step.created_by) : cli_text_shorten (step.created_by, CREATED_BY_MAX);
  g_autofree char *size = history->machine ? g_strdup_printf ("%" G_GUINT64_FORMAT, step.size) : cli_text_size (step.size);
  GVariantBuilder builder;

  /* A line is a line, whatever a step consists of. */
  g_strdelimit (by, "\n\t", ' ');
  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  add_string (&builder, "ID", id);
  add_string (&builder, "Created", history->machine ? at : ago);
  add_string (&builder, "CreatedAt", at);
  add_string (&builder, "CreatedSince", ago);
  add_string (&builder, "CreatedBy", by);
  add_string (&builder, "Size", size);
  add_string (&builder, "Comment", step.comment);
  if (tags != NULL)
    g_variant_builder_add (&builder, "{sv}", "Tags", tags);
  return g_variant_builder_end (&builder);
}

static GVariant *
make_json (GVariant *fields)
{
  const Step step = read_step (fields);
  g_autoptr(GVariant) tags = g_variant_lookup_value (fields, "names", G_VARIANT_TYPE_STRING_ARRAY);
  g_autofree char *created = cli_text_rfc3339 (step.created);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  add_string (&builder, "id", step.id);
  add_string (&builder, "created", created);
  add_string (&builder, "CreatedBy", step.created_by);
  if (tags != NULL)
    g_variant_builder_add (&builder, "{sv}", "tags", tags);
  g_variant_builder_add (&builder, "{sv}", "size", g_variant_new_uint64 (step.size));
  add_string (&builder, "comment", step.comment);
  return g_variant_builder_end (&builder);
}

static int
print_history (GVariant             *list,
               const HistoryOptions *history)
{
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  g_autoptr(GVariant) json = NULL;
  GVariantBuilder builder;
  const CliOutput output = {
    .format = history->quiet ? "{{.ID}}" : history->format, .table = TABLE, .heading = heading,
  };

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("av"));
  for (gsize i = 0; i < g_variant_n_children (list); i++)
    {
      g_autoptr(GVariant) fields = g_variant_get_child_value (list, i);

      g_ptr_array_add (rows, g_variant_ref_sink (make_row (fields, history)));
      g_variant_builder_add (&builder, "v", make_json (fields));
    }

  json = g_variant_ref_sink (g_variant_builder_end (&builder));
  return cli_output_rows (&output, rows, json);
}

static int
show_history (CliApp               *app,
              const char           *name,
              const HistoryOptions *history)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GVariant) list = NULL;
  g_autofree char *path = cli_find_image (app, name, &error);

  if (path != NULL)
    reply = cli_call (app, path, CLI_IMAGE, "History", g_variant_new ("(@a{sv})", cli_no_options ()), &error);
  if (reply == NULL)
    return cli_fail_error (error);

  list = g_variant_get_child_value (reply, 0);
  return print_history (list, history);
}

int
cli_history (CliApp        *app,
             const CliVerb *verb,
             int            argc,
             char         **argv)
{
  g_autofree char *human = NULL;
  HistoryOptions history = { FALSE };
  int status;
  const GOptionEntry entries[] = {
    { "format", 0, 0, G_OPTION_ARG_STRING, &history.format, N_("json, or a template"), N_("FORMAT") },
    { "human", 'H', 0, G_OPTION_ARG_STRING, &human, N_("Whether times and sizes are for people; they are, if not said otherwise"),
      "true|false" },
    { "no-trunc", 0, 0, G_OPTION_ARG_NONE, &history.no_trunc, N_("Do not shorten anything"), NULL },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &history.quiet, N_("Show only the ids"), NULL },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  history.machine = g_strcmp0 (human, "false") == 0;
  if (argc != 2)
    status = cli_fail (_("exactly one image must be given"));
  else if (human != NULL && !history.machine && !g_str_equal (human, "true"))
    status = cli_fail (_("\"%s\" is neither true nor false"), human);
  else
    status = show_history (app, argv[1], &history);
  g_free (history.format);
  return status;
}
