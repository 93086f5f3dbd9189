/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sqlite3.h>
#include <string.h>

#include "store/cpd-statement.h"
#include "store/cpd-store-execs.h"
#include "store/cpd-store-mounts.h"
#include "test-store.h"

static sqlite3 *
open_raw (const char *path)
{
  sqlite3 *db = NULL;

  g_assert_cmpint (sqlite3_open (path, &db), ==, SQLITE_OK);
  return db;
}

/* All rows of a query, fields separated by '|', rows by line ends. */
static char *
query_raw (const char *path, const char *sql)
{
  sqlite3 *db = open_raw (path);
  sqlite3_stmt *stmt = NULL;
  GString *text = g_string_new (NULL);

  g_assert_cmpint (sqlite3_prepare_v2 (db, sql, -1, &stmt, NULL), ==, SQLITE_OK);
  while (sqlite3_step (stmt) == SQLITE_ROW)
    {
      for (int i = 0; i < sqlite3_column_count (stmt); i++)
        g_string_append_printf (text, "%s|", (const char *) sqlite3_column_text (stmt, i));
      g_string_append_c (text, '\n');
    }
  sqlite3_finalize (stmt);
  sqlite3_close (db);
  return g_string_free (text, FALSE);
}

#define SCHEMA "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"

static char *
load_fixture (TestStore *test, int version)
{
  g_autofree char *name = g_strdup_printf ("store-v%d.sql", version);
  char *path = g_build_filename (test->scratch, name, NULL);

  test_load_fixture (name, path);
  return path;
}

static void
test_fresh (TestStore *test, gconstpointer kind)
{
  g_autofree char *version = query_raw (test->path, "PRAGMA user_version");
  g_autofree char *mode = query_raw (test->path, "PRAGMA journal_mode");

  g_assert_cmpstr (version, ==, "6|\n");
  g_assert_cmpstr (mode, ==, "wal|\n");
}

/* What the fixtures of all versions have. */
static void
assert_common (CpdStore *store)
{
  g_autofree char *id = cpd_store_find_container (store, "quiet_otter", NULL, NULL);
  g_autofree char *boot_id = cpd_store_get_meta (store, "boot-id", NULL);
  g_autoptr(CpdContainerRow) row = cpd_store_get_container (store, id, NULL);
  g_autoptr(CpdImageRow) image = cpd_store_get_image_by_name (store, "localhost/busybox:latest", NULL);
  g_autoptr(GPtrArray) layers = cpd_store_list_image_layers (store, image->id, NULL);
  g_autoptr(GPtrArray) operations = cpd_store_list_operations (store, NULL);
  CpdEventQuery all = { 0 };
  g_autoptr(GPtrArray) events = cpd_store_list_events (store, &all, NULL, NULL, NULL);
  int exit_code = 0;

  g_assert_cmpint (row->status.state, ==, CPD_CONTAINER_EXITED);
  g_assert_cmpint (row->status.exit_code, ==, 3);
  g_assert_cmpint (row->created, ==, G_GINT64_CONSTANT (1700000000000001));
  g_assert_cmpstr (row->namespace, ==, "");
  g_assert_null (row->depends[0]);
  g_assert_cmpstr (row->image_id, ==, image->id);
  g_assert_cmpuint (cpd_store_count_image_users (store, image->id), ==, 2);
  g_assert_cmpuint (layers->len, ==, 2);
  g_assert_cmpuint (operations->len, ==, 1);
  g_assert_cmpuint (events->len, ==, 3);
  g_assert_true (cpd_store_get_exit_code (store, test_id ("dead"), &exit_code));
  g_assert_cmpint (exit_code, ==, 137);
  g_assert_cmpstr (boot_id, ==, "11111111-2222-3333-4444-555555555555");
}

static CpdStore *
open_fixture (TestStore *test, int version, char **path)
{
  g_autoptr(GError) error = NULL;
  CpdStore *store;

  *path = load_fixture (test, version);
  store = cpd_store_open (*path, &error);
  g_assert_no_error (error);
  return store;
}

/* An old database opens, has what it had, and takes more. */
static void
test_old_versions (TestStore *test, gconstpointer kind)
{
  for (int version = 1; version < cpd_schema_newest (); version++)
    {
      g_autofree char *path = NULL, *lonely = NULL;
      g_autoptr(CpdStore) store = open_fixture (test, version, &path);

      assert_common (store);
      lonely = query_raw (path, "PRAGMA foreign_key_check");
      g_assert_cmpstr (lonely, ==, "");
      test_add_image (store, TEST_IMAGE, "new");
      test_add_container (store, test_id ("f00"), "new", CPD_CONTAINER_RUNNING, NULL);
      g_assert_cmpuint (cpd_store_count_containers (store, FALSE), ==, 3);
    }
}

