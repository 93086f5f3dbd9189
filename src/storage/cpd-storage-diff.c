/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storage/cpd-storage-diff.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "oci/cpd-in-root.h"
#include "oci/cpd-tar-entry.h"
#include "oci/cpd-whiteout.h"
#include "public/cpod-error.h"
#include "storage/cpd-storage-private.h"

/* A comparison on its way. */
typedef struct
{
  int upper;                    /* (owned) the layer */
  int lower;                    /* (owned) what it lies over, -1 for nothing */
  gboolean marks;               /* names may stand for whiteouts */
  GPtrArray *changes;           /* (owned) */
} Diff;

static void
diff_clear (Diff *diff)
{
  cpd_close_fd (&diff->upper);
  cpd_close_fd (&diff->lower);
  g_clear_pointer (&diff->changes, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Diff, diff_clear)

static void
change_free (gpointer data)
{
  CpdChange *change = data;

  g_free (change->path);
  g_free (change);
}

GPtrArray *
cpd_changes_new (void)
{
  return g_ptr_array_new_with_free_func (change_free);
}

void
cpd_changes_add (GPtrArray *changes, CpdChangeKind kind, const char *path)
{
  CpdChange *change = g_new0 (CpdChange, 1);

  change->kind = kind;
  change->path = g_strconcat ("/", path, NULL);
  g_ptr_array_add (changes, change);
}

static int
compare_changes (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(const CpdChange *const *) a)->path, (*(const CpdChange *const *) b)->path);
}

void
cpd_changes_sort (GPtrArray *changes)
{
  g_ptr_array_sort (changes, compare_changes);
}

static char *
join (const char *directory, const char *base)
{
  return strcmp (directory, ".") != 0 ? g_strconcat (directory, "/", base, NULL) : g_strdup (base);
}

static gboolean
find_below (int lower, const char *path, struct stat *info)
{
  return lower >= 0 && cpd_in_root_stat_plain (lower, path, info) && !cpd_whiteout_is (info);
}

static gboolean
is_same_directory (const struct stat *a, const struct stat *b)
{
  return a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_gid == b->st_gid
         && a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* What an opaque directory no longer shows. NAMES is what it has itself. */
static void
add_hidden (Diff *diff, const char *path, GPtrArray *names)
{
  cpd_autofd int fd = diff->lower >= 0 ? cpd_in_root_open_plain (diff->lower, path, O_RDONLY | O_DIRECTORY) : -1;
  g_autoptr(GPtrArray) below = fd >= 0 ? cpd_in_root_list (fd) : NULL;

  for (guint i = 0; below != NULL && i < below->len; i++)
    {
      g_autofree char *full = join (path, below->pdata[i]);
      struct stat info;

      if (!g_ptr_array_find_with_equal_func (names, below->pdata[i], g_str_equal, NULL)
          && find_below (diff->lower, full, &info))
        cpd_changes_add (diff->changes, CPD_CHANGE_DELETED, full);
    }
}

static gboolean
fail_errno (const char *path, GError **error)
{
  g_autofree char *shown = g_utf8_make_valid (path, -1);

  cpd_set_error_errno (error, errno, "failed to read '%s'", shown);
  return FALSE;
}

/* A file whose name alone means something. */
static void
compare_mark (Diff *diff, const char *path, const char *base, const char *hidden)
{
  g_autofree char *meant = g_strndup (path, strlen (path) - strlen (base));
  g_autofree char *full = g_strconcat (meant, hidden, NULL);
  struct stat old;

  if (*hidden != '\0' && find_below (diff->lower, full, &old))
    cpd_changes_add (diff->changes, CPD_CHANGE_DELETED, full);
}

/* One name in a directory of the layer. Directories come in DIRECTORIES. */
static void
compare_one (Diff *diff, int fd, const char *path, const char *base, GPtrArray *directories)
{
  const char *hidden = diff->marks ? cpd_whiteout_marked_name (base) : NULL;
  struct stat info, old;
  gboolean is_old;

  if (hidden != NULL)
    {
      compare_mark (diff, path, base, hidden);
      return;
    }
  if (fstatat (fd, base, &info, AT_SYMLINK_NOFOLLOW) < 0)
    return;     /* removed meanwhile */
  if (S_ISDIR (info.st_mode))
    {
      g_ptr_array_add (directories, g_strdup (path));
      return;
    }
  is_old = find_below (diff->lower, path, &old);
  if (!cpd_whiteout_is (&info))
    cpd_changes_add (diff->changes, is_old ? CPD_CHANGE_CHANGED : CPD_CHANGE_ADDED, path);
  else if (is_old)
    cpd_changes_add (diff->changes, CPD_CHANGE_DELETED, path);
}

static gboolean compare_directory (Diff *diff, const char *path, gboolean is_root, GError **error);

/* All in a directory of the layer. It is open only while it is read, as there may be more depth than descriptors. */
static gboolean
compare_contents (Diff *diff, int *fd, const char *path, GError **error)
{
  g_autoptr(GPtrArray) names = cpd_in_root_list (*fd);
  g_autoptr(GPtrArray) directories = g_ptr_array_new_with_free_func (g_free);

  if (names == NULL)
    return fail_errno (path, error);
  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *full = join (path, names->pdata[i]);

      compare_one (diff, *fd, full, names->pdata[i], directories);
    }
  if (cpd_whiteout_is_opaque (*fd) || (diff->marks && cpd_whiteout_has_opaque_mark (*fd)))
    add_hidden (diff, path, names);
  cpd_close_fd (fd);
  for (guint i = 0; i < directories->len; i++)
    if (!compare_directory (diff, directories->pdata[i], FALSE, error))
      return FALSE;
  return TRUE;
}

