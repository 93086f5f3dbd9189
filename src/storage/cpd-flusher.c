/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storage/cpd-flusher.h"

#include <errno.h>
#include <unistd.h>

#include "common/cpd-fs.h"

#define STEP ((guint64) 32 * 1024 * 1024)

struct _CpdFlusher
{
  int fd;                       /* (unowned) */
  GThread *thread;              /* (owned) (nullable) */
  guint64 started;              /* the position at which it was last told to write */

  GMutex mutex;                 /* guards what follows */
  GCond changed;
  gboolean wanted;
  gboolean ended;

  int failure;                  /* the thread's until it has ended: the first errno, which the kernel tells once */
};

/* Waits for something to do; FALSE at the end. */
static gboolean
wait_wanted (CpdFlusher *flusher)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&flusher->mutex);

  while (!flusher->wanted && !flusher->ended)
    g_cond_wait (&flusher->changed, &flusher->mutex);
  flusher->wanted = FALSE;
  return !flusher->ended;
}

static void
sync_now (CpdFlusher *flusher)
{
  if (syncfs (flusher->fd) < 0 && flusher->failure == 0)
    flusher->failure = errno;
}

static gpointer
run (gpointer user_data)
{
  while (wait_wanted (user_data))
    sync_now (user_data);
  return NULL;
}

CpdFlusher *
cpd_flusher_new (int fd, GError **error)
{
  g_autoptr(CpdFlusher) flusher = g_new0 (CpdFlusher, 1);

  flusher->fd = fd;
  g_mutex_init (&flusher->mutex);
  g_cond_init (&flusher->changed);
  flusher->thread = g_thread_try_new ("cpod-flusher", run, flusher, error);
  if (flusher->thread == NULL)
    {
      g_prefix_error (error, "failed to start a thread: ");
      return NULL;
    }
  return g_steal_pointer (&flusher);
}

static void
end (CpdFlusher *flusher)
{
  if (flusher->thread == NULL)
    return;
  g_mutex_lock (&flusher->mutex);
  flusher->ended = TRUE;
  g_cond_signal (&flusher->changed);
  g_mutex_unlock (&flusher->mutex);
  g_thread_join (g_steal_pointer (&flusher->thread));
}

void
cpd_flusher_free (CpdFlusher *flusher)
{
  if (flusher == NULL)
    return;
  end (flusher);
  g_mutex_clear (&flusher->mutex);
  g_cond_clear (&flusher->changed);
  g_free (flusher);
}

void
cpd_flusher_advance (CpdFlusher *flusher, guint64 position)
{
  if (position - flusher->started < STEP)
    return;
  flusher->started = position;
  g_mutex_lock (&flusher->mutex);
  flusher->wanted = TRUE;
  g_cond_signal (&flusher->changed);
  g_mutex_unlock (&flusher->mutex);
}

gboolean
cpd_flusher_finish (CpdFlusher *flusher, GError **error)
{
  end (flusher);
  sync_now (flusher);
  if (flusher->failure == 0)
    return TRUE;
  cpd_set_error_errno (error, flusher->failure, "failed to sync");
  return FALSE;
}
