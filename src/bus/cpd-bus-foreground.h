/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/cpd-bus-peer.h"
#include "bus/cpd-bus-service.h"

G_BEGIN_DECLS

/* The exec sessions that end with their callers. Any thread. */
CpdBusForeground *cpd_bus_foreground_new     (CpdEngine        *engine);
/* What is in it goes on. */
void              cpd_bus_foreground_free    (CpdBusForeground *foreground);
/* Whose callers they are; before the first call. */
void              cpd_bus_foreground_bind    (CpdBusForeground *foreground,
                                              GDBusConnection  *connection);
/* PEER by a name that is written down, and tells a later service whether it is still there. */
char             *cpd_bus_foreground_describe (CpdBusForeground *foreground,
                                              const CpdBusPeer *peer);
/* Those that another service has begun: they end with their callers, too, or now. Main thread, after the recovery. */
void              cpd_bus_foreground_resume  (CpdBusForeground *foreground,
                                              CpdBusPeers      *peers);
/* It ends when PEER leaves, which it may have done already. */
void              cpd_bus_foreground_add     (CpdBusForeground *foreground,
                                              CpdBusPeer       *peer,
                                              const char       *id);
/* It does not, or has ended. */
void              cpd_bus_foreground_forget  (CpdBusForeground *foreground,
                                              const char       *id);
/* PEER has left the bus. */
void              cpd_bus_foreground_abandon (CpdBusForeground *foreground,
                                              const CpdBusPeer *peer);

G_END_DECLS
