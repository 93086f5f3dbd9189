/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>

#include "cli/cli-attach.h"

static int
start_attached (CliApp     *app,
                const char *name,
                gpointer    user_data)
{
  return cli_attach_container (app, name, user_data);
}

int
cli_start (CliApp        *app,
           const CliVerb *verb,
           int            argc,
           char         **argv)
{
  CliForeground foreground = { .start = TRUE, .sig_proxy = TRUE };
  g_autofree char *keys = NULL;
  gboolean attach = FALSE;
  int status;
  const GOptionEntry entries[] = {
    { "attach", 'a', 0, G_OPTION_ARG_NONE, &attach, N_("Show the output and pass on signals"), NULL },
    { "interactive", 'i', 0, G_OPTION_ARG_NONE, &foreground.interactive, N_("Pass on standard input; implies --attach"), NULL },
    CLI_FOREGROUND_ENTRIES (&keys, &foreground.sig_proxy),
    CLI_LATEST_ENTRY (app),
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  if (!attach && !foreground.interactive)
    return cli_call_each (app, verb, argv, NULL, NULL);

  if (argc != 2 - app->latest)
    return cli_fail (_("exactly one container can be started and attached to"));

  foreground.detach_keys = keys;
  return cli_for_each (app, argv, start_attached, &foreground);
}
