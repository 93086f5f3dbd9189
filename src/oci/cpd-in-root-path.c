/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-in-root-path.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "oci/cpd-in-root.h"

#define LINKS_MAX 40            /* as the kernel */

void
cpd_in_root_path_clear (CpdInRootPath *found)
{
  cpd_close_fd (&found->parent);
  g_clear_pointer (&found->base, g_free);
  g_clear_pointer (&found->path, g_free);
}

/* A path that ends with a slash, "." or ".." can be nothing but a directory. */
static gboolean
names_directory (const char *path)
{
  return *path == '\0' || g_str_has_suffix (path, "/") || g_str_has_suffix (path, "/.") || g_str_has_suffix (path, "/..")
         || strcmp (path, ".") == 0 || strcmp (path, "..") == 0;
}

static int
find_directory (int root, const char *path, CpdInRootPath *found)
{
  found->parent = cpd_in_root_open (root, *path != '\0' ? path : "/", O_RDONLY | O_DIRECTORY);
  if (found->parent < 0 || fstat (found->parent, &found->info) < 0)
    return errno;
  found->base = g_strdup (".");
  return 0;
}

/* The text of the link at PATH, as a path of its own. */
static char *
follow (const CpdInRootPath *found, const char *path)
{
  g_autofree char *target = g_malloc0 (PATH_MAX + 1);
  g_autofree char *directory = g_path_get_dirname (path);

  if (readlinkat (found->parent, found->base, target, PATH_MAX) <= 0)
    return NULL;
  return *target == '/' ? g_strdup (target) : g_build_filename (directory, target, NULL);
}

/* One step: 0 when it is found, ELOOP when *PATH has become that which a link leads to, else what is wrong. */
static int
find_once (int root, char **path, CpdInRootPath *found)
{
  g_autofree char *directory = NULL;
  char *next;

  if (names_directory (*path))
    return find_directory (root, *path, found);
  directory = g_path_get_dirname (*path);
  found->base = g_path_get_basename (*path);
  found->parent = cpd_in_root_open (root, directory, O_RDONLY | O_DIRECTORY);
  if (found->parent < 0 || fstatat (found->parent, found->base, &found->info, AT_SYMLINK_NOFOLLOW) < 0)
    return errno;
  if (!S_ISLNK (found->info.st_mode))
    return 0;
  next = follow (found, *path);
  if (next == NULL)
    return errno;
  g_free (*path);
  *path = next;
  return ELOOP;
}

int
cpd_in_root_path_find (int root, const char *path, CpdInRootPath *found)
{
  g_autofree char *next = g_strconcat (*path == '/' ? "" : "/", path, NULL);
  int result = ELOOP;

  *found = (CpdInRootPath) { .parent = -1 };
  for (int i = 0; i < LINKS_MAX && result == ELOOP; i++)
    {
      cpd_in_root_path_clear (found);
      result = find_once (root, &next, found);
    }
  if (result == 0)
    found->path = g_canonicalize_filename (next, "/");
  else
    cpd_in_root_path_clear (found);
  return result;
}
