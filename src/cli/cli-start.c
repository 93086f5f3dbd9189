/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli-attach.h"

/* Whether a container goes by itself when it ends decides what to wait for. */
static gboolean
has_auto_remove (CliApp     *app,
                 const char *path)
{
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GVariant) value = NULL;

  reply = cli_call (app, path, "org.freedesktop.DBus.Properties", "Get",
                    g_variant_new ("(ss)", CLI_CONTAINER, "AutoRemove"), NULL);
  if (reply == NULL || !g_variant_is_of_type (reply, G_VARIANT_TYPE ("(v)")))
    return FALSE;

  g_variant_get (reply, "(v)", &value);
  return g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN) && g_variant_get_boolean (value);
}

static int
start_attached (CliApp     *app,
                const char *name,
                gpointer    user_data)
{
  CliAttachOptions options = { .with_input = *(gboolean *) user_data };
  g_autoptr(CliAttach) attach = cli_attach_new (app);
  g_autoptr(GError) error = NULL;
  g_autofree char *path = cli_find_container (app, name, &error);
  int exit_code;

  if (path == NULL)
    return cli_fail_error (error);

  options.until_removed = has_auto_remove (app, path);
  if (cli_attach_run (attach, path, &options, &exit_code, &error))
    return exit_code & 0xff;

  return cli_attach_signal (attach) != 0 ? 128 + cli_attach_signal (attach) : cli_fail_error (error);
}

int
cli_start (CliApp        *app,
           const CliVerb *verb,
           int            argc,
           char         **argv)
{
  gboolean attach = FALSE;
  gboolean interactive = FALSE;
  int status;
  const GOptionEntry entries[] = {
    { "attach", 'a', 0, G_OPTION_ARG_NONE, &attach, N_("Show the output and pass on signals"), NULL },
    { "interactive", 'i', 0, G_OPTION_ARG_NONE, &interactive, N_("Pass on standard input; implies --attach"), NULL },
    CLI_LATEST_ENTRY (app),
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  if (!attach && !interactive)
    return cli_call_each (app, verb, argv, NULL, NULL);

  if (argc != 2 - app->latest)
    return cli_fail (_("exactly one container can be started and attached to"));

  return cli_for_each (app, argv, start_attached, &interactive);
}
