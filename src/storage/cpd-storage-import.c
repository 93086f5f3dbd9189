/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storage/cpd-storage-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-clock.h"
#include "common/cpd-fault.h"
#include "common/cpd-fs.h"
#include "common/cpd-json.h"
#include "oci/cpd-digest.h"
#include "oci/cpd-layer.h"
#include "oci/cpd-manifest.h"
#include "oci/cpd-reference.h"
#include "public/cpod-error.h"
#include "storage/cpd-flusher.h"
#include "store/cpd-store-events.h"
#include "store/cpd-store-operations.h"

#define LINK_LENGTH 4           /* 500 of them fit into one mount option, see cpd-storage-overlay.c */
#define LINK_ATTEMPTS 1000

/* An import on its way. */
typedef struct
{
  CpdStorage *storage;          /* (unowned) */
  const CpdLayerLimits *limits; /* (unowned) (nullable) */
  CpdProgressFunc progress;
  gpointer user_data;
  const char *config;           /* (unowned) (nullable) */
  const char *message;          /* (unowned) (nullable) */
  const CpdCaller *caller;      /* (unowned) */
  char *name;                   /* (owned) (nullable) full name */
  gint64 number;                /* of the operation */
  char *directory;              /* (owned) that it is unpacked to */
  char *blob;                   /* (owned) file that the layer's blob is written to */
  CpdFlusher *flusher;          /* (unowned) (nullable) while it is unpacked */
  CpdLayerInfo info;
  CpdLayerRow *layer;           /* (owned) row of the layer, new or there before */
  gboolean layer_is_new;
  CpdImageRow *image;           /* (owned) */
  GPtrArray *made;              /* (owned) paths that have to go if it fails */
} Import;

static void
import_clear (Import *import)
{
  g_clear_pointer (&import->name, g_free);
  g_clear_pointer (&import->directory, g_free);
  g_clear_pointer (&import->blob, g_free);
  cpd_layer_info_clear (&import->info);
  g_clear_pointer (&import->layer, cpd_layer_row_free);
  g_clear_pointer (&import->image, cpd_image_row_free);
  g_clear_pointer (&import->made, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Import, import_clear)

static gboolean
fail_errno (const char *what, const char *path, GError **error)
{
  cpd_set_error_errno (error, errno, "failed to %s %s", what, path);
  return FALSE;
}

static void
on_progress (guint64 bytes_done, guint64 bytes_total, gpointer user_data)
{
  Import *import = user_data;

  cpd_flusher_advance (import->flusher, bytes_done);
  if (import->progress != NULL)
    import->progress (bytes_done, bytes_total, import->user_data);
}

/* Unpacks the archive into ROOT, and has all of it on the disk before it returns. */
static gboolean
extract (Import *import, int fd, int root, int blob, GCancellable *cancellable, GError **error)
{
  g_autoptr(CpdFlusher) flusher = cpd_flusher_new (root, error);

  import->flusher = flusher;
  if (flusher == NULL
      || !cpd_layer_extract (fd, root, blob, import->limits, on_progress, import, cancellable, &import->info, error))
    return FALSE;

  cpd_fault_point ("import.unpacked");
  if (fdatasync (blob) < 0)
    return fail_errno ("sync", import->blob, error);
  /* One sync for all files of the layer instead of one each. */
  if (!cpd_flusher_finish (flusher, error))
    {
      g_prefix_error (error, "%s: ", import->directory);
      return FALSE;
    }
  return TRUE;
}

/* Unpacks the archive into a directory of its own, keeping the blob on the way. */
static gboolean
unpack (Import *import, int fd, GCancellable *cancellable, GError **error)
{
  g_autofree char *diff = g_build_filename (import->directory, "diff", NULL);
  cpd_autofd int root = -1, blob = -1;

  if (mkdir (import->directory, 0700) < 0 || mkdir (diff, 0755) < 0 || chmod (diff, 0755) < 0)
    return fail_errno ("make directory", diff, error);
  root = open (diff, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (root < 0)
    return fail_errno ("open directory", diff, error);
  blob = open (import->blob, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (blob < 0)
    return fail_errno ("make", import->blob, error);
  return extract (import, fd, root, blob, cancellable, error);
}

/* Puts the blob into its place; one that is there already has the same contents. */
static gboolean
publish_blob (Import *import, GError **error)
{
  g_autofree char *path = cpd_storage_blob_path (import->storage, import->info.blob_digest);

  if (g_file_test (path, G_FILE_TEST_EXISTS))
    return TRUE;
  if (rename (import->blob, path) < 0)
    return fail_errno ("make", path, error);
  g_ptr_array_add (import->made, g_steal_pointer (&path));
  return TRUE;
}

/* Writes a text as a blob and gives its digest. */
static char *
publish_text (Import *import, const char *text, GError **error)
{
  g_autofree char *digest = cpd_digest_of_text (text, -1);
  g_autofree char *path = cpd_storage_blob_path (import->storage, digest);

  if (g_file_test (path, G_FILE_TEST_EXISTS))
    return g_steal_pointer (&digest);
  if (!cpd_fs_write_file (path, text, -1, 0644, TRUE, error))
    return NULL;
  g_ptr_array_add (import->made, g_steal_pointer (&path));
  return g_steal_pointer (&digest);
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
          fail_errno ("make", path, error);
          return NULL;
        }
    }
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "there are too many layers");
  return NULL;
}

