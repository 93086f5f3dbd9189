/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "cli/cli.h"

#include <glib/gi18n.h>
#include <string.h>

/* "KEY*" stands for all of our own variables that begin so. */
static void
add_matching (GStrvBuilder *all,
              const char   *pattern)
{
  g_auto(GStrv) environment = g_get_environ ();
  gsize length = strlen (pattern) - 1;

  for (char **entry = environment; *entry != NULL; entry++)
    if (strncmp (*entry, pattern, length) == 0 && g_utf8_validate (*entry, -1, NULL))
      g_strv_builder_add (all, *entry);
}

/* A variable without a value has that of our own environment, if there is one. */
static void
add_variable (GStrvBuilder *all,
              const char   *variable)
{
  const char *value = strchr (variable, '=') == NULL ? g_getenv (variable) : NULL;
  g_autofree char *whole = value != NULL ? g_strdup_printf ("%s=%s", variable, value) : g_strdup (variable);

  if (strchr (variable, '=') == NULL && g_str_has_suffix (variable, "*"))
    add_matching (all, variable);
  else if (strchr (whole, '=') != NULL && g_utf8_validate (whole, -1, NULL))
    g_strv_builder_add (all, whole);
}

/* As podman reads them: values as they are, with quotes and blanks. */
static gboolean
add_file (GStrvBuilder  *all,
          const char    *path,
          GError       **error)
{
  g_autofree char *text = NULL;
  g_auto(GStrv) lines = NULL;

  if (!g_file_get_contents (path, &text, NULL, error))
    return FALSE;

  lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    {
      const char *variable = *line + strspn (*line, " \t");

      if (g_str_has_suffix (variable, "\r"))
        (*line)[strlen (*line) - 1] = '\0';

      if (*variable == '=')
        {
          g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, _("file %s, line %u: a variable has no name"),
                       path, (guint) (line - lines) + 1);
          return FALSE;
        }

      if (*variable != '\0' && *variable != '#')
        add_variable (all, variable);
    }

  return TRUE;
}

gboolean
cli_add_env (GVariantBuilder  *builder,
             char            **files,
             char            **env,
             GError          **error)
{
  g_autoptr(GStrvBuilder) all = g_strv_builder_new ();
  g_auto(GStrv) list = NULL;

  for (char **path = files; path != NULL && *path != NULL; path++)
    if (!add_file (all, *path, error))
      return FALSE;

  for (char **variable = env; variable != NULL && *variable != NULL; variable++)
    add_variable (all, *variable);

  list = g_strv_builder_end (all);
  if (*list != NULL)
    g_variant_builder_add (builder, "{sv}", "env", g_variant_new_strv ((const char *const *) list, -1));
  return TRUE;
}
