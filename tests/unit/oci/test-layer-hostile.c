/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "oci/cpd-layer.h"
#include "public/cpod-error.h"
#include "test-archive.h"
#include "test-scratch.h"

/*
 * Each archive tries to reach the file "outside/victim" next to the root it
 * is unpacked to. Whatever happens to the archive, that must stay as it was.
 */
typedef struct
{
  char *scratch;
  char *outside;
  int root;
  int blob;
} Fixture;

static void
set_up (Fixture *self, gconstpointer data)
{
  g_autofree char *root = NULL, *blob = NULL, *victim = NULL;

  self->scratch = test_scratch_new ("64m");
  self->outside = g_build_filename (self->scratch, "outside", NULL);
  root = g_build_filename (self->scratch, "root", NULL);
  blob = g_build_filename (self->scratch, "blob", NULL);
  victim = g_build_filename (self->outside, "victim", NULL);
  g_assert_cmpint (mkdir (self->outside, 0755), ==, 0);
  g_assert_true (g_file_set_contents (victim, "untouched", -1, NULL));
  g_assert_cmpint (chmod (victim, 0640), ==, 0);
  g_assert_cmpint (mkdir (root, 0755), ==, 0);
  self->root = open (root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  self->blob = open (blob, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

static void
assert_untouched (Fixture *self)
{
  g_autofree char *victim = g_build_filename (self->outside, "victim", NULL);
  g_autofree char *text = cpd_fs_read_file (victim, 100, NULL);
  g_autoptr(GPtrArray) names = cpd_fs_list_dir (self->outside, NULL);
  g_autoptr(GPtrArray) all = cpd_fs_list_dir (self->scratch, NULL);
  struct stat info;

  g_assert_cmpstr (text, ==, "untouched");
  g_assert_cmpint (stat (victim, &info), ==, 0);
  g_assert_cmpint (info.st_nlink, ==, 1);
  g_assert_cmpint (info.st_mode & 07777, ==, 0640);
  g_assert_cmpuint (names->len, ==, 1);
  g_assert_cmpuint (all->len, ==, 3);
}

static void
tear_down (Fixture *self, gconstpointer data)
{
  assert_untouched (self);
  cpd_close_fd (&self->root);
  cpd_close_fd (&self->blob);
  g_free (self->outside);
  test_scratch_free (self->scratch);
}

static gboolean
extract_bytes (Fixture *self, GBytes *bytes, GError **error)
{
  g_auto(CpdLayerInfo) info = { 0 };
  cpd_autofd int fd = test_bytes_open (bytes);

  return cpd_layer_extract (fd, self->root, self->blob, NULL, NULL, NULL, NULL, &info, error);
}

static void
assert_invalid_bytes (Fixture *self, GBytes *bytes, const char *named)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (extract_bytes (self, bytes, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARCHIVE);
  g_test_message ("%s", error->message);
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
  if (named != NULL)
    g_assert_nonnull (strstr (error->message, named));
}

/* The archive must be refused, by an error that names the entry. */
static void
assert_invalid (Fixture *self, TestArchive *archive, const char *named)
{
  g_autoptr(GBytes) bytes = test_archive_finish (archive);

  assert_invalid_bytes (self, bytes, named);
}

/* The archive may be unpacked, as it does not reach what it aims at. */
static void
assert_contained (Fixture *self, TestArchive *archive)
{
  g_autoptr(GBytes) bytes = test_archive_finish (archive);
  g_autoptr(GError) error = NULL;

  extract_bytes (self, bytes, &error);
  g_assert_no_error (error);
}

static void
test_dot_dot (Fixture *self, gconstpointer data)
{
  TestArchive *archive = test_archive_new ("none");

  test_archive_file (archive, data, "evil");
  assert_invalid (self, archive, data);
}

static void
test_absolute (Fixture *self, gconstpointer data)
{
  TestArchive *archive = test_archive_new ("none");
  g_autofree char *victim = g_build_filename (self->outside, "victim", NULL);

  test_archive_file (archive, victim, "evil");
  assert_contained (self, archive);
  g_assert_cmpint (faccessat (self->root, victim + 1, F_OK, 0), ==, 0);
}

static void
test_symlink_parent (Fixture *self, gconstpointer data)
{
  const char *const targets[] = { "../outside", "../../../../../../../../outside", "/proc/self/cwd", "/proc/1/root" };

  for (gsize i = 0; i < G_N_ELEMENTS (targets); i++)
    {
      TestArchive *archive = test_archive_new ("none");

      test_archive_symlink (archive, "out", targets[i]);
      test_archive_file (archive, "out/victim", "evil");
      assert_invalid (self, archive, "out/victim");
      g_assert_cmpint (unlinkat (self->root, "out", 0), ==, 0);
    }
}

static void
test_symlink_absolute_parent (Fixture *self, gconstpointer data)
{
  TestArchive *archive = test_archive_new ("none");

  test_archive_symlink (archive, "out", self->outside);
  test_archive_directory (archive, self->outside);      /* the same path, but inside */
  test_archive_file (archive, "out/victim", "inside");
  assert_contained (self, archive);
}

static void
test_symlink_final (Fixture *self, gconstpointer data)
{
  TestArchive *archive = test_archive_new ("none");
  struct stat info;

  test_archive_symlink (archive, "victim", "../outside/victim");
  test_archive_file (archive, "victim", "evil");
  assert_contained (self, archive);
  g_assert_cmpint (fstatat (self->root, "victim", &info, AT_SYMLINK_NOFOLLOW), ==, 0);
  g_assert_true (S_ISREG (info.st_mode));
}

static void
test_symlink_chain (Fixture *self, gconstpointer data)
{
  TestArchive *archive = test_archive_new ("none");

  test_archive_directory (archive, "a");
  test_archive_directory (archive, "a/b");
  test_archive_symlink (archive, "a/b/up", "..");
  test_archive_symlink (archive, "upup", "a/b/up/..");
  test_archive_symlink (archive, "upupup", "upup/..");
  test_archive_file (archive, "upupup/outside/victim", "evil");
  assert_contained (self, archive);
}

static void
test_symlink_loop (Fixture *self, gconstpointer data)
{
  TestArchive *archive = test_archive_new ("none");

  test_archive_symlink (archive, "a", "b");
  test_archive_symlink (archive, "b", "a");
  test_archive_file (archive, "a/x", "evil");
  assert_invalid (self, archive, "a/x");
}

static void
test_symlink_directory_mode (Fixture *self, gconstpointer data)
{
  TestArchive *archive = test_archive_new ("none");

  test_archive_symlink (archive, "out", "../outside");
  test_archive_add (archive, test_archive_entry ("out", AE_IFDIR, 0777), NULL, 0);
  test_archive_add (archive, test_archive_entry ("out/victim", AE_IFIFO, 0777), NULL, 0);
  assert_contained (self, archive);
}

static void
test_hard_link (Fixture *self, gconstpointer data)
{
  TestArchive *archive = test_archive_new ("none");

  test_archive_hard_link (archive, "mine", data);
  assert_invalid (self, archive, "mine");
}

static void
test_hard_link_by_symlink (Fixture *self, gconstpointer data)
{
  TestArchive *archive = test_archive_new ("none");

  test_archive_symlink (archive, "out", "../outside");
  test_archive_hard_link (archive, "mine", "out/victim");
  assert_invalid (self, archive, "mine");
}

/* A hard link to a symbolic link is one more symbolic link; writing to it must not follow it. */
static void
test_hard_link_to_symlink (Fixture *self, gconstpointer data)
{
  TestArchive *archive = test_archive_new ("none");

  test_archive_symlink (archive, "out", "../outside/victim");
  test_archive_hard_link (archive, "mine", "out");
  test_archive_file (archive, "mine", "evil");
  assert_contained (self, archive);
}

static void
test_hard_link_to_directory (Fixture *self, gconstpointer data)
{
  TestArchive *archive = test_archive_new ("none");

  test_archive_directory (archive, "dir");
  test_archive_hard_link (archive, "mine", "dir");
  assert_invalid (self, archive, "mine");
}

static void
test_file_as_directory (Fixture *self, gconstpointer data)
{
  TestArchive *archive = test_archive_new ("none");

  test_archive_file (archive, "file", "x");
  test_archive_file (archive, "file/below", "evil");
  assert_invalid (self, archive, "file/below");
}

static void
test_root_no_directory (Fixture *self, gconstpointer data)
{
  TestArchive *archive = test_archive_new ("none");

  test_archive_symlink (archive, "./", "../outside");
  assert_invalid (self, archive, "./");
}

static void
test_whiteout_names (Fixture *self, gconstpointer data)
{
  const char *const names[] = { ".wh.", ".wh..", ".wh...", "a/.wh..." };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      TestArchive *archive = test_archive_new ("none");

      test_archive_file (archive, names[i], "");
      assert_invalid (self, archive, names[i]);
    }
}

static void
test_whiteout_by_symlink (Fixture *self, gconstpointer data)
{
  TestArchive *archive = test_archive_new ("none");

  test_archive_symlink (archive, "out", "../outside");
  test_archive_file (archive, "out/.wh.victim", "");
  assert_invalid (self, archive, "out/.wh.victim");
}

static void
test_device_zero (Fixture *self, gconstpointer data)
{
  TestArchive *archive = test_archive_new ("none");

  test_archive_device (archive, "etc/passwd", AE_IFCHR, 0, 0);
  assert_invalid (self, archive, "etc/passwd");
}

static void
test_trusted_xattr (Fixture *self, gconstpointer data)
{
  const char *const xattrs[] = { "trusted.overlay.opaque", "trusted.overlay.redirect", "trusted.other" };

  for (gsize i = 0; i < G_N_ELEMENTS (xattrs); i++)
    {
      TestArchive *archive = test_archive_new ("none");
      struct archive_entry *entry = test_archive_entry ("dir", AE_IFDIR, 0755);

      archive_entry_xattr_add_entry (entry, xattrs[i], "y", 1);
      test_archive_add (archive, entry, NULL, 0);
      assert_invalid (self, archive, xattrs[i]);
    }
}

/* What is no file is replaced and not opened: a fifo would wait for ever, a device would be written to. */
static void
test_special_replaced (Fixture *self, gconstpointer data)
{
  TestArchive *archive = test_archive_new ("none");
  struct stat info;

  test_archive_add (archive, test_archive_entry ("fifo", AE_IFIFO, 0666), NULL, 0);
  test_archive_file (archive, "fifo", "evil");
  test_archive_device (archive, "device", AE_IFBLK, 7, 0);
  test_archive_file (archive, "device", "evil");
  test_archive_add (archive, test_archive_entry ("other", AE_IFIFO, 0666), NULL, 0);
  test_archive_hard_link (archive, "linked", "other");
  test_archive_file (archive, "linked", "evil");
  test_archive_file (archive, ".wh.hidden", "");
  test_archive_file (archive, "hidden", "evil");
  assert_contained (self, archive);
  for (const char *const *name = (const char *const[]) { "fifo", "device", "linked", "hidden", NULL }; *name; name++)
    {
      g_assert_cmpint (fstatat (self->root, *name, &info, AT_SYMLINK_NOFOLLOW), ==, 0);
      g_assert_true (S_ISREG (info.st_mode));
      g_assert_cmpint (info.st_size, ==, 4);
    }
  g_assert_cmpint (fstatat (self->root, "other", &info, AT_SYMLINK_NOFOLLOW), ==, 0);
  g_assert_true (S_ISFIFO (info.st_mode));
}

static void
test_special_parent (Fixture *self, gconstpointer data)
{
  const mode_t types[] = { AE_IFIFO, AE_IFCHR, AE_IFBLK };

  for (gsize i = 0; i < G_N_ELEMENTS (types); i++)
    {
      TestArchive *archive = test_archive_new ("none");
      g_autofree char *name = g_strdup_printf ("special%zu", i);
      g_autofree char *below = g_strconcat (name, "/below", NULL);

      test_archive_device (archive, name, types[i], 1, 3);
      test_archive_file (archive, below, "evil");
      assert_invalid (self, archive, below);
    }
}

/* Larger than a file system takes, and larger than libarchive reads. */
static void
test_huge_xattr (Fixture *self, gconstpointer data)
{
  const gsize sizes[] = { 100 * 1024, 3 * 1024 * 1024 };

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      TestArchive *archive = test_archive_new ("none");
      struct archive_entry *entry = test_archive_entry ("file", AE_IFREG, 0644);
      g_autofree char *value = g_strnfill (sizes[i], 'x');

      archive_entry_xattr_add_entry (entry, "security.huge", value, sizes[i]);
      test_archive_add (archive, entry, "x", 1);
      assert_invalid (self, archive, i == 0 ? "file" : NULL);
    }
}

static void
test_many_xattrs (Fixture *self, gconstpointer data)
{
  TestArchive *archive = test_archive_new ("none");
  struct archive_entry *entry = test_archive_entry ("file", AE_IFREG, 0644);
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(GError) error = NULL;

  for (int i = 0; i < 5000; i++)
    {
      g_autofree char *name = g_strdup_printf ("security.number%d", i);

      archive_entry_xattr_add_entry (entry, name, "value", 5);
    }
  test_archive_add (archive, entry, "x", 1);
  bytes = test_archive_finish (archive);
  if (!extract_bytes (self, bytes, &error))
    g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARCHIVE);
}

