/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/cpd-store-mark.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cpd-clock.h"
#include "common/cpd-fs.h"

/* How many numbers the mark on the disk may be behind the one in memory. */
#define SYNC_EVERY 1000

/* The newest number, the durable one, the boot. */
#define MARK_FORMAT "%019" G_GUINT64_FORMAT " %019" G_GUINT64_FORMAT " %-36.36s\n"
#define MARK_LENGTH 77

struct _CpdMark
{
  int fd;                       /* (owned) */
  char *boot_id;
  guint64 durable;
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
  CpdMarkNumbers before;
  CpdMark *mark;
  int fd = open (file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

  if (fd < 0)
    {
      cpd_set_error_errno (error, errno, "failed to open %s", file);
      return NULL;
    }
  cpd_mark_read (path, &before);
  mark = g_new0 (CpdMark, 1);
  mark->fd = fd;
  mark->boot_id = cpd_clock_boot_id ();
  mark->durable = before.durable;
  return mark;
}

void
cpd_mark_close (CpdMark *mark)
{
  cpd_close_fd (&mark->fd);
  g_free (mark->boot_id);
  g_free (mark);
}

/* Twice, so that a damaged one is known for what it is. */
static char *
format (guint64 newest, guint64 durable, const char *boot_id)
{
  return g_strdup_printf (MARK_FORMAT MARK_FORMAT, newest, durable, boot_id, newest, durable, boot_id);
}

/* That it cannot be written (the disk is full, say) is no reason to fail: the database has the number. */
void
cpd_mark_set (CpdMark *mark, guint64 number, gboolean durable)
{
  g_autofree char *text = NULL;

  if (durable)
    mark->durable = number;
  text = format (number, mark->durable, mark->boot_id);
  if (pwrite (mark->fd, text, 2 * MARK_LENGTH, 0) != 2 * MARK_LENGTH)
    g_debug ("failed to write the number of the newest event: %s", g_strerror (errno));
  if (!durable || number / SYNC_EVERY == mark->synced / SYNC_EVERY)
    return;
  if (fdatasync (mark->fd) == 0)
    mark->synced = number;
}

gboolean
cpd_mark_read (const char *path, CpdMarkNumbers *numbers)
{
  g_autofree char *file = mark_path (path);
  g_autofree char *text = cpd_fs_read_file (file, 2 * MARK_LENGTH, NULL);
  g_autofree char *boot_id = cpd_clock_boot_id ();
  g_autofree char *end = g_strdup_printf (" %-36.36s\n", boot_id);
  CpdMarkNumbers found = { 0 };

  *numbers = found;
  if (text == NULL || strlen (text) != 2 * MARK_LENGTH || strncmp (text, text + MARK_LENGTH, MARK_LENGTH) != 0
      || sscanf (text, "%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT, &found.newest, &found.durable) != 2)
    return FALSE;
  found.same_boot = g_str_has_suffix (text, end);
  if (found.newest >= G_MAXINT64 / 2 || found.durable > found.newest)
    return FALSE;
  *numbers = found;
  return TRUE;
}
