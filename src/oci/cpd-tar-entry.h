/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <sys/stat.h>

#include "oci/cpd-libarchive.h"

G_BEGIN_DECLS

/* What a file tells of itself, for its entry in an archive. */
typedef struct archive_entry CpdTarEntry;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdTarEntry, archive_entry_free)

/* Without what says more of where the file was than of the file: device, inode, names of its owners. */
CpdTarEntry *cpd_tar_entry_new         (const char         *name,
                                        const struct stat  *info);
/* The time of its last change, right also before 1970. */
void         cpd_tar_entry_set_mtime   (CpdTarEntry           *entry,
                                        const struct timespec *time);
void         cpd_tar_entry_get_mtime   (CpdTarEntry           *entry,
                                        struct timespec       *time);
/* Capabilities, ACLs and the attributes of users. UPPER: the file is part of an upper directory of overlayfs, whose
 * own attributes are left out; and it is an error if its contents are not. */
gboolean     cpd_tar_entry_read_xattrs (CpdTarEntry        *entry,
                                        int                 fd,
                                        gboolean            upper,
                                        GError            **error);
/* Where a sparse file has its data. */
void         cpd_tar_entry_find_holes  (CpdTarEntry        *entry,
                                        int                 fd,
                                        const struct stat  *info);
/* Whether overlayfs shows the contents of another directory below. */
gboolean     cpd_tar_entry_is_redirect (int                 fd);

G_END_DECLS
