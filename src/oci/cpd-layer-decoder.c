/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-layer-decoder.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "oci/cpd-inflate.h"
#include "oci/cpd-libarchive.h"
#include "public/cpod-error.h"

#define MAGIC_LENGTH 6          /* of the longest one */

struct _CpdLayerDecoder
{
  CpdLayerPipe *pipe;           /* (unowned) */
  int fd;                       /* (unowned) */
  gboolean is_part;             /* only this much of it: */
  CpdLayerPart part;
  GPollFD stop;
  gboolean has_stop;
  CpdLayerSink *sink;           /* (unowned) (nullable) */
  CpdCompression compression;

  CpdLayerBuffer *raw;          /* (owned) (nullable) what was read last; NEXT is the first byte not yet used */
  gsize next;
  gboolean raw_end;
  guint64 position;

  CpdInflate *inflate;          /* (owned) (nullable) */
  gboolean between;             /* at the beginning or between two members of a gzip file */
  struct archive *filter;       /* (owned) (nullable) decompressor of the other kinds */
  GError *error;                /* (owned) (nullable) what failed inside a callback of libarchive */
};

CpdLayerDecoder *
cpd_layer_decoder_new (CpdLayerPipe *pipe, int fd, const CpdLayerPart *part)
{
  CpdLayerDecoder *decoder = g_new0 (CpdLayerDecoder, 1);

  decoder->pipe = pipe;
  decoder->fd = fd;
  decoder->is_part = part != NULL;
  if (part != NULL)
    decoder->part = *part;
  decoder->has_stop = g_cancellable_make_pollfd (cpd_layer_pipe_get_stop (pipe), &decoder->stop);
  return decoder;
}

void
cpd_layer_decoder_free (CpdLayerDecoder *decoder)
{
  if (decoder == NULL)
    return;
  if (decoder->filter != NULL)
    archive_read_free (decoder->filter);
  if (decoder->has_stop)
    g_cancellable_release_fd (cpd_layer_pipe_get_stop (decoder->pipe));
  g_clear_pointer (&decoder->inflate, cpd_inflate_free);
  g_clear_pointer (&decoder->raw, cpd_layer_buffer_unref);
  g_clear_error (&decoder->error);
  g_free (decoder);
}

/* Waits until there is something to read; the other end of a pipe may take its time. */
static gboolean
wait_readable (CpdLayerDecoder *decoder, GError **error)
{
  struct pollfd items[2] = {
    { .fd = decoder->fd, .events = POLLIN },
    { .fd = decoder->has_stop ? decoder->stop.fd : -1, .events = POLLIN },
  };

  while (poll (items, 2, -1) < 0)
    if (errno != EINTR)
      {
        cpd_set_error_errno (error, errno, "failed to wait for the archive");
        return FALSE;
      }
  return !cpd_layer_pipe_has_failed (decoder->pipe, error);
}

/* As read(), but not beyond the end of the part. */
static ssize_t
read_some (CpdLayerDecoder *decoder, void *data, gsize length)
{
  const guint64 left = decoder->part.length - decoder->position;

  if (!decoder->is_part)
    return read (decoder->fd, data, length);
  return pread (decoder->fd, data, MIN (length, left), (off_t) (decoder->part.offset + decoder->position));
}

/* Reads into BUFFER, behind what is there. */
static gboolean
read_into (CpdLayerDecoder *decoder, CpdLayerBuffer *buffer, GError **error)
{
  ssize_t n;

  do
    {
      if (!wait_readable (decoder, error))
        return FALSE;
      n = read_some (decoder, buffer->data + buffer->length, CPD_LAYER_BUFFER_SIZE - buffer->length);
    }
  while (n < 0 && (errno == EINTR || errno == EAGAIN));
  if (n < 0)
    {
      cpd_set_error_errno (error, errno, "failed to read the archive");
      return FALSE;
    }
  buffer->length += (gsize) n;
  decoder->position += (guint64) n;
  buffer->position = decoder->position;
  decoder->raw_end = n == 0;
  return TRUE;
}

static CpdLayerBuffer *
take_buffer (CpdLayerDecoder *decoder, GError **error)
{
  CpdLayerBuffer *buffer = cpd_layer_pipe_take_buffer (decoder->pipe);

  if (buffer == NULL)
    cpd_layer_pipe_has_failed (decoder->pipe, error);
  else
    buffer->position = decoder->position;
  return buffer;
}

