/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "public/cpod-error.h"

/*
 * When the process was started, in clock ticks since boot, or 0 when there is
 * no such process. With its number it names a process once and for all in
 * this boot, since numbers are used again.
 */
gint64
cpd_process_start_time (pid_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", (int) pid);
  g_autofree char *text = NULL;
  g_auto(GStrv) fields = NULL;
  const char *rest;

  if (pid <= 0 || !g_file_get_contents (path, &text, NULL, NULL))
    return 0;
  rest = strrchr (text, ')');   /* the name before it may hold anything */
  if (rest == NULL)
    return 0;
  fields = g_strsplit (rest + 1, " ", 22);
  if (g_strv_length (fields) < 21)
    return 0;
  if (fields[1][0] == 'Z' || fields[1][0] == 'X')
    return 0;                   /* it has ended; only its parent does not know yet */
  return g_ascii_strtoll (fields[20], NULL, 10);
}

/* Whether the process PID is (still) the one started at START_TIME. */
gboolean
cpd_process_is (pid_t pid, gint64 start_time)
{
  return start_time != 0 && cpd_process_start_time (pid) == start_time;
}

/* A pidfd of the process that was started at START_TIME, or -1 when it is gone. */
int
cpd_process_open (pid_t pid, gint64 start_time)
{
  cpd_autofd int fd = -1;

  if (pid <= 0)
    return -1;
  fd = (int) syscall (SYS_pidfd_open, pid, 0);
  /* Asked only now: what the descriptor holds cannot change any more. */
  if (fd < 0 || !cpd_process_is (pid, start_time))
    return -1;
  return g_steal_fd (&fd);
}

/* Sends a signal; that the process has ended already is no error. */
gboolean
cpd_process_signal (pid_t pid, gint64 start_time, int signal_number, GError **error)
{
  cpd_autofd int fd = cpd_process_open (pid, start_time);

  if (fd < 0)
    return TRUE;
  if (syscall (SYS_pidfd_send_signal, fd, signal_number, NULL, 0) < 0 && errno != ESRCH)
    {
      cpd_set_error_errno (error, errno, "failed to send signal %d to process %d",
                           signal_number, (int) pid);
      return FALSE;
    }
  return TRUE;
}

/* How many reads empty a pipe: it has 16 pages. */
#define PIPE_CHUNKS 16

/* A program that runs, and what it has written so far. */
typedef struct
{
  struct pollfd items[3];       /* (owned) standard output, standard error, a pidfd; -1 for what has ended */
  GString *texts[2];            /* (owned) */
} CpdRun;

