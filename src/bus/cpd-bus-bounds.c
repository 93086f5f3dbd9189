/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-bounds.h"

#include "bus/cpd-bus-errors.h"
#include "bus/cpd-bus-peer.h"
#include "bus/cpd-bus-wire.h"
#include "public/cpod-error.h"

/* What a GVariant takes, and its place in another one. */
#define VALUE_SIZE 128

/* One in a small message takes hardly less. */
#define BYTES_OF_VALUE 4

/* Who guards a connection. */
typedef struct
{
  CpdBusGate *gate;             /* (owned) */
  CpdBusService *service;       /* (unowned) */
  gboolean moved;               /* in the thread of GDBus only */
} Guard;

/* A message with a ticket that is on its way to the main thread. */
typedef struct
{
  CpdBusGate *gate;             /* (owned) */
  CpdBusService *service;       /* (unowned): there as long as the gate is open */
  char *caller;                 /* (owned) (nullable): when it is a call */
  guint32 ticket;
  gboolean seen;
} Arrival;

static gboolean
get_mark (GDBusMessage *message, guint8 field, guint32 *first, guint32 *second)
{
  GVariant *mark = g_dbus_message_get_header (message, (GDBusMessageHeaderField) field);

  if (mark == NULL || !g_variant_is_of_type (mark, G_VARIANT_TYPE ("(uu)")))
    return FALSE;
  g_variant_get (mark, "(uu)", first, second);
  return TRUE;
}

static void
refuse (GDBusConnection *connection, GDBusMessage *message, guint32 size, guint32 values)
{
  const char *member = g_dbus_message_get_member (message);
  g_autoptr(GError) error = NULL;
  g_autoptr(GDBusMessage) reply = NULL;
  g_autofree char *name = NULL;

  if (values == 0)
    error = g_error_new (CPOD_ERROR, CPOD_ERROR_LIMITS_EXCEEDED, "the call of %s has %u bytes: there may be %d", member,
                         size, CPD_BUS_GATE_MESSAGE_MAX);
  else
    error = g_error_new (CPOD_ERROR, CPOD_ERROR_LIMITS_EXCEEDED, "the arguments of %s have more than %u values", member, values);
  name = cpd_bus_error_get_name (error);
  reply = g_dbus_message_new_method_error_literal (message, name, error->message);
  g_message ("call of %s refused: %s", g_dbus_message_get_sender (message), error->message);
  if ((g_dbus_message_get_flags (message) & G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED) == 0)
    g_dbus_connection_send_message (connection, reply, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, NULL);
}

static void
arrival_free (Arrival *arrival)
{
  cpd_bus_gate_unref (arrival->gate);
  g_free (arrival->caller);
  g_free (arrival);
}

static void
on_caller (CpdBusPeer *peer, const GError *error, gpointer user_data)
{
  Arrival *arrival = user_data;

  cpd_bus_gate_take (arrival->gate, arrival->ticket);
  arrival_free (arrival);
}

/* What GDBus is to do about the message was attached later, so it has been done when this comes for the second time, and
 * the call itself has asked for its caller before. */
static gboolean
on_turn (gpointer user_data)
{
  Arrival *arrival = user_data;
  CpdBusPeers *peers;

  if (!arrival->seen)
    {
      arrival->seen = TRUE;
      return G_SOURCE_CONTINUE;
    }
  if (cpd_bus_gate_is_closed (arrival->gate))
    {
      arrival_free (arrival);
      return G_SOURCE_REMOVE;
    }
  peers = cpd_bus_service_get_peers (arrival->service);
  if (arrival->caller != NULL && peers != NULL)
    cpd_bus_peers_get (peers, arrival->caller, on_caller, arrival);
  else                          /* before anything is served, nothing was made of it */
    on_caller (NULL, NULL, arrival);
  return G_SOURCE_REMOVE;
}

static void
await_turn (const Guard *guard, GDBusMessage *message, guint32 ticket)
{
  Arrival *arrival = g_new0 (Arrival, 1);

  arrival->gate = cpd_bus_gate_ref (guard->gate);
  arrival->service = guard->service;
  arrival->ticket = ticket;
  if (g_dbus_message_get_message_type (message) == G_DBUS_MESSAGE_TYPE_METHOD_CALL)
    arrival->caller = g_strdup (g_dbus_message_get_sender (message));
  g_idle_add_full (G_PRIORITY_DEFAULT, on_turn, arrival, NULL);
}

/* Filters are called where GDBus reads, in its own context, unless it has none. */
static void
move (Guard *guard)
{
  GMainContext *context = g_main_context_get_thread_default ();

  if (guard->moved || context == NULL)
    return;
  guard->moved = TRUE;
  cpd_bus_gate_attach (guard->gate, context);
}

/* In the thread of GDBus that reads messages. A mark may be the sender's own: then it says nothing, or refuses the sender. */
static GDBusMessage *
filter (GDBusConnection *connection, GDBusMessage *message, gboolean incoming, gpointer user_data)
{
  const GDBusMessageType type = g_dbus_message_get_message_type (message);
  Guard *guard = user_data;
  guint32 first, second;

  if (!incoming)
    return message;
  move (guard);
  if (get_mark (message, CPD_BUS_WIRE_TICKET, &first, &second))
    {
      if (cpd_bus_gate_knows (guard->gate, first))
        await_turn (guard, message, first);
      else
        g_dbus_message_set_header (message, CPD_BUS_WIRE_TICKET, NULL);
    }
  if (!get_mark (message, CPD_BUS_WIRE_CUT, &first, &second)
      || type == G_DBUS_MESSAGE_TYPE_METHOD_RETURN || type == G_DBUS_MESSAGE_TYPE_ERROR)
    return message;
  if (type == G_DBUS_MESSAGE_TYPE_METHOD_CALL)
    refuse (connection, message, first, second);
  g_object_unref (message);
  return NULL;
}

static void
guard_free (Guard *guard)
{
  cpd_bus_gate_unref (guard->gate);
  g_free (guard);
}

void
cpd_bus_bounds_guard (GDBusConnection *connection, CpdBusGate *gate, CpdBusService *service)
{
  Guard *guard = g_new0 (Guard, 1);

  (void) CPOD_ERROR;            /* the names of errors are known before a thread asks for one */
  guard->gate = cpd_bus_gate_ref (gate);
  guard->service = service;
  g_dbus_connection_add_filter (connection, filter, guard, (GDestroyNotify) guard_free);
}

guint
cpd_bus_bounds_weigh (GDBusMessage *message)
{
  GVariant *body = g_dbus_message_get_body (message);
  const guint32 size = body != NULL ? (guint32) g_variant_get_size (body) : 0;
  guint32 ticket, values = size / BYTES_OF_VALUE + 1;

  (void) get_mark (message, CPD_BUS_WIRE_TICKET, &ticket, &values);
  return values * VALUE_SIZE + size;
}
