/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Writes the file or directory PATH and all below it to FD as a tar archive whose names begin with NAME; "" for those
 * in the directory alone. Sockets are left out. */
gboolean cli_tar_pack   (int          fd,
                         const char  *path,
                         const char  *name,
                         GError     **error);
/* Unpacks the tar archive FD into DIRECTORY, and nowhere else whatever it says. All will be the caller's; devices are
 * left out. */
gboolean cli_tar_unpack (int          fd,
                         const char  *directory,
                         GError     **error);

/* What the module has, as above. */
typedef struct
{
  gboolean (*pack)   (int fd, const char *path, const char *name, GError **error);
  gboolean (*unpack) (int fd, const char *directory, GError **error);
} CliTarFuncs;

extern const CliTarFuncs cli_tar_funcs;

G_END_DECLS
