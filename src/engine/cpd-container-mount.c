/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/cpd-container-mount.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "common/cpd-fault.h"
#include "common/cpd-fs.h"
#include "common/cpd-names.h"
#include "engine/cpd-container-root.h"
#include "engine/cpd-engine-private.h"
#include "engine/cpd-external.h"
#include "public/cpod-error.h"
#include "store/cpd-store-mounts.h"
#include "store/cpd-store-operations.h"

#define NOT_REMOVING (CPD_STATE_BIT (CPD_CONTAINER_REMOVING) - 1)
#define RUNNING (CPD_STATE_BIT (CPD_CONTAINER_RUNNING) | CPD_STATE_BIT (CPD_CONTAINER_PAUSED) \
                 | CPD_STATE_BIT (CPD_CONTAINER_STOPPING))

static char *
mounts_dir (CpdEngine *engine)
{
  return g_build_filename (engine->config->run_root, "mounts", NULL);
}

char *
cpd_engine_mount_path (CpdEngine *engine, const char *id)
{
  return g_build_filename (engine->config->run_root, "mounts", id, NULL);
}

/* An overlay must not be mounted twice, so that of a run and that of callers are one, shown in two places. */
gboolean
cpd_engine_mount_root (CpdEngine *engine, const CpdContainerRow *row, const char *root, GError **error)
{
  g_autofree char *path = cpd_engine_mount_path (engine, row->id);

  if (cpd_fs_is_mountpoint (path))
    return cpd_storage_bind (engine->storage, path, root, error);
  return cpd_storage_mount (engine->storage, row->id, row->image_id, root, row->auto_remove, error);
}

gboolean
cpd_engine_make_mount (CpdEngine *engine, const CpdContainerRow *row, GError **error)
{
  g_autofree char *path = cpd_engine_mount_path (engine, row->id);
  g_autofree char *root = cpd_engine_rootfs_path (engine, row->id);

  if (cpd_fs_is_mountpoint (path))
    return TRUE;
  if (!cpd_fs_mkdir_p (path, 0700, error))
    return FALSE;
  if (cpd_fs_is_mountpoint (root))
    return cpd_storage_bind (engine->storage, root, path, error);
  return cpd_storage_mount (engine->storage, row->id, row->image_id, path, row->auto_remove, error);
}

static gboolean
remove_mount_point (const char *path, GError **error)
{
  if (rmdir (path) == 0 || errno == ENOENT)
    return TRUE;
  cpd_set_error_errno (error, errno, "failed to remove %s", path);
  return FALSE;
}

gboolean
cpd_engine_drop_mount (CpdEngine *engine, const char *id, GError **error)
{
  g_autofree char *path = cpd_engine_mount_path (engine, id);

  return cpd_storage_unmount (engine->storage, path, error) && remove_mount_point (path, error);
}

/* Unlike cpd_engine_drop_mount(), leaves it to who uses it. */
static gboolean
unmount_unused (CpdEngine *engine, const char *id, GError **error)
{
  g_autofree char *path = cpd_engine_mount_path (engine, id);

  if (umount2 (path, UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT)
    {
      if (errno == EBUSY)
        g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_STATE,
                     "%s is used: end what uses it, or give the option 'force'", path);
      else
        cpd_set_error_errno (error, errno, "failed to unmount %s", path);
      return FALSE;
    }
  return remove_mount_point (path, error);
}

/* How often it is mounted now, the event, and the end of an operation, all at once. */
static gboolean
record (CpdEngine *engine, const char *type, const CpdContainerRow *row, guint count, gint64 operation,
        gboolean mounting, const CpdCaller *caller, GError **error)
{
  g_autoptr(GVariantBuilder) attributes = cpd_engine_attributes (row);
  g_autoptr(CpdTransaction) tx = cpd_store_begin (engine->store, CPD_STORE_BOOT, error);

  return tx != NULL
         && cpd_store_set_mounts (tx, row->id, count, error)
         && cpd_store_add_event (tx, type, mounting ? "mount" : "unmount", row->id, row->name,
                                 g_variant_builder_end (attributes), caller, error)
         && (operation == 0 || cpd_store_delete_operation (tx, operation, error))
         && cpd_transaction_commit (tx, error);
}

/* Brings back what the records say, after a step has failed. */
static void
undo (CpdEngine *engine, const char *id, gint64 operation)
{
  g_autoptr(GError) error = NULL;

  if (!cpd_engine_settle_mount (engine, id, &error))
    g_message ("failed to undo a change of the mounts of container %s: %s", id, error->message);
  cpd_engine_end_operation (engine, operation);
}

static gboolean
mount_first (CpdEngine *engine, const char *type, const CpdContainerRow *row, guint count,
             const CpdCaller *caller, GError **error)
{
  gint64 operation;

  if (!cpd_engine_begin_operation (engine, "mount", row->id, &operation, error))
    return FALSE;
  cpd_fault_point ("mount.intent");
  if (!cpd_engine_make_mount (engine, row, error))
    {
      undo (engine, row->id, operation);
      return FALSE;
    }
  cpd_fault_point ("mount.mounted");
  if (!record (engine, type, row, count + 1, operation, TRUE, caller, error))
    {
      undo (engine, row->id, operation);
      return FALSE;
    }
  cpd_fault_point ("mount.committed");
  return TRUE;
}

