/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/cpd-waiters.h"

#include "public/cpod-error.h"
#include "store/cpd-store-execs.h"
#include "store/cpd-store-images.h"

#define IMAGE "1111111111111111111111111111111111111111111111111111111111111111"
#define EXEC "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
#define ID "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

typedef struct
{
  CpdStore *store;
  CpdWaiters *waiters;
  guint finished;
  int exit_code;
  GError *error;
} Fixture;

static void
commit (CpdTransaction *tx)
{
  g_assert_true (cpd_transaction_commit (tx, NULL));
  cpd_transaction_free (tx);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  const char *const layers[] = { NULL };
  CpdImageRow image = { .id = (char *) IMAGE, .digest = (char *) "", .config = (char *) "{}", .top_layer = (char *) "" };
  CpdContainerRow row = {
    .id = (char *) ID, .name = (char *) "web", .image = (char *) "i", .image_id = (char *) IMAGE,
    .config = (char *) "{}", .status.state = CPD_CONTAINER_RUNNING,
  };
  CpdTransaction *tx;

  fixture->store = cpd_store_open (NULL, NULL);
  fixture->waiters = cpd_waiters_new (fixture->store);
  tx = cpd_store_begin (fixture->store, CPD_STORE_BOOT, NULL);
  g_assert_true (cpd_store_add_image (tx, &image, layers, NULL));
  g_assert_true (cpd_store_add_container (tx, &row, NULL));
  commit (tx);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  cpd_waiters_free (fixture->waiters);
  cpd_store_unref (fixture->store);
  g_clear_error (&fixture->error);
}

static void
set_state (Fixture *fixture, CpdContainerState state, int exit_code)
{
  CpdContainerStatus status = { .state = state, .exit_code = exit_code };
  CpdTransaction *tx = cpd_store_begin (fixture->store, CPD_STORE_BOOT, NULL);

  g_assert_true (cpd_store_set_container_status (tx, ID, &status, NULL));
  commit (tx);
}

static void
on_done (GObject *source, GAsyncResult *result, gpointer data)
{
  Fixture *fixture = data;
  GError *error = NULL;

  fixture->exit_code = (int) g_task_propagate_int (G_TASK (result), &error);
  g_clear_error (&fixture->error);
  fixture->error = error;
  fixture->finished++;
}

static void
add (Fixture *fixture, const char *id, const char *conditions, GCancellable *cancellable)
{
  g_auto(GStrv) list = conditions != NULL ? g_strsplit (conditions, " ", -1) : NULL;

  cpd_waiters_add (fixture->waiters, id, (const char *const *) list, g_task_new (NULL, cancellable, on_done, fixture));
}

static void
iterate (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    continue;
}

static void
assert_finished (Fixture *fixture, guint n)
{
  iterate ();
  g_assert_cmpuint (fixture->finished, ==, n);
}

static void
test_stopped (Fixture *fixture, gconstpointer data)
{
  add (fixture, ID, NULL, NULL);
  add (fixture, ID, "stopped", NULL);
  cpd_waiters_look (fixture->waiters, ID);
  assert_finished (fixture, 0);
  set_state (fixture, CPD_CONTAINER_STOPPED, 42);
  cpd_waiters_look (fixture->waiters, "another");
  assert_finished (fixture, 0);
  cpd_waiters_look (fixture->waiters, ID);
  assert_finished (fixture, 2);
  g_assert_no_error (fixture->error);
  g_assert_cmpint (fixture->exit_code, ==, 42);
}

/* What already holds need not be waited for. */
static void
test_at_once (Fixture *fixture, gconstpointer data)
{
  add (fixture, ID, "paused running", NULL);
  assert_finished (fixture, 1);
  set_state (fixture, CPD_CONTAINER_EXITED, 3);
  add (fixture, ID, "stopped", NULL);
  assert_finished (fixture, 2);
  g_assert_cmpint (fixture->exit_code, ==, 3);
}

static void
test_removed (Fixture *fixture, gconstpointer data)
{
  CpdTransaction *tx;

  add (fixture, ID, "removed", NULL);
  add (fixture, ID, "paused", NULL);
  set_state (fixture, CPD_CONTAINER_EXITED, 9);
  cpd_waiters_look (fixture->waiters, ID);
  assert_finished (fixture, 0);
  tx = cpd_store_begin (fixture->store, CPD_STORE_BOOT, NULL);
  g_assert_true (cpd_store_delete_container (tx, ID, NULL));
  commit (tx);
  cpd_waiters_look (fixture->waiters, ID);
  assert_finished (fixture, 2);
  g_assert_no_error (fixture->error);
  g_assert_cmpint (fixture->exit_code, ==, 9);
}

static void
set_exec_state (Fixture *fixture, const char *id, CpdExecState state, int exit_code)
{
  CpdExecStatus status = { .state = state, .exit_code = exit_code, .finished = state == CPD_EXEC_STOPPED };
  CpdTransaction *tx = cpd_store_begin (fixture->store, CPD_STORE_BOOT, NULL);

  g_assert_true (cpd_store_set_exec_status (tx, id, &status, NULL));
  commit (tx);
}

static void
add_exec (Fixture *fixture, const char *id)
{
  CpdExecRow row = { .id = (char *) id, .container_id = (char *) ID, .config = (char *) "{}" };
  CpdTransaction *tx = cpd_store_begin (fixture->store, CPD_STORE_BOOT, NULL);

  g_assert_true (cpd_store_add_exec (tx, &row, NULL));
  commit (tx);
}

static void
delete_exec (Fixture *fixture, const char *id)
{
  CpdTransaction *tx = cpd_store_begin (fixture->store, CPD_STORE_BOOT, NULL);

  g_assert_true (cpd_store_delete_exec (tx, id, NULL));
  commit (tx);
  cpd_waiters_look (fixture->waiters, id);
}

