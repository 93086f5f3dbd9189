/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-tar-output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "public/cpod-error.h"

static gboolean
is_writable (int fd)
{
  const int flags = fcntl (fd, F_GETFL);

  return flags >= 0 && (flags & O_PATH) == 0 && (flags & O_ACCMODE) != O_RDONLY;
}

gboolean
cpd_tar_output_open (CpdTarOutput *output, int fd, GCancellable *cancellable, GError **error)
{
  char path[64];
  struct stat info;

  *output = (CpdTarOutput) { .fd = fd, .cancellable = cancellable };
  if (fstat (fd, &info) < 0)
    {
      cpd_set_error_errno (error, errno, "failed to look at what the archive goes to");
      return FALSE;
    }
  output->is_socket = S_ISSOCK (info.st_mode);
  if (!S_ISFIFO (info.st_mode))
    return TRUE;
  /* What it is opened for once more must not be more than what it was opened for. */
  if (!is_writable (fd))
    {
      g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                           "the pipe that the archive goes to is not open for writing");
      return FALSE;
    }
  /* The same pipe once more, so that not to block is ours alone. */
  g_snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
  output->fd = open (path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  output->own = output->fd >= 0;
  if (!output->own)
    cpd_set_error_errno (error, errno, "failed to open the pipe that the archive goes to");
  return output->own;
}

void
cpd_tar_output_close (CpdTarOutput *output)
{
  if (output->own)
    cpd_close_fd (&output->fd);
  output->own = FALSE;
}

static gboolean
check_cancelled (CpdTarOutput *output, GError **error)
{
  if (!g_cancellable_is_cancelled (output->cancellable))
    return TRUE;
  g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_CANCELLED, "it was cancelled");
  return FALSE;
}

static void
wait_writable (CpdTarOutput *output)
{
  GPollFD fds[2] = { { output->fd, G_IO_OUT, 0 } };
  const gboolean both = g_cancellable_make_pollfd (output->cancellable, &fds[1]);

  g_poll (fds, both ? 2 : 1, -1);
  if (both)
    g_cancellable_release_fd (output->cancellable);
}

gboolean
cpd_tar_output_write (CpdTarOutput *output, const void *data, gsize length, GError **error)
{
  const char *at = data;

  while (length > 0)
    {
      ssize_t n;

      if (!check_cancelled (output, error))
        return FALSE;
      n = output->is_socket ? send (output->fd, at, length, MSG_DONTWAIT | MSG_NOSIGNAL) : write (output->fd, at, length);
      if (n < 0 && (errno == EAGAIN || errno == EINTR))
        {
          if (errno == EAGAIN)
            wait_writable (output);
          continue;
        }
      if (n < 0)
        {
          cpd_set_error_errno (error, errno, "failed to write the archive");
          return FALSE;
        }
      at += n;
      length -= (gsize) n;
    }
  return TRUE;
}
