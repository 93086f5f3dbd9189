/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Containerfile instructions, a line each, on their way into the configuration of an image. */
#include "engine/images/cpd-image-config.h"
#include "fuzz.h"
#include "oci/cpd-manifest.h"
#include "public/cpod-error.h"

int
LLVMFuzzerInitialize (int *argc, char ***argv)
{
  fuzz_init ();
  return 0;
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_auto(GStrv) lines = g_strsplit (text, "\n", -1);
  const char *const diff_ids[] = { "sha256:" FUZZ_ID, NULL };
  g_autoptr(GError) error = NULL;
  g_autofree char *config = NULL, *image = NULL;

  if (!g_utf8_validate (text, -1, NULL))        /* the bus gives no other text */
    return 0;
  config = cpd_image_config_from_changes ((const char *const *) lines, &error);
  if (config == NULL)
    {
      g_assert_true (g_error_matches (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT));
      return 0;
    }
  image = cpd_manifest_image_config (0, config, text, diff_ids, &error);
  g_assert_no_error (error);
  g_assert_nonnull (image);
  return 0;
}
