/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "cli/cli-transfer.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli-json.h"
#include "cli/cli-text.h"

#define BAR_WIDTH 24

void
cli_transfer_options_clear (CliTransferOptions *self)
{
  g_clear_pointer (&self->authfile, g_free);
  g_clear_pointer (&self->credentials, g_free);
  g_clear_pointer (&self->tls_verify, g_free);
  g_clear_pointer (&self->os, g_free);
  g_clear_pointer (&self->architecture, g_free);
  g_clear_pointer (&self->variant, g_free);
  g_clear_pointer (&self->platform, g_free);
  g_clear_pointer (&self->policy, g_free);
  g_clear_pointer (&self->name, g_free);
}

static gboolean
add_tls_verify (const CliTransferOptions  *self,
                GVariantBuilder           *builder,
                GError                   **error)
{
  if (self->tls_verify == NULL)
    return TRUE;

  if (!g_str_equal (self->tls_verify, "true") && !g_str_equal (self->tls_verify, "false"))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, _("--tls-verify must be true or false, not \"%s\""),
                   self->tls_verify);
      return FALSE;
    }

  g_variant_builder_add (builder, "{sv}", "tls-verify",
                         g_variant_new_boolean (g_str_equal (self->tls_verify, "true")));
  return TRUE;
}

gboolean
cli_transfer_add_options (const CliTransferOptions  *self,
                          GVariantBuilder           *builder,
                          GError                   **error)
{
  g_auto(GStrv) parts = g_strsplit (self->platform != NULL ? self->platform : "", "/", 3);
  const guint n = g_strv_length (parts);
  const struct { const char *key, *value; } members[] = {
    { "os", n > 0 ? parts[0] : self->os },
    { "arch", n > 1 ? parts[1] : self->architecture },
    { "variant", n > 2 ? parts[2] : self->variant },
    { "name", self->name },
    { "policy", self->policy },
  };

  if (self->platform != NULL && (self->os != NULL || self->architecture != NULL || self->variant != NULL))
    {
      g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                           _("--platform does not go with --os, --arch and --variant"));
      return FALSE;
    }

  for (gsize i = 0; i < G_N_ELEMENTS (members); i++)
    if (members[i].value != NULL)
      g_variant_builder_add (builder, "{sv}", members[i].key, g_variant_new_string (members[i].value));

  return add_tls_verify (self, builder, error);
}

/* The registry that a reference names, or NULL. */
static char *
get_registry (const char *reference)
{
  const char *name = g_str_has_prefix (reference, "docker://") ? reference + strlen ("docker://") : reference;
  const char *slash = strchr (name, '/');
  g_autofree char *first = slash != NULL ? g_strndup (name, (gsize) (slash - name)) : NULL;

  if (first == NULL || (strpbrk (first, ".:") == NULL && !g_str_equal (first, "localhost")))
    return NULL;

  return g_steal_pointer (&first);
}

/* What --creds says, in the format of auth.json. */
static char *
make_credentials (const char  *user_and_password,
                  const char  *reference,
                  GError     **error)
{
  g_autofree char *registry = get_registry (reference);
  g_autofree char *encoded = NULL;
  GVariantBuilder entry;
  GVariantBuilder entries;
  GVariantBuilder file;
  g_autoptr(GVariant) value = NULL;

  if (strchr (user_and_password, ':') == NULL || registry == NULL)
    {
      g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                           _("--creds needs USER:PASSWORD, and an image name with a registry"));
      return NULL;
    }

  encoded = g_base64_encode ((const guchar *) user_and_password, strlen (user_and_password));
  g_variant_builder_init (&entry, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&entry, "{sv}", "auth", g_variant_new_string (encoded));
  g_variant_builder_init (&entries, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&entries, "{sv}", registry, g_variant_builder_end (&entry));
  g_variant_builder_init (&file, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&file, "{sv}", "auths", g_variant_builder_end (&entries));
  value = g_variant_ref_sink (g_variant_builder_end (&file));
  return cli_json_print (value, FALSE);
}

