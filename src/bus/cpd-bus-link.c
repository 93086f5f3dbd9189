/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-link.h"

#include <unistd.h>

#include "common/cpd-fs.h"
#include "public/cpod-error.h"
#include "public/cpod-names.h"

struct _CpdBusLink
{
  CpdBusService *service;       /* (unowned) */
  const CpdBusLinkFuncs *funcs; /* (unowned) */
  gpointer user_data;
  const char *bus;              /* (unowned) (nullable): for messages */
  guint owner;
  GCancellable *cancellable;    /* (owned) */
  GDBusConnection *connection;  /* (owned) (nullable) */
  gulong closed;
  gboolean lost;
};

static CpdBusLink *
link_new (CpdBusService *service, const CpdBusLinkFuncs *funcs, gpointer user_data)
{
  CpdBusLink *link = g_new0 (CpdBusLink, 1);

  link->service = service;
  link->funcs = funcs;
  link->user_data = user_data;
  link->cancellable = g_cancellable_new ();
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
on_bus_acquired (GDBusConnection *connection, const char *name, gpointer user_data)
{
  CpdBusLink *link = user_data;
  g_autoptr(GError) error = NULL;

  /* The end of the bus is an error of ours to tell, not a reason for GIO to raise SIGTERM. */
  g_dbus_connection_set_exit_on_close (connection, FALSE);
  link->connection = g_object_ref (connection);
  if (!cpd_bus_service_export (link->service, connection, &error))
    tell_lost (link, error);
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

  /* GIO gives none for a connection that was closed either. */
  if (connection == NULL && link->connection == NULL)
    error = g_error_new (CPOD_ERROR, CPOD_ERROR_FAILED, "failed to connect to the %s bus", link->bus);
  else if (connection == NULL || g_dbus_connection_is_closed (connection))
    error = g_error_new (CPOD_ERROR, CPOD_ERROR_FAILED, "the %s bus has closed the connection", link->bus);
  else
    error = g_error_new (CPOD_ERROR, CPOD_ERROR_FAILED,
                         "failed to own the name %s on the %s bus: another service has it,"
                         " or the policy of the bus forbids it", name, link->bus);
  tell_lost (link, error);
}

/* The objects are exported when the bus is reached, so they are there before the name is. */
CpdBusLink *
cpd_bus_link_new_bus (CpdBusService *service, GBusType type,
                      const CpdBusLinkFuncs *funcs, gpointer user_data)
{
  CpdBusLink *link = link_new (service, funcs, user_data);

  link->bus = type == G_BUS_TYPE_SESSION ? "session" : "system";
  link->owner = g_bus_own_name (type, CPOD_BUS_NAME, G_BUS_NAME_OWNER_FLAGS_DO_NOT_QUEUE,
                                on_bus_acquired, on_name_acquired, on_name_lost, link, NULL);
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

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;                     /* and the link is gone */
  if (connection == NULL)
    {
      g_prefix_error (&error, "failed to serve the client on the socket: ");
      tell_lost (link, error);
      return;
    }
  link->connection = g_object_ref (connection);
  link->closed = g_signal_connect (connection, "closed", G_CALLBACK (on_closed), link);
  if (!cpd_bus_service_export (link->service, connection, &error))
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

void
cpd_bus_link_free (CpdBusLink *link)
{
  if (link == NULL)
    return;
  g_cancellable_cancel (link->cancellable);
  if (link->closed != 0)
    g_signal_handler_disconnect (link->connection, link->closed);
  if (link->connection != NULL)
    g_dbus_connection_flush_sync (link->connection, NULL, NULL);
  if (link->owner != 0)
    g_bus_unown_name (link->owner);
  g_clear_object (&link->connection);
  g_object_unref (link->cancellable);
  g_free (link);
}
