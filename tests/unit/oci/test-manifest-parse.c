/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-manifest-parse.h"

#include <string.h>

#include "oci/cpd-manifest.h"
#include "oci/cpd-platform.h"
#include "public/cpod-error.h"

#define HEX "0123456789012345678901234567890123456789012345678901234567890123"
#define ENTRY(type) "{\"mediaType\": \"" type "\", \"digest\": \"sha256:" HEX "\", \"size\": 5}"
#define CONFIG ENTRY ("application/vnd.oci.image.config.v1+json")
#define LAYER ENTRY ("application/vnd.oci.image.layer.v1.tar+gzip")
#define MANIFEST(config, layers) "{\"schemaVersion\": 2, \"config\": " config ", \"layers\": [" layers "]}"
#define OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"

static void
test_manifest (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CpdManifest) oci = cpd_manifest_parse (MANIFEST (CONFIG, LAYER "," LAYER), &error);
  g_autoptr(CpdManifest) docker =
    cpd_manifest_parse ("{\"schemaVersion\": 2, \"mediaType\": \"application/vnd.docker.distribution.manifest.v2+json\","
                        " \"config\": " ENTRY ("application/vnd.docker.container.image.v1+json") ","
                        " \"layers\": [" ENTRY ("application/vnd.docker.image.rootfs.diff.tar.gzip") "]}", &error);

  g_assert_no_error (error);
  g_assert_true (oci->is_oci && !oci->is_index);
  g_assert_cmpuint (oci->entries->len, ==, 2);
  g_assert_cmpstr (oci->config->digest, ==, "sha256:" HEX);
  g_assert_cmpint (oci->config->size, ==, 5);
  g_assert_true (!docker->is_oci && !docker->is_index);
  g_assert_cmpstr (cpd_manifest_oci_type (((CpdManifestEntry *) docker->entries->pdata[0])->media_type), ==,
                   "application/vnd.oci.image.layer.v1.tar+gzip");
  g_assert_null (cpd_manifest_oci_type ("text/plain"));
}

static void
test_refused (void)
{
  static const struct { const char *text, *words; } cases[] = {
    { "", "JSON" }, { "[]", "object" }, { "{}", "neither" }, { "{\"manifests\": 1}", "no list" },
    { "{\"manifests\": []}", "0 manifests" }, { "{\"manifests\": [1]}", "manifest 1" },
    { "{\"manifests\": [" CONFIG "], \"layers\": []}", "both" },
    { MANIFEST (CONFIG, ""), "0 layers" }, { MANIFEST (CONFIG, "1"), "layer 1" }, { MANIFEST ("{}", LAYER), "configuration" },
    { MANIFEST (CONFIG, "{\"mediaType\": \"x\", \"digest\": \"sha256:../../x\", \"size\": 5}"), "layer 1" },
    { MANIFEST (CONFIG, "{\"mediaType\": \"x\", \"digest\": \"sha256:" HEX "\", \"size\": -1}"), "layer 1" },
    { MANIFEST (CONFIG, ENTRY ("application/vnd.oci.image.layer.v1.tar+gzip+encrypted")), "encrypted" },
    { MANIFEST (CONFIG, ENTRY ("text/plain")), "text/plain" }, { MANIFEST (LAYER, LAYER), "artifact" },
    { "{\"schemaVersion\": 1, \"fsLayers\": []}", "schema 1" },
    { "{\"mediaType\": \"x\", \"config\": " CONFIG ", \"layers\": [" LAYER "]}", "media type" },
    { "{\"mediaType\": \"" OCI_MANIFEST "\", \"manifests\": [" CONFIG "]}", "media type" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_null (cpd_manifest_parse (cases[i].text, &error));
      g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_IMAGE);
      if (strstr (error->message, cases[i].words) == NULL)
        g_error ("'%s' is refused with '%s'", cases[i].text, error->message);
    }
}

/* The number of the entry that is chosen from an index of platforms ("os/arch/variant", "-" for none), or -1. */
static int
choose (const char *platforms, const CpdPlatform *platform)
{
  g_auto(GStrv) list = g_strsplit (platforms, " ", -1);
  g_autoptr(GString) text = g_string_new ("{\"manifests\": [");
  g_autoptr(CpdManifest) manifest = NULL;
  g_autoptr(GError) error = NULL;
  const CpdManifestEntry *entry;
  guint index;

  for (char **one = list; *one != NULL; one++)
    {
      g_auto(GStrv) parts = g_strsplit (*one, "/", 3);

      g_string_append_printf (text, "%s{\"mediaType\": \"" OCI_MANIFEST "\", \"digest\": \"sha256:" HEX "\", \"size\": 1",
                              one != list ? "," : "");
      if (parts[1] != NULL)
        g_string_append_printf (text, ", \"platform\": {\"os\": \"%s\", \"architecture\": \"%s\"%s%s%s}", parts[0], parts[1],
                                parts[2] != NULL ? ", \"variant\": \"" : "", parts[2] != NULL ? parts[2] : "",
                                parts[2] != NULL ? "\"" : "");
      g_string_append (text, "}");
    }
  g_string_append (text, "]}");
  manifest = cpd_manifest_parse (text->str, &error);
  g_assert_no_error (error);
  entry = cpd_manifest_choose (manifest, platform, &error);
  if (entry == NULL)
    {
      g_assert_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_IMAGE);
      return -1;
    }
  g_assert_true (g_ptr_array_find (manifest->entries, entry, &index));
  return (int) index;
}

