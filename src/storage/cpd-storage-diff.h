/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "oci/cpd-tar-writer.h"
#include "storage/cpd-storage.h"

G_BEGIN_DECLS

/* What one layer makes of those below it. All functions may be called from any thread. */
typedef enum
{
  CPD_CHANGE_ADDED,
  CPD_CHANGE_CHANGED,
  CPD_CHANGE_DELETED,
} CpdChangeKind;

typedef struct
{
  CpdChangeKind kind;
  char *path;                   /* (owned) absolute; any bytes */
} CpdChange;

/* A list of them; PATH is without the first slash. */
GPtrArray *cpd_changes_new          (void);
void       cpd_changes_add          (GPtrArray            *changes,
                                     CpdChangeKind         kind,
                                     const char           *path);
void       cpd_changes_sort         (GPtrArray            *changes);

/* The changes of a container's writable layer, by path. A directory counts as changed when something in it is, or
 * when it has another owner, mode or time. */
GPtrArray *cpd_storage_diff_rw      (CpdStorage           *storage,
                                     const char           *container_id,
                                     const char           *image_id,
                                     GError              **error);
/* The same of an image's topmost layer. */
GPtrArray *cpd_storage_diff_image   (CpdStorage           *storage,
                                     const char           *image_id,
                                     GError              **error);
/* Bytes of all files that a container has written, each once however many names it has. */
gboolean   cpd_storage_get_rw_size  (CpdStorage           *storage,
                                     const char           *container_id,
                                     gint64               *size,
                                     GError              **error);
/* Writes the writable layer of a container as that of an image to FD. */
gboolean   cpd_storage_pack_rw      (CpdStorage           *storage,
                                     const char           *container_id,
                                     const char           *image_id,
                                     int                   fd,
                                     CpdTarProgressFunc    progress,
                                     gpointer              progress_data,
                                     GCancellable         *cancellable,
                                     GError              **error);

/* For the storage: the same for a container that is a copy of its image. */
GPtrArray *cpd_storage_diff_copy    (CpdStorage           *storage,
                                     const char           *container_id,
                                     const char           *image_id,
                                     gint64               *size,
                                     GError              **error);
gboolean   cpd_storage_pack_copy    (CpdStorage           *storage,
                                     const char           *container_id,
                                     const char           *image_id,
                                     int                   fd,
                                     CpdTarProgressFunc    progress,
                                     gpointer              progress_data,
                                     GCancellable         *cancellable,
                                     GError              **error);
/* For the storage: opens the root of an image as it is without its SKIP topmost layers; it can only be read. Without
 * any left that is -1 without an error. */
gboolean   cpd_storage_open_view    (CpdStorage           *storage,
                                     const char           *image_id,
                                     guint                 skip,
                                     int                  *view,
                                     GError              **error);

G_END_DECLS
