/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "storage/cpd-storage-diff.h"
#include "storage/cpd-storage-private.h"
#include "storage/cpd-tree-compare.h"

/* A root that is a copy, and the layers that it is a copy of. */
typedef struct
{
  int root;                     /* (owned) */
  GArray *layers;               /* (owned) of int, topmost first */
} Copy;

static void
close_fd (gpointer data)
{
  cpd_close_fd (data);
}

static void
copy_clear (Copy *copy)
{
  cpd_close_fd (&copy->root);
  g_clear_pointer (&copy->layers, g_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Copy, copy_clear)

static gboolean
open_directory (const char *path, int *fd, GError **error)
{
  *fd = open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (*fd < 0)
    cpd_set_error_errno (error, errno, "failed to open %s", path);
  return *fd >= 0;
}

static gboolean
open_copy (CpdStorage *storage, const char *container_id, const char *image_id, Copy *copy, GError **error)
{
  g_autofree char *root = g_build_filename (storage->overlay, "c", container_id, "root", NULL);
  g_autoptr(GPtrArray) rows = cpd_store_list_image_layers (storage->store, image_id, error);

  if (rows == NULL || !open_directory (root, &copy->root, error))
    return FALSE;
  copy->layers = g_array_new (FALSE, FALSE, sizeof (int));
  g_array_set_clear_func (copy->layers, close_fd);
  for (guint i = rows->len; i > 0; i--)
    {
      g_autofree char *path = cpd_storage_layer_path (storage, ((const CpdLayerRow *) rows->pdata[i - 1])->chain_id);
      g_autofree char *diff = g_build_filename (path, "diff", NULL);
      int fd;

      if (!open_directory (diff, &fd, error))
        return FALSE;
      g_array_append_val (copy->layers, fd);
    }
  return TRUE;
}

static GPtrArray *
compare (const Copy *copy, gint64 *size, GError **error)
{
  return cpd_tree_compare (copy->root, (const int *) copy->layers->data, copy->layers->len, size, error);
}

GPtrArray *
cpd_storage_diff_copy (CpdStorage *storage, const char *container_id, const char *image_id, gint64 *size, GError **error)
{
  g_auto(Copy) copy = { .root = -1 };

  return open_copy (storage, container_id, image_id, &copy, error) ? compare (&copy, size, error) : NULL;
}

/* The changes, as the writer of an archive asks for them. Paths are as it has them, without the first slash. */
typedef struct
{
  GHashTable *kept;             /* (owned): paths of what is new or changed */
  GHashTable *deleted;          /* (owned): path of a directory → names that it has no more */
} Changes;

static void
changes_clear (Changes *changes)
{
  g_clear_pointer (&changes->kept, g_hash_table_unref);
  g_clear_pointer (&changes->deleted, g_hash_table_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Changes, changes_clear)

static void
add_deleted (Changes *changes, const char *path)
{
  const char *slash = strrchr (path, '/');
  g_autofree char *directory = slash != NULL ? g_strndup (path, (gsize) (slash - path)) : g_strdup ("");
  GPtrArray *names = g_hash_table_lookup (changes->deleted, directory);

  if (names == NULL)
    {
      names = g_ptr_array_new_with_free_func (g_free);
      g_hash_table_insert (changes->deleted, g_steal_pointer (&directory), names);
    }
  g_ptr_array_add (names, g_strdup (slash != NULL ? slash + 1 : path));
}

static void
sort_changes (Changes *changes, GPtrArray *list)
{
  changes->kept = g_hash_table_new (g_str_hash, g_str_equal);
  changes->deleted = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
  for (guint i = 0; i < list->len; i++)
    {
      const CpdChange *change = list->pdata[i];

      if (change->kind == CPD_CHANGE_DELETED)
        add_deleted (changes, change->path + 1);
      else
        g_hash_table_add (changes->kept, change->path + 1);
    }
}

static gboolean
is_kept (const char *name, gpointer user_data)
{
  return g_hash_table_contains (((const Changes *) user_data)->kept, name);
}

static GPtrArray *
list_deleted (const char *name, gpointer user_data)
{
  return g_hash_table_lookup (((const Changes *) user_data)->deleted, name);
}

gboolean
cpd_storage_pack_copy (CpdStorage *storage, const char *container_id, const char *image_id, int fd,
                       CpdTarProgressFunc progress, gpointer progress_data, GCancellable *cancellable, GError **error)
{
  g_auto(Copy) copy = { .root = -1 };
  g_auto(Changes) changes = { NULL, NULL };
  g_autoptr(GPtrArray) list = NULL;
  g_autoptr(CpdTarWriter) writer = NULL;
  const CpdTarOptions options = {
    .wants = is_kept, .deleted = list_deleted, .changes = &changes,
    .progress = progress, .progress_data = progress_data, .cancellable = cancellable,
  };
  gint64 size;

  list = open_copy (storage, container_id, image_id, &copy, error) ? compare (&copy, &size, error) : NULL;
  if (list == NULL)
    return FALSE;
  sort_changes (&changes, list);
  writer = cpd_tar_writer_new (fd, &options, error);
  return writer != NULL && cpd_tar_writer_add (writer, copy.root, ".", "", error) && cpd_tar_writer_finish (writer, error);
}
