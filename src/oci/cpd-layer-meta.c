/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-layer-meta.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "oci/cpd-tar-entry.h"
#include "public/cpod-error.h"

void
cpd_layer_item_clear (CpdLayerItem *item)
{
  g_clear_pointer (&item->path, g_free);
  g_clear_pointer (&item->shown, g_free);
}

void
cpd_layer_item_reject (const CpdLayerItem *item, const char *why, GError **error)
{
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARCHIVE, "entry '%s': %s", item->shown, why);
}

void
cpd_layer_item_fail (const CpdLayerItem *item, int saved_errno, const char *what, GError **error)
{
  switch (saved_errno)
    {
    case ENOENT: case ENOTDIR: case EISDIR: case EEXIST: case ENOTEMPTY:
    case ELOOP: case EXDEV: case EMLINK: case ENAMETOOLONG:
    case EINVAL: case EPERM: case EFBIG: case E2BIG: case ERANGE: case EOVERFLOW:
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARCHIVE, "entry '%s': failed to %s: %s",
                   item->shown, what, g_strerror (saved_errno));
      return;
    default:
      cpd_set_error_errno (error, saved_errno, "entry '%s': failed to %s", item->shown, what);
      return;
    }
}

static gboolean
set_owner (const CpdLayerItem *item, int fd, GError **error)
{
  la_int64_t uid = archive_entry_uid (item->entry), gid = archive_entry_gid (item->entry);
  int result;

  /* The highest number would mean "leave it". */
  if (uid < 0 || gid < 0 || uid >= G_MAXUINT32 || gid >= G_MAXUINT32)
    {
      cpd_layer_item_reject (item, "its owner or group is no valid number", error);
      return FALSE;
    }
  /* Most files are root's, and so they are made. A directory may have been there before. */
  if (archive_entry_filetype (item->entry) != AE_IFDIR && uid == item->born_uid && gid == item->born_gid)
    return TRUE;
  if (fd >= 0)
    result = fchown (fd, (uid_t) uid, (gid_t) gid);
  else
    result = fchownat (item->parent, item->base, (uid_t) uid, (gid_t) gid, AT_SYMLINK_NOFOLLOW);
  if (result < 0)
    {
      cpd_layer_item_fail (item, errno, "set its owner", error);
      return FALSE;
    }
  return TRUE;
}

/* Should it have become a link meanwhile, that is not followed. */
static int
chmod_plain (int parent, const char *base, mode_t mode)
{
  cpd_autofd int fd = openat (parent, base, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  char path[64];

  g_snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
  return fd >= 0 ? chmod (path, mode) : -1;
}

static gboolean
set_mode (const CpdLayerItem *item, int fd, GError **error)
{
  mode_t mode = archive_entry_perm (item->entry);
  int result = 0;

  if (fd >= 0)
    result = fchmod (fd, mode);
  else if (archive_entry_filetype (item->entry) != AE_IFLNK)    /* links have none */
    result = chmod_plain (item->parent, item->base, mode);
  if (result < 0)
    {
      cpd_layer_item_fail (item, errno, "set its mode", error);
      return FALSE;
    }
  return TRUE;
}

static gboolean
has_space (const CpdLayerItem *item)
{
  struct statvfs info;

  return fstatvfs (item->parent, &info) == 0 && info.f_bavail * info.f_frsize > (guint64) XATTR_SIZE_MAX * 16;
}

static gboolean
set_xattr (const CpdLayerItem *item, int fd, const char *name, const void *value, gsize size, GError **error)
{
  int result;

  /* In this namespace overlayfs and others keep what a layer must not say. */
  if (g_str_has_prefix (name, "trusted."))
    {
      g_autofree char *shown = g_utf8_make_valid (name, -1);

      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARCHIVE,
                   "entry '%s': extended attribute %s is not allowed", item->shown, shown);
      return FALSE;
    }
  if (fd >= 0)
    result = fsetxattr (fd, name, value, size, 0);
  else
    {
      g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d/%s", item->parent, item->base);

      result = lsetxattr (path, name, value, size, 0);
    }
  /* Not every file system has every kind, nor every kind of file every attribute. */
  if (result == 0 || errno == ENOTSUP || errno == EPERM)
    return TRUE;
  /* ext4 says that there is no space when it is the attribute that is too large. */
  cpd_layer_item_fail (item, errno == ENOSPC && has_space (item) ? E2BIG : errno, "set an extended attribute", error);
  return FALSE;
}

static gboolean
set_xattrs (const CpdLayerItem *item, int fd, GError **error)
{
  const char *name;
  const void *value;
  gsize size;

  archive_entry_xattr_reset (item->entry);
  while (archive_entry_xattr_next (item->entry, &name, &value, &size) == ARCHIVE_OK)
    if (name != NULL && !set_xattr (item, fd, name, value, size, error))
      return FALSE;
  return TRUE;
}

static gboolean
set_times (const CpdLayerItem *item, int fd, GError **error)
{
  struct timespec times[2];
  int result;

  cpd_tar_entry_get_mtime (item->entry, &times[1]);
  times[0] = times[1];
  if (fd >= 0)
    result = futimens (fd, times);
  else
    result = utimensat (item->parent, item->base, times, AT_SYMLINK_NOFOLLOW);
  if (result < 0)
    {
      cpd_layer_item_fail (item, errno, "set its time", error);
      return FALSE;
    }
  return TRUE;
}

gboolean
cpd_layer_item_set_meta (const CpdLayerItem *item, int fd, GError **error)
{
  /* In this order: a change of owner takes capabilities and set-id bits away. */
  return set_owner (item, fd, error)
         && set_mode (item, fd, error)
         && set_xattrs (item, fd, error)
         && set_times (item, fd, error);
}
