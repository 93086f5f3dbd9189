/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/cpd-mounts.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "common/cpd-fault.h"
#include "common/cpd-fs.h"
#include "common/cpd-names.h"
#include "engine/containers/cpd-container-mount.h"
#include "engine/containers/cpd-container-root.h"
#include "engine/cpd-engine-private.h"
#include "engine/images/cpd-image-mount.h"
#include "public/cpod-error.h"
#include "store/cpd-store-mounts.h"
#include "store/cpd-store-operations.h"

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

gboolean
cpd_engine_is_mounted (const char *path)
{
  if (!cpd_fs_is_mountpoint (path) || !cpd_fs_is_dead_mount (path))
    return cpd_fs_is_mountpoint (path);
  g_message ("what served %s has ended: it is mounted anew when it is needed", path);
  cpd_fs_unmount (path, NULL);
  return FALSE;
}

static gboolean
remove_mount_point (CpdEngine *engine, const char *id, const char *path, GError **error)
{
  if (rmdir (path) == 0 || errno == ENOENT)
    return cpd_storage_delete_image_copy (engine->storage, id, error);
  cpd_set_error_errno (error, errno, "failed to remove %s", path);
  return FALSE;
}

gboolean
cpd_engine_drop_mount (CpdEngine *engine, const char *id, GError **error)
{
  g_autofree char *path = cpd_engine_mount_path (engine, id);

  return cpd_storage_unmount (engine->storage, path, error) && remove_mount_point (engine, id, path, error);
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
  return remove_mount_point (engine, id, path, error);
}

static gboolean
add_event (CpdTransaction *tx, const CpdMountable *what, gboolean mounting, const CpdCaller *caller, GError **error)
{
  g_autoptr(GVariant) attributes = what->attributes != NULL ? g_variant_ref_sink (what->attributes (what)) : NULL;

  return cpd_store_add_event (tx, what->type, mounting ? "mount" : "unmount", what->id, what->event_name, attributes,
                              caller, error);
}

/* How often it is mounted now, the event, and the end of an operation, all at once. */
static gboolean
record (CpdEngine *engine, const CpdMountable *what, guint count, gint64 operation, gboolean mounting,
        const CpdCaller *caller, GError **error)
{
  g_autoptr(CpdTransaction) tx = cpd_store_begin (engine->store, CPD_STORE_BOOT, error);

  return tx != NULL
         && (!mounting || what->check == NULL || what->check (tx, what, error))
         && cpd_store_set_mounts (tx, what->id, count, error)
         && add_event (tx, what, mounting, caller, error)
         && (operation == 0 || cpd_store_delete_operation (tx, operation, error))
         && cpd_transaction_commit (tx, error);
}

/* Brings back what the records say, after a step has failed. */
static void
undo (CpdEngine *engine, const CpdMountable *what, gint64 operation)
{
  g_autoptr(GError) error = NULL;

  if (!cpd_engine_settle_mount (engine, what->id, &error))
    g_message ("failed to undo a change of the mounts of %s %s: %s", what->kind, what->id, error->message);
  cpd_engine_end_operation (engine, operation);
}

static gboolean
mount_first (CpdEngine *engine, const CpdMountable *what, guint count, const CpdCaller *caller, GError **error)
{
  gint64 operation;

  if (!cpd_engine_begin_operation (engine, "mount", what->id, &operation, error))
    return FALSE;
  cpd_fault_point ("mount.intent");
  if (!what->make (engine, what, error))
    {
      undo (engine, what, operation);
      return FALSE;
    }
  cpd_fault_point ("mount.mounted");
  if (!record (engine, what, count + 1, operation, TRUE, caller, error))
    {
      undo (engine, what, operation);
      return FALSE;
    }
  cpd_fault_point ("mount.committed");
  return TRUE;
}

gboolean
cpd_engine_mount_counted (CpdEngine *engine, const CpdMountable *what, const CpdCaller *caller, GError **error)
{
  g_autofree char *path = cpd_engine_mount_path (engine, what->id);
  guint count;

  if (cpd_store_get_mounts (engine->store, what->id, &count, error)
      && (count > 0 && cpd_engine_is_mounted (path)
          ? record (engine, what, count + 1, 0, TRUE, caller, error)
          : mount_first (engine, what, count, caller, error)))
    return TRUE;
  g_prefix_error (error, "failed to mount %s %s: ", what->kind, what->name);
  return FALSE;
}

