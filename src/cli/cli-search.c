/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdlib.h>

#include "cli/cli-output.h"
#include "cli/cli-transfer.h"

#define TABLE "table {{.Name}}\\t{{.Tag}}"
/* podman's. */
#define LIMIT 25

static const char *
heading (const char *field)
{
  return NULL;
}

static char **
ask (CliApp                    *app,
     const char                *repository,
     const CliTransferOptions  *options,
     char                     **name,
     GError                   **error)
{
  g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_autofree char *credentials = NULL;
  g_autoptr(GError) failure = NULL;

  if (!cli_transfer_add_options (options, &builder, error) || cli_connect (app, error) == NULL)
    return NULL;

  credentials = cli_transfer_credentials (options, repository, &failure);
  if (failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return NULL;
    }

  return cpod_client_list_tags_sync (app->client, repository, credentials, g_variant_builder_end (&builder), name, NULL,
                                     error);
}

static int
print_tags (const char  *name,
            char       **tags,
            const char  *format,
            gboolean     no_heading)
{
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  g_autoptr(GVariant) json = NULL;
  GVariantBuilder entry;
  GVariantBuilder list;
  const CliOutput output = { .format = format, .table = TABLE, .no_heading = no_heading, .heading = heading };

  for (char **tag = tags; *tag != NULL; tag++)
    {
      GVariantBuilder row;

      g_variant_builder_init (&row, G_VARIANT_TYPE_VARDICT);
      g_variant_builder_add (&row, "{sv}", "Name", g_variant_new_string (name));
      g_variant_builder_add (&row, "{sv}", "Tag", g_variant_new_string (*tag));
      g_ptr_array_add (rows, g_variant_ref_sink (g_variant_builder_end (&row)));
    }

  g_variant_builder_init (&entry, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&entry, "{sv}", "Name", g_variant_new_string (name));
  g_variant_builder_add (&entry, "{sv}", "Tags", g_variant_new_strv ((const char *const *) tags, -1));
  g_variant_builder_init (&list, G_VARIANT_TYPE ("av"));
  g_variant_builder_add (&list, "v", g_variant_builder_end (&entry));
  json = g_variant_ref_sink (g_variant_builder_end (&list));
  return cli_output_rows (&output, rows, json);
}

/* The first LIMIT of TAGS; the rest is freed. */
static void
cut_off (char **tags,
         int    limit)
{
  const guint n = g_strv_length (tags);

  for (guint i = limit; i < n; i++)
    g_clear_pointer (&tags[i], g_free);
}

int
cli_search (CliApp        *app,
            const CliVerb *verb,
            int            argc,
            char         **argv)
{
  g_auto(CliTransferOptions) options = { FALSE };
  g_autofree char *format = NULL;
  g_autofree char *name = NULL;
  g_auto(GStrv) tags = NULL;
  g_autoptr(GError) error = NULL;
  gboolean list_tags = FALSE;
  gboolean no_heading = FALSE;
  int limit = LIMIT;
  int status;
  const GOptionEntry entries[] = {
    { "authfile", 0, 0, G_OPTION_ARG_FILENAME, &options.authfile, N_("Read credentials from a file"), N_("FILE") },
    { "creds", 0, 0, G_OPTION_ARG_STRING, &options.credentials, N_("Log in with these credentials"),
      N_("USER:PASSWORD") },
    { "format", 0, 0, G_OPTION_ARG_STRING, &format, N_("json, or a template"), N_("FORMAT") },
    { "limit", 0, 0, G_OPTION_ARG_INT, &limit, N_("Show only the first ones, 25 if not said otherwise"), N_("NUMBER") },
    { "list-tags", 0, 0, G_OPTION_ARG_NONE, &list_tags, N_("List the tags of a repository, which must be given"), NULL },
    { "noheading", 0, 0, G_OPTION_ARG_NONE, &no_heading, N_("Leave the heading out"), NULL },
    { "tls-verify", 0, 0, G_OPTION_ARG_STRING, &options.tls_verify, N_("Whether a registry must prove who it is"),
      N_("BOOL") },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  if (argc != 2)
    return cli_fail (_("exactly one repository must be given"));
  if (!list_tags)
    return cli_fail (_("registries are asked for the tags of a repository only: give --list-tags"));
  if (limit < 1)
    return cli_fail (_("--limit must be above 0"));

  tags = ask (app, argv[1], &options, &name, &error);
  if (tags == NULL)
    return cli_fail_error (error);

  cut_off (tags, limit);
  return print_tags (name, tags, format, no_heading);
}
