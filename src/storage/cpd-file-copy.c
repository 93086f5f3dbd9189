/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storage/cpd-file-copy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "public/cpod-error.h"

/* How much is copied between two looks whether it is still wanted. */
#define STEP (16 * 1024 * 1024)
#define BUFFER_SIZE (256 * 1024)
#define OVERLAY_XATTR "trusted.overlay."

static gboolean
fail (const char *what, GError **error)
{
  cpd_set_error_errno (error, errno, "failed to %s", what);
  return FALSE;
}

static gboolean
go_on (GCancellable *cancellable, GError **error)
{
  if (!g_cancellable_is_cancelled (cancellable))
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_CANCELLED, "it was cancelled");
  return FALSE;
}

/* For file systems that do not copy by themselves. */
static gboolean
copy_buffered (int from, int to, off_t offset, off_t end, GCancellable *cancellable, GError **error)
{
  g_autofree char *buffer = g_malloc (BUFFER_SIZE);

  while (offset < end)
    {
      ssize_t n = pread (from, buffer, (gsize) MIN (end - offset, BUFFER_SIZE), offset);

      if (n < 0 && errno == EINTR)
        continue;
      if (n == 0)
        errno = EIO;            /* it was longer just now */
      if (n <= 0)
        return fail ("read it", error);
      if (lseek (to, offset, SEEK_SET) < 0)
        return fail ("write it", error);
      if (!cpd_fs_write_all (to, buffer, (gsize) n, error) || !go_on (cancellable, error))
        return FALSE;
      offset += n;
    }
  return TRUE;
}

static gboolean
copy_range (int from, int to, off_t offset, off_t end, GCancellable *cancellable, GError **error)
{
  while (offset < end)
    {
      off_t in = offset, out = offset;
      ssize_t n = copy_file_range (from, &in, to, &out, (gsize) MIN (end - offset, STEP), 0);

      if (n < 0 && errno == EINTR)
        continue;
      if (n == 0 || (n < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)))
        return copy_buffered (from, to, offset, end, cancellable, error);
      if (n < 0)
        return fail ("write it", error);
      if (!go_on (cancellable, error))
        return FALSE;
      offset += n;
    }
  return TRUE;
}

static gboolean
share (int from, int to, gboolean *shares)
{
  if (*shares && ioctl (to, FICLONE, from) == 0)
    return TRUE;
  *shares = FALSE;
  return FALSE;
}

gboolean
cpd_file_copy_contents (int from, int to, gint64 size, gboolean *shares, GCancellable *cancellable, GError **error)
{
  off_t end = 0;

  if (size == 0 || share (from, to, shares))
    return TRUE;
  while (end < size)
    {
      off_t start = lseek (from, end, SEEK_DATA);

      if (start < 0 && errno == ENXIO)  /* the rest is a hole */
        break;
      if (start >= 0)
        end = lseek (from, start, SEEK_HOLE);
      if (start < 0 || end < 0)         /* it cannot tell */
        {
          start = 0;
          end = size;
        }
      if (!copy_range (from, to, start, MIN (end, size), cancellable, error))
        return FALSE;
    }
  return ftruncate (to, size) == 0 || fail ("give it its size", error);
}

static char *
path_of (const CpdPlace *place)
{
  return g_strdup_printf ("/proc/self/fd/%d/%s", place->directory, place->name);
}

/* Names of all extended attributes, each with its end; NULL where there are none, or with an error. */
static char *
list_xattrs (const char *path, gsize *length, GError **error)
{
  g_autofree char *names = NULL;
  ssize_t size;

  *length = 0;
  do
    {
      size = llistxattr (path, NULL, 0);
      if (size <= 0)
        break;
      g_free (names);
      names = g_malloc ((gsize) size);
      size = llistxattr (path, names, (gsize) size);
    }
  while (size < 0 && errno == ERANGE);
  if (size < 0 && errno != ENOTSUP)
    fail ("list its extended attributes", error);
  if (size <= 0)
    return NULL;
  *length = (gsize) size;
  return g_steal_pointer (&names);
}

