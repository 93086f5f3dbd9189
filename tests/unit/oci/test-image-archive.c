/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "oci/cpd-digest.h"
#include "oci/cpd-image-archive.h"
#include "public/cpod-error.h"
#include "test-archive.h"

#define LAYER "what a layer has"
#define OCI_TYPE "application/vnd.oci.image."

static const CpdPlatform machine = { .os = "linux", .architecture = "amd64" };

/* What is in an archive while it is looked at: the descriptor must stay as long as the index. */
typedef struct
{
  int fd;
  CpdArchiveIndex *index;
  GPtrArray *images;
  GError *error;
} Opened;

static void
opened_clear (Opened *opened)
{
  g_clear_pointer (&opened->images, g_ptr_array_unref);
  g_clear_pointer (&opened->index, cpd_archive_index_free);
  g_clear_error (&opened->error);
  cpd_close_fd (&opened->fd);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Opened, opened_clear)

static void
open_bytes (Opened *opened, GBytes *bytes)
{
  opened_clear (opened);
  opened->fd = test_bytes_open (bytes);
  opened->index = cpd_archive_index_new (opened->fd, NULL, &opened->error);
  if (opened->index != NULL)
    opened->images = cpd_image_archive_read (opened->index, &machine, &opened->error);
}

static void
open_archive (Opened *opened, TestArchive *archive)
{
  g_autoptr(GBytes) bytes = test_archive_finish (archive);

  open_bytes (opened, bytes);
}

static void
assert_refused (Opened *opened, int code, const char *named)
{
  g_assert_null (opened->images);
  g_assert_error (opened->error, CPOD_ERROR, code);
  g_test_message ("%s", opened->error->message);
  g_assert_nonnull (strstr (opened->error->message, named));
}

static const CpdArchiveImage *
assert_image (Opened *opened, guint n_images)
{
  g_assert_no_error (opened->error);
  g_assert_cmpuint (opened->images->len, ==, n_images);
  return opened->images->pdata[0];
}

/* The layer is the text LAYER, wherever it was found. */
static void
assert_layer (const Opened *opened, const CpdArchiveImage *image)
{
  const CpdArchiveLayer *layer = image->layers->pdata[0];
  char text[sizeof LAYER] = "";

  g_assert_cmpuint (image->layers->len, ==, 1);
  g_assert_cmpuint (layer->part.length, ==, strlen (LAYER));
  g_assert_cmpint (pread (opened->fd, text, strlen (LAYER), (off_t) layer->part.offset), ==, strlen (LAYER));
  g_assert_cmpstr (text, ==, LAYER);
}

static char *
make_config (guint n_layers)
{
  g_autofree char *digest = cpd_digest_of_text (LAYER, -1);
  g_autoptr(GString) config = g_string_new ("{\"os\": \"linux\", \"architecture\": \"amd64\", ");

  g_string_append (config, "\"rootfs\": {\"diff_ids\": [");
  for (guint i = 0; i < n_layers; i++)
    g_string_append_printf (config, "%s\"%s\"", i > 0 ? ", " : "", digest);
  g_string_append (config, "]}}");
  return g_string_free (g_steal_pointer (&config), FALSE);
}

/* With a manifest for one image of one layer, "layer.tar", which is left to the caller. */
static TestArchive *
new_docker (void)
{
  TestArchive *archive = test_archive_new ("none");
  g_autofree char *config = make_config (1);

  test_archive_file (archive, "manifest.json", "[{\"Config\": \"config\", \"Layers\": [\"layer.tar\"]}]");
  test_archive_file (archive, "config", config);
  return archive;
}

static void
test_docker (void)
{
  g_auto(Opened) opened = { .fd = -1 };
  TestArchive *archive = test_archive_new ("none");
  g_autofree char *config = make_config (1);
  const CpdArchiveImage *image;

  /* The second entry is the same image. */
  test_archive_file (archive, "layer.tar", LAYER);
  test_archive_file (archive, "./config", config);
  test_archive_file (archive, "manifest.json",
                     "[{\"Config\": \"config\", \"RepoTags\": [\"a\", \"a:latest\"], \"Layers\": [\"layer.tar\"]},"
                     " {\"Config\": \"config\", \"RepoTags\": [\"quay.io/b:1\", \"a\"], \"Layers\": [\"layer.tar\"]}]");
  open_archive (&opened, archive);
  image = assert_image (&opened, 1);
  assert_layer (&opened, image);
  g_assert_false (cpd_image_archive_is_oci (opened.index));
  g_assert_cmpuint (image->names->len, ==, 2);
  g_assert_cmpstr (image->names->pdata[0], ==, "localhost/a:latest");
  g_assert_cmpstr (image->names->pdata[1], ==, "quay.io/b:1");
}

