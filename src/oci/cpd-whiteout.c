/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-whiteout.h"

#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define OPAQUE_SHORT ".wh..opq"

gboolean
cpd_whiteout_is (const struct stat *info)
{
  return S_ISCHR (info->st_mode) && info->st_rdev == 0;
}

gboolean
cpd_whiteout_is_opaque (int fd)
{
  char value[2];

  return fgetxattr (fd, CPD_WHITEOUT_XATTR, value, sizeof value) == 1 && value[0] == 'y';
}

gboolean
cpd_whiteout_has_opaque_mark (int fd)
{
  return faccessat (fd, CPD_WHITEOUT_OPAQUE, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

const char *
cpd_whiteout_marked_name (const char *base)
{
  if (!g_str_has_prefix (base, CPD_WHITEOUT_PREFIX))
    return NULL;
  if (g_str_has_prefix (base, CPD_WHITEOUT_META) || strcmp (base, OPAQUE_SHORT) == 0)
    return "";
  return base + strlen (CPD_WHITEOUT_PREFIX);
}
