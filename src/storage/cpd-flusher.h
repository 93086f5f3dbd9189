/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * Has a file system written to the disk by a thread of its own while more is
 * being written to it, so that the sync at the end finds little left to do.
 */
typedef struct _CpdFlusher CpdFlusher;

/* FD is open on the file system; it must stay so. */
CpdFlusher *cpd_flusher_new     (int           fd,
                                 GError      **error);
void        cpd_flusher_free    (CpdFlusher   *flusher);
/* How much has been done, in bytes that stand for those that were written: now and then it begins to write. */
void        cpd_flusher_advance (CpdFlusher   *flusher,
                                 guint64       position);
/* Waits until everything is on the disk. What could not be written, now or before, is an error. */
gboolean    cpd_flusher_finish  (CpdFlusher   *flusher,
                                 GError      **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdFlusher, cpd_flusher_free)

G_END_DECLS
