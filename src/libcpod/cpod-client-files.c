/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cpod-client-private.h"

/**
 * cpod_client_commit_container:
 * @self: a client
 * @path: object path of a container
 * @reference: (nullable): name for the image, or %NULL for none
 * @options: (nullable): options of org.cpod.Cpod1.Container.Commit() (a{sv}) but "token", or %NULL
 * @progress: (nullable) (scope notified) (closure progress_data) (destroy progress_destroy): called
 *   now and then with how many bytes were read; nobody knows how many there are
 * @progress_data: data for @progress
 * @progress_destroy: called to free @progress_data
 * @cancellable: (nullable): a cancellable, or %NULL
 * @callback: (scope async): called when done
 * @user_data: data for @callback
 *
 * Makes an image of a container.
 *
 * Since: 0.1
 */
void
cpod_client_commit_container (CpodClient           *self,
                              const char           *path,
                              const char           *reference,
                              GVariant             *options,
                              CpodProgressCallback  progress,
                              gpointer              progress_data,
                              GDestroyNotify        progress_destroy,
                              GCancellable         *cancellable,
                              GAsyncReadyCallback   callback,
                              gpointer              user_data)
{
  g_autoptr(GVariant) arguments = NULL;
  g_autoptr(GVariant) given = options != NULL ? g_variant_ref_sink (options) : NULL;
  GTask *task;

  g_return_if_fail (CPOD_IS_CLIENT (self));
  g_return_if_fail (path != NULL);

  task = g_task_new (self, NULL, callback, user_data);
  g_task_set_source_tag (task, cpod_client_commit_container);
  arguments = g_variant_ref_sink (g_variant_new ("(s)", reference != NULL ? reference : ""));
  cpod_job_run_at (task, path, CPOD_INTERFACE_CONTAINER, "Commit", arguments, given, NULL, progress, progress_data,
                   progress_destroy, cancellable);
}

/**
 * cpod_client_commit_container_finish:
 * @self: a client
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what cpod_client_commit_container() began.
 *
 * Returns: (transfer full): the id of the image, or %NULL with @error set
 *
 * Since: 0.1
 */
char *
cpod_client_commit_container_finish (CpodClient    *self,
                                     GAsyncResult  *result,
                                     GError       **error)
{
  g_autoptr(GVariant) dict = NULL;

  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  dict = g_task_propagate_pointer (G_TASK (result), error);
  return dict != NULL ? cpod_job_get_string (dict, "id", error) : NULL;
}

/**
 * cpod_client_commit_container_sync:
 * @self: a client
 * @path: object path of a container
 * @reference: (nullable): name for the image, or %NULL for none
 * @options: (nullable): options of org.cpod.Cpod1.Container.Commit() (a{sv}) but "token", or %NULL
 * @progress: (nullable) (scope call) (closure progress_data): called now and then with how many bytes were read;
 *   nobody knows how many there are
 * @progress_data: data for @progress
 * @cancellable: (nullable): a cancellable, or %NULL
 * @error: return location for an error
 *
 * Makes an image of a container.
 *
 * Returns: (transfer full): the id of the image, or %NULL with @error set
 *
 * Since: 0.1
 */
char *
cpod_client_commit_container_sync (CpodClient            *self,
                                   const char            *path,
                                   const char            *reference,
                                   GVariant              *options,
                                   CpodProgressCallback   progress,
                                   gpointer               progress_data,
                                   GCancellable          *cancellable,
                                   GError               **error)
{
  CpodSync sync;
  char *id;

  g_return_val_if_fail (CPOD_IS_CLIENT (self), NULL);
  g_return_val_if_fail (path != NULL, NULL);

  cpod_sync_begin (&sync);
  cpod_client_commit_container (self, path, reference, options, progress, progress_data, NULL, cancellable,
                                cpod_sync_done, &sync);
  id = cpod_client_commit_container_finish (self, cpod_sync_wait (&sync), error);
  cpod_sync_end (&sync);
  return id;
}

/**
 * cpod_client_copy_out:
 * @self: a client
 * @path: object path of a container
 * @file: (type filename): path in the container
 * @fd: descriptor to write the archive to; it stays the caller's
 * @options: (nullable): options of org.cpod.Cpod1.Container.CopyOut() (a{sv}) but "token", or %NULL
 * @progress: (nullable) (scope notified) (closure progress_data) (destroy progress_destroy): called
 *   now and then with how many bytes were read; nobody knows how many there are
 * @progress_data: data for @progress
 * @progress_destroy: called to free @progress_data
 * @cancellable: (nullable): a cancellable, or %NULL
 * @callback: (scope async): called when done
 * @user_data: data for @callback
 *
 * Writes a file or directory of a container into a tar archive.
 *
 * Since: 0.1
 */
void
cpod_client_copy_out (CpodClient           *self,
                      const char           *path,
                      const char           *file,
                      int                   fd,
                      GVariant             *options,
                      CpodProgressCallback  progress,
                      gpointer              progress_data,
                      GDestroyNotify        progress_destroy,
                      GCancellable         *cancellable,
                      GAsyncReadyCallback   callback,
                      gpointer              user_data)
{
  GTask *task;

  g_return_if_fail (CPOD_IS_CLIENT (self));
  g_return_if_fail (path != NULL);
  g_return_if_fail (file != NULL);

  task = g_task_new (self, NULL, callback, user_data);
  g_task_set_source_tag (task, cpod_client_copy_out);
  cpod_job_run_with_fd (task, path, CPOD_INTERFACE_CONTAINER, "CopyOut", g_variant_new ("(^ayh)", file, 0), fd, options,
                        progress, progress_data, progress_destroy, cancellable);
}

