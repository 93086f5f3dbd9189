/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-fs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "public/cpod-error.h"
#include "test-scratch.h"

static char *
make_directory (TestScratch *fixture, const char *name)
{
  char *path = g_build_filename (fixture->path, name, NULL);

  g_assert_true (cpd_fs_mkdir_p (path, 0755, NULL));
  return path;
}

static void
mount_at (const char *path)
{
  g_assert_cmpint (mount ("tmpfs", path, "tmpfs", 0, "size=1m"), ==, 0);
}

static void
assert_mounts_below (const char *path, guint n)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) mounts = cpd_fs_mounts_below (path, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (mounts->len, ==, n);
}

static void
test_mounts_below (TestScratch *fixture, gconstpointer data)
{
  g_autofree char *tree = make_directory (fixture, "tree");
  g_autofree char *odd = make_directory (fixture, "tree/a b\tc\\d\n");
  g_autofree char *deeper = NULL;
  g_autofree char *sibling = make_directory (fixture, "tree-of-another");
  g_autofree char *nothing = g_build_filename (fixture->path, "nothing", NULL);
  g_autoptr(GPtrArray) mounts = NULL;

  assert_mounts_below (tree, 0);
  mount_at (odd);
  deeper = make_directory (fixture, "tree/a b\tc\\d\n/deeper");
  mount_at (deeper);
  mount_at (sibling);

  mounts = cpd_fs_mounts_below (tree, NULL);
  g_assert_cmpuint (mounts->len, ==, 2);
  g_assert_cmpstr (mounts->pdata[0], ==, odd);
  g_assert_cmpstr (mounts->pdata[1], ==, deeper);
  assert_mounts_below (odd, 2);
  assert_mounts_below (deeper, 1);
  assert_mounts_below (sibling, 1);
  assert_mounts_below (fixture->path, 4);       /* the scratch directory is one itself */
  assert_mounts_below (nothing, 0);
}

static void
test_is_mountpoint (TestScratch *fixture, gconstpointer data)
{
  g_autofree char *path = make_directory (fixture, "point");
  g_autofree char *link = g_build_filename (fixture->path, "link", NULL);
  g_autofree char *nothing = g_build_filename (fixture->path, "nothing", NULL);

  g_assert_false (cpd_fs_is_mountpoint (path));
  mount_at (path);
  g_assert_true (cpd_fs_is_mountpoint (path));
  g_assert_cmpint (symlink (path, link), ==, 0);
  g_assert_false (cpd_fs_is_mountpoint (link));
  g_assert_false (cpd_fs_is_mountpoint (nothing));
}

/* The contents of what is mounted are never removed. */
static void
test_remove_tree_stops (TestScratch *fixture, gconstpointer data)
{
  g_autoptr(GError) error = NULL, at_the_top = NULL;
  g_autofree char *tree = make_directory (fixture, "tree");
  g_autofree char *other = make_directory (fixture, "tree/other");
  g_autofree char *point = make_directory (fixture, "tree/a b");
  g_autofree char *file = g_build_filename (point, "precious", NULL);

  mount_at (point);
  g_assert_true (g_file_set_contents (file, "x", -1, NULL));
  g_assert_false (cpd_fs_remove_tree (tree, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, point));
  g_assert_nonnull (strstr (error->message, "is mounted"));
  g_assert_true (g_file_test (file, G_FILE_TEST_EXISTS));
  g_assert_true (g_file_test (other, G_FILE_TEST_EXISTS));

  g_assert_false (cpd_fs_remove_tree (point, &at_the_top));
  g_assert_true (g_file_test (file, G_FILE_TEST_EXISTS));
  g_assert_true (cpd_fs_unmount (point, NULL));
  g_assert_true (cpd_fs_remove_tree (tree, NULL));
  g_assert_false (g_file_test (tree, G_FILE_TEST_EXISTS));
}

/* A link to where something is mounted is just a link. */
static void
test_remove_link_to_mount (TestScratch *fixture, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *point = make_directory (fixture, "point");
  g_autofree char *file = g_build_filename (point, "precious", NULL);
  g_autofree char *link = g_build_filename (fixture->path, "link", NULL);

  mount_at (point);
  g_assert_true (g_file_set_contents (file, "x", -1, NULL));
  g_assert_cmpint (symlink (point, link), ==, 0);
  g_assert_true (cpd_fs_remove_tree (link, &error));
  g_assert_no_error (error);
  g_assert_false (g_file_test (link, G_FILE_TEST_IS_SYMLINK));
  g_assert_true (g_file_test (file, G_FILE_TEST_EXISTS));
}

static void
test_unmount (TestScratch *fixture, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *path = make_directory (fixture, "point");
  g_autofree char *nothing = g_build_filename (fixture->path, "nothing", NULL);

  g_assert_true (cpd_fs_unmount (path, &error));
  g_assert_true (cpd_fs_unmount (nothing, &error));
  mount_at (path);
  mount_at (path);
  g_assert_true (cpd_fs_unmount (path, &error));
  g_assert_no_error (error);
  g_assert_false (cpd_fs_is_mountpoint (path));
}

/* What is in use goes too, and what lies under it. */
static void
test_unmount_busy (TestScratch *fixture, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *path = make_directory (fixture, "point");
  g_autofree char *file = g_build_filename (path, "open", NULL);
  g_autofree char *child = NULL;
  cpd_autofd int fd = -1;

  mount_at (path);
  mount_at (path);
  fd = open (file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  g_assert_cmpint (fd, >=, 0);
  child = make_directory (fixture, "point/child");
  mount_at (child);
  g_assert_true (cpd_fs_unmount (path, &error));
  g_assert_no_error (error);
  g_assert_false (cpd_fs_is_mountpoint (path));
  assert_mounts_below (path, 0);
}

static void
test_unmount_link (TestScratch *fixture, gconstpointer data)
{
  g_autofree char *path = make_directory (fixture, "point");
  g_autofree char *link = g_build_filename (fixture->path, "link", NULL);

  mount_at (path);
  g_assert_cmpint (symlink (path, link), ==, 0);
  cpd_fs_unmount (link, NULL);
  g_assert_true (cpd_fs_is_mountpoint (path));
}

#define ADD(path, func) g_test_add (path, TestScratch, "16m", test_scratch_set_up, func, test_scratch_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  test_scratch_init ();
  ADD ("/fs/mounts-below", test_mounts_below);
  ADD ("/fs/is-mountpoint", test_is_mountpoint);
  ADD ("/fs/remove-tree-stops-at-mounts", test_remove_tree_stops);
  ADD ("/fs/remove-link-to-mount", test_remove_link_to_mount);
  ADD ("/fs/unmount", test_unmount);
  ADD ("/fs/unmount-busy", test_unmount_busy);
  ADD ("/fs/unmount-link", test_unmount_link);
  return g_test_run ();
}
