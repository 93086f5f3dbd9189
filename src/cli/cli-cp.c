/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/cli-tar.h"

/* One side of a copy. */
typedef struct
{
  char *container;              /* (owned) (nullable): object path; NULL for files of our own */
  char *path;                   /* (owned) */
  gboolean is_stream;           /* "-" */
  gboolean exists;
  gboolean is_directory;
} Side;

/* Where a copy goes: into a directory that is there, under a name; "" means what is in it. */
typedef struct
{
  char *directory;              /* (owned) */
  char *name;                   /* (owned) */
} Plan;

static void
side_clear (Side *side)
{
  g_clear_pointer (&side->container, g_free);
  g_clear_pointer (&side->path, g_free);
}

static void
plan_clear (Plan *plan)
{
  g_clear_pointer (&plan->directory, g_free);
  g_clear_pointer (&plan->name, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Side, side_clear)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Plan, plan_clear)

static gboolean
look_local (Side    *side,
            GError **error)
{
  struct stat info;
  g_autofree char *real = realpath (side->path, NULL);

  side->exists = real != NULL && stat (real, &info) == 0;
  side->is_directory = side->exists && S_ISDIR (info.st_mode);
  if (side->exists || errno == ENOENT)
    return TRUE;

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, _("failed to look at %s: %s"), side->path, g_strerror (errno));
  return FALSE;
}

static gboolean
look_inside (CliApp  *app,
             Side    *side,
             GError **error)
{
  g_autoptr(GError) failure = NULL;
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GVariant) info = NULL;
  guint mode = 0;

  reply = cli_call (app, side->container, CLI_CONTAINER, "StatPath",
                    g_variant_new ("(@ay@a{sv})", g_variant_new_bytestring (side->path), cli_no_options ()), &failure);
  if (reply == NULL && !g_error_matches (failure, CPOD_ERROR, CPOD_ERROR_NO_SUCH_FILE))
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }

  side->exists = reply != NULL;
  if (reply != NULL)
    {
      info = g_variant_get_child_value (reply, 0);
      g_variant_lookup (info, "mode", "u", &mode);
    }
  side->is_directory = S_ISDIR (mode);
  return TRUE;
}

/* "CONTAINER:PATH", "PATH" or "-"; what begins with a dot or slash is never a container's. */
static gboolean
parse_side (CliApp      *app,
            const char  *text,
            Side        *side,
            GError     **error)
{
  const char *colon = strchr (text, ':');
  g_autofree char *name = NULL;

  side->is_stream = g_str_equal (text, "-");
  if (colon == NULL || colon == text || text[0] == '.' || text[0] == '/')
    {
      side->path = g_strdup (text);
      return side->is_stream || look_local (side, error);
    }

  name = g_strndup (text, colon - text);
  side->path = g_strconcat (colon[1] == '/' ? "" : "/", colon + 1, NULL);
  side->container = cli_find_container (app, name, error);
  return side->container != NULL && look_inside (app, side, error);
}

static gboolean
means_contents (const char *path)
{
  return g_str_has_suffix (path, "/.") || g_str_equal (path, ".") || g_str_equal (path, "/");
}

static gboolean
plan_existing (const Side  *from,
               const Side  *to,
               Plan        *plan,
               GError     **error)
{
  g_autofree char *base = g_path_get_basename (from->path);

  if (to->is_directory)
    {
      plan->directory = g_strdup (to->path);
      plan->name = from->is_directory && means_contents (from->path) ? g_strdup ("") : g_steal_pointer (&base);
      return TRUE;
    }

  if (from->is_directory)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, _("a directory cannot be copied to %s, which is none"), to->path);
      return FALSE;
    }

  plan->directory = g_path_get_dirname (to->path);
  plan->name = g_path_get_basename (to->path);
  return TRUE;
}

/* The rules of cp(1), nearly. */
static gboolean
make_plan (const Side  *from,
           const Side  *to,
           Plan        *plan,
           GError     **error)
{
  g_autofree char *path = NULL;

  if (to->exists)
    return plan_existing (from, to, plan, error);

  if (!from->is_directory && g_str_has_suffix (to->path, "/"))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, _("there is no directory %s"), to->path);
      return FALSE;
    }

  path = g_canonicalize_filename (to->path, to->container != NULL ? "/" : NULL);
  plan->directory = g_path_get_dirname (path);
  plan->name = g_path_get_basename (path);
  return TRUE;
}

