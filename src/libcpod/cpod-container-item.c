/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cpod-container-item-private.h"

#include "cpod-client-private.h"

struct _CpodContainerItem
{
  CpodContainerProxy parent_instance;
};

static void initable_iface_init (GInitableIface *iface);
static void async_initable_iface_init (GAsyncInitableIface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (CpodContainerItem, cpod_container_item, CPOD_TYPE_CONTAINER_PROXY,
                               G_IMPLEMENT_INTERFACE (G_TYPE_INITABLE, initable_iface_init)
                               G_IMPLEMENT_INTERFACE (G_TYPE_ASYNC_INITABLE, async_initable_iface_init))

/* What the initialisation of a proxy does is done by the list, for all of them at once: to read properties, to listen
 * to the bus, to follow the owner of the name. */
static gboolean
cpod_container_item_initable_init (GInitable     *initable,
                                   GCancellable  *cancellable,
                                   GError       **error)
{
  return TRUE;
}

static void
initable_iface_init (GInitableIface *iface)
{
  iface->init = cpod_container_item_initable_init;
}

static void
cpod_container_item_init_async (GAsyncInitable      *initable,
                                int                  io_priority,
                                GCancellable        *cancellable,
                                GAsyncReadyCallback  callback,
                                gpointer             user_data)
{
  g_autoptr(GTask) task = g_task_new (initable, cancellable, callback, user_data);

  g_task_return_boolean (task, TRUE);
}

static gboolean
cpod_container_item_init_finish (GAsyncInitable  *initable,
                                 GAsyncResult    *result,
                                 GError         **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
async_initable_iface_init (GAsyncInitableIface *iface)
{
  iface->init_async = cpod_container_item_init_async;
  iface->init_finish = cpod_container_item_init_finish;
}

static void
cpod_container_item_class_init (CpodContainerItemClass *klass)
{
}

static void
cpod_container_item_init (CpodContainerItem *self)
{
}

CpodContainer *
cpod_container_item_new (GDBusConnection *connection,
                         const char      *bus_name,
                         const char      *path)
{
  return g_initable_new (CPOD_TYPE_CONTAINER_ITEM, NULL, NULL, "g-connection", connection, "g-name", bus_name,
                         "g-object-path", path, "g-interface-name", CPOD_INTERFACE_CONTAINER, "g-default-timeout",
                         G_MAXINT, "g-flags",
                         G_DBUS_PROXY_FLAGS_DO_NOT_LOAD_PROPERTIES | G_DBUS_PROXY_FLAGS_DO_NOT_CONNECT_SIGNALS, NULL);
}

/* Takes over those of PROPERTIES (a{sv}) that are not what they were, and tells of them. */
void
cpod_container_item_update (CpodContainer *container,
                            GVariant      *properties)
{
  GDBusProxy *proxy = G_DBUS_PROXY (container);
  static const char *const none[] = { NULL };
  g_autoptr(GVariant) changed = NULL;
  GVariantBuilder builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  GVariantIter iter;
  const char *name;
  GVariant *value;

  g_variant_iter_init (&iter, properties);
  while (g_variant_iter_loop (&iter, "{&sv}", &name, &value))
    {
      g_autoptr(GVariant) before = g_dbus_proxy_get_cached_property (proxy, name);

      if (before != NULL && g_variant_equal (before, value))
        continue;

      g_dbus_proxy_set_cached_property (proxy, name, value);
      g_variant_builder_add (&builder, "{sv}", name, value);
    }

  changed = g_variant_ref_sink (g_variant_builder_end (&builder));
  if (g_variant_n_children (changed) > 0)
    g_signal_emit_by_name (proxy, "g-properties-changed", changed, none);
}
