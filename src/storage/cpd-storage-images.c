/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storage/cpd-storage-private.h"

#include <string.h>

#include "common/cpd-fault.h"
#include "common/cpd-fs.h"
#include "common/cpd-names.h"
#include "oci/cpd-digest.h"
#include "oci/cpd-reference.h"
#include "public/cpod-error.h"
#include "store/cpd-grant.h"
#include "store/cpd-store-events.h"
#include "store/cpd-store-mounts.h"
#include "store/cpd-store-operations.h"

#define MANIFEST_MAX (8 * 1024 * 1024)

/* The image with the name, and that name in FULL_NAME; NULL without an error when there is none. */
static CpdImageRow *
find_by_name (CpdStorage *storage, char **candidates, char **full_name, GError **error)
{
  for (; *candidates != NULL; candidates++)
    {
      g_autoptr(GError) failure = NULL;
      g_autofree char *name = cpd_reference_pullable (*candidates);
      CpdImageRow *row = cpd_store_get_image_by_name (storage->store, name, &failure);

      if (row != NULL)
        {
          *full_name = g_steal_pointer (&name);
          return row;
        }
      if (failure != NULL)
        {
          g_propagate_error (error, g_steal_pointer (&failure));
          return NULL;
        }
    }
  return NULL;
}

/* An exact name wins over an id. FULL_NAME is left alone when it is found by its id. */
static CpdImageRow *
find_image (CpdStorage *storage, const char *name_or_id, char **full_name, GError **error)
{
  const char *id = g_str_has_prefix (name_or_id, CPD_DIGEST_PREFIX) ? cpd_digest_hex (name_or_id) : name_or_id;
  gboolean may_be_id = cpd_id_is_prefix (id);
  g_autoptr(GError) failure = NULL;
  g_auto(GStrv) candidates = cpd_reference_candidates (name_or_id, &failure);
  CpdImageRow *row = NULL;

  if (candidates == NULL && !may_be_id)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return NULL;
    }
  g_clear_error (&failure);
  if (candidates != NULL)
    row = find_by_name (storage, candidates, full_name, &failure);
  if (row != NULL)
    return row;
  if (failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return NULL;
    }
  if (may_be_id)
    return cpd_store_get_image_by_prefix (storage->store, id, error);
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_IMAGE, "no image with name or id '%s'", name_or_id);
  return NULL;
}

CpdImageRow *
cpd_storage_find_image (CpdStorage *storage, const char *name_or_id, GError **error)
{
  g_autofree char *full_name = NULL;

  return find_image (storage, name_or_id, &full_name, error);
}

char **
cpd_storage_list_layer_dirs (CpdStorage *storage, const char *id, GError **error)
{
  g_autoptr(GPtrArray) layers = cpd_store_list_image_layers (storage->store, id, error);
  g_autoptr(GStrvBuilder) paths = g_strv_builder_new ();

  if (layers == NULL)
    return NULL;
  for (guint i = layers->len; i > 0; i--)
    {
      g_autofree char *layer = cpd_storage_layer_path (storage, ((const CpdLayerRow *) layers->pdata[i - 1])->chain_id);
      g_autofree char *path = g_build_filename (layer, "diff", NULL);

      g_strv_builder_add (paths, path);
    }
  return g_strv_builder_end (paths);
}

char *
cpd_storage_read_manifest (CpdStorage *storage, const char *digest, GError **error)
{
  g_autofree char *path = cpd_storage_blob_path (storage, digest);

  return cpd_fs_read_file (path, MANIFEST_MAX, error);
}

static gboolean
untag (CpdTransaction *tx, const CpdImageRow *image, const char *name, const CpdCaller *caller, GError **error)
{
  return cpd_store_untag_image (tx, name, error)
         && cpd_store_add_event (tx, "image", "untag", image->id, name, NULL, caller, error);
}

