/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "store/cpd-store.h"

G_BEGIN_DECLS

/* libpod's states of an exec session. */
typedef enum
{
  CPD_EXEC_CREATED,             /* nothing runs yet */
  CPD_EXEC_RUNNING,
  CPD_EXEC_STOPPED,             /* its process has ended */
} CpdExecState;

#define CPD_N_EXEC_STATES (CPD_EXEC_STOPPED + 1)

/* What changes while it runs. */
typedef struct
{
  CpdExecState state;
  gint64 pid;                   /* its process, 0 for none */
  gint64 pid_start;             /* when that was started, in clock ticks since boot */
  gint64 monitor_pid;
  gint64 monitor_start;
  int exit_code;
  gint64 started;               /* µs since the epoch, 0 for never */
  gint64 finished;
} CpdExecStatus;

/* A further process in a container, with what it was asked to be: an exec session. */
typedef struct
{
  char *id;
  char *container_id;
  gint64 created;               /* µs since the epoch */
  gboolean auto_remove;
  char *config;                 /* JSON: how it was asked for; see engine/exec/cpd-exec-config.h */
  CpdExecStatus status;
} CpdExecRow;

const char *cpd_exec_state_to_string      (CpdExecState          state);
void        cpd_exec_row_free             (CpdExecRow           *row);

gboolean    cpd_store_add_exec            (CpdTransaction       *tx,
                                           const CpdExecRow     *row,
                                           GError              **error);
/* Those who wait for it are told at the commit. NO_SUCH_EXEC_SESSION. */
gboolean    cpd_store_set_exec_status     (CpdTransaction       *tx,
                                           const char           *id,
                                           const CpdExecStatus  *status,
                                           GError              **error);
/* NO_SUCH_EXEC_SESSION. */
gboolean    cpd_store_set_exec_config     (CpdTransaction       *tx,
                                           const char           *id,
                                           const char           *config,
                                           GError              **error);
/* Deletes it, keeping its exit code for who still waits. */
gboolean    cpd_store_delete_exec         (CpdTransaction       *tx,
                                           const char           *id,
                                           GError              **error);
/* Those that had ended by TIME. */
gboolean    cpd_store_delete_old_execs    (CpdTransaction       *tx,
                                           gint64                time,
                                           GError              **error);
gboolean    cpd_store_delete_all_execs    (CpdTransaction       *tx,
                                           GError              **error);
/* NO_SUCH_EXEC_SESSION when there is none. */
CpdExecRow *cpd_store_get_exec            (CpdStore             *store,
                                           const char           *id,
                                           GError              **error);
/* The id for an id or a unique prefix: NO_SUCH_EXEC_SESSION, AMBIGUOUS_NAME. */
char       *cpd_store_find_exec           (CpdStore             *store,
                                           const char           *id_or_prefix,
                                           GError              **error);
/* Those of a container, or with NULL of all; oldest first. */
GPtrArray  *cpd_store_list_execs          (CpdStore             *store,
                                           const char           *container_id,
                                           gboolean              running_only,
                                           GError              **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdExecRow, cpd_exec_row_free)

G_END_DECLS
