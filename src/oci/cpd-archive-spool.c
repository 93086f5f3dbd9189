/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "oci/cpd-archive-index.h"
#include "oci/cpd-libarchive.h"
#include "public/cpod-error.h"

#define BLOCK_SIZE (256 * 1024)

/* An archive on its way to a file. */
typedef struct
{
  int fd;                       /* (unowned) */
  GCancellable *cancellable;    /* (unowned) (nullable) */
  GPollFD cancelled;
  GError *error;                /* (owned) (nullable) what failed inside of a callback */
  CpdLayerProgressFunc progress;
  gpointer user_data;
  guint64 bytes_done;
  guint64 bytes_total;
  guint8 *block;                /* (owned) */
} Spool;

gboolean
cpd_archive_is_plain_file (int fd)
{
  static const struct { const char *magic; gsize length; } magics[] = {
    { "\x1f\x8b", 2 }, { "\x28\xb5\x2f\xfd", 4 }, { "\xfd" "7zXZ", 5 }, { "BZh", 3 },
  };
  struct stat info;
  guint8 head[8];
  off_t at = lseek (fd, 0, SEEK_CUR);

  if (at < 0 || fstat (fd, &info) < 0 || !S_ISREG (info.st_mode)
      || pread (fd, head, sizeof head, at) != (ssize_t) sizeof head)
    return FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS (magics); i++)
    if (memcmp (head, magics[i].magic, magics[i].length) == 0)
      return FALSE;
  return TRUE;
}

/* Waits for the other end of a pipe, or for the word that nobody wants it any more. */
static gboolean
wait_readable (Spool *spool)
{
  struct pollfd items[2] = {
    { .fd = spool->fd, .events = POLLIN },
    { .fd = spool->cancellable != NULL ? spool->cancelled.fd : -1, .events = POLLIN },
  };

  while (poll (items, 2, -1) < 0)
    if (errno != EINTR)
      {
        cpd_set_error_errno (&spool->error, errno, "failed to wait for the archive");
        return FALSE;
      }
  if (!g_cancellable_is_cancelled (spool->cancellable))
    return TRUE;
  g_set_error_literal (&spool->error, CPOD_ERROR, CPOD_ERROR_CANCELLED, "it was cancelled");
  return FALSE;
}

/* Called by the decompressor of libarchive. */
static la_ssize_t
on_read (struct archive *reader, void *user_data, const void **data)
{
  Spool *spool = user_data;
  ssize_t n = -1;

  while (wait_readable (spool))
    {
      n = read (spool->fd, spool->block, BLOCK_SIZE);
      if (n >= 0 || (errno != EINTR && errno != EAGAIN))
        break;
    }
  if (n < 0)
    {
      if (spool->error == NULL)
        cpd_set_error_errno (&spool->error, errno, "failed to read the archive");
      archive_set_error (reader, EIO, "failed to read");
      return -1;
    }
  spool->bytes_done += (guint64) n;
  if (spool->progress != NULL)
    spool->progress (spool->bytes_done, spool->bytes_total, spool->user_data);
  *data = spool->block;
  return n;
}

static gboolean
fail (Spool *spool, struct archive *reader, GError **error)
{
  if (spool->error != NULL)
    g_propagate_error (error, g_steal_pointer (&spool->error));
  else
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARCHIVE, "damaged compressed data: %s",
                 archive_error_string (reader));
  return FALSE;
}

static gboolean
copy (Spool *spool, struct archive *reader, int to, guint64 size_max, GError **error)
{
  struct archive_entry *entry;
  guint64 size = 0;
  const void *data;
  gsize length;
  la_int64_t offset;
  int result = archive_read_next_header (reader, &entry);

  if (result == ARCHIVE_EOF)
    return TRUE;
  if (result != ARCHIVE_OK)
    return fail (spool, reader, error);
  while ((result = archive_read_data_block (reader, &data, &length, &offset)) == ARCHIVE_OK)
    {
      size += length;
      if (size_max > 0 && size > size_max)
        {
          g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARCHIVE,
                       "uncompressed it has more than %" G_GUINT64_FORMAT " bytes, which is the limit", size_max);
          return FALSE;
        }
      if (!cpd_fs_write_all (to, data, length, error))
        {
          g_prefix_error (error, "failed to keep the archive: ");
          return FALSE;
        }
    }
  return result == ARCHIVE_EOF || fail (spool, reader, error);
}

gboolean
cpd_archive_spool (int fd, int to, guint64 size_max, CpdLayerProgressFunc progress, gpointer user_data,
                   GCancellable *cancellable, GError **error)
{
  Spool spool = { .fd = fd, .progress = progress, .user_data = user_data };
  struct archive *reader;
  struct stat info;
  gboolean done;

  if (!cpd_libarchive_load (error))
    return FALSE;
  reader = archive_read_new ();
  if (cancellable != NULL && g_cancellable_make_pollfd (cancellable, &spool.cancelled))
    spool.cancellable = cancellable;
  if (fstat (fd, &info) == 0 && S_ISREG (info.st_mode))
    spool.bytes_total = (guint64) info.st_size;
  spool.block = g_malloc (BLOCK_SIZE);
  archive_read_support_format_raw (reader);
  archive_read_support_format_empty (reader);
  archive_read_support_filter_gzip (reader);
  archive_read_support_filter_zstd (reader);
  archive_read_support_filter_xz (reader);
  archive_read_support_filter_bzip2 (reader);
  if (archive_read_open (reader, &spool, NULL, on_read, NULL) == ARCHIVE_OK)
    done = copy (&spool, reader, to, size_max, error);
  else
    done = fail (&spool, reader, error);
  archive_read_free (reader);
  g_clear_error (&spool.error);
  if (spool.cancellable != NULL)
    g_cancellable_release_fd (spool.cancellable);
  g_free (spool.block);
  return done;
}
