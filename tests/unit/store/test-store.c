/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-store.h"

#include <sqlite3.h>
#include <string.h>

#include "store/cpd-statement.h"

#define VERSION_PREFIX "version-"

void
test_run_sql (const char *path, const char *sql)
{
  sqlite3 *db = NULL;
  char *message = NULL;

  g_assert_cmpint (sqlite3_open (path, &db), ==, SQLITE_OK);
  sqlite3_exec (db, sql, NULL, NULL, &message);
  g_assert_cmpstr (message, ==, NULL);
  sqlite3_close (db);
}

void
test_load_fixture (const char *name, const char *path)
{
  g_autofree char *source = g_build_filename (g_getenv ("CPOD_SOURCE"), "tests", "fixtures", name, NULL);
  g_autofree char *sql = NULL;
  g_autoptr(GError) error = NULL;

  g_file_get_contents (source, &sql, NULL, &error);
  g_assert_no_error (error);
  test_run_sql (path, sql);
}

/* The tables of an earlier version, with nothing in them. */
static void
make_old (const char *version, const char *path)
{
  g_autofree char *name = g_strdup_printf ("store-v%s.sql", version);

  test_load_fixture (name, path);
  test_run_sql (path, "PRAGMA foreign_keys = ON; DELETE FROM container_status; DELETE FROM container; DELETE FROM name;"
                      "DELETE FROM image_layer; DELETE FROM layer; DELETE FROM image_name; DELETE FROM image;"
                      "DELETE FROM exit_code; DELETE FROM event; DELETE FROM operation;"
                      "DELETE FROM meta WHERE key <> 'schema'; DELETE FROM sqlite_sequence");
}

static void
set_up (TestStore *test, gconstpointer kind)
{
  g_autoptr(GError) error = NULL;

  test->scratch = test_scratch_new ("64m");
  if (strcmp (kind, "memory") != 0)
    test->path = g_build_filename (test->scratch, "cpod.db", NULL);
  if (g_str_has_prefix (kind, VERSION_PREFIX))
    make_old ((const char *) kind + strlen (VERSION_PREFIX), test->path);
  test->store = cpd_store_open (test->path, &error);
  g_assert_no_error (error);
  test_add_image (test->store, TEST_IMAGE, "localhost/busybox:latest");
}

static void
tear_down (TestStore *test, gconstpointer kind)
{
  g_clear_pointer (&test->store, cpd_store_unref);
  g_free (test->path);
  test_scratch_free (test->scratch);
}

static void
add (const char *kind, const char *name, TestStoreFunc func)
{
  g_autofree char *path = g_strdup_printf ("/store/%s/%s", kind, name);

  g_test_add (path, TestStore, kind, set_up, func, tear_down);
}

void
test_store_add (const char *name, TestStoreFunc func)
{
  add ("file", name, func);
  add ("memory", name, func);
  for (int version = 1; version < cpd_schema_newest (); version++)
    {
      g_autofree char *kind = g_strdup_printf (VERSION_PREFIX "%d", version);

      add (g_intern_string (kind), name, func);
    }
}

void
test_store_add_file (const char *name, TestStoreFunc func)
{
  add ("file", name, func);
}

CpdTransaction *
test_begin (CpdStore *store)
{
  g_autoptr(GError) error = NULL;
  CpdTransaction *tx = cpd_store_begin (store, CPD_STORE_BOOT, &error);

  g_assert_no_error (error);
  return tx;
}

void
test_commit (CpdTransaction *tx)
{
  g_autoptr(GError) error = NULL;

  cpd_transaction_commit (tx, &error);
  g_assert_no_error (error);
  cpd_transaction_free (tx);
}

const char *
test_id (const char *prefix)
{
  g_autofree char *zeros = g_strnfill (64, '0');
  g_autofree char *filled = g_strconcat (prefix, zeros + MIN (strlen (prefix), 64), NULL);

  return g_intern_string (filled);
}

void
test_add_image (CpdStore *store, const char *id, const char *name)
{
  g_autofree char *digest = g_strconcat ("sha256:", id, NULL);
  const char *const layers[] = { digest, NULL };
  CpdLayerRow layer = {
    .chain_id = digest, .parent = (char *) "", .diff_id = digest, .digest = digest,
    .media_type = (char *) "application/vnd.oci.image.layer.v1.tar+gzip", .blob_size = 10, .size = 20,
    .link = (char *) id,
  };
  CpdImageRow image = {
    .id = (char *) id, .digest = digest, .manifest_size = 30, .config = (char *) "{}",
    .top_layer = digest, .size = 40, .created = 50,
  };
  CpdTransaction *tx = test_begin (store);

  g_assert_true (cpd_store_add_layer (tx, &layer, NULL));
  g_assert_true (cpd_store_add_image (tx, &image, layers, NULL));
  g_assert_true (name == NULL || cpd_store_tag_image (tx, name, id, NULL));
  test_commit (tx);
}

void
test_add_container (CpdStore *store, const char *id, const char *name, CpdContainerState state,
                    const char *labels)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *config = g_strdup_printf ("{\"labels\": %s}", labels != NULL ? labels : "{}");
  CpdContainerRow row = {
    .id = (char *) id, .name = (char *) name, .image = (char *) "busybox", .image_id = (char *) TEST_IMAGE,
    .created = 1000, .config = config, .status.state = state,
  };
  CpdTransaction *tx = test_begin (store);

  cpd_store_add_container (tx, &row, &error);
  g_assert_no_error (error);
  test_commit (tx);
}
