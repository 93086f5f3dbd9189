/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-storage.h"

#include <unistd.h>

#include "common/cpd-fs.h"
#include "common/cpd-names.h"
#include "common/cpd-process.h"
#include "oci/cpd-digest.h"
#include "store/cpd-store-events.h"
#include "store/cpd-store-operations.h"
#include "test-scratch.h"

void
test_storage_open (TestStorage *self)
{
  g_autoptr(GError) error = NULL;

  self->store = cpd_store_open (self->database, &error);
  g_assert_no_error (error);
  self->storage = cpd_storage_open (self->store, self->root, &self->settings, &error);
  g_assert_no_error (error);
}

void
test_storage_close (TestStorage *self)
{
  g_clear_pointer (&self->storage, cpd_storage_unref);
  g_clear_pointer (&self->store, cpd_store_unref);
}

void
test_storage_set_up (TestStorage *self, gconstpointer size)
{
  g_autofree char *state = NULL;

  self->scratch = test_scratch_new (size != NULL ? size : "64m");
  self->root = g_build_filename (self->scratch, "storage", NULL);
  state = g_build_filename (self->scratch, "state", NULL);
  g_assert_true (cpd_fs_mkdir_p (state, 0700, NULL));
  self->database = g_build_filename (state, "cpod.db", NULL);
  test_storage_open (self);
}

void
test_storage_tear_down (TestStorage *self, gconstpointer size)
{
  test_storage_close (self);
  g_free (self->root);
  g_free (self->database);
  test_scratch_free (self->scratch);
}

GBytes *
test_storage_archive (const char *filter, const char *text)
{
  TestArchive *archive = test_archive_new (filter);

  test_archive_add (archive, test_archive_entry ("./", AE_IFDIR, 0751), NULL, 0);
  test_archive_directory (archive, "etc");
  test_archive_file (archive, "etc/hostname", text);
  test_archive_symlink (archive, "bin", "usr/bin");
  test_archive_directory (archive, "usr/bin");
  test_archive_file (archive, "bin/tool", "a tool");
  return test_archive_finish (archive);
}

char *
test_storage_import (TestStorage *self, GBytes *archive, const char *name, GError **error)
{
  cpd_autofd int fd = test_bytes_open (archive);

  return cpd_storage_import (self->storage, fd, NULL, name, "{\"Cmd\":[\"/bin/tool\"]}", "a test",
                             CPD_CALLER_SELF, NULL, NULL, NULL, error);
}

static char *
add_layer (TestStorage *self, CpdTransaction *tx, const char *digest, const char *parent)
{
  const char *hex = cpd_digest_hex (digest);
  g_autofree char *link = g_strdup_printf ("%04u", self->links++), *target = g_strdup_printf ("../layers/%s/diff", hex);
  g_autofree char *link_path = g_build_filename (self->root, "overlay/l", link, NULL);
  char *diff = g_build_filename (self->root, "overlay/layers", hex, "diff", NULL);
  CpdLayerRow layer = { (char *) digest, (char *) parent, (char *) digest, (char *) digest,
                        (char *) "application/vnd.oci.image.layer.v1.tar", 0, 0, link };

  g_assert_true (cpd_fs_mkdir_p (diff, 0755, NULL));
  g_assert_cmpint (symlink (target, link_path), ==, 0);
  g_assert_true (cpd_store_add_layer (tx, &layer, NULL));
  return diff;
}

char *
test_storage_add_layers (TestStorage *self, guint n, TestStorageFill fill, gconstpointer data)
{
  g_autoptr(GPtrArray) chain_ids = g_ptr_array_new_with_free_func (g_free);
  g_autoptr(CpdTransaction) tx = cpd_store_begin (self->store, CPD_STORE_BOOT, NULL);
  char *id = cpd_id_generate ();
  CpdImageRow image = { .id = id, .digest = (char *) "sha256:0", .config = (char *) "{}" };

  for (guint i = 0; i < n; i++)
    {
      g_autofree char *text = g_strdup_printf ("%s %u", id, i), *digest = cpd_digest_of_text (text, -1);
      g_autofree char *diff = add_layer (self, tx, digest, i > 0 ? chain_ids->pdata[i - 1] : "");

      fill (diff, i, data);
      g_ptr_array_add (chain_ids, g_steal_pointer (&digest));
    }
  image.top_layer = chain_ids->pdata[n - 1];
  g_ptr_array_add (chain_ids, NULL);
  g_assert_true (cpd_store_add_image (tx, &image, (const char *const *) chain_ids->pdata, NULL));
  g_assert_true (cpd_transaction_commit (tx, NULL));
  return id;
}

void
test_storage_assert_clean (TestStorage *self)
{
  g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
  g_autoptr(GPtrArray) operations = cpd_store_list_operations (self->store, NULL);
  g_autoptr(GError) error = NULL;

  cpd_storage_check (self->storage, problems, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < problems->len; i++)
    g_test_message ("problem: %s", (char *) problems->pdata[i]);
  g_assert_cmpuint (problems->len, ==, 0);
  g_assert_cmpuint (operations->len, ==, 0);
}

guint
test_storage_count (TestStorage *self, const char *directory)
{
  g_autofree char *path = g_build_filename (self->root, directory, NULL);
  g_autoptr(GPtrArray) names = cpd_fs_list_dir (path, NULL);

  return names->len;
}

void
test_storage_assert_empty (TestStorage *self)
{
  g_autoptr(GPtrArray) images = cpd_store_list_images (self->store, NULL);
  g_autoptr(GPtrArray) layers = cpd_store_list_layers (self->store, NULL);

  test_storage_assert_clean (self);
  g_assert_cmpuint (images->len, ==, 0);
  g_assert_cmpuint (layers->len, ==, 0);
  g_assert_cmpuint (test_storage_count (self, "overlay/layers"), ==, 0);
  g_assert_cmpuint (test_storage_count (self, "overlay/l"), ==, 0);
  g_assert_cmpuint (test_storage_count (self, "overlay/tmp"), ==, 0);
  g_assert_cmpuint (test_storage_count (self, "images/blobs/sha256"), ==, 0);
}

char *
test_storage_events (TestStorage *self)
{
  const CpdEventQuery query = { .limit = CPD_EVENTS_MAX };
  guint64 last;
  gboolean gap;
  g_autoptr(GPtrArray) events = cpd_store_list_events (self->store, &query, &last, &gap, NULL);
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < events->len; i++)
    {
      const CpdEventRow *event = events->pdata[i];

      g_string_append_printf (text, "%s%s/%s/%s", i > 0 ? " " : "", event->type, event->status, event->name);
    }
  return g_string_free (text, FALSE);
}

char *
test_storage_run (const char *first, ...)
{
  g_autoptr(GPtrArray) argv = g_ptr_array_new ();
  g_autoptr(GError) error = NULL;
  g_autofree char *program = g_find_program_in_path (first);
  char *output = NULL;
  va_list args;

  g_assert_nonnull (program);
  g_ptr_array_add (argv, program);
  va_start (args, first);
  for (const char *arg = va_arg (args, const char *); arg != NULL; arg = va_arg (args, const char *))
    g_ptr_array_add (argv, (gpointer) arg);
  va_end (args);
  g_ptr_array_add (argv, NULL);
  cpd_process_run ((const char *const *) argv->pdata, 60000, &output, &error);
  g_assert_no_error (error);
  return output;
}
