/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transport/cpd-image-proxy.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "oci/cpd-digest.h"
#include "oci/cpd-manifest.h"
#include "public/cpod-error.h"

#define BLOB_SIZE (3 * 1024 * 1024)

/* An image in a directory, as skopeo's transport "dir" has it. */
static char *directory;
static char *reference;
static char *config_digest;
static char *blob_digest;
static const char config[] = "{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}";
static char *manifest;
static char *blob;

static void
put (const char *name, const char *data, gssize length)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);

  g_assert_true (g_file_set_contents (path, data, length, NULL));
}

static void
make_image (void)
{
  CpdDescriptor config_entry = { CPD_MEDIA_TYPE_CONFIG, NULL, sizeof config - 1, NULL };
  CpdDescriptor layer = { "application/vnd.oci.image.layer.v1.tar", NULL, BLOB_SIZE, NULL };

  directory = g_dir_make_tmp ("image-proxy-XXXXXX", NULL);
  reference = g_strconcat ("dir:", directory, NULL);
  blob = g_malloc (BLOB_SIZE);
  memset (blob, 'x', BLOB_SIZE);
  config_digest = cpd_digest_of_text (config, -1);
  blob_digest = cpd_digest_of_text (blob, BLOB_SIZE);
  config_entry.digest = config_digest;
  layer.digest = blob_digest;
  manifest = cpd_manifest_text (&config_entry, &layer, 1);
  put ("version", "Directory Transport Version: 1.1\n", -1);
  put ("manifest.json", manifest, -1);
  put (cpd_digest_hex (config_digest), config, -1);
  put (cpd_digest_hex (blob_digest), blob, BLOB_SIZE);
}

static CpdSkopeo *
new_skopeo (GCancellable *cancellable)
{
  g_autoptr(GError) error = NULL;
  CpdSkopeo *skopeo = cpd_skopeo_new ("/usr/bin/skopeo", -1, cancellable, &error);

  g_assert_no_error (error);
  skopeo->tmp_dir = g_strdup (directory);
  skopeo->silence = 60;
  return skopeo;
}

static CpdImageProxy *
new_proxy (const CpdSkopeo *skopeo)
{
  g_autoptr(GError) error = NULL;
  CpdImageProxy *proxy = cpd_image_proxy_new (skopeo, reference, &error);

  g_assert_no_error (error);
  return proxy;
}

static void
count (gsize bytes, gpointer user_data)
{
  *(gsize *) user_data += bytes;
}

