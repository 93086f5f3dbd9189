/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/cpd-bus-service.h"

G_BEGIN_DECLS

/*
 * Asks logind to put the end of the machine off for a moment while the engine
 * does what should not be torn. Where there is no logind nothing is put off,
 * and that is no error. Main thread only.
 */
typedef struct _CpdBusInhibit CpdBusInhibit;

CpdBusInhibit *cpd_bus_inhibit_new  (CpdEngine       *engine,
                                     GDBusConnection *connection);
void           cpd_bus_inhibit_free (CpdBusInhibit   *inhibit);

G_END_DECLS
