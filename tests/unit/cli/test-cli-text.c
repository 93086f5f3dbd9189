/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli-table.h"
#include "cli/cli-text.h"

#define NOW (G_GINT64_CONSTANT (1700000000) * G_USEC_PER_SEC)

static void
test_size (void)
{
  static const struct { guint64 bytes; const char *text; } cases[] = {
    { 0, "0 B" }, { 999, "999 B" }, { 1000, "1 kB" }, { 1234567, "1.23 MB" }, { 999499, "999 kB" },
    { 999500, "1 MB" }, { 5000000000, "5 GB" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = cli_text_size (cases[i].bytes);

      g_assert_cmpstr (text, ==, cases[i].text);
    }
}

static void
test_duration (void)
{
  static const struct { gint64 seconds; const char *text; } cases[] = {
    { -5, "Less than a second" }, { 0, "Less than a second" }, { 1, "1 second" }, { 59, "59 seconds" },
    { 60, "About a minute" }, { 119, "About a minute" }, { 120, "2 minutes" }, { 3600, "About an hour" },
    { 7200, "2 hours" }, { 47 * 3600, "47 hours" }, { 48 * 3600, "2 days" }, { 14 * 86400, "2 weeks" },
    { 60 * 86400, "2 months" }, { 800 * 86400, "2 years" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = cli_text_duration (cases[i].seconds);

      g_assert_cmpstr (text, ==, cases[i].text);
    }
}

static void
test_time (void)
{
  static const struct { const char *text; gint64 us; } cases[] = {
    { "1700000000", NOW }, { "10", 10 * G_TIME_SPAN_SECOND }, { "1700000000.5", NOW + 500000 }, { "10m", NOW - 600 * G_TIME_SPAN_SECOND },
    { "1h30m", NOW - 5400 * G_TIME_SPAN_SECOND }, { "100ms", NOW - 100000 }, { "2d", NOW - 2 * G_TIME_SPAN_DAY },
    { "2023-11-14T22:13:20Z", NOW }, { "2023-11-14T23:13:20.25+01:00", NOW + 250000 },
    { "2023-11-14", NOW - 80000 * G_TIME_SPAN_SECOND },
  };
  static const char *const bad[] = { "", "x", "10q", "-5m", "m", "2023-13-14", "1e99" };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(GError) error = NULL;
      gint64 us = 0;

      g_test_message ("%s", cases[i].text);
      g_assert_true (cli_time_parse (cases[i].text, NOW, &us, &error));
      g_assert_no_error (error);
      g_assert_cmpint (us, ==, cases[i].us);
    }

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr(GError) error = NULL;
      gint64 us = 0;

      g_test_message ("%s", bad[i]);
      g_assert_false (cli_time_parse (bad[i], NOW, &us, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
    }
}

static void
test_format_time (void)
{
  g_autofree char *local = cli_text_local (NOW + 42);
  g_autofree char *rfc3339 = cli_text_rfc3339 (NOW + 42);

  g_assert_cmpstr (local, ==, "2023-11-14 22:13:20.000042 +0000 UTC");
  g_assert_cmpstr (rfc3339, ==, "2023-11-14T22:13:20.000042+00:00");
}

static void
test_shorten (void)
{
  g_autofree char *same = cli_text_shorten ("äöüäöü", 6);
  g_autofree char *cut = cli_text_shorten ("äöüäöüä", 6);

  g_assert_cmpstr (same, ==, "äöüäöü");
  g_assert_cmpstr (cut, ==, "äöü...");
}

static void
test_table (void)
{
  g_autofree char *text = cli_table_align ("A\tB\nlonger than twelve\tx\n\tä\n");

  g_assert_cmpstr (text, ==, "A                   B\nlonger than twelve  x\n                    ä\n");
}

int
main (int    argc,
      char **argv)
{
  g_setenv ("TZ", "UTC", TRUE);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cli/text/size", test_size);
  g_test_add_func ("/cli/text/duration", test_duration);
  g_test_add_func ("/cli/text/time", test_time);
  g_test_add_func ("/cli/text/format-time", test_format_time);
  g_test_add_func ("/cli/text/shorten", test_shorten);
  g_test_add_func ("/cli/table", test_table);
  return g_test_run ();
}
