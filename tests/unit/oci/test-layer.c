/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <glib.h>
#include <glib-unix.h>
#include <locale.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "oci/cpd-digest.h"
#include "oci/cpd-layer.h"
#include "public/cpod-error.h"
#include "test-archive.h"
#include "test-scratch.h"
#include "test-unpacking.h"

static void
extract_bytes (TestUnpacking *self, GBytes *bytes)
{
  g_autoptr(GError) error = NULL;
  cpd_autofd int fd = test_bytes_open (bytes);
  gboolean done = cpd_layer_extract (fd, self->root, self->blob, NULL, NULL, NULL, NULL, &self->info, &error);

  g_assert_no_error (error);
  g_assert_true (done);
}

/* Ends ARCHIVE and unpacks it. */
static void
extract (TestUnpacking *self, TestArchive *archive)
{
  g_autoptr(GBytes) bytes = test_archive_finish (archive);

  extract_bytes (self, bytes);
}

static char *
digest_of_bytes (GBytes *bytes)
{
  gsize length;
  const char *data = g_bytes_get_data (bytes, &length);

  return cpd_digest_of_text (data, (gssize) length);
}

static struct stat
look (TestUnpacking *self, const char *name)
{
  struct stat info;

  if (fstatat (self->root, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
    g_error ("%s is missing", name);
  return info;
}

static void
assert_contents (TestUnpacking *self, const char *name, const char *wanted)
{
  g_autofree char *path = g_build_filename (self->root_path, name, NULL);
  g_autofree char *text = cpd_fs_read_file (path, 1024 * 1024, NULL);

  g_assert_cmpstr (text, ==, wanted);
}

static void
test_kinds (TestUnpacking *self, gconstpointer data)
{
  TestArchive *archive = test_archive_new ("none");
  struct archive_entry *entry = test_archive_entry ("./etc/shadow", AE_IFREG, 04640);
  struct stat info;

  test_archive_add (archive, test_archive_entry ("./", AE_IFDIR, 0711), NULL, 0);
  test_archive_directory (archive, "./etc/");
  archive_entry_set_uid (entry, 12);
  archive_entry_set_gid (entry, 34);
  archive_entry_set_mtime (entry, 1234567890, 500);
  test_archive_add (archive, entry, "secret", 6);
  test_archive_symlink (archive, "link", "/no/where");
  test_archive_hard_link (archive, "again", "./etc/shadow");
  test_archive_device (archive, "null", AE_IFCHR, 1, 3);
  test_archive_device (archive, "disk", AE_IFBLK, 7, 0);
  test_archive_add (archive, test_archive_entry ("fifo", AE_IFIFO, 0620), NULL, 0);
  extract (self, archive);

  g_assert_cmpint (look (self, ".").st_mode & 07777, ==, 0711);
  g_assert_cmpint (look (self, ".").st_mtime, ==, 1000000000);
  g_assert_cmpint (look (self, "etc").st_mtime, ==, 1000000000);
  info = look (self, "etc/shadow");
  g_assert_cmpint (info.st_mode, ==, S_IFREG | 04640);
  g_assert_cmpint (info.st_uid, ==, 12);
  g_assert_cmpint (info.st_gid, ==, 34);
  g_assert_cmpint (info.st_mtim.tv_sec, ==, 1234567890);
  g_assert_cmpint (info.st_mtim.tv_nsec, ==, 500);
  g_assert_cmpint (info.st_nlink, ==, 2);
  g_assert_cmpint (look (self, "again").st_ino, ==, info.st_ino);
  g_assert_true (S_ISLNK (look (self, "link").st_mode));
  g_assert_cmpint (look (self, "link").st_mtime, ==, 1000000000);
  g_assert_cmpint (look (self, "null").st_rdev, ==, makedev (1, 3));
  g_assert_true (S_ISBLK (look (self, "disk").st_mode));
  g_assert_cmpint (look (self, "fifo").st_mode, ==, S_IFIFO | 0620);
  g_assert_cmpint (self->info.size, ==, 6);
  g_assert_cmpint (self->info.entries, ==, 8);
}

static void
test_compressions (TestUnpacking *self, gconstpointer data)
{
  const char *filter = data;
  gboolean kept = g_strv_contains ((const char *const[]) { "none", "gzip", "zstd", NULL }, filter);
  g_autofree char *contents = g_strnfill (300000, 'x');
  TestArchive *plain = test_archive_new ("none"), *compressed = test_archive_new (filter);
  g_autoptr(GBytes) plain_bytes = NULL, bytes = NULL;
  g_autofree char *diff_id = NULL, *digest = NULL, *kept_text = NULL, *kept_digest = NULL;
  gsize kept_length;

  test_archive_file (plain, "a", contents);
  test_archive_file (compressed, "a", contents);
  plain_bytes = test_archive_finish (plain);
  bytes = test_archive_finish (compressed);
  extract_bytes (self, bytes);

  diff_id = digest_of_bytes (plain_bytes);
  digest = digest_of_bytes (bytes);
  g_assert_true (g_file_get_contents (self->blob_path, &kept_text, &kept_length, NULL));
  kept_digest = cpd_digest_of_text (kept_text, (gssize) kept_length);
  g_assert_cmpstr (self->info.diff_id, ==, diff_id);
  g_assert_cmpstr (self->info.digest, ==, digest);
  g_assert_cmpstr (self->info.blob_digest, ==, kept ? digest : diff_id);
  g_assert_cmpstr (kept_digest, ==, self->info.blob_digest);
  g_assert_cmpint (self->info.blob_size, ==, kept_length);
  g_assert_true (g_str_has_prefix (self->info.media_type, "application/vnd.oci.image.layer.v1.tar"));
  assert_contents (self, "a", contents);
}

/* Zeros behind the end of the archive belong to the diff id. */
static void
test_padding (TestUnpacking *self, gconstpointer data)
{
  TestArchive *archive = test_archive_new ("none");
  g_autoptr(GBytes) short_bytes = NULL, bytes = NULL;
  g_autoptr(GByteArray) padded = g_byte_array_new ();
  g_autofree guint8 *zeros = g_malloc0 (700000);
  g_autofree char *diff_id = NULL;

  test_archive_file (archive, "a", "b");
  short_bytes = test_archive_finish (archive);
  g_byte_array_append (padded, g_bytes_get_data (short_bytes, NULL), (guint) g_bytes_get_size (short_bytes));
  g_byte_array_append (padded, zeros, 700000);
  bytes = g_byte_array_free_to_bytes (g_steal_pointer (&padded));
  diff_id = digest_of_bytes (bytes);
  extract_bytes (self, bytes);
  g_assert_cmpstr (self->info.diff_id, ==, diff_id);
  g_assert_cmpint (self->info.blob_size, ==, g_bytes_get_size (bytes));
}

/* What pads gzip data is no part of it; anything else behind it is a defect. */
static void
test_gzip_padding (TestUnpacking *self, gconstpointer data)
{
  static const char zeros[600000];
  TestArchive *archive = test_archive_new ("gzip");
  g_autoptr(GBytes) bytes = NULL, padded = NULL, wrong = NULL;
  g_autoptr(GByteArray) longer = g_byte_array_new ();
  g_auto(CpdLayerInfo) info = { 0 };
  g_autoptr(GError) error = NULL;
  g_autofree char *digest = NULL;
  cpd_autofd int fd = -1;

  test_archive_file (archive, "a", "one");
  bytes = test_archive_finish (archive);
  digest = digest_of_bytes (bytes);
  g_byte_array_append (longer, g_bytes_get_data (bytes, NULL), (guint) g_bytes_get_size (bytes));
  g_byte_array_append (longer, (const guint8 *) zeros, sizeof zeros);
  padded = g_bytes_new (longer->data, longer->len);
  g_byte_array_append (longer, (const guint8 *) "x", 1);
  wrong = g_bytes_new (longer->data, longer->len);

  extract_bytes (self, padded);
  g_assert_cmpstr (self->info.blob_digest, ==, digest);
  g_assert_cmpint (self->info.blob_size, ==, g_bytes_get_size (bytes));
  fd = test_bytes_open (wrong);
  g_assert_false (cpd_layer_extract (fd, self->root, self->blob, NULL, NULL, NULL, NULL, &info, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARCHIVE);
}

/* gzip files may be put together, as pigz and bgzip do. */
static void
test_gzip_members (TestUnpacking *self, gconstpointer data)
{
  TestArchive *archive = test_archive_new ("none");
  g_autoptr(GBytes) bytes = NULL, all = NULL;
  g_autoptr(GByteArray) joined = g_byte_array_new ();
  g_autofree char *diff_id = NULL;
  const guint8 *next;
  gsize left;

  test_archive_file (archive, "a", "one");
  bytes = test_archive_finish (archive);
  diff_id = digest_of_bytes (bytes);
  next = g_bytes_get_data (bytes, &left);
  while (left > 0)
    {
      g_autoptr(GZlibCompressor) compressor = g_zlib_compressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP, 6);
      guint8 buffer[4096];
      gsize part = MIN (left, 1000), used, made;

      g_assert_cmpint (g_converter_convert (G_CONVERTER (compressor), next, part, buffer, sizeof buffer,
                                            G_CONVERTER_INPUT_AT_END, &used, &made, NULL), ==, G_CONVERTER_FINISHED);
      g_assert_cmpint (used, ==, part);
      g_byte_array_append (joined, buffer, (guint) made);
      next += part;
      left -= part;
    }
  all = g_byte_array_free_to_bytes (g_steal_pointer (&joined));
  extract_bytes (self, all);
  g_assert_cmpstr (self->info.diff_id, ==, diff_id);
  assert_contents (self, "a", "one");
}

static void
test_xattrs (TestUnpacking *self, gconstpointer data)
{
  /* VFS_CAP_REVISION_2, effective, CAP_NET_RAW permitted */
  static const guint8 capability[20] = { 1, 0, 0, 2, 0, 0x20, 0, 0 };
  TestArchive *archive = test_archive_new ("none");
  struct archive_entry *entry = test_archive_entry ("ping", AE_IFREG, 0755);
  g_autofree char *path = g_build_filename (self->root_path, "ping", NULL);
  guint8 found[64];

  archive_entry_set_uid (entry, 5);
  archive_entry_xattr_add_entry (entry, "security.capability", capability, sizeof capability);
  test_archive_add (archive, entry, "x", 1);
  extract (self, archive);
  g_assert_cmpint (getxattr (path, "security.capability", found, sizeof found), ==, sizeof capability);
  g_assert_cmpmem (found, sizeof capability, capability, sizeof capability);
}

static void
test_whiteouts (TestUnpacking *self, gconstpointer data)
{
  TestArchive *archive = test_archive_new ("none");
  g_autofree char *dir = g_build_filename (self->root_path, "opaque", NULL);
  g_autofree char *both = g_build_filename (self->root_path, "both", NULL);
  g_autofree char *either = g_build_filename (self->root_path, "either", NULL);
  char value[8];

  test_archive_file (archive, ".wh.gone", "");
  test_archive_directory (archive, "opaque");
  test_archive_file (archive, "opaque/.wh..wh..opq", "");
  test_archive_file (archive, "opaque/kept", "k");
  test_archive_file (archive, ".wh..wh.plnk", "");
  test_archive_directory (archive, "both");
  test_archive_file (archive, ".wh.both", "");
  test_archive_file (archive, ".wh.either", "");
  test_archive_directory (archive, "either");
  test_archive_file (archive, "file", "stays");
  test_archive_file (archive, ".wh.file", "");
  extract (self, archive);

  g_assert_true (S_ISCHR (look (self, "gone").st_mode));
  g_assert_cmpint (look (self, "gone").st_rdev, ==, 0);
  g_assert_cmpint (getxattr (dir, "trusted.overlay.opaque", value, sizeof value), ==, 1);
  g_assert_cmpint (value[0], ==, 'y');
  g_assert_cmpint (getxattr (both, "trusted.overlay.opaque", value, sizeof value), ==, 1);
  g_assert_cmpint (getxattr (either, "trusted.overlay.opaque", value, sizeof value), ==, 1);
  g_assert_cmpint (faccessat (self->root, ".wh..wh.plnk", F_OK, 0), ==, -1);
  assert_contents (self, "opaque/kept", "k");
  assert_contents (self, "file", "stays");
}

/* A file system without extended attributes takes whiteouts, but no opaque directories. */
static void
test_whiteouts_refused (TestUnpacking *self, gconstpointer data)
{
  for (guint opaque = 0; opaque < 2; opaque++)
    {
      TestArchive *archive = test_archive_new ("none");
      g_autoptr(GBytes) bytes = NULL;
      g_auto(CpdLayerInfo) info = { 0 };
      g_autoptr(GError) error = NULL;
      cpd_autofd int fd = -1, root = -1;
      gboolean done;

      test_archive_file (archive, ".wh.gone", "");
      test_archive_file (archive, opaque ? "dir/.wh..wh..opq" : "dir/file", "");
      bytes = test_archive_finish (archive);
      fd = test_bytes_open (bytes);
      g_assert_cmpint (mount ("ramfs", self->root_path, "ramfs", 0, NULL), ==, 0);
      root = open (self->root_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      done = cpd_layer_extract (fd, root, self->blob, NULL, NULL, NULL, NULL, &info, &error);
      g_assert_cmpint (umount2 (self->root_path, MNT_DETACH), ==, 0);
      g_assert_true (done == !opaque);
      if (opaque)
        {
          g_assert_error (error, CPOD_ERROR, CPOD_ERROR_FAILED);
          g_assert_nonnull (strstr (error->message, "entry 'dir/.wh..wh..opq'"));
          g_assert_nonnull (strstr (error->message, "need a file system with trusted extended attributes"));
        }
      g_assert_cmpint (ftruncate (self->blob, 0), ==, 0);
      g_assert_cmpint (lseek (self->blob, 0, SEEK_SET), ==, 0);
    }
}

/* Distributions merged /lib into /usr/lib; archives name files by both ways. */
static void
test_merged_usr (TestUnpacking *self, gconstpointer data)
{
  TestArchive *archive = test_archive_new ("none");

  test_archive_directory (archive, "usr/");
  test_archive_directory (archive, "usr/lib/");
  test_archive_symlink (archive, "lib", "usr/lib");
  test_archive_symlink (archive, "lib64", "/usr/lib");
  test_archive_file (archive, "lib/libc.so", "c");
  test_archive_file (archive, "lib64/ld.so", "ld");
  test_archive_hard_link (archive, "lib/libd.so", "lib64/ld.so");
  extract (self, archive);
  assert_contents (self, "usr/lib/libc.so", "c");
  assert_contents (self, "usr/lib/ld.so", "ld");
  assert_contents (self, "usr/lib/libd.so", "ld");
  g_assert_true (S_ISLNK (look (self, "lib").st_mode));
}

static void
test_replaced (TestUnpacking *self, gconstpointer data)
{
  TestArchive *archive = test_archive_new ("none");

  test_archive_file (archive, "a/b/c", "deep");
  test_archive_file (archive, "a/b", "now a file");
  test_archive_symlink (archive, "x", "a");
  test_archive_directory (archive, "x");
  test_archive_file (archive, "x/in", "in x");
  test_archive_file (archive, "same", "one");
  test_archive_file (archive, "same", "two");
  test_archive_hard_link (archive, "same", "same");
  test_archive_file (archive, "other", "three");
  test_archive_hard_link (archive, "other", "same");
  test_archive_symlink (archive, "other2", "1");
  test_archive_symlink (archive, "other2", "2");
  extract (self, archive);
  assert_contents (self, "a/b", "now a file");
  g_assert_true (S_ISDIR (look (self, "x").st_mode));
  assert_contents (self, "x/in", "in x");
  g_assert_cmpint (faccessat (self->root, "a/in", F_OK, 0), ==, -1);
  assert_contents (self, "same", "two");
  assert_contents (self, "other", "two");
}

/* A directory that was moved away under a path just used must be looked up again. */
static void
test_parent_changes (TestUnpacking *self, gconstpointer data)
{
  TestArchive *archive = test_archive_new ("none");

  test_archive_directory (archive, "real");
  test_archive_file (archive, "dir/one", "1");
  test_archive_symlink (archive, "dir", "real");
  test_archive_file (archive, "dir/two", "2");
  extract (self, archive);
  assert_contents (self, "real/two", "2");
  g_assert_cmpint (faccessat (self->root, "real/one", F_OK, 0), ==, -1);
}

/* Its own entry says how old a directory is, wherever that is and whatever comes before, between and after. */
static void
test_directory_times (TestUnpacking *self, gconstpointer data)
{
  static const char *const names[] = { ".", "a", "a/b", "a/b/c", "d", "late", "usr", "usr/lib", "full" };
  TestArchive *archive = test_archive_new ("none");

  test_archive_directory (archive, "./");
  test_archive_file (archive, "late/file", "before its directory");
  test_archive_directory (archive, "a");
  test_archive_directory (archive, "a/b");
  test_archive_directory (archive, "a/b/c");
  test_archive_file (archive, "a/b/c/file", "1");
  test_archive_file (archive, "a/file", "2");
  test_archive_directory (archive, "d");
  test_archive_hard_link (archive, "d/link", "a/file");
  test_archive_file (archive, "a/b/file", "3");
  test_archive_file (archive, "a/b/implied/deep/file", "4");
  test_archive_directory (archive, "late");
  test_archive_directory (archive, "usr");
  test_archive_directory (archive, "usr/lib");
  test_archive_symlink (archive, "lib", "usr/lib");
  test_archive_file (archive, "lib/file", "5");
  test_archive_file (archive, "usr/lib/other", "6");
  test_archive_directory (archive, "full");
  test_archive_file (archive, "full/x/y", "7");
  test_archive_file (archive, "full/x", "now a file");
  test_archive_file (archive, "full/.wh.y", "");
  test_archive_file (archive, "top", "8");
  extract (self, archive);
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_test_message ("%s", names[i]);
      g_assert_cmpint (look (self, names[i]).st_mtime, ==, 1000000000);
    }
}

/* New files take the group of such a directory, or that of who makes them. */
static void
test_inherited_group (TestUnpacking *self, gconstpointer data)
{
  TestArchive *archive = test_archive_new ("none");
  struct archive_entry *directory = test_archive_entry ("shared", AE_IFDIR, 02755);
  struct archive_entry *file = test_archive_entry ("shared/own", AE_IFREG, 0644);

  archive_entry_set_gid (directory, 50);
  archive_entry_set_gid (file, 50);
  test_archive_add (archive, directory, NULL, 0);
  test_archive_file (archive, "shared/of-root", "x");
  test_archive_symlink (archive, "shared/link", "x");
  test_archive_add (archive, file, "x", 1);
  test_archive_directory (archive, "shared/below");
  extract (self, archive);
  g_assert_cmpint (look (self, "shared/of-root").st_gid, ==, 0);
  g_assert_cmpint (look (self, "shared/link").st_gid, ==, 0);
  g_assert_cmpint (look (self, "shared/below").st_gid, ==, 0);
  g_assert_cmpint (look (self, "shared/below").st_mode & 07777, ==, 0755);
  g_assert_cmpint (look (self, "shared/own").st_gid, ==, 50);
}

static void
test_sparse (TestUnpacking *self, gconstpointer data)
{
  TestArchive *archive = test_archive_new ("none");
  struct archive_entry *entry = test_archive_entry ("sparse", AE_IFREG, 0644);
  const gsize size = 20 * 1024 * 1024;
  g_autofree char *contents = g_malloc0 (size);

  memcpy (contents + size / 2, "middle", 6);
  archive_entry_set_size (entry, (la_int64_t) size);
  archive_entry_sparse_add_entry (entry, (la_int64_t) size / 2, 4096);
  test_archive_add (archive, entry, contents, size);
  extract (self, archive);
  g_assert_cmpint (look (self, "sparse").st_size, ==, size);
  g_assert_cmpint (look (self, "sparse").st_blocks, <=, 64);
  g_assert_cmpint (self->info.size, <=, 8192);
}

static void
test_names (TestUnpacking *self, gconstpointer data)
{
  g_autofree char *part = g_strnfill (120, 'n');
  g_autofree char *longer = g_strdup_printf ("%s/%s/%s/\xc3\xa4\xe2\x82\xac", part, part, part);
  TestArchive *archive = test_archive_new ("none");

  setlocale (LC_ALL, "C");      /* as services run */
  test_archive_file (archive, "/absolute/file", "abs");
  test_archive_file (archive, ".//dots/./and//slashes", "dots");
  test_archive_file (archive, "\xc3\xbc", "umlaut");
  test_archive_file (archive, "\xff\xfe", "no text");
  test_archive_file (archive, "new\nline", "nl");
  test_archive_file (archive, "..a", "dotdot a");
  test_archive_file (archive, longer, "long");
  extract (self, archive);
  assert_contents (self, "absolute/file", "abs");
  assert_contents (self, "dots/and/slashes", "dots");
  assert_contents (self, "\xc3\xbc", "umlaut");
  assert_contents (self, "\xff\xfe", "no text");
  assert_contents (self, "new\nline", "nl");
  assert_contents (self, "..a", "dotdot a");
  assert_contents (self, longer, "long");
}

static void
test_empty (TestUnpacking *self, gconstpointer data)
{
  extract (self, test_archive_new ("none"));
  g_assert_cmpint (self->info.entries, ==, 0);
  g_assert_cmpint (self->info.size, ==, 0);
}

static void
on_progress (guint64 done, guint64 total, gpointer user_data)
{
  guint64 *last = user_data;

  g_assert_cmpint (done, >, last[0]);
  g_assert_cmpint (done, <=, total);
  last[0] = done;
  last[1] = total;
  last[2]++;
}

static void
test_progress (TestUnpacking *self, gconstpointer data)
{
  g_autofree char *contents = g_strnfill (5 * 1024 * 1024, 'p');
  TestArchive *archive = test_archive_new ("none");
  g_autoptr(GBytes) bytes = NULL;
  guint64 last[3] = { 0 };
  cpd_autofd int fd = -1;

  test_archive_file (archive, "a", contents);
  bytes = test_archive_finish (archive);
  fd = test_bytes_open (bytes);
  g_assert_true (cpd_layer_extract (fd, self->root, self->blob, NULL, on_progress, last, NULL, &self->info, NULL));
  g_assert_cmpint (last[0], ==, g_bytes_get_size (bytes));
  g_assert_cmpint (last[1], ==, g_bytes_get_size (bytes));
  g_assert_cmpint (last[2], >=, 4);
}

static gpointer
cancel_later (gpointer cancellable)
{
  g_usleep (50000);
  g_cancellable_cancel (cancellable);
  return NULL;
}

/* Nothing comes through the pipe, and nobody closes it. */
static void
test_cancel_pipe (TestUnpacking *self, gconstpointer data)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) error = NULL;
  cpd_autofd int read_end = -1, write_end = -1;
  GThread *thread;
  int fds[2];

  g_assert_true (g_unix_open_pipe (fds, FD_CLOEXEC, NULL));
  read_end = fds[0];
  write_end = fds[1];
  thread = g_thread_new ("cancel", cancel_later, cancellable);
  g_assert_false (cpd_layer_extract (read_end, self->root, self->blob, NULL, NULL, NULL, cancellable, &self->info, &error));
  g_thread_join (thread);
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_CANCELLED);
}

