/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/cpd-store-containers.h"

#include <string.h>

#include "common/cpd-clock.h"
#include "public/cpod-error.h"
#include "store/cpd-container-columns.h"
#include "store/cpd-statement.h"

/* How long the exit code of a container that is gone is kept. */
#define EXIT_CODE_AGE (5 * 60 * G_USEC_PER_SEC)

static const char *const state_names[] = {
  "configured", "created", "running", "paused", "stopping", "stopped", "exited", "removing",
};

G_STATIC_ASSERT (G_N_ELEMENTS (state_names) == CPD_N_CONTAINER_STATES);

const char *
cpd_container_state_to_string (CpdContainerState state)
{
  g_return_val_if_fail ((guint) state < CPD_N_CONTAINER_STATES, "unknown");
  return state_names[state];
}

gboolean
cpd_container_state_from_string (const char *text, CpdContainerState *state)
{
  for (guint i = 0; i < CPD_N_CONTAINER_STATES; i++)
    if (strcmp (text, state_names[i]) == 0)
      {
        *state = (CpdContainerState) i;
        return TRUE;
      }
  return FALSE;
}

void
cpd_container_row_free (CpdContainerRow *row)
{
  g_free (row->id);
  g_free (row->name);
  g_free (row->namespace);
  g_free (row->image);
  g_free (row->image_id);
  g_free (row->config);
  g_strfreev (row->depends);
  g_free (row);
}

/* What is no state, by damage, says only that it does not run. */
static CpdContainerState
to_state (gint64 number)
{
  return number >= 0 && number < CPD_N_CONTAINER_STATES ? (CpdContainerState) number
                                                        : CPD_CONTAINER_EXITED;
}

CpdContainerRow *
cpd_container_row_read (CpdStatement *statement, gboolean with_config)
{
  CpdContainerRow *row = g_new0 (CpdContainerRow, 1);
  CpdContainerStatus *status = &row->status;

  row->id = cpd_statement_text (statement, 0);
  row->name = cpd_statement_text (statement, 1);
  row->image = cpd_statement_text (statement, 2);
  row->image_id = cpd_statement_text (statement, 3);
  row->created = cpd_statement_int (statement, 4);
  row->owner_uid = (guint32) cpd_statement_int (statement, 5);
  row->auto_remove = cpd_statement_int (statement, 6) != 0;
  status->state = to_state (cpd_statement_int (statement, 7));
  status->pid = cpd_statement_int (statement, 8);
  status->pid_start = cpd_statement_int (statement, 9);
  status->monitor_pid = cpd_statement_int (statement, 10);
  status->monitor_start = cpd_statement_int (statement, 11);
  status->exit_code = (int) cpd_statement_int (statement, 12);
  status->oom_killed = cpd_statement_int (statement, 13) != 0;
  status->started = cpd_statement_int (statement, 14);
  status->finished = cpd_statement_int (statement, 15);
  status->restarts = (guint) cpd_statement_int (statement, 16);
  status->stopped_by_user = cpd_statement_int (statement, 17) != 0;
  row->namespace = cpd_statement_text (statement, 18);
  if (with_config)
    {
      row->config = cpd_statement_text (statement, 19);
      row->depends = g_strsplit (cpd_statement_peek_text (statement, 20), " ", -1);
    }
  return row;
}

const char *
cpd_container_row_namespace (const CpdContainerRow *row)
{
  return row->namespace != NULL ? row->namespace : "";
}

/* Whose it is, so that nobody has to look. */
static void
set_name_taken (CpdTransaction *tx, const char *name, const char *namespace, GError **error)
{
  g_autoptr(CpdStatement) statement =
    cpd_transaction_prepare (tx, "SELECT id FROM name WHERE name = ? AND namespace = ?", NULL);
  g_autofree char *holder = NULL;

  if (statement != NULL)
    {
      cpd_statement_bind (statement, "ss", name, namespace);
      if (cpd_statement_next (statement, NULL))
        holder = cpd_statement_text (statement, 0);
    }
  g_set_error (error, CPOD_ERROR, CPOD_ERROR_CONTAINER_EXISTS,
               "the name '%s' is taken: remove or rename container %.12s that has it", name,
               holder != NULL ? holder : "");
}

