/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storage/cpd-storage-private.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "oci/cpd-digest.h"
#include "public/cpod-error.h"
#include "store/cpd-store-operations.h"

#define BLOB_MAX_SIZE (64 * 1024 * 1024)

static void
add_problem (GPtrArray *problems, const char *kind, const char *object, const char *text)
{
  g_ptr_array_add (problems, g_strdup_printf ("%s\t%s\t%s", kind, object, text));
}

static void
check_layer (CpdStorage *storage, const CpdLayerRow *layer, GPtrArray *problems)
{
  g_autofree char *path = cpd_storage_layer_path (storage, layer->chain_id);
  g_autofree char *diff = g_build_filename (path, "diff", NULL);
  g_autofree char *link_path = cpd_storage_link_path (storage, layer->link);
  g_autofree char *target = cpd_storage_link_target (layer->chain_id);
  g_autofree char *found = g_file_read_link (link_path, NULL);
  g_autofree char *blob = cpd_storage_blob_path (storage, layer->digest);
  struct stat info;

  if (!g_file_test (diff, G_FILE_TEST_IS_DIR))
    add_problem (problems, "layer", layer->chain_id, "its directory is missing");
  if (g_strcmp0 (found, target) != 0)
    add_problem (problems, "layer", layer->chain_id, "its link is missing or points elsewhere");
  if (stat (blob, &info) < 0)
    add_problem (problems, "layer", layer->chain_id, "its blob is missing");
  else if (info.st_size != layer->blob_size)
    add_problem (problems, "layer", layer->chain_id, "its blob has another size");
}

/* The small blobs are read: their contents must be what their names say. */
static void
check_text (CpdStorage *storage, const char *image_id, const char *what, const char *digest, GPtrArray *problems)
{
  g_autofree char *path = cpd_storage_blob_path (storage, digest);
  g_autofree char *text = cpd_fs_read_file (path, BLOB_MAX_SIZE, NULL);
  g_autofree char *found = text != NULL ? cpd_digest_of_text (text, -1) : NULL;
  g_autofree char *problem = g_strdup_printf ("the blob of its %s is %s", what, text != NULL ? "damaged" : "missing");

  if (g_strcmp0 (found, digest) != 0)
    add_problem (problems, "image", image_id, problem);
}

static void
check_image (CpdStorage *storage, const CpdImageRow *image, GPtrArray *problems)
{
  g_autofree char *config = g_strconcat (CPD_DIGEST_PREFIX, image->id, NULL);

  check_text (storage, image->id, "configuration", config, problems);
  check_text (storage, image->id, "manifest", image->digest, problems);
}

/* What operations under way have in overlay/tmp and among the blobs. */
static GHashTable *
operation_names (CpdStorage *storage, GError **error)
{
  g_autoptr(GHashTable) names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(GPtrArray) rows = cpd_store_list_operations (storage->store, error);

  if (rows == NULL)
    return NULL;
  for (guint i = 0; i < rows->len; i++)
    {
      const CpdOperationRow *row = rows->pdata[i];

      g_hash_table_add (names, g_strdup_printf ("%" G_GINT64_FORMAT, row->number));
      g_hash_table_add (names, g_strdup_printf (CPD_STORAGE_TMP_BLOB "%" G_GINT64_FORMAT, row->number));
    }
  return g_steal_pointer (&names);
}

static gboolean
check_unknown (CpdStorage *storage, const char *directory, const char *prefix, GHashTable *known,
               GHashTable *operations, GPtrArray *problems, GError **error)
{
  g_autofree char *parent = g_build_filename (storage->root, directory, NULL);
  g_autoptr(GPtrArray) names = cpd_fs_list_dir (parent, error);

  if (names == NULL)
    return FALSE;
  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *key = g_strconcat (prefix, names->pdata[i], NULL);
      g_autofree char *path = g_build_filename (parent, names->pdata[i], NULL);

      /* The rest of what was removed is on its way out. */
      if (g_hash_table_contains (known, key) || g_hash_table_contains (operations, names->pdata[i])
          || g_str_has_prefix (names->pdata[i], "trash-"))
        continue;
      add_problem (problems, "file", path, "nothing refers to it");
    }
  return TRUE;
}

static gboolean
check_index (CpdStorage *storage, GPtrArray *problems, GError **error)
{
  g_autofree char *path = g_build_filename (storage->images, "index.json", NULL);
  g_autofree char *text = cpd_storage_make_index (storage, error);
  g_autofree char *found = cpd_fs_read_file (path, BLOB_MAX_SIZE, NULL);

  if (text == NULL)
    return FALSE;
  if (g_strcmp0 (text, found) != 0)
    add_problem (problems, "file", path, "it does not list the images there are");
  return TRUE;
}

static gboolean
check_orphans (CpdStorage *storage, GPtrArray *layers, GPtrArray *problems, GError **error)
{
  g_autoptr(GHashTable) none = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr(GHashTable) chains = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr(GHashTable) links = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr(GHashTable) blobs = cpd_storage_used_blobs (storage, error);
  g_autoptr(GHashTable) operations = blobs != NULL ? operation_names (storage, error) : NULL;

  if (operations == NULL)
    return FALSE;
  for (guint i = 0; i < layers->len; i++)
    {
      g_hash_table_add (chains, ((CpdLayerRow *) layers->pdata[i])->chain_id);
      g_hash_table_add (links, ((CpdLayerRow *) layers->pdata[i])->link);
    }
  return check_unknown (storage, "overlay/tmp", "", none, operations, problems, error)
         && check_unknown (storage, "overlay/layers", CPD_DIGEST_PREFIX, chains, none, problems, error)
         && check_unknown (storage, "overlay/l", "", links, none, problems, error)
         && check_unknown (storage, "images/blobs/sha256", CPD_DIGEST_PREFIX, blobs, operations, problems, error);
}

gboolean
cpd_storage_check (CpdStorage *storage, GPtrArray *problems, GError **error)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&storage->lock);
  g_autoptr(GPtrArray) layers = cpd_store_list_layers (storage->store, error);
  g_autoptr(GPtrArray) images = layers != NULL ? cpd_store_list_images (storage->store, error) : NULL;
  g_autoptr(GPtrArray) unused = images != NULL ? cpd_storage_list_garbage (storage, error) : NULL;

  if (unused == NULL)
    return FALSE;
  for (guint i = 0; i < layers->len; i++)
    check_layer (storage, layers->pdata[i], problems);
  for (guint i = 0; i < images->len; i++)
    check_image (storage, images->pdata[i], problems);
  for (guint i = 0; i < unused->len; i++)
    add_problem (problems, "layer", ((CpdLayerRow *) unused->pdata[i])->chain_id, "no image has it");
  return check_orphans (storage, layers, problems, error) && check_index (storage, problems, error);
}
