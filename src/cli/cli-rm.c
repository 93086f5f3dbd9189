/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"

/* podman's: some container does not exist, some container runs. */
#define EXIT_NO_SUCH_CONTAINER 1
#define EXIT_RUNNING 2

typedef struct
{
  const char *method;
  gboolean force;
  int timeout;
} RmOptions;

static int
rm_one (CliApp     *app,
        const char *name,
        gpointer    user_data)
{
  const RmOptions *rm = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = NULL;
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (rm->force)
    g_variant_builder_add (&options, "{sv}", "force", g_variant_new_boolean (TRUE));
  if (rm->timeout >= 0)
    g_variant_builder_add (&options, "{sv}", "timeout", g_variant_new_uint32 (rm->timeout));
  reply = cli_call (app, CPOD_PATH_RUNTIME, CLI_RUNTIME, rm->method,
                    g_variant_new ("(s@a{sv})", name, g_variant_builder_end (&options)), &error);
  if (reply != NULL)
    {
      puts (name);
      return EXIT_SUCCESS;
    }

  /* With --force, what is to be gone may be gone. */
  if (g_error_matches (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER))
    return rm->force ? EXIT_SUCCESS : (cli_fail_error (error), EXIT_NO_SUCH_CONTAINER);

  cli_fail_error (error);
  return g_error_matches (error, CPOD_ERROR, CPOD_ERROR_INVALID_STATE) ? EXIT_RUNNING : CLI_EXIT_ERROR;
}

int
cli_rm (CliApp        *app,
        const CliVerb *verb,
        int            argc,
        char         **argv)
{
  RmOptions rm = { .method = verb->method, .timeout = -1 };
  int status;
  const GOptionEntry entries[] = {
    { "force", 'f', 0, G_OPTION_ARG_NONE, &rm.force, N_("Stop running containers first"), NULL },
    { "time", 't', 0, G_OPTION_ARG_INT, &rm.timeout, N_("Time between the stop signal and SIGKILL"), N_("SECONDS") },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  return cli_for_each (app, argv, rm_one, &rm);
}

int
cli_container_evict (CliApp        *app,
                     const CliVerb *verb,
                     int            argc,
                     char         **argv)
{
  RmOptions rm = { .method = verb->method, .timeout = -1 };
  int status;

  if (!cli_parse (verb, NULL, FALSE, &argc, &argv, &status))
    return status;

  return cli_for_each (app, argv, rm_one, &rm);
}
