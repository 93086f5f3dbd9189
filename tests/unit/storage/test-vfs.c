/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "common/cpd-names.h"
#include "oci/cpd-digest.h"
#include "public/cpod-error.h"
#include "test-scratch.h"
#include "test-storage.h"
#include "test-tree.h"

#define OK(call) g_assert_cmpint ((call), ==, 0)

/* The functions below make files in the layer that is the working directory. */
static void
file (const char *path, const char *text, mode_t mode, uid_t uid)
{
  const struct timespec times[2] = { { 1000000000, 5 }, { 1200000000 + uid, 123456789 } };

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  OK (chown (path, uid, uid + 1));
  OK (chmod (path, mode));
  OK (utimensat (AT_FDCWD, path, times, 0));
}

static void
directory (const char *path, mode_t mode, uid_t uid)
{
  OK (g_mkdir_with_parents (path, 0755));
  OK (chown (path, uid, uid));
  OK (chmod (path, mode));
}

/* Last, as what is made in a directory changes its time. */
static void
age (const char *path, time_t time)
{
  const struct timespec times[2] = { { time, 1 }, { time, 2 } };

  OK (utimensat (AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW));
}

static void
whiteout (const char *path)
{
  OK (mknod (path, S_IFCHR, 0));
}

static void
opaque (const char *path)
{
  OK (setxattr (path, "trusted.overlay.opaque", "y", 1, 0));
}

static void
sparse (const char *path)
{
  cpd_autofd int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

  g_assert_cmpint (pwrite (fd, "data", 4, 3 << 20), ==, 4);
  g_assert_cmpint (pwrite (fd, "more", 4, 6 << 20), ==, 4);
  OK (ftruncate (fd, 9 << 20));
}

static const guint8 acl[] = {
  2, 0, 0, 0, 1, 0, 7, 0, 255, 255, 255, 255, 2, 0, 5, 0, 7, 0, 0, 0, 4, 0, 5, 0, 255, 255, 255, 255,
  16, 0, 7, 0, 255, 255, 255, 255, 32, 0, 0, 0, 255, 255, 255, 255,
};
static const guint8 capability[] = { 1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };

static void
fill_lowest (void)
{
  directory ("etc/deep/er", 0750, 7);
  file ("etc/hostname", "lowest", 0644, 3);
  file ("etc/gone", "gone", 0600, 0);
  file ("etc/deep/er/file", "deep", 04755, 5);
  directory ("opaque/inner", 0700, 0);
  file ("opaque/hidden", "hidden", 0644, 0);
  file ("opaque/inner/hidden", "hidden", 0644, 0);
  directory ("becomes-file/sub", 0755, 0);
  file ("becomes-file/sub/x", "x", 0644, 0);
  file ("becomes-directory", "file", 0644, 0);
  OK (symlink ("etc", "link"));
  OK (symlink ("/etc/hostname", "absolute"));
  OK (symlink ("etc", "becomes-real"));
  file ("first", "linked", 0640, 9);
  OK (link ("first", "etc/second"));
  OK (link ("first", "third"));
  file ("empty", "", 0, 0);
  sparse ("sparse");
  age ("link", 77);
  age ("etc", 1000);
}

static void
fill_special (void)
{
  directory ("dev", 01777, 0);
  OK (mknod ("dev/null", S_IFCHR | 0666, makedev (1, 3)));
  OK (mknod ("dev/loop", S_IFBLK | 0640, makedev (7, 1)));
  OK (mkfifo ("dev/pipe", 0620));
  directory ("acls", 02775, 4);
  OK (setxattr ("acls", "system.posix_acl_default", acl, sizeof acl, 0));
  OK (setxattr ("acls", "trusted.mine", "lower", 5, 0));
  file ("acls/with", "with", 0644, 0);
  OK (setxattr ("acls/with", "system.posix_acl_access", acl, sizeof acl, 0));
  file ("acls/capable", "capable", 0755, 0);
  OK (setxattr ("acls/capable", "security.capability", capability, sizeof capability, 0));
  OK (setxattr ("acls/capable", "trusted.note", "a note", 6, 0));
  OK (symlink ("nowhere", "acls/dangling"));
  OK (lsetxattr ("acls/dangling", "trusted.note", "of a link", 9, 0));
  age ("acls", 123456);
  age ("dev/pipe", 99);
}

