/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-link.h"

#include <unistd.h>

#include "bus/cpd-bus-bounds.h"
#include "bus/cpd-bus-gate.h"
#include "common/cpd-fs.h"
#include "public/cpod-error.h"
#include "public/cpod-names.h"

/*
 * Calls come on one connection to a bus, and who has sent them is asked on another: the answer must not be behind more
 * calls, which wait for it.
 */
typedef enum { LINE_CALLS, LINE_QUESTIONS, N_LINES } LineKind;

/* One connection. */
typedef struct
{
  CpdBusLink *link;             /* (unowned) */
  CpdBusGate *gate;             /* (owned) (nullable): on a bus only */
  GDBusConnection *connection;  /* (owned) (nullable) */
  gulong closed;
} Line;

struct _CpdBusLink
{
  CpdBusService *service;       /* (unowned) */
  const CpdBusLinkFuncs *funcs; /* (unowned) */
  gpointer user_data;
  const char *bus;              /* (unowned) (nullable): for messages */
  guint owner;
  GCancellable *cancellable;    /* (owned) */
  Line lines[N_LINES];
  gboolean lost;
};

/* The bus answers what is asked there in little, but for how many groups somebody may be in. */
static const gsize most[N_LINES] = { CPD_BUS_GATE_MESSAGE_MAX, 256 << 10 };

static CpdBusLink *
link_new (CpdBusService *service, const CpdBusLinkFuncs *funcs, gpointer user_data)
{
  CpdBusLink *link = g_new0 (CpdBusLink, 1);

  link->service = service;
  link->funcs = funcs;
  link->user_data = user_data;
  link->cancellable = g_cancellable_new ();
  for (guint i = 0; i < N_LINES; i++)
    link->lines[i].link = link;
  return link;
}

static void
tell_lost (CpdBusLink *link, const GError *error)
{
  if (link->lost)
    return;
  link->lost = TRUE;
  link->funcs->lost (error, link->user_data);
}

static void
on_name_acquired (GDBusConnection *connection, const char *name, gpointer user_data)
{
  CpdBusLink *link = user_data;

  if (!link->lost)
    link->funcs->ready (link->user_data);
}

static void
on_name_lost (GDBusConnection *connection, const char *name, gpointer user_data)
{
  CpdBusLink *link = user_data;
  g_autoptr(GError) error = NULL;

  if (g_dbus_connection_is_closed (link->lines[LINE_CALLS].connection))
    error = g_error_new (CPOD_ERROR, CPOD_ERROR_FAILED, "the %s bus has closed the connection", link->bus);
  else
    error = g_error_new (CPOD_ERROR, CPOD_ERROR_FAILED,
                         "failed to own the name %s on the %s bus: another service has it,"
                         " or the policy of the bus forbids it", name, link->bus);
  tell_lost (link, error);
}

static void
on_questions_closed (GDBusConnection *connection, gboolean vanished, GError *cause, gpointer user_data)
{
  CpdBusLink *link = user_data;
  g_autoptr(GError) error = g_error_new (CPOD_ERROR, CPOD_ERROR_FAILED, "the %s bus has closed the connection", link->bus);

  tell_lost (link, error);
}

/* The objects are exported when the bus is reached, so they are there before the name is. */
static void
serve_bus (CpdBusLink *link)
{
  Line *calls = &link->lines[LINE_CALLS], *questions = &link->lines[LINE_QUESTIONS];
  g_autoptr(GError) error = NULL;

  questions->closed = g_signal_connect (questions->connection, "closed", G_CALLBACK (on_questions_closed), link);
  if (cpd_bus_service_export (link->service, calls->connection, questions->connection, &error))
    link->owner = g_bus_own_name_on_connection (calls->connection, CPOD_BUS_NAME, G_BUS_NAME_OWNER_FLAGS_DO_NOT_QUEUE,
                                                on_name_acquired, on_name_lost, link, NULL);
  else
    tell_lost (link, error);
}

static void
tell_unreachable (CpdBusLink *link, GError *error)
{
  g_prefix_error (&error, "failed to connect to the %s bus: ", link->bus);
  tell_lost (link, error);
}

static void
on_bus (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GDBusConnection) connection = g_dbus_connection_new_finish (result, &error);
  Line *line = user_data;
  CpdBusLink *link;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;                     /* and the link is gone */
  link = line->link;
  if (connection == NULL)
    {
      tell_unreachable (link, error);
      return;
    }
  line->connection = g_steal_pointer (&connection);
  cpd_bus_bounds_guard (line->connection, line->gate, link->service);
  if (link->lines[LINE_CALLS].connection != NULL && link->lines[LINE_QUESTIONS].connection != NULL && !link->lost)
    serve_bus (link);
}