/* Gives what was read to the sink, which nobody may change from then on. */
static void
sink_raw (CpdLayerDecoder *decoder)
{
  if (decoder->sink != NULL && decoder->raw != NULL && decoder->raw->length > 0)
    cpd_layer_sink_push (decoder->sink, decoder->raw);
}

/* Makes sure that there are unused bytes, unless it is the end. */
static gboolean
fill_raw (CpdLayerDecoder *decoder, GError **error)
{
  if (decoder->raw_end || (decoder->raw != NULL && decoder->next < decoder->raw->length))
    return TRUE;
  g_clear_pointer (&decoder->raw, cpd_layer_buffer_unref);
  decoder->next = 0;
  decoder->raw = take_buffer (decoder, error);
  if (decoder->raw == NULL || !read_into (decoder, decoder->raw, error))
    return FALSE;
  if (decoder->compression != CPD_COMPRESSION_GZIP)     /* see release_gzip() */
    sink_raw (decoder);
  return TRUE;
}

/* The compression that the first bytes tell; what media types and file names say is not reliable. */
static CpdCompression
compression_of (const guint8 *data, gsize length)
{
  static const struct
  {
    CpdCompression compression;
    gsize length;
    const char *magic;
  } magics[] = {
    { CPD_COMPRESSION_GZIP, 3, "\x1f\x8b\x08" },
    { CPD_COMPRESSION_ZSTD, 4, "\x28\xb5\x2f\xfd" },
    { CPD_COMPRESSION_XZ, MAGIC_LENGTH, "\xfd" "7zXZ\0" },
    { CPD_COMPRESSION_BZIP2, 3, "BZh" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (magics); i++)
    if (length >= magics[i].length && memcmp (data, magics[i].magic, magics[i].length) == 0)
      return magics[i].compression;
  return CPD_COMPRESSION_NONE;
}

gboolean
cpd_layer_decoder_sniff (CpdLayerDecoder *decoder, CpdCompression *compression, GError **error)
{
  decoder->raw = take_buffer (decoder, error);
  if (decoder->raw == NULL)
    return FALSE;
  while (decoder->raw->length < MAGIC_LENGTH && !decoder->raw_end)
    if (!read_into (decoder, decoder->raw, error))
      return FALSE;
  decoder->raw_end = FALSE;     /* asked again in its turn */
  decoder->compression = compression_of (decoder->raw->data, decoder->raw->length);
  *compression = decoder->compression;
  return TRUE;
}

void
cpd_layer_decoder_start (CpdLayerDecoder *decoder, CpdLayerSink *raw)
{
  decoder->sink = raw;
  if (decoder->compression != CPD_COMPRESSION_GZIP)
    sink_raw (decoder);
  else
    {
      /* Not libarchive's: that does not compare the checksum at the end. */
      decoder->inflate = cpd_inflate_new ();
      decoder->between = TRUE;
    }
}

/* Only what belongs to the gzip data is kept and hashed: others do not pass over what may follow it. */
static void
release_gzip (CpdLayerDecoder *decoder)
{
  decoder->raw->length = decoder->next;
  sink_raw (decoder);
  g_clear_pointer (&decoder->raw, cpd_layer_buffer_unref);
}

/* Passes over zeros behind the last member, with which some programs fill their last block up. */
static gboolean
skip_padding (CpdLayerDecoder *decoder, GError **error)
{
  if (!fill_raw (decoder, error))
    return FALSE;
  if (decoder->raw == NULL || decoder->next == decoder->raw->length || decoder->raw->data[decoder->next] != 0)
    return TRUE;

  while (!decoder->raw_end)
    {
      for (gsize i = decoder->next; i < decoder->raw->length; i++)
        if (decoder->raw->data[i] != 0)
          {
            g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARCHIVE,
                                 "damaged gzip data: something else follows it");
            return FALSE;
          }
      release_gzip (decoder);
      if (!fill_raw (decoder, error))
        return FALSE;
    }
  return TRUE;
}

