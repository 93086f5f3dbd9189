/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cpod-client-private.h"

/**
 * cpod_client_new_sync: (constructor)
 * @bus_type: the bus that the service is on
 * @cancellable: (nullable): a cancellable, or %NULL
 * @error: return location for an error
 *
 * Connects to the service on a well-known bus, which starts it if need be.
 *
 * Returns: (transfer full): a client, or %NULL with @error set
 *
 * Since: 0.1
 */
CpodClient *
cpod_client_new_sync (GBusType       bus_type,
                      GCancellable  *cancellable,
                      GError       **error)
{
  return g_initable_new (CPOD_TYPE_CLIENT, cancellable, error, "bus-type", bus_type, NULL);
}

/**
 * cpod_client_new:
 * @bus_type: the bus that the service is on
 * @cancellable: (nullable): a cancellable, or %NULL
 * @callback: (scope async): called when done
 * @user_data: data for @callback
 *
 * Connects to the service on a well-known bus. The callback calls
 * cpod_client_new_finish().
 *
 * Since: 0.1
 */
void
cpod_client_new (GBusType             bus_type,
                 GCancellable        *cancellable,
                 GAsyncReadyCallback  callback,
                 gpointer             user_data)
{
  g_async_initable_new_async (CPOD_TYPE_CLIENT, G_PRIORITY_DEFAULT, cancellable, callback, user_data,
                              "bus-type", bus_type, NULL);
}

/**
 * cpod_client_new_for_address_sync: (constructor)
 * @address: D-Bus address of a bus
 * @cancellable: (nullable): a cancellable, or %NULL
 * @error: return location for an error
 *
 * Connects to the service on the bus of an address.
 *
 * Returns: (transfer full): a client, or %NULL with @error set
 *
 * Since: 0.1
 */
CpodClient *
cpod_client_new_for_address_sync (const char    *address,
                                  GCancellable  *cancellable,
                                  GError       **error)
{
  g_return_val_if_fail (address != NULL, NULL);

  return g_initable_new (CPOD_TYPE_CLIENT, cancellable, error, "address", address, NULL);
}

/**
 * cpod_client_new_for_address:
 * @address: D-Bus address of a bus
 * @cancellable: (nullable): a cancellable, or %NULL
 * @callback: (scope async): called when done
 * @user_data: data for @callback
 *
 * Connects to the service on the bus of an address. The callback calls
 * cpod_client_new_finish().
 *
 * Since: 0.1
 */
void
cpod_client_new_for_address (const char          *address,
                             GCancellable        *cancellable,
                             GAsyncReadyCallback  callback,
                             gpointer             user_data)
{
  g_return_if_fail (address != NULL);

  g_async_initable_new_async (CPOD_TYPE_CLIENT, G_PRIORITY_DEFAULT, cancellable, callback, user_data,
                              "address", address, NULL);
}

/**
 * cpod_client_new_for_connection_sync: (constructor)
 * @connection: a connection to a bus, or straight to a service
 * @cancellable: (nullable): a cancellable, or %NULL
 * @error: return location for an error
 *
 * Uses a connection that is there already.
 *
 * Returns: (transfer full): a client, or %NULL with @error set
 *
 * Since: 0.1
 */
CpodClient *
cpod_client_new_for_connection_sync (GDBusConnection  *connection,
                                     GCancellable     *cancellable,
                                     GError          **error)
{
  g_return_val_if_fail (G_IS_DBUS_CONNECTION (connection), NULL);

  return g_initable_new (CPOD_TYPE_CLIENT, cancellable, error, "connection", connection, NULL);
}

/**
 * cpod_client_new_for_connection:
 * @connection: a connection to a bus, or straight to a service
 * @cancellable: (nullable): a cancellable, or %NULL
 * @callback: (scope async): called when done
 * @user_data: data for @callback
 *
 * Uses a connection that is there already. The callback calls
 * cpod_client_new_finish().
 *
 * Since: 0.1
 */
void
cpod_client_new_for_connection (GDBusConnection     *connection,
                                GCancellable        *cancellable,
                                GAsyncReadyCallback  callback,
                                gpointer             user_data)
{
  g_return_if_fail (G_IS_DBUS_CONNECTION (connection));

  g_async_initable_new_async (CPOD_TYPE_CLIENT, G_PRIORITY_DEFAULT, cancellable, callback, user_data,
                              "connection", connection, NULL);
}