static void
test_version_1 (TestStore *test, gconstpointer kind)
{
  g_autofree char *path = NULL;
  g_autoptr(CpdStore) store = open_fixture (test, 1, &path);
  g_autoptr(CpdContainerRow) row = cpd_store_get_container (store, test_id ("decade"), NULL);

  g_assert_cmpuint (row->status.restarts, ==, 0);
  g_assert_false (row->status.stopped_by_user);
}

/* The table of containers was made anew: nothing of a row is lost, and no number is used twice. */
static void
test_version_2 (TestStore *test, gconstpointer kind)
{
  g_autofree char *path = NULL, *numbers = NULL;
  g_autoptr(CpdStore) store = open_fixture (test, 2, &path);
  g_autoptr(CpdContainerRow) running = cpd_store_get_container (store, test_id ("decade"), NULL);
  g_autoptr(CpdContainerRow) stopped = cpd_store_get_container (store, test_id ("c0ffee"), NULL);

  g_assert_cmpuint (running->status.restarts, ==, 4);
  g_assert_cmpint (running->status.pid, ==, 4242);
  g_assert_cmpuint (running->owner_uid, ==, 1000);
  g_assert_true (running->auto_remove);
  g_assert_nonnull (strstr (running->config, "\"exit 3\""));
  g_assert_true (stopped->status.stopped_by_user);
  test_add_image (store, TEST_IMAGE, "new");
  test_add_container (store, test_id ("f00"), "new", CPD_CONTAINER_RUNNING, NULL);
  numbers = query_raw (path, "SELECT number FROM container ORDER BY number");
  g_assert_cmpstr (numbers, ==, "1|\n3|\n10|\n");
}

/* Namespaces and dependencies stay, and mounts can be counted. */
static void
test_version_3 (TestStore *test, gconstpointer kind)
{
  g_autofree char *path = NULL;
  g_autoptr(CpdStore) store = open_fixture (test, 3, &path);
  g_autoptr(CpdContainerRow) web = cpd_store_get_container (store, test_id ("decade"), NULL);
  g_autoptr(GPtrArray) mounts = cpd_store_list_mounts (store, NULL);
  CpdTransaction *tx;
  guint count;

  g_assert_cmpstr (web->namespace, ==, "shop");
  g_assert_cmpstr (web->depends[0], ==, test_id ("c0ffee"));
  g_assert_cmpuint (mounts->len, ==, 0);
  tx = test_begin (store);
  g_assert_true (cpd_store_set_mounts (tx, test_id ("decade"), 2, NULL));
  test_commit (tx);
  g_assert_true (cpd_store_get_mounts (store, test_id ("decade"), &count, NULL));
  g_assert_cmpuint (count, ==, 2);
}

/* There is room for exec sessions. */
static void
test_version_4 (TestStore *test, gconstpointer kind)
{
  g_autofree char *path = NULL;
  g_autoptr(CpdStore) store = open_fixture (test, 4, &path);
  CpdExecRow exec = { .id = (char *) test_id ("e"), .container_id = (char *) test_id ("decade"), .config = (char *) "{}" };
  g_autoptr(GPtrArray) execs = NULL;
  CpdTransaction *tx = test_begin (store);

  g_assert_true (cpd_store_add_exec (tx, &exec, NULL));
  test_commit (tx);
  execs = cpd_store_list_execs (store, test_id ("decade"), FALSE, NULL);
  g_assert_cmpuint (execs->len, ==, 1);
}

/* Events of before have no labels, whatever their containers have. */
static void
test_version_5 (TestStore *test, gconstpointer kind)
{
  g_autofree char *path = NULL;
  g_autoptr(CpdStore) store = open_fixture (test, 5, &path);
  g_autoptr(CpdContainerRow) web = cpd_store_get_container (store, test_id ("decade"), NULL);
  g_autoptr(GPtrArray) execs = cpd_store_list_execs (store, test_id ("decade"), FALSE, NULL);
  CpdEventQuery query = { .since = 2 };
  g_autoptr(GPtrArray) before = cpd_store_list_events (store, &query, NULL, NULL, NULL);
  g_autoptr(GPtrArray) after = NULL;
  CpdTransaction *tx = test_begin (store);

  g_assert_cmpuint (execs->len, ==, 1);
  g_assert_cmpuint (before->len, ==, 1);
  g_assert_cmpuint (g_variant_n_children (((CpdEventRow *) before->pdata[0])->labels), ==, 0);
  g_assert_true (cpd_store_add_event (tx, "container", "start", web->id, web->name, NULL, CPD_CALLER_SELF, NULL));
  test_commit (tx);
  query.since = 3;
  after = cpd_store_list_events (store, &query, NULL, NULL, NULL);
  g_assert_cmpuint (g_variant_n_children (((CpdEventRow *) after->pdata[0])->labels), ==, 1);
}

