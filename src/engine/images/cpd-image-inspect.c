/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "common/cpd-clock.h"
#include "common/cpd-json.h"
#include "engine/cpd-engine-private.h"
#include "engine/images/cpd-image-family.h"

static void
copy (JsonObject *to, const char *to_key, JsonObject *from, const char *from_key)
{
  JsonNode *node = from != NULL ? json_object_get_member (from, from_key) : NULL;

  if (node != NULL)
    json_object_set_member (to, to_key, json_node_copy (node));
}

/* "" where nothing is said: podman has these in any case. */
static void
copy_string (JsonObject *to, const char *to_key, JsonObject *from, const char *from_key)
{
  const char *text = cpd_json_get_string (from, from_key);

  json_object_set_string_member (to, to_key, text != NULL ? text : "");
}

static const char *
last_comment (JsonObject *config)
{
  JsonArray *history = cpd_json_get_array (config, "history");
  guint n = history != NULL ? json_array_get_length (history) : 0;
  JsonNode *last = n > 0 ? json_array_get_element (history, n - 1) : NULL;
  const char *comment = last != NULL && JSON_NODE_HOLDS_OBJECT (last)
                        ? cpd_json_get_string (json_node_get_object (last), "comment") : NULL;

  return comment != NULL ? comment : "";
}

static void
add_layers (JsonObject *object, JsonObject *config)
{
  g_auto(GStrv) diff_ids = cpd_json_get_strv (cpd_json_get_object (config, "rootfs"), "diff_ids");
  JsonObject *rootfs = json_object_new ();

  json_object_set_string_member (rootfs, "Type", "layers");
  json_object_set_array_member (rootfs, "Layers", cpd_json_array_from_strv ((const char *const *) diff_ids));
  json_object_set_object_member (object, "RootFS", rootfs);
}

/* What the image's own configuration says, under podman's names. */
static void
add_config (JsonObject *object, const char *text)
{
  g_autoptr(JsonNode) node = cpd_json_parse (text, -1, NULL);
  JsonObject *config = node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  JsonObject *run = cpd_json_get_object (config, "config");

  json_object_set_string_member (object, "Comment", last_comment (config));
  copy (object, "Config", config, "config");
  copy_string (object, "Version", config, "docker_version");
  copy_string (object, "Author", config, "author");
  copy_string (object, "Architecture", config, "architecture");
  copy (object, "Variant", config, "variant");
  copy_string (object, "Os", config, "os");
  add_layers (object, config);
  copy (object, "Labels", run, "Labels");
  copy_string (object, "User", run, "User");
  copy (object, "History", config, "history");
  copy (object, "Healthcheck", run, "Healthcheck");
}

static void
add_manifest (CpdEngine *engine, JsonObject *object, const char *digest)
{
  g_autofree char *text = cpd_storage_read_manifest (engine->storage, digest, NULL);
  g_autoptr(JsonNode) node = text != NULL ? cpd_json_parse (text, -1, NULL) : NULL;
  JsonObject *manifest = node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;

  copy (object, "Annotations", manifest, "annotations");
  copy_string (object, "ManifestType", manifest, "mediaType");
}

static gboolean
add_driver (CpdEngine *engine, JsonObject *object, const char *id, GError **error)
{
  g_auto(GStrv) paths = cpd_storage_list_layer_dirs (engine->storage, id, error);
  JsonObject *driver, *data;

  if (paths == NULL)
    return FALSE;
  driver = json_object_new ();
  data = json_object_new ();
  if (paths[0] != NULL && paths[1] != NULL)
    {
      g_autofree char *lower = g_strjoinv (":", paths + 1);

      json_object_set_string_member (data, "LowerDir", lower);
    }
  if (paths[0] != NULL)
    json_object_set_string_member (data, "UpperDir", paths[0]);
  json_object_set_string_member (driver, "Name", cpd_storage_get_driver (engine->storage));
  json_object_set_object_member (driver, "Data", data);
  json_object_set_object_member (object, "GraphDriver", driver);
  return TRUE;
}

static gboolean
add_parent (CpdEngine *engine, JsonObject *object, const CpdImageRow *image, GError **error)
{
  g_autoptr(GError) failure = NULL;
  g_autoptr(CpdImageRow) parent = cpd_image_find_parent (engine->store, image, &failure);

  if (failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  json_object_set_string_member (object, "Parent", parent != NULL ? parent->id : "");
  return TRUE;
}

char *
cpd_engine_inspect_image (CpdEngine *engine, const char *id, GError **error)
{
  g_autoptr(CpdImageRow) image = cpd_store_get_image (engine->store, id, error);
  g_autoptr(JsonObject) object = json_object_new ();
  g_autofree char *created = NULL;

  if (image == NULL)
    return NULL;
  created = cpd_clock_format (image->created);
  json_object_set_string_member (object, "Id", image->id);
  json_object_set_string_member (object, "Digest", image->digest);
  json_object_set_array_member (object, "RepoTags", cpd_json_array_from_strv ((const char *const *) image->names));
  json_object_set_array_member (object, "RepoDigests", cpd_json_array_from_strv ((const char *const *) image->digests));
  if (!add_parent (engine, object, image, error))
    return NULL;
  json_object_set_string_member (object, "Created", created);
  add_config (object, image->config);
  json_object_set_int_member (object, "Size", image->size);
  json_object_set_int_member (object, "VirtualSize", image->size);
  if (!add_driver (engine, object, id, error))
    return NULL;
  add_manifest (engine, object, image->digest);
  return cpd_json_print_object (object);
}
