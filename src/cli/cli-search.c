/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli-output.h"
#include "cli/cli-transfer.h"

#define TAGS_TABLE "table {{.Name}}\\t{{.Tag}}"
#define TABLE "table {{.Name}}\\t{{.Description}}"
/* podman's. */
#define LIMIT 25
#define DESCRIPTION_MAX 44

/* What of the repositories that were found is shown. */
typedef struct
{
  guint stars;
  gboolean official;
  gboolean automated;
} Wanted;

static const char *
heading (const char *field)
{
  return NULL;
}

static char **
ask_tags (CliApp                    *app,
          const char                *repository,
          const CliTransferOptions  *options,
          char                     **name,
          GError                   **error)
{
  g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_autofree char *credentials = NULL;

  if (!cli_transfer_prepare (app, repository, options, &builder, &credentials, error))
    return NULL;

  return cpod_client_list_tags_sync (app->client, repository, credentials, g_variant_builder_end (&builder), name, NULL,
                                     error);
}

static GVariant *
ask_repositories (CliApp                    *app,
                  const char                *term,
                  const CliTransferOptions  *options,
                  int                        limit,
                  GError                   **error)
{
  g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_autofree char *credentials = NULL;

  if (!cli_transfer_prepare (app, term, options, &builder, &credentials, error))
    return NULL;

  g_variant_builder_add (&builder, "{sv}", "limit", g_variant_new_uint32 (limit));
  return cpod_client_search_images_sync (app->client, term, credentials, g_variant_builder_end (&builder), NULL, error);
}

/* A filter of podman's: "stars=3", "is-official", "is-automated=true". */
static gboolean
add_filter (Wanted      *wanted,
            const char  *filter,
            GError     **error)
{
  const char *equals = strchr (filter, '=');
  const char *value = equals != NULL ? equals + 1 : "true";
  g_autofree char *key = g_strndup (filter, equals != NULL ? (gsize) (equals - filter) : strlen (filter));
  guint64 stars = 0;

  if (g_str_equal (key, "stars") && equals != NULL && g_ascii_string_to_unsigned (value, 10, 0, G_MAXUINT, &stars, NULL))
    wanted->stars = (guint) stars;
  else if (g_str_equal (key, "is-official") && (g_str_equal (value, "true") || g_str_equal (value, "false")))
    wanted->official = g_str_equal (value, "true");
  else if (g_str_equal (key, "is-automated") && (g_str_equal (value, "true") || g_str_equal (value, "false")))
    wanted->automated = g_str_equal (value, "true");
  else
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                   _("--filter takes stars=NUMBER, is-official and is-automated, not \"%s\""), filter);
      return FALSE;
    }

  return TRUE;
}

static GVariant *
repository_row (const char *index,
                const char *name,
                const char *description,
                gint64      stars,
                gboolean    official,
                gboolean    automated)
{
  g_autofree char *count = g_strdup_printf ("%" G_GINT64_FORMAT, stars);
  GVariantBuilder row;

  g_variant_builder_init (&row, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&row, "{sv}", "Index", g_variant_new_string (index));
  g_variant_builder_add (&row, "{sv}", "Name", g_variant_new_string (name));
  g_variant_builder_add (&row, "{sv}", "Description", g_variant_new_string (description));
  g_variant_builder_add (&row, "{sv}", "Stars", g_variant_new_string (count));
  g_variant_builder_add (&row, "{sv}", "Official", g_variant_new_string (official ? "[OK]" : ""));
  g_variant_builder_add (&row, "{sv}", "Automated", g_variant_new_string (automated ? "[OK]" : ""));
  return g_variant_builder_end (&row);
}

/* In one line, and not longer than a terminal is wide. */
static char *
shorten (const char *description,
         gboolean    truncate)
{
  g_autofree char *line = g_strdelimit (g_strdup (description), "\n\r\t", ' ');
  g_autofree char *head = NULL;

  if (!truncate || g_utf8_strlen (line, -1) <= DESCRIPTION_MAX)
    return g_steal_pointer (&line);

  head = g_utf8_substring (line, 0, DESCRIPTION_MAX);
  return g_strconcat (head, "...", NULL);
}

