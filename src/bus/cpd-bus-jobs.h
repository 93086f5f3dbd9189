/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/cpd-bus-call.h"
#include "engine/cpd-job.h"

G_BEGIN_DECLS

/* The jobs of all callers, each at CPOD_PATH_JOBS/SENDER/TOKEN. Main thread only. */
typedef struct _CpdBusJobs CpdBusJobs;

CpdBusJobs *cpd_bus_jobs_new      (CpdBusService     *service);
void        cpd_bus_jobs_free     (CpdBusJobs        *jobs);

/* Exports JOB (transfer full) for the caller of CALL, starts it, and answers with its path. */
void        cpd_bus_jobs_start    (CpdBusCall        *call,
                                   CpdJob            *job);
/* What a caller that has left had going ends, unless it was detached. */
void        cpd_bus_jobs_abandon  (CpdBusJobs        *jobs,
                                   const CpdBusPeer  *peer);
void        cpd_bus_jobs_cancel   (CpdBusJobs        *jobs);
/* How many are running. */
guint       cpd_bus_jobs_count    (CpdBusJobs        *jobs);

/* Option "token". */
gboolean    cpd_bus_jobs_check_token (GVariant       *value,
                                      GError        **error);

/* The options of every method that starts a job. */
#define CPD_BUS_JOB_OPTIONS \
  { "token", G_VARIANT_TYPE_STRING, cpd_bus_jobs_check_token }, \
  { "detach", G_VARIANT_TYPE_BOOLEAN }

/* The method Runtime.ListJobs. */
void        cpd_bus_jobs_start_list  (CpdBusCall         *call);

G_END_DECLS
