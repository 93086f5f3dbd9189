/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include "store/cpd-statement.h"
#include "test-store.h"

static void
add_event (CpdTransaction *tx, const char *type, const char *status, const char *id, const char *name)
{
  g_autoptr(GError) error = NULL;

  cpd_store_add_event (tx, type, status, id, name, NULL, CPD_CALLER_SELF, &error);
  g_assert_no_error (error);
}

static void
add_one (CpdStore *store, const char *status)
{
  CpdTransaction *tx = test_begin (store);

  add_event (tx, "container", status, test_id ("a"), "web");
  test_commit (tx);
}

static GPtrArray *
list (CpdStore *store, const CpdEventQuery *query, guint64 *last, gboolean *gap)
{
  g_autoptr(GError) error = NULL;
  GPtrArray *rows = cpd_store_list_events (store, query, last, gap, &error);

  g_assert_no_error (error);
  return rows;
}

static guint64
seq_of (GPtrArray *rows, guint i)
{
  return ((CpdEventRow *) rows->pdata[i])->seq;
}

/* Asserts that the numbers are FROM to UNTIL, each once. */
static void
assert_gapless (GPtrArray *rows, guint64 from, guint64 until)
{
  g_assert_cmpuint (rows->len, ==, until + 1 - from);
  for (guint i = 0; i < rows->len; i++)
    g_assert_cmpuint (seq_of (rows, i), ==, from + i);
}

static void
test_round_trip (TestStore *test, gconstpointer kind)
{
  CpdCaller caller = { 1000, G_MAXUINT32, "some.service" };
  CpdEventQuery all = { 0 };
  gint64 before = g_get_real_time ();
  CpdTransaction *tx = test_begin (test->store);
  g_autoptr(GPtrArray) rows = NULL;
  g_autoptr(GVariant) expected = g_variant_ref_sink (
    g_variant_new_parsed ("{'exit-code': <int32 -1>, 'text': <'it\\'s \"ä\"\\n'>, 'big': <uint64 18446744073709551615>,"
                          " 'list': <@as []>}"));
  CpdEventRow *row;

  g_assert_true (cpd_store_add_event (tx, "container", "died", "id", "na'me", expected, &caller, NULL));
  add_event (tx, "image", "import", "", "");
  test_commit (tx);
  rows = list (test->store, &all, NULL, NULL);
  assert_gapless (rows, 1, 2);
  row = rows->pdata[0];
  g_assert_cmpstr (row->type, ==, "container");
  g_assert_cmpstr (row->status, ==, "died");
  g_assert_cmpstr (row->id, ==, "id");
  g_assert_cmpstr (row->name, ==, "na'me");
  g_assert_cmpstr (row->unit, ==, "some.service");
  g_assert_cmpuint (row->uid, ==, 1000);
  g_assert_cmpuint (row->pid, ==, G_MAXUINT32);
  g_assert_cmpint (row->time, >=, before);
  g_assert_cmpint (row->time, <=, g_get_real_time ());
  g_assert_cmpvariant (row->attributes, expected);
  row = rows->pdata[1];
  g_assert_cmpuint (g_variant_n_children (row->attributes), ==, 0);
  g_assert_true (g_variant_is_of_type (row->attributes, G_VARIANT_TYPE_VARDICT));
}

/* What was rolled back leaves no hole, whether it was begun before or after what was committed. */
static void
test_gapless (TestStore *test, gconstpointer kind)
{
  CpdEventQuery all = { 0 };
  g_autoptr(GPtrArray) rows = NULL;

  for (int i = 0; i < 50; i++)
    {
      g_autoptr(CpdTransaction) tx = test_begin (test->store);

      add_event (tx, "container", "lost", "", "");
      add_event (tx, "container", "lost", "", "");
      g_clear_pointer (&tx, cpd_transaction_free);
      add_one (test->store, "kept");
    }
  rows = list (test->store, &all, NULL, NULL);
  assert_gapless (rows, 1, 50);
  for (guint i = 0; i < rows->len; i++)
    g_assert_cmpstr (((CpdEventRow *) rows->pdata[i])->status, ==, "kept");
  g_assert_cmpuint (cpd_store_last_event (test->store), ==, 50);
}

