/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/cli-filters.h"
#include "cli/cli-text.h"

/* What is pruned. */
typedef struct
{
  const char *interface;
  const char *method;           /* gives a job */
  const char *question;         /* to be translated */
  const char *title;            /* of what was removed, for who reads podman's */
} Prune;

static const Prune containers = {
  CLI_RUNTIME, "PruneContainers", N_("This removes all containers that do not run."),
  "Deleted Containers"
};
static const Prune unnamed_images = {
  CLI_IMAGES, "PruneImages", N_("This removes all images without a name that nothing needs."),
  "Deleted Images"
};
static const Prune unused_images = {
  CLI_IMAGES, "PruneImages", N_("This removes all images that no container is made of."),
  "Deleted Images"
};
static const Prune everything = {
  NULL, NULL, N_("This removes all containers that do not run, and all images without a name that nothing needs."), NULL
};
static const Prune everything_unused = {
  NULL, NULL, N_("This removes all containers that do not run, and all images that no container is made of then."), NULL
};

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
preview (CliApp      *app,
         const Prune *prune,
         GVariant    *options)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GVariant) ids = NULL;
  guint64 bytes;

  reply = cli_call (app, CPOD_PATH_RUNTIME, prune->interface, "PrunePreview", g_variant_new ("(@a{sv})", options),
                    &error);
  if (reply == NULL)
    return cli_fail_error (error);

  g_variant_get (reply, "(@ast)", &ids, &bytes);
  print_ids (ids, bytes, "Total reclaimable space");
  return EXIT_SUCCESS;
}

/* What the job has removed and what it could not, with the bytes that this has freed added to BYTES. */
static gboolean
run_job (CliApp       *app,
         const Prune  *prune,
         GVariant     *options,
         GVariant    **removed,
         GVariant    **errors,
         guint64      *bytes,
         GError      **error)
{
  g_autoptr(GVariant) reply = cli_call_job (app, CPOD_PATH_RUNTIME, prune->interface, prune->method,
                                            g_variant_new ("(@a{sv})", options), error);
  g_autoptr(GVariant) result = NULL;
  guint64 freed = 0;

  if (reply == NULL)
    return FALSE;

  result = g_variant_get_child_value (reply, 0);
  *removed = g_variant_lookup_value (result, "removed", G_VARIANT_TYPE_STRING_ARRAY);
  *errors = g_variant_lookup_value (result, "errors", G_VARIANT_TYPE ("a{ss}"));
  if (*removed == NULL || *errors == NULL || !g_variant_lookup (result, "bytes", "t", &freed))
    {
      g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_FAILED, _("the result of the job is incomplete"));
      return FALSE;
    }

  *bytes += freed;
  return TRUE;
}

static int
prune_all (CliApp      *app,
           const Prune *prune,
           GVariant    *options)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) removed = NULL;
  g_autoptr(GVariant) errors = NULL;
  guint64 bytes = 0;

  if (!run_job (app, prune, options, &removed, &errors, &bytes, &error))
    return cli_fail_error (error);

  print_ids (removed, bytes, "Total reclaimed space");
  return print_errors (errors);
}

/* One part of a prune of everything. */
static int
prune_part (CliApp      *app,
            const Prune *prune,
            GVariant    *options,
            guint64     *bytes)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) removed = NULL;
  g_autoptr(GVariant) errors = NULL;
  g_autofree const char **ids = NULL;

  if (!run_job (app, prune, options, &removed, &errors, bytes, &error))
    return cli_fail_error (error);

  ids = g_variant_get_strv (removed, NULL);
  if (ids[0] != NULL)
    puts (prune->title);
  for (const char **id = ids; *id != NULL; id++)
    puts (*id);

  return print_errors (errors);
}

/* Only who sits at a terminal can be asked. */
static gboolean
may_go_on (const Prune *prune,
           int         *status)
{
  char answer[16] = "";

  if (!isatty (STDIN_FILENO))
    {
      *status = cli_fail (_("--force must be given where nobody can be asked"));
      return FALSE;
    }

  printf ("%s\n%s [y/N] ", _(prune->question), _("Go on?"));
  fflush (stdout);
  *status = EXIT_SUCCESS;
  return fgets (answer, sizeof answer, stdin) != NULL && g_ascii_tolower (answer[0]) == 'y';
}

