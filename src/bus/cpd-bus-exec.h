/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/cpd-bus-call.h"

G_BEGIN_DECLS

/* The methods of other interfaces that are about exec sessions. Worker threads. */

extern const CpdBusOption cpd_bus_exec_options[];
GVariant *cpd_bus_work_exec               (CpdBusCall  *call,
                                           GError     **error);
GVariant *cpd_bus_work_list_execs         (CpdBusCall  *call,
                                           GError     **error);
GVariant *cpd_bus_work_get_exec_container (CpdBusCall  *call,
                                           GError     **error);

G_END_DECLS
