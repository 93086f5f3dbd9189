/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storage/cpd-storage-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-fault.h"
#include "common/cpd-fs.h"
#include "public/cpod-error.h"
#include "storage/cpd-tree-merge.h"

static int
open_directory (const char *path, GError **error)
{
  int fd = open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  if (fd < 0)
    cpd_set_error_errno (error, errno, "failed to open %s", path);
  return fd;
}

static gboolean
merge_layer (CpdStorage *storage, const CpdLayerRow *layer, int root, GCancellable *cancellable, GError **error)
{
  g_autofree char *path = cpd_storage_layer_path (storage, layer->chain_id);
  g_autofree char *diff = g_build_filename (path, "diff", NULL);
  cpd_autofd int fd = open_directory (diff, error);

  if (fd >= 0 && cpd_tree_merge (fd, root, cancellable, error))
    return TRUE;
  g_prefix_error (error, "layer %s: ", layer->chain_id);
  return FALSE;
}

static gboolean
merge_layers (CpdStorage *storage, const char *image_id, int root, GCancellable *cancellable, GError **error)
{
  g_autoptr(GPtrArray) layers = cpd_store_list_image_layers (storage->store, image_id, error);

  if (layers == NULL)
    return FALSE;
  if (layers->len == 0)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_IMAGE, "image %s has no layers", image_id);
      return FALSE;
    }
  for (guint i = 0; i < layers->len; i++)       /* the lowest comes first */
    if (!merge_layer (storage, layers->pdata[i], root, cancellable, error))
      return FALSE;
  return TRUE;
}

/* A copy is never seen by its name before all of it is on the disk, as the row that will speak of it is not either. */
static gboolean
publish (const char *path, const char *copy, const char *root, int fd, GError **error)
{
  g_autofree char *parent = g_path_get_dirname (path);

  if (syncfs (fd) < 0 || rename (copy, root) < 0)
    {
      cpd_set_error_errno (error, errno, "failed to finish %s", root);
      return FALSE;
    }
  return cpd_fs_sync_dir (path, error) && cpd_fs_sync_dir (parent, error);
}

static gboolean
make_copy (CpdStorage *storage, const char *path, const char *image_id, GCancellable *cancellable, GError **error)
{
  g_autofree char *root = g_build_filename (path, "root", NULL);
  g_autofree char *copy = g_build_filename (path, "copy", NULL);
  cpd_autofd int fd = -1;

  if (mkdir (copy, 0700) < 0)
    {
      cpd_set_error_errno (error, errno, "failed to make %s", copy);
      return FALSE;
    }
  fd = open_directory (copy, error);
  if (fd < 0 || !merge_layers (storage, image_id, fd, cancellable, error))
    return FALSE;
  cpd_fault_point ("copy.merged");
  if (!publish (path, copy, root, fd, error))
    return FALSE;
  cpd_fault_point ("copy.published");
  return TRUE;
}

static gboolean
create (CpdStorage *storage, const char *path, const char *image_id, GCancellable *cancellable, GError **error)
{
  if (make_copy (storage, path, image_id, cancellable, error))
    return TRUE;
  g_prefix_error (error, "failed to copy the root of image %s: ", image_id);
  return FALSE;
}

static gboolean
mend (CpdStorage *storage, const char *path, const char *image_id, GError **error)
{
  g_autofree char *root = g_build_filename (path, "root", NULL);
  g_autofree char *copy = g_build_filename (path, "copy", NULL);

  return access (root, F_OK) == 0
         || (cpd_fs_remove_tree (copy, error) && create (storage, path, image_id, NULL, error));
}

/* As an overlay is: what devices an image has are none of the host's. */
static gboolean
mount_root (CpdStorage *storage, const char *container_id, const char *image_id, const char *target,
            gboolean volatile_, GError **error)
{
  g_autofree char *root = g_build_filename (storage->overlay, "c", container_id, "root", NULL);

  if (!cpd_storage_bind (storage, root, target, error))
    return FALSE;
  if (mount (NULL, target, NULL, MS_REMOUNT | MS_BIND | MS_NODEV, NULL) == 0)
    return TRUE;
  cpd_set_error_errno (error, errno, "failed to mount %s without devices", target);
  cpd_fs_unmount (target, NULL);
  return FALSE;
}

/* Its layers lie one in each directory, so there is nothing to mount before they were put together. */
static gboolean
mount_image (CpdStorage *storage, const char *image_id, const char *copy, const char *target, GError **error)
{
  g_autofree char *root = g_build_filename (copy, "root", NULL);

  if (access (root, F_OK) < 0
      && !(cpd_fs_remove_tree (copy, error) && cpd_fs_mkdir_p (copy, 0700, error)
           && create (storage, copy, image_id, NULL, error)))
    {
      cpd_fs_remove_tree (copy, NULL);
      return FALSE;
    }
  return cpd_storage_bind_read_only (storage, root, target, error);
}

const CpdStorageDriver cpd_storage_vfs = { "vfs", "root", create, mend, mount_root, mount_image };
