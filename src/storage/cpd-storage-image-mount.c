/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storage/cpd-storage-private.h"

#include <errno.h>
#include <sys/mount.h>
#include <unistd.h>

#include "common/cpd-fs.h"

static char *
copies_dir (CpdStorage *storage)
{
  return g_build_filename (storage->overlay, "i", NULL);
}

/* A bind mount is made as its source is mounted; only then can it be given flags of its own. */
gboolean
cpd_storage_bind_read_only (CpdStorage *storage, const char *source, const char *target, GError **error)
{
  if (!cpd_storage_bind (storage, source, target, error))
    return FALSE;
  if (mount (NULL, target, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | storage->mount_options.flags, NULL) == 0)
    return TRUE;
  cpd_set_error_errno (error, errno, "failed to make %s read-only", target);
  cpd_fs_unmount (target, NULL);
  return FALSE;
}

/* A single layer is the root as it is, and is less than an overlay could be made of. */
static gboolean
mount_layers (CpdStorage *storage, const char *image_id, const char *target, GError **error)
{
  g_auto(GStrv) layers = cpd_storage_list_layer_dirs (storage, image_id, error);
  g_autofree char *copies = copies_dir (storage), *copy = g_build_filename (copies, image_id, NULL);

  if (layers == NULL)
    return FALSE;
  if (layers[0] != NULL && layers[1] == NULL)
    return cpd_storage_bind_read_only (storage, layers[0], target, error);
  return storage->driver->mount_image (storage, image_id, copy, target, error);
}

gboolean
cpd_storage_mount_image (CpdStorage *storage, const char *image_id, const char *target, GError **error)
{
  g_autofree char *absolute = g_canonicalize_filename (target, NULL);

  if (mount_layers (storage, image_id, absolute, error))
    return TRUE;
  g_prefix_error (error, "failed to mount the layers of image %s: ", image_id);
  return FALSE;
}

gboolean
cpd_storage_delete_image_copy (CpdStorage *storage, const char *image_id, GError **error)
{
  g_autofree char *copies = copies_dir (storage), *copy = g_build_filename (copies, image_id, NULL);

  return cpd_fs_remove_tree (copy, error);
}

gboolean
cpd_storage_has_image_copy (CpdStorage *storage, const char *image_id)
{
  g_autofree char *copies = copies_dir (storage), *copy = g_build_filename (copies, image_id, NULL);

  return access (copy, F_OK) == 0;
}

GPtrArray *
cpd_storage_list_image_copies (CpdStorage *storage, GError **error)
{
  g_autofree char *copies = copies_dir (storage);

  return cpd_fs_list_dir (copies, error);
}
