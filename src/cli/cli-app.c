/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli-agent.h"
#include "cli/cli-booleans.h"
#include "cli/cli.h"

int
cli_fail (const char *format,
          ...)
{
  g_autofree char *message = NULL;
  va_list arguments;

  va_start (arguments, format);
  message = g_strdup_vprintf (format, arguments);
  va_end (arguments);

  fflush (stdout);
  /* Scripts look for this word, so it is not translated. */
  fprintf (stderr, "Error: %s\n", message);
  return CLI_EXIT_ERROR;
}

int
cli_fail_error (GError *error)
{
  cli_fail ("%s", error->message);

  if (g_error_matches (error, CPOD_ERROR, CPOD_ERROR_EXECUTABLE_NOT_FOUND))
    return CLI_EXIT_NOT_FOUND;
  if (g_error_matches (error, CPOD_ERROR, CPOD_ERROR_NOT_EXECUTABLE))
    return CLI_EXIT_NOT_EXECUTABLE;

  return CLI_EXIT_ERROR;
}

static void
show_help (GOptionContext *context)
{
  g_autofree char *help = g_option_context_get_help (context, TRUE, NULL);

  fputs (help, stdout);
}

gboolean
cli_parse (const CliVerb       *verb,
           const GOptionEntry  *entries,
           gboolean             options_first,
           int                 *argc,
           char              ***argv,
           int                 *status)
{
  g_autoptr(GOptionContext) context = g_option_context_new (verb->arguments != NULL ? _(verb->arguments) : NULL);
  g_autofree char *name = g_strconcat ("cpod ", verb->name, NULL);
  g_autoptr(GError) error = NULL;
  gboolean help = FALSE;
  const GOptionEntry help_entry[] = {
    { "help", 0, 0, G_OPTION_ARG_NONE, &help, N_("Show help"), NULL },
    { NULL }
  };

  g_set_prgname (name);
  g_option_context_set_summary (context, _(verb->summary));
  g_option_context_set_help_enabled (context, FALSE);
  g_option_context_set_translation_domain (context, GETTEXT_PACKAGE);
  g_option_context_set_strict_posix (context, options_first);
  if (entries != NULL)
    g_option_context_add_main_entries (context, entries, GETTEXT_PACKAGE);
  g_option_context_add_main_entries (context, help_entry, GETTEXT_PACKAGE);

  if (!cli_settle_booleans (entries, options_first, argc, *argv, &error)
      || !g_option_context_parse (context, argc, argv, &error))
    {
      *status = cli_fail_error (error);
      return FALSE;
    }

  if (help)
    {
      show_help (context);
      *status = EXIT_SUCCESS;
      return FALSE;
    }

  /* The end of the options has done its work; only a second one is an argument. */
  if (!options_first && *argc > 1 && g_strcmp0 ((*argv)[1], "--") == 0)
    {
      (*argv)[1] = (*argv)[0];
      (*argv)++;
      (*argc)--;
    }

  return TRUE;
}

/* GLib ignores SIGPIPE from its first socket on. A command whose reader has
 * gone ends of it, unless its caller wants it otherwise. */
CpodClient *
cli_connect (CliApp  *app,
             GError **error)
{
  struct sigaction pipe_action;

  if (app->client != NULL)
    return app->client;

  sigaction (SIGPIPE, NULL, &pipe_action);
  app->client = g_initable_new (CPOD_TYPE_CLIENT, NULL, error,
                                "bus-type", app->bus_type,
                                "address", app->address,
                                "private-peer", app->private_peer,
                                "flags", CPOD_CLIENT_FLAGS_NO_PROXIES,
                                "interactive", TRUE,
                                NULL);
  sigaction (SIGPIPE, &pipe_action, NULL);
  if (app->client != NULL)
    cli_agent_begin (app);
  return app->client;
}

GVariant *
cli_no_options (void)
{
  return g_variant_new_array (G_VARIANT_TYPE ("{sv}"), NULL, 0);
}

GVariant *
cli_call (CliApp      *app,
          const char  *path,
          const char  *interface,
          const char  *method,
          GVariant    *parameters,
          GError     **error)
{
  return cli_call_with_fds (app, path, interface, method, parameters, NULL, NULL, error);
}

GVariant *
cli_call_with_fds (CliApp       *app,
                   const char   *path,
                   const char   *interface,
                   const char   *method,
                   GVariant     *parameters,
                   GUnixFDList  *given,
                   GUnixFDList **got,
                   GError      **error)
{
  g_autoptr(GVariant) sunk = g_variant_ref_sink (parameters);
  g_autoptr(GError) local_error = NULL;
  GVariant *reply;

  if (cli_connect (app, error) == NULL)
    return NULL;

  reply = g_dbus_connection_call_with_unix_fd_list_sync (cpod_client_get_connection (app->client),
                                                         cpod_client_get_bus_name (app->client), path, interface,
                                                         method, sunk, NULL, CLI_CALL_FLAGS, G_MAXINT, given, got, NULL,
                                                         &local_error);
  if (reply != NULL)
    return reply;

  g_dbus_error_strip_remote_error (local_error);
  g_propagate_error (error, g_steal_pointer (&local_error));
  return NULL;
}

