/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <unistd.h>

#include "cpod-client-private.h"

/* The stream owns the descriptor of the reply. */
static CpodStream *
stream_from_reply (GVariant     *reply,
                   GUnixFDList  *fd_list,
                   GError      **error)
{
  int fd = cpod_call_take_fd (reply, fd_list, error);
  CpodStream *stream;

  if (fd < 0)
    return NULL;

  stream = cpod_stream_new (fd, error);
  if (stream == NULL)
    close (fd);

  return stream;
}

/**
 * cpod_client_attach_sync:
 * @self: a client
 * @path: object path of a container
 * @cancellable: (nullable): a cancellable, or %NULL
 * @error: return location for an error
 *
 * Connects to the standard streams of a container. To miss nothing, attach
 * before the container is started.
 *
 * Returns: (transfer full): a stream, or %NULL with @error set
 *
 * Since: 0.1
 */
CpodStream *
cpod_client_attach_sync (CpodClient    *self,
                         const char    *path,
                         GCancellable  *cancellable,
                         GError       **error)
{
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GUnixFDList) fd_list = NULL;

  g_return_val_if_fail (CPOD_IS_CLIENT (self), NULL);
  g_return_val_if_fail (path != NULL, NULL);

  reply = cpod_call_sync (self, path, CPOD_INTERFACE_CONTAINER, "Attach",
                          g_variant_new ("(@a{sv})", cpod_call_options (NULL)), &fd_list, cancellable, error);
  return reply != NULL ? stream_from_reply (reply, fd_list, error) : NULL;
}

static void
attach_ready (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GUnixFDList) fd_list = NULL;
  g_autoptr(GVariant) reply = cpod_call_finish (source, result, &fd_list, &error);
  CpodStream *stream = reply != NULL ? stream_from_reply (reply, fd_list, &error) : NULL;

  if (stream == NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else
    g_task_return_pointer (task, stream, g_object_unref);
}

void
cpod_client_attach_to (CpodClient          *self,
                       const char          *path,
                       const char          *interface,
                       GCancellable        *cancellable,
                       GAsyncReadyCallback  callback,
                       gpointer             user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, cpod_client_attach);
  cpod_call (self, path, interface, "Attach", g_variant_new ("(@a{sv})", cpod_call_options (NULL)), NULL,
             cancellable, attach_ready, task);
}

/**
 * cpod_client_attach:
 * @self: a client
 * @path: object path of a container
 * @cancellable: (nullable): a cancellable, or %NULL
 * @callback: (scope async): called when done
 * @user_data: data for @callback
 *
 * Connects to the standard streams of a container.
 *
 * Since: 0.1
 */
void
cpod_client_attach (CpodClient          *self,
                    const char          *path,
                    GCancellable        *cancellable,
                    GAsyncReadyCallback  callback,
                    gpointer             user_data)
{
  g_return_if_fail (CPOD_IS_CLIENT (self));
  g_return_if_fail (path != NULL);

  cpod_client_attach_to (self, path, CPOD_INTERFACE_CONTAINER, cancellable, callback, user_data);
}

/**
 * cpod_client_attach_finish:
 * @self: a client
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what cpod_client_attach() began.
 *
 * Returns: (transfer full): a stream, or %NULL with @error set
 *
 * Since: 0.1
 */
CpodStream *
cpod_client_attach_finish (CpodClient    *self,
                           GAsyncResult  *result,
                           GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

static CpodLogReader *
reader_from_reply (GVariant     *reply,
                   GUnixFDList  *fd_list,
                   GError      **error)
{
  int fd = cpod_call_take_fd (reply, fd_list, error);

  return fd >= 0 ? cpod_log_reader_new (fd) : NULL;
}

/**
 * cpod_client_open_logs_sync:
 * @self: a client
 * @path: object path of a container
 * @options: (nullable): options of org.cpod.Cpod1.Container.Logs() (a{sv}), or %NULL
 * @cancellable: (nullable): a cancellable, or %NULL
 * @error: return location for an error
 *
 * Opens the log of a container.
 *
 * Returns: (transfer full): a reader, or %NULL with @error set
 *
 * Since: 0.1
 */
CpodLogReader *
cpod_client_open_logs_sync (CpodClient    *self,
                            const char    *path,
                            GVariant      *options,
                            GCancellable  *cancellable,
                            GError       **error)
{
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GUnixFDList) fd_list = NULL;

  g_return_val_if_fail (CPOD_IS_CLIENT (self), NULL);
  g_return_val_if_fail (path != NULL, NULL);

  reply = cpod_call_sync (self, path, CPOD_INTERFACE_CONTAINER, "Logs",
                          g_variant_new ("(@a{sv})", cpod_call_options (options)), &fd_list, cancellable, error);
  return reply != NULL ? reader_from_reply (reply, fd_list, error) : NULL;
}

static void
logs_ready (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GUnixFDList) fd_list = NULL;
  g_autoptr(GVariant) reply = cpod_call_finish (source, result, &fd_list, &error);
  CpodLogReader *reader = reply != NULL ? reader_from_reply (reply, fd_list, &error) : NULL;

  if (reader == NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else
    g_task_return_pointer (task, reader, g_object_unref);
}

/**
 * cpod_client_open_logs:
 * @self: a client
 * @path: object path of a container
 * @options: (nullable): options of org.cpod.Cpod1.Container.Logs() (a{sv}), or %NULL
 * @cancellable: (nullable): a cancellable, or %NULL
 * @callback: (scope async): called when done
 * @user_data: data for @callback
 *
 * Opens the log of a container.
 *
 * Since: 0.1
 */
void
cpod_client_open_logs (CpodClient          *self,
                       const char          *path,
                       GVariant            *options,
                       GCancellable        *cancellable,
                       GAsyncReadyCallback  callback,
                       gpointer             user_data)
{
  GTask *task;

  g_return_if_fail (CPOD_IS_CLIENT (self));
  g_return_if_fail (path != NULL);

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, cpod_client_open_logs);
  cpod_call (self, path, CPOD_INTERFACE_CONTAINER, "Logs",
             g_variant_new ("(@a{sv})", cpod_call_options (options)), NULL, cancellable, logs_ready, task);
}

/**
 * cpod_client_open_logs_finish:
 * @self: a client
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what cpod_client_open_logs() began.
 *
 * Returns: (transfer full): a reader, or %NULL with @error set
 *
 * Since: 0.1
 */
CpodLogReader *
cpod_client_open_logs_finish (CpodClient    *self,
                              GAsyncResult  *result,
                              GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
