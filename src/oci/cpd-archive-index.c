/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-archive-index.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "oci/cpd-libarchive.h"
#include "oci/cpd-oci-error.h"

#define BLOCK_SIZE (64 * 1024)
#define MEMBERS_MAX 100000
#define NAME_MAX_LENGTH 4096
#define NAMES_MAX ((gsize) 32 * 1024 * 1024)    /* bytes of all names, and of what links lead to */
#define LINKS_MAX 10
#define TEXT_MAX (8 * 1024 * 1024)
#define TEXTS_MAX ((gsize) 64 * 1024 * 1024)    /* all of them: they are in memory at the same time */

typedef struct
{
  CpdLayerPart part;
  char *target;                 /* (owned) (nullable) clean name of what it is a link to */
  gboolean twice;               /* others may take the other one for it */
  gboolean odd;                 /* a device, or with holes */
} Member;

struct _CpdArchiveIndex
{
  int fd;                       /* (unowned) */
  guint64 start;
  guint64 end;
  guint64 position;             /* while the headers are read */
  GHashTable *members;          /* (owned) clean name → Member */
  gsize names;                  /* bytes of all names */
  gsize texts;                  /* bytes of all texts that were read */
  int failure;                  /* errno of a read that failed */
  guint8 block[BLOCK_SIZE];
};

static void
member_free (gpointer data)
{
  Member *member = data;

  g_free (member->target);
  g_free (member);
}

void
cpd_archive_index_free (CpdArchiveIndex *archive)
{
  g_hash_table_unref (archive->members);
  g_free (archive);
}

int
cpd_archive_index_get_fd (CpdArchiveIndex *archive)
{
  return archive->fd;
}

#define fail(error, ...) cpd_oci_fail (error, CPOD_ERROR_INVALID_ARCHIVE, __VA_ARGS__)

/* "./a//b/../c" becomes "a/c"; what would lead out of the archive stays in it. */
static char *
clean_name (const char *directory, const char *name)
{
  g_auto(GStrv) words = NULL;
  g_autofree char *whole = g_strconcat (directory, "/", name, NULL);
  g_autoptr(GPtrArray) kept = g_ptr_array_new ();

  words = g_strsplit (whole, "/", -1);
  for (char **word = words; *word != NULL; word++)
    {
      if (**word == '\0' || strcmp (*word, ".") == 0)
        continue;
      if (strcmp (*word, "..") != 0)
        g_ptr_array_add (kept, *word);
      else if (kept->len > 0)
        g_ptr_array_set_size (kept, (int) kept->len - 1);
    }
  g_ptr_array_add (kept, NULL);
  return g_strjoinv ("/", (char **) kept->pdata);
}

/* Called by the tar reader of libarchive. */
static la_ssize_t
on_read (struct archive *reader, void *user_data, const void **data)
{
  CpdArchiveIndex *archive = user_data;
  ssize_t n;

  do
    n = pread (archive->fd, archive->block, BLOCK_SIZE, (off_t) archive->position);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    {
      archive->failure = errno;
      archive_set_error (reader, EIO, "failed to read");
      return -1;
    }
  archive->position += (guint64) n;
  *data = archive->block;
  return n;
}

/* Contents are not looked at. */
static la_int64_t
on_skip (struct archive *reader, void *user_data, la_int64_t request)
{
  CpdArchiveIndex *archive = user_data;
  const guint64 left = archive->end - MIN (archive->position, archive->end);
  const guint64 skipped = MIN ((guint64) MAX (request, 0), left);

  archive->position += skipped;
  return (la_int64_t) skipped;
}

static gboolean
is_too_long (const char *name)
{
  return name != NULL && strlen (name) > NAME_MAX_LENGTH;
}

static char *
get_target (struct archive_entry *entry, const char *name)
{
  const char *hard = archive_entry_hardlink (entry);
  const char *soft = archive_entry_symlink (entry);
  g_autofree char *directory = g_path_get_dirname (name);

  if (hard != NULL)
    return clean_name ("", hard);
  return soft != NULL ? clean_name (*soft == '/' ? "" : directory, soft) : NULL;
}

/* Takes NAME. */
static void
insert_member (CpdArchiveIndex *archive, char *name, struct archive_entry *entry, guint64 offset)
{
  const gint64 size = archive_entry_size (entry);
  Member *member = g_new0 (Member, 1);

  member->target = get_target (entry, name);
  member->odd = member->target == NULL
                && (archive_entry_filetype (entry) != AE_IFREG || archive_entry_sparse_count (entry) > 0 || size < 0);
  if (member->target == NULL && !member->odd)
    member->part = (CpdLayerPart) { offset, (guint64) size };
  archive->names += strlen (name) + (member->target != NULL ? strlen (member->target) : 0);
  g_hash_table_insert (archive->members, name, member);
}

