/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/cli-output.h"
#include "cli/cli-table.h"
#include "cli/cli-template.h"

#define WARNINGS "warnings"

/* A row of the table: key, where its value is from, and that: last, because it may be long. */
static void
add_row (GString    *text,
         const char *key,
         GVariant   *pair)
{
  g_autoptr(GVariant) value = NULL;
  const char *origin;

  g_variant_get (pair, "(v&s)", &value, &origin);
  g_string_append_printf (text, "%s\t%s\t", key, origin);
  cli_value_print (value, text);
  g_string_append_c (text, '\n');
}

static void
print_warnings (GVariant *config)
{
  g_autoptr(GVariant) pair = g_variant_lookup_value (config, WARNINGS, G_VARIANT_TYPE ("(vs)"));
  g_autoptr(GVariant) value = NULL;
  g_autofree const char **warnings = NULL;

  if (pair == NULL)
    return;

  g_variant_get (pair, "(vs)", &value, NULL);
  warnings = g_variant_get_strv (value, NULL);
  for (const char **warning = warnings; *warning != NULL; warning++)
    fprintf (stderr, "%s\n", *warning);
}

/* Those of CONFIG that are in NAMES, or all. */
static int
print_config (GVariant  *config,
              char     **names)
{
  g_autoptr(GString) text = g_string_new (NULL);
  g_autofree char *table = NULL;
  GVariantIter iter;
  GVariant *value;
  const char *key;

  if (names[0] == NULL)
    g_string_append_printf (text, "%s\t%s\t%s\n", _("KEY"), _("ORIGIN"), _("VALUE"));
  for (char **name = names; *name != NULL; name++)
    {
      g_autoptr(GVariant) pair = g_variant_lookup_value (config, *name, G_VARIANT_TYPE ("(vs)"));

      if (pair == NULL)
        return cli_fail (_("there is no key \"%s\""), *name);
      add_row (text, *name, pair);
    }
  g_variant_iter_init (&iter, config);
  while (names[0] == NULL && g_variant_iter_loop (&iter, "{&sv}", &key, &value))
    if (!g_str_equal (key, WARNINGS))
      add_row (text, key, value);

  table = cli_table_align (text->str);
  fputs (table, stdout);
  print_warnings (config);
  return EXIT_SUCCESS;
}

static int
reload (CliApp *app)
{
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree const char **changed = NULL;

  reply = cli_call (app, CPOD_PATH_RUNTIME, CLI_RUNTIME, "Reload", g_variant_new ("(@a{sv})", cli_no_options ()),
                    &error);
  if (reply == NULL)
    return cli_fail_error (error);

  g_variant_get (reply, "(^a&s)", &changed);
  for (const char **key = changed; *key != NULL; key++)
    printf ("%s\n", *key);
  return EXIT_SUCCESS;
}

int
cli_config (CliApp        *app,
            const CliVerb *verb,
            int            argc,
            char         **argv)
{
  g_autofree char *format = NULL;
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GVariant) config = NULL;
  g_autoptr(GError) error = NULL;
  gboolean with_reload = FALSE;
  int status;
  const GOptionEntry entries[] = {
    { "format", 'f', 0, G_OPTION_ARG_STRING, &format, N_("json, or a template"), N_("FORMAT") },
    { "reload", 0, 0, G_OPTION_ARG_NONE, &with_reload, N_("Read the files again and print what has changed"), NULL },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  if (with_reload)
    return reload (app);

  reply = cli_call (app, CPOD_PATH_RUNTIME, CLI_RUNTIME, "GetConfig", g_variant_new ("(@a{sv})", cli_no_options ()),
                    &error);
  if (reply == NULL)
    return cli_fail_error (error);

  config = g_variant_get_child_value (reply, 0);
  if (format != NULL)
    return cli_output_value (format, config);

  return print_config (config, argv + 1);
}