static gboolean
compare_directory (Diff *diff, const char *path, gboolean is_root, GError **error)
{
  const guint before = diff->changes->len;
  cpd_autofd int fd = cpd_in_root_open_plain (diff->upper, path, O_RDONLY | O_DIRECTORY);
  struct stat info, old;

  if (fd < 0 || fstat (fd, &info) < 0)
    return (!is_root && errno == ENOENT) || fail_errno (path, error);
  if (cpd_tar_entry_is_redirect (fd))
    {
      g_autofree char *shown = g_utf8_make_valid (path, -1);

      g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "'%s' was renamed by a mount with redirect_dir=on", shown);
      return FALSE;
    }
  if (!compare_contents (diff, &fd, path, error))
    return FALSE;
  if (is_root)
    return TRUE;
  if (!find_below (diff->lower, path, &old))
    cpd_changes_add (diff->changes, CPD_CHANGE_ADDED, path);
  else if (diff->changes->len > before || !is_same_directory (&info, &old))
    cpd_changes_add (diff->changes, CPD_CHANGE_CHANGED, path);
  return TRUE;
}

static GPtrArray *
compare (Diff *diff, GError **error)
{
  diff->changes = cpd_changes_new ();
  if (!compare_directory (diff, ".", TRUE, error))
    return NULL;
  cpd_changes_sort (diff->changes);
  return g_steal_pointer (&diff->changes);
}

static int
open_upper (CpdStorage *storage, const char *container_id, gboolean *marks, GError **error)
{
  g_autofree char *path = cpd_storage_upper_path (storage, container_id, marks);
  int fd = open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  if (fd < 0)
    cpd_set_error_errno (error, errno, "failed to open the writable layer of container %s", container_id);
  return fd;
}

GPtrArray *
cpd_storage_diff_rw (CpdStorage *storage, const char *container_id, const char *image_id, GError **error)
{
  g_auto(Diff) diff = { .upper = -1, .lower = -1 };
  gint64 size;

  if (cpd_storage_is_copy (storage, container_id))
    return cpd_storage_diff_copy (storage, container_id, image_id, &size, error);
  diff.upper = open_upper (storage, container_id, &diff.marks, error);
  if (diff.upper < 0 || !cpd_storage_open_view (storage, image_id, 0, &diff.lower, error))
    return NULL;
  return compare (&diff, error);
}

