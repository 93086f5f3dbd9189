/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "public/cpod-size.h"

#include <string.h>

/**
 * cpod_size_parse:
 * @text: a number, and maybe a unit.
 * @size: (out): the number of bytes.
 *
 * Reads a size as people write it: "4096", "64m", "64MB" or "64MiB", in any
 * case. The units b, k, m, g and t are binary, whatever is written behind
 * them: 1k is 1024 bytes.
 *
 * Returns: whether @text is a size that fits.
 *
 * Since: 0.1
 */
gboolean
cpod_size_parse (const char *text, gint64 *size)
{
  static const char units[] = "bkmgt";
  char *end = NULL;
  guint64 number = g_ascii_strtoull (text, &end, 10);
  const char *unit;
  guint shift = 0;

  if (!g_ascii_isdigit (*text))
    return FALSE;
  if (*end != '\0')
    {
      unit = strchr (units, g_ascii_tolower (*end));
      if (unit == NULL)
        return FALSE;
      shift = (guint) (unit - units) * 10;
      end++;
      if (shift > 0 && g_ascii_strcasecmp (end, "ib") != 0 && g_ascii_strcasecmp (end, "b") != 0 && *end != '\0')
        return FALSE;
      if (shift == 0 && *end != '\0')
        return FALSE;
    }
  if (number > (guint64) (G_MAXINT64 >> shift))
    return FALSE;
  *size = (gint64) (number << shift);
  return TRUE;
}
