/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-layer-pipe.h"

#include <sys/mman.h>

#include "public/cpod-error.h"

/* 8 MiB: enough for each thread to have something to do while another one waits for the disk. */
#define N_BUFFERS 32
/* Who found no empty buffer is woken for as many, and not for each. Others hold two at most while they wait. */
#define REFILL 8

struct _CpdLayerPipe
{
  GMutex mutex;                 /* guards everything below, and all buffers and queues */
  GCond given_back;             /* there are REFILL empty buffers, or a failure */
  GPtrArray *queues;            /* (owned) of unowned CpdLayerQueue: whom a failure has to wake */
  GError *failure;              /* (owned) (nullable) */
  guint8 *memory;               /* (owned) of all buffers */
  CpdLayerBuffer buffers[N_BUFFERS];
  CpdLayerBuffer *empty[N_BUFFERS];     /* a stack: what was used last may still be in a cache */
  guint n_empty;

  gint has_failed;              /* atomic: failure is set */
  GCancellable *stop;           /* (owned) */
  GCancellable *cancellable;    /* (owned) (nullable): the caller's */
  gulong cancelled;             /* handler of it */
};

/* As long as it can be: all buffers may be in one. */
struct _CpdLayerQueue
{
  CpdLayerPipe *pipe;           /* (unowned) */
  GCond changed;                /* something is there, ended or failed */
  CpdLayerBuffer *buffers[N_BUFFERS];   /* (owned) a ring */
  guint first;
  guint length;
  gboolean ended;
};

static void
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  cpd_layer_pipe_fail (user_data, g_error_new_literal (CPOD_ERROR, CPOD_ERROR_CANCELLED, "it was cancelled"));
}

CpdLayerPipe *
cpd_layer_pipe_new (GCancellable *cancellable)
{
  CpdLayerPipe *pipe = g_new0 (CpdLayerPipe, 1);

  g_mutex_init (&pipe->mutex);
  g_cond_init (&pipe->given_back);
  pipe->queues = g_ptr_array_new ();
  pipe->stop = g_cancellable_new ();
  /* Not from the heap, which would keep it; pages that are not used cost nothing. */
  pipe->memory = mmap (NULL, N_BUFFERS * CPD_LAYER_BUFFER_SIZE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  g_assert (pipe->memory != MAP_FAILED);        /* as g_malloc() */
  for (guint i = 0; i < N_BUFFERS; i++)
    {
      pipe->buffers[i].pipe = pipe;
      pipe->buffers[i].data = pipe->memory + i * CPD_LAYER_BUFFER_SIZE;
      pipe->empty[pipe->n_empty++] = &pipe->buffers[i];
    }
  if (cancellable != NULL)
    {
      pipe->cancellable = g_object_ref (cancellable);
      pipe->cancelled = g_cancellable_connect (cancellable, G_CALLBACK (on_cancelled), pipe, NULL);
    }
  return pipe;
}

void
cpd_layer_pipe_free (CpdLayerPipe *pipe)
{
  if (pipe == NULL)
    return;
  g_cancellable_disconnect (pipe->cancellable, pipe->cancelled);
  g_clear_object (&pipe->cancellable);
  g_clear_object (&pipe->stop);
  g_clear_error (&pipe->failure);
  munmap (pipe->memory, N_BUFFERS * CPD_LAYER_BUFFER_SIZE);
  g_ptr_array_unref (pipe->queues);
  g_cond_clear (&pipe->given_back);
  g_mutex_clear (&pipe->mutex);
  g_free (pipe);
}

void
cpd_layer_pipe_fail (CpdLayerPipe *pipe, GError *failure)
{
  g_autoptr(GError) late = NULL;

  g_mutex_lock (&pipe->mutex);
  if (pipe->failure == NULL)
    pipe->failure = failure;
  else
    late = failure;
  g_atomic_int_set (&pipe->has_failed, 1);
  g_cond_signal (&pipe->given_back);
  for (guint i = 0; i < pipe->queues->len; i++)
    g_cond_signal (&((CpdLayerQueue *) pipe->queues->pdata[i])->changed);
  g_mutex_unlock (&pipe->mutex);
  g_cancellable_cancel (pipe->stop);
}

gboolean
cpd_layer_pipe_has_failed (CpdLayerPipe *pipe, GError **error)
{
  if (!g_atomic_int_get (&pipe->has_failed))
    return FALSE;
  g_mutex_lock (&pipe->mutex);
  g_propagate_error (error, g_error_copy (pipe->failure));
  g_mutex_unlock (&pipe->mutex);
  return TRUE;
}

GCancellable *
cpd_layer_pipe_get_stop (CpdLayerPipe *pipe)
{
  return pipe->stop;
}

CpdLayerBuffer *
cpd_layer_pipe_take_buffer (CpdLayerPipe *pipe)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&pipe->mutex);
  CpdLayerBuffer *buffer;

  if (pipe->n_empty == 0)
    while (pipe->n_empty < REFILL && pipe->failure == NULL)
      g_cond_wait (&pipe->given_back, &pipe->mutex);
  if (pipe->failure != NULL)
    return NULL;
  buffer = pipe->empty[--pipe->n_empty];
  buffer->references = 1;
  buffer->length = 0;
  buffer->position = 0;
  return buffer;
}

