/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-names.h"

#include <string.h>

#include "public/cpod-error.h"

static const char *const good_names[] = {
  "a", "0", "Z", "web", "web-1", "a_b.c-d", "a..", "a--", "1234", "deadbeef", "UPPER_lower.9",
};

static const char *const bad_names[] = {
  "", "-a", ".a", "_a", "..", "a b", "a/b", "/a", "a\n", "a:b", "a@b", "a+b", "a\tb", "ä", "a\xc3\xa4",
  "a\xff", "a%s", "a*", "a$b", "a\\b", "a\"b",
};

static void
test_good_names (void)
{
  g_autofree char *longest = g_strnfill (253, 'x');

  for (gsize i = 0; i < G_N_ELEMENTS (good_names); i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_true (cpd_name_check (good_names[i], &error));
      g_assert_no_error (error);
    }
  g_assert_true (cpd_name_check (longest, NULL));
}

static void
test_bad_names (void)
{
  g_autofree char *too_long = g_strnfill (254, 'x');

  for (gsize i = 0; i < G_N_ELEMENTS (bad_names); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autofree char *shown = g_utf8_make_valid (bad_names[i], -1);

      g_assert_false (cpd_name_check (bad_names[i], &error));
      g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
      g_assert_nonnull (strstr (error->message, shown));
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
    }
  g_assert_false (cpd_name_check (too_long, NULL));
}

/* A name that is far too long must not fill the message, nor be cut within a character. */
static void
test_long_bad_name (void)
{
  g_autoptr(GString) name = g_string_new ("x");
  g_autoptr(GError) error = NULL;

  for (int i = 0; i < 10000; i++)
    g_string_append (name, "ä");
  g_assert_false (cpd_name_check (name->str, &error));
  g_assert_cmpuint (strlen (error->message), <, 1000);
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
}

static void
test_generated_names (void)
{
  g_autoptr(GHashTable) names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (int i = 0; i < 2000; i++)
    {
      char *name = cpd_name_generate ();

      g_assert_true (cpd_name_check (name, NULL));
      g_assert_nonnull (strchr (name, '_'));
      /* It must not be taken for the beginning of an id. */
      g_assert_false (cpd_id_is_prefix (name));
      g_hash_table_add (names, name);
    }
  /* 2000 draws out of 3600 give about 1535 different ones. */
  g_assert_cmpuint (g_hash_table_size (names), >, 1300);
}

static void
test_ids (void)
{
  g_autoptr(GHashTable) ids = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (int i = 0; i < 1000; i++)
    {
      char *id = cpd_id_generate ();

      g_assert_cmpuint (strlen (id), ==, CPD_ID_LENGTH);
      g_assert_true (cpd_id_is_valid (id));
      g_assert_true (g_hash_table_add (ids, id));
    }
}

static void
test_id_prefixes (void)
{
  g_autofree char *full = g_strnfill (CPD_ID_LENGTH, 'a');
  g_autofree char *longer = g_strnfill (CPD_ID_LENGTH + 1, 'a');
  g_autofree char *upper = g_strnfill (CPD_ID_LENGTH, 'A');

  g_assert_true (cpd_id_is_prefix ("0"));
  g_assert_true (cpd_id_is_prefix ("deadbeef"));
  g_assert_true (cpd_id_is_prefix (full));
  g_assert_true (cpd_id_is_valid (full));

  g_assert_false (cpd_id_is_prefix (""));
  g_assert_false (cpd_id_is_prefix ("g"));
  g_assert_false (cpd_id_is_prefix ("DEAD"));
  g_assert_false (cpd_id_is_prefix ("dead "));
  g_assert_false (cpd_id_is_prefix ("../a"));
  g_assert_false (cpd_id_is_prefix (longer));
  g_assert_false (cpd_id_is_valid (longer));
  g_assert_false (cpd_id_is_valid (upper));
  g_assert_false (cpd_id_is_valid ("abc"));
  g_assert_false (cpd_id_is_valid (""));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/names/A20/good", test_good_names);
  g_test_add_func ("/names/A20/bad", test_bad_names);
  g_test_add_func ("/names/long-and-bad", test_long_bad_name);
  g_test_add_func ("/names/A20/generated", test_generated_names);
  g_test_add_func ("/names/A20/ids", test_ids);
  g_test_add_func ("/names/id-prefixes", test_id_prefixes);
  return g_test_run ();
}
