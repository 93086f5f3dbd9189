/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-layer-writer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "oci/cpd-in-root.h"
#include "oci/cpd-layer-meta.h"
#include "oci/cpd-layer-whiteout.h"
#include "oci/cpd-whiteout.h"
#include "public/cpod-error.h"

#define NOBODY G_MAXUINT32      /* no file can belong to it */

struct _CpdLayerWriter
{
  int root;                     /* (unowned) */
  const CpdCopyRules *rules;    /* (unowned) (nullable) */
  int parent;                   /* (owned) directory that the last entry went to, -1 for none */
  char *parent_path;            /* (owned) (nullable) its path as entries spell it */
  struct stat parent_info;      /* as it was when it was opened */
  uid_t uid;                    /* who makes the files */
  gid_t gid;
  guint64 size;
};

CpdLayerWriter *
cpd_layer_writer_new (int root, const CpdCopyRules *rules)
{
  CpdLayerWriter *writer = g_new0 (CpdLayerWriter, 1);

  writer->root = root;
  writer->rules = rules;
  writer->parent = -1;
  writer->uid = geteuid ();
  writer->gid = getegid ();
  return writer;
}

/* Gives a directory the time back that it had before something was made in it. */
static void
restore_time (int directory, const struct stat *info)
{
  const struct timespec times[2] = { info->st_atim, info->st_mtim };

  if (futimens (directory, times) < 0)
    g_debug ("failed to restore the time of a directory: %s", g_strerror (errno));
}

/* The directory that a copy goes to has been changed, and may tell so. */
static gboolean
was_there (CpdLayerWriter *writer, const char *path)
{
  return writer->rules != NULL && strcmp (writer->rules->directory, path) == 0;
}

/* The time of a directory is that of its entry; what comes and goes in it does not count. */
static void
leave_parent (CpdLayerWriter *writer)
{
  if (writer->parent >= 0 && !was_there (writer, writer->parent_path))
    restore_time (writer->parent, &writer->parent_info);
  cpd_close_fd (&writer->parent);
  g_clear_pointer (&writer->parent_path, g_free);
}

void
cpd_layer_writer_free (CpdLayerWriter *writer)
{
  if (writer == NULL)
    return;
  leave_parent (writer);
  g_free (writer);
}

guint64
cpd_layer_writer_get_size (CpdLayerWriter *writer)
{
  return writer->size;
}

/* "/a//./b/" becomes "a/b" and "./" becomes ""; NULL when there is a "..". */
static char *
clean_path (const char *name)
{
  GString *path = g_string_sized_new (strlen (name));

  while (*name != '\0')
    {
      gsize length = strcspn (name, "/");

      if (length == 2 && strncmp (name, "..", 2) == 0)
        {
          g_string_free (path, TRUE);
          return NULL;
        }
      if (length > 0 && !(length == 1 && *name == '.'))
        {
          if (path->len > 0)
            g_string_append_c (path, '/');
          g_string_append_len (path, name, (gssize) length);
        }
      name += length + (name[length] == '/' ? 1 : 0);
    }
  return g_string_free (path, FALSE);
}

/* Where a clean path of the archive is below the root. Takes PATH. */
static char *
place (CpdLayerWriter *writer, char *path)
{
  g_autofree char *taken = path;

  if (path == NULL || writer->rules == NULL || *writer->rules->directory == '\0' || *path == '\0')
    return g_steal_pointer (&taken);
  return g_strconcat (writer->rules->directory, "/", path, NULL);
}

/* Opens a directory below the root, and makes it and its parents where they are missing. */
static int
open_directory (CpdLayerWriter *writer, const char *path)
{
  g_autofree char *parent_path = NULL;
  const char *slash = strrchr (path, '/');
  cpd_autofd int parent = -1;
  struct stat info;
  int fd = cpd_in_root_open (writer->root, *path != '\0' ? path : ".", O_RDONLY | O_DIRECTORY);

  if (fd >= 0 || errno != ENOENT)
    return fd;
  parent_path = slash != NULL ? g_strndup (path, (gsize) (slash - path)) : g_strdup ("");
  parent = open_directory (writer, parent_path);
  if (parent < 0 || fstat (parent, &info) < 0)
    return -1;
  if (mkdirat (parent, slash != NULL ? slash + 1 : path, 0755) < 0 && errno != EEXIST)
    return -1;
  restore_time (parent, &info);
  return cpd_in_root_open (writer->root, path, O_RDONLY | O_DIRECTORY);
}