CpdLayerBuffer *
cpd_layer_buffer_ref (CpdLayerBuffer *buffer)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&buffer->pipe->mutex);

  buffer->references++;
  return buffer;
}

static void
unref_locked (CpdLayerBuffer *buffer)
{
  CpdLayerPipe *pipe = buffer->pipe;

  if (--buffer->references > 0)
    return;
  pipe->empty[pipe->n_empty++] = buffer;
  if (pipe->n_empty == REFILL)
    g_cond_signal (&pipe->given_back);
}

void
cpd_layer_buffer_unref (CpdLayerBuffer *buffer)
{
  CpdLayerPipe *pipe = buffer->pipe;

  g_mutex_lock (&pipe->mutex);
  unref_locked (buffer);
  g_mutex_unlock (&pipe->mutex);
}

CpdLayerQueue *
cpd_layer_queue_new (CpdLayerPipe *pipe)
{
  CpdLayerQueue *queue = g_new0 (CpdLayerQueue, 1);

  queue->pipe = pipe;
  g_cond_init (&queue->changed);
  g_mutex_lock (&pipe->mutex);
  g_ptr_array_add (pipe->queues, queue);
  g_mutex_unlock (&pipe->mutex);
  return queue;
}

void
cpd_layer_queue_free (CpdLayerQueue *queue)
{
  if (queue == NULL)
    return;
  g_mutex_lock (&queue->pipe->mutex);
  for (; queue->length > 0; queue->length--)
    unref_locked (queue->buffers[queue->first++ % N_BUFFERS]);
  g_ptr_array_remove_fast (queue->pipe->queues, queue);
  g_mutex_unlock (&queue->pipe->mutex);
  g_cond_clear (&queue->changed);
  g_free (queue);
}

void
cpd_layer_queue_push (CpdLayerQueue *queue, CpdLayerBuffer *buffer)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&queue->pipe->mutex);

  queue->buffers[(queue->first + queue->length++) % N_BUFFERS] = buffer;
  g_cond_signal (&queue->changed);
}

void
cpd_layer_queue_end (CpdLayerQueue *queue)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&queue->pipe->mutex);

  queue->ended = TRUE;
  g_cond_signal (&queue->changed);
}

CpdLayerBuffer *
cpd_layer_queue_pop (CpdLayerQueue *queue)
{
  CpdLayerPipe *pipe = queue->pipe;
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&pipe->mutex);
  CpdLayerBuffer *buffer;

  while (queue->length == 0 && !queue->ended && pipe->failure == NULL)
    g_cond_wait (&queue->changed, &pipe->mutex);
  if (queue->length == 0 || pipe->failure != NULL)
    return NULL;
  buffer = queue->buffers[queue->first];
  queue->first = (queue->first + 1) % N_BUFFERS;
  queue->length--;
  return buffer;
}
