/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/cpd-bus-gate.h"
#include "bus/cpd-bus-service.h"

G_BEGIN_DECLS

/*
 * Answers for what GATE has cut, and tells it when a message has come to the main thread and, if that is a call, who its
 * caller is, so that calls which are not counted yet are never many.
 */
void  cpd_bus_bounds_guard (GDBusConnection *connection,
                            CpdBusGate      *gate,
                            CpdBusService   *service);
/* About how many bytes of memory are taken by a message that came. */
guint cpd_bus_bounds_weigh (GDBusMessage    *message);

G_END_DECLS
