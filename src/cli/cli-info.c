/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/cli-output.h"
#include "cli/cli-template.h"
#include "cli/cli-yaml.h"

/* What could not be found out is told beside the rest. */
static void
print_errors (GVariant *info)
{
  g_autoptr(GVariant) errors = cli_value_get (info, "errors");
  GVariantIter iter;
  const char *part;
  const char *message;

  if (errors == NULL || !g_variant_is_of_type (errors, G_VARIANT_TYPE ("a{ss}")))
    return;

  g_variant_iter_init (&iter, errors);
  while (g_variant_iter_next (&iter, "{&s&s}", &part, &message))
    fprintf (stderr, _("Warning: %s: %s\n"), part, message);
}

static void
print_info (GVariant *info)
{
  g_autofree char *text = cli_yaml_print (info);

  fputs (text, stdout);
}

/* What went wrong is not part of what podman tells, unless something did. */
static GVariant *
without_empty_errors (GVariant *info)
{
  GVariantBuilder rest;

  g_variant_builder_init (&rest, G_VARIANT_TYPE_VARDICT);
  for (gsize i = 0; i < g_variant_n_children (info); i++)
    {
      g_autoptr(GVariant) value = NULL;
      const char *key;

      g_variant_get_child (info, i, "{&sv}", &key, &value);
      if (!g_str_equal (key, "errors") || g_variant_n_children (value) > 0)
        g_variant_builder_add (&rest, "{sv}", key, value);
    }

  return g_variant_ref_sink (g_variant_builder_end (&rest));
}

int
cli_info (CliApp        *app,
          const CliVerb *verb,
          int            argc,
          char         **argv)
{
  g_autofree char *format = NULL;
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GVariant) all = NULL;
  g_autoptr(GVariant) info = NULL;
  g_autoptr(GError) error = NULL;
  int status;
  const GOptionEntry entries[] = {
    { "format", 'f', 0, G_OPTION_ARG_STRING, &format, N_("json, or a template"), N_("FORMAT") },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  reply = cli_call (app, CPOD_PATH_RUNTIME, CLI_RUNTIME, "GetInfo", g_variant_new ("(@a{sv})", cli_no_options ()),
                    &error);
  if (reply == NULL)
    return cli_fail_error (error);

  all = g_variant_get_child_value (reply, 0);
  print_errors (all);
  info = without_empty_errors (all);
  if (format != NULL)
    return cli_output_value (format, info);

  print_info (info);
  return EXIT_SUCCESS;
}
