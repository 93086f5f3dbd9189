/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "cli/cli-create-options.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli-json.h"
#include "cli/cli-transfer.h"
#include "cli/cli-write.h"

static gboolean
parse_entries (const CliVerb      *verb,
               CliCreateOptions   *self,
               gboolean            with_detach,
               int                *argc,
               char             ***argv,
               int                *status)
{
  const GOptionEntry entries[] = {
    { "cap-add", 0, 0, G_OPTION_ARG_STRING_ARRAY, &self->cap_add, N_("Add a capability"), N_("CAPABILITY") },
    { "cap-drop", 0, 0, G_OPTION_ARG_STRING_ARRAY, &self->cap_drop, N_("Drop a capability"), N_("CAPABILITY") },
    { "cidfile", 0, 0, G_OPTION_ARG_FILENAME, &self->cidfile, N_("Write the container's id to a file"), N_("FILE") },
    { "detach", 'd', with_detach ? 0 : G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &self->detach,
      N_("Do not wait for the container; print its id"), NULL },
    { "detach-keys", 0, with_detach ? 0 : G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_STRING, &self->detach_keys,
      N_("Keys that leave a container with a terminal to itself"), N_("KEY[,KEY…]") },
    { "entrypoint", 0, 0, G_OPTION_ARG_STRING, &self->entrypoint, N_("Replace the image's entrypoint"),
      N_("PROGRAM|JSON") },
    { "env", 'e', 0, G_OPTION_ARG_STRING_ARRAY, &self->env, N_("Set an environment variable"), N_("KEY[=VALUE]") },
    { "env-file", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &self->env_files, N_("Set the environment variables of a file"), N_("FILE") },
    { "hostname", 'h', 0, G_OPTION_ARG_STRING, &self->hostname, N_("Set the host name"), N_("NAME") },
    { "interactive", 'i', 0, G_OPTION_ARG_NONE, &self->interactive, N_("Keep standard input open"), NULL },
    { "label", 'l', 0, G_OPTION_ARG_STRING_ARRAY, &self->labels, N_("Set a label"), N_("KEY[=VALUE]") },
    { "name", 0, 0, G_OPTION_ARG_STRING, &self->name, N_("Name the container"), N_("NAME") },
    { "network", 0, 0, G_OPTION_ARG_STRING, &self->network, N_("Connect to a network: none or host"), N_("NETWORK") },
    { "net", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_STRING, &self->network, NULL, NULL },
    { "pull", 0, 0, G_OPTION_ARG_STRING, &self->pull_policy,
      N_("When to fetch the image: always, missing, newer or never"), N_("POLICY") },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &self->quiet, N_("Say nothing while the image is fetched"), NULL },
    { "privileged", 0, 0, G_OPTION_ARG_NONE, &self->privileged, N_("Give extended privileges"), NULL },
    { "read-only", 0, 0, G_OPTION_ARG_NONE, &self->read_only, N_("Mount the root file system read-only"), NULL },
    { "requires", 0, 0, G_OPTION_ARG_STRING_ARRAY, &self->requires,
      N_("Depend on containers, which are started first"), N_("CONTAINER[,CONTAINER…]") },
    { "restart", 0, 0, G_OPTION_ARG_STRING, &self->restart_policy,
      N_("Start the container again: no, on-failure[:RETRIES], always or unless-stopped"), N_("POLICY") },
    { "rm", 0, 0, G_OPTION_ARG_NONE, &self->remove, N_("Remove the container when it has ended"), NULL },
    { "stop-signal", 0, 0, G_OPTION_ARG_STRING, &self->stop_signal, N_("Signal to stop the container with"),
      N_("SIGNAL") },
    { "stop-timeout", 0, 0, G_OPTION_ARG_INT, &self->stop_timeout,
      N_("Time between the stop signal and SIGKILL"), N_("SECONDS") },
    { "sig-proxy", 0, with_detach ? 0 : G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &self->sig_proxy,
      N_("Pass on signals (the default; see --sig-proxy=false)"), NULL },
    { "no-sig-proxy", 0, G_OPTION_FLAG_HIDDEN | G_OPTION_FLAG_REVERSE, G_OPTION_ARG_NONE, &self->sig_proxy, NULL, NULL },
    { "tty", 't', 0, G_OPTION_ARG_NONE, &self->tty, N_("Give it a terminal"), NULL },
    { "user", 'u', 0, G_OPTION_ARG_STRING, &self->user, N_("Run as this user"), N_("USER[:GROUP]") },
    { "workdir", 'w', 0, G_OPTION_ARG_STRING, &self->workdir, N_("Set the working directory"), N_("DIRECTORY") },
    { NULL }
  };

  g_autofree GOptionEntry *all = cli_limits_add_entries (&self->limits, entries, TRUE);

  return cli_parse (verb, all, TRUE, argc, argv, status);
}

