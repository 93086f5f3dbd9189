/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "common/cpd-names.h"
#include "oci/cpd-digest.h"
#include "public/cpod-error.h"
#include "test-scratch.h"
#include "test-storage.h"

static char *
make_target (TestStorage *self, const char *name)
{
  char *path = g_build_filename (self->scratch, name, NULL);

  g_assert_cmpint (mkdir (path, 0700), ==, 0);
  return path;
}

static char *
import_one (TestStorage *self)
{
  g_autoptr(GBytes) archive = test_storage_archive ("none", "one");
  g_autoptr(GError) error = NULL;
  char *id = test_storage_import (self, archive, "one", &error);

  g_assert_no_error (error);
  return id;
}

static void
assert_text (const char *directory, const char *name, const char *wanted)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);
  g_autofree char *text = cpd_fs_read_file (path, 4096, NULL);

  g_assert_cmpstr (text, ==, wanted);
}

static void
write_text (const char *directory, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

static void
test_mount (TestStorage *self, gconstpointer data)
{
  gboolean volatile_ = data != NULL;
  g_autofree char *image = import_one (self), *container = cpd_id_generate (), *target = make_target (self, "target");
  g_autofree char *before = g_get_current_dir (), *after = NULL;
  g_autoptr(GPtrArray) rw = NULL, none = NULL;
  g_autoptr(GError) error = NULL;
  struct stat info;

  cpd_storage_create_rw (self->storage, container, image, NULL, &error);
  g_assert_no_error (error);
  rw = cpd_storage_list_rw (self->storage, NULL);
  g_assert_cmpuint (rw->len, ==, 1);
  g_assert_cmpstr (rw->pdata[0], ==, container);

  for (int round = 0; round < 3; round++)       /* what was written is there the next time */
    {
      cpd_storage_mount (self->storage, container, image, target, volatile_, &error);
      g_assert_no_error (error);
      g_assert_true (cpd_fs_is_mountpoint (target));
      g_assert_cmpint (stat (target, &info), ==, 0);
      g_assert_cmpint (info.st_mode & 07777, ==, 0751);         /* as the archive says */
      assert_text (target, "etc/hostname", round == 0 ? "one" : "changed");
      assert_text (target, "usr/bin/tool", "a tool");
      write_text (target, "etc/hostname", "changed");
      g_assert_true (cpd_storage_unmount (self->storage, target, NULL));
      g_assert_false (cpd_fs_is_mountpoint (target));
    }
  g_assert_true (cpd_storage_unmount (self->storage, target, NULL));    /* twice is no error */
  after = g_get_current_dir ();
  g_assert_cmpstr (before, ==, after);
  g_assert_true (cpd_storage_delete_rw (self->storage, container, NULL));
  g_assert_true (cpd_storage_delete_rw (self->storage, container, NULL));
  none = cpd_storage_list_rw (self->storage, NULL);
  g_assert_cmpuint (none->len, ==, 0);
  test_storage_assert_clean (self);
}

/* Containers of one image do not see each other's changes, and the image has none of them. */
static void
test_apart (TestStorage *self, gconstpointer data)
{
  g_autofree char *image = import_one (self);
  g_autofree char *one = cpd_id_generate (), *one_target = make_target (self, "one");
  g_autofree char *two = cpd_id_generate (), *two_target = make_target (self, "two");

  g_assert_true (cpd_storage_create_rw (self->storage, one, image, NULL, NULL));
  g_assert_true (cpd_storage_create_rw (self->storage, two, image, NULL, NULL));
  g_assert_true (cpd_storage_mount (self->storage, one, image, one_target, FALSE, NULL));
  g_assert_true (cpd_storage_mount (self->storage, two, image, two_target, FALSE, NULL));
  write_text (one_target, "etc/hostname", "mine");
  write_text (one_target, "new", "new");
  assert_text (two_target, "etc/hostname", "one");
  assert_text (two_target, "new", NULL);
  g_assert_true (cpd_storage_unmount (self->storage, one_target, NULL));
  g_assert_true (cpd_storage_unmount (self->storage, two_target, NULL));
}

static void
test_errors (TestStorage *self, gconstpointer data)
{
  g_autofree char *image = import_one (self), *container = cpd_id_generate (), *missing = cpd_id_generate ();
  g_autofree char *target = make_target (self, "target");
  g_autoptr(GError) error = NULL;

  g_assert_false (cpd_storage_create_rw (self->storage, container, missing, NULL, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_IMAGE);
  g_clear_error (&error);
  g_assert_false (cpd_storage_create_rw (self->storage, "../../escape", image, NULL, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_false (cpd_storage_delete_rw (self->storage, "..", &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_cmpuint (test_storage_count (self, "overlay/c"), ==, 0);

  g_assert_true (cpd_storage_create_rw (self->storage, container, image, NULL, NULL));
  g_assert_false (cpd_storage_create_rw (self->storage, container, image, NULL, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_CONTAINER_EXISTS);
  g_clear_error (&error);
  g_assert_false (cpd_storage_mount (self->storage, container, image, "/nonexistent/target", FALSE, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "/nonexistent/target"));
  g_assert_nonnull (strstr (error->message, container));
  g_clear_error (&error);
  g_assert_false (cpd_storage_mount (self->storage, missing, image, target, FALSE, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_FAILED);
  g_assert_false (cpd_fs_is_mountpoint (target));
}

static void
fill_layer (const char *directory, guint number, gconstpointer data)
{
  g_autofree char *file = g_strdup_printf ("file%u", number);

  write_text (directory, file, "here");
  write_text (directory, "top", file);
}

/* An image of N layers, each with a file of its own. */
static char *
add_layered_image (TestStorage *self, guint n)
{
  return test_storage_add_layers (self, n, fill_layer, NULL);
}

/* As many as the kernel takes; the lowest and the topmost must be there. */
static void
test_many_layers (TestStorage *self, gconstpointer data)
{
  g_autofree char *image = add_layered_image (self, 500), *container = cpd_id_generate ();
  g_autofree char *target = make_target (self, "target");
  g_autoptr(GError) error = NULL;

  g_assert_true (cpd_storage_create_rw (self->storage, container, image, NULL, NULL));
  cpd_storage_mount (self->storage, container, image, target, TRUE, &error);
  g_assert_no_error (error);
  assert_text (target, "file0", "here");
  assert_text (target, "file499", "here");
  assert_text (target, "top", "file499");
  write_text (target, "written", "yes");
  g_assert_true (cpd_storage_unmount (self->storage, target, NULL));
}

/* Read-only, whatever it takes; a single layer, too, is none that can be written to. */
static void
test_mount_image (TestStorage *self, gconstpointer data)
{
  const int numbers[] = { 1, 2, 60 };
  g_autofree char *target = make_target (self, "target"), *file = g_build_filename (target, "new", NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      g_autofree char *top = g_strdup_printf ("file%d", numbers[i] - 1);
      g_autofree char *image = add_layered_image (self, numbers[i]);
      g_autoptr(GPtrArray) copies = NULL;
      g_autoptr(GError) error = NULL;

      cpd_storage_mount_image (self->storage, image, target, &error);
      g_assert_no_error (error);
      assert_text (target, "file0", "here");
      assert_text (target, "top", top);
      g_assert_cmpint (open (file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), ==, -1);
      g_assert_cmpint (errno, ==, EROFS);
      copies = cpd_storage_list_image_copies (self->storage, NULL);
      g_assert_cmpuint (copies->len, ==, self->settings.driver != NULL && numbers[i] > 1);
      g_assert_true (cpd_storage_unmount (self->storage, target, NULL));
      g_assert_true (cpd_storage_delete_image_copy (self->storage, image, NULL));
      g_assert_false (cpd_storage_has_image_copy (self->storage, image));
    }
}

static void
test_mount_no_image (TestStorage *self, gconstpointer data)
{
  g_autofree char *target = make_target (self, "target"), *missing = cpd_id_generate ();
  g_autofree char *image = add_layered_image (self, 501);
  g_autoptr(GError) error = NULL, too_many = NULL;

  g_assert_false (cpd_storage_mount_image (self->storage, missing, target, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_IMAGE);
  g_assert_nonnull (strstr (error->message, missing));
  g_assert_false (cpd_fs_is_mountpoint (target));
  if (self->settings.driver != NULL)
    return;
  g_assert_false (cpd_storage_mount_image (self->storage, image, target, &too_many));
  g_assert_error (too_many, CPOD_ERROR, CPOD_ERROR_FAILED);
  g_assert_nonnull (strstr (too_many->message, "501"));
}

static void
test_too_many_layers (TestStorage *self, gconstpointer data)
{
  g_autofree char *image = add_layered_image (self, 501), *container = cpd_id_generate ();
  g_autofree char *target = make_target (self, "target");
  g_autoptr(GError) error = NULL;

  g_assert_true (cpd_storage_create_rw (self->storage, container, image, NULL, NULL));
  g_assert_false (cpd_storage_mount (self->storage, container, image, target, FALSE, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "501"));
}

typedef struct
{
  TestStorage *self;
  const char *image;
  int number;
} Worker;

static gpointer
mount_many (gpointer data)
{
  Worker *worker = data;
  TestStorage *self = worker->self;
  g_autofree char *name = g_strdup_printf ("target%d", worker->number), *target = make_target (self, name);

  for (int i = 0; i < 20; i++)
    {
      g_autofree char *container = cpd_id_generate ();

      g_assert_true (cpd_storage_create_rw (self->storage, container, worker->image, NULL, NULL));
      g_assert_true (cpd_storage_mount (self->storage, container, worker->image, target, i % 2, NULL));
      assert_text (target, "etc/hostname", "one");
      write_text (target, "etc/hostname", container);
      g_assert_true (cpd_storage_unmount (self->storage, target, NULL));
      g_assert_true (cpd_storage_delete_rw (self->storage, container, NULL));
    }
  return NULL;
}

static void
test_parallel (TestStorage *self, gconstpointer data)
{
  g_autofree char *image = import_one (self), *before = g_get_current_dir (), *after = NULL;
  GThread *threads[6];
  Worker workers[6];

  for (int i = 0; i < 6; i++)
    {
      workers[i] = (Worker) { self, image, i };
      threads[i] = g_thread_new ("mount", mount_many, &workers[i]);
    }
  for (int i = 0; i < 6; i++)
    g_thread_join (threads[i]);
  after = g_get_current_dir ();
  g_assert_cmpstr (before, ==, after);
  g_assert_cmpuint (test_storage_count (self, "overlay/c"), ==, 0);
}

#define ADD(path, data, function) \
  g_test_add (path, TestStorage, data, set_up, function, test_storage_tear_down)

static void
set_up (TestStorage *self, gconstpointer data)
{
  test_storage_set_up (self, NULL);
}

static void
set_up_vfs (TestStorage *self, gconstpointer data)
{
  self->settings.driver = "vfs";
  test_storage_set_up (self, NULL);
}

/* What holds whatever the driver is. */
#define ADD_VFS(path, function) \
  g_test_add (path, TestStorage, NULL, set_up_vfs, function, test_storage_tear_down)

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  test_scratch_init ();
  ADD ("/storage/overlay/mount", NULL, test_mount);
  ADD ("/storage/overlay/mount-volatile", "volatile", test_mount);
  ADD ("/storage/overlay/apart", NULL, test_apart);
  ADD ("/storage/overlay/errors", NULL, test_errors);
  ADD ("/storage/overlay/many-layers", NULL, test_many_layers);
  ADD ("/storage/overlay/too-many-layers", NULL, test_too_many_layers);
  ADD ("/storage/overlay/mount-image", NULL, test_mount_image);
  ADD ("/storage/overlay/mount-no-image", NULL, test_mount_no_image);
  ADD ("/storage/overlay/parallel", NULL, test_parallel);
  ADD_VFS ("/storage/vfs/mount", test_mount);
  ADD_VFS ("/storage/vfs/apart", test_apart);
  ADD_VFS ("/storage/vfs/errors", test_errors);
  ADD_VFS ("/storage/vfs/many-layers", test_many_layers);
  ADD_VFS ("/storage/vfs/mount-image", test_mount_image);
  ADD_VFS ("/storage/vfs/mount-no-image", test_mount_no_image);
  ADD_VFS ("/storage/vfs/parallel", test_parallel);
  return g_test_run ();
}