static void
assert_copied (CpdImageProxy *proxy)
{
  cpd_autofd int fd = memfd_create ("blob", MFD_CLOEXEC);
  g_autofree char *data = g_malloc (BLOB_SIZE);
  g_autoptr(GError) error = NULL;
  gsize counted = 0;

  g_assert_true (cpd_image_proxy_copy_blob (proxy, blob_digest, BLOB_SIZE, fd, count, &counted, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (counted, ==, BLOB_SIZE);
  g_assert_cmpint (pread (fd, data, BLOB_SIZE, 0), ==, BLOB_SIZE);
  g_assert_cmpint (memcmp (data, blob, BLOB_SIZE), ==, 0);
}

static void
test_image (void)
{
  g_autoptr(CpdSkopeo) skopeo = new_skopeo (NULL);
  g_autoptr(CpdImageProxy) proxy = new_proxy (skopeo);
  g_autoptr(GError) error = NULL;
  g_autofree char *digest = NULL, *wanted = cpd_digest_of_text (manifest, -1);
  g_autofree char *text = cpd_image_proxy_get_manifest (proxy, &digest, &error);
  g_autofree char *read_config = NULL, *raw = NULL;

  g_assert_no_error (error);
  g_assert_cmpstr (text, ==, manifest);
  g_assert_cmpstr (digest, ==, wanted);
  read_config = cpd_image_proxy_get_text (proxy, config_digest, sizeof config - 1, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (read_config, ==, config);
  g_assert_cmpint (cpd_image_proxy_get_size (proxy, blob_digest, &error), ==, BLOB_SIZE);
  assert_copied (proxy);
  raw = cpd_skopeo_inspect_raw (skopeo, reference, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (raw, ==, manifest);
}

static gpointer
copy_in_thread (gpointer proxy)
{
  for (int i = 0; i < 5; i++)
    assert_copied (proxy);
  return NULL;
}

static void
test_threads (void)
{
  g_autoptr(CpdSkopeo) skopeo = new_skopeo (NULL);
  g_autoptr(CpdImageProxy) proxy = new_proxy (skopeo);
  GThread *threads[4];

  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("copy", copy_in_thread, proxy);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
}

/* A blob that is not what it is said to be is an error, and the proxy goes on. */
static void
test_wrong_blobs (void)
{
  g_autoptr(CpdSkopeo) skopeo = new_skopeo (NULL);
  g_autoptr(CpdImageProxy) proxy = new_proxy (skopeo);
  g_autofree char *unknown = cpd_digest_of_text ("unknown", -1);
  g_autofree char *path = g_build_filename (directory, cpd_digest_hex (unknown), NULL);
  const gint64 sizes[] = { BLOB_SIZE - 1, BLOB_SIZE + 1, 5 };

  put (cpd_digest_hex (unknown), blob, BLOB_SIZE);
  for (gsize i = 0; i < G_N_ELEMENTS (sizes) + 1; i++)
    {
      cpd_autofd int fd = memfd_create ("blob", MFD_CLOEXEC);
      g_autoptr(GError) error = NULL;
      gboolean wrong_size = i < G_N_ELEMENTS (sizes);

      g_assert_false (cpd_image_proxy_copy_blob (proxy, wrong_size ? blob_digest : unknown,
                                                 wrong_size ? sizes[i] : BLOB_SIZE, fd, NULL, NULL, &error));
      g_assert_nonnull (error);
      assert_copied (proxy);
    }
  unlink (path);
}

static void
test_nobody_reads (void)
{
  g_autoptr(CpdSkopeo) skopeo = new_skopeo (NULL);
  g_autoptr(CpdImageProxy) proxy = new_proxy (skopeo);
  g_autoptr(GError) error = NULL;
  cpd_autofd int to = -1;
  int ends[2];

  signal (SIGPIPE, SIG_IGN);
  g_assert_no_errno (pipe (ends));
  close (ends[0]);
  to = ends[1];
  g_assert_false (cpd_image_proxy_copy_blob (proxy, blob_digest, BLOB_SIZE, to, NULL, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
  assert_copied (proxy);
}

static void
test_cancel (void)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(CpdSkopeo) skopeo = new_skopeo (cancellable);
  g_autoptr(CpdImageProxy) proxy = new_proxy (skopeo);
  g_autoptr(GError) error = NULL;
  cpd_autofd int fd = memfd_create ("blob", MFD_CLOEXEC);

  g_cancellable_cancel (cancellable);
  g_assert_false (cpd_image_proxy_copy_blob (proxy, blob_digest, BLOB_SIZE, fd, NULL, NULL, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_null (cpd_skopeo_inspect_raw (skopeo, reference, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_CANCELLED);
}

static void
test_errors (void)
{
  g_autoptr(CpdSkopeo) skopeo = new_skopeo (NULL);
  g_autoptr(CpdSkopeo) absent = new_skopeo (NULL);
  g_autoptr(GError) error = NULL;

  g_assert_null (cpd_skopeo_inspect_raw (skopeo, "dir:/nonexistent", &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_IMAGE);
  g_clear_error (&error);
  g_assert_null (cpd_skopeo_inspect_raw (skopeo, "docker://127.0.0.1:1/a", &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_REGISTRY_FAILED);
  g_clear_error (&error);
  g_assert_null (cpd_image_proxy_new (skopeo, "docker://127.0.0.1:1/a", &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_REGISTRY_FAILED);
  g_clear_error (&error);
  g_free (absent->program);
  absent->program = g_strdup ("/nonexistent/skopeo");
  g_assert_null (cpd_image_proxy_new (absent, reference, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "/nonexistent/skopeo"));
  g_clear_error (&error);
  /* One that ends without a word. */
  g_free (absent->program);
  absent->program = g_strdup ("/bin/false");
  g_assert_null (cpd_image_proxy_new (absent, reference, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_FAILED);
}

static void
test_meanings (void)
{
  static const struct { const char *said; CpodError code; const char *message; } cases[] = {
    { "time=\"x\" level=fatal msg=\"Error parsing image name \\\"docker://a/b\\\": reading manifest: unauthorized: no\"",
      CPOD_ERROR_REGISTRY_DENIED, "docker://a/b: reading manifest: unauthorized: no" },
    { "time=\"x\" level=warning msg=\"odd\"\ntime=\"x\" level=fatal msg=\"registry a is blocked in /conf\"",
      CPOD_ERROR_IMAGE_REJECTED, "docker://a/b: registry a is blocked in /conf" },
    { "manifest unknown", CPOD_ERROR_NO_SUCH_IMAGE, "docker://a/b: manifest unknown" },
    { "write /x: no space left on device", CPOD_ERROR_DISK_FULL, "docker://a/b: write /x: no space left on device" },
    { "toomanyrequests: denied", CPOD_ERROR_REGISTRY_FAILED, "docker://a/b: toomanyrequests: denied" },
    { "whatever", CPOD_ERROR_REGISTRY_FAILED, "docker://a/b: whatever" },
    { "level=fatal msg=", CPOD_ERROR_REGISTRY_FAILED, "docker://a/b: level=fatal msg=" },
    { "level=fatal msg=\"", CPOD_ERROR_REGISTRY_FAILED, "docker://a/b: " },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(GError) error = NULL;

      cpd_skopeo_set_error ("docker://a/b", cases[i].said, &error);
      g_assert_error (error, CPOD_ERROR, (gint) cases[i].code);
      g_assert_cmpstr (error->message, ==, cases[i].message);
    }
}

static void
test_credentials (void)
{
  static const char *const texts[] = { "", "nonsense", "[]" };

  for (gsize i = 0; i < G_N_ELEMENTS (texts) + 1; i++)
    {
      cpd_autofd int fd = memfd_create ("auth", MFD_CLOEXEC);
      const char *text = i < G_N_ELEMENTS (texts) ? texts[i] : "{\"auths\": {}}";
      g_autoptr(GError) error = NULL;
      g_autoptr(CpdSkopeo) skopeo = NULL;

      g_assert_true (cpd_fs_write_all (fd, text, strlen (text), NULL));
      lseek (fd, 0, SEEK_SET);
      skopeo = cpd_skopeo_new ("/usr/bin/skopeo", fd, NULL, &error);
      if (i == G_N_ELEMENTS (texts))
        g_assert_no_error (error);
      else
        g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
    }
}

int
main (int argc, char *argv[])
{
  int status;

  g_test_init (&argc, &argv, NULL);
  make_image ();
  g_test_add_func ("/transport/image-proxy/image", test_image);
  g_test_add_func ("/transport/image-proxy/threads", test_threads);
  g_test_add_func ("/transport/image-proxy/wrong-blobs", test_wrong_blobs);
  g_test_add_func ("/transport/image-proxy/nobody-reads", test_nobody_reads);
  g_test_add_func ("/transport/image-proxy/cancel", test_cancel);
  g_test_add_func ("/transport/image-proxy/errors", test_errors);
  g_test_add_func ("/transport/skopeo/meanings", test_meanings);
  g_test_add_func ("/transport/skopeo/credentials", test_credentials);
  status = g_test_run ();
  cpd_fs_remove_tree (directory, NULL);
  g_free (directory);
  g_free (reference);
  g_free (config_digest);
  g_free (blob_digest);
  g_free (manifest);
  g_free (blob);
  return status;
}
