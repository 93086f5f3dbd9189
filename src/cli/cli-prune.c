/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/cli-filters.h"
#include "cli/cli-text.h"

static GVariant *
make_options (CliApp  *app,
              char   **filters,
              GError **error)
{
  static const CliFilter known[] = {
    { "label", "label" }, { "until", "until", CLI_FILTER_TIME },
  };
  g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  if (!cli_filters_add (&builder, known, G_N_ELEMENTS (known), filters, error))
    return NULL;

  cli_add_namespace (app, &builder);
  return g_variant_builder_end (&builder);
}

/* Scripts read these lines as they read podman's, so they are not translated. */
static void
print_ids (GVariant   *ids,
           guint64     bytes,
           const char *title)
{
  g_autofree const char **list = g_variant_get_strv (ids, NULL);
  g_autofree char *size = cli_text_size (bytes);

  for (const char **id = list; *id != NULL; id++)
    puts (*id);
  printf ("%s: %s\n", title, size);
}

static int
print_errors (GVariant *errors)
{
  GVariantIter iter;
  const char *id;
  const char *message;
  int status = EXIT_SUCCESS;

  g_variant_iter_init (&iter, errors);
  while (g_variant_iter_next (&iter, "{&s&s}", &id, &message))
    status = cli_fail ("%s: %s", id, message);

  return status;
}

static int
preview (CliApp   *app,
         GVariant *options)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GVariant) ids = NULL;
  guint64 bytes;

  reply = cli_call (app, CPOD_PATH_RUNTIME, CLI_RUNTIME, "PrunePreview", g_variant_new ("(@a{sv})", options), &error);
  if (reply == NULL)
    return cli_fail_error (error);

  g_variant_get (reply, "(@ast)", &ids, &bytes);
  print_ids (ids, bytes, "Total reclaimable space");
  return EXIT_SUCCESS;
}

static int
prune (CliApp   *app,
       GVariant *options)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GVariant) result = NULL;
  g_autoptr(GVariant) removed = NULL;
  g_autoptr(GVariant) errors = NULL;
  guint64 bytes = 0;

  reply = cli_call_job (app, CPOD_PATH_RUNTIME, CLI_RUNTIME, "PruneContainers",
                        g_variant_new ("(@a{sv})", options), &error);
  if (reply == NULL)
    return cli_fail_error (error);

  result = g_variant_get_child_value (reply, 0);
  removed = g_variant_lookup_value (result, "removed", G_VARIANT_TYPE_STRING_ARRAY);
  errors = g_variant_lookup_value (result, "errors", G_VARIANT_TYPE ("a{ss}"));
  if (removed == NULL || errors == NULL || !g_variant_lookup (result, "bytes", "t", &bytes))
    return cli_fail (_("the result of the job is incomplete"));

  print_ids (removed, bytes, "Total reclaimed space");
  return print_errors (errors);
}

/* Only who sits at a terminal can be asked. */
static gboolean
may_go_on (int *status)
{
  char answer[16] = "";

  if (!isatty (STDIN_FILENO))
    {
      *status = cli_fail (_("--force must be given where nobody can be asked"));
      return FALSE;
    }

  printf ("%s\n%s [y/N] ", _("This removes all containers that do not run."), _("Go on?"));
  fflush (stdout);
  *status = EXIT_SUCCESS;
  return fgets (answer, sizeof answer, stdin) != NULL && g_ascii_tolower (answer[0]) == 'y';
}

int
cli_container_prune (CliApp        *app,
                     const CliVerb *verb,
                     int            argc,
                     char         **argv)
{
  g_auto(GStrv) filters = NULL;
  g_autoptr(GVariant) options = NULL;
  g_autoptr(GError) error = NULL;
  gboolean dry_run = FALSE;
  gboolean force = FALSE;
  int status;
  const GOptionEntry entries[] = {
    { "dry-run", 0, 0, G_OPTION_ARG_NONE, &dry_run, N_("Only show what would be removed"), NULL },
    { "filter", 0, 0, G_OPTION_ARG_STRING_ARRAY, &filters,
      N_("Remove only those with this label, or created until this time"), N_("KEY=VALUE") },
    { "force", 'f', 0, G_OPTION_ARG_NONE, &force, N_("Do not ask"), NULL },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  if (argc > 1)
    return cli_fail (_("unexpected argument \"%s\""), argv[1]);

  options = make_options (app, filters, &error);
  if (options == NULL)
    return cli_fail_error (error);

  g_variant_ref_sink (options);
  if (dry_run)
    return preview (app, options);

  return force || may_go_on (&status) ? prune (app, options) : status;
}
