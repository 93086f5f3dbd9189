/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdlib.h>

#include "cli/cli-archive.h"

static int
export_container (CliApp     *app,
                  const char *name,
                  gpointer    user_data)
{
  const char *path = user_data;
  g_autoptr(GError) error = NULL;
  g_autofree char *container = cli_find_container (app, name, &error);
  CliArchiveOutput output;
  gboolean done;

  if (container == NULL || !cli_archive_output_open (&output, path, &error))
    return cli_fail_error (error);

  done = cpod_client_export_container_sync (app->client, container, output.fd, NULL, NULL, NULL, &error);
  return cli_archive_output_close (&output, done, &error) ? EXIT_SUCCESS : cli_fail_error (error);
}

int
cli_export (CliApp        *app,
            const CliVerb *verb,
            int            argc,
            char         **argv)
{
  g_autofree char *output = NULL;
  int status;
  const GOptionEntry entries[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &output, N_("Write to a file, not to standard output"), N_("FILE") },
    CLI_LATEST_ENTRY (app),
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  if (argc != 2 - app->latest)
    return cli_fail (_("exactly one container must be given"));

  return cli_for_each (app, argv, export_container, output);
}
