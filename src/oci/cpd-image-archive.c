/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-image-archive.h"

#include <string.h>

#include "common/cpd-json.h"
#include "oci/cpd-digest.h"
#include "oci/cpd-oci-error.h"
#include "oci/cpd-reference.h"

#define DOCKER_MANIFEST "manifest.json"
#define OCI_INDEX "index.json"
#define OCI_LAYOUT "oci-layout"
#define BLOBS "blobs/sha256/"
#define INDEX_DEPTH_MAX 4
#define NAMES_MAX 1000          /* of an image */

static void
layer_free (gpointer data)
{
  CpdArchiveLayer *layer = data;

  g_free (layer->member);
  g_free (layer->digest);
  g_free (layer);
}

static void
image_free (gpointer data)
{
  CpdArchiveImage *image = data;

  g_free (image->id);
  g_free (image->config);
  g_clear_pointer (&image->info, cpd_image_info_free);
  g_free (image->manifest);
  g_ptr_array_unref (image->names);
  g_ptr_array_unref (image->layers);
  g_free (image);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdArchiveImage, image_free)

static CpdArchiveImage *
image_new (void)
{
  CpdArchiveImage *image = g_new0 (CpdArchiveImage, 1);

  image->names = g_ptr_array_new_with_free_func (g_free);
  image->layers = g_ptr_array_new_with_free_func (layer_free);
  return image;
}

static gboolean
fail (GError **error, const char *text)
{
  return cpd_oci_fail (error, CPOD_ERROR_INVALID_IMAGE, "%s", text);
}

static gboolean
add_layer (CpdArchiveIndex *archive, CpdArchiveImage *image, const char *member, const char *digest, gint64 size,
           GError **error)
{
  const CpdLayerPart *part = cpd_archive_index_find (archive, member, error);
  CpdArchiveLayer *layer;

  if (part == NULL)
    {
      g_prefix_error (error, "layer %u: ", image->layers->len + 1);
      return FALSE;
    }
  layer = g_new0 (CpdArchiveLayer, 1);
  layer->member = g_strdup (member);
  layer->digest = g_strdup (digest);
  layer->size = size;
  layer->part = *part;
  g_ptr_array_add (image->layers, layer);
  return TRUE;
}

static gboolean
check_layers (const CpdArchiveImage *image, guint n_layers, GError **error)
{
  const guint n = g_strv_length (image->info->diff_ids);
  g_autofree char *text = NULL;

  if (n == n_layers && n <= CPD_MANIFEST_ENTRIES_MAX)
    return TRUE;
  text = g_strdup_printf ("its manifest has %u layers, its configuration %u: there may be %d", n_layers, n,
                          CPD_MANIFEST_ENTRIES_MAX);
  return fail (error, text);
}

/* The configuration says what the image is. DIGEST (nullable) is what it should have. */
static gboolean
take_config (CpdArchiveIndex *archive, CpdArchiveImage *image, const char *member, const char *digest, GError **error)
{
  g_autofree char *found = NULL;

  image->config = cpd_archive_index_read_text (archive, member, error);
  if (image->config == NULL)
    return FALSE;
  found = cpd_digest_of_text (image->config, -1);
  if (digest != NULL && strcmp (found, digest) != 0)
    {
      g_autofree char *text = g_strdup_printf ("its configuration has the digest %s, not %s", found, digest);

      return fail (error, text);
    }
  image->id = g_strdup (cpd_digest_hex (found));
  image->info = cpd_image_info_parse (image->config, error);
  return image->info != NULL;
}

static gboolean
add_name (CpdArchiveImage *image, const char *name, GError **error)
{
  if (g_ptr_array_find_with_equal_func (image->names, name, g_str_equal, NULL))
    return TRUE;
  if (image->names->len >= NAMES_MAX)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_IMAGE, "it has more than %d names", NAMES_MAX);
      return FALSE;
    }
  g_ptr_array_add (image->names, g_strdup (name));
  return TRUE;
}

/* Takes IMAGE, unless the same one is there, which gets its names. */
static gboolean
add_image (GPtrArray *images, CpdArchiveImage *image, GError **error)
{
  g_autoptr(CpdArchiveImage) taken = image;

  for (guint i = 0; i < images->len; i++)
    {
      CpdArchiveImage *other = images->pdata[i];

      if (strcmp (other->id, image->id) != 0)
        continue;
      for (guint j = 0; j < image->names->len; j++)
        if (!add_name (other, image->names->pdata[j], error))
          return FALSE;
      return TRUE;
    }
  g_ptr_array_add (images, g_steal_pointer (&taken));
  return TRUE;
}

