/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storage/cpd-storage-private.h"

#include "public/cpod-error.h"
#include "storage/cpd-mount-program.h"

/*
 * Overlays that a program makes. What it writes differs a little from what the
 * kernel does: it adds marks by name. So a container stays with it, and has a
 * directory of another name.
 */

static gboolean
create (CpdStorage *storage, const char *path, const char *image_id, GCancellable *cancellable, GError **error)
{
  return cpd_storage_create_upper (storage, path, cpd_storage_fuse.directory, image_id, error);
}

static gboolean
mend (CpdStorage *storage, const char *path, const char *image_id, GError **error)
{
  return cpd_storage_mend_upper (storage, path, cpd_storage_fuse.directory, image_id, error);
}

/* Another one than today's may have made the container; they are all alike. */
static char *
find_program (CpdStorage *storage, GError **error)
{
  char *program = cpd_mount_program_find (storage->mount_program);

  if (program == NULL)
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED,
                 "it was made with a program that makes overlays, and now there is none: install fuse-overlayfs, or set "
                 "storage.options.overlay.mount_program");
  return program;
}

static gboolean
mount_root (CpdStorage *storage, const char *container_id, const char *image_id, const char *target,
            gboolean volatile_, GError **error)
{
  g_autofree char *program = find_program (storage, error);
  const CpdOverlayMount mount = { program, cpd_storage_fuse.directory, "" };

  return program != NULL
         && cpd_storage_mount_layers (storage, &mount, container_id, image_id, target, volatile_, error);
}

static gboolean
mount_image (CpdStorage *storage, const char *image_id, const char *copy, const char *target, GError **error)
{
  g_autofree char *program = find_program (storage, error);
  const CpdOverlayMount mount = { program, NULL, "" };

  return program != NULL && cpd_storage_mount_lower (storage, &mount, image_id, target, error);
}

const CpdStorageDriver cpd_storage_fuse = { "overlay", "f", create, mend, mount_root, mount_image };