static gboolean
make_link (Import *import, GError **error)
{
  import->layer->link = cpd_storage_make_link (import->storage, import->layer->chain_id, error);
  if (import->layer->link == NULL)
    return FALSE;
  g_ptr_array_add (import->made, cpd_storage_link_path (import->storage, import->layer->link));
  return TRUE;
}

/* Puts the unpacked layer into its place. */
static gboolean
publish_layer (Import *import, GError **error)
{
  g_autofree char *path = cpd_storage_layer_path (import->storage, import->layer->chain_id);
  g_autofree char *layers = g_path_get_dirname (path);
  g_autofree char *links = cpd_storage_link_path (import->storage, "");

  if (!import->layer_is_new)
    return TRUE;
  if (g_file_test (path, G_FILE_TEST_EXISTS))   /* it is in no row: somebody else's */
    {
      g_autoptr(GPtrArray) trash = g_ptr_array_new_with_free_func (g_free);

      cpd_storage_discard (import->storage, path, trash);
      cpd_storage_empty_trash (trash);
    }
  if (rename (import->directory, path) < 0)
    return fail_errno ("make", path, error);
  g_ptr_array_add (import->made, g_steal_pointer (&path));
  return make_link (import, error) && cpd_fs_sync_dir (layers, error) && cpd_fs_sync_dir (links, error);
}

static CpdLayerRow *
new_layer_row (const CpdLayerInfo *info)
{
  CpdLayerRow *row = g_new0 (CpdLayerRow, 1);

  row->chain_id = cpd_digest_chain_id (NULL, info->diff_id);
  row->parent = g_strdup ("");
  row->diff_id = g_strdup (info->diff_id);
  row->digest = g_strdup (info->blob_digest);
  row->media_type = g_strdup (info->media_type);
  row->blob_size = (gint64) info->blob_size;
  row->size = (gint64) info->size;
  return row;
}

/* Finds the layer among those that are there, or describes it as a new one. */
static gboolean
find_layer (Import *import, GError **error)
{
  g_autofree char *chain_id = cpd_digest_chain_id (NULL, import->info.diff_id);
  g_autoptr(GError) failure = NULL;

  import->layer = cpd_store_get_layer (import->storage->store, chain_id, &failure);
  if (failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  import->layer_is_new = import->layer == NULL;
  if (import->layer_is_new)
    import->layer = new_layer_row (&import->info);
  return TRUE;
}

/* Makes all blobs, and the image's row. */
static gboolean
publish_image (Import *import, GError **error)
{
  CpdLayerRow *layer = import->layer;
  const char *diff_ids[] = { layer->diff_id, NULL };
  gint64 now = cpd_clock_now ();
  g_autofree char *config = cpd_manifest_image_config (now, import->config, import->message, diff_ids, error);
  CpdDescriptor layer_entry = { layer->media_type, layer->digest, layer->blob_size, NULL };
  g_autofree char *config_digest = NULL, *manifest = NULL, *digest = NULL;
  CpdDescriptor config_entry = { CPD_MEDIA_TYPE_CONFIG, NULL, 0, NULL };

  if (config == NULL || (import->layer_is_new && !publish_blob (import, error)))
    return FALSE;
  config_digest = publish_text (import, config, error);
  if (config_digest == NULL)
    return FALSE;
  config_entry.digest = config_digest;
  config_entry.size = (gint64) strlen (config);
  manifest = cpd_manifest_text (&config_entry, &layer_entry, 1);
  digest = publish_text (import, manifest, error);
  if (digest == NULL)
    return FALSE;

  import->image = g_new0 (CpdImageRow, 1);
  import->image->id = g_strdup (cpd_digest_hex (config_digest));
  import->image->digest = g_steal_pointer (&digest);
  import->image->manifest_size = (gint64) strlen (manifest);
  import->image->config = g_steal_pointer (&config);
  import->image->top_layer = g_strdup (layer->chain_id);
  import->image->size = layer->size;
  import->image->created = now;
  return TRUE;
}

/* All rows, the event and the end of the operation at once. */
static gboolean
commit (Import *import, GError **error)
{
  const char *chain_ids[] = { import->layer->chain_id, NULL };
  const CpdImageRow *image = import->image;
  g_autoptr(CpdTransaction) tx = cpd_store_begin (import->storage->store, CPD_STORE_DURABLE, error);

  return tx != NULL
         && (!import->layer_is_new || cpd_store_add_layer (tx, import->layer, error))
         && cpd_store_add_image (tx, image, chain_ids, error)
         && (import->name == NULL || cpd_store_tag_image (tx, import->name, image->id, error))
         && cpd_store_add_event (tx, "image", "import", image->id,
                                 import->name != NULL ? import->name : "", NULL, import->caller, error)
         && cpd_store_delete_operation (tx, import->number, error)
         && cpd_transaction_commit (tx, error);
}

/* From files with names of their own to an image that everybody sees. */
static gboolean
publish (Import *import, GPtrArray *trash, GError **error)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&import->storage->lock);
  const char *const names[] = { import->name, NULL };
  g_autoptr(GPtrArray) losers = NULL;
  g_autoptr(GError) failure = NULL;

  if (!find_layer (import, error) || !publish_image (import, error))
    return FALSE;
  cpd_fault_point ("import.blobs");
  if (!publish_layer (import, error))
    return FALSE;
  cpd_fault_point ("import.renamed");
  losers = cpd_storage_list_losers (import->storage, names, import->image->id);
  if (!commit (import, error))
    return FALSE;
  cpd_fault_point ("import.committed");
  cpd_storage_discard_lost (import->storage, losers, trash);
  if (!cpd_storage_write_index (import->storage, &failure))
    g_message ("failed to write the index of images: %s", failure->message);
  g_ptr_array_set_size (import->made, 0);       /* they stay */
  return TRUE;
}

