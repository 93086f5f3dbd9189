/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "cli/cli-terminal.h"

#include <glib/gi18n.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define PREFIX "ctrl-"

struct _CliTerminal
{
  GBytes *keys;                 /* the sequence to detach with */
  gsize matched;                /* how much of it has come, and was kept back */
  gboolean begun;
  struct termios before;
};

/* What a terminal sends for PREFIX and one of these is their number from '@' on. */
static int
parse_key (const char *key)
{
  const char *rest = g_str_has_prefix (key, PREFIX) ? key + strlen (PREFIX) : key;
  const int byte = rest == key ? *rest : g_ascii_toupper (*rest) - '@';

  if (*rest == '\0' || rest[1] != '\0' || (guchar) *rest > 127 || (rest != key && (byte < 0 || byte > 31)))
    return -1;

  return byte;
}

GBytes *
cli_terminal_parse_keys (const char  *keys,
                         GError     **error)
{
  g_auto(GStrv) parts = g_strsplit (keys, ",", -1);
  g_autoptr(GByteArray) bytes = g_byte_array_new ();

  for (char **part = parts; *part != NULL; part++)
    {
      const int key = bytes->len < CLI_DETACH_KEYS_MAX ? parse_key (*part) : -1;
      const guint8 byte = (guint8) key;

      if (key < 0)
        {
          g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                       _("bad keys to detach with '%s': give one like a or ctrl-p, or several with commas"), keys);
          return NULL;
        }

      g_byte_array_append (bytes, &byte, 1);
    }

  return g_byte_array_free_to_bytes (g_steal_pointer (&bytes));
}

/* The engine's configuration has a say in it, for podman's has, too. */
static char *
configured_keys (CliApp  *app,
                 GError **error)
{
  g_autoptr(GVariant) reply = cli_call (app, CPOD_PATH_RUNTIME, CLI_RUNTIME, "GetConfig",
                                        g_variant_new ("(@a{sv})", cli_no_options ()), error);
  g_autoptr(GVariant) config = NULL;
  g_autoptr(GVariant) value = NULL;
  char *keys = NULL;

  if (reply == NULL)
    return NULL;

  config = g_variant_get_child_value (reply, 0);
  if (g_variant_lookup (config, "engine.detach_keys", "(vs)", &value, NULL)
      && g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    keys = g_variant_dup_string (value, NULL);

  return keys != NULL ? keys : g_strdup ("");
}

CliTerminal *
cli_terminal_new (CliApp      *app,
                  const char  *keys,
                  GError     **error)
{
  g_autoptr(CliTerminal) self = g_new0 (CliTerminal, 1);
  g_autofree char *given = keys != NULL ? g_strdup (keys) : configured_keys (app, error);

  if (given != NULL)
    self->keys = cli_terminal_parse_keys (given, error);

  return self->keys != NULL ? g_steal_pointer (&self) : NULL;
}

void
cli_terminal_begin (CliTerminal *self,
                    gboolean     with_input)
{
  struct termios raw;

  if (tcgetattr (STDIN_FILENO, &self->before) < 0)
    return;

  raw = self->before;
  if (with_input)
    cfmakeraw (&raw);
  else
    raw.c_oflag &= ~(tcflag_t) OPOST;
  self->begun = tcsetattr (STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

void
cli_terminal_free (CliTerminal *self)
{
  if (self == NULL)
    return;

  if (self->begun)
    tcsetattr (STDIN_FILENO, TCSADRAIN, &self->before);
  g_clear_pointer (&self->keys, g_bytes_unref);
  g_free (self);
}

gboolean
cli_terminal_get_size (guint32 *rows,
                       guint32 *columns)
{
  struct winsize size;

  if ((ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) < 0 && ioctl (STDIN_FILENO, TIOCGWINSZ, &size) < 0)
      || size.ws_row == 0 || size.ws_col == 0)
    return FALSE;

  *rows = size.ws_row;
  *columns = size.ws_col;
  return TRUE;
}

/* The beginning of the sequence is kept back until it is clear that it is none. */
gboolean
cli_terminal_filter (CliTerminal *self,
                     const char  *input,
                     gsize        length,
                     GString     *out)
{
  gsize n_keys;
  const char *keys = g_bytes_get_data (self->keys, &n_keys);

  for (gsize i = 0; i < length; i++)
    {
      if (n_keys > 0 && input[i] != keys[self->matched])
        {
          g_string_append_len (out, keys, self->matched);
          self->matched = 0;
        }

      if (n_keys == 0 || input[i] != keys[self->matched])
        g_string_append_c (out, input[i]);
      else if (++self->matched == n_keys)
        return TRUE;
    }

  return FALSE;
}
