/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cpod-client-private.h"

/* Runs METHOD with ARGUMENTS (a floating tuple, the handle in which is 0) and the descriptor FD; takes TASK. */
void
cpod_job_run_with_fd (GTask                *task,
                      const char           *path,
                      const char           *interface,
                      const char           *method,
                      GVariant             *arguments,
                      int                   fd,
                      GVariant             *options,
                      CpodProgressCallback  progress,
                      gpointer              progress_data,
                      GDestroyNotify        progress_destroy,
                      GCancellable         *cancellable)
{
  g_autoptr(GUnixFDList) fd_list = g_unix_fd_list_new ();
  g_autoptr(GVariant) sunk = g_variant_ref_sink (arguments);
  g_autoptr(GVariant) given = options != NULL ? g_variant_ref_sink (options) : NULL;
  GError *error = NULL;

  if (g_unix_fd_list_append (fd_list, fd, &error) < 0)
    {
      g_prefix_error (&error, "failed to hand over the descriptor of the archive: ");
      g_task_return_error (task, error);
      g_object_unref (task);
      if (progress_destroy != NULL)
        progress_destroy (progress_data);
      return;
    }

  cpod_job_run_at (task, path, interface, method, sunk, given, fd_list, progress, progress_data, progress_destroy,
                   cancellable);
}

/**
 * cpod_client_load_images:
 * @self: a client
 * @fd: descriptor to read an archive of images from; it stays the caller's
 * @options: (nullable): options of org.cpod.Cpod1.Images.Load() (a{sv}) but "token", or %NULL
 * @progress: (nullable) (scope notified) (closure progress_data) (destroy progress_destroy): called
 *   now and then with how far it is
 * @progress_data: data for @progress
 * @progress_destroy: called to free @progress_data
 * @cancellable: (nullable): a cancellable, or %NULL
 * @callback: (scope async): called when done
 * @user_data: data for @callback
 *
 * Takes in all images of an archive. When it is cancelled, the service undoes
 * what was half done before @callback is called.
 *
 * Since: 0.1
 */
void
cpod_client_load_images (CpodClient           *self,
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

  task = g_task_new (self, NULL, callback, user_data);
  g_task_set_source_tag (task, cpod_client_load_images);
  cpod_job_run_with_fd (task, CPOD_PATH_RUNTIME, CPOD_INTERFACE_IMAGES, "Load", g_variant_new ("(h)", 0), fd, options,
                        progress, progress_data, progress_destroy, cancellable);
}

/**
 * cpod_client_load_images_finish:
 * @self: a client
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what cpod_client_load_images() began.
 *
 * Returns: (transfer full): the images (aa{sv}), see org.cpod.Cpod1.Images.Load(), or %NULL with @error set
 *
 * Since: 0.1
 */
GVariant *
cpod_client_load_images_finish (CpodClient    *self,
                                GAsyncResult  *result,
                                GError       **error)
{
  g_autoptr(GVariant) dict = NULL;
  GVariant *images;

  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  dict = g_task_propagate_pointer (G_TASK (result), error);
  if (dict == NULL)
    return NULL;

  images = g_variant_lookup_value (dict, "images", G_VARIANT_TYPE ("aa{sv}"));
  if (images == NULL)
    g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_FAILED, "the result of the job lacks the key \"images\"");

  return images;
}

/**
 * cpod_client_load_images_sync:
 * @self: a client
 * @fd: descriptor to read an archive of images from; it stays the caller's
 * @options: (nullable): options of org.cpod.Cpod1.Images.Load() (a{sv}) but "token", or %NULL
 * @progress: (nullable) (scope call) (closure progress_data): called now and then with how far it is
 * @progress_data: data for @progress
 * @cancellable: (nullable): a cancellable, or %NULL
 * @error: return location for an error
 *
 * Takes in all images of an archive.
 *
 * Returns: (transfer full): the images (aa{sv}), see org.cpod.Cpod1.Images.Load(), or %NULL with @error set
 *
 * Since: 0.1
 */
GVariant *
cpod_client_load_images_sync (CpodClient            *self,
                              int                    fd,
                              GVariant              *options,
                              CpodProgressCallback   progress,
                              gpointer               progress_data,
                              GCancellable          *cancellable,
                              GError               **error)
{
  CpodSync sync;
  GVariant *images;

  g_return_val_if_fail (CPOD_IS_CLIENT (self), NULL);

  cpod_sync_begin (&sync);
  cpod_client_load_images (self, fd, options, progress, progress_data, NULL, cancellable, cpod_sync_done, &sync);
  images = cpod_client_load_images_finish (self, cpod_sync_wait (&sync), error);
  cpod_sync_end (&sync);
  return images;
}

