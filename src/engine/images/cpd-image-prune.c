/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/images/cpd-image-prune.h"

#include "common/cpd-fault.h"
#include "engine/cpd-engine-private.h"
#include "engine/images/cpd-image-family.h"
#include "public/cpod-error.h"
#include "store/cpd-store-mounts.h"

/* A prune under way. */
typedef struct
{
  CpdEngine *engine;            /* (unowned) */
  gboolean all;
  gboolean dry_run;
  const CpdCaller *caller;      /* (unowned) */
  GHashTable *gone;             /* (owned): chain id → by how many images less it would be needed */
} Prune;

/* Ids of images that lie under writable layers, whoever these belong to, or that are mounted. */
static GHashTable *
list_used (CpdEngine *engine, GError **error)
{
  g_autoptr(GPtrArray) containers = cpd_storage_list_rw (engine->storage, error);
  g_autoptr(GPtrArray) mounts = containers != NULL ? cpd_store_list_mounts (engine->store, error) : NULL;
  GHashTable *used;

  if (mounts == NULL)
    return NULL;
  used = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < containers->len; i++)
    {
      char *id = cpd_storage_get_rw_image (engine->storage, containers->pdata[i]);

      if (id != NULL)
        g_hash_table_add (used, id);
    }
  for (guint i = 0; i < mounts->len; i++)
    g_hash_table_add (used, g_strdup (((const CpdMountRow *) mounts->pdata[i])->id));
  return used;
}

static gboolean
may_go (const Prune *prune, const CpdListedImage *image, GHashTable *used, GHashTable *chosen)
{
  const CpdImageRow *row = image->row;

  if (row->containers > 0 || g_hash_table_contains (used, row->id) || g_hash_table_contains (chosen, row->id))
    return FALSE;
  if (prune->all || image->dangling)
    return TRUE;
  return image->intermediate && !cpd_image_has_children (prune->engine->store, row, chosen);
}

/* Ids, those that were made from others before these. */
static GPtrArray *
choose (const Prune *prune, GPtrArray *images, GHashTable *used)
{
  g_autoptr(GHashTable) chosen = g_hash_table_new (g_str_hash, g_str_equal);
  GPtrArray *ids = g_ptr_array_new_with_free_func (g_free);
  guint before;

  do
    {
      before = ids->len;
      for (guint i = 0; i < images->len; i++)
        {
          const CpdListedImage *image = images->pdata[i];

          if (!may_go (prune, image, used, chosen))
            continue;
          g_hash_table_add (chosen, image->row->id);
          g_ptr_array_add (ids, g_strdup (image->row->id));
        }
    }
  while (ids->len > before);
  return ids;
}

static GPtrArray *
find_prunable (const Prune *prune, const CpdImageQuery *query, GError **error)
{
  g_autoptr(GPtrArray) images = cpd_engine_list_images (prune->engine, query, error);
  g_autoptr(GHashTable) used = images != NULL ? list_used (prune->engine, error) : NULL;

  return used != NULL ? choose (prune, images, used) : NULL;
}

/* What is freed by the image's going: layers that it is the last to have. */
static gint64
measure (const Prune *prune, const char *id)
{
  g_autoptr(GPtrArray) layers = cpd_store_list_image_layers (prune->engine->store, id, NULL);
  gint64 bytes = 0;

  for (guint i = 0; layers != NULL && i < layers->len; i++)
    {
      const CpdLayerRow *layer = layers->pdata[i];
      guint n_gone = GPOINTER_TO_UINT (g_hash_table_lookup (prune->gone, layer->chain_id));

      if (cpd_store_count_layer_images (prune->engine->store, layer->chain_id) <= n_gone + 1)
        bytes += layer->size;
      if (prune->dry_run)
        g_hash_table_replace (prune->gone, g_strdup (layer->chain_id), GUINT_TO_POINTER (n_gone + 1));
    }
  return bytes;
}

/* Measured first: afterwards there is nothing to measure. */
static CpdPruned *
prune_one (const Prune *prune, const char *id)
{
  CpdRemoveImageFlags flags = prune->all ? CPD_REMOVE_IMAGE_ALL_NAMES : CPD_REMOVE_IMAGE_IF_NAMELESS;
  CpdPruned *pruned = g_new0 (CpdPruned, 1);
  g_auto(GStrv) untagged = NULL;
  g_autofree char *deleted = NULL;

  pruned->id = g_strdup (id);
  pruned->bytes = measure (prune, id);
  if (!prune->dry_run)
    cpd_engine_remove_image (prune->engine, id, flags, prune->caller, &untagged, &deleted, &pruned->error);
  return pruned;
}

static gboolean
add_event (const Prune *prune, GPtrArray *pruned, GError **error)
{
  GVariantBuilder attributes = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  g_autoptr(GVariant) built = NULL;
  g_autoptr(CpdTransaction) tx = NULL;
  guint64 bytes = 0;
  guint removed = 0;

  for (guint i = 0; i < pruned->len; i++)
    {
      const CpdPruned *one = pruned->pdata[i];

      removed += one->error == NULL;
      bytes += one->error == NULL ? (guint64) one->bytes : 0;
    }
  g_variant_builder_add (&attributes, "{sv}", "removed", g_variant_new_uint32 (removed));
  g_variant_builder_add (&attributes, "{sv}", "bytes", g_variant_new_uint64 (bytes));
  built = g_variant_ref_sink (g_variant_builder_end (&attributes));
  if (removed == 0)
    return TRUE;
  cpd_fault_point ("prune-images.removed");
  tx = cpd_store_begin (prune->engine->store, CPD_STORE_DURABLE, error);
  return tx != NULL && cpd_store_add_event (tx, "image", "prune", "", "", built, prune->caller, error)
         && cpd_transaction_commit (tx, error);
}

static GPtrArray *
prune_all (const Prune *prune, GPtrArray *ids, GCancellable *cancellable)
{
  GPtrArray *result = g_ptr_array_new_with_free_func ((GDestroyNotify) cpd_pruned_free);

  for (guint i = 0; i < ids->len && !g_cancellable_is_cancelled (cancellable); i++)
    {
      CpdPruned *one = prune_one (prune, ids->pdata[i]);

      /* That somebody else has removed it meanwhile is neither our doing nor an error. */
      if (g_error_matches (one->error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_IMAGE))
        cpd_pruned_free (one);
      else
        g_ptr_array_add (result, one);
      if (!prune->dry_run)
        cpd_fault_point ("prune-images.one");
    }
  return result;
}

GPtrArray *
cpd_engine_prune_images (CpdEngine *engine, const CpdImageQuery *query, gboolean all, gboolean dry_run,
                         const CpdCaller *caller, GCancellable *cancellable, GError **error)
{
  g_autoptr(GHashTable) gone = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  Prune prune = { engine, all, dry_run, caller, gone };
  g_autoptr(GPtrArray) ids = find_prunable (&prune, query, error);
  g_autoptr(GPtrArray) result = NULL;
  g_autoptr(GError) failure = NULL;

  if (ids == NULL)
    {
      g_prefix_error (error, "failed to prune images: ");
      return NULL;
    }
  result = prune_all (&prune, ids, cancellable);
  if (!dry_run && !add_event (&prune, result, &failure))        /* each removal has told of itself */
    g_message ("failed to record a prune of images: %s", failure->message);
  return g_steal_pointer (&result);
}
