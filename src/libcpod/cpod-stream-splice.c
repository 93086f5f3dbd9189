/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cpod-stream.h"

/* Where output goes until its end: to a callback, or to streams. */
typedef struct
{
  CpodOutputCallback output;    /* (nullable) */
  gpointer output_data;
  GDestroyNotify output_destroy;
  GOutputStream *standard_output;       /* (nullable) */
  GOutputStream *standard_error;        /* (nullable) */
  GBytes *pending;                      /* (nullable) */
} Sink;

static void
sink_free (Sink *sink)
{
  if (sink->output_destroy != NULL)
    sink->output_destroy (sink->output_data);
  g_clear_object (&sink->standard_output);
  g_clear_object (&sink->standard_error);
  g_clear_pointer (&sink->pending, g_bytes_unref);
  g_free (sink);
}

static void output_ready (GObject      *source,
                          GAsyncResult *result,
                          gpointer      user_data);

static void
read_more (GTask *task)
{
  cpod_stream_read (g_task_get_source_object (task), g_task_get_cancellable (task), output_ready, g_object_ref (task));
}

static void
written (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  Sink *sink = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;

  g_clear_pointer (&sink->pending, g_bytes_unref);
  if (g_output_stream_write_all_finish (G_OUTPUT_STREAM (source), result, NULL, &error))
    {
      read_more (task);
      return;
    }

  g_prefix_error (&error, "failed to write output of container: ");
  g_task_return_error (task, g_steal_pointer (&error));
}

static void
pass_on (GTask        *task,
         CpodStreamId  stream,
         GBytes       *data)
{
  Sink *sink = g_task_get_task_data (task);
  GOutputStream *target = stream == CPOD_STREAM_ID_STDERR ? sink->standard_error : sink->standard_output;

  if (sink->output != NULL)
    sink->output (stream, data, sink->output_data);
  if (target == NULL)
    {
      read_more (task);
      return;
    }

  sink->pending = g_bytes_ref (data);
  g_output_stream_write_all_async (target, g_bytes_get_data (data, NULL), g_bytes_get_size (data),
                                   g_task_get_priority (task), g_task_get_cancellable (task), written,
                                   g_object_ref (task));
}

static void
output_ready (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) data = NULL;
  CpodStreamId stream;

  data = cpod_stream_read_finish (CPOD_STREAM (source), result, &stream, &error);
  if (error != NULL)
    {
      g_prefix_error (&error, "failed to read output of container: ");
      g_task_return_error (task, g_steal_pointer (&error));
    }
  else if (data == NULL)
    g_task_return_boolean (task, TRUE);
  else
    pass_on (task, stream, data);
}

static void
begin (CpodStream          *self,
       Sink                *sink,
       gpointer             tag,
       GCancellable        *cancellable,
       GAsyncReadyCallback  callback,
       gpointer             user_data)
{
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, tag);
  g_task_set_task_data (task, sink, (GDestroyNotify) sink_free);
  read_more (task);
}

/**
 * cpod_stream_splice:
 * @self: a stream
 * @standard_output: (nullable): where standard output goes, or %NULL for nowhere
 * @standard_error: (nullable): where standard error goes, or %NULL for nowhere
 * @cancellable: (nullable): a cancellable, or %NULL
 * @callback: (scope async): called at the end of the output
 * @user_data: data for @callback
 *
 * Writes all of the output to two streams, which may be the same one and are
 * not closed. What they do not take at once is not read from the container
 * either.
 *
 * Since: 0.1
 */
void
cpod_stream_splice (CpodStream          *self,
                    GOutputStream       *standard_output,
                    GOutputStream       *standard_error,
                    GCancellable        *cancellable,
                    GAsyncReadyCallback  callback,
                    gpointer             user_data)
{
  Sink *sink;

  g_return_if_fail (CPOD_IS_STREAM (self));
  g_return_if_fail (standard_output == NULL || G_IS_OUTPUT_STREAM (standard_output));
  g_return_if_fail (standard_error == NULL || G_IS_OUTPUT_STREAM (standard_error));

  sink = g_new0 (Sink, 1);
  g_set_object (&sink->standard_output, standard_output);
  g_set_object (&sink->standard_error, standard_error);
  begin (self, sink, cpod_stream_splice, cancellable, callback, user_data);
}

