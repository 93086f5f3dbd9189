/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/images/cpd-image-mount.h"

#include "common/cpd-fs.h"
#include "engine/cpd-engine-private.h"
#include "engine/cpd-mounts.h"
#include "public/cpod-error.h"
#include "store/cpd-store-mounts.h"

static gboolean
make_mount (CpdEngine *engine, const CpdMountable *what, GError **error)
{
  g_autofree char *path = cpd_engine_mount_path (engine, what->id);

  return cpd_engine_is_mounted (path)
         || (cpd_fs_mkdir_p (path, 0700, error) && cpd_storage_mount_image (engine->storage, what->id, path, error));
}

/* What removes an image knows nothing of its lock: whichever of the two is recorded first wins. */
static gboolean
check_there (CpdTransaction *tx, const CpdMountable *what, GError **error)
{
  gboolean there;

  if (!cpd_store_has_image (tx, what->id, &there, error))
    return FALSE;
  if (!there)
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_IMAGE, "image %s was removed meanwhile", what->id);
  return there;
}

static CpdMountable
mountable (const CpdImageRow *image)
{
  const char *name = image->names[0];

  return (CpdMountable) {
    .kind = "image", .type = "image", .id = image->id, .name = name != NULL ? name : image->id,
    .event_name = name != NULL ? name : "", .row = image, .make = make_mount, .check = check_there,
  };
}

char *
cpd_engine_mount_image (CpdEngine *engine, const char *id, const CpdCaller *caller, GError **error)
{
  g_autoptr(CpdHold) hold = cpd_holds_take (engine->holds);
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "mount");
  g_autoptr(CpdImageRow) image = cpd_store_get_image (engine->store, id, error);
  CpdMountable what;

  if (image == NULL)
    return NULL;
  what = mountable (image);
  return cpd_engine_mount_counted (engine, &what, caller, error) ? cpd_engine_mount_path (engine, id) : NULL;
}

gboolean
cpd_engine_unmount_image (CpdEngine *engine, const char *id, gboolean force, const CpdCaller *caller, GError **error)
{
  g_autoptr(CpdHold) hold = cpd_holds_take (engine->holds);
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "unmount");
  g_autoptr(CpdImageRow) image = cpd_store_get_image (engine->store, id, error);
  CpdMountable what;

  if (image == NULL)
    return FALSE;
  what = mountable (image);
  return cpd_engine_unmount_counted (engine, &what, force, caller, error);
}

gboolean
cpd_engine_clear_image_mounts (CpdEngine *engine, const CpdImageRow *image, const CpdCaller *caller, GError **error)
{
  const CpdMountable what = mountable (image);
  guint count;

  return cpd_store_get_mounts (engine->store, image->id, &count, error)
         && (count == 0 || cpd_engine_unmount_counted (engine, &what, TRUE, caller, error));
}

static void
mounted_free (gpointer data)
{
  CpdMountedImage *mounted = data;

  cpd_image_row_free (mounted->image);
  g_free (mounted->path);
  g_free (mounted);
}

GPtrArray *
cpd_engine_list_image_mounts (CpdEngine *engine, GError **error)
{
  g_autoptr(GPtrArray) rows = cpd_store_list_mounts (engine->store, error);
  g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func (mounted_free);

  for (guint i = 0; rows != NULL && i < rows->len; i++)
    {
      const CpdMountRow *row = rows->pdata[i];
      g_autoptr(GError) failure = NULL;
      CpdImageRow *image = cpd_store_get_image (engine->store, row->id, &failure);
      CpdMountedImage *mounted;

      if (g_error_matches (failure, CPOD_ERROR, CPOD_ERROR_NO_SUCH_IMAGE))      /* that of a container */
        continue;
      if (image == NULL)
        {
          g_propagate_error (error, g_steal_pointer (&failure));
          return NULL;
        }
      mounted = g_new0 (CpdMountedImage, 1);
      mounted->image = image;
      mounted->path = cpd_engine_mount_path (engine, row->id);
      mounted->count = row->count;
      g_ptr_array_add (list, mounted);
    }
  return rows != NULL ? g_steal_pointer (&list) : NULL;
}

gboolean
cpd_engine_remake_image_mount (CpdEngine *engine, const char *id, gboolean *known, GError **error)
{
  g_autoptr(GError) failure = NULL;
  g_autoptr(CpdImageRow) image = cpd_store_get_image (engine->store, id, &failure);
  CpdMountable what;

  *known = image != NULL;
  if (g_error_matches (failure, CPOD_ERROR, CPOD_ERROR_NO_SUCH_IMAGE))
    return TRUE;
  if (image == NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  what = mountable (image);
  return make_mount (engine, &what, error);
}
