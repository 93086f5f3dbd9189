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
#include "storage/cpd-mount-program.h"

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

gboolean
cpd_storage_create_upper (CpdStorage *storage, const char *path, const char *name, const char *image_id, GError **error)
{
  g_autofree char *upper = g_build_filename (path, name, NULL);
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

gboolean
cpd_storage_mend_upper (CpdStorage *storage, const char *path, const char *name, const char *image_id, GError **error)
{
  g_autofree char *upper = g_build_filename (path, name, NULL);
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
make_options (CpdStorage *storage, const char *container_id, const char *image_id, const char *upper,
              gboolean volatile_, GError **error)
{
  GString *options = make_lower (storage, image_id, error);

  if (options == NULL)
    return NULL;
  g_string_append_printf (options, ",upperdir=c/%s/%s,workdir=c/%s/w%s", container_id, upper, container_id,
                          volatile_ || storage->mount_options.volatile_ ? ",volatile" : "");
  return g_string_free (options, FALSE);
}

typedef struct
{
  const char *directory;        /* that the paths in OPTIONS are relative to */
  const char *program;          /* (nullable) that mounts it, NULL for the kernel */
  const char *target;
  const char *options;
  unsigned long flags;
  GError *error;                /* (owned) */
} MountJob;

static void
fail_job (MountJob *job, const char *what)
{
  cpd_set_error_errno (&job->error, errno, "failed to %s %s", what, job->target);
}

static gpointer
mount_thread (gpointer data)
{
  MountJob *job = data;

  if (unshare (CLONE_FS) < 0)
    fail_job (job, "leave the common working directory for");
  else if (chdir (job->directory) < 0)
    fail_job (job, "change directory for");
  else if (job->program != NULL)
    cpd_mount_program_run (job->program, job->options, job->target, job->flags, &job->error);
  else if (mount ("overlay", job->target, "overlay", job->flags, job->options) < 0)
    fail_job (job, "mount at");
  return NULL;
}

gboolean
cpd_storage_run_apart (const char *name, GThreadFunc function, gpointer data, GError **error)
{
  g_autoptr(GError) cause = NULL;
  GThread *thread = g_thread_try_new (name, function, data, &cause);

  if (thread == NULL)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "failed to start a thread: %s", cause->message);
      return FALSE;
    }
  g_thread_join (thread);
  return TRUE;
}

/*
 * Paths of 500 layers fit into the kernel's page of options only when they
 * are short, that is relative to a working directory. That belongs to the
 * whole process, unless a thread gets one of its own; and as a thread cannot
 * give it back, a short-lived one is started for each mount instead of
 * changing a thread of somebody's pool for good. It costs some 50 µs.
 */
static gboolean
mount_relative (CpdStorage *storage, const char *program, const char *target, const char *options,
                unsigned long flags, GError **error)
{
  MountJob job = {
    .directory = storage->overlay, .program = program, .target = target, .options = options,
    .flags = storage->mount_options.flags | flags
  };

  if (!cpd_storage_run_apart ("cpd-mount", mount_thread, &job, error))
    return FALSE;
  if (job.error == NULL)
    return TRUE;
  g_propagate_error (error, job.error);
  return FALSE;
}

/* A mark that an earlier volatile mount left would make the kernel refuse. */
static gboolean
remove_volatile_mark (CpdStorage *storage, const char *container_id, GError **error)
{
  g_autofree char *path = g_build_filename (storage->overlay, "c", container_id, "w", "work", "incompat", NULL);

  return !g_file_test (path, G_FILE_TEST_EXISTS) || cpd_fs_remove_tree (path, error);
}

/* OWN (transfer full) are those of the image and the container. */
static gboolean
mount_with (CpdStorage *storage, const CpdOverlayMount *mount, char *own, const char *image_id, const char *target,
            unsigned long flags, GError **error)
{
  g_autofree char *options = g_strconcat (own, mount->options, NULL);

  g_free (own);
  if (mount->program != NULL || strlen (options) <= OPTIONS_MAX)
    return mount_relative (storage, mount->program, target, options, flags, error);
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "the mount options of image %s are too long", image_id);
  return FALSE;
}

gboolean
cpd_storage_mount_layers (CpdStorage *storage, const CpdOverlayMount *mount, const char *container_id,
                          const char *image_id, const char *target, gboolean volatile_, GError **error)
{
  char *own = make_options (storage, container_id, image_id, mount->upper, volatile_, error);

  if (own != NULL && remove_volatile_mark (storage, container_id, error))
    return mount_with (storage, mount, own, image_id, target, 0, error);
  g_free (own);
  return FALSE;
}

gboolean
cpd_storage_mount_lower (CpdStorage *storage, const CpdOverlayMount *mount, const char *image_id, const char *target,
                         GError **error)
{
  GString *lower = make_lower (storage, image_id, error);

  return lower != NULL
         && mount_with (storage, mount, g_string_free (lower, FALSE), image_id, target, MS_RDONLY, error);
}

static gboolean
create (CpdStorage *storage, const char *path, const char *image_id, GCancellable *cancellable, GError **error)
{
  return cpd_storage_create_upper (storage, path, cpd_storage_overlay.directory, image_id, error);
}

static gboolean
mend (CpdStorage *storage, const char *path, const char *image_id, GError **error)
{
  return cpd_storage_mend_upper (storage, path, cpd_storage_overlay.directory, image_id, error);
}

static gboolean
mount_root (CpdStorage *storage, const char *container_id, const char *image_id, const char *target,
            gboolean volatile_, GError **error)
{
  const CpdOverlayMount mount = { NULL, cpd_storage_overlay.directory, storage->mount_options.data };

  return cpd_storage_mount_layers (storage, &mount, container_id, image_id, target, volatile_, error);
}

static gboolean
mount_image (CpdStorage *storage, const char *image_id, const char *copy, const char *target, GError **error)
{
  const CpdOverlayMount mount = { NULL, NULL, storage->mount_options.data };

  return cpd_storage_mount_lower (storage, &mount, image_id, target, error);
}

const CpdStorageDriver cpd_storage_overlay = { "overlay", "u", create, mend, mount_root, mount_image };
