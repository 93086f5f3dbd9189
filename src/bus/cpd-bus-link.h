/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/cpd-bus-service.h"

G_BEGIN_DECLS

/* How the service is reached: by its name on a bus, or by one client on a socket. Main thread only. */
typedef struct _CpdBusLink CpdBusLink;

typedef struct
{
  /* Clients can reach it. */
  void (*ready) (gpointer      user_data);
  /* They cannot any more, or never could. ERROR is NULL when the only client has left. */
  void (*lost)  (const GError *error,
                 gpointer      user_data);
} CpdBusLinkFuncs;

CpdBusLink *cpd_bus_link_new_bus    (CpdBusService          *service,
                                     GBusType                type,
                                     const CpdBusLinkFuncs  *funcs,
                                     gpointer                user_data,
                                     GError                **error);
/* FD is taken. */
CpdBusLink *cpd_bus_link_new_socket (CpdBusService          *service,
                                     int                     fd,
                                     const CpdBusLinkFuncs  *funcs,
                                     gpointer                user_data,
                                     GError                **error);
/* Sends what is still to be sent. */
void        cpd_bus_link_free       (CpdBusLink             *link);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdBusLink, cpd_bus_link_free)

G_END_DECLS
