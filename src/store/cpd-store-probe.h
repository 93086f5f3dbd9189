/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "store/cpd-store.h"

G_BEGIN_DECLS

typedef enum
{
  CPD_PROBE_GOOD,
  CPD_PROBE_MISSING,            /* there is none, or an empty file */
  CPD_PROBE_DAMAGED,
  CPD_PROBE_FAILED,             /* nobody can tell: no permission, no memory, a newer schema */
} CpdProbeResult;

typedef struct
{
  char *reason;                 /* of damage */
  gboolean unfinished;          /* the time was over before all was checked */
  gboolean old;                 /* its schema is not the newest */
  guint64 last_event;
} CpdProbe;

void           cpd_probe_clear (CpdProbe    *probe);
/* Looks at a database without changing it, for about BUDGET µs; 0 for as long as it takes. */
CpdProbeResult cpd_probe       (const char  *path,
                                gint64       budget,
                                CpdProbe    *probe,
                                GError     **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CpdProbe, cpd_probe_clear)

G_END_DECLS
