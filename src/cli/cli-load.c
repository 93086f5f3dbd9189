/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli-transfer.h"

/* By its names, or by its id if it has none. */
static void
print_image (GVariant *image)
{
  const char *id = "";
  g_autofree const char **names = NULL;

  g_variant_lookup (image, "id", "&s", &id);
  g_variant_lookup (image, "names", "^a&s", &names);
  if (names == NULL || names[0] == NULL)
    printf (_("Loaded image: %s\n"), id);
  for (const char **name = names; name != NULL && *name != NULL; name++)
    printf (_("Loaded image: %s\n"), *name);
}

static int
load (CliApp   *app,
      int       fd,
      gboolean  quiet)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) images = NULL;

  if (cli_connect (app, &error) == NULL)
    return cli_fail_error (error);

  images = cpod_client_load_images_sync (app->client, fd, NULL, cli_transfer_bar (quiet), NULL, NULL, &error);
  cli_transfer_clear_bar (quiet);
  if (images == NULL)
    return cli_fail_error (error);

  for (gsize i = 0; i < g_variant_n_children (images); i++)
    {
      g_autoptr(GVariant) image = g_variant_get_child_value (images, i);

      print_image (image);
    }

  return EXIT_SUCCESS;
}

int
cli_load (CliApp        *app,
          const CliVerb *verb,
          int            argc,
          char         **argv)
{
  g_autofree char *input = NULL;
  gboolean quiet = FALSE;
  int status;
  int fd = STDIN_FILENO;
  const GOptionEntry entries[] = {
    { "input", 'i', 0, G_OPTION_ARG_FILENAME, &input, N_("Read from a file, not from standard input"), N_("FILE") },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &quiet, N_("Show no progress"), NULL },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  if (argc > 1)
    return cli_fail (_("there are no arguments: name the archive with --input"));
  if (input == NULL && isatty (STDIN_FILENO))
    return cli_fail (_("no archive comes from a terminal: redirect the input, or name a file with --input"));

  if (input != NULL)
    fd = open (input, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return cli_fail (_("failed to open %s: %s"), input, g_strerror (errno));

  status = load (app, fd, quiet);
  if (input != NULL)
    close (fd);

  return status;
}
