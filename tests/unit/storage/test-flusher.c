/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <glib.h>
#include <unistd.h>

#include "public/cpod-error.h"
#include "storage/cpd-flusher.h"

#define MIB ((guint64) 1024 * 1024)
#define FD 4711                 /* whatever it is */

static gint n_syncs;
static gint failing;            /* which of them cannot be done; 0 for none */

/* Stands before that of the C library. */
int
syncfs (int fd)
{
  gint number = g_atomic_int_add (&n_syncs, 1) + 1;

  g_assert_cmpint (fd, ==, FD);
  if (number != failing)
    return 0;
  errno = EIO;
  return -1;
}

static void
reset (gint number)
{
  g_atomic_int_set (&n_syncs, 0);
  failing = number;
}

static void
wait_for_syncs (gint number)
{
  while (g_atomic_int_get (&n_syncs) < number)
    g_usleep (1000);
}

/* It begins while the work goes on, and ends with one sync more. */
static void
test_finish (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CpdFlusher) flusher = NULL;

  reset (0);
  flusher = cpd_flusher_new (FD, &error);
  g_assert_no_error (error);
  for (gint i = 1; i <= 5; i++)
    {
      cpd_flusher_advance (flusher, (guint64) i * 100 * MIB);
      cpd_flusher_advance (flusher, (guint64) i * 100 * MIB + 1);       /* too little to count */
      wait_for_syncs (i);
    }
  cpd_flusher_finish (flusher, &error);
  g_assert_no_error (error);
  g_assert_cmpint (n_syncs, ==, 6);
}

/* The kernel tells a failure once: what came before the end must be told at the end. */
static void
test_failure (void)
{
  for (gint number = 1; number <= 2; number++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(CpdFlusher) flusher = NULL;

      reset (number);
      flusher = cpd_flusher_new (FD, NULL);
      cpd_flusher_advance (flusher, 100 * MIB);
      wait_for_syncs (1);
      g_assert_false (cpd_flusher_finish (flusher, &error));
      g_assert_error (error, CPOD_ERROR, CPOD_ERROR_FAILED);
    }
}

/* What is not wanted any more is not synced at the end. */
static void
test_given_up (void)
{
  CpdFlusher *flusher;

  reset (0);
  flusher = cpd_flusher_new (FD, NULL);
  cpd_flusher_free (flusher);
  g_assert_cmpint (n_syncs, ==, 0);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/storage/flusher/finish", test_finish);
  g_test_add_func ("/storage/flusher/failure", test_failure);
  g_test_add_func ("/storage/flusher/given-up", test_given_up);
  return g_test_run ();
}
