/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storage/cpd-image-writer-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cpd-fault.h"
#include "common/cpd-fs.h"
#include "oci/cpd-digest.h"
#include "oci/cpd-manifest.h"
#include "public/cpod-error.h"
#include "store/cpd-store-events.h"
#include "store/cpd-store-operations.h"

/* An image as it will be. */
typedef struct
{
  const CpdImageContents *contents;     /* (unowned) */
  const GPtrArray *entries;     /* (unowned) */
  char *manifest;               /* (owned) */
  char *docker;                 /* (owned) (nullable) another one, of docker's kind */
  char *docker_name;            /* (owned) (nullable) under which that is kept */
  CpdImageRow *row;             /* (owned) */
  gboolean is_new;
} NewImage;

static void
new_image_free (NewImage *image)
{
  g_free (image->manifest);
  g_free (image->docker);
  g_free (image->docker_name);
  g_clear_pointer (&image->row, cpd_image_row_free);
  g_free (image);
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
  return (blobs >= 0 && syncfs (blobs) == 0) || cpd_image_writer_fail ("sync", writer->blobs, error);
}

static CpdLayerRow *
new_row (const CpdWriterLayer *layer)
{
  CpdLayerRow *row = g_new0 (CpdLayerRow, 1);

  row->chain_id = g_strdup (layer->chain_id);
  row->parent = g_strdup (layer->parent);
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
  for (guint i = 0; i < writer->layers->len; i++)
    {
      CpdWriterLayer *layer = writer->layers->pdata[i];
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
        layer->row = new_row (layer);
    }
  return TRUE;
}

