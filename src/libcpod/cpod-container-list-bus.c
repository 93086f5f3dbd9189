/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cpod-client-private.h"
#include "cpod-container-item-private.h"
#include "cpod-container-list-private.h"

/* PROPERTIES as InterfacesAdded and GetManagedObjects give them: a{sa{sv}}. */
static CpodContainer *
take (CpodContainerList *self,
      const char        *path,
      GVariant          *interfaces)
{
  CpodContainer *container = g_hash_table_lookup (self->containers, path);
  g_autoptr(GVariant) values = g_variant_lookup_value (interfaces, CPOD_INTERFACE_CONTAINER, G_VARIANT_TYPE_VARDICT);

  if (values == NULL)
    return NULL;

  if (container == NULL)
    {
      container = cpod_container_item_new (self->client->connection, cpod_client_get_bus_name (self->client), path);
      g_hash_table_insert (self->containers, g_strdup (path), container);
    }

  cpod_container_item_update (container, values);
  return container;
}

static void
drop (CpodContainerList *self,
      const char        *path)
{
  g_autofree char *key = NULL;
  g_autoptr(CpodContainer) container = NULL;
  guint position;

  if (g_hash_table_steal_extended (self->containers, path, (gpointer *) &key, (gpointer *) &container)
      && g_ptr_array_find (self->shown, container, &position))
    cpod_container_list_hide (self, position);
}

/* MANAGED is what there is now: a{oa{sa{sv}}}. */
static void
take_all (CpodContainerList *self,
          GVariant          *managed)
{
  g_autoptr(GHashTable) present = g_hash_table_new (g_str_hash, g_str_equal);
  GVariantIter iter;
  GHashTableIter old;
  const char *path;
  GVariant *interfaces;
  gpointer known;

  g_variant_iter_init (&iter, managed);
  while (g_variant_iter_next (&iter, "{&o@a{sa{sv}}}", &path, &interfaces))
    {
      take (self, path, interfaces);
      g_hash_table_add (present, (gpointer) path);
      g_variant_unref (interfaces);
    }

  g_hash_table_iter_init (&old, self->containers);
  while (g_hash_table_iter_next (&old, &known, NULL))
    {
      if (!g_hash_table_contains (present, known))
        g_hash_table_iter_remove (&old);
    }

  cpod_container_list_show_all (self);
}

static void
managed_ready (GObject      *source,
               GAsyncResult *result,
               gpointer      user_data)
{
  g_autoptr(CpodContainerList) self = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) managed = NULL;
  g_autoptr(GVariant) reply = cpod_call_finish (source, result, NULL, &error);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;

  if (reply == NULL)
    {
      g_prefix_error (&error, "failed to list containers: ");
      cpod_container_list_set_loaded (self, FALSE, g_steal_pointer (&error));
      return;
    }

  managed = g_variant_get_child_value (reply, 0);
  take_all (self, managed);
  cpod_container_list_set_loaded (self, TRUE, NULL);
}

static void
load (CpodContainerList *self)
{
  cpod_call (self->client, CPOD_PATH_CONTAINERS, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", NULL, NULL,
             self->cancellable, managed_ready, g_object_ref (self));
}

static void
on_object_signal (GDBusConnection *connection,
                  const char      *sender,
                  const char      *manager,
                  const char      *interface,
                  const char      *signal,
                  GVariant        *parameters,
                  gpointer         user_data)
{
  g_autoptr(CpodContainerList) self = g_object_ref (user_data);
  g_autoptr(GVariant) interfaces = NULL;
  CpodContainer *container;
  const char *path;

  if (g_str_equal (signal, "InterfacesRemoved"))
    {
      g_variant_get_child (parameters, 0, "&o", &path);
      drop (self, path);
    }
  else if (g_str_equal (signal, "InterfacesAdded"))
    {
      g_variant_get (parameters, "(&o@a{sa{sv}})", &path, &interfaces);
      container = take (self, path, interfaces);
      if (container != NULL)
        cpod_container_list_place (self, container);
    }
}

static void
on_properties_changed (GDBusConnection *connection,
                       const char      *sender,
                       const char      *path,
                       const char      *interface,
                       const char      *signal,
                       GVariant        *parameters,
                       gpointer         user_data)
{
  g_autoptr(CpodContainerList) self = g_object_ref (user_data);
  CpodContainer *container = g_hash_table_lookup (self->containers, path);
  g_autoptr(GVariant) changed = NULL;

  if (container == NULL || !g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(sa{sv}as)")))
    return;

  g_object_ref (container);
  g_variant_get_child (parameters, 1, "@a{sv}", &changed);
  cpod_container_item_update (container, changed);
  if (g_hash_table_lookup (self->containers, path) == container)
    cpod_container_list_place (self, container);
  g_object_unref (container);
}

static void
on_appeared (GDBusConnection *connection,
             const char      *name,
             const char      *owner,
             gpointer         user_data)
{
  CpodContainerList *self = user_data;

  load (self);
}

static void
on_vanished (GDBusConnection *connection,
             const char      *name,
             gpointer         user_data)
{
  cpod_container_list_set_loaded (user_data, FALSE, NULL);
}

/* Begins to listen to the bus. */
void
cpod_container_list_follow (CpodContainerList *self)
{
  GDBusConnection *connection = self->client->connection;
  const char *name = cpod_client_get_bus_name (self->client);

  if (g_dbus_connection_is_closed (connection))
    {
      load (self);              /* which says so */
      return;
    }

  self->subscriptions[0] = g_dbus_connection_signal_subscribe (connection, name, "org.freedesktop.DBus.ObjectManager",
                                                               NULL, CPOD_PATH_CONTAINERS, NULL, G_DBUS_SIGNAL_FLAGS_NONE,
                                                               on_object_signal, self, NULL);
  self->subscriptions[1] = g_dbus_connection_signal_subscribe (connection, name, "org.freedesktop.DBus.Properties",
                                                               "PropertiesChanged", NULL, CPOD_INTERFACE_CONTAINER,
                                                               G_DBUS_SIGNAL_FLAGS_NONE, on_properties_changed, self,
                                                               NULL);
  if (name != NULL)
    self->watch = g_bus_watch_name_on_connection (connection, name, G_BUS_NAME_WATCHER_FLAGS_AUTO_START, on_appeared,
                                                  on_vanished, self, NULL);
  else
    load (self);
}

