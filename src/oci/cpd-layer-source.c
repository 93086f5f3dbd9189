/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-layer-source.h"

#include <archive_entry.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "oci/cpd-digest.h"
#include "public/cpod-error.h"

#define BUFFER_SIZE (256 * 1024)
#define PROGRESS_STEP (1024 * 1024)

struct _CpdLayerSource
{
  int fd;                       /* (unowned) */
  int blob;                     /* (unowned) */
  CpdLayerProgressFunc progress;
  gpointer user_data;
  GCancellable *cancellable;    /* (owned) (nullable) */
  GPollFD cancel_poll;
  gboolean has_cancel_poll;

  CpdCompression compression;
  gboolean keep_raw;            /* the blob is what is read, not the tar in it */
  CpdDigest *raw_digest;        /* (owned) */
  CpdDigest *tar_digest;        /* (owned) (nullable): none when nothing is compressed */
  guint64 raw_bytes;
  guint64 tar_bytes;
  guint64 total_bytes;          /* 0 when unknown */
  guint64 reported;

  guint8 *raw;                  /* (owned) bytes as they were read, RAW_NEXT up to RAW_LENGTH yet unused */
  gsize raw_next;
  gsize raw_length;
  gboolean raw_end;
  guint8 *tar;                  /* (owned) what the tar reader sees */

  GConverter *gzip;             /* (owned) (nullable) */
  gboolean gzip_between;        /* at the beginning or between two members */
  struct archive *filter;       /* (owned) (nullable): decompressor of the other kinds */
  struct archive *archive;      /* (owned) (nullable): tar reader */
  GError *error;                /* (owned) (nullable): what failed inside a callback of libarchive */
};

CpdLayerSource *
cpd_layer_source_new (int fd, int blob, CpdLayerProgressFunc progress, gpointer user_data, GCancellable *cancellable)
{
  CpdLayerSource *source = g_new0 (CpdLayerSource, 1);
  struct stat info;
  off_t at;

  source->fd = fd;
  source->blob = blob;
  source->progress = progress;
  source->user_data = user_data;
  source->raw = g_malloc (BUFFER_SIZE);
  source->tar = g_malloc (BUFFER_SIZE);
  source->raw_digest = cpd_digest_new ();
  if (cancellable != NULL)
    {
      source->cancellable = g_object_ref (cancellable);
      source->has_cancel_poll = g_cancellable_make_pollfd (cancellable, &source->cancel_poll);
    }
  if (fstat (fd, &info) == 0 && S_ISREG (info.st_mode))
    {
      at = lseek (fd, 0, SEEK_CUR);
      source->total_bytes = (guint64) MAX (0, info.st_size - MAX (0, at));
    }
  return source;
}

void
cpd_layer_source_free (CpdLayerSource *source)
{
  if (source == NULL)
    return;
  if (source->archive != NULL)
    archive_read_free (source->archive);
  if (source->filter != NULL)
    archive_read_free (source->filter);
  if (source->has_cancel_poll)
    g_cancellable_release_fd (source->cancellable);
  g_clear_object (&source->cancellable);
  g_clear_object (&source->gzip);
  g_clear_pointer (&source->raw_digest, cpd_digest_free);
  g_clear_pointer (&source->tar_digest, cpd_digest_free);
  g_clear_error (&source->error);
  g_free (source->raw);
  g_free (source->tar);
  g_free (source);
}

static gboolean
is_cancelled (CpdLayerSource *source, GError **error)
{
  if (!g_cancellable_is_cancelled (source->cancellable))
    return FALSE;
  g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_CANCELLED, "it was cancelled");
  return TRUE;
}

/* Waits until there is something to read; the other end of a pipe may take its time. */
static gboolean
wait_readable (CpdLayerSource *source, GError **error)
{
  struct pollfd items[2] = {
    { .fd = source->fd, .events = POLLIN },
    { .fd = source->has_cancel_poll ? source->cancel_poll.fd : -1, .events = POLLIN },
  };

  while (poll (items, 2, -1) < 0)
    if (errno != EINTR)
      {
        cpd_set_error_errno (error, errno, "failed to wait for the archive");
        return FALSE;
      }
  return !is_cancelled (source, error);
}

