/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "oci/cpd-layer-sink.h"
#include "oci/cpd-layer.h"

G_BEGIN_DECLS

/*
 * Reads an archive from a descriptor and decompresses it. It belongs to one
 * thread at a time. PART (nullable) is what it reads of a file. Only cpd-layer*.c knows of it.
 */
typedef struct _CpdLayerDecoder CpdLayerDecoder;

CpdLayerDecoder *cpd_layer_decoder_new   (CpdLayerPipe     *pipe,
                                          int               fd,
                                          const CpdLayerPart *part);
void             cpd_layer_decoder_free  (CpdLayerDecoder  *decoder);
/* Tells how the archive is compressed, by its first bytes. */
gboolean         cpd_layer_decoder_sniff (CpdLayerDecoder  *decoder,
                                          CpdCompression   *compression,
                                          GError          **error);
/* Where what is read is to go, too; NULL for nowhere. Of gzip that is only what belongs to it, without zeros behind it. */
void             cpd_layer_decoder_start (CpdLayerDecoder  *decoder,
                                          CpdLayerSink     *raw);
/* The next piece of the tar in BUFFER; NULL in it at the end, when all has been read. */
gboolean         cpd_layer_decoder_next  (CpdLayerDecoder  *decoder,
                                          CpdLayerBuffer  **buffer,
                                          GError          **error);
/* How many bytes have been read. */
guint64          cpd_layer_decoder_get_position (CpdLayerDecoder *decoder);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdLayerDecoder, cpd_layer_decoder_free)

G_END_DECLS
