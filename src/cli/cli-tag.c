/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdlib.h>

#include "cli/cli.h"

/* Both verbs: METHOD with the names that follow that of the image. */
static int
change_names (CliApp     *app,
              const char *method,
              char      **argv)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = NULL;
  g_autofree char *path = cli_find_image (app, argv[1], &error);

  if (path != NULL)
    reply = cli_call (app, path, CLI_IMAGE, method,
                      g_variant_new ("(^as@a{sv})", argv + 2, cli_no_options ()), &error);
  return reply != NULL ? EXIT_SUCCESS : cli_fail_error (error);
}

int
cli_tag (CliApp        *app,
         const CliVerb *verb,
         int            argc,
         char         **argv)
{
  int status;

  if (!cli_parse (verb, NULL, FALSE, &argc, &argv, &status))
    return status;

  return argc > 2 ? change_names (app, "Tag", argv) : cli_fail (_("an image and at least one name must be given"));
}

int
cli_untag (CliApp        *app,
           const CliVerb *verb,
           int            argc,
           char         **argv)
{
  int status;

  if (!cli_parse (verb, NULL, FALSE, &argc, &argv, &status))
    return status;

  return argc > 1 ? change_names (app, "Untag", argv) : cli_fail (_("you must give at least one name or id"));
}
