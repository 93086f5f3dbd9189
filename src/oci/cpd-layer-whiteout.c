/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-layer-whiteout.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "common/cpd-fs.h"
#include "oci/cpd-whiteout.h"

gboolean
cpd_layer_whiteout_set_opaque (const CpdLayerItem *item, int directory, const char *name, GError **error)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d/%s", directory, name);
  gboolean unable;

  if (setxattr (path, CPD_WHITEOUT_XATTR, "y", 1, 0) == 0)
    return TRUE;
  unable = errno == ENOTSUP || errno == EPERM;
  cpd_set_error_errno (error, errno, "entry '%s': failed to note by %s that a directory hides what lies below%s",
                       item->shown, CPD_WHITEOUT_XATTR,
                       unable ? "; images need a file system with trusted extended attributes" : "");
  return FALSE;
}

/* Hides NAME of the layers below. What this layer has under that name itself stays. */
static gboolean
add_of (const CpdLayerItem *item, const char *name, GError **error)
{
  struct stat info;

  if (mknodat (item->parent, name, S_IFCHR, 0) == 0)
    return TRUE;
  if (errno != EEXIST || fstatat (item->parent, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
    {
      cpd_layer_item_fail (item, errno, "make a whiteout", error);
      return FALSE;
    }
  return !S_ISDIR (info.st_mode) || cpd_layer_whiteout_set_opaque (item, item->parent, name, error);
}

gboolean
cpd_layer_whiteout_add (const CpdLayerItem *item, GError **error)
{
  const char *name = item->base + strlen (CPD_WHITEOUT_PREFIX);

  if (strcmp (item->base, CPD_WHITEOUT_OPAQUE) == 0)
    return cpd_layer_whiteout_set_opaque (item, item->parent, ".", error);
  if (g_str_has_prefix (item->base, CPD_WHITEOUT_META))     /* what aufs kept for itself */
    return TRUE;
  if (*name == '\0' || strcmp (name, ".") == 0 || strcmp (name, "..") == 0)
    {
      cpd_layer_item_reject (item, "it is a whiteout of no name", error);
      return FALSE;
    }
  return add_of (item, name, error);
}
