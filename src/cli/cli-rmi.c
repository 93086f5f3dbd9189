/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"

/* podman's: some image does not exist, some image is in use. */
#define EXIT_NO_SUCH_IMAGE 1
#define EXIT_IN_USE 2

static void
print_removed (GVariant *reply)
{
  g_autofree const char **untagged = NULL;
  const char *deleted;

  g_variant_get (reply, "(^a&s&s)", &untagged, &deleted);
  for (const char **name = untagged; *name != NULL; name++)
    printf ("Untagged: %s\n", *name);
  if (deleted[0] != '\0')
    printf ("Deleted: %s\n", deleted);
}

static int
rmi_one (CliApp     *app,
         const char *name,
         gpointer    user_data)
{
  const gboolean force = *(gboolean *) user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = NULL;
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (force)
    g_variant_builder_add (&options, "{sv}", "force", g_variant_new_boolean (TRUE));
  reply = cli_call (app, CPOD_PATH_RUNTIME, CLI_IMAGES, "RemoveImage",
                    g_variant_new ("(s@a{sv})", name, g_variant_builder_end (&options)), &error);
  if (reply != NULL)
    {
      print_removed (reply);
      return EXIT_SUCCESS;
    }

  cli_fail_error (error);
  if (g_error_matches (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_IMAGE))
    return EXIT_NO_SUCH_IMAGE;

  return g_error_matches (error, CPOD_ERROR, CPOD_ERROR_IMAGE_IN_USE) ? EXIT_IN_USE : CLI_EXIT_ERROR;
}

int
cli_rmi (CliApp        *app,
         const CliVerb *verb,
         int            argc,
         char         **argv)
{
  gboolean force = FALSE;
  int status;
  const GOptionEntry entries[] = {
    { "force", 'f', 0, G_OPTION_ARG_NONE, &force, N_("Remove all names, and the containers made of the image"), NULL },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  return cli_for_each (app, argv, rmi_one, &force);
}