static void
test_links (void)
{
  const char *const targets[] = { "a/b", "./a//b", "../../a/b", "/a/x/../b" };

  for (gsize i = 0; i < G_N_ELEMENTS (targets); i++)
    {
      g_auto(Opened) opened = { .fd = -1 };
      TestArchive *archive = new_docker ();

      test_archive_symlink (archive, "layer.tar", "one");
      test_archive_symlink (archive, "one", targets[i]);
      test_archive_file (archive, "a/b", LAYER);
      open_archive (&opened, archive);
      assert_layer (&opened, assert_image (&opened, 1));
    }
}

static void
test_hard_link (void)
{
  g_auto(Opened) opened = { .fd = -1 };
  TestArchive *archive = new_docker ();

  test_archive_file (archive, "a/b", LAYER);
  test_archive_hard_link (archive, "layer.tar", "./a/b");
  open_archive (&opened, archive);
  assert_layer (&opened, assert_image (&opened, 1));
}

static void
test_circles (void)
{
  const char *const targets[] = { "layer.tar", "one", "../one" };

  for (gsize i = 0; i < G_N_ELEMENTS (targets); i++)
    {
      g_auto(Opened) opened = { .fd = -1 };
      TestArchive *archive = new_docker ();

      test_archive_symlink (archive, "layer.tar", targets[i]);
      test_archive_symlink (archive, "one", "layer.tar");
      open_archive (&opened, archive);
      assert_refused (&opened, CPOD_ERROR_INVALID_ARCHIVE, "layer 1: member 'layer.tar' is a link to a link");
    }
}

static void
test_links_outside (void)
{
  const char *const targets[] = { "/etc/passwd", "../../../../../etc/passwd", "/proc/self/exe", "." };

  for (gsize i = 0; i < G_N_ELEMENTS (targets); i++)
    {
      g_auto(Opened) opened = { .fd = -1 };
      TestArchive *archive = new_docker ();

      test_archive_symlink (archive, "layer.tar", targets[i]);
      open_archive (&opened, archive);
      assert_refused (&opened, CPOD_ERROR_INVALID_ARCHIVE, "is missing");
    }
}

static void
test_twice (void)
{
  const char *const names[] = { "layer.tar", "./layer.tar", "x/../layer.tar", "/layer.tar" };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_auto(Opened) opened = { .fd = -1 };
      TestArchive *archive = new_docker ();

      test_archive_file (archive, "layer.tar", LAYER);
      test_archive_file (archive, names[i], "another");
      open_archive (&opened, archive);
      assert_refused (&opened, CPOD_ERROR_INVALID_ARCHIVE, "member 'layer.tar' is there twice");
    }
}

/* What nobody asks for may be there as often as it likes. */
static void
test_twice_unused (void)
{
  g_auto(Opened) opened = { .fd = -1 };
  TestArchive *archive = new_docker ();

  test_archive_file (archive, "other", "one");
  test_archive_symlink (archive, "other", "other");
  test_archive_device (archive, "other", AE_IFCHR, 0, 0);
  test_archive_file (archive, "layer.tar", LAYER);
  open_archive (&opened, archive);
  assert_layer (&opened, assert_image (&opened, 1));
}

static void
test_odd_members (void)
{
  g_auto(Opened) opened = { .fd = -1 };
  TestArchive *archive = new_docker ();

  test_archive_device (archive, "layer.tar", AE_IFBLK, 8, 0);
  open_archive (&opened, archive);
  assert_refused (&opened, CPOD_ERROR_INVALID_ARCHIVE, "member 'layer.tar' is no plain file");

  archive = new_docker ();
  test_archive_device (archive, "layer.tar", AE_IFIFO, 0, 0);
  open_archive (&opened, archive);
  assert_refused (&opened, CPOD_ERROR_INVALID_ARCHIVE, "member 'layer.tar' is no plain file");

  archive = new_docker ();
  test_archive_directory (archive, "layer.tar");
  open_archive (&opened, archive);
  assert_refused (&opened, CPOD_ERROR_INVALID_ARCHIVE, "member 'layer.tar' is missing");
}

