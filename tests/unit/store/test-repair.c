/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-store.h"

#include <string.h>
#include <unistd.h>

#include "store/cpd-store-repair.h"

/* A database in a file that is opened again and again, and its backups. */

static char *
backups (TestStore *test)
{
  return g_build_filename (test->scratch, "backup", NULL);
}

static guint64
add_event (TestStore *test)
{
  CpdTransaction *tx = test_begin (test->store);

  g_assert_true (cpd_store_add_event (tx, "system", "sync", "", "", NULL, CPD_CALLER_SELF, NULL));
  test_commit (tx);
  return cpd_store_last_event (test->store);
}

static void
add_backup (TestStore *test)
{
  g_autofree char *directory = backups (test);
  g_autoptr(GError) error = NULL;

  cpd_store_backup (test->path, directory, &error);
  g_assert_no_error (error);
}

static void
reopen (TestStore *test, CpdStoreRepair *repair)
{
  g_autofree char *directory = backups (test);
  g_autoptr(GError) error = NULL;

  g_clear_pointer (&test->store, cpd_store_unref);
  cpd_store_repair_clear (repair);
  memset (repair, 0, sizeof *repair);
  test->store = cpd_store_open_repairing (test->path, directory, repair, &error);
  g_assert_no_error (error);
}

static void
break_file (TestStore *test, const char *path)
{
  g_clear_pointer (&test->store, cpd_store_unref);
  g_assert_true (g_file_set_contents (path, "this is no database, is it?", -1, NULL));
}

static gboolean
has_container (TestStore *test, const char *name)
{
  g_autofree char *id = cpd_store_find_container (test->store, name, NULL, NULL);

  return id != NULL;
}

static void
test_whole (TestStore *test, gconstpointer kind)
{
  g_auto(CpdStoreRepair) repair = { 0 };

  add_event (test);
  reopen (test, &repair);
  g_assert_cmpint (repair.condition, ==, CPD_STORE_WHOLE);
  g_assert_null (repair.reason);
  g_assert_null (repair.aside);
  g_assert_false (repair.unfinished);
  g_assert_false (repair.upgraded);
}

static void
test_restore (TestStore *test, gconstpointer kind)
{
  g_auto(CpdStoreRepair) repair = { 0 };
  g_autoptr(GError) error = NULL;
  g_autofree char *broken = NULL;
  guint64 last;

  test_add_container (test->store, test_id ("a"), "first", CPD_CONTAINER_CONFIGURED, NULL);
  add_event (test);
  add_backup (test);
  test_add_container (test->store, test_id ("b"), "second", CPD_CONTAINER_CONFIGURED, NULL);
  last = add_event (test);
  break_file (test, test->path);

  reopen (test, &repair);
  g_assert_cmpint (repair.condition, ==, CPD_STORE_RESTORED);
  g_assert_nonnull (repair.reason);
  g_assert_true (g_file_get_contents (repair.aside, &broken, NULL, NULL));
  g_assert_cmpstr (broken, ==, "this is no database, is it?");
  g_assert_cmpuint (repair.last_event, >, last);
  g_assert_true (has_container (test, "first"));
  g_assert_false (has_container (test, "second"));

  /* It is not done with before the caller says so. */
  reopen (test, &repair);
  g_assert_cmpint (repair.condition, ==, CPD_STORE_BEHIND);
  g_assert_true (cpd_store_end_repair (test->path, &error));
}

static void
test_events_go_on (TestStore *test, gconstpointer kind)
{
  g_auto(CpdStoreRepair) repair = { 0 };
  CpdEventQuery query = { 0 };
  guint64 last = 0, next;
  CpdTransaction *tx;
  gboolean gap;

  for (int i = 0; i < 5; i++)
    last = add_event (test);
  break_file (test, test->path);
  reopen (test, &repair);
  g_assert_cmpint (repair.condition, ==, CPD_STORE_ANEW);

  tx = test_begin (test->store);
  g_assert_true (cpd_store_skip_events (tx, repair.last_event, NULL));
  test_commit (tx);
  next = add_event (test);
  g_assert_cmpuint (next, ==, repair.last_event + 1);
  g_assert_cmpuint (next, >, last);
  query.since = last;
  g_ptr_array_unref (cpd_store_list_events (test->store, &query, NULL, &gap, NULL));
  g_assert_true (gap);
  query.since = next - 1;
  g_ptr_array_unref (cpd_store_list_events (test->store, &query, NULL, &gap, NULL));
  g_assert_false (gap);

  g_assert_true (cpd_store_end_repair (test->path, NULL));
  reopen (test, &repair);
  g_assert_cmpint (repair.condition, ==, CPD_STORE_WHOLE);
}

/* The newest backup may be damaged too. */
static void
test_damaged_backup (TestStore *test, gconstpointer kind)
{
  g_auto(CpdStoreRepair) repair = { 0 };
  g_autofree char *directory = backups (test);
  g_autoptr(GPtrArray) paths = NULL;

  test_add_container (test->store, test_id ("a"), "first", CPD_CONTAINER_CONFIGURED, NULL);
  add_backup (test);
  add_backup (test);
  paths = cpd_store_list_backups (directory, NULL);
  g_assert_cmpuint (paths->len, ==, 2);
  g_assert_cmpint (cpd_store_backup_time (paths->pdata[0]), >, cpd_store_backup_time (paths->pdata[1]));
  break_file (test, paths->pdata[0]);
  break_file (test, test->path);
  reopen (test, &repair);
  g_assert_cmpint (repair.condition, ==, CPD_STORE_RESTORED);
  g_assert_true (has_container (test, "first"));

  break_file (test, paths->pdata[1]);
  break_file (test, test->path);
  reopen (test, &repair);
  g_assert_cmpint (repair.condition, ==, CPD_STORE_ANEW);
  g_assert_false (has_container (test, "first"));
}

