/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cpd-clock.h"
#include "common/cpd-fs.h"
#include "store/cpd-statement.h"
#include "store/cpd-store-copy.h"
#include "store/cpd-store-repair.h"

#define PREFIX "cpod-"
#define SUFFIX ".db"
#define DIGITS 17               /* of a time in µs, until the year 5138 */
#define KEPT 2

/* "cpod-TIME.db"; 0 for what is no backup. */
gint64
cpd_store_backup_time (const char *backup)
{
  g_autofree char *name = g_path_get_basename (backup);
  gint64 time;
  char *end;

  if (!g_str_has_prefix (name, PREFIX) || strlen (name) != strlen (PREFIX) + DIGITS + strlen (SUFFIX))
    return 0;
  time = g_ascii_strtoll (name + strlen (PREFIX), &end, 10);
  return strcmp (end, SUFFIX) == 0 ? time : 0;
}

static int
compare_newest_first (const void *a, const void *b)
{
  return strcmp (*(const char *const *) b, *(const char *const *) a);
}

GPtrArray *
cpd_store_list_backups (const char *backups, GError **error)
{
  g_autoptr(GPtrArray) names = cpd_fs_list_dir (backups, error);
  g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);

  if (names == NULL)
    return NULL;
  for (guint i = 0; i < names->len; i++)
    if (cpd_store_backup_time (names->pdata[i]) != 0)
      g_ptr_array_add (paths, g_build_filename (backups, names->pdata[i], NULL));
  g_ptr_array_sort (paths, compare_newest_first);
  return g_steal_pointer (&paths);
}

static gboolean
vacuum_into (const char *from, const char *to, GError **error)
{
  g_autoptr(CpdConnection) connection = cpd_connection_open (from, error);
  g_autoptr(CpdStatement) statement = NULL;

  if (connection == NULL)
    return FALSE;
  statement = cpd_connection_prepare (connection, "VACUUM INTO ?", error);
  if (statement == NULL)
    return FALSE;
  cpd_statement_bind (statement, "s", to);
  return cpd_statement_execute (statement, error);
}

static gboolean
sync_file (const char *path, GError **error)
{
  cpd_autofd int fd = open (path, O_RDONLY | O_CLOEXEC);

  if (fd >= 0 && fsync (fd) == 0)
    return TRUE;
  cpd_set_error_errno (error, errno, "failed to sync %s", path);
  return FALSE;
}

/* Copies a database; TO is there when it is whole, or not at all. */
gboolean
cpd_store_copy (const char *from, const char *to, GError **error)
{
  g_autofree char *unfinished = g_strconcat (to, ".tmp", NULL);
  g_autofree char *directory = g_path_get_dirname (to);

  unlink (unfinished);
  if (!vacuum_into (from, unfinished, error) || !sync_file (unfinished, error))
    {
      unlink (unfinished);
      return FALSE;
    }
  if (rename (unfinished, to) < 0)
    {
      cpd_set_error_errno (error, errno, "failed to make %s", to);
      unlink (unfinished);
      return FALSE;
    }
  return cpd_fs_sync_dir (directory, error);
}

gboolean
cpd_store_backup (const char *path, const char *backups, GError **error)
{
  g_autofree char *name = g_strdup_printf (PREFIX "%0*" G_GINT64_FORMAT SUFFIX, DIGITS, cpd_clock_now ());
  g_autofree char *to = g_build_filename (backups, name, NULL);
  g_autoptr(GPtrArray) all = NULL;

  if (!cpd_fs_mkdir_p (backups, 0700, error) || !cpd_store_copy (path, to, error))
    {
      g_prefix_error (error, "failed to make the backup %s: ", to);
      return FALSE;
    }
  all = cpd_store_list_backups (backups, error);
  if (all == NULL)
    return FALSE;
  for (guint i = KEPT; i < all->len; i++)
    if (unlink (all->pdata[i]) < 0 && errno != ENOENT)
      g_info ("failed to remove the old backup %s: %s", (char *) all->pdata[i], g_strerror (errno));
  return TRUE;
}
