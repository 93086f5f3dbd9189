/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A user as it was asked for, and the passwd and group files of an image. */
#include "fuzz.h"
#include "oci/cpd-runtime-spec.h"

static char *base;

int
LLVMFuzzerInitialize (int *argc, char ***argv)
{
  fuzz_init ();
  base = fuzz_directory ();
  return 0;
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_auto(GStrv) parts = fuzz_split (data, size, 3);
  g_autoptr(GError) error = NULL;
  g_autoptr(GArray) groups = NULL;
  g_autofree char *home = NULL;
  guint32 uid, gid;

  g_strchomp (parts[0]);
  fuzz_write (base, "etc/passwd", parts[1]);
  fuzz_write (base, "etc/group", parts[2]);
  if (!cpd_user_lookup (base, parts[0], &uid, &gid, &groups, &home, &error))
    {
      g_assert_nonnull (error);
      return 0;
    }
  g_assert_nonnull (home);
  g_assert_cmpint (*home, !=, '\0');
  return 0;
}
