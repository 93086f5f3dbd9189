/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define CLI_SHORT_ID 12

char     *cli_text_size      (guint64      bytes);
char     *cli_text_duration  (gint64       seconds);
char     *cli_text_ago       (gint64       time_us,
                              gint64       now_us);
char     *cli_text_local     (gint64       time_us);
char     *cli_text_rfc3339   (gint64       time_us);
gboolean  cli_time_parse     (const char  *text,
                              gint64       now_us,
                              gint64      *time_us,
                              GError     **error);
char     *cli_text_shorten   (const char  *text,
                              gsize        characters);
char     *cli_text_command   (GVariant    *strings);

G_END_DECLS
