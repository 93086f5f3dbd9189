/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * Work that takes its time, in a thread of its own.
 *
 * Signals, in the main context of the thread that made the job:
 *   "progress": the numbers have changed; at most four times a second
 *   "finished": it has ended; once
 */
#define CPD_TYPE_JOB (cpd_job_get_type ())
G_DECLARE_FINAL_TYPE (CpdJob, cpd_job, CPD, JOB, GObject)

typedef enum
{
  CPD_JOB_RUNNING,
  CPD_JOB_DONE,
  CPD_JOB_FAILED,
  CPD_JOB_CANCELLED,
} CpdJobState;

/* The work itself: returns its result, an a{sv} that may be floating, or NULL with an error. */
typedef GVariant *(*CpdJobFunc) (CpdJob   *job,
                                 gpointer  user_data,
                                 GError  **error);

CpdJob       *cpd_job_new               (const char      *kind,
                                         CpdJobFunc       func,
                                         gpointer         user_data,
                                         GDestroyNotify   destroy);
/* Once. FALSE when there is no thread to be had. */
gboolean      cpd_job_start             (CpdJob          *job,
                                         GError         **error);
void          cpd_job_cancel            (CpdJob          *job);
const char   *cpd_job_get_kind          (CpdJob          *job);
GCancellable *cpd_job_get_cancellable   (CpdJob          *job);

/* From any thread. */
void          cpd_job_set_progress      (CpdJob          *job,
                                         guint64          bytes_done,
                                         guint64          bytes_total);
void          cpd_job_get_progress      (CpdJob          *job,
                                         guint64         *bytes_done,
                                         guint64         *bytes_total);
/* The same for the things that it is about, as layers; told with the next progress. */
void          cpd_job_set_items         (CpdJob          *job,
                                         guint            items_done,
                                         guint            items_total);
void          cpd_job_get_items         (CpdJob          *job,
                                         guint           *items_done,
                                         guint           *items_total);

/* What "finished" has told of; until then it is running. */
CpdJobState   cpd_job_get_state         (CpdJob          *job);
const char   *cpd_job_state_to_string   (CpdJobState      state);
GVariant     *cpd_job_get_result        (CpdJob          *job);
const GError *cpd_job_get_error         (CpdJob          *job);

G_END_DECLS
