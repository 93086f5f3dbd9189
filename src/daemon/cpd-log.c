/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/cpd-log.h"

#include <unistd.h>

/*
 * To the journal with all fields when standard error leads there, else as
 * text. GLib by itself would drop the informational lines.
 * USER_DATA is what is not to be written.
 */
static GLogWriterOutput
write_log (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
  if ((level & GPOINTER_TO_UINT (user_data)) != 0)
    return G_LOG_WRITER_HANDLED;
  if (g_log_writer_is_journald (STDERR_FILENO)
      && g_log_writer_journald (level, fields, n_fields, NULL) == G_LOG_WRITER_HANDLED)
    return G_LOG_WRITER_HANDLED;
  return g_log_writer_standard_streams (level, fields, n_fields, NULL);
}

/* A private service shares standard error with its only client, who knows what it has called. */
void
cpd_log_init (gboolean verbose, gboolean private)
{
  guint dropped = G_LOG_LEVEL_DEBUG | (private ? G_LOG_LEVEL_INFO : 0);

  g_log_writer_default_set_use_stderr (TRUE);
  g_log_set_writer_func (write_log, GUINT_TO_POINTER (verbose ? 0 : dropped), NULL);
}
