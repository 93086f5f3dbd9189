/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/streams/cpd-event-stream.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "engine/cpd-event-log.h"
#include "engine/streams/cpd-pump.h"
#include "public/cpod-error.h"

/* What follows the events for one reader. The table of events is its queue. */
typedef struct
{
  CpdEngine *engine;            /* (owned) */
  CpdEventQuery *query;         /* (owned) */
  gboolean follow;
  GBytes *wake;                 /* (owned): the descriptor that is written to at each event */
  gulong handler;
} CpdEventStream;

void
cpd_event_query_free (CpdEventQuery *query)
{
  g_strfreev (query->types);
  g_strfreev (query->statuses);
  g_strfreev (query->id_prefixes);
  g_strfreev (query->names);
  g_strfreev (query->containers);
  g_strfreev (query->images);
  g_strfreev (query->labels);
  g_free ((char *) query->namespace);
  g_free (query);
}

static int
get_wake (GBytes *wake)
{
  return *(const int *) g_bytes_get_data (wake, NULL);
}

static void
close_wake (gpointer data)
{
  g_autofree int *fd = data;

  cpd_close_fd (fd);
}

static void
stream_free (CpdEventStream *stream)
{
  if (stream->handler != 0)
    g_signal_handler_disconnect (stream->engine, stream->handler);
  g_bytes_unref (stream->wake);
  cpd_event_query_free (stream->query);
  g_object_unref (stream->engine);
  g_free (stream);
}

/* On the main thread, perhaps while the stream ends on its own. */
static void
on_event (CpdEngine *engine, const CpdEventRow *event, gpointer user_data)
{
  const guint64 one = 1;

  if (write (get_wake (user_data), &one, sizeof one) < 0 && errno != EAGAIN)
    g_debug ("failed to wake a stream of events: %s", g_strerror (errno));
}

static void
unref_wake (gpointer data, GClosure *closure)
{
  g_bytes_unref (data);
}

/* MORE tells whether there may be others; FALSE when there is no point in going on. */
static gboolean
write_some (CpdEventStream *stream, CpdPump *pump, gboolean *more)
{
  gboolean gap = FALSE;
  guint64 last = stream->query->since;
  g_autoptr(GPtrArray) events = cpd_store_list_events (cpd_engine_get_store (stream->engine), stream->query, &last, &gap,
                                                       NULL);

  if (events == NULL)
    return FALSE;
  if (gap)
    {
      g_autofree char *line = g_strdup_printf ("{\"Gap\":true,\"After\":%" G_GUINT64_FORMAT "}", stream->query->since);

      if (!cpd_pump_write_line (pump, line))
        return FALSE;
    }
  for (guint i = 0; i < events->len; i++)
    {
      g_autofree char *line = cpd_event_log_line (events->pdata[i], TRUE);

      if (!cpd_pump_write_line (pump, line))
        return FALSE;
    }
  *more = last > stream->query->since && events->len > 0;
  stream->query->since = MAX (last, stream->query->since);
  return TRUE;
}

static void
run (CpdPump *pump, gpointer user_data)
{
  CpdEventStream *stream = user_data;
  gboolean more = TRUE;
  guint64 count;

  for (;;)
    {
      while (more)
        if (!write_some (stream, pump, &more))
          return;
      if (!stream->follow || !cpd_pump_wait (pump, get_wake (stream->wake), -1))
        return;
      if (read (get_wake (stream->wake), &count, sizeof count) < 0 && errno != EAGAIN && errno != EINTR)
        return;
      more = TRUE;
    }
}

int
cpd_engine_stream_events (CpdEngine *engine, guint32 uid, CpdEventQuery *query, gboolean follow, GError **error)
{
  CpdEventStream *stream = g_new0 (CpdEventStream, 1);
  int *fd = g_new (int, 1);

  *fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  stream->engine = g_object_ref (engine);
  stream->query = query;
  if (query->since == G_MAXUINT64)
    query->since = cpd_store_last_event (cpd_engine_get_store (engine));
  stream->follow = follow;
  stream->wake = g_bytes_new_with_free_func (fd, sizeof *fd, close_wake, fd);
  if (*fd < 0)
    {
      cpd_set_error_errno (error, errno, "failed to make a descriptor for events");
      stream_free (stream);
      return -1;
    }
  if (follow)
    stream->handler = g_signal_connect_data (engine, "event", G_CALLBACK (on_event), g_bytes_ref (stream->wake),
                                             unref_wake, 0);
  return cpd_pump_start (engine, uid, "events", run, stream, (GDestroyNotify) stream_free, error);
}
