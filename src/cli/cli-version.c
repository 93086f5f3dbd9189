/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/cli-output.h"

static char *
get_service_version (CliApp  *app,
                     GError **error)
{
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GVariant) value = NULL;

  reply = cli_call (app, CPOD_PATH_RUNTIME, "org.freedesktop.DBus.Properties", "Get",
                    g_variant_new ("(ss)", CLI_RUNTIME, "Version"), error);
  if (reply == NULL)
    return NULL;

  g_variant_get (reply, "(v)", &value);
  return g_variant_dup_string (value, NULL);
}

static GVariant *
make_part (const char *version)
{
  GVariantBuilder part;

  g_variant_builder_init (&part, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&part, "{sv}", "Version", g_variant_new_string (version));
  return g_variant_builder_end (&part);
}

/* The command's own version is told even when there is no service to ask. */
int
cli_version (CliApp        *app,
             const CliVerb *verb,
             int            argc,
             char         **argv)
{
  g_autofree char *format = NULL;
  g_autofree char *service = NULL;
  g_autoptr(GVariant) all = NULL;
  g_autoptr(GError) error = NULL;
  GVariantBuilder builder;
  int status;
  const GOptionEntry entries[] = {
    { "format", 'f', 0, G_OPTION_ARG_STRING, &format, N_("json, or a template"), N_("FORMAT") },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  service = get_service_version (app, &error);
  if (format == NULL)
    {
      printf ("Client:  %s\n", CPD_VERSION);
      if (service != NULL)
        printf ("Server:  %s\n", service);
      return service != NULL ? EXIT_SUCCESS : cli_fail_error (error);
    }

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "Client", make_part (CPD_VERSION));
  if (service != NULL)
    g_variant_builder_add (&builder, "{sv}", "Server", make_part (service));
  all = g_variant_ref_sink (g_variant_builder_end (&builder));
  status = cli_output_value (format, all);
  return service != NULL ? status : cli_fail_error (error);
}
