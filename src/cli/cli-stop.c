/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>

#include "cli/cli.h"

/* What ends a container, whether it is started again or not. */
int
cli_stop (CliApp        *app,
          const CliVerb *verb,
          int            argc,
          char         **argv)
{
  int timeout = -1;
  int status;
  const GOptionEntry entries[] = {
    { "time", 't', 0, G_OPTION_ARG_INT, &timeout, N_("Time between the stop signal and SIGKILL"), N_("SECONDS") },
    CLI_LATEST_ENTRY (app),
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  return cli_call_each (app, verb, argv, "timeout", timeout >= 0 ? g_variant_new_uint32 (timeout) : NULL);
}