GPtrArray *
cpd_storage_diff_image (CpdStorage *storage, const char *image_id, GError **error)
{
  g_autoptr(CpdImageRow) image = cpd_store_get_image (storage->store, image_id, error);
  g_autofree char *layer = image != NULL ? cpd_storage_layer_path (storage, image->top_layer) : NULL;
  g_autofree char *path = layer != NULL ? g_build_filename (layer, "diff", NULL) : NULL;
  g_auto(Diff) diff = { .upper = -1, .lower = -1 };

  if (path == NULL)
    return NULL;
  diff.upper = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (diff.upper < 0)
    {
      fail_errno (path, error);
      return NULL;
    }
  return cpd_storage_open_view (storage, image_id, 1, &diff.lower, error) ? compare (&diff, error) : NULL;
}

/* Adds up what is in a directory and below. SEEN has the files that have several names. */
static gboolean
measure (int root, const char *path, GHashTable *seen, gint64 *size, GError **error)
{
  cpd_autofd int fd = cpd_in_root_open_plain (root, path, O_RDONLY | O_DIRECTORY);
  g_autoptr(GPtrArray) names = fd >= 0 ? cpd_in_root_list (fd) : NULL;
  g_autoptr(GPtrArray) directories = g_ptr_array_new_with_free_func (g_free);
  struct stat info;

  if (names == NULL)
    return (errno == ENOENT && strcmp (path, ".") != 0) || fail_errno (path, error);
  for (guint i = 0; i < names->len; i++)
    {
      if (fstatat (fd, names->pdata[i], &info, AT_SYMLINK_NOFOLLOW) < 0)
        continue;
      if (S_ISDIR (info.st_mode))
        g_ptr_array_add (directories, join (path, names->pdata[i]));
      else if (info.st_nlink < 2 || g_hash_table_add (seen, g_memdup2 (&(gint64) { (gint64) info.st_ino }, sizeof (gint64))))
        *size += info.st_size;
    }
  cpd_close_fd (&fd);
  for (guint i = 0; i < directories->len; i++)
    if (!measure (root, directories->pdata[i], seen, size, error))
      return FALSE;
  return TRUE;
}

/* There is no way to know what has been written but to compare. */
static gboolean
measure_copy (CpdStorage *storage, const char *container_id, gint64 *size, GError **error)
{
  g_autofree char *image_id = cpd_storage_get_rw_image (storage, container_id);
  g_autoptr(GPtrArray) changes = NULL;

  if (image_id == NULL)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "the image of container %s is not known", container_id);
      return FALSE;
    }
  changes = cpd_storage_diff_copy (storage, container_id, image_id, size, error);
  return changes != NULL;
}

gboolean
cpd_storage_get_rw_size (CpdStorage *storage, const char *container_id, gint64 *size, GError **error)
{
  g_autoptr(GHashTable) seen = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  cpd_autofd int upper = -1;
  gboolean marks;

  *size = 0;
  if (cpd_storage_is_copy (storage, container_id))
    return measure_copy (storage, container_id, size, error);
  upper = open_upper (storage, container_id, &marks, error);
  return upper >= 0 && measure (upper, ".", seen, size, error);
}

static gboolean
is_directory_below (const char *path, gpointer user_data)
{
  struct stat info;

  return find_below (*(const int *) user_data, path, &info) && S_ISDIR (info.st_mode);
}

gboolean
cpd_storage_pack_rw (CpdStorage *storage, const char *container_id, const char *image_id, int fd,
                     CpdTarProgressFunc progress, gpointer progress_data, GCancellable *cancellable, GError **error)
{
  cpd_autofd int upper = -1;
  cpd_autofd int lower = -1;
  CpdTarOptions options = {
    .upper = TRUE, .hides = is_directory_below, .hides_data = &lower,
    .progress = progress, .progress_data = progress_data, .cancellable = cancellable,
  };
  g_autoptr(CpdTarWriter) writer = NULL;

  if (cpd_storage_is_copy (storage, container_id))
    return cpd_storage_pack_copy (storage, container_id, image_id, fd, progress, progress_data, cancellable, error);
  upper = open_upper (storage, container_id, &options.marks, error);
  if (upper < 0 || !cpd_storage_open_view (storage, image_id, 0, &lower, error))
    return FALSE;
  writer = cpd_tar_writer_new (fd, &options, error);
  return writer != NULL && cpd_tar_writer_add (writer, upper, ".", "", error) && cpd_tar_writer_finish (writer, error);
}
