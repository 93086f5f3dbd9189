/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-unpacking.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "common/cpd-fs.h"
#include "test-scratch.h"

void
test_unpacking_set_up (TestUnpacking *self, gconstpointer data)
{
  self->scratch = test_scratch_new ("64m");
  self->root_path = g_build_filename (self->scratch, "root", NULL);
  self->blob_path = g_build_filename (self->scratch, "blob", NULL);
  g_assert_cmpint (mkdir (self->root_path, 0755), ==, 0);
  self->root = open (self->root_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  self->blob = open (self->blob_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

void
test_unpacking_tear_down (TestUnpacking *self, gconstpointer data)
{
  cpd_close_fd (&self->root);
  cpd_close_fd (&self->blob);
  cpd_layer_info_clear (&self->info);
  g_free (self->root_path);
  g_free (self->blob_path);
  test_scratch_free (self->scratch);
}
