/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storage/cpd-storage-private.h"

#include <fts.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cpd-clock.h"
#include "common/cpd-fs.h"
#include "common/cpd-json.h"
#include "oci/cpd-digest.h"
#include "public/cpod-error.h"
#include "storage/cpd-storage-rebuild.h"

#define TEXT_MAX_SIZE (64 * 1024 * 1024)
#define ANNOTATION_REF_NAME "org.opencontainers.image.ref.name"

/* An image as its blobs tell of it. */
typedef struct
{
  CpdImageRow *row;             /* (owned) */
  GPtrArray *layers;            /* (owned): CpdLayerRow, lowest first */
} Found;

static void
found_clear (Found *found)
{
  g_clear_pointer (&found->row, cpd_image_row_free);
  g_clear_pointer (&found->layers, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Found, found_clear)

static gboolean
fail (GError **error, const char *what)
{
  g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_FAILED, what);
  return FALSE;
}

/* A text blob that is what its name says, as an object. */
static JsonNode *
read_blob (CpdStorage *storage, const char *digest, char **text, GError **error)
{
  g_autofree char *path = NULL, *actual = NULL;
  g_autoptr(JsonNode) node = NULL;

  if (digest == NULL || !cpd_digest_check (digest, error))
    {
      if (digest == NULL)
        fail (error, "a digest is missing");
      return NULL;
    }
  path = cpd_storage_blob_path (storage, digest);
  *text = cpd_fs_read_file (path, TEXT_MAX_SIZE, error);
  if (*text == NULL)
    return NULL;
  actual = cpd_digest_of_text (*text, -1);
  if (strcmp (actual, digest) != 0)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "the blob %s is damaged", digest);
      return NULL;
    }
  node = cpd_json_parse (*text, -1, error);
  if (node == NULL)
    return NULL;
  if (JSON_NODE_HOLDS_OBJECT (node))
    return g_steal_pointer (&node);
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "the blob %s is no object", digest);
  return NULL;
}

