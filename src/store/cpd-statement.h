/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sqlite3.h>

#include "store/cpd-store.h"

G_BEGIN_DECLS

/* A connection to the database, with the statements prepared on it. */
typedef struct
{
  sqlite3 *db;                  /* (owned) */
  GHashTable *idle;             /* (owned): SQL → sqlite3_stmt not in use now */
  GRecMutex lock;
} CpdConnection;

CpdConnection *cpd_connection_open     (const char      *path,
                                        GError         **error);
void           cpd_connection_close    (CpdConnection   *connection);
gboolean       cpd_connection_run      (CpdConnection   *connection,
                                        const char      *sql,
                                        GError         **error);

/* A statement in use. It holds its connection's lock until it is freed. */
typedef struct _CpdStatement CpdStatement;

CpdStatement  *cpd_connection_prepare  (CpdConnection   *connection,
                                        const char      *sql,
                                        GError         **error);
void           cpd_statement_free      (CpdStatement    *statement);

/* TYPES has a letter a parameter: 's' const char * (NULL for SQL's NULL), 'i' gint64. */
void           cpd_statement_bind      (CpdStatement    *statement,
                                        const char      *types,
                                        ...);
void           cpd_statement_bind_text (CpdStatement    *statement,
                                        int              index,
                                        const char      *text);
/* The next row; FALSE at the end, and with an error set on failure. */
gboolean       cpd_statement_next      (CpdStatement    *statement,
                                        GError         **error);
/* Whether the last step gave neither a row nor the end, but an error. */
gboolean       cpd_statement_failed    (CpdStatement    *statement);
/* Runs a statement that gives no rows. */
gboolean       cpd_statement_execute   (CpdStatement    *statement,
                                        GError         **error);
gboolean       cpd_statement_broke_constraint (CpdStatement *statement);
char          *cpd_statement_text      (CpdStatement    *statement,
                                        int              column);
const char    *cpd_statement_peek_text (CpdStatement    *statement,
                                        int              column);
gint64         cpd_statement_int       (CpdStatement    *statement,
                                        int              column);

/* Appends " AND (TEST OR TEST ...)", a TEST for each of GIVEN (nothing when there are none); VALUES gets what its
 * parameters are to be bound to, in order. */
void           cpd_sql_add_filter      (GString         *sql,
                                        GPtrArray       *values,
                                        char           **given,
                                        const char      *test);

/* For the table files: statements for writing, in a transaction, and for reading. */
CpdStatement  *cpd_transaction_prepare (CpdTransaction  *tx,
                                        const char      *sql,
                                        GError         **error);
/* Whether SQL, which has one parameter, gives a row for ID. */
gboolean       cpd_transaction_finds   (CpdTransaction  *tx,
                                        const char      *sql,
                                        const char      *id,
                                        gboolean        *there,
                                        GError         **error);
CpdStatement  *cpd_store_prepare       (CpdStore        *store,
                                        const char      *sql,
                                        GError         **error);
gint64         cpd_transaction_last_rowid (CpdTransaction *tx);
int            cpd_transaction_changes    (CpdTransaction *tx);
/* The newest event that it has written. */
void           cpd_transaction_note_event (CpdTransaction *tx,
                                           guint64         number);
void           cpd_transaction_container_changed (CpdTransaction *tx,
                                                  const char     *id);

/* Keeps exit codes of what is about to be deleted for a while; see cpd-store-containers.c. */
gboolean       cpd_store_keep_exit_codes  (CpdTransaction  *tx,
                                           const char      *query,
                                           const char      *id,
                                           GError         **error);

/* An operation is over, but its row could not be deleted. */
void           cpd_store_note_ended    (CpdStore        *store,
                                        gint64           number);
gboolean       cpd_store_is_ended      (CpdStore        *store,
                                        gint64           number);

/* STORE_TOO_NEW. Changes nothing. */
gboolean       cpd_schema_check        (CpdConnection   *connection,
                                        GError         **error);
gboolean       cpd_schema_upgrade      (CpdConnection   *connection,
                                        GError         **error);
int            cpd_schema_newest       (void);
gboolean       cpd_schema_migrate      (CpdConnection   *connection,
                                        int              to,
                                        GError         **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdConnection, cpd_connection_close)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CpdStatement, cpd_statement_free)

G_END_DECLS
