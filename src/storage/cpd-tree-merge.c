/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storage/cpd-tree-merge.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "oci/cpd-in-root.h"
#include "oci/cpd-whiteout.h"
#include "public/cpod-error.h"
#include "storage/cpd-file-copy.h"

typedef struct
{
  int layer;                    /* (unowned) */
  int root;                     /* (unowned) */
  GHashTable *links;            /* (owned) inode number → path, of files with several names */
  gboolean shares;
  GCancellable *cancellable;    /* (unowned) (nullable) */
} Merge;

static void
merge_clear (Merge *merge)
{
  g_clear_pointer (&merge->links, g_hash_table_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Merge, merge_clear)

/* A name in a directory of the layer, and the same of the root. */
typedef struct
{
  int from;                     /* (unowned) */
  int to;                       /* (unowned) */
  const char *base;
  const char *path;             /* below both roots */
  struct stat info;
} Item;

static gboolean
fail (const char *path, const char *what, GError **error)
{
  const int saved_errno = errno;
  g_autofree char *shown = g_utf8_make_valid (path, -1);

  cpd_set_error_errno (error, saved_errno, "failed to %s '%s'", what, shown);
  return FALSE;
}

static gboolean
prefix (const char *path, GError **error)
{
  g_autofree char *shown = g_utf8_make_valid (path, -1);

  g_prefix_error (error, "failed to copy '%s': ", shown);
  return FALSE;
}

static char *
join (const char *directory, const char *base)
{
  return strcmp (directory, ".") != 0 ? g_strconcat (directory, "/", base, NULL) : g_strdup (base);
}

static gboolean
copy_file (Merge *merge, const Item *item, GError **error)
{
  cpd_autofd int from = openat (item->from, item->base, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  cpd_autofd int to = -1;

  if (from < 0)
    return fail (item->path, "open", error);
  to = openat (item->to, item->base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (to < 0)
    return fail (item->path, "make", error);
  return cpd_file_copy_contents (from, to, item->info.st_size, &merge->shares, merge->cancellable, error)
         || prefix (item->path, error);
}

static gboolean
copy_symlink (const Item *item, GError **error)
{
  g_autofree char *target = g_malloc ((gsize) item->info.st_size + 1);
  ssize_t n = readlinkat (item->from, item->base, target, (gsize) item->info.st_size + 1);

  if (n < 0 || n > item->info.st_size)
    return fail (item->path, "read", error);
  target[n] = '\0';
  return symlinkat (target, item->to, item->base) == 0 || fail (item->path, "make", error);
}

/* The name that the file has got already in this layer. */
static gboolean
link_to (const Merge *merge, const Item *item, const char *first, GError **error)
{
  const char *slash = strrchr (first, '/');
  g_autofree char *path = slash != NULL ? g_strndup (first, (gsize) (slash - first)) : g_strdup (".");
  cpd_autofd int parent = cpd_in_root_open_plain (merge->root, path, O_PATH | O_DIRECTORY);

  return (parent >= 0 && linkat (parent, slash != NULL ? slash + 1 : first, item->to, item->base, 0) == 0)
         || fail (item->path, "make a hard link of", error);
}

static gboolean
copy_new (Merge *merge, const Item *item, GError **error)
{
  const struct stat *info = &item->info;
  const CpdPlace from = { item->from, item->base }, to = { item->to, item->base };
  gboolean made;

  if (S_ISREG (info->st_mode))
    made = copy_file (merge, item, error);
  else if (S_ISLNK (info->st_mode))
    made = copy_symlink (item, error);
  else
    made = mknodat (item->to, item->base, (info->st_mode & S_IFMT) | 0600, info->st_rdev) == 0
           || fail (item->path, "make", error);
  return made && (cpd_file_copy_meta (&from, &to, info, error) || prefix (item->path, error));
}

static gboolean
copy (Merge *merge, const Item *item, GError **error)
{
  const gint64 number = (gint64) item->info.st_ino;
  const char *first = item->info.st_nlink > 1 ? g_hash_table_lookup (merge->links, &number) : NULL;

  if (first != NULL)
    return link_to (merge, item, first, error);
  if (item->info.st_nlink > 1)
    g_hash_table_insert (merge->links, g_memdup2 (&number, sizeof number), g_strdup (item->path));
  return copy_new (merge, item, error);
}

/* A directory that is there already stays, with what is in it. */
static gboolean
make_directory (const Item *item, GError **error)
{
  struct stat info;

  if (fstatat (item->to, item->base, &info, AT_SYMLINK_NOFOLLOW) == 0)
    {
      if (S_ISDIR (info.st_mode))
        return TRUE;
      if (unlinkat (item->to, item->base, 0) < 0)
        return fail (item->path, "replace", error);
    }
  return mkdirat (item->to, item->base, 0700) == 0 || fail (item->path, "make", error);
}

/* Directories are added to DIRECTORIES, for what is in them. */
static gboolean
merge_one (Merge *merge, Item *item, GPtrArray *directories, GError **error)
{
  if (g_cancellable_is_cancelled (merge->cancellable))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_CANCELLED, "it was cancelled");
      return FALSE;
    }
  if (fstatat (item->from, item->base, &item->info, AT_SYMLINK_NOFOLLOW) < 0)
    return fail (item->path, "look at", error);
  if (S_ISDIR (item->info.st_mode))
    {
      g_ptr_array_add (directories, g_strdup (item->path));
      return make_directory (item, error);
    }
  if (!cpd_in_root_remove (item->to, item->base, error))
    return prefix (item->path, error);
  if (cpd_whiteout_is (&item->info))
    return TRUE;
  return copy (merge, item, error);
}

static gboolean
clear (int directory, const char *path, GError **error)
{
  g_autoptr(GPtrArray) names = cpd_in_root_list (directory);

  if (names == NULL)
    return fail (path, "read", error);
  for (guint i = 0; i < names->len; i++)
    if (!cpd_in_root_remove (directory, names->pdata[i], error))
      return prefix (path, error);
  return TRUE;
}

/* What is in a directory of the layer, and then how it is itself. */
static gboolean
merge_contents (Merge *merge, int from, int to, const char *path, GPtrArray *directories, GError **error)
{
  const CpdPlace from_place = { from, "." }, to_place = { to, "." };
  g_autoptr(GPtrArray) names = cpd_in_root_list (from);
  struct stat info;

  if (names == NULL || fstat (from, &info) < 0)
    return fail (path, "read", error);
  if (cpd_whiteout_is_opaque (from) && !clear (to, path, error))
    return FALSE;
  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *full = join (path, names->pdata[i]);
      Item item = { .from = from, .to = to, .base = names->pdata[i], .path = full };

      if (!merge_one (merge, &item, directories, error))
        return FALSE;
    }
  return cpd_file_copy_meta (&from_place, &to_place, &info, error) || prefix (path, error);
}

/* No directory is open while those in it are copied: a tree may be deeper than there are descriptors. */
static gboolean
merge_directory (Merge *merge, const char *path, GError **error)
{
  g_autoptr(GPtrArray) directories = g_ptr_array_new_with_free_func (g_free);
  cpd_autofd int from = cpd_in_root_open_plain (merge->layer, path, O_RDONLY | O_DIRECTORY);
  cpd_autofd int to = -1;

  if (from < 0)
    return fail (path, "open", error);
  to = cpd_in_root_open_plain (merge->root, path, O_RDONLY | O_DIRECTORY);
  if (to < 0)
    return fail (path, "open the copy of", error);
  if (!merge_contents (merge, from, to, path, directories, error))
    return FALSE;
  cpd_close_fd (&from);
  cpd_close_fd (&to);
  for (guint i = 0; i < directories->len; i++)
    if (!merge_directory (merge, directories->pdata[i], error))
      return FALSE;
  return TRUE;
}

gboolean
cpd_tree_merge (int layer, int root, GCancellable *cancellable, GError **error)
{
  g_auto(Merge) merge = {
    .layer = layer, .root = root, .shares = TRUE, .cancellable = cancellable,
    .links = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free),
  };

  return merge_directory (&merge, ".", error);
}