/**
 * cpod_client_save_images:
 * @self: a client
 * @images: (array zero-terminated=1): names or ids of images
 * @fd: descriptor to write an archive to; it stays the caller's
 * @options: (nullable): options of org.cpod.Cpod1.Images.Save() (a{sv}) but "token", or %NULL
 * @progress: (nullable) (scope notified) (closure progress_data) (destroy progress_destroy): called
 *   now and then with how far it is
 * @progress_data: data for @progress
 * @progress_destroy: called to free @progress_data
 * @cancellable: (nullable): a cancellable, or %NULL
 * @callback: (scope async): called when done
 * @user_data: data for @callback
 *
 * Writes images into an archive.
 *
 * Since: 0.1
 */
void
cpod_client_save_images (CpodClient           *self,
                         const char *const    *images,
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
  g_return_if_fail (images != NULL);

  task = g_task_new (self, NULL, callback, user_data);
  g_task_set_source_tag (task, cpod_client_save_images);
  cpod_job_run_with_fd (task, CPOD_PATH_RUNTIME, CPOD_INTERFACE_IMAGES, "Save", g_variant_new ("(^ash)", images, 0), fd, options,
                        progress, progress_data, progress_destroy, cancellable);
}

/**
 * cpod_client_save_images_finish:
 * @self: a client
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what cpod_client_save_images() began.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
cpod_client_save_images_finish (CpodClient    *self,
                                GAsyncResult  *result,
                                GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return cpod_job_finish (result, error);
}

/**
 * cpod_client_save_images_sync:
 * @self: a client
 * @images: (array zero-terminated=1): names or ids of images
 * @fd: descriptor to write an archive to; it stays the caller's
 * @options: (nullable): options of org.cpod.Cpod1.Images.Save() (a{sv}) but "token", or %NULL
 * @progress: (nullable) (scope call) (closure progress_data): called now and then with how far it is
 * @progress_data: data for @progress
 * @cancellable: (nullable): a cancellable, or %NULL
 * @error: return location for an error
 *
 * Writes images into an archive.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
cpod_client_save_images_sync (CpodClient            *self,
                              const char *const     *images,
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
  g_return_val_if_fail (images != NULL, FALSE);

  cpod_sync_begin (&sync);
  cpod_client_save_images (self, images, fd, options, progress, progress_data, NULL, cancellable, cpod_sync_done,
                           &sync);
  done = cpod_client_save_images_finish (self, cpod_sync_wait (&sync), error);
  cpod_sync_end (&sync);
  return done;
}

/**
 * cpod_client_export_container:
 * @self: a client
 * @path: object path of a container
 * @fd: descriptor to write an archive to; it stays the caller's
 * @progress: (nullable) (scope notified) (closure progress_data) (destroy progress_destroy): called
 *   now and then with how many bytes of files have been read; nobody knows how many there are
 * @progress_data: data for @progress
 * @progress_destroy: called to free @progress_data
 * @cancellable: (nullable): a cancellable, or %NULL
 * @callback: (scope async): called when done
 * @user_data: data for @callback
 *
 * Writes the root file system of a container into an archive.
 *
 * Since: 0.1
 */
void
cpod_client_export_container (CpodClient           *self,
                              const char           *path,
                              int                   fd,
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

  task = g_task_new (self, NULL, callback, user_data);
  g_task_set_source_tag (task, cpod_client_export_container);
  cpod_job_run_with_fd (task, path, CPOD_INTERFACE_CONTAINER, "Export", g_variant_new ("(h)", 0), fd, NULL, progress,
                        progress_data, progress_destroy, cancellable);
}

/**
 * cpod_client_export_container_finish:
 * @self: a client
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what cpod_client_export_container() began.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
cpod_client_export_container_finish (CpodClient    *self,
                                     GAsyncResult  *result,
                                     GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return cpod_job_finish (result, error);
}

/**
 * cpod_client_export_container_sync:
 * @self: a client
 * @path: object path of a container
 * @fd: descriptor to write an archive to; it stays the caller's
 * @progress: (nullable) (scope call) (closure progress_data): called now and then with how many bytes of files have
 *   been read; nobody knows how many there are
 * @progress_data: data for @progress
 * @cancellable: (nullable): a cancellable, or %NULL
 * @error: return location for an error
 *
 * Writes the root file system of a container into an archive.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
cpod_client_export_container_sync (CpodClient            *self,
                                   const char            *path,
                                   int                    fd,
                                   CpodProgressCallback   progress,
                                   gpointer               progress_data,
                                   GCancellable          *cancellable,
                                   GError               **error)
{
  CpodSync sync;
  gboolean done;

  g_return_val_if_fail (CPOD_IS_CLIENT (self), FALSE);
  g_return_val_if_fail (path != NULL, FALSE);

  cpod_sync_begin (&sync);
  cpod_client_export_container (self, path, fd, progress, progress_data, NULL, cancellable, cpod_sync_done, &sync);
  done = cpod_client_export_container_finish (self, cpod_sync_wait (&sync), error);
  cpod_sync_end (&sync);
  return done;
}
