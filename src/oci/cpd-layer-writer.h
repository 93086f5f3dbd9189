/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once


#include "oci/cpd-layer-source.h"
#include "oci/cpd-libarchive.h"

G_BEGIN_DECLS

/* Makes files of tar entries below one directory. Only cpd-layer*.c knows of it. */
typedef struct _CpdLayerWriter CpdLayerWriter;

/* RULES (nullable) are those for a copy; without them the archive is a layer. */
CpdLayerWriter *cpd_layer_writer_new      (int                    root,
                                           const CpdCopyRules    *rules);
void            cpd_layer_writer_free     (CpdLayerWriter        *writer);
/* Makes ENTRY, reading its contents from ARCHIVE, the tar reader of SOURCE. */
gboolean        cpd_layer_writer_add      (CpdLayerWriter        *writer,
                                           CpdLayerSource        *source,
                                           struct archive        *archive,
                                           struct archive_entry  *entry,
                                           GError               **error);
/* Sets the times of directories, which change as long as things are made in them. */
void            cpd_layer_writer_finish   (CpdLayerWriter        *writer);
guint64         cpd_layer_writer_get_size (CpdLayerWriter        *writer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdLayerWriter, cpd_layer_writer_free)

G_END_DECLS
