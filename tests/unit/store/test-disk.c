/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "test-store.h"

/* Takes what is free on the disk of PATH; gives the file that has it. */
static char *
fill_disk (const char *path)
{
  char *filler = g_build_filename (path, "filler", NULL);
  cpd_autofd int fd = open (filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  static const char zeros[65536];

  while (write (fd, zeros, sizeof zeros) > 0)
    continue;
  return filler;
}

static gboolean
write_much (CpdStore *store, GError **error)
{
  g_autofree char *value = g_strnfill (4 << 20, 'x');
  g_autoptr(CpdTransaction) tx = cpd_store_begin (store, CPD_STORE_DURABLE, error);

  return tx != NULL
         && cpd_store_add_event (tx, "container", "create", "", "", NULL, CPD_CALLER_SELF, error)
         && cpd_transaction_set_meta (tx, "big", value, error)
         && cpd_transaction_commit (tx, error);
}

static void
test_full (TestStore *test, gconstpointer kind)
{
  g_autoptr(GError) error = NULL, again = NULL;
  g_autofree char *filler = NULL, *value = NULL;
  CpdEventQuery all = { 0 };
  g_autoptr(GPtrArray) events = NULL;

  test_add_container (test->store, test_id ("a"), "web", CPD_CONTAINER_RUNNING, NULL);
  filler = fill_disk (test->scratch);
  g_assert_false (write_much (test->store, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_DISK_FULL);
  g_assert_false (write_much (test->store, &again));
  g_assert_error (again, CPOD_ERROR, CPOD_ERROR_DISK_FULL);
  /* What was there can still be read. */
  g_assert_cmpuint (cpd_store_count_containers (test->store, FALSE), ==, 1);

  g_assert_cmpint (unlink (filler), ==, 0);
  g_assert_true (write_much (test->store, NULL));
  events = cpd_store_list_events (test->store, &all, NULL, NULL, NULL);
  g_assert_cmpuint (events->len, ==, 1);
  g_assert_cmpuint (((CpdEventRow *) events->pdata[0])->seq, ==, 1);
  value = cpd_store_get_meta (test->store, "big", NULL);
  g_assert_cmpuint (strlen (value), ==, 4 << 20);
}

/* It is all there for who opens the file next. */
static void
test_reopen (TestStore *test, gconstpointer kind)
{
  g_autofree char *id = NULL;

  test_add_container (test->store, test_id ("a"), "web", CPD_CONTAINER_RUNNING, NULL);
  g_clear_pointer (&test->store, cpd_store_unref);
  test->store = cpd_store_open (test->path, NULL);
  id = cpd_store_find_container (test->store, "web", NULL, NULL);
  g_assert_cmpstr (id, ==, test_id ("a"));
}

typedef struct
{
  CpdStore *store;
  GMutex mutex;
  GCond changed;
  guint found;
  gboolean done;
} Reader;

static gpointer
read_in_thread (gpointer data)
{
  Reader *reader = data;
  guint found = cpd_store_count_containers (reader->store, FALSE);

  g_mutex_lock (&reader->mutex);
  reader->found = found;
  reader->done = TRUE;
  g_cond_signal (&reader->changed);
  g_mutex_unlock (&reader->mutex);
  return NULL;
}

/* How many containers another thread sees; it must not take longer than 5 s. */
static guint
count_in_thread (CpdStore *store)
{
  Reader reader = { .store = store };
  gint64 deadline = g_get_monotonic_time () + 5 * G_USEC_PER_SEC;
  GThread *thread;

  g_mutex_init (&reader.mutex);
  g_cond_init (&reader.changed);
  thread = g_thread_new ("reader", read_in_thread, &reader);
  g_mutex_lock (&reader.mutex);
  while (!reader.done)
    g_assert_true (g_cond_wait_until (&reader.changed, &reader.mutex, deadline));
  g_mutex_unlock (&reader.mutex);
  g_thread_join (thread);
  g_cond_clear (&reader.changed);
  g_mutex_clear (&reader.mutex);
  return reader.found;
}

static void
test_readers_go_on (TestStore *test, gconstpointer kind)
{
  CpdContainerRow row = {
    .id = (char *) test_id ("b"), .name = (char *) "new", .image = (char *) "busybox",
    .image_id = (char *) TEST_IMAGE, .config = (char *) "{}",
  };
  CpdTransaction *tx;

  test_add_container (test->store, test_id ("a"), "web", CPD_CONTAINER_RUNNING, NULL);
  tx = test_begin (test->store);
  g_assert_true (cpd_store_add_container (tx, &row, NULL));
  g_assert_cmpuint (count_in_thread (test->store), ==, 1);
  test_commit (tx);
  g_assert_cmpuint (count_in_thread (test->store), ==, 2);
}

static gpointer
begin_in_thread (gpointer data)
{
  TestStore *test = data;
  CpdTransaction *tx = test_begin (test->store);
  g_autofree char *value = cpd_store_get_meta (test->store, "key", NULL);

  test_commit (tx);
  return g_steal_pointer (&value);
}

/* A second writer waits for the first to end. */
static void
test_writers_wait (TestStore *test, gconstpointer kind)
{
  CpdTransaction *tx = test_begin (test->store);
  GThread *thread = g_thread_new ("writer", begin_in_thread, test);
  g_autofree char *seen = NULL;

  g_usleep (50 * 1000);
  g_assert_true (cpd_transaction_set_meta (tx, "key", "first", NULL));
  test_commit (tx);
  seen = g_thread_join (thread);
  g_assert_cmpstr (seen, ==, "first");
}

/* What cannot be opened is named, and left as it is. */
static void
test_open_fails (TestStore *test, gconstpointer kind)
{
  g_autoptr(GError) missing = NULL, directory = NULL, damaged = NULL;
  g_autofree char *nowhere = g_build_filename (test->scratch, "missing", "cpod.db", NULL);
  g_autofree char *text = g_build_filename (test->scratch, "text", NULL);
  g_autofree char *filled = g_strnfill (8192, 'x');
  g_autofree char *after = NULL;

  g_assert_null (cpd_store_open (nowhere, &missing));
  g_assert_error (missing, CPOD_ERROR, CPOD_ERROR_STORE_FAILED);
  g_assert_nonnull (strstr (missing->message, nowhere));
  g_assert_null (cpd_store_open (test->scratch, &directory));
  g_assert_error (directory, CPOD_ERROR, CPOD_ERROR_STORE_FAILED);

  g_assert_true (g_file_set_contents (text, filled, -1, NULL));
  g_assert_null (cpd_store_open (text, &damaged));
  g_assert_error (damaged, CPOD_ERROR, CPOD_ERROR_STORE_FAILED);
  g_assert_nonnull (strstr (damaged->message, text));
  g_assert_true (g_file_get_contents (text, &after, NULL, NULL));
  g_assert_cmpstr (after, ==, filled);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_scratch_init ();
  test_store_add_file ("disk/full", test_full);
  test_store_add_file ("disk/reopen", test_reopen);
  test_store_add_file ("disk/readers-go-on", test_readers_go_on);
  test_store_add ("disk/writers-wait", test_writers_wait);
  test_store_add_file ("disk/open-fails", test_open_fails);
  return g_test_run ();
}