CliCreateOptions *
cli_create_options_parse (CliApp         *app,
                          const CliVerb  *verb,
                          gboolean        with_detach,
                          int             argc,
                          char          **argv,
                          int            *status)
{
  g_autoptr(CliCreateOptions) self = g_new0 (CliCreateOptions, 1);

  self->stop_timeout = -1;
  self->sig_proxy = TRUE;
  if (!parse_entries (verb, self, with_detach, &argc, &argv, status))
    return NULL;

  if (argc > 1 && g_str_equal (argv[1], "--"))
    {
      argv++;
      argc--;
    }

  if (argc < 2)
    {
      *status = cli_fail (_("an image name must be given"));
      return NULL;
    }

  if (!with_detach && (self->detach || self->detach_keys != NULL || !self->sig_proxy))
    {
      *status = cli_fail (_("unknown option %s"), self->detach ? "--detach"
                                                  : self->detach_keys != NULL ? "--detach-keys" : "--sig-proxy");
      return NULL;
    }

  if (self->cidfile != NULL && g_file_test (self->cidfile, G_FILE_TEST_EXISTS))
    {
      *status = cli_fail (_("id file %s exists"), self->cidfile);
      return NULL;
    }

  if (self->limits.oci_runtime == NULL)
    self->limits.oci_runtime = g_strdup (app->oci_runtime);
  self->image = argv[1];
  self->command = argv + 2;
  return g_steal_pointer (&self);
}

void
cli_create_options_free (CliCreateOptions *self)
{
  if (self == NULL)
    return;

  g_free (self->name);
  g_free (self->workdir);
  g_free (self->user);
  g_free (self->hostname);
  g_free (self->entrypoint);
  g_free (self->network);
  g_free (self->restart_policy);
  g_free (self->stop_signal);
  g_free (self->pull_policy);
  g_free (self->pulled);
  g_free (self->cidfile);
  g_free (self->detach_keys);
  g_strfreev (self->env);
  g_strfreev (self->env_files);
  g_strfreev (self->labels);
  g_strfreev (self->cap_add);
  g_strfreev (self->cap_drop);
  g_strfreev (self->requires);
  cli_limits_clear (&self->limits);
  g_free (self);
}

static void
add_string (GVariantBuilder *builder,
            const char      *key,
            const char      *value)
{
  if (value != NULL)
    g_variant_builder_add (builder, "{sv}", key, g_variant_new_string (value));
}

static void
add_flag (GVariantBuilder *builder,
          const char      *key,
          gboolean         value)
{
  if (value)
    g_variant_builder_add (builder, "{sv}", key, g_variant_new_boolean (TRUE));
}

static void
add_strings (GVariantBuilder *builder,
             const char      *key,
             char           **values)
{
  if (values != NULL && values[0] != NULL)
    g_variant_builder_add (builder, "{sv}", key, g_variant_new_strv ((const char *const *) values, -1));
}

static void
add_labels (GVariantBuilder  *builder,
            char            **labels)
{
  GVariantBuilder dict;

  if (labels == NULL)
    return;

  g_variant_builder_init (&dict, G_VARIANT_TYPE ("a{ss}"));
  for (char **label = labels; *label != NULL; label++)
    {
      g_auto(GStrv) parts = g_strsplit (*label, "=", 2);

      g_variant_builder_add (&dict, "{ss}", parts[0], parts[1] != NULL ? parts[1] : "");
    }

  g_variant_builder_add (builder, "{sv}", "labels", g_variant_builder_end (&dict));
}

/* An entrypoint is a JSON list, or one word; "" stands for none. */
static gboolean
add_entrypoint (GVariantBuilder  *builder,
                const char       *text,
                GError          **error)
{
  g_autoptr(GStrvBuilder) words = g_strv_builder_new ();
  g_auto(GStrv) list = NULL;
  g_autoptr(GVariant) json = NULL;

  if (text == NULL)
    return TRUE;

  if (text[0] == '[')
    {
      json = cli_json_parse (text, error);
      if (json == NULL)
        {
          g_prefix_error (error, _("bad entrypoint: "));
          return FALSE;
        }

      for (gsize i = 0; i < g_variant_n_children (json); i++)
        {
          g_autoptr(GVariant) box = g_variant_get_child_value (json, i);
          g_autoptr(GVariant) word = g_variant_get_variant (box);

          if (!g_variant_is_of_type (word, G_VARIANT_TYPE_STRING))
            {
              g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                                   _("bad entrypoint: not a list of strings"));
              return FALSE;
            }

          g_strv_builder_add (words, g_variant_get_string (word, NULL));
        }
    }
  else if (text[0] != '\0')
    g_strv_builder_add (words, text);

  list = g_strv_builder_end (words);
  g_variant_builder_add (builder, "{sv}", "entrypoint", g_variant_new_strv ((const char *const *) list, -1));
  return TRUE;
}

