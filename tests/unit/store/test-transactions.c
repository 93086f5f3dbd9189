/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "store/cpd-statement.h"
#include "test-store.h"

static void
assert_meta (CpdStore *store, const char *key, const char *expected)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *value = cpd_store_get_meta (store, key, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (value, ==, expected);
}

static void
set_meta (CpdStore *store, const char *key, const char *value)
{
  CpdTransaction *tx = test_begin (store);

  g_assert_true (cpd_transaction_set_meta (tx, key, value, NULL));
  test_commit (tx);
}

static void
test_meta (TestStore *test, gconstpointer kind)
{
  assert_meta (test->store, "key", NULL);
  set_meta (test->store, "key", "one");
  assert_meta (test->store, "key", "one");
  set_meta (test->store, "key", "");
  assert_meta (test->store, "key", "");
}

/* Both kinds of durability, in turns: what was committed is there. */
static void
test_durability (TestStore *test, gconstpointer kind)
{
  for (int i = 0; i < 6; i++)
    {
      g_autofree char *value = g_strdup_printf ("%d", i);
      g_autoptr(CpdTransaction) tx =
        cpd_store_begin (test->store, i % 3 == 0 ? CPD_STORE_DURABLE : CPD_STORE_BOOT, NULL);

      g_assert_true (cpd_transaction_set_meta (tx, "key", value, NULL));
      g_assert_true (cpd_transaction_commit (tx, NULL));
      assert_meta (test->store, "key", value);
    }
}

static void
test_rollback (TestStore *test, gconstpointer kind)
{
  gint64 number;
  CpdTransaction *tx;
  g_autoptr(GPtrArray) operations = NULL;

  set_meta (test->store, "key", "before");
  tx = test_begin (test->store);
  g_assert_true (cpd_transaction_set_meta (tx, "key", "lost", NULL));
  g_assert_true (cpd_transaction_set_meta (tx, "other", "lost", NULL));
  g_assert_true (cpd_store_add_operation (tx, "create", "x", NULL, &number, NULL));
  cpd_transaction_free (tx);
  assert_meta (test->store, "key", "before");
  assert_meta (test->store, "other", NULL);
  operations = cpd_store_list_operations (test->store, NULL);
  g_assert_cmpuint (operations->len, ==, 0);
}

/* A statement that fails undoes itself alone; the transaction can go on. */
static void
test_failed_statement (TestStore *test, gconstpointer kind)
{
  CpdTransaction *tx;

  test_add_container (test->store, test_id ("a"), "web", CPD_CONTAINER_RUNNING, NULL);
  test_add_container (test->store, test_id ("b"), "db", CPD_CONTAINER_RUNNING, NULL);
  tx = test_begin (test->store);
  g_assert_true (cpd_transaction_set_meta (tx, "key", "kept", NULL));
  g_assert_false (cpd_store_rename_container (tx, test_id ("a"), "db", NULL));
  test_commit (tx);
  assert_meta (test->store, "key", "kept");
}

