/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/cpd-bus-service.h"

G_BEGIN_DECLS

typedef void (*CpdBusMachineFunc) (gboolean ends, gpointer user_data);

/* Asks systemd, where it is, whether the machine is about to end. FUNC is called on the main thread, once. */
void cpd_bus_ask_machine_ends (CpdBusService     *service,
                               CpdBusMachineFunc  func,
                               gpointer           user_data);

G_END_DECLS
