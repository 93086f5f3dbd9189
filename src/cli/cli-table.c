/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli-table.h"

/* podman's columns: at least 12 wide, two blanks between them. */
#define WIDTH_MIN 12
#define GAP 2

static void
measure (GArray *widths,
         char  **cells)
{
  for (guint i = 0; cells[i] != NULL; i++)
    {
      const glong width = g_utf8_strlen (cells[i], -1) + GAP;

      if (i == widths->len)
        {
          const glong least = WIDTH_MIN;

          g_array_append_val (widths, least);
        }

      g_array_index (widths, glong, i) = MAX (g_array_index (widths, glong, i), width);
    }
}

static void
append_line (GString  *out,
             GArray   *widths,
             char    **cells)
{
  for (guint i = 0; cells[i] != NULL; i++)
    {
      const glong pad = g_array_index (widths, glong, i) - g_utf8_strlen (cells[i], -1);

      g_string_append (out, cells[i]);
      /* Nothing stands behind the last cell, so it needs no room. */
      if (cells[i + 1] != NULL)
        g_string_append_printf (out, "%*s", (int) pad, "");
    }

  g_string_append_c (out, '\n');
}

char *
cli_table_align (const char *text)
{
  g_autoptr(GArray) widths = g_array_new (FALSE, FALSE, sizeof (glong));
  g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func ((GDestroyNotify) g_strfreev);
  g_auto(GStrv) rows = g_strsplit (text, "\n", -1);
  GString *out = g_string_new (NULL);

  for (char **row = rows; *row != NULL; row++)
    {
      /* The text ends with a newline, behind which there is no row. */
      if (row[0][0] == '\0' && row[1] == NULL)
        break;

      g_ptr_array_add (lines, g_strsplit (*row, "\t", -1));
      measure (widths, lines->pdata[lines->len - 1]);
    }

  for (guint i = 0; i < lines->len; i++)
    append_line (out, widths, lines->pdata[i]);

  return g_string_free (out, FALSE);
}
