/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cpod-client-private.h"

/* Descriptor of the service's end of the socket pair, in the service. */
#define PEER_FD 3

/* The service is in a session of its own, so that ^C in the caller's terminal is not meant for it. */
static void
set_up_service (gpointer user_data)
{
  sigset_t none;

  sigemptyset (&none);
  sigprocmask (SIG_SETMASK, &none, NULL);
  setsid ();
}

static GSubprocess *
start_service (int      peer,
               GError **error)
{
  g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  g_autofree char *number = g_strdup_printf ("%d", PEER_FD);
  const char *program = g_getenv ("CPOD_DAEMON");
  const char *root = g_getenv ("CPOD_ROOT");
  const char *argv[6] = { program != NULL ? program : CPD_LIBEXECDIR "/cpodd", "--peer", number, NULL };
  GSubprocess *service;

  if (root != NULL && root[0] != '\0')
    {
      argv[3] = "--root";
      argv[4] = root;
    }

  g_subprocess_launcher_take_fd (launcher, peer, PEER_FD);
  g_subprocess_launcher_set_child_setup (launcher, set_up_service, NULL, NULL);
  service = g_subprocess_launcher_spawnv (launcher, argv, error);
  if (service == NULL)
    g_prefix_error (error, "failed to start the service \"%s\": ", argv[0]);

  return service;
}

/* Starts the service of a private peer and gives our end of the connection. */
static GIOStream *
open_private_peer (CpodClient  *self,
                   GError     **error)
{
  g_autoptr(GSocket) socket = NULL;
  int fds[2];

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "failed to make a socket pair: %s", g_strerror (errno));
      return NULL;
    }

  /* Starting takes the other end, also when it fails. */
  self->service = start_service (fds[1], error);
  if (self->service == NULL)
    {
      close (fds[0]);
      return NULL;
    }

  socket = g_socket_new_from_fd (fds[0], error);
  if (socket == NULL)
    {
      close (fds[0]);
      return NULL;
    }

  return G_IO_STREAM (g_socket_connection_factory_create_connection (socket));
}

static const char *
describe_target (CpodClient *self)
{
  if (self->private_peer)
    return "the private service";
  if (self->address != NULL)
    return self->address;

  return self->bus_type == G_BUS_TYPE_SESSION ? "the session bus" : "the system bus";
}

static GDBusConnection *
connect_to_peer_sync (CpodClient    *self,
                      GCancellable  *cancellable,
                      GError       **error)
{
  g_autoptr(GIOStream) stream = open_private_peer (self, error);

  if (stream == NULL)
    return NULL;

  return g_dbus_connection_new_sync (stream, NULL, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT,
                                     NULL, cancellable, error);
}

GDBusConnection *
cpod_connect_sync (CpodClient    *self,
                   GCancellable  *cancellable,
                   GError       **error)
{
  GDBusConnection *connection;

  if (self->private_peer)
    connection = connect_to_peer_sync (self, cancellable, error);
  else if (self->address != NULL)
    connection = g_dbus_connection_new_for_address_sync (self->address,
                                                         G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT
                                                           | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                                         NULL, cancellable, error);
  else
    connection = g_bus_get_sync (self->bus_type, cancellable, error);

  if (connection == NULL)
    g_prefix_error (error, "failed to connect to %s: ", describe_target (self));

  return connection;
}

static void
connected (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  CpodClient *self = g_task_get_source_object (task);
  g_autoptr(GError) error = NULL;
  GDBusConnection *connection;

  if (self->private_peer)
    connection = g_dbus_connection_new_finish (result, &error);
  else if (self->address != NULL)
    connection = g_dbus_connection_new_for_address_finish (result, &error);
  else
    connection = g_bus_get_finish (result, &error);

  if (connection != NULL)
    {
      g_task_return_pointer (task, connection, g_object_unref);
      return;
    }

  g_prefix_error (&error, "failed to connect to %s: ", describe_target (self));
  g_task_return_error (task, g_steal_pointer (&error));
}

static void
connect_to_peer (CpodClient *self,
                 GTask      *task)
{
  g_autoptr(GIOStream) stream = NULL;
  g_autoptr(GError) error = NULL;

  stream = open_private_peer (self, &error);
  if (stream == NULL)
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }

  g_dbus_connection_new (stream, NULL, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, NULL,
                         g_task_get_cancellable (task), connected, g_object_ref (task));
}

void
cpod_connect (CpodClient          *self,
              GCancellable        *cancellable,
              GAsyncReadyCallback  callback,
              gpointer             user_data)
{
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, cpod_connect);
  if (self->private_peer)
    connect_to_peer (self, task);
  else if (self->address != NULL)
    g_dbus_connection_new_for_address (self->address,
                                       G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT
                                         | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                       NULL, cancellable, connected, g_steal_pointer (&task));
  else
    g_bus_get (self->bus_type, cancellable, connected, g_steal_pointer (&task));
}

GDBusConnection *
cpod_connect_finish (CpodClient    *self,
                     GAsyncResult  *result,
                     GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
