/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-clock.h"
#include "common/cpd-fs.h"
#include "engine/cpd-engine-private.h"
#include "engine/streams/cpd-pump.h"

/* How often a follower looks whether the container still runs, should no write to its log wake it. */
#define LOOK_EVERY_MS 200

/* Carries a log from its file to a pipe. */
typedef struct
{
  CpdEngine *engine;            /* (owned) */
  char *id;
  char *path;
  int log_fd;                   /* (owned), -1 while there is no log yet */
  CpdPump *pump;                /* (unowned) */
  int inotify_fd;               /* (owned), -1 when not following */
  CpdLogOptions options;
  GString *line;                /* (owned): what is read of a line */
} CpdLogTail;

static void
tail_free (CpdLogTail *tail)
{
  cpd_close_fd (&tail->log_fd);
  cpd_close_fd (&tail->inotify_fd);
  g_string_free (tail->line, TRUE);
  g_object_unref (tail->engine);
  g_free (tail->id);
  g_free (tail->path);
  g_free (tail);
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
pass_line (CpdLogTail *tail)
{
  const CpdLogOptions *options = &tail->options;

  if (options->since > 0 || options->until > 0)
    {
      gint64 time = line_time (tail->line->str);

      if (options->since > 0 && time < options->since)
        return TRUE;
      if (options->until > 0 && time > options->until)
        return FALSE;
    }
  return cpd_pump_write (tail->pump, tail->line->str, tail->line->len);
}

static gboolean
pass_block (CpdLogTail *tail, const char *data, gsize length)
{
  while (length > 0)
    {
      const char *newline = memchr (data, '\n', length);
      gsize part = newline != NULL ? (gsize) (newline - data) + 1 : length;

      g_string_append_len (tail->line, data, (gssize) part);
      if (newline != NULL)
        {
          if (!pass_line (tail))
            return FALSE;
          g_string_truncate (tail->line, 0);
        }
      data += part;
      length -= part;
    }
  return TRUE;
}

/* Passes on what the file that is open holds now. */
static gboolean
pass_rest (CpdLogTail *tail)
{
  char buffer[32 * 1024];
  ssize_t n;

  while (tail->log_fd >= 0 && (n = read (tail->log_fd, buffer, sizeof buffer)) != 0)
    {
      if (n < 0 && errno != EINTR)
        return FALSE;
      if (n > 0 && !pass_block (tail, buffer, (gsize) n))
        return FALSE;
    }
  return TRUE;
}

/* conmon begins another file where this one would get too large. */
static gboolean
was_replaced (const CpdLogTail *tail)
{
  struct stat ours, there;

  return tail->log_fd >= 0 && fstat (tail->log_fd, &ours) == 0 && stat (tail->path, &there) == 0
         && (ours.st_ino != there.st_ino || ours.st_dev != there.st_dev);
}

/* Passes on what the log holds now. Once a file is replaced, nothing is added to it. */
static gboolean
pass_log (CpdLogTail *tail)
{
  if (tail->log_fd < 0)
    tail->log_fd = open (tail->path, O_RDONLY | O_CLOEXEC);
  if (!pass_rest (tail))
    return FALSE;
  while (was_replaced (tail))
    {
      if (!pass_rest (tail))
        return FALSE;
      cpd_close_fd (&tail->log_fd);
      tail->log_fd = open (tail->path, O_RDONLY | O_CLOEXEC);
      if (!pass_rest (tail))
        return FALSE;
    }
  return TRUE;
}

static gboolean
still_runs (CpdLogTail *tail)
{
  g_autoptr(CpdContainerRow) row = cpd_engine_get_container (tail->engine, tail->id, NULL);

  return row != NULL && row->status.state >= CPD_CONTAINER_CREATED
         && row->status.state <= CPD_CONTAINER_STOPPING;
}

/* Waits until the log has grown or some time has passed; FALSE when the reader is gone. */
static gboolean
wait_for_more (CpdLogTail *tail)
{
  gboolean wanted = cpd_pump_wait (tail->pump, tail->inotify_fd, LOOK_EVERY_MS);
  char buffer[4096];

  while (tail->inotify_fd >= 0 && read (tail->inotify_fd, buffer, sizeof buffer) > 0)
    continue;
  return wanted;
}

static void
run (CpdPump *pump, gpointer user_data)
{
  CpdLogTail *tail = user_data;
  gboolean more;

  tail->pump = pump;
  do
    {
      /* Asked before reading: what comes after the container has ended is still read. */
      more = tail->options.follow && still_runs (tail);
      if (!pass_log (tail))
        break;
    }
  while (more && wait_for_more (tail));
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

static CpdLogTail *
new_tail (CpdEngine *engine, const char *id, const CpdLogOptions *options)
{
  CpdLogTail *tail = g_new0 (CpdLogTail, 1);

  tail->engine = g_object_ref (engine);
  tail->id = g_strdup (id);
  tail->path = cpd_engine_log_path (engine, id);
  tail->options = *options;
  tail->line = g_string_new (NULL);
  tail->inotify_fd = options->follow ? watch_log (tail->path) : -1;
  tail->log_fd = open (tail->path, O_RDONLY | O_CLOEXEC);
  if (tail->log_fd >= 0 && options->tail >= 0)
    seek_tail (tail->log_fd, options->tail);
  return tail;
}

int
cpd_engine_container_logs (CpdEngine *engine, const char *id, const CpdLogOptions *options,
                           GError **error)
{
  g_autoptr(CpdContainerRow) row = cpd_engine_get_container (engine, id, error);
  g_autofree char *what = NULL;

  if (row == NULL)
    return -1;
  what = g_strdup_printf ("the log of container %s", row->name);
  return cpd_pump_start (engine, options->uid, what, run, new_tail (engine, id, options), (GDestroyNotify) tail_free,
                         error);
}
