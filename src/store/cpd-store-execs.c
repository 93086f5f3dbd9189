/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/cpd-store-execs.h"

#include "common/cpd-names.h"
#include "public/cpod-error.h"
#include "store/cpd-statement.h"
#include "store/cpd-store-containers.h"

#define COLUMNS \
  "SELECT id, container_id, created, auto_remove, config, state, pid, pid_start, monitor_pid," \
  " monitor_start, exit_code, started, finished FROM exec"

static const char *const state_names[] = { "created", "running", "stopped" };

G_STATIC_ASSERT (G_N_ELEMENTS (state_names) == CPD_N_EXEC_STATES);

const char *
cpd_exec_state_to_string (CpdExecState state)
{
  g_return_val_if_fail ((guint) state < CPD_N_EXEC_STATES, "unknown");
  return state_names[state];
}

void
cpd_exec_row_free (CpdExecRow *row)
{
  g_free (row->id);
  g_free (row->container_id);
  g_free (row->config);
  g_free (row);
}

/* What is no state, by damage, says only that it does not run. */
static CpdExecState
to_state (gint64 number)
{
  return number >= 0 && number < CPD_N_EXEC_STATES ? (CpdExecState) number : CPD_EXEC_STOPPED;
}

static CpdExecRow *
read_row (CpdStatement *statement)
{
  CpdExecRow *row = g_new0 (CpdExecRow, 1);
  CpdExecStatus *status = &row->status;

  row->id = cpd_statement_text (statement, 0);
  row->container_id = cpd_statement_text (statement, 1);
  row->created = cpd_statement_int (statement, 2);
  row->auto_remove = cpd_statement_int (statement, 3) != 0;
  row->config = cpd_statement_text (statement, 4);
  status->state = to_state (cpd_statement_int (statement, 5));
  status->pid = cpd_statement_int (statement, 6);
  status->pid_start = cpd_statement_int (statement, 7);
  status->monitor_pid = cpd_statement_int (statement, 8);
  status->monitor_start = cpd_statement_int (statement, 9);
  status->exit_code = (int) cpd_statement_int (statement, 10);
  status->started = cpd_statement_int (statement, 11);
  status->finished = cpd_statement_int (statement, 12);
  return row;
}

gboolean
cpd_store_add_exec (CpdTransaction *tx, const CpdExecRow *row, GError **error)
{
  const CpdExecStatus *status = &row->status;
  g_autoptr(GError) failure = NULL;
  g_autoptr(CpdStatement) statement =
    cpd_transaction_prepare (tx, "INSERT INTO exec (id, container_id, created, auto_remove, config, state,"
                                 " pid, pid_start, monitor_pid, monitor_start, exit_code, started, finished)"
                                 " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", error);

  if (statement == NULL)
    return FALSE;
  cpd_statement_bind (statement, "ssiisiiiiiiii", row->id, row->container_id, row->created,
                      (gint64) row->auto_remove, row->config, (gint64) status->state, status->pid,
                      status->pid_start, status->monitor_pid, status->monitor_start,
                      (gint64) status->exit_code, status->started, status->finished);
  if (cpd_statement_execute (statement, &failure))
    return TRUE;
  /* Its id is its own, so what may be missing is the container, removed meanwhile. */
  if (cpd_statement_broke_constraint (statement))
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER, "no container with id %s", row->container_id);
  else
    g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

static gboolean
check_changed (CpdTransaction *tx, const char *id, GError **error)
{
  if (cpd_transaction_changes (tx) == 1)
    {
      /* Ids of all kinds are unique, and those who wait go by them. */
      cpd_transaction_container_changed (tx, id);
      return TRUE;
    }
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_EXEC_SESSION, "no exec session with id %s", id);
  return FALSE;
}

gboolean
cpd_store_set_exec_status (CpdTransaction *tx, const char *id, const CpdExecStatus *status, GError **error)
{
  g_autoptr(CpdStatement) statement =
    cpd_transaction_prepare (tx, "UPDATE exec SET state = ?, pid = ?, pid_start = ?, monitor_pid = ?,"
                                 " monitor_start = ?, exit_code = ?, started = ?, finished = ?"
                                 " WHERE id = ?", error);

  if (statement == NULL)
    return FALSE;
  cpd_statement_bind (statement, "iiiiiiiis", (gint64) status->state, status->pid, status->pid_start,
                      status->monitor_pid, status->monitor_start, (gint64) status->exit_code,
                      status->started, status->finished, id);
  return cpd_statement_execute (statement, error) && check_changed (tx, id, error);
}

