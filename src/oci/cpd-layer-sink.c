/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-layer-sink.h"

#include "common/cpd-fs.h"
#include "oci/cpd-digest.h"

struct _CpdLayerSink
{
  CpdLayerPipe *pipe;           /* (unowned) */
  CpdLayerQueue *queue;         /* (owned) */
  int blob;                     /* (unowned) */
  CpdDigest *digest;            /* (owned) the thread's until it has ended */
  guint64 size;                 /* likewise */
  GThread *thread;              /* (owned) (nullable) */
};

static gpointer
run (gpointer user_data)
{
  CpdLayerSink *sink = user_data;

  for (;;)
    {
      g_autoptr(CpdLayerBuffer) buffer = cpd_layer_queue_pop (sink->queue);
      g_autoptr(GError) error = NULL;

      if (buffer == NULL)
        return NULL;
      cpd_digest_update (sink->digest, buffer->data, buffer->length);
      sink->size += buffer->length;
      if (sink->blob >= 0 && !cpd_fs_write_all (sink->blob, buffer->data, buffer->length, &error))
        {
          g_prefix_error (&error, "failed to keep the layer: ");
          cpd_layer_pipe_fail (sink->pipe, g_steal_pointer (&error));
          return NULL;
        }
    }
}

CpdLayerSink *
cpd_layer_sink_new (CpdLayerPipe *pipe, int blob, GError **error)
{
  g_autoptr(CpdLayerSink) sink = g_new0 (CpdLayerSink, 1);

  sink->pipe = pipe;
  sink->queue = cpd_layer_queue_new (pipe);
  sink->blob = blob;
  sink->digest = cpd_digest_new ();
  sink->thread = g_thread_try_new ("cpod-digest", run, sink, error);
  if (sink->thread == NULL)
    {
      g_prefix_error (error, "failed to start a thread: ");
      return NULL;
    }
  return g_steal_pointer (&sink);
}

void
cpd_layer_sink_free (CpdLayerSink *sink)
{
  if (sink == NULL)
    return;
  cpd_layer_sink_finish (sink);
  cpd_layer_queue_free (sink->queue);
  cpd_digest_free (sink->digest);
  g_free (sink);
}

void
cpd_layer_sink_push (CpdLayerSink *sink, CpdLayerBuffer *buffer)
{
  cpd_layer_queue_push (sink->queue, cpd_layer_buffer_ref (buffer));
}

void
cpd_layer_sink_finish (CpdLayerSink *sink)
{
  if (sink->thread == NULL)
    return;
  cpd_layer_queue_end (sink->queue);
  g_thread_join (g_steal_pointer (&sink->thread));
}

char *
cpd_layer_sink_digest (CpdLayerSink *sink)
{
  return cpd_digest_finish (sink->digest);
}

guint64
cpd_layer_sink_get_size (CpdLayerSink *sink)
{
  return sink->size;
}
