/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/cpd-bus-call.h"

G_BEGIN_DECLS

extern const CpdBusOption cpd_bus_list_options[];

/* ListContainers(). Worker threads. */
GVariant *cpd_bus_work_list (CpdBusCall  *call,
                             GError     **error);

G_END_DECLS