gboolean
cpd_store_set_exec_config (CpdTransaction *tx, const char *id, const char *config, GError **error)
{
  g_autoptr(CpdStatement) statement = cpd_transaction_prepare (tx, "UPDATE exec SET config = ? WHERE id = ?", error);

  if (statement == NULL)
    return FALSE;
  cpd_statement_bind (statement, "ss", config, id);
  return cpd_statement_execute (statement, error) && check_changed (tx, id, error);
}

gboolean
cpd_store_delete_exec (CpdTransaction *tx, const char *id, GError **error)
{
  g_autoptr(CpdStatement) statement = NULL;

  if (!cpd_store_keep_exit_codes (tx, "SELECT id, exit_code, ? FROM exec WHERE id = ? AND finished > 0", id, error))
    return FALSE;
  statement = cpd_transaction_prepare (tx, "DELETE FROM exec WHERE id = ?", error);
  if (statement == NULL)
    return FALSE;
  cpd_statement_bind (statement, "s", id);
  return cpd_statement_execute (statement, error) && check_changed (tx, id, error);
}

gboolean
cpd_store_delete_old_execs (CpdTransaction *tx, gint64 time, GError **error)
{
  g_autoptr(CpdStatement) statement =
    cpd_transaction_prepare (tx, "DELETE FROM exec WHERE finished > 0 AND finished <= ?", error);

  if (statement == NULL)
    return FALSE;
  cpd_statement_bind (statement, "i", time);
  return cpd_statement_execute (statement, error);
}

gboolean
cpd_store_delete_all_execs (CpdTransaction *tx, GError **error)
{
  g_autoptr(CpdStatement) statement = cpd_transaction_prepare (tx, "DELETE FROM exec", error);

  return statement != NULL && cpd_statement_execute (statement, error);
}

CpdExecRow *
cpd_store_get_exec (CpdStore *store, const char *id, GError **error)
{
  g_autoptr(GError) failure = NULL;
  g_autoptr(CpdStatement) statement = cpd_store_prepare (store, COLUMNS " WHERE id = ?", error);

  if (statement == NULL)
    return NULL;
  cpd_statement_bind (statement, "s", id);
  if (cpd_statement_next (statement, &failure))
    return read_row (statement);
  if (failure != NULL)
    g_propagate_error (error, g_steal_pointer (&failure));
  else
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_EXEC_SESSION, "no exec session with id %s", id);
  return NULL;
}

char *
cpd_store_find_exec (CpdStore *store, const char *id_or_prefix, GError **error)
{
  g_autofree char *first = NULL, *second = NULL;
  g_autoptr(GError) failure = NULL;
  g_autoptr(CpdStatement) statement = NULL;

  if (cpd_id_is_prefix (id_or_prefix))
    {
      statement = cpd_store_prepare (store, "SELECT id FROM exec WHERE id >= ?1 AND id < ?1 || 'g' LIMIT 2", error);
      if (statement == NULL)
        return NULL;
      cpd_statement_bind (statement, "s", id_or_prefix);
      if (cpd_statement_next (statement, &failure))
        first = cpd_statement_text (statement, 0);
      if (first != NULL && cpd_statement_next (statement, &failure))
        second = cpd_statement_text (statement, 0);
    }
  if (failure != NULL)
    g_propagate_error (error, g_steal_pointer (&failure));
  else if (second != NULL)
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_AMBIGUOUS_NAME,
                 "the ids of several exec sessions begin with '%s': give more of it", id_or_prefix);
  else if (first == NULL)
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_EXEC_SESSION, "no exec session with id '%s'", id_or_prefix);
  else
    return g_steal_pointer (&first);
  return NULL;
}

GPtrArray *
cpd_store_list_execs (CpdStore *store, const char *container_id, gboolean running_only, GError **error)
{
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) cpd_exec_row_free);
  g_autoptr(CpdStatement) statement =
    cpd_store_prepare (store, container_id != NULL
                              ? COLUMNS " WHERE container_id = ?1 AND (NOT ?2 OR state = ?3) ORDER BY created, id"
                              : COLUMNS " WHERE ?1 IS NULL AND (NOT ?2 OR state = ?3) ORDER BY created, id", error);

  if (statement == NULL)
    return NULL;
  cpd_statement_bind (statement, "sii", container_id, (gint64) running_only, (gint64) CPD_EXEC_RUNNING);
  while (cpd_statement_next (statement, error))
    g_ptr_array_add (rows, read_row (statement));
  return cpd_statement_failed (statement) ? NULL : g_steal_pointer (&rows);
}