static void
test_nested_begin (TestStore *test, gconstpointer kind)
{
  g_autoptr(GError) error = NULL;
  CpdTransaction *tx = test_begin (test->store);

  g_assert_true (cpd_transaction_set_meta (tx, "key", "outer", NULL));
  g_assert_null (cpd_store_begin (test->store, CPD_STORE_BOOT, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_STORE_FAILED);
  test_commit (tx);
  assert_meta (test->store, "key", "outer");
  set_meta (test->store, "key", "next");
}

/* The same statement used again while its rows are read. */
static void
test_nested_statements (TestStore *test, gconstpointer kind)
{
  const char *sql = "SELECT key FROM meta WHERE key LIKE 'k%' ORDER BY key";
  guint seen = 0;

  set_meta (test->store, "k1", "");
  set_meta (test->store, "k2", "");
  set_meta (test->store, "k3", "");
  for (int round = 0; round < 3; round++)
    {
      g_autoptr(CpdStatement) outer = cpd_store_prepare (test->store, sql, NULL);

      while (cpd_statement_next (outer, NULL))
        {
          g_autoptr(CpdStatement) inner = cpd_store_prepare (test->store, sql, NULL);

          while (cpd_statement_next (inner, NULL))
            seen++;
          assert_meta (test->store, cpd_statement_peek_text (outer, 0), "");
        }
    }
  g_assert_cmpuint (seen, ==, 27);
}

static void
test_bad_sql (TestStore *test, gconstpointer kind)
{
  g_autoptr(GError) error = NULL;

  g_assert_null (cpd_store_prepare (test->store, "SELECT nonsense FROM nowhere", &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_STORE_FAILED);
  g_assert_nonnull (strstr (error->message, "nowhere"));
  assert_meta (test->store, "key", NULL);       /* nobody holds the lock */
}

static void
test_operations (TestStore *test, gconstpointer kind)
{
  gint64 first, second, third;
  g_autoptr(GPtrArray) rows = NULL, left = NULL;
  CpdTransaction *tx = test_begin (test->store);
  CpdOperationRow *row;

  g_assert_true (cpd_store_add_operation (tx, "create", "x", NULL, &first, NULL));
  g_assert_true (cpd_store_add_operation (tx, "remove", "y", "{\"a\":1}", &second, NULL));
  g_assert_true (cpd_store_add_operation (tx, "remove", "y", NULL, &third, NULL));
  test_commit (tx);
  rows = cpd_store_list_operations (test->store, NULL);
  g_assert_cmpuint (rows->len, ==, 3);
  row = rows->pdata[0];
  g_assert_cmpint (row->number, ==, first);
  g_assert_cmpstr (row->kind, ==, "create");
  g_assert_cmpstr (row->payload, ==, "");
  row = rows->pdata[1];
  g_assert_cmpstr (row->object, ==, "y");
  g_assert_cmpstr (row->payload, ==, "{\"a\":1}");

  tx = test_begin (test->store);
  g_assert_true (cpd_store_delete_operation (tx, first, NULL));
  g_assert_true (cpd_store_delete_operations (tx, "remove", "x", NULL));
  test_commit (tx);
  tx = test_begin (test->store);
  g_assert_true (cpd_store_delete_operations (tx, "remove", "y", NULL));
  g_assert_true (cpd_store_add_operation (tx, "init", "z", NULL, &first, NULL));
  test_commit (tx);
  left = cpd_store_list_operations (test->store, NULL);
  g_assert_cmpuint (left->len, ==, 1);
  g_assert_cmpint (first, >, third);    /* a number is not used again */
}

typedef struct
{
  CpdStore *store;
  GString *calls;
  GThread *thread;
} Commits;

static void
on_commit (GPtrArray *changed, gpointer data)
{
  Commits *commits = data;

  g_string_append_c (commits->calls, '[');
  for (guint i = 0; i < changed->len; i++)
    {
      g_autoptr(CpdContainerRow) row = cpd_store_get_container (commits->store, changed->pdata[i], NULL);

      g_string_append_printf (commits->calls, "%.1s=%s ", (char *) changed->pdata[i], row != NULL ? row->name : "-");
    }
  g_string_append_c (commits->calls, ']');
  commits->thread = g_thread_self ();
}

/* Told after each commit, when all can read what it changed, and of nothing that was rolled back. */
static void
test_commit_func (TestStore *test, gconstpointer kind)
{
  g_autoptr(GString) calls = g_string_new (NULL);
  Commits commits = { test->store, calls, NULL };
  CpdContainerStatus status = { .state = CPD_CONTAINER_EXITED };
  CpdTransaction *tx;

  test_add_container (test->store, test_id ("a"), "one", CPD_CONTAINER_RUNNING, NULL);
  cpd_store_set_commit_func (test->store, on_commit, &commits);
  test_add_container (test->store, test_id ("b"), "two", CPD_CONTAINER_RUNNING, NULL);
  tx = test_begin (test->store);
  g_assert_true (cpd_store_rename_container (tx, test_id ("a"), "lost", NULL));
  cpd_transaction_free (tx);
  tx = test_begin (test->store);
  g_assert_true (cpd_store_rename_container (tx, test_id ("a"), "uno", NULL));
  g_assert_true (cpd_store_set_container_status (tx, test_id ("b"), &status, NULL));
  test_commit (tx);
  tx = test_begin (test->store);
  g_assert_true (cpd_store_delete_container (tx, test_id ("b"), NULL));
  test_commit (tx);
  set_meta (test->store, "key", "value");
  g_assert_cmpstr (calls->str, ==, "[b=two ][a=uno b=two ][b=- ][]");
  g_assert_true (commits.thread == g_thread_self ());

  cpd_store_set_commit_func (test->store, NULL, NULL);
  set_meta (test->store, "key", "other");
  g_assert_true (g_str_has_suffix (calls->str, "[]"));
}

/* A transaction may outlive who else holds the store. */
static void
test_references (TestStore *test, gconstpointer kind)
{
  CpdStore *store = cpd_store_open (NULL, NULL);
  CpdTransaction *tx = test_begin (store);

  cpd_store_unref (cpd_store_ref (store));
  cpd_store_unref (store);
  g_assert_true (cpd_transaction_set_meta (tx, "key", "value", NULL));
  test_commit (tx);
}

/* One that could not be deleted when it was over is over all the same, and goes with the next transaction. */
static void
test_ended_operation (TestStore *test, gconstpointer kind)
{
  g_autoptr(GPtrArray) before = NULL, after = NULL;
  g_autoptr(CpdTransaction) undone = NULL;
  CpdTransaction *tx = test_begin (test->store);
  gint64 first, second;

  g_assert_true (cpd_store_add_operation (tx, "create", test_id ("a"), NULL, &first, NULL));
  g_assert_true (cpd_store_add_operation (tx, "create", test_id ("b"), NULL, &second, NULL));
  test_commit (tx);
  cpd_store_note_ended (test->store, first);
  before = cpd_store_list_operations (test->store, NULL);
  g_assert_cmpuint (before->len, ==, 1);
  g_assert_cmpint (((CpdOperationRow *) before->pdata[0])->number, ==, second);
  undone = test_begin (test->store);
  g_clear_pointer (&undone, cpd_transaction_free);
  g_assert_true (cpd_store_is_ended (test->store, first));
  cpd_store_end_operation (test->store, second);
  g_assert_false (cpd_store_is_ended (test->store, first));
  after = cpd_store_list_operations (test->store, NULL);
  g_assert_cmpuint (after->len, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_scratch_init ();
  test_store_add ("transactions/meta", test_meta);
  test_store_add ("transactions/durability", test_durability);
  test_store_add ("transactions/rollback", test_rollback);
  test_store_add ("transactions/failed-statement", test_failed_statement);
  test_store_add ("transactions/nested-begin", test_nested_begin);
  test_store_add ("transactions/nested-statements", test_nested_statements);
  test_store_add ("transactions/bad-sql", test_bad_sql);
  test_store_add ("transactions/operations", test_operations);
  test_store_add ("transactions/commit-func", test_commit_func);
  test_store_add ("transactions/references", test_references);
  test_store_add ("transactions/A22/ended-operation", test_ended_operation);
  return g_test_run ();
}
