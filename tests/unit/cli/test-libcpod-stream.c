/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libcpod/cpod.h"

static CpodStream *
make_stream (int *other)
{
  g_autoptr(GError) error = NULL;
  CpodStream *stream;
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), ==, 0);
  *other = fds[1];
  stream = cpod_stream_new (fds[0], &error);
  g_assert_no_error (error);
  return stream;
}

static void
assert_read (CpodStream   *stream,
             CpodStreamId  expected_id,
             const char   *expected)
{
  g_autoptr(GError) error = NULL;
  CpodStreamId id;
  g_autoptr(GBytes) data = cpod_stream_read_sync (stream, &id, NULL, &error);

  g_assert_no_error (error);
  g_assert_nonnull (data);
  g_assert_cmpint (id, ==, expected_id);
  g_assert_cmpmem (g_bytes_get_data (data, NULL), g_bytes_get_size (data), expected, strlen (expected));
}

static void
test_read (void)
{
  int other;
  g_autoptr(CpodStream) stream = make_stream (&other);
  g_autoptr(GError) error = NULL;
  CpodStreamId id;

  g_assert_cmpint (send (other, "\002out", 4, 0), ==, 4);
  g_assert_cmpint (send (other, "\003err", 4, 0), ==, 4);
  close (other);
  assert_read (stream, CPOD_STREAM_ID_STDOUT, "out");
  assert_read (stream, CPOD_STREAM_ID_STDERR, "err");
  g_assert_null (cpod_stream_read_sync (stream, &id, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (id, ==, CPOD_STREAM_ID_NONE);
}

static void
keep_result (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

static void
test_read_async (void)
{
  int other;
  g_autoptr(CpodStream) stream = make_stream (&other);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) data = NULL;
  CpodStreamId id;

  cpod_stream_read (stream, NULL, keep_result, &result);
  g_assert_false (g_main_context_iteration (NULL, FALSE));
  g_assert_cmpint (send (other, "\003x", 2, 0), ==, 2);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);

  data = cpod_stream_read_finish (stream, result, &id, &error);
  g_assert_no_error (error);
  g_assert_cmpint (id, ==, CPOD_STREAM_ID_STDERR);
  g_assert_cmpuint (g_bytes_get_size (data), ==, 1);
  close (other);
}

/* The monitor takes at most 32 KiB at a time. */
static void
test_write (void)
{
  int other;
  g_autoptr(CpodStream) stream = make_stream (&other);
  g_autoptr(GError) error = NULL;
  g_autofree char *text = g_strnfill (70000, 'x');
  g_autoptr(GBytes) data = g_bytes_new (text, 70000);
  g_autofree char *packet = g_malloc (100000);
  gssize total = 0;
  gssize n;

  g_assert_true (cpod_stream_write_sync (stream, data, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (cpod_stream_close_input (stream, &error));
  while ((n = recv (other, packet, 100000, 0)) > 0)
    {
      g_assert_cmpint (n, <=, 32000);
      total += n;
    }

  g_assert_cmpint (total, ==, 70000);
  close (other);
}

static void
test_cancel (void)
{
  int other;
  g_autoptr(CpodStream) stream = make_stream (&other);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  CpodStreamId id;

  cpod_stream_read (stream, cancellable, keep_result, &result);
  g_cancellable_cancel (cancellable);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);

  g_assert_null (cpod_stream_read_finish (stream, result, &id, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  close (other);
}

static void
test_bad_descriptor (void)
{
  g_autoptr(GError) error = NULL;
  int fds[2];

  g_assert_true (g_unix_open_pipe (fds, FD_CLOEXEC, NULL));
  g_assert_null (cpod_stream_new (fds[0], &error));
  g_assert_nonnull (error);
  close (fds[0]);
  close (fds[1]);
}

static void
assert_text (const CpodLogLine *line,
             const char        *expected)
{
  GBytes *text = cpod_log_line_get_text (line);

  g_assert_cmpmem (g_bytes_get_data (text, NULL), g_bytes_get_size (text), expected, strlen (expected));
}

static void
test_log_reader (void)
{
  static const char log[] = "2026-11-21T22:25:45.263050141+00:00 stdout P a b\n"
                            "2026-11-21T22:25:45.263050142+00:00 stderr F \n"
                            "nonsense\n";
  g_autoptr(CpodLogReader) reader = NULL;
  g_autoptr(CpodLogLine) first = NULL;
  g_autoptr(CpodLogLine) second = NULL;
  g_autoptr(GError) error = NULL;
  int fds[2];

  g_assert_true (g_unix_open_pipe (fds, FD_CLOEXEC, NULL));
  g_assert_cmpint (write (fds[1], log, strlen (log)), ==, (gssize) strlen (log));
  close (fds[1]);
  reader = cpod_log_reader_new (fds[0]);

  first = cpod_log_reader_read_sync (reader, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (cpod_log_line_get_timestamp (first), ==, "2026-11-21T22:25:45.263050141+00:00");
  g_assert_cmpint (cpod_log_line_get_stream (first), ==, CPOD_STREAM_ID_STDOUT);
  g_assert_true (cpod_log_line_is_partial (first));
  assert_text (first, "a b");

  second = cpod_log_reader_read_sync (reader, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (cpod_log_line_get_stream (second), ==, CPOD_STREAM_ID_STDERR);
  g_assert_false (cpod_log_line_is_partial (second));
  assert_text (second, "");

  g_assert_null (cpod_log_reader_read_sync (reader, NULL, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_null (cpod_log_reader_read_sync (reader, NULL, &error));
  g_assert_no_error (error);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/libcpod/stream/read", test_read);
  g_test_add_func ("/libcpod/stream/read-async", test_read_async);
  g_test_add_func ("/libcpod/stream/write", test_write);
  g_test_add_func ("/libcpod/stream/cancel", test_cancel);
  g_test_add_func ("/libcpod/stream/bad-descriptor", test_bad_descriptor);
  g_test_add_func ("/libcpod/log-reader", test_log_reader);
  return g_test_run ();
}