/* "HEX.json" and "blobs/sha256/HEX" tell the digest of what is in them. */
static char *
digest_in_name (const char *member)
{
  const char *base = strrchr (member, '/') != NULL ? strrchr (member, '/') + 1 : member;
  g_autofree char *hex = g_strndup (base, strcspn (base, "."));
  g_autofree char *digest = g_strconcat (CPD_DIGEST_PREFIX, hex, NULL);

  return cpd_digest_check (digest, NULL) ? g_steal_pointer (&digest) : NULL;
}

static gboolean
read_tags (CpdArchiveImage *image, JsonObject *entry, GError **error)
{
  g_auto(GStrv) tags = cpd_json_get_strv (entry, "RepoTags");

  for (char **tag = tags; tag != NULL && *tag != NULL; tag++)
    {
      g_autoptr(GError) cause = NULL;
      g_autofree char *name = strchr (*tag, '@') == NULL ? cpd_reference_normalize (*tag, &cause) : NULL;

      if (name == NULL)
        {
          g_autofree char *text = g_strdup_printf ("its name '%.256s' is not valid", *tag);

          return fail (error, text);
        }
      if (!add_name (image, name, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
read_docker_image (CpdArchiveIndex *archive, JsonNode *node, GPtrArray *images, GError **error)
{
  JsonObject *entry = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  const char *config = entry != NULL ? cpd_json_get_string (entry, "Config") : NULL;
  g_auto(GStrv) layers = entry != NULL ? cpd_json_get_strv (entry, "Layers") : NULL;
  g_autofree char *digest = config != NULL ? digest_in_name (config) : NULL;
  g_autoptr(CpdArchiveImage) image = image_new ();

  if (config == NULL || layers == NULL || cpd_json_get_array (entry, "Layers") == NULL)
    return fail (error, "manifest.json has an entry without \"Config\" or \"Layers\"");
  if (!take_config (archive, image, config, digest, error) || !read_tags (image, entry, error)
      || !check_layers (image, g_strv_length (layers), error))
    return FALSE;
  for (char **layer = layers; *layer != NULL; layer++)
    if (!add_layer (archive, image, *layer, NULL, -1, error))
      return FALSE;
  return add_image (images, g_steal_pointer (&image), error);
}

static gboolean
read_docker (CpdArchiveIndex *archive, GPtrArray *images, GError **error)
{
  g_autofree char *text = cpd_archive_index_read_text (archive, DOCKER_MANIFEST, error);
  g_autoptr(GError) cause = NULL;
  g_autoptr(JsonNode) node = text != NULL ? cpd_json_parse (text, -1, &cause) : NULL;
  JsonArray *entries = node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;

  if (text == NULL)
    return FALSE;
  if (entries == NULL || json_array_get_length (entries) == 0
      || json_array_get_length (entries) > CPD_MANIFEST_ENTRIES_MAX)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_IMAGE, "manifest.json is no list of 1 to %d images%s%s",
                   CPD_MANIFEST_ENTRIES_MAX, cause != NULL ? ": " : "", cause != NULL ? cause->message : "");
      return FALSE;
    }
  for (guint i = 0; i < json_array_get_length (entries); i++)
    if (!read_docker_image (archive, json_array_get_element (entries, i), images, error))
      {
        g_prefix_error (error, "image %u: ", i + 1);
        return FALSE;
      }
  return TRUE;
}

/* A text that is a blob, and what it should be. */
static char *
read_blob (CpdArchiveIndex *archive, const char *digest, GError **error)
{
  g_autofree char *member = g_strconcat (BLOBS, cpd_digest_hex (digest), NULL);
  g_autofree char *text = cpd_archive_index_read_text (archive, member, error);
  g_autofree char *found = text != NULL ? cpd_digest_of_text (text, -1) : NULL;

  if (found == NULL || strcmp (found, digest) == 0)
    return g_steal_pointer (&text);
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_IMAGE, "its manifest has the digest %s, not %s", found, digest);
  return NULL;
}

/* From an entry of an index to a manifest, by way of further indexes if need be. */
static CpdManifest *
descend (CpdArchiveIndex *archive, const char *digest, const CpdPlatform *platform, char **text, GError **error)
{
  g_autofree char *at = g_strdup (digest);

  for (int depth = 0; depth < INDEX_DEPTH_MAX; depth++)
    {
      g_autofree char *found = read_blob (archive, at, error);
      g_autoptr(CpdManifest) manifest = found != NULL ? cpd_manifest_parse (found, error) : NULL;
      const CpdManifestEntry *entry;

      if (manifest == NULL)
        return NULL;
      if (!manifest->is_index)
        {
          *text = g_steal_pointer (&found);
          return g_steal_pointer (&manifest);
        }
      entry = cpd_manifest_choose (manifest, platform, error);
      if (entry == NULL)
        return NULL;
      g_free (at);
      at = g_strdup (entry->digest);
    }
  fail (error, "its indexes are in indexes without end");
  return NULL;
}

static gboolean
read_oci_image (CpdArchiveIndex *archive, const CpdManifestEntry *entry, const CpdPlatform *platform,
                GPtrArray *images, GError **error)
{
  g_autofree char *text = NULL, *config = NULL, *name = NULL;
  g_autoptr(CpdManifest) manifest = descend (archive, entry->digest, platform, &text, error);
  g_autoptr(CpdArchiveImage) image = image_new ();

  if (manifest == NULL)
    return FALSE;
  config = g_strconcat (BLOBS, cpd_digest_hex (manifest->config->digest), NULL);
  if (!take_config (archive, image, config, manifest->config->digest, error)
      || !check_layers (image, manifest->entries->len, error))
    return FALSE;
  for (guint i = 0; i < manifest->entries->len; i++)
    {
      const CpdManifestEntry *layer = manifest->entries->pdata[i];
      g_autofree char *member = g_strconcat (BLOBS, cpd_digest_hex (layer->digest), NULL);

      if (!add_layer (archive, image, member, layer->digest, layer->size, error))
        return FALSE;
    }
  if (manifest->is_oci)
    image->manifest = g_steal_pointer (&text);
  /* What an index calls an image need not be a name that it can have here. */
  name = entry->name != NULL && strchr (entry->name, '@') == NULL ? cpd_reference_normalize (entry->name, NULL) : NULL;
  return (name == NULL || add_name (image, name, error)) && add_image (images, g_steal_pointer (&image), error);
}

/* Of all that one name stands for, the one for the platform; what stands alone is meant whatever it is for. */
static const CpdManifestEntry *
choose (const CpdManifest *image_index, const char *name, const CpdPlatform *platform, GError **error)
{
  g_autoptr(GPtrArray) same = g_ptr_array_new ();
  CpdManifest some = { .is_index = TRUE, .entries = same };

  for (guint i = 0; i < image_index->entries->len; i++)
    if (g_strcmp0 (((const CpdManifestEntry *) image_index->entries->pdata[i])->name, name) == 0)
      g_ptr_array_add (same, image_index->entries->pdata[i]);
  return same->len == 1 ? same->pdata[0] : cpd_manifest_choose (&some, platform, error);
}

static gboolean
read_oci (CpdArchiveIndex *archive, const CpdPlatform *platform, GPtrArray *images, GError **error)
{
  g_autofree char *text = cpd_archive_index_read_text (archive, OCI_INDEX, error);
  g_autoptr(CpdManifest) manifest = text != NULL ? cpd_manifest_parse (text, error) : NULL;
  g_autoptr(GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  if (manifest == NULL)
    return FALSE;
  if (!manifest->is_index)
    return fail (error, "index.json is no index");
  for (guint i = 0; i < manifest->entries->len; i++)
    {
      const CpdManifestEntry *entry = manifest->entries->pdata[i];
      const char *name = entry->name;

      if (!g_hash_table_add (seen, (gpointer) (name != NULL ? name : "")))
        continue;
      entry = choose (manifest, name, platform, error);
      if (entry == NULL || !read_oci_image (archive, entry, platform, images, error))
        {
          g_prefix_error (error, "image %s: ", name != NULL ? name : "without a name");
          return FALSE;
        }
    }
  return TRUE;
}

gboolean
cpd_image_archive_is_oci (CpdArchiveIndex *archive)
{
  return cpd_archive_index_has (archive, OCI_INDEX) && cpd_archive_index_has (archive, OCI_LAYOUT);
}

GPtrArray *
cpd_image_archive_read (CpdArchiveIndex *archive, const CpdPlatform *platform, GError **error)
{
  g_autoptr(GPtrArray) images = g_ptr_array_new_with_free_func (image_free);
  gboolean done;

  if (cpd_image_archive_is_oci (archive))
    done = read_oci (archive, platform, images, error);
  else if (cpd_archive_index_has (archive, DOCKER_MANIFEST))
    done = read_docker (archive, images, error);
  else
    {
      g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARCHIVE,
                           "it is no archive of images: it has neither index.json and oci-layout nor manifest.json");
      done = FALSE;
    }
  return done ? g_steal_pointer (&images) : NULL;
}