gboolean
cli_check_command (char   **command,
                   GError **error)
{
  for (char **word = command; *word != NULL; word++)
    {
      if (g_utf8_validate (*word, -1, NULL))
        continue;

      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, _("argument %d of the command is not UTF-8"),
                   (int) (word - command) + 1);
      return FALSE;
    }

  return TRUE;
}

/* Names have no commas, so lists need nothing else. */
static void
add_requires (GVariantBuilder  *builder,
              char            **given)
{
  g_autofree char *joined = given != NULL ? g_strjoinv (",", given) : NULL;
  g_auto(GStrv) names = joined != NULL ? g_strsplit (joined, ",", -1) : NULL;

  add_strings (builder, "depends", names);
}

/* The parameters of Create. */
GVariant *
cli_create_options_to_call (const CliCreateOptions  *self,
                            CliApp                  *app,
                            GError                 **error)
{
  g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  if (!cli_check_command (self->command, error) || !add_entrypoint (&builder, self->entrypoint, error))
    return NULL;

  if (!cli_limits_add_options (&self->limits, &builder, error)
      || !cli_add_env (&builder, self->env_files, self->env, error))
    return NULL;

  if (!g_utf8_validate (self->image, -1, NULL))
    {
      g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, _("the image name is not UTF-8"));
      return NULL;
    }

  add_strings (&builder, "command", self->command);
  add_string (&builder, "name", self->name);
  add_string (&builder, "workdir", self->workdir);
  add_string (&builder, "user", self->user);
  add_string (&builder, "hostname", self->hostname);
  add_string (&builder, "network", self->network);
  add_string (&builder, "restart-policy", self->restart_policy);
  add_string (&builder, "stop-signal", self->stop_signal);
  add_flag (&builder, "read-only", self->read_only);
  add_flag (&builder, "stdin", self->interactive);
  add_flag (&builder, "tty", self->tty);
  add_flag (&builder, "auto-remove", self->remove);
  add_flag (&builder, "privileged", self->privileged);
  add_strings (&builder, "cap-add", self->cap_add);
  add_strings (&builder, "cap-drop", self->cap_drop);
  add_requires (&builder, self->requires);
  cli_add_namespace (app, &builder);
  add_labels (&builder, self->labels);
  if (self->stop_timeout >= 0)
    g_variant_builder_add (&builder, "{sv}", "stop-timeout", g_variant_new_uint32 (self->stop_timeout));

  return g_variant_new ("(s@a{sv})", self->image, g_variant_builder_end (&builder));
}

static gboolean
pull (CliCreateOptions  *self,
      CliApp            *app,
      const char        *policy,
      GError           **error)
{
  const CliTransferOptions options = { .quiet = self->quiet, .policy = (char *) policy };
  g_autofree char *id = cli_pull_image (app, self->image, &options, &self->pulled, error);

  if (id == NULL)
    return FALSE;

  self->image = self->pulled;
  return TRUE;
}

gboolean
cli_create_options_prepare (CliCreateOptions  *self,
                            CliApp            *app,
                            GError           **error)
{
  const char *policy = self->pull_policy;

  if (policy == NULL || g_str_equal (policy, "missing") || g_str_equal (policy, "never"))
    return TRUE;

  return pull (self, app, policy, error);
}

gboolean
cli_create_options_misses (const CliCreateOptions *self,
                           const GError           *error)
{
  return g_error_matches (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_IMAGE) && self->pulled == NULL
         && g_strcmp0 (self->pull_policy, "never") != 0;
}

gboolean
cli_create_options_pull (CliCreateOptions  *self,
                         CliApp            *app,
                         GError           **error)
{
  return pull (self, app, "missing", error);
}

/* A file that is there already belongs to another container. */
gboolean
cli_create_options_write_id (const CliCreateOptions  *self,
                             const char              *id,
                             GError                 **error)
{
  int fd;
  gboolean written;

  if (self->cidfile == NULL)
    return TRUE;

  fd = open (self->cidfile, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  written = fd >= 0 && cli_write_all (fd, id, strlen (id));
  if (!written)
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, _("failed to write id file %s: %s"), self->cidfile,
                 g_strerror (errno));
  if (fd >= 0)
    close (fd);

  return written;
}
