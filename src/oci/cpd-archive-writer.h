/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * A tar archive of members that are made here, and not found in a directory as
 * those of CpdTarWriter: the same ones give the same bytes. A reader that does
 * not read holds it up, but not against a cancellation. DISK_FULL, CANCELLED,
 * FAILED.
 */
typedef struct _CpdArchiveWriter CpdArchiveWriter;

/* FD stays the caller's. */
CpdArchiveWriter *cpd_archive_writer_new      (int                    fd,
                                               GCancellable          *cancellable,
                                               GError               **error);
void              cpd_archive_writer_free     (CpdArchiveWriter      *writer);
gboolean          cpd_archive_writer_add_text (CpdArchiveWriter      *writer,
                                               const char            *name,
                                               const char            *text,
                                               GError               **error);
gboolean          cpd_archive_writer_add_dir  (CpdArchiveWriter      *writer,
                                               const char            *name,
                                               GError               **error);
/* Begins a file, of which SIZE bytes must follow. */
gboolean          cpd_archive_writer_begin    (CpdArchiveWriter      *writer,
                                               const char            *name,
                                               guint64                size,
                                               GError               **error);
gboolean          cpd_archive_writer_write    (CpdArchiveWriter      *writer,
                                               const void            *data,
                                               gsize                  length,
                                               GError               **error);
/* A whole file, which FD reads from where it is; FAILED when it has another digest or size. */
gboolean          cpd_archive_writer_add_blob (CpdArchiveWriter      *writer,
                                               const char            *name,
                                               int                    fd,
                                               const char            *digest,
                                               guint64                size,
                                               GError               **error);
/* The end of the archive, without which it is none. */
gboolean          cpd_archive_writer_finish   (CpdArchiveWriter      *writer,
                                               GError               **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdArchiveWriter, cpd_archive_writer_free)

G_END_DECLS
