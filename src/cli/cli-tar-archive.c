/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <glib/gi18n.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli-tar.h"
#include "cli/cli-write.h"

#define BLOCK_SIZE (256 * 1024)

static gboolean
fail (struct archive  *archive,
      const char      *what,
      GError         **error)
{
  const char *text = archive_error_string (archive);

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: %s", what, text != NULL ? text : _("unknown error"));
  return FALSE;
}

/* Where an archive goes to. */
typedef struct
{
  int fd;
  int error_number;             /* that of the first failure; nothing is written after it */
} Output;

/* libarchive would lose memory if it were told of a failure. */
static la_ssize_t
on_write (struct archive *archive,
          void           *user_data,
          const void     *data,
          size_t          length)
{
  Output *output = user_data;

  if (output->error_number == 0 && !cli_write_all (output->fd, data, length))
    output->error_number = errno;
  return (la_ssize_t) length;
}

/* A hole is written as what it reads as. */
static gboolean
write_zeros (struct archive *to,
             gint64          length)
{
  static const char zeros[64 * 1024];

  while (length > 0)
    {
      const gsize n = MIN ((gsize) length, sizeof zeros);

      if (archive_write_data (to, zeros, n) < 0)
        return FALSE;
      length -= n;
    }
  return TRUE;
}

static gboolean
copy_contents (struct archive       *from,
               struct archive       *to,
               struct archive_entry *entry,
               GError              **error)
{
  const char *name = archive_entry_pathname (entry);
  const void *data;
  size_t length;
  la_int64_t offset;
  gint64 at = 0;
  int result;

  while ((result = archive_read_data_block (from, &data, &length, &offset)) == ARCHIVE_OK)
    {
      if (!write_zeros (to, offset - at) || archive_write_data (to, data, length) < 0)
        return fail (to, name, error);
      at = offset + length;
    }

  if (result != ARCHIVE_EOF)
    return fail (from, name, error);

  return write_zeros (to, archive_entry_size (entry) - at) || fail (to, name, error);
}

/* Puts NAME in the place of the first LENGTH bytes of the entry's name. */
static void
rename_entry (struct archive_entry *entry,
              gsize                 length,
              const char           *name)
{
  const char *rest = archive_entry_pathname (entry) + length;
  g_autofree char *full = NULL;

  while (*rest == '/')
    rest++;

  if (*rest == '\0')
    full = g_strdup (name[0] != '\0' ? name : ".");
  else
    full = name[0] != '\0' ? g_strconcat (name, "/", rest, NULL) : g_strdup (rest);
  archive_entry_copy_pathname (entry, full);
}

static gboolean
pack_entry (struct archive                    *disk,
            struct archive                    *to,
            struct archive_entry              *entry,
            GError                           **error)
{
  if (archive_write_header (to, entry) < ARCHIVE_WARN)
    return fail (to, archive_entry_pathname (entry), error);

  return archive_entry_filetype (entry) != AE_IFREG || archive_entry_hardlink (entry) != NULL
         || archive_entry_size (entry) == 0 || copy_contents (disk, to, entry, error);
}

static gboolean
pack_all (struct archive                    *disk,
          struct archive                    *to,
          struct archive_entry_linkresolver *links,
          const Output                      *output,
          const char                        *path,
          const char                        *name,
          GError                           **error)
{
  while (output->error_number == 0)
    {
      struct archive_entry *entry = archive_entry_new ();
      struct archive_entry *spare = NULL;
      gboolean packed = TRUE;
      int result = archive_read_next_header2 (disk, entry);

      if (result == ARCHIVE_OK || result == ARCHIVE_WARN)
        {
          archive_read_disk_descend (disk);
          rename_entry (entry, strlen (path), name);
          archive_entry_linkify (links, &entry, &spare);
          if (archive_entry_filetype (entry) != AE_IFSOCK)
            packed = pack_entry (disk, to, entry, error);
        }
      archive_entry_free (entry);
      if (result == ARCHIVE_EOF)
        return TRUE;
      if (result != ARCHIVE_OK && result != ARCHIVE_WARN)
        return fail (disk, path, error);
      if (!packed)
        return FALSE;
    }
  return TRUE;
}