/* The archive of new_docker() with a layer whose header claims to have SIZE (octal) bytes. */
static GBytes *
lie_about_size (const char *size)
{
  TestArchive *archive = new_docker ();
  g_autoptr(GBytes) bytes = NULL;
  g_autofree char *tar = NULL;
  char *header = NULL;
  guint sum = 0;
  gsize length;

  test_archive_file (archive, "layer.tar", LAYER);
  bytes = test_archive_finish (archive);
  tar = g_memdup2 (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  length = g_bytes_get_size (bytes);
  for (gsize at = 0; at + 512 <= length; at += 512)
    if (strcmp (tar + at, "layer.tar") == 0)
      header = tar + at;
  g_assert_nonnull (header);
  memcpy (header + 124, size, 11);
  memset (header + 148, ' ', 8);
  for (gsize i = 0; i < 512; i++)
    sum += (guint8) header[i];
  g_snprintf (header + 148, 8, "%06o", sum);
  return g_bytes_new_take (g_steal_pointer (&tar), length);
}

static void
test_sizes (void)
{
  const char *const sizes[] = { "00000010000", "77777777777", "00001000000" };

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_auto(Opened) opened = { .fd = -1 };
      g_autoptr(GBytes) bytes = lie_about_size (sizes[i]);

      open_bytes (&opened, bytes);
      g_assert_null (opened.images);
      g_assert_error (opened.error, CPOD_ERROR, CPOD_ERROR_INVALID_ARCHIVE);
    }
}

static void
test_cut_off (void)
{
  TestArchive *archive = new_docker ();
  g_autoptr(GBytes) bytes = NULL;

  test_archive_file (archive, "layer.tar", LAYER);
  bytes = test_archive_finish (archive);
  for (gsize length = 0; length + 1024 < g_bytes_get_size (bytes); length += 100)
    {
      g_auto(Opened) opened = { .fd = -1 };
      g_autoptr(GBytes) part = g_bytes_new_from_bytes (bytes, 0, length);

      open_bytes (&opened, part);
      g_assert_true (opened.images == NULL || length + 1536 >= g_bytes_get_size (bytes));
      g_assert_true (opened.images != NULL || opened.error->code == CPOD_ERROR_INVALID_ARCHIVE);
    }
}

static void
test_long_names (void)
{
  g_autofree char *name = g_strnfill (5000, 'x');
  g_auto(Opened) opened = { .fd = -1 };
  TestArchive *archive = new_docker ();

  test_archive_file (archive, name, "");
  open_archive (&opened, archive);
  assert_refused (&opened, CPOD_ERROR_INVALID_ARCHIVE, "member 3 has no name that could be used");

  archive = new_docker ();
  test_archive_symlink (archive, "link", name);
  open_archive (&opened, archive);
  assert_refused (&opened, CPOD_ERROR_INVALID_ARCHIVE, "member 'link' is a link to a name that is too long");
}

static void
test_many_names (void)
{
  g_autofree char *long_name = g_strnfill (4000, 'x');
  g_auto(Opened) opened = { .fd = -1 };
  TestArchive *archive = new_docker ();

  for (guint i = 0; i < 9000; i++)
    {
      g_autofree char *name = g_strdup_printf ("%s%u", long_name, i);

      test_archive_file (archive, name, "");
    }
  open_archive (&opened, archive);
  assert_refused (&opened, CPOD_ERROR_INVALID_ARCHIVE, "the names of its members have more than 33554432 bytes");
}

static void
test_many_members (void)
{
  g_auto(Opened) opened = { .fd = -1 };
  TestArchive *archive = new_docker ();

  for (guint i = 0; i < 100000; i++)
    {
      char name[16];

      g_snprintf (name, sizeof name, "%u", i);
      test_archive_file (archive, name, "");
    }
  open_archive (&opened, archive);
  assert_refused (&opened, CPOD_ERROR_INVALID_ARCHIVE, "more than 100000 members");
}

/* {"Config", "Layers" of N_LAYERS, "RepoTags" of N_TAGS beginning with number FIRST_TAG} */
static void
append_entry (GString *manifest, guint n_layers, guint first_tag, guint n_tags)
{
  g_string_append (manifest, "{\"Config\": \"config\", \"Layers\": [");
  for (guint i = 0; i < n_layers; i++)
    g_string_append_printf (manifest, "%s\"layer.tar\"", i > 0 ? ", " : "");
  g_string_append (manifest, "], \"RepoTags\": [");
  for (guint i = 0; i < n_tags; i++)
    g_string_append_printf (manifest, "%s\"a:%u\"", i > 0 ? ", " : "", first_tag + i);
  g_string_append (manifest, "]}");
}

