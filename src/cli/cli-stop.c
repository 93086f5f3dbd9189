/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"

static int
stop_one (CliApp     *app,
          const char *name,
          gpointer    user_data)
{
  const int timeout = *(int *) user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = NULL;
  g_autofree char *path = cli_find_container (app, name, &error);
  GVariantBuilder options;

  if (path == NULL)
    return cli_fail_error (error);

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (timeout >= 0)
    g_variant_builder_add (&options, "{sv}", "timeout", g_variant_new_uint32 (timeout));
  reply = cli_call (app, path, CLI_CONTAINER, "Stop",
                    g_variant_new ("(@a{sv})", g_variant_builder_end (&options)), &error);
  if (reply == NULL)
    return cli_fail_error (error);

  puts (name);
  return EXIT_SUCCESS;
}

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
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  return cli_for_each (app, argv, stop_one, &timeout);
}
