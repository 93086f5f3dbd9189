/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "store/cpd-statement.h"
#include "store/cpd-store-containers.h"

G_BEGIN_DECLS

/* What cpd_container_row_read() reads, with and without what is long. */
#define CPD_CONTAINER_COLUMNS \
  "SELECT id, name, image, image_id, created, owner_uid, auto_remove, state, pid, pid_start," \
  " monitor_pid, monitor_start, exit_code, oom_killed, started, finished, restarts," \
  " stopped_by_user, namespace"
#define CPD_CONTAINER_COLUMNS_ALL CPD_CONTAINER_COLUMNS ", config, " \
  "(SELECT group_concat(depends_on, ' ') FROM dependency WHERE dependency.id = container.id)"
#define CPD_CONTAINER_TABLES " FROM container JOIN container_status USING (number)"

CpdContainerRow *cpd_container_row_read (CpdStatement *statement,
                                         gboolean      with_config);

G_END_DECLS
