/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storage/cpd-image-writer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-fault.h"
#include "common/cpd-fs.h"
#include "oci/cpd-digest.h"
#include "public/cpod-error.h"
#include "storage/cpd-image-writer-private.h"

static void
layer_free (CpdWriterLayer *layer)
{
  g_free (layer->diff_id);
  g_free (layer->digest);
  g_free (layer->chain_id);
  g_free (layer->parent);
  cpd_layer_info_clear (&layer->info);
  g_clear_pointer (&layer->row, cpd_layer_row_free);
  g_free (layer);
}

static void
entry_free (CpdWriterEntry *entry)
{
  g_free (entry->digest);
  g_free (entry);
}

gboolean
cpd_image_writer_fail (const char *what, const char *path, GError **error)
{
  cpd_set_error_errno (error, errno, "failed to %s %s", what, path);
  return FALSE;
}

static gboolean
make_directories (CpdImageWriter *writer, GError **error)
{
  g_autofree char *number = g_strdup_printf ("%" G_GINT64_FORMAT, writer->number);
  g_autofree char *blobs = g_strconcat (CPD_STORAGE_TMP_BLOB, number, NULL);

  writer->directory = cpd_storage_tmp_path (writer->storage, number);
  writer->blobs = g_build_filename (writer->storage->images, "blobs", "sha256", blobs, NULL);
  if (mkdir (writer->directory, 0700) < 0)
    return cpd_image_writer_fail ("make directory", writer->directory, error);
  if (mkdir (writer->blobs, 0700) < 0)
    return cpd_image_writer_fail ("make directory", writer->blobs, error);
  writer->fd = open (writer->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (writer->fd < 0)
    return cpd_image_writer_fail ("open", writer->directory, error);
  writer->flusher = cpd_flusher_new (writer->fd, error);
  return writer->flusher != NULL;
}

CpdImageWriter *
cpd_image_writer_new (CpdStorage *storage, const char *name, const CpdLayerLimits *limits, GError **error)
{
  g_autoptr(CpdImageWriter) writer = g_new0 (CpdImageWriter, 1);

  writer->limits = *limits;
  writer->fd = -1;
  g_mutex_init (&writer->lock);
  writer->storage = cpd_storage_ref (storage);
  writer->name = g_strdup (name);
  writer->layers = g_ptr_array_new_with_free_func ((GDestroyNotify) layer_free);
  writer->by_chain = g_hash_table_new (g_str_hash, g_str_equal);
  writer->images = g_ptr_array_new_with_free_func ((GDestroyNotify) g_ptr_array_unref);
  writer->made = g_ptr_array_new_with_free_func (g_free);
  if (!cpd_storage_begin_operation (storage, CPD_STORAGE_PULL, name, &writer->number, error))
    return NULL;
  writer->begun = TRUE;
  cpd_fault_point ("pull.intent");
  return make_directories (writer, error) ? g_steal_pointer (&writer) : NULL;
}

const char *
cpd_image_writer_get_directory (CpdImageWriter *writer)
{
  return writer->directory;
}

/* Layers that nobody has relied upon but these images, which were not to be. */
static void
collect_garbage (CpdImageWriter *writer, GPtrArray *trash)
{
  g_autoptr(GError) error = NULL;

  if (!cpd_storage_collect_layers (writer->storage, 0, trash, &error))
    g_message ("failed to remove layers that no image has: %s", error->message);
}

void
cpd_image_writer_free (CpdImageWriter *writer)
{
  g_autoptr(GPtrArray) trash = g_ptr_array_new_with_free_func (g_free);
  g_autoptr(GError) error = NULL;
  gboolean pinned = FALSE;

  if (writer == NULL)
    return;
  g_clear_pointer (&writer->flusher, cpd_flusher_free);
  cpd_close_fd (&writer->fd);
  g_mutex_lock (&writer->storage->lock);
  for (guint i = writer->made->len; i > 0; i--)
    cpd_storage_discard (writer->storage, writer->made->pdata[i - 1], trash);
  for (guint i = 0; i < writer->layers->len; i++)
    {
      const CpdWriterLayer *layer = writer->layers->pdata[i];

      pinned = pinned || layer->pinned;
      if (layer->pinned)
        cpd_storage_unpin_layer (writer->storage, layer->chain_id);
    }
  if (pinned)
    collect_garbage (writer, trash);
  g_mutex_unlock (&writer->storage->lock);
  if (writer->directory != NULL)
    g_ptr_array_add (trash, g_strdup (writer->directory));
  if (writer->blobs != NULL)
    g_ptr_array_add (trash, g_strdup (writer->blobs));
  cpd_storage_empty_trash (trash);
  if (writer->begun && !writer->committed)
    cpd_storage_end_operation (writer->storage, writer->number);
  g_mutex_clear (&writer->lock);
  g_ptr_array_unref (writer->images);
  g_hash_table_unref (writer->by_chain);
  g_ptr_array_unref (writer->layers);
  g_ptr_array_unref (writer->made);
  g_free (writer->directory);
  g_free (writer->blobs);
  g_free (writer->name);
  cpd_storage_unref (writer->storage);
  g_free (writer);
}

/* Keeps a layer that is there from being removed; FALSE with ERROR set only when that cannot be told. */
static gboolean
pin_if_there (CpdImageWriter *writer, CpdWriterLayer *layer, GError **error)
{
  g_autoptr(GError) failure = NULL;
  g_autoptr(CpdLayerRow) row = cpd_store_get_layer (writer->storage->store, layer->chain_id, &failure);

  if (failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  layer->pinned = row != NULL;
  if (layer->pinned)
    cpd_storage_pin_layer (writer->storage, layer->chain_id);
  return TRUE;
}

/* The layer of that chain, which another image may have as well. */
static CpdWriterLayer *
get_layer (CpdImageWriter *writer, const char *parent, const CpdLayerClaim *claim, GError **error)
{
  g_autofree char *chain_id = claim->diff_id != NULL ? cpd_digest_chain_id (parent, claim->diff_id) : NULL;
  CpdWriterLayer *layer = chain_id != NULL ? g_hash_table_lookup (writer->by_chain, chain_id) : NULL;

  if (layer != NULL)
    return layer;
  layer = g_new0 (CpdWriterLayer, 1);
  layer->number = writer->layers->len;
  layer->diff_id = g_strdup (claim->diff_id);
  layer->digest = g_strdup (claim->digest);
  layer->size = claim->size;
  layer->chain_id = g_steal_pointer (&chain_id);
  layer->parent = g_strdup (parent);
  g_ptr_array_add (writer->layers, layer);
  if (layer->chain_id != NULL)
    g_hash_table_insert (writer->by_chain, layer->chain_id, layer);
  return layer->chain_id == NULL || pin_if_there (writer, layer, error) ? layer : NULL;
}

gboolean
cpd_image_writer_set_layers (CpdImageWriter *writer, const CpdLayerClaim *claims, guint n_claims, GError **error)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&writer->storage->lock);
  GPtrArray *image = g_ptr_array_new_with_free_func ((GDestroyNotify) entry_free);
  const char *parent = "";

  g_ptr_array_add (writer->images, image);
  if (n_claims == 0 || n_claims > CPD_STORAGE_LAYERS_MAX)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_IMAGE, "it has %u layers: there may be 1 to %d", n_claims,
                   CPD_STORAGE_LAYERS_MAX);
      return FALSE;
    }
  for (guint i = 0; i < n_claims; i++)
    {
      CpdWriterLayer *layer = get_layer (writer, parent, &claims[i], error);
      CpdWriterEntry *entry;

      if (layer == NULL)
        return FALSE;
      entry = g_new0 (CpdWriterEntry, 1);
      entry->layer = layer;
      entry->digest = g_strdup (claims[i].digest);
      g_ptr_array_add (image, entry);
      parent = layer->chain_id;
    }
  return TRUE;
}

