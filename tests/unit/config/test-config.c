/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-config.h"

#include <string.h>

#include "common/cpd-fs.h"
#include "public/cpod-error.h"

void
test_places_set_up (TestPlaces *places, gconstpointer data)
{
  places->base = g_dir_make_tmp ("cpod-config-XXXXXX", NULL);
  g_assert_nonnull (places->base);
}

void
test_places_tear_down (TestPlaces *places, gconstpointer data)
{
  g_assert_true (cpd_fs_remove_tree (places->base, NULL));
  g_free (places->base);
  g_free (places->named);
}

char *
test_places_path (TestPlaces *places, const char *path)
{
  return g_build_filename (places->base, path, NULL);
}

void
test_places_write (TestPlaces *places, const char *path, const char *text)
{
  g_autofree char *full = test_places_path (places, path);
  g_autofree char *directory = g_path_get_dirname (full);

  g_assert_cmpint (g_mkdir_with_parents (directory, 0755), ==, 0);
  g_assert_true (g_file_set_contents (full, text, -1, NULL));
}

static CpdConfig *
load (TestPlaces *places, GError **error)
{
  g_autofree char *home = test_places_path (places, "user");
  CpdConfigPlaces where = {
    .system = places->base, .user = places->has_user ? home : NULL, .named = places->named,
  };

  return cpd_config_new_from (&where, NULL, error);
}

CpdConfig *
test_places_load (TestPlaces *places)
{
  g_autoptr(GError) error = NULL;
  CpdConfig *config = load (places, &error);

  g_assert_no_error (error);
  g_assert_nonnull (config);
  return config;
}

char *
test_places_fail (TestPlaces *places)
{
  g_autoptr(GError) error = NULL;
  CpdConfig *config = load (places, &error);

  g_assert_null (config);
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_BAD_CONFIG);
  return g_strdup (error->message);
}

static CpdKey
find (const char *key)
{
  int number = cpd_config_find_key (key);

  g_assert_cmpint (number, !=, -1);
  return (CpdKey) number;
}

char *
test_value (CpdConfig *config, const char *key)
{
  return g_variant_print (cpd_config_get (config, find (key)), FALSE);
}

const char *
test_origin (TestPlaces *places, CpdConfig *config, const char *key)
{
  const char *origin = cpd_config_get_origin (config, find (key));

  return g_str_has_prefix (origin, places->base) ? origin + strlen (places->base) : origin;
}

void
test_assert_warnings (CpdConfig *config, guint n)
{
  g_assert_cmpuint (cpd_config_values_warnings (config->values)->len, ==, n);
}
