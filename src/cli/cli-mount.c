/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/cli-mounts.h"
#include "cli/cli-text.h"

#define LIST_FORMAT "{{.ID}} {{.MountPoint}}"

typedef struct
{
  const char *method;           /* of a container; with "StorageContainer" after it, of the runtime */
  gboolean force;
  gboolean with_path;           /* print where it is mounted, too */
} MountCall;

static GVariant *
make_options (const MountCall *call)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  if (call->force)
    g_variant_builder_add (&builder, "{sv}", "force", g_variant_new_boolean (TRUE));
  return g_variant_builder_end (&builder);
}

/* What the engine does not know, the storage may; only "there is none" says so. */
static GVariant *
call_for (CliApp           *app,
          const MountCall  *call,
          const char       *name,
          GError          **error)
{
  g_autoptr(GError) failure = NULL;
  g_autofree char *path = cli_find_container (app, name, &failure);
  g_autofree char *method = g_strconcat (call->method, "StorageContainer", NULL);

  if (path != NULL)
    return cli_call (app, path, CLI_CONTAINER, call->method, g_variant_new ("(@a{sv})", make_options (call)), error);

  if (g_error_matches (failure, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER))
    return cli_call (app, CPOD_PATH_RUNTIME, CLI_RUNTIME, method,
                     g_variant_new ("(s@a{sv})", name, make_options (call)), error);

  g_propagate_error (error, g_steal_pointer (&failure));
  return NULL;
}

static int
mount_one (CliApp     *app,
           const char *name,
           gpointer    user_data)
{
  const MountCall *call = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = call_for (app, call, name, &error);
  const char *path;

  if (reply == NULL)
    return cli_fail_error (error);

  g_variant_get_child (reply, 0, "&s", &path);
  if (call->with_path)
    printf ("%s %s\n", name, path);
  else
    puts (path);
  return EXIT_SUCCESS;
}

static int
unmount_one (CliApp     *app,
             const char *name,
             gpointer    user_data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = call_for (app, user_data, name, &error);

  if (reply == NULL)
    return cli_fail_error (error);

  puts (name);
  return EXIT_SUCCESS;
}

static GVariant *
list_mounts (CliApp  *app,
             GError **error)
{
  g_autoptr(GVariant) reply = cli_call (app, CPOD_PATH_RUNTIME, CLI_RUNTIME, "ListMounts",
                                        g_variant_new ("(@a{sv})", cli_scope (app)), error);

  return reply != NULL ? g_variant_get_child_value (reply, 0) : NULL;
}

static int
print_mounts (CliApp     *app,
              const char *format,
              gboolean    truncate)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) mounts = list_mounts (app, &error);
  const CliOutput output = { .format = format, .table = LIST_FORMAT };

  return mounts != NULL ? cli_print_mounts (&output, mounts, "Names", truncate) : cli_fail_error (error);
}

/* Names of all containers, as an argv. */
static char **
list_all (CliApp  *app,
          GError **error)
{
  static const char *const fields[] = { "id", NULL };
  g_autoptr(GVariant) containers = NULL;
  GVariantBuilder builder;
  CpodClient *client = cli_connect (app, error);

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  cli_add_namespace (app, &builder);
  g_variant_builder_add (&builder, "{sv}", "fields", g_variant_new_strv (fields, -1));
  if (client != NULL)
    containers = cpod_client_list_containers_sync (client, g_variant_builder_end (&builder), NULL, error);
  else
    g_variant_builder_clear (&builder);
  return containers != NULL ? cli_list_ids (containers) : NULL;
}

/* The same for those that are mounted. */
static char **
list_mounted (CliApp  *app,
              GError **error)
{
  g_autoptr(GVariant) mounts = list_mounts (app, error);

  return mounts != NULL ? cli_list_ids (mounts) : NULL;
}

int
cli_mount (CliApp        *app,
           const CliVerb *verb,
           int            argc,
           char         **argv)
{
  g_autofree char *format = NULL;
  MountCall call = { .method = verb->method };
  gboolean all = FALSE;
  gboolean no_trunc = FALSE;
  int status;
  const GOptionEntry entries[] = {
    { "all", 'a', 0, G_OPTION_ARG_NONE, &all, N_("Mount all containers"), NULL },
    { "format", 0, 0, G_OPTION_ARG_STRING, &format, N_("json, or a template"), N_("FORMAT") },
    CLI_LATEST_ENTRY (app),
    { "no-trunc", 0, 0, G_OPTION_ARG_NONE, &no_trunc, N_("Do not shorten anything"), NULL },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  if (argc == 1 && !all && !app->latest)
    return print_mounts (app, format, !no_trunc);

  if (format != NULL)
    return cli_fail (_("--format is for the list of what is mounted"));

  call.with_path = all || argc > 2;
  return all ? cli_for_all (app, argv, list_all, mount_one, &call) : cli_for_each (app, argv, mount_one, &call);
}

int
cli_umount (CliApp        *app,
            const CliVerb *verb,
            int            argc,
            char         **argv)
{
  MountCall call = { .method = verb->method };
  gboolean all = FALSE;
  int status;
  const GOptionEntry entries[] = {
    { "all", 'a', 0, G_OPTION_ARG_NONE, &all, N_("Unmount all that are mounted"), NULL },
    { "force", 'f', 0, G_OPTION_ARG_NONE, &call.force, N_("Take all mounts back, whoever uses them"), NULL },
    CLI_LATEST_ENTRY (app),
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  return all ? cli_for_all (app, argv, list_mounted, unmount_one, &call) : cli_for_each (app, argv, unmount_one, &call);
}
