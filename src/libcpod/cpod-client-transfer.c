/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cpod-client-private.h"

/* A descriptor to read CREDENTIALS from, as the only one of a message. They never are where others could see them. */
static GUnixFDList *
send_credentials (const char  *credentials,
                  GError     **error)
{
  g_autoptr(GUnixFDList) fd_list = g_unix_fd_list_new ();
  const int fd = memfd_create ("credentials", MFD_CLOEXEC);
  gsize done = 0;
  gssize n = 0;

  while (fd >= 0 && done < strlen (credentials) && (n = write (fd, credentials + done, strlen (credentials) - done)) > 0)
    done += (gsize) n;

  if (fd < 0 || done < strlen (credentials) || lseek (fd, 0, SEEK_SET) < 0
      || g_unix_fd_list_append (fd_list, fd, NULL) < 0)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "failed to hand over credentials: %s", g_strerror (errno));
      g_clear_object (&fd_list);
    }

  if (fd >= 0)
    close (fd);

  return g_steal_pointer (&fd_list);
}

static GVariant *
add_authfile (GVariant *options)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, options);
  g_variant_dict_insert (&dict, "authfile", "h", 0);
  return g_variant_dict_end (&dict);
}

/* Runs METHOD with ARGUMENTS (a floating tuple); takes TASK. */
static void
transfer (GTask                *task,
          const char           *method,
          GVariant             *arguments,
          const char           *credentials,
          GVariant             *options,
          CpodProgressCallback  progress,
          gpointer              progress_data,
          GDestroyNotify        progress_destroy,
          GCancellable         *cancellable)
{
  g_autoptr(GVariant) sunk = g_variant_ref_sink (arguments);
  g_autoptr(GVariant) given = options != NULL ? g_variant_ref_sink (options) : NULL;
  g_autoptr(GVariant) all = NULL;
  g_autoptr(GUnixFDList) fd_list = NULL;
  GError *error = NULL;

  if (credentials != NULL)
    {
      fd_list = send_credentials (credentials, &error);
      if (fd_list == NULL)
        {
          g_task_return_error (task, error);
          g_object_unref (task);
          if (progress_destroy != NULL)
            progress_destroy (progress_data);
          return;
        }

      all = g_variant_ref_sink (add_authfile (given));
    }

  cpod_job_run (task, method, sunk, all != NULL ? all : given, fd_list, progress, progress_data, progress_destroy,
                cancellable);
}

/**
 * cpod_client_pull_image:
 * @self: a client
 * @reference: name of an image in a registry, or "TRANSPORT:" and where it is
 * @credentials: (nullable): credentials for registries, a text as in podman's auth.json, or %NULL for none
 * @options: (nullable): options of org.cpod.Cpod1.Images.Pull() (a{sv}) but "token" and "authfile", or %NULL
 * @progress: (nullable) (scope notified) (closure progress_data) (destroy progress_destroy): called
 *   now and then with how far it is
 * @progress_data: data for @progress
 * @progress_destroy: called to free @progress_data
 * @cancellable: (nullable): a cancellable, or %NULL
 * @callback: (scope async): called when done
 * @user_data: data for @callback
 *
 * Fetches an image. When it is cancelled, the service undoes what was half
 * done before @callback is called.
 *
 * Since: 0.1
 */
void
cpod_client_pull_image (CpodClient           *self,
                        const char           *reference,
                        const char           *credentials,
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
  g_return_if_fail (reference != NULL);

  task = g_task_new (self, NULL, callback, user_data);
  g_task_set_source_tag (task, cpod_client_pull_image);
  transfer (task, "Pull", g_variant_new ("(s)", reference), credentials, options, progress, progress_data,
            progress_destroy, cancellable);
}

/**
 * cpod_client_pull_image_finish:
 * @self: a client
 * @result: what the callback was given
 * @name: (out) (optional) (transfer full): return location for the image's full name, "" if it has none
 * @error: return location for an error
 *
 * Ends what cpod_client_pull_image() began.
 *
 * Returns: (transfer full): the id of the image, or %NULL with @error set
 *
 * Since: 0.1
 */
