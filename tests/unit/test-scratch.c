/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-scratch.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

void
test_scratch_init (void)
{
  if (unshare (CLONE_NEWNS) < 0 || mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
    g_error ("these tests make mounts and must be run by root: %s", g_strerror (errno));
}

char *
test_scratch_new (const char *size)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *options = g_strdup_printf ("mode=755,size=%s", size);
  char *path = g_dir_make_tmp ("cpod-test-XXXXXX", &error);

  g_assert_no_error (error);
  g_assert_cmpint (mount ("tmpfs", path, "tmpfs", 0, options), ==, 0);
  return path;
}

void
test_scratch_free (char *path)
{
  g_assert_cmpint (umount2 (path, MNT_DETACH), ==, 0);
  g_assert_cmpint (rmdir (path), ==, 0);
  g_free (path);
}

void
test_scratch_set_up (TestScratch *self, gconstpointer size)
{
  self->path = test_scratch_new (size);
}

void
test_scratch_tear_down (TestScratch *self, gconstpointer size)
{
  test_scratch_free (self->path);
}
