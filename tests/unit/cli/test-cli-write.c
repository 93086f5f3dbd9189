/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli-write.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <unistd.h>

#define MUCH (1024 * 1024)      /* more than a pipe takes at once */

static gpointer
read_all (gpointer data)
{
  const int fd = GPOINTER_TO_INT (data);
  GByteArray *bytes = g_byte_array_new ();
  guint8 buffer[4096];
  gssize n;

  while ((n = read (fd, buffer, sizeof buffer)) > 0)
    g_byte_array_append (bytes, buffer, n);
  close (fd);
  return bytes;
}

/* Whoever reads is slower, and the descriptor does not wait. */
static void
test_waits (void)
{
  g_autofree char *data = g_malloc (MUCH);
  g_autoptr(GByteArray) bytes = NULL;
  GThread *reader;
  int ends[2];

  for (gsize i = 0; i < MUCH; i++)
    data[i] = (char) (i * 7 >> 3);
  g_assert_true (g_unix_open_pipe (ends, FD_CLOEXEC, NULL));
  g_assert_true (g_unix_set_fd_nonblocking (ends[1], TRUE, NULL));
  reader = g_thread_new ("reader", read_all, GINT_TO_POINTER (ends[0]));
  g_assert_true (cli_write_all (ends[1], data, MUCH));
  close (ends[1]);
  bytes = g_thread_join (reader);
  g_assert_cmpmem (bytes->data, bytes->len, data, MUCH);
}

static void
test_fails (void)
{
  int ends[2];

  g_assert_true (g_unix_open_pipe (ends, FD_CLOEXEC, NULL));
  g_assert_true (cli_write_all (ends[1], NULL, 0));
  close (ends[0]);
  g_assert_false (cli_write_all (ends[1], "x", 1));
  g_assert_cmpint (errno, ==, EPIPE);
  close (ends[1]);
}

int
main (int    argc,
      char **argv)
{
  signal (SIGPIPE, SIG_IGN);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cli/write/waits", test_waits);
  g_test_add_func ("/cli/write/fails", test_fails);
  return g_test_run ();
}