static gpointer
add_many (gpointer data)
{
  TestStore *test = data;

  for (int i = 0; i < 50; i++)
    {
      g_autoptr(CpdTransaction) tx = test_begin (test->store);
      g_autofree char *name = g_strdup_printf ("%p", (void *) g_thread_self ());
      g_autofree char *status = g_strdup_printf ("%d", i);

      add_event (tx, "container", status, "", name);
      if (i % 5 != 0)
        test_commit (g_steal_pointer (&tx));
    }
  return NULL;
}

static void
test_threads (TestStore *test, gconstpointer kind)
{
  GThread *threads[8];
  CpdEventQuery all = { 0 };
  g_autoptr(GPtrArray) rows = NULL;
  g_autoptr(GHashTable) latest = g_hash_table_new (g_str_hash, g_str_equal);

  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("adder", add_many, test);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  rows = list (test->store, &all, NULL, NULL);
  assert_gapless (rows, 1, 8 * 40);
  /* In the order in which each thread made them. */
  for (guint i = 0; i < rows->len; i++)
    {
      CpdEventRow *row = rows->pdata[i];
      int number = atoi (row->status);

      g_assert_cmpint (number, >, GPOINTER_TO_INT (g_hash_table_lookup (latest, row->name)));
      g_hash_table_replace (latest, row->name, GINT_TO_POINTER (number));
    }
}

static void
assert_query (TestStore *test, const CpdEventQuery *query, const char *expected)
{
  g_autoptr(GPtrArray) rows = list (test->store, query, NULL, NULL);
  g_autoptr(GString) numbers = g_string_new (NULL);

  for (guint i = 0; i < rows->len; i++)
    g_string_append_printf (numbers, "%s%d", i > 0 ? " " : "", (int) seq_of (rows, i));
  g_assert_cmpstr (numbers->str, ==, expected);
}

static char **
strv (const char *text)
{
  return g_strsplit (text, " ", -1);
}

static void
test_filters (TestStore *test, gconstpointer kind)
{
  g_auto(GStrv) image = strv ("image"), both = strv ("image container"), died = strv ("died remove");
  g_auto(GStrv) prefix = strv ("ab"), exact = strv ("web"), part = strv ("we"), none = strv ("nothing");
  char *empty[] = { NULL };
  CpdTransaction *tx = test_begin (test->store);

  add_event (tx, "container", "create", test_id ("ab1"), "web");
  add_event (tx, "container", "died", test_id ("ab1"), "web");
  add_event (tx, "image", "import", test_id ("ab2"), "localhost/web");
  add_event (tx, "container", "remove", test_id ("ac"), "web");
  add_event (tx, "system", "refresh", "", "");
  test_commit (tx);

  assert_query (test, &(CpdEventQuery) { .types = empty }, "1 2 3 4 5");
  assert_query (test, &(CpdEventQuery) { .types = image }, "3");
  assert_query (test, &(CpdEventQuery) { .types = both }, "1 2 3 4");
  assert_query (test, &(CpdEventQuery) { .statuses = died }, "2 4");
  assert_query (test, &(CpdEventQuery) { .id_prefixes = prefix }, "1 2 3");
  assert_query (test, &(CpdEventQuery) { .names = exact }, "1 2 4");
  assert_query (test, &(CpdEventQuery) { .names = part }, "");
  assert_query (test, &(CpdEventQuery) { .statuses = none }, "");
  assert_query (test, &(CpdEventQuery) { .names = exact, .statuses = died, .id_prefixes = prefix }, "2");
  assert_query (test, &(CpdEventQuery) { .since = 2, .names = exact }, "4");
  assert_query (test, &(CpdEventQuery) { .since = G_MAXUINT64 }, "");
}

