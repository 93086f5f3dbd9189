/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/conmon/cpd-monitor.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "common/cpd-journal.h"

/* conmon writes the exit file a few milliseconds after the process has ended. */
#define STUCK_AFTER_US (2 * G_USEC_PER_SEC)

struct _CpdMonitor
{
  char *exit_dir;
  CpdMonitorFunc func;
  gpointer user_data;
  int epoll_fd;                 /* (owned) */
  int inotify_fd;               /* (owned) */
  int quit_fd;                  /* (owned) */
  int pulse_fd;                 /* (owned) */
  GThread *thread;

  GMutex mutex;
  GHashTable *watches;          /* (owned): set of CpdWatch; guarded by the mutex */
  GQueue ended;                 /* CpdWatch whose process has ended, oldest first; the thread's own */
};

/* One pidfd. */
typedef struct
{
  char *id;
  int fd;                       /* (owned) */
  pid_t monitor_pid;            /* 0 for a container's process */
  char *exit_file;              /* (owned) (nullable): of an exec session */
  gboolean told;                /* its exit file has appeared; guarded by the mutex */
  gint64 deadline;              /* monotonic µs, once the process has ended */
} CpdWatch;

static void
watch_free (CpdWatch *watch)
{
  cpd_close_fd (&watch->fd);
  g_free (watch->exit_file);
  g_free (watch->id);
  g_free (watch);
}

