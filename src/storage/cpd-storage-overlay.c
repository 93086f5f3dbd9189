/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storage/cpd-storage-private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "common/cpd-names.h"
#include "public/cpod-error.h"

/* The kernel cuts longer options off without a word; what is left may even be mounted, wrongly. */
#define OPTIONS_MAX 4094

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

/* Owner and mode of an image's root, which the merged root takes from the upper directory. */
static gboolean
stat_image_root (CpdStorage *storage, const char *image_id, struct stat *info, GError **error)
{
  g_autoptr(CpdImageRow) image = cpd_store_get_image (storage->store, image_id, error);
  g_autofree char *layer = NULL, *diff = NULL;

  if (image == NULL)
    return FALSE;
  layer = cpd_storage_layer_path (storage, image->top_layer);
  diff = g_build_filename (layer, "diff", NULL);
  if (stat (diff, info) == 0)
    return TRUE;
  cpd_set_error_errno (error, errno, "failed to look at layer %s", diff);
  return FALSE;
}

/* The image is noted beside the layer, which is worth nothing without it. */
static gboolean
make_rw (const char *path, const char *image_id, const struct stat *root, GError **error)
{
  g_autofree char *upper = g_build_filename (path, "u", NULL);
  g_autofree char *work = g_build_filename (path, "w", NULL);
  g_autofree char *image = g_build_filename (path, "image", NULL);

  if (mkdir (path, 0700) < 0 || mkdir (upper, 0700) < 0 || mkdir (work, 0700) < 0
      || chown (upper, root->st_uid, root->st_gid) < 0 || chmod (upper, root->st_mode & 07777) < 0
      || symlink (image_id, image) < 0)
    {
      cpd_set_error_errno (error, errno, "failed to make %s", path);
      return FALSE;
    }
  return TRUE;
}

gboolean
cpd_storage_create_rw (CpdStorage *storage, const char *container_id, const char *image_id, GError **error)
{
  g_autofree char *path = rw_path (storage, container_id);
  struct stat root;

  if (!check_id (container_id, error) || !stat_image_root (storage, image_id, &root, error))
    return FALSE;
  if (g_file_test (path, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_CONTAINER_EXISTS,
                   "container %s has a writable layer already", container_id);
      return FALSE;
    }
  if (make_rw (path, image_id, &root, error))
    return TRUE;
  cpd_fs_remove_tree (path, NULL);
  return FALSE;
}

/* What is there stays: its owner and mode are the container's by now. */
static gboolean
mend_directory (const char *path, const struct stat *root, GError **error)
{
  if (mkdir (path, 0700) < 0)
    {
      if (errno == EEXIST)
        return TRUE;
    }
  else if (root == NULL || (chown (path, root->st_uid, root->st_gid) == 0
                            && chmod (path, root->st_mode & 07777) == 0))
    return TRUE;
  cpd_set_error_errno (error, errno, "failed to make %s", path);
  return FALSE;
}

static gboolean
mend_image (const char *path, const char *image_id, GError **error)
{
  g_autofree char *image = g_build_filename (path, "image", NULL);

  if (symlink (image_id, image) == 0 || errno == EEXIST)
    return TRUE;
  cpd_set_error_errno (error, errno, "failed to make %s", image);
  return FALSE;
}

gboolean
cpd_storage_mend_rw (CpdStorage *storage, const char *container_id, const char *image_id, GError **error)
{
  g_autofree char *path = rw_path (storage, container_id);
  g_autofree char *upper = g_build_filename (path, "u", NULL);
  g_autofree char *work = g_build_filename (path, "w", NULL);
  g_autofree char *image = cpd_storage_get_rw_image (storage, container_id);
  struct stat root;

  if (access (upper, F_OK) == 0 && access (work, F_OK) == 0 && image != NULL)
    return TRUE;
  return check_id (container_id, error) && stat_image_root (storage, image_id, &root, error)
         && mend_directory (path, NULL, error) && mend_directory (upper, &root, error)
         && mend_directory (work, NULL, error) && mend_image (path, image_id, error);
}

