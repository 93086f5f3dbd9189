/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-manifest.h"

#include <string.h>

#include "common/cpd-clock.h"
#include "common/cpd-json.h"
#include "oci/cpd-platform.h"
#include "public/cpod-error.h"

static JsonObject *
descriptor_to_object (const CpdDescriptor *descriptor)
{
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "mediaType", descriptor->media_type);
  json_object_set_string_member (object, "digest", descriptor->digest);
  json_object_set_int_member (object, "size", descriptor->size);
  if (descriptor->ref_name != NULL)
    {
      JsonObject *annotations = json_object_new ();

      json_object_set_string_member (annotations, CPD_ANNOTATION_REF_NAME, descriptor->ref_name);
      json_object_set_object_member (object, "annotations", annotations);
    }
  return object;
}

static JsonArray *
descriptors_to_array (const CpdDescriptor *descriptors, gsize n)
{
  JsonArray *array = json_array_new ();

  for (gsize i = 0; i < n; i++)
    json_array_add_object_element (array, descriptor_to_object (&descriptors[i]));
  return array;
}

/* A new object with its keys in alphabetical order, at all depths, so that equal texts get equal digests. */
static JsonNode *
sorted_copy (JsonNode *node)
{
  JsonNode *copy;

  if (JSON_NODE_HOLDS_ARRAY (node))
    {
      JsonArray *from = json_node_get_array (node), *to = json_array_new ();

      for (guint i = 0; i < json_array_get_length (from); i++)
        json_array_add_element (to, sorted_copy (json_array_get_element (from, i)));
      copy = json_node_new (JSON_NODE_ARRAY);
      json_node_take_array (copy, to);
      return copy;
    }
  if (JSON_NODE_HOLDS_OBJECT (node))
    {
      JsonObject *from = json_node_get_object (node), *to = json_object_new ();
      g_autoptr(GList) keys = g_list_sort (json_object_get_members (from), (GCompareFunc) g_strcmp0);

      for (GList *item = keys; item != NULL; item = item->next)
        json_object_set_member (to, item->data, sorted_copy (json_object_get_member (from, item->data)));
      copy = json_node_new (JSON_NODE_OBJECT);
      json_node_take_object (copy, to);
      return copy;
    }
  return json_node_copy (node);
}

static JsonArray *
make_history (const char *created, const char *message)
{
  JsonArray *history = json_array_new ();
  JsonObject *entry = json_object_new ();

  json_object_set_string_member (entry, "created", created);
  json_object_set_string_member (entry, "created_by", "cpod import");
  if (message != NULL && *message != '\0')
    json_object_set_string_member (entry, "comment", message);
  json_array_add_object_element (history, entry);
  return history;
}

static JsonNode *
parse_config (const char *config, GError **error)
{
  g_autoptr(JsonNode) node = cpd_json_parse (config, -1, error);

  if (node != NULL && JSON_NODE_HOLDS_OBJECT (node))
    return sorted_copy (node);
  g_clear_error (error);
  g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                       "config: the image's configuration is no JSON object");
  return NULL;
}

char *
cpd_manifest_image_config (gint64 created, const char *config, const char *message,
                           const char *const *diff_ids, GError **error)
{
  g_autoptr(JsonObject) image = json_object_new ();
  g_autoptr(JsonNode) node = NULL;
  g_autofree char *when = cpd_clock_format (created);
  JsonObject *rootfs = json_object_new ();

  json_object_set_string_member (rootfs, "type", "layers");
  json_object_set_array_member (rootfs, "diff_ids", cpd_json_array_from_strv (diff_ids));

  json_object_set_string_member (image, "created", when);
  json_object_set_string_member (image, "architecture", cpd_platform_architecture ());
  json_object_set_string_member (image, "os", "linux");
  if (config != NULL && *config != '\0')
    {
      node = parse_config (config, error);
      if (node == NULL)
        {
          json_object_unref (rootfs);
          return NULL;
        }
      json_object_set_member (image, "config", g_steal_pointer (&node));
    }
  else
    json_object_set_object_member (image, "config", json_object_new ());
  json_object_set_object_member (image, "rootfs", rootfs);
  json_object_set_array_member (image, "history", make_history (when, message));
  return cpd_json_print_object (image);
}

static char *
make_text (const char *media_type, const CpdDescriptor *config, const CpdDescriptor *layers, gsize n_layers)
{
  g_autoptr(JsonObject) manifest = json_object_new ();

  json_object_set_int_member (manifest, "schemaVersion", 2);
  json_object_set_string_member (manifest, "mediaType", media_type);
  json_object_set_object_member (manifest, "config", descriptor_to_object (config));
  json_object_set_array_member (manifest, "layers", descriptors_to_array (layers, n_layers));
  return cpd_json_print_object (manifest);
}

char *
cpd_manifest_text (const CpdDescriptor *config, const CpdDescriptor *layers, gsize n_layers)
{
  return make_text (CPD_MEDIA_TYPE_MANIFEST, config, layers, n_layers);
}

const char *
cpd_manifest_docker_type (const char *media_type)
{
  if (strcmp (media_type, "application/vnd.oci.image.layer.v1.tar") == 0)
    return "application/vnd.docker.image.rootfs.diff.tar";
  if (strcmp (media_type, "application/vnd.oci.image.layer.v1.tar+gzip") == 0)
    return "application/vnd.docker.image.rootfs.diff.tar.gzip";
  return NULL;
}

char *
cpd_manifest_docker_text (const CpdDescriptor *config, const CpdDescriptor *layers, gsize n_layers)
{
  CpdDescriptor docker_config = *config;
  g_autofree CpdDescriptor *docker_layers = g_memdup2 (layers, n_layers * sizeof *layers);

  docker_config.media_type = CPD_MEDIA_TYPE_DOCKER_CONFIG;
  for (gsize i = 0; i < n_layers; i++)
    {
      docker_layers[i].media_type = cpd_manifest_docker_type (layers[i].media_type);
      if (docker_layers[i].media_type == NULL)
        return NULL;
    }
  return make_text (CPD_MEDIA_TYPE_DOCKER_MANIFEST, &docker_config, docker_layers, n_layers);
}

char *
cpd_manifest_index (const CpdDescriptor *manifests, gsize n_manifests)
{
  g_autoptr(JsonObject) image_index = json_object_new ();

  json_object_set_int_member (image_index, "schemaVersion", 2);
  json_object_set_array_member (image_index, "manifests", descriptors_to_array (manifests, n_manifests));
  return cpd_json_print_object (image_index);
}

char *
cpd_manifest_layout (void)
{
  return g_strdup ("{\"imageLayoutVersion\":\"1.0.0\"}");
}

char *
cpd_manifest_docker (const CpdDockerImage *images, gsize n_images)
{
  JsonArray *array = json_array_new ();
  g_autoptr(JsonNode) node = json_node_new (JSON_NODE_ARRAY);

  for (gsize i = 0; i < n_images; i++)
    {
      JsonObject *image = json_object_new ();

      json_object_set_string_member (image, "Config", images[i].config);
      if (images[i].names[0] != NULL)
        json_object_set_array_member (image, "RepoTags", cpd_json_array_from_strv (images[i].names));
      else
        json_object_set_null_member (image, "RepoTags");
      json_object_set_array_member (image, "Layers", cpd_json_array_from_strv (images[i].layers));
      json_array_add_object_element (array, image);
    }
  json_node_take_array (node, array);
  return cpd_json_print (node);
}
