/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"

static int
kill_one (CliApp     *app,
          const char *name,
          gpointer    user_data)
{
  const char *signal_name = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = NULL;
  g_autofree char *path = cli_find_container (app, name, &error);
  GVariantBuilder options;

  if (path == NULL)
    return cli_fail_error (error);

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (signal_name != NULL)
    g_variant_builder_add (&options, "{sv}", "signal", g_variant_new_string (signal_name));
  reply = cli_call (app, path, CLI_CONTAINER, "Kill",
                    g_variant_new ("(@a{sv})", g_variant_builder_end (&options)), &error);
  if (reply == NULL)
    return cli_fail_error (error);

  puts (name);
  return EXIT_SUCCESS;
}

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
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  return cli_for_each (app, argv, kill_one, signal_name);
}