static void
fill_changes (void)
{
  directory ("etc/deep", 0711, 8);
  file ("etc/hostname", "changed", 0600, 4);
  whiteout ("etc/gone");
  whiteout ("etc/never-was");
  directory ("opaque/inner", 0755, 1);
  opaque ("opaque");
  file ("opaque/new", "new", 0644, 0);
  file ("becomes-file", "now a file", 0644, 0);
  directory ("becomes-directory", 0755, 0);
  file ("becomes-directory/inside", "inside", 0644, 0);
  directory ("becomes-real", 0755, 0);
  file ("becomes-real/inside", "inside", 0644, 0);
  file ("third", "linked no more", 0644, 0);
  directory ("acls", 0755, 0);
  file ("acls/plain", "plain", 0644, 0);
  age ("acls", 54321);
  age ("etc", 2000);
}

/* A whiteout and what comes again above it, and the other way round. */
static void
fill_top (void)
{
  whiteout ("becomes-directory");
  directory ("etc", 0755, 0);
  file ("etc/gone", "is back", 0644, 0);
  whiteout ("etc/deep");
  whiteout ("link");
  whiteout ("first");
  directory ("opaque", 0700, 2);
  opaque ("opaque");
  OK (symlink ("/", "loop"));
  age ("opaque", 3);
}

typedef void (*Fill) (void);

static void
fill_layer (const char *directory, guint number, gconstpointer fills)
{
  g_autofree char *before = g_get_current_dir ();

  OK (chdir (directory));
  ((const Fill *) fills)[number] ();
  OK (chdir (before));
}

/* An image whose layers FILLS have made. */
static char *
add_image (TestStorage *self, const Fill *fills, guint n)
{
  return test_storage_add_layers (self, n, fill_layer, fills);
}

static void
reopen (TestStorage *self, const char *driver)
{
  test_storage_close (self);
  self->settings.driver = driver;
  test_storage_open (self);
}

