/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A layer as somebody sent it: whatever it says, nothing outside of its directory is touched. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "fuzz.h"
#include "oci/cpd-digest.h"
#include "oci/cpd-layer.h"

static char *base;
static char *secret;
static struct stat outside;

int
LLVMFuzzerInitialize (int *argc, char ***argv)
{
  fuzz_init ();
  base = fuzz_directory ();
  fuzz_write (base, "secret", "secret");
  secret = g_build_filename (base, "secret", NULL);
  g_assert_cmpint (lstat (secret, &outside), ==, 0);
  return 0;
}

static void
check_outside (void)
{
  g_autoptr(GPtrArray) names = cpd_fs_list_dir (base, NULL);
  struct stat now;

  g_assert_cmpint (lstat (secret, &now), ==, 0);
  g_assert_cmpuint (now.st_ino, ==, outside.st_ino);
  g_assert_cmpuint (now.st_mode, ==, outside.st_mode);
  g_assert_cmpuint (now.st_uid, ==, outside.st_uid);
  g_assert_cmpuint (now.st_nlink, ==, 1);
  g_assert_cmpint (now.st_size, ==, 6);
  g_assert_cmpuint (names->len, ==, 2);         /* and the root */
}

static int
open_memory (const guint8 *data, gsize size)
{
  int fd = memfd_create ("layer", MFD_CLOEXEC);

  g_assert_cmpint (fd, >=, 0);
  g_assert_true (cpd_fs_write_all (fd, (const char *) data, size, NULL));
  g_assert_cmpint (lseek (fd, 0, SEEK_SET), ==, 0);
  return fd;
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  const CpdLayerLimits limits = { .size = 4 * 1024 * 1024, .entries = 1000 };
  g_autofree char *path = g_build_filename (base, "root", NULL);
  g_auto(CpdLayerInfo) info = { 0 };
  g_autoptr(GError) error = NULL;
  cpd_autofd int fd = open_memory (data, size);
  cpd_autofd int blob = open_memory (data, 0);
  cpd_autofd int root = -1;

  g_assert_true (cpd_fs_mkdir_p (path, 0755, NULL));
  root = open (path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (cpd_layer_extract (fd, root, blob, &limits, NULL, NULL, NULL, &info, &error))
    {
      g_assert_true (cpd_digest_check (info.diff_id, NULL));
      g_assert_cmpuint (info.entries, <=, limits.entries);
    }
  else
    g_assert_true (error != NULL && g_utf8_validate (error->message, -1, NULL));
  check_outside ();
  g_assert_true (cpd_fs_remove_tree (path, NULL));
  return 0;
}
