/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-manifest-parse.h"

#include <string.h>

#include "common/cpd-clock.h"
#include "common/cpd-json.h"
#include "oci/cpd-digest.h"
#include "oci/cpd-manifest.h"
#include "oci/cpd-oci-error.h"
#include "oci/cpd-platform.h"

#define MEDIA_TYPE_INDEX "application/vnd.oci.image.index.v1+json"
#define ANNOTATION_CONTAINERD_NAME "io.containerd.image.name"
#define DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"
#define OCI_LAYER "application/vnd.oci.image.layer."
#define DOCKER_LAYER "application/vnd.docker.image.rootfs."

/* Layers by what docker calls them. */
static const struct { const char *docker, *oci; } layer_types[] = {
  { DOCKER_LAYER "diff.tar", OCI_LAYER "v1.tar" },
  { DOCKER_LAYER "diff.tar.gzip", OCI_LAYER "v1.tar+gzip" },
  { DOCKER_LAYER "diff.tar.zstd", OCI_LAYER "v1.tar+zstd" },
  { DOCKER_LAYER "foreign.diff.tar", OCI_LAYER "nondistributable.v1.tar" },
  { DOCKER_LAYER "foreign.diff.tar.gzip", OCI_LAYER "nondistributable.v1.tar+gzip" },
  { NULL, OCI_LAYER "nondistributable.v1.tar+zstd" },
};

#define fail(error, ...) cpd_oci_fail (error, CPOD_ERROR_INVALID_IMAGE, __VA_ARGS__)

static void
entry_free (CpdManifestEntry *entry)
{
  g_free (entry->media_type);
  g_free (entry->digest);
  g_free (entry->os);
  g_free (entry->architecture);
  g_free (entry->variant);
  g_free (entry->name);
  g_free (entry);
}

void
cpd_manifest_free (CpdManifest *manifest)
{
  if (manifest == NULL)
    return;
  g_clear_pointer (&manifest->config, entry_free);
  g_ptr_array_unref (manifest->entries);
  g_free (manifest);
}

const char *
cpd_manifest_oci_type (const char *media_type)
{
  for (gsize i = 0; i < G_N_ELEMENTS (layer_types); i++)
    if (g_strcmp0 (layer_types[i].docker, media_type) == 0 || strcmp (layer_types[i].oci, media_type) == 0)
      return layer_types[i].oci;
  return NULL;
}

/* docker puts no more than the tag where the name should be, and containerd's own annotation beside it. */
static char *
read_name (JsonObject *annotations)
{
  const char *name = cpd_json_get_string (annotations, ANNOTATION_CONTAINERD_NAME);

  return g_strdup (name != NULL ? name : cpd_json_get_string (annotations, CPD_ANNOTATION_REF_NAME));
}

static CpdManifestEntry *
read_entry (JsonObject *object, const char *what, GError **error)
{
  const char *media_type = cpd_json_get_string (object, "mediaType");
  const char *digest = cpd_json_get_string (object, "digest");
  gint64 size = cpd_json_get_int (object, "size");
  JsonObject *platform = cpd_json_get_object (object, "platform");
  JsonObject *annotations = cpd_json_get_object (object, "annotations");
  CpdManifestEntry *entry;

  if (media_type == NULL || digest == NULL || size < 0 || !cpd_digest_check (digest, NULL))
    {
      fail (error, "%s is described wrongly (media type %.128s, digest %.128s, size %" G_GINT64_FORMAT ")", what,
            media_type != NULL ? media_type : "none", digest != NULL ? digest : "none", size);
      return NULL;
    }
  entry = g_new0 (CpdManifestEntry, 1);
  entry->media_type = g_strdup (media_type);
  entry->digest = g_strdup (digest);
  entry->size = size;
  if (platform != NULL)
    {
      entry->os = g_strdup (cpd_json_get_string (platform, "os"));
      entry->architecture = g_strdup (cpd_json_get_string (platform, "architecture"));
      entry->variant = g_strdup (cpd_json_get_string (platform, "variant"));
    }
  if (annotations != NULL)
    entry->name = read_name (annotations);
  return entry;
}

static gboolean
read_entries (CpdManifest *manifest, JsonArray *array, const char *what, GError **error)
{
  guint n = json_array_get_length (array);

  if (n == 0 || n > CPD_MANIFEST_ENTRIES_MAX)
    return fail (error, "it has %u %ss: there may be 1 to %d", n, what, CPD_MANIFEST_ENTRIES_MAX);
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *name = g_strdup_printf ("%s %u", what, i + 1);
      JsonNode *node = json_array_get_element (array, i);
      CpdManifestEntry *entry;

      if (!JSON_NODE_HOLDS_OBJECT (node))
        return fail (error, "%s is no object", name);
      entry = read_entry (json_node_get_object (node), name, error);
      if (entry == NULL)
        return FALSE;
      g_ptr_array_add (manifest->entries, entry);
    }
  return TRUE;
}

