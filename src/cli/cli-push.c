/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli-transfer.h"

static char *
push (CliApp                    *app,
      const char                *image,
      const char                *destination,
      const char                *format,
      const CliTransferOptions  *options,
      GError                   **error)
{
  g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_autofree char *credentials = NULL;
  g_autoptr(GError) failure = NULL;
  char *digest;

  if (!cli_transfer_add_options (options, &builder, error) || cli_connect (app, error) == NULL)
    return NULL;

  if (format != NULL)
    g_variant_builder_add (&builder, "{sv}", "format", g_variant_new_string (format));
  credentials = cli_transfer_credentials (options, destination != NULL ? destination : image, &failure);
  if (failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return NULL;
    }

  digest = cpod_client_push_image_sync (app->client, image, destination, credentials, g_variant_builder_end (&builder),
                                        cli_transfer_bar (options->quiet), NULL, NULL, error);
  cli_transfer_clear_bar (options->quiet);
  return digest;
}

int
cli_push (CliApp        *app,
          const CliVerb *verb,
          int            argc,
          char         **argv)
{
  g_auto(CliTransferOptions) options = { FALSE };
  g_autofree char *format = NULL;
  g_autofree char *digestfile = NULL;
  g_autofree char *digest = NULL;
  g_autoptr(GError) error = NULL;
  int status;
  const GOptionEntry entries[] = {
    { "authfile", 0, 0, G_OPTION_ARG_FILENAME, &options.authfile, N_("Read credentials from a file"), N_("FILE") },
    { "creds", 0, 0, G_OPTION_ARG_STRING, &options.credentials, N_("Log in with these credentials"),
      N_("USER:PASSWORD") },
    { "digestfile", 0, 0, G_OPTION_ARG_FILENAME, &digestfile, N_("Write the digest to a file"), N_("FILE") },
    { "format", 'f', 0, G_OPTION_ARG_STRING, &format, N_("Make a manifest of this kind: oci or v2s2"), N_("FORMAT") },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &options.quiet, N_("Print nothing"), NULL },
    { "tls-verify", 0, 0, G_OPTION_ARG_STRING, &options.tls_verify, N_("Whether a registry must prove who it is"),
      N_("BOOL") },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  if (argc < 2 || argc > 3)
    return cli_fail (_("an image and at most one destination must be given"));

  digest = push (app, argv[1], argv[2], format, &options, &error);
  if (digest == NULL)
    return cli_fail_error (error);

  if (digestfile != NULL && !g_file_set_contents (digestfile, digest, -1, &error))
    return cli_fail_error (error);

  if (!options.quiet)
    puts (digest);

  return EXIT_SUCCESS;
}
