/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/cli.h"

G_BEGIN_DECLS

/* A file that an archive goes to, or standard output. */
typedef struct
{
  const char *path;             /* (nullable) */
  int fd;
} CliArchiveOutput;

/* PATH is NULL for standard output, which must be no terminal. */
gboolean cli_archive_output_open  (CliArchiveOutput  *self,
                                   const char        *path,
                                   GError           **error);
/* Closes it; what is no whole archive does not stay. FALSE when the last of it could not be written. */
gboolean cli_archive_output_close (CliArchiveOutput  *self,
                                   gboolean           done,
                                   GError           **error);

G_END_DECLS
