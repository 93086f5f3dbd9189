/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-rows.h"

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

static void
add_time (GVariantBuilder *dict, const char *key, gint64 value)
{
  add (dict, key, g_variant_new_uint64 (value > 0 ? (guint64) value : 0));
}

GVariant *
cpd_bus_container_properties (const CpdContainerRow *row)
{
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  const CpdContainerStatus *status = &row->status;

  add_string (&dict, "Id", row->id);
  add_string (&dict, "Name", row->name);
  add_string (&dict, "Namespace", row->namespace);
  add_string (&dict, "Image", row->image);
  add_string (&dict, "ImageId", row->image_id);
  add_string (&dict, "State", cpd_container_state_to_string (status->state));
  add (&dict, "Pid", g_variant_new_uint32 ((guint32) status->pid));
  add (&dict, "ExitCode", g_variant_new_int32 (status->exit_code));
  add (&dict, "OomKilled", g_variant_new_boolean (status->oom_killed));
  add_time (&dict, "Created", row->created);
  add_time (&dict, "Started", status->started);
  add_time (&dict, "Finished", status->finished);
  add (&dict, "AutoRemove", g_variant_new_boolean (row->auto_remove));
  add (&dict, "RestartCount", g_variant_new_uint32 (status->restarts));
  add (&dict, "OwnerUid", g_variant_new_uint32 (row->owner_uid));
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

  add_string (&dict, "Id", row->id);
  add (&dict, "Names", new_strv (row->names));
  add_string (&dict, "Digest", row->digest);
  add_time (&dict, "Size", row->size);
  add_time (&dict, "Created", row->created);
  return g_variant_builder_end (&dict);
}

GVariant *
cpd_bus_image_fields (const CpdListedImage *image)
{
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  const CpdImageRow *row = image->row;

  add_string (&dict, "id", row->id);
  add (&dict, "names", new_strv (row->names));
  add (&dict, "digests", new_strv (row->digests));
  add_string (&dict, "digest", row->digest);
  add_time (&dict, "size", row->size);
  add_time (&dict, "created", row->created);
  add (&dict, "containers", g_variant_new_uint32 (row->containers));
  add (&dict, "labels", image->labels);
  add (&dict, "dangling", g_variant_new_boolean (image->dangling));
  add (&dict, "intermediate", g_variant_new_boolean (image->intermediate));
  return g_variant_builder_end (&dict);
}

GVariant *
cpd_bus_event_fields (const CpdEventRow *row)
{
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  add (&dict, "seq", g_variant_new_uint64 (row->seq));
  add_time (&dict, "time", row->time);
  add_string (&dict, "type", row->type);
  add_string (&dict, "status", row->status);
  add_string (&dict, "id", row->id);
  add_string (&dict, "name", row->name);
  add (&dict, "attributes", row->attributes != NULL
       ? row->attributes : g_variant_new_array (G_VARIANT_TYPE ("{sv}"), NULL, 0));
  add (&dict, "labels", row->labels != NULL
       ? row->labels : g_variant_new_array (G_VARIANT_TYPE ("{ss}"), NULL, 0));
  add (&dict, "uid", g_variant_new_uint32 (row->uid));
  add (&dict, "pid", g_variant_new_uint32 (row->pid));
  add_string (&dict, "unit", row->unit);
  return g_variant_builder_end (&dict);
}
