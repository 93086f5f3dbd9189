/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "oci/cpd-runtime-spec.h"
#include "public/cpod-error.h"

static const char passwd[] =
  "# a comment\n"
  "root:x:0:0:root:/root:/bin/sh\n"
  "daemon:x:1:1::/usr/sbin:/bin/false\n"
  "broken line\n"
  "short:x:7:8\n"
  "anna:x:1000:1001:Anna,,,:/srv/anna:/bin/sh\n"
  "33:x:34:35::/named33:/bin/sh\n"
  "relative:x:40:40::home:/bin/sh\n"
  "huge:x:99999999999:1::/:/bin/sh\n";

static const char group[] =
  "root:x:0:\n"
  "wheel:x:10:root,anna\n"
  "anna:x:1001:\n"
  "audio:x:29:anna\n"
  "empty:x:50:\n"
  "last:x:60:anna";

typedef struct
{
  const char *user;
  guint32 uid;
  guint32 gid;
  const char *gids;
  const char *home;
} Case;

static const Case cases[] = {
  { "", 0, 0, "0 10", "/root" },
  { "root", 0, 0, "0 10", "/root" },
  { "0", 0, 0, "0 10", "/root" },
  { "anna", 1000, 1001, "1001 10 29 60", "/srv/anna" },
  { "1000", 1000, 1001, "1001 10 29 60", "/srv/anna" },
  { "anna:audio", 1000, 29, "29", "/srv/anna" },
  { "anna:29", 1000, 29, "29", "/srv/anna" },
  { "anna:7777", 1000, 7777, "7777", "/srv/anna" },
  { "1000:1001", 1000, 1001, "1001", "/srv/anna" },
  { "4242", 4242, 0, "0", "/" },
  { "4242:50", 4242, 50, "50", "/" },
  { "4242:empty", 4242, 50, "50", "/" },
  { ":audio", 0, 29, "29", "/root" },
  { "short", 7, 8, "8", "/" },
  { "33", 34, 35, "35", "/named33" },
  { "relative", 40, 40, "40", "/" },
  { "2147483647", 2147483647, 0, "0", "/" },
};

static const char *const unknown[] = {
  "nobody", "anna:nogroup", "huge", "-1", "2147483648", "1000:-1", "anna:2147483648", "a b", "\xff", "#", "broken line",
};

static char *
make_root (void)
{
  char *root = g_dir_make_tmp ("cpod-test-XXXXXX", NULL);
  g_autofree char *etc = g_build_filename (root, "etc", NULL);
  g_autofree char *passwd_path = g_build_filename (etc, "passwd", NULL);
  g_autofree char *group_path = g_build_filename (etc, "group", NULL);

  g_assert_cmpint (mkdir (etc, 0755), ==, 0);
  g_assert_true (g_file_set_contents (passwd_path, passwd, -1, NULL));
  g_assert_true (g_file_set_contents (group_path, group, -1, NULL));
  return root;
}

static void
free_root (char *root)
{
  g_assert_true (cpd_fs_remove_tree (root, NULL));
  g_free (root);
}

static char *
join_gids (GArray *gids)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < gids->len; i++)
    g_string_append_printf (text, "%s%u", i > 0 ? " " : "", g_array_index (gids, guint32, i));
  return g_string_free (text, FALSE);
}

static void
test_known (void)
{
  char *root = make_root ();

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(GArray) gids = NULL;
      g_autofree char *home = NULL, *joined = NULL;
      guint32 uid, gid;

      g_test_message ("'%s'", cases[i].user);
      cpd_user_lookup (root, cases[i].user, &uid, &gid, &gids, &home, &error);
      g_assert_no_error (error);
      joined = join_gids (gids);
      g_assert_cmpuint (uid, ==, cases[i].uid);
      g_assert_cmpuint (gid, ==, cases[i].gid);
      g_assert_cmpstr (joined, ==, cases[i].gids);
      g_assert_cmpstr (home, ==, cases[i].home);
    }
  free_root (root);
}

static void
test_unknown (void)
{
  char *root = make_root ();

  for (gsize i = 0; i < G_N_ELEMENTS (unknown); i++)
    {
      g_autoptr(GError) error = NULL;
      GArray *gids = NULL;
      char *home = NULL;
      guint32 uid = 77, gid = 88;

      g_test_message ("unknown user %" G_GSIZE_FORMAT, i);
      g_assert_false (cpd_user_lookup (root, unknown[i], &uid, &gid, &gids, &home, &error));
      g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
      g_assert_cmpuint (uid, ==, 77);
      g_assert_cmpuint (gid, ==, 88);
      g_assert_null (gids);
      g_assert_null (home);
    }
  free_root (root);
}

/* The image's files are links out of it, or no files at all. */
static void
test_hostile (void)
{
  g_autofree char *root = g_dir_make_tmp ("cpod-test-XXXXXX", NULL);
  g_autofree char *etc = g_build_filename (root, "etc", NULL);
  g_autofree char *path = g_build_filename (etc, "passwd", NULL);
  g_autofree char *outside = g_strconcat (root, ".outside", NULL);
  g_autoptr(GError) error = NULL;
  GArray *gids = NULL;
  char *home = NULL;
  guint32 uid, gid;

  g_assert_cmpint (mkdir (etc, 0755), ==, 0);
  g_assert_true (g_file_set_contents (outside, "evil:x:666:666::/:\n", -1, NULL));
  g_assert_cmpint (symlink (outside, path), ==, 0);
  g_assert_false (cpd_user_lookup (root, "evil", &uid, &gid, &gids, &home, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);

  g_assert_cmpint (unlink (path), ==, 0);
  g_assert_cmpint (mkfifo (path, 0666), ==, 0);
  g_assert_false (cpd_user_lookup (root, "evil", &uid, &gid, &gids, &home, &error));
  g_assert_error (error, CPOD_ERROR, CPOD_ERROR_FAILED);
  g_assert_cmpint (unlink (outside), ==, 0);
  g_assert_true (cpd_fs_remove_tree (root, NULL));
}

/* An image need not have the files. */
static void
test_no_files (void)
{
  g_autofree char *root = g_dir_make_tmp ("cpod-test-XXXXXX", NULL);
  g_autoptr(GArray) gids = NULL;
  g_autofree char *home = NULL;
  guint32 uid, gid;

  g_assert_true (cpd_user_lookup (root, "5:6", &uid, &gid, &gids, &home, NULL));
  g_assert_cmpuint (uid, ==, 5);
  g_assert_cmpuint (gid, ==, 6);
  g_assert_cmpstr (home, ==, "/");
  g_assert_cmpint (g_rmdir (root), ==, 0);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/oci/user/known", test_known);
  g_test_add_func ("/oci/user/unknown", test_unknown);
  g_test_add_func ("/oci/user/hostile", test_hostile);
  g_test_add_func ("/oci/user/no-files", test_no_files);
  return g_test_run ();
}
