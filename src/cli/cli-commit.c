/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli-transfer.h"

typedef struct
{
  char *author;
  char *format;
  char **changes;
  char *id_file;
  char *message;
  gboolean pause;
  gboolean quiet;
  gboolean squash;
} CommitOptions;

static GVariant *
make_options (const CommitOptions *commit)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  if (commit->author != NULL)
    g_variant_builder_add (&builder, "{sv}", "author", g_variant_new_string (commit->author));
  if (commit->changes != NULL)
    g_variant_builder_add (&builder, "{sv}", "changes",
                           g_variant_new_strv ((const char *const *) commit->changes, -1));
  if (commit->message != NULL)
    g_variant_builder_add (&builder, "{sv}", "message", g_variant_new_string (commit->message));
  if (commit->format != NULL)
    g_variant_builder_add (&builder, "{sv}", "format", g_variant_new_string (commit->format));
  g_variant_builder_add (&builder, "{sv}", "pause", g_variant_new_boolean (commit->pause));
  g_variant_builder_add (&builder, "{sv}", "squash", g_variant_new_boolean (commit->squash));
  return g_variant_builder_end (&builder);
}

/* The id of the image. */
static char *
call_commit (CliApp               *app,
             const char           *container,
             const char           *name,
             const CommitOptions  *commit,
             GError              **error)
{
  g_autofree char *path = cli_find_container (app, container, error);
  char *id;

  if (path == NULL)
    return NULL;

  id = cpod_client_commit_container_sync (app->client, path, name, make_options (commit), cli_transfer_bar (commit->quiet),
                                          NULL, NULL, error);
  cli_transfer_clear_bar (commit->quiet);
  return id;
}

static int
commit_one (CliApp              *app,
            const char          *container,
            const char          *name,
            const CommitOptions *commit)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *id = call_commit (app, container, name, commit, &error);

  if (id == NULL)
    return cli_fail_error (error);

  if (commit->id_file != NULL && !g_file_set_contents (commit->id_file, id, -1, &error))
    return cli_fail_error (error);

  puts (id);
  return EXIT_SUCCESS;
}

int
cli_commit (CliApp        *app,
            const CliVerb *verb,
            int            argc,
            char         **argv)
{
  CommitOptions commit = { NULL };
  int status;
  const GOptionEntry entries[] = {
    { "author", 'a', 0, G_OPTION_ARG_STRING, &commit.author, N_("Who has made the image"), N_("TEXT") },
    { "change", 'c', 0, G_OPTION_ARG_STRING_ARRAY, &commit.changes, N_("Apply an instruction as in a Containerfile"),
      N_("INSTRUCTION") },
    { "format", 'f', 0, G_OPTION_ARG_STRING, &commit.format, N_("Kind of the manifest: oci or docker"), N_("FORMAT") },
    { "iidfile", 0, 0, G_OPTION_ARG_FILENAME, &commit.id_file, N_("Write the image's id to a file"), N_("FILE") },
    { "message", 'm', 0, G_OPTION_ARG_STRING, &commit.message, N_("Comment for the image's history"), N_("TEXT") },
    { "pause", 'p', 0, G_OPTION_ARG_NONE, &commit.pause, N_("Freeze the container while it is read"), NULL },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &commit.quiet, N_("Show no progress"), NULL },
    { "squash", 's', 0, G_OPTION_ARG_NONE, &commit.squash, N_("Make one layer of all files"), NULL },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  if (argc < 2 || argc > 3)
    status = cli_fail (_("a container and at most one name must be given"));
  else
    status = commit_one (app, argv[1], argv[2], &commit);

  g_free (commit.author);
  g_free (commit.format);
  g_strfreev (commit.changes);
  g_free (commit.id_file);
  g_free (commit.message);
  return status;
}
