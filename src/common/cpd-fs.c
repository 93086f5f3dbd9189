/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "public/cpod-error.h"

/* Less than this: whatever is written next may fail. */
#define HARDLY_ANY_SPACE (64 * 1024)

/*
 * Turns an errno into a CPOD_ERROR with the text of FORMAT before it. A full
 * disk has a code of its own, since callers can do something about it.
 */
void
cpd_set_error_errno (GError **error, int saved_errno, const char *format, ...)
{
  g_autofree char *text = NULL;
  CpodError code = CPOD_ERROR_FAILED;
  va_list args;

  if (saved_errno == ENOSPC || saved_errno == EDQUOT)
    code = CPOD_ERROR_DISK_FULL;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, CPOD_ERROR, code, "%s: %s", text, g_strerror (saved_errno));
}

gboolean
cpd_fs_mkdir_p (const char *path, mode_t mode, GError **error)
{
  if (g_mkdir_with_parents (path, mode) < 0)
    {
      cpd_set_error_errno (error, errno, "failed to make directory %s", path);
      return FALSE;
    }
  return TRUE;
}

gboolean
cpd_fs_write_all (int fd, const void *data, gsize length, GError **error)
{
  const char *next = data;

  while (length > 0)
    {
      ssize_t n = write (fd, next, length);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        {
          cpd_set_error_errno (error, errno, "failed to write");
          return FALSE;
        }
      next += n;
      length -= (gsize) n;
    }
  return TRUE;
}

/*
 * Writes a file so that it is there whole or not at all; when DURABLE, it is
 * on the disk before its name is. LENGTH is -1 for a string.
 */
gboolean
cpd_fs_write_file (const char *path, const void *data, gssize length,
                   mode_t mode, gboolean durable, GError **error)
{
  g_autofree char *temporary = g_strconcat (path, ".XXXXXX", NULL);
  gsize size = length < 0 ? strlen (data) : (gsize) length;
  cpd_autofd int fd = -1;
  gboolean written;

  fd = g_mkstemp_full (temporary, O_WRONLY | O_CLOEXEC, mode);
  if (fd < 0)
    {
      cpd_set_error_errno (error, errno, "failed to make %s", temporary);
      return FALSE;
    }

  written = cpd_fs_write_all (fd, data, size, error);
  if (written && fchmod (fd, mode) < 0)
    {
      cpd_set_error_errno (error, errno, "failed to set the mode");
      written = FALSE;
    }
  if (written && durable && fdatasync (fd) < 0)
    {
      cpd_set_error_errno (error, errno, "failed to sync");
      written = FALSE;
    }
  if (written && rename (temporary, path) < 0)
    {
      cpd_set_error_errno (error, errno, "failed to rename");
      written = FALSE;
    }
  if (!written)
    {
      g_prefix_error (error, "failed to write %s: ", path);
      unlink (temporary);
      return FALSE;
    }

  if (durable)
    {
      g_autofree char *parent = g_path_get_dirname (path);

      return cpd_fs_sync_dir (parent, error);
    }
  return TRUE;
}

/* Reads a file that is at most MAX_LENGTH bytes long, as a string. */
char *
cpd_fs_read_file (const char *path, gsize max_length, GError **error)
{
  g_autoptr(GString) text = g_string_new (NULL);
  cpd_autofd int fd = open (path, O_RDONLY | O_CLOEXEC);
  char buffer[4096];

  if (fd < 0)
    {
      cpd_set_error_errno (error, errno, "failed to open %s", path);
      return NULL;
    }

  for (;;)
    {
      ssize_t n = read (fd, buffer, sizeof buffer);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        {
          cpd_set_error_errno (error, errno, "failed to read %s", path);
          return NULL;
        }
      if (n == 0)
        return g_string_free (g_steal_pointer (&text), FALSE);
      if (text->len + (gsize) n > max_length)
        {
          g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED,
                       "%s is longer than %" G_GSIZE_FORMAT " bytes", path, max_length);
          return NULL;
        }
      g_string_append_len (text, buffer, n);
    }
}

