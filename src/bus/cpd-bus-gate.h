/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * Stands between the socket of a bus and GDBus, and passes on what comes and
 * goes. GDBus makes values of all that comes, before anybody can look at it,
 * and they can be fifty times as large as the message, of which the bus lets
 * one have 32 MiB, and another 63 MiB be on their way. So what is larger than
 * any call that makes sense comes through as its header alone, marked, and of
 * larger ones the next is let through when the last has been taken.
 */
typedef struct _CpdBusGate CpdBusGate;

/* BUS is a connection that nothing was sent on yet; messages with more than MAX bytes are cut. */
CpdBusGate *cpd_bus_gate_new        (GSocketConnection  *bus,
                                     gsize               max,
                                     GError            **error);
/* What GDBus is to use instead of it: (transfer none). */
GIOStream  *cpd_bus_gate_get_stream (CpdBusGate         *gate);
/*
 * Works in CONTEXT from now on, first in that of the main thread. In the thread in
 * which GDBus reads no other has to wake up, which costs more than all the rest.
 */
void        cpd_bus_gate_attach     (CpdBusGate         *gate,
                                     GMainContext       *context);
/* Whether this is the ticket of the message that was let through last, and not one that its sender has made up. Any thread. */
gboolean    cpd_bus_gate_knows      (CpdBusGate         *gate,
                                     guint32             ticket);
/* That message has been seen to. Any thread. */
void        cpd_bus_gate_take       (CpdBusGate         *gate,
                                     guint32             ticket);
/* Any thread. */
gboolean    cpd_bus_gate_is_closed  (CpdBusGate         *gate);
/* Sends what was written to the stream, and parts from the bus. */
void        cpd_bus_gate_close      (CpdBusGate         *gate);
CpdBusGate *cpd_bus_gate_ref        (CpdBusGate         *gate);
/* It is closed. */
void        cpd_bus_gate_unref      (CpdBusGate         *gate);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdBusGate, cpd_bus_gate_unref)

/* The largest message, which is more than the kernel takes as a command line and an environment, and how many values it may have. */
#define CPD_BUS_GATE_MESSAGE_MAX ((2 << 20) + (64 << 10))
#define CPD_BUS_GATE_VALUES_MAX (32 << 10)
/* Messages with more bytes than this get a ticket. */
#define CPD_BUS_GATE_SMALL (1 << 10)

G_END_DECLS