static int
print_repositories (GVariant      *result,
                    const Wanted  *wanted,
                    const char    *format,
                    gboolean       no_heading,
                    gboolean       truncate)
{
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  g_autoptr(GVariant) list = g_variant_lookup_value (result, "repositories", G_VARIANT_TYPE ("aa{sv}"));
  g_autoptr(GVariant) json = NULL;
  GVariantBuilder all;
  const CliOutput output = { .format = format, .table = TABLE, .no_heading = no_heading, .heading = heading };

  g_variant_builder_init (&all, G_VARIANT_TYPE ("av"));
  for (gsize i = 0; list != NULL && i < g_variant_n_children (list); i++)
    {
      g_autoptr(GVariant) repository = g_variant_get_child_value (list, i);
      const char *index = "", *name = "", *description = "";
      gint64 stars = 0;
      gboolean official = FALSE, automated = FALSE;
      g_autofree char *line = NULL;

      g_variant_lookup (repository, "index", "&s", &index);
      g_variant_lookup (repository, "name", "&s", &name);
      g_variant_lookup (repository, "description", "&s", &description);
      g_variant_lookup (repository, "stars", "x", &stars);
      g_variant_lookup (repository, "official", "b", &official);
      g_variant_lookup (repository, "automated", "b", &automated);
      if (stars < wanted->stars || (wanted->official && !official) || (wanted->automated && !automated))
        continue;
      line = shorten (description, truncate);
      g_ptr_array_add (rows, g_variant_ref_sink (repository_row (index, name, line, stars, official, automated)));
      g_variant_builder_add (&all, "v", repository_row (index, name, description, stars, official, automated));
    }
  json = g_variant_ref_sink (g_variant_builder_end (&all));
  return cli_output_rows (&output, rows, json);
}

static void
warn_of_failures (GVariant *result)
{
  g_auto(GStrv) failures = NULL;

  if (g_variant_lookup (result, "failures", "^as", &failures))
    for (char **failure = failures; *failure != NULL; failure++)
      g_printerr ("cpod: %s\n", *failure);
}

static int
search_repositories (CliApp                    *app,
                     const char                *term,
                     const CliTransferOptions  *options,
                     const Wanted              *wanted,
                     int                        limit,
                     const char                *format,
                     gboolean                   no_heading,
                     gboolean                   truncate)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) result = ask_repositories (app, term, options, limit, &error);

  if (result == NULL)
    return cli_fail_error (error);

  warn_of_failures (result);
  return print_repositories (result, wanted, format, no_heading, truncate);
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
  const CliOutput output = { .format = format, .table = TAGS_TABLE, .no_heading = no_heading, .heading = heading };

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

static int
list_tags (CliApp                    *app,
           const char                *repository,
           const CliTransferOptions  *options,
           int                        limit,
           const char                *format,
           gboolean                   no_heading)
{
  g_autofree char *name = NULL;
  g_auto(GStrv) tags = NULL;
  g_autoptr(GError) error = NULL;

  tags = ask_tags (app, repository, options, &name, &error);
  if (tags == NULL)
    return cli_fail_error (error);

  cut_off (tags, limit);
  return print_tags (name, tags, format, no_heading);
}

int
cli_search (CliApp        *app,
            const CliVerb *verb,
            int            argc,
            char         **argv)
{
  g_auto(CliTransferOptions) options = { FALSE };
  g_autofree char *format = NULL;
  g_auto(GStrv) filters = NULL;
  g_autoptr(GError) error = NULL;
  Wanted wanted = { 0 };
  gboolean tags = FALSE;
  gboolean no_heading = FALSE;
  gboolean no_trunc = FALSE;
  int limit = LIMIT;
  int status;
  const GOptionEntry entries[] = {
    { "authfile", 0, 0, G_OPTION_ARG_FILENAME, &options.authfile, N_("Read credentials from a file"), N_("FILE") },
    { "creds", 0, 0, G_OPTION_ARG_STRING, &options.credentials, N_("Log in with these credentials"),
      N_("USER:PASSWORD") },
    { "filter", 'f', 0, G_OPTION_ARG_STRING_ARRAY, &filters, N_("Show only what fits: stars=NUMBER, is-official, is-automated"),
      N_("FILTER") },
    { "format", 0, 0, G_OPTION_ARG_STRING, &format, N_("json, or a template"), N_("FORMAT") },
    { "limit", 0, 0, G_OPTION_ARG_INT, &limit, N_("Show only the first ones, 25 if not said otherwise"), N_("NUMBER") },
    { "list-tags", 0, 0, G_OPTION_ARG_NONE, &tags, N_("List the tags of a repository, which must be given"), NULL },
    { "no-trunc", 0, 0, G_OPTION_ARG_NONE, &no_trunc, N_("Do not shorten anything"), NULL },
    { "noheading", 0, 0, G_OPTION_ARG_NONE, &no_heading, N_("Leave the heading out"), NULL },
    { "tls-verify", 0, 0, G_OPTION_ARG_STRING, &options.tls_verify, N_("Whether a registry must prove who it is"),
      N_("BOOL") },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  if (argc != 2)
    return cli_fail (_("exactly one term, or repository, must be given"));
  if (limit < 1)
    return cli_fail (_("--limit must be above 0"));
  for (char **filter = filters; filter != NULL && *filter != NULL; filter++)
    if (!add_filter (&wanted, *filter, &error))
      return cli_fail_error (error);

  return tags ? list_tags (app, argv[1], &options, limit, format, no_heading)
              : search_repositories (app, argv[1], &options, &wanted, limit, format, no_heading, !no_trunc);
}
