/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-tar-writer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "oci/cpd-in-root.h"
#include "oci/cpd-layer.h"
#include "oci/cpd-libarchive.h"
#include "oci/cpd-tar-entry.h"
#include "oci/cpd-tar-output.h"
#include "oci/cpd-whiteout.h"
#include "public/cpod-error.h"

#define BLOCK_SIZE (256 * 1024)

struct _CpdTarWriter
{
  const CpdTarOptions *options; /* (unowned) */
  CpdTarOutput output;          /* (owned) */
  struct archive *archive;      /* (owned) */
  GError *failure;              /* (owned) (nullable) of the output */
  gboolean given_up;            /* nothing more is written */
  GHashTable *links;            /* (owned) "device:inode" → name of what has more than one */
  char *buffer;                 /* (owned) BLOCK_SIZE bytes */
  guint64 size;
  guint64 entries;
};

/* One thing on its way into the archive. */
typedef struct
{
  int parent;                   /* (unowned) directory that it is in */
  const char *base;             /* (unowned) its name there */
  const char *name;             /* (unowned) that in the archive */
  struct stat info;
} Item;

static la_ssize_t
on_write (struct archive *archive, void *user_data, const void *data, size_t length)
{
  CpdTarWriter *writer = user_data;

  /* libarchive would lose memory if it were told of a failure, so it is not; the writer looks itself. */
  if (writer->failure == NULL && !writer->given_up)
    cpd_tar_output_write (&writer->output, data, length, &writer->failure);
  return (la_ssize_t) length;
}

static gboolean
fail (CpdTarWriter *writer, const char *name, GError **error)
{
  g_autofree char *shown = g_utf8_make_valid (name, -1);
  const char *text = archive_error_string (writer->archive);

  if (writer->failure != NULL)
    g_propagate_error (error, g_error_copy (writer->failure));
  else
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "failed to archive '%s': %s", shown,
                 text != NULL ? text : "unknown error");
  return FALSE;
}

static gboolean
fail_errno (int saved_errno, const char *what, const char *name, GError **error)
{
  g_autofree char *shown = g_utf8_make_valid (name, -1);

  cpd_set_error_errno (error, saved_errno, "failed to %s '%s'", what, shown);
  return FALSE;
}

CpdTarWriter *
cpd_tar_writer_new (int fd, const CpdTarOptions *options, GError **error)
{
  g_autoptr(CpdTarWriter) writer = NULL;

  if (!cpd_libarchive_load (error))
    return NULL;
  writer = g_new0 (CpdTarWriter, 1);
  writer->options = options;
  writer->links = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  writer->buffer = g_malloc (BLOCK_SIZE);
  writer->archive = archive_write_new ();
  if (!cpd_tar_output_open (&writer->output, fd, options->cancellable, error))
    return NULL;
  archive_write_set_format_pax_restricted (writer->archive);
  archive_write_set_format_option (writer->archive, "pax", "xattrheader", "SCHILY");
  archive_write_set_bytes_per_block (writer->archive, BLOCK_SIZE);
  archive_write_set_bytes_in_last_block (writer->archive, 1);
  if (archive_write_open (writer->archive, writer, NULL, on_write, NULL) == ARCHIVE_OK)
    return g_steal_pointer (&writer);
  fail (writer, "", error);
  return NULL;
}

void
cpd_tar_writer_free (CpdTarWriter *writer)
{
  if (writer == NULL)
    return;
  writer->given_up = TRUE;      /* no end, unless it has been written */
  archive_write_free (writer->archive);
  cpd_tar_output_close (&writer->output);
  g_clear_error (&writer->failure);
  g_hash_table_unref (writer->links);
  g_free (writer->buffer);
  g_free (writer);
}

static gboolean
write_header (CpdTarWriter *writer, struct archive_entry *entry, GError **error)
{
  writer->entries++;
  return (archive_write_header (writer->archive, entry) >= ARCHIVE_WARN && writer->failure == NULL)
         || fail (writer, archive_entry_pathname (entry), error);
}

/* A file without contents whose name alone means something. */
static gboolean
add_mark (CpdTarWriter *writer, const char *directory, const char *prefix, const char *base, const struct stat *info,
          GError **error)
{
  g_autoptr(CpdTarEntry) entry = archive_entry_new ();
  g_autofree char *name = g_strconcat (directory, *directory != '\0' ? "/" : "", prefix, base, NULL);

  archive_entry_copy_pathname (entry, name);
  archive_entry_set_filetype (entry, AE_IFREG);
  archive_entry_set_perm (entry, 0600);
  archive_entry_set_mtime (entry, info->st_mtime, 0);
  archive_entry_set_size (entry, 0);
  return write_header (writer, entry, error);
}

