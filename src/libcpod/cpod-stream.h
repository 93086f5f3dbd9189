/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cpod-types.h"

G_BEGIN_DECLS

#define CPOD_TYPE_STREAM (cpod_stream_get_type ())
G_DECLARE_FINAL_TYPE (CpodStream, cpod_stream, CPOD, STREAM, GObject)

CpodStream *cpod_stream_new          (int                   fd,
                                      GError              **error);
int         cpod_stream_get_fd       (CpodStream           *self);
GBytes     *cpod_stream_read_sync    (CpodStream           *self,
                                      CpodStreamId         *stream,
                                      GCancellable         *cancellable,
                                      GError              **error);
void        cpod_stream_read         (CpodStream           *self,
                                      GCancellable         *cancellable,
                                      GAsyncReadyCallback   callback,
                                      gpointer              user_data);
GBytes     *cpod_stream_read_finish  (CpodStream           *self,
                                      GAsyncResult         *result,
                                      CpodStreamId         *stream,
                                      GError              **error);
gboolean    cpod_stream_write_sync   (CpodStream           *self,
                                      GBytes               *data,
                                      GCancellable         *cancellable,
                                      GError              **error);
void        cpod_stream_write        (CpodStream           *self,
                                      GBytes               *data,
                                      GCancellable         *cancellable,
                                      GAsyncReadyCallback   callback,
                                      gpointer              user_data);
gboolean    cpod_stream_write_finish (CpodStream           *self,
                                      GAsyncResult         *result,
                                      GError              **error);
gboolean    cpod_stream_splice_sync  (CpodStream           *self,
                                      GOutputStream        *standard_output,
                                      GOutputStream        *standard_error,
                                      GCancellable         *cancellable,
                                      GError              **error);
void        cpod_stream_splice       (CpodStream           *self,
                                      GOutputStream        *standard_output,
                                      GOutputStream        *standard_error,
                                      GCancellable         *cancellable,
                                      GAsyncReadyCallback   callback,
                                      gpointer              user_data);
void        cpod_stream_read_all     (CpodStream           *self,
                                      CpodOutputCallback    output,
                                      gpointer              output_data,
                                      GDestroyNotify        output_destroy,
                                      GCancellable         *cancellable,
                                      GAsyncReadyCallback   callback,
                                      gpointer              user_data);
gboolean    cpod_stream_splice_finish (CpodStream          *self,
                                      GAsyncResult         *result,
                                      GError              **error);
gboolean    cpod_stream_read_all_finish (CpodStream        *self,
                                      GAsyncResult         *result,
                                      GError              **error);
gboolean    cpod_stream_close_input  (CpodStream           *self,
                                      GError              **error);
gboolean    cpod_stream_close        (CpodStream           *self,
                                      GError              **error);

G_END_DECLS
