/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>

#include "cli/cli.h"

int
cli_kill (CliApp        *app,
          const CliVerb *verb,
          int            argc,
          char         **argv)
{
  g_autofree char *signal_name = NULL;
  int status;
  const GOptionEntry entries[] = {
    { "signal", 's', 0, G_OPTION_ARG_STRING, &signal_name, N_("Signal to send, KILL when not given"), N_("SIGNAL") },
    CLI_LATEST_ENTRY (app),
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  return cli_call_each (app, verb, argv, "signal",
                        signal_name != NULL ? g_variant_new_string (signal_name) : NULL);
}
