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
#include "oci/cpd-layer.h"
#include "oci/cpd-manifest.h"
#include "public/cpod-error.h"
#include "storage/cpd-flusher.h"
#include "storage/cpd-storage-private.h"
#include "store/cpd-store-events.h"
#include "store/cpd-store-operations.h"

/* One layer of the image. */
typedef struct
{
  char *diff_id;                /* (owned) */
  char *digest;                 /* (owned) (nullable): as claimed */
  gint64 size;
  char *chain_id;               /* (owned) */
  gboolean pinned;              /* it was there, and stays */
  gboolean unpacked;
  guint64 bytes;                /* read so far */
  CpdLayerInfo info;            /* what it turned out to be when it was unpacked */
  CpdLayerRow *row;             /* (owned) (nullable): when all is put into its place */
  gboolean is_new;
} Layer;

struct _CpdImageWriter
{
  CpdStorage *storage;          /* (owned) */
  char *name;                   /* (owned) */
  gint64 number;                /* of the operation */
  gboolean begun;
  gboolean committed;
  char *directory;              /* (owned) */
  char *blobs;                  /* (owned) directory for blobs, beside the others */
  CpdLayerLimits limits;
  int fd;                       /* (owned) of the directory */
  CpdFlusher *flusher;          /* (owned) */
  GMutex lock;                  /* for the flusher, and what has been read so far of all layers */
  guint64 bytes;
  GPtrArray *layers;            /* (owned) */
  GPtrArray *made;              /* (owned) paths that have to go if it fails */
};

static void
layer_free (Layer *layer)
{
  g_free (layer->diff_id);
  g_free (layer->digest);
  g_free (layer->chain_id);
  cpd_layer_info_clear (&layer->info);
  g_clear_pointer (&layer->row, cpd_layer_row_free);
  g_free (layer);
}

