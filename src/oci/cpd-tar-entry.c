/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-tar-entry.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "public/cpod-error.h"

#define SECOND 1000000000

/* libarchive has the fraction of a time before 1970 go forwards, in both directions: -1.5 is -1 and +0.5 to it, where
 * stat() and everybody else says -2 and +0.5. Between -1 and 0 it loses the sign; there whole seconds must do. */
void
cpd_tar_entry_set_mtime (CpdTarEntry *entry, const struct timespec *time)
{
  if (time->tv_sec >= 0 || time->tv_nsec == 0)
    archive_entry_set_mtime (entry, time->tv_sec, time->tv_nsec);
  else if (time->tv_sec == -1)
    archive_entry_set_mtime (entry, -1, 0);
  else
    archive_entry_set_mtime (entry, time->tv_sec + 1, SECOND - time->tv_nsec);
}

void
cpd_tar_entry_get_mtime (CpdTarEntry *entry, struct timespec *time)
{
  time->tv_sec = archive_entry_mtime (entry);
  time->tv_nsec = CLAMP (archive_entry_mtime_nsec (entry), 0, SECOND - 1);
  if (time->tv_sec >= 0 || time->tv_nsec == 0 || time->tv_sec == G_MININT64)
    return;
  time->tv_sec--;
  time->tv_nsec = SECOND - time->tv_nsec;
}

CpdTarEntry *
cpd_tar_entry_new (const char *name, const struct stat *info)
{
  CpdTarEntry *entry = archive_entry_new ();

  archive_entry_copy_pathname (entry, name);
  archive_entry_set_filetype (entry, info->st_mode & S_IFMT);
  archive_entry_set_perm (entry, info->st_mode & 07777);
  archive_entry_set_uid (entry, info->st_uid);
  archive_entry_set_gid (entry, info->st_gid);
  archive_entry_set_size (entry, info->st_size);
  cpd_tar_entry_set_mtime (entry, &info->st_mtim);
  if (S_ISCHR (info->st_mode) || S_ISBLK (info->st_mode))
    {
      archive_entry_set_rdevmajor (entry, major (info->st_rdev));
      archive_entry_set_rdevminor (entry, minor (info->st_rdev));
    }
  return entry;
}

/* Others belong to the host (labels) or to overlayfs. */
static gboolean
is_kept (const char *name)
{
  return g_str_has_prefix (name, "user.") || strcmp (name, "security.capability") == 0
         || g_str_has_prefix (name, "system.posix_acl_");
}

/* What overlays note where they have no right to the trusted ones. */
static gboolean
is_overlay_note (const char *name)
{
  return g_str_has_prefix (name, "user.overlay.") || g_str_has_prefix (name, "user.fuseoverlayfs.");
}

static gboolean
check_overlay (const char *name, GError **error)
{
  if (strcmp (name, "trusted.overlay.redirect") != 0 && strcmp (name, "trusted.overlay.metacopy") != 0)
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "part of it is in another layer, as %s says", name);
  return FALSE;
}

static gboolean
read_xattr (CpdTarEntry *entry, int fd, const char *name, GError **error)
{
  g_autofree char *value = g_malloc (XATTR_SIZE_MAX);
  ssize_t size = fgetxattr (fd, name, value, XATTR_SIZE_MAX);

  if (size >= 0)
    archive_entry_xattr_add_entry (entry, name, value, (gsize) size);
  if (size >= 0 || errno == ENODATA)
    return TRUE;
  cpd_set_error_errno (error, errno, "failed to read the extended attribute %s", name);
  return FALSE;
}

gboolean
cpd_tar_entry_read_xattrs (CpdTarEntry *entry, int fd, gboolean upper, GError **error)
{
  g_autofree char *list = NULL;
  ssize_t length = flistxattr (fd, NULL, 0);

  if (length <= 0)
    return TRUE;        /* none, or a file system that knows of none */
  list = g_malloc (XATTR_LIST_MAX);
  length = flistxattr (fd, list, XATTR_LIST_MAX);
  for (const char *name = list; name < list + MAX (length, 0); name += strlen (name) + 1)
    {
      if (upper && !check_overlay (name, error))
        return FALSE;
      if (is_kept (name) && !(upper && is_overlay_note (name)) && !read_xattr (entry, fd, name, error))
        return FALSE;
    }
  return TRUE;
}

void
cpd_tar_entry_find_holes (CpdTarEntry *entry, int fd, const struct stat *info)
{
  off_t at = 0;

  if (info->st_blocks * 512 >= info->st_size)
    return;
  while (at < info->st_size)
    {
      off_t data = lseek (fd, at, SEEK_DATA);
      off_t end = data >= 0 ? lseek (fd, data, SEEK_HOLE) : -1;

      if (end < 0)
        break;
      end = MIN (end, info->st_size);
      if (data >= end)
        break;
      archive_entry_sparse_add_entry (entry, data, end - data);
      at = end;
    }
  /* No data at all is said by an empty piece at the end. */
  if (at == 0 && lseek (fd, 0, SEEK_DATA) < 0 && errno == ENXIO)
    archive_entry_sparse_add_entry (entry, info->st_size, 0);
}

gboolean
cpd_tar_entry_is_redirect (int fd)
{
  return fgetxattr (fd, "trusted.overlay.redirect", NULL, 0) >= 0;
}
