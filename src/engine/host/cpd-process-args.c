/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/host/cpd-process-args.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/cpd-fs.h"

/* Threads that may hang in a read; while there are as many, no command line is read. */
#define MAX_THREADS 8

/* What a thread and who waits for it share, until neither needs it. */
typedef struct
{
  char *proc;
  GArray *pids;
  GMutex mutex;
  GCond cond;
  GPtrArray *args;              /* the mutex guards this and the next two */
  gboolean done;
  gboolean left;                /* nobody waits any more */
} Reading;

static int threads;             /* atomic */

static void
clear_reading (gpointer data)
{
  Reading *reading = data;

  g_free (reading->proc);
  g_array_unref (reading->pids);
  g_ptr_array_unref (reading->args);
  g_mutex_clear (&reading->mutex);
  g_cond_clear (&reading->cond);
}

static void
release (Reading *reading)
{
  g_atomic_rc_box_release_full (reading, clear_reading);
}

/* Words end with a zero; a process may have put anything else there, too. */
static char *
join (char *bytes, gsize length)
{
  while (length > 0 && bytes[length - 1] == '\0')
    length--;
  for (gsize i = 0; i < length; i++)
    if (bytes[i] == '\0')
      bytes[i] = ' ';
  return length > 0 ? g_strndup (bytes, length) : NULL;
}

static gsize
read_one (const char *proc, pid_t pid, char **args)
{
  g_autofree char *path = g_strdup_printf ("%s/%d/cmdline", proc, (int) pid);
  cpd_autofd int fd = open (path, O_RDONLY | O_CLOEXEC);
  char bytes[CPD_PROCESS_ARGS_MAX];
  gsize length = 0;

  while (fd >= 0 && length < sizeof bytes)
    {
      ssize_t n = read (fd, bytes + length, sizeof bytes - length);

      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        break;
      length += (gsize) n;
    }
  *args = join (bytes, length);
  return length;
}

/* FALSE when nobody wants to know any more. Takes ARGS. */
static gboolean
hand_over (Reading *reading, char *args)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&reading->mutex);

  if (reading->left)
    {
      g_free (args);
      return FALSE;
    }
  g_ptr_array_add (reading->args, args);
  return TRUE;
}

static gpointer
run (gpointer data)
{
  Reading *reading = data;
  gsize sum = 0;

  for (guint i = 0; i < reading->pids->len && sum < CPD_PROCESS_ARGS_SUM; i++)
    {
      char *args;

      sum += read_one (reading->proc, (pid_t) g_array_index (reading->pids, guint32, i), &args);
      if (!hand_over (reading, args))
        break;
    }
  g_mutex_lock (&reading->mutex);
  reading->done = TRUE;
  g_cond_signal (&reading->cond);
  g_mutex_unlock (&reading->mutex);
  release (reading);
  g_atomic_int_add (&threads, -1);
  return NULL;
}

static gboolean
start (Reading *reading)
{
  GThread *thread = NULL;

  g_atomic_rc_box_acquire (reading);
  if (g_atomic_int_add (&threads, 1) < MAX_THREADS)
    thread = g_thread_try_new ("cpod-args", run, reading, NULL);
  if (thread == NULL)
    {
      g_atomic_int_add (&threads, -1);
      release (reading);
      return FALSE;
    }
  g_thread_unref (thread);
  return TRUE;
}

static GPtrArray *
wait_for (Reading *reading, guint timeout_ms)
{
  gint64 end = g_get_monotonic_time () + (gint64) timeout_ms * 1000;
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&reading->mutex);
  GPtrArray *args;

  while (!reading->done && g_cond_wait_until (&reading->cond, &reading->mutex, end))
    continue;
  reading->left = TRUE;
  args = g_steal_pointer (&reading->args);
  reading->args = g_ptr_array_new ();
  return args;
}

GPtrArray *
cpd_process_args_read (const char *proc, GArray *pids, guint timeout_ms)
{
  Reading *reading = g_atomic_rc_box_new0 (Reading);
  GPtrArray *args;

  reading->proc = g_strdup (proc);
  reading->pids = g_array_ref (pids);
  reading->args = g_ptr_array_new_with_free_func (g_free);
  g_mutex_init (&reading->mutex);
  g_cond_init (&reading->cond);
  args = start (reading) ? wait_for (reading, timeout_ms) : g_ptr_array_new_with_free_func (g_free);
  release (reading);
  while (args->len < pids->len)
    g_ptr_array_add (args, NULL);
  return args;
}