static gboolean
add_member (CpdArchiveIndex *archive, struct archive *reader, struct archive_entry *entry, GError **error)
{
  const char *path = archive_entry_pathname (entry);
  const gint64 at = archive_filter_bytes (reader, 0);
  const guint n = g_hash_table_size (archive->members);
  g_autofree char *name = path != NULL && !is_too_long (path) ? clean_name ("", path) : NULL;
  Member *member;

  if (name == NULL)
    return fail (error, "member %u has no name that could be used", n + 1);
  if (archive_entry_filetype (entry) == AE_IFDIR)
    return TRUE;
  if (is_too_long (archive_entry_hardlink (entry)) || is_too_long (archive_entry_symlink (entry)))
    return fail (error, "member '%s' is a link to a name that is too long", name);
  if (n >= MEMBERS_MAX)
    return fail (error, "it has more than %d members", MEMBERS_MAX);
  if (archive->names > NAMES_MAX)
    return fail (error, "the names of its members have more than %zu bytes", NAMES_MAX);
  member = g_hash_table_lookup (archive->members, name);
  if (member != NULL)
    member->twice = TRUE;
  else
    insert_member (archive, g_steal_pointer (&name), entry, archive->start + (guint64) at);
  return TRUE;
}

static gboolean
read_headers (CpdArchiveIndex *archive, struct archive *reader, GCancellable *cancellable, GError **error)
{
  struct archive_entry *entry;
  int result;

  while ((result = archive_read_next_header (reader, &entry)) == ARCHIVE_OK || result == ARCHIVE_WARN)
    {
      if (g_cancellable_is_cancelled (cancellable))
        {
          g_set_error_literal (error, CPOD_ERROR, CPOD_ERROR_CANCELLED, "it was cancelled");
          return FALSE;
        }
      if (!add_member (archive, reader, entry, error))
        return FALSE;
    }
  if (result == ARCHIVE_EOF)
    return TRUE;
  if (archive->failure != 0)
    cpd_set_error_errno (error, archive->failure, "failed to read the archive");
  else
    fail (error, "no valid tar archive: %s", archive_error_string (reader));
  return FALSE;
}

CpdArchiveIndex *
cpd_archive_index_new (int fd, GCancellable *cancellable, GError **error)
{
  g_autoptr(CpdArchiveIndex) archive = g_new0 (CpdArchiveIndex, 1);
  struct archive *reader;
  struct stat info;
  off_t at = lseek (fd, 0, SEEK_CUR);
  gboolean done;

  archive->fd = fd;
  archive->members = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, member_free);
  if (at < 0 || fstat (fd, &info) < 0)
    {
      cpd_set_error_errno (error, errno, "failed to read the archive");
      return NULL;
    }
  archive->start = archive->position = (guint64) at;
  archive->end = (guint64) MAX (info.st_size, at);
  if (!cpd_libarchive_load (error))
    return NULL;
  reader = archive_read_new ();
  archive_read_support_format_tar (reader);
  archive_read_set_skip_callback (reader, on_skip);
  archive_read_set_read_callback (reader, on_read);
  archive_read_set_callback_data (reader, archive);
  if (archive_read_open1 (reader) == ARCHIVE_OK)
    done = read_headers (archive, reader, cancellable, error);
  else
    done = fail (error, "no valid tar archive: %s", archive_error_string (reader));
  archive_read_free (reader);
  return done ? g_steal_pointer (&archive) : NULL;
}

gboolean
cpd_archive_index_has (CpdArchiveIndex *archive, const char *name)
{
  return g_hash_table_contains (archive->members, name);
}

const CpdLayerPart *
cpd_archive_index_find (CpdArchiveIndex *archive, const char *name, GError **error)
{
  g_autofree char *clean = clean_name ("", name);
  const char *at = clean;
  const Member *member = NULL;

  for (int i = 0; i < LINKS_MAX; i++)
    {
      member = g_hash_table_lookup (archive->members, at);
      if (member == NULL || member->target == NULL || member->twice)
        break;
      at = member->target;
    }
  if (member == NULL)
    fail (error, "member '%s' is missing", at);
  else if (member->twice)
    fail (error, "member '%s' is there twice", at);
  else if (member->target != NULL)
    fail (error, "member '%s' is a link to a link, and so on", name);
  else if (member->odd)
    fail (error, "member '%s' is no plain file", at);
  else if (member->part.offset > archive->end || member->part.length > archive->end - member->part.offset)
    fail (error, "member '%s' is cut off", at);
  else
    return &member->part;
  return NULL;
}

static gboolean
read_part (CpdArchiveIndex *archive, const CpdLayerPart *part, char *text, GError **error)
{
  gsize done = 0;

  while (done < part->length)
    {
      ssize_t n = pread (archive->fd, text + done, part->length - done, (off_t) (part->offset + done));

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        {
          cpd_set_error_errno (error, errno, "failed to read the archive");
          return FALSE;
        }
      if (n == 0)
        return fail (error, "it is cut off");
      done += (gsize) n;
    }
  return memchr (text, '\0', part->length) == NULL || fail (error, "it is no text");
}

char *
cpd_archive_index_read_text (CpdArchiveIndex *archive, const char *name, GError **error)
{
  const CpdLayerPart *part = cpd_archive_index_find (archive, name, error);
  g_autofree char *text = NULL;

  if (part == NULL)
    return NULL;
  if (part->length > TEXT_MAX || archive->texts + part->length > TEXTS_MAX)
    {
      fail (error, "member '%s' is too long: %" G_GUINT64_FORMAT " bytes", name, part->length);
      return NULL;
    }
  archive->texts += part->length;
  text = g_malloc0 (part->length + 1);
  if (read_part (archive, part, text, error))
    return g_steal_pointer (&text);
  g_prefix_error (error, "member '%s': ", name);
  return NULL;
}
