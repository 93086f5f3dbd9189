/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "bus/cpd-bus-call.h"
#include "bus/cpd-bus-peer.h"
#include "engine/containers/cpd-reach.h"

G_BEGIN_DECLS

typedef enum
{
  CPD_BUS_AUTH_REFUSED,
  CPD_BUS_AUTH_GRANTED,
  CPD_BUS_AUTH_ASK,             /* polkit has to be asked */
} CpdBusAuth;

const char *cpd_bus_auth_get_action (const GDBusMethodInfo  *method,
                                     GError                **error);
/* What is known without asking anybody. */
CpdBusAuth  cpd_bus_auth_check      (const GDBusMethodInfo  *method,
                                     const CpdBusPeer       *peer,
                                     GError                **error);
/* Asks for all that CALL needs, one after the other. CALL has to stay until the answer. Main thread. */
void        cpd_bus_auth_ask        (CpdBusCall             *call,
                                     GAsyncReadyCallback     callback,
                                     gpointer                user_data);
/* GRANT gets what was granted, NULL when that is not about an object. */
gboolean    cpd_bus_auth_ask_finish (GAsyncResult           *result,
                                     CpdGrant              **grant,
                                     GError                **error);

G_END_DECLS
