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

/* Reads FD to its end, or until DEADLINE (monotonic µs). */
static gboolean
read_output (int fd, gint64 deadline, GString *text)
{
  char buffer[4096];

  for (;;)
    {
      struct pollfd item = { .fd = fd, .events = POLLIN };
      gint64 left = (deadline - g_get_monotonic_time ()) / 1000;
      ssize_t n;

      if (left <= 0)
        return FALSE;
      if (poll (&item, 1, (int) left) <= 0)
        continue;
      n = read (fd, buffer, sizeof buffer);
      if (n < 0 && (errno == EINTR || errno == EAGAIN))
        continue;
      if (n <= 0)
        return TRUE;
      if (text->len < 64 * 1024)        /* more than that helps nobody */
        g_string_append_len (text, buffer, n);
    }
}

/* Waits for PID to end, but not beyond DEADLINE (monotonic µs). */
static gboolean
reap (pid_t pid, gint64 deadline, int *status)
{
  cpd_autofd int fd = (int) syscall (SYS_pidfd_open, pid, 0);

  if (fd >= 0)
    {
      struct pollfd item = { .fd = fd, .events = POLLIN };
      gint64 left = MAX (0, (deadline - g_get_monotonic_time ()) / 1000);

      if (poll (&item, 1, (int) left) == 0)
        return FALSE;
    }
  while (waitpid (pid, status, 0) < 0)
    if (errno != EINTR)
      return FALSE;
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
  const char *environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
  gint64 deadline = g_get_monotonic_time () + (gint64) timeout_ms * 1000;
  g_autoptr(GString) out = g_string_new (NULL);
  g_autoptr(GString) err = g_string_new (NULL);
  g_autoptr(GError) cause = NULL;
  cpd_autofd int out_fd = -1, err_fd = -1;
  int status = 0;
  GPid pid;

  if (!g_spawn_async_with_pipes (NULL, (char **) argv, (char **) environment,
                                 G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid,
                                 NULL, &out_fd, &err_fd, &cause))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "failed to run %s: %s",
                   argv[0], cause->message);
      return FALSE;
    }
  if (!read_output (out_fd, deadline, out) || !read_output (err_fd, deadline, err)
      || !reap (pid, deadline, &status))
    {
      kill (pid, SIGKILL);
      reap (pid, G_MAXINT64, &status);
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "%s did not end within %u ms",
                   argv[0], timeout_ms);
      return FALSE;
    }
  if (!WIFEXITED (status) || WEXITSTATUS (status) != 0)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "%s failed: %s", argv[0],
                   err->len > 0 ? g_strchomp (err->str) : "it said nothing");
      return FALSE;
    }
  if (output != NULL)
    *output = g_string_free (g_steal_pointer (&out), FALSE);
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
