/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli-attach.h"

/* What the command line says. */
typedef struct
{
  gboolean detach;
  gboolean interactive;
  gboolean privileged;
  gboolean tty;
  char *detach_keys;
  char *user;
  char *workdir;
  char **env;
  char **env_files;
  char **command;               /* (unowned) */
} ExecOptions;

static void
exec_options_clear (ExecOptions *options)
{
  g_clear_pointer (&options->detach_keys, g_free);
  g_clear_pointer (&options->user, g_free);
  g_clear_pointer (&options->workdir, g_free);
  g_clear_pointer (&options->env, g_strfreev);
  g_clear_pointer (&options->env_files, g_strfreev);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ExecOptions, exec_options_clear)

static gboolean
parse (CliApp         *app,
       const CliVerb  *verb,
       ExecOptions    *options,
       int            *argc,
       char         ***argv,
       int            *status)
{
  const GOptionEntry entries[] = {
    { "detach", 'd', 0, G_OPTION_ARG_NONE, &options->detach, N_("Do not wait for the command; print the session's id"),
      NULL },
    { "detach-keys", 0, 0, G_OPTION_ARG_STRING, &options->detach_keys,
      N_("Keys that leave the command to itself"), N_("KEY[,KEY…]") },
    { "env", 'e', 0, G_OPTION_ARG_STRING_ARRAY, &options->env, N_("Set an environment variable"), N_("KEY[=VALUE]") },
    { "env-file", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->env_files, N_("Set the environment variables of a file"), N_("FILE") },
    { "interactive", 'i', 0, G_OPTION_ARG_NONE, &options->interactive, N_("Pass on standard input"), NULL },
    { "privileged", 0, 0, G_OPTION_ARG_NONE, &options->privileged, N_("Give extended privileges"), NULL },
    { "tty", 't', 0, G_OPTION_ARG_NONE, &options->tty, N_("Give it a terminal"), NULL },
    { "user", 'u', 0, G_OPTION_ARG_STRING, &options->user, N_("Run as this user"), N_("USER[:GROUP]") },
    { "workdir", 'w', 0, G_OPTION_ARG_STRING, &options->workdir, N_("Set the working directory"), N_("DIRECTORY") },
    CLI_LATEST_ENTRY (app),
    { NULL }
  };

  return cli_parse (verb, entries, TRUE, argc, argv, status);
}

/* The parameters of Exec. */
static GVariant *
to_call (const ExecOptions  *options,
         GError            **error)
{
  g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  guint32 rows;
  guint32 columns;

  if (!cli_add_env (&builder, options->env_files, options->env, error))
    return NULL;

  if (options->user != NULL)
    g_variant_builder_add (&builder, "{sv}", "user", g_variant_new_string (options->user));
  if (options->workdir != NULL)
    g_variant_builder_add (&builder, "{sv}", "workdir", g_variant_new_string (options->workdir));
  if (options->tty && cli_terminal_get_size (&rows, &columns))
    g_variant_builder_add (&builder, "{sv}", "size", g_variant_new ("(uu)", rows, columns));

  g_variant_builder_add (&builder, "{sv}", "privileged", g_variant_new_boolean (options->privileged));
  g_variant_builder_add (&builder, "{sv}", "tty", g_variant_new_boolean (options->tty));
  g_variant_builder_add (&builder, "{sv}", "stdin", g_variant_new_boolean (options->interactive));
  g_variant_builder_add (&builder, "{sv}", "auto-remove", g_variant_new_boolean (!options->detach));
  g_variant_builder_add (&builder, "{sv}", "foreground", g_variant_new_boolean (!options->detach));
  return g_variant_new ("(^as@a{sv})", options->command, g_variant_builder_end (&builder));
}

static int
report_failure (CliAttach *attach,
                GError    *error)
{
  return cli_attach_signal (attach) != 0 ? 128 + cli_attach_signal (attach) : cli_fail_error (error);
}

static int
run (CliApp            *app,
     CliAttach         *attach,
     const ExecOptions *options,
     const char        *session,
     const char        *id)
{
  g_autoptr(CliTerminal) terminal = NULL;
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GError) error = NULL;
  CliAttachOptions attach_options = { .with_input = options->interactive };
  int exit_code;

  if (options->detach)
    {
      reply = cli_attach_call (attach, session, CLI_EXEC, "Start", g_variant_new ("(@a{sv})", cli_no_options ()),
                               NULL, &error);
      if (reply == NULL)
        return report_failure (attach, error);

      puts (id);
      return EXIT_SUCCESS;
    }

  if (options->tty)
    {
      terminal = cli_terminal_new (app, options->detach_keys, &error);
      if (terminal == NULL)
        return cli_fail_error (error);
    }

  attach_options.terminal = terminal;
  if (!cli_attach_exec (attach, session, &attach_options, &exit_code, &error))
    {
      g_clear_pointer (&terminal, cli_terminal_free);   /* the message needs an orderly one */
      return report_failure (attach, error);
    }

  return exit_code & 0xff;
}

static int
exec_in (CliApp            *app,
         const char        *name,
         const ExecOptions *options)
{
  g_autoptr(CliAttach) attach = NULL;
  g_autoptr(GVariant) created = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *path = NULL;
  GVariant *call;
  const char *session;
  const char *id;

  if (!cli_check_command (options->command, &error))
    return cli_fail_error (error);

  attach = cli_attach_new (app);
  path = cli_find_container (app, name, &error);
  call = path != NULL ? to_call (options, &error) : NULL;
  if (call != NULL)
    created = cli_attach_call (attach, path, CLI_CONTAINER, "Exec", call, NULL, &error);
  if (created == NULL)
    return report_failure (attach, error);

  g_variant_get_child (created, 0, "&o", &session);
  g_variant_get_child (created, 1, "&s", &id);
  return run (app, attach, options, session, id);
}

int
cli_exec (CliApp        *app,
          const CliVerb *verb,
          int            argc,
          char         **argv)
{
  g_auto(ExecOptions) options = { 0 };
  g_autoptr(GError) error = NULL;
  g_autofree char *latest = NULL;
  char **words;
  int status;

  if (!parse (app, verb, &options, &argc, &argv, &status))
    return status;

  words = argv + 1;
  if (argc > 1 && g_str_equal (*words, "--"))
    words++;

  if (!app->latest && *words == NULL)
    return cli_fail (_("a container and a command must be given"));

  options.command = app->latest ? words : words + 1;
  if (*options.command == NULL)
    return cli_fail (_("a command must be given"));

  if (app->latest)
    latest = cli_find_latest (app, &error);
  if (error != NULL)
    return cli_fail_error (error);

  return exec_in (app, app->latest ? latest : *words, &options);
}
