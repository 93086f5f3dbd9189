/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-fault.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* What becomes of a process that passes "one", "two", "two", "three" with CPOD_FAULT=WANTED: its wait status. */
static int
run (const char *wanted)
{
  int status = -1;
  pid_t child = fork ();

  g_assert_cmpint (child, >=, 0);
  if (child == 0)
    {
      if (wanted != NULL)
        g_setenv ("CPOD_FAULT", wanted, TRUE);
      else
        g_unsetenv ("CPOD_FAULT");
      cpd_fault_point ("one");
      cpd_fault_point ("two");
      cpd_fault_point ("two");
      cpd_fault_point ("three");
      _exit (7);
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  return status;
}

static void
assert_survives (const char *wanted)
{
  int status = run (wanted);

  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 7);
}

static void
assert_dies (const char *wanted)
{
  int status = run (wanted);

  g_assert_true (WIFSIGNALED (status));
  g_assert_cmpint (WTERMSIG (status), ==, SIGKILL);
}

static void
test_unset (void)
{
  assert_survives (NULL);
}

static void
test_other_points (void)
{
  assert_survives ("four");
  assert_survives ("");
  assert_survives ("on");       /* part of a name is not the name */
  assert_survives ("one.more");
  assert_survives ("tw:2");
}

static void
test_named_point (void)
{
  assert_dies ("one");
  assert_dies ("two");
  assert_dies ("three");
}

static void
test_counted (void)
{
  assert_dies ("two:1");
  assert_dies ("two:2");
  assert_survives ("two:3");
  assert_survives ("one:2");    /* other points do not count */
}

/* The other side sees when the point is reached, and says when to go on. */
static void
test_halt (void)
{
  g_autofree char *directory = g_dir_make_tmp ("cpod-test-XXXXXX", NULL);
  g_autofree char *fifo = g_build_filename (directory, "fifo", NULL);
  g_autofree char *wanted = g_strconcat ("two:", fifo, NULL);
  int fd, status;
  pid_t pid;

  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  pid = fork ();
  if (pid == 0)
    {
      g_setenv ("CPOD_HALT", wanted, TRUE);
      cpd_fault_point ("one");
      cpd_fault_point ("tw");
      cpd_fault_point ("two");
      _exit (0);
    }
  fd = open (fifo, O_WRONLY | O_CLOEXEC);       /* waits for the reader */
  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (waitpid (pid, &status, WNOHANG), ==, 0);
  close (fd);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);
  unlink (fifo);
  rmdir (directory);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/fault/unset", test_unset);
  g_test_add_func ("/fault/other-points", test_other_points);
  g_test_add_func ("/fault/named-point", test_named_point);
  g_test_add_func ("/fault/counted", test_counted);
  g_test_add_func ("/fault/halt", test_halt);
  return g_test_run ();
}
