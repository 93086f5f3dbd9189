/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cpod-client-private.h"

/**
 * cpod_client_import_image:
 * @self: a client
 * @fd: descriptor to read a tar archive from; it stays the caller's
 * @reference: (nullable): name for the image, or %NULL for none
 * @options: (nullable): options of org.cpod.Cpod1.Images.Import() (a{sv}) but "token", or %NULL
 * @progress: (nullable) (scope notified) (closure progress_data) (destroy progress_destroy): called
 *   now and then with how far it is
 * @progress_data: data for @progress
 * @progress_destroy: called to free @progress_data
 * @cancellable: (nullable): a cancellable, or %NULL
 * @callback: (scope async): called when done
 * @user_data: data for @callback
 *
 * Makes an image of an archive of a root file system. When it is cancelled,
 * the service undoes what was half done before @callback is called.
 *
 * Since: 0.1
 */
void
cpod_client_import_image (CpodClient           *self,
                          int                   fd,
                          const char           *reference,
                          GVariant             *options,
                          CpodProgressCallback  progress,
                          gpointer              progress_data,
                          GDestroyNotify        progress_destroy,
                          GCancellable         *cancellable,
                          GAsyncReadyCallback   callback,
                          gpointer              user_data)
{
  g_autoptr(GUnixFDList) fd_list = g_unix_fd_list_new ();
  g_autoptr(GVariant) given = options != NULL ? g_variant_ref_sink (options) : NULL;
  g_autoptr(GError) error = NULL;
  GTask *task;

  g_return_if_fail (CPOD_IS_CLIENT (self));

  task = g_task_new (self, NULL, callback, user_data);
  g_task_set_source_tag (task, cpod_client_import_image);
  if (g_unix_fd_list_append (fd_list, fd, &error) < 0)
    {
      g_prefix_error (&error, "failed to import image: ");
      g_task_return_error (task, g_steal_pointer (&error));
      g_object_unref (task);
      if (progress_destroy != NULL)
        progress_destroy (progress_data);
      return;
    }

  cpod_job_run (task, "Import", g_variant_new ("(hs)", 0, reference != NULL ? reference : ""), given, fd_list,
                progress, progress_data, progress_destroy, cancellable);
}

/**
 * cpod_client_import_image_finish:
 * @self: a client
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what cpod_client_import_image() began.
 *
 * Returns: (transfer full): the id of the image, or %NULL with @error set
 *
 * Since: 0.1
 */
char *
cpod_client_import_image_finish (CpodClient    *self,
                                 GAsyncResult  *result,
                                 GError       **error)
{
  g_autoptr(GVariant) dict = NULL;

  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  dict = g_task_propagate_pointer (G_TASK (result), error);
  return dict != NULL ? cpod_job_get_string (dict, "id", error) : NULL;
}

/**
 * cpod_client_import_image_sync:
 * @self: a client
 * @fd: descriptor to read a tar archive from; it stays the caller's
 * @reference: (nullable): name for the image, or %NULL for none
 * @options: (nullable): options of org.cpod.Cpod1.Images.Import() (a{sv}) but "token", or %NULL
 * @progress: (nullable) (scope call) (closure progress_data): called now and then with how far it is
 * @progress_data: data for @progress
 * @cancellable: (nullable): a cancellable, or %NULL
 * @error: return location for an error
 *
 * Makes an image of an archive of a root file system.
 *
 * Returns: (transfer full): the id of the image, or %NULL with @error set
 *
 * Since: 0.1
 */
char *
cpod_client_import_image_sync (CpodClient            *self,
                               int                    fd,
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

  cpod_sync_begin (&sync);
  cpod_client_import_image (self, fd, reference, options, progress, progress_data, NULL, cancellable,
                            cpod_sync_done, &sync);
  id = cpod_client_import_image_finish (self, cpod_sync_wait (&sync), error);
  cpod_sync_end (&sync);
  return id;
}
