/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storage/cpd-storage-transfer.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-fault.h"
#include "common/cpd-fs.h"
#include "oci/cpd-digest.h"
#include "oci/cpd-manifest-parse.h"
#include "public/cpod-error.h"
#include "storage/cpd-storage-private.h"
#include "store/cpd-store-events.h"
#include "store/cpd-store-operations.h"

#define TEXT_MAX (8 * 1024 * 1024)

static gboolean
confirm_rows (CpdStorage *storage, const char *id, const char *const *names, const char *event_name,
              const CpdCaller *caller, GError **error)
{
  g_autoptr(CpdImageRow) image = cpd_store_get_image (storage->store, id, error);
  g_autoptr(CpdTransaction) tx = image != NULL ? cpd_store_begin (storage->store, CPD_STORE_DURABLE, error) : NULL;

  if (tx == NULL)
    return FALSE;
  for (; *names != NULL; names++)
    if (!cpd_store_tag_image (tx, *names, id, error))
      return FALSE;
  return cpd_store_add_event (tx, "image", "pull", id, event_name, NULL, caller, error)
         && cpd_transaction_commit (tx, error);
}

gboolean
cpd_storage_confirm_image (CpdStorage *storage, const char *id, const char *const *names, const char *event_name,
                           const CpdCaller *caller, GError **error)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&storage->lock);
  g_autoptr(GPtrArray) losers = cpd_storage_list_losers (storage, names, id);
  g_autoptr(GPtrArray) trash = g_ptr_array_new_with_free_func (g_free);
  g_autoptr(GError) failure = NULL;

  if (!confirm_rows (storage, id, names, event_name, caller, error))
    return FALSE;
  cpd_fault_point ("pull.confirmed");
  cpd_storage_discard_lost (storage, losers, trash);
  if (!cpd_storage_write_index (storage, &failure))
    g_message ("failed to write the index of images: %s", failure->message);
  cpd_storage_empty_trash (trash);      /* manifests, which are small */
  return TRUE;
}

static char *
read_manifest (CpdStorage *storage, const char *digest, CpdManifest **manifest, GError **error)
{
  g_autofree char *path = cpd_storage_blob_path (storage, digest);
  g_autofree char *text = cpd_fs_read_file (path, TEXT_MAX, error);

  *manifest = text != NULL ? cpd_manifest_parse (text, error) : NULL;
  return *manifest != NULL ? g_steal_pointer (&text) : NULL;
}

/* Whether a manifest is one of the image, and all that it names is here. */
static gboolean
is_complete (CpdStorage *storage, const CpdImageRow *image, const CpdManifest *manifest)
{
  if (manifest->is_index || strcmp (cpd_digest_hex (manifest->config->digest), image->id) != 0)
    return FALSE;
  for (guint i = 0; i < manifest->entries->len; i++)
    {
      const CpdManifestEntry *layer = manifest->entries->pdata[i];
      g_autofree char *path = cpd_storage_blob_path (storage, layer->digest);

      if (!g_file_test (path, G_FILE_TEST_EXISTS))
        return FALSE;
    }
  return TRUE;
}

/* The manifest under which others know the image, else the one that it has here. */
static char *
choose_manifest (CpdStorage *storage, const CpdImageRow *image, CpdManifest **manifest, GError **error)
{
  for (char **name = image->digests; *name != NULL; name++)
    {
      g_autoptr(CpdManifest) found = NULL;
      g_autofree char *text = read_manifest (storage, strchr (*name, '@') + 1, &found, NULL);

      if (text == NULL || !is_complete (storage, image, found))
        continue;
      *manifest = g_steal_pointer (&found);
      return g_steal_pointer (&text);
    }
  return read_manifest (storage, image->digest, manifest, error);
}

static gboolean
link_blob (CpdStorage *storage, CpdImageLayout *layout, const CpdManifestEntry *entry, GError **error)
{
  g_autofree char *from = cpd_storage_blob_path (storage, entry->digest);
  g_autofree char *to = g_build_filename (layout->path, cpd_digest_hex (entry->digest), NULL);

  layout->size += entry->size;
  if (link (from, to) == 0 || errno == EEXIST || (errno == EXDEV && symlink (from, to) == 0))
    return TRUE;
  cpd_set_error_errno (error, errno, "failed to link %s", from);
  return FALSE;
}

static gboolean
fill (CpdStorage *storage, CpdImageLayout *layout, const char *text, const CpdManifest *manifest, GError **error)
{
  g_autofree char *version = g_build_filename (layout->path, "version", NULL);
  g_autofree char *path = g_build_filename (layout->path, "manifest.json", NULL);

  if (mkdir (layout->path, 0700) < 0)
    {
      cpd_set_error_errno (error, errno, "failed to make directory %s", layout->path);
      return FALSE;
    }
  if (!cpd_fs_write_file (version, "Directory Transport Version: 1.1\n", -1, 0600, FALSE, error)
      || !cpd_fs_write_file (path, text, -1, 0600, FALSE, error)
      || !link_blob (storage, layout, manifest->config, error))
    return FALSE;
  for (guint i = 0; i < manifest->entries->len; i++)
    if (!link_blob (storage, layout, manifest->entries->pdata[i], error))
      return FALSE;
  layout->layers = manifest->entries->len;
  return TRUE;
}

gboolean
cpd_storage_lay_out (CpdStorage *storage, const CpdImageRow *image, gboolean own, CpdImageLayout *layout,
                     GError **error)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&storage->lock);
  g_autoptr(CpdManifest) manifest = NULL;
  g_autofree char *text = own ? read_manifest (storage, image->digest, &manifest, error)
                              : choose_manifest (storage, image, &manifest, error);
  g_autofree char *number = NULL;

  *layout = (CpdImageLayout) { NULL };
  if (text == NULL || !cpd_storage_begin_operation (storage, CPD_STORAGE_PUSH, image->id, &layout->number, error))
    return FALSE;
  cpd_fault_point ("push.intent");
  number = g_strdup_printf ("%" G_GINT64_FORMAT, layout->number);
  layout->path = cpd_storage_tmp_path (storage, number);
  if (fill (storage, layout, text, manifest, error))
    return TRUE;
  cpd_storage_end_layout (storage, layout, image->id, NULL, NULL, NULL, NULL);
  return FALSE;
}

gboolean
cpd_storage_end_layout (CpdStorage *storage, CpdImageLayout *layout, const char *id, const char *event,
                        const char *name, const CpdCaller *caller, GError **error)
{
  g_autofree char *path = g_steal_pointer (&layout->path);
  g_autoptr(CpdTransaction) tx = NULL;
  g_autoptr(GError) failure = NULL;

  if (!cpd_fs_remove_tree (path, &failure))
    g_message ("%s", failure->message);
  tx = cpd_store_begin (storage->store, CPD_STORE_BOOT, error);
  return tx != NULL
         && (event == NULL || cpd_store_add_event (tx, "image", event, id, name, NULL, caller, error))
         && cpd_store_delete_operation (tx, layout->number, error)
         && cpd_transaction_commit (tx, error);
}
