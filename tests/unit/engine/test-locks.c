/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/cpd-locks.h"

#define THREADS 8
#define ROUNDS 2000
#define OBJECTS 3

typedef struct
{
  CpdLocks *locks;
  int counters[OBJECTS];        /* each guarded by the lock of its object and nothing else */
} Shared;

static const char *const objects[OBJECTS] = { "a", "b", "c" };

static gpointer
contend (gpointer data)
{
  Shared *shared = data;

  for (int i = 0; i < ROUNDS; i++)
    {
      g_autoptr(CpdLock) lock = cpd_locks_acquire (shared->locks, objects[i % OBJECTS], "count");
      int before = shared->counters[i % OBJECTS];

      if (i % 64 == 0)
        g_thread_yield ();
      shared->counters[i % OBJECTS] = before + 1;
    }
  return NULL;
}

/* Nobody is let in twice, and at the end the table is empty, which cpd_locks_free() asserts. */
static void
test_contention (void)
{
  Shared shared = { .locks = cpd_locks_new () };
  GThread *threads[THREADS];
  int total = 0;

  for (int i = 0; i < THREADS; i++)
    threads[i] = g_thread_new ("contender", contend, &shared);
  for (int i = 0; i < THREADS; i++)
    g_thread_join (threads[i]);
  for (int i = 0; i < OBJECTS; i++)
    total += shared.counters[i];
  g_assert_cmpint (total, ==, THREADS * ROUNDS);
  cpd_locks_free (shared.locks);
}

/* Two objects in the one order that the rules ask for, from many threads, do not deadlock. */
static gpointer
take_two (gpointer data)
{
  Shared *shared = data;

  for (int i = 0; i < ROUNDS; i++)
    {
      g_autoptr(CpdLock) first = cpd_locks_acquire (shared->locks, "a", "two");
      g_autoptr(CpdLock) second = cpd_locks_acquire (shared->locks, "b", "two");

      shared->counters[0]++;
      shared->counters[1]++;
    }
  return NULL;
}

static void
test_order (void)
{
  Shared shared = { .locks = cpd_locks_new () };
  GThread *threads[THREADS];

  for (int i = 0; i < THREADS; i++)
    threads[i] = g_thread_new ("taker", take_two, &shared);
  for (int i = 0; i < THREADS; i++)
    g_thread_join (threads[i]);
  g_assert_cmpint (shared.counters[0], ==, THREADS * ROUNDS);
  g_assert_cmpint (shared.counters[1], ==, THREADS * ROUNDS);
  cpd_locks_free (shared.locks);
}

static gpointer
take_other (gpointer data)
{
  cpd_lock_release (cpd_locks_acquire (data, "other", "test"));
  return NULL;
}

static gpointer
take_same (gpointer data)
{
  Shared *shared = data;
  g_autoptr(CpdLock) lock = cpd_locks_acquire (shared->locks, "a", "test");

  return GINT_TO_POINTER (shared->counters[0]);
}

/* One object does not hold up another, and who waits gets it once it is let go. */
static void
test_independent (void)
{
  Shared shared = { .locks = cpd_locks_new () };
  CpdLock *lock = cpd_locks_acquire (shared.locks, "a", "test");
  GThread *waiting = g_thread_new ("waiting", take_same, &shared);

  g_thread_join (g_thread_new ("other", take_other, shared.locks));
  g_usleep (20 * 1000);
  shared.counters[0] = 7;
  cpd_lock_release (lock);
  g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (waiting)), ==, 7);
  cpd_locks_free (shared.locks);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/locks/A16/contention", test_contention);
  g_test_add_func ("/locks/A16/trap-24/order", test_order);
  g_test_add_func ("/locks/independent", test_independent);
  return g_test_run ();
}
