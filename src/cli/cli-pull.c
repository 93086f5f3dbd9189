/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>

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

int
cli_pull (CliApp        *app,
          const CliVerb *verb,
          int            argc,
          char         **argv)
{
  g_auto(CliTransferOptions) options = { FALSE };
  int status;
  const GOptionEntry entries[] = {
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

  return cli_for_each (app, argv, pull_one, &options);
}
