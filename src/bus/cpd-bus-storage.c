/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-storage.h"

#include "bus/cpd-bus-dict.h"
#include "engine/containers/cpd-container-mount.h"
#include "engine/containers/cpd-external.h"
#include "engine/images/cpd-image-mount.h"

const CpdBusOption cpd_bus_force_options[] = {
  { "force", G_VARIANT_TYPE_BOOLEAN },
  { NULL }
};

static gboolean
get_force (CpdBusCall *call)
{
  return cpd_bus_options_get_boolean (cpd_bus_call_get_options (call), "force", FALSE);
}

GVariant *
cpd_bus_work_mount (CpdBusCall *call, GError **error)
{
  g_autofree char *path = cpd_engine_mount_container (cpd_bus_call_get_engine (call), cpd_bus_call_get_object (call),
                                                      cpd_bus_call_get_caller (call), error);

  return path != NULL ? g_variant_new ("(s)", path) : NULL;
}

GVariant *
cpd_bus_work_unmount (CpdBusCall *call, GError **error)
{
  if (!cpd_engine_unmount_container (cpd_bus_call_get_engine (call), cpd_bus_call_get_object (call),
                                     get_force (call), cpd_bus_call_get_caller (call), error))
    return NULL;
  return cpd_bus_call_nothing ();
}

static GVariant *
mounted_fields (const CpdMounted *mounted)
{
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  cpd_bus_dict_add_string (&dict, "id", mounted->id);
  cpd_bus_dict_add_string (&dict, "name", mounted->name);
  cpd_bus_dict_add_string (&dict, "mount-point", mounted->path);
  g_variant_builder_add (&dict, "{sv}", "mounts", g_variant_new_uint32 (mounted->count));
  g_variant_builder_add (&dict, "{sv}", "external", g_variant_new_boolean (mounted->external));
  return g_variant_builder_end (&dict);
}

GVariant *
cpd_bus_work_list_mounts (CpdBusCall *call, GError **error)
{
  CpdEngine *engine = cpd_bus_call_get_engine (call);
  g_autofree char *namespace = cpd_engine_choose_namespace (engine, cpd_bus_call_get_options (call));
  g_autoptr(GPtrArray) list = cpd_engine_list_mounts (engine, namespace, error);
  GVariantBuilder rows;

  if (list == NULL)
    return NULL;
  g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < list->len; i++)
    g_variant_builder_add_value (&rows, mounted_fields (list->pdata[i]));
  return g_variant_new ("(aa{sv})", &rows);
}

GVariant *
cpd_bus_work_mount_image (CpdBusCall *call, GError **error)
{
  g_autofree char *path = cpd_engine_mount_image (cpd_bus_call_get_engine (call), cpd_bus_call_get_object (call),
                                                  cpd_bus_call_get_caller (call), error);

  return path != NULL ? g_variant_new ("(s)", path) : NULL;
}

GVariant *
cpd_bus_work_unmount_image (CpdBusCall *call, GError **error)
{
  if (!cpd_engine_unmount_image (cpd_bus_call_get_engine (call), cpd_bus_call_get_object (call), get_force (call),
                                 cpd_bus_call_get_caller (call), error))
    return NULL;
  return cpd_bus_call_nothing ();
}

static GVariant *
mounted_image_fields (const CpdMountedImage *mounted)
{
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  cpd_bus_dict_add_string (&dict, "id", mounted->image->id);
  g_variant_builder_add (&dict, "{sv}", "names",
                         g_variant_new_strv ((const char *const *) mounted->image->names, -1));
  cpd_bus_dict_add_string (&dict, "mount-point", mounted->path);
  g_variant_builder_add (&dict, "{sv}", "mounts", g_variant_new_uint32 (mounted->count));
  return g_variant_builder_end (&dict);
}

GVariant *
cpd_bus_work_list_image_mounts (CpdBusCall *call, GError **error)
{
  g_autoptr(GPtrArray) list = cpd_engine_list_image_mounts (cpd_bus_call_get_engine (call), error);
  GVariantBuilder rows;

  if (list == NULL)
    return NULL;
  g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < list->len; i++)
    g_variant_builder_add_value (&rows, mounted_image_fields (list->pdata[i]));
  return g_variant_new ("(aa{sv})", &rows);
}

static GVariant *
external_fields (const CpdExternal *external)
{
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  cpd_bus_dict_add_string (&dict, "id", external->id);
  cpd_bus_dict_add_string (&dict, "name", external->name);
  cpd_bus_dict_add_string (&dict, "image", external->image);
  cpd_bus_dict_add_string (&dict, "image-id", external->image_id);
  cpd_bus_dict_add_string (&dict, "mount-point", external->mount_point);
  g_variant_builder_add (&dict, "{sv}", "mounts", g_variant_new_uint32 (external->mounts));
  g_variant_builder_add (&dict, "{sv}", "created", g_variant_new_uint64 ((guint64) MAX (external->created, 0)));
  return g_variant_builder_end (&dict);
}

GVariant *
cpd_bus_work_list_storage (CpdBusCall *call, GError **error)
{
  g_autoptr(GPtrArray) list = cpd_engine_list_external (cpd_bus_call_get_engine (call), error);
  GVariantBuilder rows;

  if (list == NULL)
    return NULL;
  g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < list->len; i++)
    g_variant_builder_add_value (&rows, external_fields (list->pdata[i]));
  return g_variant_new ("(aa{sv})", &rows);
}

GVariant *
cpd_bus_work_mount_storage (CpdBusCall *call, GError **error)
{
  g_autofree char *path = cpd_engine_mount_external (cpd_bus_call_get_engine (call), cpd_bus_call_get_string (call, 0),
                                                     cpd_bus_call_get_caller (call), error);

  return path != NULL ? g_variant_new ("(s)", path) : NULL;
}

GVariant *
cpd_bus_work_unmount_storage (CpdBusCall *call, GError **error)
{
  gboolean mounted = FALSE;

  if (!cpd_engine_unmount_external (cpd_bus_call_get_engine (call), cpd_bus_call_get_string (call, 0),
                                    get_force (call), cpd_bus_call_get_caller (call), &mounted, error))
    return NULL;
  return g_variant_new ("(b)", mounted);
}

GVariant *
cpd_bus_work_remove_storage (CpdBusCall *call, GError **error)
{
  g_autofree char *id = cpd_engine_remove_external (cpd_bus_call_get_engine (call), cpd_bus_call_get_string (call, 0),
                                                    get_force (call), cpd_bus_call_get_caller (call), error);

  return id != NULL ? g_variant_new ("(s)", id) : NULL;
}
