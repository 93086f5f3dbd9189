/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Refuses calls that are larger than any that makes sense, before they come near to the main thread. */
void cpd_bus_bounds_guard (GDBusConnection *connection);

G_END_DECLS
