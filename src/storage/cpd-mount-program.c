/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storage/cpd-mount-program.h"

#include <errno.h>
#include <sys/mount.h>

#include "common/cpd-child.h"
#include "common/cpd-fs.h"
#include "common/cpd-process.h"
#include "public/cpod-error.h"

#define SILENCE 30              /* seconds */

char *
cpd_mount_program_find (const char *given)
{
  static const char *const known[] = { "/usr/bin/fuse-overlayfs", "/usr/local/bin/fuse-overlayfs", NULL };

  return given != NULL && *given != '\0' ? g_strdup (given) : cpd_process_find (known);
}

/* It may have ended well and mounted nothing. */
static gboolean
check_mount (const char *program, const char *target, unsigned long flags, GError **error)
{
  if (!cpd_fs_is_mountpoint (target))
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "%s has mounted nothing at %s", program, target);
  else if (mount (NULL, target, NULL, MS_REMOUNT | MS_BIND | flags, NULL) < 0)
    cpd_set_error_errno (error, errno, "failed to set the mount options of %s", target);
  else
    return TRUE;
  cpd_fs_unmount (target, NULL);
  return FALSE;
}

gboolean
cpd_mount_program_run (const char *program, const char *options, const char *target, unsigned long flags,
                       GError **error)
{
  /* Users of the container are others than the program's. */
  g_autofree char *all = g_strconcat (options, ",allow_other", NULL);
  const char *const argv[] = { program, "-o", all, target, NULL };
  const char *const env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
  g_autoptr(CpdChild) child = cpd_child_new (argv, env, NULL, 0, FALSE, error);

  if (child == NULL)
    return FALSE;
  if (cpd_child_wait (child, NULL, 0, SILENCE, NULL, NULL, NULL, error))
    return check_mount (program, target, flags, error);
  cpd_fs_unmount (target, NULL);
  return FALSE;
}
