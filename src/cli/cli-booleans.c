/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "cli/cli-booleans.h"

#include <glib/gi18n.h>
#include <string.h>

static const GOptionEntry *
find_long (const GOptionEntry *entries,
           const char         *name,
           gsize               length)
{
  for (; entries != NULL && entries->long_name != NULL; entries++)
    if (strlen (entries->long_name) == length && strncmp (entries->long_name, name, length) == 0)
      return entries;

  return NULL;
}

static const GOptionEntry *
find_short (const GOptionEntry *entries,
            char                name)
{
  for (; entries != NULL && entries->long_name != NULL; entries++)
    if (entries->short_name == name)
      return entries;

  return NULL;
}

static gboolean
takes_value (const GOptionEntry *entry)
{
  if (entry == NULL || entry->arg == G_OPTION_ARG_NONE)
    return FALSE;

  return entry->arg != G_OPTION_ARG_CALLBACK
         || (entry->flags & (G_OPTION_FLAG_NO_ARG | G_OPTION_FLAG_OPTIONAL_ARG)) == 0;
}

/* Whether the word after this option is its value. */
static gboolean
takes_next (const GOptionEntry *entries,
            const char         *word)
{
  if (g_str_has_prefix (word, "--"))
    return takes_value (find_long (entries, word + 2, strlen (word + 2)));

  for (const char *letter = word + 1; *letter != '\0'; letter++)
    if (takes_value (find_short (entries, *letter)))
      return letter[1] == '\0';

  return FALSE;
}

/* What the command line of podman takes for true and false, which is Go's. */
static gboolean
parse_boolean (const char *text,
               gboolean   *value)
{
  static const char *const yes[] = { "true", "True", "TRUE", "t", "T", "1", NULL };
  static const char *const no[] = { "false", "False", "FALSE", "f", "F", "0", NULL };

  *value = g_strv_contains (yes, text);
  return *value || g_strv_contains (no, text);
}

/* The option that says the contrary of NAME, if there is one. */
static const GOptionEntry *
find_contrary (const GOptionEntry *entries,
               const char         *name)
{
  g_autofree char *contrary = NULL;

  if (g_str_has_prefix (name, "no-"))
    return find_long (entries, name + 3, strlen (name + 3));

  contrary = g_strconcat ("no-", name, NULL);
  return find_long (entries, contrary, strlen (contrary));
}

/* WORD without its "=VALUE", or the contrary, or NULL when nothing is left to say. */
static gboolean
settle (const GOptionEntry *entries,
        char              **word,
        GError            **error)
{
  char *equals = *word[0] == '-' && (*word)[1] == '-' ? strchr (*word, '=') : NULL;
  const GOptionEntry *entry = equals != NULL ? find_long (entries, *word + 2, (gsize) (equals - *word - 2)) : NULL;
  gboolean value;

  if (entry == NULL || takes_value (entry))
    return TRUE;

  if (!parse_boolean (equals + 1, &value))
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, _("\"%s\" for --%s is neither true nor false"),
                   equals + 1, entry->long_name);
      return FALSE;
    }

  *equals = '\0';
  if (!value)
    {
      g_autofree char *contrary = NULL;

      entry = find_contrary (entries, entry->long_name);
      contrary = entry != NULL ? g_strconcat ("--", entry->long_name, NULL) : NULL;
      *word = (char *) g_intern_string (contrary);      /* words of the command line are nobody's to free */
    }
  return TRUE;
}

gboolean
cli_settle_booleans (const GOptionEntry *entries,
                     gboolean            options_first,
                     int                *argc,
                     char              **argv,
                     GError            **error)
{
  gboolean options = TRUE;
  int kept = MIN (*argc, 1);

  for (int i = 1; i < *argc; i++)
    {
      gboolean is_option = options && argv[i][0] == '-' && argv[i][1] != '\0';
      gboolean with_next = is_option && i + 1 < *argc && takes_next (entries, argv[i]);

      if (options && (g_str_equal (argv[i], "--") || (!is_option && options_first)))
        options = is_option = FALSE;
      if (is_option && !settle (entries, &argv[i], error))
        return FALSE;
      if (argv[i] != NULL)
        argv[kept++] = argv[i];
      if (with_next && options)
        argv[kept++] = argv[++i];
    }

  *argc = kept;
  argv[kept] = NULL;
  return TRUE;
}
