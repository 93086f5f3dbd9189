/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sqlite3.h>
#include <string.h>

#include "test-store.h"

static sqlite3 *
open_raw (const char *path)
{
  sqlite3 *db = NULL;

  g_assert_cmpint (sqlite3_open (path, &db), ==, SQLITE_OK);
  return db;
}

static void
run_raw (const char *path, const char *sql)
{
  sqlite3 *db = open_raw (path);
  char *message = NULL;

  sqlite3_exec (db, sql, NULL, NULL, &message);
  g_assert_cmpstr (message, ==, NULL);
  sqlite3_close (db);
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

/* A database as version 1 left it, from the fixture. */
static char *
load_fixture (TestStore *test, const char *name)
{
  g_autofree char *source = g_build_filename (g_getenv ("CPOD_SOURCE"), "tests", "fixtures", name, NULL);
  g_autofree char *sql = NULL;
  g_autoptr(GError) error = NULL;
  char *path = g_build_filename (test->scratch, name, NULL);

  g_file_get_contents (source, &sql, NULL, &error);
  g_assert_no_error (error);
  run_raw (path, sql);
  return path;
}

static void
test_fresh (TestStore *test, gconstpointer kind)
{
  g_autofree char *version = query_raw (test->path, "PRAGMA user_version");
  g_autofree char *mode = query_raw (test->path, "PRAGMA journal_mode");

  g_assert_cmpstr (version, ==, "2|\n");
  g_assert_cmpstr (mode, ==, "wal|\n");
}

/* An old database opens, has what it had, and takes more. */
static void
test_version_1 (TestStore *test, gconstpointer kind)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *path = load_fixture (test, "store-v1.sql");
  g_autoptr(CpdStore) store = cpd_store_open (path, &error);
  g_autofree char *id = NULL, *boot_id = NULL;
  g_autoptr(CpdContainerRow) row = NULL;
  g_autoptr(CpdImageRow) image = NULL;
  g_autoptr(GPtrArray) layers = NULL, operations = NULL, events = NULL;
  CpdEventQuery all = { 0 };
  int exit_code = 0;

  g_assert_no_error (error);
  id = cpd_store_find_container (store, "quiet_otter", NULL);
  row = cpd_store_get_container (store, id, NULL);
  g_assert_cmpint (row->status.state, ==, CPD_CONTAINER_EXITED);
  g_assert_cmpint (row->status.exit_code, ==, 3);
  g_assert_cmpuint (row->status.restarts, ==, 0);
  g_assert_false (row->status.stopped_by_user);
  g_assert_cmpint (row->created, ==, G_GINT64_CONSTANT (1700000000000001));
  image = cpd_store_get_image_by_name (store, "localhost/busybox:latest", NULL);
  g_assert_cmpstr (row->image_id, ==, image->id);
  g_assert_cmpuint (cpd_store_count_image_users (store, image->id), ==, 2);
  layers = cpd_store_list_image_layers (store, image->id, NULL);
  g_assert_cmpuint (layers->len, ==, 2);
  operations = cpd_store_list_operations (store, NULL);
  g_assert_cmpuint (operations->len, ==, 1);
  events = cpd_store_list_events (store, &all, NULL, NULL, NULL);
  g_assert_cmpuint (events->len, ==, 3);
  g_assert_true (cpd_store_get_exit_code (store, test_id ("dead"), &exit_code));
  g_assert_cmpint (exit_code, ==, 137);
  boot_id = cpd_store_get_meta (store, "boot-id", NULL);
  g_assert_cmpstr (boot_id, ==, "11111111-2222-3333-4444-555555555555");

  test_add_image (store, TEST_IMAGE, "new");
  test_add_container (store, test_id ("f00"), "new", CPD_CONTAINER_RUNNING, NULL);
  g_assert_cmpuint (cpd_store_count_containers (store, FALSE), ==, 3);
}

/* Whatever version one comes from, one ends up with the same tables. */
static void
test_same_schema (TestStore *test, gconstpointer kind)
{
  g_autofree char *path = load_fixture (test, "store-v1.sql");
  CpdStore *store = cpd_store_open (path, NULL);
  g_autofree char *upgraded = NULL, *fresh = NULL;

  g_assert_nonnull (store);
  cpd_store_unref (store);
  g_clear_pointer (&test->store, cpd_store_unref);
  upgraded = query_raw (path, SCHEMA);
  fresh = query_raw (test->path, SCHEMA);
  g_assert_cmpstr (upgraded, ==, fresh);
  g_assert_nonnull (strstr (fresh, "container_status"));
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
  run_raw (test->path, "CREATE TABLE pod (id TEXT); PRAGMA user_version = 99");
  assert_too_new (test, test->path);
}

static void
test_newer_other_journal (TestStore *test, gconstpointer kind)
{
  g_autofree char *path = g_build_filename (test->scratch, "newer.db", NULL);

  run_raw (path, "CREATE TABLE pod (id TEXT); PRAGMA user_version = 99");
  assert_too_new (test, path);
}

/* A schema that cannot be made leaves nothing half-made. */
static void
test_upgrade_fails (TestStore *test, gconstpointer kind)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *path = g_build_filename (test->scratch, "odd.db", NULL);
  g_autofree char *names = NULL;

  run_raw (path, "CREATE TABLE operation (x)");
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
  test_store_add_file ("schema/fresh", test_fresh);
  test_store_add_file ("schema/version-1", test_version_1);
  test_store_add_file ("schema/same-schema", test_same_schema);
  test_store_add_file ("schema/newer", test_newer);
  test_store_add_file ("schema/newer-other-journal", test_newer_other_journal);
  test_store_add_file ("schema/upgrade-fails", test_upgrade_fails);
  return g_test_run ();
}