/* Starts a job with a descriptor: its path. */
static char *
start_job (CliApp      *app,
           const Side  *side,
           const char  *method,
           const char  *path,
           int          fd,
           GVariant    *options,
           GError     **error)
{
  g_autoptr(GVariant) sunk = g_variant_ref_sink (options);
  g_autoptr(GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr(GVariant) reply = NULL;
  char *job = NULL;

  if (g_unix_fd_list_append (fds, fd, error) < 0)
    return NULL;

  reply = cli_call_with_fds (app, side->container, CLI_CONTAINER, method,
                             g_variant_new ("(@ayh@a{sv})", g_variant_new_bytestring (path), 0, sunk), fds, NULL, error);
  if (reply != NULL)
    g_variant_get (reply, "(o)", &job);
  return job;
}

static gboolean
wait_job (CliApp      *app,
          const char  *job,
          GError     **error)
{
  g_autoptr(GVariant) reply = cli_call (app, job, CLI_JOB, "Wait", g_variant_new ("(@a{sv})", cli_no_options ()), error);

  return reply != NULL;
}

static void
cancel_job (CliApp     *app,
            const char *job)
{
  g_autoptr(GVariant) reply = cli_call (app, job, CLI_JOB, "Cancel", g_variant_new ("(@a{sv})", cli_no_options ()), NULL);
}

static char *
start_out (CliApp      *app,
           const Side  *from,
           const char  *name,
           int          fd,
           GError     **error)
{
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (name != NULL)
    g_variant_builder_add (&options, "{sv}", "name", g_variant_new_bytestring (name));
  return start_job (app, from, "CopyOut", from->path, fd, g_variant_builder_end (&options), error);
}

typedef struct
{
  gboolean archive;             /* all belongs to the container's user */
  gboolean overwrite;
  gboolean pause;
} CpOptions;

static char *
start_in (CliApp           *app,
          const Side       *to,
          const CpOptions  *cp,
          const char       *directory,
          int               fd,
          GError          **error)
{
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&options, "{sv}", "chown", g_variant_new_boolean (cp->archive));
  g_variant_builder_add (&options, "{sv}", "overwrite", g_variant_new_boolean (cp->overwrite));
  return start_job (app, to, "CopyIn", directory, fd, g_variant_builder_end (&options), error);
}

/* The end of a stream that ended early is not the reason; its other end knows that. */
static gboolean
finish (CliApp      *app,
        const char  *job,
        gboolean     ours,
        GError      *failure,
        GError     **error)
{
  g_autoptr(GError) local_failure = failure;

  if (!ours)
    {
      g_autoptr(GError) theirs = NULL;

      /* Either side may have been first. */
      if (!g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE))
        cancel_job (app, job);
      if (!wait_job (app, job, &theirs) && !g_error_matches (theirs, CPOD_ERROR, CPOD_ERROR_CANCELLED))
        g_propagate_error (error, g_steal_pointer (&theirs));
      else
        g_propagate_error (error, g_steal_pointer (&local_failure));
      return FALSE;
    }
  return wait_job (app, job, error);
}

static gboolean
copy_out (CliApp      *app,
          const Side  *from,
          const Plan  *plan,
          int          fds[2],
          GError     **error)
{
  g_autofree char *job = start_out (app, from, plan->name, fds[1], error);
  GError *failure = NULL;
  gboolean done;

  close (g_steal_fd (&fds[1]));
  if (job == NULL)
    return FALSE;

  done = cli_tar_unpack (fds[0], plan->directory, &failure);
  close (g_steal_fd (&fds[0]));
  return finish (app, job, done, failure, error);
}

static gboolean
copy_in (CliApp           *app,
         const Side       *from,
         const Side       *to,
         const CpOptions  *cp,
         const Plan       *plan,
         int               fds[2],
         GError          **error)
{
  g_autofree char *job = start_in (app, to, cp, plan->directory, fds[0], error);
  g_autofree char *path = realpath (from->path, NULL);
  GError *failure = NULL;
  gboolean done;

  close (g_steal_fd (&fds[0]));
  if (job == NULL)
    return FALSE;

  done = cli_tar_pack (fds[1], path != NULL ? path : from->path, plan->name, &failure);
  if (!done && !g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE))
    cancel_job (app, job);      /* before the end of the stream looks like that of the archive */
  close (g_steal_fd (&fds[1]));
  return finish (app, job, done, failure, error);
}