/* Bytes of all files; one with several names counts once, as in its archive. */
static gint64
measure (const char *path)
{
  char *const paths[] = { (char *) path, NULL };
  g_autoptr(GHashTable) seen = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  FTS *tree = fts_open (paths, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
  gint64 size = 0;
  FTSENT *entry;

  while (tree != NULL && (entry = fts_read (tree)) != NULL)
    {
      gint64 inode;

      if (entry->fts_info != FTS_F)
        continue;
      inode = (gint64) entry->fts_statp->st_ino;
      if (entry->fts_statp->st_nlink == 1 || g_hash_table_add (seen, g_memdup2 (&inode, sizeof inode)))
        size += entry->fts_statp->st_size;
    }
  if (tree != NULL)
    fts_close (tree);
  return size;
}

/* The short name of a layer: of the link that points to it, else a new one. */
static char *
find_link (CpdStorage *storage, const char *chain_id)
{
  g_autofree char *wanted = cpd_storage_link_target (chain_id);
  g_autofree char *directory = cpd_storage_link_path (storage, "");
  g_autoptr(GPtrArray) names = cpd_fs_list_dir (directory, NULL);

  for (guint i = 0; names != NULL && i < names->len; i++)
    {
      g_autofree char *path = cpd_storage_link_path (storage, names->pdata[i]);
      g_autofree char *target = g_file_read_link (path, NULL);

      if (g_strcmp0 (target, wanted) == 0)
        return g_strdup (names->pdata[i]);
    }
  return cpd_storage_make_link (storage, chain_id, NULL);
}

static CpdLayerRow *
read_layer (CpdStorage *storage, JsonObject *descriptor, const char *diff_id, const char *parent, GError **error)
{
  const char *digest = cpd_json_get_string (descriptor, "digest");
  g_autoptr(CpdLayerRow) row = g_new0 (CpdLayerRow, 1);
  g_autofree char *path = NULL, *diff = NULL, *blob = NULL;

  if (digest == NULL)
    {
      fail (error, "its manifest names a layer without a digest");
      return NULL;
    }
  if (!cpd_digest_check (digest, error) || !cpd_digest_check (diff_id, error))
    return NULL;
  row->chain_id = cpd_digest_chain_id (parent, diff_id);
  path = cpd_storage_layer_path (storage, row->chain_id);
  diff = g_build_filename (path, "diff", NULL);
  blob = cpd_storage_blob_path (storage, digest);
  if (!g_file_test (diff, G_FILE_TEST_IS_DIR) || !g_file_test (blob, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "its layer %s is missing", row->chain_id);
      return NULL;
    }
  row->parent = g_strdup (parent != NULL ? parent : "");
  row->diff_id = g_strdup (diff_id);
  row->digest = g_strdup (digest);
  row->media_type = g_strdup (cpd_json_get_string (descriptor, "mediaType"));
  row->blob_size = cpd_json_get_int (descriptor, "size");
  row->link = find_link (storage, row->chain_id);
  if (row->media_type == NULL || row->link == NULL)
    {
      fail (error, "its layer cannot be described");
      return NULL;
    }
  row->size = measure (diff);
  return g_steal_pointer (&row);
}

static gboolean
read_layers (CpdStorage *storage, JsonArray *descriptors, char **diff_ids, Found *found, GError **error)
{
  const char *parent = NULL;

  if (descriptors == NULL || diff_ids == NULL || *diff_ids == NULL
      || json_array_get_length (descriptors) != g_strv_length (diff_ids))
    return fail (error, "its manifest and its configuration tell of different layers");
  for (guint i = 0; diff_ids[i] != NULL; i++)
    {
      JsonNode *node = json_array_get_element (descriptors, i);
      CpdLayerRow *layer;

      if (!JSON_NODE_HOLDS_OBJECT (node))
        return fail (error, "its manifest is damaged");
      layer = read_layer (storage, json_node_get_object (node), diff_ids[i], parent, error);
      if (layer == NULL)
        return FALSE;
      g_ptr_array_add (found->layers, layer);
      found->row->size += layer->size;
      parent = layer->chain_id;
    }
  found->row->top_layer = g_strdup (parent);
  return TRUE;
}

static gboolean
read_image (CpdStorage *storage, const char *digest, Found *found, GError **error)
{
  g_autofree char *text = NULL, *config_text = NULL;
  g_autoptr(JsonNode) manifest = read_blob (storage, digest, &text, error);
  g_autoptr(JsonNode) config = NULL;
  g_auto(GStrv) diff_ids = NULL;
  JsonObject *descriptor, *rootfs;
  const char *config_digest, *created;

  if (manifest == NULL)
    return FALSE;
  descriptor = cpd_json_get_object (json_node_get_object (manifest), "config");
  config_digest = descriptor != NULL ? cpd_json_get_string (descriptor, "digest") : NULL;
  config = read_blob (storage, config_digest, &config_text, error);
  if (config == NULL)
    return FALSE;
  found->layers = g_ptr_array_new_with_free_func ((GDestroyNotify) cpd_layer_row_free);
  found->row = g_new0 (CpdImageRow, 1);
  found->row->id = g_strdup (cpd_digest_hex (config_digest));
  found->row->digest = g_strdup (digest);
  found->row->manifest_size = (gint64) strlen (text);
  created = cpd_json_get_string (json_node_get_object (config), "created");
  found->row->created = created != NULL ? cpd_clock_parse (created) : 0;
  rootfs = cpd_json_get_object (json_node_get_object (config), "rootfs");
  diff_ids = rootfs != NULL ? cpd_json_get_strv (rootfs, "diff_ids") : NULL;
  found->row->config = g_steal_pointer (&config_text);
  return read_layers (storage, cpd_json_get_array (json_node_get_object (manifest), "layers"), diff_ids,
                      found, error);
}

static gboolean
write_rows (CpdStorage *storage, const Found *found, GError **error)
{
  g_autoptr(GPtrArray) chain_ids = g_ptr_array_new ();
  g_autoptr(CpdTransaction) tx = NULL;
  g_autoptr(GHashTable) known = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr(GPtrArray) layers = cpd_store_list_layers (storage->store, error);

  tx = layers != NULL ? cpd_store_begin (storage->store, CPD_STORE_DURABLE, error) : NULL;
  if (tx == NULL)
    return FALSE;
  for (guint i = 0; i < layers->len; i++)
    g_hash_table_add (known, ((CpdLayerRow *) layers->pdata[i])->chain_id);
  for (guint i = 0; i < found->layers->len; i++)
    {
      const CpdLayerRow *layer = found->layers->pdata[i];

      g_ptr_array_add (chain_ids, layer->chain_id);
      if (!g_hash_table_contains (known, layer->chain_id) && !cpd_store_add_layer (tx, layer, error))
        return FALSE;
    }
  g_ptr_array_add (chain_ids, NULL);
  return cpd_store_add_image (tx, found->row, (const char *const *) chain_ids->pdata, error)
         && cpd_transaction_commit (tx, error);
}

/* The id of the image whose manifest is DIGEST, which has rows afterwards. */
static char *
rebuild_image (CpdStorage *storage, const char *digest, guint *rebuilt, GError **error)
{
  g_autoptr(GPtrArray) images = cpd_store_list_images (storage->store, error);
  g_auto(Found) found = { 0 };

  if (images == NULL)
    return NULL;
  for (guint i = 0; i < images->len; i++)
    {
      const CpdImageRow *image = images->pdata[i];

      if (strcmp (image->digest, digest) == 0)
        return g_strdup (image->id);
    }
  if (!read_image (storage, digest, &found, error) || !write_rows (storage, &found, error))
    return NULL;
  (*rebuilt)++;
  return g_strdup (found.row->id);
}

static gboolean
tag (CpdStorage *storage, const char *name, const char *id, GError **error)
{
  g_autoptr(CpdTransaction) tx = cpd_store_begin (storage->store, CPD_STORE_DURABLE, error);

  return tx != NULL && cpd_store_tag_image (tx, name, id, error) && cpd_transaction_commit (tx, error);
}

static void
rebuild_entry (CpdStorage *storage, const char *digest, const char *name, guint *rebuilt, GPtrArray *lost)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *id = rebuild_image (storage, digest, rebuilt, &error);

  if (id != NULL && (name == NULL || tag (storage, name, id, &error)))
    return;
  g_ptr_array_add (lost, g_strdup_printf ("image %s cannot be rebuilt: %s", name != NULL ? name : digest,
                                          error->message));
}

