/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/cpd-bus-errors.h"
#include "public/cpod-error.h"

/* Each code passes the door unchanged, under a name of its own. */
static void
test_all_codes (void)
{
  g_autoptr(GHashTable) names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (int code = 0; code < CPOD_N_ERRORS; code++)
    {
      g_autoptr(GError) cause = g_error_new (CPOD_ERROR, code, "text %d", code);
      g_autoptr(GError) error = cpd_bus_error_normalise (cause);
      char *name = cpd_bus_error_get_name (error);

      g_assert_error (error, CPOD_ERROR, code);
      g_assert_cmpstr (error->message, ==, cause->message);
      g_assert_true (g_str_has_prefix (name, "org.cpod.Cpod1.Error."));
      g_assert_true (g_hash_table_add (names, name));
    }
  g_assert_cmpuint (g_hash_table_size (names), ==, CPOD_N_ERRORS);
  g_assert_true (g_hash_table_contains (names, "org.cpod.Cpod1.Error.NoSuchContainer"));
}

static void
test_foreign (void)
{
  g_autoptr(GError) cause = g_error_new_literal (G_FILE_ERROR, G_FILE_ERROR_ACCES, "no way in");
  g_autoptr(GError) error = NULL;

  g_test_expect_message (G_LOG_DOMAIN, G_LOG_LEVEL_MESSAGE, "*g-file-error-quark*no way in*");
  error = cpd_bus_error_normalise (cause);
  g_test_assert_expected_messages ();
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_FAILED);
  g_assert_cmpstr (error->message, ==, "no way in");
}

static void
test_future_code (void)
{
  g_autoptr(GError) cause = g_error_new_literal (CPOD_ERROR, CPOD_N_ERRORS, "unheard of");
  g_autoptr(GError) error = NULL;

  g_test_expect_message (G_LOG_DOMAIN, G_LOG_LEVEL_MESSAGE, "*unheard of*");
  error = cpd_bus_error_normalise (cause);
  g_test_assert_expected_messages ();
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_FAILED);
}

static void
test_cancelled (void)
{
  g_autoptr(GError) cause = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "stopped");
  g_autoptr(GError) error = cpd_bus_error_normalise (cause);

  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_CANCELLED);
}

/* The bus would take no other text. */
static void
test_no_text (void)
{
  g_autoptr(GError) cause = g_error_new_literal (CPOD_ERROR, CPOD_ERROR_INVALID_IMAGE, "half a letter: \xc3");
  g_autoptr(GError) error = cpd_bus_error_normalise (cause);

  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_IMAGE);
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
  g_assert_true (g_str_has_prefix (error->message, "half a letter: "));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/errors/all-codes", test_all_codes);
  g_test_add_func ("/errors/foreign", test_foreign);
  g_test_add_func ("/errors/future-code", test_future_code);
  g_test_add_func ("/errors/cancelled", test_cancelled);
  g_test_add_func ("/errors/no-text", test_no_text);
  return g_test_run ();
}
