/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/images/cpd-image-archives.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/cpd-fault.h"
#include "common/cpd-fs.h"
#include "engine/cpd-engine-private.h"
#include "oci/cpd-archive-writer.h"
#include "oci/cpd-digest.h"
#include "oci/cpd-manifest-parse.h"
#include "oci/cpd-manifest.h"
#include "oci/cpd-reference.h"
#include "public/cpod-error.h"
#include "storage/cpd-storage-transfer.h"

#define BLOBS "blobs/sha256/"
#define TEXT_MAX (8 * 1024 * 1024)

/* An image that goes into the archive. */
typedef struct
{
  CpdStorage *storage;          /* (unowned) */
  CpdImageRow *row;             /* (owned) */
  GPtrArray *names;             /* (owned) under which it goes there */
  CpdImageLayout layout;
  gboolean laid_out;
  char *text;                   /* (owned) its manifest */
  CpdManifest *manifest;        /* (owned) */
  CpdImageInfo *info;           /* (owned) */
  char *config;                 /* (owned) member of its configuration */
  char **layers;                /* (owned) members of its layers */
} Image;

/* A save under way. */
typedef struct
{
  CpdEngine *engine;            /* (unowned) */
  const CpdTransfer *transfer;  /* (unowned) */
  CpdArchiveWriter *writer;     /* (owned) */
  GPtrArray *images;            /* (owned) Image */
  GHashTable *sizes;            /* (owned) diff-id → size of the tar; docker-archive alone */
  GHashTable *written;          /* (owned) names of members */
  guint64 bytes_done;
  guint64 bytes_total;
  guint layers_done;
  guint layers_total;
} Save;

static void
image_free (gpointer data)
{
  Image *image = data;

  if (image->laid_out)          /* it came to nothing */
    cpd_storage_end_layout (image->storage, &image->layout, image->row->id, NULL, NULL, NULL, NULL);
  g_clear_pointer (&image->row, cpd_image_row_free);
  g_ptr_array_unref (image->names);
  g_free (image->text);
  g_clear_pointer (&image->manifest, cpd_manifest_free);
  g_clear_pointer (&image->info, cpd_image_info_free);
  g_free (image->config);
  g_strfreev (image->layers);
  g_free (image);
}

static void
save_clear (Save *save)
{
  g_clear_pointer (&save->writer, cpd_archive_writer_free);
  g_clear_pointer (&save->images, g_ptr_array_unref);
  g_clear_pointer (&save->sizes, g_hash_table_unref);
  g_clear_pointer (&save->written, g_hash_table_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Save, save_clear)

static const CpdManifestEntry *
get_layer (const Image *image, guint number)
{
  return image->manifest->entries->pdata[number];
}

static void
report (Save *save, gsize bytes)
{
  save->bytes_done += bytes;
  if (save->transfer->progress != NULL)
    save->transfer->progress (MIN (save->bytes_done, save->bytes_total), save->bytes_total, save->layers_done,
                              save->layers_total, save->transfer->user_data);
}

/* The full name by which the image was given; NULL when that was its id. */
static const char *
find_name (const CpdImageRow *row, const char *given)
{
  g_auto(GStrv) candidates = cpd_reference_candidates (given, NULL);

  for (char **candidate = candidates; candidate != NULL && *candidate != NULL; candidate++)
    for (char **name = row->names; *name != NULL; name++)
      if (strcmp (*name, *candidate) == 0)
        return *name;
  return NULL;
}

static Image *
take_image (Save *save, CpdImageRow *row)
{
  Image *image;

  for (guint i = 0; i < save->images->len; i++)
    {
      image = save->images->pdata[i];
      if (strcmp (image->row->id, row->id) != 0)
        continue;
      cpd_image_row_free (row);
      return image;
    }
  image = g_new0 (Image, 1);
  image->storage = save->engine->storage;
  image->row = row;
  image->names = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (save->images, image);
  return image;
}

/* Looks the image up, and keeps what it consists of until it is saved. */
static gboolean
add_image (Save *save, const char *given, GError **error)
{
  CpdImageRow *row = cpd_storage_find_image (save->engine->storage, given, error);
  const char *name = row != NULL ? find_name (row, given) : NULL;
  g_autofree char *full_name = g_strdup (name);
  g_autofree char *path = NULL;
  Image *image;

  if (row == NULL)
    return FALSE;
  image = take_image (save, row);
  if (full_name != NULL && !g_ptr_array_find_with_equal_func (image->names, full_name, g_str_equal, NULL))
    g_ptr_array_add (image->names, g_steal_pointer (&full_name));
  if (image->laid_out)
    return TRUE;
  image->laid_out = cpd_storage_lay_out (image->storage, image->row, TRUE, &image->layout, error);
  if (!image->laid_out)
    return FALSE;
  path = g_build_filename (image->layout.path, "manifest.json", NULL);
  image->text = cpd_fs_read_file (path, TEXT_MAX, error);
  image->manifest = image->text != NULL ? cpd_manifest_parse (image->text, error) : NULL;
  image->info = image->manifest != NULL ? cpd_image_info_parse (image->row->config, error) : NULL;
  if (image->info == NULL)
    return FALSE;
  save->layers_total += image->layout.layers;
  return TRUE;
}

/* Names that the image need not have here. */
static gboolean
add_names (Save *save, const char *const *names, GError **error)
{
  const Image *image = save->images->pdata[0];

  if (names != NULL && *names != NULL && save->images->len > 1)
    {
      g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                           "names: there are several images, none of which can be meant");
      return FALSE;
    }
  for (; names != NULL && *names != NULL; names++)
    {
      g_autofree char *full_name = cpd_reference_normalize (*names, error);

      if (full_name == NULL)
        return FALSE;
      if (strchr (full_name, '@') != NULL)
        {
          g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "names: '%s' has a digest", *names);
          return FALSE;
        }
      if (!g_ptr_array_find_with_equal_func (image->names, full_name, g_str_equal, NULL))
        g_ptr_array_add (image->names, g_steal_pointer (&full_name));
    }
  return TRUE;
}

