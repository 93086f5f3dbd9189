/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storage/cpd-storage-private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "common/cpd-names.h"
#include "public/cpod-error.h"

static const CpdStorageDriver *const drivers[] = { &cpd_storage_overlay, &cpd_storage_fuse, &cpd_storage_vfs };

/* The first of that name: whether a program makes overlays is settled elsewhere. */
const CpdStorageDriver *
cpd_storage_find_driver (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (drivers); i++)
    if (strcmp (drivers[i]->name, name) == 0)
      return drivers[i];
  return NULL;
}

static gboolean
check_id (const char *container_id, GError **error)
{
  if (cpd_id_is_valid (container_id))
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "'%.80s' is no id of a container", container_id);
  return FALSE;
}

static char *
rw_path (CpdStorage *storage, const char *container_id)
{
  return g_build_filename (storage->overlay, "c", container_id, NULL);
}

/* What made it, whatever makes new ones now. */
static const CpdStorageDriver *
driver_of (CpdStorage *storage, const char *path)
{
  for (gsize i = 0; i < G_N_ELEMENTS (drivers); i++)
    {
      g_autofree char *root = g_build_filename (path, drivers[i]->directory, NULL);

      if (access (root, F_OK) == 0)
        return drivers[i];
    }
  return storage->driver;
}

/* The image is noted beside the layer, which is worth nothing without it. */
static gboolean
note_image (const char *path, const char *image_id, GError **error)
{
  g_autofree char *image = g_build_filename (path, "image", NULL);

  if (symlink (image_id, image) == 0 || errno == EEXIST)
    return TRUE;
  cpd_set_error_errno (error, errno, "failed to make %s", image);
  return FALSE;
}

static gboolean
make_directory (const char *path, GError **error)
{
  if (mkdir (path, 0700) == 0 || errno == EEXIST)
    return TRUE;
  cpd_set_error_errno (error, errno, "failed to make %s", path);
  return FALSE;
}

gboolean
cpd_storage_create_rw (CpdStorage *storage, const char *container_id, const char *image_id, GCancellable *cancellable,
                       GError **error)
{
  g_autofree char *path = rw_path (storage, container_id);

  if (!check_id (container_id, error))
    return FALSE;
  if (g_file_test (path, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_CONTAINER_EXISTS,
                   "container %s has a writable layer already", container_id);
      return FALSE;
    }
  if (make_directory (path, error) && note_image (path, image_id, error)
      && storage->driver->create (storage, path, image_id, cancellable, error))
    return TRUE;
  cpd_fs_remove_tree (path, NULL);
  return FALSE;
}

gboolean
cpd_storage_mend_rw (CpdStorage *storage, const char *container_id, const char *image_id, GError **error)
{
  g_autofree char *path = rw_path (storage, container_id);

  return check_id (container_id, error) && make_directory (path, error) && note_image (path, image_id, error)
         && driver_of (storage, path)->mend (storage, path, image_id, error);
}

gboolean
cpd_storage_mount (CpdStorage *storage, const char *container_id, const char *image_id,
                   const char *target, gboolean volatile_, GError **error)
{
  g_autofree char *absolute = g_canonicalize_filename (target, NULL);
  g_autofree char *path = rw_path (storage, container_id);

  if (!check_id (container_id, error))
    return FALSE;
  if (driver_of (storage, path)->mount (storage, container_id, image_id, absolute, volatile_, error))
    return TRUE;
  g_prefix_error (error, "failed to mount the root of container %s: ", container_id);
  return FALSE;
}

gboolean
cpd_storage_bind (CpdStorage *storage, const char *source, const char *target, GError **error)
{
  if (mount (source, target, NULL, MS_BIND, NULL) == 0)
    return TRUE;
  cpd_set_error_errno (error, errno, "failed to show %s at %s", source, target);
  return FALSE;
}

