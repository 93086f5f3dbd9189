/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "public/cpod-error.h"

static char *self;

/*
 * What this program does when it is run by itself: the words are "out N" and
 * "err N" (write N bytes), "say TEXT", "complain TEXT", "env -", "sleep S",
 * "leave S" (leave a child behind that holds the output open), "exit N".
 */
static void
repeat (int fd, int n)
{
  g_autofree char *text = g_strnfill ((gsize) n, 'x');

  if (!cpd_fs_write_all (fd, text, (gsize) n, NULL))
    exit (99);
}

static int
child_main (char **words)
{
  for (; words[0] != NULL; words += 2)
    {
      int number = words[1] != NULL ? atoi (words[1]) : 0;

      if (strcmp (words[0], "out") == 0)
        repeat (STDOUT_FILENO, number);
      else if (strcmp (words[0], "err") == 0)
        repeat (STDERR_FILENO, number);
      else if (strcmp (words[0], "say") == 0)
        dprintf (STDOUT_FILENO, "%s\n", words[1]);
      else if (strcmp (words[0], "complain") == 0)
        dprintf (STDERR_FILENO, "%s\n", words[1]);
      else if (strcmp (words[0], "env") == 0)
        for (char **entry = environ; *entry != NULL; entry++)
          dprintf (STDOUT_FILENO, "%s\n", *entry);
      else if (strcmp (words[0], "sleep") == 0)
        sleep ((guint) number);
      else if (strcmp (words[0], "leave") == 0 && fork () == 0)
        {
          sleep ((guint) number);
          _exit (0);
        }
      else if (strcmp (words[0], "exit") == 0)
        return number;
    }
  return 0;
}

/* Runs this program with the words given, up to NULL. */
static gboolean
run (guint timeout_ms, char **output, GError **error, ...)
{
  g_autoptr(GPtrArray) argv = g_ptr_array_new ();
  va_list words;

  g_ptr_array_add (argv, self);
  g_ptr_array_add (argv, (char *) "--child");
  va_start (words, error);
  for (char *word = va_arg (words, char *); word != NULL; word = va_arg (words, char *))
    g_ptr_array_add (argv, word);
  va_end (words);
  g_ptr_array_add (argv, NULL);
  return cpd_process_run ((const char *const *) argv->pdata, timeout_ms, output, error);
}

static void
test_run (void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *output = NULL;

  g_assert_true (run (10000, &output, &error, "say", "hello", "complain", "not of interest", NULL));
  g_assert_no_error (error);
  g_assert_cmpstr (output, ==, "hello\n");
  g_assert_true (run (10000, NULL, &error, "say", "hello", NULL));
}

/* Nothing of the service's environment gets to what it runs. */
static void
test_run_environment (void)
{
  g_autofree char *output = NULL;

  g_setenv ("SECRET", "1", TRUE);
  g_assert_true (run (10000, &output, NULL, "env", "-", NULL));
  g_assert_cmpstr (output, ==, "PATH=/usr/sbin:/usr/bin:/sbin:/bin\n");
}

static void
test_run_fails (void)
{
  g_autoptr(GError) error = NULL, silent = NULL, missing = NULL;
  g_autofree char *output = NULL;
  const char *const nothing[] = { "/nonexistent/program", NULL };

  g_assert_false (run (10000, &output, &error, "say", "result", "complain", "the reason", "exit", "3", NULL));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, self));
  g_assert_true (g_str_has_suffix (error->message, ": the reason"));
  g_assert_null (output);

  g_assert_false (run (10000, NULL, &silent, "exit", "3", NULL));
  g_assert_true (g_str_has_suffix (silent->message, ": it said nothing"));

  g_assert_false (cpd_process_run (nothing, 1000, NULL, &missing));
  g_assert_error (missing, CPOD_ERROR, CPOD_ERROR_FAILED);
  g_assert_nonnull (strstr (missing->message, "/nonexistent/program"));
}

static void
test_run_timeout (void)
{
  g_autoptr(GError) error = NULL;
  gint64 begun = g_get_monotonic_time ();

  g_assert_false (run (200, NULL, &error, "sleep", "30", NULL));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "within 200 ms"));
  g_assert_cmpint (g_get_monotonic_time () - begun, <, 5 * G_USEC_PER_SEC);
  /* It was reaped as well. */
  g_assert_cmpint (waitpid (-1, NULL, WNOHANG), ==, -1);
  g_assert_cmpint (errno, ==, ECHILD);
}

/* More than a pipe holds, on both streams, in either order. */
static void
test_run_much_output (void)
{
  g_autoptr(GError) error = NULL, failure = NULL;
  g_autofree char *output = NULL;

  g_assert_true (run (10000, &output, &error, "err", "300000", "out", "300000", "err", "300000", NULL));
  g_assert_no_error (error);
  g_assert_cmpuint (strlen (output), >=, 64 * 1024);

  g_assert_false (run (10000, NULL, &failure, "complain", "the reason", "err", "300000", "exit", "1", NULL));
  g_assert_nonnull (strstr (failure->message, " failed: the reason\nxxx"));
}

