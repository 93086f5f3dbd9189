/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storage/cpd-storage-private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "common/cpd-names.h"
#include "oci/cpd-digest.h"
#include "oci/cpd-manifest.h"
#include "public/cpod-error.h"
#include "store/cpd-store-operations.h"

#define INDEX_MAX_SIZE (64 * 1024 * 1024)
#define LINK_LENGTH 4           /* 500 of them fit into one mount option, see cpd-storage-overlay.c */
#define LINK_ATTEMPTS 1000

static gboolean
make_directories (CpdStorage *storage, GError **error)
{
  const char *const names[] = {
    "images/blobs/sha256", "overlay/layers", "overlay/l", "overlay/c", "overlay/tmp"
  };

  /* Images hold programs with set-id bits and anybody's secrets: nobody else looks in. */
  if (!cpd_fs_mkdir_p (storage->images, 0700, error) || !cpd_fs_mkdir_p (storage->overlay, 0700, error))
    return FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (storage->root, names[i], NULL);

      if (!cpd_fs_mkdir_p (path, 0700, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
make_layout (CpdStorage *storage, GError **error)
{
  g_autofree char *layout = g_build_filename (storage->images, "oci-layout", NULL);
  g_autofree char *image_index = g_build_filename (storage->images, "index.json", NULL);
  g_autofree char *text = cpd_manifest_layout ();

  if (!g_file_test (layout, G_FILE_TEST_EXISTS)
      && !cpd_fs_write_file (layout, text, -1, 0644, FALSE, error))
    return FALSE;
  return g_file_test (image_index, G_FILE_TEST_EXISTS) || cpd_storage_write_index (storage, error);
}

static gboolean
apply (CpdStorage *storage, const CpdStorageSettings *settings, GError **error)
{
  const char *options = settings != NULL ? settings->mount_options : NULL;

  if (!cpd_mount_options_parse (&storage->mount_options, options != NULL ? options : "", error))
    {
      g_prefix_error (error, "storage.options.overlay.mountopt: ");
      return FALSE;
    }
  return cpd_storage_choose_driver (storage, settings, error);
}

CpdStorage *
cpd_storage_open (CpdStore *store, const char *graph_root, const CpdStorageSettings *settings, GError **error)
{
  g_autoptr(CpdStorage) storage = g_new0 (CpdStorage, 1);

  g_atomic_ref_count_init (&storage->ref_count);
  g_mutex_init (&storage->lock);
  storage->pins = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  storage->store = cpd_store_ref (store);
  storage->root = g_canonicalize_filename (graph_root, NULL);
  storage->images = g_build_filename (storage->root, "images", NULL);
  storage->overlay = g_build_filename (storage->root, "overlay", NULL);
  if (!make_directories (storage, error) || !make_layout (storage, error) || !apply (storage, settings, error))
    {
      g_prefix_error (error, "failed to open the storage %s: ", storage->root);
      return NULL;
    }
  return g_steal_pointer (&storage);
}

CpdStorage *
cpd_storage_ref (CpdStorage *storage)
{
  g_atomic_ref_count_inc (&storage->ref_count);
  return storage;
}

void
cpd_storage_unref (CpdStorage *storage)
{
  if (storage == NULL || !g_atomic_ref_count_dec (&storage->ref_count))
    return;
  g_mutex_clear (&storage->lock);
  g_hash_table_unref (storage->pins);
  cpd_store_unref (storage->store);
  g_free (storage->root);
  g_free (storage->images);
  g_free (storage->overlay);
  g_free (storage->mount_program);
  g_free (storage->refusal);
  cpd_mount_options_clear (&storage->mount_options);
  g_free (storage);
}

const char *
cpd_storage_get_driver (CpdStorage *storage)
{
  return storage->driver->name;
}

const char *
cpd_storage_get_mount_program (CpdStorage *storage)
{
  return storage->driver == &cpd_storage_fuse ? storage->mount_program : NULL;
}

const char *
cpd_storage_get_refusal (CpdStorage *storage)
{
  return storage->refusal;
}

gboolean
cpd_storage_uses_metacopy (CpdStorage *storage)
{
  return storage->mount_options.metacopy;
}

gboolean
cpd_storage_uses_redirects (CpdStorage *storage)
{
  return storage->mount_options.redirect_dir;
}

char *
cpd_storage_blob_path (CpdStorage *storage, const char *digest)
{
  return g_build_filename (storage->images, "blobs", "sha256", cpd_digest_hex (digest), NULL);
}

char *
cpd_storage_layer_path (CpdStorage *storage, const char *chain_id)
{
  return g_build_filename (storage->overlay, "layers", cpd_digest_hex (chain_id), NULL);
}

char *
cpd_storage_link_path (CpdStorage *storage, const char *link)
{
  return g_build_filename (storage->overlay, "l", link, NULL);
}

char *
cpd_storage_tmp_path (CpdStorage *storage, const char *name)
{
  return g_build_filename (storage->overlay, "tmp", name, NULL);
}

char *
cpd_storage_link_target (const char *chain_id)
{
  return g_build_filename ("..", "layers", cpd_digest_hex (chain_id), "diff", NULL);
}

/* Makes a link to a layer under a short name that no other one has, and gives that name. */
char *
cpd_storage_make_link (CpdStorage *storage, const char *chain_id, GError **error)
{
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  g_autofree char *target = cpd_storage_link_target (chain_id);

  for (int i = 0; i < LINK_ATTEMPTS; i++)
    {
      g_autofree char *path = NULL;
      char name[LINK_LENGTH + 1] = "";
      guint8 bytes[LINK_LENGTH];

      if (getrandom (bytes, sizeof bytes, 0) != sizeof bytes)
        continue;
      for (int j = 0; j < LINK_LENGTH; j++)
        name[j] = letters[bytes[j] % 32];
      path = cpd_storage_link_path (storage, name);
      if (symlink (target, path) == 0)
        return g_strdup (name);
      if (errno != EEXIST)
        {
          cpd_set_error_errno (error, errno, "failed to make %s", path);
          return NULL;
        }
    }
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "there are too many layers");
  return NULL;
}

/* A power cut voids what is noted here; what it was about is then found on disk without a row. */
gboolean
cpd_storage_begin_operation (CpdStorage *storage, const char *kind, const char *object,
                             gint64 *number, GError **error)
{
  g_autoptr(CpdTransaction) tx = cpd_store_begin (storage->store, CPD_STORE_BOOT, error);

  return tx != NULL && cpd_store_add_operation (tx, kind, object, "", number, error)
         && cpd_transaction_commit (tx, error);
}

void
cpd_storage_end_operation (CpdStorage *storage, gint64 number)
{
  cpd_store_end_operation (storage->store, number);
}

void
cpd_storage_set_untidy_func (CpdStorage *storage, CpdUntidyFunc func, gpointer user_data)
{
  storage->untidy_func = func;
  storage->untidy_data = user_data;
}

void
cpd_storage_note_untidy (CpdStorage *storage)
{
  if (!g_atomic_int_exchange (&storage->untidy, TRUE) && storage->untidy_func != NULL)
    storage->untidy_func (storage->untidy_data);
}

/* The text of index.json: an entry for each name, or one without a name. */
char *
cpd_storage_make_index (CpdStorage *storage, GError **error)
{
  g_autoptr(GPtrArray) images = cpd_store_list_images (storage->store, error);
  g_autoptr(GArray) manifests = g_array_new (FALSE, FALSE, sizeof (CpdDescriptor));

  if (images == NULL)
    return NULL;
  for (guint i = 0; i < images->len; i++)
    {
      const CpdImageRow *image = images->pdata[i];
      CpdDescriptor entry = { CPD_MEDIA_TYPE_MANIFEST, image->digest, image->manifest_size, NULL };

      if (image->names == NULL || image->names[0] == NULL)
        g_array_append_val (manifests, entry);
      for (char **name = image->names; name != NULL && *name != NULL; name++)
        {
          entry.ref_name = *name;
          g_array_append_val (manifests, entry);
        }
      for (char **digest = image->digests; digest != NULL && *digest != NULL; digest++)
        {
          entry.ref_name = *digest;
          g_array_append_val (manifests, entry);
        }
    }
  return cpd_manifest_index ((const CpdDescriptor *) manifests->data, manifests->len);
}

gboolean
cpd_storage_write_index (CpdStorage *storage, GError **error)
{
  g_autofree char *path = g_build_filename (storage->images, "index.json", NULL);
  g_autofree char *text = cpd_storage_make_index (storage, error);
  g_autofree char *old = NULL;

  old = text != NULL ? cpd_fs_read_file (path, INDEX_MAX_SIZE, NULL) : NULL;
  if (old != NULL && strcmp (old, text) == 0)
    return TRUE;
  /* It is made anew from the rows after a power cut, so there is nothing to wait for. */
  if (text != NULL && cpd_fs_write_file (path, text, -1, 0644, FALSE, error))
    return TRUE;
  cpd_storage_note_untidy (storage);
  return FALSE;
}

GHashTable *
cpd_storage_used_blobs (CpdStorage *storage, GError **error)
{
  g_autoptr(GHashTable) used = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(GPtrArray) images = cpd_store_list_images (storage->store, error);
  g_autoptr(GPtrArray) layers = images != NULL ? cpd_store_list_layers (storage->store, error) : NULL;

  if (layers == NULL)
    return NULL;
  for (guint i = 0; i < images->len; i++)
    {
      const CpdImageRow *image = images->pdata[i];

      g_hash_table_add (used, g_strdup (image->digest));
      g_hash_table_add (used, g_strconcat (CPD_DIGEST_PREFIX, image->id, NULL));
      /* Its manifest, or the index that it is in, as it was where it came from. */
      for (char **digest = image->digests; *digest != NULL; digest++)
        g_hash_table_add (used, g_strdup (strchr (*digest, '@') + 1));
    }
  for (guint i = 0; i < layers->len; i++)
    g_hash_table_add (used, g_strdup (((const CpdLayerRow *) layers->pdata[i])->digest));
  return g_steal_pointer (&used);
}

void
cpd_storage_discard (CpdStorage *storage, const char *path, GPtrArray *trash)
{
  g_autofree char *id = cpd_id_generate ();
  g_autofree char *name = g_strconcat ("trash-", id, NULL);
  g_autofree char *target = cpd_storage_tmp_path (storage, name);

  g_autoptr(GError) error = NULL;

  if (rename (path, target) == 0)
    g_ptr_array_add (trash, g_steal_pointer (&target));
  else if (errno != ENOENT && !cpd_fs_remove_tree (path, &error))       /* another file system, perhaps */
    g_message ("%s", error->message);
}

/* What cannot be removed now is found again by cpd_storage_recover(). */
void
cpd_storage_empty_trash (GPtrArray *trash)
{
  for (guint i = 0; i < trash->len; i++)
    {
      g_autoptr(GError) error = NULL;

      if (!cpd_fs_remove_tree (trash->pdata[i], &error))
        g_message ("%s", error->message);
    }
}

void
cpd_storage_discard_layer (CpdStorage *storage, const CpdLayerRow *layer, GHashTable *used, GPtrArray *trash)
{
  g_autofree char *path = cpd_storage_layer_path (storage, layer->chain_id);
  g_autofree char *link_path = cpd_storage_link_path (storage, layer->link);
  g_autofree char *blob = cpd_storage_blob_path (storage, layer->digest);

  cpd_storage_discard (storage, path, trash);
  cpd_storage_discard (storage, link_path, trash);
  if (!g_hash_table_contains (used, layer->digest))
    cpd_storage_discard (storage, blob, trash);
}
