/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "store/cpd-store-execs.h"
#include "test-store.h"

#define CONTAINER test_id ("c1")
#define OTHER test_id ("c2")

static void
add_containers (TestStore *test)
{
  test_add_container (test->store, CONTAINER, "one", CPD_CONTAINER_RUNNING, NULL);
  test_add_container (test->store, OTHER, "other", CPD_CONTAINER_RUNNING, NULL);
}

static void
add (TestStore *test, const char *id, const char *container_id, gint64 created, gboolean auto_remove)
{
  g_autoptr(GError) error = NULL;
  CpdTransaction *tx = test_begin (test->store);
  CpdExecRow row = {
    .id = (char *) id, .container_id = (char *) container_id, .created = created, .auto_remove = auto_remove,
    .config = (char *) "{\"args\": [\"true\"]}",
  };

  g_assert_true (cpd_store_add_exec (tx, &row, &error));
  g_assert_no_error (error);
  test_commit (tx);
}

static void
set_state (TestStore *test, const char *id, CpdExecState state, int exit_code, gint64 finished)
{
  g_autoptr(GError) error = NULL;
  CpdTransaction *tx = test_begin (test->store);
  CpdExecStatus status = { .state = state, .pid = 10, .pid_start = 11, .monitor_pid = 12, .monitor_start = 13,
                           .exit_code = exit_code, .started = 100, .finished = finished };

  g_assert_true (cpd_store_set_exec_status (tx, id, &status, &error));
  g_assert_no_error (error);
  test_commit (tx);
}

static void
assert_list (TestStore *test, const char *container_id, gboolean running_only, const char *expected)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) rows = cpd_store_list_execs (test->store, container_id, running_only, &error);
  g_autoptr(GString) text = g_string_new (NULL);

  g_assert_no_error (error);
  for (guint i = 0; i < rows->len; i++)
    {
      const CpdExecRow *row = rows->pdata[i];

      g_string_append_printf (text, "%.2s %s,", row->id, cpd_exec_state_to_string (row->status.state));
    }
  g_assert_cmpstr (text->str, ==, expected);
}

static void
test_life (TestStore *test, gconstpointer kind)
{
  g_autoptr(CpdExecRow) row = NULL;

  add_containers (test);
  add (test, test_id ("e1"), CONTAINER, 42, TRUE);
  set_state (test, test_id ("e1"), CPD_EXEC_RUNNING, 0, 0);
  row = cpd_store_get_exec (test->store, test_id ("e1"), NULL);
  g_assert_cmpstr (row->container_id, ==, CONTAINER);
  g_assert_cmpstr (row->config, ==, "{\"args\": [\"true\"]}");
  g_assert_cmpint (row->created, ==, 42);
  g_assert_true (row->auto_remove);
  g_assert_cmpint (row->status.state, ==, CPD_EXEC_RUNNING);
  g_assert_cmpint (row->status.pid, ==, 10);
  g_assert_cmpint (row->status.pid_start, ==, 11);
  g_assert_cmpint (row->status.monitor_pid, ==, 12);
  g_assert_cmpint (row->status.monitor_start, ==, 13);
  g_assert_cmpint (row->status.started, ==, 100);
}

static void
test_list (TestStore *test, gconstpointer kind)
{
  add_containers (test);
  add (test, test_id ("e2"), CONTAINER, 1, FALSE);
  add (test, test_id ("e1"), CONTAINER, 2, FALSE);
  add (test, test_id ("e3"), OTHER, 3, FALSE);
  set_state (test, test_id ("e1"), CPD_EXEC_RUNNING, 0, 0);
  set_state (test, test_id ("e3"), CPD_EXEC_STOPPED, 3, 200);
  assert_list (test, CONTAINER, FALSE, "e2 created,e1 running,");
  assert_list (test, CONTAINER, TRUE, "e1 running,");
  assert_list (test, OTHER, TRUE, "");
  assert_list (test, NULL, FALSE, "e2 created,e1 running,e3 stopped,");
  assert_list (test, NULL, TRUE, "e1 running,");
}

static void
assert_found (TestStore *test, const char *text, const char *expected, CpodError code)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *id = cpd_store_find_exec (test->store, text, &error);

  g_assert_cmpstr (id, ==, expected);
  if (expected == NULL)
    g_assert_error (error, CPOD_ERROR, (int) code);
  else
    g_assert_no_error (error);
}

static void
test_find (TestStore *test, gconstpointer kind)
{
  add_containers (test);
  add (test, test_id ("e1"), CONTAINER, 1, FALSE);
  add (test, test_id ("e2"), CONTAINER, 1, FALSE);
  assert_found (test, test_id ("e1"), test_id ("e1"), 0);
  assert_found (test, "e1", test_id ("e1"), 0);
  assert_found (test, "e", NULL, CPOD_ERROR_AMBIGUOUS_NAME);
  assert_found (test, "f", NULL, CPOD_ERROR_NO_SUCH_EXEC_SESSION);
  assert_found (test, "%", NULL, CPOD_ERROR_NO_SUCH_EXEC_SESSION);
  assert_found (test, "_", NULL, CPOD_ERROR_NO_SUCH_EXEC_SESSION);
  assert_found (test, "", NULL, CPOD_ERROR_NO_SUCH_EXEC_SESSION);
  assert_found (test, CONTAINER, NULL, CPOD_ERROR_NO_SUCH_EXEC_SESSION);
}

