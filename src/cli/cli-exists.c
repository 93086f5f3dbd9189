/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdlib.h>

#include "cli/cli.h"

/* podman's: told by the exit status alone. */
#define EXIT_NONE 1

static int
tell (const char *path,
      GError     *error,
      int         none)
{
  if (path != NULL)
    return EXIT_SUCCESS;

  return g_error_matches (error, CPOD_ERROR, none) ? EXIT_NONE : cli_fail_error (error);
}

/* Whether one that only the storage knows has this name, id or beginning of an id. */
static int
look_in_storage (CliApp     *app,
                 const char *name)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GVariantIter) iter = NULL;
  g_autoptr(GVariant) row = NULL;

  reply = cli_call (app, CPOD_PATH_RUNTIME, CLI_RUNTIME, "ListStorageContainers",
                    g_variant_new ("(@a{sv})", cli_no_options ()), &error);
  if (reply == NULL)
    return cli_fail_error (error);

  g_variant_get (reply, "(aa{sv})", &iter);
  while (g_variant_iter_loop (iter, "@a{sv}", &row))
    {
      const char *id = "";
      const char *known = "";

      g_variant_lookup (row, "id", "&s", &id);
      g_variant_lookup (row, "name", "&s", &known);
      if (name[0] != '\0' && (g_str_equal (known, name) || g_str_has_prefix (id, name)))
        return EXIT_SUCCESS;
    }

  return EXIT_NONE;
}

int
cli_container_exists (CliApp        *app,
                      const CliVerb *verb,
                      int            argc,
                      char         **argv)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *path = NULL;
  gboolean external = FALSE;
  int status;
  const GOptionEntry entries[] = {
    { "external", 0, 0, G_OPTION_ARG_NONE, &external, N_("Look also for those that only the storage knows"), NULL },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  if (argc != 2)
    return cli_fail (_("exactly one container must be given"));

  path = cli_find_container (app, argv[1], &error);
  status = tell (path, error, CPOD_ERROR_NO_SUCH_CONTAINER);
  return external && status == EXIT_NONE ? look_in_storage (app, argv[1]) : status;
}

int
cli_image_exists (CliApp        *app,
                  const CliVerb *verb,
                  int            argc,
                  char         **argv)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *path = NULL;
  int status;

  if (!cli_parse (verb, NULL, FALSE, &argc, &argv, &status))
    return status;

  if (argc != 2)
    return cli_fail (_("exactly one image must be given"));

  path = cli_find_image (app, argv[1], &error);
  return tell (path, error, CPOD_ERROR_NO_SUCH_IMAGE);
}