static gboolean
check_layer (const CpdManifestEntry *layer, guint number, GError **error)
{
  if (strstr (layer->media_type, "+encrypted") != NULL)
    return fail (error, "layer %u (%s) is encrypted, which is not supported", number, layer->digest);
  if (cpd_manifest_oci_type (layer->media_type) == NULL)
    return fail (error, "layer %u (%s) is of no known kind: %.128s", number, layer->digest, layer->media_type);
  return TRUE;
}

static gboolean
read_manifest (CpdManifest *manifest, JsonObject *object, GError **error)
{
  JsonObject *config = cpd_json_get_object (object, "config");
  JsonArray *layers = cpd_json_get_array (object, "layers");

  if (config == NULL || layers == NULL)
    return fail (error, "it is neither a manifest nor an index: \"config\" or \"layers\" is missing");
  manifest->config = read_entry (config, "its configuration", error);
  if (manifest->config == NULL || !read_entries (manifest, layers, "layer", error))
    return FALSE;
  if (strcmp (manifest->config->media_type, CPD_MEDIA_TYPE_CONFIG) != 0
      && strcmp (manifest->config->media_type, DOCKER_CONFIG) != 0)
    return fail (error, "it is no image but an artifact: its configuration is %.128s", manifest->config->media_type);
  for (guint i = 0; i < manifest->entries->len; i++)
    if (!check_layer (manifest->entries->pdata[i], i + 1, error))
      return FALSE;
  return TRUE;
}

/* A text may not be read as one thing here and as another elsewhere. */
static gboolean
check_kind (JsonObject *object, gboolean is_index, gboolean *is_oci, GError **error)
{
  const char *media_type = cpd_json_get_string (object, "mediaType");
  const char *const known[2][2] = { { CPD_MEDIA_TYPE_MANIFEST, DOCKER_MANIFEST }, { MEDIA_TYPE_INDEX, DOCKER_LIST } };

  if (json_object_has_member (object, "fsLayers")
      || (json_object_has_member (object, "schemaVersion") && cpd_json_get_int (object, "schemaVersion") == 1))
    return fail (error, "it is a manifest of docker's schema 1, which is not supported");
  if (is_index && (json_object_has_member (object, "config") || json_object_has_member (object, "layers")))
    return fail (error, "it is both a manifest and an index");
  *is_oci = media_type == NULL || strcmp (media_type, known[is_index][0]) == 0;
  if (*is_oci || strcmp (media_type, known[is_index][1]) == 0)
    return TRUE;
  return fail (error, "it has the wrong media type %.128s", media_type);
}

CpdManifest *
cpd_manifest_parse (const char *text, GError **error)
{
  g_autoptr(GError) cause = NULL;
  g_autoptr(JsonNode) node = cpd_json_parse (text, -1, &cause);
  g_autoptr(CpdManifest) manifest = g_new0 (CpdManifest, 1);
  JsonObject *object;
  gboolean read;

  manifest->entries = g_ptr_array_new_with_free_func ((GDestroyNotify) entry_free);
  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node))
    {
      fail (error, "its manifest is %s", cause != NULL ? cause->message : "no object");
      return NULL;
    }
  object = json_node_get_object (node);
  manifest->is_index = json_object_has_member (object, "manifests");
  if (!check_kind (object, manifest->is_index, &manifest->is_oci, error))
    return NULL;
  if (!manifest->is_index)
    read = read_manifest (manifest, object, error);
  else if (cpd_json_get_array (object, "manifests") != NULL)
    read = read_entries (manifest, cpd_json_get_array (object, "manifests"), "manifest", error);
  else
    read = fail (error, "its index has no list of manifests");
  return read ? g_steal_pointer (&manifest) : NULL;
}

