/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-disk-usage.h"

#include "bus/cpd-bus-dict.h"
#include "common/cpd-json.h"
#include "engine/cpd-disk-usage.h"

static GVariant *
image_fields (const CpdImageUsage *usage)
{
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  const CpdImageRow *row = usage->row;

  cpd_bus_dict_add_string (&dict, "id", row->id);
  cpd_bus_dict_add (&dict, "names", g_variant_new_strv ((const char *const *) row->names, -1));
  cpd_bus_dict_add_number (&dict, "created", row->created);
  cpd_bus_dict_add_number (&dict, "size", row->size);
  cpd_bus_dict_add_number (&dict, "shared-size", usage->shared);
  cpd_bus_dict_add_number (&dict, "unique-size", usage->unique);
  cpd_bus_dict_add (&dict, "containers", g_variant_new_uint32 (row->containers));
  return g_variant_builder_end (&dict);
}

static GVariant *
read_command (const CpdContainerRow *row)
{
  g_autoptr(JsonNode) node = row->config != NULL ? cpd_json_parse (row->config, -1, NULL) : NULL;
  JsonObject *config = node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  g_auto(GStrv) command = cpd_json_get_strv (config, "args");

  return g_variant_new_strv ((const char *const *) command, -1);
}

static GVariant *
container_fields (const CpdContainerUsage *usage)
{
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  const CpdContainerRow *row = usage->row;

  cpd_bus_dict_add_string (&dict, "id", row->id);
  cpd_bus_dict_add_string (&dict, "name", row->name);
  cpd_bus_dict_add_string (&dict, "namespace", row->namespace);
  cpd_bus_dict_add_string (&dict, "image", row->image);
  cpd_bus_dict_add_string (&dict, "image-id", row->image_id);
  cpd_bus_dict_add_string (&dict, "state", cpd_container_state_to_string (row->status.state));
  cpd_bus_dict_add (&dict, "exit-code", g_variant_new_int32 (row->status.exit_code));
  cpd_bus_dict_add_number (&dict, "created", row->created);
  cpd_bus_dict_add_number (&dict, "started", row->status.started);
  cpd_bus_dict_add_number (&dict, "finished", row->status.finished);
  cpd_bus_dict_add (&dict, "command", read_command (row));
  cpd_bus_dict_add_number (&dict, "size", usage->size);
  cpd_bus_dict_add (&dict, "active", g_variant_new_boolean (cpd_container_usage_is_active (usage)));
  return g_variant_builder_end (&dict);
}

static GVariant *
build_usage (const CpdDiskUsage *usage)
{
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  GVariantBuilder images = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));
  GVariantBuilder containers = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));

  for (guint i = 0; i < usage->images->len; i++)
    g_variant_builder_add_value (&images, image_fields (usage->images->pdata[i]));
  for (guint i = 0; i < usage->containers->len; i++)
    g_variant_builder_add_value (&containers, container_fields (usage->containers->pdata[i]));
  cpd_bus_dict_add (&dict, "images", g_variant_builder_end (&images));
  cpd_bus_dict_add_number (&dict, "images-size", usage->images_size);
  cpd_bus_dict_add_number (&dict, "images-reclaimable", usage->images_reclaimable);
  cpd_bus_dict_add (&dict, "containers", g_variant_builder_end (&containers));
  cpd_bus_dict_add_number (&dict, "containers-size", usage->containers_size);
  cpd_bus_dict_add_number (&dict, "containers-reclaimable", usage->containers_reclaimable);
  return g_variant_builder_end (&dict);
}

GVariant *
cpd_bus_work_disk_usage (CpdBusCall *call, GError **error)
{
  g_autoptr(CpdDiskUsage) usage =
    cpd_engine_get_disk_usage (cpd_bus_call_get_engine (call), cpd_bus_call_get_cancellable (call), error);

  return usage != NULL ? g_variant_new ("(@a{sv})", build_usage (usage)) : NULL;
}
