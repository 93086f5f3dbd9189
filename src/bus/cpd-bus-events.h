/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/cpd-bus-service.h"

G_BEGIN_DECLS

/* Publishes what is in the store: before the export, so that nothing is signalled. */
gboolean cpd_bus_events_publish    (CpdBusService  *service,
                                    GError        **error);
/* Tells on the bus what the engine tells, from now on. */
void     cpd_bus_events_connect    (CpdBusService  *service);
void     cpd_bus_events_disconnect (CpdBusService  *service);

G_END_DECLS
