/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/containers/cpd-terminal-size.h"

#include "common/cpd-fs.h"

#define TERMINAL_SIZE "terminal-size"
#define SIZE_MAX_EACH 65535     /* the kernel's */

void
cpd_terminal_size_keep (const char *directory, const CpdTerminalSize *size)
{
  g_autofree char *path = g_build_filename (directory, TERMINAL_SIZE, NULL);
  g_autofree char *text = g_strdup_printf ("%u %u\n", size->rows, size->columns);
  g_autoptr(GError) error = NULL;

  if (!cpd_fs_write_file (path, text, -1, 0600, FALSE, &error))
    g_info ("the size of a terminal is not kept: %s", error->message);
}

static gboolean
parse (const char *text, guint *number)
{
  guint64 parsed;

  if (text == NULL || !g_ascii_string_to_unsigned (text, 10, 1, SIZE_MAX_EACH, &parsed, NULL))
    return FALSE;
  *number = (guint) parsed;
  return TRUE;
}

CpdTerminalSize
cpd_terminal_size_find (const char *directory)
{
  const CpdTerminalSize none = { 0, 0 };
  g_autofree char *path = g_build_filename (directory, TERMINAL_SIZE, NULL);
  g_autofree char *text = NULL;
  g_auto(GStrv) words = NULL;
  CpdTerminalSize size;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return none;
  words = g_strsplit (g_strchomp (text), " ", 2);
  return parse (words[0], &size.rows) && parse (words[1], &size.columns) ? size : none;
}
