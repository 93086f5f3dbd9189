/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cpod-client-private.h"

/* The proxy has all properties and follows them. */
static CpodContainer *
make_container_sync (CpodClient    *self,
                     const char    *path,
                     GCancellable  *cancellable,
                     GError       **error)
{
  CpodContainer *container;

  container = cpod_container_proxy_new_sync (self->connection, G_DBUS_PROXY_FLAGS_NONE,
                                             cpod_client_get_bus_name (self), path, cancellable, error);
  if (container == NULL)
    {
      g_prefix_error (error, "failed to reach container at %s: ", path);
      return NULL;
    }

  g_dbus_proxy_set_default_timeout (G_DBUS_PROXY (container), G_MAXINT);
  return container;
}

static void
container_ready (GObject      *source,
                 GAsyncResult *result,
                 gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  g_autoptr(GError) error = NULL;
  CpodContainer *container;

  container = cpod_container_proxy_new_finish (result, &error);
  if (container == NULL)
    {
      g_prefix_error (&error, "failed to reach container: ");
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }

  g_dbus_proxy_set_default_timeout (G_DBUS_PROXY (container), G_MAXINT);
  g_task_return_pointer (task, container, g_object_unref);
}

/* The reply of Create and of GetContainer begins with the container's path. */
static void
path_ready (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  CpodClient *self = g_task_get_source_object (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = NULL;
  g_autofree char *path = NULL;

  reply = cpod_call_finish (source, result, NULL, &error);
  if (reply == NULL)
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }

  g_variant_get_child (reply, 0, "o", &path);
  cpod_container_proxy_new (self->connection, G_DBUS_PROXY_FLAGS_NONE, cpod_client_get_bus_name (self), path,
                            g_task_get_cancellable (task), container_ready, g_object_ref (task));
}

/**
 * cpod_client_get_container_sync:
 * @self: a client
 * @name: name, id or unique prefix of an id
 * @cancellable: (nullable): a cancellable, or %NULL
 * @error: return location for an error
 *
 * Finds a container.
 *
 * Returns: (transfer full): its proxy, or %NULL with @error set
 *
 * Since: 0.1
 */
CpodContainer *
cpod_client_get_container_sync (CpodClient    *self,
                                const char    *name,
                                GCancellable  *cancellable,
                                GError       **error)
{
  g_autoptr(GVariant) reply = NULL;
  g_autofree char *path = NULL;

  g_return_val_if_fail (CPOD_IS_CLIENT (self), NULL);
  g_return_val_if_fail (name != NULL, NULL);

  reply = cpod_call_sync (self, CPOD_PATH_RUNTIME, CPOD_INTERFACE_RUNTIME, "GetContainer",
                          g_variant_new ("(s@a{sv})", name, cpod_call_scope (self, NULL)), NULL, cancellable, error);
  if (reply == NULL)
    return NULL;

  g_variant_get_child (reply, 0, "o", &path);
  return make_container_sync (self, path, cancellable, error);
}

/**
 * cpod_client_get_container:
 * @self: a client
 * @name: name, id or unique prefix of an id
 * @cancellable: (nullable): a cancellable, or %NULL
 * @callback: (scope async): called when done
 * @user_data: data for @callback
 *
 * Finds a container.
 *
 * Since: 0.1
 */
void
cpod_client_get_container (CpodClient          *self,
                           const char          *name,
                           GCancellable        *cancellable,
                           GAsyncReadyCallback  callback,
                           gpointer             user_data)
{
  GTask *task;

  g_return_if_fail (CPOD_IS_CLIENT (self));
  g_return_if_fail (name != NULL);

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, cpod_client_get_container);
  cpod_call (self, CPOD_PATH_RUNTIME, CPOD_INTERFACE_RUNTIME, "GetContainer",
             g_variant_new ("(s@a{sv})", name, cpod_call_scope (self, NULL)), NULL, cancellable, path_ready, task);
}

/**
 * cpod_client_get_container_finish:
 * @self: a client
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what cpod_client_get_container() began.
 *
 * Returns: (transfer full): its proxy, or %NULL with @error set
 *
 * Since: 0.1
 */
CpodContainer *
cpod_client_get_container_finish (CpodClient    *self,
                                  GAsyncResult  *result,
                                  GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * cpod_client_create_container_sync:
 * @self: a client
 * @image: name or id of an image
 * @options: (nullable): options of org.cpod.Cpod1.Runtime.Create() (a{sv}), or %NULL
 * @cancellable: (nullable): a cancellable, or %NULL
 * @error: return location for an error
 *
 * Creates a container.
 *
 * Returns: (transfer full): its proxy, or %NULL with @error set
 *
 * Since: 0.1
 */
CpodContainer *
cpod_client_create_container_sync (CpodClient    *self,
                                   const char    *image,
                                   GVariant      *options,
                                   GCancellable  *cancellable,
                                   GError       **error)
{
  g_autoptr(GVariant) reply = NULL;
  g_autofree char *path = NULL;

  g_return_val_if_fail (CPOD_IS_CLIENT (self), NULL);
  g_return_val_if_fail (image != NULL, NULL);

  reply = cpod_call_sync (self, CPOD_PATH_RUNTIME, CPOD_INTERFACE_RUNTIME, "Create",
                          g_variant_new ("(s@a{sv})", image, cpod_call_scope (self, options)), NULL,
                          cancellable, error);
  if (reply == NULL)
    return NULL;

  g_variant_get_child (reply, 0, "o", &path);
  return make_container_sync (self, path, cancellable, error);
}

/**
 * cpod_client_create_container:
 * @self: a client
 * @image: name or id of an image
 * @options: (nullable): options of org.cpod.Cpod1.Runtime.Create() (a{sv}), or %NULL
 * @cancellable: (nullable): a cancellable, or %NULL
 * @callback: (scope async): called when done
 * @user_data: data for @callback
 *
 * Creates a container.
 *
 * Since: 0.1
 */
void
cpod_client_create_container (CpodClient          *self,
                              const char          *image,
                              GVariant            *options,
                              GCancellable        *cancellable,
                              GAsyncReadyCallback  callback,
                              gpointer             user_data)
{
  GTask *task;

  g_return_if_fail (CPOD_IS_CLIENT (self));
  g_return_if_fail (image != NULL);

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, cpod_client_create_container);
  cpod_call (self, CPOD_PATH_RUNTIME, CPOD_INTERFACE_RUNTIME, "Create",
             g_variant_new ("(s@a{sv})", image, cpod_call_scope (self, options)), NULL, cancellable, path_ready, task);
}

