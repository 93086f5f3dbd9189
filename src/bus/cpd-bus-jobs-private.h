/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/cpd-bus-jobs.h"

G_BEGIN_DECLS

/* What the parts of the jobs on the bus share: their table, one of them, its object. */

typedef struct _CpdBusJobOwner CpdBusJobOwner;

struct _CpdBusJobs
{
  CpdBusService *service;       /* (unowned) */
  GHashTable *owners;           /* (owned): first part of the path → CpdBusJobOwner */
  guint running;
};

/* A caller with jobs. */
struct _CpdBusJobOwner
{
  CpdBusJobs *jobs;             /* (unowned) */
  char *name;                   /* (owned): as in the path */
  char *sender;                 /* (owned) (nullable) */
  guint32 uid;
  gboolean gone;                /* from the bus: all that is left are jobs that were detached */
  guint registration;
  guint64 last_number;
  GHashTable *table;            /* (owned): token → CpdBusJobEntry */
};

/* An exported job. */
typedef struct
{
  CpdBusJobs *jobs;             /* (unowned) */
  CpdBusJobOwner *owner;        /* (unowned) (nullable): NULL once the caller has left, unless it is detached */
  char *token;                  /* (owned) */
  CpdJob *job;                  /* (owned) */
  gboolean detached;
  GVariant *announced;          /* (owned): its properties */
  GPtrArray *waiters;           /* (owned) (element-type CpdBusCall) */
  guint afterlife;
} CpdBusJobEntry;

/* The table. */
void            cpd_bus_jobs_remove            (CpdBusJobEntry       *entry);
/* All entries, of whomever: (transfer container). */
GPtrArray      *cpd_bus_jobs_list              (CpdBusJobs           *jobs);

/* One job. Its caller puts it into the table. */
CpdBusJobEntry *cpd_bus_job_entry_new          (CpdBusJobOwner       *owner,
                                                const char           *token,
                                                CpdJob               *job,
                                                gboolean              detached);
void            cpd_bus_job_entry_free         (CpdBusJobEntry       *entry);
char           *cpd_bus_job_entry_build_path   (const CpdBusJobEntry *entry);
/* Answers CALL at the end of the job. */
void            cpd_bus_job_entry_wait         (CpdBusJobEntry       *entry,
                                                CpdBusCall           *call);
/* PEER does not wait for it any more. */
void            cpd_bus_job_entry_drop_waiters (CpdBusJobEntry       *entry,
                                                const CpdBusPeer     *peer);

/* The objects of the jobs of OWNER; 0 with an error. */
guint           cpd_bus_job_object_export      (CpdBusJobOwner       *owner,
                                                GError              **error);

G_END_DECLS
