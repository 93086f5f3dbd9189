/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"

#include <string.h>

#include "common/cpd-fs.h"
#include "test-scratch.h"

void
fuzz_init (void)
{
  g_log_set_always_fatal (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING);
}

char *
fuzz_directory (void)
{
  test_scratch_init ();
  return test_scratch_new ("256m");
}

char **
fuzz_split (const guint8 *data, gsize size, guint n)
{
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_auto(GStrv) parts = g_strsplit (text, "%%\n", (int) n);
  char **all = g_new0 (char *, n + 1);

  for (guint i = 0; i < n; i++)
    all[i] = g_strdup (i < g_strv_length (parts) ? parts[i] : "");
  return all;
}

void
fuzz_write (const char *directory, const char *path, const char *text)
{
  g_autofree char *full = g_build_filename (directory, path, NULL);
  g_autofree char *parent = g_path_get_dirname (full);

  g_assert_true (cpd_fs_mkdir_p (parent, 0755, NULL));
  g_assert_true (cpd_fs_write_file (full, text, -1, 0600, FALSE, NULL));
}