static int
open_blob (const Image *image, const char *digest, GError **error)
{
  g_autofree char *path = g_build_filename (image->layout.path, cpd_digest_hex (digest), NULL);
  int fd = open (path, O_RDONLY | O_CLOEXEC);

  if (fd < 0)
    cpd_set_error_errno (error, errno, "failed to open %s", path);
  return fd;
}

/* Compares what is in a blob to what should be there; gives the size of the tar. */
static gboolean
measure_layer (Save *save, const Image *image, guint number, GError **error)
{
  const CpdManifestEntry *layer = get_layer (image, number);
  const char *diff_id = image->info->diff_ids[number];
  cpd_autofd int fd = open_blob (image, layer->digest, error);
  g_autofree char *found = NULL;
  guint64 size;

  if (fd < 0)
    return FALSE;
  found = cpd_layer_read (fd, NULL, NULL, &size, save->transfer->cancellable, error);
  if (found == NULL)
    return FALSE;
  if (strcmp (found, diff_id) != 0)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "blob %s is damaged: its diff-id is %s, not %s",
                   layer->digest, found, diff_id);
      return FALSE;
    }
  save->bytes_total += size;
  g_hash_table_insert (save->sizes, g_strdup (diff_id), g_memdup2 (&size, sizeof size));
  return TRUE;
}

/* A tar archive has to know before what will be how long. What is plain tar already is looked at on its way. */
static gboolean
measure_layers (Save *save, const Image *image, GError **error)
{
  for (guint i = 0; i < image->layout.layers; i++)
    {
      const CpdManifestEntry *layer = get_layer (image, i);

      if (g_hash_table_contains (save->sizes, image->info->diff_ids[i]))
        continue;
      if (strcmp (layer->digest, image->info->diff_ids[i]) == 0)
        {
          guint64 size = (guint64) layer->size;

          save->bytes_total += size;
          g_hash_table_insert (save->sizes, g_strdup (layer->digest), g_memdup2 (&size, sizeof size));
        }
      else if (!measure_layer (save, image, i, error))
        {
          g_prefix_error (error, "layer %u of %u: ", i + 1, image->layout.layers);
          return FALSE;
        }
    }
  return TRUE;
}

