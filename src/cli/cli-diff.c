/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/cli-output.h"

typedef struct
{
  gboolean container;           /* only a container is meant */
  gboolean image;               /* only an image is */
  char *format;
} Diff;

static GVariant *
diff_at (CliApp      *app,
         const char  *path,
         const char  *interface,
         GError     **error)
{
  g_autoptr(GVariant) reply = cli_call (app, path, interface, "Diff", g_variant_new ("(@a{sv})", cli_no_options ()),
                                        error);

  return reply != NULL ? g_variant_get_child_value (reply, 0) : NULL;
}

/* A container, or else an image, unless only one of them is meant. */
static GVariant *
diff_any (CliApp      *app,
          const char  *name,
          const Diff  *diff,
          GError     **error)
{
  g_autoptr(GError) failure = NULL;
  g_autofree char *path = NULL;

  if (diff->image)
    path = cli_find_image (app, name, error);
  else
    path = cli_find_container (app, name, diff->container ? error : &failure);
  if (diff->image || diff->container)
    return path != NULL ? diff_at (app, path, diff->image ? CLI_IMAGE : CLI_CONTAINER, error) : NULL;

  if (path != NULL)
    return diff_at (app, path, CLI_CONTAINER, error);

  if (g_error_matches (failure, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER))
    {
      g_clear_error (&failure);
      path = cli_find_image (app, name, &failure);
    }
  if (path != NULL)
    return diff_at (app, path, CLI_IMAGE, error);

  if (g_error_matches (failure, CPOD_ERROR, CPOD_ERROR_NO_SUCH_IMAGE))
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER, _("no such object: \"%s\""), name);
  else
    g_propagate_error (error, g_steal_pointer (&failure));
  return NULL;
}

/* As podman: a list for each kind of which there are any. */
static int
print_json (GVariant *changes)
{
  static const char *const kinds[] = { "changed", "added", "deleted" };
  g_autoptr(GVariant) value = NULL;
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autoptr(GStrvBuilder) paths = g_strv_builder_new ();
      g_auto(GStrv) list = NULL;
      GVariantIter iter;
      const char *kind;
      GVariant *path;

      g_variant_iter_init (&iter, changes);
      while (g_variant_iter_next (&iter, "(&s@ay)", &kind, &path))
        {
          g_autofree char *text = g_utf8_make_valid (g_variant_get_bytestring (path), -1);

          if (g_str_equal (kind, kinds[i]))
            g_strv_builder_add (paths, text);
          g_variant_unref (path);
        }
      list = g_strv_builder_end (paths);
      if (list[0] != NULL)
        g_variant_builder_add (&builder, "{sv}", kinds[i], g_variant_new_strv ((const char *const *) list, -1));
    }

  value = g_variant_ref_sink (g_variant_builder_end (&builder));
  return cli_output_value (NULL, value);
}

static int
print_lines (GVariant *changes)
{
  GVariantIter iter;
  const char *kind;
  GVariant *path;

  g_variant_iter_init (&iter, changes);
  while (g_variant_iter_next (&iter, "(&s@ay)", &kind, &path))
    {
      printf ("%c %s\n", g_ascii_toupper (kind[0]), g_variant_get_bytestring (path));
      g_variant_unref (path);
    }
  return EXIT_SUCCESS;
}

static int
diff_one (CliApp     *app,
          const char *name,
          gpointer    user_data)
{
  const Diff *diff = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) changes = diff_any (app, name, diff, &error);

  if (changes == NULL)
    return cli_fail_error (error);

  return diff->format != NULL ? print_json (changes) : print_lines (changes);
}

static int
run (CliApp  *app,
     Diff    *diff,
     char   **argv)
{
  g_autofree char *format = diff->format;

  if (format != NULL && !g_str_equal (format, "json"))
    return cli_fail (_("unknown format \"%s\": there is json"), format);

  if (argv[1] != NULL && argv[2] != NULL)
    return cli_fail (_("unexpected argument \"%s\""), argv[2]);

  return cli_for_each (app, argv, diff_one, diff);
}

/* Of a container, or of either. */
int
cli_diff (CliApp        *app,
          const CliVerb *verb,
          int            argc,
          char         **argv)
{
  Diff diff = { .container = g_str_has_prefix (verb->name, "container ") };
  int status;
  const GOptionEntry entries[] = {
    { "format", 0, 0, G_OPTION_ARG_STRING, &diff.format, N_("json"), N_("FORMAT") },
    CLI_LATEST_ENTRY (app),
    { NULL }
  };

  return cli_parse (verb, entries, FALSE, &argc, &argv, &status) ? run (app, &diff, argv) : status;
}

int
cli_image_diff (CliApp        *app,
                const CliVerb *verb,
                int            argc,
                char         **argv)
{
  Diff diff = { .image = TRUE };
  int status;
  const GOptionEntry entries[] = {
    { "format", 0, 0, G_OPTION_ARG_STRING, &diff.format, N_("json"), N_("FORMAT") },
    { NULL }
  };

  return cli_parse (verb, entries, FALSE, &argc, &argv, &status) ? run (app, &diff, argv) : status;
}
