/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storage/cpd-storage-private.h"

#include <string.h>

#include "common/cpd-fault.h"
#include "oci/cpd-reference.h"
#include "public/cpod-error.h"
#include "store/cpd-store-events.h"

GPtrArray *
cpd_storage_list_losers (CpdStorage *storage, const char *const *names, const char *id)
{
  GPtrArray *losers = g_ptr_array_new_with_free_func ((GDestroyNotify) cpd_image_row_free);

  for (; names != NULL && *names != NULL; names++)
    {
      CpdImageRow *owner = cpd_store_get_image_by_name (storage->store, *names, NULL);

      if (owner != NULL && owner->digests[0] != NULL && g_strcmp0 (owner->id, id) != 0)
        g_ptr_array_add (losers, owner);
      else if (owner != NULL)
        cpd_image_row_free (owner);
    }
  return losers;
}

static void
discard_unused (CpdStorage *storage, const CpdImageRow *image, GHashTable *used, GPtrArray *trash)
{
  for (char **digest = image->digests; *digest != NULL; digest++)
    {
      const char *blob = strchr (*digest, '@') + 1;
      g_autofree char *path = cpd_storage_blob_path (storage, blob);

      if (!g_hash_table_contains (used, blob))
        cpd_storage_discard (storage, path, trash);
    }
}

void
cpd_storage_discard_lost (CpdStorage *storage, GPtrArray *losers, GPtrArray *trash)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GHashTable) used = losers->len > 0 ? cpd_storage_used_blobs (storage, &error) : NULL;

  if (error != NULL)    /* the next start finds them */
    g_message ("failed to clear manifests away: %s", error->message);
  for (guint i = 0; used != NULL && i < losers->len; i++)
    discard_unused (storage, losers->pdata[i], used, trash);
}

/* The full form of NAMES, none of which may have a digest. */
static char **
normalize_all (const char *const *names, GError **error)
{
  g_autoptr(GStrvBuilder) full = g_strv_builder_new ();

  for (; *names != NULL; names++)
    {
      g_autofree char *name = cpd_reference_normalize (*names, error);

      if (name == NULL)
        return NULL;
      if (strchr (name, '@') != NULL)
        {
          g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "'%s' has a digest, which cannot be chosen",
                       *names);
          return NULL;
        }
      g_strv_builder_add (full, name);
    }
  return g_strv_builder_end (full);
}

static void
write_index (CpdStorage *storage)
{
  g_autoptr(GError) failure = NULL;

  if (!cpd_storage_write_index (storage, &failure))
    g_message ("failed to write the index of images: %s", failure->message);
}

static gboolean
tag_rows (CpdStorage *storage, const char *id, char **names, const CpdCaller *caller, GError **error)
{
  g_autoptr(CpdImageRow) image = cpd_store_get_image (storage->store, id, error);
  g_autoptr(CpdTransaction) tx = image != NULL ? cpd_store_begin (storage->store, CPD_STORE_DURABLE, error) : NULL;

  if (tx == NULL)
    return FALSE;
  for (; *names != NULL; names++)
    if (!cpd_store_tag_image (tx, *names, id, error)
        || !cpd_store_add_event (tx, "image", "tag", id, *names, NULL, caller, error))
      return FALSE;
  return cpd_transaction_commit (tx, error);
}

char **
cpd_storage_tag_image (CpdStorage *storage, const char *id, const char *const *names, const CpdCaller *caller,
                       GError **error)
{
  g_autoptr(GPtrArray) trash = g_ptr_array_new_with_free_func (g_free);
  g_auto(GStrv) full = normalize_all (names, error);
  g_autoptr(GPtrArray) losers = NULL;
  gboolean done;

  if (full == NULL)
    return NULL;
  g_mutex_lock (&storage->lock);
  losers = cpd_storage_list_losers (storage, (const char *const *) full, id);
  done = tag_rows (storage, id, full, caller, error);
  cpd_fault_point ("tag.committed");
  if (done)
    {
      cpd_storage_discard_lost (storage, losers, trash);
      write_index (storage);
    }
  g_mutex_unlock (&storage->lock);
  cpd_storage_empty_trash (trash);
  if (!done)
    g_prefix_error (error, "failed to tag image %s: ", id);
  return done ? g_steal_pointer (&full) : NULL;
}

/* The name of the image that NAME stands for. */
static const char *
find_own_name (const CpdImageRow *image, const char *name, GError **error)
{
  g_auto(GStrv) candidates = cpd_reference_candidates (name, error);

  for (char **candidate = candidates; candidate != NULL && *candidate != NULL; candidate++)
    for (char **own = image->names; *own != NULL; own++)
      if (strcmp (*own, *candidate) == 0)
        return *own;
  if (candidates != NULL)
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_IMAGE, "it has no name '%s'", name);
  return NULL;
}

static char **
choose_names (const CpdImageRow *image, const char *const *names, GError **error)
{
  g_autoptr(GStrvBuilder) chosen = g_strv_builder_new ();

  if (*names == NULL)
    return g_strdupv (image->names);
  for (; *names != NULL; names++)
    {
      const char *own = find_own_name (image, *names, error);

      if (own == NULL)
        return NULL;
      g_strv_builder_add (chosen, own);
    }
  return g_strv_builder_end (chosen);
}

static gboolean
untag_rows (CpdStorage *storage, const char *id, char **names, const CpdCaller *caller, GError **error)
{
  g_autoptr(CpdTransaction) tx = cpd_store_begin (storage->store, CPD_STORE_DURABLE, error);

  if (tx == NULL)
    return FALSE;
  for (; *names != NULL; names++)
    if (!cpd_store_untag_image (tx, *names, error)
        || !cpd_store_add_event (tx, "image", "untag", id, *names, NULL, caller, error))
      return FALSE;
  return cpd_transaction_commit (tx, error);
}

static char **
untag_locked (CpdStorage *storage, const char *id, const char *const *names, const CpdCaller *caller, GPtrArray *trash,
              GError **error)
{
  g_autoptr(CpdImageRow) image = cpd_store_get_image (storage->store, id, error);
  g_auto(GStrv) chosen = image != NULL ? choose_names (image, names, error) : NULL;
  g_autoptr(GPtrArray) losers = NULL;

  if (chosen == NULL || *chosen == NULL)
    return g_steal_pointer (&chosen);
  losers = cpd_storage_list_losers (storage, (const char *const *) chosen, NULL);
  if (!untag_rows (storage, id, chosen, caller, error))
    return NULL;
  cpd_fault_point ("untag.committed");
  cpd_storage_discard_lost (storage, losers, trash);
  write_index (storage);
  return g_steal_pointer (&chosen);
}

char **
cpd_storage_untag_image (CpdStorage *storage, const char *id, const char *const *names, const CpdCaller *caller,
                         GError **error)
{
  g_autoptr(GPtrArray) trash = g_ptr_array_new_with_free_func (g_free);
  char **untagged;

  g_mutex_lock (&storage->lock);
  untagged = untag_locked (storage, id, names, caller, trash, error);
  g_mutex_unlock (&storage->lock);
  cpd_storage_empty_trash (trash);
  if (untagged == NULL)
    g_prefix_error (error, "failed to untag image %s: ", id);
  return untagged;
}
