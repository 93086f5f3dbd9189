/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/cpd-bus-call.h"

G_BEGIN_DECLS

/* What two doors lead to: the same for a container's own method and for the runtime's. Worker threads. */

gboolean cpd_bus_container_remove (CpdBusCall  *call,
                                   const char  *id,
                                   GError     **error);
gboolean cpd_bus_container_rename (CpdBusCall  *call,
                                   const char  *id,
                                   const char  *new_name,
                                   GError     **error);

G_END_DECLS