/* Every small blob that is a manifest. */
static void
rebuild_from_blobs (CpdStorage *storage, guint *rebuilt, GPtrArray *lost)
{
  g_autofree char *directory = g_build_filename (storage->images, "blobs", "sha256", NULL);
  g_autoptr(GPtrArray) names = cpd_fs_list_dir (directory, NULL);

  for (guint i = 0; names != NULL && i < names->len; i++)
    {
      g_autofree char *digest = g_strconcat (CPD_DIGEST_PREFIX, names->pdata[i], NULL);
      g_autofree char *path = g_build_filename (directory, names->pdata[i], NULL);
      g_autofree char *text = NULL;
      g_autoptr(JsonNode) node = NULL;
      struct stat info;

      if (!cpd_digest_check (digest, NULL) || stat (path, &info) < 0 || info.st_size > 4 * 1024 * 1024)
        continue;
      node = read_blob (storage, digest, &text, NULL);
      if (node != NULL && cpd_json_get_array (json_node_get_object (node), "layers") != NULL
          && cpd_json_get_object (json_node_get_object (node), "config") != NULL)
        rebuild_entry (storage, digest, NULL, rebuilt, lost);
    }
}

static JsonNode *
read_index (CpdStorage *storage)
{
  g_autofree char *path = g_build_filename (storage->images, "index.json", NULL);
  g_autofree char *text = cpd_fs_read_file (path, TEXT_MAX_SIZE, NULL);
  g_autoptr(JsonNode) node = text != NULL ? cpd_json_parse (text, -1, NULL) : NULL;

  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node)
      || cpd_json_get_array (json_node_get_object (node), "manifests") == NULL)
    return NULL;
  return g_steal_pointer (&node);
}

/* Images that were removed since the backup was made: their files are gone. */
static gboolean
forget_removed (CpdStorage *storage, GError **error)
{
  g_autoptr(GPtrArray) images = cpd_store_list_images (storage->store, error);
  g_autoptr(CpdTransaction) tx = images != NULL ? cpd_store_begin (storage->store, CPD_STORE_DURABLE, error) : NULL;

  if (tx == NULL)
    return FALSE;
  for (guint i = 0; i < images->len; i++)
    {
      const CpdImageRow *image = images->pdata[i];
      g_autofree char *path = cpd_storage_blob_path (storage, image->digest);

      if (image->containers == 0 && !g_file_test (path, G_FILE_TEST_EXISTS)
          && !cpd_store_delete_image (tx, image->id, error))
        return FALSE;
    }
  return cpd_transaction_commit (tx, error);
}

/*
 * Brings the rows of images and layers up to date from the image layout,
 * which was written after the rows were. LOST gets a line for each image that
 * could not be rebuilt.
 */
gboolean
cpd_storage_rebuild (CpdStorage *storage, guint *rebuilt, GPtrArray *lost, GError **error)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&storage->lock);
  g_autoptr(JsonNode) node = read_index (storage);
  JsonArray *manifests;

  *rebuilt = 0;
  if (!forget_removed (storage, error))
    return FALSE;
  /* One that was written anew for an empty database has nothing in it. */
  if (node == NULL
      || json_array_get_length (cpd_json_get_array (json_node_get_object (node), "manifests")) == 0)
    {
      rebuild_from_blobs (storage, rebuilt, lost);
      return TRUE;
    }
  manifests = cpd_json_get_array (json_node_get_object (node), "manifests");
  for (guint i = 0; i < json_array_get_length (manifests); i++)
    {
      JsonNode *entry = json_array_get_element (manifests, i);
      JsonObject *object = JSON_NODE_HOLDS_OBJECT (entry) ? json_node_get_object (entry) : NULL;
      JsonObject *annotations = object != NULL ? cpd_json_get_object (object, "annotations") : NULL;
      const char *digest = object != NULL ? cpd_json_get_string (object, "digest") : NULL;

      if (digest != NULL)
        rebuild_entry (storage, digest,
                       annotations != NULL ? cpd_json_get_string (annotations, ANNOTATION_REF_NAME) : NULL,
                       rebuilt, lost);
    }
  return TRUE;
}