static gboolean
write_blob (CpdLayerSource *source, const guint8 *data, gsize length, GError **error)
{
  if (cpd_fs_write_all (source->blob, data, length, error))
    return TRUE;
  g_prefix_error (error, "failed to keep the layer: ");
  return FALSE;
}

static void
report (CpdLayerSource *source, gboolean at_end)
{
  if (source->progress == NULL || (!at_end && source->raw_bytes - source->reported < PROGRESS_STEP))
    return;
  source->reported = source->raw_bytes;
  source->progress (source->raw_bytes, source->total_bytes, source->user_data);
}

/* Reads into the raw buffer behind what is there; 0 at the end. What was read is not yet hashed. */
static gssize
read_more (CpdLayerSource *source, GError **error)
{
  ssize_t n;

  do
    {
      if (!wait_readable (source, error))
        return -1;
      n = read (source->fd, source->raw + source->raw_length, BUFFER_SIZE - source->raw_length);
    }
  while (n < 0 && (errno == EINTR || errno == EAGAIN));
  if (n < 0)
    {
      cpd_set_error_errno (error, errno, "failed to read the archive");
      return -1;
    }
  source->raw_length += (gsize) n;
  source->raw_end = n == 0;
  return n;
}

/* Takes notice of bytes of the blob, once each. */
static gboolean
account_raw (CpdLayerSource *source, const guint8 *data, gsize length, GError **error)
{
  source->raw_bytes += length;
  cpd_digest_update (source->raw_digest, data, length);
  if (source->keep_raw && !write_blob (source, data, length, error))
    return FALSE;
  report (source, FALSE);
  return TRUE;
}

/* Makes sure that there are unused raw bytes, unless it is the end. */
static gboolean
fill_raw (CpdLayerSource *source, GError **error)
{
  gssize n;

  if (source->raw_next < source->raw_length || source->raw_end)
    return TRUE;
  source->raw_next = source->raw_length = 0;
  n = read_more (source, error);
  if (n < 0)
    return FALSE;
  return source->compression == CPD_COMPRESSION_GZIP    /* see inflate() */
         || account_raw (source, source->raw, (gsize) n, error);
}

/* Passes over zeros behind the last member, with which some programs fill their last block up. */
static gboolean
skip_padding (CpdLayerSource *source, GError **error)
{
  gboolean skipped = FALSE;

  for (;;)
    {
      if (!fill_raw (source, error))
        return FALSE;
      while (source->raw_next < source->raw_length && source->raw[source->raw_next] == 0)
        {
          source->raw_next++;
          skipped = TRUE;
        }
      if (source->raw_next < source->raw_length || source->raw_end)
        break;
    }
  if (!skipped || source->raw_next == source->raw_length)
    return TRUE;
  g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARCHIVE,
                       "damaged gzip data: something else follows it");
  return FALSE;
}

/* Only what belongs to the gzip data is kept and hashed: others do not pass over what may follow it. */
static gssize
inflate (CpdLayerSource *source, GError **error)
{
  for (;;)
    {
      g_autoptr(GError) cause = NULL;
      GConverterResult result;
      gsize used = 0, made = 0;

      if (source->gzip_between ? !skip_padding (source, error) : !fill_raw (source, error))
        return -1;
      if (source->gzip_between && source->raw_next == source->raw_length)
        return 0;
      source->gzip_between = FALSE;
      result = g_converter_convert (source->gzip, source->raw + source->raw_next,
                                    source->raw_length - source->raw_next,
                                    source->tar, BUFFER_SIZE, G_CONVERTER_NO_FLAGS,
                                    &used, &made, &cause);
      if (result == G_CONVERTER_ERROR && !source->raw_end
          && g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT))
        continue;
      if (result == G_CONVERTER_ERROR)
        {
          g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARCHIVE, "damaged gzip data: %s",
                       source->raw_end ? "it ends too early" : cause->message);
          return -1;
        }
      if (!account_raw (source, source->raw + source->raw_next, used, error))
        return -1;
      source->raw_next += used;
      if (result == G_CONVERTER_FINISHED)       /* members may follow one another */
        {
          g_converter_reset (source->gzip);
          source->gzip_between = TRUE;
        }
      if (made > 0)
        return (gssize) made;
    }
}

