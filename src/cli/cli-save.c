/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdlib.h>

#include "cli/cli-archive.h"
#include "cli/cli-transfer.h"

typedef struct
{
  char *output;
  char *format;
  gboolean quiet;
  gboolean multiple;
} SaveOptions;

static void
save_options_clear (SaveOptions *self)
{
  g_clear_pointer (&self->output, g_free);
  g_clear_pointer (&self->format, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SaveOptions, save_options_clear)

static gboolean
save (CliApp             *app,
      char              **images,
      const SaveOptions  *options,
      GError            **error)
{
  g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  const char *const first[] = { images[0], NULL };
  CliArchiveOutput output;
  gboolean done;

  if (cli_connect (app, error) == NULL || !cli_archive_output_open (&output, options->output, error))
    return FALSE;

  if (!options->multiple && images[1] != NULL)
    g_variant_builder_add (&builder, "{sv}", "names", g_variant_new_strv ((const char *const *) images + 1, -1));
  if (options->format != NULL)
    g_variant_builder_add (&builder, "{sv}", "format", g_variant_new_string (options->format));
  done = cpod_client_save_images_sync (app->client, options->multiple ? (const char *const *) images : first, output.fd,
                                       g_variant_builder_end (&builder), cli_transfer_bar (options->quiet), NULL, NULL,
                                       error);
  cli_transfer_clear_bar (options->quiet);
  return cli_archive_output_close (&output, done, error);
}

int
cli_save (CliApp        *app,
          const CliVerb *verb,
          int            argc,
          char         **argv)
{
  g_auto(SaveOptions) options = { NULL };
  g_autoptr(GError) error = NULL;
  int status;
  const GOptionEntry entries[] = {
    { "format", 0, 0, G_OPTION_ARG_STRING, &options.format, N_("Kind of the archive: docker-archive or oci-archive"),
      N_("FORMAT") },
    { "multi-image-archive", 'm', 0, G_OPTION_ARG_NONE, &options.multiple, N_("All names are those of images"), NULL },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output, N_("Write to a file, not to standard output"),
      N_("FILE") },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &options.quiet, N_("Show no progress"), NULL },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  if (argc < 2)
    return cli_fail (_("at least one image must be given"));
  /* As podman: only docker's kind has names that say nothing but that. */
  if (argc > 2 && !options.multiple && g_strcmp0 (options.format, "oci-archive") == 0)
    return cli_fail (_("several images go into one archive only with --multi-image-archive"));

  return save (app, argv + 1, &options, &error) ? EXIT_SUCCESS : cli_fail_error (error);
}