char *
cpod_client_pull_image_finish (CpodClient    *self,
                               GAsyncResult  *result,
                               char         **name,
                               GError       **error)
{
  g_autoptr(GVariant) dict = NULL;
  g_autofree char *found = NULL;
  char *id;

  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  dict = g_task_propagate_pointer (G_TASK (result), error);
  if (dict == NULL)
    return NULL;

  found = cpod_job_get_string (dict, "name", error);
  id = found != NULL ? cpod_job_get_string (dict, "id", error) : NULL;
  if (id != NULL && name != NULL)
    *name = g_steal_pointer (&found);

  return id;
}

/**
 * cpod_client_pull_image_sync:
 * @self: a client
 * @reference: name of an image in a registry, or "TRANSPORT:" and where it is
 * @credentials: (nullable): credentials for registries, a text as in podman's auth.json, or %NULL for none
 * @options: (nullable): options of org.cpod.Cpod1.Images.Pull() (a{sv}) but "token" and "authfile", or %NULL
 * @progress: (nullable) (scope call) (closure progress_data): called now and then with how far it is
 * @progress_data: data for @progress
 * @name: (out) (optional) (transfer full): return location for the image's full name, "" if it has none
 * @cancellable: (nullable): a cancellable, or %NULL
 * @error: return location for an error
 *
 * Fetches an image.
 *
 * Returns: (transfer full): the id of the image, or %NULL with @error set
 *
 * Since: 0.1
 */
char *
cpod_client_pull_image_sync (CpodClient            *self,
                             const char            *reference,
                             const char            *credentials,
                             GVariant              *options,
                             CpodProgressCallback   progress,
                             gpointer               progress_data,
                             char                 **name,
                             GCancellable          *cancellable,
                             GError               **error)
{
  CpodSync sync;
  char *id;

  g_return_val_if_fail (CPOD_IS_CLIENT (self), NULL);
  g_return_val_if_fail (reference != NULL, NULL);

  cpod_sync_begin (&sync);
  cpod_client_pull_image (self, reference, credentials, options, progress, progress_data, NULL, cancellable,
                          cpod_sync_done, &sync);
  id = cpod_client_pull_image_finish (self, cpod_sync_wait (&sync), name, error);
  cpod_sync_end (&sync);
  return id;
}

/**
 * cpod_client_push_image:
 * @self: a client
 * @image: name or id of an image
 * @destination: (nullable): name in a registry, or "TRANSPORT:" and where to, or %NULL for the image's own name
 * @credentials: (nullable): credentials for registries, a text as in podman's auth.json, or %NULL for none
 * @options: (nullable): options of org.cpod.Cpod1.Images.Push() (a{sv}) but "token" and "authfile", or %NULL
 * @progress: (nullable) (scope notified) (closure progress_data) (destroy progress_destroy): called
 *   now and then with how far it is
 * @progress_data: data for @progress
 * @progress_destroy: called to free @progress_data
 * @cancellable: (nullable): a cancellable, or %NULL
 * @callback: (scope async): called when done
 * @user_data: data for @callback
 *
 * Copies an image to a registry or elsewhere.
 *
 * Since: 0.1
 */
void
cpod_client_push_image (CpodClient           *self,
                        const char           *image,
                        const char           *destination,
                        const char           *credentials,
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
  g_return_if_fail (image != NULL);

  task = g_task_new (self, NULL, callback, user_data);
  g_task_set_source_tag (task, cpod_client_push_image);
  transfer (task, "Push", g_variant_new ("(ss)", image, destination != NULL ? destination : ""), credentials, options,
            progress, progress_data, progress_destroy, cancellable);
}

/**
 * cpod_client_push_image_finish:
 * @self: a client
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what cpod_client_push_image() began.
 *
 * Returns: (transfer full): the digest of the manifest there, or %NULL with @error set
 *
 * Since: 0.1
 */
char *
cpod_client_push_image_finish (CpodClient    *self,
                               GAsyncResult  *result,
                               GError       **error)
{
  g_autoptr(GVariant) dict = NULL;

  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  dict = g_task_propagate_pointer (G_TASK (result), error);
  return dict != NULL ? cpod_job_get_string (dict, "digest", error) : NULL;
}

