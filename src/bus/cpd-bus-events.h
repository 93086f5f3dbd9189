/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/cpd-bus-service.h"

G_BEGIN_DECLS

/* Shows what is in the store, once it is looked at, and tells what the engine tells from now on. */
void     cpd_bus_events_connect    (CpdBusService  *service);
void     cpd_bus_events_disconnect (CpdBusService  *service);
/* Tells some of the events that were held back; TRUE if these were all. */
gboolean cpd_bus_events_catch_up   (CpdBusService  *service);

G_END_DECLS
