/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/cli-text.h"

/* A line that writes itself over, for people only. */
static void
show_progress (guint64  done,
               guint64  total,
               gpointer user_data)
{
  g_autofree char *done_text = cli_text_size (done);
  g_autofree char *total_text = cli_text_size (total);

  if (total > 0)
    fprintf (stderr, "\r\033[K%s / %s", done_text, total_text);
  else
    fprintf (stderr, "\r\033[K%s", done_text);
}

static GVariant *
make_options (const char  *message,
              char       **changes)
{
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (message != NULL)
    g_variant_builder_add (&options, "{sv}", "message", g_variant_new_string (message));
  if (changes != NULL)
    g_variant_builder_add (&options, "{sv}", "changes", g_variant_new_strv ((const char *const *) changes, -1));

  return g_variant_builder_end (&options);
}

static int
import_archive (CliApp     *app,
                int         fd,
                const char *reference,
                GVariant   *options)
{
  g_autoptr(GVariant) sunk = g_variant_ref_sink (options);
  const gboolean terminal = isatty (STDERR_FILENO);
  g_autoptr(GError) error = NULL;
  g_autofree char *id = NULL;

  if (cli_connect (app, &error) == NULL)
    return cli_fail_error (error);

  id = cpod_client_import_image_sync (app->client, fd, reference, sunk, terminal ? show_progress : NULL, NULL,
                                      NULL, &error);
  if (terminal)
    fputs ("\r\033[K", stderr);
  if (id == NULL)
    return cli_fail_error (error);

  printf ("sha256:%s\n", id);
  return EXIT_SUCCESS;
}

int
cli_import (CliApp        *app,
            const CliVerb *verb,
            int            argc,
            char         **argv)
{
  g_auto(GStrv) changes = NULL;
  g_autofree char *message = NULL;
  gboolean standard_input;
  int status;
  int fd;
  const GOptionEntry entries[] = {
    { "change", 'c', 0, G_OPTION_ARG_STRING_ARRAY, &changes, N_("Apply an instruction as in a Containerfile"),
      N_("INSTRUCTION") },
    { "message", 'm', 0, G_OPTION_ARG_STRING, &message, N_("Comment for the image's history"), N_("TEXT") },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  if (argc < 2 || argc > 3)
    return cli_fail (_("an archive (or - for standard input) and at most one name must be given"));

  standard_input = g_str_equal (argv[1], "-");
  fd = standard_input ? STDIN_FILENO : open (argv[1], O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return cli_fail (_("failed to open %s: %s"), argv[1], g_strerror (errno));

  status = import_archive (app, fd, argv[2], make_options (message, changes));
  if (!standard_input)
    close (fd);

  return status;
}
