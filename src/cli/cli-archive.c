/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "cli/cli-archive.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <sys/stat.h>
#include <unistd.h>

gboolean
cli_archive_output_open (CliArchiveOutput  *self,
                         const char        *path,
                         GError           **error)
{
  *self = (CliArchiveOutput) { .path = path, .fd = STDOUT_FILENO };
  if (path == NULL)
    {
      if (!isatty (STDOUT_FILENO))
        return TRUE;

      g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                           _("an archive is nothing for a terminal: redirect the output, or name a file with --output"));
      return FALSE;
    }

  self->fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (self->fd < 0)
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, _("failed to open %s: %s"), path, g_strerror (errno));

  return self->fd >= 0;
}

gboolean
cli_archive_output_close (CliArchiveOutput  *self,
                          gboolean           done,
                          GError           **error)
{
  struct stat info;

  if (self->path == NULL)
    return done;

  if (!done && fstat (self->fd, &info) == 0 && S_ISREG (info.st_mode))
    unlink (self->path);

  if (close (self->fd) == 0 || !done)
    return done;

  g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, _("failed to write %s: %s"), self->path, g_strerror (errno));
  return FALSE;
}
