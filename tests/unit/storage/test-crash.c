/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "oci/cpd-digest.h"
#include "test-scratch.h"
#include "test-storage.h"

/* Runs WORK in a child that dies at the fault point NAME, then opens and recovers the storage. */
static void
die_at (TestStorage *self, const char *name, void (*work) (TestStorage *))
{
  g_autoptr(GError) error = NULL;
  int status;
  pid_t pid;

  test_storage_close (self);
  pid = fork ();
  if (pid == 0)
    {
      g_setenv ("CPOD_FAULT", name, TRUE);
      test_storage_open (self);
      work (self);
      _exit (1);
    }
  while (waitpid (pid, &status, 0) < 0)
    g_assert_cmpint (errno, ==, EINTR);
  g_assert_true (WIFSIGNALED (status));
  g_assert_cmpint (WTERMSIG (status), ==, SIGKILL);
  test_storage_open (self);
  g_assert_true (cpd_storage_recover (self->storage, &error));
  g_assert_no_error (error);
}

static void
import_one (TestStorage *self)
{
  g_autoptr(GBytes) archive = test_storage_archive ("gzip", "one");
  g_autofree char *id = test_storage_import (self, archive, "one", NULL);

  g_assert_nonnull (id);
}

static void
remove_one (TestStorage *self)
{
  g_autofree char *deleted = NULL;
  g_auto(GStrv) untagged = NULL;

  g_assert_true (cpd_storage_remove_image (self->storage, "one", FALSE, CPD_CALLER_SELF, &untagged, &deleted, NULL));
}

static void
test_import_undone (TestStorage *self, gconstpointer data)
{
  g_autofree char *events = NULL;

  die_at (self, data, import_one);
  test_storage_assert_empty (self);
  events = test_storage_events (self);
  g_assert_cmpstr (events, ==, "");
  import_one (self);            /* and nothing is in the way of the next one */
  test_storage_assert_clean (self);
}

static void
test_import_done (TestStorage *self, gconstpointer data)
{
  g_autoptr(CpdImageRow) image = NULL;
  g_autofree char *events = NULL;

  die_at (self, "pull.committed", import_one);
  test_storage_assert_clean (self);
  image = cpd_storage_find_image (self->storage, "one", NULL);
  g_assert_nonnull (image);
  events = test_storage_events (self);
  g_assert_cmpstr (events, ==, "image/import/localhost/one:latest");
}

static void
test_second_import_undone (TestStorage *self, gconstpointer data)
{
  g_autoptr(GPtrArray) images = NULL;

  import_one (self);
  die_at (self, data, import_one);      /* of the layer that is there already */
  test_storage_assert_clean (self);
  images = cpd_store_list_images (self->store, NULL);
  g_assert_cmpuint (images->len, ==, 1);
  g_assert_cmpuint (test_storage_count (self, "overlay/layers"), ==, 1);
}

static void
test_remove_undone (TestStorage *self, gconstpointer data)
{
  g_autoptr(CpdImageRow) image = NULL;

  import_one (self);
  die_at (self, "remove-image.intent", remove_one);
  test_storage_assert_clean (self);
  image = cpd_storage_find_image (self->storage, "one", NULL);
  g_assert_nonnull (image);
}

static void
test_remove_done (TestStorage *self, gconstpointer data)
{
  import_one (self);
  die_at (self, "remove-image.committed", remove_one);
  test_storage_assert_empty (self);
}

static guint
count_problems (TestStorage *self)
{
  g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);

  g_assert_true (cpd_storage_check (self->storage, problems, NULL));
  for (guint i = 0; i < problems->len; i++)
    {
      g_auto(GStrv) fields = g_strsplit (problems->pdata[i], "\t", -1);

      g_assert_cmpuint (g_strv_length (fields), ==, 3);
    }
  return problems->len;
}

/* What the check is for: it sees each kind of damage, and recovery mends what can be mended. */
static void
test_check (TestStorage *self, gconstpointer data)
{
  const char *const orphans[] = { "overlay/tmp/7", "overlay/layers/0123", "overlay/l/ZZZZZ", "images/blobs/sha256/0123" };
  g_autofree char *image_index = g_build_filename (self->root, "images", "index.json", NULL);
  g_autoptr(CpdImageRow) image = NULL;
  g_autoptr(GPtrArray) layers = NULL;
  g_autofree char *link_path = NULL, *blob = NULL;

  import_one (self);
  g_assert_cmpuint (count_problems (self), ==, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (orphans); i++)
    {
      g_autofree char *path = g_build_filename (self->root, orphans[i], NULL);

      g_assert_true (g_file_set_contents (path, "x", -1, NULL));
    }
  g_assert_true (g_file_set_contents (image_index, "{}", -1, NULL));
  layers = cpd_store_list_layers (self->store, NULL);
  link_path = g_build_filename (self->root, "overlay", "l", ((CpdLayerRow *) layers->pdata[0])->link, NULL);
  g_assert_cmpint (unlink (link_path), ==, 0);
  g_assert_cmpuint (count_problems (self), ==, G_N_ELEMENTS (orphans) + 2);

  g_assert_true (cpd_storage_recover (self->storage, NULL));
  g_assert_cmpuint (count_problems (self), ==, 0);

  image = cpd_storage_find_image (self->storage, "one", NULL);
  blob = g_build_filename (self->root, "images/blobs/sha256", cpd_digest_hex (image->digest), NULL);
  g_assert_true (g_file_set_contents (blob, "not what it was", -1, NULL));
  g_assert_cmpuint (count_problems (self), ==, 1);
  g_assert_cmpint (unlink (blob), ==, 0);
  g_assert_cmpuint (count_problems (self), ==, 1);
}

#define ADD(path, data, function) \
  g_test_add (path, TestStorage, data, set_up, function, test_storage_tear_down)

static void
set_up (TestStorage *self, gconstpointer data)
{
  test_storage_set_up (self, NULL);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  test_scratch_init ();
  ADD ("/storage/crash/import/intent", "pull.intent", test_import_undone);
  ADD ("/storage/crash/import/unpacked", "pull.unpacked", test_import_undone);
  ADD ("/storage/crash/import/blobs", "pull.blobs", test_import_undone);
  ADD ("/storage/crash/import/renamed", "pull.renamed", test_import_undone);
  ADD ("/storage/crash/import/committed", NULL, test_import_done);
  ADD ("/storage/crash/second-import/unpacked", "pull.unpacked", test_second_import_undone);
  ADD ("/storage/crash/second-import/blobs", "pull.blobs", test_second_import_undone);
  ADD ("/storage/crash/second-import/renamed", "pull.renamed", test_second_import_undone);
  ADD ("/storage/crash/remove/intent", NULL, test_remove_undone);
  ADD ("/storage/crash/remove/committed", NULL, test_remove_done);
  ADD ("/storage/crash/check", NULL, test_check);
  return g_test_run ();
}
