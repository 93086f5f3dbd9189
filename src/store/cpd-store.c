/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/cpd-store.h"

#include "public/cpod-error.h"
#include "store/cpd-statement.h"
#include "store/cpd-store-mark.h"
#include "store/cpd-store-operations.h"

struct _CpdStore
{
  gatomicrefcount refs;
  CpdConnection *writer;        /* (owned) */
  CpdConnection *reader;        /* (owned); the same as the writer when in memory */
  int synchronous;              /* what the writer was last told, -1 for nothing yet */
  CpdMark *mark;                /* (owned) (nullable): NULL when in memory */
  GMutex ended_lock;            /* guards what follows */
  GArray *ended;                /* (owned): numbers of operations that are over, though their rows are there */
  CpdCommitFunc commit_func;
  gpointer commit_data;
};

struct _CpdTransaction
{
  CpdStore *store;              /* (owned), its writer locked */
  GPtrArray *changed;           /* (owned): ids of containers */
  guint64 last_event;           /* the newest one that it has written, 0 for none */
  guint n_ended;                /* how many of store->ended it deletes */
  gboolean open;
};

static CpdConnection *
open_connection (const char *path, GError **error)
{
  g_autoptr(CpdConnection) connection = cpd_connection_open (path != NULL ? path : ":memory:", error);

  /* Even the mode of the journal is written to the file, so nothing is set before we know it is ours. */
  if (connection == NULL || !cpd_schema_check (connection, error))
    return NULL;
  if (!cpd_connection_run (connection,
                           "PRAGMA journal_mode = WAL;"
                           "PRAGMA foreign_keys = ON;"
                           "PRAGMA cache_size = -1024;",
                           error))
    return NULL;
  return g_steal_pointer (&connection);
}

CpdStore *
cpd_store_open (const char *path, GError **error)
{
  g_autoptr(CpdStore) store = g_new0 (CpdStore, 1);

  g_atomic_ref_count_init (&store->refs);
  store->synchronous = -1;
  g_mutex_init (&store->ended_lock);
  store->ended = g_array_new (FALSE, FALSE, sizeof (gint64));
  store->writer = open_connection (path, error);
  if (store->writer == NULL || !cpd_schema_upgrade (store->writer, error))
    {
      g_prefix_error (error, "failed to open %s: ", path != NULL ? path : "the store in memory");
      return NULL;
    }
  /* A database in memory belongs to its connection, so readers must share it. */
  store->reader = path != NULL ? open_connection (path, error) : store->writer;
  if (store->reader == NULL)
    return NULL;
  if (path != NULL)
    {
      store->mark = cpd_mark_open (path, error);
      if (store->mark == NULL)
        return NULL;
    }
  return g_steal_pointer (&store);
}

CpdStore *
cpd_store_ref (CpdStore *store)
{
  g_atomic_ref_count_inc (&store->refs);
  return store;
}

void
cpd_store_unref (CpdStore *store)
{
  if (!g_atomic_ref_count_dec (&store->refs))
    return;
  if (store->reader != store->writer)
    g_clear_pointer (&store->reader, cpd_connection_close);
  g_clear_pointer (&store->writer, cpd_connection_close);
  g_clear_pointer (&store->mark, cpd_mark_close);
  g_clear_pointer (&store->ended, g_array_unref);
  g_mutex_clear (&store->ended_lock);
  g_free (store);
}

void
cpd_store_set_commit_func (CpdStore *store, CpdCommitFunc func, gpointer user_data)
{
  g_rec_mutex_lock (&store->writer->lock);
  store->commit_func = func;
  store->commit_data = user_data;
  g_rec_mutex_unlock (&store->writer->lock);
}

CpdStatement *
cpd_store_prepare (CpdStore *store, const char *sql, GError **error)
{
  return cpd_connection_prepare (store->reader, sql, error);
}

CpdStatement *
cpd_transaction_prepare (CpdTransaction *tx, const char *sql, GError **error)
{
  return cpd_connection_prepare (tx->store->writer, sql, error);
}

