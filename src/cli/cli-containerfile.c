/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli-containerfile.h"

#include <string.h>

/* The words of a line, without empty ones. */
static GPtrArray *
split_line (const char *line)
{
  g_auto(GStrv) parts = g_strsplit_set (line, " \t\r", -1);
  GPtrArray *words = g_ptr_array_new_with_free_func (g_free);

  for (char **part = parts; *part != NULL; part++)
    if (**part != '\0')
      g_ptr_array_add (words, g_strdup (*part));

  return words;
}

static gboolean
contains (GPtrArray  *words,
          const char *word)
{
  return g_ptr_array_find_with_equal_func (words, word, g_str_equal, NULL);
}

/* FROM [--platform=PLATFORM] IMAGE [AS STAGE] */
static void
add_base (GPtrArray *words,
          GPtrArray *stages,
          GPtrArray *bases)
{
  guint at = 1;
  const char *image;

  while (at < words->len && g_str_has_prefix (words->pdata[at], "--"))
    at++;
  if (at >= words->len)
    return;

  image = words->pdata[at];
  if (!g_str_equal (image, "scratch") && strchr (image, '$') == NULL && !contains (stages, image)
      && !contains (bases, image))
    g_ptr_array_add (bases, g_strdup (image));

  if (at + 2 < words->len && g_ascii_strcasecmp (words->pdata[at + 1], "as") == 0)
    g_ptr_array_add (stages, g_strdup (words->pdata[at + 2]));
}

GStrv
cli_containerfile_list_bases (const char *text)
{
  g_auto(GStrv) lines = g_strsplit (text, "\n", -1);
  g_autoptr(GPtrArray) stages = g_ptr_array_new_with_free_func (g_free);
  g_autoptr(GPtrArray) bases = g_ptr_array_new_with_free_func (g_free);

  for (char **line = lines; *line != NULL; line++)
    {
      g_autoptr(GPtrArray) words = split_line (*line);

      if (words->len > 1 && g_ascii_strcasecmp (words->pdata[0], "from") == 0)
        add_base (words, stages, bases);
    }

  g_ptr_array_add (bases, NULL);
  return (GStrv) g_ptr_array_free (g_steal_pointer (&bases), FALSE);
}
