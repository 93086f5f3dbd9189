/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/conmon/cpd-launcher.h"
#include "engine/cpd-engine.h"
#include "store/cpd-store-execs.h"

G_BEGIN_DECLS

/* Further processes in containers: exec sessions. They live no longer than the run of their container. */

/* OPTIONS: a{sv} with the keys of org.cpod.Cpod1.Container.Exec(). FOREGROUND (nullable) is who it is to end with, which is
 * only written down here. Its id. */
char       *cpd_engine_create_exec    (CpdEngine            *engine,
                                       const char           *container_id,
                                       const char *const    *command,
                                       GVariant             *options,
                                       const char           *foreground,
                                       const CpdCaller      *caller,
                                       GError              **error);
/* It is to end with nobody any more. */
gboolean    cpd_engine_detach_exec    (CpdEngine            *engine,
                                       const char           *id,
                                       GError              **error);
/* Those that have not ended and are to end with somebody: id to who that is. */
GHashTable *cpd_engine_get_foreground_execs (CpdEngine      *engine,
                                       GError              **error);
/* STREAMS (nullable) are those of its process, which is out of our hands then. */
gboolean    cpd_engine_start_exec     (CpdEngine            *engine,
                                       const char           *id,
                                       const CpdStreams     *streams,
                                       const CpdCaller      *caller,
                                       GError              **error);
/* Starts it with a client, or connects to one that runs. */
int         cpd_engine_attach_exec    (CpdEngine            *engine,
                                       const char           *id,
                                       const CpdCaller      *caller,
                                       GError              **error);
gboolean    cpd_engine_resize_exec    (CpdEngine            *engine,
                                       const char           *id,
                                       guint                 rows,
                                       guint                 columns,
                                       GError              **error);
gboolean    cpd_engine_kill_exec      (CpdEngine            *engine,
                                       const char           *id,
                                       const char           *signal_name,
                                       GError              **error);
/* TIMEOUT in seconds, -1 for the container's own. */
gboolean    cpd_engine_stop_exec      (CpdEngine            *engine,
                                       const char           *id,
                                       gint64                timeout,
                                       GError              **error);
/* With FORCE one that runs is killed first. */
gboolean    cpd_engine_remove_exec    (CpdEngine            *engine,
                                       const char           *id,
                                       gboolean              force,
                                       GError              **error);
char       *cpd_engine_inspect_exec   (CpdEngine            *engine,
                                       const char           *id,
                                       GError              **error);
/* Its container's id; EXEC_ID gets its own. */
char       *cpd_engine_find_exec      (CpdEngine            *engine,
                                       const char           *id_or_prefix,
                                       char                **exec_id,
                                       GError              **error);
/* Waits without a thread until it has ended; see cpd_engine_wait_finish(). Main thread. */
void        cpd_engine_wait_exec_async (CpdEngine           *engine,
                                       const char           *id,
                                       GCancellable         *cancellable,
                                       GAsyncReadyCallback   callback,
                                       gpointer              user_data);

G_END_DECLS
