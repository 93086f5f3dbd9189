/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli-attach.h"
#include "cli/cli-create-options.h"

/* A container that was to go by itself does not stay because it could not be started. */
static void
remove_unstarted (CliApp     *app,
                  const char *path)
{
  GVariantBuilder options;
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GError) error = NULL;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&options, "{sv}", "force", g_variant_new_boolean (TRUE));
  g_variant_builder_add (&options, "{sv}", "timeout", g_variant_new_uint32 (0));
  reply = cli_call (app, path, CLI_CONTAINER, "Remove",
                    g_variant_new ("(@a{sv})", g_variant_builder_end (&options)), &error);
  /* It may have gone by itself in the meantime. */
  if (reply == NULL && !g_error_matches (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER)
      && !g_error_matches (error, CPOD_ERROR, CPOD_ERROR_BEING_REMOVED)
      && !g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_OBJECT)
      && !g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_METHOD))
    cli_fail (_("failed to remove the container that did not start: %s"), error->message);
}

static int
report_failure (CliApp                 *app,
                const CliCreateOptions *options,
                CliAttach              *attach,
                const char             *path,
                GError                 *error)
{
  const int caught = attach != NULL ? cli_attach_signal (attach) : 0;
  int status = 128 + caught;

  if (caught == 0)
    status = cli_fail_error (error);
  if (options->remove && path != NULL && !cli_attach_has_started (attach))
    remove_unstarted (app, path);

  return status;
}

/* Starts the container at PATH without waiting for its end. */
static int
run_detached (CliApp                 *app,
              const CliCreateOptions *options,
              CliAttach              *attach,
              const char             *path,
              const char             *id)
{
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GError) error = NULL;

  reply = cli_attach_call (attach, path, CLI_CONTAINER, "Start", g_variant_new ("(@a{sv})", cli_no_options ()),
                           NULL, &error);
  if (reply == NULL)
    return report_failure (app, options, attach, path, error);

  puts (id);
  return EXIT_SUCCESS;
}

static int
run_attached (CliApp                 *app,
              const CliCreateOptions *options,
              CliAttach              *attach,
              const char             *path)
{
  CliAttachOptions attach_options = { .with_input = options->interactive, .until_removed = options->remove,
                                      .ignore_signals = !options->sig_proxy };
  g_autoptr(CliTerminal) terminal = NULL;
  g_autoptr(GError) error = NULL;
  int exit_code;

  if (options->tty)
    {
      terminal = cli_terminal_new (app, options->detach_keys, &error);
      if (terminal == NULL)
        return report_failure (app, options, attach, path, error);
    }

  attach_options.terminal = terminal;
  if (cli_attach_run (attach, path, &attach_options, &exit_code, &error))
    return exit_code & 0xff;

  g_clear_pointer (&terminal, cli_terminal_free);       /* the message needs an orderly one */
  return report_failure (app, options, attach, path, error);
}

/* Pulls what is to be pulled anyway. The connection is made while signals are blocked, see cli_attach_new(). */
static gboolean
prepare (CliApp            *app,
         CliCreateOptions  *options,
         GError           **error)
{
  CliAttach *guard = cli_attach_new (app);
  const gboolean connected = cli_connect (app, error) != NULL;

  cli_attach_release (guard);
  return connected && cli_create_options_prepare (options, app, error);
}

static GVariant *
create (CliApp                  *app,
        const CliCreateOptions  *options,
        CliAttach              **attach,
        GError                 **error)
{
  GVariant *call = cli_create_options_to_call (options, app, error);

  if (call == NULL)
    return NULL;

  *attach = cli_attach_new (app);
  return cli_attach_call (*attach, CPOD_PATH_RUNTIME, CLI_RUNTIME, "Create", call, NULL, error);
}

int
cli_run (CliApp        *app,
         const CliVerb *verb,
         int            argc,
         char         **argv)
{
  g_autoptr(CliCreateOptions) options = NULL;
  g_autoptr(CliAttach) attach = NULL;
  g_autoptr(GVariant) created = NULL;
  g_autoptr(GBytes) keys = NULL;
  g_autoptr(GError) error = NULL;
  const char *path;
  const char *id;
  int status;

  options = cli_create_options_parse (app, verb, TRUE, argc, argv, &status);
  if (options == NULL)
    return status;

  if (options->detach_keys != NULL)
    keys = cli_terminal_parse_keys (options->detach_keys, &error);
  if (error != NULL)
    return cli_fail_error (error);

  if (options->pull_policy != NULL && !prepare (app, options, &error))
    return cli_fail_error (error);

  created = create (app, options, &attach, &error);
  if (cli_create_options_misses (options, error))
    {
      /* A signal ends us now, and the service undoes the pull. */
      g_clear_pointer (&attach, cli_attach_release);
      g_clear_error (&error);
      if (!cli_create_options_pull (options, app, &error))
        return cli_fail_error (error);

      created = create (app, options, &attach, &error);
    }

  if (created == NULL)
    return report_failure (app, options, attach, NULL, error);

  g_variant_get_child (created, 0, "&o", &path);
  g_variant_get_child (created, 1, "&s", &id);
  if (!cli_create_options_write_id (options, id, &error))
    return report_failure (app, options, attach, path, error);

  if (options->detach)
    return run_detached (app, options, attach, path, id);

  return run_attached (app, options, attach, path);
}
