/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cpod-stream.h"

#include <gio/gio.h>

/**
 * SECTION:cpod-stream
 * @title: CpodStream
 * @short_description: the standard streams of a container
 *
 * A #CpodStream takes apart what org.cpod.Cpod1.Container.Attach() gives:
 * packets of standard output and standard error, in the order in which they
 * were written. What is written to it goes to the container's standard input.
 *
 * A container whose stream is not read stops at its next write, so read until
 * the end, or close the stream.
 */

/* The monitor sends packets of one byte and up to 8 KiB, and cuts off what is over 32 KiB. */
#define READ_SIZE (32 * 1024 + 1)
#define WRITE_SIZE 32000

struct _CpodStream
{
  GObject parent_instance;

  GSocket *socket;
};

G_DEFINE_FINAL_TYPE (CpodStream, cpod_stream, G_TYPE_OBJECT)

typedef struct
{
  GBytes *data;                 /* (owned) */
  gsize offset;
} WriteState;

static void
write_state_free (WriteState *state)
{
  g_bytes_unref (state->data);
  g_free (state);
}

static void
cpod_stream_finalize (GObject *object)
{
  CpodStream *self = CPOD_STREAM (object);

  g_clear_object (&self->socket);

  G_OBJECT_CLASS (cpod_stream_parent_class)->finalize (object);
}

static void
cpod_stream_class_init (CpodStreamClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = cpod_stream_finalize;
}

static void
cpod_stream_init (CpodStream *self)
{
}

/**
 * cpod_stream_new:
 * @fd: the socket that org.cpod.Cpod1.Container.Attach() gave; the stream owns
 *   it afterwards, unless this fails
 * @error: return location for an error
 *
 * Makes a stream of a socket. cpod_client_attach_sync() does it all at once.
 *
 * Returns: (transfer full): a stream, or %NULL with @error set
 *
 * Since: 0.1
 */
CpodStream *
cpod_stream_new (int      fd,
                 GError **error)
{
  g_autoptr(CpodStream) self = NULL;
  g_autoptr(GSocket) socket = NULL;

  socket = g_socket_new_from_fd (fd, error);
  if (socket == NULL)
    {
      g_prefix_error (error, "failed to use descriptor %d as a stream: ", fd);
      return NULL;
    }

  self = g_object_new (CPOD_TYPE_STREAM, NULL);
  self->socket = g_steal_pointer (&socket);
  return g_steal_pointer (&self);
}

/**
 * cpod_stream_get_fd:
 * @self: a stream
 *
 * Gets the socket, to wait for it in an event loop of one's own. It is in
 * non-blocking mode.
 *
 * Returns: the descriptor, which stays the stream's, or -1 after it was closed
 *
 * Since: 0.1
 */
int
cpod_stream_get_fd (CpodStream *self)
{
  g_return_val_if_fail (CPOD_IS_STREAM (self), -1);

  return g_socket_is_closed (self->socket) ? -1 : g_socket_get_fd (self->socket);
}

static gboolean
is_end (const GError *error)
{
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED)
         || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
}

/* Gives NULL without an error at the end of the stream. */
static GBytes *
receive (CpodStream    *self,
         gboolean       blocking,
         CpodStreamId  *stream,
         GCancellable  *cancellable,
         GError       **error)
{
  g_autofree char *packet = g_malloc (READ_SIZE);
  g_autoptr(GError) local_error = NULL;
  gssize length;

  *stream = CPOD_STREAM_ID_NONE;
  length = g_socket_receive_with_blocking (self->socket, packet, READ_SIZE, blocking, cancellable, &local_error);
  if (length < 0 && !is_end (local_error))
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return NULL;
    }

  if (length <= 0)
    return NULL;

  *stream = packet[0] == CPOD_STREAM_ID_STDERR ? CPOD_STREAM_ID_STDERR : CPOD_STREAM_ID_STDOUT;
  return g_bytes_new (packet + 1, length - 1);
}