/* How well an entry fits: 0 for not at all. */
static int
rate (const CpdManifestEntry *entry, const CpdPlatform *wanted)
{
  const char *os = wanted->os != NULL ? wanted->os : "linux";
  const char *architecture = wanted->architecture != NULL ? wanted->architecture : cpd_platform_architecture ();
  /* What a machine of that architecture is, if nobody says more. */
  const char *usual = strcmp (architecture, "arm64") == 0 ? "v8" : strcmp (architecture, "arm") == 0 ? "v7" : NULL;

  if (strcmp (entry->media_type, CPD_MEDIA_TYPE_MANIFEST) != 0 && strcmp (entry->media_type, DOCKER_MANIFEST) != 0
      && strcmp (entry->media_type, MEDIA_TYPE_INDEX) != 0 && strcmp (entry->media_type, DOCKER_LIST) != 0)
    return 0;
  if (entry->os == NULL && entry->architecture == NULL)
    return 1;                   /* it may be for anything */
  if (g_strcmp0 (entry->os, os) != 0 || g_strcmp0 (entry->architecture, architecture) != 0)
    return 0;
  if (wanted->variant != NULL)
    return g_strcmp0 (entry->variant, wanted->variant) == 0 ? 4 : 0;
  if (entry->variant == NULL || g_strcmp0 (entry->variant, usual) == 0)
    return 4;
  if (strcmp (architecture, "arm") == 0)        /* an older one will do */
    return strcmp (entry->variant, "v6") == 0 ? 3 : strcmp (entry->variant, "v5") == 0 ? 2 : 0;
  return strcmp (entry->variant, "v1") == 0 ? 3 : 0;
}

const CpdManifestEntry *
cpd_manifest_choose (const CpdManifest *image_index, const CpdPlatform *platform, GError **error)
{
  const CpdManifestEntry *best = NULL;
  g_autoptr(GString) known = g_string_new (NULL);
  int best_rate = 0;

  for (guint i = 0; i < image_index->entries->len; i++)
    {
      const CpdManifestEntry *entry = image_index->entries->pdata[i];
      int fit = rate (entry, platform);

      g_string_append_printf (known, "%s%s/%s%s%s", known->len > 0 ? ", " : "", entry->os != NULL ? entry->os : "?",
                              entry->architecture != NULL ? entry->architecture : "?",
                              entry->variant != NULL ? "/" : "", entry->variant != NULL ? entry->variant : "");
      if (fit > best_rate)
        {
          best = entry;
          best_rate = fit;
        }
    }
  if (best == NULL)
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_IMAGE, "it has no image for %s/%s%s%s, only for %s",
                 platform->os != NULL ? platform->os : "linux",
                 platform->architecture != NULL ? platform->architecture : cpd_platform_architecture (),
                 platform->variant != NULL ? "/" : "", platform->variant != NULL ? platform->variant : "", known->str);
  return best;
}

void
cpd_image_info_free (CpdImageInfo *info)
{
  if (info == NULL)
    return;
  g_strfreev (info->diff_ids);
  g_free (info->os);
  g_free (info->architecture);
  g_free (info);
}

static char *
dup_or_empty (JsonObject *object, const char *key)
{
  const char *value = cpd_json_get_string (object, key);

  return g_strdup (value != NULL ? value : "");
}

CpdImageInfo *
cpd_image_info_parse (const char *config, GError **error)
{
  g_autoptr(GError) cause = NULL;
  g_autoptr(JsonNode) node = cpd_json_parse (config, -1, &cause);
  JsonObject *object = node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  JsonObject *rootfs = object != NULL ? cpd_json_get_object (object, "rootfs") : NULL;
  g_autoptr(CpdImageInfo) info = g_new0 (CpdImageInfo, 1);
  const char *created;

  info->diff_ids = rootfs != NULL ? cpd_json_get_strv (rootfs, "diff_ids") : NULL;
  if (info->diff_ids == NULL || info->diff_ids[0] == NULL)
    {
      fail (error, "its configuration %s", cause != NULL ? cause->message : "names no layers (rootfs.diff_ids)");
      return NULL;
    }
  for (char **diff_id = info->diff_ids; *diff_id != NULL; diff_id++)
    if (!cpd_digest_check (*diff_id, NULL))
      {
        fail (error, "its configuration has '%.128s' where a diff-id should be", *diff_id);
        return NULL;
      }
  created = cpd_json_get_string (object, "created");
  info->created = created != NULL ? MAX (0, cpd_clock_parse (created)) : 0;
  info->os = dup_or_empty (object, "os");
  info->architecture = dup_or_empty (object, "architecture");
  return g_steal_pointer (&info);
}

gboolean
cpd_image_info_fits (const CpdImageInfo *info, const CpdPlatform *platform)
{
  const char *os = platform->os != NULL ? platform->os : "linux";
  const char *architecture = platform->architecture != NULL ? platform->architecture : cpd_platform_architecture ();

  return strcmp (info->os, os) == 0 && strcmp (info->architecture, architecture) == 0;
}
