/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/cpd-engine-private.h"
#include "test-engine.h"
#include "test-scratch.h"

/* How often the main loop looks whether something has come that must not; the test passes sooner where it is slow. */
#define LOOKS 50
#define LOOK_US (5 * 1000)

typedef struct
{
  char *root;
  CpdEngine *engine;
  guint returned;
} Fixture;

static void
on_pulse (CpdEngine *engine, gpointer data)
{
  ((Fixture *) data)->returned++;
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->root = test_scratch_new ("64m");
  fixture->engine = test_engine_open (fixture->root);
  g_signal_connect (fixture->engine, "pulse", G_CALLBACK (on_pulse), fixture);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  test_engine_close (fixture->engine);
  test_scratch_free (fixture->root);
}

static void
wait_returned (Fixture *fixture, guint count)
{
  while (fixture->returned < count)
    g_main_context_iteration (NULL, TRUE);
}

static void
assert_stuck (Fixture *fixture, const char *place)
{
  const guint before = fixture->returned;

  while (!g_str_equal (cpd_engine_locate_pulse (fixture->engine), place))
    g_usleep (LOOK_US);
  for (int i = 0; i < LOOKS; i++)
    {
      while (g_main_context_iteration (NULL, FALSE))
        continue;
      g_usleep (LOOK_US);
    }
  g_assert_cmpuint (fixture->returned, ==, before);
}

static void
test_comes_back (Fixture *fixture, gconstpointer data)
{
  for (guint i = 1; i <= 100; i++)
    {
      cpd_engine_send_pulse (fixture->engine);
      wait_returned (fixture, i);
    }
  g_assert_cmpuint (fixture->returned, ==, 100);
  g_assert_cmpstr (cpd_engine_locate_pulse (fixture->engine), ==, "nowhere");
}

static void
test_store (Fixture *fixture, gconstpointer data)
{
  g_autoptr(CpdTransaction) tx = cpd_store_begin (fixture->engine->store, CPD_STORE_BOOT, NULL);

  g_assert_nonnull (tx);
  cpd_engine_send_pulse (fixture->engine);
  assert_stuck (fixture, "the store");
  g_clear_pointer (&tx, cpd_transaction_free);
  wait_returned (fixture, 1);
}

/* That all threads are busy is one thing, that there is much to do another: the pulse is done next. */
static void
test_exits (Fixture *fixture, gconstpointer data)
{
  GThreadPool *pool = fixture->engine->exits;
  const int threads = g_thread_pool_get_max_threads (pool);
  g_autoptr(CpdTransaction) tx = cpd_store_begin (fixture->engine->store, CPD_STORE_BOOT, NULL);

  for (int i = 0; i < threads; i++)     /* each waits for the store */
    cpd_engine_push_exit (fixture->engine, "", CPD_EXIT_PULSE);
  while (g_thread_pool_unprocessed (pool) > 0)
    g_usleep (LOOK_US);
  for (int i = 0; i < 1000; i++)
    cpd_engine_push_exit (fixture->engine, "none", 0);
  cpd_engine_send_pulse (fixture->engine);
  while (g_thread_pool_unprocessed (pool) < 1001)
    g_usleep (LOOK_US);
  g_assert_cmpuint (fixture->returned, ==, 0);
  g_clear_pointer (&tx, cpd_transaction_free);
  wait_returned (fixture, (guint) threads + 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/engine/pulse/comes-back", Fixture, NULL, set_up, test_comes_back, tear_down);
  g_test_add ("/engine/pulse/store", Fixture, NULL, set_up, test_store, tear_down);
  g_test_add ("/engine/pulse/exits", Fixture, NULL, set_up, test_exits, tear_down);
  return g_test_run ();
}
