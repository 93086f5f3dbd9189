/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cpod-log-reader.h"

#include <string.h>

#include "cpod-error.h"

/**
 * CpodLogLine:
 *
 * A line, or a part of one, of a container's log.
 *
 * Since: 0.1
 */
struct _CpodLogLine
{
  char *timestamp;
  CpodStreamId stream;
  gboolean partial;
  GBytes *text;
};

G_DEFINE_BOXED_TYPE (CpodLogLine, cpod_log_line, cpod_log_line_copy, cpod_log_line_free)

/* Gives the next word of [*START, END) and moves *START behind the blank after it; NULL when there is none. */
static char *
take_word (const char **start,
           const char  *end)
{
  const char *blank = memchr (*start, ' ', end - *start);
  char *word;

  if (blank == NULL || blank == *start)
    return NULL;

  word = g_strndup (*start, blank - *start);
  *start = blank + 1;
  return word;
}

static CpodStreamId
stream_from_name (const char *name)
{
  if (g_strcmp0 (name, "stdout") == 0)
    return CPOD_STREAM_ID_STDOUT;

  return g_strcmp0 (name, "stderr") == 0 ? CPOD_STREAM_ID_STDERR : CPOD_STREAM_ID_NONE;
}

/**
 * cpod_log_line_parse:
 * @line: (array length=length) (element-type guint8): a line as org.cpod.Cpod1.Container.Logs() gives it, without its newline
 * @length: length of @line, -1 when it ends with a zero byte
 * @error: return location for an error
 *
 * Takes apart a line of a log. The text of it may hold any bytes.
 *
 * Returns: (transfer full): the line, or %NULL with @error set
 *
 * Since: 0.1
 */
CpodLogLine *
cpod_log_line_parse (const char  *line,
                     gssize       length,
                     GError     **error)
{
  const char *start = line;
  const char *end = line + (length < 0 ? (gssize) strlen (line) : length);
  g_autofree char *timestamp = take_word (&start, end);
  g_autofree char *stream = timestamp != NULL ? take_word (&start, end) : NULL;
  g_autofree char *tag = stream != NULL ? take_word (&start, end) : NULL;
  CpodLogLine *self;

  /* A line without text may have lost the blank after its tag. */
  if (stream != NULL && tag == NULL && end - start == 1)
    {
      tag = g_strndup (start, 1);
      start = end;
    }

  if (tag == NULL || stream_from_name (stream) == CPOD_STREAM_ID_NONE)
    {
      g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                           "a log line is not of the form \"TIMESTAMP STREAM TAG TEXT\"");
      return NULL;
    }

  self = g_new0 (CpodLogLine, 1);
  self->timestamp = g_steal_pointer (&timestamp);
  self->stream = stream_from_name (stream);
  self->partial = tag[0] == 'P';
  self->text = g_bytes_new (start, end - start);
  return self;
}

/**
 * cpod_log_line_copy:
 * @self: a line
 *
 * Copies a line.
 *
 * Returns: (transfer full): a copy
 *
 * Since: 0.1
 */
CpodLogLine *
cpod_log_line_copy (const CpodLogLine *self)
{
  CpodLogLine *copy = g_new0 (CpodLogLine, 1);

  copy->timestamp = g_strdup (self->timestamp);
  copy->stream = self->stream;
  copy->partial = self->partial;
  copy->text = g_bytes_ref (self->text);
  return copy;
}

/**
 * cpod_log_line_free:
 * @self: (nullable): a line
 *
 * Frees a line.
 *
 * Since: 0.1
 */
void
cpod_log_line_free (CpodLogLine *self)
{
  if (self == NULL)
    return;

  g_free (self->timestamp);
  g_bytes_unref (self->text);
  g_free (self);
}

/**
 * cpod_log_line_get_timestamp:
 * @self: a line
 *
 * Gets when it was written.
 *
 * Returns: (transfer none): an RFC 3339 time with nanoseconds
 *
 * Since: 0.1
 */
const char *
cpod_log_line_get_timestamp (const CpodLogLine *self)
{
  return self->timestamp;
}

/**
 * cpod_log_line_get_stream:
 * @self: a line
 *
 * Gets where it was written to.
 *
 * Returns: the stream
 *
 * Since: 0.1
 */
CpodStreamId
cpod_log_line_get_stream (const CpodLogLine *self)
{
  return self->stream;
}

/**
 * cpod_log_line_is_partial:
 * @self: a line
 *
 * Tells whether the next line of the same stream goes on where this ends.
 *
 * Returns: %TRUE if no newline followed this text
 *
 * Since: 0.1
 */
gboolean
cpod_log_line_is_partial (const CpodLogLine *self)
{
  return self->partial;
}

/**
 * cpod_log_line_get_text:
 * @self: a line
 *
 * Gets what was written, without the newline.
 *
 * Returns: (transfer none): the bytes
 *
 * Since: 0.1
 */
GBytes *
cpod_log_line_get_text (const CpodLogLine *self)
{
  return self->text;
}
