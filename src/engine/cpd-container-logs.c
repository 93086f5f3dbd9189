/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "common/cpd-clock.h"
#include "common/cpd-fs.h"
#include "engine/cpd-engine-private.h"
#include "public/cpod-error.h"

/* How many logs may be followed at once: each has a thread. */
#define MAX_PUMPS 512

/* How often a follower looks whether the container still runs, should no write to its log wake it. */
#define LOOK_EVERY_MS 200

static int n_pumps;             /* atomic */

/* Carries a log from its file to a pipe, in a thread of its own. */
typedef struct
{
  CpdEngine *engine;            /* (owned) */
  char *id;
  char *path;
  int log_fd;                   /* (owned), -1 while there is no log yet */
  int pipe_fd;                  /* (owned) */
  int inotify_fd;               /* (owned), -1 when not following */
  CpdLogOptions options;
  GString *line;                /* (owned): what is read of a line */
} CpdLogPump;

static void
pump_free (CpdLogPump *pump)
{
  cpd_close_fd (&pump->log_fd);
  cpd_close_fd (&pump->pipe_fd);
  cpd_close_fd (&pump->inotify_fd);
  g_string_free (pump->line, TRUE);
  g_object_unref (pump->engine);
  g_free (pump->id);
  g_free (pump->path);
  g_free (pump);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdLogPump, pump_free)

/* FALSE when the reader is gone, or does not read and the container is gone. */
static gboolean
write_out (CpdLogPump *pump, const char *data, gsize length)
{
  while (length > 0)
    {
      ssize_t n = write (pump->pipe_fd, data, length);

      if (n < 0 && errno != EINTR)
        return FALSE;
      if (n > 0)
        {
          data += n;
          length -= (gsize) n;
        }
    }
  return TRUE;
}

/* The time that a line begins with, 0 when it has none. */
static gint64
line_time (const char *line)
{
  const char *end = strchr (line, ' ');
  g_autofree char *text = end != NULL ? g_strndup (line, (gsize) (end - line)) : NULL;

  return text != NULL ? MAX (0, cpd_clock_parse (text)) : 0;
}

/* Passes a complete line on if it is wanted; FALSE when there is no point in going on. */
static gboolean
pass_line (CpdLogPump *pump)
{
  const CpdLogOptions *options = &pump->options;

  if (options->since > 0 || options->until > 0)
    {
      gint64 time = line_time (pump->line->str);

      if (options->since > 0 && time < options->since)
        return TRUE;
      if (options->until > 0 && time > options->until)
        return FALSE;
    }
  return write_out (pump, pump->line->str, pump->line->len);
}

static gboolean
pass_block (CpdLogPump *pump, const char *data, gsize length)
{
  while (length > 0)
    {
      const char *newline = memchr (data, '\n', length);
      gsize part = newline != NULL ? (gsize) (newline - data) + 1 : length;

      g_string_append_len (pump->line, data, (gssize) part);
      if (newline != NULL)
        {
          if (!pass_line (pump))
            return FALSE;
          g_string_truncate (pump->line, 0);
        }
      data += part;
      length -= part;
    }
  return TRUE;
}

/* Passes on what the file holds now. */
static gboolean
pass_file (CpdLogPump *pump)
{
  char buffer[32 * 1024];
  ssize_t n;

  if (pump->log_fd < 0)
    pump->log_fd = open (pump->path, O_RDONLY | O_CLOEXEC);
  while (pump->log_fd >= 0 && (n = read (pump->log_fd, buffer, sizeof buffer)) != 0)
    {
      if (n < 0 && errno != EINTR)
        return FALSE;
      if (n > 0 && !pass_block (pump, buffer, (gsize) n))
        return FALSE;
    }
  return TRUE;
}

static gboolean
still_runs (CpdLogPump *pump)
{
  g_autoptr(CpdContainerRow) row = cpd_engine_get_container (pump->engine, pump->id, NULL);

  return row != NULL && row->status.state >= CPD_CONTAINER_CREATED
         && row->status.state <= CPD_CONTAINER_STOPPING;
}

