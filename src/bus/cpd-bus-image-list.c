/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-image-list.h"

#include "bus/cpd-bus-dict.h"
#include "bus/cpd-bus-rows.h"
#include "engine/images/cpd-image-family.h"
#include "engine/images/cpd-image-list.h"

const CpdBusOption cpd_bus_list_images_options[] = {
  { "reference", G_VARIANT_TYPE_STRING_ARRAY, cpd_bus_check_filter },
  { "id", G_VARIANT_TYPE_STRING_ARRAY, cpd_bus_check_filter },
  { "label", G_VARIANT_TYPE_STRING_ARRAY, cpd_bus_check_filter },
  { "label-not", G_VARIANT_TYPE_STRING_ARRAY, cpd_bus_check_filter },
  { "before", G_VARIANT_TYPE_STRING },
  { "since", G_VARIANT_TYPE_STRING },
  { "until", G_VARIANT_TYPE_UINT64, cpd_bus_check_time },
  { "dangling", G_VARIANT_TYPE_BOOLEAN },
  { "intermediate", G_VARIANT_TYPE_BOOLEAN },
  { "containers", G_VARIANT_TYPE_BOOLEAN },
  { "readonly", G_VARIANT_TYPE_BOOLEAN },
  { "manifest", G_VARIANT_TYPE_BOOLEAN },
  { NULL }
};

const CpdBusOption cpd_bus_list_layers_options[] = {
  { "dependents", G_VARIANT_TYPE_BOOLEAN },
  { NULL }
};

static CpdTriState
get_state (GVariant *options, const char *key)
{
  gboolean value;

  if (!g_variant_lookup (options, key, "b", &value))
    return CPD_ANY;
  return value ? CPD_YES : CPD_NO;
}

static CpdImageQuery
read_query (GVariant *options)
{
  return (CpdImageQuery) {
    .references = cpd_bus_options_get_strings (options, "reference"),
    .ids = cpd_bus_options_get_strings (options, "id"),
    .labels = cpd_bus_options_get_strings (options, "label"),
    .labels_not = cpd_bus_options_get_strings (options, "label-not"),
    .before = cpd_bus_options_get_string (options, "before"),
    .since = cpd_bus_options_get_string (options, "since"),
    .until = cpd_bus_options_get_time (options, "until"),
    .dangling = get_state (options, "dangling"),
    .intermediate = get_state (options, "intermediate"),
    .used = get_state (options, "containers"),
    .none = get_state (options, "readonly") == CPD_YES || get_state (options, "manifest") == CPD_YES,
  };
}

GVariant *
cpd_bus_work_list_images (CpdBusCall *call, GError **error)
{
  g_auto(CpdImageQuery) query = read_query (cpd_bus_call_get_options (call));
  g_autoptr(GPtrArray) images = cpd_engine_list_images (cpd_bus_call_get_engine (call), &query, error);
  GVariantBuilder rows;

  if (images == NULL)
    return NULL;
  g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < images->len; i++)
    g_variant_builder_add_value (&rows, cpd_bus_image_fields (images->pdata[i]));
  return g_variant_new ("(aa{sv})", &rows);
}

static GVariant *
history_fields (const CpdHistoryEntry *entry)
{
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  cpd_bus_dict_add_string (&dict, "id", entry->id);
  g_variant_builder_add (&dict, "{sv}", "names", g_variant_new_strv ((const char *const *) entry->names, -1));
  cpd_bus_dict_add_number (&dict, "created", entry->created);
  cpd_bus_dict_add_string (&dict, "created-by", entry->created_by);
  cpd_bus_dict_add_string (&dict, "comment", entry->comment);
  cpd_bus_dict_add_number (&dict, "size", entry->size);
  return g_variant_builder_end (&dict);
}

GVariant *
cpd_bus_work_history (CpdBusCall *call, GError **error)
{
  g_autoptr(GPtrArray) entries = cpd_engine_image_history (cpd_bus_call_get_engine (call), cpd_bus_call_get_object (call),
                                                           error);
  GVariantBuilder rows;

  if (entries == NULL)
    return NULL;
  g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < entries->len; i++)
    g_variant_builder_add_value (&rows, history_fields (entries->pdata[i]));
  return g_variant_new ("(aa{sv})", &rows);
}

static GVariant *
layer_fields (const CpdListedLayer *layer)
{
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  cpd_bus_dict_add_string (&dict, "id", layer->row->chain_id);
  cpd_bus_dict_add_string (&dict, "parent", layer->row->parent);
  cpd_bus_dict_add_string (&dict, "diff-id", layer->row->diff_id);
  cpd_bus_dict_add_string (&dict, "digest", layer->row->digest);
  cpd_bus_dict_add_number (&dict, "size", layer->row->size);
  g_variant_builder_add (&dict, "{sv}", "names", g_variant_new_strv ((const char *const *) layer->names, -1));
  return g_variant_builder_end (&dict);
}

GVariant *
cpd_bus_work_list_layers (CpdBusCall *call, GError **error)
{
  gboolean dependents = cpd_bus_options_get_boolean (cpd_bus_call_get_options (call), "dependents", FALSE);
  g_autoptr(GPtrArray) layers = cpd_engine_list_layers (cpd_bus_call_get_engine (call), cpd_bus_call_get_object (call),
                                                        dependents, error);
  GVariantBuilder rows;

  if (layers == NULL)
    return NULL;
  g_variant_builder_init (&rows, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < layers->len; i++)
    g_variant_builder_add_value (&rows, layer_fields (layers->pdata[i]));
  return g_variant_new ("(aa{sv})", &rows);
}