static char *
make_docker_manifest (Save *save)
{
  g_autofree CpdDockerImage *entries = g_new0 (CpdDockerImage, save->images->len);

  for (guint i = 0; i < save->images->len; i++)
    {
      Image *image = save->images->pdata[i];
      g_autoptr(GStrvBuilder) layers = g_strv_builder_new ();

      for (guint j = 0; j < image->layout.layers; j++)
        {
          g_autofree char *member = g_strconcat (cpd_digest_hex (image->info->diff_ids[j]), ".tar", NULL);

          g_strv_builder_add (layers, member);
        }
      image->layers = g_strv_builder_end (layers);
      image->config = g_strconcat (image->row->id, ".json", NULL);
      if (image->names->len == 0 || image->names->pdata[image->names->len - 1] != NULL)
        g_ptr_array_add (image->names, NULL);
      entries[i] = (CpdDockerImage) { image->config, (const char *const *) image->names->pdata,
                                      (const char *const *) image->layers };
    }
  return cpd_manifest_docker (entries, save->images->len);
}

static gboolean
write_piece (const void *data, gsize length, gpointer user_data, GError **error)
{
  Save *save = user_data;

  if (!cpd_archive_writer_write (save->writer, data, length, error))
    return FALSE;
  report (save, length);
  return TRUE;
}

static gboolean
write_docker_layer (Save *save, const Image *image, guint number, GError **error)
{
  const char *diff_id = image->info->diff_ids[number];
  const guint64 *size = g_hash_table_lookup (save->sizes, diff_id);
  cpd_autofd int fd = open_blob (image, get_layer (image, number)->digest, error);
  g_autofree char *found = NULL;
  guint64 written;

  if (fd < 0)
    return FALSE;
  if (get_layer (image, number)->size == (gint64) *size && strcmp (get_layer (image, number)->digest, diff_id) == 0)
    {
      if (!cpd_archive_writer_add_blob (save->writer, image->layers[number], fd, diff_id, *size, error))
        return FALSE;
      report (save, *size);
      return TRUE;
    }
  if (!cpd_archive_writer_begin (save->writer, image->layers[number], *size, error))
    return FALSE;
  found = cpd_layer_read (fd, write_piece, save, &written, save->transfer->cancellable, error);
  if (found == NULL || strcmp (found, diff_id) == 0)
    return found != NULL;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "blob %s has changed", get_layer (image, number)->digest);
  return FALSE;
}

static gboolean
write_oci_layer (Save *save, const Image *image, guint number, GError **error)
{
  const CpdManifestEntry *layer = get_layer (image, number);
  g_autofree char *member = g_strconcat (BLOBS, cpd_digest_hex (layer->digest), NULL);
  cpd_autofd int fd = open_blob (image, layer->digest, error);

  if (fd < 0 || !cpd_archive_writer_add_blob (save->writer, member, fd, layer->digest, (guint64) layer->size, error))
    return FALSE;
  report (save, (gsize) layer->size);
  return TRUE;
}

typedef gboolean (*WriteLayer) (Save *save, const Image *image, guint number, GError **error);

/* Each layer once, whoever has it. */
static gboolean
write_layers (Save *save, WriteLayer write_layer, gboolean by_diff_id, GError **error)
{
  for (guint i = 0; i < save->images->len; i++)
    {
      const Image *image = save->images->pdata[i];

      for (guint j = 0; j < image->layout.layers; j++)
        {
          const char *key = by_diff_id ? image->info->diff_ids[j] : get_layer (image, j)->digest;

          if (g_hash_table_add (save->written, g_strdup (key)) && !write_layer (save, image, j, error))
            {
              g_prefix_error (error, "layer %u of %u of image %s: ", j + 1, image->layout.layers, image->row->id);
              return FALSE;
            }
          save->layers_done++;
          report (save, 0);
        }
    }
  return TRUE;
}

/* What tells of the images comes first, so that a reader knows what is coming. */
static gboolean
save_docker (Save *save, GError **error)
{
  g_autofree char *manifest = NULL;

  for (guint i = 0; i < save->images->len; i++)
    if (!measure_layers (save, save->images->pdata[i], error))
      return FALSE;
  manifest = make_docker_manifest (save);
  if (!cpd_archive_writer_add_text (save->writer, "manifest.json", manifest, error))
    return FALSE;
  for (guint i = 0; i < save->images->len; i++)
    {
      const Image *image = save->images->pdata[i];

      if (!cpd_archive_writer_add_text (save->writer, image->config, image->row->config, error))
        return FALSE;
    }
  return write_layers (save, write_docker_layer, TRUE, error);
}

