/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sqlite3.h>

#include "store/cpd-store-dependencies.h"
#include "test-store.h"

/* Asserts that the query finds just the containers of these names, newest first. */
static void
assert_query (TestStore *test, const CpdContainerQuery *query, const char *expected)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) rows = cpd_store_list_containers (test->store, query, &error);
  g_autoptr(GString) names = g_string_new (NULL);

  g_assert_no_error (error);
  for (guint i = 0; i < rows->len; i++)
    g_string_append_printf (names, "%s%s", i > 0 ? " " : "", ((CpdContainerRow *) rows->pdata[i])->name);
  g_assert_cmpstr (names->str, ==, expected);
}

/* Runs a query for all containers with one filter, the values being separated by blanks. */
typedef char ***(*Field) (CpdContainerQuery *query);

#define FIELD(name) \
  static char *** \
  name##_field (CpdContainerQuery *query) \
  { \
    return &query->name; \
  }
FIELD (id_prefixes)
FIELD (names)
FIELD (states)
FIELD (images)
FIELD (labels)
FIELD (exit_codes)
FIELD (restart_policies)
FIELD (depends)

static void
assert_one (TestStore *test, Field field, const char *values, const char *expected)
{
  g_auto(GStrv) list = g_strsplit (values, " ", -1);
  CpdContainerQuery query = { .all = TRUE };

  *field (&query) = list;
  assert_query (test, &query, expected);
}

static void
add_some (TestStore *test)
{
  test_add_image (test->store, test_id ("22"), "docker.io/library/alpine:3");
  test_add_container (test->store, test_id ("aa1"), "web-1", CPD_CONTAINER_RUNNING, "{\"app\": \"web\", \"tier\": \"\"}");
  test_add_container (test->store, test_id ("aa2"), "web-2", CPD_CONTAINER_EXITED, "{\"app\": \"web\"}");
  test_add_container (test->store, test_id ("bb1"), "db", CPD_CONTAINER_PAUSED, "{\"app\": \"db\", \"a=b\": \"c\"}");
  test_add_container (test->store, test_id ("bb2"), "cache", CPD_CONTAINER_STOPPING, NULL);
  test_add_container (test->store, test_id ("cc1"), "job", CPD_CONTAINER_CONFIGURED, "{\"App\": \"web\"}");
}

static void
test_all (TestStore *test, gconstpointer kind)
{
  CpdContainerQuery all = { .all = TRUE }, live = { 0 };

  assert_query (test, &all, "");
  add_some (test);
  assert_query (test, &all, "job cache db web-2 web-1");
  assert_query (test, &live, "cache db web-1");
  g_assert_cmpuint (cpd_store_count_containers (test->store, FALSE), ==, 5);
}

static void
test_filters (TestStore *test, gconstpointer kind)
{
  add_some (test);
  assert_one (test, id_prefixes_field, "aa", "web-2 web-1");
  assert_one (test, id_prefixes_field, "aa1 bb", "cache db web-1");
  assert_one (test, id_prefixes_field, "a1", "");
  assert_one (test, id_prefixes_field, test_id ("cc1"), "job");
  assert_one (test, names_field, "web", "web-2 web-1");
  assert_one (test, names_field, "-2 db", "db web-2");
  assert_one (test, names_field, "WEB", "");
  assert_one (test, names_field, "%", "");
  assert_one (test, names_field, "^web-.$", "web-2 web-1");
  assert_one (test, names_field, "^eb", "");
  assert_one (test, names_field, "^(db|job)$", "job db");
  assert_one (test, names_field, "[", "");
  assert_one (test, states_field, "running", "web-1");
  assert_one (test, states_field, "running exited paused", "db web-2 web-1");
  assert_one (test, states_field, "nonsense", "");
  assert_one (test, states_field, "nonsense exited", "web-2");
  assert_one (test, labels_field, "app", "db web-2 web-1");
  assert_one (test, labels_field, "app=web", "web-2 web-1");
  assert_one (test, labels_field, "tier=", "web-1");
  assert_one (test, labels_field, "a=b=c", "db");
  assert_one (test, labels_field, "app=we", "");
  assert_one (test, labels_field, "ap", "");
  assert_one (test, labels_field, "App", "job");
}

