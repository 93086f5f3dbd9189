/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/cpd-store-mounts.h"
#include "test-store.h"

#include <string.h>

static void
assert_find_in (CpdStore *store, const char *text, const char *namespace, const char *id)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *found = cpd_store_find_container (store, text, namespace, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (found, ==, id);
}

static void
assert_find (CpdStore *store, const char *text, const char *id)
{
  assert_find_in (store, text, NULL, id);
}

/* WORDS, separated by blanks, are in the message. */
static void
assert_find_fails_in (CpdStore *store, const char *text, const char *namespace, CpodError code, const char *words)
{
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) list = g_strsplit (words, " ", -1);

  g_assert_null (cpd_store_find_container (store, text, namespace, &error));
  g_assert_error (error, CPOD_ERROR, (int) code);
  g_assert_nonnull (strstr (error->message, text));
  for (char **word = list; *word != NULL; word++)
    g_assert_nonnull (strstr (error->message, *word));
}

static void
assert_find_fails (CpdStore *store, const char *text, CpodError code)
{
  assert_find_fails_in (store, text, NULL, code, "");
}

static void
assert_status (const CpdContainerStatus *found, const CpdContainerStatus *expected)
{
  g_assert_cmpint (found->state, ==, expected->state);
  g_assert_cmpint (found->pid, ==, expected->pid);
  g_assert_cmpint (found->pid_start, ==, expected->pid_start);
  g_assert_cmpint (found->monitor_pid, ==, expected->monitor_pid);
  g_assert_cmpint (found->monitor_start, ==, expected->monitor_start);
  g_assert_cmpint (found->exit_code, ==, expected->exit_code);
  g_assert_cmpint (found->oom_killed, ==, expected->oom_killed);
  g_assert_cmpint (found->started, ==, expected->started);
  g_assert_cmpint (found->finished, ==, expected->finished);
}