/* The files that podman looks into, the first one first. */
static char **
list_auth_files (void)
{
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new ();
  const char *runtime_dir = g_getenv ("XDG_RUNTIME_DIR");
  g_autofree char *fallback = g_strdup_printf ("/run/containers/%u", (guint) getuid ());
  g_autofree char *own = runtime_dir != NULL ? g_build_filename (runtime_dir, "containers", "auth.json", NULL)
                                             : g_build_filename (fallback, "auth.json", NULL);
  g_autofree char *config = g_build_filename (g_get_user_config_dir (), "containers", "auth.json", NULL);
  g_autofree char *docker = g_build_filename (g_get_home_dir (), ".docker", "config.json", NULL);

  g_strv_builder_add (builder, own);
  g_strv_builder_add (builder, config);
  g_strv_builder_add (builder, docker);
  return g_strv_builder_end (builder);
}

static char *
read_auth_file (const char  *path,
                GError     **error)
{
  g_autoptr(GError) cause = NULL;
  char *text = NULL;

  if (!g_file_get_contents (path, &text, NULL, &cause))
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, _("failed to read credentials: %s"), cause->message);

  return text;
}

char *
cli_transfer_credentials (const CliTransferOptions  *self,
                          const char                *reference,
                          GError                   **error)
{
  const char *named = self->authfile != NULL ? self->authfile : g_getenv ("REGISTRY_AUTH_FILE");
  g_auto(GStrv) files = NULL;

  if (self->credentials != NULL)
    return make_credentials (self->credentials, reference, error);
  if (named != NULL)
    return read_auth_file (named, error);

  files = list_auth_files ();
  for (char **file = files; *file != NULL; file++)
    if (g_file_test (*file, G_FILE_TEST_EXISTS))
      return read_auth_file (*file, error);

  return NULL;
}

static void
show_bar (guint64  done,
          guint64  total,
          gpointer user_data)
{
  g_autofree char *done_text = cli_text_size (done);
  g_autofree char *total_text = cli_text_size (total);
  const guint filled = total > 0 ? (guint) (MIN (done, total) * BAR_WIDTH / total) : 0;
  g_autofree char *bar = g_strnfill (BAR_WIDTH, ' ');

  /* Nobody knows how much there is. */
  if (total == 0 && done > 0)
    fprintf (stderr, "\r\033[K%s", done_text);
  if (total == 0)
    return;

  memset (bar, '=', filled);
  if (filled < BAR_WIDTH)
    bar[filled] = '>';
  fprintf (stderr, "\r\033[K[%s] %s / %s", bar, done_text, total_text);
}

CpodProgressCallback
cli_transfer_bar (gboolean quiet)
{
  return !quiet && isatty (STDERR_FILENO) ? show_bar : NULL;
}

void
cli_transfer_clear_bar (gboolean quiet)
{
  if (cli_transfer_bar (quiet) != NULL)
    fputs ("\r\033[K", stderr);
}

gboolean
cli_transfer_prepare (CliApp                    *app,
                      const char                *name,
                      const CliTransferOptions  *options,
                      GVariantBuilder           *builder,
                      char                     **credentials,
                      GError                   **error)
{
  g_autoptr(GError) failure = NULL;

  if (!cli_transfer_add_options (options, builder, error) || cli_connect (app, error) == NULL)
    return FALSE;

  *credentials = cli_transfer_credentials (options, name, &failure);
  if (failure == NULL)
    return TRUE;

  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

char *
cli_pull_image (CliApp                    *app,
                const char                *reference,
                const CliTransferOptions  *options,
                char                     **name,
                GError                   **error)
{
  g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_autofree char *credentials = NULL;
  g_autofree char *full_name = NULL;
  char *id;

  if (!cli_transfer_prepare (app, reference, options, &builder, &credentials, error))
    return NULL;

  if (!options->quiet)
    fprintf (stderr, _("Pulling %s\n"), reference);
  id = cpod_client_pull_image_sync (app->client, reference, credentials, g_variant_builder_end (&builder),
                                    cli_transfer_bar (options->quiet), NULL, &full_name, NULL, error);
  cli_transfer_clear_bar (options->quiet);
  if (id != NULL && name != NULL)
    *name = full_name[0] != '\0' ? g_steal_pointer (&full_name) : g_strdup (id);

  return id;
}