static void
test_image_filter (TestStore *test, gconstpointer kind)
{
  CpdContainerRow row = {
    .id = (char *) test_id ("dd"), .name = (char *) "alp", .image = (char *) "alpine:3",
    .image_id = (char *) test_id ("22"), .config = (char *) "{}",
  };
  CpdTransaction *tx;

  add_some (test);
  tx = test_begin (test->store);
  g_assert_true (cpd_store_add_container (tx, &row, NULL));
  g_assert_true (cpd_store_tag_image (tx, "localhost/mine:latest", test_id ("22"), NULL));
  g_assert_true (cpd_store_tag_image (tx, "localhost/mine:old", test_id ("22"), NULL));
  test_commit (tx);

  assert_one (test, images_field, "alpine:3", "alp");
  assert_one (test, images_field, "docker.io/library/alpine:3", "alp");
  assert_one (test, images_field, "mine", "alp");
  assert_one (test, images_field, "mine:old", "alp");
  assert_one (test, images_field, "localhost/mine", "alp");
  assert_one (test, images_field, "22", "alp");
  assert_one (test, images_field, test_id ("22"), "alp");
  assert_one (test, images_field, "busybox", "job cache db web-2 web-1");
  assert_one (test, images_field, "1111", "job cache db web-2 web-1");
  assert_one (test, images_field, "alp", "");
}

/* A pattern that could go on for hours is no match. */
static void
test_evil_pattern (TestStore *test, gconstpointer kind)
{
  g_autofree char *name = g_strnfill (200, 'a');

  test_add_container (test->store, test_id ("a"), name, CPD_CONTAINER_RUNNING, NULL);
  assert_one (test, names_field, "^(a+)+$", name);
  assert_one (test, names_field, "^(a+)+b$", "");
  assert_one (test, names_field, "^(a|aa)+b$", "");
}

