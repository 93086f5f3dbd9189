/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <string.h>
#include <sys/mount.h>

#include "public/cpod-error.h"
#include "storage/cpd-mount-options.h"

static const struct
{
  const char *text;
  unsigned long flags;
  const char *data;
} good[] = {
  { "", MS_NODEV, ",metacopy=off,redirect_dir=off" },
  { "nodev, noexec,,nosuid", MS_NODEV | MS_NOEXEC | MS_NOSUID, ",metacopy=off,redirect_dir=off" },
  { "metacopy=on", MS_NODEV, ",metacopy=on,redirect_dir=on" },
  { "metacopy=off,redirect_dir=nofollow", MS_NODEV, ",metacopy=off,redirect_dir=nofollow" },
  { "index=off,xino=auto,metacopy=on,metacopy=off", MS_NODEV, ",metacopy=off,redirect_dir=off,index=off,xino=auto" },
  { "volatile", MS_NODEV, ",metacopy=off,redirect_dir=off" },
};

static const char *const bad[] = {
  "lowerdir=/etc", "nodev,upperdir=/tmp", "metacopy", "metacopy=", "metacopy=maybe", "metacopy=on|off", "xino=|", "size=1g",
  "metacopy=on,redirect_dir=off", "nodev=1", "ro",
};

static void
test_good (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      CpdMountOptions options;
      g_autoptr(GError) error = NULL;

      cpd_mount_options_parse (&options, good[i].text, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (options.flags, ==, good[i].flags);
      g_assert_cmpstr (options.data, ==, good[i].data);
      g_assert_cmpint (options.metacopy, ==, strstr (options.data, "metacopy=on") != NULL);
      g_assert_cmpint (options.redirect_dir, ==, strstr (options.data, "redirect_dir=on") != NULL);
      g_assert_cmpint (options.volatile_, ==, g_str_equal (good[i].text, "volatile"));
      cpd_mount_options_clear (&options);
    }
}

static void
test_bad (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      CpdMountOptions options;
      g_autoptr(GError) error = NULL;

      g_assert_false (cpd_mount_options_parse (&options, bad[i], &error));
      g_assert_error (error, CPOD_ERROR, CPOD_ERROR_BAD_CONFIG);
      cpd_mount_options_clear (&options);
    }
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/storage/mount-options/good", test_good);
  g_test_add_func ("/storage/mount-options/bad", test_bad);
  return g_test_run ();
}
