/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "cli/cli-terminal.h"

static void
test_keys (void)
{
  static const struct { const char *keys; const char *bytes; gsize length; } cases[] = {
    { "", "", 0 }, { "a", "a", 1 }, { "ctrl-p,ctrl-q", "\x10\x11", 2 }, { "ctrl-P", "\x10", 1 }, { "ctrl-@", "\0", 1 },
    { "ctrl-[,~", "\x1b~", 2 }, { "ctrl-_", "\x1f", 1 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(GBytes) bytes = cli_terminal_parse_keys (cases[i].keys, &error);
      gsize length;
      const char *data;

      g_assert_no_error (error);
      data = g_bytes_get_data (bytes, &length);
      g_assert_cmpmem (data, length, cases[i].bytes, cases[i].length);
    }
}

static void
test_bad_keys (void)
{
  g_autofree char *long_one = g_strnfill (CLI_DETACH_KEYS_MAX * 2 + 1, 'a');
  const char *const texts[] = { "ab", "ctrl-", "ctrl-1", "ctrl-pq", "a,", ",", "ctrl-p ctrl-q", "\xc3\xa4", long_one };

  for (char *c = long_one + 1; *c != '\0'; c += 2)
    *c = ',';
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_null (cli_terminal_parse_keys (texts[i], &error));
      g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
    }
}

/* Types the pieces; they are parted by '|'. */
static void
assert_filtered (const char *keys, const char *typed, const char *expected, gboolean detached)
{
  g_autoptr(CliTerminal) terminal = cli_terminal_new (NULL, keys, NULL);
  g_auto(GStrv) pieces = g_strsplit (typed, "|", -1);
  g_autoptr(GString) out = g_string_new (NULL);
  gboolean ended = FALSE;

  for (char **piece = pieces; *piece != NULL && !ended; piece++)
    ended = cli_terminal_filter (terminal, *piece, strlen (*piece), out);
  g_assert_cmpstr (out->str, ==, expected);
  g_assert_cmpint (ended, ==, detached);
}

static void
test_filter (void)
{
  assert_filtered ("ctrl-p,ctrl-q", "abc", "abc", FALSE);
  assert_filtered ("ctrl-p,ctrl-q", "ab\x10\x11xy", "ab", TRUE);
  assert_filtered ("ctrl-p,ctrl-q", "ab\x10|\x11xy", "ab", TRUE);
  assert_filtered ("ctrl-p,ctrl-q", "a\x10z", "a\x10z", FALSE);
  assert_filtered ("ctrl-p,ctrl-q", "a\x10|z", "a\x10z", FALSE);
  assert_filtered ("ctrl-p,ctrl-q", "\x10\x10\x11", "\x10", TRUE);
  assert_filtered ("ctrl-p,ctrl-q", "\x11\x10", "\x11", FALSE);
  assert_filtered ("x", "ax", "a", TRUE);
  assert_filtered ("", "a\x10\x11z", "a\x10\x11z", FALSE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/terminal/keys", test_keys);
  g_test_add_func ("/terminal/bad-keys", test_bad_keys);
  g_test_add_func ("/terminal/filter", test_filter);
  return g_test_run ();
}
