/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/cpd-bus-call.h"

G_BEGIN_DECLS

/* The method org.cpod.Cpod1.Runtime.Shutdown(). */
extern const CpdBusOption cpd_bus_shutdown_options[];

void cpd_bus_start_shutdown (CpdBusCall *call);

G_END_DECLS