/**
 * cpod_client_create_container_finish:
 * @self: a client
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what cpod_client_create_container() began.
 *
 * Returns: (transfer full): its proxy, or %NULL with @error set
 *
 * Since: 0.1
 */
CpodContainer *
cpod_client_create_container_finish (CpodClient    *self,
                                     GAsyncResult  *result,
                                     GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/* The bus carries columns, which is quicker; a program wants a dictionary for each container. */
static GVariant *
rows_from_columns (GVariant *reply)
{
  g_autoptr(GVariant) columns = g_variant_get_child_value (reply, 0);
  const gsize n_columns = g_variant_n_children (columns);
  g_autofree GVariant **values = g_new0 (GVariant *, n_columns);
  g_autofree char **keys = g_new0 (char *, n_columns);
  GVariantBuilder rows = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));
  gsize n_rows = 0;

  for (gsize i = 0; i < n_columns; i++)
    {
      g_variant_get_child (columns, i, "{sv}", &keys[i], &values[i]);
      n_rows = i == 0 ? g_variant_n_children (values[i]) : MIN (n_rows, g_variant_n_children (values[i]));
    }
  for (gsize row = 0; row < n_rows; row++)
    {
      g_variant_builder_open (&rows, G_VARIANT_TYPE_VARDICT);
      for (gsize i = 0; i < n_columns; i++)
        {
          g_autoptr(GVariant) value = g_variant_get_child_value (values[i], row);

          g_variant_builder_add (&rows, "{sv}", keys[i], value);
        }
      g_variant_builder_close (&rows);
    }
  for (gsize i = 0; i < n_columns; i++)
    {
      g_variant_unref (values[i]);
      g_free (keys[i]);
    }
  return g_variant_ref_sink (g_variant_builder_end (&rows));
}

/**
 * cpod_client_list_containers_sync:
 * @self: a client
 * @options: (nullable): filters and options of org.cpod.Cpod1.Runtime.ListContainers() (a{sv}), or %NULL
 * @cancellable: (nullable): a cancellable, or %NULL
 * @error: return location for an error
 *
 * Lists containers, newest first.
 *
 * Returns: (transfer full): a dictionary for each container (aa{sv}), or %NULL with @error set
 *
 * Since: 0.1
 */
GVariant *
cpod_client_list_containers_sync (CpodClient    *self,
                                  GVariant      *options,
                                  GCancellable  *cancellable,
                                  GError       **error)
{
  g_autoptr(GVariant) reply = NULL;

  g_return_val_if_fail (CPOD_IS_CLIENT (self), NULL);

  reply = cpod_call_sync (self, CPOD_PATH_RUNTIME, CPOD_INTERFACE_RUNTIME, "ListContainers",
                          g_variant_new ("(@a{sv})", cpod_call_scope (self, options)), NULL, cancellable, error);
  return reply != NULL ? rows_from_columns (reply) : NULL;
}

static void
list_ready (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr(GTask) task = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = cpod_call_finish (source, result, NULL, &error);

  if (reply == NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else
    g_task_return_pointer (task, rows_from_columns (reply), (GDestroyNotify) g_variant_unref);
}

/**
 * cpod_client_list_containers:
 * @self: a client
 * @options: (nullable): filters and options of org.cpod.Cpod1.Runtime.ListContainers() (a{sv}), or %NULL
 * @cancellable: (nullable): a cancellable, or %NULL
 * @callback: (scope async): called when done
 * @user_data: data for @callback
 *
 * Lists containers, newest first.
 *
 * Since: 0.1
 */
void
cpod_client_list_containers (CpodClient          *self,
                             GVariant            *options,
                             GCancellable        *cancellable,
                             GAsyncReadyCallback  callback,
                             gpointer             user_data)
{
  GTask *task;

  g_return_if_fail (CPOD_IS_CLIENT (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, cpod_client_list_containers);
  cpod_call (self, CPOD_PATH_RUNTIME, CPOD_INTERFACE_RUNTIME, "ListContainers",
             g_variant_new ("(@a{sv})", cpod_call_scope (self, options)), NULL, cancellable, list_ready, task);
}

/**
 * cpod_client_list_containers_finish:
 * @self: a client
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Ends what cpod_client_list_containers() began.
 *
 * Returns: (transfer full): a dictionary for each container (aa{sv}), or %NULL with @error set
 *
 * Since: 0.1
 */
GVariant *
cpod_client_list_containers_finish (CpodClient    *self,
                                    GAsyncResult  *result,
                                    GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