static void
test_owner_of_nobody (Fixture *self, gconstpointer data)
{
  TestArchive *archive = test_archive_new ("none");
  struct archive_entry *entry = test_archive_entry ("file", AE_IFREG, 04755);

  archive_entry_set_uid (entry, G_MAXUINT32);
  test_archive_add (archive, entry, "x", 1);
  assert_invalid (self, archive, "file");
}

static void
test_long_path (Fixture *self, gconstpointer data)
{
  TestArchive *archive = test_archive_new ("none");
  g_autoptr(GString) name = g_string_new ("deep");

  for (int i = 0; i < 3000; i++)
    g_string_append (name, "/d");
  test_archive_file (archive, name->str, "x");
  assert_invalid (self, archive, "deep/d/d");
}

/* No prefix of a good archive of any compression is taken for a whole one, but a plain one cut between entries. */
static void
test_truncated (Fixture *self, gconstpointer data)
{
  TestArchive *archive = test_archive_new (data);
  g_autofree char *contents = g_malloc (60000);
  g_autoptr(GRand) random = g_rand_new_with_seed (1);
  g_autoptr(GBytes) bytes = NULL;
  gsize length;

  for (gsize i = 0; i < 60000; i++)
    contents[i] = (char) g_rand_int (random);
  test_archive_add (archive, test_archive_entry ("file", AE_IFREG, 0644), contents, 60000);
  bytes = test_archive_finish (archive);
  length = g_bytes_get_size (bytes);
  for (gsize cut = 20; cut < 60000; cut += 5003)
    {
      g_autoptr(GBytes) part = g_bytes_new_from_bytes (bytes, 0, cut);

      assert_invalid_bytes (self, part, NULL);
    }
  if (strcmp (data, "none") != 0)
    {
      g_autoptr(GBytes) part = g_bytes_new_from_bytes (bytes, 0, length - 4);

      assert_invalid_bytes (self, part, NULL);
    }
}

