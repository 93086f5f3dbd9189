/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "oci/cpd-layer.h"

G_BEGIN_DECLS

/*
 * What is where in a tar archive that is a file: an archive of images, of
 * which only the headers are read at first. Nothing is ever made of the names
 * in it, so they can lead nowhere.
 */
typedef struct _CpdArchiveIndex CpdArchiveIndex;

/* Reads the plain tar archive that begins where FD (unowned) is. INVALID_ARCHIVE, CANCELLED. */
CpdArchiveIndex    *cpd_archive_index_new       (int               fd,
                                                 GCancellable     *cancellable,
                                                 GError          **error);
void                cpd_archive_index_free      (CpdArchiveIndex  *archive);
int                 cpd_archive_index_get_fd    (CpdArchiveIndex  *archive);
gboolean            cpd_archive_index_has       (CpdArchiveIndex  *archive,
                                                 const char       *name);
/* Where the contents of a member are; links are followed. INVALID_ARCHIVE. */
const CpdLayerPart *cpd_archive_index_find      (CpdArchiveIndex  *archive,
                                                 const char       *name,
                                                 GError          **error);
/* All of a member that is a text. INVALID_ARCHIVE when it is too long. */
char               *cpd_archive_index_read_text (CpdArchiveIndex  *archive,
                                                 const char       *name,
                                                 GError          **error);

/*
 * Whether the archive that FD reads can be used as it is: it is a file, and
 * begins with nothing that is known to be compressed.
 */
gboolean            cpd_archive_is_plain_file   (int               fd);
/* Writes what FD reads, decompressed, to the file TO, of which SIZE_MAX bytes are enough (0 is no limit). */
gboolean            cpd_archive_spool           (int               fd,
                                                 int               to,
                                                 guint64           size_max,
                                                 CpdLayerProgressFunc progress,
                                                 gpointer          user_data,
                                                 GCancellable     *cancellable,
                                                 GError          **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdArchiveIndex, cpd_archive_index_free)

G_END_DECLS