/**
 * cpod_client_push_image_sync:
 * @self: a client
 * @image: name or id of an image
 * @destination: (nullable): name in a registry, or "TRANSPORT:" and where to, or %NULL for the image's own name
 * @credentials: (nullable): credentials for registries, a text as in podman's auth.json, or %NULL for none
 * @options: (nullable): options of org.cpod.Cpod1.Images.Push() (a{sv}) but "token" and "authfile", or %NULL
 * @progress: (nullable) (scope call) (closure progress_data): called now and then with how far it is
 * @progress_data: data for @progress
 * @cancellable: (nullable): a cancellable, or %NULL
 * @error: return location for an error
 *
 * Copies an image to a registry or elsewhere.
 *
 * Returns: (transfer full): the digest of the manifest there, or %NULL with @error set
 *
 * Since: 0.1
 */
char *
cpod_client_push_image_sync (CpodClient            *self,
                             const char            *image,
                             const char            *destination,
                             const char            *credentials,
                             GVariant              *options,
                             CpodProgressCallback   progress,
                             gpointer               progress_data,
                             GCancellable          *cancellable,
                             GError               **error)
{
  CpodSync sync;
  char *digest;

  g_return_val_if_fail (CPOD_IS_CLIENT (self), NULL);
  g_return_val_if_fail (image != NULL, NULL);

  cpod_sync_begin (&sync);
  cpod_client_push_image (self, image, destination, credentials, options, progress, progress_data, NULL, cancellable,
                          cpod_sync_done, &sync);
  digest = cpod_client_push_image_finish (self, cpod_sync_wait (&sync), error);
  cpod_sync_end (&sync);
  return digest;
}

/**
 * cpod_client_list_tags:
 * @self: a client
 * @repository: name of a repository in a registry
 * @credentials: (nullable): credentials for registries, a text as in podman's auth.json, or %NULL for none
 * @options: (nullable): options of org.cpod.Cpod1.Images.ListTags() (a{sv}) but "token" and "authfile", or %NULL
 * @cancellable: (nullable): a cancellable, or %NULL
 * @callback: (scope async): called when done
 * @user_data: data for @callback
 *
 * Asks a registry which tags a repository has.
 *
 * Since: 0.1
 */
void
cpod_client_list_tags (CpodClient           *self,
                       const char           *repository,
                       const char           *credentials,
                       GVariant             *options,
                       GCancellable         *cancellable,
                       GAsyncReadyCallback   callback,
                       gpointer              user_data)
{
  GTask *task;

  g_return_if_fail (CPOD_IS_CLIENT (self));
  g_return_if_fail (repository != NULL);

  task = g_task_new (self, NULL, callback, user_data);
  g_task_set_source_tag (task, cpod_client_list_tags);
  transfer (task, "ListTags", g_variant_new ("(s)", repository), credentials, options, NULL, NULL, NULL, cancellable);
}

/**
 * cpod_client_list_tags_finish:
 * @self: a client
 * @result: what the callback was given
 * @name: (out) (optional) (transfer full): return location for the full name of the repository
 * @error: return location for an error
 *
 * Ends what cpod_client_list_tags() began.
 *
 * Returns: (transfer full) (array zero-terminated=1): the tags, or %NULL with @error set
 *
 * Since: 0.1
 */
char **
cpod_client_list_tags_finish (CpodClient    *self,
                              GAsyncResult  *result,
                              char         **name,
                              GError       **error)
{
  g_autoptr(GVariant) dict = NULL;
  g_autofree char *found = NULL;
  char **tags = NULL;

  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  dict = g_task_propagate_pointer (G_TASK (result), error);
  found = dict != NULL ? cpod_job_get_string (dict, "name", error) : NULL;
  if (found == NULL)
    return NULL;

  if (!g_variant_lookup (dict, "tags", "^as", &tags))
    g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_FAILED, "the result of the job lacks the key \"tags\"");
  else if (name != NULL)
    *name = g_steal_pointer (&found);

  return tags;
}

