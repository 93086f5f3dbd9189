/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/cpd-store-repair.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cpd-clock.h"
#include "common/cpd-fs.h"
#include "store/cpd-store-copy.h"
#include "store/cpd-store-events.h"
#include "store/cpd-store-mark.h"
#include "store/cpd-store-probe.h"

/* How long a start may be held up by looking for damage. */
#define BUDGET (40 * G_TIME_SPAN_MILLISECOND)

/* Numbers of events that may have been given out since the mark was synced, or since the backup. */
#define GAP_AFTER_MARK 10000
#define GAP_AFTER_BACKUP 10000000

void
cpd_store_repair_clear (CpdStoreRepair *repair)
{
  g_clear_pointer (&repair->reason, g_free);
  g_clear_pointer (&repair->aside, g_free);
}

/* Files that tell the next start what it cannot see by itself. */
static char *
repairing_path (const char *path)
{
  return g_strconcat (path, ".repairing", NULL);
}

static char *
condemned_path (const char *path)
{
  return g_strconcat (path, ".condemned", NULL);
}

static gboolean
remove_file (const char *path, GError **error)
{
  if (unlink (path) == 0 || errno == ENOENT)
    return TRUE;
  cpd_set_error_errno (error, errno, "failed to remove %s", path);
  return FALSE;
}

gboolean
cpd_store_end_repair (const char *path, GError **error)
{
  g_autofree char *repairing = repairing_path (path);

  return remove_file (repairing, error);
}

gboolean
cpd_store_condemn (const char *path, GError **error)
{
  g_autofree char *condemned = condemned_path (path);

  return cpd_fs_write_file (condemned, "", 0, 0600, TRUE, error);
}

static gboolean
begin_repair (const char *path, GError **error)
{
  g_autofree char *repairing = repairing_path (path);

  return cpd_fs_write_file (repairing, "", 0, 0600, TRUE, error);
}

/* The log goes with the database it belongs to; with another one it would be damage itself. */
static gboolean
move_aside (const char *path, CpdStoreRepair *repair, GError **error)
{
  static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };
  g_autofree char *aside = g_strdup_printf ("%s.damaged-%" G_GINT64_FORMAT, path, cpd_clock_now ());
  g_autofree char *condemned = condemned_path (path);

  for (gsize i = 0; i < G_N_ELEMENTS (suffixes); i++)
    {
      g_autofree char *from = g_strconcat (path, suffixes[i], NULL);
      g_autofree char *to = g_strconcat (aside, suffixes[i], NULL);

      if (rename (from, to) == 0)
        {
          if (repair->aside == NULL)
            repair->aside = g_strdup (aside);
        }
      else if (errno != ENOENT)
        {
          cpd_set_error_errno (error, errno, "failed to move %s aside", from);
          return FALSE;
        }
    }
  return remove_file (condemned, error);
}

/* The newest good backup that has events up to LAST, at least; NULL for none. */
static char *
find_backup (const char *backups, guint64 last, CpdStoreRepair *repair)
{
  g_autoptr(GPtrArray) paths = cpd_store_list_backups (backups, NULL);

  for (guint i = 0; paths != NULL && i < paths->len; i++)
    {
      g_auto(CpdProbe) probe = { 0 };
      g_autoptr(GError) error = NULL;
      CpdProbeResult result = cpd_probe (paths->pdata[i], 0, &probe, &error);

      if (result == CPD_PROBE_GOOD && probe.last_event >= last)
        {
          repair->last_event = MAX (repair->last_event, probe.last_event);
          return g_strdup (paths->pdata[i]);
        }
      g_message ("the backup %s is of no use: %s", (char *) paths->pdata[i],
                 error != NULL ? error->message : probe.reason != NULL ? probe.reason : "it is older");
    }
  return NULL;
}

/* Should the copy fail, then there is still all that is told beside the database. */
static gboolean
replace (const char *path, const char *backup, CpdStoreRepair *repair, GError **error)
{
  g_autoptr(GError) failure = NULL;

  if (!begin_repair (path, error) || !move_aside (path, repair, error))
    return FALSE;
  repair->condition = CPD_STORE_ANEW;
  if (backup == NULL)
    return TRUE;
  if (cpd_store_copy (backup, path, &failure))
    repair->condition = CPD_STORE_RESTORED;
  else
    g_message ("failed to restore the backup %s: %s", backup, failure->message);
  return TRUE;
}

