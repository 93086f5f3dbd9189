/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/cpd-store-mark.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cpd-fs.h"

/* How many numbers the mark on the disk may be behind the one in memory. */
#define SYNC_EVERY 1000

#define MARK_FORMAT "%019" G_GUINT64_FORMAT " %019" G_GUINT64_FORMAT "\n"
#define MARK_LENGTH 40

struct _CpdMark
{
  int fd;                       /* (owned) */
  guint64 synced;               /* what is surely on the disk */
};

static char *
mark_path (const char *path)
{
  return g_strconcat (path, ".seq", NULL);
}

CpdMark *
cpd_mark_open (const char *path, GError **error)
{
  g_autofree char *file = mark_path (path);
  CpdMark *mark;
  int fd = open (file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

  if (fd < 0)
    {
      cpd_set_error_errno (error, errno, "failed to open %s", file);
      return NULL;
    }
  mark = g_new0 (CpdMark, 1);
  mark->fd = fd;
  return mark;
}

void
cpd_mark_close (CpdMark *mark)
{
  cpd_close_fd (&mark->fd);
  g_free (mark);
}

/* That it cannot be written (the disk is full, say) is no reason to fail: the database has the number. */
void
cpd_mark_set (CpdMark *mark, guint64 number, gboolean durable)
{
  char text[MARK_LENGTH + 1];

  /* Twice, so that a damaged one is known for what it is. */
  g_snprintf (text, sizeof text, MARK_FORMAT, number, number);
  if (pwrite (mark->fd, text, MARK_LENGTH, 0) != MARK_LENGTH)
    g_debug ("failed to write the number of the newest event: %s", g_strerror (errno));
  if (!durable || number / SYNC_EVERY == mark->synced / SYNC_EVERY)
    return;
  if (fdatasync (mark->fd) == 0)
    mark->synced = number;
}

gboolean
cpd_mark_read (const char *path, guint64 *number)
{
  g_autofree char *file = mark_path (path);
  g_autofree char *text = cpd_fs_read_file (file, MARK_LENGTH, NULL);
  g_autofree char *expected = NULL;

  *number = 0;
  if (text == NULL || strlen (text) != MARK_LENGTH)
    return FALSE;
  *number = g_ascii_strtoull (text, NULL, 10);
  expected = g_strdup_printf (MARK_FORMAT, *number, *number);
  if (strcmp (text, expected) == 0 && *number < G_MAXINT64 / 2)
    return TRUE;
  *number = 0;
  return FALSE;
}
