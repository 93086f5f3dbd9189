/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* How a list is written: as a table of its own, as JSON, or by a template. */
typedef struct
{
  const char *format;           /* (nullable): what --format says */
  const char *table;            /* the template of the table when nothing is said */
  gboolean no_heading;
  const char *(*heading) (const char *field);
} CliOutput;

/* ROWS are dictionaries for templates, JSON the same as podman's JSON has them. */
int      cli_output_rows    (const CliOutput *output,
                             GPtrArray       *rows,
                             GVariant        *json);
int      cli_output_value   (const char      *format,
                             GVariant        *value);
gboolean cli_output_is_json (const char      *format);

G_END_DECLS
