/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/cli-filters.h"
#include "cli/cli-output.h"
#include "cli/cli-ps-rows.h"

#define TABLE_SIZE "\\t{{.Size}}"
#define TABLE "table {{.ID}}\\t{{.Image}}\\t{{.Command}}\\t{{.Created}}\\t{{.Status}}\\t{{.Ports}}\\t{{.Names}}"

typedef struct
{
  gboolean all;
  gboolean external;
  gboolean quiet;
  gboolean no_trunc;
  gboolean no_heading;
  gboolean size;
  gboolean latest;
  int last;
  char *format;
  char **filters;
} PsOptions;

static const char *
heading (const char *field)
{
  static const char *const known[][2] = {
    { "ID", "CONTAINER ID" }, { "Id", "CONTAINER ID" }, { "ImageID", "IMAGE ID" },
    { "CreatedHuman", "CREATED" }, { "CreatedAt", "CREATED AT" }, { "RunningFor", "CREATED" },
    { "ExitCode", "EXIT CODE" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (known); i++)
    {
      if (g_str_equal (known[i][0], field))
        return known[i][1];
    }

  return NULL;
}

/* podman has one word for those that were never started, whether or not they are ready to be, and does not tell
 * those that have ended from those that are also cleared away. */
static char **
expand_states (char **filters)
{
  static const char *const pairs[][3] = {
    { "status=created", "status=configured", "status=created" },
    { "status=exited", "status=stopped", "status=exited" },
    { "status=stopped", "status=stopped", "status=exited" },
  };
  g_autoptr(GStrvBuilder) expanded = g_strv_builder_new ();

  for (char **filter = filters; filter != NULL && *filter != NULL; filter++)
    {
      gsize i;

      for (i = 0; i < G_N_ELEMENTS (pairs) && !g_str_equal (*filter, pairs[i][0]); i++)
        continue;

      g_strv_builder_add (expanded, i < G_N_ELEMENTS (pairs) ? pairs[i][1] : *filter);
      if (i < G_N_ELEMENTS (pairs))
        g_strv_builder_add (expanded, pairs[i][2]);
    }

  return g_strv_builder_end (expanded);
}

/* Who asks for those that have ended means them, running or not. */
static gboolean
filters_by_state (char **filters)
{
  gboolean by_state = FALSE;

  for (char **filter = filters; *filter != NULL; filter++)
    by_state = by_state || g_str_has_prefix (*filter, "status=") || g_str_has_prefix (*filter, "exited=");

  return by_state;
}

/* Only what is shown is asked for: a command line is long, and so are labels. */
static GVariant *
make_options (CliApp           *app,
              const PsOptions  *ps,
              GError          **error)
{
  static const CliFilter known[] = {
    { "id", "id" }, { "name", "name" }, { "status", "state" }, { "ancestor", "image" }, { "label", "label" },
    { "exited", "exited", CLI_FILTER_NUMBERS }, { "before", "before", CLI_FILTER_STRING },
    { "since", "since", CLI_FILTER_STRING }, { "until", "until", CLI_FILTER_TIME },
    { "restart-policy", "restart-policy" }, { "requires", "depends" },
  };
  static const char *const ids[] = { "id", NULL };
  static const char *const all[] = {
    "id", "name", "namespace", "image", "image-id", "state", "pid", "exit-code", "created", "started", "finished",
    "auto-remove", "command", "labels", NULL
  };
  g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  const int last = ps->latest ? 1 : ps->last;
  g_auto(GStrv) filters = expand_states (ps->filters);

  if (!cli_filters_add (&builder, known, G_N_ELEMENTS (known), filters, error))
    return NULL;

  cli_add_namespace (app, &builder);
  g_variant_builder_add (&builder, "{sv}", "all",
                         g_variant_new_boolean (ps->all || last > 0 || filters_by_state (filters)));
  if (last > 0)
    g_variant_builder_add (&builder, "{sv}", "limit", g_variant_new_uint32 (last));
  if (ps->size)
    g_variant_builder_add (&builder, "{sv}", "size", g_variant_new_boolean (TRUE));
  g_variant_builder_add (&builder, "{sv}", "fields", g_variant_new_strv (ps->quiet ? ids : all, -1));
  return g_variant_builder_end (&builder);
}

static int
print_list (GVariant        *containers,
            const PsOptions *ps)
{
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  g_autoptr(GVariant) json = NULL;
  const gint64 now = g_get_real_time ();
  const gboolean as_json = cli_output_is_json (ps->format);
  const CliOutput output = {
    .format = ps->quiet ? "{{.ID}}" : ps->format,
    .table = ps->size ? TABLE TABLE_SIZE : TABLE,
    .no_heading = ps->no_heading,
    .heading = heading,
  };
  GVariantBuilder list;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("av"));
  for (gsize i = 0; i < g_variant_n_children (containers); i++)
    {
      g_autoptr(GVariant) container = g_variant_get_child_value (containers, i);

      if (as_json)
        g_variant_builder_add (&list, "v", cli_ps_json (container, now));
      else
        g_ptr_array_add (rows, g_variant_ref_sink (cli_ps_row (container, now, !ps->no_trunc)));
    }

  json = g_variant_ref_sink (g_variant_builder_end (&list));
  return cli_output_rows (&output, rows, json);
}