static gboolean
unmount_last (CpdEngine *engine, const CpdMountable *what, gboolean force, const CpdCaller *caller, GError **error)
{
  gint64 operation;

  if (!cpd_engine_begin_operation (engine, "unmount", what->id, &operation, error))
    return FALSE;
  cpd_fault_point ("unmount.intent");
  /* Whoever has borrowed the root unmounts it afterwards. */
  if (!cpd_engine_root_is_borrowed (engine, what->id)
      && !(force ? cpd_engine_drop_mount (engine, what->id, error) : unmount_unused (engine, what->id, error)))
    {
      undo (engine, what, operation);
      return FALSE;
    }
  cpd_fault_point ("unmount.unmounted");
  if (!record (engine, what, 0, operation, FALSE, caller, error))
    {
      undo (engine, what, operation);
      return FALSE;
    }
  cpd_fault_point ("unmount.committed");
  return TRUE;
}

gboolean
cpd_engine_unmount_counted (CpdEngine *engine, const CpdMountable *what, gboolean force, const CpdCaller *caller,
                            GError **error)
{
  guint count;

  if (!cpd_store_get_mounts (engine->store, what->id, &count, error))
    return FALSE;
  if (count == 0)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_STATE, "%s %s is not mounted", what->kind, what->name);
      return FALSE;
    }
  if (force || count == 1 ? unmount_last (engine, what, force, caller, error)
                          : record (engine, what, count - 1, 0, FALSE, caller, error))
    return TRUE;
  g_prefix_error (error, "failed to unmount %s %s: ", what->kind, what->name);
  return FALSE;
}

gboolean
cpd_engine_settle_mount (CpdEngine *engine, const char *id, GError **error)
{
  gboolean known;
  guint count;

  if (!cpd_store_get_mounts (engine->store, id, &count, error))
    return FALSE;
  if (count > 0)
    return cpd_engine_remake_image_mount (engine, id, &known, error)
           && (known || cpd_engine_remake_container_mount (engine, id, error));
  return cpd_engine_root_is_borrowed (engine, id) || cpd_engine_drop_mount (engine, id, error);
}

/* What served it may have been killed. */
static gboolean
remount_dead (CpdEngine *engine, const char *id, GError **error)
{
  g_autofree char *path = cpd_engine_mount_path (engine, id);

  return !cpd_fs_is_dead_mount (path) || cpd_engine_settle_mount (engine, id, error);
}

static gboolean
settle_listed (CpdEngine *engine, GPtrArray *ids, GError **error)
{
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
      else if (count > 0 && !remount_dead (engine, ids->pdata[i], &failure))
        g_message ("failed to mount the root of %s anew: %s", (char *) ids->pdata[i], failure->message);
    }
  return ids != NULL;
}

gboolean
cpd_engine_settle_mounts (CpdEngine *engine, GError **error)
{
  g_autofree char *directory = mounts_dir (engine);
  g_autoptr(GPtrArray) mounted = cpd_fs_list_dir (directory, error);
  g_autoptr(GPtrArray) copied = mounted != NULL ? cpd_storage_list_image_copies (engine->storage, error) : NULL;

  return copied != NULL && settle_listed (engine, mounted, error) && settle_listed (engine, copied, error);
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
  else if (mounted && cpd_fs_is_dead_mount (path))
    g_ptr_array_add (problems, g_strjoin ("\t", "mount", id, "what serves its root has ended", NULL));
  else if (count == 0
           && (g_file_test (path, G_FILE_TEST_EXISTS) || cpd_storage_has_image_copy (engine->storage, id)))
    g_ptr_array_add (problems, g_strjoin ("\t", "mount", id, "nobody has mounted it", NULL));
}

static void
add_once (GPtrArray *ids, const char *id)
{
  if (!g_ptr_array_find_with_equal_func (ids, id, g_str_equal, NULL))
    g_ptr_array_add (ids, g_strdup (id));
}

gboolean
cpd_engine_check_mounts (CpdEngine *engine, GPtrArray *problems, GError **error)
{
  g_autofree char *directory = mounts_dir (engine);
  g_autoptr(GPtrArray) rows = cpd_store_list_mounts (engine->store, error);
  g_autoptr(GPtrArray) ids = rows != NULL ? cpd_fs_list_dir (directory, error) : NULL;
  g_autoptr(GPtrArray) copied = ids != NULL ? cpd_storage_list_image_copies (engine->storage, error) : NULL;

  if (copied == NULL)
    return FALSE;
  for (guint i = 0; i < rows->len; i++)
    add_once (ids, ((const CpdMountRow *) rows->pdata[i])->id);
  for (guint i = 0; i < copied->len; i++)
    add_once (ids, copied->pdata[i]);
  for (guint i = 0; i < ids->len; i++)
    check_mount (engine, ids->pdata[i], problems);
  return TRUE;
}