/*
 * Finds out where ITEM goes. Archives list what is in one directory in a row,
 * so the last one is kept open; nothing that is only added can change where
 * its path leads to.
 */
static gboolean
find_parent (CpdLayerWriter *writer, CpdLayerItem *item, GError **error)
{
  const char *slash = strrchr (item->path, '/');
  g_autofree char *path = slash != NULL ? g_strndup (item->path, (gsize) (slash - item->path)) : g_strdup ("");

  item->base = slash != NULL ? slash + 1 : item->path;
  if (writer->parent < 0 || strcmp (writer->parent_path, path) != 0)
    {
      leave_parent (writer);
      writer->parent = open_directory (writer, path);
      if (writer->parent < 0 || fstat (writer->parent, &writer->parent_info) < 0)
        {
          cpd_layer_item_fail (item, errno, "open the directory it is in", error);
          return FALSE;
        }
      writer->parent_path = g_steal_pointer (&path);
    }
  item->parent = writer->parent;
  /* Whether or not directories pass their group on. */
  if (writer->parent_info.st_gid == writer->gid)
    {
      item->born_uid = writer->uid;
      item->born_gid = writer->gid;
    }
  return TRUE;
}

/* A copy does not replace directories by other things, nor the other way round, unless that is wanted. */
static gboolean
may_replace (CpdLayerWriter *writer, const CpdLayerItem *item, GError **error)
{
  const gboolean is_directory = archive_entry_filetype (item->entry) == AE_IFDIR;
  struct stat info;

  if (writer->rules == NULL || writer->rules->overwrite
      || fstatat (item->parent, item->base, &info, AT_SYMLINK_NOFOLLOW) < 0
      || is_directory == (S_ISDIR (info.st_mode) != 0))
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT, "'%s' is %s directory there, and %s one here",
               item->shown, is_directory ? "no" : "a", is_directory ? "a" : "no");
  return FALSE;
}

/* Removes what stands in the place of ITEM, as a later entry replaces an earlier one. */
static gboolean
clear_place (CpdLayerWriter *writer, const CpdLayerItem *item, GError **error)
{
  if (!may_replace (writer, item, error))
    return FALSE;
  /* Where other paths lead to may change by this; the descriptor itself stays good for ITEM. */
  g_clear_pointer (&writer->parent_path, g_free);
  writer->parent_path = g_strdup ("..");        /* which no path is */
  if (cpd_in_root_remove (item->parent, item->base, error))
    return TRUE;
  g_prefix_error (error, "entry '%s': failed to replace what was there: ", item->shown);
  return FALSE;
}

/* Opens the directory that the target of a hard link is in; it must be there already. */
static int
open_target_parent (CpdLayerWriter *writer, const char *path, const char **base)
{
  const char *slash = strrchr (path, '/');
  g_autofree char *parent = slash != NULL ? g_strndup (path, (gsize) (slash - path)) : g_strdup (".");

  *base = slash != NULL ? slash + 1 : path;
  return cpd_in_root_open (writer->root, parent, O_PATH | O_DIRECTORY);
}

static gboolean
is_same_file (int a_parent, const char *a, int b_parent, const char *b)
{
  struct stat a_info, b_info;

  return fstatat (a_parent, a, &a_info, AT_SYMLINK_NOFOLLOW) == 0
         && fstatat (b_parent, b, &b_info, AT_SYMLINK_NOFOLLOW) == 0
         && a_info.st_dev == b_info.st_dev && a_info.st_ino == b_info.st_ino;
}

static gboolean
add_hard_link (CpdLayerWriter *writer, const CpdLayerItem *item, const char *target, GError **error)
{
  g_autofree char *path = place (writer, clean_path (target));
  const char *base;
  cpd_autofd int parent = -1;

  if (path == NULL || *path == '\0')
    {
      cpd_layer_item_reject (item, "it is a hard link to outside of the archive", error);
      return FALSE;
    }
  parent = open_target_parent (writer, path, &base);
  if (parent >= 0 && linkat (parent, base, item->parent, item->base, 0) == 0)
    return TRUE;
  if (parent >= 0 && errno == EEXIST)
    {
      if (is_same_file (parent, base, item->parent, item->base))
        return TRUE;
      if (!clear_place (writer, item, error))
        return FALSE;
      if (linkat (parent, base, item->parent, item->base, 0) == 0)
        return TRUE;
    }
  cpd_layer_item_fail (item, errno, "make it a hard link to what should be in the archive", error);
  return FALSE;
}