static void
test_times (TestStore *test, gconstpointer kind)
{
  CpdEventQuery all = { 0 };
  g_autoptr(GPtrArray) rows = NULL;
  gint64 second;

  for (int i = 0; i < 3; i++)
    {
      add_one (test->store, "start");
      g_usleep (2000);
    }
  rows = list (test->store, &all, NULL, NULL);
  second = ((CpdEventRow *) rows->pdata[1])->time;
  assert_query (test, &(CpdEventQuery) { .from_time = second }, "2 3");
  assert_query (test, &(CpdEventQuery) { .until_time = second }, "1 2");
  assert_query (test, &(CpdEventQuery) { .from_time = second, .until_time = second }, "2");
  assert_query (test, &(CpdEventQuery) { .from_time = second + 1, .until_time = second }, "");
}

/* Whoever asks again from LAST on misses nothing and gets nothing twice. */
static void
test_limit_and_last (TestStore *test, gconstpointer kind)
{
  CpdEventQuery query = { .limit = 4 };
  guint64 last = 99;
  gboolean gap = TRUE;

  {
    g_autoptr(GPtrArray) none = list (test->store, &query, &last, &gap);

    g_assert_cmpuint (none->len, ==, 0);
    g_assert_cmpuint (last, ==, 0);
    g_assert_false (gap);
  }
  for (int i = 0; i < 10; i++)
    add_one (test->store, "start");
  for (guint64 from = 0; from < 10; from = last)
    {
      g_autoptr(GPtrArray) rows = NULL;

      query.since = from;
      rows = list (test->store, &query, &last, &gap);
      assert_gapless (rows, from + 1, MIN (from + 4, 10));
      g_assert_cmpuint (last, ==, MIN (from + 4, 10));
      g_assert_false (gap);
    }
}

static void
test_last_of_filter (TestStore *test, gconstpointer kind)
{
  g_auto(GStrv) odd = strv ("odd"), none = strv ("none");
  CpdEventQuery query = { .statuses = odd, .limit = 2 }, nothing = { .statuses = none };
  g_autoptr(GPtrArray) rows = NULL, no_rows = NULL;
  guint64 last;

  for (int i = 1; i <= 10; i++)
    add_one (test->store, i % 2 != 0 ? "odd" : "even");
  rows = list (test->store, &query, &last, NULL);
  g_assert_cmpuint (seq_of (rows, 1), ==, 3);
  g_assert_cmpuint (last, ==, 3);       /* there may be more of them at once after the limit */
  no_rows = list (test->store, &nothing, &last, NULL);
  g_assert_cmpuint (no_rows->len, ==, 0);
  g_assert_cmpuint (last, ==, 10);      /* all was looked through */
}

static void
test_limit_is_bounded (TestStore *test, gconstpointer kind)
{
  CpdEventQuery all = { 0 }, many = { .limit = G_MAXUINT };
  CpdTransaction *tx = test_begin (test->store);
  g_autoptr(GPtrArray) rows = NULL, more = NULL;
  guint64 last;

  for (int i = 0; i < CPD_EVENTS_MAX + 5; i++)
    add_event (tx, "container", "start", "", "");
  test_commit (tx);
  rows = list (test->store, &all, &last, NULL);
  g_assert_cmpuint (rows->len, ==, CPD_EVENTS_MAX);
  g_assert_cmpuint (last, ==, CPD_EVENTS_MAX);
  more = list (test->store, &many, &last, NULL);
  g_assert_cmpuint (more->len, ==, CPD_EVENTS_MAX);
}

static gboolean
has_gap (TestStore *test, guint64 since)
{
  CpdEventQuery query = { .since = since };
  gboolean gap;
  g_autoptr(GPtrArray) rows = list (test->store, &query, NULL, &gap);

  g_assert_nonnull (rows);
  return gap;
}