static gboolean
publish_layer_blob (CpdImageWriter *writer, guint number, GError **error)
{
  const CpdWriterLayer *layer = writer->layers->pdata[number];
  g_autofree char *path = cpd_storage_blob_path (writer->storage, layer->row->digest);
  g_autofree char *name = g_strdup_printf ("layer-%u", number);
  g_autofree char *from = g_build_filename (writer->blobs, name, NULL);

  if (!layer->is_new || g_file_test (path, G_FILE_TEST_EXISTS))
    return TRUE;
  if (rename (from, path) < 0)
    return cpd_image_writer_fail ("make", path, error);
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

/* The manifest under which the image is kept: its own where the layers' blobs are those that it names; and, if that is
 * wanted, that of docker's kind. */
static void
make_manifests (NewImage *image)
{
  const CpdImageContents *contents = image->contents;
  const GPtrArray *layers = image->entries;
  g_autofree char *config_digest = cpd_digest_of_text (contents->config, -1);
  CpdDescriptor config = { CPD_MEDIA_TYPE_CONFIG, config_digest, (gint64) strlen (contents->config), NULL };
  g_autofree CpdDescriptor *entries = g_new0 (CpdDescriptor, layers->len);
  g_autofree char *digest = NULL;
  gboolean fits = contents->manifest != NULL;

  for (guint i = 0; i < layers->len; i++)
    {
      const CpdWriterEntry *entry = layers->pdata[i];
      const CpdLayerRow *row = entry->layer->row;

      fits = fits && g_strcmp0 (entry->digest, row->digest) == 0;
      entries[i] = (CpdDescriptor) { row->media_type, row->digest, row->blob_size, NULL };
    }
  image->manifest = fits ? g_strdup (contents->manifest) : cpd_manifest_text (&config, entries, layers->len);
  if (contents->docker == NULL)
    return;
  image->docker = cpd_manifest_docker_text (&config, entries, layers->len);
  digest = image->docker != NULL ? cpd_digest_of_text (image->docker, -1) : NULL;
  image->docker_name = digest != NULL ? g_strconcat (contents->docker, "@", digest, NULL) : NULL;
}

/* What an image is to be; one that is here already keeps its own. */
static NewImage *
new_image (CpdImageWriter *writer, const CpdImageContents *contents, const GPtrArray *entries)
{
  g_autofree char *id = cpd_digest_of_text (contents->config, -1);
  g_autoptr(CpdImageRow) old = cpd_store_get_image (writer->storage->store, cpd_digest_hex (id), NULL);
  const CpdWriterEntry *top = entries->pdata[entries->len - 1];
  NewImage *image = g_new0 (NewImage, 1);
  CpdImageRow *row = g_new0 (CpdImageRow, 1);

  image->contents = contents;
  image->entries = entries;
  image->is_new = old == NULL;
  make_manifests (image);
  image->row = row;
  row->id = g_strdup (cpd_digest_hex (id));
  row->digest = cpd_digest_of_text (image->manifest, -1);
  row->manifest_size = (gint64) strlen (image->manifest);
  row->config = g_strdup (contents->config);
  row->top_layer = g_strdup (top->layer->chain_id);
  row->created = contents->created;
  for (guint i = 0; i < entries->len; i++)
    row->size += ((const CpdWriterEntry *) entries->pdata[i])->layer->row->size;
  return image;
}

static gboolean
publish_texts (CpdImageWriter *writer, const NewImage *image, GError **error)
{
  const CpdImageContents *contents = image->contents;

  for (const char *const *text = contents->texts; text != NULL && *text != NULL; text++)
    if (!publish_text (writer, *text, error))
      return FALSE;
  return publish_text (writer, contents->config, error)
         && (image->docker == NULL || publish_text (writer, image->docker, error))
         && (!image->is_new || publish_text (writer, image->manifest, error));
}

static gboolean
publish_blobs (CpdImageWriter *writer, const GPtrArray *images, GError **error)
{
  for (guint i = 0; i < writer->layers->len; i++)
    if (!publish_layer_blob (writer, i, error))
      return FALSE;
  for (guint i = 0; i < images->len; i++)
    if (!publish_texts (writer, images->pdata[i], error))
      return FALSE;
  return TRUE;
}

static gboolean
publish_layer (CpdImageWriter *writer, guint number, GPtrArray *trash, GError **error)
{
  const CpdWriterLayer *layer = writer->layers->pdata[number];
  g_autofree char *path = cpd_storage_layer_path (writer->storage, layer->chain_id);
  g_autofree char *name = g_strdup_printf ("layer-%u", number);
  g_autofree char *from = g_build_filename (writer->directory, name, NULL);

  if (!layer->is_new)
    return TRUE;
  if (g_file_test (path, G_FILE_TEST_EXISTS))   /* it is in no row: somebody else's */
    cpd_storage_discard (writer->storage, path, trash);
  if (rename (from, path) < 0)
    return cpd_image_writer_fail ("make", path, error);
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

static gboolean
add_container_event (CpdTransaction *tx, const NewImage *image, const CpdCaller *caller, GError **error)
{
  const CpdImageContents *contents = image->contents;
  g_auto(GVariantDict) attributes = G_VARIANT_DICT_INIT (contents->attributes);

  g_variant_dict_insert (&attributes, "committed", "s", image->row->id);
  return cpd_store_add_event (tx, "container", contents->event, contents->container, contents->event_name,
                              g_variant_dict_end (&attributes), caller, error);
}

/* The image's row, its names and its event. */
static gboolean
add_image (CpdTransaction *tx, const NewImage *image, const CpdCaller *caller, GError **error)
{
  const CpdImageContents *contents = image->contents;
  g_autoptr(GPtrArray) chain_ids = g_ptr_array_new ();

  for (guint i = 0; i < image->entries->len; i++)
    g_ptr_array_add (chain_ids, ((const CpdWriterEntry *) image->entries->pdata[i])->layer->chain_id);
  g_ptr_array_add (chain_ids, NULL);
  if (image->is_new && !cpd_store_add_image (tx, image->row, (const char *const *) chain_ids->pdata, error))
    return FALSE;
  for (const char *const *name = contents->names; name != NULL && *name != NULL; name++)
    if (!cpd_store_tag_image (tx, *name, image->row->id, error))
      return FALSE;
  if (image->docker_name != NULL && !cpd_store_tag_image (tx, image->docker_name, image->row->id, error))
    return FALSE;
  return contents->container != NULL
         ? add_container_event (tx, image, caller, error)
         : cpd_store_add_event (tx, "image", contents->event, image->row->id, contents->event_name, NULL, caller, error);
}

/* All rows but those that are there, and all events, at once. */
static gboolean
commit_rows (CpdImageWriter *writer, const GPtrArray *images, const CpdCaller *caller, GError **error)
{
  g_autoptr(CpdTransaction) tx = cpd_store_begin (writer->storage->store, CPD_STORE_DURABLE, error);

  if (tx == NULL)
    return FALSE;
  for (guint i = 0; i < writer->layers->len; i++)
    {
      const CpdWriterLayer *layer = writer->layers->pdata[i];

      if (layer->is_new && !cpd_store_add_layer (tx, layer->row, error))
        return FALSE;
    }
  for (guint i = 0; i < images->len; i++)
    if (!add_image (tx, images->pdata[i], caller, error))
      return FALSE;
  return cpd_store_delete_operation (tx, writer->number, error) && cpd_transaction_commit (tx, error);
}

/* Who loses names to IMAGES. */
static GPtrArray *
list_losers (CpdImageWriter *writer, const GPtrArray *images)
{
  GPtrArray *all = g_ptr_array_new_with_free_func ((GDestroyNotify) cpd_image_row_free);

  for (guint i = 0; i < images->len; i++)
    {
      const NewImage *image = images->pdata[i];

      g_ptr_array_extend_and_steal (all, cpd_storage_list_losers (writer->storage, image->contents->names,
                                                                  image->row->id));
    }
  return all;
}

/* From files with names of their own to images that everybody sees. The lock is held. */
static gboolean
publish (CpdImageWriter *writer, const CpdImageContents *contents, const CpdCaller *caller, GPtrArray *trash,
         GError **error)
{
  g_autoptr(GPtrArray) images = g_ptr_array_new_with_free_func ((GDestroyNotify) new_image_free);
  g_autoptr(GPtrArray) losers = NULL;
  g_autoptr(GError) failure = NULL;

  if (!find_rows (writer, error))
    return FALSE;
  for (guint i = 0; i < writer->images->len; i++)
    g_ptr_array_add (images, new_image (writer, &contents[i], writer->images->pdata[i]));
  if (!publish_blobs (writer, images, error))
    return FALSE;
  cpd_fault_point ("pull.blobs");
  if (!publish_layers (writer, trash, error))
    return FALSE;
  cpd_fault_point ("pull.renamed");
  losers = list_losers (writer, images);
  if (!commit_rows (writer, images, caller, error))
    return FALSE;
  writer->committed = TRUE;
  cpd_fault_point ("pull.committed");
  g_ptr_array_set_size (writer->made, 0);       /* they stay */
  cpd_storage_discard_lost (writer->storage, losers, trash);
  if (!cpd_storage_write_index (writer->storage, &failure))
    g_message ("failed to write the index of images: %s", failure->message);
  return TRUE;
}

gboolean
cpd_image_writer_commit_all (CpdImageWriter *writer, const CpdImageContents *contents, const CpdCaller *caller,
                             GError **error)
{
  g_autoptr(GPtrArray) trash = g_ptr_array_new_with_free_func (g_free);
  gboolean done;

  cpd_fault_point ("pull.unpacked");
  if (!sync_all (writer, error))
    return FALSE;
  g_mutex_lock (&writer->storage->lock);
  done = publish (writer, contents, caller, trash, error);
  g_mutex_unlock (&writer->storage->lock);
  cpd_storage_empty_trash (trash);
  return done;
}

char *
cpd_image_writer_commit (CpdImageWriter *writer, const CpdImageContents *contents, const CpdCaller *caller,
                         GError **error)
{
  g_autofree char *id = cpd_digest_of_text (contents->config, -1);

  return cpd_image_writer_commit_all (writer, contents, caller, error) ? g_strdup (cpd_digest_hex (id)) : NULL;
}
