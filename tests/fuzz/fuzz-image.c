/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An image layout as rows are rebuilt from it: its index, a manifest and a
 * configuration. "@manifest", "@config", "@layer" and "@diff" in them stand for
 * the digests of what is there.
 */
#include "common/cpd-fs.h"
#include "config/cpd-config.h"
#include "engine/containers/cpd-container-config.h"
#include "fuzz.h"
#include "oci/cpd-digest.h"
#include "oci/cpd-manifest.h"
#include "storage/cpd-storage-private.h"
#include "storage/cpd-storage-rebuild.h"

static char *base;
static char *layer;             /* digest of the one layer, packed and not */
static CpdConfig *settings;

int
LLVMFuzzerInitialize (int *argc, char ***argv)
{
  g_autofree char *blob = NULL, *diff = NULL;

  fuzz_init ();
  base = fuzz_directory ();
  layer = cpd_digest_of_text ("layer", -1);
  blob = g_build_filename ("layers", cpd_digest_hex (layer), NULL);
  diff = g_build_filename ("overlay", "layers", cpd_digest_hex (layer), "diff", "file", NULL);
  fuzz_write (base, blob, "layer");
  fuzz_write (base, diff, "text");
  settings = cpd_config_new (base, NULL);
  g_assert_nonnull (settings);
  return 0;
}

static char *
put_in (const char *text, const char *manifest, const char *config)
{
  const struct { const char *word, *value; } words[] = {
    { "@manifest", manifest }, { "@config", config }, { "@layer", layer }, { "@diff", layer },
  };
  g_autoptr(GString) result = g_string_new (text);

  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    if (words[i].value != NULL)
      g_string_replace (result, words[i].word, words[i].value, 0);
  return g_string_free (g_steal_pointer (&result), FALSE);
}

static char *
add_blob (const char *text)
{
  char *digest = cpd_digest_of_text (text, -1);
  g_autofree char *path = g_build_filename ("images", "blobs", "sha256", cpd_digest_hex (digest), NULL);

  fuzz_write (base, path, text);
  return digest;
}

static void
make_layout (char **parts)
{
  g_autofree char *images = g_build_filename (base, "images", NULL);
  g_autofree char *config_text = put_in (parts[2], NULL, NULL);
  g_autofree char *manifest_text = NULL, *index = NULL, *config = NULL, *manifest = NULL, *blob = NULL;

  g_assert_true (cpd_fs_remove_tree (images, NULL));
  blob = add_blob ("layer");
  config = add_blob (config_text);
  manifest_text = put_in (parts[1], NULL, config);
  manifest = add_blob (manifest_text);
  index = put_in (parts[0], manifest, config);
  fuzz_write (base, "images/index.json", index);
}

/* What a container of the image would get, and what an image made of its configuration would be. */
static void
use_image (const CpdImageRow *image)
{
  g_autoptr(GVariant) options = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));
  g_autoptr(CpdContainerConfig) config =
    cpd_container_config_new (FUZZ_ID, image, options, settings, NULL);
  g_autofree char *text = config != NULL ? cpd_container_config_to_json (config) : NULL;
  g_autoptr(CpdContainerConfig) again = text != NULL ? cpd_container_config_parse (text, NULL) : NULL;
  const char *const diff_ids[] = { layer, NULL };
  g_autofree char *made = cpd_manifest_image_config (image->created, image->config, NULL, diff_ids, NULL);

  g_assert_true ((config == NULL) == (again == NULL));
  g_assert_nonnull (made);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_auto(GStrv) parts = fuzz_split (data, size, 3);
  g_autoptr(CpdStore) store = cpd_store_open (NULL, NULL);
  g_autoptr(CpdStorage) storage = NULL;
  g_autoptr(GPtrArray) lost = g_ptr_array_new_with_free_func (g_free);
  g_autoptr(GPtrArray) images = NULL;
  guint rebuilt;

  make_layout (parts);
  storage = cpd_storage_open (store, base, NULL, NULL);
  g_assert_nonnull (storage);
  g_assert_true (cpd_storage_rebuild (storage, &rebuilt, lost, NULL));
  images = cpd_store_list_images (store, NULL);
  g_assert_nonnull (images);
  g_assert_cmpuint (images->len, ==, rebuilt);
  for (guint i = 0; i < images->len; i++)
    use_image (images->pdata[i]);
  return 0;
}