/* Removes what is not needed (any more): when it failed, all that was made. */
static void
clean_up (Import *import, gboolean failed)
{
  g_autoptr(GPtrArray) trash = g_ptr_array_new_with_free_func (g_free);

  g_mutex_lock (&import->storage->lock);
  for (guint i = import->made->len; i > 0; i--)
    cpd_storage_discard (import->storage, import->made->pdata[i - 1], trash);
  g_mutex_unlock (&import->storage->lock);
  g_ptr_array_add (trash, g_strdup (import->directory));
  g_ptr_array_add (trash, g_strdup (import->blob));
  cpd_storage_empty_trash (trash);
  if (failed)
    cpd_storage_end_operation (import->storage, import->number);
}

static gboolean
check_config (const char *config, GError **error)
{
  g_autoptr(GError) cause = NULL;
  g_autoptr(JsonNode) node = config != NULL && *config != '\0' ? cpd_json_parse (config, -1, &cause) : NULL;

  if (cause == NULL && (node == NULL || JSON_NODE_HOLDS_OBJECT (node)))
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "config: it is no JSON object: %s",
               cause != NULL ? cause->message : "it is of another type");
  return FALSE;
}

static gboolean
prepare (Import *import, const char *reference, GError **error)
{
  g_autofree char *number = NULL, *blob = NULL;

  if (reference != NULL && *reference != '\0')
    {
      import->name = cpd_reference_normalize (reference, error);
      if (import->name == NULL)
        return FALSE;
      if (strchr (import->name, '@') != NULL)
        {
          g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                       "reference: '%s' has a digest, which cannot be chosen", reference);
          return FALSE;
        }
    }
  if (!check_config (import->config, error)
      || !cpd_storage_begin_operation (import->storage, CPD_STORAGE_IMPORT,
                                       import->name != NULL ? import->name : "", &import->number, error))
    return FALSE;
  number = g_strdup_printf ("%" G_GINT64_FORMAT, import->number);
  blob = g_strconcat (CPD_STORAGE_TMP_BLOB, number, NULL);
  import->directory = cpd_storage_tmp_path (import->storage, number);
  import->blob = g_build_filename (import->storage->images, "blobs", "sha256", blob, NULL);
  return TRUE;
}

char *
cpd_storage_import (CpdStorage *storage, int fd, const CpdLayerLimits *limits, const char *reference,
                    const char *config, const char *message, const CpdCaller *caller, CpdProgressFunc progress,
                    gpointer user_data, GCancellable *cancellable, GError **error)
{
  g_auto(Import) import = {
    .storage = storage, .limits = limits, .config = config, .message = message, .caller = caller,
    .progress = progress, .user_data = user_data,
    .made = g_ptr_array_new_with_free_func (g_free),
  };
  g_autoptr(GPtrArray) trash = g_ptr_array_new_with_free_func (g_free);
  gboolean done;

  if (!prepare (&import, reference, error))
    {
      g_prefix_error (error, "failed to import image %s: ",
                      import.name != NULL ? import.name : "without a name");
      return NULL;
    }
  cpd_fault_point ("import.intent");
  done = unpack (&import, fd, cancellable, error);
  if (done && g_cancellable_is_cancelled (cancellable))
    {
      g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_CANCELLED, "it was cancelled");
      done = FALSE;
    }
  done = done && publish (&import, trash, error);
  cpd_storage_empty_trash (trash);
  clean_up (&import, !done);
  if (!done)
    {
      g_prefix_error (error, "failed to import image %s: ", import.name != NULL ? import.name : "without a name");
      return NULL;
    }
  return g_strdup (import.image->id);
}
