/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/cpd-store-operations.h"

#include "common/cpd-clock.h"
#include "store/cpd-statement.h"

void
cpd_operation_row_free (CpdOperationRow *row)
{
  g_free (row->kind);
  g_free (row->object);
  g_free (row->payload);
  g_free (row);
}

gboolean
cpd_store_add_operation (CpdTransaction *tx, const char *kind, const char *object,
                         const char *payload, gint64 *number, GError **error)
{
  g_autoptr(CpdStatement) statement =
    cpd_transaction_prepare (tx, "INSERT INTO operation (kind, object, payload, started)"
                                 " VALUES (?, ?, ?, ?)", error);

  if (statement == NULL)
    return FALSE;
  cpd_statement_bind (statement, "sssi", kind, object, payload != NULL ? payload : "",
                      cpd_clock_now ());
  if (!cpd_statement_execute (statement, error))
    return FALSE;
  *number = cpd_transaction_last_rowid (tx);
  return TRUE;
}

gboolean
cpd_store_delete_operation (CpdTransaction *tx, gint64 number, GError **error)
{
  g_autoptr(CpdStatement) statement =
    cpd_transaction_prepare (tx, "DELETE FROM operation WHERE number = ?", error);

  if (statement == NULL)
    return FALSE;
  cpd_statement_bind (statement, "i", number);
  return cpd_statement_execute (statement, error);
}

gboolean
cpd_store_delete_operations (CpdTransaction *tx, const char *kind, const char *object,
                             GError **error)
{
  g_autoptr(CpdStatement) statement =
    cpd_transaction_prepare (tx, "DELETE FROM operation WHERE kind = ? AND object = ?", error);

  if (statement == NULL)
    return FALSE;
  cpd_statement_bind (statement, "ss", kind, object);
  return cpd_statement_execute (statement, error);
}

void
cpd_store_end_operation (CpdStore *store, gint64 number)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(CpdTransaction) tx = cpd_store_begin (store, CPD_STORE_BOOT, &error);

  if (tx != NULL && cpd_store_delete_operation (tx, number, &error) && cpd_transaction_commit (tx, &error))
    return;
  g_info ("failed to close operation %" G_GINT64_FORMAT " for now: %s", number, error->message);
  cpd_store_note_ended (store, number);
}

/* Oldest first. */
GPtrArray *
cpd_store_list_operations (CpdStore *store, GError **error)
{
  g_autoptr(GPtrArray) rows =
    g_ptr_array_new_with_free_func ((GDestroyNotify) cpd_operation_row_free);
  g_autoptr(CpdStatement) statement =
    cpd_store_prepare (store, "SELECT number, kind, object, payload FROM operation ORDER BY number",
                       error);

  if (statement == NULL)
    return NULL;
  while (cpd_statement_next (statement, error))
    {
      CpdOperationRow *row = g_new0 (CpdOperationRow, 1);

      row->number = cpd_statement_int (statement, 0);
      row->kind = cpd_statement_text (statement, 1);
      row->object = cpd_statement_text (statement, 2);
      row->payload = cpd_statement_text (statement, 3);
      if (cpd_store_is_ended (store, row->number))
        cpd_operation_row_free (row);
      else
        g_ptr_array_add (rows, row);
    }
  return cpd_statement_failed (statement) ? NULL : g_steal_pointer (&rows);
}
