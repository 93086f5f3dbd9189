/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli-output.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/cli-json.h"
#include "cli/cli-table.h"
#include "cli/cli-template.h"

gboolean
cli_output_is_json (const char *format)
{
  return g_strcmp0 (format, "json") == 0;
}

static void
print_json (GVariant *value)
{
  g_autofree char *text = cli_json_print (value, TRUE);

  puts (text);
}

/* Each row ends a line. */
static gboolean
render_rows (CliTemplate  *template,
             GPtrArray    *rows,
             GString      *out,
             GError      **error)
{
  for (guint i = 0; i < rows->len; i++)
    {
      if (!cli_template_render (template, rows->pdata[i], out, error))
        return FALSE;

      g_string_append_c (out, '\n');
    }

  return TRUE;
}

int
cli_output_rows (const CliOutput *output,
                 GPtrArray       *rows,
                 GVariant        *json)
{
  const char *format = output->format != NULL ? output->format : output->table;
  const gboolean table = g_str_has_prefix (format, "table ");
  g_autoptr(CliTemplate) template = NULL;
  g_autoptr(GString) out = g_string_new (NULL);
  g_autoptr(GError) error = NULL;
  g_autofree char *aligned = NULL;

  if (cli_output_is_json (format))
    {
      print_json (json);
      return EXIT_SUCCESS;
    }

  template = cli_template_new (table ? format + strlen ("table ") : format, &error);
  if (template == NULL)
    return cli_fail_error (error);

  if (table && !output->no_heading)
    {
      g_autofree char *header = cli_template_header (template, output->heading);

      g_string_append_printf (out, "%s\n", header);
    }

  if (!render_rows (template, rows, out, &error))
    return cli_fail_error (error);

  aligned = table ? cli_table_align (out->str) : NULL;
  fputs (table ? aligned : out->str, stdout);
  return EXIT_SUCCESS;
}

/* One value: by a template, else as JSON. */
int
cli_output_value (const char *format,
                  GVariant   *value)
{
  g_autoptr(CliTemplate) template = NULL;
  g_autoptr(GString) out = g_string_new (NULL);
  g_autoptr(GError) error = NULL;

  if (format == NULL || cli_output_is_json (format))
    {
      print_json (value);
      return EXIT_SUCCESS;
    }

  template = cli_template_new (format, &error);
  if (template == NULL || !cli_template_render (template, value, out, &error))
    return cli_fail_error (error);

  puts (out->str);
  return EXIT_SUCCESS;
}
