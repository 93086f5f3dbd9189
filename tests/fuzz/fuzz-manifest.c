/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The manifest and the configuration of an image, as a registry sends them. */
#include "fuzz.h"
#include "oci/cpd-digest.h"
#include "oci/cpd-manifest-parse.h"
#include "public/cpod-error.h"

int
LLVMFuzzerInitialize (int *argc, char ***argv)
{
  fuzz_init ();
  return 0;
}

static void
check_error (const GError *error)
{
  g_assert_true (g_error_matches (error, CPOD_ERROR, CPOD_ERROR_INVALID_IMAGE)
                 || g_error_matches (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_IMAGE));
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
}

static void
check_entry (const CpdManifestEntry *entry)
{
  g_assert_nonnull (entry->media_type);
  g_assert_true (cpd_digest_check (entry->digest, NULL));
  g_assert_cmpint (entry->size, >=, 0);
}

static void
look_at_manifest (const char *text)
{
  const CpdPlatform platform = { .os = "linux", .architecture = "arm64", .variant = "v8" };
  g_autoptr(GError) error = NULL;
  g_autoptr(CpdManifest) manifest = cpd_manifest_parse (text, &error);

  if (manifest == NULL)
    {
      check_error (error);
      return;
    }
  g_assert_cmpuint (manifest->entries->len, <=, CPD_MANIFEST_ENTRIES_MAX);
  for (guint i = 0; i < manifest->entries->len; i++)
    check_entry (manifest->entries->pdata[i]);
  if (!manifest->is_index)
    check_entry (manifest->config);
  else if (cpd_manifest_choose (manifest, &platform, &error) == NULL)
    check_error (error);
}

static void
look_at_config (const char *text)
{
  const CpdPlatform platform = { .os = "linux" };
  g_autoptr(GError) error = NULL;
  g_autoptr(CpdImageInfo) info = cpd_image_info_parse (text, &error);

  if (info == NULL)
    {
      check_error (error);
      return;
    }
  for (char **diff_id = info->diff_ids; *diff_id != NULL; diff_id++)
    g_assert_true (cpd_digest_check (*diff_id, NULL));
  cpd_image_info_fits (info, &platform);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_auto(GStrv) parts = fuzz_split (data, size, 2);

  look_at_manifest (parts[0]);
  look_at_config (parts[1]);
  return 0;
}
