/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/cpd-bus-call.h"

G_BEGIN_DECLS

/* Container.Top(): the processes in a container, in columns. */
extern const CpdBusOption cpd_bus_top_options[];

GVariant *cpd_bus_work_top (CpdBusCall  *call,
                            GError     **error);

G_END_DECLS