/* Creates a container with the driver that is chosen and mounts its root. */
static char *
make_root (TestStorage *self, const char *image, const char *name)
{
  g_autofree char *container = cpd_id_generate (), *target = g_build_filename (self->scratch, name, NULL);
  g_autoptr(GError) error = NULL;

  OK (mkdir (target, 0700));
  cpd_storage_create_rw (self->storage, container, image, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (cpd_storage_get_rw_driver (self->storage, container), ==, cpd_storage_get_driver (self->storage));
  cpd_storage_mount (self->storage, container, image, target, FALSE, &error);
  g_assert_no_error (error);
  return g_steal_pointer (&target);
}

/* Whatever layers say, a copy is what an overlay shows. */
static void
test_same (TestStorage *self, gconstpointer data)
{
  const Fill fills[] = { fill_lowest, fill_special, fill_changes, fill_top };

  for (int n = 1; n <= 4; n++)
    {
      g_autofree char *image = add_image (self, fills, n);
      g_autofree char *first = g_strdup_printf ("overlay-%d", n), *second = g_strdup_printf ("vfs-%d", n);
      g_autofree char *overlay = NULL, *vfs = NULL, *wanted = NULL, *found = NULL, *path = NULL;
      struct stat info;

      reopen (self, "overlay");
      overlay = make_root (self, image, first);
      reopen (self, "vfs");
      vfs = make_root (self, image, second);
      wanted = test_tree_describe (overlay);
      found = test_tree_describe (vfs);
      g_assert_nonnull (strstr (wanted, "sparse"));
      g_assert_cmpstr (found, ==, wanted);
      path = g_build_filename (vfs, "sparse", NULL);
      OK (stat (path, &info));
      g_assert_cmpint (info.st_size, ==, 9 << 20);
      g_assert_cmpint (info.st_blocks, <, 2048);
      OK (umount (overlay));
      OK (umount (vfs));
    }
}

/* Roots without devices, whatever the image has; set-id bits work as in an overlay. */
static void
test_flags (TestStorage *self, gconstpointer data)
{
  const Fill fills[] = { fill_special };
  g_autofree char *image = add_image (self, fills, 1), *root = NULL, *null = NULL;

  reopen (self, "vfs");
  root = make_root (self, image, "root");
  null = g_build_filename (root, "dev/null", NULL);
  g_assert_cmpint (open (null, O_WRONLY | O_CLOEXEC), ==, -1);
  g_assert_cmpint (errno, ==, EACCES);
  OK (umount (root));
}

/* Another driver is for new containers: what is there stays as it is, and what was written too. */
static void
test_change (TestStorage *self, gconstpointer data)
{
  const Fill fills[] = { fill_lowest };
  const char *const drivers[] = { "overlay", "vfs", "overlay" };
  g_autofree char *image = add_image (self, fills, 1), *target = g_build_filename (self->scratch, "root", NULL);
  g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);

  OK (mkdir (target, 0700));
  for (guint i = 0; i < G_N_ELEMENTS (drivers); i++)
    {
      char *id = cpd_id_generate ();

      reopen (self, drivers[i]);
      g_ptr_array_add (ids, id);
      g_assert_true (cpd_storage_create_rw (self->storage, id, image, NULL, NULL));
      for (guint j = 0; j <= i; j++)
        {
          g_autofree char *note = g_build_filename (target, "note", NULL), *text = NULL;

          g_assert_true (cpd_storage_mend_rw (self->storage, ids->pdata[j], image, NULL));
          g_assert_cmpstr (cpd_storage_get_rw_driver (self->storage, ids->pdata[j]), ==, drivers[j]);
          g_assert_true (cpd_storage_mount (self->storage, ids->pdata[j], image, target, FALSE, NULL));
          g_assert_cmpint (g_file_get_contents (note, &text, NULL, NULL), ==, j < i);
          g_assert_cmpstr (text, ==, j < i ? ids->pdata[j] : NULL);
          g_assert_true (g_file_set_contents (note, ids->pdata[j], -1, NULL));
          g_assert_true (cpd_storage_unmount (self->storage, target, NULL));
          g_assert_cmpint (cpd_storage_measure_rw (self->storage, ids->pdata[j]), >, 0);
        }
    }
  for (guint i = 0; i < ids->len; i++)
    g_assert_true (cpd_storage_delete_rw (self->storage, ids->pdata[i], NULL));
  g_assert_cmpuint (test_storage_count (self, "overlay/c"), ==, 0);
}

static void
fill_large (void)
{
  g_autofree char *text = g_malloc (5 << 20);

  memset (text, 'x', 5 << 20);
  g_assert_true (g_file_set_contents ("large", text, 5 << 20, NULL));
}

