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
#include "oci/cpd-whiteout.h"
#include "public/cpod-error.h"
#include "storage/cpd-mount-program.h"

#define META_KERNEL "storage.overlay"

/* A trial mount, in a mount namespace that ends with its thread: nobody else sees it, and it cannot be left over. */
typedef struct
{
  const char *directory;        /* has "lower" with a directory "d" in it, "upper", "work", "root" */
  const CpdMountOptions *options;
  const char *program;          /* (nullable) */
  GError *error;                /* (owned) (nullable) why it does not work */
} Trial;

/* Some file systems let themselves be mounted over, and then have not what the writes need. */
static const char *
use (const Trial *trial)
{
  char value[2];
  cpd_autofd int fd = open ("root/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

  if (fd < 0 || rmdir ("root/d") < 0 || mkdir ("root/d", 0700) < 0)
    return "write to it";
  if (trial->program == NULL && getxattr ("upper/d", CPD_WHITEOUT_XATTR, value, sizeof value) < 1)
    return "hide a directory in it";
  return NULL;
}

static const char *
mount_trial (Trial *trial)
{
  g_autofree char *options = g_strconcat ("lowerdir=lower,upperdir=upper,workdir=work",
                                          trial->program == NULL ? trial->options->data : "", NULL);

  if (unshare (CLONE_NEWNS) < 0)
    return "make a mount namespace";
  if (mount (NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
    return "keep mounts to itself";
  if (chdir (trial->directory) < 0)
    return "go there";
  if (trial->program != NULL)
    {
      g_autofree char *root = g_build_filename (trial->directory, "root", NULL);

      cpd_mount_program_run (trial->program, options, root, trial->options->flags, &trial->error);
      return NULL;
    }
  return mount ("overlay", "root", "overlay", trial->options->flags, options) < 0 ? "mount it" : NULL;
}

static gpointer
trial_thread (gpointer data)
{
  Trial *trial = data;
  const char *failed = mount_trial (trial);

  if (failed == NULL && trial->error == NULL)
    {
      failed = use (trial);
      if (failed != NULL)
        cpd_set_error_errno (&trial->error, errno, "failed to %s", failed);
      umount2 ("root", MNT_DETACH);
    }
  else if (failed != NULL)
    cpd_set_error_errno (&trial->error, errno, "failed to %s", failed);
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
try_in (CpdStorage *storage, const char *program, const char *path, GError **error)
{
  Trial trial = { .directory = path, .options = &storage->mount_options, .program = program };
  g_autoptr(GError) cause = NULL;
  GThread *thread = make_directories (path, error) ? g_thread_try_new ("cpd-trial", trial_thread, &trial, &cause) : NULL;

  if (thread == NULL)
    {
      if (cause != NULL)
        g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "failed to start a thread: %s", cause->message);
      return FALSE;
    }
  g_thread_join (thread);
  if (trial.error == NULL)
    return TRUE;
  g_propagate_prefixed_error (error, trial.error, "an overlay on %s: ", storage->root);
  return FALSE;
}

gboolean
cpd_storage_try_overlay (CpdStorage *storage, const char *program, GError **error)
{
  g_autofree char *path = cpd_storage_tmp_path (storage, "trial-XXXXXX");
  g_autoptr(GError) failure = NULL;
  gboolean works;

  if (g_mkdtemp (path) == NULL)
    {
      cpd_set_error_errno (error, errno, "failed to make %s", path);
      return FALSE;
    }
  works = try_in (storage, program, path, error);
  if (!cpd_fs_remove_tree (path, &failure))     /* recovery will */
    g_message ("%s", failure->message);
  return works;
}

/* A trial costs some milliseconds, so it is remembered where the kernel has passed it. */
static gboolean
kernel_works (CpdStorage *storage, GError **error)
{
  g_autofree char *known = cpd_store_get_meta (storage->store, META_KERNEL, NULL);
  g_autoptr(CpdTransaction) tx = NULL;

  if (g_strcmp0 (known, storage->root) == 0)
    return TRUE;
  if (!cpd_storage_try_overlay (storage, NULL, error))
    return FALSE;
  tx = cpd_store_begin (storage->store, CPD_STORE_BOOT, NULL);
  if (tx != NULL && cpd_transaction_set_meta (tx, META_KERNEL, storage->root, NULL))
    cpd_transaction_commit (tx, NULL);
  return TRUE;
}

/* FALLBACK is for where no overlay works. */
static void
choose_overlay (CpdStorage *storage, const CpdStorageDriver *fallback)
{
  g_autofree char *program = cpd_mount_program_find (NULL);
  g_autoptr(GError) refusal = NULL, failure = NULL;

  storage->driver = &cpd_storage_overlay;
  if (kernel_works (storage, &refusal))
    return;
  storage->driver = fallback;
  if (program != NULL && cpd_storage_try_overlay (storage, program, &failure))
    {
      storage->mount_program = g_steal_pointer (&program);
      storage->driver = &cpd_storage_fuse;
    }
  storage->refusal = failure != NULL ? g_strdup_printf ("%s; %s", refusal->message, failure->message)
                                     : g_strdup (refusal->message);
}

static gboolean
check_program (const char *program, GError **error)
{
  if (g_file_test (program, G_FILE_TEST_IS_REGULAR) && g_file_test (program, G_FILE_TEST_IS_EXECUTABLE))
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_BAD_CONFIG,
               "storage.options.overlay.mount_program: %s is no program", program);
  return FALSE;
}

/* Where nobody has asked for overlays it has to show that it can make them. */
static void
take_program (CpdStorage *storage, const char *program, gboolean try_first)
{
  g_autoptr(GError) refusal = NULL;

  storage->driver = &cpd_storage_fuse;
  storage->mount_program = g_strdup (program);
  if (!try_first || cpd_storage_try_overlay (storage, program, &refusal))
    return;
  storage->driver = &cpd_storage_vfs;
  storage->refusal = g_strdup (refusal->message);
}

gboolean
cpd_storage_choose_driver (CpdStorage *storage, const CpdStorageSettings *settings, GError **error)
{
  const char *name = settings != NULL && settings->driver != NULL ? settings->driver : "";
  const char *program = settings != NULL && settings->mount_program != NULL ? settings->mount_program : "";
  const CpdStorageDriver *driver = *name != '\0' ? cpd_storage_find_driver (name) : &cpd_storage_overlay;

  storage->driver = driver;
  if (driver == NULL)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_BAD_CONFIG,
                   "storage.driver: there is no driver '%s', but 'overlay' and 'vfs'", name);
      return FALSE;
    }
  if (*program != '\0' && !check_program (program, error))
    return FALSE;
  if (driver != &cpd_storage_overlay)
    storage->mount_program = *program != '\0' ? g_strdup (program) : NULL;      /* for what it has made before */
  else if (*program != '\0')
    take_program (storage, program, *name == '\0');
  else
    choose_overlay (storage, *name != '\0' ? &cpd_storage_overlay : &cpd_storage_vfs);
  return TRUE;
}