static gboolean
copy_between (CliApp           *app,
              const Side       *from,
              const Side       *to,
              const CpOptions  *cp,
              const Plan       *plan,
              int               fds[2],
              GError          **error)
{
  g_autofree char *out = start_out (app, from, plan->name, fds[1], error);
  g_autofree char *in = out != NULL ? start_in (app, to, cp, plan->directory, fds[0], error) : NULL;
  g_autoptr(GError) out_error = NULL;
  gboolean done;

  close (g_steal_fd (&fds[0]));
  close (g_steal_fd (&fds[1]));
  if (in == NULL)
    return FALSE;

  done = wait_job (app, in, error);
  if (wait_job (app, out, &out_error) || !done)
    return done;

  g_propagate_error (error, g_steal_pointer (&out_error));
  return FALSE;
}

static gboolean
copy_stream (CliApp           *app,
             const Side       *from,
             const Side       *to,
             const CpOptions  *cp,
             GError          **error)
{
  g_autofree char *job = NULL;

  if (to->is_stream)
    job = start_out (app, from, NULL, STDOUT_FILENO, error);
  else if (to->is_directory)
    job = start_in (app, to, cp, to->path, STDIN_FILENO, error);
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, _("there is no directory %s"), to->path);
  return job != NULL && wait_job (app, job, error);
}

static gboolean
copy (CliApp           *app,
      const Side       *from,
      const Side       *to,
      const CpOptions  *cp,
      GError          **error)
{
  g_auto(Plan) plan = { NULL };
  int fds[2] = { -1, -1 };
  gboolean done;

  if (from->is_stream || to->is_stream)
    return copy_stream (app, from, to, cp, error);

  if (!from->exists)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, _("there is no %s to be copied"), from->path);
      return FALSE;
    }

  if (!make_plan (from, to, &plan, error) || !g_unix_open_pipe (fds, FD_CLOEXEC, error))
    return FALSE;

  if (from->container != NULL && to->container != NULL)
    done = copy_between (app, from, to, cp, &plan, fds, error);
  else if (from->container != NULL)
    done = copy_out (app, from, &plan, fds, error);
  else
    done = copy_in (app, from, to, cp, &plan, fds, error);

  for (gsize i = 0; i < G_N_ELEMENTS (fds); i++)
    {
      if (fds[i] >= 0)
        close (fds[i]);
    }
  return done;
}

static int
run_copy (CliApp           *app,
          char            **argv,
          const CpOptions  *cp)
{
  g_auto(Side) from = { NULL };
  g_auto(Side) to = { NULL };
  g_autoptr(GError) error = NULL;

  if (!parse_side (app, argv[1], &from, &error) || !parse_side (app, argv[2], &to, &error))
    return cli_fail_error (error);

  if (from.container == NULL && to.container == NULL)
    return cli_fail (_("one of the two must be in a container: CONTAINER:PATH"));

  signal (SIGPIPE, SIG_IGN);    /* who closes a stream says why */
  return copy (app, &from, &to, cp, &error) ? EXIT_SUCCESS : cli_fail_error (error);
}

int
cli_cp (CliApp        *app,
        const CliVerb *verb,
        int            argc,
        char         **argv)
{
  CpOptions cp = { .archive = TRUE };
  int status;
  const GOptionEntry entries[] = {
    { "archive", 'a', 0, G_OPTION_ARG_NONE, &cp.archive, N_("Give all to the container's user, as always; see --no-archive"), NULL },
    { "no-archive", 0, G_OPTION_FLAG_REVERSE, G_OPTION_ARG_NONE, &cp.archive, N_("Keep the owners that files have"), NULL },
    { "overwrite", 0, 0, G_OPTION_ARG_NONE, &cp.overwrite, N_("Let directories and other files replace one another"), NULL },
    { "pause", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &cp.pause, N_("Has no effect"), NULL },
    { NULL }
  };

  if (!cli_parse (verb, entries, FALSE, &argc, &argv, &status))
    return status;

  return argc == 3 ? run_copy (app, argv, &cp) : cli_fail (_("what to copy and where to must be given"));
}
