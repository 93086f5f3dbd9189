/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cpod-types.h"

G_BEGIN_DECLS

#define CPOD_TYPE_LOG_LINE (cpod_log_line_get_type ())
#define CPOD_TYPE_LOG_READER (cpod_log_reader_get_type ())

typedef struct _CpodLogLine CpodLogLine;

GType        cpod_log_line_get_type      (void);
CpodLogLine *cpod_log_line_parse         (const char         *line,
                                          gssize              length,
                                          GError            **error);
CpodLogLine *cpod_log_line_copy          (const CpodLogLine  *self);
void         cpod_log_line_free          (CpodLogLine        *self);
const char  *cpod_log_line_get_timestamp (const CpodLogLine  *self);
CpodStreamId cpod_log_line_get_stream    (const CpodLogLine  *self);
gboolean     cpod_log_line_is_partial    (const CpodLogLine  *self);
GBytes      *cpod_log_line_get_text      (const CpodLogLine  *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpodLogLine, cpod_log_line_free)

G_DECLARE_FINAL_TYPE (CpodLogReader, cpod_log_reader, CPOD, LOG_READER, GObject)

CpodLogReader *cpod_log_reader_new         (int                   fd);
CpodLogLine   *cpod_log_reader_read_sync   (CpodLogReader        *self,
                                            GCancellable         *cancellable,
                                            GError              **error);
void           cpod_log_reader_read        (CpodLogReader        *self,
                                            GCancellable         *cancellable,
                                            GAsyncReadyCallback   callback,
                                            gpointer              user_data);
CpodLogLine   *cpod_log_reader_read_finish (CpodLogReader        *self,
                                            GAsyncResult         *result,
                                            GError              **error);

G_END_DECLS
