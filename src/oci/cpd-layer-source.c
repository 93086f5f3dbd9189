/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-layer-source.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "oci/cpd-layer-decoder.h"
#include "oci/cpd-layer-sink.h"
#include "public/cpod-error.h"

#define PROGRESS_STEP (1024 * 1024)

struct _CpdLayerSource
{
  int fd;                       /* (unowned) */
  int blob;                     /* (unowned) */
  gboolean from_start;          /* the descriptor is at the beginning of a file */
  gboolean cloned;              /* the blob is a copy of that already, and what is read */
  CpdLayerProgressFunc progress;
  gpointer user_data;
  guint64 total_bytes;          /* 0 when unknown */
  guint64 reported;
  guint64 size_max;             /* of the tar; 0 is no limit */

  CpdLayerPipe *pipe;           /* (owned) */
  CpdLayerDecoder *decoder;     /* (owned) the thread's while that runs */
  CpdLayerQueue *tar;           /* (owned) from the thread to the tar reader */
  CpdLayerSink *raw_sink;       /* (owned) (nullable) gets the bytes as they are read */
  CpdLayerSink *tar_sink;       /* (owned) (nullable) gets the tar, if it is compressed */
  GThread *thread;              /* (owned) (nullable) */

  CpdCompression compression;
  gboolean keep_raw;            /* the blob is what is read, not the tar in it */
  struct archive *archive;      /* (owned) (nullable) tar reader */
  CpdLayerBuffer *current;      /* (owned) (nullable) what it looks at */
};

CpdLayerSource *
cpd_layer_source_new (int fd, const CpdLayerPart *part, int blob, const CpdLayerLimits *limits,
                      CpdLayerProgressFunc progress, gpointer user_data, GCancellable *cancellable)
{
  CpdLayerSource *source = g_new0 (CpdLayerSource, 1);
  struct stat info;
  off_t at;

  source->fd = fd;
  source->blob = blob;
  source->progress = progress;
  source->user_data = user_data;
  source->size_max = limits != NULL ? limits->size : 0;
  source->pipe = cpd_layer_pipe_new (cancellable);
  source->decoder = cpd_layer_decoder_new (source->pipe, fd, part);
  source->tar = cpd_layer_queue_new (source->pipe);
  if (part != NULL)
    source->total_bytes = part->length;
  else if (fstat (fd, &info) == 0 && S_ISREG (info.st_mode))
    {
      at = lseek (fd, 0, SEEK_CUR);
      source->total_bytes = (guint64) MAX (0, info.st_size - MAX (0, at));
      source->from_start = at == 0;
    }
  return source;
}

void
cpd_layer_source_free (CpdLayerSource *source)
{
  if (source == NULL)
    return;
  if (source->thread != NULL)   /* its work is no longer wanted */
    {
      cpd_layer_pipe_fail (source->pipe, g_error_new_literal (CPOD_ERROR, CPOD_ERROR_CANCELLED, "it was given up"));
      g_thread_join (source->thread);
    }
  g_clear_pointer (&source->archive, archive_read_free);
  g_clear_pointer (&source->current, cpd_layer_buffer_unref);
  cpd_layer_sink_free (source->raw_sink);
  cpd_layer_sink_free (source->tar_sink);
  cpd_layer_decoder_free (source->decoder);
  cpd_layer_queue_free (source->tar);
  cpd_layer_pipe_free (source->pipe);
  g_free (source);
}

static gboolean
check_size (CpdLayerSource *source, guint64 size, GError **error)
{
  if (source->size_max == 0 || size <= source->size_max)
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARCHIVE,
               "uncompressed it has more than %" G_GUINT64_FORMAT " bytes, which is the limit", source->size_max);
  return FALSE;
}

/* Reads and decompresses all, for the tar reader and for the sinks. */
static gboolean
read_all (CpdLayerSource *source, GError **error)
{
  guint64 size = 0;

  for (;;)
    {
      g_autoptr(CpdLayerBuffer) buffer = NULL;

      if (!cpd_layer_decoder_next (source->decoder, &buffer, error))
        return FALSE;
      if (buffer == NULL)
        return TRUE;
      size += buffer->length;
      if (!check_size (source, size, error))
        return FALSE;
      if (source->tar_sink != NULL)
        cpd_layer_sink_push (source->tar_sink, buffer);
      cpd_layer_queue_push (source->tar, g_steal_pointer (&buffer));
    }
}

static gpointer
run (gpointer user_data)
{
  CpdLayerSource *source = user_data;
  GError *error = NULL;

  if (read_all (source, &error))
    cpd_layer_queue_end (source->tar);
  else
    cpd_layer_pipe_fail (source->pipe, error);
  return NULL;
}

