/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/cpd-store-mounts.h"

#include "store/cpd-statement.h"

void
cpd_mount_row_free (CpdMountRow *row)
{
  g_free (row->id);
  g_free (row);
}

gboolean
cpd_store_get_mounts (CpdStore *store, const char *id, guint *count, GError **error)
{
  g_autoptr(CpdStatement) statement = cpd_store_prepare (store, "SELECT count FROM mount WHERE id = ?", error);

  *count = 0;
  if (statement == NULL)
    return FALSE;
  cpd_statement_bind (statement, "s", id);
  if (cpd_statement_next (statement, error))
    *count = (guint) cpd_statement_int (statement, 0);
  return !cpd_statement_failed (statement);
}

gboolean
cpd_store_is_mounted (CpdTransaction *tx, const char *id, gboolean *mounted, GError **error)
{
  return cpd_transaction_finds (tx, "SELECT 1 FROM mount WHERE id = ?", id, mounted, error);
}

gboolean
cpd_store_set_mounts (CpdTransaction *tx, const char *id, guint count, GError **error)
{
  const char *sql = count > 0 ? "INSERT INTO mount (id, count) VALUES (?, ?)"
                                " ON CONFLICT (id) DO UPDATE SET count = excluded.count"
                              : "DELETE FROM mount WHERE id = ?";
  g_autoptr(CpdStatement) statement = cpd_transaction_prepare (tx, sql, error);

  if (statement == NULL)
    return FALSE;
  cpd_statement_bind (statement, count > 0 ? "si" : "s", id, (gint64) count);
  return cpd_statement_execute (statement, error);
}

GPtrArray *
cpd_store_list_mounts (CpdStore *store, GError **error)
{
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) cpd_mount_row_free);
  g_autoptr(CpdStatement) statement = cpd_store_prepare (store, "SELECT id, count FROM mount ORDER BY id", error);

  if (statement == NULL)
    return NULL;
  while (cpd_statement_next (statement, error))
    {
      CpdMountRow *row = g_new0 (CpdMountRow, 1);

      row->id = cpd_statement_text (statement, 0);
      row->count = (guint) cpd_statement_int (statement, 1);
      g_ptr_array_add (rows, row);
    }
  return cpd_statement_failed (statement) ? NULL : g_steal_pointer (&rows);
}

gboolean
cpd_store_forget_mounts (CpdTransaction *tx, GError **error)
{
  g_autoptr(CpdStatement) statement = cpd_transaction_prepare (tx, "DELETE FROM mount", error);

  return statement != NULL && cpd_statement_execute (statement, error);
}