/* Writes LENGTH bytes from OFFSET on; what is no longer there becomes zeros. */
static gboolean
add_data (CpdTarWriter *writer, int fd, gint64 offset, gint64 length, const char *name, GError **error)
{
  while (length > 0)
    {
      gsize wanted = (gsize) MIN (length, BLOCK_SIZE);
      ssize_t n = fd >= 0 ? pread (fd, writer->buffer, wanted, offset) : 0;

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return fail_errno (errno, "read", name, error);
      if (n == 0)
        {
          memset (writer->buffer, 0, wanted);
          n = (ssize_t) wanted;
        }
      else
        writer->size += (guint64) n;
      if (archive_write_data (writer->archive, writer->buffer, (gsize) n) < 0 || writer->failure != NULL)
        return fail (writer, name, error);
      offset += n;
      length -= n;
      if (writer->options->progress != NULL)
        writer->options->progress (writer->size, writer->options->progress_data);
    }
  return TRUE;
}

/* The whole of a file; holes are told of, not read. */
static gboolean
add_contents (CpdTarWriter *writer, struct archive_entry *entry, int fd, const Item *item, GError **error)
{
  const gint64 size = item->info.st_size;
  gint64 at = 0, offset, length;

  if (archive_entry_sparse_reset (entry) == 0)
    return add_data (writer, fd, 0, size, item->name, error);
  while (archive_entry_sparse_next (entry, &offset, &length) == ARCHIVE_OK)
    {
      if (!add_data (writer, -1, at, offset - at, item->name, error)
          || !add_data (writer, fd, offset, length, item->name, error))
        return FALSE;
      at = offset + length;
    }
  return add_data (writer, -1, at, size - at, item->name, error);
}