/* Takes one of several names away. */
static gboolean
remove_name (CpdStorage *storage, const CpdImageRow *image, const char *name, const CpdCaller *caller,
             GPtrArray *trash, GError **error)
{
  const char *const names[] = { name, NULL };
  g_autoptr(GPtrArray) losers = cpd_storage_list_losers (storage, names, NULL);
  g_autoptr(CpdTransaction) tx = cpd_store_begin (storage->store, CPD_STORE_DURABLE, error);

  if (tx == NULL || !untag (tx, image, name, caller, error) || !cpd_transaction_commit (tx, error))
    return FALSE;
  cpd_storage_discard_lost (storage, losers, trash);
  return TRUE;
}

static gboolean
refuse_mounted (const CpdImageRow *image, GError **error)
{
  g_autofree char *names = g_strjoinv (", ", image->names);

  g_set_error (error, CPOD_ERROR, CPOD_ERROR_IMAGE_IN_USE, "image %s (%s) is mounted: unmount it first, or force",
               image->id, names);
  return FALSE;
}

/* A mount is recorded only of an image that is there. */
static gboolean
check_unmounted (CpdTransaction *tx, const CpdImageRow *image, GError **error)
{
  gboolean mounted;

  return cpd_store_is_mounted (tx, image->id, &mounted, error) && (!mounted || refuse_mounted (image, error));
}

static gboolean
remove_rows (CpdStorage *storage, const CpdImageRow *image, const CpdCaller *caller, GError **error)
{
  g_autoptr(CpdTransaction) tx = cpd_store_begin (storage->store, CPD_STORE_DURABLE, error);
  const char *last = image->names[0] != NULL ? image->names[0] : "";

  if (tx == NULL || !check_unmounted (tx, image, error))
    return FALSE;
  for (char **name = image->names; *name != NULL; name++)
    if (!untag (tx, image, *name, caller, error))
      return FALSE;
  return cpd_store_delete_image (tx, image->id, error)
         && cpd_store_add_event (tx, "image", "remove", image->id, last, NULL, caller, error)
         && cpd_transaction_commit (tx, error);
}

/* Deletes the rows of LAYERS, and that of the operation. */
static gboolean
remove_layer_rows (CpdStorage *storage, GPtrArray *layers, gint64 number, GError **error)
{
  g_autoptr(CpdTransaction) tx = cpd_store_begin (storage->store, CPD_STORE_DURABLE, error);

  if (tx == NULL)
    return FALSE;
  for (guint i = 0; i < layers->len; i++)
    if (!cpd_store_delete_layer (tx, ((const CpdLayerRow *) layers->pdata[i])->chain_id, error))
      return FALSE;
  return cpd_store_delete_operation (tx, number, error) && cpd_transaction_commit (tx, error);
}

void
cpd_storage_pin_layer (CpdStorage *storage, const char *chain_id)
{
  guint n = GPOINTER_TO_UINT (g_hash_table_lookup (storage->pins, chain_id));

  g_hash_table_replace (storage->pins, g_strdup (chain_id), GUINT_TO_POINTER (n + 1));
}

void
cpd_storage_unpin_layer (CpdStorage *storage, const char *chain_id)
{
  guint n = GPOINTER_TO_UINT (g_hash_table_lookup (storage->pins, chain_id));

  if (n > 1)
    g_hash_table_replace (storage->pins, g_strdup (chain_id), GUINT_TO_POINTER (n - 1));
  else
    g_hash_table_remove (storage->pins, chain_id);
}

GPtrArray *
cpd_storage_list_garbage (CpdStorage *storage, GError **error)
{
  g_autoptr(GPtrArray) layers = cpd_store_list_unused_layers (storage->store, error);

  for (guint i = layers != NULL ? layers->len : 0; i > 0; i--)
    if (g_hash_table_contains (storage->pins, ((const CpdLayerRow *) layers->pdata[i - 1])->chain_id))
      g_ptr_array_remove_index (layers, i - 1);
  return g_steal_pointer (&layers);
}

