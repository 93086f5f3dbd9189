/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-child.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "public/cpod-error.h"

static const char *const env[] = { "PATH=/usr/bin:/bin", "WORD=hello", NULL };

static CpdChild *
run (const char *script, const int *fds, gsize n_fds, gboolean with_output)
{
  const char *argv[] = { "/bin/sh", "-c", script, NULL };
  g_autoptr(GError) error = NULL;
  CpdChild *child = cpd_child_new (argv, env, fds, n_fds, with_output, &error);

  g_assert_no_error (error);
  return child;
}

static void
test_output (void)
{
  g_autoptr(CpdChild) child = run ("echo \"$WORD\"; echo aside >&2; cat", NULL, 0, TRUE);
  g_autoptr(CpdChild) mixed = run ("echo one; echo two >&2; exit 3", NULL, 0, FALSE);
  g_autoptr(GString) output = g_string_new (NULL);
  g_autoptr(GError) error = NULL;
  g_autofree char *said = NULL;

  g_assert_true (cpd_child_wait (child, output, 1000, 0, NULL, NULL, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (output->str, ==, "hello\n");
  said = cpd_child_said (child);
  g_assert_cmpstr (said, ==, "aside");
  g_assert_false (cpd_child_wait (mixed, NULL, 0, 0, NULL, NULL, NULL, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_FAILED);
  g_assert_cmpstr (error->message, ==, "sh failed: one\ntwo");
}

static void
test_descriptors (void)
{
  cpd_autofd int first = memfd_create ("first", MFD_CLOEXEC), second = memfd_create ("second", MFD_CLOEXEC);
  int fds[] = { first, second };
  g_autoptr(CpdChild) child = NULL;
  g_autoptr(GString) output = g_string_new (NULL);
  g_autoptr(GError) error = NULL;

  g_assert_true (cpd_fs_write_all (first, "first", 5, NULL) && cpd_fs_write_all (second, "second", 6, NULL));
  child = run ("cat /proc/self/fd/3 /proc/self/fd/4", fds, 2, TRUE);
  g_assert_true (cpd_child_wait (child, output, 1000, 0, NULL, NULL, NULL, &error));
  g_assert_cmpstr (output->str, ==, "firstsecond");
}

static void
test_too_much (void)
{
  g_autoptr(CpdChild) child = run ("while :; do echo x; done", NULL, 0, TRUE);
  g_autoptr(GString) output = g_string_new (NULL);
  g_autoptr(GError) error = NULL;

  g_assert_false (cpd_child_wait (child, output, 1000, 0, NULL, NULL, NULL, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_FAILED);
  g_assert_cmpuint (output->len, <=, 1000);
}

static void
note (guint64 written, gpointer user_data)
{
  *(guint64 *) user_data = written;
}

static void
test_silence (void)
{
  g_autoptr(CpdChild) silent = run ("exec sleep 1000", NULL, 0, TRUE);
  /* Two seconds of it, but never one of nothing. */
  g_autoptr(CpdChild) busy = run ("for i in 1 2 3 4 5 6 7 8; do sleep 0.25; echo x >&2; done", NULL, 0, TRUE);
  g_autoptr(GError) error = NULL;
  guint64 written = 0;

  g_assert_false (cpd_child_wait (silent, NULL, 0, 1, NULL, NULL, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_assert_true (cpd_child_wait (busy, NULL, 0, 30, note, &written, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (written, >, 0);
}

static gpointer
cancel (gpointer cancellable)
{
  g_usleep (50 * 1000);
  g_cancellable_cancel (cancellable);
  return NULL;
}

static void
test_cancel (void)
{
  g_autoptr(CpdChild) child = run ("exec sleep 1000", NULL, 0, TRUE);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;
  GThread *thread = g_thread_new ("cancel", cancel, cancellable);

  g_assert_false (cpd_child_wait (child, NULL, 0, 0, NULL, NULL, cancellable, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_CANCELLED);
  g_thread_join (thread);
  g_assert_false (cpd_child_wait_brief (child, 0));
}

static void
test_missing (void)
{
  const char *argv[] = { "/nonexistent/program", NULL };
  g_autoptr(GError) error = NULL;

  g_assert_null (cpd_child_new (argv, env, NULL, 0, TRUE, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "/nonexistent/program"));
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/common/child/output", test_output);
  g_test_add_func ("/common/child/descriptors", test_descriptors);
  g_test_add_func ("/common/child/too-much", test_too_much);
  g_test_add_func ("/common/child/silence", test_silence);
  g_test_add_func ("/common/child/cancel", test_cancel);
  g_test_add_func ("/common/child/missing", test_missing);
  return g_test_run ();
}
