/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "public/cpod-error.h"
#include "store/cpd-container-columns.h"
#include "store/cpd-sql-match.h"

/* Lists of containers. */

/* One broken configuration must not spoil a list. */
#define CONFIG "CASE WHEN json_valid(config) THEN config ELSE '{}' END"

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

static void
add_one (GString *sql, GPtrArray *values, const char *value, const char *test)
{
  char *given[] = { (char *) value, NULL };

  cpd_sql_add_filter (sql, values, given, test);
}

/* What is said of how a container was asked for. */
static void
add_config_filters (GString *sql, GPtrArray *values, const CpdContainerQuery *query)
{
  if (query->restarting)
    g_string_append (sql, " AND json_extract(" CONFIG ", '$.restartPolicy') <> 'no'");
  cpd_sql_add_filter (sql, values, query->images,
              "image = ? OR instr(image_id, ?) = 1 OR image_id IN"
              " (SELECT image_id FROM image_name WHERE image_name.name IN"
              " (?, 'localhost/' || ?, 'localhost/' || ? || ':latest', ? || ':latest'))");
  cpd_sql_add_filter (sql, values, query->labels,
              "EXISTS (SELECT 1 FROM json_each(" CONFIG ", '$.labels') AS label"
              " WHERE label.key = ? OR label.key || '=' || label.value = ?)");
  cpd_sql_add_filter (sql, values, query->depends,
              "EXISTS (SELECT 1 FROM dependency WHERE dependency.id = container.id AND depends_on = ?)");
  /* "on-failure:3" is found by "on-failure". */
  cpd_sql_add_filter (sql, values, query->restart_policies,
              "instr(coalesce(json_extract(" CONFIG ", '$.restartPolicy'), 'no') || ':', ? || ':') = 1");
}

/* What is said of when it was, and how it went. */
static void
add_time_filters (GString *sql, GPtrArray *values, const CpdContainerQuery *query)
{
  add_one (sql, values, query->after, "number < (SELECT number FROM container WHERE id = ?)");
  add_one (sql, values, query->before, "number < (SELECT number FROM container WHERE id = ?)");
  add_one (sql, values, query->since, "number > (SELECT number FROM container WHERE id = ?)");
  if (query->until > 0)
    g_string_append_printf (sql, " AND created < %" G_GINT64_FORMAT, query->until);
  if (query->exit_codes != NULL && *query->exit_codes != NULL)
    g_string_append_printf (sql, " AND started > 0 AND state IN (%d, %d)", CPD_CONTAINER_STOPPED,
                            CPD_CONTAINER_EXITED);
  cpd_sql_add_filter (sql, values, query->exit_codes, "exit_code = CAST(? AS INTEGER)");
}

static CpdStatement *
prepare_list (CpdStore *store, const CpdContainerQuery *query, GError **error)
{
  g_autoptr(GString) sql = g_string_new (query->with_config ? CPD_CONTAINER_COLUMNS_ALL : CPD_CONTAINER_COLUMNS);
  g_autoptr(GPtrArray) values = g_ptr_array_new ();
  CpdStatement *statement;

  g_string_append (sql, CPD_CONTAINER_TABLES " WHERE 1");
  if (!query->all)
    g_string_append_printf (sql, " AND state IN (%d, %d, %d)", CPD_CONTAINER_RUNNING,
                            CPD_CONTAINER_PAUSED, CPD_CONTAINER_STOPPING);
  if (query->namespace != NULL && *query->namespace != '\0')
    add_one (sql, values, query->namespace, "namespace = ?");
  cpd_sql_add_filter (sql, values, query->ids, "id = ?");
  cpd_sql_add_filter (sql, values, query->id_prefixes, "instr(id, ?) = 1");
  cpd_sql_add_filter (sql, values, query->names, CPD_SQL_MATCH "(?, name)");
  add_state_filter (sql, query->states);
  add_config_filters (sql, values, query);
  add_time_filters (sql, values, query);
  g_string_append_printf (sql, " ORDER BY number DESC LIMIT %d",
                          query->limit > 0 ? (int) MIN (query->limit, G_MAXINT) : -1);

  statement = cpd_store_prepare (store, sql->str, error);
  for (guint i = 0; statement != NULL && i < values->len; i++)
    cpd_statement_bind_text (statement, (int) i + 1, values->pdata[i]);
  return statement;
}

/* A list from one that is gone on would be empty, and look like its end. */
static gboolean
check_bound (CpdStore *store, const char *option, const char *id, GError **error)
{
  g_autoptr(GError) failure = NULL;
  g_autoptr(CpdContainerRow) row = NULL;

  if (id == NULL)
    return TRUE;
  row = cpd_store_get_container (store, id, &failure);
  if (row != NULL)
    return TRUE;
  if (g_error_matches (failure, CPOD_ERROR, CPOD_ERROR_NO_SUCH_CONTAINER))
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                 "option '%s': no container with id '%s' (any more)", option, id);
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

  if (!check_bound (store, "after", query->after, error)
      || !check_bound (store, "before", query->before, error)
      || !check_bound (store, "since", query->since, error))
    return NULL;
  statement = prepare_list (store, query, error);
  if (statement == NULL)
    return NULL;
  while (cpd_statement_next (statement, error))
    g_ptr_array_add (rows, cpd_container_row_read (statement, query->with_config));
  return cpd_statement_failed (statement) ? NULL : g_steal_pointer (&rows);
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
cpd_store_count_states (CpdStore *store, guint *counts, GError **error)
{
  g_autoptr(CpdStatement) statement =
    cpd_store_prepare (store, "SELECT state, count(*) FROM container_status GROUP BY state", error);

  for (guint i = 0; i < CPD_N_CONTAINER_STATES; i++)
    counts[i] = 0;
  if (statement == NULL)
    return FALSE;
  while (cpd_statement_next (statement, error))
    {
      gint64 state = cpd_statement_int (statement, 0);

      if (state >= 0 && state < CPD_N_CONTAINER_STATES)
        counts[state] = (guint) cpd_statement_int (statement, 1);
    }
  return !cpd_statement_failed (statement);
}
