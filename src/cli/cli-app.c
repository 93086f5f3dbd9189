/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

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

  if (!g_option_context_parse (context, argc, argv, &error))
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
                                NULL);
  sigaction (SIGPIPE, &pipe_action, NULL);
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
  g_autoptr(GVariant) sunk = g_variant_ref_sink (parameters);
  g_autoptr(GError) local_error = NULL;
  GVariant *reply;

  if (cli_connect (app, error) == NULL)
    return NULL;

  reply = g_dbus_connection_call_sync (cpod_client_get_connection (app->client),
                                       cpod_client_get_bus_name (app->client), path, interface, method,
                                       sunk, NULL, G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL, &local_error);
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

char *
cli_find_container (CliApp      *app,
                    const char  *name,
                    GError     **error)
{
  g_autoptr(GVariant) reply = NULL;
  char *path = NULL;

  reply = cli_call (app, CPOD_PATH_RUNTIME, CLI_RUNTIME, "GetContainer",
                    g_variant_new ("(s@a{sv})", name, cli_no_options ()), error);
  if (reply != NULL)
    g_variant_get_child (reply, 0, "o", &path);

  return path;
}

int
cli_for_each (CliApp       *app,
              char        **argv,
              CliEachFunc   func,
              gpointer      user_data)
{
  int status = EXIT_SUCCESS;

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