static void
add_watch (CpdMonitor *monitor, const char *id, const char *exit_file, int fd, pid_t monitor_pid)
{
  struct epoll_event event = { .events = EPOLLIN };
  CpdWatch *watch;

  if (fd < 0)
    return;
  watch = g_new0 (CpdWatch, 1);
  watch->id = g_strdup (id);
  watch->exit_file = g_strdup (exit_file);
  watch->fd = fd;
  watch->monitor_pid = monitor_pid;
  event.data.ptr = watch;

  g_mutex_lock (&monitor->mutex);
  g_hash_table_add (monitor->watches, watch);
  if (epoll_ctl (monitor->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
    {
      cpd_log_container (G_LOG_LEVEL_INFO, id, "failed to watch a process of container %s: %s", id, g_strerror (errno));
      g_hash_table_remove (monitor->watches, watch);
    }
  g_mutex_unlock (&monitor->mutex);
}

void
cpd_monitor_watch (CpdMonitor *monitor, const char *id, int process_fd, int monitor_fd,
                   pid_t monitor_pid)
{
  add_watch (monitor, id, NULL, process_fd, 0);
  add_watch (monitor, id, NULL, monitor_fd, monitor_pid);
}

void
cpd_monitor_watch_exec (CpdMonitor *monitor, const char *id, const char *exit_file, int process_fd,
                        int monitor_fd, pid_t monitor_pid)
{
  add_watch (monitor, id, exit_file, process_fd, 0);
  add_watch (monitor, id, exit_file, monitor_fd, monitor_pid);
}

static gboolean
exit_file_exists (CpdMonitor *monitor, const CpdWatch *watch)
{
  g_autofree char *path = g_build_filename (monitor->exit_dir, watch->id, NULL);

  return g_file_test (watch->exit_file != NULL ? watch->exit_file : path, G_FILE_TEST_EXISTS);
}

static gboolean
was_told (CpdMonitor *monitor, const CpdWatch *watch)
{
  gboolean told;

  g_mutex_lock (&monitor->mutex);
  told = watch->told;
  g_mutex_unlock (&monitor->mutex);
  return told;
}

static void
forget (CpdMonitor *monitor, CpdWatch *watch)
{
  g_mutex_lock (&monitor->mutex);
  g_hash_table_remove (monitor->watches, watch);
  g_mutex_unlock (&monitor->mutex);
}

static void
process_ended (CpdMonitor *monitor, CpdWatch *watch)
{
  epoll_ctl (monitor->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
  if (watch->monitor_pid != 0)
    {
      monitor->func (watch->exit_file != NULL ? CPD_MONITOR_EXEC_DIED : CPD_MONITOR_DIED, watch->id,
                     watch->monitor_pid, monitor->user_data);
      forget (monitor, watch);
      return;
    }
  watch->deadline = g_get_monotonic_time () + STUCK_AFTER_US;
  g_queue_push_tail (&monitor->ended, watch);
}

/* Tells of the processes whose exit file is overdue; gives the ms until the next may be, -1 for never. */
static int
check_ended (CpdMonitor *monitor)
{
  CpdWatch *watch;
  gint64 now = g_get_monotonic_time ();

  while ((watch = g_queue_peek_head (&monitor->ended)) != NULL)
    {
      if (watch->deadline > now)
        return (int) ((watch->deadline - now) / 1000) + 1;
      g_queue_pop_head (&monitor->ended);
      if (!was_told (monitor, watch) && !exit_file_exists (monitor, watch))
        monitor->func (watch->exit_file != NULL ? CPD_MONITOR_EXEC_STUCK : CPD_MONITOR_STUCK, watch->id, 0,
                       monitor->user_data);
      forget (monitor, watch);
    }
  return -1;
}

/* The file may be gone, and the container run again, by the time that it would be looked for. */
void
cpd_monitor_forget (CpdMonitor *monitor, const char *id)
{
  GHashTableIter iter;
  CpdWatch *watch;

  g_mutex_lock (&monitor->mutex);
  g_hash_table_iter_init (&iter, monitor->watches);
  while (g_hash_table_iter_next (&iter, (gpointer *) &watch, NULL))
    if (strcmp (watch->id, id) == 0)
      watch->told = TRUE;
  g_mutex_unlock (&monitor->mutex);
}

/* conmon writes ID.XXXXXX and renames it to ID, so only names without a dot are exits. */
static void
read_exits (CpdMonitor *monitor)
{
  char buffer[4096] __attribute__ ((aligned (__alignof__ (struct inotify_event))));
  ssize_t n;

  while ((n = read (monitor->inotify_fd, buffer, sizeof buffer)) > 0)
    for (char *next = buffer; next < buffer + n;)
      {
        struct inotify_event *event = (struct inotify_event *) next;

        if (event->len > 0 && strchr (event->name, '.') == NULL)
          {
            cpd_monitor_forget (monitor, event->name);
            monitor->func (CPD_MONITOR_EXITED, event->name, 0, monitor->user_data);
          }
        next += sizeof *event + event->len;
      }
}

void
cpd_monitor_poke (CpdMonitor *monitor)
{
  guint64 one = 1;

  if (write (monitor->pulse_fd, &one, sizeof one) < 0)
    g_info ("failed to wake the monitor thread: %s", g_strerror (errno));
}

static void
read_pulse (CpdMonitor *monitor)
{
  guint64 pulses;

  if (read (monitor->pulse_fd, &pulses, sizeof pulses) > 0)
    monitor->func (CPD_MONITOR_PULSE, "", 0, monitor->user_data);
}

static gpointer
run (gpointer data)
{
  CpdMonitor *monitor = data;
  struct epoll_event events[32];

  for (;;)
    {
      int n = epoll_wait (monitor->epoll_fd, events, G_N_ELEMENTS (events), check_ended (monitor));

      for (int i = 0; i < n; i++)
        {
          if (events[i].data.ptr == &monitor->quit_fd)
            return NULL;
          if (events[i].data.ptr == &monitor->inotify_fd)
            read_exits (monitor);
          else if (events[i].data.ptr == &monitor->pulse_fd)
            read_pulse (monitor);
          else
            process_ended (monitor, events[i].data.ptr);
        }
    }
}

static gboolean
open_descriptors (CpdMonitor *monitor, GError **error)
{
  struct epoll_event quit = { .events = EPOLLIN, .data.ptr = &monitor->quit_fd };
  struct epoll_event exits = { .events = EPOLLIN, .data.ptr = &monitor->inotify_fd };
  struct epoll_event pulse = { .events = EPOLLIN, .data.ptr = &monitor->pulse_fd };

  monitor->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  monitor->quit_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  monitor->pulse_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  monitor->inotify_fd = inotify_init1 (IN_CLOEXEC | IN_NONBLOCK);
  if (monitor->epoll_fd < 0 || monitor->quit_fd < 0 || monitor->pulse_fd < 0 || monitor->inotify_fd < 0
      || inotify_add_watch (monitor->inotify_fd, monitor->exit_dir, IN_MOVED_TO) < 0
      || epoll_ctl (monitor->epoll_fd, EPOLL_CTL_ADD, monitor->quit_fd, &quit) < 0
      || epoll_ctl (monitor->epoll_fd, EPOLL_CTL_ADD, monitor->pulse_fd, &pulse) < 0
      || epoll_ctl (monitor->epoll_fd, EPOLL_CTL_ADD, monitor->inotify_fd, &exits) < 0)
    {
      cpd_set_error_errno (error, errno, "failed to watch %s", monitor->exit_dir);
      return FALSE;
    }
  return TRUE;
}

CpdMonitor *
cpd_monitor_new (const char *exit_dir, CpdMonitorFunc func, gpointer user_data, GError **error)
{
  g_autoptr(CpdMonitor) monitor = g_new0 (CpdMonitor, 1);

  monitor->exit_dir = g_strdup (exit_dir);
  monitor->func = func;
  monitor->user_data = user_data;
  monitor->epoll_fd = monitor->inotify_fd = monitor->quit_fd = monitor->pulse_fd = -1;
  g_mutex_init (&monitor->mutex);
  g_queue_init (&monitor->ended);
  monitor->watches = g_hash_table_new_full (NULL, NULL, (GDestroyNotify) watch_free, NULL);
  if (!open_descriptors (monitor, error))
    return NULL;
  monitor->thread = g_thread_new ("cpd-monitor", run, monitor);
  return g_steal_pointer (&monitor);
}

void
cpd_monitor_free (CpdMonitor *monitor)
{
  guint64 one = 1;

  if (monitor->thread != NULL)
    {
      if (write (monitor->quit_fd, &one, sizeof one) < 0)
        g_info ("failed to end the monitor thread: %s", g_strerror (errno));
      g_thread_join (monitor->thread);
    }
  g_queue_clear (&monitor->ended);
  g_hash_table_unref (monitor->watches);
  cpd_close_fd (&monitor->epoll_fd);
  cpd_close_fd (&monitor->inotify_fd);
  cpd_close_fd (&monitor->quit_fd);
  cpd_close_fd (&monitor->pulse_fd);
  g_mutex_clear (&monitor->mutex);
  g_free (monitor->exit_dir);
  g_free (monitor);
}