/* Deletes the rows of layers that nobody needs, ends operation NUMBER with it, and moves their files out of sight. */
gboolean
cpd_storage_collect_layers (CpdStorage *storage, gint64 number, GPtrArray *trash, GError **error)
{
  g_autoptr(GPtrArray) layers = cpd_storage_list_garbage (storage, error);
  g_autoptr(GHashTable) used = NULL;

  if (layers != NULL && layers->len == 0 && number == 0)
    return TRUE;
  if (layers == NULL || !remove_layer_rows (storage, layers, number, error))
    {
      cpd_storage_note_untidy (storage);
      return FALSE;
    }
  used = layers->len > 0 ? cpd_storage_used_blobs (storage, error) : NULL;
  if (used == NULL)
    return layers->len == 0;
  for (guint i = 0; i < layers->len; i++)
    cpd_storage_discard_layer (storage, layers->pdata[i], used, trash);
  return TRUE;
}

/* Moves out of sight what the image alone had; its row is gone. */
static gboolean
discard_image (CpdStorage *storage, const CpdImageRow *image, gint64 number, GPtrArray *trash, GError **error)
{
  g_autofree char *config = g_strconcat (CPD_DIGEST_PREFIX, image->id, NULL);
  g_autofree char *config_path = cpd_storage_blob_path (storage, config);
  g_autofree char *manifest_path = cpd_storage_blob_path (storage, image->digest);
  g_autoptr(GHashTable) used = NULL;

  used = cpd_storage_used_blobs (storage, error);
  if (used == NULL)
    return FALSE;
  if (!g_hash_table_contains (used, config))
    cpd_storage_discard (storage, config_path, trash);
  if (!g_hash_table_contains (used, image->digest))
    cpd_storage_discard (storage, manifest_path, trash);
  for (char **digest = image->digests; *digest != NULL; digest++)
    {
      const char *kept = strchr (*digest, '@') + 1;
      g_autofree char *kept_path = cpd_storage_blob_path (storage, kept);

      if (!g_hash_table_contains (used, kept))
        cpd_storage_discard (storage, kept_path, trash);
    }
  return cpd_storage_collect_layers (storage, number, trash, error);
}

static gboolean
remove_image (CpdStorage *storage, const CpdImageRow *image, const CpdCaller *caller, GPtrArray *trash, GError **error)
{
  g_autoptr(GError) failure = NULL;
  gint64 number;

  if (!cpd_storage_begin_operation (storage, CPD_STORAGE_REMOVE_IMAGE, image->id, &number, error))
    return FALSE;
  cpd_fault_point ("remove-image.intent");
  if (!remove_rows (storage, image, caller, error))
    {
      cpd_storage_end_operation (storage, number);
      return FALSE;
    }
  cpd_fault_point ("remove-image.committed");
  /* The image is gone for everybody; should this fail, it is finished later. */
  if (discard_image (storage, image, number, trash, &failure))
    return TRUE;
  g_message ("failed to clear image %s away: %s", image->id, failure->message);
  cpd_storage_end_operation (storage, number);
  return TRUE;
}

/* Writable layers over the image; also those of containers that the store does not know, or not yet. */
static guint
count_layers_over (CpdStorage *storage, const char *image_id)
{
  g_autoptr(GPtrArray) ids = cpd_storage_list_rw (storage, NULL);
  guint count = 0;

  for (guint i = 0; ids != NULL && i < ids->len; i++)
    {
      g_autofree char *image = cpd_storage_get_rw_image (storage, ids->pdata[i]);

      count += g_strcmp0 (image, image_id) == 0;
    }
  return count;
}

static guint
count_users (CpdStorage *storage, const char *image_id)
{
  guint known = cpd_store_count_image_users (storage->store, image_id);

  return known > 0 ? known : count_layers_over (storage, image_id);
}