/* Waits until the log has grown or some time has passed; FALSE when the reader is gone. */
static gboolean
wait_for_more (CpdLogPump *pump)
{
  struct pollfd items[] = {
    { .fd = pump->inotify_fd, .events = POLLIN },
    { .fd = pump->pipe_fd, .events = 0 },       /* POLLERR: nobody has its other end */
  };
  char buffer[4096];

  poll (items, G_N_ELEMENTS (items), LOOK_EVERY_MS);
  if (items[0].revents != 0)
    while (read (pump->inotify_fd, buffer, sizeof buffer) > 0)
      continue;
  return (items[1].revents & POLLERR) == 0;
}

static gpointer
run (gpointer data)
{
  g_autoptr(CpdLogPump) pump = data;
  gboolean more;

  do
    {
      /* Asked before reading: what comes after the container has ended is still read. */
      more = pump->options.follow && still_runs (pump);
      if (!pass_file (pump))
        break;
    }
  while (more && wait_for_more (pump));
  g_atomic_int_add (&n_pumps, -1);
  return NULL;
}

/* Moves to where the last LINES lines of the file begin; pieces of one long line count as one. */
static void
seek_tail (int fd, gint64 lines)
{
  off_t at = lseek (fd, 0, SEEK_END);
  char buffer[4096];
  gint64 found = -1;            /* the newline at the very end begins no line */

  while (at > 0)
    {
      gsize length = (gsize) MIN (at, (off_t) sizeof buffer);
      ssize_t n = pread (fd, buffer, length, at - (off_t) length);

      if (n <= 0)
        break;
      for (ssize_t i = n - 1; i >= 0; i--)
        if (buffer[i] == '\n' && ++found == lines)
          {
            lseek (fd, at - n + i + 1, SEEK_SET);
            return;
          }
      at -= n;
    }
  lseek (fd, 0, SEEK_SET);
}

static int
watch_log (const char *path)
{
  g_autofree char *directory = g_path_get_dirname (path);
  cpd_autofd int fd = inotify_init1 (IN_CLOEXEC | IN_NONBLOCK);

  if (fd < 0 || inotify_add_watch (fd, directory, IN_MODIFY | IN_CREATE | IN_DELETE_SELF) < 0)
    return -1;
  return g_steal_fd (&fd);
}

static CpdLogPump *
new_pump (CpdEngine *engine, const char *id, const CpdLogOptions *options, int pipe_fd)
{
  CpdLogPump *pump = g_new0 (CpdLogPump, 1);

  pump->engine = g_object_ref (engine);
  pump->id = g_strdup (id);
  pump->path = cpd_engine_log_path (engine, id);
  pump->options = *options;
  pump->line = g_string_new (NULL);
  pump->pipe_fd = pipe_fd;
  pump->inotify_fd = options->follow ? watch_log (pump->path) : -1;
  pump->log_fd = open (pump->path, O_RDONLY | O_CLOEXEC);
  if (pump->log_fd >= 0 && options->tail >= 0)
    seek_tail (pump->log_fd, options->tail);
  return pump;
}

int
cpd_engine_container_logs (CpdEngine *engine, const char *id, const CpdLogOptions *options,
                           GError **error)
{
  g_autoptr(CpdContainerRow) row = cpd_engine_get_container (engine, id, error);
  cpd_autofd int read_end = -1;
  GThread *thread;
  int ends[2];

  if (row == NULL)
    return -1;
  if (g_atomic_int_add (&n_pumps, 1) >= MAX_PUMPS)
    {
      g_atomic_int_add (&n_pumps, -1);
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_LIMITS_EXCEEDED,
                   "cannot read the log of container %s: %d logs are being read already", row->name,
                   MAX_PUMPS);
      return -1;
    }
  if (pipe2 (ends, O_CLOEXEC) < 0)
    {
      g_atomic_int_add (&n_pumps, -1);
      cpd_set_error_errno (error, errno, "failed to make a pipe for the log of %s", row->name);
      return -1;
    }
  read_end = ends[0];
  thread = g_thread_new ("cpd-log", run, new_pump (engine, id, options, ends[1]));
  g_thread_unref (thread);
  return g_steal_fd (&read_end);
}