/* It is sound; but is it all? */
static gboolean
compare_with_mark (const char *path, const char *backups, const CpdProbe *probe, const CpdMarkNumbers *mark,
                   CpdStoreRepair *repair, GError **error)
{
  const guint64 expected = mark->same_boot ? mark->newest : mark->durable;
  g_autofree char *repairing = repairing_path (path);
  g_autofree char *backup = NULL;

  if (probe->old || probe->last_event >= expected)
    {
      if (g_file_test (repairing, G_FILE_TEST_EXISTS))
        {
          repair->condition = CPD_STORE_BEHIND;
          repair->reason = g_strdup ("its repair was interrupted");
        }
      return TRUE;
    }
  repair->reason = g_strdup_printf ("its last event has the number %" G_GUINT64_FORMAT
                                    ", but there was one with the number %" G_GUINT64_FORMAT,
                                    probe->last_event, expected);
  backup = find_backup (backups, probe->last_event + 1, repair);
  if (backup != NULL)
    return replace (path, backup, repair, error);
  repair->condition = CPD_STORE_BEHIND;
  return begin_repair (path, error);
}

static gboolean
has_backups (const char *backups)
{
  g_autoptr(GPtrArray) paths = cpd_store_list_backups (backups, NULL);

  return paths != NULL && paths->len > 0;
}

static gboolean
look (const char *path, const char *backups, const CpdMarkNumbers *mark, CpdStoreRepair *repair, GError **error)
{
  g_auto(CpdProbe) probe = { 0 };
  g_autofree char *condemned = condemned_path (path);
  g_autofree char *backup = NULL;
  gboolean thorough = g_file_test (condemned, G_FILE_TEST_EXISTS);
  CpdProbeResult result = cpd_probe (path, thorough ? 0 : BUDGET, &probe, error);

  repair->unfinished = probe.unfinished;
  repair->upgraded = probe.old || result == CPD_PROBE_MISSING;
  repair->last_event = MAX (probe.last_event, mark->newest);
  if (result == CPD_PROBE_FAILED)
    return FALSE;
  if (result == CPD_PROBE_GOOD)
    return remove_file (condemned, error)
           && compare_with_mark (path, backups, &probe, mark, repair, error);
  if (result == CPD_PROBE_MISSING && mark->newest == 0 && !has_backups (backups))
    return TRUE;
  repair->reason = result == CPD_PROBE_MISSING ? g_strdup ("it is missing") : g_steal_pointer (&probe.reason);
  backup = find_backup (backups, 0, repair);
  return replace (path, backup, repair, error);
}

/* The power was cut before all was synced. That is no damage, but the numbers of what is gone were given out. */
static gboolean
skip_lost (CpdStore *store, const CpdMarkNumbers *mark, GError **error)
{
  g_autoptr(CpdTransaction) tx = NULL;

  if (cpd_store_last_event (store) >= mark->newest)
    return TRUE;
  tx = cpd_store_begin (store, CPD_STORE_DURABLE, error);
  return tx != NULL
         && cpd_store_skip_events (tx, mark->newest + GAP_AFTER_MARK, error)
         && cpd_transaction_commit (tx, error);
}

CpdStore *
cpd_store_open_repairing (const char *path, const char *backups, CpdStoreRepair *repair, GError **error)
{
  CpdMarkNumbers mark;
  gboolean marked = cpd_mark_read (path, &mark);
  g_autoptr(CpdStore) store = NULL;

  if (!look (path, backups, &mark, repair, error))
    {
      g_prefix_error (error, "failed to open %s: ", path);
      return NULL;
    }
  if (repair->condition != CPD_STORE_WHOLE)
    repair->last_event += marked ? GAP_AFTER_MARK : GAP_AFTER_BACKUP;
  store = cpd_store_open (path, error);
  if (store == NULL || (repair->condition == CPD_STORE_WHOLE && !skip_lost (store, &mark, error)))
    return NULL;
  return g_steal_pointer (&store);
}

char *
cpd_store_check_whole (const char *path, GError **error)
{
  g_auto(CpdProbe) probe = { 0 };

  return cpd_probe (path, 0, &probe, error) == CPD_PROBE_DAMAGED ? g_steal_pointer (&probe.reason) : NULL;
}