/* What both verbs do once their options are known; takes OPTIONS, which are floating, or NULL with ERROR. */
static int
run (CliApp      *app,
     const Prune *prune,
     GVariant    *options,
     GError      *error,
     gboolean     dry_run,
     gboolean     force)
{
  g_autoptr(GVariant) sunk = options != NULL ? g_variant_ref_sink (options) : NULL;
  int status;

  if (sunk == NULL)
    return cli_fail_error (error);

  if (dry_run)
    return preview (app, prune, sunk);

  return force || may_go_on (prune, &status) ? prune_all (app, prune, sunk) : status;
}

int
cli_container_prune (CliApp        *app,
                     const CliVerb *verb,
                     int            argc,
                     char         **argv)
{
  static const CliFilter known[] = {
    { "label", "label" }, { "until", "until", CLI_FILTER_TIME },
  };
  g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_auto(GStrv) filters = NULL;
  g_autoptr(GError) error = NULL;
  gboolean dry_run = FALSE;
  gboolean force = FALSE;
  gboolean fits;
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

  cli_add_namespace (app, &builder);
  fits = cli_filters_add (&builder, known, G_N_ELEMENTS (known), filters, &error);
  return run (app, &containers, fits ? g_variant_builder_end (&builder) : NULL, error, dry_run, force);
}

int
cli_image_prune (CliApp        *app,
                 const CliVerb *verb,
                 int            argc,
                 char         **argv)
{
  static const CliFilter known[] = {
    { "label", "label" }, { "label!", "label-not" }, { "until", "until", CLI_FILTER_TIME },
  };
  g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_auto(GStrv) filters = NULL;
  g_autoptr(GError) error = NULL;
  gboolean all = FALSE;
  gboolean dry_run = FALSE;
  gboolean force = FALSE;
  gboolean fits;
  int status;
  const GOptionEntry entries[] = {
    { "all", 'a', 0, G_OPTION_ARG_NONE, &all, N_("Remove also those with names, if no container is made of them"), NULL },
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

  if (all)
    g_variant_builder_add (&builder, "{sv}", "all", g_variant_new_boolean (TRUE));
  fits = cli_filters_add (&builder, known, G_N_ELEMENTS (known), filters, &error);
  return run (app, all ? &unused_images : &unnamed_images, fits ? g_variant_builder_end (&builder) : NULL, error,
              dry_run, force);
}

/* The options for both, which filters apply to alike; NULL with an error. */
static GVariant *
system_options (char     **filters,
                gboolean   all,
                CliApp    *app,
                GError   **error)
{
  static const CliFilter known[] = {
    { "label", "label" }, { "until", "until", CLI_FILTER_TIME },
  };
  g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  if (app != NULL)
    cli_add_namespace (app, &builder);
  if (all)
    g_variant_builder_add (&builder, "{sv}", "all", g_variant_new_boolean (TRUE));
  if (!cli_filters_add (&builder, known, G_N_ELEMENTS (known), filters, error))
    return NULL;

  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

/* Containers first, so that their images go as well. */
static int
prune_system (CliApp    *app,
              char     **filters,
              gboolean   all)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) of_containers = system_options (filters, FALSE, app, &error);
  g_autoptr(GVariant) of_images = of_containers != NULL ? system_options (filters, all, NULL, &error) : NULL;
  g_autofree char *size = NULL;
  guint64 bytes = 0;
  int status;
  int images_status;

  if (of_images == NULL)
    return cli_fail_error (error);

  status = prune_part (app, &containers, of_containers, &bytes);
  images_status = prune_part (app, all ? &unused_images : &unnamed_images, of_images, &bytes);
  size = cli_text_size (bytes);
  printf ("%s: %s\n", "Total reclaimed space", size);
  return status != EXIT_SUCCESS ? status : images_status;
}

int
cli_system_prune (CliApp        *app,
                  const CliVerb *verb,
                  int            argc,
                  char         **argv)
{
  g_auto(GStrv) filters = NULL;
  gboolean all = FALSE;
  gboolean force = FALSE;
  int status;
  const GOptionEntry entries[] = {
    { "all", 'a', 0, G_OPTION_ARG_NONE, &all, N_("Remove also images with names, if no container is made of them"), NULL },
    { "filter", 0, 0, G_OPTION_ARG_STRING_ARRAY, &filters,
      N_("Remove only those with this label, or created until this time"), N_("KEY=VALUE") },
    { "force", 'f', 0, G_OPTION_ARG_NONE, &force, N_("Do not ask"), NULL },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  if (argc > 1)
    return cli_fail (_("unexpected argument \"%s\""), argv[1]);

  return force || may_go_on (all ? &everything_unused : &everything, &status) ? prune_system (app, filters, all) : status;
}
