/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdlib.h>

#include "cli/cli.h"

int
cli_rename (CliApp        *app,
            const CliVerb *verb,
            int            argc,
            char         **argv)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = NULL;
  int status;

  if (!cli_parse (verb, NULL, FALSE, &argc, &argv, &status))
    return status;

  if (argc != 3)
    return cli_fail (_("a container and its new name must be given"));

  reply = cli_call (app, CPOD_PATH_RUNTIME, CLI_RUNTIME, "Rename",
                    g_variant_new ("(ss@a{sv})", argv[1], argv[2], cli_scope (app)), &error);
  return reply != NULL ? EXIT_SUCCESS : cli_fail_error (error);
}