static void
report (CpdLayerSource *source, guint64 position, gboolean at_end)
{
  if (source->progress == NULL || position == source->reported
      || (!at_end && position - source->reported < PROGRESS_STEP))
    return;
  source->reported = position;
  source->progress (position, source->total_bytes, source->user_data);
}

/* The next bytes of the tar; NULL at its end or when something has failed. */
static const CpdLayerBuffer *
next_tar (CpdLayerSource *source)
{
  g_clear_pointer (&source->current, cpd_layer_buffer_unref);
  source->current = cpd_layer_queue_pop (source->tar);
  if (source->current != NULL)
    report (source, source->current->position, FALSE);
  return source->current;
}

/* Called by the tar reader of libarchive. */
static la_ssize_t
on_tar_read (struct archive *archive, void *user_data, const void **data)
{
  CpdLayerSource *source = user_data;
  const CpdLayerBuffer *buffer = next_tar (source);

  if (buffer != NULL)
    {
      *data = buffer->data;
      return (la_ssize_t) buffer->length;
    }
  if (!cpd_layer_pipe_has_failed (source->pipe, NULL))
    return 0;
  archive_set_error (archive, EIO, "failed to read");   /* the pipe knows why */
  return -1;
}

/*
 * Where files can share their blocks, the blob need not be written. From then on
 * it is what is read: nobody else can change it.
 */
static gboolean
share_blocks (CpdLayerSource *source, GError **error)
{
  CpdCompression compression;

  if (!source->from_start || !source->keep_raw || (fcntl (source->blob, F_GETFL) & O_ACCMODE) != O_RDWR
      || lseek (source->blob, 0, SEEK_CUR) != 0 || ioctl (source->blob, FICLONE, source->fd) < 0)
    return TRUE;
  source->cloned = TRUE;
  cpd_layer_decoder_free (source->decoder);
  source->decoder = cpd_layer_decoder_new (source->pipe, source->blob, NULL);
  if (!cpd_layer_decoder_sniff (source->decoder, &compression, error))
    return FALSE;
  if (compression == source->compression)
    return TRUE;
  g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARCHIVE, "it changed while it was read");
  return FALSE;
}

static gboolean
start (CpdLayerSource *source, GError **error)
{
  int raw_blob = source->keep_raw && !source->cloned ? source->blob : -1;

  source->raw_sink = cpd_layer_sink_new (source->pipe, raw_blob, error);
  if (source->raw_sink == NULL)
    return FALSE;
  if (source->compression != CPD_COMPRESSION_NONE)
    {
      source->tar_sink = cpd_layer_sink_new (source->pipe, source->keep_raw ? -1 : source->blob, error);
      if (source->tar_sink == NULL)
        return FALSE;
    }
  cpd_layer_decoder_start (source->decoder, source->raw_sink);
  source->thread = g_thread_try_new ("cpod-layer", run, source, error);
  if (source->thread == NULL)
    {
      g_prefix_error (error, "failed to start a thread: ");
      return FALSE;
    }
  return TRUE;
}

struct archive *
cpd_layer_source_open (CpdLayerSource *source, GError **error)
{
  if (!cpd_layer_decoder_sniff (source->decoder, &source->compression, error))
    return NULL;
  source->keep_raw = source->compression <= CPD_COMPRESSION_ZSTD;
  if (!share_blocks (source, error) || !start (source, error) || !cpd_libarchive_load (error))
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

  if (cpd_layer_pipe_has_failed (source->pipe, error))
    return;
  if (archive_errno (source->archive) == ENOMEM)
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
  while (next_tar (source) != NULL)     /* the digests are of everything */
    continue;
  g_thread_join (g_steal_pointer (&source->thread));
  cpd_layer_sink_finish (source->raw_sink);
  if (source->tar_sink != NULL)
    cpd_layer_sink_finish (source->tar_sink);
  if (cpd_layer_pipe_has_failed (source->pipe, error))
    return FALSE;
  report (source, cpd_layer_decoder_get_position (source->decoder), TRUE);

  info->compression = source->compression;
  info->digest = cpd_layer_sink_digest (source->raw_sink);
  info->diff_id = source->tar_sink != NULL ? cpd_layer_sink_digest (source->tar_sink) : g_strdup (info->digest);
  info->media_type = media_type (source->compression);
  info->blob_digest = g_strdup (source->keep_raw ? info->digest : info->diff_id);
  info->blob_size = cpd_layer_sink_get_size (source->keep_raw ? source->raw_sink : source->tar_sink);
  /* What follows gzip data was cloned with it. */
  if (source->cloned && ftruncate (source->blob, (off_t) info->blob_size) < 0)
    {
      cpd_set_error_errno (error, errno, "failed to keep the layer");
      return FALSE;
    }
  return TRUE;
}