static void
run_clear (CpdRun *run)
{
  for (gsize i = 0; i < G_N_ELEMENTS (run->items); i++)
    cpd_close_fd (&run->items[i].fd);
  for (gsize i = 0; i < G_N_ELEMENTS (run->texts); i++)
    g_string_free (run->texts[i], TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CpdRun, run_clear)

/* Reads some of what can be read now. */
static void
read_some (CpdRun *run, int i)
{
  struct pollfd *item = &run->items[i];
  char buffer[4096];
  ssize_t n;

  if (item->fd < 0 || poll (item, 1, 0) <= 0)
    return;
  n = read (item->fd, buffer, sizeof buffer);
  if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
    cpd_close_fd (&item->fd);
  if (n > 0 && run->texts[i]->len < 64 * 1024)  /* more than that helps nobody */
    g_string_append_len (run->texts[i], buffer, n);
}

/*
 * Reads both streams as they come, until the process has ended or DEADLINE
 * (monotonic µs) has passed. Something that it leaves behind may hold the
 * streams open: that is not waited for.
 */
static gboolean
read_until_end (CpdRun *run, gint64 deadline)
{
  for (;;)
    {
      gint64 left = (deadline - g_get_monotonic_time () + 999) / 1000;
      gboolean ended;

      if (left <= 0)
        return FALSE;
      if (poll (run->items, G_N_ELEMENTS (run->items), (int) MIN (left, G_MAXINT)) <= 0)
        continue;
      ended = run->items[2].revents != 0;
      /* At the end all that a pipe may hold; never on and on, somebody may write without end. */
      for (int chunks = ended ? PIPE_CHUNKS : 1; chunks > 0; chunks--)
        {
          read_some (run, 0);
          read_some (run, 1);
        }
      if (ended)
        return TRUE;
    }
}

static int
reap (pid_t pid)
{
  int status = 0;

  while (waitpid (pid, &status, 0) < 0 && errno == EINTR)
    continue;
  return status;
}

static gboolean
spawn (const char *const *argv, CpdRun *run, GPid *pid, GError **error)
{
  const char *environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
  g_autoptr(GError) cause = NULL;

  /* All descriptors are closed on exec anyway, and GLib needs not fork when it has not to close them. */
  if (!g_spawn_async_with_pipes (NULL, (char **) argv, (char **) environment,
                                 G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_LEAVE_DESCRIPTORS_OPEN, NULL, NULL, pid,
                                 NULL, &run->items[0].fd, &run->items[1].fd, &cause))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "failed to run %s: %s",
                   argv[0], cause->message);
      return FALSE;
    }
  run->items[2].fd = (int) syscall (SYS_pidfd_open, *pid, 0);
  if (run->items[2].fd < 0)
    {
      cpd_set_error_errno (error, errno, "failed to watch %s", argv[0]);
      kill (*pid, SIGKILL);
      reap (*pid);
      return FALSE;
    }
  return TRUE;
}

/*
 * Runs a program to its end in the calling thread, with an environment of
 * just PATH, and gives what it wrote to its standard output. That it fails
 * is an error with what it wrote to its standard error.
 */
gboolean
cpd_process_run (const char *const *argv, guint timeout_ms, char **output, GError **error)
{
  gint64 deadline = g_get_monotonic_time () + (gint64) timeout_ms * 1000;
  g_auto(CpdRun) run = {
    .items = { { -1, POLLIN, 0 }, { -1, POLLIN, 0 }, { -1, POLLIN, 0 } },
    .texts = { g_string_new (NULL), g_string_new (NULL) },
  };
  GPid pid;
  int status;

  if (!spawn (argv, &run, &pid, error))
    return FALSE;
  if (!read_until_end (&run, deadline))
    {
      kill (pid, SIGKILL);
      reap (pid);
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "%s did not end within %u ms",
                   argv[0], timeout_ms);
      return FALSE;
    }
  status = reap (pid);
  if (!WIFEXITED (status) || WEXITSTATUS (status) != 0)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "%s failed: %s", argv[0],
                   run.texts[1]->len > 0 ? g_strchomp (run.texts[1]->str) : "it said nothing");
      return FALSE;
    }
  if (output != NULL)
    *output = g_strdup (run.texts[0]->str);
  return TRUE;
}

/* The systemd unit that a process belongs to, "" when that cannot be told. */
char *
cpd_process_unit (pid_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/cgroup", (int) pid);
  g_autofree char *text = NULL;
  g_auto(GStrv) lines = NULL;

  if (pid <= 0 || !g_file_get_contents (path, &text, NULL, NULL))
    return g_strdup ("");
  lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    {
      const char *group = strstr (*line, ":name=systemd:");

      if (group == NULL && !g_str_has_prefix (*line, "0::"))
        continue;
      group = strrchr (*line, '/');
      if (group != NULL && (g_str_has_suffix (group, ".service") || g_str_has_suffix (group, ".scope")))
        return g_strdup (group + 1);
    }
  return g_strdup ("");
}

/* The first of the paths that is an executable file, or NULL. */
char *
cpd_process_find (const char *const *candidates)
{
  for (; *candidates != NULL; candidates++)
    if (g_file_test (*candidates, G_FILE_TEST_IS_EXECUTABLE)
        && !g_file_test (*candidates, G_FILE_TEST_IS_DIR))
      return g_strdup (*candidates);
  return NULL;
}
