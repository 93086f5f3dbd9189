/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-clock.h"

static void
assert_format (gint64 when, const char *expected)
{
  g_autofree char *text = cpd_clock_format (when);

  g_assert_cmpstr (text, ==, expected);
}

static void
test_format (void)
{
  assert_format (0, "0001-01-01T00:00:00Z");
  assert_format (1, "1970-01-01T00:00:00.000001Z");
  assert_format (G_USEC_PER_SEC, "1970-01-01T00:00:01.000000Z");
  assert_format (G_GINT64_CONSTANT (1700000000123456), "2023-11-14T22:13:20.123456Z");
  assert_format (G_GINT64_CONSTANT (253402300799999999), "9999-12-31T23:59:59.999999Z");
  /* Beyond what has a name. */
  assert_format (G_MAXINT64, "0001-01-01T00:00:00Z");
}

static void
test_before_the_epoch (void)
{
  assert_format (-1, "1969-12-31T23:59:59.999999Z");
  assert_format (-G_USEC_PER_SEC, "1969-12-31T23:59:59.000000Z");
  assert_format (-G_USEC_PER_SEC - 500000, "1969-12-31T23:59:58.500000Z");
}

static void
test_parse (void)
{
  g_assert_cmpint (cpd_clock_parse ("1970-01-01T00:00:01Z"), ==, G_USEC_PER_SEC);
  g_assert_cmpint (cpd_clock_parse ("2023-11-14T22:13:20.123456Z"), ==, G_GINT64_CONSTANT (1700000000123456));
  g_assert_cmpint (cpd_clock_parse ("2023-11-14T22:13:20.123456789Z") / 10, ==, G_GINT64_CONSTANT (170000000012345));
  g_assert_cmpint (cpd_clock_parse ("2023-11-15T00:13:20+02:00"), ==, G_GINT64_CONSTANT (1700000000000000));
  g_assert_cmpint (cpd_clock_parse ("2023-11-14T12:13:20-10:00"), ==, G_GINT64_CONSTANT (1700000000000000));
}

static void
test_parse_bad (void)
{
  const char *const bad[] = {
    "", "yesterday", "2023", "2023-11-14", "2023-11-14T22:13:20", "2023-13-14T22:13:20Z", "2023-02-30T00:00:00Z",
    "2023-11-14T25:13:20Z", "2023-11-14T22:13:20Zjunk", "1700000000",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_test_message ("parsing '%s'", bad[i]);
      g_assert_cmpint (cpd_clock_parse (bad[i]), ==, -1);
    }
}

static void
test_round_trip (void)
{
  for (int i = 0; i < 20000; i++)
    {
      gint64 when = g_test_rand_int_range (1, G_MAXINT32) * (gint64) G_USEC_PER_SEC + g_test_rand_int_range (0, G_USEC_PER_SEC);
      g_autofree char *text = cpd_clock_format (when);

      g_assert_cmpint (cpd_clock_parse (text), ==, when);
    }
}

static void
test_now (void)
{
  gint64 before = g_get_real_time ();
  gint64 now = cpd_clock_now ();

  g_assert_cmpint (now, >=, before);
  g_assert_cmpint (now - before, <, 10 * G_USEC_PER_SEC);
}

static void
test_boot_id (void)
{
  g_autofree char *first = NULL, *second = NULL, *given = NULL;

  g_unsetenv ("CPOD_BOOT_ID");
  first = cpd_clock_boot_id ();
  second = cpd_clock_boot_id ();
  g_assert_cmpstr (first, ==, second);
  g_assert_true (g_uuid_string_is_valid (first));

  g_setenv ("CPOD_BOOT_ID", "another", TRUE);
  given = cpd_clock_boot_id ();
  g_assert_cmpstr (given, ==, "another");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/clock/format", test_format);
  g_test_add_func ("/clock/before-the-epoch", test_before_the_epoch);
  g_test_add_func ("/clock/parse", test_parse);
  g_test_add_func ("/clock/parse-bad", test_parse_bad);
  g_test_add_func ("/clock/round-trip", test_round_trip);
  g_test_add_func ("/clock/now", test_now);
  g_test_add_func ("/clock/boot-id", test_boot_id);
  return g_test_run ();
}
