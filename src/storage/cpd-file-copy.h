/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <sys/stat.h>

G_BEGIN_DECLS

/* A name in an open directory; "." for that itself. It is never followed if it is a symbolic link. */
typedef struct
{
  int directory;                /* (unowned) */
  const char *name;             /* (unowned) */
} CpdPlace;

/* Copies SIZE bytes of FROM to the empty file TO. Where the file system can, both share their blocks; whether it is worth
 * trying is *SHARES, which becomes FALSE when it cannot. Holes stay holes. */
gboolean cpd_file_copy_contents (int              from,
                                 int              to,
                                 gint64           size,
                                 gboolean        *shares,
                                 GCancellable    *cancellable,
                                 GError         **error);
/* Makes owner, mode, extended attributes and times of TO those of FROM, which INFO is of. Marks of overlayfs are left out. */
gboolean cpd_file_copy_meta     (const CpdPlace  *from,
                                 const CpdPlace  *to,
                                 const struct stat *info,
                                 GError         **error);
/* Whether both have the same extended attributes but marks of overlayfs. */
gboolean cpd_file_has_same_xattrs (const CpdPlace *a,
                                   const CpdPlace *b);

G_END_DECLS