static void
test_prune (TestStore *test, gconstpointer kind)
{
  CpdEventQuery all = { 0 };
  g_autoptr(GPtrArray) rows = NULL, none = NULL;

  for (int i = 0; i < 10; i++)
    add_one (test->store, "start");
  g_assert_true (cpd_store_prune_events (test->store, 0, 0, NULL));
  g_assert_true (cpd_store_prune_events (test->store, 100, 0, NULL));
  g_assert_false (has_gap (test, 0));

  g_assert_true (cpd_store_prune_events (test->store, 4, 0, NULL));
  rows = list (test->store, &all, NULL, NULL);
  assert_gapless (rows, 7, 10);
  g_assert_true (has_gap (test, 0));
  g_assert_true (has_gap (test, 5));
  g_assert_false (has_gap (test, 6));
  g_assert_false (has_gap (test, 10));

  /* With all gone the numbers go on, and who has not seen the last one is told so. */
  g_assert_true (cpd_store_prune_events (test->store, 0, G_MAXINT64, NULL));
  none = list (test->store, &all, NULL, NULL);
  g_assert_cmpuint (none->len, ==, 0);
  g_assert_cmpuint (cpd_store_last_event (test->store), ==, 10);
  g_assert_true (has_gap (test, 9));
  g_assert_false (has_gap (test, 10));
  add_one (test->store, "start");
  g_assert_cmpuint (cpd_store_last_event (test->store), ==, 11);
}

/* The clock may have been set back: what is dropped is the beginning, never something in between. */
static void
test_prune_by_time (TestStore *test, gconstpointer kind)
{
  static const gint64 times[] = { 500, 600, 100, 200, 700, 800 };
  CpdEventQuery all = { 0 };
  CpdTransaction *tx;
  g_autoptr(GPtrArray) rows = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (times); i++)
    add_one (test->store, "start");
  tx = test_begin (test->store);
  for (gsize i = 0; i < G_N_ELEMENTS (times); i++)
    {
      g_autoptr(CpdStatement) statement =
        cpd_transaction_prepare (tx, "UPDATE event SET time = ? WHERE seq = ?", NULL);

      cpd_statement_bind (statement, "ii", times[i], (gint64) i + 1);
      g_assert_true (cpd_statement_execute (statement, NULL));
    }
  test_commit (tx);

  g_assert_true (cpd_store_prune_events (test->store, 0, 150, NULL));
  rows = list (test->store, &all, NULL, NULL);
  assert_gapless (rows, 4, 6);
  g_assert_true (has_gap (test, 2));
  g_assert_false (has_gap (test, 3));
}

/* A scope leaves out the containers of other ones, and nothing else. */
static void
test_namespace (TestStore *test, gconstpointer kind)
{
  CpdEventQuery inside = { .namespace = "a" }, all = { .namespace = "" };
  CpdTransaction *tx = test_begin (test->store);
  g_autoptr(GPtrArray) some = NULL, rows = NULL;

  for (guint i = 0; i < 2; i++)
    g_assert_true (cpd_store_add_event (tx, "container", "create", test_id ("a"), "web",
                                        g_variant_new_parsed (i == 0 ? "{'namespace': <'a'>}" : "{'namespace': <'b'>}"),
                                        CPD_CALLER_SELF, NULL));
  add_event (tx, "container", "create", test_id ("b"), "plain");
  add_event (tx, "system", "refresh", "", "");
  test_commit (tx);
  some = list (test->store, &inside, NULL, NULL);
  g_assert_cmpuint (some->len, ==, 2);
  g_assert_cmpuint (seq_of (some, 0), ==, 1);
  g_assert_cmpuint (seq_of (some, 1), ==, 4);
  rows = list (test->store, &all, NULL, NULL);
  assert_gapless (rows, 1, 4);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_scratch_init ();
  test_store_add ("events/round-trip", test_round_trip);
  test_store_add ("events/gapless", test_gapless);
  test_store_add ("events/threads", test_threads);
  test_store_add ("events/filters", test_filters);
  test_store_add ("events/times", test_times);
  test_store_add ("events/limit-and-last", test_limit_and_last);
  test_store_add ("events/last-of-filter", test_last_of_filter);
  test_store_add ("events/limit-is-bounded", test_limit_is_bounded);
  test_store_add ("events/A11/namespace", test_namespace);
  test_store_add ("events/prune", test_prune);
  test_store_add ("events/prune-by-time", test_prune_by_time);
  return g_test_run ();
}
