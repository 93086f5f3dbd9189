/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/cpd-disk-usage.h"

#include "engine/cpd-engine-private.h"
#include "public/cpod-error.h"

static void
image_usage_free (CpdImageUsage *usage)
{
  g_clear_pointer (&usage->row, cpd_image_row_free);
  g_free (usage);
}

static void
container_usage_free (CpdContainerUsage *usage)
{
  g_clear_pointer (&usage->row, cpd_container_row_free);
  g_free (usage);
}

void
cpd_disk_usage_free (CpdDiskUsage *usage)
{
  g_ptr_array_unref (usage->images);
  g_ptr_array_unref (usage->containers);
  g_free (usage);
}

gboolean
cpd_container_usage_is_active (const CpdContainerUsage *usage)
{
  CpdContainerState state = usage->row->status.state;

  return state == CPD_CONTAINER_RUNNING || state == CPD_CONTAINER_PAUSED || state == CPD_CONTAINER_STOPPING;
}

/* Takes ROW. NEEDED gets the layers of an image that containers are made of. */
static gboolean
add_image (CpdEngine *engine, CpdDiskUsage *usage, CpdImageRow *row, GHashTable *needed, GError **error)
{
  CpdImageUsage *image = g_new0 (CpdImageUsage, 1);
  g_autoptr(GPtrArray) layers = cpd_store_list_image_layers (engine->store, row->id, error);

  image->row = row;
  g_ptr_array_add (usage->images, image);
  for (guint i = 0; layers != NULL && i < layers->len; i++)
    {
      const CpdLayerRow *layer = layers->pdata[i];

      if (cpd_store_count_layer_images (engine->store, layer->chain_id) > 1)
        image->shared += layer->size;
      else
        image->unique += layer->size;
      if (row->containers > 0)
        g_hash_table_add (needed, g_strdup (layer->chain_id));
    }
  return layers != NULL;
}

static gboolean
add_images (CpdEngine *engine, CpdDiskUsage *usage, GError **error)
{
  g_autoptr(GHashTable) needed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(GPtrArray) rows = cpd_store_list_images (engine->store, error);
  g_autoptr(GPtrArray) layers = rows != NULL ? cpd_store_list_layers (engine->store, error) : NULL;

  if (layers == NULL)
    return FALSE;
  while (rows->len > 0)
    if (!add_image (engine, usage, g_ptr_array_steal_index (rows, 0), needed, error))
      return FALSE;
  for (guint i = 0; i < layers->len; i++)
    {
      const CpdLayerRow *layer = layers->pdata[i];

      usage->images_size += layer->size;
      if (!g_hash_table_contains (needed, layer->chain_id))
        usage->images_reclaimable += layer->size;
    }
  return TRUE;
}

/* Takes ROW. */
static void
add_container (CpdEngine *engine, CpdDiskUsage *usage, CpdContainerRow *row)
{
  CpdContainerUsage *container = g_new0 (CpdContainerUsage, 1);

  container->row = row;
  container->size = cpd_storage_measure_rw (engine->storage, row->id);
  g_ptr_array_add (usage->containers, container);
  usage->containers_size += container->size;
  if (!cpd_container_usage_is_active (container))
    usage->containers_reclaimable += container->size;
}

static gboolean
add_containers (CpdEngine *engine, CpdDiskUsage *usage, GCancellable *cancellable, GError **error)
{
  CpdContainerQuery query = { .all = TRUE, .with_config = TRUE };
  g_autoptr(GPtrArray) rows = cpd_store_list_containers (engine->store, &query, error);

  while (rows != NULL && rows->len > 0)
    {
      if (g_cancellable_is_cancelled (cancellable))
        {
          g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_CANCELLED, "it was cancelled");
          return FALSE;
        }
      add_container (engine, usage, g_ptr_array_steal_index (rows, 0));
    }
  return rows != NULL;
}

CpdDiskUsage *
cpd_engine_get_disk_usage (CpdEngine *engine, GCancellable *cancellable, GError **error)
{
  g_autoptr(CpdDiskUsage) usage = g_new0 (CpdDiskUsage, 1);

  usage->images = g_ptr_array_new_with_free_func ((GDestroyNotify) image_usage_free);
  usage->containers = g_ptr_array_new_with_free_func ((GDestroyNotify) container_usage_free);
  if (add_images (engine, usage, error) && add_containers (engine, usage, cancellable, error))
    return g_steal_pointer (&usage);
  g_prefix_error (error, "failed to find out what is used of the disk: ");
  return NULL;
}
