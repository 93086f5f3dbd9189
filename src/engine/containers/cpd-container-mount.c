/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/containers/cpd-container-mount.h"

#include <string.h>

#include "common/cpd-fs.h"
#include "engine/containers/cpd-external.h"
#include "engine/cpd-engine-private.h"
#include "engine/cpd-mounts.h"
#include "public/cpod-error.h"
#include "store/cpd-store-mounts.h"

#define NOT_REMOVING (CPD_STATE_BIT (CPD_CONTAINER_REMOVING) - 1)
#define RUNNING (CPD_STATE_BIT (CPD_CONTAINER_RUNNING) | CPD_STATE_BIT (CPD_CONTAINER_PAUSED) \
                 | CPD_STATE_BIT (CPD_CONTAINER_STOPPING))

/* An overlay must not be mounted twice, so that of a run and that of callers are one, shown in two places. */
gboolean
cpd_engine_mount_root (CpdEngine *engine, const CpdContainerRow *row, const char *root, GError **error)
{
  g_autofree char *path = cpd_engine_mount_path (engine, row->id);

  if (cpd_engine_is_mounted (path))
    return cpd_storage_bind (engine->storage, path, root, error);
  return cpd_storage_mount (engine->storage, row->id, row->image_id, root, row->auto_remove, error);
}

gboolean
cpd_engine_make_mount (CpdEngine *engine, const CpdContainerRow *row, GError **error)
{
  g_autofree char *path = cpd_engine_mount_path (engine, row->id);
  g_autofree char *root = cpd_engine_rootfs_path (engine, row->id);

  if (cpd_engine_is_mounted (path))
    return TRUE;
  if (!cpd_fs_mkdir_p (path, 0700, error))
    return FALSE;
  if (cpd_engine_is_mounted (root))
    return cpd_storage_bind (engine->storage, root, path, error);
  return cpd_storage_mount (engine->storage, row->id, row->image_id, path, row->auto_remove, error);
}

static gboolean
make_mount (CpdEngine *engine, const CpdMountable *what, GError **error)
{
  return cpd_engine_make_mount (engine, what->row, error);
}

static GVariant *
list_attributes (const CpdMountable *what)
{
  g_autoptr(GVariantBuilder) attributes = cpd_engine_attributes (what->row);

  return g_variant_builder_end (attributes);
}

static CpdMountable
mountable (const char *type, const CpdContainerRow *row)
{
  return (CpdMountable) {
    .kind = "container", .type = type, .id = row->id, .name = row->name, .event_name = row->name, .row = row,
    .make = make_mount, .attributes = list_attributes,
  };
}

gboolean
cpd_engine_mount_locked (CpdEngine *engine, const char *type, const CpdContainerRow *row,
                         const CpdCaller *caller, GError **error)
{
  const CpdMountable what = mountable (type, row);

  return cpd_engine_mount_counted (engine, &what, caller, error);
}

gboolean
cpd_engine_unmount_locked (CpdEngine *engine, const char *type, const CpdContainerRow *row, gboolean force,
                           const CpdCaller *caller, GError **error)
{
  const CpdMountable what = mountable (type, row);

  return cpd_engine_unmount_counted (engine, &what, force, caller, error);
}

char *
cpd_engine_mount_container (CpdEngine *engine, const char *id, const CpdCaller *caller, GError **error)
{
  g_autoptr(CpdHold) hold = cpd_holds_take (engine->holds);
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "mount");
  g_autoptr(CpdContainerRow) row = cpd_engine_get_in_state (engine, id, NOT_REMOVING, "mount", error);

  if (row == NULL || (cpd_engine_needs_refresh (engine, id) && !cpd_engine_refresh_locked (engine, row, error))
      || !cpd_engine_mount_locked (engine, "container", row, caller, error))
    return NULL;
  return cpd_engine_mount_path (engine, id);
}

gboolean
cpd_engine_unmount_container (CpdEngine *engine, const char *id, gboolean force, const CpdCaller *caller,
                              GError **error)
{
  g_autoptr(CpdHold) hold = cpd_holds_take (engine->holds);
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "unmount");
  const guint allowed = force ? NOT_REMOVING : NOT_REMOVING & ~RUNNING;
  g_autoptr(CpdContainerRow) row = cpd_engine_get_in_state (engine, id, allowed, "unmount", error);

  return row != NULL && cpd_engine_unmount_locked (engine, "container", row, force, caller, error);
}

static void
mounted_free (gpointer data)
{
  CpdMounted *mounted = data;

  g_free (mounted->id);
  g_free (mounted->name);
  g_free (mounted->path);
  g_free (mounted);
}

static gboolean
add_mounted (CpdEngine *engine, const CpdMountRow *row, const char *namespace, GPtrArray *list, GError **error)
{
  g_autoptr(GError) failure = NULL;
  g_autoptr(CpdContainerRow) container = cpd_engine_get_container (engine, row->id, &failure);
  g_autoptr(CpdExternal) external = NULL;
  CpdMounted *mounted;

  if (container == NULL && !g_error_matches (failure, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER))
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  external = container == NULL ? cpd_engine_get_external (engine, row->id) : NULL;
  if (container == NULL && external == NULL)    /* removed meanwhile */
    return TRUE;
  if (*namespace != '\0' && (container == NULL || strcmp (container->namespace, namespace) != 0))
    return TRUE;
  mounted = g_new0 (CpdMounted, 1);
  mounted->id = g_strdup (row->id);
  mounted->name = g_strdup (container != NULL ? container->name : external->name);
  mounted->path = cpd_engine_mount_path (engine, row->id);
  mounted->count = row->count;
  mounted->external = external != NULL;
  g_ptr_array_add (list, mounted);
  return TRUE;
}

GPtrArray *
cpd_engine_list_mounts (CpdEngine *engine, const char *namespace, GError **error)
{
  g_autoptr(GPtrArray) rows = cpd_store_list_mounts (engine->store, error);
  g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func (mounted_free);

  if (rows == NULL)
    return NULL;
  for (guint i = 0; i < rows->len; i++)
    if (!add_mounted (engine, rows->pdata[i], namespace, list, error))
      return NULL;
  return g_steal_pointer (&list);
}

gboolean
cpd_engine_remake_container_mount (CpdEngine *engine, const char *id, GError **error)
{
  g_autoptr(CpdContainerRow) row = cpd_engine_get_container (engine, id, NULL);
  g_autoptr(CpdExternal) external = row == NULL ? cpd_engine_get_external (engine, id) : NULL;

  if (external != NULL)
    {
      CpdContainerRow stand_in = { .id = external->id, .image_id = external->image_id };

      return cpd_engine_make_mount (engine, &stand_in, error);
    }
  return row == NULL || cpd_engine_make_mount (engine, row, error);
}
