/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Up to three files of configuration, one over the other: podman's, cpod's own, and the one that is named. */
#include "config/cpd-config.h"
#include "fuzz.h"
#include "public/cpod-error.h"

static char *base;

int
LLVMFuzzerInitialize (int *argc, char ***argv)
{
  fuzz_init ();
  base = fuzz_directory ();
  return 0;
}

/* Every key has a value of its type, and says where it is from. */
static void
look_at_all (const CpdConfig *config)
{
  for (guint key = 0; key < CPD_N_KEYS; key++)
    {
      GVariant *value = cpd_config_get (config, key);
      g_autofree char *text = g_variant_print (value, FALSE);

      g_assert_true (g_variant_is_of_type (value, cpd_config_key_type (key)));
      g_assert_cmpint (g_utf8_strlen (text, -1), >, 0);
      g_assert_cmpstr (cpd_config_get_origin (config, key), !=, "");
    }
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_auto(GStrv) parts = fuzz_split (data, size, 3);
  g_autofree char *named = g_build_filename (base, "named.conf", NULL);
  CpdConfigPlaces places = { .system = base, .named = named };
  g_autoptr(GError) error = NULL;
  g_autoptr(CpdConfig) config = NULL;

  fuzz_write (base, "etc/containers/containers.conf", parts[0]);
  fuzz_write (base, "etc/cpod/cpod.conf", parts[1]);
  fuzz_write (base, "named.conf", parts[2]);
  config = cpd_config_new_from (&places, NULL, &error);
  if (config == NULL)
    {
      g_assert_true (g_error_matches (error, CPOD_ERROR, CPOD_ERROR_BAD_CONFIG));
      g_assert_nonnull (g_strstr_len (error->message, -1, ".conf"));
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
      return 0;
    }
  look_at_all (config);
  return 0;
}
