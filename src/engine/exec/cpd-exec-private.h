/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/cpd-engine-private.h"
#include "engine/exec/cpd-exec.h"

G_BEGIN_DECLS

/* Where a session has its files: in the bundle of its container. */
char       *cpd_engine_exec_dir        (CpdEngine            *engine,
                                        const CpdExecRow     *row);
CpdExecRow *cpd_engine_get_exec        (CpdEngine            *engine,
                                        const char           *id,
                                        GError              **error);
/* A change and its event (nullable), in one transaction; OPERATION is one that this completes, or 0. One that has
 * ended and is to be removed then goes along. */
gboolean    cpd_engine_set_exec_status (CpdEngine            *engine,
                                        const CpdExecRow     *row,
                                        const CpdExecStatus  *status,
                                        const char           *status_event,
                                        gint64                operation,
                                        const CpdCaller      *caller,
                                        GError              **error);
/* Tells its end from now on. */
void        cpd_engine_watch_exec      (CpdEngine            *engine,
                                        const CpdExecRow     *row,
                                        const CpdExecStatus  *status);

/* The end of a session's process, or of its monitor. */
void        cpd_engine_exec_ended      (CpdEngine            *engine,
                                        const char           *id);
void        cpd_engine_drop_exec_clients (CpdEngine          *engine,
                                        const char           *id);
/* Waits until it has ended; TRUE when it has. */
gboolean    cpd_engine_wait_exec_ended (CpdEngine            *engine,
                                        const char           *id,
                                        gint64                timeout_us);
/* All of a container whose process has ended: none survives it. The container's lock is held, or nobody knows of it. */
gboolean    cpd_engine_end_execs       (CpdEngine            *engine,
                                        const char           *container_id,
                                        GError              **error);

/* After a reboot: there is none any more. */
gboolean    cpd_engine_forget_execs    (CpdEngine            *engine,
                                        GError              **error);
/* A start that was interrupted. */
gboolean    cpd_engine_undo_exec       (CpdEngine            *engine,
                                        const char           *id,
                                        GError              **error);
/* Takes over those that ran when the service ended, and clears away what is left of others. */
gboolean    cpd_engine_recover_execs   (CpdEngine            *engine,
                                        GError              **error);
/* Adds to PROBLEMS what is wrong with them. */
gboolean    cpd_engine_check_execs     (CpdEngine            *engine,
                                        GPtrArray            *problems,
                                        GError              **error);

G_END_DECLS
