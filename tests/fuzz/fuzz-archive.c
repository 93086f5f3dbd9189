/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An archive of images, as somebody sent it. An input is either the bytes of
 * one or, as headers have checksums and texts speak of digests, begins with a
 * line "members" and says what is to be in it:
 *
 *   members
 *   f manifest.json          a file of that name, then its contents until a line "%%"
 *   [...]
 *   %%
 *   s a/layer.tar ../b       a symbolic link, h is a hard one, d a directory, c a device
 *   %%
 *   f.999 name               a file whose header claims 999 bytes
 *   %%
 *   b                        a file with the name of a blob of these contents
 *
 * In contents and names $c is the digest of the contents of the member c, the
 * third one, ^c its hexadecimal digits only, #c its length. What
 * is to be spoken of must come later.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "fuzz.h"
#include "oci/cpd-digest.h"
#include "oci/cpd-image-archive.h"
#include "oci/cpd-reference.h"
#include "public/cpod-error.h"

#define MARK "members\n"
#define BLOCK 512
#define PARTS_MAX 26
#define LENGTH_MAX (1024 * 1024)        /* of what a member has, once everything stands for something */

int
LLVMFuzzerInitialize (int *argc, char ***argv)
{
  fuzz_init ();
  return 0;
}

/* TEXT with what it says of the members from FIRST on. */
static char *
fill_in (const char *text, char *const *contents, guint first)
{
  g_autoptr(GString) result = g_string_new (NULL);

  for (const char *at = text; *at != '\0' && result->len < LENGTH_MAX; at++)
    {
      const guint number = at[1] >= 'a' ? (guint) (at[1] - 'a') : PARTS_MAX;
      const char *other = number >= first && number < PARTS_MAX ? contents[number] : NULL;
      g_autofree char *digest = other != NULL ? cpd_digest_of_text (other, -1) : NULL;

      if (digest == NULL || strchr ("$^#", *at) == NULL)
        {
          g_string_append_c (result, *at);
          continue;
        }
      if (*at == '#')
        g_string_append_printf (result, "%zu", strlen (other));
      else
        g_string_append (result, *at == '$' ? digest : cpd_digest_hex (digest));
      at++;
    }
  return g_string_free (g_steal_pointer (&result), FALSE);
}

static void
add_header (GByteArray *tar, char type, const char *name, const char *target, guint64 size)
{
  char header[BLOCK] = "";
  guint sum = 0;

  g_strlcpy (header, name, 100);
  memcpy (header + 100, "0000644\0000000000\0000000000", 24);
  g_snprintf (header + 124, 12, "%011" G_GINT64_MODIFIER "o", size & 077777777777);
  memcpy (header + 136, "00000000000\0        ", 20);
  header[156] = type;
  g_strlcpy (header + 157, target, 100);
  memcpy (header + 257, "ustar\00000", 8);
  for (gsize i = 0; i < BLOCK; i++)
    sum += (guint8) header[i];
  g_snprintf (header + 148, 8, "%06o", sum);
  g_byte_array_append (tar, (const guint8 *) header, BLOCK);
}

static char
tar_type (char letter)
{
  switch (letter)
    {
    case 's': return '2';
    case 'h': return '1';
    case 'd': return '5';
    case 'c': return '3';
    default: return '0';
    }
}

/* HEAD is "f NAME", "s NAME TARGET", "f.SIZE NAME", "b". */
static void
add_member (GByteArray *tar, const char *head, const char *text)
{
  static const guint8 zeros[BLOCK];
  g_auto(GStrv) words = g_strsplit (head, " ", 3);
  const guint n = g_strv_length (words);
  g_autofree char *digest = cpd_digest_of_text (text, -1);
  g_autofree char *blob = g_strconcat ("blobs/sha256/", cpd_digest_hex (digest), NULL);
  const char *kind = n > 0 ? words[0] : "";
  const char *name = *kind == 'b' || n < 2 ? blob : words[1];
  const char type = tar_type (*kind);
  const gsize length = type == '0' ? strlen (text) : 0;
  const char *claim = strchr (kind, '.');

  add_header (tar, type, name, n > 2 ? words[2] : "",
              claim != NULL ? g_ascii_strtoull (claim + 1, NULL, 10) : length);
  g_byte_array_append (tar, (const guint8 *) text, (guint) length);
  g_byte_array_append (tar, zeros, (guint) ((BLOCK - length % BLOCK) % BLOCK));
}