/**
 * cpod_stream_splice_finish:
 * @self: a stream
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what cpod_stream_splice() began.
 *
 * Returns: whether all of the output was written
 *
 * Since: 0.1
 */
gboolean
cpod_stream_splice_finish (CpodStream    *self,
                           GAsyncResult  *result,
                           GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

static gboolean
write_bytes (GOutputStream  *target,
             GBytes         *data,
             GCancellable   *cancellable,
             GError        **error)
{
  gsize size;
  gconstpointer bytes = g_bytes_get_data (data, &size);

  if (target == NULL || g_output_stream_write_all (target, bytes, size, NULL, cancellable, error))
    return TRUE;

  g_prefix_error (error, "failed to write output of container: ");
  return FALSE;
}

/**
 * cpod_stream_splice_sync:
 * @self: a stream
 * @standard_output: (nullable): where standard output goes, or %NULL for nowhere
 * @standard_error: (nullable): where standard error goes, or %NULL for nowhere
 * @cancellable: (nullable): a cancellable, or %NULL
 * @error: return location for an error
 *
 * Writes all of the output to two streams, until its end.
 *
 * Returns: whether all of the output was written
 *
 * Since: 0.1
 */
gboolean
cpod_stream_splice_sync (CpodStream     *self,
                         GOutputStream  *standard_output,
                         GOutputStream  *standard_error,
                         GCancellable   *cancellable,
                         GError        **error)
{
  g_return_val_if_fail (CPOD_IS_STREAM (self), FALSE);

  while (TRUE)
    {
      g_autoptr(GError) local_error = NULL;
      g_autoptr(GBytes) data = NULL;
      CpodStreamId stream;

      data = cpod_stream_read_sync (self, &stream, cancellable, &local_error);
      if (local_error != NULL)
        {
          g_propagate_prefixed_error (error, g_steal_pointer (&local_error), "failed to read output of container: ");
          return FALSE;
        }

      if (data == NULL)
        return TRUE;
      if (!write_bytes (stream == CPOD_STREAM_ID_STDERR ? standard_error : standard_output, data, cancellable, error))
        return FALSE;
    }
}

/**
 * cpod_stream_read_all:
 * @self: a stream
 * @output: (scope notified) (closure output_data) (destroy output_destroy): called for each piece of output
 * @output_data: data for @output
 * @output_destroy: (nullable): frees @output_data
 * @cancellable: (nullable): a cancellable, or %NULL
 * @callback: (scope async): called at the end of the output
 * @user_data: data for @callback
 *
 * Calls a function with each piece of output, until the end.
 *
 * Since: 0.1
 */
void
cpod_stream_read_all (CpodStream          *self,
                      CpodOutputCallback   output,
                      gpointer             output_data,
                      GDestroyNotify       output_destroy,
                      GCancellable        *cancellable,
                      GAsyncReadyCallback  callback,
                      gpointer             user_data)
{
  Sink *sink;

  g_return_if_fail (CPOD_IS_STREAM (self));
  g_return_if_fail (output != NULL);

  sink = g_new0 (Sink, 1);
  sink->output = output;
  sink->output_data = output_data;
  sink->output_destroy = output_destroy;
  begin (self, sink, cpod_stream_read_all, cancellable, callback, user_data);
}

/**
 * cpod_stream_read_all_finish:
 * @self: a stream
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what cpod_stream_read_all() began.
 *
 * Returns: whether the output was read to its end
 *
 * Since: 0.1
 */
gboolean
cpod_stream_read_all_finish (CpodStream    *self,
                             GAsyncResult  *result,
                             GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
