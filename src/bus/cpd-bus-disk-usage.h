/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/cpd-bus-call.h"

G_BEGIN_DECLS

/* Runtime.GetDiskUsage(). Worker thread. */
GVariant *cpd_bus_work_disk_usage (CpdBusCall  *call,
                                   GError     **error);

G_END_DECLS