GVariant *
cli_call_job (CliApp      *app,
              const char  *path,
              const char  *interface,
              const char  *method,
              GVariant    *parameters,
              GError     **error)
{
  g_autoptr(GVariant) reply = cli_call (app, path, interface, method, parameters, error);
  const char *job;

  if (reply == NULL)
    return NULL;

  g_variant_get_child (reply, 0, "&o", &job);
  return cli_call (app, job, CLI_JOB, "Wait", g_variant_new ("(@a{sv})", cli_no_options ()), error);
}

void
cli_add_namespace (CliApp          *app,
                   GVariantBuilder *builder)
{
  if (app->name_space != NULL)
    g_variant_builder_add (builder, "{sv}", "namespace", g_variant_new_string (app->name_space));
}

GVariant *
cli_scope (CliApp *app)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  cli_add_namespace (app, &builder);
  return g_variant_builder_end (&builder);
}

char *
cli_find_container (CliApp      *app,
                    const char  *name,
                    GError     **error)
{
  g_autoptr(GVariant) reply = NULL;
  char *path = NULL;

  reply = cli_call (app, CPOD_PATH_RUNTIME, CLI_RUNTIME, "GetContainer",
                    g_variant_new ("(s@a{sv})", name, cli_scope (app)), error);
  if (reply != NULL)
    g_variant_get_child (reply, 0, "o", &path);

  return path;
}

char *
cli_find_image (CliApp      *app,
                const char  *name,
                GError     **error)
{
  g_autoptr(GVariant) reply = NULL;
  char *path = NULL;

  reply = cli_call (app, CPOD_PATH_RUNTIME, CLI_IMAGES, "GetImage",
                    g_variant_new ("(s@a{sv})", name, cli_no_options ()), error);
  if (reply != NULL)
    g_variant_get_child (reply, 0, "o", &path);

  return path;
}

char *
cli_find_latest (CliApp  *app,
                 GError **error)
{
  static const char *const fields[] = { "id", NULL };
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GVariant) columns = NULL;
  g_auto(GStrv) ids = NULL;
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  cli_add_namespace (app, &builder);
  g_variant_builder_add (&builder, "{sv}", "limit", g_variant_new_uint32 (1));
  g_variant_builder_add (&builder, "{sv}", "fields", g_variant_new_strv (fields, -1));
  reply = cli_call (app, CPOD_PATH_RUNTIME, CLI_RUNTIME, "ListContainers",
                    g_variant_new ("(@a{sv})", g_variant_builder_end (&builder)), error);
  if (reply == NULL)
    return NULL;

  columns = g_variant_get_child_value (reply, 0);
  if (g_variant_lookup (columns, "id", "^as", &ids) && ids[0] != NULL)
    return g_strdup (ids[0]);

  g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER, _("there is no container"));
  return NULL;
}

static int
do_for_latest (CliApp       *app,
               CliEachFunc   func,
               gpointer      user_data)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *id = cli_find_latest (app, &error);

  return id != NULL ? func (app, id, user_data) : cli_fail_error (error);
}

int
cli_for_each (CliApp       *app,
              char        **argv,
              CliEachFunc   func,
              gpointer      user_data)
{
  int status = EXIT_SUCCESS;

  if (app->latest && argv[1] != NULL)
    return cli_fail (_("--latest and names exclude each other"));

  if (app->latest)
    return do_for_latest (app, func, user_data);

  if (argv[1] == NULL)
    return cli_fail (_("you must give at least one name or id"));

  for (char **name = argv + 1; *name != NULL; name++)
    {
      int one = func (app, *name, user_data);

      if (one != EXIT_SUCCESS)
        status = one;
    }

  return status;
}

int
cli_for_all (CliApp       *app,
             char        **argv,
             CliListFunc   list,
             CliEachFunc   func,
             gpointer      user_data)
{
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) all = NULL;

  if (argv[1] != NULL || app->latest)
    return cli_fail (_("--all and names exclude each other"));

  all = list (app, &error);
  if (all == NULL)
    return cli_fail_error (error);

  return all[1] != NULL ? cli_for_each (app, all, func, user_data) : EXIT_SUCCESS;
}

char **
cli_list_ids (GVariant *rows)
{
  g_autoptr(GStrvBuilder) argv = g_strv_builder_new ();

  g_strv_builder_add (argv, "");
  for (gsize i = 0; i < g_variant_n_children (rows); i++)
    {
      g_autoptr(GVariant) row = g_variant_get_child_value (rows, i);
      const char *id = "";

      g_variant_lookup (row, "id", "&s", &id);
      g_strv_builder_add (argv, id);
    }

  return g_strv_builder_end (argv);
}
