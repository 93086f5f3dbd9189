/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-interface.h"

#include <string.h>

#include "common/cpd-names.h"
#include "public/cpod-names.h"

#define OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"
#define PROPERTIES "org.freedesktop.DBus.Properties"

/* What the vtables below are about. */
typedef struct
{
  const CpdBusInterface *interface;
  CpdBusService *service;       /* (unowned): outlives the registration */
  CpdBusObjects *objects;       /* (unowned) (nullable) */
} Export;

void
cpd_bus_interface_dispatch (const CpdBusInterface *interface, CpdBusService *service,
                            GDBusMethodInvocation *invocation, const char *object)
{
  const char *name = g_dbus_method_invocation_get_method_name (invocation);
  const CpdBusMethod *method = interface->methods;

  while (method->name != NULL && strcmp (method->name, name) != 0)
    method++;
  cpd_bus_call_begin (service, invocation, method->name != NULL ? method : NULL, object);
}

static void
on_runtime_call (GDBusConnection *connection, const char *sender, const char *path,
                 const char *interface, const char *method, GVariant *parameters,
                 GDBusMethodInvocation *invocation, gpointer user_data)
{
  Export *export = user_data;

  cpd_bus_interface_dispatch (export->interface, export->service, invocation, NULL);
}

static GVariant *
get_runtime_property (GDBusConnection *connection, const char *sender, const char *path,
                      const char *interface, const char *name, GError **error, gpointer user_data)
{
  Export *export = user_data;

  return cpd_bus_service_get_property (export->service, name);
}

static const GDBusInterfaceVTable runtime_vtable = { on_runtime_call, get_runtime_property, NULL, { 0 } };

gboolean
cpd_bus_interface_export (const CpdBusInterface *interface, CpdBusService *service, GError **error)
{
  Export *export = g_new0 (Export, 1);
  guint id;

  export->interface = interface;
  export->service = service;
  id = g_dbus_connection_register_object (cpd_bus_service_get_connection (service),
                                          CPOD_PATH_RUNTIME, interface->get_info (),
                                          &runtime_vtable, export, g_free, error);
  if (id == 0)
    g_prefix_error (error, "failed to export %s: ", CPOD_PATH_RUNTIME);
  return id != 0;
}

/* The path of an object ends in its id. */
static const char *
get_id (const char *path)
{
  return strrchr (path, '/') + 1;
}

/*
 * Get and GetAll: GDBus alone would give no properties for an object that is
 * not there. It has looked at the rest. An exec session has none, and none of
 * these calls comes here: only its methods tell whether it is there.
 */
static void
read_properties (CpdBusObjects *objects, const char *path, GVariant *parameters, GDBusMethodInvocation *invocation)
{
  g_autoptr(GVariant) properties = cpd_bus_objects_get (objects, get_id (path));
  g_autoptr(GVariant) value = NULL;
  const char *name;

  if (properties == NULL)
    {
      g_dbus_method_invocation_return_error (invocation, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_OBJECT,
                                             "there is no %s", path);
      return;
    }
  if (g_variant_n_children (parameters) == 1)
    {
      cpd_bus_call_answer (invocation, g_variant_new ("(@a{sv})", properties));
      return;
    }
  g_variant_get (parameters, "(&s&s)", NULL, &name);
  value = g_variant_lookup_value (properties, name, NULL);
  cpd_bus_call_answer (invocation, g_variant_new ("(v)", value));
}

static void
on_object_call (GDBusConnection *connection, const char *sender, const char *path,
                const char *interface, const char *method, GVariant *parameters,
                GDBusMethodInvocation *invocation, gpointer user_data)
{
  Export *export = user_data;

  if (strcmp (interface, PROPERTIES) == 0)
    read_properties (export->objects, path, parameters, invocation);
  else
    cpd_bus_interface_dispatch (export->interface, export->service, invocation, get_id (path));
}

static const GDBusInterfaceVTable object_vtable = { on_object_call, NULL, NULL, { 0 } };

static void
on_manager_call (GDBusConnection *connection, const char *sender, const char *path,
                 const char *interface, const char *method, GVariant *parameters,
                 GDBusMethodInvocation *invocation, gpointer user_data)
{
  Export *export = user_data;

  cpd_bus_call_answer (invocation, cpd_bus_objects_get_managed (export->objects));
}

