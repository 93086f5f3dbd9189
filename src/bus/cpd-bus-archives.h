/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/cpd-bus-call.h"

G_BEGIN_DECLS

/* Images and containers to and from archives, in jobs. */
extern const CpdBusOption cpd_bus_load_options[];
extern const CpdBusOption cpd_bus_save_options[];
extern const CpdBusOption cpd_bus_export_options[];

void cpd_bus_load_start   (CpdBusCall *call);
void cpd_bus_save_start   (CpdBusCall *call);
void cpd_bus_export_start (CpdBusCall *call);

G_END_DECLS