/* A program has ended when its process has, even if something that it left behind holds its output. */
static void
test_run_leaves_child (void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *output = NULL;
  gint64 begun = g_get_monotonic_time ();

  g_assert_true (run (20000, &output, &error, "leave", "3", "say", "done", NULL));
  g_assert_no_error (error);
  g_assert_cmpstr (output, ==, "done\n");
  g_assert_cmpint (g_get_monotonic_time () - begun, <, 2 * G_USEC_PER_SEC);
}

static pid_t
spawn_sleeper (void)
{
  pid_t child = fork ();

  g_assert_cmpint (child, >=, 0);
  if (child == 0)
    {
      execl (self, self, "--child", "sleep", "60", NULL);
      _exit (99);
    }
  return child;
}

static void
test_identity (void)
{
  pid_t child = spawn_sleeper ();
  gint64 start = cpd_process_start_time (child);
  cpd_autofd int fd = cpd_process_open (child, start);
  siginfo_t info;

  g_assert_cmpint (start, >, 0);
  g_assert_cmpint (start, >=, cpd_process_start_time (getpid ()));
  g_assert_true (cpd_process_is (child, start));
  g_assert_false (cpd_process_is (child, start + 1));
  g_assert_false (cpd_process_is (child, 0));
  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (fcntl (fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
  g_assert_cmpint (cpd_process_open (child, start + 1), ==, -1);

  /* One that has ended but was not reaped is gone. */
  g_assert_true (cpd_process_signal (child, start, SIGKILL, NULL));
  g_assert_cmpint (waitid (P_PID, (id_t) child, &info, WEXITED | WNOWAIT), ==, 0);
  g_assert_false (cpd_process_is (child, start));
  g_assert_cmpint (cpd_process_open (child, start), ==, -1);
  g_assert_cmpint (waitpid (child, NULL, 0), ==, child);
  g_assert_cmpint (cpd_process_start_time (child), ==, 0);
}

static void
test_no_process (void)
{
  g_assert_cmpint (cpd_process_start_time (0), ==, 0);
  g_assert_cmpint (cpd_process_start_time (-1), ==, 0);
  g_assert_false (cpd_process_is (0, 0));
  g_assert_false (cpd_process_is (-1, 5));
  g_assert_cmpint (cpd_process_open (0, 0), ==, -1);
  g_assert_cmpint (cpd_process_open (-1, 1), ==, -1);
}

static void
test_signal (void)
{
  g_autoptr(GError) error = NULL;
  pid_t child = spawn_sleeper ();
  gint64 start = cpd_process_start_time (child);
  int status;

  /* Another process with its number is left alone. */
  g_assert_true (cpd_process_signal (child, start + 1, SIGKILL, &error));
  g_assert_no_error (error);
  g_assert_true (cpd_process_is (child, start));

  g_assert_false (cpd_process_signal (child, start, 1000, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_FAILED);
  g_clear_error (&error);

  g_assert_true (cpd_process_signal (child, start, SIGTERM, &error));
  g_assert_no_error (error);
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_cmpint (WTERMSIG (status), ==, SIGTERM);

  g_assert_true (cpd_process_signal (child, start, SIGTERM, &error));
  g_assert_no_error (error);
  g_assert_true (cpd_process_signal (0, 0, SIGKILL, &error));
  g_assert_no_error (error);
}

/* A name can hold anything, so the numbers come after its last parenthesis. */
static void
test_odd_name (void)
{
  pid_t child = fork ();
  int status;

  if (child == 0)
    {
      gint64 before = cpd_process_start_time (getpid ());
      int fd = open ("/proc/self/comm", O_WRONLY | O_CLOEXEC);

      if (!cpd_fs_write_all (fd, ") Z 1 (x", 8, NULL))
        _exit (2);
      _exit (before != 0 && cpd_process_start_time (getpid ()) == before ? 0 : 3);
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
}

static void
test_find (void)
{
  const char *const some[] = { "/nonexistent/true", "/usr", "/etc/passwd", "/bin/true", "/bin/false", NULL };
  const char *const none[] = { "/nonexistent/true", NULL };
  g_autofree char *found = cpd_process_find (some);

  g_assert_cmpstr (found, ==, "/bin/true");
  g_assert_null (cpd_process_find (none));
}

static void
test_unit (void)
{
  g_autofree char *unit = cpd_process_unit (getpid ());
  g_autofree char *none = cpd_process_unit (0);

  g_assert_nonnull (unit);
  g_assert_null (strchr (unit, '/'));
  g_assert_cmpstr (none, ==, "");
}

int
main (int argc, char **argv)
{
  if (argc > 1 && strcmp (argv[1], "--child") == 0)
    return child_main (argv + 2);

  self = g_file_read_link ("/proc/self/exe", NULL);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/process/run", test_run);
  g_test_add_func ("/process/run-environment", test_run_environment);
  g_test_add_func ("/process/run-fails", test_run_fails);
  g_test_add_func ("/process/run-timeout", test_run_timeout);
  g_test_add_func ("/process/run-much-output", test_run_much_output);
  g_test_add_func ("/process/run-leaves-child", test_run_leaves_child);
  g_test_add_func ("/process/identity", test_identity);
  g_test_add_func ("/process/no-process", test_no_process);
  g_test_add_func ("/process/signal", test_signal);
  g_test_add_func ("/process/odd-name", test_odd_name);
  g_test_add_func ("/process/find", test_find);
  g_test_add_func ("/process/unit", test_unit);
  return g_test_run ();
}