static void
test_full (TestStorage *self, gconstpointer data)
{
  const Fill fills[] = { fill_large };
  g_autofree char *image = add_image (self, fills, 1), *container = cpd_id_generate ();
  g_autoptr(GError) error = NULL;

  reopen (self, "vfs");
  g_assert_false (cpd_storage_create_rw (self->storage, container, image, NULL, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_DISK_FULL);
  g_assert_nonnull (strstr (error->message, "'large'"));
  g_assert_nonnull (strstr (error->message, image));
  g_assert_cmpuint (test_storage_count (self, "overlay/c"), ==, 0);
}

static void
test_cancel (TestStorage *self, gconstpointer data)
{
  const Fill fills[] = { fill_lowest };
  g_autofree char *image = add_image (self, fills, 1), *container = cpd_id_generate ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;

  reopen (self, "vfs");
  g_cancellable_cancel (cancellable);
  g_assert_false (cpd_storage_create_rw (self->storage, container, image, cancellable, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_CANCELLED);
  g_assert_cmpuint (test_storage_count (self, "overlay/c"), ==, 0);
}

/* What a power cut may leave: nothing, or a copy that was not finished. */
static void
test_mend (TestStorage *self, gconstpointer data)
{
  const Fill fills[] = { fill_lowest, fill_changes };
  g_autofree char *image = add_image (self, fills, 2), *container = cpd_id_generate (), *base = NULL;
  g_autofree char *root = NULL, *copy = NULL, *wanted = NULL, *found = NULL, *half = NULL;

  reopen (self, "vfs");
  base = g_build_filename (self->root, "overlay/c", container, NULL);
  root = g_build_filename (base, "root", NULL);
  copy = g_build_filename (base, "copy", NULL);
  half = g_build_filename (copy, "empty", NULL);
  g_assert_true (cpd_storage_create_rw (self->storage, container, image, NULL, NULL));
  wanted = test_tree_describe (root);
  OK (rename (root, copy));
  OK (unlink (half));
  g_assert_true (cpd_storage_mend_rw (self->storage, container, image, NULL));
  found = test_tree_describe (root);
  g_assert_cmpstr (found, ==, wanted);
  OK (access (base, F_OK));
  g_assert_cmpint (access (copy, F_OK), ==, -1);
}

/* Without a choice it depends on what the file system can do. */
static void
test_choice (TestStorage *self, gconstpointer data)
{
  g_autofree char *plain = g_build_filename (self->scratch, "ramfs", NULL);
  g_autoptr(CpdStorage) storage = NULL, set = NULL;
  g_autoptr(GError) error = NULL;
  const CpdStorageSettings overlay = { .driver = "overlay" }, unknown = { .driver = "btrfs" };
  const CpdStorageSettings options = { .mount_options = "nodev,size=1" };
  const CpdStorageSettings failing = { .mount_program = "/bin/false" }, missing = { .mount_program = "/bin/missing" };

  g_assert_cmpstr (cpd_storage_get_driver (self->storage), ==, "overlay");
  g_assert_null (cpd_storage_get_refusal (self->storage));
  g_assert_cmpuint (test_storage_count (self, "overlay/tmp"), ==, 0);

  /* It has no extended attributes. */
  OK (mkdir (plain, 0700));
  OK (mount ("ramfs", plain, "ramfs", 0, NULL));
  storage = cpd_storage_open (self->store, plain, &failing, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (cpd_storage_get_driver (storage), ==, "vfs");
  g_assert_null (cpd_storage_get_mount_program (storage));
  g_assert_nonnull (strstr (cpd_storage_get_refusal (storage), plain));
  g_assert_nonnull (strstr (cpd_storage_get_refusal (storage), "false"));
  set = cpd_storage_open (self->store, plain, &overlay, &error);
  g_assert_cmpstr (cpd_storage_get_driver (set), ==, "overlay");
  g_assert_cmpstr (cpd_storage_get_mount_program (set), ==, "/usr/bin/fuse-overlayfs");
  g_assert_nonnull (strstr (cpd_storage_get_refusal (set), plain));
  g_assert_cmpuint (test_storage_count (self, "overlay/tmp"), ==, 0);
  OK (umount2 (plain, MNT_DETACH));

  g_assert_null (cpd_storage_open (self->store, self->root, &missing, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_BAD_CONFIG);
  g_assert_nonnull (strstr (error->message, "mount_program: /bin/missing is no program"));
  g_clear_error (&error);

  g_assert_null (cpd_storage_open (self->store, self->root, &unknown, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_BAD_CONFIG);
  g_assert_nonnull (strstr (error->message, "storage.driver: there is no driver 'btrfs'"));
  g_clear_error (&error);
  g_assert_null (cpd_storage_open (self->store, self->root, &options, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_BAD_CONFIG);
  g_assert_nonnull (strstr (error->message, "mountopt: the mount option 'size=1'"));
}

static void
set_up_small (TestStorage *self, gconstpointer data)
{
  test_storage_set_up (self, "8m");
}

static void
set_up (TestStorage *self, gconstpointer data)
{
  test_storage_set_up (self, NULL);
}

#define ADD(path, begin, function) \
  g_test_add (path, TestStorage, NULL, begin, function, test_storage_tear_down)

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  test_scratch_init ();
  umask (022);
  ADD ("/storage/vfs/same", set_up, test_same);
  ADD ("/storage/vfs/flags", set_up, test_flags);
  ADD ("/storage/vfs/change", set_up, test_change);
  ADD ("/storage/vfs/full", set_up_small, test_full);
  ADD ("/storage/vfs/cancel", set_up, test_cancel);
  ADD ("/storage/vfs/mend", set_up, test_mend);
  ADD ("/storage/vfs/choice", set_up, test_choice);
  return g_test_run ();
}