static const GDBusInterfaceVTable manager_vtable = { on_manager_call, NULL, NULL, { 0 } };

static GDBusInterfaceInfo *
get_manager_info (void)
{
  static GDBusArgInfo objects = { -1, (char *) "objects", (char *) "a{oa{sa{sv}}}", NULL };
  static GDBusArgInfo path = { -1, (char *) "object_path", (char *) "o", NULL };
  static GDBusArgInfo added = { -1, (char *) "interfaces_and_properties", (char *) "a{sa{sv}}", NULL };
  static GDBusArgInfo removed = { -1, (char *) "interfaces", (char *) "as", NULL };
  static GDBusArgInfo *get_args[] = { &objects, NULL };
  static GDBusArgInfo *added_args[] = { &path, &added, NULL };
  static GDBusArgInfo *removed_args[] = { &path, &removed, NULL };
  static GDBusMethodInfo get = { -1, (char *) "GetManagedObjects", NULL, get_args, NULL };
  static GDBusMethodInfo *methods[] = { &get, NULL };
  static GDBusSignalInfo on_added = { -1, (char *) "InterfacesAdded", added_args, NULL };
  static GDBusSignalInfo on_removed = { -1, (char *) "InterfacesRemoved", removed_args, NULL };
  static GDBusSignalInfo *signals[] = { &on_added, &on_removed, NULL };
  static GDBusInterfaceInfo info = { -1, (char *) OBJECT_MANAGER, methods, signals, NULL, NULL };

  return &info;
}

static char **
enumerate_nodes (GDBusConnection *connection, const char *sender, const char *path, gpointer user_data)
{
  Export *export = user_data;

  return export->objects != NULL ? cpd_bus_objects_list_ids (export->objects) : g_new0 (char *, 1);
}

/*
 * A call to an object that is gone goes through all the same, so that the
 * engine says what is the matter, and can still tell how it ended.
 */
static GDBusInterfaceInfo **
introspect_node (GDBusConnection *connection, const char *sender, const char *path,
                 const char *node, gpointer user_data)
{
  Export *export = user_data;
  GDBusInterfaceInfo **infos;

  if (node != NULL && !cpd_id_is_valid (node))
    return NULL;
  infos = g_new0 (GDBusInterfaceInfo *, 2);
  if (node == NULL && export->objects == NULL)
    return infos;
  infos[0] = g_dbus_interface_info_ref (node != NULL ? export->interface->get_info ()
                                                     : get_manager_info ());
  return infos;
}

static const GDBusInterfaceVTable *
dispatch_node (GDBusConnection *connection, const char *sender, const char *path,
               const char *interface, const char *node, gpointer *out_user_data, gpointer user_data)
{
  Export *export = user_data;

  *out_user_data = user_data;
  if (node == NULL)
    return export->objects != NULL ? &manager_vtable : NULL;
  return &object_vtable;
}

static const GDBusSubtreeVTable subtree_vtable = { enumerate_nodes, introspect_node, dispatch_node, { 0 } };

/* Without the flag GDBus would list all objects for each call to one of them. */
static gboolean
register_subtree (const CpdBusInterface *interface, CpdBusService *service, const char *root,
                  CpdBusObjects *objects, GError **error)
{
  Export *export = g_new0 (Export, 1);
  guint id;

  export->interface = interface;
  export->service = service;
  export->objects = objects;
  id = g_dbus_connection_register_subtree (cpd_bus_service_get_connection (service), root,
                                           &subtree_vtable,
                                           G_DBUS_SUBTREE_FLAGS_DISPATCH_TO_UNENUMERATED_NODES,
                                           export, g_free, error);
  if (id == 0)
    g_prefix_error (error, "failed to export %s: ", root);
  return id != 0;
}

gboolean
cpd_bus_interface_export_objects (const CpdBusInterface *interface, CpdBusService *service,
                                  CpdBusObjects *objects, GError **error)
{
  return register_subtree (interface, service, cpd_bus_objects_get_root (objects), objects, error);
}

gboolean
cpd_bus_interface_export_subtree (const CpdBusInterface *interface, CpdBusService *service,
                                  const char *root, GError **error)
{
  return register_subtree (interface, service, root, NULL, error);
}
