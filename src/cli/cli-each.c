/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"

typedef struct
{
  const char *method;
  GVariant *options;
} EachCall;

static int
call_one (CliApp     *app,
          const char *name,
          gpointer    user_data)
{
  const EachCall *call = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = NULL;
  g_autofree char *path = cli_find_container (app, name, &error);

  if (path != NULL)
    reply = cli_call (app, path, CLI_CONTAINER, call->method, g_variant_new ("(@a{sv})", call->options), &error);
  if (reply == NULL)
    return cli_fail_error (error);

  puts (name);
  return EXIT_SUCCESS;
}

int
cli_call_each (CliApp         *app,
               const CliVerb  *verb,
               char          **argv,
               const char     *key,
               GVariant       *value)
{
  g_autoptr(GVariant) options = NULL;
  EachCall call;
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  if (value != NULL)
    g_variant_builder_add (&builder, "{sv}", key, value);

  options = g_variant_ref_sink (g_variant_builder_end (&builder));
  call = (EachCall) { verb->method, options };
  return cli_for_each (app, argv, call_one, &call);
}

int
cli_each (CliApp        *app,
          const CliVerb *verb,
          int            argc,
          char         **argv)
{
  int status;
  const GOptionEntry entries[] = {
    CLI_LATEST_ENTRY (app),
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  return cli_call_each (app, verb, argv, NULL, NULL);
}
