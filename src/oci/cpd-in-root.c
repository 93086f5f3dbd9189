/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-in-root.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cpd-fs.h"

static int
open_how (int root, const char *path, int flags, guint64 resolve)
{
  struct open_how how = { .flags = (guint64) (flags | O_CLOEXEC), .resolve = resolve | RESOLVE_NO_MAGICLINKS };
  int fd;

  /* The kernel gives up with EAGAIN when something was renamed meanwhile. */
  do
    fd = (int) syscall (SYS_openat2, root, path, &how, sizeof how);
  while (fd < 0 && (errno == EINTR || errno == EAGAIN));
  return fd;
}

int
cpd_in_root_open (int root, const char *path, int flags)
{
  return open_how (root, path, flags, RESOLVE_IN_ROOT);
}

int
cpd_in_root_open_plain (int root, const char *path, int flags)
{
  return open_how (root, path, flags | O_NOFOLLOW, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

gboolean
cpd_in_root_stat_plain (int root, const char *path, struct stat *info)
{
  cpd_autofd int fd = cpd_in_root_open_plain (root, path, O_PATH);

  return fd >= 0 && fstat (fd, info) == 0;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

GPtrArray *
cpd_in_root_list (int directory)
{
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  int fd = openat (directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *stream = fd >= 0 ? fdopendir (fd) : NULL;
  struct dirent *entry;

  if (stream == NULL)
    {
      cpd_close_fd (&fd);
      return NULL;
    }
  while ((entry = readdir (stream)) != NULL)
    if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0)
      g_ptr_array_add (names, g_strdup (entry->d_name));
  closedir (stream);
  g_ptr_array_sort (names, compare_names);
  return g_steal_pointer (&names);
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
