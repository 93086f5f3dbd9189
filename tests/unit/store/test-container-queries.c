/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sqlite3.h>

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
  test_store_add ("queries/together", test_together);
  test_store_add ("queries/config", test_config);
  test_store_add ("queries/paging", test_paging);
  test_store_add ("queries/paging-after-unknown", test_paging_after_unknown);
  test_store_add ("queries/many-shapes", test_many_shapes);
  return g_test_run ();
}