static gboolean
write_block (int fd, const char *data, gsize length, off_t offset)
{
  while (length > 0)
    {
      ssize_t n = pwrite (fd, data, length, offset);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return FALSE;
      data += n;
      length -= (gsize) n;
      offset += n;
    }
  return TRUE;
}

/* Writes a file's contents; what a sparse file leaves out stays a hole. */
static gboolean
write_contents (CpdLayerWriter *writer, CpdLayerSource *source, struct archive *archive,
                const CpdLayerItem *item, int fd, GError **error)
{
  la_int64_t size = archive_entry_size (item->entry), end = 0, offset;
  const void *data;
  gsize length;
  int result;

  while ((result = archive_read_data_block (archive, &data, &length, &offset)) == ARCHIVE_OK)
    {
      if (!write_block (fd, data, length, offset))
        {
          cpd_layer_item_fail (item, errno, "write it", error);
          return FALSE;
        }
      end = offset + (la_int64_t) length;
      writer->size += length;
    }
  if (result != ARCHIVE_EOF)
    {
      cpd_layer_source_set_error (source, item->shown, error);
      return FALSE;
    }
  if (end < size && ftruncate (fd, size) < 0)
    {
      cpd_layer_item_fail (item, errno, "give it its size", error);
      return FALSE;
    }
  return TRUE;
}

static gboolean
add_file (CpdLayerWriter *writer, CpdLayerSource *source, struct archive *archive,
          const CpdLayerItem *item, GError **error)
{
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  cpd_autofd int fd = openat (item->parent, item->base, flags, 0600);

  if (fd < 0 && errno == EEXIST)
    {
      if (!clear_place (writer, item, error))
        return FALSE;
      fd = openat (item->parent, item->base, flags, 0600);
    }
  if (fd < 0)
    {
      cpd_layer_item_fail (item, errno, "make it", error);
      return FALSE;
    }
  return write_contents (writer, source, archive, item, fd, error)
         && cpd_layer_item_set_meta (item, fd, error);
}

/* What is copied into a directory goes through a link that is there instead. */
static gboolean
leads_to_directory (CpdLayerWriter *writer, const CpdLayerItem *item, const struct stat *info)
{
  cpd_autofd int fd = -1;

  if (writer->rules == NULL || !S_ISLNK (info->st_mode))
    return FALSE;
  fd = cpd_in_root_open (writer->root, item->path, O_PATH | O_DIRECTORY);
  return fd >= 0;
}

/* Makes the directory, unless there is one; a whiteout in its place says that it hides the one below. */
static gboolean
make_directory (CpdLayerWriter *writer, const CpdLayerItem *item, GError **error)
{
  struct stat info;

  if (mkdirat (item->parent, item->base, 0700) == 0)
    return TRUE;
  if (errno != EEXIST || fstatat (item->parent, item->base, &info, AT_SYMLINK_NOFOLLOW) < 0)
    {
      cpd_layer_item_fail (item, errno, "make it", error);
      return FALSE;
    }
  if (S_ISDIR (info.st_mode))
    return TRUE;
  if (leads_to_directory (writer, item, &info))
    return TRUE;
  if (!clear_place (writer, item, error))
    return FALSE;
  if (mkdirat (item->parent, item->base, 0700) < 0)
    {
      cpd_layer_item_fail (item, errno, "make it", error);
      return FALSE;
    }
  return !cpd_whiteout_is (&info) || cpd_layer_whiteout_set_opaque (item, item->parent, item->base, error);
}

static gboolean
add_directory (CpdLayerWriter *writer, const CpdLayerItem *item, GError **error)
{
  cpd_autofd int fd = -1;

  if (!make_directory (writer, item, error))
    return FALSE;
  fd = openat (item->parent, item->base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 && writer->rules != NULL && (errno == ELOOP || errno == ENOTDIR))
    return TRUE;        /* a link to one, which keeps what it has */
  if (fd < 0)
    {
      cpd_layer_item_fail (item, errno, "open it", error);
      return FALSE;
    }
  return cpd_layer_item_set_meta (item, fd, error);
}

