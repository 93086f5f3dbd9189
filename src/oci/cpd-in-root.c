/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-in-root.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cpd-fs.h"

int
cpd_in_root_open (int root, const char *path, int flags)
{
  struct open_how how = {
    .flags = (guint64) (flags | O_CLOEXEC),
    .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
  };
  int fd;

  /* The kernel gives up with EAGAIN when something was renamed meanwhile. */
  do
    fd = (int) syscall (SYS_openat2, root, path, &how, sizeof how);
  while (fd < 0 && (errno == EINTR || errno == EAGAIN));
  return fd;
}

gboolean
cpd_in_root_remove (int parent, const char *name, GError **error)
{
  g_autofree char *path = NULL;

  if (unlinkat (parent, name, 0) == 0 || errno == ENOENT)
    return TRUE;
  if (unlinkat (parent, name, AT_REMOVEDIR) == 0)
    return TRUE;
  path = g_strdup_printf ("/proc/self/fd/%d/%s", parent, name);
  return cpd_fs_remove_tree (path, error);
}
