/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/cpd-statement.h"

#include <string.h>

#include "public/cpod-error.h"
#include "store/cpd-sql-match.h"

/* How many prepared statements are kept for the next use. */
#define IDLE_MAX 64

struct _CpdStatement
{
  CpdConnection *connection;    /* (unowned), locked */
  sqlite3_stmt *stmt;           /* (owned), goes back to the idle ones */
  int result;                   /* of the last step */
};

static void
set_error_sqlite (GError **error, sqlite3 *db, int result, const char *sql)
{
  CpodError code = (result & 0xff) == SQLITE_FULL ? CPOD_ERROR_DISK_FULL : CPOD_ERROR_STORE_FAILED;

  g_set_error (error, CPOD_ERROR, code, "state database: %s (in \"%.60s\")",
               db != NULL ? sqlite3_errmsg (db) : sqlite3_errstr (result), sql);
}

static void
finalize_statement (gpointer stmt)
{
  sqlite3_finalize (stmt);
}

/* Each connection would set room for pages aside at once that a state of usual size never needs. */
static gpointer
set_up_sqlite (gpointer unused)
{
  sqlite3_config (SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
  return NULL;
}

CpdConnection *
cpd_connection_open (const char *path, GError **error)
{
  g_autoptr(CpdConnection) connection = g_new0 (CpdConnection, 1);
  static GOnce once = G_ONCE_INIT;
  int result;

  g_once (&once, set_up_sqlite, NULL);
  g_rec_mutex_init (&connection->lock);
  connection->idle = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, finalize_statement);

  /* Our own lock guards the connection, so SQLite's would be one too many. */
  result = sqlite3_open_v2 (path, &connection->db,
                            SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
  if (result != SQLITE_OK)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_STORE_FAILED,
                   "failed to open state database %s: %s", path, sqlite3_errstr (result));
      return NULL;
    }
  if (cpd_sql_match_register (connection->db) != SQLITE_OK)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_STORE_FAILED, "failed to open state database %s: %s", path,
                   sqlite3_errmsg (connection->db));
      return NULL;
    }
  sqlite3_extended_result_codes (connection->db, 1);
  sqlite3_busy_timeout (connection->db, 5000);
  return g_steal_pointer (&connection);
}

void
cpd_connection_close (CpdConnection *connection)
{
  g_clear_pointer (&connection->idle, g_hash_table_unref);
  sqlite3_close (connection->db);
  g_rec_mutex_clear (&connection->lock);
  g_free (connection);
}

/* Runs SQL that takes no parameters; several statements may be given. */
gboolean
cpd_connection_run (CpdConnection *connection, const char *sql, GError **error)
{
  int result = sqlite3_exec (connection->db, sql, NULL, NULL, NULL);

  if (result != SQLITE_OK)
    {
      set_error_sqlite (error, connection->db, result, sql);
      return FALSE;
    }
  return TRUE;
}

CpdStatement *
cpd_connection_prepare (CpdConnection *connection, const char *sql, GError **error)
{
  CpdStatement *statement;
  sqlite3_stmt *stmt = NULL;
  gpointer key = NULL;
  int result;

  g_rec_mutex_lock (&connection->lock);
  if (g_hash_table_steal_extended (connection->idle, sql, &key, (gpointer *) &stmt))
    g_free (key);
  else
    {
      result = sqlite3_prepare_v3 (connection->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
      if (result != SQLITE_OK)
        {
          set_error_sqlite (error, connection->db, result, sql);
          g_rec_mutex_unlock (&connection->lock);
          return NULL;
        }
    }

  statement = g_new0 (CpdStatement, 1);
  statement->connection = connection;
  statement->stmt = stmt;
  return statement;
}

void
cpd_statement_free (CpdStatement *statement)
{
  CpdConnection *connection = statement->connection;

  sqlite3_reset (statement->stmt);
  sqlite3_clear_bindings (statement->stmt);
  /* Queries with filters come in any number of shapes; those in use will be kept again. */
  if (g_hash_table_size (connection->idle) >= IDLE_MAX)
    g_hash_table_remove_all (connection->idle);
  g_hash_table_replace (connection->idle, g_strdup (sqlite3_sql (statement->stmt)), statement->stmt);
  g_free (statement);
  g_rec_mutex_unlock (&connection->lock);
}

void
cpd_statement_bind_text (CpdStatement *statement, int index, const char *text)
{
  if (text == NULL)
    sqlite3_bind_null (statement->stmt, index);
  else
    sqlite3_bind_text (statement->stmt, index, text, -1, SQLITE_TRANSIENT);
}

void
cpd_statement_bind (CpdStatement *statement, const char *types, ...)
{
  va_list args;

  va_start (args, types);
  for (int i = 0; types[i] != '\0'; i++)
    {
      if (types[i] == 's')
        cpd_statement_bind_text (statement, i + 1, va_arg (args, const char *));
      else
        sqlite3_bind_int64 (statement->stmt, i + 1, va_arg (args, gint64));
    }
  va_end (args);
}

gboolean
cpd_statement_next (CpdStatement *statement, GError **error)
{
  statement->result = sqlite3_step (statement->stmt);
  if (statement->result == SQLITE_ROW)
    return TRUE;
  if (statement->result != SQLITE_DONE)
    set_error_sqlite (error, statement->connection->db, statement->result,
                      sqlite3_sql (statement->stmt));
  return FALSE;
}

gboolean
cpd_statement_failed (CpdStatement *statement)
{
  return statement->result != SQLITE_ROW && statement->result != SQLITE_DONE;
}

gboolean
cpd_statement_execute (CpdStatement *statement, GError **error)
{
  while (cpd_statement_next (statement, error))
    continue;
  return statement->result == SQLITE_DONE;
}

/* Whether the last step failed because a constraint (a name taken, a row missing) forbids it. */
gboolean
cpd_statement_broke_constraint (CpdStatement *statement)
{
  return (statement->result & 0xff) == SQLITE_CONSTRAINT;
}

/* Never NULL: "" stands for NULL, and for what is no text (any more). Valid until the next step. */
const char *
cpd_statement_peek_text (CpdStatement *statement, int column)
{
  const char *text = (const char *) sqlite3_column_text (statement->stmt, column);

  return text != NULL && g_utf8_validate (text, -1, NULL) ? text : "";
}

char *
cpd_statement_text (CpdStatement *statement, int column)
{
  const char *text = (const char *) sqlite3_column_text (statement->stmt, column);

  /* A damaged text must not come as far as the bus, which takes only good ones. */
  return text != NULL ? g_utf8_make_valid (text, -1) : g_strdup ("");
}

gint64
cpd_statement_int (CpdStatement *statement, int column)
{
  return sqlite3_column_int64 (statement->stmt, column);
}

void
cpd_sql_add_filter (GString *sql, GPtrArray *values, char **given, const char *test)
{
  if (given == NULL || *given == NULL)
    return;
  g_string_append (sql, " AND (");
  for (char **value = given; *value != NULL; value++)
    {
      g_string_append_printf (sql, "%s%s", value == given ? "" : " OR ", test);
      for (const char *mark = strchr (test, '?'); mark != NULL; mark = strchr (mark + 1, '?'))
        g_ptr_array_add (values, *value);
    }
  g_string_append_c (sql, ')');
}
