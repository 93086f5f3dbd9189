/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storage/cpd-storage-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "public/cpod-error.h"

/* A trial mount, in a mount namespace that ends with its thread: nobody else sees it, and it cannot be left over. */
typedef struct
{
  const char *directory;        /* has "lower" with a directory "d" in it, "upper", "work", "root" */
  const CpdMountOptions *options;
  const char *failed;           /* what failed with ERROR_NUMBER */
  int error_number;
} Trial;

/* Some file systems let themselves be mounted over, and then have not what the writes need. */
static const char *
use (void)
{
  char value[2];
  cpd_autofd int fd = open ("root/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

  if (fd < 0 || rmdir ("root/d") < 0 || mkdir ("root/d", 0700) < 0)
    return "write to it";
  if (getxattr ("upper/d", "trusted.overlay.opaque", value, sizeof value) < 1)
    return "hide a directory in it";
  return NULL;
}

static gpointer
trial_thread (gpointer data)
{
  Trial *trial = data;
  g_autofree char *options = g_strconcat ("lowerdir=lower,upperdir=upper,workdir=work", trial->options->data, NULL);

  if (unshare (CLONE_NEWNS) < 0)
    trial->failed = "make a mount namespace";
  else if (mount (NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
    trial->failed = "keep mounts to itself";
  else if (chdir (trial->directory) < 0)
    trial->failed = "go there";
  else if (mount ("overlay", "root", "overlay", trial->options->flags, options) < 0)
    trial->failed = "mount it";
  else
    trial->failed = use ();
  trial->error_number = errno;
  if (trial->failed == NULL)
    umount2 ("root", MNT_DETACH);
  return NULL;
}

static gboolean
make_directories (const char *path, GError **error)
{
  const char *const names[] = { "lower", "lower/d", "upper", "work", "root" };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *directory = g_build_filename (path, names[i], NULL);

      if (mkdir (directory, 0700) < 0)
        {
          cpd_set_error_errno (error, errno, "failed to make %s", directory);
          return FALSE;
        }
    }
  return TRUE;
}

static gboolean
try_in (CpdStorage *storage, const char *path, GError **error)
{
  Trial trial = { .directory = path, .options = &storage->mount_options };
  g_autoptr(GError) cause = NULL;
  GThread *thread = make_directories (path, error) ? g_thread_try_new ("cpd-trial", trial_thread, &trial, &cause) : NULL;

  if (thread == NULL)
    {
      if (cause != NULL)
        g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "failed to start a thread: %s", cause->message);
      return FALSE;
    }
  g_thread_join (thread);
  if (trial.failed == NULL)
    return TRUE;
  cpd_set_error_errno (error, trial.error_number, "an overlay on %s: failed to %s", storage->root, trial.failed);
  return FALSE;
}

gboolean
cpd_storage_try_overlay (CpdStorage *storage, GError **error)
{
  g_autofree char *path = cpd_storage_tmp_path (storage, "trial-XXXXXX");
  g_autoptr(GError) failure = NULL;
  gboolean works;

  if (g_mkdtemp (path) == NULL)
    {
      cpd_set_error_errno (error, errno, "failed to make %s", path);
      return FALSE;
    }
  works = try_in (storage, path, error);
  if (!cpd_fs_remove_tree (path, &failure))     /* recovery will */
    g_message ("%s", failure->message);
  return works;
}