static void
test_choose (void)
{
  static const struct { const char *platforms, *os, *architecture, *variant; int wanted; } cases[] = {
    { "linux/s390x linux/amd64 linux/arm64/v8", "linux", "amd64", NULL, 1 },
    { "linux/s390x linux/amd64 linux/arm64/v8", NULL, "arm64", NULL, 2 },
    { "linux/s390x linux/amd64", "linux", "riscv64", NULL, -1 },
    { "windows/amd64 linux/amd64", "linux", "amd64", NULL, 1 },
    { "linux/arm/v5 linux/arm/v7 linux/arm/v6", "linux", "arm", NULL, 1 },
    { "linux/arm/v5 linux/arm/v6", "linux", "arm", NULL, 1 },
    { "linux/arm/v5 linux/arm/v7 linux/arm/v6", "linux", "arm", "v6", 2 },
    { "linux/arm/v5", "linux", "arm", "v6", -1 },
    { "linux/amd64/v3 linux/amd64", "linux", "amd64", NULL, 1 },
    { "linux/amd64/v3 linux/amd64/v1", "linux", "amd64", NULL, 1 },
    { "linux/amd64/v3", "linux", "amd64", NULL, -1 },
    { "unknown/unknown linux/amd64", "linux", "amd64", NULL, 1 },
    { "- linux/amd64", "linux", "amd64", NULL, 1 },
    { "- linux/s390x", "linux", "amd64", NULL, 0 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      CpdPlatform platform = { cases[i].os, cases[i].architecture, cases[i].variant };

      g_test_message ("%s", cases[i].platforms);
      g_assert_cmpint (choose (cases[i].platforms, &platform), ==, cases[i].wanted);
    }
}

static void
test_info (void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *text = g_strdup_printf ("{\"os\": \"linux\", \"architecture\": \"%s\", \"created\": \"1970-01-01T00:00:01Z\","
                                           " \"rootfs\": {\"diff_ids\": [\"sha256:" HEX "\"]}}", cpd_platform_architecture ());
  g_autoptr(CpdImageInfo) info = cpd_image_info_parse (text, &error);
  CpdPlatform own = { NULL, NULL, NULL }, other = { "linux", "other", NULL };
  static const char *const wrong[] = {
    "", "{}", "[]", "{\"rootfs\": {}}", "{\"rootfs\": {\"diff_ids\": []}}", "{\"rootfs\": {\"diff_ids\": [\"x\"]}}",
  };

  g_assert_no_error (error);
  g_assert_cmpint (info->created, ==, G_USEC_PER_SEC);
  g_assert_cmpuint (g_strv_length (info->diff_ids), ==, 1);
  g_assert_true (cpd_image_info_fits (info, &own));
  g_assert_false (cpd_image_info_fits (info, &other));
  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr(GError) failure = NULL;

      g_assert_null (cpd_image_info_parse (wrong[i], &failure));
      g_assert_error (failure, CPOD_ERROR, CPOD_ERROR_INVALID_IMAGE);
    }
}

/* What docker has no type for it cannot be told of. */
static void
test_docker_text (void)
{
  const char *digest = "sha256:0000000000000000000000000000000000000000000000000000000000000001";
  const CpdDescriptor config = { CPD_MEDIA_TYPE_CONFIG, digest, 2, NULL };
  CpdDescriptor layers[] = {
    { "application/vnd.oci.image.layer.v1.tar", digest, 3, NULL },
    { "application/vnd.oci.image.layer.v1.tar+gzip", digest, 4, NULL },
  };
  g_autofree char *text = cpd_manifest_docker_text (&config, layers, 2), *none = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(CpdManifest) manifest = cpd_manifest_parse (text, &error);

  g_assert_no_error (error);
  g_assert_false (manifest->is_index);
  g_assert_cmpuint (manifest->entries->len, ==, 2);
  g_assert_nonnull (strstr (text, CPD_MEDIA_TYPE_DOCKER_MANIFEST));
  g_assert_nonnull (strstr (text, "docker.container.image.v1+json"));
  g_assert_nonnull (strstr (text, "docker.image.rootfs.diff.tar.gzip"));
  g_assert_null (strstr (text, "oci"));
  layers[1].media_type = "application/vnd.oci.image.layer.v1.tar+zstd";
  none = cpd_manifest_docker_text (&config, layers, 2);
  g_assert_null (none);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/oci/manifest-parse/manifest", test_manifest);
  g_test_add_func ("/oci/manifest-parse/refused", test_refused);
  g_test_add_func ("/oci/manifest-parse/choose", test_choose);
  g_test_add_func ("/oci/manifest-parse/info", test_info);
  g_test_add_func ("/oci/manifest/docker-text", test_docker_text);
  return g_test_run ();
}
