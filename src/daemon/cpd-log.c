/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/cpd-log.h"

#include <unistd.h>

/*
 * To the journal with all fields when standard error leads there, else as
 * text. GLib by itself would drop the informational lines.
 */
static GLogWriterOutput
write_log (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
  gboolean verbose = GPOINTER_TO_INT (user_data);

  if ((level & G_LOG_LEVEL_DEBUG) != 0 && !verbose)
    return G_LOG_WRITER_HANDLED;
  if (g_log_writer_is_journald (STDERR_FILENO)
      && g_log_writer_journald (level, fields, n_fields, NULL) == G_LOG_WRITER_HANDLED)
    return G_LOG_WRITER_HANDLED;
  return g_log_writer_standard_streams (level, fields, n_fields, NULL);
}

void
cpd_log_init (gboolean verbose)
{
  g_log_writer_default_set_use_stderr (TRUE);
  g_log_set_writer_func (write_log, GINT_TO_POINTER (verbose), NULL);
}
