/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-names.h"

#include <signal.h>
#include <string.h>

#include "public/cpod-error.h"

static const struct
{
  const char *text;
  int number;
} good[] = {
  { "1", SIGHUP }, { "9", SIGKILL }, { "15", SIGTERM }, { "31", SIGSYS }, { "34", 34 }, { "64", 64 },
  { "TERM", SIGTERM }, { "SIGTERM", SIGTERM }, { "sigterm", SIGTERM }, { "term", SIGTERM },
  { "SigKill", SIGKILL }, { "USR1", SIGUSR1 }, { "SIGUSR2", SIGUSR2 }, { "WINCH", SIGWINCH },
  { "STKFLT", SIGSTKFLT }, { "HUP", SIGHUP }, { "SIGSYS", SIGSYS },
  /* The kernel's numbers, not those that the C library leaves over. */
  { "RTMIN", 34 }, { "SIGRTMIN", 34 }, { "rtmin", 34 }, { "RTMIN+0", 34 }, { "SIGRTMIN+3", 37 },
  { "RTMIN+30", 64 }, { "RTMAX", 64 }, { "SIGRTMAX", 64 }, { "RTMAX-0", 64 }, { "SIGRTMAX-14", 50 },
  { "RTMAX-30", 34 },
};

static const char *const bad[] = {
  "", "0", "65", "-9", "+9", "9x", " 9", "99999999999999999999", "SIG", "SIG9", "TERMINATE", "SIGSIGTERM",
  "TER", "RTMIN+31", "RTMAX-31", "RTMIN-1", "RTMAX+1", "RTMIN+", "RTMAX-", "RTMIN+x", "RTMIN+-1", "RTMINX",
  "RTMIN 1", "SIGRTMIN+99999999999999999999",
};

static void
test_parse (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr(GError) error = NULL;
      int number = cpd_signal_parse (good[i].text, &error);

      g_assert_no_error (error);
      g_assert_cmpint (number, ==, good[i].number);
    }
}

static void
test_parse_bad (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autofree char *quoted = g_strdup_printf ("'%s'", bad[i]);

      g_test_message ("parsing %s", quoted);
      g_assert_cmpint (cpd_signal_parse (bad[i], &error), ==, 0);
      g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
      g_assert_nonnull (strstr (error->message, quoted));
    }
}

/* Each of the classic signals has a name that leads back to it, with "SIG" and without. */
static void
test_both_ways (void)
{
  for (int number = 1; number <= 31; number++)
    {
      const char *name = cpd_signal_name (number);
      g_autofree char *full = g_strconcat ("SIG", name, NULL);

      g_assert_nonnull (name);
      g_assert_cmpint (cpd_signal_parse (name, NULL), ==, number);
      g_assert_cmpint (cpd_signal_parse (full, NULL), ==, number);
    }
  g_assert_null (cpd_signal_name (0));
  g_assert_null (cpd_signal_name (-1));
  for (int number = 32; number <= 65; number++)
    g_assert_null (cpd_signal_name (number));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/signals/parse", test_parse);
  g_test_add_func ("/signals/parse-bad", test_parse_bad);
  g_test_add_func ("/signals/both-ways", test_both_ways);
  return g_test_run ();
}