/* Neither that it runs nor that it does not yet is its end. */
static void
test_exec (Fixture *fixture, gconstpointer data)
{
  add_exec (fixture, EXEC);
  cpd_waiters_add_exec (fixture->waiters, EXEC, g_task_new (NULL, NULL, on_done, fixture));
  cpd_waiters_look (fixture->waiters, EXEC);
  set_exec_state (fixture, EXEC, CPD_EXEC_RUNNING, 0);
  cpd_waiters_look (fixture->waiters, EXEC);
  assert_finished (fixture, 0);
  set_exec_state (fixture, EXEC, CPD_EXEC_STOPPED, 6);
  cpd_waiters_look (fixture->waiters, EXEC);
  assert_finished (fixture, 1);
  g_assert_cmpint (fixture->exit_code, ==, 6);

  /* Its exit code outlives it. */
  delete_exec (fixture, EXEC);
  fixture->exit_code = 0;
  cpd_waiters_add_exec (fixture->waiters, EXEC, g_task_new (NULL, NULL, on_done, fixture));
  assert_finished (fixture, 2);
  g_assert_no_error (fixture->error);
  g_assert_cmpint (fixture->exit_code, ==, 6);
}

static void
test_exec_removed (Fixture *fixture, gconstpointer data)
{
  add_exec (fixture, EXEC);
  cpd_waiters_add_exec (fixture->waiters, EXEC, g_task_new (NULL, NULL, on_done, fixture));
  assert_finished (fixture, 0);
  delete_exec (fixture, EXEC);
  assert_finished (fixture, 1);
  g_assert_error (fixture->error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_EXEC_SESSION);
}

static void
test_errors (Fixture *fixture, gconstpointer data)
{
  add (fixture, ID, "running nonsense", NULL);
  assert_finished (fixture, 1);
  g_assert_error (fixture->error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (g_strrstr (fixture->error->message, "'nonsense'"));
  add (fixture, IMAGE, NULL, NULL);
  assert_finished (fixture, 2);
  g_assert_error (fixture->error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER);
}

static gpointer
cancel (gpointer data)
{
  g_cancellable_cancel (data);
  return NULL;
}

static void
test_cancelled (Fixture *fixture, gconstpointer data)
{
  g_autoptr(GCancellable) before = g_cancellable_new (), later = g_cancellable_new ();

  g_cancellable_cancel (before);
  add (fixture, ID, NULL, before);
  assert_finished (fixture, 1);
  g_assert_error (fixture->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  add (fixture, ID, NULL, later);
  add (fixture, ID, NULL, NULL);
  assert_finished (fixture, 1);
  g_thread_join (g_thread_new ("canceller", cancel, later));
  assert_finished (fixture, 2);
  g_assert_error (fixture->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  /* The other one goes on waiting. */
  set_state (fixture, CPD_CONTAINER_STOPPED, 1);
  cpd_waiters_look (fixture->waiters, ID);
  assert_finished (fixture, 3);
  g_assert_no_error (fixture->error);
}

/* Cancelled in another thread at the moment when what it waits for has come. */
static void
test_cancelled_and_done (Fixture *fixture, gconstpointer data)
{
  for (guint i = 1; i <= 200; i++)
    {
      g_autoptr(GCancellable) cancellable = g_cancellable_new ();
      GThread *thread;

      set_state (fixture, CPD_CONTAINER_RUNNING, 0);
      add (fixture, ID, NULL, cancellable);
      thread = g_thread_new ("canceller", cancel, cancellable);
      set_state (fixture, CPD_CONTAINER_STOPPED, 5);
      cpd_waiters_look (fixture->waiters, ID);
      g_thread_join (thread);
      assert_finished (fixture, i);
    }
}

static void
on_done_wait_again (GObject *source, GAsyncResult *result, gpointer data)
{
  Fixture *fixture = data;

  g_assert_cmpint (g_task_propagate_int (G_TASK (result), NULL), ==, 7);
  fixture->finished++;
  cpd_waiters_look (fixture->waiters, ID);
  add (fixture, ID, "paused", NULL);
}

static gboolean
look_in_loop (gpointer data)
{
  Fixture *fixture = data;

  set_state (fixture, CPD_CONTAINER_STOPPED, 7);
  cpd_waiters_look (fixture->waiters, ID);
  return G_SOURCE_REMOVE;
}

/* In the main loop a callback runs while the list is looked through, and may do all of it again. */
static void
test_from_callback (Fixture *fixture, gconstpointer data)
{
  const char *const conditions[] = { "stopped", NULL };

  for (int i = 0; i < 3; i++)
    cpd_waiters_add (fixture->waiters, ID, conditions, g_task_new (NULL, NULL, on_done_wait_again, fixture));
  g_timeout_add (5, look_in_loop, fixture);
  while (fixture->finished < 3)
    g_main_context_iteration (NULL, TRUE);
  assert_finished (fixture, 3);
  set_state (fixture, CPD_CONTAINER_PAUSED, 0);
  cpd_waiters_look (fixture->waiters, ID);
  assert_finished (fixture, 6);
}

#define ADD(path, func) g_test_add (path, Fixture, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/waiters/stopped", test_stopped);
  ADD ("/waiters/at-once", test_at_once);
  ADD ("/waiters/removed", test_removed);
  ADD ("/waiters/exec", test_exec);
  ADD ("/waiters/exec-removed", test_exec_removed);
  ADD ("/waiters/errors", test_errors);
  ADD ("/waiters/cancelled", test_cancelled);
  ADD ("/waiters/cancelled-and-done", test_cancelled_and_done);
  ADD ("/waiters/from-callback", test_from_callback);
  return g_test_run ();
}
