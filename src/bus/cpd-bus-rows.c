/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-rows.h"

#include "bus/cpd-bus-dict.h"
#include "public/cpod-names.h"

char *
cpd_bus_container_path (const char *id)
{
  return g_strconcat (CPOD_PATH_CONTAINERS "/", id, NULL);
}

char *
cpd_bus_image_path (const char *id)
{
  return g_strconcat (CPOD_PATH_IMAGES "/", id, NULL);
}

GVariant *
cpd_bus_container_properties (const CpdContainerRow *row)
{
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  const CpdContainerStatus *status = &row->status;

  cpd_bus_dict_add_string (&dict, "Id", row->id);
  cpd_bus_dict_add_string (&dict, "Name", row->name);
  cpd_bus_dict_add_string (&dict, "Namespace", row->namespace);
  cpd_bus_dict_add_string (&dict, "Image", row->image);
  cpd_bus_dict_add_string (&dict, "ImageId", row->image_id);
  cpd_bus_dict_add_string (&dict, "State", cpd_container_state_to_string (status->state));
  cpd_bus_dict_add (&dict, "Pid", g_variant_new_uint32 ((guint32) status->pid));
  cpd_bus_dict_add (&dict, "ExitCode", g_variant_new_int32 (status->exit_code));
  cpd_bus_dict_add (&dict, "OomKilled", g_variant_new_boolean (status->oom_killed));
  cpd_bus_dict_add_number (&dict, "Created", row->created);
  cpd_bus_dict_add_number (&dict, "Started", status->started);
  cpd_bus_dict_add_number (&dict, "Finished", status->finished);
  cpd_bus_dict_add (&dict, "AutoRemove", g_variant_new_boolean (row->auto_remove));
  cpd_bus_dict_add (&dict, "RestartCount", g_variant_new_uint32 (status->restarts));
  cpd_bus_dict_add (&dict, "OwnerUid", g_variant_new_uint32 (row->owner_uid));
  return g_variant_builder_end (&dict);
}

static GVariant *
new_strv (char **strings)
{
  static const char *const none[] = { NULL };

  return g_variant_new_strv (strings != NULL ? (const char *const *) strings : none, -1);
}

GVariant *
cpd_bus_image_properties (const CpdImageRow *row)
{
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  cpd_bus_dict_add_string (&dict, "Id", row->id);
  cpd_bus_dict_add (&dict, "Names", new_strv (row->names));
  cpd_bus_dict_add_string (&dict, "Digest", row->digest);
  cpd_bus_dict_add_number (&dict, "Size", row->size);
  cpd_bus_dict_add_number (&dict, "Created", row->created);
  return g_variant_builder_end (&dict);
}

GVariant *
cpd_bus_image_fields (const CpdListedImage *image)
{
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  const CpdImageRow *row = image->row;

  cpd_bus_dict_add_string (&dict, "id", row->id);
  cpd_bus_dict_add (&dict, "names", new_strv (row->names));
  cpd_bus_dict_add (&dict, "digests", new_strv (row->digests));
  cpd_bus_dict_add_string (&dict, "digest", row->digest);
  cpd_bus_dict_add_number (&dict, "size", row->size);
  cpd_bus_dict_add_number (&dict, "created", row->created);
  cpd_bus_dict_add (&dict, "containers", g_variant_new_uint32 (row->containers));
  cpd_bus_dict_add (&dict, "labels", image->labels);
  cpd_bus_dict_add (&dict, "dangling", g_variant_new_boolean (image->dangling));
  cpd_bus_dict_add (&dict, "intermediate", g_variant_new_boolean (image->intermediate));
  return g_variant_builder_end (&dict);
}

GVariant *
cpd_bus_event_fields (const CpdEventRow *row)
{
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  cpd_bus_dict_add (&dict, "seq", g_variant_new_uint64 (row->seq));
  cpd_bus_dict_add_number (&dict, "time", row->time);
  cpd_bus_dict_add_string (&dict, "type", row->type);
  cpd_bus_dict_add_string (&dict, "status", row->status);
  cpd_bus_dict_add_string (&dict, "id", row->id);
  cpd_bus_dict_add_string (&dict, "name", row->name);
  cpd_bus_dict_add (&dict, "attributes", row->attributes != NULL
                    ? row->attributes : g_variant_new_array (G_VARIANT_TYPE ("{sv}"), NULL, 0));
  cpd_bus_dict_add (&dict, "labels", row->labels != NULL
                    ? row->labels : g_variant_new_array (G_VARIANT_TYPE ("{ss}"), NULL, 0));
  cpd_bus_dict_add (&dict, "uid", g_variant_new_uint32 (row->uid));
  cpd_bus_dict_add (&dict, "pid", g_variant_new_uint32 (row->pid));
  cpd_bus_dict_add_string (&dict, "unit", row->unit);
  return g_variant_builder_end (&dict);
}