/* Whatever version one comes from, one ends up with the same tables. */
static void
test_same_schema (TestStore *test, gconstpointer kind)
{
  g_autofree char *fresh = NULL;

  g_clear_pointer (&test->store, cpd_store_unref);
  fresh = query_raw (test->path, SCHEMA);
  g_assert_nonnull (strstr (fresh, "container_status"));
  for (int version = 1; version < cpd_schema_newest (); version++)
    {
      g_autofree char *path = NULL, *upgraded = NULL;
      CpdStore *store = open_fixture (test, version, &path);

      cpd_store_unref (store);
      upgraded = query_raw (path, SCHEMA);
      g_assert_cmpstr (upgraded, ==, fresh);
    }
}

/* What refers to a row is watched again once the schema is new. */
static void
test_foreign_keys (TestStore *test, gconstpointer kind)
{
  g_autofree char *path = NULL, *lonely = NULL;
  g_autoptr(CpdStore) store = open_fixture (test, 1, &path);
  CpdTransaction *tx = test_begin (store);

  g_assert_true (cpd_store_delete_container (tx, test_id ("decade"), NULL));
  test_commit (tx);
  lonely = query_raw (path, "SELECT number FROM container_status");
  g_assert_cmpstr (lonely, ==, "1|\n");
}

/* Opens the database at PATH, which a newer version has written: that fails, and changes no byte. */
static void
assert_too_new (TestStore *test, const char *path)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *before = NULL, *after = NULL;
  g_autofree char *shm = g_strconcat (path, "-shm", NULL);
  gsize before_length, after_length;

  g_assert_true (g_file_get_contents (path, &before, &before_length, NULL));
  g_assert_null (cpd_store_open (path, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_STORE_TOO_NEW);
  g_assert_nonnull (strstr (error->message, path));
  g_assert_nonnull (strstr (error->message, "99"));
  g_assert_true (g_file_get_contents (path, &after, &after_length, NULL));
  g_assert_cmpmem (before, before_length, after, after_length);
  g_assert_false (g_file_test (shm, G_FILE_TEST_EXISTS));
}

static void
test_newer (TestStore *test, gconstpointer kind)
{
  g_clear_pointer (&test->store, cpd_store_unref);
  test_run_sql (test->path, "CREATE TABLE pod (id TEXT); PRAGMA user_version = 99");
  assert_too_new (test, test->path);
}

static void
test_newer_other_journal (TestStore *test, gconstpointer kind)
{
  g_autofree char *path = g_build_filename (test->scratch, "newer.db", NULL);

  test_run_sql (path, "CREATE TABLE pod (id TEXT); PRAGMA user_version = 99");
  assert_too_new (test, path);
}

/* A schema that cannot be made leaves nothing half-made. */
static void
test_upgrade_fails (TestStore *test, gconstpointer kind)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *path = g_build_filename (test->scratch, "odd.db", NULL);
  g_autofree char *names = NULL;

  test_run_sql (path, "CREATE TABLE operation (x)");
  g_assert_null (cpd_store_open (path, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_STORE_FAILED);
  g_assert_nonnull (strstr (error->message, "failed to bring the schema to version 1: "));
  names = query_raw (path, "SELECT name FROM sqlite_schema");
  g_assert_cmpstr (names, ==, "operation|\n");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_scratch_init ();
  test_store_add_file ("A09/schema/fresh", test_fresh);
  test_store_add_file ("A09/schema/old-versions", test_old_versions);
  test_store_add_file ("schema/version-1", test_version_1);
  test_store_add_file ("schema/version-2", test_version_2);
  test_store_add_file ("schema/version-3", test_version_3);
  test_store_add_file ("schema/version-4", test_version_4);
  test_store_add_file ("schema/version-5", test_version_5);
  test_store_add_file ("schema/foreign-keys", test_foreign_keys);
  test_store_add_file ("schema/same-schema", test_same_schema);
  test_store_add_file ("schema/newer", test_newer);
  test_store_add_file ("schema/newer-other-journal", test_newer_other_journal);
  test_store_add_file ("schema/upgrade-fails", test_upgrade_fails);
  return g_test_run ();
}
