/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Building is buildah's business: it gets the command line as it is, what it
 * is to begin from out of our images, and we take what it has made.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/cli-containerfile.h"
#include "cli/cli-template.h"
#include "cli/cli-transfer.h"

#define BUILDAH "buildah"

/* What we need to know of buildah's command line; nothing is owned but the arrays. */
typedef struct
{
  CliApp *app;
  char **arguments;             /* all of them, as they came */
  GPtrArray *tags;
  GPtrArray *files;
  const char *id_file;
  const char *context;
  gboolean docker_format;
  gboolean quiet;
  gboolean help;
  char *oci_runtime;            /* (owned) (nullable) which one the engine uses */
  char *directory;              /* (owned) for what goes back and forth */
} Build;

static void
build_clear (Build *self)
{
  static const char *const names[] = { "id", "base", "image" };

  for (gsize i = 0; self->directory != NULL && i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (self->directory, names[i], NULL);

      unlink (path);
    }
  if (self->directory != NULL)
    rmdir (self->directory);
  g_free (self->oci_runtime);
  g_free (self->directory);
  g_ptr_array_unref (self->tags);
  g_ptr_array_unref (self->files);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Build, build_clear)

/* The value of option LONG or SHORT, if WORDS begin with that; MOVE is how many words there are to it. */
static const char *
get_value (char       **words,
           const char  *long_name,
           const char  *short_name,
           int         *move)
{
  gsize length = strlen (long_name);

  *move = 0;
  if (strncmp (words[0], long_name, length) == 0 && words[0][length] == '=')
    return words[0] + length + 1;
  if (short_name != NULL && g_str_has_prefix (words[0], short_name) && words[0][2] != '\0' && words[0][1] != '-')
    return words[0] + 2 + (words[0][2] == '=');
  if (words[1] == NULL || (!g_str_equal (words[0], long_name) && g_strcmp0 (words[0], short_name) != 0))
    return NULL;

  *move = 1;
  return words[1];
}

static void
parse (Build *self)
{
  for (char **word = self->arguments; *word != NULL; word++)
    {
      int move;
      const char *value;

      if ((value = get_value (word, "--tag", "-t", &move)) != NULL)
        g_ptr_array_add (self->tags, (char *) value);
      else if ((value = get_value (word, "--file", "-f", &move)) != NULL)
        g_ptr_array_add (self->files, (char *) value);
      else if ((value = get_value (word, "--iidfile", NULL, &move)) != NULL)
        self->id_file = value;
      else if ((value = get_value (word, "--format", NULL, &move)) != NULL)
        self->docker_format = g_str_equal (value, "docker");
      else if (g_str_equal (*word, "--quiet") || g_str_equal (*word, "-q"))
        self->quiet = TRUE;
      else if (g_str_equal (*word, "--help") || g_str_equal (*word, "-h"))
        self->help = TRUE;
      else if (**word != '-')
        self->context = *word;  /* or the value of an option: the last word is the context, if it is one */
      word += move;
    }
}

static char *
get_path (Build      *self,
          const char *name)
{
  return g_build_filename (self->directory, name, NULL);
}

/* Runs buildah with these words; its output is ours, unless QUIET. The exit code, -1 with ERROR set. */
static int
run_buildah (Build       *self,
             const char **words,
             gboolean     quiet,
             GError     **error)
{
  g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDIN_INHERIT);
  g_autoptr(GSubprocess) process = NULL;

  if (quiet)
    g_subprocess_launcher_set_flags (launcher, G_SUBPROCESS_FLAGS_STDIN_INHERIT | G_SUBPROCESS_FLAGS_STDOUT_SILENCE
                                                 | G_SUBPROCESS_FLAGS_STDERR_SILENCE);
  /* It would look for crun, whatever there is. */
  if (self->oci_runtime != NULL)
    g_subprocess_launcher_setenv (launcher, "BUILDAH_RUNTIME", self->oci_runtime, FALSE);
  process = g_subprocess_launcher_spawnv (launcher, words, error);
  if (process == NULL || !g_subprocess_wait (process, NULL, error))
    return -1;

  return g_subprocess_get_if_exited (process) ? g_subprocess_get_exit_status (process)
                                              : 128 + g_subprocess_get_term_sig (process);
}