/* Takes the name; that two take it at once is decided here and nowhere else. */
static gboolean
reserve_name (CpdTransaction *tx, const CpdContainerRow *row, GError **error)
{
  g_autoptr(GError) failure = NULL;
  g_autoptr(CpdStatement) statement =
    cpd_transaction_prepare (tx, "INSERT INTO name (name, namespace, kind, id)"
                                 " VALUES (?, ?, 'container', ?)", error);

  if (statement == NULL)
    return FALSE;
  cpd_statement_bind (statement, "sss", row->name, cpd_container_row_namespace (row), row->id);
  if (cpd_statement_execute (statement, &failure))
    return TRUE;
  if (cpd_statement_broke_constraint (statement))
    set_name_taken (tx, row->name, cpd_container_row_namespace (row), error);
  else
    g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

static gboolean
add_status (CpdTransaction *tx, gint64 number, const CpdContainerStatus *status, GError **error)
{
  g_autoptr(CpdStatement) statement =
    cpd_transaction_prepare (tx, "INSERT INTO container_status (number, state, pid, pid_start,"
                                 " monitor_pid, monitor_start, exit_code, oom_killed, started,"
                                 " finished, restarts, stopped_by_user)"
                                 " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", error);

  if (statement == NULL)
    return FALSE;
  cpd_statement_bind (statement, "iiiiiiiiiiii", number, (gint64) status->state, status->pid,
                      status->pid_start, status->monitor_pid, status->monitor_start,
                      (gint64) status->exit_code, (gint64) status->oom_killed, status->started,
                      status->finished, (gint64) status->restarts,
                      (gint64) status->stopped_by_user);
  return cpd_statement_execute (statement, error);
}

static gboolean
add_dependencies (CpdTransaction *tx, const CpdContainerRow *row, GError **error)
{
  for (char **id = row->depends; id != NULL && *id != NULL; id++)
    {
      g_autoptr(CpdStatement) statement =
        cpd_transaction_prepare (tx, "INSERT OR IGNORE INTO dependency (id, depends_on) VALUES (?, ?)",
                                 error);

      if (statement == NULL)
        return FALSE;
      cpd_statement_bind (statement, "ss", row->id, *id);
      if (!cpd_statement_execute (statement, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
cpd_store_add_container (CpdTransaction *tx, const CpdContainerRow *row, GError **error)
{
  g_autoptr(GError) failure = NULL;
  g_autoptr(CpdStatement) statement = NULL;

  if (!reserve_name (tx, row, error))
    return FALSE;
  statement = cpd_transaction_prepare (tx, "INSERT INTO container (id, name, namespace, image,"
                                           " image_id, created, owner_uid, auto_remove, config)"
                                           " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", error);
  if (statement == NULL)
    return FALSE;
  cpd_statement_bind (statement, "sssssiiis", row->id, row->name,
                      cpd_container_row_namespace (row), row->image, row->image_id, row->created,
                      (gint64) row->owner_uid, (gint64) row->auto_remove, row->config);
  if (!cpd_statement_execute (statement, &failure))
    {
      /* Id and name are its own by now, so what may be missing is the image, removed meanwhile. */
      if (cpd_statement_broke_constraint (statement))
        g_set_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_IMAGE, "no image with id %s",
                     row->image_id);
      else
        g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  cpd_transaction_container_changed (tx, row->id);
  return add_status (tx, cpd_transaction_last_rowid (tx), &row->status, error)
         && add_dependencies (tx, row, error);
}

/* The namespace of a container, "" when there is no such container. */
static char *
find_namespace (CpdTransaction *tx, const char *id)
{
  g_autoptr(CpdStatement) statement =
    cpd_transaction_prepare (tx, "SELECT namespace FROM name WHERE id = ?", NULL);

  if (statement == NULL)
    return g_strdup ("");
  cpd_statement_bind (statement, "s", id);
  return cpd_statement_next (statement, NULL) ? cpd_statement_text (statement, 0) : g_strdup ("");
}

/* After what should have changed the container. */
static gboolean
check_changed (CpdTransaction *tx, const char *id, GError **error)
{
  if (cpd_transaction_changes (tx) != 1)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER, "no container with id %s", id);
      return FALSE;
    }
  cpd_transaction_container_changed (tx, id);
  return TRUE;
}

gboolean
cpd_store_rename_container (CpdTransaction *tx, const char *id, const char *name, GError **error)
{
  g_autoptr(GError) failure = NULL;
  g_autoptr(CpdStatement) statement =
    cpd_transaction_prepare (tx, "UPDATE name SET name = ? WHERE id = ?", error);

  if (statement == NULL)
    return FALSE;
  cpd_statement_bind (statement, "ss", name, id);
  if (cpd_statement_execute (statement, &failure))
    return check_changed (tx, id, error);       /* container.name follows by its foreign key */
  if (cpd_statement_broke_constraint (statement))
    {
      g_autofree char *namespace = find_namespace (tx, id);

      set_name_taken (tx, name, namespace, error);
    }
  else
    g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

gboolean
cpd_store_set_container_status (CpdTransaction *tx, const char *id,
                                const CpdContainerStatus *status, GError **error)
{
  g_autoptr(CpdStatement) statement =
    cpd_transaction_prepare (tx, "UPDATE container_status SET state = ?, pid = ?, pid_start = ?,"
                                 " monitor_pid = ?, monitor_start = ?, exit_code = ?,"
                                 " oom_killed = ?, started = ?, finished = ?, restarts = ?,"
                                 " stopped_by_user = ?"
                                 " WHERE number = (SELECT number FROM container WHERE id = ?)", error);

  if (statement == NULL)
    return FALSE;
  cpd_statement_bind (statement, "iiiiiiiiiiis", (gint64) status->state, status->pid,
                      status->pid_start, status->monitor_pid, status->monitor_start,
                      (gint64) status->exit_code, (gint64) status->oom_killed, status->started,
                      status->finished, (gint64) status->restarts,
                      (gint64) status->stopped_by_user, id);
  return cpd_statement_execute (statement, error) && check_changed (tx, id, error);
}

static gboolean
execute_with_id (CpdTransaction *tx, const char *sql, const char *id, GError **error)
{
  g_autoptr(CpdStatement) statement = cpd_transaction_prepare (tx, sql, error);

  if (statement == NULL)
    return FALSE;
  cpd_statement_bind (statement, "s", id);
  return cpd_statement_execute (statement, error);
}

/* QUERY gives an id, its exit code and its first parameter, the time; its second one is ID. */
gboolean
cpd_store_keep_exit_codes (CpdTransaction *tx, const char *query, const char *id, GError **error)
{
  g_autofree char *insert = g_strconcat ("INSERT OR REPLACE INTO exit_code (id, exit_code, time) ", query, NULL);
  g_autoptr(CpdStatement) statement = cpd_transaction_prepare (tx, insert, error);
  g_autoptr(CpdStatement) prune =
    cpd_transaction_prepare (tx, "DELETE FROM exit_code WHERE time < ?", error);
  gint64 now = cpd_clock_now ();

  if (statement == NULL || prune == NULL)
    return FALSE;
  cpd_statement_bind (statement, "is", now, id);
  cpd_statement_bind (prune, "i", now - EXIT_CODE_AGE);
  return cpd_statement_execute (statement, error) && cpd_statement_execute (prune, error);
}

/* They go with their container; who waits for them is told. */
static gboolean
note_execs (CpdTransaction *tx, const char *id, GError **error)
{
  g_autoptr(CpdStatement) statement = cpd_transaction_prepare (tx, "SELECT id FROM exec WHERE container_id = ?", error);

  if (statement == NULL)
    return FALSE;
  cpd_statement_bind (statement, "s", id);
  while (cpd_statement_next (statement, error))
    cpd_transaction_container_changed (tx, cpd_statement_peek_text (statement, 0));
  return !cpd_statement_failed (statement);
}

gboolean
cpd_store_set_container_config (CpdTransaction *tx, const char *id, const char *config, GError **error)
{
  g_autoptr(CpdStatement) statement =
    cpd_transaction_prepare (tx, "UPDATE container SET config = ? WHERE id = ?", error);

  if (statement == NULL)
    return FALSE;
  cpd_statement_bind (statement, "ss", config, id);
  return cpd_statement_execute (statement, error) && check_changed (tx, id, error);
}

gboolean
cpd_store_delete_container (CpdTransaction *tx, const char *id, GError **error)
{
  if (!cpd_store_keep_exit_codes (tx, "SELECT id, exit_code, ?" CPD_CONTAINER_TABLES " WHERE id = ?", id, error)
      || !cpd_store_keep_exit_codes (tx, "SELECT id, exit_code, ? FROM exec WHERE container_id = ? AND finished > 0",
                                     id, error)
      || !note_execs (tx, id, error)
      || !execute_with_id (tx, "DELETE FROM container WHERE id = ?", id, error)
      || !check_changed (tx, id, error))
    return FALSE;
  return execute_with_id (tx, "DELETE FROM name WHERE id = ?", id, error);
}

CpdContainerRow *
cpd_store_get_container (CpdStore *store, const char *id, GError **error)
{
  g_autoptr(GError) failure = NULL;
  g_autoptr(CpdStatement) statement =
    cpd_store_prepare (store, CPD_CONTAINER_COLUMNS_ALL CPD_CONTAINER_TABLES " WHERE id = ?", error);

  if (statement == NULL)
    return NULL;
  cpd_statement_bind (statement, "s", id);
  if (cpd_statement_next (statement, &failure))
    return cpd_container_row_read (statement, TRUE);
  if (failure != NULL)
    g_propagate_error (error, g_steal_pointer (&failure));
  else
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER, "no container with id %s", id);
  return NULL;
}

gboolean
cpd_store_get_exit_code (CpdStore *store, const char *id, int *exit_code)
{
  g_autoptr(CpdStatement) statement =
    cpd_store_prepare (store, "SELECT exit_code FROM exit_code WHERE id = ?", NULL);

  if (statement == NULL)
    return FALSE;
  cpd_statement_bind (statement, "s", id);
  if (!cpd_statement_next (statement, NULL))
    return FALSE;
  *exit_code = (int) cpd_statement_int (statement, 0);
  return TRUE;
}
