/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-journal.h"

static void log_with (GLogLevelFlags level, const char *key, const char *value, const char *format, va_list args)
  G_GNUC_PRINTF (4, 0);

static void
log_with (GLogLevelFlags level, const char *key, const char *value, const char *format, va_list args)
{
  g_autofree char *message = g_strdup_vprintf (format, args);
  const GLogField fields[] = {
    { "MESSAGE", message, -1 },
    { "PRIORITY", level == G_LOG_LEVEL_MESSAGE ? "5" : "6", -1 },
    { "GLIB_DOMAIN", G_LOG_DOMAIN, -1 },
    { key, value, -1 },
  };

  g_log_structured_array (level, fields, G_N_ELEMENTS (fields));
}

void
cpd_log_container (GLogLevelFlags level, const char *id, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  log_with (level, "CPOD_CONTAINER_ID", id, format, args);
  va_end (args);
}

void
cpd_log_message (GLogLevelFlags level, const char *message_id, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  log_with (level, "MESSAGE_ID", message_id, format, args);
  va_end (args);
}
