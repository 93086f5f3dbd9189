/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-fs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "public/cpod-error.h"
#include "test-scratch.h"

static char *
below (TestScratch *fixture, const char *name)
{
  return g_build_filename (fixture->path, name, NULL);
}

static void
write_text (const char *path, const char *text)
{
  g_autoptr(GError) error = NULL;

  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* Asserts that the directory has exactly the names, given sorted and with a blank between. */
static void
assert_names (const char *directory, const char *expected)
{
  g_autoptr(GPtrArray) names = cpd_fs_list_dir (directory, NULL);
  g_autofree char *joined = NULL;

  g_assert_nonnull (names);
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  joined = g_strjoinv (" ", (char **) names->pdata);
  g_assert_cmpstr (joined, ==, expected);
}

static void
assert_file (const char *path, const char *text, mode_t mode)
{
  g_autofree char *found = cpd_fs_read_file (path, 1 << 20, NULL);
  struct stat info;

  g_assert_cmpstr (found, ==, text);
  g_assert_cmpint (stat (path, &info), ==, 0);
  g_assert_cmpint (info.st_mode & 07777, ==, mode);
}

static void
test_write_file (TestScratch *fixture, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *path = below (fixture, "file");

  g_assert_true (cpd_fs_write_file (path, "first", -1, 0644, TRUE, &error));
  g_assert_no_error (error);
  assert_file (path, "first", 0644);
  g_assert_true (cpd_fs_write_file (path, "second and more", 6, 0600, FALSE, &error));
  assert_file (path, "second", 0600);
  g_assert_true (cpd_fs_write_file (path, "", -1, 0640, TRUE, &error));
  assert_file (path, "", 0640);
  assert_names (fixture->path, "file");
}

/* Whoever has the old file open keeps it whole: the new one takes its name, not its place. */
static void
test_write_file_atomic (TestScratch *fixture, gconstpointer data)
{
  g_autofree char *path = below (fixture, "file");
  cpd_autofd int fd = -1;
  char buffer[16] = "";

  write_text (path, "old");
  fd = open (path, O_RDONLY | O_CLOEXEC);
  g_assert_true (cpd_fs_write_file (path, "new", -1, 0644, FALSE, NULL));
  g_assert_cmpint (read (fd, buffer, sizeof buffer), ==, 3);
  g_assert_cmpstr (buffer, ==, "old");
}

/* Whatever fails, the old file stays and nothing else is left. */
static void
test_write_file_fails (TestScratch *fixture, gconstpointer data)
{
  g_autoptr(GError) error = NULL, no_directory = NULL, in_the_way = NULL;
  g_autofree char *path = below (fixture, "file");
  g_autofree char *lost = below (fixture, "missing/file");
  g_autofree char *directory = below (fixture, "directory");
  g_autofree char *huge = g_malloc0 (64 << 20);

  write_text (path, "old");
  g_assert_false (cpd_fs_write_file (path, huge, 64 << 20, 0644, FALSE, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_DISK_FULL);
  g_assert_nonnull (strstr (error->message, path));
  assert_file (path, "old", 0644);

  g_assert_false (cpd_fs_write_file (lost, "x", -1, 0644, FALSE, &no_directory));
  g_assert_error (no_directory, CPOD_ERROR, CPOD_ERROR_FAILED);

  g_assert_cmpint (mkdir (directory, 0755), ==, 0);
  g_assert_false (cpd_fs_write_file (directory, "x", -1, 0644, FALSE, &in_the_way));
  g_assert_error (in_the_way, CPOD_ERROR, CPOD_ERROR_FAILED);
  assert_names (fixture->path, "directory file");
}

static void
test_read_file (TestScratch *fixture, gconstpointer data)
{
  g_autoptr(GError) error = NULL, missing = NULL, wrong = NULL;
  g_autofree char *path = below (fixture, "file");
  g_autofree char *nothing = below (fixture, "nothing");
  g_autofree char *text = NULL;

  write_text (path, "12345");
  text = cpd_fs_read_file (path, 5, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (text, ==, "12345");
  g_assert_null (cpd_fs_read_file (path, 4, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "longer than 4 bytes"));
  g_assert_null (cpd_fs_read_file (nothing, 4, &missing));
  g_assert_nonnull (strstr (missing->message, nothing));
  g_assert_null (cpd_fs_read_file (fixture->path, 4, &wrong));
  g_assert_error (wrong, CPOD_ERROR, CPOD_ERROR_FAILED);
}

static void
test_mkdir_p (TestScratch *fixture, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *path = below (fixture, "a/b/c");
  g_autofree char *file = below (fixture, "file");
  g_autofree char *under_file = below (fixture, "file/d");

  g_assert_true (cpd_fs_mkdir_p (path, 0700, &error));
  g_assert_true (cpd_fs_mkdir_p (path, 0700, &error));
  g_assert_no_error (error);
  g_assert_true (g_file_test (path, G_FILE_TEST_IS_DIR));
  write_text (file, "");
  g_assert_false (cpd_fs_mkdir_p (under_file, 0700, &error));
  g_assert_nonnull (strstr (error->message, under_file));
}

static void
test_list_dir (TestScratch *fixture, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *hidden = below (fixture, ".hidden");
  g_autofree char *odd = below (fixture, "...");
  g_autofree char *nothing = below (fixture, "nothing");
  g_autoptr(GPtrArray) none = cpd_fs_list_dir (nothing, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (none->len, ==, 0);
  write_text (hidden, "");
  write_text (odd, "");
  assert_names (fixture->path, "... .hidden");
  g_assert_null (cpd_fs_list_dir (hidden, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_FAILED);
}

static void
test_remove_tree (TestScratch *fixture, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *tree = below (fixture, "tree");
  g_autofree char *deep = below (fixture, "tree/a/b/c");
  g_autofree char *dead = below (fixture, "tree/dead");
  g_autofree char *fifo = below (fixture, "tree/a/fifo");
  g_autofree char *locked = below (fixture, "tree/a/b/locked");
  g_autofree char *nothing = below (fixture, "no/such/thing");

  g_assert_true (cpd_fs_mkdir_p (deep, 0700, &error));
  for (int i = 0; i < 500; i++)
    {
      g_autofree char *name = g_strdup_printf ("%s/%d", deep, i);

      write_text (name, "");
    }
  g_assert_cmpint (symlink ("nowhere", dead), ==, 0);
  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  g_assert_cmpint (mkdir (locked, 0), ==, 0);

  g_assert_true (cpd_fs_remove_tree (tree, &error));
  g_assert_no_error (error);
  assert_names (fixture->path, "");
  g_assert_true (cpd_fs_remove_tree (tree, &error));
  g_assert_true (cpd_fs_remove_tree (nothing, &error));
  g_assert_no_error (error);
}

/* What a link points to stays, be the link in the tree or the tree itself. */
static void
test_remove_tree_symlinks (TestScratch *fixture, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *kept = below (fixture, "kept");
  g_autofree char *file = below (fixture, "kept/file");
  g_autofree char *tree = below (fixture, "tree");
  g_autofree char *link_to_directory = below (fixture, "tree/directory");
  g_autofree char *link_to_file = below (fixture, "tree/file");
  g_autofree char *link = below (fixture, "link");

  g_assert_true (cpd_fs_mkdir_p (kept, 0700, &error) && cpd_fs_mkdir_p (tree, 0700, &error));
  write_text (file, "precious");
  g_assert_cmpint (symlink (kept, link_to_directory), ==, 0);
  g_assert_cmpint (symlink (file, link_to_file), ==, 0);
  g_assert_cmpint (symlink (kept, link), ==, 0);

  g_assert_true (cpd_fs_remove_tree (tree, &error));
  g_assert_true (cpd_fs_remove_tree (link, &error));
  g_assert_no_error (error);
  assert_names (fixture->path, "kept");
  assert_file (file, "precious", 0666 & ~umask (022));
}

/* A container can nest directories far deeper than there are descriptors. */
static void
test_remove_tree_deep (TestScratch *fixture, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *tree = below (fixture, "tree");
  struct rlimit limit, few;
  int fd;

  g_assert_cmpint (mkdir (tree, 0700), ==, 0);
  fd = open (tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (int i = 0; i < 3000; i++)
    {
      int next;

      g_assert_cmpint (mkdirat (fd, "d", 0700), ==, 0);
      g_assert_cmpint (mkdirat (fd, "e", 0700), ==, 0);
      next = openat (fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      g_assert_cmpint (next, >=, 0);
      close (fd);
      fd = next;
    }
  close (fd);

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  few = limit;
  few.rlim_cur = 256;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &few), ==, 0);
  g_assert_true (cpd_fs_remove_tree (tree, &error));
  g_assert_no_error (error);
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  assert_names (fixture->path, "");
}

static void
test_errno (TestScratch *fixture, gconstpointer data)
{
  g_autoptr(GError) full = NULL, quota = NULL, other = NULL;

  cpd_set_error_errno (&full, ENOSPC, "failed to do %s", "this");
  g_assert_error (full, CPOD_ERROR, CPOD_ERROR_DISK_FULL);
  g_assert_true (g_str_has_prefix (full->message, "failed to do this: "));
  cpd_set_error_errno (&quota, EDQUOT, "x");
  g_assert_error (quota, CPOD_ERROR, CPOD_ERROR_DISK_FULL);
  cpd_set_error_errno (&other, EIO, "x");
  g_assert_error (other, CPOD_ERROR, CPOD_ERROR_FAILED);
  cpd_set_error_errno (NULL, EIO, "x");
}

#define ADD(path, func) g_test_add (path, TestScratch, "16m", test_scratch_set_up, func, test_scratch_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_scratch_init ();
  umask (022);
  ADD ("/fs/write-file", test_write_file);
  ADD ("/fs/write-file-atomic", test_write_file_atomic);
  ADD ("/fs/write-file-fails", test_write_file_fails);
  ADD ("/fs/read-file", test_read_file);
  ADD ("/fs/mkdir-p", test_mkdir_p);
  ADD ("/fs/list-dir", test_list_dir);
  ADD ("/fs/remove-tree", test_remove_tree);
  ADD ("/fs/remove-tree-symlinks", test_remove_tree_symlinks);
  ADD ("/fs/remove-tree-deep", test_remove_tree_deep);
  ADD ("/fs/errno", test_errno);
  return g_test_run ();
}