/* Called by the decompressor of libarchive for compressed bytes. */
static la_ssize_t
on_filter_read (struct archive *archive, void *user_data, const void **buffer)
{
  CpdLayerSource *source = user_data;
  gsize length;

  if (!fill_raw (source, source->error == NULL ? &source->error : NULL))
    {
      archive_set_error (archive, EIO, "failed to read");
      return -1;
    }
  *buffer = source->raw + source->raw_next;
  length = source->raw_length - source->raw_next;
  source->raw_next = source->raw_length;
  return (la_ssize_t) length;
}

static gssize
run_filter (CpdLayerSource *source, GError **error)
{
  la_ssize_t n = archive_read_data (source->filter, source->tar, BUFFER_SIZE);

  if (n >= 0)
    return n;
  if (source->error != NULL)
    g_propagate_error (error, g_steal_pointer (&source->error));
  else
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARCHIVE, "damaged compressed data: %s",
                 archive_error_string (source->filter));
  return -1;
}

/* The next bytes of the uncompressed tar; 0 at its end. */
static gssize
read_tar (CpdLayerSource *source, const guint8 **data, GError **error)
{
  gssize n;

  *data = source->tar;
  if (source->compression == CPD_COMPRESSION_NONE)
    {
      if (!fill_raw (source, error))
        return -1;
      *data = source->raw + source->raw_next;
      n = (gssize) (source->raw_length - source->raw_next);
      source->raw_next = source->raw_length;
    }
  else
    n = source->gzip != NULL ? inflate (source, error) : run_filter (source, error);

  if (n <= 0)
    return n;
  source->tar_bytes += (guint64) n;
  if (source->tar_digest != NULL)
    cpd_digest_update (source->tar_digest, *data, (gsize) n);
  if (!source->keep_raw && !write_blob (source, *data, (gsize) n, error))
    return -1;
  return n;
}

/* Called by the tar reader of libarchive. */
static la_ssize_t
on_tar_read (struct archive *archive, void *user_data, const void **buffer)
{
  CpdLayerSource *source = user_data;
  const guint8 *data = NULL;
  g_autoptr(GError) error = NULL;
  gssize n = read_tar (source, &data, &error);

  if (n < 0)
    {
      archive_set_error (archive, EIO, "%s", error->message);
      if (source->error == NULL)
        source->error = g_steal_pointer (&error);
      return -1;
    }
  *buffer = data;
  return n;
}

/* The compression that the first bytes tell; what media types and file names say is not reliable. */
static CpdCompression
sniff (const guint8 *data, gsize length)
{
  static const struct
  {
    CpdCompression compression;
    gsize length;
    const char *magic;
  } magics[] = {
    { CPD_COMPRESSION_GZIP, 3, "\x1f\x8b\x08" },
    { CPD_COMPRESSION_ZSTD, 4, "\x28\xb5\x2f\xfd" },
    { CPD_COMPRESSION_XZ, 6, "\xfd" "7zXZ\0" },
    { CPD_COMPRESSION_BZIP2, 3, "BZh" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (magics); i++)
    if (length >= magics[i].length && memcmp (data, magics[i].magic, magics[i].length) == 0)
      return magics[i].compression;
  return CPD_COMPRESSION_NONE;
}

static gboolean
open_filter (CpdLayerSource *source, GError **error)
{
  struct archive_entry *entry;

  source->filter = archive_read_new ();
  archive_read_support_format_raw (source->filter);
  if (source->compression == CPD_COMPRESSION_ZSTD)
    archive_read_support_filter_zstd (source->filter);
  else if (source->compression == CPD_COMPRESSION_XZ)
    archive_read_support_filter_xz (source->filter);
  else
    archive_read_support_filter_bzip2 (source->filter);

  if (archive_read_open (source->filter, source, NULL, on_filter_read, NULL) == ARCHIVE_OK
      && archive_read_next_header (source->filter, &entry) == ARCHIVE_OK)
    return TRUE;
  if (source->error != NULL)
    g_propagate_error (error, g_steal_pointer (&source->error));
  else
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARCHIVE, "damaged compressed data: %s",
                 archive_error_string (source->filter));
  return FALSE;
}