gboolean
cpd_transaction_finds (CpdTransaction *tx, const char *sql, const char *id, gboolean *there, GError **error)
{
  g_autoptr(GError) failure = NULL;
  g_autoptr(CpdStatement) statement = cpd_transaction_prepare (tx, sql, error);

  if (statement == NULL)
    return FALSE;
  cpd_statement_bind (statement, "s", id);
  *there = cpd_statement_next (statement, &failure);
  if (failure == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

gint64
cpd_transaction_last_rowid (CpdTransaction *tx)
{
  return sqlite3_last_insert_rowid (tx->store->writer->db);
}

int
cpd_transaction_changes (CpdTransaction *tx)
{
  return sqlite3_changes (tx->store->writer->db);
}

void
cpd_transaction_container_changed (CpdTransaction *tx, const char *id)
{
  g_ptr_array_add (tx->changed, g_strdup (id));
}

void
cpd_transaction_note_event (CpdTransaction *tx, guint64 number)
{
  tx->last_event = number;
}

static gboolean
set_synchronous (CpdStore *store, CpdDurability durability, GError **error)
{
  const char *sql = durability == CPD_STORE_DURABLE ? "PRAGMA synchronous = FULL"
                                                    : "PRAGMA synchronous = NORMAL";

  if (store->synchronous == (int) durability)
    return TRUE;
  if (!cpd_connection_run (store->writer, sql, error))
    return FALSE;
  store->synchronous = (int) durability;
  return TRUE;
}

void
cpd_store_note_ended (CpdStore *store, gint64 number)
{
  g_mutex_lock (&store->ended_lock);
  g_array_append_val (store->ended, number);
  g_mutex_unlock (&store->ended_lock);
}

gboolean
cpd_store_is_ended (CpdStore *store, gint64 number)
{
  gboolean ended = FALSE;

  g_mutex_lock (&store->ended_lock);
  for (guint i = 0; i < store->ended->len && !ended; i++)
    ended = g_array_index (store->ended, gint64, i) == number;
  g_mutex_unlock (&store->ended_lock);
  return ended;
}

/* What could not be deleted when it was over goes with the next transaction that there is room for. */
static gboolean
delete_ended (CpdTransaction *tx, GError **error)
{
  g_autoptr(GArray) ended = NULL;

  g_mutex_lock (&tx->store->ended_lock);
  if (tx->store->ended->len > 0)
    ended = g_array_copy (tx->store->ended);
  g_mutex_unlock (&tx->store->ended_lock);
  for (guint i = 0; ended != NULL && i < ended->len; i++)
    if (!cpd_store_delete_operation (tx, g_array_index (ended, gint64, i), error))
      return FALSE;
  tx->n_ended = ended != NULL ? ended->len : 0;
  return TRUE;
}

/*
 * Begins a transaction, waiting for the one of another thread to end. It is
 * rolled back unless it is committed.
 */
CpdTransaction *
cpd_store_begin (CpdStore *store, CpdDurability durability, GError **error)
{
  g_autoptr(CpdTransaction) tx = NULL;

  g_rec_mutex_lock (&store->writer->lock);
  if (!set_synchronous (store, durability, error)
      || !cpd_connection_run (store->writer, "BEGIN IMMEDIATE", error))
    {
      g_rec_mutex_unlock (&store->writer->lock);
      return NULL;
    }
  tx = g_new0 (CpdTransaction, 1);
  tx->store = cpd_store_ref (store);
  tx->changed = g_ptr_array_new_with_free_func (g_free);
  tx->open = TRUE;
  return delete_ended (tx, error) ? g_steal_pointer (&tx) : NULL;
}

static void
close_transaction (CpdTransaction *tx)
{
  if (!tx->open)
    return;
  /* After some failures (a full disk) SQLite has rolled back by itself. */
  if (!sqlite3_get_autocommit (tx->store->writer->db))
    cpd_connection_run (tx->store->writer, "ROLLBACK", NULL);
  tx->open = FALSE;
  g_rec_mutex_unlock (&tx->store->writer->lock);
}

void
cpd_transaction_free (CpdTransaction *tx)
{
  close_transaction (tx);
  cpd_store_unref (tx->store);
  g_ptr_array_unref (tx->changed);
  g_free (tx);
}

gboolean
cpd_transaction_commit (CpdTransaction *tx, GError **error)
{
  CpdCommitFunc func = tx->store->commit_func;
  gpointer data = tx->store->commit_data;

  if (!cpd_connection_run (tx->store->writer, "COMMIT", error))
    return FALSE;
  g_mutex_lock (&tx->store->ended_lock);
  if (tx->n_ended > 0)
    g_array_remove_range (tx->store->ended, 0, tx->n_ended);
  g_mutex_unlock (&tx->store->ended_lock);
  if (tx->store->mark != NULL && tx->last_event > 0)
    cpd_mark_set (tx->store->mark, tx->last_event, tx->store->synchronous == CPD_STORE_DURABLE);
  close_transaction (tx);
  if (func != NULL)
    func (tx->changed, data);
  return TRUE;
}

char *
cpd_store_get_meta (CpdStore *store, const char *key, GError **error)
{
  g_autoptr(CpdStatement) statement =
    cpd_store_prepare (store, "SELECT value FROM meta WHERE key = ?", error);

  if (statement == NULL)
    return NULL;
  cpd_statement_bind (statement, "s", key);
  return cpd_statement_next (statement, error) ? cpd_statement_text (statement, 0) : NULL;
}

gboolean
cpd_transaction_set_meta (CpdTransaction *tx, const char *key, const char *value, GError **error)
{
  g_autoptr(CpdStatement) statement =
    cpd_transaction_prepare (tx, "INSERT INTO meta (key, value) VALUES (?, ?)"
                                 " ON CONFLICT (key) DO UPDATE SET value = excluded.value", error);

  if (statement == NULL)
    return FALSE;
  cpd_statement_bind (statement, "ss", key, value);
  return cpd_statement_execute (statement, error);
}