/**
 * cpod_stream_read_sync:
 * @self: a stream
 * @stream: (out): return location for where the data comes from;
 *   %CPOD_STREAM_ID_NONE at the end
 * @cancellable: (nullable): a cancellable, or %NULL
 * @error: return location for an error
 *
 * Reads the next piece of output, waiting until there is one.
 *
 * Returns: (transfer full) (nullable): the data; %NULL without an error when
 *   the container has ended, else with @error set
 *
 * Since: 0.1
 */
GBytes *
cpod_stream_read_sync (CpodStream    *self,
                       CpodStreamId  *stream,
                       GCancellable  *cancellable,
                       GError       **error)
{
  g_return_val_if_fail (CPOD_IS_STREAM (self), NULL);
  g_return_val_if_fail (stream != NULL, NULL);

  return receive (self, TRUE, stream, cancellable, error);
}

static gboolean
read_ready (GSocket      *socket,
            GIOCondition  condition,
            gpointer      user_data)
{
  GTask *task = user_data;
  CpodStreamId stream;
  g_autoptr(GError) error = NULL;
  GBytes *data;

  data = receive (g_task_get_source_object (task), FALSE, &stream,
                  g_task_get_cancellable (task), &error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    return G_SOURCE_CONTINUE;

  g_task_set_task_data (task, GINT_TO_POINTER (stream), NULL);
  if (error != NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else
    g_task_return_pointer (task, data, (GDestroyNotify) g_bytes_unref);

  return G_SOURCE_REMOVE;
}

static void
wait_for_socket (CpodStream        *self,
                 GIOCondition       condition,
                 GSocketSourceFunc  func,
                 GTask             *task)
{
  g_autoptr(GSource) source = NULL;

  source = g_socket_create_source (self->socket, condition, g_task_get_cancellable (task));
  g_source_set_priority (source, g_task_get_priority (task));
  g_source_set_callback (source, G_SOURCE_FUNC (func), g_object_ref (task), g_object_unref);
  g_source_attach (source, g_task_get_context (task));
}

/**
 * cpod_stream_read:
 * @self: a stream
 * @cancellable: (nullable): a cancellable, or %NULL
 * @callback: (scope async): called when there is data
 * @user_data: data for @callback
 *
 * Reads the next piece of output. One read may be pending at a time.
 *
 * Since: 0.1
 */
void
cpod_stream_read (CpodStream          *self,
                  GCancellable        *cancellable,
                  GAsyncReadyCallback  callback,
                  gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;

  g_return_if_fail (CPOD_IS_STREAM (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, cpod_stream_read);
  wait_for_socket (self, G_IO_IN, read_ready, task);
}

/**
 * cpod_stream_read_finish:
 * @self: a stream
 * @result: what the callback was given
 * @stream: (out): return location for where the data comes from;
 *   %CPOD_STREAM_ID_NONE at the end
 * @error: return location for an error
 *
 * Ends what cpod_stream_read() began.
 *
 * Returns: (transfer full) (nullable): the data; %NULL without an error when
 *   the container has ended, else with @error set
 *
 * Since: 0.1
 */
GBytes *
cpod_stream_read_finish (CpodStream    *self,
                         GAsyncResult  *result,
                         CpodStreamId  *stream,
                         GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  g_return_val_if_fail (stream != NULL, NULL);

  *stream = GPOINTER_TO_INT (g_task_get_task_data (G_TASK (result)));
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* Sends the next packet of DATA; moves OFFSET on. */
static gboolean
send_packet (CpodStream    *self,
             GBytes        *data,
             gsize         *offset,
             gboolean       blocking,
             GCancellable  *cancellable,
             GError       **error)
{
  gsize size;
  const char *bytes = g_bytes_get_data (data, &size);
  gssize sent;

  sent = g_socket_send_with_blocking (self->socket, bytes + *offset, MIN (size - *offset, WRITE_SIZE),
                                      blocking, cancellable, error);
  if (sent < 0)
    return FALSE;

  *offset += sent;
  return TRUE;
}

/**
 * cpod_stream_write_sync:
 * @self: a stream
 * @data: bytes for the container's standard input
 * @cancellable: (nullable): a cancellable, or %NULL
 * @error: return location for an error
 *
 * Writes all of @data. The container must have been created with the option
 * "stdin".
 *
 * Returns: whether all was written
 *
 * Since: 0.1
 */
gboolean
cpod_stream_write_sync (CpodStream    *self,
                        GBytes        *data,
                        GCancellable  *cancellable,
                        GError       **error)
{
  gsize offset = 0;

  g_return_val_if_fail (CPOD_IS_STREAM (self), FALSE);
  g_return_val_if_fail (data != NULL, FALSE);

  while (offset < g_bytes_get_size (data))
    {
      if (!send_packet (self, data, &offset, TRUE, cancellable, error))
        return FALSE;
    }

  return TRUE;
}

static gboolean
write_ready (GSocket      *socket,
             GIOCondition  condition,
             gpointer      user_data)
{
  GTask *task = user_data;
  WriteState *state = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;

  if (!send_packet (g_task_get_source_object (task), state->data, &state->offset, FALSE,
                    g_task_get_cancellable (task), &error)
      && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return G_SOURCE_REMOVE;
    }

  if (state->offset < g_bytes_get_size (state->data))
    return G_SOURCE_CONTINUE;

  g_task_return_boolean (task, TRUE);
  return G_SOURCE_REMOVE;
}

/**
 * cpod_stream_write:
 * @self: a stream
 * @data: bytes for the container's standard input
 * @cancellable: (nullable): a cancellable, or %NULL
 * @callback: (scope async): called when all is written
 * @user_data: data for @callback
 *
 * Writes all of @data. One write may be pending at a time.
 *
 * Since: 0.1
 */
void
cpod_stream_write (CpodStream          *self,
                   GBytes              *data,
                   GCancellable        *cancellable,
                   GAsyncReadyCallback  callback,
                   gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;
  WriteState *state;

  g_return_if_fail (CPOD_IS_STREAM (self));
  g_return_if_fail (data != NULL);

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, cpod_stream_write);
  if (g_bytes_get_size (data) == 0)
    {
      g_task_return_boolean (task, TRUE);
      return;
    }

  state = g_new0 (WriteState, 1);
  state->data = g_bytes_ref (data);
  g_task_set_task_data (task, state, (GDestroyNotify) write_state_free);
  wait_for_socket (self, G_IO_OUT, write_ready, task);
}

/**
 * cpod_stream_write_finish:
 * @self: a stream
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what cpod_stream_write() began.
 *
 * Returns: whether all was written
 *
 * Since: 0.1
 */
gboolean
cpod_stream_write_finish (CpodStream    *self,
                          GAsyncResult  *result,
                          GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * cpod_stream_close_input:
 * @self: a stream
 * @error: return location for an error
 *
 * Ends the container's standard input. Its output can still be read.
 *
 * Returns: whether that could be done
 *
 * Since: 0.1
 */
gboolean
cpod_stream_close_input (CpodStream  *self,
                         GError     **error)
{
  g_return_val_if_fail (CPOD_IS_STREAM (self), FALSE);

  return g_socket_shutdown (self->socket, FALSE, TRUE, error);
}

/**
 * cpod_stream_close:
 * @self: a stream
 * @error: return location for an error
 *
 * Closes the stream. The container goes on.
 *
 * Returns: whether that could be done
 *
 * Since: 0.1
 */
gboolean
cpod_stream_close (CpodStream  *self,
                   GError     **error)
{
  g_return_val_if_fail (CPOD_IS_STREAM (self), FALSE);

  return g_socket_close (self->socket, error);
}
