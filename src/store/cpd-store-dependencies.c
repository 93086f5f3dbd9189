/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/cpd-store-dependencies.h"

#include "public/cpod-error.h"
#include "store/cpd-container-columns.h"

void
cpd_dependency_row_free (CpdDependencyRow *row)
{
  g_free (row->id);
  g_free (row->depends_on);
  g_free (row);
}

static gboolean
check_one (CpdTransaction *tx, const char *id, GError **error)
{
  g_autoptr(GError) failure = NULL;
  g_autoptr(CpdStatement) statement =
    cpd_transaction_prepare (tx, "SELECT name, state" CPD_CONTAINER_TABLES " WHERE id = ?", error);

  if (statement == NULL)
    return FALSE;
  cpd_statement_bind (statement, "s", id);
  if (!cpd_statement_next (statement, &failure))
    {
      if (failure == NULL)
        g_set_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER, "no container with id %s", id);
      else
        g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  if (cpd_statement_int (statement, 1) != CPD_CONTAINER_REMOVING)
    return TRUE;
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_BEING_REMOVED, "container %s is being removed",
               cpd_statement_peek_text (statement, 0));
  return FALSE;
}

gboolean
cpd_store_check_dependencies (CpdTransaction *tx, const CpdContainerRow *row, GError **error)
{
  for (char **id = row->depends; id != NULL && *id != NULL; id++)
    if (!check_one (tx, *id, error))
      {
        g_prefix_error (error, "option 'depends': ");
        return FALSE;
      }
  return TRUE;
}

char **
cpd_store_list_dependencies (CpdStore *store, const char *id, GError **error)
{
  g_autoptr(GStrvBuilder) ids = g_strv_builder_new ();
  g_autoptr(CpdStatement) statement =
    cpd_store_prepare (store, "SELECT depends_on FROM dependency WHERE id = ? ORDER BY depends_on", error);

  if (statement == NULL)
    return NULL;
  cpd_statement_bind (statement, "s", id);
  while (cpd_statement_next (statement, error))
    g_strv_builder_add (ids, cpd_statement_peek_text (statement, 0));
  return cpd_statement_failed (statement) ? NULL : g_strv_builder_end (ids);
}

GPtrArray *
cpd_store_list_dependents (CpdStore *store, const char *id, GError **error)
{
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) cpd_container_row_free);
  g_autoptr(CpdStatement) statement =
    cpd_store_prepare (store, CPD_CONTAINER_COLUMNS CPD_CONTAINER_TABLES
                              " WHERE id IN (SELECT dependency.id FROM dependency WHERE depends_on = ?1)"
                              " AND id <> ?1 ORDER BY number DESC", error);

  if (statement == NULL)
    return NULL;
  cpd_statement_bind (statement, "s", id);
  while (cpd_statement_next (statement, error))
    g_ptr_array_add (rows, cpd_container_row_read (statement, FALSE));
  return cpd_statement_failed (statement) ? NULL : g_steal_pointer (&rows);
}

GPtrArray *
cpd_store_list_all_dependencies (CpdStore *store, GError **error)
{
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) cpd_dependency_row_free);
  g_autoptr(CpdStatement) statement = cpd_store_prepare (store, "SELECT id, depends_on FROM dependency", error);

  if (statement == NULL)
    return NULL;
  while (cpd_statement_next (statement, error))
    {
      CpdDependencyRow *row = g_new0 (CpdDependencyRow, 1);

      row->id = cpd_statement_text (statement, 0);
      row->depends_on = cpd_statement_text (statement, 1);
      g_ptr_array_add (rows, row);
    }
  return cpd_statement_failed (statement) ? NULL : g_steal_pointer (&rows);
}
