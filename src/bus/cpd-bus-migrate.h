/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/cpd-bus-call.h"

G_BEGIN_DECLS

/* Runtime.Migrate(). */
extern const CpdBusOption cpd_bus_migrate_options[];

/* Main thread. */
void cpd_bus_start_migrate (CpdBusCall *call);

G_END_DECLS
