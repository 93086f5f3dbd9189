/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "cli/cli-handover.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli-write.h"

#define N_STREAMS 3

struct _CliHandover
{
  int theirs[N_STREAMS];        /* (owned): -1 for what is ours as well, or nothing */
  int ours[N_STREAMS];          /* (owned): where output comes to us, -1 for what does not */
  guint sources[N_STREAMS];
  gboolean with_input;
};

static void
close_all (int *fds)
{
  for (int i = 0; i < N_STREAMS; i++)
    if (fds[i] >= 0)
      {
        close (fds[i]);
        fds[i] = -1;
      }
}

/* Terminals and files are not, nor are sockets of others than root: the service tells why. */
static gboolean
can_be_given (int fd)
{
  struct stat info;
  struct stat null;

  if (fstat (fd, &info) < 0)
    return FALSE;

  return S_ISFIFO (info.st_mode) || (S_ISSOCK (info.st_mode) && geteuid () == 0)
         || (S_ISCHR (info.st_mode) && stat ("/dev/null", &null) == 0 && null.st_rdev == info.st_rdev);
}

/* What goes to both keeps its order only when nothing is in between. What an OCI runtime says there when it fails is
 * said by the error as well, so otherwise it is kept back until the process runs. */
static gboolean
is_output_too (void)
{
  struct stat output;
  struct stat errors;

  return fstat (STDOUT_FILENO, &output) == 0 && fstat (STDERR_FILENO, &errors) == 0 && output.st_dev == errors.st_dev
         && output.st_ino == errors.st_ino;
}

CliHandover *
cli_handover_new (gboolean with_input)
{
  g_autoptr(CliHandover) self = NULL;

  if (with_input && !can_be_given (STDIN_FILENO))
    return NULL;

  self = g_new0 (CliHandover, 1);
  self->with_input = with_input;
  for (int i = 0; i < N_STREAMS; i++)
    self->theirs[i] = self->ours[i] = -1;
  for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
    {
      int ends[2];

      if (can_be_given (fd) && (fd == STDOUT_FILENO || is_output_too ()))
        continue;
      if (!g_unix_open_pipe (ends, FD_CLOEXEC, NULL))
        return NULL;
      self->ours[fd] = ends[0];
      self->theirs[fd] = ends[1];
      g_unix_set_fd_nonblocking (self->ours[fd], TRUE, NULL);
    }

  return g_steal_pointer (&self);
}

void
cli_handover_free (CliHandover *self)
{
  if (self == NULL)
    return;

  for (int i = 0; i < N_STREAMS; i++)
    g_clear_handle_id (&self->sources[i], g_source_remove);
  close_all (self->theirs);
  close_all (self->ours);
  g_free (self);
}

GVariant *
cli_handover_parameters (CliHandover  *self,
                         GUnixFDList **fds,
                         GError      **error)
{
  static const char *const names[N_STREAMS] = { "stdin", "stdout", "stderr" };
  g_autoptr(GVariantBuilder) options = g_variant_builder_new (G_VARIANT_TYPE_VARDICT);

  *fds = g_unix_fd_list_new ();
  for (int fd = self->with_input ? STDIN_FILENO : STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
    {
      const int handle = g_unix_fd_list_append (*fds, self->theirs[fd] >= 0 ? self->theirs[fd] : fd, error);

      if (handle < 0)
        return NULL;
      g_variant_builder_add (options, "{sv}", names[fd], g_variant_new_handle (handle));
    }

  return g_variant_new ("(a{sv})", options);
}

/* Passes on one piece; FALSE when there is none now, and END tells whether there will be one. */
static gboolean
pass_on (CliHandover *self,
         int          stream,
         gboolean    *end)
{
  static char buffer[64 * 1024];
  const gssize n = read (self->ours[stream], buffer, sizeof buffer);

  /* Where output cannot be written it is dropped: the process goes on. */
  if (n > 0)
    cli_write_all (stream, buffer, n);
  *end = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
  return n > 0;
}

static gboolean
stream_ready (CliHandover *self,
              int          stream)
{
  gboolean end;

  pass_on (self, stream, &end);
  if (!end)
    return G_SOURCE_CONTINUE;

  self->sources[stream] = 0;
  return G_SOURCE_REMOVE;
}

static gboolean
output_ready (int          fd,
              GIOCondition condition,
              gpointer     user_data)
{
  return stream_ready (user_data, STDOUT_FILENO);
}

static gboolean
errors_ready (int          fd,
              GIOCondition condition,
              gpointer     user_data)
{
  return stream_ready (user_data, STDERR_FILENO);
}

void
cli_handover_begin (CliHandover *self)
{
  static const GUnixFDSourceFunc funcs[N_STREAMS] = { NULL, output_ready, errors_ready };

  close_all (self->theirs);
  for (int i = 0; i < N_STREAMS; i++)
    if (self->ours[i] >= 0)
      self->sources[i] = g_unix_fd_add (self->ours[i], G_IO_IN | G_IO_HUP, funcs[i], self);
}

/* What it has left running may still hold them, so their end is not waited for. */
void
cli_handover_end (CliHandover *self)
{
  gboolean end;

  for (int i = 0; i < N_STREAMS; i++)
    while (self->ours[i] >= 0 && pass_on (self, i, &end))
      continue;
}
