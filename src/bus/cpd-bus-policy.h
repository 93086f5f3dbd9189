/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/cpd-bus-call.h"
#include "bus/cpd-bus-polkit.h"
#include "engine/containers/cpd-reach.h"

G_BEGIN_DECLS

/*
 * What CALL needs to be authorized for: an array of CpdBusQuestion, all of
 * which must be answered with yes. The method's annotation says the kind of
 * thing, what it is about and what was asked for say how much it is worth.
 * GRANT gets what that comes to. The same errors as the work itself. In a
 * worker thread: it reads the store.
 */
GPtrArray *cpd_bus_policy_plan (CpdBusCall  *call,
                                CpdGrant   **grant,
                                GError     **error);

/* The one about reading alone. */
GPtrArray *cpd_bus_policy_plan_read (CpdBusCall *call);

/* Whether the caller may see what may hold secrets, in what else all may see who may read. */
gboolean   cpd_bus_policy_shows_secrets (CpdBusCall *call);

G_END_DECLS