static GByteArray *
make_archive (const guint8 *data, gsize size)
{
  g_autoptr(GByteArray) tar = g_byte_array_new ();
  g_auto(GStrv) parts = fuzz_split (data, size, PARTS_MAX);
  g_auto(GStrv) contents = g_new0 (char *, PARTS_MAX + 1);
  g_autofree const char **heads = g_new0 (const char *, PARTS_MAX);

  for (guint i = PARTS_MAX; i-- > 0;)
    {
      char *end = strchr (parts[i], '\n');

      if (end != NULL)
        *end = '\0';
      heads[i] = parts[i];
      contents[i] = fill_in (end != NULL ? end + 1 : "", contents, i + 1);
    }
  for (guint i = 0; i < PARTS_MAX; i++)
    if (*heads[i] != '\0')
      {
        g_autofree char *head = fill_in (heads[i], contents, 0);

        add_member (tar, head, contents[i]);
      }
  g_byte_array_set_size (tar, tar->len + 2 * BLOCK);
  memset (tar->data + tar->len - 2 * BLOCK, 0, 2 * BLOCK);
  return g_steal_pointer (&tar);
}

static int
open_memory (const guint8 *data, gsize size)
{
  int fd = memfd_create ("archive", MFD_CLOEXEC);

  g_assert_cmpint (fd, >=, 0);
  g_assert_true (cpd_fs_write_all (fd, (const char *) data, size, NULL));
  g_assert_cmpint (lseek (fd, 0, SEEK_SET), ==, 0);
  return fd;
}

static void
check_error (const GError *error)
{
  g_assert_true (g_error_matches (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARCHIVE)
                 || g_error_matches (error, CPOD_ERROR, CPOD_ERROR_INVALID_IMAGE)
                 || g_error_matches (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_IMAGE));
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
}

static void
check_image (const CpdArchiveImage *image, guint64 size)
{
  g_autofree char *digest = cpd_digest_of_text (image->config, -1);

  g_assert_cmpstr (cpd_digest_hex (digest), ==, image->id);
  g_assert_cmpuint (image->layers->len, ==, g_strv_length (image->info->diff_ids));
  g_assert_cmpuint (image->layers->len, >, 0);
  for (guint i = 0; i < image->layers->len; i++)
    {
      const CpdArchiveLayer *layer = image->layers->pdata[i];

      g_assert_cmpuint (layer->part.offset, <=, size);
      g_assert_cmpuint (layer->part.length, <=, size - layer->part.offset);
      g_assert_true (layer->digest == NULL || cpd_digest_check (layer->digest, NULL));
    }
  for (guint i = 0; i < image->names->len; i++)
    {
      g_autofree char *name = cpd_reference_normalize (image->names->pdata[i], NULL);

      g_assert_cmpstr (name, ==, image->names->pdata[i]);
      g_assert_null (strchr (name, '@'));
    }
}

static void
look_at (int fd)
{
  const CpdPlatform platform = { .os = "linux", .architecture = "amd64" };
  g_autoptr(GError) error = NULL;
  g_autoptr(CpdArchiveIndex) archive = cpd_archive_index_new (fd, NULL, &error);
  g_autoptr(GPtrArray) images = archive != NULL ? cpd_image_archive_read (archive, &platform, &error) : NULL;
  g_autoptr(GHashTable) ids = g_hash_table_new (g_str_hash, g_str_equal);
  struct stat info;

  if (images == NULL)
    {
      check_error (error);
      return;
    }
  g_assert_cmpint (fstat (fd, &info), ==, 0);
  g_assert_cmpuint (images->len, >, 0);
  for (guint i = 0; i < images->len; i++)
    {
      const CpdArchiveImage *image = images->pdata[i];

      g_assert_true (g_hash_table_add (ids, image->id));
      check_image (image, (guint64) info.st_size);
    }
}

/* As what comes through a pipe is. */
static void
look_at_spooled (int fd)
{
  g_autoptr(GError) error = NULL;
  cpd_autofd int file = open_memory (NULL, 0);
  struct stat info;

  g_assert_cmpint (lseek (fd, 0, SEEK_SET), ==, 0);
  if (!cpd_archive_spool (fd, file, LENGTH_MAX, NULL, NULL, NULL, &error))
    {
      check_error (error);
      return;
    }
  g_assert_cmpint (fstat (file, &info), ==, 0);
  g_assert_cmpint (info.st_size, <=, LENGTH_MAX);
  g_assert_cmpint (lseek (file, 0, SEEK_SET), ==, 0);
  look_at (file);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  const gsize mark = strlen (MARK);
  g_autoptr(GByteArray) made = NULL;
  cpd_autofd int fd = -1;

  if (size >= mark && memcmp (data, MARK, mark) == 0)
    made = make_archive (data + mark, size - mark);
  fd = made != NULL ? open_memory (made->data, made->len) : open_memory (data, size);
  if (cpd_archive_is_plain_file (fd))
    look_at (fd);
  if (made == NULL)
    look_at_spooled (fd);
  return 0;
}
