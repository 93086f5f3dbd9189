/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-fs.h"
#include "oci/cpd-in-root.h"
#include "oci/cpd-runtime-spec.h"
#include "public/cpod-error.h"

#define DATABASE_MAX_SIZE (4 * 1024 * 1024)
#define ID_MAX G_MAXINT32       /* as other engines */

enum { PASSWD_NAME, PASSWD_PASSWORD, PASSWD_UID, PASSWD_GID, PASSWD_COMMENT, PASSWD_HOME, PASSWD_N };
enum { GROUP_NAME, GROUP_PASSWORD, GROUP_GID, GROUP_MEMBERS, GROUP_N };

static gboolean
parse_id (const char *text, guint32 *id)
{
  guint64 number;

  if (!g_ascii_string_to_unsigned (text, 10, 0, ID_MAX, &number, NULL))
    return FALSE;
  *id = (guint32) number;
  return TRUE;
}

static char *
read_all (int fd, GError **error)
{
  g_autoptr(GString) text = g_string_new (NULL);
  char buffer[4096];
  ssize_t n;

  while ((n = read (fd, buffer, sizeof buffer)) != 0)
    {
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        {
          cpd_set_error_errno (error, errno, "failed to read");
          return NULL;
        }
      if (text->len + (gsize) n > DATABASE_MAX_SIZE)
        {
          g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "it is longer than %d bytes", DATABASE_MAX_SIZE);
          return NULL;
        }
      g_string_append_len (text, buffer, n);
    }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* Lines of a file of the image. One that is not there has none; the file is the image's, so it may be anything. */
static char **
read_lines (int root, const char *path, GError **error)
{
  cpd_autofd int fd = cpd_in_root_open (root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  g_autofree char *text = NULL;
  struct stat info;

  if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
    return g_new0 (char *, 1);
  if (fd < 0 || fstat (fd, &info) < 0)
    {
      cpd_set_error_errno (error, errno, "failed to open %s of the image", path);
      return NULL;
    }
  if (!S_ISREG (info.st_mode))
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_FAILED, "%s of the image is no regular file", path);
      return NULL;
    }
  text = read_all (fd, error);
  if (text == NULL)
    {
      g_prefix_error (error, "%s of the image: ", path);
      return NULL;
    }
  return g_strsplit (text, "\n", -1);
}

/* The fields of LINE, or NULL for a comment and one with fewer than WANTED. */
static char **
split_line (const char *line, guint wanted)
{
  g_auto(GStrv) fields = NULL;

  if (*line == '#' || *line == '\0')
    return NULL;
  fields = g_strsplit (line, ":", -1);
  return g_strv_length (fields) >= wanted ? g_steal_pointer (&fields) : NULL;
}

/* The entry whose name is WANTED or, when there is none and WANTED is a number, whose id it is. */
static char **
find_entry (char **lines, const char *wanted, guint id_field, guint n_fields)
{
  g_auto(GStrv) by_number = NULL;
  guint32 number = 0, id;
  gboolean is_number = parse_id (wanted, &number);

  for (; *lines != NULL; lines++)
    {
      g_auto(GStrv) fields = split_line (*lines, n_fields);

      if (fields == NULL || !parse_id (fields[id_field], &id))
        continue;
      if (strcmp (fields[0], wanted) == 0)
        return g_steal_pointer (&fields);
      if (is_number && by_number == NULL && id == number)
        by_number = g_steal_pointer (&fields);
    }
  return g_steal_pointer (&by_number);
}

static void
add_gid (GArray *gids, guint32 gid)
{
  for (guint i = 0; i < gids->len; i++)
    if (g_array_index (gids, guint32, i) == gid)
      return;
  g_array_append_val (gids, gid);
}

/* The groups that list the user NAME as a member. */
static void
add_memberships (GArray *gids, char **lines, const char *name)
{
  for (; *lines != NULL; lines++)
    {
      g_auto(GStrv) fields = split_line (*lines, GROUP_N);
      g_auto(GStrv) members = NULL;
      guint32 gid;

      if (fields == NULL || !parse_id (fields[GROUP_GID], &gid))
        continue;
      members = g_strsplit (g_strchomp (fields[GROUP_MEMBERS]), ",", -1);
      if (g_strv_contains ((const char *const *) members, name))
        add_gid (gids, gid);
    }
}