guint
cpd_image_writer_get_number (CpdImageWriter *writer, guint image, guint layer)
{
  const GPtrArray *entries = writer->images->pdata[image];

  return ((const CpdWriterEntry *) entries->pdata[layer])->layer->number;
}

gboolean
cpd_image_writer_has_layer (CpdImageWriter *writer, guint number)
{
  const CpdWriterLayer *layer = writer->layers->pdata[number];

  return layer->pinned || layer->unpacked;
}

void
cpd_image_writer_set_progress (CpdImageWriter *writer, CpdProgressFunc progress, gpointer user_data)
{
  writer->progress = progress;
  writer->user_data = user_data;
}

int
cpd_image_writer_open_blob (CpdImageWriter *writer, guint number)
{
  const CpdWriterLayer *layer = writer->layers->pdata[number];
  g_autofree char *path = layer->digest != NULL ? cpd_storage_blob_path (writer->storage, layer->digest) : NULL;

  return path != NULL ? open (path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
}

/* A layer on its way. */
typedef struct
{
  CpdImageWriter *writer;       /* (unowned) */
  CpdWriterLayer *layer;        /* (unowned) */
} Progress;

static void
on_progress (guint64 bytes_done, guint64 bytes_total, gpointer user_data)
{
  const Progress *progress = user_data;
  CpdImageWriter *writer = progress->writer;

  g_mutex_lock (&writer->lock);
  writer->bytes += bytes_done - progress->layer->bytes;
  progress->layer->bytes = bytes_done;
  cpd_flusher_advance (writer->flusher, writer->bytes);
  if (writer->progress != NULL)
    writer->progress (writer->bytes, 0, writer->user_data);
  g_mutex_unlock (&writer->lock);
}

static gboolean
unpack (CpdImageWriter *writer, guint number, int fd, const CpdLayerPart *part, GCancellable *cancellable,
        GError **error)
{
  g_autofree char *name = g_strdup_printf ("layer-%u", number);
  g_autofree char *directory = g_build_filename (writer->directory, name, NULL);
  g_autofree char *diff = g_build_filename (directory, "diff", NULL);
  g_autofree char *path = g_build_filename (writer->blobs, name, NULL);
  cpd_autofd int root = -1, blob = -1;
  CpdWriterLayer *layer = writer->layers->pdata[number];
  Progress progress = { writer, layer };

  if (mkdir (directory, 0700) < 0 || mkdir (diff, 0755) < 0 || chmod (diff, 0755) < 0)
    return cpd_image_writer_fail ("make directory", diff, error);
  root = open (diff, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (root < 0)
    return cpd_image_writer_fail ("open directory", diff, error);
  blob = open (path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (blob < 0)
    return cpd_image_writer_fail ("make", path, error);
  return cpd_layer_extract_part (fd, part, root, blob, &writer->limits, on_progress, &progress, cancellable,
                                 &layer->info, error);
}

/* Whether the layer is what it was said to be. */
static gboolean
check_layer (const CpdWriterLayer *layer, GError **error)
{
  const CpdLayerInfo *info = &layer->info;

  if (strcmp (info->diff_id, layer->diff_id) != 0)
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_IMAGE, "its diff-id is %s, not %s", info->diff_id,
                 layer->diff_id);
  else if (layer->digest != NULL && strcmp (info->digest, layer->digest) != 0)
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_IMAGE, "its digest is %s, not %s", info->digest, layer->digest);
  else if (layer->digest != NULL && strcmp (info->blob_digest, layer->digest) != 0)
    g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_INVALID_IMAGE, "it is compressed in a way that images may not be");
  else if (layer->size >= 0 && (guint64) layer->size != info->blob_size)
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_IMAGE,
                 "it has %" G_GUINT64_FORMAT " bytes, not %" G_GINT64_FORMAT, info->blob_size, layer->size);
  else
    return TRUE;
  return FALSE;
}

/* What was made has not been claimed to be anything. */
static void
accept_layer (CpdWriterLayer *layer)
{
  if (layer->diff_id != NULL)
    return;
  layer->diff_id = g_strdup (layer->info.diff_id);
  layer->chain_id = cpd_digest_chain_id (layer->parent, layer->diff_id);
}

const char *
cpd_image_writer_get_diff_id (CpdImageWriter *writer, guint number)
{
  return ((const CpdWriterLayer *) writer->layers->pdata[number])->diff_id;
}

gboolean
cpd_image_writer_add_part (CpdImageWriter *writer, guint number, int fd, const CpdLayerPart *part,
                           GCancellable *cancellable, GError **error)
{
  CpdWriterLayer *layer = writer->layers->pdata[number];

  if (!unpack (writer, number, fd, part, cancellable, error))
    return FALSE;
  accept_layer (layer);
  layer->unpacked = check_layer (layer, error);
  return layer->unpacked;
}

gboolean
cpd_image_writer_add_layer (CpdImageWriter *writer, guint number, int fd, GCancellable *cancellable, GError **error)
{
  return cpd_image_writer_add_part (writer, number, fd, NULL, cancellable, error);
}