static void
test_pattern_check (void)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (cpd_container_pattern_check ("^web.*", NULL));
  g_assert_true (cpd_container_pattern_check ("", NULL));
  g_assert_false (cpd_container_pattern_check ("we(b", &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (g_strrstr (error->message, "'we(b'"));
}

static void
add_row (TestStore *test, const char *id, const char *name, const char *namespace, const char *config, char **depends,
         const CpdContainerStatus *status, gint64 created)
{
  g_autoptr(GError) error = NULL;
  CpdContainerRow row = {
    .id = (char *) id, .name = (char *) name, .namespace = (char *) namespace, .image = (char *) "busybox",
    .image_id = (char *) TEST_IMAGE, .config = (char *) config, .depends = depends, .created = created,
    .status = *status,
  };
  CpdTransaction *tx = test_begin (test->store);

  cpd_store_add_container (tx, &row, &error);
  g_assert_no_error (error);
  test_commit (tx);
}

static void
add_others (TestStore *test)
{
  const CpdContainerStatus good = { .state = CPD_CONTAINER_EXITED, .started = 1 };
  const CpdContainerStatus bad = { .state = CPD_CONTAINER_STOPPED, .started = 1, .exit_code = 3 };
  const CpdContainerStatus never = { .state = CPD_CONTAINER_CONFIGURED };
  char *on_a[] = { (char *) test_id ("a"), NULL };
  char *on_both[] = { (char *) test_id ("a"), (char *) test_id ("b"), NULL };

  add_row (test, test_id ("a"), "one", "x", "{\"restartPolicy\": \"always\"}", NULL, &good, 100);
  add_row (test, test_id ("b"), "two", "x", "{\"restartPolicy\": \"on-failure:3\"}", on_a, &bad, 200);
  add_row (test, test_id ("c"), "three", "y", "{}", on_both, &never, 300);
}

static void
test_other_filters (TestStore *test, gconstpointer kind)
{
  add_others (test);
  assert_one (test, exit_codes_field, "0", "one");
  assert_one (test, exit_codes_field, "3 0", "two one");
  assert_one (test, exit_codes_field, "7", "");
  assert_one (test, restart_policies_field, "always", "one");
  assert_one (test, restart_policies_field, "on-failure", "two");
  assert_one (test, restart_policies_field, "on-failure:3", "two");
  assert_one (test, restart_policies_field, "on-failure:30", "");
  assert_one (test, restart_policies_field, "no", "three");
  assert_one (test, depends_field, test_id ("a"), "three two");
  assert_one (test, depends_field, test_id ("b"), "three");
  assert_one (test, depends_field, test_id ("c"), "");
}

static void
test_bounds (TestStore *test, gconstpointer kind)
{
  CpdContainerQuery before = { .all = TRUE, .before = test_id ("b") }, since = { .all = TRUE, .since = test_id ("b") };
  CpdContainerQuery until = { .all = TRUE, .until = 200 }, inside = { .all = TRUE, .namespace = "x" };
  CpdContainerQuery elsewhere = { .all = TRUE, .namespace = "z" }, all = { .all = TRUE, .namespace = "" };
  CpdContainerQuery unknown = { .all = TRUE, .before = test_id ("e") };
  g_autoptr(GError) error = NULL;

  add_others (test);
  assert_query (test, &before, "one");
  assert_query (test, &since, "three");
  assert_query (test, &until, "one");
  assert_query (test, &inside, "two one");
  assert_query (test, &elsewhere, "");
  assert_query (test, &all, "three two one");
  g_assert_null (cpd_store_list_containers (test->store, &unknown, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (g_strrstr (error->message, "'before'"));
}

static void
assert_dependents (TestStore *test, const char *id, const char *expected)
{
  g_autoptr(GPtrArray) rows = cpd_store_list_dependents (test->store, id, NULL);
  g_autoptr(GString) names = g_string_new (NULL);

  for (guint i = 0; i < rows->len; i++)
    g_string_append_printf (names, "%s%s", i > 0 ? " " : "", ((CpdContainerRow *) rows->pdata[i])->name);
  g_assert_cmpstr (names->str, ==, expected);
}

static void
test_dependencies (TestStore *test, gconstpointer kind)
{
  g_autoptr(CpdContainerRow) row = NULL;
  g_auto(GStrv) depends = NULL;
  g_autoptr(GPtrArray) all = NULL, rest = NULL;
  CpdTransaction *tx;

  add_others (test);
  row = cpd_store_get_container (test->store, test_id ("c"), NULL);
  g_assert_cmpuint (g_strv_length (row->depends), ==, 2);
  depends = cpd_store_list_dependencies (test->store, test_id ("c"), NULL);
  g_assert_cmpstr (depends[0], ==, test_id ("a"));
  g_assert_cmpstr (depends[1], ==, test_id ("b"));
  assert_dependents (test, test_id ("a"), "three two");
  assert_dependents (test, test_id ("c"), "");
  all = cpd_store_list_all_dependencies (test->store, NULL);
  g_assert_cmpuint (all->len, ==, 3);

  tx = test_begin (test->store);
  g_assert_true (cpd_store_delete_container (tx, test_id ("c"), NULL));
  test_commit (tx);
  assert_dependents (test, test_id ("a"), "two");
  rest = cpd_store_list_all_dependencies (test->store, NULL);
  g_assert_cmpuint (rest->len, ==, 1);
}

static void
assert_check_fails (TestStore *test, const char *depends_on, CpodError code)
{
  g_autoptr(GError) error = NULL;
  char *depends[] = { (char *) depends_on, NULL };
  CpdContainerRow row = { .depends = depends };
  CpdTransaction *tx = test_begin (test->store);

  g_assert_false (cpd_store_check_dependencies (tx, &row, &error));
  g_assert_error (error, CPOD_ERROR, (int) code);
  cpd_transaction_free (tx);
}

static void
test_check_dependencies (TestStore *test, gconstpointer kind)
{
  const CpdContainerStatus going = { .state = CPD_CONTAINER_REMOVING };
  char *good[] = { (char *) test_id ("a"), (char *) test_id ("c"), NULL };
  CpdContainerRow row = { .depends = good };
  CpdTransaction *tx;

  add_others (test);
  add_row (test, test_id ("d"), "four", "", "{}", NULL, &going, 400);
  tx = test_begin (test->store);
  g_assert_true (cpd_store_check_dependencies (tx, &row, NULL));
  cpd_transaction_free (tx);
  assert_check_fails (test, test_id ("e"), CPOD_ERROR_NO_SUCH_CONTAINER);
  assert_check_fails (test, test_id ("d"), CPOD_ERROR_BEING_REMOVED);
}

/* Each filter narrows what the others leave. */
static void
test_together (TestStore *test, gconstpointer kind)
{
  char *names[] = { (char *) "web", (char *) "db", NULL };
  char *labels[] = { (char *) "app=web", NULL };
  char *images[] = { (char *) "busybox", (char *) "nothing", NULL };
  char *nothing[] = { NULL };
  CpdContainerQuery query = { .all = TRUE, .names = names, .labels = labels, .images = images, .states = nothing };

  add_some (test);
  assert_query (test, &query, "web-2 web-1");
  query.all = FALSE;
  assert_query (test, &query, "web-1");
  query.all = TRUE;
  query.limit = 1;
  assert_query (test, &query, "web-2");
  query.after = (char *) test_id ("aa2");
  assert_query (test, &query, "web-1");
}

static void
test_config (TestStore *test, gconstpointer kind)
{
  CpdContainerQuery with = { .all = TRUE, .with_config = TRUE }, without = { .all = TRUE };
  g_autoptr(GPtrArray) one = NULL, other = NULL;

  test_add_container (test->store, test_id ("a"), "web", CPD_CONTAINER_RUNNING, "{\"k\": \"v\"}");
  one = cpd_store_list_containers (test->store, &with, NULL);
  other = cpd_store_list_containers (test->store, &without, NULL);
  g_assert_cmpstr (((CpdContainerRow *) one->pdata[0])->config, ==, "{\"labels\": {\"k\": \"v\"}}");
  g_assert_null (((CpdContainerRow *) other->pdata[0])->config);
}

/* Pages meet without a hole or an overlap, also when containers come and go meanwhile. */
static void
test_paging (TestStore *test, gconstpointer kind)
{
  CpdContainerQuery query = { .all = TRUE, .limit = 7 };
  g_autofree char *after = NULL;
  CpdTransaction *tx;
  guint next = 24;

  for (guint i = 0; i < 25; i++)
    {
      g_autofree char *name = g_strdup_printf ("c%02u", i);
      g_autofree char *prefix = g_strdup_printf ("%02x", (i * 37) % 256);

      test_add_container (test->store, test_id (prefix), name, CPD_CONTAINER_RUNNING, NULL);
    }
  for (;;)
    {
      g_autoptr(GPtrArray) rows = NULL;

      query.after = after;
      rows = cpd_store_list_containers (test->store, &query, NULL);
      g_assert_cmpuint (rows->len, ==, MIN (7, next + 1));
      for (guint i = 0; i < rows->len; i++, next--)
        {
          g_autofree char *name = g_strdup_printf ("c%02u", next);

          g_assert_cmpstr (((CpdContainerRow *) rows->pdata[i])->name, ==, name);
        }
      g_free (after);
      after = g_strdup (((CpdContainerRow *) rows->pdata[rows->len - 1])->id);
      if (rows->len < 7)
        break;
      test_add_container (test->store, test_id ("ffff"), "new", CPD_CONTAINER_RUNNING, NULL);
      tx = test_begin (test->store);
      g_assert_true (cpd_store_delete_container (tx, test_id ("ffff"), NULL));
      test_commit (tx);
    }
  g_assert_cmpuint (next, ==, G_MAXUINT);
}

/* That the last of a page is gone must not look like the end of the list. */
static void
test_paging_after_unknown (TestStore *test, gconstpointer kind)
{
  g_autoptr(GError) error = NULL;
  CpdContainerQuery query = { .all = TRUE, .after = (char *) test_id ("ee") };

  add_some (test);
  g_assert_null (cpd_store_list_containers (test->store, &query, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (g_strrstr (error->message, "'after'"));
  g_assert_nonnull (g_strrstr (error->message, test_id ("ee")));
}

/* Whatever a client asks for, the service must not grow with it. */
static void
test_many_shapes (TestStore *test, gconstpointer kind)
{
  g_autoptr(GPtrArray) names = g_ptr_array_new ();

  add_some (test);
  for (guint i = 0; i < 1000; i++)
    {
      CpdContainerQuery query = { .all = TRUE, .limit = 1 + i };
      CpdEventQuery events = { .limit = 1 + i };
      g_autoptr(GPtrArray) rows = NULL, some = NULL, found = NULL;

      rows = cpd_store_list_containers (test->store, &query, NULL);
      g_assert_nonnull (rows);
      found = cpd_store_list_events (test->store, &events, NULL, NULL, NULL);
      g_assert_nonnull (found);
      g_ptr_array_insert (names, 0, (char *) "web");
      if (i == 0)
        g_ptr_array_add (names, NULL);
      if (i < 500 && i % 4 == 0)
        {
          query.names = (char **) names->pdata;
          some = cpd_store_list_containers (test->store, &query, NULL);
          g_assert_nonnull (some);
        }
    }
  g_assert_cmpint (sqlite3_memory_used (), >, 0);       /* it does count */
  g_assert_cmpint (sqlite3_memory_used (), <, 6 << 20);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_scratch_init ();
  test_store_add ("queries/all", test_all);
  test_store_add ("queries/filters", test_filters);
  test_store_add ("queries/image-filter", test_image_filter);
  test_store_add ("queries/evil-pattern", test_evil_pattern);
  g_test_add_func ("/store/queries/pattern-check", test_pattern_check);
  test_store_add ("queries/A31/other-filters", test_other_filters);
  test_store_add ("queries/A31/bounds", test_bounds);
  test_store_add ("queries/dependencies", test_dependencies);
  test_store_add ("queries/check-dependencies", test_check_dependencies);
  test_store_add ("queries/together", test_together);
  test_store_add ("queries/config", test_config);
  test_store_add ("queries/paging", test_paging);
  test_store_add ("queries/paging-after-unknown", test_paging_after_unknown);
  test_store_add ("queries/many-shapes", test_many_shapes);
  return g_test_run ();
}
