/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-tree.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/cpd-fs.h"

typedef struct
{
  GString *text;
  GHashTable *first;            /* (owned) device and inode → the first name */
} Description;

static int
compare (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static void
add_xattrs (GString *text, const char *path)
{
  char names[4096], value[4096];
  ssize_t length = llistxattr (path, names, sizeof names);
  g_autoptr(GPtrArray) sorted = g_ptr_array_new ();

  for (char *name = names; length > 0 && name < names + length; name += strlen (name) + 1)
    if (!g_str_has_prefix (name, "trusted.overlay."))
      g_ptr_array_add (sorted, name);
  g_ptr_array_sort (sorted, compare);
  for (guint i = 0; i < sorted->len; i++)
    {
      ssize_t size = lgetxattr (path, sorted->pdata[i], value, sizeof value);
      g_autofree char *sum = NULL;

      g_assert_cmpint (size, >=, 0);
      sum = g_compute_checksum_for_data (G_CHECKSUM_MD5, (const guchar *) value, (gsize) size);
      g_string_append_printf (text, " %s=%s", (char *) sorted->pdata[i], sum);
    }
}

static void
add_contents (GString *text, const char *path, const struct stat *info)
{
  g_autofree char *data = NULL, *sum = NULL, *target = NULL;
  gsize length;

  if (S_ISLNK (info->st_mode))
    {
      target = g_file_read_link (path, NULL);
      g_string_append_printf (text, " -> %s", target);
    }
  if (!S_ISREG (info->st_mode))
    return;
  g_assert_true (g_file_get_contents (path, &data, &length, NULL));
  sum = g_compute_checksum_for_data (G_CHECKSUM_MD5, (const guchar *) data, length);
  g_string_append_printf (text, " %" G_GOFFSET_FORMAT " %s", (goffset) info->st_size, sum);
}

static void
describe (Description *description, const char *path, const char *name)
{
  struct stat info;
  g_autofree char *key = NULL;
  const char *first;

  g_assert_cmpint (lstat (path, &info), ==, 0);
  g_string_append_printf (description->text, "%s %o %u:%u", name, info.st_mode, info.st_uid, info.st_gid);
  if (S_ISCHR (info.st_mode) || S_ISBLK (info.st_mode))
    g_string_append_printf (description->text, " dev %lx", (gulong) info.st_rdev);
  /* The root of an overlay has those of its own upper directory. */
  if (*name != '\0')
    {
      g_string_append_printf (description->text, " %ld.%09ld", (long) info.st_mtim.tv_sec, (long) info.st_mtim.tv_nsec);
      add_xattrs (description->text, path);
    }
  add_contents (description->text, path, &info);
  key = g_strdup_printf ("%lx:%lx", (gulong) info.st_dev, (gulong) info.st_ino);
  first = g_hash_table_lookup (description->first, key);
  if (first != NULL)
    g_string_append_printf (description->text, " = %s", first);
  else
    g_hash_table_insert (description->first, g_steal_pointer (&key), g_strdup (name));
  g_string_append_c (description->text, '\n');
}

static void
describe_all (Description *description, const char *path, const char *name)
{
  g_autoptr(GPtrArray) names = NULL;

  describe (description, path, name);
  if (g_file_test (path, G_FILE_TEST_IS_SYMLINK) || !g_file_test (path, G_FILE_TEST_IS_DIR))
    return;
  names = cpd_fs_list_dir (path, NULL);
  g_ptr_array_sort (names, compare);
  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *full = g_build_filename (path, names->pdata[i], NULL);
      g_autofree char *below = g_strconcat (name, "/", names->pdata[i], NULL);

      describe_all (description, full, below);
    }
}

char *
test_tree_describe (const char *path)
{
  Description description = {
    g_string_new (NULL), g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free)
  };

  describe_all (&description, path, "");
  g_hash_table_unref (description.first);
  return g_string_free (description.text, FALSE);
}