/* Decompresses into OUT, until it is full or there is no more. */
static gboolean
inflate (CpdLayerDecoder *decoder, CpdLayerBuffer *out, GError **error)
{
  while (out->length < CPD_LAYER_BUFFER_SIZE)
    {
      gsize used = 0, made = 0;

      if (decoder->between ? !skip_padding (decoder, error) : !fill_raw (decoder, error))
        return FALSE;
      if (decoder->raw_end && decoder->between)
        return TRUE;
      if (decoder->raw_end)
        {
          g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARCHIVE,
                               "damaged gzip data: it ends too early");
          return FALSE;
        }
      if (!cpd_inflate_run (decoder->inflate, decoder->raw->data + decoder->next,
                            decoder->raw->length - decoder->next, out->data + out->length,
                            CPD_LAYER_BUFFER_SIZE - out->length, &used, &made, &decoder->between, error))
        return FALSE;
      out->length += made;
      decoder->next += used;
      if (decoder->next == decoder->raw->length)
        release_gzip (decoder);
    }
  return TRUE;
}

/* Called by the decompressor of libarchive for compressed bytes. */
static la_ssize_t
on_filter_read (struct archive *archive, void *user_data, const void **data)
{
  CpdLayerDecoder *decoder = user_data;
  gsize length;

  if (!fill_raw (decoder, decoder->error == NULL ? &decoder->error : NULL))
    {
      archive_set_error (archive, EIO, "failed to read");
      return -1;
    }
  *data = decoder->raw->data + decoder->next;
  length = decoder->raw->length - decoder->next;
  decoder->next = decoder->raw->length;
  return (la_ssize_t) length;
}

static void
set_filter_error (CpdLayerDecoder *decoder, GError **error)
{
  if (decoder->error != NULL)
    g_propagate_error (error, g_steal_pointer (&decoder->error));
  else
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARCHIVE, "damaged compressed data: %s",
                 archive_error_string (decoder->filter));
}

static gboolean
open_filter (CpdLayerDecoder *decoder, GError **error)
{
  struct archive_entry *entry;

  if (!cpd_libarchive_load (error))
    return FALSE;
  decoder->filter = archive_read_new ();
  archive_read_support_format_raw (decoder->filter);
  if (decoder->compression == CPD_COMPRESSION_ZSTD)
    archive_read_support_filter_zstd (decoder->filter);
  else if (decoder->compression == CPD_COMPRESSION_XZ)
    archive_read_support_filter_xz (decoder->filter);
  else
    archive_read_support_filter_bzip2 (decoder->filter);

  if (archive_read_open (decoder->filter, decoder, NULL, on_filter_read, NULL) == ARCHIVE_OK
      && archive_read_next_header (decoder->filter, &entry) == ARCHIVE_OK)
    return TRUE;
  set_filter_error (decoder, error);
  return FALSE;
}

static gboolean
run_filter (CpdLayerDecoder *decoder, CpdLayerBuffer *out, GError **error)
{
  la_ssize_t n;

  if (decoder->filter == NULL && !open_filter (decoder, error))
    return FALSE;
  n = archive_read_data (decoder->filter, out->data, CPD_LAYER_BUFFER_SIZE);
  if (n < 0)
    {
      set_filter_error (decoder, error);
      return FALSE;
    }
  out->length = (gsize) n;
  while (n == 0 && !decoder->raw_end)   /* it may stop before the end */
    {
      decoder->next = decoder->raw->length;
      if (!fill_raw (decoder, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
decompress (CpdLayerDecoder *decoder, CpdLayerBuffer **buffer, GError **error)
{
  g_autoptr(CpdLayerBuffer) out = take_buffer (decoder, error);

  if (out == NULL)
    return FALSE;
  if (decoder->inflate != NULL ? !inflate (decoder, out, error) : !run_filter (decoder, out, error))
    return FALSE;
  out->position = decoder->position;
  *buffer = out->length > 0 ? g_steal_pointer (&out) : NULL;
  return TRUE;
}

gboolean
cpd_layer_decoder_next (CpdLayerDecoder *decoder, CpdLayerBuffer **buffer, GError **error)
{
  if (decoder->compression != CPD_COMPRESSION_NONE)
    return decompress (decoder, buffer, error);
  if (!fill_raw (decoder, error))
    return FALSE;
  *buffer = decoder->raw_end ? NULL : g_steal_pointer (&decoder->raw);
  return TRUE;
}

guint64
cpd_layer_decoder_get_position (CpdLayerDecoder *decoder)
{
  return decoder->position;
}
