/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cpod-log-reader.h"

#include <gio/gunixinputstream.h>

/**
 * SECTION:cpod-log-reader
 * @title: CpodLogReader
 * @short_description: reads a container's log
 *
 * A #CpodLogReader takes apart the lines that
 * org.cpod.Cpod1.Container.Logs() gives, each into a #CpodLogLine.
 */

struct _CpodLogReader
{
  GObject parent_instance;

  GDataInputStream *lines;
};

G_DEFINE_FINAL_TYPE (CpodLogReader, cpod_log_reader, G_TYPE_OBJECT)

static void
cpod_log_reader_finalize (GObject *object)
{
  CpodLogReader *self = CPOD_LOG_READER (object);

  g_clear_object (&self->lines);

  G_OBJECT_CLASS (cpod_log_reader_parent_class)->finalize (object);
}

static void
cpod_log_reader_class_init (CpodLogReaderClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = cpod_log_reader_finalize;
}

static void
cpod_log_reader_init (CpodLogReader *self)
{
}

/**
 * cpod_log_reader_new:
 * @fd: the descriptor that org.cpod.Cpod1.Container.Logs() gave; the reader
 *   owns it afterwards
 *
 * Makes a reader of a log.
 *
 * Returns: (transfer full): a reader
 *
 * Since: 0.1
 */
CpodLogReader *
cpod_log_reader_new (int fd)
{
  CpodLogReader *self = g_object_new (CPOD_TYPE_LOG_READER, NULL);
  g_autoptr(GInputStream) input = g_unix_input_stream_new (fd, TRUE);

  self->lines = g_data_input_stream_new (input);
  g_buffered_input_stream_set_buffer_size (G_BUFFERED_INPUT_STREAM (self->lines), 64 * 1024);
  g_data_input_stream_set_newline_type (self->lines, G_DATA_STREAM_NEWLINE_TYPE_LF);
  return self;
}

/**
 * cpod_log_reader_read_sync:
 * @self: a reader
 * @cancellable: (nullable): a cancellable, or %NULL
 * @error: return location for an error
 *
 * Reads the next line, waiting until there is one.
 *
 * Returns: (transfer full) (nullable): the line; %NULL without an error at the
 *   end of the log, else with @error set
 *
 * Since: 0.1
 */
CpodLogLine *
cpod_log_reader_read_sync (CpodLogReader  *self,
                           GCancellable   *cancellable,
                           GError        **error)
{
  g_autofree char *line = NULL;
  gsize length;

  g_return_val_if_fail (CPOD_IS_LOG_READER (self), NULL);

  line = g_data_input_stream_read_line (self->lines, &length, cancellable, error);
  return line != NULL ? cpod_log_line_parse (line, length, error) : NULL;
}

static void
line_ready (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  g_autoptr(GError) error = NULL;
  g_autofree char *line = NULL;
  CpodLogLine *parsed = NULL;
  gsize length;

  line = g_data_input_stream_read_line_finish (G_DATA_INPUT_STREAM (source), result, &length, &error);
  if (line != NULL)
    parsed = cpod_log_line_parse (line, length, &error);

  if (error != NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else
    g_task_return_pointer (task, parsed, (GDestroyNotify) cpod_log_line_free);
}

/**
 * cpod_log_reader_read:
 * @self: a reader
 * @cancellable: (nullable): a cancellable, or %NULL
 * @callback: (scope async): called when there is a line
 * @user_data: data for @callback
 *
 * Reads the next line. One read may be pending at a time.
 *
 * Since: 0.1
 */
void
cpod_log_reader_read (CpodLogReader       *self,
                      GCancellable        *cancellable,
                      GAsyncReadyCallback  callback,
                      gpointer             user_data)
{
  GTask *task;

  g_return_if_fail (CPOD_IS_LOG_READER (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, cpod_log_reader_read);
  g_data_input_stream_read_line_async (self->lines, G_PRIORITY_DEFAULT, cancellable, line_ready, task);
}

/**
 * cpod_log_reader_read_finish:
 * @self: a reader
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what cpod_log_reader_read() began.
 *
 * Returns: (transfer full) (nullable): the line; %NULL without an error at the
 *   end of the log, else with @error set
 *
 * Since: 0.1
 */
CpodLogLine *
cpod_log_reader_read_finish (CpodLogReader  *self,
                             GAsyncResult   *result,
                             GError        **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
