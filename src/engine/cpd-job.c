/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/cpd-job.h"

#include "public/cpod-error.h"

#define PROGRESS_INTERVAL_MS 250

struct _CpdJob
{
  GObject parent;

  char *kind;                   /* (owned) */
  CpdJobFunc func;
  gpointer user_data;
  GDestroyNotify destroy;
  GCancellable *cancellable;    /* (owned) */
  GMainContext *context;        /* (owned): where signals are emitted */

  GMutex lock;                  /* for the following */
  guint64 bytes_done;
  guint64 bytes_total;
  guint items_done;
  guint items_total;
  gint64 announced;             /* monotonic time of the last "progress" */
  GSource *announcement;        /* (owned) (nullable): the next "progress" */

  /* Written by the job's thread before "finished" is scheduled, read only after that. */
  CpdJobState state;
  CpdJobState outcome;
  GVariant *result;             /* (owned) (nullable) */
  GError *error;                /* (owned) (nullable) */
};

G_DEFINE_FINAL_TYPE (CpdJob, cpd_job, G_TYPE_OBJECT)

enum
{
  SIGNAL_PROGRESS,
  SIGNAL_FINISHED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

static void
cpd_job_finalize (GObject *object)
{
  CpdJob *self = CPD_JOB (object);

  if (self->destroy != NULL)
    self->destroy (self->user_data);
  g_clear_pointer (&self->result, g_variant_unref);
  g_clear_error (&self->error);
  g_object_unref (self->cancellable);
  g_main_context_unref (self->context);
  g_mutex_clear (&self->lock);
  g_free (self->kind);

  G_OBJECT_CLASS (cpd_job_parent_class)->finalize (object);
}

static void
cpd_job_class_init (CpdJobClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = cpd_job_finalize;

  signals[SIGNAL_PROGRESS] = g_signal_new ("progress", CPD_TYPE_JOB, G_SIGNAL_RUN_LAST,
                                           0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_FINISHED] = g_signal_new ("finished", CPD_TYPE_JOB, G_SIGNAL_RUN_LAST,
                                           0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
cpd_job_init (CpdJob *self)
{
  g_mutex_init (&self->lock);
  self->cancellable = g_cancellable_new ();
  self->context = g_main_context_ref_thread_default ();
}

/* DESTROY frees USER_DATA with the job. */
CpdJob *
cpd_job_new (const char *kind, CpdJobFunc func, gpointer user_data, GDestroyNotify destroy)
{
  CpdJob *self = g_object_new (CPD_TYPE_JOB, NULL);

  self->kind = g_strdup (kind);
  self->func = func;
  self->user_data = user_data;
  self->destroy = destroy;
  return self;
}

static void
drop_announcement (CpdJob *self)
{
  GSource *source;

  g_mutex_lock (&self->lock);
  source = g_steal_pointer (&self->announcement);
  g_mutex_unlock (&self->lock);
  if (source != NULL)
    {
      g_source_destroy (source);
      g_source_unref (source);
    }
}

static gboolean
announce_progress (gpointer user_data)
{
  CpdJob *self = user_data;

  g_mutex_lock (&self->lock);
  self->announced = g_get_monotonic_time ();
  g_clear_pointer (&self->announcement, g_source_unref);
  g_mutex_unlock (&self->lock);

  g_signal_emit (self, signals[SIGNAL_PROGRESS], 0);
  return G_SOURCE_REMOVE;
}

/* What changes at once is told at once, and what changes all the time four times a second. The lock is held. */
static void
schedule_announcement (CpdJob *self)
{
  gint64 past = (g_get_monotonic_time () - self->announced) / 1000;
  guint delay = past < PROGRESS_INTERVAL_MS ? (guint) (PROGRESS_INTERVAL_MS - past) : 0;

  if (self->announcement != NULL)
    return;
  self->announcement = g_timeout_source_new (delay);
  g_source_set_callback (self->announcement, announce_progress, g_object_ref (self), g_object_unref);
  g_source_attach (self->announcement, self->context);
}

void
cpd_job_set_progress (CpdJob *self, guint64 bytes_done, guint64 bytes_total)
{
  g_mutex_lock (&self->lock);
  self->bytes_done = bytes_done;
  self->bytes_total = bytes_total;
  schedule_announcement (self);
  g_mutex_unlock (&self->lock);
}

void
cpd_job_set_items (CpdJob *self, guint items_done, guint items_total)
{
  g_mutex_lock (&self->lock);
  self->items_done = items_done;
  self->items_total = items_total;
  schedule_announcement (self);
  g_mutex_unlock (&self->lock);
}

void
cpd_job_get_items (CpdJob *self, guint *items_done, guint *items_total)
{
  g_mutex_lock (&self->lock);
  *items_done = self->items_done;
  *items_total = self->items_total;
  g_mutex_unlock (&self->lock);
}

void
cpd_job_get_progress (CpdJob *self, guint64 *bytes_done, guint64 *bytes_total)
{
  g_mutex_lock (&self->lock);
  *bytes_done = self->bytes_done;
  *bytes_total = self->bytes_total;
  g_mutex_unlock (&self->lock);
}

static gboolean
announce_end (gpointer user_data)
{
  CpdJob *self = user_data;

  drop_announcement (self);
  self->state = self->outcome;
  g_signal_emit (self, signals[SIGNAL_FINISHED], 0);
  return G_SOURCE_REMOVE;
}

/* What an error means: work that was told to end has not failed. */
static CpdJobState
judge_error (const GError *error)
{
  if (g_error_matches (error, CPOD_ERROR, CPOD_ERROR_CANCELLED)
      || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return CPD_JOB_CANCELLED;
  return CPD_JOB_FAILED;
}

static gpointer
run_job (gpointer user_data)
{
  g_autoptr(CpdJob) self = user_data;
  g_autoptr(GSource) end = g_idle_source_new ();
  GVariant *result = NULL;

  if (!g_cancellable_set_error_if_cancelled (self->cancellable, &self->error))
    result = self->func (self, self->user_data, &self->error);
  if (result != NULL)
    self->result = g_variant_take_ref (result);
  else if (self->error == NULL)
    self->error = g_error_new (CPOD_ERROR, CPOD_ERROR_FAILED, "%s gave no result", self->kind);
  self->outcome = self->error == NULL ? CPD_JOB_DONE : judge_error (self->error);

  g_source_set_priority (end, G_PRIORITY_DEFAULT);
  g_source_set_callback (end, announce_end, g_object_ref (self), g_object_unref);
  g_source_attach (end, self->context);
  return NULL;
}

gboolean
cpd_job_start (CpdJob *self, GError **error)
{
  g_autoptr(GError) cause = NULL;
  GThread *thread = g_thread_try_new ("cpd-job", run_job, g_object_ref (self), &cause);

  if (thread == NULL)
    {
      g_object_unref (self);
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_LIMITS_EXCEEDED,
                   "failed to start a thread: %s", cause->message);
      return FALSE;
    }
  g_thread_unref (thread);
  return TRUE;
}

void
cpd_job_cancel (CpdJob *self)
{
  g_cancellable_cancel (self->cancellable);
}

const char *
cpd_job_get_kind (CpdJob *self)
{
  return self->kind;
}

GCancellable *
cpd_job_get_cancellable (CpdJob *self)
{
  return self->cancellable;
}

CpdJobState
cpd_job_get_state (CpdJob *self)
{
  return self->state;
}

const char *
cpd_job_state_to_string (CpdJobState state)
{
  static const char *const names[] = { "running", "done", "failed", "cancelled" };

  return names[state];
}

/* (nullable): NULL unless it is done. */
GVariant *
cpd_job_get_result (CpdJob *self)
{
  return self->state == CPD_JOB_DONE ? self->result : NULL;
}

/* (nullable): NULL while it runs and when it is done. */
const GError *
cpd_job_get_error (CpdJob *self)
{
  return self->state != CPD_JOB_RUNNING ? self->error : NULL;
}