static void
test_two_backups (TestStore *test, gconstpointer kind)
{
  g_autofree char *directory = backups (test);
  g_autoptr(GPtrArray) before = NULL, after = NULL, names = NULL;
  g_autoptr(GDir) dir = NULL;
  guint files = 0;

  add_backup (test);
  add_backup (test);
  before = cpd_store_list_backups (directory, NULL);
  add_backup (test);
  after = cpd_store_list_backups (directory, NULL);
  g_assert_cmpuint (after->len, ==, 2);
  g_assert_cmpstr (after->pdata[1], ==, before->pdata[0]);
  g_assert_cmpint (cpd_store_backup_time ("cpod-1.db"), ==, 0);
  g_assert_cmpint (cpd_store_backup_time ("/x/cpod-00000000000000012.db"), ==, 12);
  dir = g_dir_open (directory, 0, NULL);
  while (g_dir_read_name (dir) != NULL)
    files++;
  g_assert_cmpuint (files, ==, 2);
}

/* The log was cut off: the database is sound, but older than the mark beside it. */
static void
test_behind (TestStore *test, gconstpointer kind)
{
  g_auto(CpdStoreRepair) repair = { 0 };
  g_autofree char *saved = NULL;
  gsize length;

  add_event (test);
  g_clear_pointer (&test->store, cpd_store_unref);
  g_assert_true (g_file_get_contents (test->path, &saved, &length, NULL));
  reopen (test, &repair);
  add_event (test);
  g_clear_pointer (&test->store, cpd_store_unref);
  g_assert_true (g_file_set_contents (test->path, saved, (gssize) length, NULL));

  reopen (test, &repair);
  g_assert_cmpint (repair.condition, ==, CPD_STORE_BEHIND);
  g_assert_null (repair.aside);
}

/* After a power cut what was not synced is gone: that is no damage, but its numbers were given out. */
static void
test_power_cut (TestStore *test, gconstpointer kind)
{
  g_auto(CpdStoreRepair) repair = { 0 };
  g_autofree char *saved = NULL;
  CpdEventQuery query = { 0 };
  gsize length;
  guint64 last;
  gboolean gap;
  CpdTransaction *tx;

  last = add_event (test);
  g_clear_pointer (&test->store, cpd_store_unref);
  g_assert_true (g_file_get_contents (test->path, &saved, &length, NULL));
  reopen (test, &repair);
  tx = cpd_store_begin (test->store, CPD_STORE_BOOT, NULL);
  g_assert_true (cpd_store_add_event (tx, "system", "sync", "", "", NULL, CPD_CALLER_SELF, NULL));
  test_commit (tx);
  g_clear_pointer (&test->store, cpd_store_unref);
  g_assert_true (g_file_set_contents (test->path, saved, (gssize) length, NULL));

  g_setenv ("CPOD_BOOT_ID", "00000000-0000-4000-8000-000000000002", TRUE);
  reopen (test, &repair);
  g_unsetenv ("CPOD_BOOT_ID");
  g_assert_cmpint (repair.condition, ==, CPD_STORE_WHOLE);
  g_assert_cmpuint (add_event (test), >, last + 1);
  query.since = last;
  g_ptr_array_unref (cpd_store_list_events (test->store, &query, NULL, &gap, NULL));
  g_assert_true (gap);
}

static void
test_condemned (TestStore *test, gconstpointer kind)
{
  g_auto(CpdStoreRepair) repair = { 0 };
  g_autoptr(GError) error = NULL;
  g_autofree char *condemned = g_strconcat (test->path, ".condemned", NULL);

  g_assert_null (cpd_store_check_whole (test->path, &error));
  g_assert_no_error (error);
  /* What was condemned is looked at without haste, and may turn out well. */
  g_assert_true (cpd_store_condemn (test->path, &error));
  reopen (test, &repair);
  g_assert_cmpint (repair.condition, ==, CPD_STORE_WHOLE);
  g_assert_false (g_file_test (condemned, G_FILE_TEST_EXISTS));

  break_file (test, test->path);
  g_assert_true (cpd_store_condemn (test->path, &error));
  reopen (test, &repair);
  g_assert_cmpint (repair.condition, ==, CPD_STORE_ANEW);
  g_assert_false (g_file_test (condemned, G_FILE_TEST_EXISTS));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_scratch_init ();
  test_store_add_file ("repair/whole", test_whole);
  test_store_add_file ("repair/restore", test_restore);
  test_store_add_file ("repair/events-go-on", test_events_go_on);
  test_store_add_file ("repair/damaged-backup", test_damaged_backup);
  test_store_add_file ("repair/two-backups", test_two_backups);
  test_store_add_file ("repair/behind", test_behind);
  test_store_add_file ("repair/power-cut", test_power_cut);
  test_store_add_file ("repair/condemned", test_condemned);
  return g_test_run ();
}