#define ADD(path, data, function) g_test_add (path, TestUnpacking, data, test_unpacking_set_up, function, test_unpacking_tear_down)

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  test_scratch_init ();
  ADD ("/oci/layer/kinds", NULL, test_kinds);
  ADD ("/oci/layer/compression/none", "none", test_compressions);
  ADD ("/oci/layer/compression/gzip", "gzip", test_compressions);
  ADD ("/oci/layer/compression/zstd", "zstd", test_compressions);
  ADD ("/oci/layer/compression/xz", "xz", test_compressions);
  ADD ("/oci/layer/compression/bzip2", "bzip2", test_compressions);
  ADD ("/oci/layer/padding", NULL, test_padding);
  ADD ("/oci/layer/gzip-members", NULL, test_gzip_members);
  ADD ("/oci/layer/gzip-padding", NULL, test_gzip_padding);
  ADD ("/oci/layer/xattrs", NULL, test_xattrs);
  ADD ("/oci/layer/whiteouts", NULL, test_whiteouts);
  ADD ("/oci/layer/whiteouts-refused", NULL, test_whiteouts_refused);
  ADD ("/oci/layer/merged-usr", NULL, test_merged_usr);
  ADD ("/oci/layer/replaced", NULL, test_replaced);
  ADD ("/oci/layer/parent-changes", NULL, test_parent_changes);
  ADD ("/oci/layer/directory-times", NULL, test_directory_times);
  ADD ("/oci/layer/inherited-group", NULL, test_inherited_group);
  ADD ("/oci/layer/sparse", NULL, test_sparse);
  ADD ("/oci/layer/names", NULL, test_names);
  ADD ("/oci/layer/empty", NULL, test_empty);
  ADD ("/oci/layer/progress", NULL, test_progress);
  ADD ("/oci/layer/cancel-pipe", NULL, test_cancel_pipe);
  return g_test_run ();
}
