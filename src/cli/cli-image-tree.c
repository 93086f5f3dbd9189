/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cli-text.h"

/* podman's lines, which scripts may read, so they are not translated. */
#define BRANCH "├── "
#define LAST "└── "
#define CONTINUED "│   "
#define EMPTY "    "

static void
print_layer (GVariant   *layer,
             const char *indent,
             gboolean    last)
{
  g_autofree const char **names = NULL;
  const char *id = "";
  guint64 bytes = 0;
  g_autofree char *size = NULL;

  g_variant_lookup (layer, "id", "&s", &id);
  g_variant_lookup (layer, "size", "t", &bytes);
  g_variant_lookup (layer, "names", "^a&s", &names);
  size = cli_text_size (bytes);
  printf ("%s%sID: %.*s Size: %7s", indent, last ? LAST : BRANCH, CLI_SHORT_ID,
          g_str_has_prefix (id, "sha256:") ? id + strlen ("sha256:") : id, size);
  if (names != NULL && names[0] != NULL)
    {
      g_autofree char *list = g_strjoinv (", ", (char **) names);

      printf (" Top Layer of: [%s]", list);
    }
  printf ("\n");
}

static const char *
text_of (GVariant   *layer,
         const char *key)
{
  const char *text = "";

  g_variant_lookup (layer, key, "&s", &text);
  return text;
}

/* The layers that lie upon PARENT. */
static GPtrArray *
children_of (GPtrArray  *layers,
             const char *parent)
{
  GPtrArray *children = g_ptr_array_new ();

  for (guint i = 0; i < layers->len; i++)
    {
      if (g_str_equal (text_of (layers->pdata[i], "parent"), parent))
        g_ptr_array_add (children, layers->pdata[i]);
    }

  return children;
}

/* A layer, and below it all that lie upon it; their depth is limited, as is the number of layers of an image. */
static void
print_above (GPtrArray  *layers,
             GVariant   *layer,
             const char *indent,
             gboolean    last)
{
  g_autoptr(GPtrArray) children = children_of (layers, text_of (layer, "id"));
  g_autofree char *deeper = g_strconcat (indent, last ? EMPTY : CONTINUED, NULL);

  print_layer (layer, indent, last);
  for (guint i = 0; i < children->len; i++)
    print_above (layers, children->pdata[i], deeper, i + 1 == children->len);
}

static void
print_layers (GVariant *list,
              gboolean  dependents)
{
  g_autoptr(GPtrArray) layers = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);

  printf ("Image Layers\n");
  for (gsize i = 0; i < g_variant_n_children (list); i++)
    g_ptr_array_add (layers, g_variant_get_child_value (list, i));

  if (dependents && layers->len > 0)
    {
      print_above (layers, layers->pdata[0], "", TRUE);
      return;
    }

  for (guint i = 0; i < layers->len; i++)
    print_layer (layers->pdata[i], "", i + 1 == layers->len);
}

static gboolean
print_image (CliApp      *app,
             const char  *path,
             GError     **error)
{
  g_autoptr(GVariant) reply = cli_call (app, path, "org.freedesktop.DBus.Properties", "GetAll",
                                        g_variant_new ("(s)", CLI_IMAGE), error);
  g_autoptr(GVariant) properties = NULL;
  g_autofree const char **names = NULL;
  g_autofree char *list = NULL;
  g_autofree char *size = NULL;
  guint64 bytes = 0;

  if (reply == NULL)
    return FALSE;

  properties = g_variant_get_child_value (reply, 0);
  g_variant_lookup (properties, "Names", "^a&s", &names);
  g_variant_lookup (properties, "Size", "t", &bytes);
  list = names != NULL ? g_strjoinv (" ", (char **) names) : g_strdup ("");
  size = cli_text_size (bytes);
  printf ("Image ID: %.*s\nTags:     [%s]\nSize:     %s\n", CLI_SHORT_ID, text_of (properties, "Id"), list, size);
  return TRUE;
}

static int
show_tree (CliApp     *app,
           const char *name,
           gboolean    dependents)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GVariant) layers = NULL;
  g_autofree char *path = cli_find_image (app, name, &error);
  GVariantBuilder options;

  if (path == NULL)
    return cli_fail_error (error);

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&options, "{sv}", "dependents", g_variant_new_boolean (dependents));
  reply = cli_call (app, path, CLI_IMAGE, "ListLayers", g_variant_new ("(@a{sv})", g_variant_builder_end (&options)),
                    &error);
  if (reply == NULL || !print_image (app, path, &error))
    return cli_fail_error (error);

  layers = g_variant_get_child_value (reply, 0);
  print_layers (layers, dependents);
  return EXIT_SUCCESS;
}

int
cli_image_tree (CliApp        *app,
                const CliVerb *verb,
                int            argc,
                char         **argv)
{
  gboolean dependents = FALSE;
  int status;
  const GOptionEntry entries[] = {
    { "whatrequires", 0, 0, G_OPTION_ARG_NONE, &dependents, N_("Show what lies upon the image instead"), NULL },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  return argc == 2 ? show_tree (app, argv[1], dependents) : cli_fail (_("exactly one image must be given"));
}
