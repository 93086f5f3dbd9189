/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cpod-client-private.h"

static void
image_ready (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  g_autoptr(GError) error = NULL;
  CpodImage *image = cpod_image_proxy_new_finish (result, &error);

  if (image == NULL)
    {
      g_prefix_error (&error, "failed to reach image: ");
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }

  g_dbus_proxy_set_default_timeout (G_DBUS_PROXY (image), G_MAXINT);
  g_task_return_pointer (task, image, g_object_unref);
}

static void
path_ready (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  CpodClient *self = g_task_get_source_object (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = cpod_call_finish (source, result, NULL, &error);
  g_autofree char *path = NULL;

  if (reply == NULL)
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }

  g_variant_get_child (reply, 0, "o", &path);
  cpod_image_proxy_new (self->connection, G_DBUS_PROXY_FLAGS_NONE, cpod_client_get_bus_name (self), path,
                        g_task_get_cancellable (task), image_ready, g_object_ref (task));
}

/**
 * cpod_client_get_image:
 * @self: a client
 * @name: name, id or unique prefix of an id
 * @cancellable: (nullable): a cancellable, or %NULL
 * @callback: (scope async): called when done
 * @user_data: data for @callback
 *
 * Finds an image.
 *
 * Since: 0.1
 */
void
cpod_client_get_image (CpodClient          *self,
                       const char          *name,
                       GCancellable        *cancellable,
                       GAsyncReadyCallback  callback,
                       gpointer             user_data)
{
  GTask *task;

  g_return_if_fail (CPOD_IS_CLIENT (self));
  g_return_if_fail (name != NULL);

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, cpod_client_get_image);
  cpod_call (self, CPOD_PATH_RUNTIME, CPOD_INTERFACE_IMAGES, "GetImage",
             g_variant_new ("(s@a{sv})", name, cpod_call_options (NULL)), NULL, cancellable, path_ready, task);
}

/**
 * cpod_client_get_image_finish:
 * @self: a client
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what cpod_client_get_image() began.
 *
 * Returns: (transfer full): its proxy, or %NULL with @error set
 *
 * Since: 0.1
 */
CpodImage *
cpod_client_get_image_finish (CpodClient    *self,
                              GAsyncResult  *result,
                              GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * cpod_client_get_image_sync:
 * @self: a client
 * @name: name, id or unique prefix of an id
 * @cancellable: (nullable): a cancellable, or %NULL
 * @error: return location for an error
 *
 * Finds an image.
 *
 * Returns: (transfer full): its proxy, or %NULL with @error set
 *
 * Since: 0.1
 */
CpodImage *
cpod_client_get_image_sync (CpodClient    *self,
                            const char    *name,
                            GCancellable  *cancellable,
                            GError       **error)
{
  g_autoptr(GVariant) reply = NULL;
  g_autofree char *path = NULL;
  CpodImage *image;

  g_return_val_if_fail (CPOD_IS_CLIENT (self), NULL);
  g_return_val_if_fail (name != NULL, NULL);

  reply = cpod_call_sync (self, CPOD_PATH_RUNTIME, CPOD_INTERFACE_IMAGES, "GetImage",
                          g_variant_new ("(s@a{sv})", name, cpod_call_options (NULL)), NULL, cancellable, error);
  if (reply == NULL)
    return NULL;

  g_variant_get_child (reply, 0, "o", &path);
  image = cpod_image_proxy_new_sync (self->connection, G_DBUS_PROXY_FLAGS_NONE, cpod_client_get_bus_name (self), path,
                                     cancellable, error);
  if (image == NULL)
    {
      g_prefix_error (error, "failed to reach image %s: ", name);
      return NULL;
    }

  g_dbus_proxy_set_default_timeout (G_DBUS_PROXY (image), G_MAXINT);
  return image;
}
