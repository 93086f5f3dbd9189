/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/cpd-store-containers.h"

#include <string.h>

#include "common/cpd-clock.h"
#include "common/cpd-names.h"
#include "public/cpod-error.h"
#include "store/cpd-statement.h"

#define COLUMNS \
  "SELECT id, name, image, image_id, created, owner_uid, auto_remove, state, pid, pid_start," \
  " monitor_pid, monitor_start, exit_code, oom_killed, started, finished, restarts," \
  " stopped_by_user"
#define TABLES " FROM container JOIN container_status USING (number)"

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
  g_free (row->image);
  g_free (row->image_id);
  g_free (row->config);
  g_free (row);
}

/* What is no state, by damage, says only that it does not run. */
static CpdContainerState
to_state (gint64 number)
{
  return number >= 0 && number < CPD_N_CONTAINER_STATES ? (CpdContainerState) number
                                                        : CPD_CONTAINER_EXITED;
}

static CpdContainerRow *
read_row (CpdStatement *statement, gboolean with_config)
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
  if (with_config)
    row->config = cpd_statement_text (statement, 18);
  return row;
}

/* Takes the name; that two take it at once is decided here and nowhere else. */
static gboolean
reserve_name (CpdTransaction *tx, const CpdContainerRow *row, GError **error)
{
  g_autoptr(GError) failure = NULL;
  g_autoptr(CpdStatement) statement =
    cpd_transaction_prepare (tx, "INSERT INTO name (name, kind, id) VALUES (?, 'container', ?)",
                             error);

  if (statement == NULL)
    return FALSE;
  cpd_statement_bind (statement, "ss", row->name, row->id);
  if (cpd_statement_execute (statement, &failure))
    return TRUE;
  if (cpd_statement_broke_constraint (statement))
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_CONTAINER_EXISTS,
                 "the name '%s' is taken: remove or rename the container that has it", row->name);
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

gboolean
cpd_store_add_container (CpdTransaction *tx, const CpdContainerRow *row, GError **error)
{
  g_autoptr(GError) failure = NULL;
  g_autoptr(CpdStatement) statement = NULL;

  if (!reserve_name (tx, row, error))
    return FALSE;
  statement = cpd_transaction_prepare (tx, "INSERT INTO container (id, name, image, image_id,"
                                           " created, owner_uid, auto_remove, config)"
                                           " VALUES (?, ?, ?, ?, ?, ?, ?, ?)", error);
  if (statement == NULL)
    return FALSE;
  cpd_statement_bind (statement, "ssssiiis", row->id, row->name, row->image, row->image_id,
                      row->created, (gint64) row->owner_uid, (gint64) row->auto_remove, row->config);
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
  return add_status (tx, cpd_transaction_last_rowid (tx), &row->status, error);
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
    {
      if (cpd_transaction_changes (tx) == 1)    /* container.name follows by its foreign key */
        {
          cpd_transaction_container_changed (tx, id);
          return TRUE;
        }
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER, "no container with id %s", id);
    }
  else if (cpd_statement_broke_constraint (statement))
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_CONTAINER_EXISTS,
                 "the name '%s' is taken: remove or rename the container that has it", name);
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
  if (!cpd_statement_execute (statement, error))
    return FALSE;
  if (cpd_transaction_changes (tx) != 1)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER, "no container with id %s", id);
      return FALSE;
    }
  cpd_transaction_container_changed (tx, id);
  return TRUE;
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

static gboolean
keep_exit_code (CpdTransaction *tx, const char *id, GError **error)
{
  g_autoptr(CpdStatement) statement =
    cpd_transaction_prepare (tx, "INSERT OR REPLACE INTO exit_code (id, exit_code, time)"
                                 " SELECT id, exit_code, ?" TABLES " WHERE id = ?", error);
  g_autoptr(CpdStatement) prune =
    cpd_transaction_prepare (tx, "DELETE FROM exit_code WHERE time < ?", error);
  gint64 now = cpd_clock_now ();

  if (statement == NULL || prune == NULL)
    return FALSE;
  cpd_statement_bind (statement, "is", now, id);
  cpd_statement_bind (prune, "i", now - EXIT_CODE_AGE);
  return cpd_statement_execute (statement, error) && cpd_statement_execute (prune, error);
}

gboolean
cpd_store_delete_container (CpdTransaction *tx, const char *id, GError **error)
{
  if (!keep_exit_code (tx, id, error)
      || !execute_with_id (tx, "DELETE FROM container WHERE id = ?", id, error))
    return FALSE;
  if (cpd_transaction_changes (tx) != 1)
    {
      g_set_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER, "no container with id %s", id);
      return FALSE;
    }
  cpd_transaction_container_changed (tx, id);
  return execute_with_id (tx, "DELETE FROM name WHERE id = ?", id, error);
}

CpdContainerRow *
cpd_store_get_container (CpdStore *store, const char *id, GError **error)
{
  g_autoptr(GError) failure = NULL;
  g_autoptr(CpdStatement) statement =
    cpd_store_prepare (store, COLUMNS ", config" TABLES " WHERE id = ?", error);

  if (statement == NULL)
    return NULL;
  cpd_statement_bind (statement, "s", id);
  if (cpd_statement_next (statement, &failure))
    return read_row (statement, TRUE);
  if (failure != NULL)
    g_propagate_error (error, g_steal_pointer (&failure));
  else
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER, "no container with id %s", id);
  return NULL;
}

