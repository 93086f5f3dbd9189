/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "bus/cpd-bus-peer.h"

G_BEGIN_DECLS

const char *cpd_bus_auth_get_action (const GDBusMethodInfo  *method,
                                     GError                **error);
gboolean    cpd_bus_auth_check      (const GDBusMethodInfo  *method,
                                     const CpdBusPeer       *peer,
                                     GError                **error);

G_END_DECLS
