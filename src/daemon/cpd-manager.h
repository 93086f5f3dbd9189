/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/cpd-engine.h"

G_BEGIN_DECLS

/*
 * Keeps the service manager informed while the service runs: that the engine
 * moves, what it does in a few words, and that the configuration is being
 * read again. Does nothing where there is no service manager. Main thread.
 */
typedef struct _CpdManager CpdManager;

CpdManager *cpd_manager_new  (CpdEngine  *engine);
void        cpd_manager_free (CpdManager *manager);

G_END_DECLS
