/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"

static GVariant *
make_options (CliApp      *app,
              const char  *oci_runtime,
              char       **containers)
{
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  if (app->name_space != NULL)
    g_variant_builder_add (&builder, "{sv}", "namespace", g_variant_new_string (app->name_space));
  if (oci_runtime == NULL)
    oci_runtime = app->oci_runtime;
  if (oci_runtime != NULL)
    g_variant_builder_add (&builder, "{sv}", "oci-runtime", g_variant_new_string (oci_runtime));
  if (*containers != NULL)
    g_variant_builder_add (&builder, "{sv}", "containers",
                           g_variant_new_strv ((const char *const *) containers, -1));

  return g_variant_builder_end (&builder);
}

static int
print_result (GVariant *result)
{
  g_autoptr(GVariant) migrated = g_variant_lookup_value (result, "migrated", G_VARIANT_TYPE_STRING_ARRAY);
  g_autoptr(GVariant) errors = g_variant_lookup_value (result, "errors", G_VARIANT_TYPE ("a{ss}"));
  GVariantIter iter;
  const char *id;
  const char *message;
  int status = EXIT_SUCCESS;

  if (migrated == NULL || errors == NULL)
    return cli_fail (_("the result of the job is incomplete"));

  g_variant_iter_init (&iter, migrated);
  while (g_variant_iter_next (&iter, "&s", &id))
    puts (id);

  g_variant_iter_init (&iter, errors);
  while (g_variant_iter_next (&iter, "{&s&s}", &id, &message))
    status = cli_fail ("%s: %s", id, message);

  return status;
}

int
cli_system_migrate (CliApp        *app,
                    const CliVerb *verb,
                    int            argc,
                    char         **argv)
{
  g_autofree char *oci_runtime = NULL;
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GVariant) result = NULL;
  g_autoptr(GError) error = NULL;
  int status;
  const GOptionEntry entries[] = {
    { "new-runtime", 0, 0, G_OPTION_ARG_STRING, &oci_runtime, N_("OCI runtime to move to; the default when missing"),
      N_("NAME|PATH") },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  for (char **name = argv + 1; *name != NULL; name++)
    if (!g_utf8_validate (*name, -1, NULL))
      return cli_fail (_("a name is not UTF-8"));

  reply = cli_call_job (app, CPOD_PATH_RUNTIME, CLI_RUNTIME, "Migrate",
                        g_variant_new ("(@a{sv})", make_options (app, oci_runtime, argv + 1)), &error);
  if (reply == NULL)
    return cli_fail_error (error);

  result = g_variant_get_child_value (reply, 0);
  return print_result (result);
}

int
cli_system_renumber (CliApp        *app,
                     const CliVerb *verb,
                     int            argc,
                     char         **argv)
{
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GError) error = NULL;
  guint32 changed;
  int status;

  if (!cli_parse (verb, NULL, FALSE, &argc, &argv, &status))
    return status;

  if (argc > 1)
    return cli_fail (_("unexpected argument \"%s\""), argv[1]);

  reply = cli_call (app, CPOD_PATH_RUNTIME, CLI_RUNTIME, "RenumberLocks", g_variant_new ("(@a{sv})", cli_no_options ()),
                    &error);
  if (reply == NULL)
    return cli_fail_error (error);

  g_variant_get (reply, "(u)", &changed);
  printf (g_dngettext (GETTEXT_PACKAGE, "%u lock number has changed.\n", "%u lock numbers have changed.\n", changed),
          changed);
  return EXIT_SUCCESS;
}
