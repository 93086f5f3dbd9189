/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/cpd-store-probe.h"

#include <string.h>
#include <sys/stat.h>

#include "public/cpod-error.h"
#include "store/cpd-statement.h"

/* How many steps of SQLite's machine pass between two looks at the clock. */
#define STEPS 1000

void
cpd_probe_clear (CpdProbe *probe)
{
  g_clear_pointer (&probe->reason, g_free);
}

/* What the file itself is to blame for, and not the disk, the memory or somebody who uses it. */
static gboolean
is_damage (sqlite3 *db)
{
  int extended = sqlite3_extended_errcode (db);

  switch (extended & 0xff)
    {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_SCHEMA:
    case SQLITE_ERROR:          /* no such table */
    case SQLITE_TOOBIG:
      return TRUE;
    case SQLITE_READONLY:       /* by its own word; that of the file system has another code */
      return extended == SQLITE_READONLY;
    case SQLITE_IOERR:
      return extended == SQLITE_IOERR_SHORT_READ;
    default:
      return FALSE;
    }
}

/* The first column of the only row of a query; NULL for none. */
static gboolean
query_text (CpdConnection *connection, const char *sql, char **text, GError **error)
{
  g_autoptr(CpdStatement) statement = cpd_connection_prepare (connection, sql, error);

  *text = NULL;
  if (statement == NULL)
    return FALSE;
  if (cpd_statement_next (statement, error))
    *text = cpd_statement_text (statement, 0);
  return !cpd_statement_failed (statement);
}

#define SCHEMA_TEXT \
  "SELECT group_concat(part, char(10)) FROM (SELECT type || ' ' || name || ' ' || tbl_name || ' '" \
  " || coalesce(sql, '') AS part FROM sqlite_schema ORDER BY type, name)"

/* The damage may make a schema look like another one, so the whole text is compared. */
static gboolean
check_schema (CpdConnection *connection, int version, CpdProbe *probe, GError **error)
{
  g_autoptr(CpdConnection) model = cpd_connection_open (":memory:", error);
  g_autofree char *found = NULL, *expected = NULL;

  if (model == NULL || !cpd_schema_migrate (model, version, error)
      || !query_text (model, SCHEMA_TEXT, &expected, error)
      || !query_text (connection, SCHEMA_TEXT, &found, error))
    return FALSE;
  if (g_strcmp0 (found, expected) != 0)
    probe->reason = g_strdup ("its tables are not those of its schema");
  return TRUE;
}

/* The version is written down twice: a newer cpod writes a newer one in both places. */
static gboolean
check_version (CpdConnection *connection, CpdProbe *probe, GError **error)
{
  g_autofree char *version = NULL, *noted = NULL;
  int number;

  if (!query_text (connection, "PRAGMA user_version", &version, error))
    return FALSE;
  number = atoi (version);
  if (number != 0 && !query_text (connection, "SELECT value FROM meta WHERE key = 'schema'", &noted, error))
    return FALSE;
  if (number < 0 || (noted != NULL && strcmp (noted, version) != 0))
    {
      probe->reason = g_strdup_printf ("its schema has the version %s, but was made as version %s", version, noted);
      return TRUE;
    }
  if (!cpd_schema_check (connection, error))
    return FALSE;
  probe->old = number < cpd_schema_newest ();
  return check_schema (connection, number, probe, error);
}

typedef struct
{
  gint64 end;
  gboolean over;
} Budget;

static int
look_at_clock (void *data)
{
  Budget *budget = data;

  budget->over = g_get_monotonic_time () >= budget->end;
  return budget->over;
}

/* All pages, and that indexes and tables agree. */
static gboolean
check_pages (CpdConnection *connection, gint64 time, CpdProbe *probe, GError **error)
{
  Budget budget = { .end = g_get_monotonic_time () + time };
  g_autofree char *found = NULL;
  g_autoptr(GError) failure = NULL;
  gboolean checked;

  if (time > 0)
    sqlite3_progress_handler (connection->db, STEPS, look_at_clock, &budget);
  checked = query_text (connection, "PRAGMA integrity_check(1)", &found, &failure);
  sqlite3_progress_handler (connection->db, 0, NULL, NULL);
  if (!checked && budget.over)
    probe->unfinished = TRUE;
  else if (!checked)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  else if (g_strcmp0 (found, "ok") != 0)
    probe->reason = g_steal_pointer (&found);
  return TRUE;
}

/* Rows that no column of a foreign key or an index vouches for. */
static gboolean
check_rows (CpdConnection *connection, CpdProbe *probe, GError **error)
{
  g_autofree char *lonely = NULL;

  if (!query_text (connection,
                   "SELECT (SELECT count(*) FROM container LEFT JOIN container_status AS s USING (number)"
                   "  LEFT JOIN name USING (name, namespace) WHERE s.number IS NULL OR name.id IS NOT container.id)"
                   " + (SELECT abs(count(*) - (SELECT count(*) FROM container)) FROM name)",
                   &lonely, error))
    return FALSE;
  if (strcmp (lonely, "0") != 0)
    probe->reason = g_strdup_printf ("names and states of %s containers are not their own", lonely);
  return TRUE;
}

static gboolean
read_last_event (CpdConnection *connection, CpdProbe *probe, GError **error)
{
  g_autofree char *number = NULL;

  if (!query_text (connection, "SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0),"
                               " coalesce((SELECT max(seq) FROM event), 0))", &number, error))
    return FALSE;
  probe->last_event = g_ascii_strtoull (number, NULL, 10);
  return TRUE;
}

/* Each step is for what the ones before vouch for. */
static gboolean
check_all (CpdConnection *connection, gint64 budget, CpdProbe *probe, GError **error)
{
  return check_version (connection, probe, error)
         && (probe->reason != NULL || cpd_connection_run (connection, "BEGIN IMMEDIATE; ROLLBACK", error))
         && (probe->reason != NULL || check_pages (connection, budget, probe, error))
         && (probe->reason != NULL || probe->old || check_rows (connection, probe, error))
         && (probe->reason != NULL || probe->old || read_last_event (connection, probe, error));
}

CpdProbeResult
cpd_probe (const char *path, gint64 budget, CpdProbe *probe, GError **error)
{
  g_autoptr(CpdConnection) connection = NULL;
  g_autoptr(GError) failure = NULL;
  struct stat info;

  if (stat (path, &info) < 0 || info.st_size == 0)
    return CPD_PROBE_MISSING;
  connection = cpd_connection_open (path, error);
  if (connection == NULL)
    return CPD_PROBE_FAILED;
  /* What is damaged is to be kept as it is. */
  sqlite3_db_config (connection->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  if (check_all (connection, budget, probe, &failure))
    return probe->reason != NULL ? CPD_PROBE_DAMAGED : CPD_PROBE_GOOD;
  if (failure->code != CPOD_ERROR_STORE_TOO_NEW && is_damage (connection->db))
    {
      probe->reason = g_strdup (failure->message);
      return CPD_PROBE_DAMAGED;
    }
  g_propagate_error (error, g_steal_pointer (&failure));
  return CPD_PROBE_FAILED;
}
