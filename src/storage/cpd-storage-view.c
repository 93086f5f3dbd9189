/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storage/cpd-storage-diff.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "public/cpod-error.h"
#include "storage/cpd-mount-program.h"
#include "storage/cpd-storage-private.h"

/*
 * The root of an image without a container. It is mounted where nobody else can
 * see it, in a mount namespace that ends with the thread that made it; the
 * descriptor alone keeps it, so nothing can be left over.
 */
typedef struct
{
  const char *directory;        /* that the layers are named in */
  const char *options;
  const char *program;          /* (nullable) that mounts it, NULL for the kernel */
  int fd;
  GError *error;                /* (owned) */
} ViewJob;

static gboolean
mount_layers (ViewJob *job, GError **error)
{
  g_autofree char *target = g_build_filename (job->directory, "tmp", NULL);

  if (job->program != NULL)
    return cpd_mount_program_run (job->program, job->options, target, MS_RDONLY | MS_NODEV, error);
  if (mount ("overlay", target, "overlay", MS_RDONLY | MS_NODEV, job->options) == 0)
    return TRUE;
  cpd_set_error_errno (error, errno, "failed to mount them");
  return FALSE;
}

static gpointer
view_thread (gpointer data)
{
  ViewJob *job = data;

  if (unshare (CLONE_NEWNS) < 0)
    cpd_set_error_errno (&job->error, errno, "failed to make a mount namespace");
  else if (mount (NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
    cpd_set_error_errno (&job->error, errno, "failed to keep a mount to itself");
  else if (chdir (job->directory) < 0)
    cpd_set_error_errno (&job->error, errno, "failed to change to %s", job->directory);
  else if (mount_layers (job, &job->error))
    {
      job->fd = open ("tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      if (job->fd < 0)
        cpd_set_error_errno (&job->error, errno, "failed to open them");
      umount2 ("tmp", MNT_DETACH);      /* a program would keep the namespace, and so itself */
    }
  return NULL;
}

static gboolean
mount_view (CpdStorage *storage, const char *image_id, const char *options, int *view, GError **error)
{
  ViewJob job = {
    .directory = storage->overlay, .options = options, .program = cpd_storage_get_mount_program (storage), .fd = -1
  };

  if (!cpd_storage_run_apart ("cpd-view", view_thread, &job, error))
    return FALSE;
  *view = job.fd;
  if (job.error == NULL)
    return TRUE;
  g_propagate_prefixed_error (error, job.error, "failed to show the layers of image %s: ", image_id);
  return FALSE;
}

/* A single one needs no mount, and could not be mounted. */
static gboolean
open_layer (CpdStorage *storage, const CpdLayerRow *layer, int *view, GError **error)
{
  g_autofree char *path = cpd_storage_layer_path (storage, layer->chain_id);
  g_autofree char *diff = g_build_filename (path, "diff", NULL);

  *view = open (diff, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (*view < 0)
    cpd_set_error_errno (error, errno, "failed to open layer %s", diff);
  return *view >= 0;
}

gboolean
cpd_storage_open_view (CpdStorage *storage, const char *image_id, guint skip, int *view, GError **error)
{
  g_autoptr(GPtrArray) layers = cpd_store_list_image_layers (storage->store, image_id, error);
  g_autoptr(GString) options = g_string_new ("lowerdir=");

  *view = -1;
  if (layers == NULL)
    return FALSE;
  if (layers->len <= skip)
    return TRUE;
  if (layers->len - skip == 1)
    return open_layer (storage, layers->pdata[0], view, error);
  for (guint i = layers->len - skip; i > 0; i--)        /* the topmost comes first */
    g_string_append_printf (options, "l/%s%s", ((const CpdLayerRow *) layers->pdata[i - 1])->link, i > 1 ? ":" : "");
  return mount_view (storage, image_id, options->str, view, error);
}