/* One changed bit in the contents must not go unnoticed where there is a checksum. */
static void
test_damaged (Fixture *self, gconstpointer data)
{
  TestArchive *archive = test_archive_new (data);
  g_autofree char *contents = g_strnfill (60000, 'x');
  g_autoptr(GBytes) bytes = NULL, damaged = NULL;
  gsize length;
  guint8 *copy;

  test_archive_file (archive, "file", contents);
  bytes = test_archive_finish (archive);
  copy = g_memdup2 (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  length = g_bytes_get_size (bytes);
  copy[length - 8] ^= 1;        /* the checksum itself, in gzip */
  damaged = g_bytes_new_take (copy, length);
  assert_invalid_bytes (self, damaged, NULL);
}

static void
test_no_archive (Fixture *self, gconstpointer data)
{
  static const char *const texts[] = {
    "", "x", "hello, this is no archive\n", "\x1f\x8b\x08 garbage that is no gzip at all",
    "\x28\xb5\x2f\xfd garbage that is no zstd", "BZh9 garbage that is no bzip2", "PK\x03\x04 a zip file, perhaps",
    "!<arch>\n", "#!/bin/cat\n",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr(GBytes) bytes = g_bytes_new_static (texts[i], strlen (texts[i]));

      assert_invalid_bytes (self, bytes, NULL);
    }
}

static void
test_random (Fixture *self, gconstpointer data)
{
  g_autoptr(GRand) random = g_rand_new_with_seed (42);
  guint8 noise[4096];

  for (int round = 0; round < 50; round++)
    {
      g_autoptr(GBytes) bytes = NULL;

      for (gsize i = 0; i < sizeof noise; i++)
        noise[i] = (guint8) g_rand_int (random);
      bytes = g_bytes_new (noise, sizeof noise);
      assert_invalid_bytes (self, bytes, NULL);
    }
}

/* Bytes of a good archive changed here and there: it may be unpacked or refused, but nothing else may happen. */
static void
test_mutated (Fixture *self, gconstpointer data)
{
  g_autoptr(GRand) random = g_rand_new_with_seed (7);
  TestArchive *archive = test_archive_new ("none");
  g_autoptr(GBytes) good = NULL;

  test_archive_directory (archive, "dir");
  test_archive_file (archive, "dir/file", "contents");
  test_archive_symlink (archive, "link", "../outside/victim");
  test_archive_hard_link (archive, "hard", "dir/file");
  good = test_archive_finish (archive);
  for (int round = 0; round < 2000; round++)
    {
      gsize length = g_bytes_get_size (good);
      guint8 *copy = g_memdup2 (g_bytes_get_data (good, NULL), length);
      g_autoptr(GBytes) bytes = g_bytes_new_take (copy, length);
      g_autoptr(GError) error = NULL;

      for (int i = 0; i < 4; i++)
        copy[g_rand_int_range (random, 0, (gint32) length)] = (guint8) g_rand_int (random);
      if (!extract_bytes (self, bytes, &error))
        g_assert_true (g_error_matches (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARCHIVE)
                       || g_error_matches (error, CPOD_ERROR, CPOD_ERROR_DISK_FULL));
      g_assert_cmpint (ftruncate (self->blob, 0), ==, 0);
    }
}

#define ADD(path, data, function) g_test_add (path, Fixture, data, set_up, function, tear_down)

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  test_scratch_init ();
  ADD ("/oci/hostile/dot-dot/first", "../outside/victim", test_dot_dot);
  ADD ("/oci/hostile/dot-dot/middle", "a/../../outside/victim", test_dot_dot);
  ADD ("/oci/hostile/dot-dot/absolute", "/../outside/victim", test_dot_dot);
  ADD ("/oci/hostile/dot-dot/last", "a/..", test_dot_dot);
  ADD ("/oci/hostile/absolute", NULL, test_absolute);
  ADD ("/oci/hostile/special/replaced", NULL, test_special_replaced);
  ADD ("/oci/hostile/special/parent", NULL, test_special_parent);
  ADD ("/oci/hostile/xattr/huge", NULL, test_huge_xattr);
  ADD ("/oci/hostile/xattr/many", NULL, test_many_xattrs);
  ADD ("/oci/hostile/symlink/parent", NULL, test_symlink_parent);
  ADD ("/oci/hostile/symlink/absolute-parent", NULL, test_symlink_absolute_parent);
  ADD ("/oci/hostile/symlink/final", NULL, test_symlink_final);
  ADD ("/oci/hostile/symlink/chain", NULL, test_symlink_chain);
  ADD ("/oci/hostile/symlink/loop", NULL, test_symlink_loop);
  ADD ("/oci/hostile/symlink/directory-mode", NULL, test_symlink_directory_mode);
  ADD ("/oci/hostile/hard-link/dot-dot", "../outside/victim", test_hard_link);
  ADD ("/oci/hostile/hard-link/absolute", "/etc/passwd", test_hard_link);
  ADD ("/oci/hostile/hard-link/missing", "not/there", test_hard_link);
  ADD ("/oci/hostile/hard-link/root", "./", test_hard_link);
  ADD ("/oci/hostile/hard-link/by-symlink", NULL, test_hard_link_by_symlink);
  ADD ("/oci/hostile/hard-link/to-symlink", NULL, test_hard_link_to_symlink);
  ADD ("/oci/hostile/hard-link/to-directory", NULL, test_hard_link_to_directory);
  ADD ("/oci/hostile/file-as-directory", NULL, test_file_as_directory);
  ADD ("/oci/hostile/root-no-directory", NULL, test_root_no_directory);
  ADD ("/oci/hostile/whiteout/names", NULL, test_whiteout_names);
  ADD ("/oci/hostile/whiteout/by-symlink", NULL, test_whiteout_by_symlink);
  ADD ("/oci/hostile/device-zero", NULL, test_device_zero);
  ADD ("/oci/hostile/trusted-xattr", NULL, test_trusted_xattr);
  ADD ("/oci/hostile/owner-of-nobody", NULL, test_owner_of_nobody);
  ADD ("/oci/hostile/long-path", NULL, test_long_path);
  ADD ("/oci/hostile/truncated/none", "none", test_truncated);
  ADD ("/oci/hostile/truncated/gzip", "gzip", test_truncated);
  ADD ("/oci/hostile/truncated/zstd", "zstd", test_truncated);
  ADD ("/oci/hostile/truncated/xz", "xz", test_truncated);
  ADD ("/oci/hostile/truncated/bzip2", "bzip2", test_truncated);
  ADD ("/oci/hostile/damaged/gzip", "gzip", test_damaged);
  ADD ("/oci/hostile/damaged/xz", "xz", test_damaged);
  ADD ("/oci/hostile/no-archive", NULL, test_no_archive);
  ADD ("/oci/hostile/random", NULL, test_random);
  ADD ("/oci/hostile/mutated", NULL, test_mutated);
  return g_test_run ();
}