static gboolean
open_decompressor (CpdLayerSource *source, GError **error)
{
  if (source->compression == CPD_COMPRESSION_NONE)
    return TRUE;
  source->tar_digest = cpd_digest_new ();
  if (source->compression != CPD_COMPRESSION_GZIP)
    return open_filter (source, error);

  /* Not libarchive's: that does not compare the checksum at the end. */
  source->gzip = G_CONVERTER (g_zlib_decompressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP));
  source->gzip_between = TRUE;
  return TRUE;
}

struct archive *
cpd_layer_source_open (CpdLayerSource *source, GError **error)
{
  gssize n = 1;

  if (is_cancelled (source, error))
    return NULL;
  while (source->raw_length < 8 && n > 0)
    n = read_more (source, error);
  if (n < 0)
    return NULL;
  source->raw_end = FALSE;      /* asked again in its turn */
  source->compression = sniff (source->raw, source->raw_length);
  source->keep_raw = source->compression <= CPD_COMPRESSION_ZSTD;
  if ((source->compression != CPD_COMPRESSION_GZIP
       && !account_raw (source, source->raw, source->raw_length, error))
      || !open_decompressor (source, error))
    return NULL;

  source->archive = archive_read_new ();
  archive_read_support_format_tar (source->archive);
  if (archive_read_open (source->archive, source, NULL, on_tar_read, NULL) != ARCHIVE_OK)
    {
      cpd_layer_source_set_error (source, NULL, error);
      return NULL;
    }
  return source->archive;
}

void
cpd_layer_source_set_error (CpdLayerSource *source, const char *entry, GError **error)
{
  const char *text = archive_error_string (source->archive);

  if (source->error != NULL)
    g_propagate_error (error, g_steal_pointer (&source->error));
  else if (archive_errno (source->archive) == ENOMEM)
    cpd_set_error_errno (error, ENOMEM, "failed to read the archive");
  else
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARCHIVE, "no valid tar archive: %s",
                 text != NULL ? text : "unknown error");
  if (entry != NULL)
    g_prefix_error (error, "entry '%s': ", entry);
}

static const char *
media_type (CpdCompression compression)
{
  if (compression == CPD_COMPRESSION_GZIP)
    return "application/vnd.oci.image.layer.v1.tar+gzip";
  if (compression == CPD_COMPRESSION_ZSTD)
    return "application/vnd.oci.image.layer.v1.tar+zstd";
  return "application/vnd.oci.image.layer.v1.tar";
}

gboolean
cpd_layer_source_finish (CpdLayerSource *source, CpdLayerInfo *info, GError **error)
{
  const guint8 *data;
  gssize n;

  while ((n = read_tar (source, &data, error)) > 0)
    continue;
  if (n < 0)
    return FALSE;
  do                            /* a decompressor may stop before the end */
    {
      source->raw_next = source->raw_length;
      if (!fill_raw (source, error))
        return FALSE;
    }
  while (!source->raw_end);
  report (source, TRUE);

  info->compression = source->compression;
  info->digest = cpd_digest_finish (source->raw_digest);
  info->diff_id = source->tar_digest != NULL ? cpd_digest_finish (source->tar_digest) : g_strdup (info->digest);
  info->media_type = media_type (source->compression);
  info->blob_digest = g_strdup (source->keep_raw ? info->digest : info->diff_id);
  info->blob_size = source->keep_raw ? source->raw_bytes : source->tar_bytes;
  return TRUE;
}
