/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/conmon/cpd-monitor.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "public/cpod-error.h"
#include "test-scratch.h"

typedef struct
{
  char *directory;
  CpdMonitor *monitor;
  GAsyncQueue *told;            /* what the monitor has told, as "EVENT ID PID" */
} Fixture;

static void
on_event (CpdMonitorEvent event, const char *id, pid_t pid, gpointer user_data)
{
  static const char *const names[] = { "exited", "died", "stuck", "exec-died", "exec-stuck" };

  g_async_queue_push (user_data, g_strdup_printf ("%s %s %d", names[event], id, (int) pid));
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr(GError) error = NULL;

  fixture->directory = test_scratch_new ("16m");
  fixture->told = g_async_queue_new_full (g_free);
  fixture->monitor = cpd_monitor_new (fixture->directory, on_event, fixture->told, &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  cpd_monitor_free (fixture->monitor);
  g_async_queue_unref (fixture->told);
  test_scratch_free (fixture->directory);
}

static void
assert_told (Fixture *fixture, const char *expected)
{
  g_autofree char *told = g_async_queue_timeout_pop (fixture->told, 10 * G_USEC_PER_SEC);

  g_assert_cmpstr (told, ==, expected);
}

static void
assert_quiet (Fixture *fixture, gint64 us)
{
  g_autofree char *told = g_async_queue_timeout_pop (fixture->told, (guint64) us);

  g_assert_cmpstr (told, ==, NULL);
}

/* A process that waits to be killed, and a pidfd of it. */
static pid_t
spawn (int *fd)
{
  pid_t pid = fork ();

  if (pid == 0)
    {
      for (;;)
        pause ();
    }
  *fd = (int) syscall (SYS_pidfd_open, pid, 0);
  g_assert_cmpint (*fd, >=, 0);
  return pid;
}

static void
end (pid_t pid)
{
  g_assert_cmpint (kill (pid, SIGKILL), ==, 0);
  g_assert_cmpint (waitpid (pid, NULL, 0), ==, pid);
}

static void
write_exit (Fixture *fixture, const char *id)
{
  g_autofree char *path = g_build_filename (fixture->directory, id, NULL);

  g_assert_true (cpd_fs_write_file (path, "0", -1, 0600, FALSE, NULL));
}

/* As conmon writes it: under another name first, of which nothing is told. */
static void
test_exit_file (Fixture *fixture, gconstpointer data)
{
  g_autofree char *half = g_build_filename (fixture->directory, "abc.X1Y2Z3", NULL);

  g_assert_true (g_file_set_contents (half, "0", -1, NULL));
  assert_quiet (fixture, 50 * 1000);
  write_exit (fixture, "abc");
  assert_told (fixture, "exited abc 0");
  for (int i = 0; i < 500; i++)
    {
      g_autofree char *id = g_strdup_printf ("c%d", i);

      write_exit (fixture, id);
    }
  for (int i = 0; i < 500; i++)
    {
      g_autofree char *expected = g_strdup_printf ("exited c%d 0", i);

      assert_told (fixture, expected);
    }
  assert_quiet (fixture, 50 * 1000);
}

static void
test_monitor_dies (Fixture *fixture, gconstpointer data)
{
  g_autofree char *expected = NULL;
  int fd;
  pid_t pid = spawn (&fd);

  cpd_monitor_watch (fixture->monitor, "abc", -1, fd, pid);
  assert_quiet (fixture, 50 * 1000);
  end (pid);
  expected = g_strdup_printf ("died abc %d", (int) pid);
  assert_told (fixture, expected);
  assert_quiet (fixture, 50 * 1000);
}

/* The process has ended, and its exit file does not come. */
static void
test_stuck (Fixture *fixture, gconstpointer data)
{
  gint64 begun;
  int fd;
  pid_t pid = spawn (&fd);

  cpd_monitor_watch (fixture->monitor, "abc", fd, -1, 0);
  end (pid);
  begun = g_get_monotonic_time ();
  assert_told (fixture, "stuck abc 0");
  g_assert_cmpint (g_get_monotonic_time () - begun, >, G_USEC_PER_SEC);
  assert_quiet (fixture, 50 * 1000);
}

/* The exit was seen, and its file taken away as the engine does: nobody is stuck. */
static void
test_not_stuck (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->directory, "abc", NULL);
  int fd, fd_again;
  pid_t pid = spawn (&fd), again;

  cpd_monitor_watch (fixture->monitor, "abc", fd, -1, 0);
  end (pid);
  write_exit (fixture, "abc");
  assert_told (fixture, "exited abc 0");
  g_assert_cmpint (unlink (path), ==, 0);

  /* It runs again at once: what is told of the first run would harm the second. */
  again = spawn (&fd_again);
  cpd_monitor_watch (fixture->monitor, "abc", fd_again, -1, 0);
  assert_quiet (fixture, 3 * G_USEC_PER_SEC);
  end (again);
  assert_told (fixture, "stuck abc 0");
}

