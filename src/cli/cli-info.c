/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/cli-output.h"
#include "cli/cli-template.h"

static void
print_info (GVariant *info)
{
  for (gsize i = 0; i < g_variant_n_children (info); i++)
    {
      g_autoptr(GVariant) value = NULL;
      g_autoptr(GString) text = g_string_new (NULL);
      const char *key;

      g_variant_get_child (info, i, "{&sv}", &key, &value);
      cli_value_print (value, text);
      printf ("%s: %s\n", key, text->str);
    }
}

int
cli_info (CliApp        *app,
          const CliVerb *verb,
          int            argc,
          char         **argv)
{
  g_autofree char *format = NULL;
  g_autoptr(GVariant) reply = NULL;
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

  info = g_variant_get_child_value (reply, 0);
  if (format != NULL)
    return cli_output_value (format, info);

  print_info (info);
  return EXIT_SUCCESS;
}