/* CONTAINERS, and after them those that only the storage knows. */
static GVariant *
add_external (CliApp    *app,
              GVariant  *containers,
              GError   **error)
{
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GVariant) externals = NULL;
  GVariantBuilder builder;

  reply = cli_call (app, CPOD_PATH_RUNTIME, CLI_RUNTIME, "ListStorageContainers",
                    g_variant_new ("(@a{sv})", cli_no_options ()), error);
  if (reply == NULL)
    return NULL;

  externals = g_variant_get_child_value (reply, 0);
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (gsize i = 0; i < g_variant_n_children (containers); i++)
    {
      g_autoptr(GVariant) container = g_variant_get_child_value (containers, i);

      g_variant_builder_add_value (&builder, container);
    }
  for (gsize i = 0; i < g_variant_n_children (externals); i++)
    {
      g_autoptr(GVariant) external = g_variant_get_child_value (externals, i);

      g_variant_builder_add_value (&builder, cli_ps_external (external));
    }
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

static int
list_containers (CliApp          *app,
                 const PsOptions *ps)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) containers = NULL;
  GVariant *options = make_options (app, ps, &error);
  CpodClient *client = options != NULL ? cli_connect (app, &error) : NULL;

  if (client != NULL)
    containers = cpod_client_list_containers_sync (client, options, NULL, &error);
  if (containers != NULL && ps->external)
    {
      g_autoptr(GVariant) known = g_steal_pointer (&containers);

      containers = add_external (app, known, &error);
    }
  if (containers == NULL)
    return cli_fail_error (error);

  return print_list (containers, ps);
}

int
cli_ps (CliApp        *app,
        const CliVerb *verb,
        int            argc,
        char         **argv)
{
  PsOptions ps = { .last = -1 };
  int status;
  const GOptionEntry entries[] = {
    { "all", 'a', 0, G_OPTION_ARG_NONE, &ps.all, N_("Show also those that do not run"), NULL },
    { "external", 0, 0, G_OPTION_ARG_NONE, &ps.external, N_("Show also those that only the storage knows"), NULL },
    { "filter", 'f', 0, G_OPTION_ARG_STRING_ARRAY, &ps.filters,
      N_("Show only those that fit; the manual tells the keys"), N_("KEY=VALUE") },
    { "format", 0, 0, G_OPTION_ARG_STRING, &ps.format, N_("json, or a template"), N_("FORMAT") },
    { "last", 'n', 0, G_OPTION_ARG_INT, &ps.last, N_("Show only the newest, running or not"), N_("NUMBER") },
    { "latest", 'l', 0, G_OPTION_ARG_NONE, &ps.latest, N_("Show only the newest one, running or not"), NULL },
    { "no-trunc", 0, 0, G_OPTION_ARG_NONE, &ps.no_trunc, N_("Do not shorten anything"), NULL },
    { "noheading", 0, 0, G_OPTION_ARG_NONE, &ps.no_heading, N_("Leave the heading out"), NULL },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &ps.quiet, N_("Show only the ids"), NULL },
    { "size", 's', 0, G_OPTION_ARG_NONE, &ps.size, N_("Measure them, and show how large they are"), NULL },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  if (ps.external && (ps.filters != NULL || ps.latest || ps.last > 0))
    status = cli_fail (_("--external lists all: it cannot be used with --filter, --last or --latest"));
  else
    status = argc == 1 ? list_containers (app, &ps) : cli_fail (_("unexpected argument \"%s\""), argv[1]);
  g_free (ps.format);
  g_strfreev (ps.filters);
  return status;
}