static gboolean
run_or_fail (Build       *self,
             const char **words,
             GError     **error)
{
  int status = run_buildah (self, words, FALSE, error);

  if (status > 0)
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, _("%s %s failed"), words[0], words[1]);
  return status == 0;
}

/* Those files that buildah will read, as far as they are on this machine. */
static GStrv
list_bases (Build *self)
{
  static const char *const usual[] = { "Containerfile", "Dockerfile", NULL };
  const char *context = self->context != NULL && g_file_test (self->context, G_FILE_TEST_IS_DIR) ? self->context : ".";
  g_autoptr(GString) text = g_string_new (NULL);

  for (guint i = 0; i < (self->files->len > 0 ? self->files->len : G_N_ELEMENTS (usual) - 1); i++)
    {
      const char *name = self->files->len > 0 ? self->files->pdata[i] : usual[i];
      g_autofree char *path = g_path_is_absolute (name) ? g_strdup (name) : g_build_filename (context, name, NULL);
      g_autofree char *content = NULL;

      if (!g_file_get_contents (path, &content, NULL, NULL) && !g_file_get_contents (name, &content, NULL, NULL))
        continue;
      g_string_append_printf (text, "%s\n", content);
      if (self->files->len == 0)
        break;
    }

  return cli_containerfile_list_bases (text->str);
}

static int
open_archive (const char  *path,
              int          flags,
              GError     **error)
{
  int fd = open (path, flags | O_CLOEXEC, 0600);

  if (fd < 0)
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, _("failed to open %s: %s"), path, g_strerror (errno));
  return fd;
}

/* An image that we have and buildah has not. */
static gboolean
give_base (Build       *self,
           const char  *name,
           GError     **error)
{
  g_autofree char *archive = get_path (self, "base");
  g_autofree char *source = g_strconcat ("docker-archive:", archive, NULL);
  g_autofree char *path = cli_find_image (self->app, name, NULL);
  const char *look[] = { BUILDAH, "inspect", "--type", "image", name, NULL };
  const char *pull[] = { BUILDAH, "pull", "--quiet", source, NULL };
  const char *images[] = { name, NULL };
  gboolean saved;
  int status;
  int fd;

  if (path == NULL || (status = run_buildah (self, look, TRUE, error)) == 0)
    return TRUE;
  if (status < 0)
    return FALSE;

  fd = open_archive (archive, O_WRONLY | O_CREAT | O_TRUNC, error);
  if (fd < 0)
    return FALSE;

  saved = cpod_client_save_images_sync (self->app->client, images, fd, NULL, NULL, NULL, NULL, error);
  close (fd);
  return saved && run_buildah (self, pull, TRUE, error) == 0;
}

static gboolean
give_bases (Build   *self,
            GError **error)
{
  g_auto(GStrv) bases = list_bases (self);

  for (char **base = bases; *base != NULL; base++)
    if (!give_base (self, *base, error))
      {
        g_prefix_error (error, _("failed to give image %s to buildah: "), *base);
        return FALSE;
      }

  return TRUE;
}

static gboolean
build (Build   *self,
       GError **error)
{
  g_autofree char *id_path = get_path (self, "id");
  g_autoptr(GPtrArray) words = g_ptr_array_new ();

  g_ptr_array_add (words, (char *) BUILDAH);
  g_ptr_array_add (words, (char *) "build");
  if (self->id_file == NULL)
    {
      g_ptr_array_add (words, (char *) "--iidfile");
      g_ptr_array_add (words, id_path);
    }
  for (char **word = self->arguments; *word != NULL; word++)
    g_ptr_array_add (words, *word);
  g_ptr_array_add (words, NULL);
  return run_or_fail (self, (const char **) words->pdata, error);
}

