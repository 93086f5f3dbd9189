/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sys/stat.h>

G_BEGIN_DECLS

/* Opens PATH as a process would whose root directory ROOT is: no symbolic link
 * and no ".." leads out of it. -1 and errno when it fails. */
int      cpd_in_root_open     (int          root,
                               const char  *path,
                               int          flags);
/* The same for a PATH that has no symbolic link in it: with one, it fails. */
int      cpd_in_root_open_plain (int        root,
                               const char  *path,
                               int          flags);
gboolean cpd_in_root_stat_plain (int        root,
                               const char  *path,
                               struct stat *info);
/* What is in DIRECTORY, in an order that does not depend on the file system; NULL and errno. */
GPtrArray *cpd_in_root_list   (int          directory);
/* Removes NAME in the directory PARENT and all below it; an empty or missing one too. */
gboolean cpd_in_root_remove   (int          parent,
                               const char  *name,
                               GError     **error);

G_END_DECLS
