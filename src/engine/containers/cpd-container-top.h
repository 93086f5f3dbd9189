/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/cpd-engine.h"
#include "engine/host/cpd-process-info.h"

G_BEGIN_DECLS

/* A process in a container. */
typedef struct
{
  CpdProcessInfo *info;
  pid_t parent;                 /* as the container sees it, 0 for one outside */
  gint64 started;               /* µs since the epoch */
  gint64 elapsed;               /* µs */
  char *args;                   /* (nullable): words with spaces between them, any bytes */
  char *label;                  /* (nullable): of the security module */
} CpdTopProcess;

/* All of them, by pid, and the names that the container has for users and groups. */
typedef struct
{
  GPtrArray *processes;         /* of CpdTopProcess */
  GHashTable *users;
  GHashTable *groups;
} CpdTop;

void    cpd_top_free             (CpdTop      *top);
/* Of an entry of one of the two tables, or else the number. */
char   *cpd_top_name             (GHashTable  *names,
                                  guint32      number);

/* Their names. */
char  **cpd_top_capabilities     (const CpdTopProcess *process,
                                  CpdCapabilitySet     set);

/* The processes of a container that runs or is paused. What ends meanwhile is left out. Command lines and labels are read
 * only when they are wanted. */
CpdTop *cpd_engine_top_container (CpdEngine   *engine,
                                  const char  *id,
                                  gboolean     with_args,
                                  gboolean     with_labels,
                                  GError     **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdTop, cpd_top_free)

G_END_DECLS