/* The image comes over as it was built: its id says in which format that was. */
static gboolean
take (Build       *self,
      const char  *id,
      GError     **error)
{
  g_autofree char *archive = get_path (self, "image");
  g_autofree char *destination = g_strconcat (self->docker_format ? "docker-archive:" : "oci-archive:", archive, NULL);
  const char *push[] = { BUILDAH, "push", "--quiet", id, destination, NULL };
  g_autoptr(GVariant) images = NULL;
  g_autofree char *path = NULL;
  g_autoptr(GVariant) reply = NULL;
  int fd;

  if (!run_or_fail (self, push, error))
    return FALSE;

  fd = open_archive (archive, O_RDONLY, error);
  if (fd < 0)
    return FALSE;

  images = cpod_client_load_images_sync (self->app->client, fd, NULL, cli_transfer_bar (self->quiet), NULL, NULL, error);
  cli_transfer_clear_bar (self->quiet);
  close (fd);
  if (images == NULL || self->tags->len == 0)
    return images != NULL;

  path = cli_find_image (self->app, id, error);
  g_ptr_array_add (self->tags, NULL);
  reply = path == NULL ? NULL
                       : cli_call (self->app, path, CLI_IMAGE, "Tag",
                                   g_variant_new ("(^as@a{sv})", (char **) self->tags->pdata, cli_no_options ()), error);
  return reply != NULL;
}

static gboolean
find_oci_runtime (Build   *self,
                  GError **error)
{
  g_autoptr(GVariant) reply = cli_call (self->app, CPOD_PATH_RUNTIME, CLI_RUNTIME, "GetInfo",
                                        g_variant_new ("(@a{sv})", cli_no_options ()), error);
  g_autoptr(GVariant) info = reply != NULL ? g_variant_get_child_value (reply, 0) : NULL;
  g_autoptr(GVariant) host = info != NULL ? cli_value_get (info, "host") : NULL;
  g_autoptr(GVariant) runtime = host != NULL ? cli_value_get (host, "ociRuntime") : NULL;
  g_autoptr(GVariant) path = runtime != NULL ? cli_value_get (runtime, "path") : NULL;

  if (path != NULL && g_variant_is_of_type (path, G_VARIANT_TYPE_STRING))
    self->oci_runtime = g_variant_dup_string (path, NULL);
  return reply != NULL;
}

static gboolean
build_and_take (Build   *self,
                GError **error)
{
  g_autofree char *id_path = NULL;
  g_autofree char *text = NULL;
  const char *id;

  self->directory = g_dir_make_tmp ("cpod-build-XXXXXX", error);
  if (self->directory == NULL || cli_connect (self->app, error) == NULL || !find_oci_runtime (self, error) || !give_bases (self, error)
      || !build (self, error))
    return FALSE;

  id_path = self->id_file != NULL ? g_strdup (self->id_file) : get_path (self, "id");
  if (!g_file_get_contents (id_path, &text, NULL, error))
    return FALSE;
  id = g_strstrip (text);
  if (g_str_has_prefix (id, "sha256:"))
    id += strlen ("sha256:");
  if (!take (self, id, error))
    return FALSE;

  /* buildah does not, since it writes it into a file for us. */
  if (self->id_file == NULL)
    printf ("%s\n", id);
  return TRUE;
}

int
cli_build (CliApp        *app,
           const CliVerb *verb,
           int            argc,
           char         **argv)
{
  g_auto(Build) self = { .app = app, .arguments = argv + 1 };
  g_autoptr(GError) error = NULL;
  g_autofree char *program = g_find_program_in_path (BUILDAH);
  int status;

  self.tags = g_ptr_array_new ();
  self.files = g_ptr_array_new ();
  self.docker_format = g_strcmp0 (g_getenv ("BUILDAH_FORMAT"), "docker") == 0;
  parse (&self);
  if (self.help)
    return cli_parse (verb, NULL, TRUE, &argc, &argv, &status) ? EXIT_SUCCESS : status;

  if (program == NULL)
    return cli_fail (_("images are built by buildah, which is not installed"));

  return build_and_take (&self, &error) ? EXIT_SUCCESS : cli_fail_error (error);
}
