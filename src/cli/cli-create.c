/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli-create-options.h"

static GVariant *
create (CliApp                  *app,
        const CliCreateOptions  *options,
        GError                 **error)
{
  GVariant *call = cli_create_options_to_call (options, app, error);

  return call != NULL ? cli_call (app, CPOD_PATH_RUNTIME, CLI_RUNTIME, "Create", call, error) : NULL;
}

int
cli_create (CliApp        *app,
            const CliVerb *verb,
            int            argc,
            char         **argv)
{
  g_autoptr(CliCreateOptions) options = NULL;
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GError) error = NULL;
  const char *id;
  int status;

  options = cli_create_options_parse (app, verb, FALSE, argc, argv, &status);
  if (options == NULL)
    return status;

  if (!cli_create_options_prepare (options, app, &error))
    return cli_fail_error (error);

  reply = create (app, options, &error);
  if (cli_create_options_misses (options, error))
    {
      g_clear_error (&error);
      if (cli_create_options_pull (options, app, &error))
        reply = create (app, options, &error);
    }

  if (reply == NULL)
    return cli_fail_error (error);

  g_variant_get_child (reply, 1, "&s", &id);
  if (!cli_create_options_write_id (options, id, &error))
    return cli_fail_error (error);

  puts (id);
  return EXIT_SUCCESS;
}
