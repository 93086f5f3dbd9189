/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-disk-usage.h"

#include "common/cpd-json.h"
#include "engine/cpd-disk-usage.h"

static void
add (GVariantBuilder *dict, const char *key, GVariant *value)
{
  g_variant_builder_add (dict, "{sv}", key, value);
}

static void
add_string (GVariantBuilder *dict, const char *key, const char *value)
{
  add (dict, key, g_variant_new_string (value != NULL ? value : ""));
}

/* Bytes, and times as well. */
static void
add_number (GVariantBuilder *dict, const char *key, gint64 value)
{
  add (dict, key, g_variant_new_uint64 ((guint64) MAX (value, 0)));
}

static GVariant *
image_fields (const CpdImageUsage *usage)
{
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  const CpdImageRow *row = usage->row;

  add_string (&dict, "id", row->id);
  add (&dict, "names", g_variant_new_strv ((const char *const *) row->names, -1));
  add_number (&dict, "created", row->created);
  add_number (&dict, "size", row->size);
  add_number (&dict, "shared-size", usage->shared);
  add_number (&dict, "unique-size", usage->unique);
  add (&dict, "containers", g_variant_new_uint32 (row->containers));
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

  add_string (&dict, "id", row->id);
  add_string (&dict, "name", row->name);
  add_string (&dict, "namespace", row->namespace);
  add_string (&dict, "image", row->image);
  add_string (&dict, "image-id", row->image_id);
  add_string (&dict, "state", cpd_container_state_to_string (row->status.state));
  add (&dict, "exit-code", g_variant_new_int32 (row->status.exit_code));
  add_number (&dict, "created", row->created);
  add_number (&dict, "started", row->status.started);
  add_number (&dict, "finished", row->status.finished);
  add (&dict, "command", read_command (row));
  add_number (&dict, "size", usage->size);
  add (&dict, "active", g_variant_new_boolean (cpd_container_usage_is_active (usage)));
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
  add (&dict, "images", g_variant_builder_end (&images));
  add_number (&dict, "images-size", usage->images_size);
  add_number (&dict, "images-reclaimable", usage->images_reclaimable);
  add (&dict, "containers", g_variant_builder_end (&containers));
  add_number (&dict, "containers-size", usage->containers_size);
  add_number (&dict, "containers-reclaimable", usage->containers_reclaimable);
  return g_variant_builder_end (&dict);
}

GVariant *
cpd_bus_work_disk_usage (CpdBusCall *call, GError **error)
{
  g_autoptr(CpdDiskUsage) usage =
    cpd_engine_get_disk_usage (cpd_bus_call_get_engine (call), cpd_bus_call_get_cancellable (call), error);

  return usage != NULL ? g_variant_new ("(@a{sv})", build_usage (usage)) : NULL;
}
