/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * What the threads of an unpacking have in common: a fixed number of buffers,
 * for which the one thread that fills them has to wait, and the one failure
 * that ends them all. Buffers are shared, not copied; the last who is done with
 * one gives it back. Each queue has one reader. Only cpd-layer*.c knows of it.
 */
typedef struct _CpdLayerPipe CpdLayerPipe;
typedef struct _CpdLayerQueue CpdLayerQueue;

typedef struct
{
  CpdLayerPipe *pipe;           /* (unowned) */
  guint references;             /* guarded by the pipe */
  guint8 *data;                 /* CPD_LAYER_BUFFER_SIZE bytes */
  gsize length;                 /* that are of use */
  guint64 position;             /* how much had been read from the archive when it was filled */
} CpdLayerBuffer;

#define CPD_LAYER_BUFFER_SIZE ((gsize) 256 * 1024)

CpdLayerPipe   *cpd_layer_pipe_new         (GCancellable    *cancellable);
/* After all threads that know of it have ended. */
void            cpd_layer_pipe_free        (CpdLayerPipe    *pipe);
/* Ends everything: whoever waits is woken and gets nothing more. Takes FAILURE; the first one counts. */
void            cpd_layer_pipe_fail        (CpdLayerPipe    *pipe,
                                            GError          *failure);
/* Whether something failed; a copy of what in ERROR. */
gboolean        cpd_layer_pipe_has_failed  (CpdLayerPipe    *pipe,
                                            GError         **error);
/* Fires when something has failed; for those who wait in poll(). */
GCancellable   *cpd_layer_pipe_get_stop    (CpdLayerPipe    *pipe);

/* Waits for an empty buffer; NULL when something has failed. */
CpdLayerBuffer *cpd_layer_pipe_take_buffer (CpdLayerPipe    *pipe);
CpdLayerBuffer *cpd_layer_buffer_ref       (CpdLayerBuffer  *buffer);
void            cpd_layer_buffer_unref     (CpdLayerBuffer  *buffer);

CpdLayerQueue  *cpd_layer_queue_new        (CpdLayerPipe    *pipe);
void            cpd_layer_queue_free       (CpdLayerQueue   *queue);
/* Takes BUFFER, which nobody may change any more. */
void            cpd_layer_queue_push       (CpdLayerQueue   *queue,
                                            CpdLayerBuffer  *buffer);
/* Nothing more will come. */
void            cpd_layer_queue_end        (CpdLayerQueue   *queue);
/* Waits for the next buffer; NULL at the end or when something has failed. */
CpdLayerBuffer *cpd_layer_queue_pop        (CpdLayerQueue   *queue);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdLayerBuffer, cpd_layer_buffer_unref)

G_END_DECLS