/* The options of the mount, all paths relative to the overlay directory. */
static char *
make_options (CpdStorage *storage, const char *container_id, const char *image_id,
              gboolean volatile_, GError **error)
{
  g_autoptr(GPtrArray) layers = cpd_store_list_image_layers (storage->store, image_id, error);
  g_autoptr(GString) options = g_string_new ("lowerdir=");

  if (layers == NULL)
    return NULL;
  if (layers->len == 0 || layers->len > CPD_STORAGE_LAYERS_MAX)
    {
      g_set_error (error, CPOD_ERROR, layers->len == 0 ? CPOD_ERROR_NO_SUCH_IMAGE : CPOD_ERROR_FAILED,
                   "image %s has %u layers: there must be 1 to %d", image_id, layers->len, CPD_STORAGE_LAYERS_MAX);
      return NULL;
    }
  for (guint i = layers->len; i > 0; i--)       /* the topmost comes first */
    g_string_append_printf (options, "l/%s%s", ((const CpdLayerRow *) layers->pdata[i - 1])->link,
                            i > 1 ? ":" : "");
  g_string_append_printf (options, ",upperdir=c/%s/u,workdir=c/%s/w%s", container_id, container_id,
                          volatile_ ? ",volatile" : "");
  if (options->len > OPTIONS_MAX)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "the mount options of image %s are too long", image_id);
      return NULL;
    }
  return g_string_free (g_steal_pointer (&options), FALSE);
}

typedef struct
{
  const char *directory;        /* that the paths in OPTIONS are relative to */
  const char *target;
  const char *options;
  const char *failed;           /* what failed with ERROR_NUMBER */
  int error_number;
} MountJob;

static gpointer
mount_thread (gpointer data)
{
  MountJob *job = data;

  job->failed = NULL;
  if (unshare (CLONE_FS) < 0)
    job->failed = "leave the common working directory";
  else if (chdir (job->directory) < 0)
    job->failed = "change to";
  else if (mount ("overlay", job->target, "overlay", MS_NODEV, job->options) < 0)
    job->failed = "mount at";
  if (job->failed != NULL)
    job->error_number = errno;
  return NULL;
}

/*
 * Paths of 500 layers fit into the kernel's page of options only when they
 * are short, that is relative to a working directory. That belongs to the
 * whole process, unless a thread gets one of its own; and as a thread cannot
 * give it back, a short-lived one is started for each mount instead of
 * changing a thread of somebody's pool for good. It costs some 50 µs.
 */
static gboolean
mount_relative (CpdStorage *storage, const char *target, const char *options, GError **error)
{
  MountJob job = { storage->overlay, target, options, NULL, 0 };
  g_autoptr(GError) cause = NULL;
  GThread *thread = g_thread_try_new ("cpd-mount", mount_thread, &job, &cause);

  if (thread == NULL)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "failed to start a thread: %s", cause->message);
      return FALSE;
    }
  g_thread_join (thread);
  if (job.failed == NULL)
    return TRUE;
  cpd_set_error_errno (error, job.error_number, "failed to %s %s", job.failed, target);
  return FALSE;
}

/* A mark that an earlier volatile mount left would make the kernel refuse. */
static gboolean
remove_volatile_mark (CpdStorage *storage, const char *container_id, GError **error)
{
  g_autofree char *path = g_build_filename (storage->overlay, "c", container_id, "w", "work", "incompat", NULL);

  return !g_file_test (path, G_FILE_TEST_EXISTS) || cpd_fs_remove_tree (path, error);
}

gboolean
cpd_storage_mount (CpdStorage *storage, const char *container_id, const char *image_id,
                   const char *target, gboolean volatile_, GError **error)
{
  g_autofree char *path = g_canonicalize_filename (target, NULL);
  g_autofree char *options = NULL;

  if (!check_id (container_id, error))
    return FALSE;
  options = make_options (storage, container_id, image_id, volatile_, error);
  if (options != NULL && remove_volatile_mark (storage, container_id, error)
      && mount_relative (storage, path, options, error))
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
  g_autofree char *upper = g_build_filename (path, "u", NULL);

  return measure_at (AT_FDCWD, upper);
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
