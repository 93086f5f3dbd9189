/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-archive-writer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "oci/cpd-digest.h"
#include "oci/cpd-libarchive.h"
#include "oci/cpd-tar-output.h"
#include "public/cpod-error.h"

#define BLOCK_SIZE (256 * 1024)

struct _CpdArchiveWriter
{
  CpdTarOutput output;          /* (owned) */
  GError *failure;              /* (owned) (nullable) of the output */
  struct archive *archive;      /* (owned) */
};

/* Called by libarchive with what is to go out; others look at the failure. */
static la_ssize_t
on_write (struct archive *archive, void *user_data, const void *data, size_t length)
{
  CpdArchiveWriter *writer = user_data;

  /* libarchive, once it is told of a failure, never frees its buffer; so it is left in the belief that all is well. */
  if (writer->failure == NULL)
    cpd_tar_output_write (&writer->output, data, length, &writer->failure);
  return (la_ssize_t) length;
}

CpdArchiveWriter *
cpd_archive_writer_new (int fd, GCancellable *cancellable, GError **error)
{
  g_autoptr(CpdArchiveWriter) writer = NULL;

  if (!cpd_libarchive_load (error))
    return NULL;
  writer = g_new0 (CpdArchiveWriter, 1);
  writer->archive = archive_write_new ();
  if (!cpd_tar_output_open (&writer->output, fd, cancellable, error))
    return NULL;
  archive_write_set_format_pax_restricted (writer->archive);
  archive_write_set_bytes_per_block (writer->archive, BLOCK_SIZE);
  archive_write_set_bytes_in_last_block (writer->archive, 1);
  if (archive_write_open (writer->archive, writer, NULL, on_write, NULL) == ARCHIVE_OK)
    return g_steal_pointer (&writer);
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "failed to begin the archive: %s",
               archive_error_string (writer->archive));
  return NULL;
}

void
cpd_archive_writer_free (CpdArchiveWriter *writer)
{
  if (writer == NULL)
    return;
  if (writer->failure == NULL)  /* no end, unless it has been written */
    writer->failure = g_error_new_literal (CPOD_ERROR, CPOD_ERROR_CANCELLED, "it was given up");
  archive_write_free (writer->archive);
  cpd_tar_output_close (&writer->output);
  g_clear_error (&writer->failure);
  g_free (writer);
}

static gboolean
fail (CpdArchiveWriter *writer, GError **error)
{
  if (writer->failure != NULL)
    g_propagate_error (error, g_error_copy (writer->failure));
  else
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "failed to write the archive: %s",
                 archive_error_string (writer->archive));
  return FALSE;
}

static gboolean
add (CpdArchiveWriter *writer, const char *name, unsigned type, unsigned mode, guint64 size, GError **error)
{
  struct archive_entry *entry = archive_entry_new ();
  gboolean done;

  archive_entry_set_pathname (entry, name);
  archive_entry_set_filetype (entry, type);
  archive_entry_set_perm (entry, (mode_t) mode);
  archive_entry_set_size (entry, (la_int64_t) size);
  archive_entry_set_mtime (entry, 0, 0);
  archive_entry_set_uid (entry, 0);
  archive_entry_set_gid (entry, 0);
  done = (archive_write_header (writer->archive, entry) >= ARCHIVE_WARN && writer->failure == NULL)
         || fail (writer, error);
  archive_entry_free (entry);
  return done;
}

gboolean
cpd_archive_writer_begin (CpdArchiveWriter *writer, const char *name, guint64 size, GError **error)
{
  return add (writer, name, AE_IFREG, 0644, size, error);
}

gboolean
cpd_archive_writer_add_dir (CpdArchiveWriter *writer, const char *name, GError **error)
{
  return add (writer, name, AE_IFDIR, 0755, 0, error);
}

gboolean
cpd_archive_writer_write (CpdArchiveWriter *writer, const void *data, gsize length, GError **error)
{
  return length == 0
         || (archive_write_data (writer->archive, data, length) == (la_ssize_t) length && writer->failure == NULL)
         || fail (writer, error);
}

gboolean
cpd_archive_writer_add_text (CpdArchiveWriter *writer, const char *name, const char *text, GError **error)
{
  return cpd_archive_writer_begin (writer, name, strlen (text), error)
         && cpd_archive_writer_write (writer, text, strlen (text), error);
}

static gboolean
copy (CpdArchiveWriter *writer, int fd, CpdDigest *digest, guint64 size, GError **error)
{
  g_autofree guint8 *block = g_malloc (BLOCK_SIZE);

  for (;;)
    {
      ssize_t n = read (fd, block, BLOCK_SIZE);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        {
          cpd_set_error_errno (error, errno, "failed to read it");
          return FALSE;
        }
      if (n == 0)
        return TRUE;
      if ((guint64) n > size)   /* the digest tells */
        n = (ssize_t) size;
      cpd_digest_update (digest, block, (gsize) n);
      if (!cpd_archive_writer_write (writer, block, (gsize) n, error))
        return FALSE;
      size -= (guint64) n;
      if (n == 0)
        return TRUE;
    }
}

gboolean
cpd_archive_writer_add_blob (CpdArchiveWriter *writer, const char *name, int fd, const char *digest, guint64 size,
                             GError **error)
{
  g_autoptr(CpdDigest) computed = cpd_digest_new ();
  g_autofree char *found = NULL;

  if (!cpd_archive_writer_begin (writer, name, size, error) || !copy (writer, fd, computed, size, error))
    return FALSE;
  found = cpd_digest_finish (computed);
  if (strcmp (found, digest) == 0)
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "blob %s is damaged: its digest is %s", digest, found);
  return FALSE;
}

gboolean
cpd_archive_writer_finish (CpdArchiveWriter *writer, GError **error)
{
  return (archive_write_close (writer->archive) == ARCHIVE_OK && writer->failure == NULL) || fail (writer, error);
}
