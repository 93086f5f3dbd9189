/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/cpd-engine-private.h"
#include "test-engine.h"
#include "test-scratch.h"

#define IMAGE "1111111111111111111111111111111111111111111111111111111111111111"
#define ID "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

typedef struct
{
  char *root;
  CpdEngine *engine;
  GThread *main;
  GArray *told;                 /* numbers of the events that were told */
  guint changes;
  guint nested;                 /* from how many events on the handler still drains */
} Fixture;

static void
on_event (CpdEngine *engine, CpdEventRow *event, gpointer data)
{
  Fixture *fixture = data;

  g_assert_true (g_thread_self () == fixture->main);
  g_array_append_val (fixture->told, event->seq);
  if (fixture->nested > 0)
    {
      fixture->nested--;
      cpd_engine_drain_events (engine);
    }
}

static void
on_changed (CpdEngine *engine, const char *id, gpointer data)
{
  Fixture *fixture = data;

  g_assert_cmpstr (id, ==, ID);
  g_assert_true (g_thread_self () == fixture->main);
  fixture->changes++;
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->root = test_scratch_new ("64m");
  fixture->main = g_thread_self ();
  fixture->told = g_array_new (FALSE, FALSE, sizeof (guint64));
  fixture->engine = test_engine_open (fixture->root);
  g_signal_connect (fixture->engine, "event", G_CALLBACK (on_event), fixture);
  g_signal_connect (fixture->engine, "container-changed", G_CALLBACK (on_changed), fixture);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  test_engine_close (fixture->engine);
  g_array_unref (fixture->told);
  test_scratch_free (fixture->root);
}

static void
add_events (Fixture *fixture, guint n)
{
  g_autoptr(CpdTransaction) tx = cpd_store_begin (fixture->engine->store, CPD_STORE_BOOT, NULL);

  for (guint i = 0; i < n; i++)
    g_assert_true (cpd_store_add_event (tx, "system", "test", "", "", NULL, CPD_CALLER_SELF, NULL));
  g_assert_true (cpd_transaction_commit (tx, NULL));
}

static void
add_container (Fixture *fixture)
{
  const char *const layers[] = { NULL };
  CpdImageRow image = { .id = (char *) IMAGE, .digest = (char *) "", .config = (char *) "{}", .top_layer = (char *) "" };
  CpdContainerRow row = {
    .id = (char *) ID, .name = (char *) "web", .image = (char *) "i", .image_id = (char *) IMAGE,
    .config = (char *) "{}", .status = { .state = CPD_CONTAINER_RUNNING, .pid = 5, .pid_start = 6 },
  };
  g_autoptr(CpdTransaction) tx = cpd_store_begin (fixture->engine->store, CPD_STORE_BOOT, NULL);

  g_assert_true (cpd_store_add_image (tx, &image, layers, NULL));
  g_assert_true (cpd_store_add_container (tx, &row, NULL));
  g_assert_true (cpd_transaction_commit (tx, NULL));
}

/* Each event once, in order, and all of them. */
static void
assert_told (Fixture *fixture, guint n)
{
  g_assert_cmpuint (fixture->told->len, ==, n);
  for (guint i = 0; i < n; i++)
    g_assert_cmpuint (g_array_index (fixture->told, guint64, i), ==, i + 1);
}

static void
test_drain (Fixture *fixture, gconstpointer data)
{
  add_events (fixture, 3);
  assert_told (fixture, 0);     /* nothing is told from within a commit */
  cpd_engine_drain_events (fixture->engine);
  assert_told (fixture, 3);
  cpd_engine_drain_events (fixture->engine);
  assert_told (fixture, 3);
}

/* Without anybody draining, the main loop does. */
static void
test_loop (Fixture *fixture, gconstpointer data)
{
  add_events (fixture, 2);
  add_events (fixture, 2);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  assert_told (fixture, 4);
}

static void
test_more_than_a_page (Fixture *fixture, gconstpointer data)
{
  add_events (fixture, 2 * CPD_EVENTS_MAX + 7);
  cpd_engine_drain_events (fixture->engine);
  assert_told (fixture, 2 * CPD_EVENTS_MAX + 7);
}

/* A handler that replies to a call drains as well, from within. */
static void
test_nested (Fixture *fixture, gconstpointer data)
{
  fixture->nested = 3;
  add_events (fixture, 10);
  cpd_engine_drain_events (fixture->engine);
  assert_told (fixture, 10);
}

static gpointer
add_in_thread (gpointer data)
{
  for (int i = 0; i < 50; i++)
    add_events (data, 1);
  return NULL;
}

static void
test_threads (Fixture *fixture, gconstpointer data)
{
  GThread *threads[8];

  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("adder", add_in_thread, fixture);
  while (fixture->told->len < 400)
    g_main_context_iteration (NULL, TRUE);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  cpd_engine_drain_events (fixture->engine);
  assert_told (fixture, 400);
}

/* Changes of one container are told once for all. */
static void
test_changes (Fixture *fixture, gconstpointer data)
{
  CpdContainerStatus status = { .state = CPD_CONTAINER_PAUSED };
  g_autoptr(CpdContainerRow) row = NULL;

  add_container (fixture);
  row = cpd_engine_get_container (fixture->engine, ID, NULL);
  for (int i = 0; i < 5; i++)
    g_assert_true (cpd_engine_set_status (fixture->engine, row, &status, "pause", NULL, 0, CPD_CALLER_SELF, NULL));
  cpd_engine_drain_events (fixture->engine);
  g_assert_cmpuint (fixture->changes, ==, 1);
  assert_told (fixture, 5);
}

static void
set_process (Fixture *fixture, CpdContainerState state, gint64 pid)
{
  g_autoptr(CpdContainerRow) row = cpd_engine_get_container (fixture->engine, ID, NULL);
  CpdContainerStatus status = { .state = state, .pid = pid, .pid_start = pid };

  g_assert_true (cpd_engine_set_status (fixture->engine, row, &status, NULL, NULL, 0, CPD_CALLER_SELF, NULL));
}

static gpointer
restart_in_thread (gpointer data)
{
  g_usleep (20 * 1000);
  set_process (data, CPD_CONTAINER_STOPPING, 5);
  g_usleep (20 * 1000);
  set_process (data, CPD_CONTAINER_RUNNING, 77);
  return NULL;
}

/* Who waits for one run to end does not wait for the next, though it may have missed the time between. */
static void
test_wait_stopped (Fixture *fixture, gconstpointer data)
{
  g_autoptr(CpdContainerRow) row = NULL;
  GThread *thread;

  add_container (fixture);
  set_process (fixture, CPD_CONTAINER_RUNNING, 5);
  row = cpd_engine_get_container (fixture->engine, ID, NULL);
  g_assert_false (cpd_engine_wait_stopped (fixture->engine, row, 10 * 1000));
  thread = g_thread_new ("restart", restart_in_thread, fixture);
  g_assert_true (cpd_engine_wait_stopped (fixture->engine, row, 10 * G_USEC_PER_SEC));
  g_thread_join (thread);
  cpd_engine_drain_events (fixture->engine);
}

#define ADD(path, func) g_test_add (path, Fixture, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_scratch_init ();
  ADD ("/events/drain", test_drain);
  ADD ("/events/loop", test_loop);
  ADD ("/events/more-than-a-page", test_more_than_a_page);
  ADD ("/events/nested", test_nested);
  ADD ("/events/threads", test_threads);
  ADD ("/events/changes", test_changes);
  ADD ("/events/wait-stopped", test_wait_stopped);
  return g_test_run ();
}
