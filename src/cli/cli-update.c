/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli-limits.h"

static int
update (CliApp      *app,
        CliLimits   *limits,
        const char  *name)
{
  g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *path = NULL;

  if (!cli_limits_add_options (limits, &builder, &error))
    return cli_fail_error (error);

  path = cli_find_container (app, name, &error);
  if (path != NULL)
    reply = cli_call (app, path, CLI_CONTAINER, "Update",
                      g_variant_new ("(@a{sv})", g_variant_builder_end (&builder)), &error);
  if (reply == NULL)
    return cli_fail_error (error);

  puts (name);
  return EXIT_SUCCESS;
}

int
cli_update (CliApp        *app,
            const CliVerb *verb,
            int            argc,
            char         **argv)
{
  const GOptionEntry none[] = { { NULL } };
  CliLimits limits = { 0 };
  g_autofree GOptionEntry *entries = cli_limits_add_entries (&limits, none, FALSE);
  int status = EXIT_SUCCESS;

  if (cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    status = argc == 2 ? update (app, &limits, argv[1]) : cli_fail (_("one container must be given"));

  cli_limits_clear (&limits);
  return status;
}