gboolean
cpd_engine_mount_locked (CpdEngine *engine, const char *type, const CpdContainerRow *row,
                         const CpdCaller *caller, GError **error)
{
  g_autofree char *path = cpd_engine_mount_path (engine, row->id);
  guint count;

  if (cpd_store_get_mounts (engine->store, row->id, &count, error)
      && (count > 0 && cpd_fs_is_mountpoint (path)
          ? record (engine, type, row, count + 1, 0, TRUE, caller, error)
          : mount_first (engine, type, row, count, caller, error)))
    return TRUE;
  g_prefix_error (error, "failed to mount container %s: ", row->name);
  return FALSE;
}

static gboolean
unmount_last (CpdEngine *engine, const char *type, const CpdContainerRow *row, gboolean force,
              const CpdCaller *caller, GError **error)
{
  gint64 operation;

  if (!cpd_engine_begin_operation (engine, "unmount", row->id, &operation, error))
    return FALSE;
  cpd_fault_point ("unmount.intent");
  /* Whoever has borrowed the root unmounts it afterwards. */
  if (!cpd_engine_root_is_borrowed (engine, row->id)
      && !(force ? cpd_engine_drop_mount (engine, row->id, error) : unmount_unused (engine, row->id, error)))
    {
      undo (engine, row->id, operation);
      return FALSE;
    }
  cpd_fault_point ("unmount.unmounted");
  if (!record (engine, type, row, 0, operation, FALSE, caller, error))
    {
      undo (engine, row->id, operation);
      return FALSE;
    }
  cpd_fault_point ("unmount.committed");
  return TRUE;
}

gboolean
cpd_engine_unmount_locked (CpdEngine *engine, const char *type, const CpdContainerRow *row, gboolean force,
                           const CpdCaller *caller, GError **error)
{
  guint count;

  if (!cpd_store_get_mounts (engine->store, row->id, &count, error))
    return FALSE;
  if (count == 0)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_STATE, "container %s is not mounted", row->name);
      return FALSE;
    }
  if (force || count == 1 ? unmount_last (engine, type, row, force, caller, error)
                          : record (engine, type, row, count - 1, 0, FALSE, caller, error))
    return TRUE;
  g_prefix_error (error, "failed to unmount container %s: ", row->name);
  return FALSE;
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

static gboolean
mount_again (CpdEngine *engine, const char *id, GError **error)
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

gboolean
cpd_engine_settle_mount (CpdEngine *engine, const char *id, GError **error)
{
  guint count;

  if (!cpd_store_get_mounts (engine->store, id, &count, error))
    return FALSE;
  if (count > 0)
    return mount_again (engine, id, error);
  return cpd_engine_root_is_borrowed (engine, id) || cpd_engine_drop_mount (engine, id, error);
}

gboolean
cpd_engine_settle_mounts (CpdEngine *engine, GError **error)
{
  g_autofree char *directory = mounts_dir (engine);
  g_autoptr(GPtrArray) ids = cpd_fs_list_dir (directory, error);

  for (guint i = 0; ids != NULL && i < ids->len; i++)
    {
      g_autoptr(GError) failure = NULL;
      guint count;

      if (!cpd_id_is_valid (ids->pdata[i]))
        continue;
      if (!cpd_store_get_mounts (engine->store, ids->pdata[i], &count, error))
        return FALSE;
      if (count == 0 && !cpd_engine_drop_mount (engine, ids->pdata[i], &failure))
        g_message ("failed to unmount what nobody has mounted: %s", failure->message);
    }
  return ids != NULL;
}

static void
check_mount (CpdEngine *engine, const char *id, GPtrArray *problems)
{
  g_autoptr(CpdLock) lock = cpd_locks_acquire (engine->locks, id, "check");
  g_autofree char *path = cpd_engine_mount_path (engine, id);
  gboolean mounted = cpd_fs_is_mountpoint (path);
  guint count;

  if (!cpd_store_get_mounts (engine->store, id, &count, NULL) || cpd_engine_root_is_borrowed (engine, id))
    return;
  if (count > 0 && !mounted)
    g_ptr_array_add (problems, g_strjoin ("\t", "mount", id, "its root should be mounted, and is not", NULL));
  else if (count == 0 && g_file_test (path, G_FILE_TEST_EXISTS))
    g_ptr_array_add (problems, g_strjoin ("\t", "mount", id, "nobody has mounted it", NULL));
}

gboolean
cpd_engine_check_mounts (CpdEngine *engine, GPtrArray *problems, GError **error)
{
  g_autofree char *directory = mounts_dir (engine);
  g_autoptr(GPtrArray) rows = cpd_store_list_mounts (engine->store, error);
  g_autoptr(GPtrArray) ids = rows != NULL ? cpd_fs_list_dir (directory, error) : NULL;

  if (ids == NULL)
    return FALSE;
  for (guint i = 0; i < rows->len; i++)
    {
      const char *id = ((const CpdMountRow *) rows->pdata[i])->id;

      if (!g_ptr_array_find_with_equal_func (ids, id, g_str_equal, NULL))
        g_ptr_array_add (ids, g_strdup (id));
    }
  for (guint i = 0; i < ids->len; i++)
    check_mount (engine, ids->pdata[i], problems);
  return TRUE;
}