static gboolean
fail_unknown (const char *kind, const char *name, const char *file, GError **error)
{
  g_autofree char *shown = g_utf8_make_valid (name, (gssize) strnlen (name, 100));

  g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
               "user: %s '%s' is neither a number from 0 to %d nor in %s of the image",
               kind, shown, ID_MAX, file);
  return FALSE;
}

static gboolean
lookup_group (char **groups, const char *group, guint32 *gid, GError **error)
{
  g_auto(GStrv) entry = find_entry (groups, group, GROUP_GID, GROUP_GID + 1);

  if (entry != NULL)
    return parse_id (entry[GROUP_GID], gid);
  return parse_id (group, gid) || fail_unknown ("group", group, "etc/group", error);
}

static gboolean
lookup_user (char **users, const char *user, guint32 *uid, guint32 *gid, char **name, char **home, GError **error)
{
  g_auto(GStrv) entry = find_entry (users, user, PASSWD_UID, PASSWD_GID + 1);

  *gid = 0;
  if (entry == NULL && !parse_id (user, uid))
    return fail_unknown ("user", user, "etc/passwd", error);
  if (entry == NULL)
    return TRUE;
  parse_id (entry[PASSWD_UID], uid);
  parse_id (entry[PASSWD_GID], gid);
  *name = g_strdup (entry[PASSWD_NAME]);
  if (g_strv_length (entry) > PASSWD_HOME && entry[PASSWD_HOME][0] == '/')
    *home = g_strdup (entry[PASSWD_HOME]);
  return TRUE;
}

gboolean
cpd_user_lookup (const char *rootfs, const char *user, guint32 *uid, guint32 *gid,
                 GArray **additional_gids, char **home, GError **error)
{
  cpd_autofd int root = open (rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
  g_auto(GStrv) parts = g_strsplit (user != NULL && *user != '\0' ? user : "0", ":", 2);
  const char *user_part = *parts[0] != '\0' ? parts[0] : "0";
  const char *group_part = parts[1] != NULL && *parts[1] != '\0' ? parts[1] : NULL;
  g_autoptr(GArray) gids = g_array_new (FALSE, FALSE, sizeof (guint32));
  g_autofree char *name = NULL, *found_home = NULL;
  g_auto(GStrv) users = NULL, groups = NULL;
  guint32 found_uid = 0, found_gid = 0;

  if (root < 0)
    {
      cpd_set_error_errno (error, errno, "failed to open %s", rootfs);
      return FALSE;
    }
  users = read_lines (root, "etc/passwd", error);
  groups = users != NULL ? read_lines (root, "etc/group", error) : NULL;
  if (groups == NULL
      || !lookup_user (users, user_part, &found_uid, &found_gid, &name, &found_home, error)
      || (group_part != NULL && !lookup_group (groups, group_part, &found_gid, error)))
    return FALSE;

  /* Its own group too: without it a file that denies that group something could be had. */
  add_gid (gids, found_gid);
  if (group_part == NULL && name != NULL)
    add_memberships (gids, groups, name);

  *uid = found_uid;
  *gid = found_gid;
  *additional_gids = g_steal_pointer (&gids);
  *home = found_home != NULL ? g_steal_pointer (&found_home) : g_strdup ("/");
  return TRUE;
}

/* The first of several names of a number. In both files the name is the first field, and the number the third. */
GHashTable *
cpd_user_read_names (const char *rootfs, const char *file, GError **error)
{
  cpd_autofd int root = open (rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
  g_autoptr(GHashTable) names = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  g_auto(GStrv) lines = NULL;
  guint32 id;

  if (root < 0)
    cpd_set_error_errno (error, errno, "failed to open %s", rootfs);
  else
    lines = read_lines (root, file, error);
  if (lines == NULL)
    return NULL;
  for (char **line = lines; *line != NULL; line++)
    {
      g_auto(GStrv) fields = split_line (*line, PASSWD_UID + 1);

      if (fields != NULL && parse_id (fields[PASSWD_UID], &id) && !g_hash_table_contains (names, GUINT_TO_POINTER (id)))
        g_hash_table_insert (names, GUINT_TO_POINTER (id), g_strdup (fields[PASSWD_NAME]));
    }
  return g_steal_pointer (&names);
}
