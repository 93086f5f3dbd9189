/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/cli-output.h"

/* "check" tells by its exit status, too, whether all is well. */
#define EXIT_PROBLEMS 1

static void
print_problems (GVariant *problems)
{
  const gsize n = g_variant_n_children (problems);

  for (gsize i = 0; i < n; i++)
    {
      g_autoptr(GVariant) problem = g_variant_get_child_value (problems, i);
      const char *kind = "";
      const char *object = "";
      const char *text = "";

      g_variant_lookup (problem, "kind", "&s", &kind);
      g_variant_lookup (problem, "object", "&s", &object);
      g_variant_lookup (problem, "text", "&s", &text);
      printf ("%s %s: %s\n", kind, object, text);
    }

  if (n == 0)
    printf ("%s\n", _("All is well."));
  else
    printf (g_dngettext (GETTEXT_PACKAGE, "%u problem.\n", "%u problems.\n", n), (guint) n);
}

static int
check (CliApp     *app,
       const char *format)
{
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GVariant) problems = NULL;
  g_autoptr(GError) error = NULL;
  int status = EXIT_SUCCESS;

  reply = cli_call (app, CPOD_PATH_RUNTIME, CLI_RUNTIME, "Check", g_variant_new ("(@a{sv})", cli_no_options ()),
                    &error);
  if (reply == NULL)
    return cli_fail_error (error);

  problems = g_variant_get_child_value (reply, 0);
  if (format != NULL)
    status = cli_output_value (format, problems);
  else
    print_problems (problems);
  if (status != EXIT_SUCCESS)
    return status;

  return g_variant_n_children (problems) == 0 ? EXIT_SUCCESS : EXIT_PROBLEMS;
}

int
cli_system_check (CliApp        *app,
                  const CliVerb *verb,
                  int            argc,
                  char         **argv)
{
  g_autofree char *format = NULL;
  int status;
  const GOptionEntry entries[] = {
    { "format", 'f', 0, G_OPTION_ARG_STRING, &format, N_("json, or a template"), N_("FORMAT") },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  if (argc > 1)
    return cli_fail (_("unexpected argument \"%s\""), argv[1]);

  return check (app, format);
}