static gboolean
pack (int          fd,
      const char  *path,
      const char  *name,
      GError     **error)
{
  struct archive *disk = archive_read_disk_new ();
  struct archive *to = archive_write_new ();
  struct archive_entry_linkresolver *links = archive_entry_linkresolver_new ();
  Output output = { fd, 0 };
  gboolean done;

  archive_read_disk_set_symlink_physical (disk);
  archive_write_set_format_pax_restricted (to);
  archive_write_set_bytes_per_block (to, BLOCK_SIZE);
  archive_write_set_bytes_in_last_block (to, 1);
  archive_entry_linkresolver_set_strategy (links, archive_format (to));
  done = archive_write_open (to, &output, NULL, on_write, NULL) == ARCHIVE_OK || fail (to, path, error);
  done = done && (archive_read_disk_open (disk, path) == ARCHIVE_OK || fail (disk, path, error));
  done = done && pack_all (disk, to, links, &output, path, name, error);
  if (!done)
    output.error_number = ECANCELED;    /* no end */
  else
    done = archive_write_close (to) == ARCHIVE_OK || fail (to, path, error);
  if (done && output.error_number != 0)
    {
      g_set_error (error, G_IO_ERROR, output.error_number == EPIPE ? G_IO_ERROR_BROKEN_PIPE : G_IO_ERROR_FAILED, "%s: %s",
                   path, g_strerror (output.error_number));
      done = FALSE;
    }
  archive_entry_linkresolver_free (links);
  archive_write_free (to);
  archive_read_free (disk);
  return done;
}

static gboolean
unpack_all (struct archive  *from,
            struct archive  *disk,
            GError         **error)
{
  const int flags = ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_XATTR | ARCHIVE_EXTRACT_SPARSE
                    | ARCHIVE_EXTRACT_SECURE_SYMLINKS | ARCHIVE_EXTRACT_SECURE_NODOTDOT
                    | ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS | ARCHIVE_EXTRACT_UNLINK;
  struct archive_entry *entry;
  int result;

  archive_write_disk_set_options (disk, flags);
  while ((result = archive_read_next_header (from, &entry)) == ARCHIVE_OK || result == ARCHIVE_WARN)
    {
      const mode_t type = archive_entry_filetype (entry);
      const char *name = archive_entry_pathname (entry);

      /* The directory itself stays as it is. */
      if (type == AE_IFCHR || type == AE_IFBLK || g_strcmp0 (name, "./") == 0 || g_strcmp0 (name, ".") == 0)
        continue;
      archive_entry_xattr_clear (entry);
      if (archive_write_header (disk, entry) < ARCHIVE_WARN)
        return fail (disk, name, error);

      if (archive_entry_size (entry) > 0)
        {
          const void *data;
          size_t length;
          la_int64_t offset;

          while ((result = archive_read_data_block (from, &data, &length, &offset)) == ARCHIVE_OK)
            {
              if (archive_write_data_block (disk, data, length, offset) < ARCHIVE_WARN)
                return fail (disk, name, error);
            }
          if (result != ARCHIVE_EOF)
            return fail (from, name, error);
        }
      if (archive_write_finish_entry (disk) < ARCHIVE_WARN)
        return fail (disk, name, error);
    }

  return result == ARCHIVE_EOF || fail (from, _("the archive"), error);
}

static gboolean
unpack (int          fd,
        const char  *directory,
        GError     **error)
{
  struct archive *from = archive_read_new ();
  struct archive *disk = archive_write_disk_new ();
  gboolean done;

  archive_read_support_format_tar (from);
  if (chdir (directory) < 0)    /* names are looked up from here, and nothing else is left to do */
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, _("failed to change to %s: %s"), directory, g_strerror (errno));
      done = FALSE;
    }
  else
    done = archive_read_open_fd (from, fd, BLOCK_SIZE) == ARCHIVE_OK ? unpack_all (from, disk, error)
                                                                      : fail (from, directory, error);
  if (done)
    done = archive_write_close (disk) == ARCHIVE_OK || fail (disk, directory, error);
  archive_write_free (disk);
  archive_read_free (from);
  return done;
}

const CliTarFuncs cli_tar_funcs = { pack, unpack };
