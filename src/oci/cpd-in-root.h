/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Opens PATH as a process would whose root directory ROOT is: no symbolic link
 * and no ".." leads out of it. -1 and errno when it fails. */
int      cpd_in_root_open     (int          root,
                               const char  *path,
                               int          flags);
/* Removes NAME in the directory PARENT and all below it; an empty or missing one too. */
gboolean cpd_in_root_remove   (int          parent,
                               const char  *name,
                               GError     **error);

G_END_DECLS
