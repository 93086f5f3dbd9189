/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"

static int
wait_one (CliApp     *app,
          const char *name,
          gpointer    user_data)
{
  char **conditions = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = NULL;
  g_autofree char *path = cli_find_container (app, name, &error);
  GVariantBuilder options;
  int exit_code;

  if (path == NULL)
    return cli_fail_error (error);

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (conditions != NULL)
    g_variant_builder_add (&options, "{sv}", "condition",
                           g_variant_new_strv ((const char *const *) conditions, -1));
  reply = cli_call (app, path, CLI_CONTAINER, "Wait",
                    g_variant_new ("(@a{sv})", g_variant_builder_end (&options)), &error);
  if (reply == NULL)
    return cli_fail_error (error);

  g_variant_get_child (reply, 0, "i", &exit_code);
  printf ("%d\n", exit_code);
  return EXIT_SUCCESS;
}

int
cli_wait (CliApp        *app,
          const CliVerb *verb,
          int            argc,
          char         **argv)
{
  g_auto(GStrv) conditions = NULL;
  int status;
  const GOptionEntry entries[] = {
    { "condition", 0, 0, G_OPTION_ARG_STRING_ARRAY, &conditions, N_("State to wait for, stopped when not given"),
      N_("STATE") },
    CLI_LATEST_ENTRY (app),
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  return cli_for_each (app, argv, wait_one, conditions);
}
