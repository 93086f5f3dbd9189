/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-archive.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cpd-fs.h"

struct _TestArchive
{
  struct archive *archive;
  GByteArray *bytes;
};

static la_ssize_t
on_write (struct archive *archive, void *user_data, const void *data, size_t length)
{
  g_byte_array_append (((TestArchive *) user_data)->bytes, data, (guint) length);
  return (la_ssize_t) length;
}

TestArchive *
test_archive_new (const char *filter)
{
  TestArchive *self = g_new0 (TestArchive, 1);

  self->bytes = g_byte_array_new ();
  self->archive = archive_write_new ();
  if (strcmp (filter, "none") != 0)
    g_assert_cmpint (archive_write_add_filter_by_name (self->archive, filter), ==, ARCHIVE_OK);
  g_assert_cmpint (archive_write_set_format_pax (self->archive), ==, ARCHIVE_OK);
  archive_write_set_bytes_in_last_block (self->archive, 1);
  g_assert_cmpint (archive_write_open (self->archive, self, NULL, on_write, NULL), ==, ARCHIVE_OK);
  return self;
}

struct archive_entry *
test_archive_entry (const char *name, mode_t type, mode_t mode)
{
  struct archive_entry *entry = archive_entry_new ();

  archive_entry_set_pathname (entry, name);
  archive_entry_set_filetype (entry, type);
  archive_entry_set_perm (entry, mode);
  archive_entry_set_mtime (entry, 1000000000, 0);
  archive_entry_set_size (entry, 0);
  return entry;
}

void
test_archive_add (TestArchive *self, struct archive_entry *entry, const void *data, gsize length)
{
  if (archive_entry_filetype (entry) == AE_IFREG && archive_entry_size (entry) == 0)
    archive_entry_set_size (entry, (la_int64_t) length);
  /* It warns of names that are in no character set. */
  g_assert_cmpint (archive_write_header (self->archive, entry), >=, ARCHIVE_WARN);
  if (length > 0)
    g_assert_cmpint (archive_write_data (self->archive, data, length), ==, (gssize) length);
  archive_entry_free (entry);
}

void
test_archive_file (TestArchive *self, const char *name, const char *text)
{
  test_archive_add (self, test_archive_entry (name, AE_IFREG, 0644), text, strlen (text));
}

void
test_archive_directory (TestArchive *self, const char *name)
{
  test_archive_add (self, test_archive_entry (name, AE_IFDIR, 0755), NULL, 0);
}

void
test_archive_symlink (TestArchive *self, const char *name, const char *target)
{
  struct archive_entry *entry = test_archive_entry (name, AE_IFLNK, 0777);

  archive_entry_set_symlink (entry, target);
  test_archive_add (self, entry, NULL, 0);
}

void
test_archive_hard_link (TestArchive *self, const char *name, const char *target)
{
  struct archive_entry *entry = test_archive_entry (name, AE_IFREG, 0644);

  archive_entry_set_hardlink (entry, target);
  test_archive_add (self, entry, NULL, 0);
}

void
test_archive_device (TestArchive *self, const char *name, mode_t type, guint major_number, guint minor_number)
{
  struct archive_entry *entry = test_archive_entry (name, type, 0600);

  archive_entry_set_rdevmajor (entry, major_number);
  archive_entry_set_rdevminor (entry, minor_number);
  test_archive_add (self, entry, NULL, 0);
}

GBytes *
test_archive_finish (TestArchive *self)
{
  GBytes *bytes;

  g_assert_cmpint (archive_write_close (self->archive), ==, ARCHIVE_OK);
  archive_write_free (self->archive);
  bytes = g_byte_array_free_to_bytes (self->bytes);
  g_free (self);
  return bytes;
}

int
test_bytes_open (GBytes *bytes)
{
  int fd = memfd_create ("archive", MFD_CLOEXEC);
  gsize length;
  const void *data = g_bytes_get_data (bytes, &length);

  g_assert_cmpint (fd, >=, 0);
  g_assert_true (cpd_fs_write_all (fd, data, length, NULL));
  g_assert_cmpint (lseek (fd, 0, SEEK_SET), ==, 0);
  return fd;
}
