/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "common/cpd-process.h"
#include "oci/cpd-digest.h"
#include "oci/cpd-layer.h"
#include "public/cpod-error.h"
#include "test-archive.h"
#include "test-scratch.h"

/* A small btrfs, on which files can share their blocks. */
typedef struct
{
  char *scratch;
  char *mount;
  char *archive;                /* path of what is unpacked */
  char *blob_path;
  int root;
  int blob;
  CpdLayerInfo info;
} Fixture;

static void
run (const char *program, ...)
{
  g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *output = NULL;
  g_autoptr(GError) error = NULL;
  va_list words;

  g_ptr_array_add (argv, g_find_program_in_path (program));
  va_start (words, program);
  for (const char *word = va_arg (words, const char *); word != NULL; word = va_arg (words, const char *))
    g_ptr_array_add (argv, g_strdup (word));
  va_end (words);
  g_ptr_array_add (argv, NULL);
  g_assert_nonnull (argv->pdata[0]);
  cpd_process_run ((const char *const *) argv->pdata, 60000, &output, &error);
  g_assert_no_error (error);
}

static void
set_up (Fixture *self, gconstpointer data)
{
  g_autofree char *image = NULL, *root = NULL;
  cpd_autofd int fd = -1;

  self->scratch = test_scratch_new ("200m");
  image = g_build_filename (self->scratch, "image", NULL);
  self->mount = g_build_filename (self->scratch, "mount", NULL);
  self->archive = g_build_filename (self->mount, "archive", NULL);
  self->blob_path = g_build_filename (self->mount, "blob", NULL);
  root = g_build_filename (self->mount, "root", NULL);
  fd = open (image, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  g_assert_cmpint (ftruncate (fd, 150 * 1024 * 1024), ==, 0);
  run ("mkfs.btrfs", "-q", image, NULL);
  g_assert_cmpint (mkdir (self->mount, 0755), ==, 0);
  run ("mount", "-o", "loop", image, self->mount, NULL);
  g_assert_cmpint (mkdir (root, 0755), ==, 0);
  self->root = open (root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  self->blob = open (self->blob_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

static void
tear_down (Fixture *self, gconstpointer data)
{
  cpd_close_fd (&self->root);
  cpd_close_fd (&self->blob);
  cpd_layer_info_clear (&self->info);
  g_assert_cmpint (umount2 (self->mount, 0), ==, 0);
  g_free (self->mount);
  g_free (self->archive);
  g_free (self->blob_path);
  test_scratch_free (self->scratch);
}

/* Puts an archive with a file of noise, and PADDING zeros behind it, on the file system. */
static int
write_archive (Fixture *self, const char *filter, gsize padding)
{
  TestArchive *archive = test_archive_new (filter);
  g_autoptr(GRand) random = g_rand_new_with_seed (11);
  const gsize length = 3 * 1024 * 1024;
  g_autofree guint32 *noise = g_new (guint32, length / 4);
  g_autofree char *zeros = g_malloc0 (padding + 1);
  g_autoptr(GBytes) bytes = NULL;
  int fd = open (self->archive, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

  for (gsize i = 0; i < length / 4; i++)
    noise[i] = g_rand_int (random);
  test_archive_add (archive, test_archive_entry ("noise", AE_IFREG, 0644), noise, length);
  bytes = test_archive_finish (archive);
  g_assert_true (cpd_fs_write_all (fd, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), NULL));
  g_assert_true (cpd_fs_write_all (fd, zeros, padding, NULL));
  g_assert_cmpint (lseek (fd, 0, SEEK_SET), ==, 0);
  return fd;
}

static void
extract (Fixture *self, int fd)
{
  g_autofree char *contents = NULL, *digest = NULL;
  g_autoptr(GError) error = NULL;
  gsize length;

  cpd_layer_extract (fd, self->root, self->blob, NULL, NULL, NULL, NULL, &self->info, &error);
  g_assert_no_error (error);
  g_assert_true (g_file_get_contents (self->blob_path, &contents, &length, NULL));
  digest = cpd_digest_of_text (contents, (gssize) length);
  g_assert_cmpstr (digest, ==, self->info.blob_digest);
  g_assert_cmpuint (length, ==, self->info.blob_size);
}

/* Whether the first bytes of the blob are in the same place of the disk as those of another file. */
static gboolean
is_shared (Fixture *self)
{
  g_autofree struct fiemap *map = g_malloc0 (sizeof *map + sizeof (struct fiemap_extent));

  g_assert_cmpint (fsync (self->blob), ==, 0);
  map->fm_length = 4096;
  map->fm_flags = FIEMAP_FLAG_SYNC;
  map->fm_extent_count = 1;
  g_assert_cmpint (ioctl (self->blob, FS_IOC_FIEMAP, map), ==, 0);
  g_assert_cmpuint (map->fm_mapped_extents, ==, 1);
  return (map->fm_extents[0].fe_flags & FIEMAP_EXTENT_SHARED) != 0;
}

static void
test_shared (Fixture *self, gconstpointer filter)
{
  cpd_autofd int fd = write_archive (self, filter, 0);

  extract (self, fd);
  g_assert_true (is_shared (self));
}

/* What follows gzip data is no part of the blob, though it was cloned. */
static void
test_padding (Fixture *self, gconstpointer data)
{
  cpd_autofd int fd = write_archive (self, "gzip", 100000);

  extract (self, fd);
  g_assert_cmpint (self->info.blob_size, ==, lseek (fd, 0, SEEK_END) - 100000);
  g_assert_true (is_shared (self));
}

/* There is no media type for these: the tar in it is kept. */
static void
test_not_kept (Fixture *self, gconstpointer data)
{
  cpd_autofd int fd = write_archive (self, "xz", 0);

  extract (self, fd);
  g_assert_false (is_shared (self));
}

/* Only the rest of the file is meant. */
static void
test_not_from_start (Fixture *self, gconstpointer data)
{
  cpd_autofd int fd = write_archive (self, "none", 0);
  off_t size = lseek (fd, 0, SEEK_END);
  g_autofree char *contents = g_malloc ((gsize) size);

  g_assert_cmpint (pread (fd, contents, (gsize) size, 0), ==, size);
  g_assert_cmpint (pwrite (fd, "before", 6, 0), ==, 6);
  g_assert_cmpint (pwrite (fd, contents, (gsize) size, 6), ==, size);
  g_assert_cmpint (lseek (fd, 6, SEEK_SET), ==, 6);
  extract (self, fd);
  g_assert_cmpint (self->info.blob_size, ==, size);
  g_assert_false (is_shared (self));
}

/* The caller may write to its file whenever it likes: what is unpacked is what is kept. */
static void
change_file (guint64 done, guint64 total, gpointer user_data)
{
  g_assert_cmpint (ftruncate (GPOINTER_TO_INT (user_data), 0), ==, 0);
}

static void
test_changed (Fixture *self, gconstpointer data)
{
  cpd_autofd int fd = write_archive (self, "none", 0);
  g_autofree char *contents = NULL, *digest = NULL;
  g_autoptr(GError) error = NULL;
  gsize length;

  cpd_layer_extract (fd, self->root, self->blob, NULL, change_file, GINT_TO_POINTER (fd), NULL, &self->info, &error);
  g_assert_no_error (error);
  g_assert_true (g_file_get_contents (self->blob_path, &contents, &length, NULL));
  digest = cpd_digest_of_text (contents, (gssize) length);
  g_assert_cmpstr (digest, ==, self->info.diff_id);
  g_assert_cmpuint (length, >, 3 * 1024 * 1024);
}

#define ADD(path, data, function) g_test_add (path, Fixture, data, set_up, function, tear_down)

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  test_scratch_init ();
  ADD ("/oci/clone/shared/none", "none", test_shared);
  ADD ("/oci/clone/shared/gzip", "gzip", test_shared);
  ADD ("/oci/clone/shared/zstd", "zstd", test_shared);
  ADD ("/oci/clone/padding", NULL, test_padding);
  ADD ("/oci/clone/not-kept", NULL, test_not_kept);
  ADD ("/oci/clone/not-from-start", NULL, test_not_from_start);
  ADD ("/oci/clone/changed", NULL, test_changed);
  return g_test_run ();
}