static void
on_bus_stream (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GIOStream) stream = g_dbus_address_get_stream_finish (result, NULL, &error);
  Line *line = user_data;
  CpdBusLink *link;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  link = line->link;
  if (stream != NULL)
    line->gate = cpd_bus_gate_new (G_SOCKET_CONNECTION (stream), most[line - link->lines], &error);
  if (line->gate == NULL)
    {
      tell_unreachable (link, error);
      return;
    }
  g_dbus_connection_new (cpd_bus_gate_get_stream (line->gate), NULL,
                         G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                         NULL, link->cancellable, on_bus, line);
}

CpdBusLink *
cpd_bus_link_new_bus (CpdBusService *service, GBusType type,
                      const CpdBusLinkFuncs *funcs, gpointer user_data, GError **error)
{
  g_autofree char *address = g_dbus_address_get_for_bus_sync (type, NULL, error);
  const char *bus = type == G_BUS_TYPE_SESSION ? "session" : "system";
  CpdBusLink *link;

  if (address == NULL)
    {
      g_prefix_error (error, "failed to find the %s bus: ", bus);
      return NULL;
    }
  link = link_new (service, funcs, user_data);
  link->bus = bus;
  for (guint i = 0; i < N_LINES; i++)
    g_dbus_address_get_stream (address, link->cancellable, on_bus_stream, &link->lines[i]);
  return link;
}

static void
on_closed (GDBusConnection *connection, gboolean vanished, GError *error, gpointer user_data)
{
  tell_lost (user_data, NULL);
}

static void
on_connected (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GDBusConnection) connection = g_dbus_connection_new_finish (result, &error);
  CpdBusLink *link = user_data;
  Line *line;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;                     /* and the link is gone */
  if (connection == NULL)
    {
      g_prefix_error (&error, "failed to serve the client on the socket: ");
      tell_lost (link, error);
      return;
    }
  line = &link->lines[LINE_CALLS];
  line->connection = g_object_ref (connection);
  line->closed = g_signal_connect (connection, "closed", G_CALLBACK (on_closed), link);
  if (!cpd_bus_service_export (link->service, connection, connection, &error))
    {
      tell_lost (link, error);
      return;
    }
  g_dbus_connection_start_message_processing (connection);
  link->funcs->ready (link->user_data);
}

/* In a thread of GIO's. */
static gboolean
on_authorize_peer (GDBusAuthObserver *observer, GIOStream *stream, GCredentials *credentials,
                   gpointer user_data)
{
  uid_t uid = credentials != NULL ? g_credentials_get_unix_user (credentials, NULL) : (uid_t) -1;

  return uid == 0 || uid == geteuid ();
}

/* The socket knows who is at its other end; the other mechanisms of D-Bus only believe. */
static gboolean
on_allow_mechanism (GDBusAuthObserver *observer, const char *mechanism, gpointer user_data)
{
  return g_str_equal (mechanism, "EXTERNAL");
}

CpdBusLink *
cpd_bus_link_new_socket (CpdBusService *service, int fd, const CpdBusLinkFuncs *funcs,
                         gpointer user_data, GError **error)
{
  cpd_autofd int owned = fd;
  g_autoptr(GDBusAuthObserver) observer = g_dbus_auth_observer_new ();
  g_autoptr(GSocketConnection) stream = NULL;
  g_autofree char *guid = g_dbus_generate_guid ();
  g_autoptr(GSocket) socket = g_socket_new_from_fd (fd, error);
  CpdBusLink *link;

  if (socket == NULL)
    {
      g_prefix_error (error, "failed to serve descriptor %d: ", fd);
      return NULL;
    }
  (void) g_steal_fd (&owned);
  stream = g_socket_connection_factory_create_connection (socket);
  link = link_new (service, funcs, user_data);
  g_signal_connect (observer, "authorize-authenticated-peer", G_CALLBACK (on_authorize_peer), NULL);
  g_signal_connect (observer, "allow-mechanism", G_CALLBACK (on_allow_mechanism), NULL);
  g_dbus_connection_new (G_IO_STREAM (stream), guid,
                         G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER
                         | G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
                         observer, link->cancellable, on_connected, link);
  return link;
}

static void
line_clear (Line *line)
{
  if (line->closed != 0)
    g_signal_handler_disconnect (line->connection, line->closed);
  g_clear_object (&line->connection);
  if (line->gate != NULL)
    cpd_bus_gate_close (line->gate);
  g_clear_pointer (&line->gate, cpd_bus_gate_unref);
}

void
cpd_bus_link_free (CpdBusLink *link)
{
  if (link == NULL)
    return;
  g_cancellable_cancel (link->cancellable);
  if (link->lines[LINE_CALLS].connection != NULL)
    g_dbus_connection_flush_sync (link->lines[LINE_CALLS].connection, NULL, NULL);
  if (link->owner != 0)
    g_bus_unown_name (link->owner);
  for (guint i = 0; i < N_LINES; i++)
    line_clear (&link->lines[i]);
  g_object_unref (link->cancellable);
  g_free (link);
}
