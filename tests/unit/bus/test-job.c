/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/cpd-job.h"
#include "public/cpod-error.h"

typedef struct
{
  GMainLoop *loop;
  guint progressed;
  guint finished;
  gboolean freed;
} Fixture;

static void
on_progress (CpdJob *job, gpointer user_data)
{
  Fixture *fixture = user_data;

  g_assert_cmpuint (fixture->finished, ==, 0);
  fixture->progressed++;
}

static void
on_finished (CpdJob *job, gpointer user_data)
{
  Fixture *fixture = user_data;

  fixture->finished++;
  g_main_loop_quit (fixture->loop);
}

static void
on_freed (gpointer user_data)
{
  g_atomic_int_set (&((Fixture *) user_data)->freed, TRUE);
}

static CpdJob *
run_job (Fixture *fixture, CpdJobFunc func, gboolean cancel)
{
  CpdJob *job = cpd_job_new ("test", func, fixture, on_freed);
  g_autoptr(GError) error = NULL;

  *fixture = (Fixture) { .loop = g_main_loop_new (NULL, FALSE) };
  g_signal_connect (job, "progress", G_CALLBACK (on_progress), fixture);
  g_signal_connect (job, "finished", G_CALLBACK (on_finished), fixture);
  g_assert_true (cpd_job_start (job, &error));
  g_assert_no_error (error);
  g_assert_cmpint (cpd_job_get_state (job), ==, CPD_JOB_RUNNING);
  if (cancel)
    cpd_job_cancel (job);
  g_main_loop_run (fixture->loop);
  g_main_loop_unref (fixture->loop);
  g_assert_cmpuint (fixture->finished, ==, 1);
  return job;
}

static void
drop_job (Fixture *fixture, CpdJob *job)
{
  g_object_unref (job);
  for (int i = 0; i < 200 && !g_atomic_int_get (&fixture->freed); i++)      /* its thread may still be on its way out */
    g_usleep (5000);
  g_assert_true (fixture->freed);
}

static GVariant *
work_well (CpdJob *job, gpointer user_data, GError **error)
{
  gint64 end = g_get_monotonic_time () + 600 * 1000;
  guint64 done = 0;

  while (g_get_monotonic_time () < end)
    {
      cpd_job_set_progress (job, ++done, 1000000);
      g_usleep (1000);
    }
  cpd_job_set_progress (job, 1000000, 1000000);
  return g_variant_new_parsed ("{'id': <'x'>}");
}

/* However often the work tells, four times a second is enough. */
static void
test_done (void)
{
  Fixture fixture;
  CpdJob *job = run_job (&fixture, work_well, FALSE);
  guint64 done, total;

  g_assert_cmpint (cpd_job_get_state (job), ==, CPD_JOB_DONE);
  g_assert_null (cpd_job_get_error (job));
  g_assert_cmpuint (g_variant_n_children (cpd_job_get_result (job)), ==, 1);
  g_assert_cmpuint (fixture.progressed, >=, 1);
  g_assert_cmpuint (fixture.progressed, <=, 4);
  cpd_job_get_progress (job, &done, &total);
  g_assert_cmpuint (done, ==, total);
  drop_job (&fixture, job);
}

static GVariant *
work_badly (CpdJob *job, gpointer user_data, GError **error)
{
  g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_DISK_FULL, "no room");
  return NULL;
}

static void
test_failed (void)
{
  Fixture fixture;
  CpdJob *job = run_job (&fixture, work_badly, FALSE);

  g_assert_cmpint (cpd_job_get_state (job), ==, CPD_JOB_FAILED);
  g_assert_error (cpd_job_get_error (job), CPOD_ERROR, CPOD_ERROR_DISK_FULL);
  g_assert_null (cpd_job_get_result (job));
  drop_job (&fixture, job);
}

static GVariant *
work_until_cancelled (CpdJob *job, gpointer user_data, GError **error)
{
  while (!g_cancellable_set_error_if_cancelled (cpd_job_get_cancellable (job), error))
    g_usleep (1000);
  return NULL;
}

static void
test_cancelled (void)
{
  Fixture fixture;
  CpdJob *job = run_job (&fixture, work_until_cancelled, TRUE);

  g_assert_cmpint (cpd_job_get_state (job), ==, CPD_JOB_CANCELLED);
  g_assert_cmpstr (cpd_job_state_to_string (cpd_job_get_state (job)), ==, "cancelled");
  drop_job (&fixture, job);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/job/done", test_done);
  g_test_add_func ("/job/failed", test_failed);
  g_test_add_func ("/job/cancelled", test_cancelled);
  return g_test_run ();
}