static char *
make_index (Save *save)
{
  g_autoptr(GArray) entries = g_array_new (FALSE, FALSE, sizeof (CpdDescriptor));

  for (guint i = 0; i < save->images->len; i++)
    {
      const Image *image = save->images->pdata[i];
      CpdDescriptor entry = { CPD_MEDIA_TYPE_MANIFEST, image->row->digest, (gint64) strlen (image->text), NULL };

      if (image->names->len == 0)
        g_array_append_val (entries, entry);
      for (guint j = 0; j < image->names->len; j++)
        {
          entry.ref_name = image->names->pdata[j];
          g_array_append_val (entries, entry);
        }
    }
  return cpd_manifest_index ((const CpdDescriptor *) (gpointer) entries->data, entries->len);
}

static gboolean
write_blob_text (Save *save, const char *text, GError **error)
{
  g_autofree char *digest = cpd_digest_of_text (text, -1);
  g_autofree char *member = g_strconcat (BLOBS, cpd_digest_hex (digest), NULL);

  return !g_hash_table_add (save->written, g_steal_pointer (&digest))
         || cpd_archive_writer_add_text (save->writer, member, text, error);
}

static gboolean
save_oci (Save *save, GError **error)
{
  g_autofree char *image_index = make_index (save);
  g_autofree char *layout = cpd_manifest_layout ();

  for (guint i = 0; i < save->images->len; i++)
    save->bytes_total += (guint64) ((const Image *) save->images->pdata[i])->layout.size;
  if (!cpd_archive_writer_add_text (save->writer, "oci-layout", layout, error)
      || !cpd_archive_writer_add_text (save->writer, "index.json", image_index, error)
      || !cpd_archive_writer_add_dir (save->writer, "blobs", error)
      || !cpd_archive_writer_add_dir (save->writer, "blobs/sha256", error))
    return FALSE;
  for (guint i = 0; i < save->images->len; i++)
    {
      const Image *image = save->images->pdata[i];

      if (!write_blob_text (save, image->text, error) || !write_blob_text (save, image->row->config, error))
        return FALSE;
    }
  return write_layers (save, write_oci_layer, FALSE, error);
}

/* The events; what was kept for the images goes. */
static gboolean
end (Save *save, GError **error)
{
  for (guint i = 0; i < save->images->len; i++)
    {
      Image *image = save->images->pdata[i];
      const char *name = image->names->len > 0 && image->names->pdata[0] != NULL ? image->names->pdata[0] : "";

      image->laid_out = FALSE;
      if (!cpd_storage_end_layout (image->storage, &image->layout, image->row->id, "save", name,
                                   save->transfer->caller, error))
        return FALSE;
    }
  save->bytes_done = save->bytes_total;
  report (save, 0);
  return TRUE;
}

gboolean
cpd_engine_save_images (CpdEngine *engine, const char *const *images, const char *const *names, gboolean oci, int fd,
                        const CpdTransfer *transfer, GError **error)
{
  g_autoptr(CpdHold) hold = cpd_holds_take (engine->holds);
  g_auto(Save) save = { .engine = engine, .transfer = transfer };
  gboolean done = images[0] != NULL;

  save.images = g_ptr_array_new_with_free_func (image_free);
  save.sizes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  save.written = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  if (!done)
    g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "images: there is none");
  save.writer = done ? cpd_archive_writer_new (fd, transfer->cancellable, error) : NULL;
  done = save.writer != NULL;
  for (const char *const *image = images; done && *image != NULL; image++)
    done = add_image (&save, *image, error);
  done = done && add_names (&save, names, error);
  if (done && (oci ? save_oci (&save, error) : save_docker (&save, error))
      && cpd_archive_writer_finish (save.writer, error))
    {
      cpd_fault_point ("save.written");
      return end (&save, error);
    }
  g_prefix_error (error, "failed to save images: ");
  return FALSE;
}
