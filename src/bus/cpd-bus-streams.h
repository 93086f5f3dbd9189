/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/cpd-bus-call.h"

G_BEGIN_DECLS

/* Methods of org.cpod.Cpod1.Runtime that tell of the past, the present, and what is to come. Worker threads. */
extern const CpdBusOption cpd_bus_event_options[];
extern const CpdBusOption cpd_bus_event_stream_options[];
extern const CpdBusOption cpd_bus_stats_options[];
extern const CpdBusOption cpd_bus_stats_stream_options[];

GVariant *cpd_bus_work_get_events    (CpdBusCall  *call,
                                      GError     **error);
GVariant *cpd_bus_work_stream_events (CpdBusCall  *call,
                                      GError     **error);
GVariant *cpd_bus_work_get_stats     (CpdBusCall  *call,
                                      GError     **error);
GVariant *cpd_bus_work_stream_stats  (CpdBusCall  *call,
                                      GError     **error);

G_END_DECLS