static gboolean
add_root (CpdLayerWriter *writer, const CpdLayerItem *item, GError **error)
{
  if (archive_entry_filetype (item->entry) != AE_IFDIR || archive_entry_hardlink (item->entry) != NULL)
    {
      cpd_layer_item_reject (item, "the root must be a directory", error);
      return FALSE;
    }
  leave_parent (writer);        /* which it may be itself */
  return cpd_layer_item_set_meta (item, writer->root, error);
}

/* One attempt to make what has no contents: 0, or -1 and errno. */
static int
make_special (const CpdLayerItem *item)
{
  struct archive_entry *entry = item->entry;
  mode_t type = archive_entry_filetype (entry);

  if (type == AE_IFLNK)
    return symlinkat (archive_entry_symlink (entry), item->parent, item->base);
  if (type == AE_IFIFO)
    return mknodat (item->parent, item->base, S_IFIFO | 0600, 0);
  return mknodat (item->parent, item->base, type | 0600,
                  makedev ((guint) archive_entry_rdevmajor (entry), (guint) archive_entry_rdevminor (entry)));
}

static gboolean
check_special (const CpdLayerItem *item, GError **error)
{
  struct archive_entry *entry = item->entry;
  mode_t type = archive_entry_filetype (entry);

  if (type == AE_IFCHR && archive_entry_rdevmajor (entry) == 0 && archive_entry_rdevminor (entry) == 0)
    {
      cpd_layer_item_reject (item, "a character device 0:0 is not allowed", error);
      return FALSE;
    }
  if (type == AE_IFLNK && archive_entry_symlink (entry) == NULL)
    {
      cpd_layer_item_reject (item, "it is a symbolic link to nothing", error);
      return FALSE;
    }
  if (type != AE_IFLNK && type != AE_IFIFO && type != AE_IFCHR && type != AE_IFBLK)
    {
      cpd_layer_item_reject (item, "it is of an unknown type", error);
      return FALSE;
    }
  return TRUE;
}

static gboolean
add_special (CpdLayerWriter *writer, const CpdLayerItem *item, GError **error)
{
  if (!check_special (item, error))
    return FALSE;
  if (make_special (item) == 0)
    return cpd_layer_item_set_meta (item, -1, error);
  if (errno == EEXIST)
    {
      if (!clear_place (writer, item, error))
        return FALSE;
      if (make_special (item) == 0)
        return cpd_layer_item_set_meta (item, -1, error);
    }
  cpd_layer_item_fail (item, errno, "make it", error);
  return FALSE;
}

gboolean
cpd_layer_writer_add (CpdLayerWriter *writer, CpdLayerSource *source, struct archive *archive,
                      struct archive_entry *entry, GError **error)
{
  const char *name = archive_entry_pathname (entry);
  const char *hard_link = archive_entry_hardlink (entry);
  g_auto(CpdLayerItem) item = {
    .entry = entry, .parent = -1, .born_uid = NOBODY, .born_gid = NOBODY,
  };

  item.shown = name != NULL ? g_utf8_make_valid (name, (gssize) strnlen (name, 1024)) : g_strdup ("");
  item.path = name != NULL ? place (writer, clean_path (name)) : NULL;
  if (item.path == NULL)
    {
      cpd_layer_item_reject (&item, name != NULL ? "its name leaves the root" : "its name cannot be read", error);
      return FALSE;
    }
  if (*item.path == '\0')
    return writer->rules != NULL || add_root (writer, &item, error);
  if (!find_parent (writer, &item, error))
    return FALSE;
  if (writer->rules != NULL && writer->rules->chown)
    {
      archive_entry_set_uid (entry, writer->rules->uid);
      archive_entry_set_gid (entry, writer->rules->gid);
    }
  if (writer->rules == NULL && g_str_has_prefix (item.base, CPD_WHITEOUT_PREFIX))
    return cpd_layer_whiteout_add (&item, error);
  if (hard_link != NULL)
    return add_hard_link (writer, &item, hard_link, error);
  if (archive_entry_filetype (entry) == AE_IFREG)
    return add_file (writer, source, archive, &item, error);
  if (archive_entry_filetype (entry) == AE_IFDIR)
    return add_directory (writer, &item, error);
  return add_special (writer, &item, error);
}

void
cpd_layer_writer_finish (CpdLayerWriter *writer)
{
  leave_parent (writer);
}