static void
delete (TestStore *test, const char *id)
{
  CpdTransaction *tx = test_begin (test->store);

  g_assert_true (cpd_store_delete_exec (tx, id, NULL));
  test_commit (tx);
}

/* An exit code outlives its session, but only if there is one. */
static void
test_delete (TestStore *test, gconstpointer kind)
{
  int exit_code = 0;

  add_containers (test);
  add (test, test_id ("e1"), CONTAINER, 1, FALSE);
  add (test, test_id ("e2"), CONTAINER, 1, FALSE);
  set_state (test, test_id ("e1"), CPD_EXEC_STOPPED, 7, 200);
  delete (test, test_id ("e1"));
  delete (test, test_id ("e2"));
  assert_list (test, NULL, FALSE, "");
  g_assert_true (cpd_store_get_exit_code (test->store, test_id ("e1"), &exit_code));
  g_assert_cmpint (exit_code, ==, 7);
  g_assert_false (cpd_store_get_exit_code (test->store, test_id ("e2"), &exit_code));
}

static void
on_commit (GPtrArray *changed, gpointer data)
{
  GString *text = data;

  for (guint i = 0; i < changed->len; i++)
    g_string_append_printf (text, "%.2s,", (const char *) changed->pdata[i]);
}

/* They go with it, exit codes stay, and who waits for any of them is told. */
static void
test_container_goes (TestStore *test, gconstpointer kind)
{
  g_autoptr(GString) changed = g_string_new (NULL);
  CpdTransaction *tx;
  int exit_code = 0;

  add_containers (test);
  add (test, test_id ("e1"), CONTAINER, 1, FALSE);
  add (test, test_id ("e2"), CONTAINER, 2, FALSE);
  add (test, test_id ("e3"), OTHER, 3, FALSE);
  set_state (test, test_id ("e1"), CPD_EXEC_STOPPED, 7, 200);
  cpd_store_set_commit_func (test->store, on_commit, changed);
  tx = test_begin (test->store);
  g_assert_true (cpd_store_delete_container (tx, CONTAINER, NULL));
  test_commit (tx);
  cpd_store_set_commit_func (test->store, NULL, NULL);
  assert_list (test, NULL, FALSE, "e3 created,");
  g_assert_true (cpd_store_get_exit_code (test->store, test_id ("e1"), &exit_code));
  g_assert_cmpint (exit_code, ==, 7);
  g_assert_false (cpd_store_get_exit_code (test->store, test_id ("e2"), &exit_code));
  g_assert_nonnull (strstr (changed->str, "e1,"));
  g_assert_nonnull (strstr (changed->str, "e2,"));
  g_assert_null (strstr (changed->str, "e3,"));
}

static void
test_old_and_all (TestStore *test, gconstpointer kind)
{
  CpdTransaction *tx;

  add_containers (test);
  add (test, test_id ("e1"), CONTAINER, 1, FALSE);
  add (test, test_id ("e2"), CONTAINER, 2, FALSE);
  add (test, test_id ("e3"), OTHER, 3, FALSE);
  set_state (test, test_id ("e1"), CPD_EXEC_STOPPED, 0, 200);
  set_state (test, test_id ("e2"), CPD_EXEC_STOPPED, 0, 201);
  tx = test_begin (test->store);
  g_assert_true (cpd_store_delete_old_execs (tx, 200, NULL));
  test_commit (tx);
  assert_list (test, NULL, FALSE, "e2 stopped,e3 created,");
  tx = test_begin (test->store);
  g_assert_true (cpd_store_delete_all_execs (tx, NULL));
  test_commit (tx);
  assert_list (test, NULL, FALSE, "");
}

static void
test_errors (TestStore *test, gconstpointer kind)
{
  CpdExecRow lonely = { .id = (char *) test_id ("e1"), .container_id = (char *) test_id ("d"), .config = (char *) "{}" };
  CpdExecStatus status = { .state = CPD_EXEC_RUNNING };
  g_autoptr(GError) no_container = NULL, no_status = NULL, no_row = NULL, no_exec = NULL;
  CpdTransaction *tx = test_begin (test->store);

  g_assert_false (cpd_store_add_exec (tx, &lonely, &no_container));
  g_assert_error (no_container, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER);
  g_assert_false (cpd_store_set_exec_status (tx, test_id ("e1"), &status, &no_status));
  g_assert_error (no_status, CPOD_ERROR, CPOD_ERROR_NO_SUCH_EXEC_SESSION);
  g_assert_false (cpd_store_delete_exec (tx, test_id ("e1"), &no_row));
  g_assert_error (no_row, CPOD_ERROR, CPOD_ERROR_NO_SUCH_EXEC_SESSION);
  cpd_transaction_free (tx);
  g_assert_null (cpd_store_get_exec (test->store, test_id ("e1"), &no_exec));
  g_assert_error (no_exec, CPOD_ERROR, CPOD_ERROR_NO_SUCH_EXEC_SESSION);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_store_add ("execs/life", test_life);
  test_store_add ("execs/list", test_list);
  test_store_add ("execs/find", test_find);
  test_store_add ("execs/delete", test_delete);
  test_store_add ("execs/container-goes", test_container_goes);
  test_store_add ("execs/old-and-all", test_old_and_all);
  test_store_add ("execs/errors", test_errors);
  return g_test_run ();
}
