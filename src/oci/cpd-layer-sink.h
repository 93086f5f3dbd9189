/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "oci/cpd-layer-pipe.h"

G_BEGIN_DECLS

/*
 * A thread that hashes what is pushed into it, and writes it to a file if there
 * is one. Only cpd-layer*.c knows of it.
 */
typedef struct _CpdLayerSink CpdLayerSink;

/* BLOB is the file, or -1. */
CpdLayerSink *cpd_layer_sink_new       (CpdLayerPipe    *pipe,
                                        int              blob,
                                        GError         **error);
void          cpd_layer_sink_free      (CpdLayerSink    *sink);
void          cpd_layer_sink_push      (CpdLayerSink    *sink,
                                        CpdLayerBuffer  *buffer);
/* Waits until all is done. What the pipe says about failures holds for all that was pushed afterwards. */
void          cpd_layer_sink_finish    (CpdLayerSink    *sink);
/* After the end: of all that was pushed. */
char         *cpd_layer_sink_digest    (CpdLayerSink    *sink);
guint64       cpd_layer_sink_get_size  (CpdLayerSink    *sink);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdLayerSink, cpd_layer_sink_free)

G_END_DECLS
