/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/cpd-engine.h"
#include "engine/host/cpd-cgroup-usage.h"

G_BEGIN_DECLS

/* What a container uses, at one moment. */
typedef struct
{
  char *id;
  char *name;
  gint64 time;                  /* µs since the epoch */
  gint64 started;               /* likewise; 0 when it does not run, and then there is nothing more */
  CpdCgroupUsage usage;
  guint64 net_input;            /* bytes on all interfaces but "lo"; 0 with the host's network */
  guint64 net_output;
  double cpu;                   /* percent of a processor, since the sample before, or else since its start */
  double average_cpu;           /* percent of a processor, since its start */
} CpdStats;

void       cpd_stats_free               (CpdStats            *stats);

/* Of those whose IDS are given, running or not, or with NULL of all in NAMESPACE (nullable) that run. BEFORE (nullable) is what
 * the last call gave. An array of CpdStats. NO_SUCH_CONTAINER; INVALID_STATE for one without a cgroup. */
GPtrArray *cpd_engine_get_stats         (CpdEngine           *engine,
                                         const char *const   *ids,
                                         const char          *namespace,
                                         GPtrArray           *before,
                                         GError             **error);
/* podman's names; a JSON object. */
char      *cpd_stats_to_json            (GPtrArray           *stats);

/* The reading end of a pipe: a line of JSON each INTERVAL_MS, the first at once, until none of IDS is there any more. */
int        cpd_engine_stream_stats      (CpdEngine           *engine,
                                         guint32              uid,
                                         const char *const   *ids,
                                         const char          *namespace,
                                         guint                interval_ms,
                                         GError             **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdStats, cpd_stats_free)

G_END_DECLS
