/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once


#include "oci/cpd-layer.h"
#include "oci/cpd-libarchive.h"

G_BEGIN_DECLS

/*
 * The way of a layer's bytes. One thread reads them from the descriptor and
 * decompresses them; one more hashes them as they came and one the tar, and one
 * of the two writes the blob. The tar reader runs in the caller's thread.
 * Only cpd-layer*.c knows of it.
 */
typedef struct _CpdLayerSource CpdLayerSource;

CpdLayerSource *cpd_layer_source_new       (int                    fd,
                                            const CpdLayerPart    *part,
                                            int                    blob,
                                            const CpdLayerLimits  *limits,
                                            CpdLayerProgressFunc   progress,
                                            gpointer               user_data,
                                            GCancellable          *cancellable);
void            cpd_layer_source_free      (CpdLayerSource        *source);
/* Looks at the first bytes and starts the tar reader, which the source owns. */
struct archive *cpd_layer_source_open      (CpdLayerSource        *source,
                                            GError               **error);
/* Turns a failure of the tar reader into an error; ENTRY may be NULL. */
void            cpd_layer_source_set_error (CpdLayerSource        *source,
                                            const char            *entry,
                                            GError               **error);
/* Reads what follows the archive's end, which the digests cover, and fills in INFO. */
gboolean        cpd_layer_source_finish    (CpdLayerSource        *source,
                                            CpdLayerInfo          *info,
                                            GError               **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdLayerSource, cpd_layer_source_free)

G_END_DECLS