/**
 * cpod_client_copy_out_finish:
 * @self: a client
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what cpod_client_copy_out() began.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
cpod_client_copy_out_finish (CpodClient    *self,
                             GAsyncResult  *result,
                             GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return cpod_job_finish (result, error);
}

/**
 * cpod_client_copy_out_sync:
 * @self: a client
 * @path: object path of a container
 * @file: (type filename): path in the container
 * @fd: descriptor to write the archive to; it stays the caller's
 * @options: (nullable): options of org.cpod.Cpod1.Container.CopyOut() (a{sv}) but "token", or %NULL
 * @progress: (nullable) (scope call) (closure progress_data): called now and then with how many bytes were read;
 *   nobody knows how many there are
 * @progress_data: data for @progress
 * @cancellable: (nullable): a cancellable, or %NULL
 * @error: return location for an error
 *
 * Writes a file or directory of a container into a tar archive.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
cpod_client_copy_out_sync (CpodClient            *self,
                           const char            *path,
                           const char            *file,
                           int                    fd,
                           GVariant              *options,
                           CpodProgressCallback   progress,
                           gpointer               progress_data,
                           GCancellable          *cancellable,
                           GError               **error)
{
  CpodSync sync;
  gboolean done;

  g_return_val_if_fail (CPOD_IS_CLIENT (self), FALSE);
  g_return_val_if_fail (path != NULL, FALSE);
  g_return_val_if_fail (file != NULL, FALSE);

  cpod_sync_begin (&sync);
  cpod_client_copy_out (self, path, file, fd, options, progress, progress_data, NULL, cancellable,
                        cpod_sync_done, &sync);
  done = cpod_client_copy_out_finish (self, cpod_sync_wait (&sync), error);
  cpod_sync_end (&sync);
  return done;
}

/**
 * cpod_client_copy_in:
 * @self: a client
 * @path: object path of a container
 * @directory: (type filename): path in the container
 * @fd: descriptor to read the archive from; it stays the caller's
 * @options: (nullable): options of org.cpod.Cpod1.Container.CopyIn() (a{sv}) but "token", or %NULL
 * @progress: (nullable) (scope notified) (closure progress_data) (destroy progress_destroy): called
 *   now and then with how many bytes were read; nobody knows how many there are
 * @progress_data: data for @progress
 * @progress_destroy: called to free @progress_data
 * @cancellable: (nullable): a cancellable, or %NULL
 * @callback: (scope async): called when done
 * @user_data: data for @callback
 *
 * Unpacks a tar archive in a directory of a container.
 *
 * Since: 0.1
 */
void
cpod_client_copy_in (CpodClient           *self,
                     const char           *path,
                     const char           *directory,
                     int                   fd,
                     GVariant             *options,
                     CpodProgressCallback  progress,
                     gpointer              progress_data,
                     GDestroyNotify        progress_destroy,
                     GCancellable         *cancellable,
                     GAsyncReadyCallback   callback,
                     gpointer              user_data)
{
  GTask *task;

  g_return_if_fail (CPOD_IS_CLIENT (self));
  g_return_if_fail (path != NULL);
  g_return_if_fail (directory != NULL);

  task = g_task_new (self, NULL, callback, user_data);
  g_task_set_source_tag (task, cpod_client_copy_in);
  cpod_job_run_with_fd (task, path, CPOD_INTERFACE_CONTAINER, "CopyIn", g_variant_new ("(^ayh)", directory, 0), fd, options,
                        progress, progress_data, progress_destroy, cancellable);
}

/**
 * cpod_client_copy_in_finish:
 * @self: a client
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what cpod_client_copy_in() began.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
cpod_client_copy_in_finish (CpodClient    *self,
                            GAsyncResult  *result,
                            GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return cpod_job_finish (result, error);
}

/**
 * cpod_client_copy_in_sync:
 * @self: a client
 * @path: object path of a container
 * @directory: (type filename): path in the container
 * @fd: descriptor to read the archive from; it stays the caller's
 * @options: (nullable): options of org.cpod.Cpod1.Container.CopyIn() (a{sv}) but "token", or %NULL
 * @progress: (nullable) (scope call) (closure progress_data): called now and then with how many bytes were read;
 *   nobody knows how many there are
 * @progress_data: data for @progress
 * @cancellable: (nullable): a cancellable, or %NULL
 * @error: return location for an error
 *
 * Unpacks a tar archive in a directory of a container.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
cpod_client_copy_in_sync (CpodClient            *self,
                          const char            *path,
                          const char            *directory,
                          int                    fd,
                          GVariant              *options,
                          CpodProgressCallback   progress,
                          gpointer               progress_data,
                          GCancellable          *cancellable,
                          GError               **error)
{
  CpodSync sync;
  gboolean done;

  g_return_val_if_fail (CPOD_IS_CLIENT (self), FALSE);
  g_return_val_if_fail (path != NULL, FALSE);
  g_return_val_if_fail (directory != NULL, FALSE);

  cpod_sync_begin (&sync);
  cpod_client_copy_in (self, path, directory, fd, options, progress, progress_data, NULL, cancellable,
                       cpod_sync_done, &sync);
  done = cpod_client_copy_in_finish (self, cpod_sync_wait (&sync), error);
  cpod_sync_end (&sync);
  return done;
}