gboolean
cpd_fs_sync_dir (const char *path, GError **error)
{
  cpd_autofd int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (fd < 0 || fsync (fd) < 0)
    {
      cpd_set_error_errno (error, errno, "failed to sync directory %s", path);
      return FALSE;
    }
  return TRUE;
}

/* How many directories are open at once while a tree is removed. */
#define OPEN_DEPTH 64

/* A tree that is being removed. */
typedef struct
{
  int top;                      /* (unowned) its topmost directory */
  guint hoisted;                /* how many directories were moved up into that one */
} CpdRemoval;

static gboolean remove_at (CpdRemoval *removal, int parent, const char *name, int depth, GError **error);

static GPtrArray *
read_names (DIR *dir)
{
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  struct dirent *entry;

  while ((entry = readdir (dir)) != NULL)
    if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0)
      g_ptr_array_add (names, g_strdup (entry->d_name));
  return g_steal_pointer (&names);
}

/*
 * Removes all in the directory NAME. All names are read before, since removing
 * while reading may skip some; the topmost directory is read again until it is
 * empty, since directories may have been moved up into it.
 */
static gboolean
remove_contents (CpdRemoval *removal, int parent, const char *name, int depth, GError **error)
{
  int fd = openat (parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *dir = fd >= 0 ? fdopendir (fd) : NULL;
  gboolean removed = TRUE, again;

  if (dir == NULL)
    {
      cpd_set_error_errno (error, errno, "failed to open directory %s", name);
      cpd_close_fd (&fd);
      return FALSE;
    }
  if (depth == 0)
    removal->top = fd;
  do
    {
      g_autoptr(GPtrArray) names = read_names (dir);

      for (guint i = 0; removed && i < names->len; i++)
        removed = remove_at (removal, fd, names->pdata[i], depth + 1, error);
      again = removed && depth == 0 && names->len > 0;
      rewinddir (dir);
    }
  while (again);
  closedir (dir);
  return removed;
}

/*
 * Directories may be nested deeper than there are descriptors and stack: one
 * that lies too deep is moved up, and has its turn from there.
 */
static gboolean
hoist (CpdRemoval *removal, int parent, const char *name, GError **error)
{
  for (;;)
    {
      g_autofree char *new_name = g_strdup_printf (".cpod-remove.%u", removal->hoisted++);

      if (renameat2 (parent, name, removal->top, new_name, RENAME_NOREPLACE) == 0)
        return TRUE;
      if (errno != EEXIST)
        {
          cpd_set_error_errno (error, errno, "failed to move directory %s", name);
          return FALSE;
        }
    }
}

static gboolean
remove_at (CpdRemoval *removal, int parent, const char *name, int depth, GError **error)
{
  if (unlinkat (parent, name, 0) == 0 || errno == ENOENT)
    return TRUE;
  if (errno != EISDIR && errno != EPERM)
    {
      cpd_set_error_errno (error, errno, "failed to remove %s", name);
      return FALSE;
    }
  if (unlinkat (parent, name, AT_REMOVEDIR) == 0)
    return TRUE;
  if (depth >= OPEN_DEPTH)
    return hoist (removal, parent, name, error);
  if (!remove_contents (removal, parent, name, depth, error))
    {
      g_prefix_error (error, "in %s: ", name);
      return FALSE;
    }
  if (unlinkat (parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
    {
      cpd_set_error_errno (error, errno, "failed to remove directory %s", name);
      return FALSE;
    }
  return TRUE;
}

/* Whether nothing is mounted at PATH or below; a link may point where it likes, it is not followed. */
static gboolean
check_not_mounted (const char *path, GError **error)
{
  g_autoptr(GPtrArray) mounts = NULL;

  if (g_file_test (path, G_FILE_TEST_IS_SYMLINK))
    return TRUE;
  mounts = cpd_fs_mounts_below (path, error);
  if (mounts == NULL)
    return FALSE;
  if (mounts->len > 0)
    {
      cpd_set_error_errno (error, EBUSY, "failed to remove %s: %s is mounted",
                           path, (char *) mounts->pdata[0]);
      return FALSE;
    }
  return TRUE;
}

/*
 * Removes PATH and all below it, following no symbolic link. It is no error
 * when there is nothing. A mount below it stops it (EBUSY) rather than have
 * its contents removed.
 */
gboolean
cpd_fs_remove_tree (const char *path, GError **error)
{
  g_autofree char *directory = g_path_get_dirname (path);
  g_autofree char *name = g_path_get_basename (path);
  CpdRemoval removal = { .top = -1 };
  cpd_autofd int parent = -1;

  if (!check_not_mounted (path, error))
    return FALSE;
  parent = open (directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (parent < 0)
    {
      if (errno == ENOENT || errno == ENOTDIR)
        return TRUE;
      cpd_set_error_errno (error, errno, "failed to open directory %s", directory);
      return FALSE;
    }
  if (!remove_at (&removal, parent, name, 0, error))
    {
      g_prefix_error (error, "failed to remove %s: ", path);
      return FALSE;
    }
  return TRUE;
}

/* Names in the directory PATH, in no order; empty when there is no such directory. */
GPtrArray *
cpd_fs_list_dir (const char *path, GError **error)
{
  DIR *dir = opendir (path);
  GPtrArray *names;

  if (dir == NULL && errno == ENOENT)
    return g_ptr_array_new_with_free_func (g_free);
  if (dir == NULL)
    {
      cpd_set_error_errno (error, errno, "failed to read directory %s", path);
      return NULL;
    }
  names = read_names (dir);
  closedir (dir);
  return names;
}

/* Mount points at or below PATH, deepest last as the kernel lists them. */
GPtrArray *
cpd_fs_mounts_below (const char *path, GError **error)
{
  g_autoptr(GPtrArray) mounts = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *real = realpath (path, NULL);
  g_autofree char *line = NULL;
  gsize path_length, size = 0;
  FILE *file;

  if (real == NULL)             /* nothing there, nothing mounted there */
    return g_steal_pointer (&mounts);

  file = fopen ("/proc/self/mountinfo", "re");
  if (file == NULL)
    {
      cpd_set_error_errno (error, errno, "failed to open /proc/self/mountinfo");
      return NULL;
    }

  path_length = strlen (real);
  while (getline (&line, &size, file) > 0)
    {
      g_auto(GStrv) fields = g_strsplit (line, " ", 6);
      g_autofree char *point = NULL;

      if (g_strv_length (fields) < 5)
        continue;
      point = g_strcompress (fields[4]);  /* the kernel escapes blanks in octal */
      if (strncmp (point, real, path_length) == 0
          && (point[path_length] == '/' || point[path_length] == '\0'))
        g_ptr_array_add (mounts, g_steal_pointer (&point));
    }
  fclose (file);
  return g_steal_pointer (&mounts);
}

/* Without a question to what is mounted there: a program that serves it may have ended. */
gboolean
cpd_fs_is_mountpoint (const char *path)
{
  struct statx info;

  if (statx (AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, 0, &info) < 0)
    return FALSE;
  return (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

gboolean
cpd_fs_is_dead_mount (const char *path)
{
  struct statx info;

  return statx (AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_FORCE_SYNC, STATX_MODE, &info) < 0
         && errno == ENOTCONN;
}

gboolean
cpd_fs_is_full (const char *path)
{
  struct statvfs info;

  return statvfs (path, &info) == 0 && info.f_bavail * info.f_frsize < HARDLY_ANY_SPACE;
}

/* Unmounts all that is mounted at PATH, lazily what is busy. */
gboolean
cpd_fs_unmount (const char *path, GError **error)
{
  while (umount2 (path, UMOUNT_NOFOLLOW) == 0
         || (errno == EBUSY && umount2 (path, UMOUNT_NOFOLLOW | MNT_DETACH) == 0))
    continue;
  if (errno == EINVAL || errno == ENOENT)
    return TRUE;
  cpd_set_error_errno (error, errno, "failed to unmount %s", path);
  return FALSE;
}
