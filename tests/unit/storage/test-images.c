/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "common/cpd-json.h"
#include "common/cpd-names.h"
#include "oci/cpd-digest.h"
#include "public/cpod-error.h"
#include "store/cpd-store-containers.h"
#include "test-scratch.h"
#include "test-storage.h"

static void
test_import (TestStorage *self, gconstpointer data)
{
  g_autoptr(GBytes) archive = test_storage_archive ("gzip", "one");
  g_autoptr(GError) error = NULL;
  g_autofree char *id = test_storage_import (self, archive, "busybox", &error), *events = NULL;
  g_autoptr(CpdImageRow) image = NULL;
  g_autoptr(GPtrArray) layers = NULL;
  const CpdLayerRow *layer;

  g_assert_no_error (error);
  g_assert_true (cpd_id_is_valid (id));
  image = cpd_storage_find_image (self->storage, "busybox", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (image->id, ==, id);
  g_assert_cmpstr (image->names[0], ==, "localhost/busybox:latest");
  g_assert_cmpint (image->size, ==, strlen ("one") + strlen ("a tool"));
  layers = cpd_store_list_image_layers (self->store, id, NULL);
  g_assert_cmpuint (layers->len, ==, 1);
  layer = layers->pdata[0];
  g_assert_cmpstr (layer->chain_id, ==, layer->diff_id);
  g_assert_cmpstr (layer->media_type, ==, "application/vnd.oci.image.layer.v1.tar+gzip");
  g_assert_cmpint (layer->blob_size, ==, g_bytes_get_size (archive));
  g_assert_cmpuint (test_storage_count (self, "images/blobs/sha256"), ==, 3);
  events = test_storage_events (self);
  g_assert_cmpstr (events, ==, "image/import/localhost/busybox:latest");
  test_storage_assert_clean (self);
}

/* Whatever the compression, the layer is the same one. */
static void
test_same_layer (TestStorage *self, gconstpointer data)
{
  const char *const filters[] = { "none", "gzip", "xz", "zstd", "bzip2" };

  for (gsize i = 0; i < G_N_ELEMENTS (filters); i++)
    {
      g_autoptr(GBytes) archive = test_storage_archive (filters[i], "same");
      g_autofree char *name = g_strdup_printf ("image%" G_GSIZE_FORMAT, i);
      g_autofree char *id = test_storage_import (self, archive, name, NULL);

      g_assert_nonnull (id);
      g_assert_cmpuint (test_storage_count (self, "overlay/layers"), ==, 1);
      g_assert_cmpuint (test_storage_count (self, "images/blobs/sha256"), ==, 1 + 2 * (i + 1));
    }
  test_storage_assert_clean (self);
}

static void
test_again (TestStorage *self, gconstpointer data)
{
  g_autoptr(GBytes) archive = test_storage_archive ("none", "one");
  g_autofree char *first = test_storage_import (self, archive, "name:1", NULL);
  g_autofree char *second = test_storage_import (self, archive, "name:1", NULL);
  g_autoptr(CpdImageRow) old = cpd_store_get_image (self->store, first, NULL);
  g_autoptr(CpdImageRow) new = cpd_storage_find_image (self->storage, "name:1", NULL);

  g_assert_cmpstr (first, !=, second);
  g_assert_cmpstr (new->id, ==, second);
  g_assert_cmpuint (g_strv_length (old->names), ==, 0);
  g_assert_cmpstr (old->top_layer, ==, new->top_layer);
  test_storage_assert_clean (self);
}

static void
assert_import_fails (TestStorage *self, GBytes *archive, const char *name, CpodError code)
{
  g_autoptr(GError) error = NULL;

  g_assert_null (test_storage_import (self, archive, name, &error));
  g_assert_error (error, CPOD_ERROR, (int) code);
  g_test_message ("%s", error->message);
  test_storage_assert_empty (self);
}

static void
test_bad_arguments (TestStorage *self, gconstpointer data)
{
  g_autoptr(GBytes) archive = test_storage_archive ("none", "one");
  g_autofree char *digest = cpd_digest_of_text ("", -1), *pinned = g_strconcat ("a@", digest, NULL);
  g_autofree char *config = NULL, *events = NULL;
  g_autoptr(GError) error = NULL;
  cpd_autofd int fd = test_bytes_open (archive);

  assert_import_fails (self, archive, "UPPER", CPOD_ERROR_INVALID_ARGUMENT);
  assert_import_fails (self, archive, "a:b:c", CPOD_ERROR_INVALID_ARGUMENT);
  assert_import_fails (self, archive, pinned, CPOD_ERROR_INVALID_ARGUMENT);
  g_assert_null (cpd_storage_import (self->storage, fd, NULL, "a", "[1]", NULL, CPD_CALLER_SELF, NULL, NULL, NULL, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
  test_storage_assert_empty (self);
  events = test_storage_events (self);
  g_assert_cmpstr (events, ==, "");     /* what failed never claims that it happened */
}

static void
test_bad_archives (TestStorage *self, gconstpointer data)
{
  g_autoptr(GBytes) good = test_storage_archive ("gzip", "one");
  g_autoptr(GBytes) cut = g_bytes_new_from_bytes (good, 0, g_bytes_get_size (good) - 9);
  g_autoptr(GBytes) text = g_bytes_new_static ("no tar", 6);
  TestArchive *archive = test_archive_new ("none");
  g_autoptr(GBytes) hostile = NULL;
  g_autofree char *events = NULL;

  test_archive_file (archive, "good", "written before the bad one");
  test_archive_file (archive, "../evil", "x");
  hostile = test_archive_finish (archive);
  assert_import_fails (self, cut, "a", CPOD_ERROR_INVALID_ARCHIVE);
  assert_import_fails (self, text, "a", CPOD_ERROR_INVALID_ARCHIVE);
  assert_import_fails (self, hostile, "a", CPOD_ERROR_INVALID_ARCHIVE);
  events = test_storage_events (self);
  g_assert_cmpstr (events, ==, "");
}

/* More directories in one another than a process may have files open. */
static void
test_deep (TestStorage *self, gconstpointer data)
{
  g_autoptr(GString) name = g_string_new ("d");
  TestArchive *archive = test_archive_new ("none");
  g_autoptr(GBytes) bytes = NULL;

  for (int i = 0; i < 1900; i++)
    g_string_append (name, "/d");
  test_archive_file (archive, name->str, "deep");
  test_archive_symlink (archive, "in", name->str);
  g_string_truncate (name, name->len - 2);
  test_archive_symlink (archive, "down", name->str);
  g_string_assign (name, "down");
  for (int i = 0; i < 1900; i++)
    g_string_append (name, "/e");
  test_archive_file (archive, name->str, "deeper");
  test_archive_file (archive, "../evil", "x");
  bytes = test_archive_finish (archive);
  assert_import_fails (self, bytes, "a", CPOD_ERROR_INVALID_ARCHIVE);
}

/* SIZE of the fixture is small: neither the files nor the blob fit. */
static void
test_disk_full (TestStorage *self, gconstpointer data)
{
  g_autofree char *contents = g_strnfill (3 * 1024 * 1024, 'z');
  const char *const filters[] = { "none", "gzip" };

  for (gsize i = 0; i < G_N_ELEMENTS (filters); i++)
    {
      TestArchive *archive = test_archive_new (filters[i]);
      g_autoptr(GBytes) bytes = NULL;

      test_archive_file (archive, "one", contents);
      test_archive_file (archive, "two", contents);
      bytes = test_archive_finish (archive);
      assert_import_fails (self, bytes, "a", CPOD_ERROR_DISK_FULL);
    }
}

static void
on_progress (guint64 done, guint64 total, gpointer user_data)
{
  if (done >= 2 * 1024 * 1024)
    g_cancellable_cancel (user_data);
}

static void
test_cancel (TestStorage *self, gconstpointer data)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autofree char *contents = g_strnfill (8 * 1024 * 1024, 'z');
  TestArchive *archive = test_archive_new ("none");
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(GError) error = NULL;
  cpd_autofd int fd = -1;

  test_archive_file (archive, "one", contents);
  bytes = test_archive_finish (archive);
  fd = test_bytes_open (bytes);
  g_assert_null (cpd_storage_import (self->storage, fd, NULL, "a", NULL, NULL, CPD_CALLER_SELF,
                                     on_progress, cancellable, cancellable, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_CANCELLED);
  test_storage_assert_empty (self);
}

static void
test_find (TestStorage *self, gconstpointer data)
{
  g_autoptr(GBytes) archive = test_storage_archive ("none", "one");
  g_autofree char *id = test_storage_import (self, archive, "docker.io/library/busybox:1", NULL);
  g_autofree char *prefix = g_strndup (id, 12), *digest = g_strconcat ("sha256:", id, NULL);
  const char *const good[] = { "busybox:1", "docker.io/busybox:1", "docker.io/library/busybox:1", id, prefix, digest };
  const struct { const char *name; CpodError code; } bad[] = {
    { "busybox", CPOD_ERROR_NO_SUCH_IMAGE }, { "localhost/busybox:1", CPOD_ERROR_NO_SUCH_IMAGE },
    { "zzz", CPOD_ERROR_NO_SUCH_IMAGE }, { "0123456789abcdef", CPOD_ERROR_NO_SUCH_IMAGE },
    { "No:No:No", CPOD_ERROR_INVALID_ARGUMENT }, { "", CPOD_ERROR_INVALID_ARGUMENT },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr(CpdImageRow) image = cpd_storage_find_image (self->storage, good[i], NULL);

      g_assert_nonnull (image);
      g_assert_cmpstr (image->id, ==, id);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_null (cpd_storage_find_image (self->storage, bad[i].name, &error));
      g_assert_error (error, CPOD_ERROR, (int) bad[i].code);
    }
}

/* The name of one image is the beginning of the id of another one. */
static void
test_name_wins (TestStorage *self, gconstpointer data)
{
  g_autoptr(GBytes) archive = test_storage_archive ("none", "one");
  g_autofree char *other = test_storage_import (self, archive, NULL, NULL);
  g_autofree char *name = g_strndup (other, 6);
  g_autofree char *id = test_storage_import (self, archive, name, NULL);
  g_autoptr(CpdImageRow) image = cpd_storage_find_image (self->storage, name, NULL);

  g_assert_cmpstr (image->id, ==, id);
}

static void
add_name (TestStorage *self, const char *name, const char *id)
{
  g_autoptr(CpdTransaction) tx = cpd_store_begin (self->store, CPD_STORE_DURABLE, NULL);

  g_assert_true (cpd_store_tag_image (tx, name, id, NULL));
  g_assert_true (cpd_transaction_commit (tx, NULL));
}

static void
test_remove (TestStorage *self, gconstpointer data)
{
  g_autoptr(GBytes) archive = test_storage_archive ("none", "one");
  g_autofree char *id = test_storage_import (self, archive, "one", NULL), *events = NULL;
  g_autofree char *deleted = NULL, *deleted_too = NULL;
  g_auto(GStrv) untagged = NULL, untagged_too = NULL;
  const char *const first[] = { "localhost/one:latest", NULL }, *const second[] = { "localhost/two:latest", NULL };
  g_autoptr(GError) error = NULL;

  add_name (self, "localhost/two:latest", id);
  g_assert_true (cpd_storage_remove_image (self->storage, "one", FALSE, CPD_CALLER_SELF, &untagged, &deleted, &error));
  g_assert_no_error (error);
  g_assert_cmpstrv (untagged, first);
  g_assert_cmpstr (deleted, ==, "");
  test_storage_assert_clean (self);
  g_assert_true (cpd_storage_remove_image (self->storage, "two", FALSE, CPD_CALLER_SELF, &untagged_too, &deleted_too, &error));
  g_assert_cmpstrv (untagged_too, second);
  g_assert_cmpstr (deleted_too, ==, id);
  test_storage_assert_empty (self);
  events = test_storage_events (self);
  g_assert_cmpstr (events, ==, "image/import/localhost/one:latest image/untag/localhost/one:latest"
                               " image/untag/localhost/two:latest image/remove/localhost/two:latest");
}

static void
test_remove_by_id (TestStorage *self, gconstpointer data)
{
  g_autoptr(GBytes) archive = test_storage_archive ("none", "one");
  g_autofree char *id = test_storage_import (self, archive, "one", NULL), *deleted = NULL;
  g_auto(GStrv) untagged = NULL;
  g_autoptr(GError) error = NULL;

  add_name (self, "localhost/two:latest", id);
  g_assert_false (cpd_storage_remove_image (self->storage, id, FALSE, CPD_CALLER_SELF, &untagged, &deleted, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
  g_assert_null (untagged);
  g_assert_true (cpd_storage_remove_image (self->storage, id, TRUE, CPD_CALLER_SELF, &untagged, &deleted, NULL));
  g_assert_cmpuint (g_strv_length (untagged), ==, 2);
  g_assert_cmpstr (deleted, ==, id);
  test_storage_assert_empty (self);
}

/* Names go and come; what was kept of where the image was found goes with the last of its tags there. */
static void
test_tags (TestStorage *self, gconstpointer data)
{
  g_autoptr(GBytes) archive = test_storage_archive ("none", "one");
  g_autofree char *id = test_storage_import (self, archive, "host/one:1", NULL), *found = NULL, *blob = NULL;
  const char *const more[] = { "two", "host/one:2", NULL }, *const one[] = { "host/one:1", NULL }, *const none[] = { NULL };
  const char *const bad[] = { "three", "No", NULL };
  g_autofree char *hex = g_strnfill (64, '7');
  g_auto(GStrv) tagged = NULL, untagged = NULL, rest = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(CpdImageRow) image = NULL;

  found = g_strconcat ("localhost/host/one@sha256:", hex, NULL);
  blob = g_build_filename (self->root, "images", "blobs", "sha256", hex, NULL);
  add_name (self, found, id);
  g_assert_true (g_file_set_contents (blob, "{}", -1, NULL));
  tagged = cpd_storage_tag_image (self->storage, id, more, CPD_CALLER_SELF, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (tagged[0], ==, "localhost/two:latest");
  g_assert_null (cpd_storage_tag_image (self->storage, id, bad, CPD_CALLER_SELF, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
  untagged = cpd_storage_untag_image (self->storage, id, one, CPD_CALLER_SELF, NULL);
  g_assert_cmpstrv (untagged, ((const char *const[]) { "localhost/host/one:1", NULL }));
  g_assert_true (g_file_test (blob, G_FILE_TEST_EXISTS));
  rest = cpd_storage_untag_image (self->storage, id, none, CPD_CALLER_SELF, NULL);
  g_assert_cmpuint (g_strv_length (rest), ==, 2);
  g_assert_false (g_file_test (blob, G_FILE_TEST_EXISTS));
  image = cpd_store_get_image (self->store, id, NULL);
  g_assert_cmpuint (g_strv_length (image->names) + g_strv_length (image->digests), ==, 0);
  test_storage_assert_clean (self);
}

static void
test_remove_shared (TestStorage *self, gconstpointer data)
{
  g_autoptr(GBytes) archive = test_storage_archive ("none", "one");
  g_autofree char *one = test_storage_import (self, archive, "one", NULL);
  g_autofree char *two = test_storage_import (self, archive, "two", NULL), *deleted = NULL;
  g_auto(GStrv) untagged = NULL;

  g_assert_true (cpd_storage_remove_image (self->storage, "one", FALSE, CPD_CALLER_SELF, &untagged, &deleted, NULL));
  g_assert_cmpstr (deleted, ==, one);
  g_assert_cmpuint (test_storage_count (self, "overlay/layers"), ==, 1);
  g_assert_cmpuint (test_storage_count (self, "images/blobs/sha256"), ==, 3);
  test_storage_assert_clean (self);
}

static void
test_in_use (TestStorage *self, gconstpointer data)
{
  g_autoptr(GBytes) archive = test_storage_archive ("none", "one");
  g_autofree char *id = test_storage_import (self, archive, "one", NULL), *container = cpd_id_generate ();
  CpdContainerRow row = { .id = container, .name = (char *) "user", .image = (char *) "one", .image_id = id,
                          .config = (char *) "{}" };
  g_autoptr(CpdTransaction) tx = cpd_store_begin (self->store, CPD_STORE_DURABLE, NULL);
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) untagged = NULL;
  char *deleted = NULL;

  g_assert_true (cpd_store_add_container (tx, &row, NULL));
  g_assert_true (cpd_transaction_commit (tx, NULL));
  for (int force = 0; force < 2; force++)
    {
      g_assert_false (cpd_storage_remove_image (self->storage, "one", force, CPD_CALLER_SELF, &untagged, &deleted, &error));
      g_assert_error (error, CPOD_ERROR, CPOD_ERROR_IMAGE_IN_USE);
      g_clear_error (&error);
    }
  add_name (self, "localhost/two:latest", id);  /* with another one left, a name may go */
  g_assert_true (cpd_storage_remove_image (self->storage, "two", FALSE, CPD_CALLER_SELF, &untagged, &deleted, NULL));
  g_assert_cmpstr (deleted, ==, "");
  g_free (deleted);
  test_storage_assert_clean (self);
}

/* Another program reads what was written. */
static void
test_oci_layout (TestStorage *self, gconstpointer data)
{
  g_autoptr(GBytes) archive = test_storage_archive (data, "one");
  g_autofree char *id = test_storage_import (self, archive, "busybox:1", NULL);
  g_autofree char *address = g_strdup_printf ("oci:%s/images:localhost/busybox:1", self->root);
  g_autofree char *copy_address = g_strdup_printf ("dir:%s/copy", self->scratch);
  g_autofree char *inspected = test_storage_run ("skopeo", "inspect", address, NULL);
  g_autofree char *config = test_storage_run ("skopeo", "inspect", "--config", "--raw", address, NULL);
  g_autofree char *copied = test_storage_run ("skopeo", "copy", "--insecure-policy", address, copy_address, NULL);
  g_autoptr(JsonNode) node = cpd_json_parse (inspected, -1, NULL);
  g_autoptr(CpdImageRow) image = cpd_storage_find_image (self->storage, id, NULL);
  g_auto(GStrv) layers = cpd_json_get_strv (json_node_get_object (node), "Layers");

  g_assert_cmpstr (cpd_json_get_string (json_node_get_object (node), "Digest"), ==, image->digest);
  g_assert_cmpstr (cpd_json_get_string (json_node_get_object (node), "Os"), ==, "linux");
  g_assert_cmpuint (g_strv_length (layers), ==, 1);
  g_assert_cmpstr (config, ==, image->config);
  g_assert_nonnull (copied);
}

static gpointer
import_many (gpointer user_data)
{
  TestStorage *self = user_data;

  for (int i = 0; i < 5; i++)
    {
      g_autofree char *text = g_strdup_printf ("text %d", i % 3);
      g_autoptr(GBytes) archive = test_storage_archive ("none", text);
      g_autoptr(GError) error = NULL;
      g_autofree char *id = test_storage_import (self, archive, NULL, &error), *deleted = NULL;
      g_auto(GStrv) untagged = NULL;

      g_assert_no_error (error);
      cpd_storage_remove_image (self->storage, id, FALSE, CPD_CALLER_SELF, &untagged, &deleted, &error);
      g_assert_no_error (error);
    }
  return NULL;
}

/* The same few layers come and go in several threads at once. */
static void
test_parallel (TestStorage *self, gconstpointer data)
{
  GThread *threads[6];

  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("import", import_many, self);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  test_storage_assert_empty (self);
}

static void
test_unwritable (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CpdStore) store = cpd_store_open (":memory:", NULL);

  g_assert_null (cpd_storage_open (store, "/proc/nowhere/storage", NULL, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "/proc/nowhere/storage"));
}

#define ADD(path, data, function) \
  g_test_add (path, TestStorage, data, test_storage_set_up, function, test_storage_tear_down)

static void
set_up_roomy (TestStorage *self, gconstpointer data)
{
  test_storage_set_up (self, NULL);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  test_scratch_init ();
  ADD ("/storage/images/import", NULL, test_import);
  ADD ("/storage/images/same-layer", NULL, test_same_layer);
  ADD ("/storage/images/again", NULL, test_again);
  ADD ("/storage/images/bad-arguments", NULL, test_bad_arguments);
  ADD ("/storage/images/bad-archives", NULL, test_bad_archives);
  ADD ("/storage/images/tags", NULL, test_tags);
  ADD ("/storage/images/deep", NULL, test_deep);
  ADD ("/storage/images/disk-full", "4m", test_disk_full);
  ADD ("/storage/images/cancel", NULL, test_cancel);
  ADD ("/storage/images/find", NULL, test_find);
  ADD ("/storage/images/name-wins", NULL, test_name_wins);
  ADD ("/storage/images/remove", NULL, test_remove);
  ADD ("/storage/images/remove-by-id", NULL, test_remove_by_id);
  ADD ("/storage/images/remove-shared", NULL, test_remove_shared);
  ADD ("/storage/images/in-use", NULL, test_in_use);
  g_test_add ("/storage/images/oci-layout/none", TestStorage, "none", set_up_roomy, test_oci_layout, test_storage_tear_down);
  g_test_add ("/storage/images/oci-layout/gzip", TestStorage, "gzip", set_up_roomy, test_oci_layout, test_storage_tear_down);
  g_test_add ("/storage/images/oci-layout/xz", TestStorage, "xz", set_up_roomy, test_oci_layout, test_storage_tear_down);
  g_test_add ("/storage/images/oci-layout/zstd", TestStorage, "zstd", set_up_roomy, test_oci_layout, test_storage_tear_down);
  ADD ("/storage/images/parallel", NULL, test_parallel);
  g_test_add_func ("/storage/images/unwritable", test_unwritable);
  return g_test_run ();
}