static void
open_manifest (Opened *opened, const char *manifest, guint n_layers)
{
  TestArchive *archive = test_archive_new ("none");
  g_autofree char *config = make_config (n_layers);

  test_archive_file (archive, "layer.tar", LAYER);
  test_archive_file (archive, "config", config);
  test_archive_file (archive, "manifest.json", manifest);
  open_archive (opened, archive);
}

static void
test_many_layers (void)
{
  g_auto(Opened) opened = { .fd = -1 };
  g_autoptr(GString) most = g_string_new ("[");
  g_autoptr(GString) more = g_string_new ("[");
  g_autoptr(GString) other = g_string_new ("[");

  append_entry (most, CPD_MANIFEST_ENTRIES_MAX, 0, 0);
  g_string_append_c (most, ']');
  open_manifest (&opened, most->str, CPD_MANIFEST_ENTRIES_MAX);
  g_assert_cmpuint (assert_image (&opened, 1)->layers->len, ==, CPD_MANIFEST_ENTRIES_MAX);

  append_entry (more, CPD_MANIFEST_ENTRIES_MAX + 1, 0, 0);
  g_string_append_c (more, ']');
  open_manifest (&opened, more->str, CPD_MANIFEST_ENTRIES_MAX + 1);
  assert_refused (&opened, CPOD_ERROR_INVALID_IMAGE, "has 501 layers, its configuration 501: there may be 500");

  append_entry (other, 2, 0, 0);
  g_string_append_c (other, ']');
  open_manifest (&opened, other->str, 1);
  assert_refused (&opened, CPOD_ERROR_INVALID_IMAGE, "has 2 layers, its configuration 1");
}

/* Of the same image, which is given them in two goes. */
static void
test_many_tags (void)
{
  g_auto(Opened) opened = { .fd = -1 };
  g_autoptr(GString) manifest = g_string_new ("[");

  append_entry (manifest, 1, 0, 900);
  g_string_append (manifest, ", ");
  append_entry (manifest, 1, 0, 1000);
  g_string_append_c (manifest, ']');
  open_manifest (&opened, manifest->str, 1);
  g_assert_cmpuint (assert_image (&opened, 1)->names->len, ==, 1000);

  g_string_truncate (manifest, 1);
  append_entry (manifest, 1, 0, 900);
  g_string_append (manifest, ", ");
  append_entry (manifest, 1, 900, 101);
  g_string_append_c (manifest, ']');
  open_manifest (&opened, manifest->str, 1);
  assert_refused (&opened, CPOD_ERROR_INVALID_IMAGE, "image 2: it has more than 1000 names");
}

static char *
add_blob (TestArchive *archive, const char *text)
{
  g_autofree char *digest = cpd_digest_of_text (text, -1);
  g_autofree char *name = g_strconcat ("blobs/sha256/", cpd_digest_hex (digest), NULL);

  test_archive_file (archive, name, text);
  return g_steal_pointer (&digest);
}

/* A manifest of one layer; its digest. */
static char *
add_oci_manifest (TestArchive *archive)
{
  g_autofree char *config = make_config (1);
  g_autofree char *config_digest = add_blob (archive, config);
  g_autofree char *layer_digest = add_blob (archive, LAYER);
  g_autofree char *manifest = g_strdup_printf (
    "{\"config\": {\"mediaType\": \"" OCI_TYPE "config.v1+json\", \"digest\": \"%s\", \"size\": 1},"
    " \"layers\": [{\"mediaType\": \"" OCI_TYPE "layer.v1.tar\", \"digest\": \"%s\", \"size\": %zu}]}",
    config_digest, layer_digest, strlen (LAYER));

  return add_blob (archive, manifest);
}

static char *
make_index (const char *type, const char *digest)
{
  return g_strdup_printf ("{\"manifests\": [{\"mediaType\": \"" OCI_TYPE "%s.v1+json\", \"digest\": \"%s\", \"size\": 1,"
                          " \"annotations\": {\"org.opencontainers.image.ref.name\": \"a:b\"}}]}", type, digest);
}

/* An image below DEPTH indexes, that of the archive included. */
static void
open_indexes (Opened *opened, guint depth)
{
  TestArchive *archive = test_archive_new ("none");
  g_autofree char *digest = add_oci_manifest (archive);
  g_autofree char *last = NULL;
  const char *type = "manifest";

  for (guint i = 1; i < depth; i++)
    {
      g_autofree char *text = make_index (type, digest);

      g_free (digest);
      digest = add_blob (archive, text);
      type = "index";
    }
  last = make_index (type, digest);
  test_archive_file (archive, "index.json", last);
  test_archive_file (archive, "oci-layout", "{\"imageLayoutVersion\": \"1.0.0\"}");
  open_archive (opened, archive);
}