gboolean
cpd_storage_unmount (CpdStorage *storage, const char *target, GError **error)
{
  return cpd_fs_unmount (target, error);
}

gboolean
cpd_storage_delete_rw (CpdStorage *storage, const char *container_id, GError **error)
{
  g_autofree char *path = rw_path (storage, container_id);

  if (!check_id (container_id, error))
    return FALSE;
  if (cpd_fs_remove_tree (path, error))
    return TRUE;
  g_prefix_error (error, "failed to delete the writable layer of container %s: ", container_id);
  return FALSE;
}

/* Adds up what is below the directory, each file once however many names it has here. */
static gint64
measure_at (int parent, const char *name)
{
  cpd_autofd int fd = openat (parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *dir = fd >= 0 ? fdopendir (dup (fd)) : NULL;
  struct dirent *entry;
  struct stat info;
  gint64 sum = 0;

  while (dir != NULL && (entry = readdir (dir)) != NULL)
    {
      if (strcmp (entry->d_name, ".") == 0 || strcmp (entry->d_name, "..") == 0
          || fstatat (fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) < 0)
        continue;
      sum += (gint64) info.st_blocks * 512 / (S_ISDIR (info.st_mode) ? 1 : MAX (info.st_nlink, 1));
      if (S_ISDIR (info.st_mode))
        sum += measure_at (fd, entry->d_name);
    }
  if (dir != NULL)
    closedir (dir);
  return sum;
}

gint64
cpd_storage_measure_rw (CpdStorage *storage, const char *container_id)
{
  g_autofree char *path = rw_path (storage, container_id);
  g_autofree char *root = g_build_filename (path, driver_of (storage, path)->directory, NULL);

  return measure_at (AT_FDCWD, root);
}

char *
cpd_storage_upper_path (CpdStorage *storage, const char *container_id, gboolean *marks)
{
  g_autofree char *path = rw_path (storage, container_id);
  const CpdStorageDriver *driver = driver_of (storage, path);

  *marks = driver == &cpd_storage_fuse;
  return g_build_filename (path, driver->directory, NULL);
}

gboolean
cpd_storage_is_copy (CpdStorage *storage, const char *container_id)
{
  g_autofree char *path = rw_path (storage, container_id);

  return driver_of (storage, path) == &cpd_storage_vfs;
}

const char *
cpd_storage_get_rw_driver (CpdStorage *storage, const char *container_id)
{
  g_autofree char *path = rw_path (storage, container_id);

  return driver_of (storage, path)->name;
}

char *
cpd_storage_get_rw_image (CpdStorage *storage, const char *container_id)
{
  g_autofree char *path = rw_path (storage, container_id);
  g_autofree char *link = g_build_filename (path, "image", NULL);
  g_autofree char *image = g_file_read_link (link, NULL);

  return image != NULL && cpd_id_is_valid (image) ? g_steal_pointer (&image) : NULL;
}

/* Not every file system remembers when a file was made; a change of its inode comes next to it. */
gint64
cpd_storage_get_rw_created (CpdStorage *storage, const char *container_id)
{
  g_autofree char *path = rw_path (storage, container_id);
  g_autofree char *link = g_build_filename (path, "image", NULL);
  struct statx info;
  const struct statx_timestamp *time;

  if (statx (AT_FDCWD, link, AT_SYMLINK_NOFOLLOW, STATX_BTIME | STATX_CTIME, &info) < 0
      && statx (AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BTIME | STATX_CTIME, &info) < 0)
    return 0;
  time = (info.stx_mask & STATX_BTIME) != 0 ? &info.stx_btime : &info.stx_ctime;
  return time->tv_sec * G_USEC_PER_SEC + time->tv_nsec / 1000;
}

GPtrArray *
cpd_storage_list_rw (CpdStorage *storage, GError **error)
{
  g_autofree char *path = g_build_filename (storage->overlay, "c", NULL);

  return cpd_fs_list_dir (path, error);
}
