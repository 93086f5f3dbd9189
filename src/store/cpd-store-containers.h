/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "store/cpd-store.h"

G_BEGIN_DECLS

/* libpod's states. */
typedef enum
{
  CPD_CONTAINER_CONFIGURED,     /* it exists, nothing was made to run it */
  CPD_CONTAINER_CREATED,        /* the OCI runtime has created it */
  CPD_CONTAINER_RUNNING,
  CPD_CONTAINER_PAUSED,
  CPD_CONTAINER_STOPPING,       /* its stop signal was sent */
  CPD_CONTAINER_STOPPED,        /* its process has ended */
  CPD_CONTAINER_EXITED,         /* and what it needed to run is cleared away */
  CPD_CONTAINER_REMOVING,
} CpdContainerState;

#define CPD_N_CONTAINER_STATES (CPD_CONTAINER_REMOVING + 1)

/* What changes while a container runs. */
typedef struct
{
  CpdContainerState state;
  gint64 pid;                   /* its first process, 0 for none */
  gint64 pid_start;             /* when that was started, in clock ticks since boot */
  gint64 monitor_pid;           /* its conmon */
  gint64 monitor_start;
  int exit_code;
  gboolean oom_killed;
  gint64 started;               /* µs since the epoch, 0 for never */
  gint64 finished;
  guint restarts;               /* by its restart policy, since somebody last started it */
  gboolean stopped_by_user;     /* so its restart policy lets it be */
} CpdContainerStatus;

/* A container. */
typedef struct
{
  char *id;
  char *name;                   /* unique in its namespace */
  char *namespace;              /* "" (or NULL, to be written) for none */
  char *image;                  /* as the user named it */
  char *image_id;
  gint64 created;               /* µs since the epoch */
  guint32 owner_uid;
  gboolean auto_remove;
  char *config;                 /* JSON: how it was asked for; see engine/containers/cpd-container-config.h */
  char **depends;               /* ids, read with the config; NULL for none */
  CpdContainerStatus status;
} CpdContainerRow;

typedef struct
{
  gboolean all;                 /* not just running and paused ones */
  guint limit;                  /* 0 for no limit */
  char *after;                  /* id of the last one of the page before */
  char **ids;                   /* whole ones */
  char **id_prefixes;
  const char *namespace;        /* NULL or "" for all */
  char **names;                 /* regular expressions that a part of the name matches */
  char **states;
  char **images;                /* names or id prefixes */
  char **labels;                /* "key" or "key=value" */
  char **exit_codes;            /* of those that have ended */
  char **depends;               /* ids of what they depend on */
  char **restart_policies;      /* names of policies */
  const char *before;           /* id of one that was created later */
  const char *since;            /* id of one that was created earlier */
  gint64 until;                 /* created before this time, 0 for any */
  gboolean restarting;          /* only those that have a restart policy */
  gboolean with_config;         /* read the config and the dependencies too; else they are NULL */
} CpdContainerQuery;

const char       *cpd_container_state_to_string      (CpdContainerState         state);
gboolean          cpd_container_state_from_string    (const char               *text,
                                                      CpdContainerState        *state);
void              cpd_container_row_free             (CpdContainerRow          *row);
const char       *cpd_container_row_namespace        (const CpdContainerRow    *row);
/* Whether PATTERN is good for CpdContainerQuery.names: INVALID_ARGUMENT. */
gboolean          cpd_container_pattern_check        (const char               *pattern,
                                                      GError                  **error);

/* CONTAINER_EXISTS when the name or id is taken. */
gboolean          cpd_store_add_container            (CpdTransaction           *tx,
                                                      const CpdContainerRow    *row,
                                                      GError                  **error);
gboolean          cpd_store_rename_container         (CpdTransaction           *tx,
                                                      const char               *id,
                                                      const char               *name,
                                                      GError                  **error);
gboolean          cpd_store_set_container_status     (CpdTransaction           *tx,
                                                      const char               *id,
                                                      const CpdContainerStatus *status,
                                                      GError                  **error);
gboolean          cpd_store_set_container_config     (CpdTransaction           *tx,
                                                      const char               *id,
                                                      const char               *config,
                                                      GError                  **error);
/* Deletes it, keeping its exit code for who still waits. */
gboolean          cpd_store_delete_container         (CpdTransaction           *tx,
                                                      const char               *id,
                                                      GError                  **error);
/* NO_SUCH_CONTAINER when there is none. */
CpdContainerRow  *cpd_store_get_container            (CpdStore                 *store,
                                                      const char               *id,
                                                      GError                  **error);
/* The id for an exact name, an id or a unique prefix, in NAMESPACE (NULL or "" for all): NO_SUCH_CONTAINER,
 * AMBIGUOUS_NAME, NAMESPACE_MISMATCH. */
char             *cpd_store_find_container           (CpdStore                 *store,
                                                      const char               *name_or_id,
                                                      const char               *namespace,
                                                      GError                  **error);
/* Whether a container of any namespace has it. */
gboolean          cpd_store_has_name                 (CpdStore                 *store,
                                                      const char               *name);
/* Newest first. INVALID_ARGUMENT when there is no container query->after, before or since. */
GPtrArray        *cpd_store_list_containers          (CpdStore                 *store,
                                                      const CpdContainerQuery  *query,
                                                      GError                  **error);
guint             cpd_store_count_containers         (CpdStore                 *store,
                                                      gboolean                  running_only);
/* How many are in each state: COUNTS has room for CPD_N_CONTAINER_STATES. */
gboolean          cpd_store_count_states             (CpdStore                 *store,
                                                      guint                    *counts,
                                                      GError                  **error);
/* Exit code of a container that was removed; FALSE when it is not known any more. */
gboolean          cpd_store_get_exit_code            (CpdStore                 *store,
                                                      const char               *id,
                                                      int                      *exit_code);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdContainerRow, cpd_container_row_free)

G_END_DECLS