static void
test_oci (void)
{
  for (guint depth = 1; depth <= 4; depth++)
    {
      g_auto(Opened) opened = { .fd = -1 };
      const CpdArchiveImage *image;

      open_indexes (&opened, depth);
      image = assert_image (&opened, 1);
      assert_layer (&opened, image);
      g_assert_true (cpd_image_archive_is_oci (opened.index));
      g_assert_nonnull (image->manifest);
      g_assert_cmpuint (image->names->len, ==, 1);
      g_assert_cmpstr (image->names->pdata[0], ==, "localhost/a:b");
    }
}

static void
test_deep_indexes (void)
{
  g_auto(Opened) opened = { .fd = -1 };

  open_indexes (&opened, 5);
  assert_refused (&opened, CPOD_ERROR_INVALID_IMAGE, "its indexes are in indexes without end");
}

/* No digest can be that of a text which has it, so who wants a circle has to lie. */
static void
test_index_circle (void)
{
  g_auto(Opened) opened = { .fd = -1 };
  TestArchive *archive = test_archive_new ("none");
  g_autofree char *digest = cpd_digest_of_text ("anything", -1);
  g_autofree char *name = g_strconcat ("blobs/sha256/", cpd_digest_hex (digest), NULL);
  g_autofree char *text = make_index ("index", digest);

  test_archive_file (archive, "oci-layout", "{}");
  test_archive_file (archive, "index.json", text);
  test_archive_file (archive, name, text);
  open_archive (&opened, archive);
  assert_refused (&opened, CPOD_ERROR_INVALID_IMAGE, digest);
}

/* A blob that is a link to another one is not what its name says. */
static void
test_blob_links (void)
{
  g_auto(Opened) opened = { .fd = -1 };
  TestArchive *archive = test_archive_new ("none");
  g_autofree char *real = add_oci_manifest (archive);
  g_autofree char *digest = cpd_digest_of_text ("anything", -1);
  g_autofree char *name = g_strconcat ("blobs/sha256/", cpd_digest_hex (digest), NULL);
  g_autofree char *text = make_index ("manifest", digest);

  test_archive_symlink (archive, name, cpd_digest_hex (real));
  test_archive_file (archive, "oci-layout", "{}");
  test_archive_file (archive, "index.json", text);
  open_archive (&opened, archive);
  assert_refused (&opened, CPOD_ERROR_INVALID_IMAGE, real);
}

static void
test_cancel (void)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GBytes) bytes = test_archive_finish (new_docker ());
  g_autoptr(GError) error = NULL;
  cpd_autofd int fd = test_bytes_open (bytes);

  g_cancellable_cancel (cancellable);
  g_assert_null (cpd_archive_index_new (fd, cancellable, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_CANCELLED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/image-archive/docker", test_docker);
  g_test_add_func ("/image-archive/links", test_links);
  g_test_add_func ("/image-archive/hard-link", test_hard_link);
  g_test_add_func ("/image-archive/circles", test_circles);
  g_test_add_func ("/image-archive/links-outside", test_links_outside);
  g_test_add_func ("/image-archive/twice", test_twice);
  g_test_add_func ("/image-archive/twice-unused", test_twice_unused);
  g_test_add_func ("/image-archive/odd-members", test_odd_members);
  g_test_add_func ("/image-archive/sizes", test_sizes);
  g_test_add_func ("/image-archive/cut-off", test_cut_off);
  g_test_add_func ("/image-archive/long-names", test_long_names);
  g_test_add_func ("/image-archive/many-names", test_many_names);
  g_test_add_func ("/image-archive/many-members", test_many_members);
  g_test_add_func ("/image-archive/many-layers", test_many_layers);
  g_test_add_func ("/image-archive/many-tags", test_many_tags);
  g_test_add_func ("/image-archive/oci", test_oci);
  g_test_add_func ("/image-archive/deep-indexes", test_deep_indexes);
  g_test_add_func ("/image-archive/index-circle", test_index_circle);
  g_test_add_func ("/image-archive/blob-links", test_blob_links);
  g_test_add_func ("/image-archive/cancel", test_cancel);
  return g_test_run ();
}
