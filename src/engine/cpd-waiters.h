/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "store/cpd-store-containers.h"

G_BEGIN_DECLS

/* Those who wait for a container to reach a state, or for an exec session to end: no thread each, just a place in a list that is looked
 * through when that container changes. All on the main thread. */
typedef struct _CpdWaiters CpdWaiters;

CpdWaiters *cpd_waiters_new    (CpdStore           *store);
void        cpd_waiters_free   (CpdWaiters         *waiters);
/* Takes TASK; it returns the exit code. */
void        cpd_waiters_add    (CpdWaiters         *waiters,
                                const char         *id,
                                const char *const  *conditions,
                                GTask              *task);
/* The same for the end of an exec session. */
void        cpd_waiters_add_exec (CpdWaiters       *waiters,
                                const char         *id,
                                GTask              *task);
void        cpd_waiters_look   (CpdWaiters         *waiters,
                                const char         *id);

G_END_DECLS