static gboolean
has_name (const char *names, gsize length, const char *name)
{
  for (const char *at = names; at != NULL && at < names + length; at += strlen (at) + 1)
    if (strcmp (at, name) == 0)
      return TRUE;
  return FALSE;
}

static gboolean
copy_xattr (const char *from, const char *to, const char *name, GError **error)
{
  g_autofree char *value = NULL;
  ssize_t size;

  do
    {
      size = lgetxattr (from, name, NULL, 0);
      if (size < 0)
        break;
      g_free (value);
      value = g_malloc ((gsize) size + 1);
      size = lgetxattr (from, name, value, (gsize) size);
    }
  while (size < 0 && errno == ERANGE);
  if (size >= 0 && lsetxattr (to, name, value, (gsize) size, 0) == 0)
    return TRUE;
  cpd_set_error_errno (error, errno, "failed to copy its extended attribute %s", name);
  return FALSE;
}

/* What TO has besides was inherited from its directory, or is from a layer below. */
static gboolean
drop_xattrs (const char *to, const char *kept, gsize kept_length, GError **error)
{
  gsize length;
  g_autoptr(GError) cause = NULL;
  g_autofree char *names = list_xattrs (to, &length, &cause);

  for (const char *name = names; name != NULL && name < names + length; name += strlen (name) + 1)
    if (!g_str_has_prefix (name, "security.selinux") && !has_name (kept, kept_length, name)
        && lremovexattr (to, name) < 0 && errno != ENODATA)
      return fail ("take an extended attribute away", error);
  if (cause == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&cause));
  return FALSE;
}

static gboolean
copy_xattrs (const CpdPlace *from, const CpdPlace *to, GError **error)
{
  g_autofree char *from_path = path_of (from), *to_path = path_of (to);
  gsize length;
  g_autoptr(GError) cause = NULL;
  g_autofree char *names = list_xattrs (from_path, &length, &cause);

  if (cause != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&cause));
      return FALSE;
    }
  for (const char *name = names; name != NULL && name < names + length; name += strlen (name) + 1)
    if (!g_str_has_prefix (name, OVERLAY_XATTR) && !copy_xattr (from_path, to_path, name, error))
      return FALSE;
  return drop_xattrs (to_path, names, length, error);
}

static gboolean
has_value (const char *path, const char *name, const char *value, gsize size)
{
  g_autofree char *found = g_malloc (size + 1);

  return lgetxattr (path, name, found, size + 1) == (ssize_t) size && memcmp (found, value, size) == 0;
}

/* Whether what A has of extended attributes is the same in B. */
static gboolean
covers (const char *b, const char *a)
{
  gsize length;
  g_autofree char *names = list_xattrs (a, &length, NULL);

  for (const char *name = names; name != NULL && name < names + length; name += strlen (name) + 1)
    {
      g_autofree char *value = g_malloc (XATTR_SIZE_MAX);
      ssize_t size = lgetxattr (a, name, value, XATTR_SIZE_MAX);

      if (!g_str_has_prefix (name, OVERLAY_XATTR) && (size < 0 || !has_value (b, name, value, (gsize) size)))
        return FALSE;
    }
  return TRUE;
}

gboolean
cpd_file_has_same_xattrs (const CpdPlace *a, const CpdPlace *b)
{
  g_autofree char *a_path = path_of (a), *b_path = path_of (b);

  return covers (b_path, a_path) && covers (a_path, b_path);
}

gboolean
cpd_file_copy_meta (const CpdPlace *from, const CpdPlace *to, const struct stat *info, GError **error)
{
  const struct timespec times[2] = { info->st_atim, info->st_mtim };

  /* In this order: a change of owner takes capabilities and set-id bits away. */
  if (fchownat (to->directory, to->name, info->st_uid, info->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
    return fail ("set its owner", error);
  if (!S_ISLNK (info->st_mode) && fchmodat (to->directory, to->name, info->st_mode & 07777, 0) < 0)
    return fail ("set its mode", error);
  if (!copy_xattrs (from, to, error))
    return FALSE;
  return utimensat (to->directory, to->name, times, AT_SYMLINK_NOFOLLOW) == 0 || fail ("set its time", error);
}
