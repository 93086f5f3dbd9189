/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-digest.h"
#include "oci/cpd-layer-decoder.h"

static gboolean
read_all (CpdLayerDecoder *decoder, CpdLayerPieceFunc func, gpointer user_data, CpdDigest *digest, guint64 *size,
          GError **error)
{
  CpdCompression compression;

  if (!cpd_layer_decoder_sniff (decoder, &compression, error))
    return FALSE;
  cpd_layer_decoder_start (decoder, NULL);
  for (;;)
    {
      g_autoptr(CpdLayerBuffer) buffer = NULL;

      if (!cpd_layer_decoder_next (decoder, &buffer, error))
        return FALSE;
      if (buffer == NULL)
        return TRUE;
      cpd_digest_update (digest, buffer->data, buffer->length);
      *size += buffer->length;
      if (func != NULL && !func (buffer->data, buffer->length, user_data, error))
        return FALSE;
    }
}

char *
cpd_layer_read (int fd, CpdLayerPieceFunc func, gpointer user_data, guint64 *size, GCancellable *cancellable,
                GError **error)
{
  CpdLayerPipe *pipe = cpd_layer_pipe_new (cancellable);
  CpdLayerDecoder *decoder = cpd_layer_decoder_new (pipe, fd, NULL);
  g_autoptr(CpdDigest) digest = cpd_digest_new ();
  gboolean done;

  *size = 0;
  done = read_all (decoder, func, user_data, digest, size, error);
  cpd_layer_decoder_free (decoder);
  cpd_layer_pipe_free (pipe);
  return done ? cpd_digest_finish (digest) : NULL;
}