static char *
link_key (const struct stat *info)
{
  return g_strdup_printf ("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT, (guint64) info->st_dev, (guint64) info->st_ino);
}

static gboolean
add_file (CpdTarWriter *writer, struct archive_entry *entry, const Item *item, GError **error)
{
  cpd_autofd int fd = openat (item->parent, item->base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  struct stat info;

  if (fd < 0 || fstat (fd, &info) < 0 || !S_ISREG (info.st_mode) || info.st_ino != item->info.st_ino)
    return fd >= 0 || errno == ENOENT || errno == ELOOP || errno == ENXIO      /* replaced meanwhile */
           || fail_errno (errno, "open", item->name, error);
  if (!cpd_tar_entry_read_xattrs (entry, fd, writer->options->upper, error))
    {
      g_prefix_error (error, "'%s': ", item->name);
      return FALSE;
    }
  cpd_tar_entry_find_holes (entry, fd, &item->info);
  return write_header (writer, entry, error) && add_contents (writer, entry, fd, item, error);
}

static gboolean
add_special (CpdTarWriter *writer, struct archive_entry *entry, const Item *item, GError **error)
{
  archive_entry_set_size (entry, 0);
  if (S_ISLNK (item->info.st_mode))
    {
      g_autofree char *target = g_malloc0 (PATH_MAX + 1);

      if (readlinkat (item->parent, item->base, target, PATH_MAX) < 0)
        return errno == ENOENT || errno == EINVAL || fail_errno (errno, "read", item->name, error);
      archive_entry_copy_symlink (entry, target);
    }
  return write_header (writer, entry, error);
}

/* A file with several names has its contents under the first one. */
static gboolean
add_linked (CpdTarWriter *writer, struct archive_entry *entry, const Item *item, GError **error)
{
  g_autofree char *key = link_key (&item->info);
  const char *first = g_hash_table_lookup (writer->links, key);
  const guint64 entries = writer->entries;

  if (first != NULL)
    {
      archive_entry_copy_hardlink (entry, first);
      archive_entry_set_size (entry, 0);
      return write_header (writer, entry, error);
    }
  if (!(S_ISREG (item->info.st_mode) ? add_file : add_special) (writer, entry, item, error))
    return FALSE;
  if (writer->entries > entries)        /* it was still there */
    g_hash_table_insert (writer->links, g_steal_pointer (&key), g_strdup (item->name));
  return TRUE;
}

/* What is no directory. */
static gboolean
add_item (CpdTarWriter *writer, const char *directory, const Item *item, GError **error)
{
  g_autoptr(CpdTarEntry) entry = NULL;
  const struct stat *info = &item->info;
  const char *hidden = writer->options->marks ? cpd_whiteout_marked_name (item->base) : NULL;

  if (hidden != NULL)
    return *hidden == '\0' || add_mark (writer, directory, CPD_WHITEOUT_PREFIX, hidden, info, error);
  if (writer->options->upper && cpd_whiteout_is (info))
    return add_mark (writer, directory, CPD_WHITEOUT_PREFIX, item->base, info, error);
  if (S_ISSOCK (info->st_mode))
    return TRUE;
  entry = cpd_tar_entry_new (item->name, info);
  if (info->st_nlink > 1)
    return add_linked (writer, entry, item, error);
  return (S_ISREG (info->st_mode) ? add_file : add_special) (writer, entry, item, error);
}

static gboolean
add_directory_entry (CpdTarWriter *writer, int fd, const char *path, const char *name, GError **error)
{
  g_autoptr(CpdTarEntry) entry = NULL;
  g_autofree char *with_slash = g_strconcat (*name != '\0' ? name : ".", "/", NULL);
  struct stat info;

  if (fstat (fd, &info) < 0)
    return fail_errno (errno, "look at", with_slash, error);
  entry = cpd_tar_entry_new (with_slash, &info);
  archive_entry_set_size (entry, 0);
  if (!cpd_tar_entry_read_xattrs (entry, fd, writer->options->upper, error))
    {
      g_prefix_error (error, "'%s': ", with_slash);
      return FALSE;
    }
  if (!write_header (writer, entry, error))
    return FALSE;
  return !writer->options->upper
         || !(cpd_whiteout_is_opaque (fd) || (writer->options->marks && cpd_whiteout_has_opaque_mark (fd)))
         || (writer->options->hides != NULL && !writer->options->hides (path, writer->options->hides_data))
         || add_mark (writer, name, "", CPD_WHITEOUT_OPAQUE, &info, error);
}

static char *
join (const char *directory, const char *base)
{
  return *directory != '\0' && strcmp (directory, ".") != 0 ? g_strconcat (directory, "/", base, NULL) : g_strdup (base);
}

/* Whiteouts of what is not there, and so is not found. */
static gboolean
add_deleted (CpdTarWriter *writer, int fd, const char *name, GError **error)
{
  const CpdTarOptions *options = writer->options;
  GPtrArray *names = options->deleted != NULL ? options->deleted (name, options->changes) : NULL;
  struct stat info;

  if (names == NULL)
    return TRUE;
  if (fstat (fd, &info) < 0)
    return fail_errno (errno, "look at", name, error);
  for (guint i = 0; i < names->len; i++)
    if (!add_mark (writer, name, CPD_WHITEOUT_PREFIX, names->pdata[i], &info, error))
      return FALSE;
  return TRUE;
}

static gboolean
is_wanted (const CpdTarWriter *writer, const char *name)
{
  return writer->options->wants == NULL || writer->options->wants (name, writer->options->changes);
}

/* Adds what is in a directory but other directories, whose names go into DIRECTORIES. */
static gboolean
add_items (CpdTarWriter *writer, int fd, const char *name, GPtrArray *directories, GError **error)
{
  g_autoptr(GPtrArray) names = cpd_in_root_list (fd);

  if (names == NULL)
    return fail_errno (errno, "read", name, error);
  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *full = join (name, names->pdata[i]);
      Item item = { .parent = fd, .base = names->pdata[i], .name = full };

      if (!is_wanted (writer, full))
        continue;
      if (fstatat (fd, item.base, &item.info, AT_SYMLINK_NOFOLLOW) < 0)
        {
          if (errno != ENOENT)
            return fail_errno (errno, "look at", full, error);
          continue;             /* removed meanwhile */
        }
      if (S_ISDIR (item.info.st_mode))
        g_ptr_array_add (directories, g_strdup (item.base));
      else if (!add_item (writer, name, &item, error))
        return FALSE;
    }
  return TRUE;
}

/* A directory is open only as long as its files are read: a tree may be deeper than there are descriptors. */
static gboolean
add_tree (CpdTarWriter *writer, int root, const char *path, const char *name, gboolean optional, GError **error)
{
  g_autoptr(GPtrArray) directories = g_ptr_array_new_with_free_func (g_free);
  cpd_autofd int fd = cpd_in_root_open_plain (root, path, O_RDONLY | O_DIRECTORY);

  if (fd < 0)
    return (optional && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
           || fail_errno (errno, "open", name, error);
  if (!add_directory_entry (writer, fd, path, name, error) || !add_items (writer, fd, name, directories, error)
      || !add_deleted (writer, fd, name, error))
    return FALSE;
  cpd_close_fd (&fd);
  for (guint i = 0; i < directories->len; i++)
    {
      g_autofree char *below = join (path, directories->pdata[i]);
      g_autofree char *below_name = join (name, directories->pdata[i]);

      if (!add_tree (writer, root, below, below_name, TRUE, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
add (CpdTarWriter *writer, int root, const char *base, const char *name, GError **error)
{
  Item item = { .parent = root, .base = base, .name = name };

  if (fstatat (root, base, &item.info, AT_SYMLINK_NOFOLLOW) < 0)
    return fail_errno (errno, "look at", name, error);
  return S_ISDIR (item.info.st_mode) ? add_tree (writer, root, base, name, FALSE, error)
                                     : add_item (writer, "", &item, error);
}

gboolean
cpd_tar_writer_add (CpdTarWriter *writer, int root, const char *base, const char *name, GError **error)
{
  locale_t old = uselocale (cpd_layer_utf8 ());
  gboolean done = add (writer, root, base, name, error);

  uselocale (old);
  return done;
}

gboolean
cpd_tar_writer_finish (CpdTarWriter *writer, GError **error)
{
  return (archive_write_close (writer->archive) == ARCHIVE_OK && writer->failure == NULL)
         || fail (writer, "", error);
}

guint64
cpd_tar_writer_get_size (CpdTarWriter *writer)
{
  return writer->size;
}

guint64
cpd_tar_writer_get_entries (CpdTarWriter *writer)
{
  return writer->entries;
}
