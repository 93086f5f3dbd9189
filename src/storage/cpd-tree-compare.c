/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storage/cpd-tree-compare.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "oci/cpd-in-root.h"
#include "oci/cpd-whiteout.h"
#include "storage/cpd-file-copy.h"

typedef struct
{
  int root;                     /* (unowned) */
  const int *layers;            /* (unowned) topmost first */
  GPtrArray *changes;           /* (owned) */
  GHashTable *seen;             /* (owned) inode numbers of files with several names */
  gint64 size;
} Comparison;

static void
comparison_clear (Comparison *comparison)
{
  g_clear_pointer (&comparison->changes, g_ptr_array_unref);
  g_clear_pointer (&comparison->seen, g_hash_table_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Comparison, comparison_clear)

/* One directory of the root, and what the layers have of it. */
typedef struct
{
  const char *path;
  int fd;                       /* (owned) */
  GArray *numbers;              /* (owned) of layers whose directory counts, of guint; topmost first */
  GArray *fds;                  /* (owned) these directories, of int */
  GHashTable *below;            /* (owned) name → Below */
} Directory;

/* What the layers make of a name. */
typedef struct
{
  gboolean deleted;             /* by a whiteout */
  gboolean closed;              /* whatever layers further down have is hidden */
  int fd;                       /* (unowned) the directory it is in */
  struct stat info;
  GArray *numbers;              /* (owned) of layers that make it if it is a directory, of guint */
} Below;

static void
below_free (gpointer data)
{
  Below *below = data;

  g_array_unref (below->numbers);
  g_free (below);
}

static void
close_fd (gpointer data)
{
  cpd_close_fd (data);
}

static void
directory_clear (Directory *directory)
{
  cpd_close_fd (&directory->fd);
  g_clear_pointer (&directory->numbers, g_array_unref);
  g_clear_pointer (&directory->fds, g_array_unref);
  g_clear_pointer (&directory->below, g_hash_table_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Directory, directory_clear)

static gboolean
fail (const char *path, GError **error)
{
  const int saved_errno = errno;
  g_autofree char *shown = g_utf8_make_valid (path, -1);

  cpd_set_error_errno (error, saved_errno, "failed to read '%s'", shown);
  return FALSE;
}

static char *
join (const char *directory, const char *base)
{
  return strcmp (directory, ".") != 0 ? g_strconcat (directory, "/", base, NULL) : g_strdup (base);
}

/* A file of the root that is not the image's, or no longer. */
static void
add_file (Comparison *comparison, CpdChangeKind kind, const char *path, const struct stat *info)
{
  const gint64 number = (gint64) info->st_ino;

  cpd_changes_add (comparison->changes, kind, path);
  if (info->st_nlink < 2 || g_hash_table_add (comparison->seen, g_memdup2 (&number, sizeof number)))
    comparison->size += info->st_size;
}

/* What one more layer, further down, has of a name. */
static void
add_below (Directory *directory, guint number, int fd, const char *name, const struct stat *info)
{
  Below *below = g_hash_table_lookup (directory->below, name);

  if (below != NULL && below->closed)
    return;
  if (below == NULL)
    {
      below = g_new0 (Below, 1);
      below->numbers = g_array_new (FALSE, FALSE, sizeof (guint));
      below->fd = fd;
      below->info = *info;
      below->deleted = cpd_whiteout_is (info);
      g_hash_table_insert (directory->below, g_strdup (name), below);
    }
  below->closed = !S_ISDIR (info->st_mode);
  if (!below->closed)
    g_array_append_val (below->numbers, number);
}

static gboolean
read_layer (Directory *directory, guint number, int fd, GError **error)
{
  g_autoptr(GPtrArray) names = cpd_in_root_list (fd);

  if (names == NULL)
    return fail (directory->path, error);
  for (guint i = 0; i < names->len; i++)
    {
      struct stat info;

      if (fstatat (fd, names->pdata[i], &info, AT_SYMLINK_NOFOLLOW) < 0)
        return fail (directory->path, error);
      add_below (directory, number, fd, names->pdata[i], &info);
    }
  return TRUE;
}

static gboolean
open_layers (const Comparison *comparison, Directory *directory, GError **error)
{
  gboolean opaque = FALSE;

  for (guint i = 0; i < directory->numbers->len && !opaque; i++)
    {
      const guint number = g_array_index (directory->numbers, guint, i);
      int fd = cpd_in_root_open_plain (comparison->layers[number], directory->path, O_RDONLY | O_DIRECTORY);

      if (fd < 0)
        return fail (directory->path, error);
      g_array_append_val (directory->fds, fd);
      if (!read_layer (directory, number, fd, error))
        return FALSE;
      opaque = cpd_whiteout_is_opaque (fd);
    }
  return TRUE;
}

static gboolean
is_same_link (const CpdPlace *a, const CpdPlace *b)
{
  char first[PATH_MAX], second[PATH_MAX];
  ssize_t length = readlinkat (a->directory, a->name, first, sizeof first);

  return length >= 0 && readlinkat (b->directory, b->name, second, sizeof second) == length
         && memcmp (first, second, (gsize) length) == 0;
}

static gboolean
is_same (const CpdPlace *now, const struct stat *info, const CpdPlace *then, const struct stat *old)
{
  if (info->st_mode != old->st_mode || info->st_uid != old->st_uid || info->st_gid != old->st_gid
      || info->st_mtim.tv_sec != old->st_mtim.tv_sec || info->st_mtim.tv_nsec != old->st_mtim.tv_nsec)
    return FALSE;
  if (!S_ISDIR (info->st_mode) && (info->st_size != old->st_size || info->st_rdev != old->st_rdev))
    return FALSE;
  return (!S_ISLNK (info->st_mode) || is_same_link (now, then)) && cpd_file_has_same_xattrs (now, then);
}

static gboolean compare_directory (Comparison *comparison, const char *path, GArray *numbers, GError **error);

/* A directory of the root, after what it lies over has been found. */
typedef struct
{
  char *path;                   /* (owned) */
  GArray *numbers;              /* (owned) */
  gboolean is_new;
  gboolean is_changed;
} Next;

static void
next_free (gpointer data)
{
  Next *next = data;

  g_free (next->path);
  g_array_unref (next->numbers);
  g_free (next);
}

static gboolean
compare_one (Comparison *comparison, const Directory *directory, const char *name, GPtrArray *directories, GError **error)
{
  const Below *below = g_hash_table_lookup (directory->below, name);
  const gboolean is_new = below == NULL || below->deleted;
  const CpdPlace now = { directory->fd, name };
  const CpdPlace then = { is_new ? -1 : below->fd, name };
  g_autofree char *path = join (directory->path, name);
  struct stat info;
  gboolean is_changed;

  if (fstatat (directory->fd, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
    return errno == ENOENT || fail (path, error);       /* removed meanwhile */
  is_changed = !is_new && !is_same (&now, &info, &then, &below->info);
  if (S_ISDIR (info.st_mode))
    {
      Next *next = g_new0 (Next, 1);

      next->path = g_steal_pointer (&path);
      next->numbers = is_new ? g_array_new (FALSE, FALSE, sizeof (guint)) : g_array_ref (below->numbers);
      next->is_new = is_new;
      next->is_changed = is_changed;
      g_ptr_array_add (directories, next);
    }
  else if (is_new || is_changed)
    add_file (comparison, is_new ? CPD_CHANGE_ADDED : CPD_CHANGE_CHANGED, path, &info);
  return TRUE;
}

static void
add_deleted (Comparison *comparison, const Directory *directory, GPtrArray *names)
{
  g_autoptr(GHashTable) present = g_hash_table_new (g_str_hash, g_str_equal);
  GHashTableIter iter;
  gpointer name, below;

  for (guint i = 0; i < names->len; i++)
    g_hash_table_add (present, names->pdata[i]);
  g_hash_table_iter_init (&iter, directory->below);
  while (g_hash_table_iter_next (&iter, &name, &below))
    if (!((Below *) below)->deleted && !g_hash_table_contains (present, name))
      {
        g_autofree char *path = join (directory->path, name);

        cpd_changes_add (comparison->changes, CPD_CHANGE_DELETED, path);
      }
}

/* What is in a directory; other directories go into DIRECTORIES, as no more than one is to be open. */
static gboolean
compare_contents (Comparison *comparison, const char *path, GArray *numbers, GPtrArray *directories, GError **error)
{
  g_auto(Directory) directory = {
    .path = path, .numbers = g_array_ref (numbers), .fds = g_array_new (FALSE, FALSE, sizeof (int)),
    .below = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, below_free),
    .fd = cpd_in_root_open_plain (comparison->root, path, O_RDONLY | O_DIRECTORY),
  };
  g_autoptr(GPtrArray) names = NULL;

  g_array_set_clear_func (directory.fds, close_fd);
  if (directory.fd < 0)
    return (errno == ENOENT && strcmp (path, ".") != 0) || fail (path, error);
  if (!open_layers (comparison, &directory, error))
    return FALSE;
  names = cpd_in_root_list (directory.fd);
  if (names == NULL)
    return fail (path, error);
  for (guint i = 0; i < names->len; i++)
    if (!compare_one (comparison, &directory, names->pdata[i], directories, error))
      return FALSE;
  add_deleted (comparison, &directory, names);
  return TRUE;
}

static gboolean
compare_directory (Comparison *comparison, const char *path, GArray *numbers, GError **error)
{
  g_autoptr(GPtrArray) directories = g_ptr_array_new_with_free_func (next_free);

  if (!compare_contents (comparison, path, numbers, directories, error))
    return FALSE;
  for (guint i = 0; i < directories->len; i++)
    {
      const Next *next = directories->pdata[i];
      const guint before = comparison->changes->len;

      if (!compare_directory (comparison, next->path, next->numbers, error))
        return FALSE;
      if (next->is_new)
        cpd_changes_add (comparison->changes, CPD_CHANGE_ADDED, next->path);
      else if (next->is_changed || comparison->changes->len > before)
        cpd_changes_add (comparison->changes, CPD_CHANGE_CHANGED, next->path);
    }
  return TRUE;
}

GPtrArray *
cpd_tree_compare (int root, const int *layers, guint n_layers, gint64 *size, GError **error)
{
  g_autoptr(GArray) numbers = g_array_new (FALSE, FALSE, sizeof (guint));
  g_auto(Comparison) comparison = {
    .root = root, .layers = layers, .changes = cpd_changes_new (),
    .seen = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL),
  };

  for (guint i = 0; i < n_layers; i++)
    g_array_append_val (numbers, i);
  if (!compare_directory (&comparison, ".", numbers, error))
    return NULL;
  cpd_changes_sort (comparison.changes);
  *size = comparison.size;
  return g_steal_pointer (&comparison.changes);
}
