/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storage/cpd-storage-private.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "public/cpod-error.h"

/* The kernel cuts longer options off without a word; what is left may even be mounted, wrongly. */
#define OPTIONS_MAX 4094

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

/* Of the root's owner, mode and time, overlayfs shows those of the upper directory. */
static gboolean
take_after (const char *path, const struct stat *root)
{
  const struct timespec times[2] = { root->st_atim, root->st_mtim };

  return chown (path, root->st_uid, root->st_gid) == 0 && chmod (path, root->st_mode & 07777) == 0
         && utimensat (AT_FDCWD, path, times, 0) == 0;
}

static gboolean
create (CpdStorage *storage, const char *path, const char *image_id, GCancellable *cancellable, GError **error)
{
  g_autofree char *upper = g_build_filename (path, "u", NULL);
  g_autofree char *work = g_build_filename (path, "w", NULL);
  struct stat root;

  if (!stat_image_root (storage, image_id, &root, error))
    return FALSE;
  if (mkdir (upper, 0700) == 0 && mkdir (work, 0700) == 0
      && take_after (upper, &root))
    return TRUE;
  cpd_set_error_errno (error, errno, "failed to make %s", upper);
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
  else if (take_after (path, root))
    return TRUE;
  cpd_set_error_errno (error, errno, "failed to make %s", path);
  return FALSE;
}

static gboolean
mend (CpdStorage *storage, const char *path, const char *image_id, GError **error)
{
  g_autofree char *upper = g_build_filename (path, "u", NULL);
  g_autofree char *work = g_build_filename (path, "w", NULL);
  struct stat root;

  if (access (upper, F_OK) == 0 && access (work, F_OK) == 0)
    return TRUE;
  if (!stat_image_root (storage, image_id, &root, error) || !mend_directory (upper, &root, error))
    return FALSE;
  if (mkdir (work, 0700) == 0 || errno == EEXIST)
    return TRUE;
  cpd_set_error_errno (error, errno, "failed to make %s", work);
  return FALSE;
}

/* The options for the layers of an image, all paths relative to the overlay directory. */
static GString *
make_lower (CpdStorage *storage, const char *image_id, GError **error)
{
  g_autoptr(GPtrArray) layers = cpd_store_list_image_layers (storage->store, image_id, error);
  GString *options;

  if (layers == NULL)
    return NULL;
  if (layers->len == 0 || layers->len > CPD_STORAGE_LAYERS_MAX)
    {
      g_set_error (error, CPOD_ERROR, layers->len == 0 ? CPOD_ERROR_NO_SUCH_IMAGE : CPOD_ERROR_FAILED,
                   "image %s has %u layers: there must be 1 to %d", image_id, layers->len, CPD_STORAGE_LAYERS_MAX);
      return NULL;
    }
  options = g_string_new ("lowerdir=");
  for (guint i = layers->len; i > 0; i--)       /* the topmost comes first */
    g_string_append_printf (options, "l/%s%s", ((const CpdLayerRow *) layers->pdata[i - 1])->link,
                            i > 1 ? ":" : "");
  return options;
}

static char *
finish_options (GString *options, const char *image_id, GError **error)
{
  if (options->len <= OPTIONS_MAX)
    return g_string_free (options, FALSE);
  g_string_free (options, TRUE);
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "the mount options of image %s are too long", image_id);
  return NULL;
}

static char *
make_options (CpdStorage *storage, const char *container_id, const char *image_id,
              gboolean volatile_, GError **error)
{
  GString *options = make_lower (storage, image_id, error);

  if (options == NULL)
    return NULL;
  g_string_append_printf (options, ",upperdir=c/%s/u,workdir=c/%s/w%s%s", container_id, container_id,
                          storage->mount_options.data,
                          volatile_ || storage->mount_options.volatile_ ? ",volatile" : "");
  return finish_options (options, image_id, error);
}

typedef struct
{
  const char *directory;        /* that the paths in OPTIONS are relative to */
  const char *target;
  const char *options;
  unsigned long flags;
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
  else if (mount ("overlay", job->target, "overlay", job->flags, job->options) < 0)
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
mount_relative (CpdStorage *storage, const char *target, const char *options, unsigned long flags, GError **error)
{
  MountJob job = {
    .directory = storage->overlay, .target = target, .options = options,
    .flags = storage->mount_options.flags | flags
  };
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

static gboolean
mount_root (CpdStorage *storage, const char *container_id, const char *image_id, const char *target,
            gboolean volatile_, GError **error)
{
  g_autofree char *options = make_options (storage, container_id, image_id, volatile_, error);

  return options != NULL && remove_volatile_mark (storage, container_id, error)
         && mount_relative (storage, target, options, 0, error);
}

static gboolean
mount_image (CpdStorage *storage, const char *image_id, const char *copy, const char *target, GError **error)
{
  GString *lower = make_lower (storage, image_id, error);
  g_autofree char *options = NULL;

  if (lower == NULL)
    return FALSE;
  g_string_append (lower, storage->mount_options.data);
  options = finish_options (lower, image_id, error);
  return options != NULL && mount_relative (storage, target, options, MS_RDONLY, error);
}

const CpdStorageDriver cpd_storage_overlay = { "overlay", "u", create, mend, mount_root, mount_image };