/**
 * cpod_client_new_private_sync: (constructor)
 * @cancellable: (nullable): a cancellable, or %NULL
 * @error: return location for an error
 *
 * Starts a service for this client alone, without a bus. It ends when the
 * client is closed; call cpod_client_close_sync() to know when that is done.
 * Containers live on.
 *
 * The environment variable CPOD_DAEMON names another program than the
 * installed cpodd, CPOD_ROOT another directory for its state.
 *
 * Returns: (transfer full): a client, or %NULL with @error set
 *
 * Since: 0.1
 */
CpodClient *
cpod_client_new_private_sync (GCancellable  *cancellable,
                              GError       **error)
{
  return g_initable_new (CPOD_TYPE_CLIENT, cancellable, error, "private-peer", TRUE, NULL);
}

/**
 * cpod_client_new_private:
 * @cancellable: (nullable): a cancellable, or %NULL
 * @callback: (scope async): called when done
 * @user_data: data for @callback
 *
 * Starts a service for this client alone, as
 * cpod_client_new_private_sync() does. The callback calls
 * cpod_client_new_finish().
 *
 * Since: 0.1
 */
void
cpod_client_new_private (GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data)
{
  g_async_initable_new_async (CPOD_TYPE_CLIENT, G_PRIORITY_DEFAULT, cancellable, callback, user_data,
                              "private-peer", TRUE, NULL);
}

/**
 * cpod_client_new_finish: (constructor)
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what cpod_client_new(), cpod_client_new_for_address(),
 * cpod_client_new_for_connection() or cpod_client_new_private() began.
 *
 * Returns: (transfer full): a client, or %NULL with @error set
 *
 * Since: 0.1
 */
CpodClient *
cpod_client_new_finish (GAsyncResult  *result,
                        GError       **error)
{
  g_autoptr(GObject) source = g_async_result_get_source_object (result);
  GObject *self = g_async_initable_new_finish (G_ASYNC_INITABLE (source), result, error);

  return self != NULL ? CPOD_CLIENT (self) : NULL;
}

/* A bus connection may be shared with others; what was made for this client alone is closed with it. */
static gboolean
owns_connection (CpodClient *self)
{
  return (self->private_peer || self->address != NULL) && !g_dbus_connection_is_closed (self->connection);
}

/**
 * cpod_client_close_sync:
 * @self: a client
 * @cancellable: (nullable): a cancellable, or %NULL
 * @error: return location for an error
 *
 * Closes the connection, unless it is one that is shared, and waits for the
 * end of a private service, whose state another one can use then.
 *
 * Returns: whether that could be done
 *
 * Since: 0.1
 */
gboolean
cpod_client_close_sync (CpodClient    *self,
                        GCancellable  *cancellable,
                        GError       **error)
{
  g_return_val_if_fail (CPOD_IS_CLIENT (self), FALSE);

  if (owns_connection (self) && !g_dbus_connection_close_sync (self->connection, cancellable, error))
    return FALSE;

  return self->service == NULL || g_subprocess_wait (self->service, cancellable, error);
}

static void
service_ended (GObject      *source,
               GAsyncResult *result,
               gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  g_autoptr(GError) error = NULL;

  if (g_subprocess_wait_finish (G_SUBPROCESS (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

static void
wait_for_service (CpodClient *self,
                  GTask      *task)
{
  if (self->service == NULL)
    g_task_return_boolean (task, TRUE);
  else
    g_subprocess_wait_async (self->service, g_task_get_cancellable (task), service_ended, g_object_ref (task));
}

static void
connection_closed (GObject      *source,
                   GAsyncResult *result,
                   gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  g_autoptr(GError) error = NULL;

  if (g_dbus_connection_close_finish (G_DBUS_CONNECTION (source), result, &error))
    wait_for_service (g_task_get_source_object (task), task);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

/**
 * cpod_client_close:
 * @self: a client
 * @cancellable: (nullable): a cancellable, or %NULL
 * @callback: (scope async): called when done
 * @user_data: data for @callback
 *
 * Closes the client, as cpod_client_close_sync() does.
 *
 * Since: 0.1
 */
void
cpod_client_close (CpodClient          *self,
                   GCancellable        *cancellable,
                   GAsyncReadyCallback  callback,
                   gpointer             user_data)
{
  g_autoptr(GTask) task = NULL;

  g_return_if_fail (CPOD_IS_CLIENT (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, cpod_client_close);
  if (owns_connection (self))
    g_dbus_connection_close (self->connection, cancellable, connection_closed, g_steal_pointer (&task));
  else
    wait_for_service (self, task);
}

/**
 * cpod_client_close_finish:
 * @self: a client
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what cpod_client_close() began.
 *
 * Returns: whether that could be done
 *
 * Since: 0.1
 */
gboolean
cpod_client_close_finish (CpodClient    *self,
                          GAsyncResult  *result,
                          GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
