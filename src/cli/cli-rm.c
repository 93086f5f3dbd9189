/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"

/* podman's: some container does not exist, some container runs. */
#define EXIT_NO_SUCH_CONTAINER 1
#define EXIT_RUNNING 2

typedef struct
{
  const char *method;
  gboolean force;
  gboolean depend;
  int timeout;
} RmOptions;

/* What removing and its preview have in common. */
static void
add_options (CliApp          *app,
             const RmOptions *rm,
             GVariantBuilder *builder)
{
  cli_add_namespace (app, builder);
  if (rm->force)
    g_variant_builder_add (builder, "{sv}", "force", g_variant_new_boolean (TRUE));
  if (rm->depend)
    g_variant_builder_add (builder, "{sv}", "depend", g_variant_new_boolean (TRUE));
}

/* podman's exit statuses. With --force, what is to be gone may be gone. */
static int
report (const RmOptions *rm,
        GError          *error)
{
  if (g_error_matches (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER))
    return rm->force ? EXIT_SUCCESS : (cli_fail_error (error), EXIT_NO_SUCH_CONTAINER);

  cli_fail_error (error);
  return g_error_matches (error, CPOD_ERROR, CPOD_ERROR_INVALID_STATE) ? EXIT_RUNNING : CLI_EXIT_ERROR;
}

static int
rm_one (CliApp     *app,
        const char *name,
        gpointer    user_data)
{
  const RmOptions *rm = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = NULL;
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  add_options (app, rm, &options);
  if (rm->timeout >= 0)
    g_variant_builder_add (&options, "{sv}", "timeout", g_variant_new_uint32 (rm->timeout));
  reply = cli_call (app, CPOD_PATH_RUNTIME, CLI_RUNTIME, rm->method,
                    g_variant_new ("(s@a{sv})", name, g_variant_builder_end (&options)), &error);
  if (reply == NULL)
    return report (rm, error);

  puts (name);
  return EXIT_SUCCESS;
}

/* Prints the ids of what would go, or tells what is in the way. */
static int
preview_one (CliApp     *app,
             const char *name,
             gpointer    user_data)
{
  const RmOptions *rm = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GVariant) blockers = NULL;
  g_auto(GStrv) ids = NULL;
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  add_options (app, rm, &options);
  reply = cli_call (app, CPOD_PATH_RUNTIME, CLI_RUNTIME, "RemovePreview",
                    g_variant_new ("(s@a{sv})", name, g_variant_builder_end (&options)), &error);
  if (reply == NULL)
    return report (rm, error);

  g_variant_get (reply, "(^as@aa{sv})", &ids, &blockers);
  for (gsize i = 0; i < g_variant_n_children (blockers); i++)
    {
      g_autoptr(GVariant) blocker = g_variant_get_child_value (blockers, i);
      const char *text = "";

      g_variant_lookup (blocker, "text", "&s", &text);
      cli_fail ("%s", text);
    }
  if (g_variant_n_children (blockers) > 0)
    return CLI_EXIT_ERROR;

  for (char **id = ids; *id != NULL; id++)
    puts (*id);
  return EXIT_SUCCESS;
}

static int
rm_storage_one (CliApp     *app,
                const char *name,
                gpointer    user_data)
{
  const RmOptions *rm = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = NULL;
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (rm->force)
    g_variant_builder_add (&options, "{sv}", "force", g_variant_new_boolean (TRUE));
  reply = cli_call (app, CPOD_PATH_RUNTIME, CLI_RUNTIME, "RemoveStorageContainer",
                    g_variant_new ("(s@a{sv})", name, g_variant_builder_end (&options)), &error);
  if (reply == NULL)
    return report (rm, error);

  puts (name);
  return EXIT_SUCCESS;
}

int
cli_rm (CliApp        *app,
        const CliVerb *verb,
        int            argc,
        char         **argv)
{
  RmOptions rm = { .method = verb->method, .timeout = -1 };
  gboolean dry_run = FALSE;
  gboolean storage = FALSE;
  int status;
  const GOptionEntry entries[] = {
    { "depend", 0, 0, G_OPTION_ARG_NONE, &rm.depend, N_("Remove the containers that depend on them, too"), NULL },
    { "dry-run", 0, 0, G_OPTION_ARG_NONE, &dry_run, N_("Only show what would be removed"), NULL },
    CLI_LATEST_ENTRY (app),
    { "force", 'f', 0, G_OPTION_ARG_NONE, &rm.force, N_("Stop running containers first"), NULL },
    { "storage", 0, 0, G_OPTION_ARG_NONE, &storage, N_("Remove containers that only the storage knows"), NULL },
    { "time", 't', 0, G_OPTION_ARG_INT, &rm.timeout, N_("Time between the stop signal and SIGKILL"), N_("SECONDS") },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  if (storage && (dry_run || rm.depend || app->latest))
    return cli_fail (_("--storage can be used with --force alone"));

  if (storage)
    return cli_for_each (app, argv, rm_storage_one, &rm);

  return cli_for_each (app, argv, dry_run ? preview_one : rm_one, &rm);
}

int
cli_container_evict (CliApp        *app,
                     const CliVerb *verb,
                     int            argc,
                     char         **argv)
{
  RmOptions rm = { .method = verb->method, .timeout = -1 };
  int status;

  if (!cli_parse (verb, NULL, FALSE, &argc, &argv, &status))
    return status;

  return cli_for_each (app, argv, rm_one, &rm);
}