/* Whether all names are meant, and so the image. */
static gboolean
means_all (const CpdImageRow *image, const char *full_name, CpdRemoveImageFlags flags, gboolean *all, GError **error)
{
  guint n_names = g_strv_length (image->names);

  if ((flags & CPD_REMOVE_IMAGE_IF_NAMELESS) != 0 && (n_names > 0 || *image->digests != NULL))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_IMAGE_IN_USE, "image %s was given a name", image->id);
      return FALSE;
    }
  *all = (flags & CPD_REMOVE_IMAGE_ALL_NAMES) != 0 || full_name == NULL || n_names <= 1;
  if (full_name == NULL && n_names > 1 && flags == 0)
    {
      g_autofree char *names = g_strjoinv (", ", image->names);

      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                   "image %s has several names (%s): give one of them, or force", image->id, names);
      return FALSE;
    }
  return TRUE;
}

static gboolean
check_removal (CpdStorage *storage, const CpdImageRow *image, const char *full_name, CpdRemoveImageFlags flags,
               gboolean *all, GError **error)
{
  g_autofree char *names = g_strjoinv (", ", image->names);
  guint users, mounts = 0;

  if (!means_all (image, full_name, flags, all, error)
      || (*all && !cpd_store_get_mounts (storage->store, image->id, &mounts, error)))
    return FALSE;
  if (mounts > 0)
    return refuse_mounted (image, error);
  users = *all ? count_users (storage, image->id) : 0;
  if (users == 0)
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_IMAGE_IN_USE, "image %s (%s) is used by %u container%s",
               image->id, names, users, users == 1 ? "" : "s");
  return FALSE;
}

CpdImageRow *
cpd_storage_find_deletion (CpdStorage *storage, const char *name_or_id, CpdRemoveImageFlags flags, GError **error)
{
  g_autofree char *full_name = NULL;
  g_autoptr(CpdImageRow) image = find_image (storage, name_or_id, &full_name, error);
  gboolean all = FALSE;

  if (image == NULL || !means_all (image, full_name, flags, &all, error))
    return NULL;
  return all ? g_steal_pointer (&image) : NULL;
}

static gboolean
remove_locked (CpdStorage *storage, const char *name_or_id, CpdRemoveImageFlags flags, const CpdCaller *caller,
               char ***untagged, char **deleted, GPtrArray *trash, GError **error)
{
  g_autofree char *full_name = NULL;
  g_autoptr(CpdImageRow) image = find_image (storage, name_or_id, &full_name, error);
  g_autoptr(GError) failure = NULL;
  gboolean all;

  if (image == NULL || !cpd_grant_check_image (caller->grant, name_or_id, image->id, error)
      || !check_removal (storage, image, full_name, flags, &all, error))
    return FALSE;
  if (all ? !remove_image (storage, image, caller, trash, error)
          : !remove_name (storage, image, full_name, caller, trash, error))
    {
      g_prefix_error (error, "failed to remove image %s: ", name_or_id);
      return FALSE;
    }
  if (!cpd_storage_write_index (storage, &failure))
    g_message ("failed to write the index of images: %s", failure->message);

  if (all)
    *untagged = g_steal_pointer (&image->names);
  else
    {
      *untagged = g_new0 (char *, 2);
      (*untagged)[0] = g_steal_pointer (&full_name);
    }
  *deleted = g_strdup (all ? image->id : "");
  return TRUE;
}

gboolean
cpd_storage_remove_image (CpdStorage *storage, const char *name_or_id, CpdRemoveImageFlags flags,
                          const CpdCaller *caller, char ***untagged, char **deleted, GError **error)
{
  g_autoptr(GPtrArray) trash = g_ptr_array_new_with_free_func (g_free);
  gboolean done;

  g_mutex_lock (&storage->lock);
  done = remove_locked (storage, name_or_id, flags, caller, untagged, deleted, trash, error);
  g_mutex_unlock (&storage->lock);
  cpd_storage_empty_trash (trash);      /* which may take its time */
  return done;
}
