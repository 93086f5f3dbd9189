/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storage/cpd-storage-private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "oci/cpd-digest.h"
#include "public/cpod-error.h"
#include "store/cpd-store-operations.h"

/* Layers whose image was removed just before the end came. */
static gboolean
forget_unused_layers (CpdStorage *storage, GError **error)
{
  g_autoptr(GPtrArray) layers = cpd_store_list_unused_layers (storage->store, error);
  g_autoptr(CpdTransaction) tx = NULL;

  if (layers == NULL)
    return FALSE;
  if (layers->len == 0)
    return TRUE;
  tx = cpd_store_begin (storage->store, CPD_STORE_DURABLE, error);
  if (tx == NULL)
    return FALSE;
  for (guint i = 0; i < layers->len; i++)
    if (!cpd_store_delete_layer (tx, ((const CpdLayerRow *) layers->pdata[i])->chain_id, error))
      return FALSE;
  return cpd_transaction_commit (tx, error);
}

/* Removes all in DIRECTORY whose name, with PREFIX before it, is not in KNOWN. */
static gboolean
remove_unknown (CpdStorage *storage, const char *directory, const char *prefix, GHashTable *known, GError **error)
{
  g_autofree char *parent = g_build_filename (storage->root, directory, NULL);
  g_autoptr(GPtrArray) names = cpd_fs_list_dir (parent, error);

  if (names == NULL)
    return FALSE;
  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *key = g_strconcat (prefix, names->pdata[i], NULL);
      g_autofree char *path = g_build_filename (parent, names->pdata[i], NULL);
      g_autoptr(GError) failure = NULL;

      if (known != NULL && g_hash_table_contains (known, key))
        continue;
      /* One that cannot be removed must not keep the service from starting; the check will show it. */
      if (!cpd_fs_remove_tree (path, &failure))
        g_message ("failed to remove what nothing refers to: %s", failure->message);
    }
  return TRUE;
}

/* Makes links anew that are missing; a layer without one cannot be mounted. */
static void
restore_link (CpdStorage *storage, const CpdLayerRow *layer)
{
  g_autofree char *path = cpd_storage_link_path (storage, layer->link);
  g_autofree char *target = cpd_storage_link_target (layer->chain_id);

  if (symlink (target, path) < 0 && errno != EEXIST)
    g_message ("failed to make %s: %s", path, g_strerror (errno));
}

static gboolean
remove_orphans (CpdStorage *storage, GError **error)
{
  g_autoptr(GHashTable) chains = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr(GHashTable) links = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr(GPtrArray) layers = cpd_store_list_layers (storage->store, error);
  g_autoptr(GHashTable) blobs = layers != NULL ? cpd_storage_used_blobs (storage, error) : NULL;

  if (blobs == NULL)
    return FALSE;
  for (guint i = 0; i < layers->len; i++)
    {
      const CpdLayerRow *layer = layers->pdata[i];

      g_hash_table_add (chains, layer->chain_id);
      g_hash_table_add (links, layer->link);
      restore_link (storage, layer);
    }
  return remove_unknown (storage, "overlay/tmp", "", NULL, error)
         && remove_unknown (storage, "overlay/layers", CPD_DIGEST_PREFIX, chains, error)
         && remove_unknown (storage, "overlay/l", "", links, error)
         && remove_unknown (storage, "images/blobs/sha256", CPD_DIGEST_PREFIX, blobs, error);
}

static gboolean
forget_operations (CpdStorage *storage, GError **error)
{
  g_autoptr(GPtrArray) rows = cpd_store_list_operations (storage->store, error);

  if (rows == NULL)
    return FALSE;
  for (guint i = 0; i < rows->len; i++)
    {
      const CpdOperationRow *row = rows->pdata[i];

      if (strcmp (row->kind, CPD_STORAGE_PULL) != 0 && strcmp (row->kind, CPD_STORAGE_PUSH) != 0
          && strcmp (row->kind, CPD_STORAGE_REMOVE_IMAGE) != 0)
        continue;
      cpd_storage_end_operation (storage, row->number);
    }
  return TRUE;
}

/*
 * A pull (or import, load, commit) that was not committed leaves only files that no row speaks of,
 * one that was leaves nothing but an old index. A removal that was not
 * committed has done nothing yet; one that was leaves unused layers and files
 * that no row speaks of. So comparing is all that is to be done, and it finds
 * what a power cut made of either as well.
 */
gboolean
cpd_storage_recover (CpdStorage *storage, GError **error)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&storage->lock);

  if (forget_unused_layers (storage, error) && remove_orphans (storage, error)
      && cpd_storage_write_index (storage, error) && forget_operations (storage, error))
    return TRUE;
  g_prefix_error (error, "failed to recover the storage %s: ", storage->root);
  return FALSE;
}

/* Rows of layers that nobody needs, and an index that lags behind. */
gboolean
cpd_storage_tidy (CpdStorage *storage, GError **error)
{
  g_autoptr(GPtrArray) trash = g_ptr_array_new_with_free_func (g_free);
  gboolean tidy;

  g_mutex_lock (&storage->lock);
  tidy = cpd_storage_collect_layers (storage, 0, trash, error) && cpd_storage_write_index (storage, error);
  if (tidy)
    g_atomic_int_set (&storage->untidy, FALSE);
  g_mutex_unlock (&storage->lock);
  cpd_storage_empty_trash (trash);
  return tidy;
}