/* The only id that SQL finds for VALUE; NULL without an error when there is none. */
static char *
find_id (CpdStore *store, const char *sql, const char *value, GError **error)
{
  g_autoptr(GError) failure = NULL;
  g_autoptr(CpdStatement) statement = cpd_store_prepare (store, sql, error);
  g_autofree char *id = NULL;

  if (statement == NULL)
    return NULL;
  cpd_statement_bind (statement, "s", value);
  if (cpd_statement_next (statement, &failure))
    {
      id = cpd_statement_text (statement, 0);
      if (cpd_statement_next (statement, &failure))
        {
          g_set_error (error, CPOD_ERROR, CPOD_ERROR_AMBIGUOUS_NAME,
                       "the ids of several containers begin with '%s': give more of it", value);
          return NULL;
        }
    }
  if (failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return NULL;
    }
  return g_steal_pointer (&id);
}

char *
cpd_store_find_container (CpdStore *store, const char *name_or_id, GError **error)
{
  g_autoptr(GError) failure = NULL;
  char *id = find_id (store, "SELECT id FROM container WHERE name = ?", name_or_id, &failure);

  if (id == NULL && failure == NULL && cpd_id_is_prefix (name_or_id))
    id = find_id (store, "SELECT id FROM container WHERE id >= ?1 AND id < ?1 || 'g' LIMIT 2",
                  name_or_id, &failure);
  if (id != NULL)
    return id;
  if (failure != NULL)
    g_propagate_error (error, g_steal_pointer (&failure));
  else
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER,
                 "no container with name or id '%s'", name_or_id);
  return NULL;
}

/* States are stored as numbers; a text that is no state matches nothing. */
static void
add_state_filter (GString *sql, char **states)
{
  if (states == NULL || *states == NULL)
    return;
  g_string_append (sql, " AND state IN (-1");
  for (char **text = states; *text != NULL; text++)
    {
      CpdContainerState state;

      if (cpd_container_state_from_string (*text, &state))
        g_string_append_printf (sql, ", %d", (int) state);
    }
  g_string_append_c (sql, ')');
}

static CpdStatement *
prepare_list (CpdStore *store, const CpdContainerQuery *query, GError **error)
{
  g_autoptr(GString) sql = g_string_new (COLUMNS);
  g_autoptr(GPtrArray) values = g_ptr_array_new ();
  char *after[] = { query->after, NULL };
  CpdStatement *statement;

  g_string_append (sql, query->with_config ? ", config" TABLES : TABLES);
  g_string_append (sql, " WHERE 1");
  if (!query->all)
    g_string_append_printf (sql, " AND state IN (%d, %d, %d)", CPD_CONTAINER_RUNNING,
                            CPD_CONTAINER_PAUSED, CPD_CONTAINER_STOPPING);
  if (query->restarting)
    g_string_append (sql, " AND json_extract(config, '$.restartPolicy') <> 'no'");
  cpd_sql_add_filter (sql, values, query->id_prefixes, "instr(id, ?) = 1");
  cpd_sql_add_filter (sql, values, query->names, "instr(name, ?) > 0");
  add_state_filter (sql, query->states);
  cpd_sql_add_filter (sql, values, query->images,
              "image = ? OR instr(image_id, ?) = 1 OR image_id IN"
              " (SELECT image_id FROM image_name WHERE image_name.name IN"
              " (?, 'localhost/' || ?, 'localhost/' || ? || ':latest', ? || ':latest'))");
  cpd_sql_add_filter (sql, values, query->labels,
              "EXISTS (SELECT 1 FROM json_each(config, '$.labels') AS label"
              " WHERE label.key = ? OR label.key || '=' || label.value = ?)");
  if (query->after != NULL)
    cpd_sql_add_filter (sql, values, after, "number < (SELECT number FROM container WHERE id = ?)");
  g_string_append_printf (sql, " ORDER BY number DESC LIMIT %d",
                          query->limit > 0 ? (int) MIN (query->limit, G_MAXINT) : -1);

  statement = cpd_store_prepare (store, sql->str, error);
  for (guint i = 0; statement != NULL && i < values->len; i++)
    cpd_statement_bind_text (statement, (int) i + 1, values->pdata[i]);
  return statement;
}

/* A page after one that is gone would be empty, and look like the end of the list. */
static gboolean
check_after (CpdStore *store, const CpdContainerQuery *query, GError **error)
{
  g_autoptr(GError) failure = NULL;
  g_autoptr(CpdContainerRow) row = NULL;

  if (query->after == NULL)
    return TRUE;
  row = cpd_store_get_container (store, query->after, &failure);
  if (row != NULL)
    return TRUE;
  if (g_error_matches (failure, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER))
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                 "option 'after': no container with id '%s' (any more)", query->after);
  else
    g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

GPtrArray *
cpd_store_list_containers (CpdStore *store, const CpdContainerQuery *query, GError **error)
{
  g_autoptr(GPtrArray) rows =
    g_ptr_array_new_with_free_func ((GDestroyNotify) cpd_container_row_free);
  g_autoptr(CpdStatement) statement = NULL;
  g_autoptr(GError) failure = NULL;

  if (!check_after (store, query, error))
    return NULL;
  statement = prepare_list (store, query, error);
  if (statement == NULL)
    return NULL;
  while (cpd_statement_next (statement, &failure))
    g_ptr_array_add (rows, read_row (statement, query->with_config));
  if (failure != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return NULL;
    }
  return g_steal_pointer (&rows);
}

guint
cpd_store_count_containers (CpdStore *store, gboolean running_only)
{
  g_autofree char *sql =
    g_strdup_printf ("SELECT count(*) FROM container_status WHERE %d OR state IN (%d, %d)",
                     !running_only, CPD_CONTAINER_RUNNING, CPD_CONTAINER_STOPPING);
  g_autoptr(CpdStatement) statement = cpd_store_prepare (store, sql, NULL);

  if (statement == NULL || !cpd_statement_next (statement, NULL))
    return 0;
  return (guint) cpd_statement_int (statement, 0);
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