static gboolean
fail_errno (const char *what, const char *path, GError **error)
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
    return fail_errno ("make directory", writer->directory, error);
  if (mkdir (writer->blobs, 0700) < 0)
    return fail_errno ("make directory", writer->blobs, error);
  writer->fd = open (writer->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (writer->fd < 0)
    return fail_errno ("open", writer->directory, error);
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

/* Layers that nobody has relied upon but this image, which was not to be. */
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
      const Layer *layer = writer->layers->pdata[i];

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
pin_if_there (CpdImageWriter *writer, Layer *layer, GError **error)
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

gboolean
cpd_image_writer_set_layers (CpdImageWriter *writer, const CpdLayerClaim *claims, guint n_claims, GError **error)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&writer->storage->lock);
  const char *parent = NULL;

  if (n_claims == 0 || n_claims > CPD_STORAGE_LAYERS_MAX)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_IMAGE, "it has %u layers: there may be 1 to %d", n_claims,
                   CPD_STORAGE_LAYERS_MAX);
      return FALSE;
    }
  for (guint i = 0; i < n_claims; i++)
    {
      Layer *layer = g_new0 (Layer, 1);

      layer->diff_id = g_strdup (claims[i].diff_id);
      layer->digest = g_strdup (claims[i].digest);
      layer->size = claims[i].size;
      layer->chain_id = cpd_digest_chain_id (parent, layer->diff_id);
      parent = layer->chain_id;
      g_ptr_array_add (writer->layers, layer);
      if (!pin_if_there (writer, layer, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
cpd_image_writer_has_layer (CpdImageWriter *writer, guint number)
{
  const Layer *layer = writer->layers->pdata[number];

  return layer->pinned;
}

int
cpd_image_writer_open_blob (CpdImageWriter *writer, guint number)
{
  const Layer *layer = writer->layers->pdata[number];
  g_autofree char *path = layer->digest != NULL ? cpd_storage_blob_path (writer->storage, layer->digest) : NULL;

  return path != NULL ? open (path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
}

/* A layer on its way. */
typedef struct
{
  CpdImageWriter *writer;       /* (unowned) */
  Layer *layer;                 /* (unowned) */
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
  g_mutex_unlock (&writer->lock);
}

static gboolean
unpack (CpdImageWriter *writer, guint number, int fd, GCancellable *cancellable, GError **error)
{
  g_autofree char *name = g_strdup_printf ("layer-%u", number);
  g_autofree char *directory = g_build_filename (writer->directory, name, NULL);
  g_autofree char *diff = g_build_filename (directory, "diff", NULL);
  g_autofree char *path = g_build_filename (writer->blobs, name, NULL);
  cpd_autofd int root = -1, blob = -1;
  Layer *layer = writer->layers->pdata[number];
  Progress progress = { writer, layer };

  if (mkdir (directory, 0700) < 0 || mkdir (diff, 0755) < 0 || chmod (diff, 0755) < 0)
    return fail_errno ("make directory", diff, error);
  root = open (diff, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (root < 0)
    return fail_errno ("open directory", diff, error);
  blob = open (path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (blob < 0)
    return fail_errno ("make", path, error);
  return cpd_layer_extract (fd, root, blob, &writer->limits, on_progress, &progress, cancellable, &layer->info, error);
}

/* Whether the layer is what it was said to be. */
static gboolean
check_layer (const Layer *layer, GError **error)
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

gboolean
cpd_image_writer_add_layer (CpdImageWriter *writer, guint number, int fd, GCancellable *cancellable, GError **error)
{
  Layer *layer = writer->layers->pdata[number];

  layer->unpacked = unpack (writer, number, fd, cancellable, error) && check_layer (layer, error);
  return layer->unpacked;
}

/* One sync for all files of all layers, and one for the blobs, which may lie on another file system. */
static gboolean
sync_all (CpdImageWriter *writer, GError **error)
{
  cpd_autofd int blobs = open (writer->blobs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (!cpd_flusher_finish (writer->flusher, error))
    {
      g_prefix_error (error, "%s: ", writer->directory);
      return FALSE;
    }
  return (blobs >= 0 && syncfs (blobs) == 0) || fail_errno ("sync", writer->blobs, error);
}

static CpdLayerRow *
new_row (const Layer *layer, const char *parent)
{
  CpdLayerRow *row = g_new0 (CpdLayerRow, 1);

  row->chain_id = g_strdup (layer->chain_id);
  row->parent = g_strdup (parent);
  row->diff_id = g_strdup (layer->diff_id);
  row->digest = g_strdup (layer->info.blob_digest);
  row->media_type = g_strdup (layer->info.media_type);
  row->blob_size = (gint64) layer->info.blob_size;
  row->size = (gint64) layer->info.size;
  return row;
}

/* Finds each layer among those that are there by now, or describes it as a new one. */
static gboolean
find_rows (CpdImageWriter *writer, GError **error)
{
  const char *parent = "";

  for (guint i = 0; i < writer->layers->len; i++)
    {
      Layer *layer = writer->layers->pdata[i];
      g_autoptr(GError) failure = NULL;

      layer->row = cpd_store_get_layer (writer->storage->store, layer->chain_id, &failure);
      if (failure != NULL)
        {
          g_propagate_error (error, g_steal_pointer (&failure));
          return FALSE;
        }
      layer->is_new = layer->row == NULL;
      if (layer->is_new && !layer->unpacked)
        {
          g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "layer %u (%s) is missing", i + 1, layer->diff_id);
          return FALSE;
        }
      if (layer->is_new)
        layer->row = new_row (layer, parent);
      parent = layer->chain_id;
    }
  return TRUE;
}

static gboolean
publish_layer_blob (CpdImageWriter *writer, guint number, GError **error)
{
  const Layer *layer = writer->layers->pdata[number];
  g_autofree char *path = cpd_storage_blob_path (writer->storage, layer->row->digest);
  g_autofree char *name = g_strdup_printf ("layer-%u", number);
  g_autofree char *from = g_build_filename (writer->blobs, name, NULL);

  if (!layer->is_new || g_file_test (path, G_FILE_TEST_EXISTS))
    return TRUE;
  if (rename (from, path) < 0)
    return fail_errno ("make", path, error);
  g_ptr_array_add (writer->made, g_steal_pointer (&path));
  return TRUE;
}

static gboolean
publish_text (CpdImageWriter *writer, const char *text, GError **error)
{
  g_autofree char *digest = cpd_digest_of_text (text, -1);
  g_autofree char *path = cpd_storage_blob_path (writer->storage, digest);

  if (g_file_test (path, G_FILE_TEST_EXISTS))
    return TRUE;
  if (!cpd_fs_write_file (path, text, -1, 0644, TRUE, error))
    return FALSE;
  g_ptr_array_add (writer->made, g_steal_pointer (&path));
  return TRUE;
}

/* The manifest under which the image is kept: its own where the layers' blobs are those that it names. */
static char *
make_manifest (CpdImageWriter *writer, const CpdImageContents *contents)
{
  g_autofree char *config_digest = cpd_digest_of_text (contents->config, -1);
  CpdDescriptor config = { CPD_MEDIA_TYPE_CONFIG, config_digest, (gint64) strlen (contents->config), NULL };
  g_autofree CpdDescriptor *entries = g_new0 (CpdDescriptor, writer->layers->len);
  gboolean fits = contents->manifest != NULL;

  for (guint i = 0; i < writer->layers->len; i++)
    {
      const Layer *layer = writer->layers->pdata[i];

      fits = fits && g_strcmp0 (layer->digest, layer->row->digest) == 0;
      entries[i] = (CpdDescriptor) { layer->row->media_type, layer->row->digest, layer->row->blob_size, NULL };
    }
  return fits ? g_strdup (contents->manifest) : cpd_manifest_text (&config, entries, writer->layers->len);
}

static gboolean
publish_blobs (CpdImageWriter *writer, const CpdImageContents *contents, const char *manifest, GError **error)
{
  for (guint i = 0; i < writer->layers->len; i++)
    if (!publish_layer_blob (writer, i, error))
      return FALSE;
  for (const char *const *text = contents->texts; text != NULL && *text != NULL; text++)
    if (!publish_text (writer, *text, error))
      return FALSE;
  return publish_text (writer, contents->config, error)
         && (manifest == NULL || publish_text (writer, manifest, error));
}

static gboolean
publish_layer (CpdImageWriter *writer, guint number, GPtrArray *trash, GError **error)
{
  const Layer *layer = writer->layers->pdata[number];
  g_autofree char *path = cpd_storage_layer_path (writer->storage, layer->chain_id);
  g_autofree char *name = g_strdup_printf ("layer-%u", number);
  g_autofree char *from = g_build_filename (writer->directory, name, NULL);

  if (!layer->is_new)
    return TRUE;
  if (g_file_test (path, G_FILE_TEST_EXISTS))   /* it is in no row: somebody else's */
    cpd_storage_discard (writer->storage, path, trash);
  if (rename (from, path) < 0)
    return fail_errno ("make", path, error);
  g_ptr_array_add (writer->made, g_steal_pointer (&path));
  layer->row->link = cpd_storage_make_link (writer->storage, layer->chain_id, error);
  if (layer->row->link == NULL)
    return FALSE;
  g_ptr_array_add (writer->made, cpd_storage_link_path (writer->storage, layer->row->link));
  return TRUE;
}

static gboolean
publish_layers (CpdImageWriter *writer, GPtrArray *trash, GError **error)
{
  const char *const directories[] = { "overlay/layers", "overlay/l", "images/blobs/sha256" };

  for (guint i = 0; i < writer->layers->len; i++)
    if (!publish_layer (writer, i, trash, error))
      return FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS (directories); i++)
    {
      g_autofree char *path = g_build_filename (writer->storage->root, directories[i], NULL);

      if (!cpd_fs_sync_dir (path, error))
        return FALSE;
    }
  return TRUE;
}

static CpdImageRow *
describe (CpdImageWriter *writer, const CpdImageContents *contents, const char *manifest)
{
  g_autofree char *id = cpd_digest_of_text (contents->config, -1);
  const Layer *top = writer->layers->pdata[writer->layers->len - 1];
  CpdImageRow *image = g_new0 (CpdImageRow, 1);

  image->id = g_strdup (cpd_digest_hex (id));
  image->digest = cpd_digest_of_text (manifest, -1);
  image->manifest_size = (gint64) strlen (manifest);
  image->config = g_strdup (contents->config);
  image->top_layer = g_strdup (top->chain_id);
  image->created = contents->created;
  for (guint i = 0; i < writer->layers->len; i++)
    image->size += ((const Layer *) writer->layers->pdata[i])->row->size;
  return image;
}

/* The rows of the image and its layers, but for those that are there. */
static gboolean
add_rows (CpdImageWriter *writer, CpdTransaction *tx, const CpdImageRow *image, gboolean is_new, GError **error)
{
  g_autoptr(GPtrArray) chain_ids = g_ptr_array_new ();

  for (guint i = 0; i < writer->layers->len; i++)
    {
      const Layer *layer = writer->layers->pdata[i];

      if (layer->is_new && !cpd_store_add_layer (tx, layer->row, error))
        return FALSE;
      g_ptr_array_add (chain_ids, layer->chain_id);
    }
  g_ptr_array_add (chain_ids, NULL);
  return !is_new || cpd_store_add_image (tx, image, (const char *const *) chain_ids->pdata, error);
}

static gboolean
commit_rows (CpdImageWriter *writer, const CpdImageContents *contents, const CpdImageRow *image, gboolean is_new,
             const CpdCaller *caller, GError **error)
{
  g_autoptr(CpdTransaction) tx = cpd_store_begin (writer->storage->store, CPD_STORE_DURABLE, error);

  if (tx == NULL || !add_rows (writer, tx, image, is_new, error))
    return FALSE;
  for (const char *const *name = contents->names; name != NULL && *name != NULL; name++)
    if (!cpd_store_tag_image (tx, *name, image->id, error))
      return FALSE;
  return cpd_store_add_event (tx, "image", "pull", image->id, contents->event_name, NULL, caller, error)
         && cpd_store_delete_operation (tx, writer->number, error)
         && cpd_transaction_commit (tx, error);
}

/* From files with names of their own to an image that everybody sees. The lock is held. */
static char *
publish (CpdImageWriter *writer, const CpdImageContents *contents, const CpdCaller *caller, GPtrArray *trash,
         GError **error)
{
  g_autofree char *id = cpd_digest_of_text (contents->config, -1);
  g_autoptr(CpdImageRow) old = cpd_store_get_image (writer->storage->store, cpd_digest_hex (id), NULL);
  g_autoptr(CpdImageRow) image = NULL;
  g_autofree char *manifest = NULL;
  g_autoptr(GError) failure = NULL;

  if (!find_rows (writer, error))
    return NULL;
  manifest = make_manifest (writer, contents);
  image = describe (writer, contents, manifest);
  /* An image that is here already keeps its own. */
  if (!publish_blobs (writer, contents, old == NULL ? manifest : NULL, error))
    return NULL;
  cpd_fault_point ("pull.blobs");
  if (!publish_layers (writer, trash, error))
    return NULL;
  cpd_fault_point ("pull.renamed");
  if (!commit_rows (writer, contents, image, old == NULL, caller, error))
    return NULL;
  writer->committed = TRUE;
  cpd_fault_point ("pull.committed");
  g_ptr_array_set_size (writer->made, 0);       /* they stay */
  if (!cpd_storage_write_index (writer->storage, &failure))
    g_message ("failed to write the index of images: %s", failure->message);
  return g_steal_pointer (&image->id);
}

char *
cpd_image_writer_commit (CpdImageWriter *writer, const CpdImageContents *contents, const CpdCaller *caller,
                         GError **error)
{
  g_autoptr(GPtrArray) trash = g_ptr_array_new_with_free_func (g_free);
  char *id;

  cpd_fault_point ("pull.unpacked");
  if (!sync_all (writer, error))
    return NULL;
  g_mutex_lock (&writer->storage->lock);
  id = publish (writer, contents, caller, trash, error);
  g_mutex_unlock (&writer->storage->lock);
  cpd_storage_empty_trash (trash);
  return id;
}
