/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <string.h>

#include "common/cpd-json.h"
#include "oci/cpd-digest.h"
#include "oci/cpd-manifest.h"
#include "public/cpod-error.h"

/* FIPS 180-2 */
#define OF_ABC "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define OF_NOTHING "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void
test_known (void)
{
  g_autoptr(CpdDigest) pieces = cpd_digest_new ();
  g_autofree char *whole = cpd_digest_of_text ("abc", -1);
  g_autofree char *nothing = cpd_digest_of_text ("", -1);
  g_autofree char *pieced = NULL;

  cpd_digest_update (pieces, "a", 1);
  cpd_digest_update (pieces, "", 0);
  cpd_digest_update (pieces, "bc", 2);
  pieced = cpd_digest_finish (pieces);
  g_assert_cmpstr (whole, ==, OF_ABC);
  g_assert_cmpstr (pieced, ==, OF_ABC);
  g_assert_cmpstr (nothing, ==, OF_NOTHING);
}

/* Of any length, and however it is cut, the same as by another implementation. */
static void
test_pieces (void)
{
  g_autoptr(GRand) random = g_rand_new_with_seed (3);
  guint8 data[1000];

  for (gsize i = 0; i < sizeof data; i++)
    data[i] = (guint8) g_rand_int (random);
  for (gsize length = 0; length <= sizeof data; length += 7)
    {
      g_autoptr(CpdDigest) digest = cpd_digest_new ();
      g_autofree char *wanted = g_compute_checksum_for_data (G_CHECKSUM_SHA256, data, length);
      g_autofree char *found = NULL;

      for (gsize done = 0, piece; done < length; done += piece)
        {
          piece = MIN ((gsize) 1 + done % 150, length - done);
          cpd_digest_update (digest, data + done, piece);
        }
      found = cpd_digest_finish (digest);
      g_assert_cmpstr (cpd_digest_hex (found), ==, wanted);
    }
}

static void
test_check (void)
{
  const char *const bad[] = {
    "", "sha256:", "sha256:12", "sha512:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "sha256:BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD", OF_ABC "0", OF_ABC "/..",
  };

  g_assert_true (cpd_digest_check (OF_ABC, NULL));
  g_assert_cmpstr (cpd_digest_hex (OF_ABC), ==, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_false (cpd_digest_check (bad[i], &error));
      g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
    }
}

static void
test_chain_id (void)
{
  g_autofree char *lowest = cpd_digest_chain_id (NULL, OF_ABC);
  g_autofree char *also_lowest = cpd_digest_chain_id ("", OF_ABC);
  g_autofree char *second = cpd_digest_chain_id (lowest, OF_NOTHING);
  g_autofree char *wanted = cpd_digest_of_text (OF_ABC " " OF_NOTHING, -1);

  g_assert_cmpstr (lowest, ==, OF_ABC);
  g_assert_cmpstr (also_lowest, ==, OF_ABC);
  g_assert_cmpstr (second, ==, wanted);
}

static void
test_image_config (void)
{
  const char *diff_ids[] = { OF_ABC, NULL };
  const char *one = "{\"Env\":[\"A=b\"],\"Cmd\":[\"sh\"],\"Labels\":{\"z\":\"1\",\"a\":\"2\"}}";
  const char *other = "{ \"Labels\": {\"a\":\"2\",\"z\":\"1\"}, \"Cmd\":[\"sh\"], \"Env\":[\"A=b\"] }";
  g_autofree char *a = cpd_manifest_image_config (1000000, one, "hello", diff_ids, NULL);
  g_autofree char *b = cpd_manifest_image_config (1000000, other, "hello", diff_ids, NULL);
  g_autoptr(JsonNode) node = cpd_json_parse (a, -1, NULL);
  JsonObject *image = json_node_get_object (node);
  g_auto(GStrv) layers = cpd_json_get_strv (cpd_json_get_object (image, "rootfs"), "diff_ids");
  JsonObject *history = json_array_get_object_element (cpd_json_get_array (image, "history"), 0);

  g_assert_cmpstr (a, ==, b);   /* the order of keys must not show */
  g_assert_cmpstr (cpd_json_get_string (image, "created"), ==, "1970-01-01T00:00:01.000000Z");
  g_assert_cmpstr (cpd_json_get_string (image, "os"), ==, "linux");
  g_assert_cmpstrv (layers, diff_ids);
  g_assert_cmpstr (cpd_json_get_string (history, "comment"), ==, "hello");
  g_assert_cmpstr (cpd_json_get_string (cpd_json_get_object (cpd_json_get_object (image, "config"), "Labels"), "z"),
                   ==, "1");
}

static void
test_image_config_bad (void)
{
  const char *diff_ids[] = { OF_ABC, NULL };
  const char *const bad[] = { "{", "[]", "1" };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_null (cpd_manifest_image_config (0, bad[i], NULL, diff_ids, &error));
      g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
    }
}

static void
test_index (void)
{
  const CpdDescriptor entries[] = {
    { CPD_MEDIA_TYPE_MANIFEST, OF_ABC, 3, "localhost/a:latest" },
    { CPD_MEDIA_TYPE_MANIFEST, OF_NOTHING, 0, NULL },
  };
  g_autofree char *text = cpd_manifest_index (entries, 2);

  g_assert_cmpstr (text, ==,
                   "{\"schemaVersion\":2,\"manifests\":["
                   "{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"" OF_ABC "\",\"size\":3,"
                   "\"annotations\":{\"org.opencontainers.image.ref.name\":\"localhost/a:latest\"}},"
                   "{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"" OF_NOTHING "\",\"size\":0}]}");
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/oci/digest/known", test_known);
  g_test_add_func ("/oci/digest/pieces", test_pieces);
  g_test_add_func ("/oci/digest/check", test_check);
  g_test_add_func ("/oci/digest/chain-id", test_chain_id);
  g_test_add_func ("/oci/manifest/image-config", test_image_config);
  g_test_add_func ("/oci/manifest/image-config-bad", test_image_config_bad);
  g_test_add_func ("/oci/manifest/index", test_index);
  return g_test_run ();
}
