/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storage/cpd-mount-options.h"

#include <string.h>
#include <sys/mount.h>

#include "public/cpod-error.h"

static const struct
{
  const char *name;
  unsigned long flag;
} flags[] = {
  { "nodev", MS_NODEV }, { "nosuid", MS_NOSUID }, { "noexec", MS_NOEXEC }, { "noatime", MS_NOATIME },
  { "nodiratime", MS_NODIRATIME }, { "relatime", MS_RELATIME }, { "strictatime", MS_STRICTATIME },
};

/* Those of overlayfs that do not change where a container's files are. */
typedef enum
{
  METACOPY,
  REDIRECT_DIR,
  INDEX,
  XINO,
  N_OPTIONS,
} Option;

static const struct
{
  const char *name;
  const char *values;           /* between bars */
  const char *fallback;
} known[] = {
  [METACOPY] = { "metacopy", "|on|off|", "off" },
  [REDIRECT_DIR] = { "redirect_dir", "|on|off|follow|nofollow|", "off" },
  [INDEX] = { "index", "|on|off|", NULL },
  [XINO] = { "xino", "|on|off|auto|", NULL },
};

static gboolean
refuse (const char *word, const char *why, GError **error)
{
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_BAD_CONFIG, "the mount option '%s' %s", word, why);
  return FALSE;
}

static gboolean
parse_flag (CpdMountOptions *options, const char *word)
{
  for (gsize i = 0; i < G_N_ELEMENTS (flags); i++)
    if (strcmp (flags[i].name, word) == 0)
      {
        options->flags |= flags[i].flag;
        return TRUE;
      }
  return FALSE;
}

static gboolean
parse_option (char **values, const char *word, GError **error)
{
  g_auto(GStrv) parts = g_strsplit (word, "=", 2);
  g_autofree char *sought = g_strdup_printf ("|%s|", parts[1] != NULL ? parts[1] : "");

  for (int i = 0; i < N_OPTIONS; i++)
    if (strcmp (known[i].name, parts[0]) == 0)
      {
        if (parts[1] == NULL || strchr (parts[1], '|') != NULL || strstr (known[i].values, sought) == NULL)
          return refuse (word, "has a value that it cannot have", error);
        g_free (values[i]);
        values[i] = g_strdup (parts[1]);
        return TRUE;
      }
  return refuse (word, "is not one that can be chosen", error);
}

static gboolean
parse_word (CpdMountOptions *options, char **values, const char *word, GError **error)
{
  if (strcmp (word, "volatile") == 0)
    {
      options->volatile_ = TRUE;
      return TRUE;
    }
  return parse_flag (options, word) || parse_option (values, word, error);
}

/* The kernel wants redirects with metacopy, and refuses to mount without. */
static gboolean
settle (CpdMountOptions *options, char **values, GError **error)
{
  GString *data = g_string_new (NULL);

  options->metacopy = g_strcmp0 (values[METACOPY], "on") == 0;
  if (options->metacopy && values[REDIRECT_DIR] == NULL)
    values[REDIRECT_DIR] = g_strdup ("on");
  options->redirect_dir = g_strcmp0 (values[REDIRECT_DIR], "on") == 0;
  for (int i = 0; i < N_OPTIONS; i++)
    {
      const char *value = values[i] != NULL ? values[i] : known[i].fallback;

      if (value != NULL)
        g_string_append_printf (data, ",%s=%s", known[i].name, value);
    }
  options->data = g_string_free (data, FALSE);
  return !options->metacopy || options->redirect_dir
         || refuse ("metacopy=on", "is nothing without redirect_dir=on", error);
}

gboolean
cpd_mount_options_parse (CpdMountOptions *options, const char *text, GError **error)
{
  g_auto(GStrv) words = g_strsplit (text, ",", -1);
  char *values[N_OPTIONS] = { NULL };
  gboolean good = TRUE;

  *options = (CpdMountOptions) { .flags = MS_NODEV };
  for (char **word = words; good && *word != NULL; word++)
    good = **word == '\0' || parse_word (options, values, g_strstrip (*word), error);
  good = good && settle (options, values, error);
  for (int i = 0; i < N_OPTIONS; i++)
    g_free (values[i]);
  return good;
}

void
cpd_mount_options_clear (CpdMountOptions *options)
{
  g_clear_pointer (&options->data, g_free);
}
