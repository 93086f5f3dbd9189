/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdlib.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/cli-json.h"
#include "cli/cli-output.h"

typedef struct
{
  char *type;                   /* (nullable): container, image, all */
  char *format;
  gboolean size;
  GVariantBuilder all;
} Inspect;

static GVariant *
inspect_at (CliApp      *app,
            const char  *path,
            const char  *interface,
            gboolean     size,
            GError     **error)
{
  g_autoptr(GVariant) reply = NULL;
  GVariantBuilder options;
  const char *json;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (size)
    g_variant_builder_add (&options, "{sv}", "size", g_variant_new_boolean (TRUE));
  reply = cli_call (app, path, interface, "Inspect", g_variant_new ("(@a{sv})", g_variant_builder_end (&options)), error);
  if (reply == NULL)
    return NULL;

  g_variant_get_child (reply, 0, "&s", &json);
  return cli_json_parse (json, error);
}

static GVariant *
inspect_image (CliApp      *app,
               const char  *name,
               GError     **error)
{
  g_autofree char *path = cli_find_image (app, name, error);

  return path != NULL ? inspect_at (app, path, CLI_IMAGE, FALSE, error) : NULL;
}

static GVariant *
inspect_any (CliApp         *app,
             const char     *name,
             const Inspect  *inspect,
             GError        **error)
{
  const char *type = inspect->type;
  const gboolean any = type == NULL || g_str_equal (type, "all");
  g_autoptr(GError) local_error = NULL;
  g_autofree char *path = NULL;
  GVariant *image;

  if (!any && g_str_equal (type, "image"))
    return inspect_image (app, name, error);

  path = cli_find_container (app, name, &local_error);
  if (path != NULL)
    return inspect_at (app, path, CLI_CONTAINER, inspect->size, error);

  if (!any || !g_error_matches (local_error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER))
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return NULL;
    }

  g_clear_error (&local_error);
  image = inspect_image (app, name, &local_error);
  if (image != NULL)
    return image;

  if (g_error_matches (local_error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_IMAGE))
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER, _("no such object: \"%s\""), name);
  else
    g_propagate_error (error, g_steal_pointer (&local_error));

  return NULL;
}

static int
inspect_one (CliApp     *app,
             const char *name,
             gpointer    user_data)
{
  Inspect *inspect = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) value = inspect_any (app, name, inspect, &error);

  if (value == NULL)
    return cli_fail_error (error);

  if (inspect->format != NULL)
    return cli_output_value (inspect->format, value);

  g_variant_builder_add (&inspect->all, "v", value);
  return EXIT_SUCCESS;
}

static int
inspect_all (CliApp   *app,
             char    **argv,
             Inspect  *inspect)
{
  g_autoptr(GVariant) all = NULL;
  int status;

  /* JSON is one list of all; a template is applied to each. */
  if (cli_output_is_json (inspect->format))
    g_clear_pointer (&inspect->format, g_free);

  g_variant_builder_init (&inspect->all, G_VARIANT_TYPE ("av"));
  status = cli_for_each (app, argv, inspect_one, inspect);
  all = g_variant_ref_sink (g_variant_builder_end (&inspect->all));
  if (inspect->format == NULL && (argv[1] != NULL || app->latest))
    cli_output_value (NULL, all);

  return status;
}

int
cli_inspect (CliApp        *app,
             const CliVerb *verb,
             int            argc,
             char         **argv)
{
  Inspect inspect = { NULL };
  int status;
  const GOptionEntry entries[] = {
    { "format", 'f', 0, G_OPTION_ARG_STRING, &inspect.format, N_("json, or a template"), N_("FORMAT") },
    { "size", 's', 0, G_OPTION_ARG_NONE, &inspect.size, N_("Measure containers"), NULL },
    { "type", 't', 0, G_OPTION_ARG_STRING, &inspect.type, N_("container, image or all"), N_("TYPE") },
    CLI_LATEST_ENTRY (app),
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  if (inspect.type != NULL && !g_str_equal (inspect.type, "container") && !g_str_equal (inspect.type, "image")
      && !g_str_equal (inspect.type, "all"))
    status = cli_fail (_("unknown type \"%s\": container, image or all"), inspect.type);
  else
    status = inspect_all (app, argv, &inspect);

  g_free (inspect.type);
  g_free (inspect.format);
  return status;
}

/* Of one kind alone. */
static int
inspect_kind (CliApp      *app,
              Inspect     *inspect,
              const char  *type,
              char       **argv)
{
  int status;

  inspect->type = g_strdup (type);
  status = inspect_all (app, argv, inspect);
  g_free (inspect->type);
  g_free (inspect->format);
  return status;
}

int
cli_container_inspect (CliApp        *app,
                       const CliVerb *verb,
                       int            argc,
                       char         **argv)
{
  Inspect inspect = { NULL };
  int status;
  const GOptionEntry entries[] = {
    { "format", 'f', 0, G_OPTION_ARG_STRING, &inspect.format, N_("json, or a template"), N_("FORMAT") },
    { "size", 's', 0, G_OPTION_ARG_NONE, &inspect.size, N_("Measure containers"), NULL },
    CLI_LATEST_ENTRY (app),
    { NULL }
  };

  return cli_parse (verb, entries, FALSE, &argc, &argv, &status) ? inspect_kind (app, &inspect, "container", argv)
                                                                 : status;
}

int
cli_image_inspect (CliApp        *app,
                   const CliVerb *verb,
                   int            argc,
                   char         **argv)
{
  Inspect inspect = { NULL };
  int status;
  const GOptionEntry entries[] = {
    { "format", 'f', 0, G_OPTION_ARG_STRING, &inspect.format, N_("json, or a template"), N_("FORMAT") },
    { NULL }
  };

  return cli_parse (verb, entries, FALSE, &argc, &argv, &status) ? inspect_kind (app, &inspect, "image", argv) : status;
}
