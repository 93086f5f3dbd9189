/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/containers/cpd-container-diff.h"

#include "engine/cpd-engine-private.h"

#define NOT_REMOVING (CPD_STATE_BIT (CPD_CONTAINER_REMOVING) - 1)

/* What the engine and the OCI runtime put into the root to mount on: podman leaves out the same. */
static const char *const mount_points[] = {
  "/dev", "/etc/hostname", "/etc/hosts", "/etc/mtab", "/etc/resolv.conf", "/proc", "/run", "/run/.containerenv",
  "/run/notify", "/run/secrets", "/sys", NULL
};

GPtrArray *
cpd_engine_diff_container (CpdEngine *engine, const char *id, GError **error)
{
  g_autoptr(CpdContainerRow) row = cpd_engine_get_in_state (engine, id, NOT_REMOVING, "compare", error);
  g_autoptr(GPtrArray) changes = row != NULL ? cpd_storage_diff_rw (engine->storage, id, row->image_id, error) : NULL;

  if (changes == NULL)
    {
      if (row != NULL)
        g_prefix_error (error, "failed to compare container %s with its image: ", row->name);
      return NULL;
    }
  for (guint i = changes->len; i > 0; i--)
    if (g_strv_contains (mount_points, ((const CpdChange *) changes->pdata[i - 1])->path))
      g_ptr_array_remove_index (changes, i - 1);
  return g_steal_pointer (&changes);
}

GPtrArray *
cpd_engine_diff_image (CpdEngine *engine, const char *id, GError **error)
{
  GPtrArray *changes = cpd_storage_diff_image (engine->storage, id, error);

  if (changes == NULL)
    g_prefix_error (error, "failed to compare image %s with what it is made of: ", id);
  return changes;
}

gboolean
cpd_engine_measure (CpdEngine *engine, const CpdContainerRow *row, gint64 *rw, gint64 *root, GError **error)
{
  g_autoptr(CpdImageRow) image = cpd_store_get_image (engine->store, row->image_id, error);

  if (image == NULL || !cpd_storage_get_rw_size (engine->storage, row->id, rw, error))
    {
      g_prefix_error (error, "failed to measure container %s: ", row->name);
      return FALSE;
    }
  *root = image->size + *rw;
  return TRUE;
}