/**
 * cpod_client_list_tags_sync:
 * @self: a client
 * @repository: name of a repository in a registry
 * @credentials: (nullable): credentials for registries, a text as in podman's auth.json, or %NULL for none
 * @options: (nullable): options of org.cpod.Cpod1.Images.ListTags() (a{sv}) but "token" and "authfile", or %NULL
 * @name: (out) (optional) (transfer full): return location for the full name of the repository
 * @cancellable: (nullable): a cancellable, or %NULL
 * @error: return location for an error
 *
 * Asks a registry which tags a repository has.
 *
 * Returns: (transfer full) (array zero-terminated=1): the tags, or %NULL with @error set
 *
 * Since: 0.1
 */
char **
cpod_client_list_tags_sync (CpodClient    *self,
                            const char    *repository,
                            const char    *credentials,
                            GVariant      *options,
                            char         **name,
                            GCancellable  *cancellable,
                            GError       **error)
{
  CpodSync sync;
  char **tags;

  g_return_val_if_fail (CPOD_IS_CLIENT (self), NULL);
  g_return_val_if_fail (repository != NULL, NULL);

  cpod_sync_begin (&sync);
  cpod_client_list_tags (self, repository, credentials, options, cancellable, cpod_sync_done, &sync);
  tags = cpod_client_list_tags_finish (self, cpod_sync_wait (&sync), name, error);
  cpod_sync_end (&sync);
  return tags;
}

/**
 * cpod_client_search_images:
 * @self: a client
 * @term: part of a repository's name, or a registry, a slash, and such a part
 * @credentials: (nullable): credentials for registries, a text as in podman's auth.json, or %NULL for none
 * @options: (nullable): options of org.cpod.Cpod1.Images.Search() (a{sv}) but "token" and "authfile", or %NULL
 * @cancellable: (nullable): a cancellable, or %NULL
 * @callback: (scope async): called when done
 * @user_data: data for @callback
 *
 * Asks registries which repositories they have.
 *
 * Since: 0.1
 */
void
cpod_client_search_images (CpodClient           *self,
                           const char           *term,
                           const char           *credentials,
                           GVariant             *options,
                           GCancellable         *cancellable,
                           GAsyncReadyCallback   callback,
                           gpointer              user_data)
{
  GTask *task;

  g_return_if_fail (CPOD_IS_CLIENT (self));
  g_return_if_fail (term != NULL);

  task = g_task_new (self, NULL, callback, user_data);
  g_task_set_source_tag (task, cpod_client_search_images);
  transfer (task, "Search", g_variant_new ("(s)", term), credentials, options, NULL, NULL, NULL, cancellable);
}

/**
 * cpod_client_search_images_finish:
 * @self: a client
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what cpod_client_search_images() began.
 *
 * Returns: (transfer full): the result of the job (a{sv}), see org.cpod.Cpod1.Images.Search(), or %NULL with @error set
 *
 * Since: 0.1
 */
GVariant *
cpod_client_search_images_finish (CpodClient    *self,
                                  GAsyncResult  *result,
                                  GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * cpod_client_search_images_sync:
 * @self: a client
 * @term: part of a repository's name, or a registry, a slash, and such a part
 * @credentials: (nullable): credentials for registries, a text as in podman's auth.json, or %NULL for none
 * @options: (nullable): options of org.cpod.Cpod1.Images.Search() (a{sv}) but "token" and "authfile", or %NULL
 * @cancellable: (nullable): a cancellable, or %NULL
 * @error: return location for an error
 *
 * Asks registries which repositories they have.
 *
 * Returns: (transfer full): the result of the job (a{sv}), see org.cpod.Cpod1.Images.Search(), or %NULL with @error set
 *
 * Since: 0.1
 */
GVariant *
cpod_client_search_images_sync (CpodClient    *self,
                                const char    *term,
                                const char    *credentials,
                                GVariant      *options,
                                GCancellable  *cancellable,
                                GError       **error)
{
  CpodSync sync;
  GVariant *found;

  g_return_val_if_fail (CPOD_IS_CLIENT (self), NULL);
  g_return_val_if_fail (term != NULL, NULL);

  cpod_sync_begin (&sync);
  cpod_client_search_images (self, term, credentials, options, cancellable, cpod_sync_done, &sync);
  found = cpod_client_search_images_finish (self, cpod_sync_wait (&sync), error);
  cpod_sync_end (&sync);
  return found;
}
