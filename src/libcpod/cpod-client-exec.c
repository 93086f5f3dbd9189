/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cpod-client-private.h"

static void
opened (GObject      *source,
        GAsyncResult *result,
        gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  g_autoptr(GError) error = NULL;
  CpodStream *stream = cpod_client_attach_finish (CPOD_CLIENT (source), result, &error);

  if (stream == NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else
    g_task_return_pointer (task, stream, g_object_unref);
}

/* The task keeps the session's path. */
static void
session_ready (GObject      *source,
               GAsyncResult *result,
               gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = cpod_call_finish (source, result, NULL, &error);
  char *session;

  if (reply == NULL)
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }

  g_variant_get_child (reply, 0, "o", &session);
  g_task_set_task_data (task, session, g_free);
  cpod_client_attach_to (g_task_get_source_object (task), session, CPOD_INTERFACE_EXEC, g_task_get_cancellable (task),
                         opened, g_object_ref (task));
}

/**
 * cpod_client_open_exec:
 * @self: a client
 * @path: object path of a container that runs
 * @command: (array zero-terminated=1): the command and its arguments
 * @options: (nullable): options of org.cpod.Cpod1.Container.Exec() (a{sv}), or %NULL
 * @cancellable: (nullable): a cancellable, or %NULL
 * @callback: (scope async): called when done
 * @user_data: data for @callback
 *
 * Starts a command in a container and gives the stream of its input and output,
 * of which nothing is missed. cpod_client_exec() is for who wants to have all
 * of the output at once.
 *
 * Since: 0.1
 */
void
cpod_client_open_exec (CpodClient          *self,
                       const char          *path,
                       const char *const   *command,
                       GVariant            *options,
                       GCancellable        *cancellable,
                       GAsyncReadyCallback  callback,
                       gpointer             user_data)
{
  GTask *task;

  g_return_if_fail (CPOD_IS_CLIENT (self));
  g_return_if_fail (path != NULL);
  g_return_if_fail (command != NULL);

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, cpod_client_open_exec);
  cpod_call (self, path, CPOD_INTERFACE_CONTAINER, "Exec",
             g_variant_new ("(^as@a{sv})", command, cpod_call_options (options)), NULL, cancellable, session_ready, task);
}

/**
 * cpod_client_open_exec_finish:
 * @self: a client
 * @result: what the callback was given
 * @session: (out) (optional) (transfer full): return location for the object path of the exec session
 * @error: return location for an error
 *
 * Ends what cpod_client_open_exec() began.
 *
 * Returns: (transfer full): a stream, or %NULL with @error set
 *
 * Since: 0.1
 */
CpodStream *
cpod_client_open_exec_finish (CpodClient    *self,
                              GAsyncResult  *result,
                              char         **session,
                              GError       **error)
{
  CpodStream *stream;

  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  stream = g_task_propagate_pointer (G_TASK (result), error);
  if (stream != NULL && session != NULL)
    *session = g_strdup (g_task_get_task_data (G_TASK (result)));

  return stream;
}

/**
 * cpod_client_open_exec_sync:
 * @self: a client
 * @path: object path of a container that runs
 * @command: (array zero-terminated=1): the command and its arguments
 * @options: (nullable): options of org.cpod.Cpod1.Container.Exec() (a{sv}), or %NULL
 * @session: (out) (optional) (transfer full): return location for the object path of the exec session
 * @cancellable: (nullable): a cancellable, or %NULL
 * @error: return location for an error
 *
 * Starts a command in a container and gives the stream of its input and output.
 *
 * Returns: (transfer full): a stream, or %NULL with @error set
 *
 * Since: 0.1
 */
CpodStream *
cpod_client_open_exec_sync (CpodClient         *self,
                            const char         *path,
                            const char *const  *command,
                            GVariant           *options,
                            char              **session,
                            GCancellable       *cancellable,
                            GError            **error)
{
  CpodStream *stream;
  CpodSync sync;

  g_return_val_if_fail (CPOD_IS_CLIENT (self), NULL);
  g_return_val_if_fail (path != NULL, NULL);
  g_return_val_if_fail (command != NULL, NULL);

  cpod_sync_begin (&sync);
  cpod_client_open_exec (self, path, command, options, cancellable, cpod_sync_done, &sync);
  stream = cpod_client_open_exec_finish (self, cpod_sync_wait (&sync), session, error);
  cpod_sync_end (&sync);
  return stream;
}
