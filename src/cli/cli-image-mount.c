/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cli-mounts.h"

#define LIST_FORMAT "{{.Name}} {{.MountPoint}}"

/* Calls a method of the runtime that lists images. */
static GVariant *
list_images (CliApp      *app,
             const char  *method,
             GError     **error)
{
  g_autoptr(GVariant) reply = cli_call (app, CPOD_PATH_RUNTIME, CLI_IMAGES, method,
                                        g_variant_new ("(@a{sv})", cli_no_options ()), error);

  return reply != NULL ? g_variant_get_child_value (reply, 0) : NULL;
}

/* The ids of those, as an argv. */
static char **
list_ids (CliApp      *app,
          const char  *method,
          GError     **error)
{
  g_autoptr(GVariant) images = list_images (app, method, error);

  return images != NULL ? cli_list_ids (images) : NULL;
}

static char **
list_all (CliApp  *app,
          GError **error)
{
  return list_ids (app, "ListImages", error);
}

static char **
list_mounted (CliApp  *app,
              GError **error)
{
  return list_ids (app, "ListMounts", error);
}

static int
mount_one (CliApp     *app,
           const char *name,
           gpointer    user_data)
{
  const gboolean *with_name = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = NULL;
  g_autofree char *path = cli_find_image (app, name, &error);
  const char *mount_point;

  if (path != NULL)
    reply = cli_call (app, path, CLI_IMAGE, "Mount", g_variant_new ("(@a{sv})", cli_no_options ()), &error);
  if (reply == NULL)
    return cli_fail_error (error);

  g_variant_get_child (reply, 0, "&s", &mount_point);
  if (*with_name)
    printf ("%s %s\n", name, mount_point);
  else
    puts (mount_point);
  return EXIT_SUCCESS;
}

/* As podman, prints the id, however the image was named. */
static int
unmount_one (CliApp     *app,
             const char *name,
             gpointer    user_data)
{
  const gboolean *force = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = NULL;
  g_autofree char *path = cli_find_image (app, name, &error);
  GVariantBuilder options;

  if (path == NULL)
    return cli_fail_error (error);

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&options, "{sv}", "force", g_variant_new_boolean (*force));
  reply = cli_call (app, path, CLI_IMAGE, "Unmount",
                    g_variant_new ("(@a{sv})", g_variant_builder_end (&options)), &error);
  if (reply == NULL)
    return cli_fail_error (error);

  puts (strrchr (path, '/') + 1);
  return EXIT_SUCCESS;
}

static int
print_mounts (CliApp     *app,
              const char *format)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) mounts = list_images (app, "ListMounts", &error);
  const CliOutput output = { .format = format, .table = LIST_FORMAT };

  return mounts != NULL ? cli_print_mounts (&output, mounts, "Repositories", FALSE) : cli_fail_error (error);
}

int
cli_image_mount (CliApp        *app,
                 const CliVerb *verb,
                 int            argc,
                 char         **argv)
{
  g_autofree char *format = NULL;
  gboolean all = FALSE;
  gboolean with_name;
  int status;
  const GOptionEntry entries[] = {
    { "all", 'a', 0, G_OPTION_ARG_NONE, &all, N_("Mount all images"), NULL },
    { "format", 0, 0, G_OPTION_ARG_STRING, &format, N_("json, or a template"), N_("FORMAT") },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  if (argc == 1 && !all)
    return print_mounts (app, format);

  if (format != NULL)
    return cli_fail (_("--format is for the list of what is mounted"));

  with_name = all || argc > 2;
  return all ? cli_for_all (app, argv, list_all, mount_one, &with_name)
             : cli_for_each (app, argv, mount_one, &with_name);
}

int
cli_image_unmount (CliApp        *app,
                   const CliVerb *verb,
                   int            argc,
                   char         **argv)
{
  gboolean all = FALSE;
  gboolean force = FALSE;
  int status;
  const GOptionEntry entries[] = {
    { "all", 'a', 0, G_OPTION_ARG_NONE, &all, N_("Unmount all that are mounted"), NULL },
    { "force", 'f', 0, G_OPTION_ARG_NONE, &force, N_("Take all mounts back, whoever uses them"), NULL },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  return all ? cli_for_all (app, argv, list_mounted, unmount_one, &force)
             : cli_for_each (app, argv, unmount_one, &force);
}