static void
test_round_trip (TestStore *test, gconstpointer kind)
{
  g_autoptr(GError) error = NULL;
  CpdContainerRow row = {
    .id = (char *) test_id ("ab"), .name = (char *) "web", .image = (char *) "busybox:1",
    .image_id = (char *) TEST_IMAGE, .created = G_GINT64_CONSTANT (1700000000123456),
    .owner_uid = G_MAXUINT32, .auto_remove = TRUE, .config = (char *) "{\"args\": [\"ä\"]}",
    .status = {
      .state = CPD_CONTAINER_STOPPING, .pid = 4194304, .pid_start = G_GINT64_CONSTANT (1) << 40,
      .monitor_pid = 7, .monitor_start = 8, .exit_code = -1, .oom_killed = TRUE, .started = 9, .finished = 10,
    },
  };
  CpdTransaction *tx = test_begin (test->store);
  g_autoptr(CpdContainerRow) found = NULL;

  g_assert_true (cpd_store_add_container (tx, &row, &error));
  test_commit (tx);
  found = cpd_store_get_container (test->store, row.id, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (found->id, ==, row.id);
  g_assert_cmpstr (found->name, ==, row.name);
  g_assert_cmpstr (found->image, ==, row.image);
  g_assert_cmpstr (found->image_id, ==, row.image_id);
  g_assert_cmpstr (found->config, ==, row.config);
  g_assert_cmpint (found->created, ==, row.created);
  g_assert_cmpuint (found->owner_uid, ==, row.owner_uid);
  g_assert_true (found->auto_remove);
  assert_status (&found->status, &row.status);
}

static void
try_add (TestStore *test, const char *id, const char *name, const char *image_id, CpodError code,
         const char *named)
{
  g_autoptr(GError) error = NULL;
  CpdContainerRow row = {
    .id = (char *) id, .name = (char *) name, .image = (char *) "busybox", .image_id = (char *) image_id,
    .config = (char *) "{}",
  };
  g_autoptr(CpdTransaction) tx = test_begin (test->store);

  g_assert_false (cpd_store_add_container (tx, &row, &error));
  g_assert_error (error, CPOD_ERROR, (int) code);
  g_assert_nonnull (strstr (error->message, named));
}

static void
test_add_refused (TestStore *test, gconstpointer kind)
{
  test_add_container (test->store, test_id ("a"), "web", CPD_CONTAINER_CONFIGURED, NULL);
  try_add (test, test_id ("b"), "web", TEST_IMAGE, CPOD_ERROR_CONTAINER_EXISTS, "'web'");
  try_add (test, test_id ("a"), "other", TEST_IMAGE, CPOD_ERROR_CONTAINER_EXISTS, "");
  /* Its image was removed in the meantime. */
  try_add (test, test_id ("c"), "late", test_id ("9"), CPOD_ERROR_NO_SUCH_IMAGE, test_id ("9"));

  /* Nothing of that is left: neither rows nor names. */
  g_assert_cmpuint (cpd_store_count_containers (test->store, FALSE), ==, 1);
  assert_find (test->store, "web", test_id ("a"));
  test_add_container (test->store, test_id ("b"), "other", CPD_CONTAINER_CONFIGURED, NULL);
  test_add_container (test->store, test_id ("c"), "late", CPD_CONTAINER_CONFIGURED, NULL);
}

static void
test_rename (TestStore *test, gconstpointer kind)
{
  g_autoptr(GError) taken = NULL, missing = NULL;
  CpdTransaction *tx;

  test_add_container (test->store, test_id ("a"), "first", CPD_CONTAINER_RUNNING, NULL);
  test_add_container (test->store, test_id ("b"), "second", CPD_CONTAINER_RUNNING, NULL);

  tx = test_begin (test->store);
  g_assert_false (cpd_store_rename_container (tx, test_id ("a"), "second", &taken));
  g_assert_error (taken, CPOD_ERROR, CPOD_ERROR_CONTAINER_EXISTS);
  g_assert_nonnull (strstr (taken->message, "'second'"));
  g_assert_false (cpd_store_rename_container (tx, test_id ("c"), "third", &missing));
  g_assert_error (missing, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER);
  cpd_transaction_free (tx);

  tx = test_begin (test->store);
  g_assert_true (cpd_store_rename_container (tx, test_id ("a"), "third", NULL));
  g_assert_true (cpd_store_rename_container (tx, test_id ("b"), "first", NULL));
  test_commit (tx);
  assert_find (test->store, "third", test_id ("a"));
  assert_find (test->store, "first", test_id ("b"));
  assert_find_fails (test->store, "second", CPOD_ERROR_NO_SUCH_CONTAINER);
}

static void
test_status (TestStore *test, gconstpointer kind)
{
  g_autoptr(GError) error = NULL;
  CpdContainerStatus status = { .state = CPD_CONTAINER_EXITED, .exit_code = 137, .started = 5, .finished = 6 };
  g_autoptr(CpdContainerRow) row = NULL;
  CpdTransaction *tx;

  test_add_container (test->store, test_id ("a"), "one", CPD_CONTAINER_RUNNING, NULL);
  test_add_container (test->store, test_id ("b"), "two", CPD_CONTAINER_RUNNING, NULL);
  tx = test_begin (test->store);
  g_assert_true (cpd_store_set_container_status (tx, test_id ("a"), &status, NULL));
  test_commit (tx);
  row = cpd_store_get_container (test->store, test_id ("a"), NULL);
  assert_status (&row->status, &status);
  g_assert_cmpuint (cpd_store_count_containers (test->store, TRUE), ==, 1);

  tx = test_begin (test->store);
  g_assert_false (cpd_store_set_container_status (tx, test_id ("c"), &status, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER);
  cpd_transaction_free (tx);
}

static void
test_delete (TestStore *test, gconstpointer kind)
{
  g_autoptr(GError) error = NULL, gone = NULL;
  CpdContainerStatus status = { .state = CPD_CONTAINER_EXITED, .exit_code = 42 };
  CpdTransaction *tx;
  int exit_code = -5;

  test_add_container (test->store, test_id ("a"), "web", CPD_CONTAINER_RUNNING, NULL);
  tx = test_begin (test->store);
  g_assert_true (cpd_store_set_container_status (tx, test_id ("a"), &status, NULL));
  test_commit (tx);
  g_assert_false (cpd_store_get_exit_code (test->store, test_id ("a"), &exit_code));

  tx = test_begin (test->store);
  g_assert_true (cpd_store_delete_container (tx, test_id ("a"), NULL));
  test_commit (tx);
  g_assert_true (cpd_store_get_exit_code (test->store, test_id ("a"), &exit_code));
  g_assert_cmpint (exit_code, ==, 42);
  g_assert_null (cpd_store_get_container (test->store, test_id ("a"), &gone));
  g_assert_error (gone, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER);
  g_assert_cmpuint (cpd_store_count_containers (test->store, FALSE), ==, 0);

  tx = test_begin (test->store);
  g_assert_false (cpd_store_delete_container (tx, test_id ("a"), &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER);
  cpd_transaction_free (tx);
  g_assert_true (cpd_store_get_exit_code (test->store, test_id ("a"), &exit_code));
  /* Its name is free again. */
  test_add_container (test->store, test_id ("b"), "web", CPD_CONTAINER_RUNNING, NULL);
}

static void
test_find (TestStore *test, gconstpointer kind)
{
  g_autofree char *as_long_as_an_id = g_strdup (test_id ("abcd"));

  test_add_container (test->store, test_id ("abc1"), "web", CPD_CONTAINER_CONFIGURED, NULL);
  test_add_container (test->store, test_id ("abc2"), "web-2", CPD_CONTAINER_CONFIGURED, NULL);
  test_add_container (test->store, test_id ("f"), "abc", CPD_CONTAINER_CONFIGURED, NULL);
  test_add_container (test->store, test_id ("abcd"), "other", CPD_CONTAINER_CONFIGURED, NULL);

  assert_find (test->store, "web", test_id ("abc1"));
  assert_find (test->store, test_id ("abc2"), test_id ("abc2"));
  assert_find (test->store, "abc2", test_id ("abc2"));
  assert_find (test->store, "f", test_id ("f"));
  /* A name wins, though the ids of three begin with it. */
  assert_find (test->store, "abc", test_id ("f"));
  assert_find (test->store, as_long_as_an_id, test_id ("abcd"));
  assert_find_fails (test->store, "ab", CPOD_ERROR_AMBIGUOUS_NAME);
  assert_find_fails (test->store, "we", CPOD_ERROR_NO_SUCH_CONTAINER);
  assert_find_fails (test->store, "ABC1", CPOD_ERROR_NO_SUCH_CONTAINER);
  assert_find_fails (test->store, "abc3", CPOD_ERROR_NO_SUCH_CONTAINER);
  assert_find_fails (test->store, "", CPOD_ERROR_NO_SUCH_CONTAINER);
  assert_find_fails (test->store, "%", CPOD_ERROR_NO_SUCH_CONTAINER);
  assert_find_fails (test->store, "' OR 1 --", CPOD_ERROR_NO_SUCH_CONTAINER);
}

/* The name of one may be the whole id of another. */
static void
test_find_name_over_id (TestStore *test, gconstpointer kind)
{
  test_add_container (test->store, test_id ("abc1"), "web", CPD_CONTAINER_CONFIGURED, NULL);
  test_add_container (test->store, test_id ("abc2"), test_id ("abc1"), CPD_CONTAINER_CONFIGURED, NULL);
  assert_find (test->store, test_id ("abc1"), test_id ("abc2"));
  assert_find (test->store, "abc1", test_id ("abc1"));
}

static void
test_find_candidates (TestStore *test, gconstpointer kind)
{
  test_add_container (test->store, test_id ("abc1"), "web", CPD_CONTAINER_CONFIGURED, NULL);
  test_add_container (test->store, test_id ("abc2"), "web-2", CPD_CONTAINER_CONFIGURED, NULL);
  assert_find_fails_in (test->store, "abc", NULL, CPOD_ERROR_AMBIGUOUS_NAME, "abc100000000 (web) abc200000000 (web-2)");
  for (guint i = 0; i < 20; i++)
    {
      g_autofree char *prefix = g_strdup_printf ("abc3%02u", i), *name = g_strdup_printf ("c%u", i);

      test_add_container (test->store, test_id (prefix), name, CPD_CONTAINER_CONFIGURED, NULL);
    }
  assert_find_fails_in (test->store, "abc", NULL, CPOD_ERROR_AMBIGUOUS_NAME, "(c19) (c10), ...:");
}

static void
add_in (TestStore *test, const char *id, const char *name, const char *namespace)
{
  g_autoptr(GError) error = NULL;
  CpdContainerRow row = {
    .id = (char *) id, .name = (char *) name, .namespace = (char *) namespace, .image = (char *) "busybox",
    .image_id = (char *) TEST_IMAGE, .config = (char *) "{}",
  };
  CpdTransaction *tx = test_begin (test->store);

  cpd_store_add_container (tx, &row, &error);
  g_assert_no_error (error);
  test_commit (tx);
}

/* Names are unique in each namespace; "" sees all of them. */
static void
test_namespaces (TestStore *test, gconstpointer kind)
{
  g_autoptr(CpdContainerRow) row = NULL;
  g_autoptr(GError) error = NULL;
  CpdTransaction *tx;

  add_in (test, test_id ("abc1"), "web", "a");
  add_in (test, test_id ("abc2"), "web", "b");
  add_in (test, test_id ("abc3"), "db", "a");
  add_in (test, test_id ("f"), "plain", "");
  row = cpd_store_get_container (test->store, test_id ("abc1"), NULL);
  g_assert_cmpstr (row->namespace, ==, "a");

  assert_find_in (test->store, "web", "a", test_id ("abc1"));
  assert_find_in (test->store, "web", "b", test_id ("abc2"));
  assert_find_in (test->store, "abc2", "b", test_id ("abc2"));
  assert_find_in (test->store, "abc", "b", test_id ("abc2"));
  assert_find (test->store, "db", test_id ("abc3"));
  assert_find_fails_in (test->store, "web", NULL, CPOD_ERROR_AMBIGUOUS_NAME, "abc100000000 'a' abc200000000 'b'");
  assert_find_fails_in (test->store, "abc", "a", CPOD_ERROR_AMBIGUOUS_NAME, "abc100000000 abc300000000");
  assert_find_fails_in (test->store, "abc1", "b", CPOD_ERROR_NAMESPACE_MISMATCH, "'a' 'b'");
  assert_find_fails_in (test->store, test_id ("abc1"), "b", CPOD_ERROR_NAMESPACE_MISMATCH, "'a' 'b'");
  assert_find_fails_in (test->store, "f", "a", CPOD_ERROR_NAMESPACE_MISMATCH, "'' 'a'");
  assert_find_fails_in (test->store, "db", "b", CPOD_ERROR_NO_SUCH_CONTAINER, "'b'");
  assert_find_fails_in (test->store, "plain", "a", CPOD_ERROR_NO_SUCH_CONTAINER, "'a'");

  tx = test_begin (test->store);
  g_assert_true (cpd_store_rename_container (tx, test_id ("abc2"), "db", NULL));
  g_assert_false (cpd_store_rename_container (tx, test_id ("abc1"), "db", &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_CONTAINER_EXISTS);
  cpd_transaction_free (tx);
}

/* Mounts are counted for what has a row and for what has none, until they are forgotten. */
static void
test_mounts (TestStore *test, gconstpointer kind)
{
  g_autoptr(GPtrArray) rows = NULL, none = NULL;
  CpdTransaction *tx;
  guint count = 99;

  g_assert_true (cpd_store_get_mounts (test->store, test_id ("a"), &count, NULL));
  g_assert_cmpuint (count, ==, 0);
  tx = test_begin (test->store);
  g_assert_true (cpd_store_set_mounts (tx, test_id ("b"), 2, NULL));
  g_assert_true (cpd_store_set_mounts (tx, test_id ("a"), 1, NULL));
  g_assert_true (cpd_store_set_mounts (tx, test_id ("c"), 1, NULL));
  g_assert_true (cpd_store_set_mounts (tx, test_id ("b"), 3, NULL));
  g_assert_true (cpd_store_set_mounts (tx, test_id ("c"), 0, NULL));
  g_assert_true (cpd_store_set_mounts (tx, test_id ("d"), 0, NULL));
  test_commit (tx);
  rows = cpd_store_list_mounts (test->store, NULL);
  g_assert_cmpuint (rows->len, ==, 2);
  g_assert_cmpstr (((CpdMountRow *) rows->pdata[1])->id, ==, test_id ("b"));
  g_assert_cmpuint (((CpdMountRow *) rows->pdata[1])->count, ==, 3);
  tx = test_begin (test->store);
  g_assert_true (cpd_store_forget_mounts (tx, NULL));
  test_commit (tx);
  none = cpd_store_list_mounts (test->store, NULL);
  g_assert_cmpuint (none->len, ==, 0);
}

static void
test_states (TestStore *test, gconstpointer kind)
{
  CpdContainerState state = CPD_CONTAINER_PAUSED;

  for (guint i = 0; i < CPD_N_CONTAINER_STATES; i++)
    {
      g_assert_true (cpd_container_state_from_string (cpd_container_state_to_string ((CpdContainerState) i), &state));
      g_assert_cmpuint (state, ==, i);
    }
  g_assert_false (cpd_container_state_from_string ("Running", &state));
  g_assert_false (cpd_container_state_from_string ("", &state));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_scratch_init ();
  test_store_add ("containers/round-trip", test_round_trip);
  test_store_add ("containers/add-refused", test_add_refused);
  test_store_add ("containers/rename", test_rename);
  test_store_add ("containers/status", test_status);
  test_store_add ("containers/delete", test_delete);
  test_store_add ("containers/find", test_find);
  test_store_add ("containers/find-name-over-id", test_find_name_over_id);
  test_store_add ("containers/find-candidates", test_find_candidates);
  test_store_add ("containers/A11/namespaces", test_namespaces);
  test_store_add ("containers/A33/mounts", test_mounts);
  test_store_add ("containers/states", test_states);
  return g_test_run ();
}
