/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"

/* podman's: some image does not exist, some image is in use. */
#define EXIT_NO_SUCH_IMAGE 1
#define EXIT_IN_USE 2

typedef struct
{
  gboolean all;
  gboolean force;
  gboolean ignore;
} RmiOptions;

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
  const RmiOptions *rmi = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = NULL;
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (rmi->force)
    g_variant_builder_add (&options, "{sv}", "force", g_variant_new_boolean (TRUE));
  if (rmi->all)
    g_variant_builder_add (&options, "{sv}", "all-names", g_variant_new_boolean (TRUE));
  reply = cli_call (app, CPOD_PATH_RUNTIME, CLI_IMAGES, "RemoveImage",
                    g_variant_new ("(s@a{sv})", name, g_variant_builder_end (&options)), &error);
  if (reply != NULL)
    {
      print_removed (reply);
      return EXIT_SUCCESS;
    }

  if (rmi->ignore && g_error_matches (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_IMAGE))
    return EXIT_SUCCESS;

  cli_fail_error (error);
  if (g_error_matches (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_IMAGE))
    return EXIT_NO_SUCH_IMAGE;

  return g_error_matches (error, CPOD_ERROR, CPOD_ERROR_IMAGE_IN_USE) ? EXIT_IN_USE : CLI_EXIT_ERROR;
}

static int
rmi_all (CliApp     *app,
         RmiOptions *rmi)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GVariantIter) iter = NULL;
  GVariant *image;
  int status = EXIT_SUCCESS;

  reply = cli_call (app, CPOD_PATH_RUNTIME, CLI_IMAGES, "ListImages", g_variant_new ("(@a{sv})", cli_no_options ()),
                    &error);
  if (reply == NULL)
    return cli_fail_error (error);

  /* That somebody else has removed one meanwhile is no failure. */
  rmi->ignore = TRUE;
  g_variant_get (reply, "(aa{sv})", &iter);
  while (g_variant_iter_loop (iter, "@a{sv}", &image))
    {
      const char *id = "";
      int one;

      g_variant_lookup (image, "id", "&s", &id);
      one = rmi_one (app, id, rmi);
      status = one != EXIT_SUCCESS ? one : status;
    }

  return status;
}

int
cli_rmi (CliApp        *app,
         const CliVerb *verb,
         int            argc,
         char         **argv)
{
  RmiOptions rmi = { FALSE };
  int status;
  const GOptionEntry entries[] = {
    { "all", 'a', 0, G_OPTION_ARG_NONE, &rmi.all, N_("Remove all images"), NULL },
    { "force", 'f', 0, G_OPTION_ARG_NONE, &rmi.force, N_("Remove the containers made of the image first"), NULL },
    { "ignore", 'i', 0, G_OPTION_ARG_NONE, &rmi.ignore, N_("Say nothing of images that there are none of"), NULL },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  if (rmi.all && argc > 1)
    return cli_fail (_("--all and names exclude each other"));

  return rmi.all ? rmi_all (app, &rmi) : cli_for_each (app, argv, rmi_one, &rmi);
}
