/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/streams/cpd-pump.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "engine/cpd-engine-private.h"
#include "public/cpod-error.h"

struct _CpdPump
{
  CpdEngine *engine;            /* (owned) (nullable): NULL until it is one of the user's */
  guint32 uid;
  int fd;                       /* (owned) */
  CpdPumpFunc func;
  gpointer user_data;
  GDestroyNotify destroy;
};

static void
pump_free (CpdPump *pump)
{
  cpd_close_fd (&pump->fd);
  pump->destroy (pump->user_data);
  if (pump->engine != NULL)
    cpd_engine_give_stream (pump->engine, pump->uid);
  g_clear_object (&pump->engine);
  g_free (pump);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdPump, pump_free)

static gpointer
run (gpointer data)
{
  g_autoptr(CpdPump) pump = data;

  pump->func (pump, pump->user_data);
  return NULL;
}

int
cpd_pump_start (CpdEngine *engine, guint32 uid, const char *what, CpdPumpFunc func, gpointer user_data,
                GDestroyNotify destroy, GError **error)
{
  g_autoptr(CpdPump) pump = g_new0 (CpdPump, 1);
  g_autoptr(GError) cause = NULL;
  cpd_autofd int read_end = -1;
  GThread *thread;
  int ends[2];

  pump->fd = -1;
  pump->func = func;
  pump->user_data = user_data;
  pump->destroy = destroy;
  if (!cpd_engine_take_stream (engine, uid, error))
    {
      g_prefix_error (error, "failed to give out %s: ", what);
      return -1;
    }
  pump->engine = g_object_ref (engine);
  pump->uid = uid;
  if (pipe2 (ends, O_CLOEXEC) < 0)
    {
      cpd_set_error_errno (error, errno, "failed to make a pipe for %s", what);
      return -1;
    }
  read_end = ends[0];
  pump->fd = ends[1];
  thread = g_thread_try_new ("cpd-pump", run, pump, &cause);
  if (thread == NULL)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_LIMITS_EXCEEDED, "failed to start a thread for %s: %s", what,
                   cause->message);
      return -1;
    }
  g_steal_pointer (&pump);
  g_thread_unref (thread);
  return g_steal_fd (&read_end);
}

gboolean
cpd_pump_write (CpdPump *pump, const char *data, gsize length)
{
  while (length > 0)
    {
      ssize_t n = write (pump->fd, data, length);

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

gboolean
cpd_pump_write_line (CpdPump *pump, const char *line)
{
  g_autofree char *text = g_strconcat (line, "\n", NULL);

  return cpd_pump_write (pump, text, strlen (text));
}

gboolean
cpd_pump_wait (CpdPump *pump, int fd, int timeout_ms)
{
  struct pollfd items[] = {
    { .fd = fd, .events = POLLIN },
    { .fd = pump->fd, .events = 0 },            /* POLLERR: nobody has its other end */
  };

  poll (items, G_N_ELEMENTS (items), timeout_ms);
  return (items[1].revents & POLLERR) == 0;
}
