/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-rows.h"

#include <string.h>

#include "common/cpd-json.h"
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
cpd_bus_image_fields (const CpdImageRow *row)
{
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  add_string (&dict, "id", row->id);
  add (&dict, "names", new_strv (row->names));
  add_string (&dict, "digest", row->digest);
  add_time (&dict, "size", row->size);
  add_time (&dict, "created", row->created);
  add (&dict, "containers", g_variant_new_uint32 (row->containers));
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
  add (&dict, "uid", g_variant_new_uint32 (row->uid));
  add (&dict, "pid", g_variant_new_uint32 (row->pid));
  add_string (&dict, "unit", row->unit);
  return g_variant_builder_end (&dict);
}

/* A key of what ListContainers() returns. Those with a config are not cheap, and only given when asked for. */
typedef struct
{
  const char *name;
  GVariant *(*build) (const CpdContainerRow *row);
  GVariant *(*build_from_config) (JsonObject *config);
} Field;

#define STRING_FIELD(name, member)                                             \
  static GVariant *                                                            \
  build_##name (const CpdContainerRow *row)                                    \
  {                                                                            \
    return g_variant_new_string (row->member != NULL ? row->member : "");      \
  }

#define TIME_FIELD(name, member)                                               \
  static GVariant *                                                            \
  build_##name (const CpdContainerRow *row)                                    \
  {                                                                            \
    return g_variant_new_uint64 (row->member > 0 ? (guint64) row->member : 0); \
  }

STRING_FIELD (id, id)
STRING_FIELD (name, name)
STRING_FIELD (image, image)
STRING_FIELD (image_id, image_id)
TIME_FIELD (created, created)
TIME_FIELD (started, status.started)
TIME_FIELD (finished, status.finished)

static GVariant *
build_state (const CpdContainerRow *row)
{
  return g_variant_new_string (cpd_container_state_to_string (row->status.state));
}

static GVariant *
build_pid (const CpdContainerRow *row)
{
  return g_variant_new_uint32 ((guint32) row->status.pid);
}

static GVariant *
build_exit_code (const CpdContainerRow *row)
{
  return g_variant_new_int32 (row->status.exit_code);
}

static GVariant *
build_auto_remove (const CpdContainerRow *row)
{
  return g_variant_new_boolean (row->auto_remove);
}

static GVariant *
build_command (JsonObject *config)
{
  g_auto(GStrv) command = cpd_json_get_strv (config, "args");

  return new_strv (command);
}

static GVariant *
build_labels (JsonObject *config)
{
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{ss}"));
  JsonObject *labels = cpd_json_get_object (config, "labels");
  g_autoptr(GList) keys = labels != NULL ? json_object_get_members (labels) : NULL;

  for (GList *l = keys; l != NULL; l = l->next)
    {
      const char *value = cpd_json_get_string (labels, l->data);

      g_variant_builder_add (&dict, "{ss}", l->data, value != NULL ? value : "");
    }
  return g_variant_builder_end (&dict);
}

static const Field fields_table[] = {
  { "id", build_id },
  { "name", build_name },
  { "image", build_image },
  { "image-id", build_image_id },
  { "state", build_state },
  { "pid", build_pid },
  { "exit-code", build_exit_code },
  { "created", build_created },
  { "started", build_started },
  { "finished", build_finished },
  { "auto-remove", build_auto_remove },
  { "command", NULL, build_command },
  { "labels", NULL, build_labels },
};

gboolean
cpd_bus_container_has_field (const char *field)
{
  for (gsize i = 0; i < G_N_ELEMENTS (fields_table); i++)
    if (strcmp (fields_table[i].name, field) == 0)
      return TRUE;
  return FALSE;
}

static gboolean
is_wanted (const Field *field, const char *const *fields)
{
  if (fields == NULL)
    return field->build != NULL;
  return g_strv_contains (fields, field->name);
}

/* The keys that FIELDS names; all that need no config when it is NULL. */
GVariant *
cpd_bus_container_fields (const CpdContainerRow *row, const char *const *fields)
{
  GVariantBuilder dict = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_autoptr(JsonNode) config = NULL;

  if (row->config != NULL)
    config = cpd_json_parse (row->config, -1, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (fields_table); i++)
    {
      const Field *field = &fields_table[i];

      if (!is_wanted (field, fields))
        continue;
      if (field->build != NULL)
        add (&dict, field->name, field->build (row));
      else
        add (&dict, field->name, field->build_from_config
             (config != NULL && JSON_NODE_HOLDS_OBJECT (config) ? json_node_get_object (config) : NULL));
    }
  return g_variant_builder_end (&dict);
}