/* The exit file of a session is elsewhere: the end of its monitor tells that it is there. */
static void
test_exec (Fixture *fixture, gconstpointer data)
{
  g_autofree char *exit_file = g_build_filename (fixture->directory, "session.exit", NULL);
  g_autofree char *expected = NULL;
  int fd, monitor_fd;
  pid_t pid = spawn (&fd), monitor_pid = spawn (&monitor_fd);

  cpd_monitor_watch_exec (fixture->monitor, "abc", exit_file, fd, monitor_fd, monitor_pid);
  end (pid);
  g_assert_true (g_file_set_contents (exit_file, "0", -1, NULL));
  end (monitor_pid);
  expected = g_strdup_printf ("exec-died abc %d", (int) monitor_pid);
  assert_told (fixture, expected);
  /* Once its end is known the file goes, and nobody is stuck. */
  cpd_monitor_forget (fixture->monitor, "abc");
  g_assert_cmpint (unlink (exit_file), ==, 0);
  assert_quiet (fixture, 3 * G_USEC_PER_SEC);
}

static void
test_exec_stuck (Fixture *fixture, gconstpointer data)
{
  g_autofree char *exit_file = g_build_filename (fixture->directory, "session.exit", NULL);
  int fd;
  pid_t pid = spawn (&fd);

  cpd_monitor_watch_exec (fixture->monitor, "abc", exit_file, fd, -1, 0);
  end (pid);
  assert_told (fixture, "exec-stuck abc 0");
  assert_quiet (fixture, 50 * 1000);
}

/* Freed with watches that nothing has come of. */
static void
test_free (Fixture *fixture, gconstpointer data)
{
  int fd, other;
  pid_t pid = spawn (&fd), ended = spawn (&other);

  cpd_monitor_watch (fixture->monitor, "abc", fd, dup (fd), pid);
  cpd_monitor_watch (fixture->monitor, "def", other, -1, 0);
  cpd_monitor_watch (fixture->monitor, "ghi", -1, -1, 0);
  end (ended);
  g_usleep (20 * 1000);
  cpd_monitor_free (fixture->monitor);
  end (pid);
  fixture->monitor = cpd_monitor_new (fixture->directory, on_event, fixture->told, NULL);
}

static void
test_no_directory (void)
{
  g_autoptr(GError) error = NULL;

  g_assert_null (cpd_monitor_new ("/nonexistent/exits", on_event, NULL, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_FAILED);
  g_assert_nonnull (g_strrstr (error->message, "/nonexistent/exits"));
}

#define ADD(path, func) g_test_add (path, Fixture, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_scratch_init ();
  ADD ("/monitor/exit-file", test_exit_file);
  ADD ("/monitor/monitor-dies", test_monitor_dies);
  ADD ("/monitor/stuck", test_stuck);
  ADD ("/monitor/not-stuck", test_not_stuck);
  ADD ("/monitor/exec", test_exec);
  ADD ("/monitor/exec-stuck", test_exec_stuck);
  ADD ("/monitor/free", test_free);
  g_test_add_func ("/monitor/no-directory", test_no_directory);
  return g_test_run ();
}
