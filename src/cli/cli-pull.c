/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli-transfer.h"

static int
pull_one (CliApp     *app,
          const char *reference,
          gpointer    user_data)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *id = cli_pull_image (app, reference, user_data, NULL, &error);

  if (id == NULL)
    return cli_fail_error (error);

  puts (id);
  return EXIT_SUCCESS;
}

/* Only what a registry tells of has tags, and whoever wants all names none. */
static char **
list_tags (CliApp                    *app,
           const char                *repository,
           const CliTransferOptions  *options,
           char                     **name,
           GError                   **error)
{
  const char *bare = g_str_has_prefix (repository, "docker://") ? repository + strlen ("docker://") : repository;
  const char *slash = strrchr (bare, '/');
  const char *last = slash != NULL ? slash : bare;
  CliTransferOptions asked = { .authfile = options->authfile, .credentials = options->credentials,
                               .tls_verify = options->tls_verify };
  g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_autofree char *credentials = NULL;

  if (strpbrk (last, ":@") != NULL || strpbrk (bare, "@") != NULL)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                   _("--all-tags is for the name of a repository without a tag, not for \"%s\""), repository);
      return NULL;
    }

  if (!cli_transfer_prepare (app, bare, &asked, &builder, &credentials, error))
    return NULL;

  return cpod_client_list_tags_sync (app->client, bare, credentials, g_variant_builder_end (&builder), name, NULL, error);
}

static int
pull_all_tags (CliApp     *app,
               const char *repository,
               gpointer    user_data)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *name = NULL;
  g_auto(GStrv) tags = list_tags (app, repository, user_data, &name, &error);
  int status = EXIT_SUCCESS;

  if (tags == NULL)
    return cli_fail_error (error);

  for (char **tag = tags; *tag != NULL; tag++)
    {
      g_autofree char *reference = g_strconcat (name, ":", *tag, NULL);
      const int one = pull_one (app, reference, user_data);

      status = one != EXIT_SUCCESS ? one : status;
    }

  return status;
}

int
cli_pull (CliApp        *app,
          const CliVerb *verb,
          int            argc,
          char         **argv)
{
  g_auto(CliTransferOptions) options = { FALSE };
  gboolean all_tags = FALSE;
  int status;
  const GOptionEntry entries[] = {
    { "all-tags", 'a', 0, G_OPTION_ARG_NONE, &all_tags, N_("Fetch all tags of the repository"), NULL },
    { "arch", 0, 0, G_OPTION_ARG_STRING, &options.architecture, N_("Take the image for this architecture"), N_("ARCH") },
    { "authfile", 0, 0, G_OPTION_ARG_FILENAME, &options.authfile, N_("Read credentials from a file"), N_("FILE") },
    { "creds", 0, 0, G_OPTION_ARG_STRING, &options.credentials, N_("Log in with these credentials"),
      N_("USER:PASSWORD") },
    { "name", 0, 0, G_OPTION_ARG_STRING, &options.name, N_("Name an image that has no name where it comes from"),
      N_("NAME") },
    { "os", 0, 0, G_OPTION_ARG_STRING, &options.os, N_("Take the image for this operating system"), N_("OS") },
    { "platform", 0, 0, G_OPTION_ARG_STRING, &options.platform, N_("Take the image for this platform"),
      N_("OS/ARCH[/VARIANT]") },
    { "policy", 0, 0, G_OPTION_ARG_STRING, &options.policy, N_("When to fetch it: always, missing, newer or never"),
      N_("POLICY") },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &options.quiet, N_("Print only the id"), NULL },
    { "tls-verify", 0, 0, G_OPTION_ARG_STRING, &options.tls_verify, N_("Whether a registry must prove who it is"),
      N_("BOOL") },
    { "variant", 0, 0, G_OPTION_ARG_STRING, &options.variant, N_("Take the image for this variant"), N_("VARIANT") },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  return cli_for_each (app, argv, all_tags ? pull_all_tags : pull_one, &options);
}
