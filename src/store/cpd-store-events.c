/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/cpd-store-events.h"

#include <string.h>

#include "common/cpd-clock.h"
#include "common/cpd-json.h"
#include "store/cpd-statement.h"

void
cpd_event_row_free (CpdEventRow *row)
{
  g_free (row->type);
  g_free (row->status);
  g_free (row->id);
  g_free (row->name);
  g_clear_pointer (&row->attributes, g_variant_unref);
  g_clear_pointer (&row->labels, g_variant_unref);
  g_free (row->unit);
  g_free (row);
}

/* Labels are those that the container has right now; a broken configuration has none. */
#define LABELS "coalesce((SELECT json_extract(CASE WHEN json_valid(config) THEN config END, '$.labels')" \
               " FROM container WHERE ?2 = 'container' AND id = ?4), '')"

gboolean
cpd_store_add_event (CpdTransaction *tx, const char *type, const char *status, const char *id,
                     const char *name, GVariant *attributes, const CpdCaller *caller,
                     GError **error)
{
  g_autoptr(GVariant) given = attributes != NULL ? g_variant_ref_sink (attributes) : NULL;
  const char *namespace = "";
  g_autofree char *text = given != NULL ? g_variant_print (given, TRUE) : g_strdup ("");
  g_autoptr(CpdStatement) statement =
    cpd_transaction_prepare (tx, "INSERT INTO event (time, type, status, id, name, attributes,"
                                 " uid, pid, unit, namespace, labels)"
                                 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, " LABELS ")", error);

  if (statement == NULL)
    return FALSE;
  if (given != NULL)
    g_variant_lookup (given, "namespace", "&s", &namespace);
  cpd_statement_bind (statement, "isssssiiss", cpd_clock_now (), type, status, id, name, text,
                      (gint64) caller->uid, (gint64) caller->pid, caller->unit, namespace);
  if (!cpd_statement_execute (statement, error))
    return FALSE;
  cpd_transaction_note_event (tx, (guint64) cpd_transaction_last_rowid (tx));
  return TRUE;
}

/* The row of sqlite_sequence is there from the first event on. */
static gboolean
set_last_event (CpdTransaction *tx, guint64 last, GError **error)
{
  static const char *const texts[] = {
    "DELETE FROM sqlite_sequence WHERE name = 'event'",
    "INSERT INTO sqlite_sequence (name, seq) VALUES ('event', ?)",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr(CpdStatement) statement = cpd_transaction_prepare (tx, texts[i], error);

      if (statement == NULL)
        return FALSE;
      if (i == 1)
        cpd_statement_bind (statement, "i", (gint64) last);
      if (!cpd_statement_execute (statement, error))
        return FALSE;
    }
  return TRUE;
}

/*
 * Events that had numbers up to LAST are lost: none of those is given out
 * again, and who asks for the events after an earlier one is told of a gap.
 */
gboolean
cpd_store_skip_events (CpdTransaction *tx, guint64 last, GError **error)
{
  g_autofree char *next = g_strdup_printf ("%" G_GUINT64_FORMAT, last + 1);

  return set_last_event (tx, last, error)
         && cpd_transaction_set_meta (tx, "events-since", next, error);
}

static GVariant *
parse_attributes (const char *text)
{
  g_autoptr(GVariant) attributes = NULL;

  if (*text != '\0')
    attributes = g_variant_parse (G_VARIANT_TYPE_VARDICT, text, NULL, NULL, NULL);
  if (attributes == NULL)
    attributes = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));
  return g_steal_pointer (&attributes);
}

static GVariant *
parse_labels (const char *text)
{
  g_autoptr(JsonNode) node = *text != '\0' ? cpd_json_parse (text, -1, NULL) : NULL;

  return g_variant_ref_sink (cpd_json_to_strings (node != NULL && JSON_NODE_HOLDS_OBJECT (node)
                                                  ? json_node_get_object (node) : NULL));
}

static CpdEventRow *
read_row (CpdStatement *statement)
{
  CpdEventRow *row = g_new0 (CpdEventRow, 1);

  row->seq = (guint64) cpd_statement_int (statement, 0);
  row->time = cpd_statement_int (statement, 1);
  row->type = cpd_statement_text (statement, 2);
  row->status = cpd_statement_text (statement, 3);
  row->id = cpd_statement_text (statement, 4);
  row->name = cpd_statement_text (statement, 5);
  row->attributes = parse_attributes (cpd_statement_peek_text (statement, 6));
  row->uid = (guint32) cpd_statement_int (statement, 7);
  row->pid = (guint32) cpd_statement_int (statement, 8);
  row->unit = cpd_statement_text (statement, 9);
  row->labels = parse_labels (cpd_statement_peek_text (statement, 10));
  return row;
}

static gboolean
read_bounds (CpdStore *store, guint64 *oldest, guint64 *newest, GError **error)
{
  g_autoptr(CpdStatement) statement =
    cpd_store_prepare (store, "SELECT max(coalesce(min(seq), 0), coalesce((SELECT CAST(value AS INTEGER)"
                              " FROM meta WHERE key = 'events-since'), 0)),"
                              " coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0)"
                              " FROM event", error);

  if (statement == NULL || !cpd_statement_next (statement, error))
    return FALSE;
  *oldest = (guint64) cpd_statement_int (statement, 0);
  *newest = (guint64) cpd_statement_int (statement, 1);
  return TRUE;
}

/* An image's own events go by id or name; those of containers by what they were created from, which stands among
 * their attributes in the text format of variants. Names of images have nothing that would be escaped there. */
#define IS_OF_IMAGE \
  "CASE type WHEN 'image' THEN instr(id, ?) = 1 OR name IN (?, 'localhost/' || ?, 'localhost/' || ? || ':latest'," \
  " ? || ':latest') ELSE instr(attributes, '''image'': <''' || ? || '''>') > 0" \
  " OR instr(attributes, '''image'': <''' || ? || ':latest''>') > 0 END"

#define HAS_LABEL \
  "EXISTS (SELECT 1 FROM json_each(CASE WHEN json_valid(labels) THEN labels ELSE '{}' END) AS label" \
  " WHERE label.key = ? OR label.key || '=' || label.value = ?)"

static CpdStatement *
prepare_query (CpdStore *store, const CpdEventQuery *query, GError **error)
{
  g_autoptr(GString) sql = g_string_new ("SELECT seq, time, type, status, id, name, attributes,"
                                         " uid, pid, unit, labels FROM event"
                                         " WHERE seq > ? AND time >= ? AND time <= ?");
  g_autoptr(GPtrArray) values = g_ptr_array_new ();
  char *namespaces[] = { (char *) query->namespace, NULL };
  CpdStatement *statement;

  cpd_sql_add_filter (sql, values, query->types, "type = ?");
  cpd_sql_add_filter (sql, values, query->statuses, "status = ?");
  cpd_sql_add_filter (sql, values, query->id_prefixes, "instr(id, ?) = 1");
  cpd_sql_add_filter (sql, values, query->names, "name = ?");
  cpd_sql_add_filter (sql, values, query->containers,
                      "type = 'container' AND (name = ? OR instr(id, ?) = 1)");
  cpd_sql_add_filter (sql, values, query->images, IS_OF_IMAGE);
  cpd_sql_add_filter (sql, values, query->labels, HAS_LABEL);
  if (query->namespace != NULL && *query->namespace != '\0')
    cpd_sql_add_filter (sql, values, namespaces, "type <> 'container' OR namespace = ?");
  g_string_append_printf (sql, " ORDER BY seq LIMIT %u",
                          query->limit > 0 ? MIN (query->limit, CPD_EVENTS_MAX) : CPD_EVENTS_MAX);

  statement = cpd_store_prepare (store, sql->str, error);
  if (statement == NULL)
    return NULL;
  cpd_statement_bind (statement, "iii", (gint64) MIN (query->since, G_MAXINT64), query->from_time,
                      query->until_time > 0 ? query->until_time : G_MAXINT64);
  for (guint i = 0; i < values->len; i++)
    cpd_statement_bind_text (statement, (int) i + 4, values->pdata[i]);
  return statement;
}

/*
 * Events, oldest first. LAST is the number up to which the answer is complete
 * under the query; GAP tells whether events after query->since are gone.
 */
GPtrArray *
cpd_store_list_events (CpdStore *store, const CpdEventQuery *query, guint64 *last, gboolean *gap,
                       GError **error)
{
  g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) cpd_event_row_free);
  g_autoptr(CpdStatement) statement = NULL;
  guint limit = query->limit > 0 ? MIN (query->limit, CPD_EVENTS_MAX) : CPD_EVENTS_MAX;
  guint64 oldest, newest;

  /* Read before the events, so that one added meanwhile is not passed over by the next call. */
  if (!read_bounds (store, &oldest, &newest, error))
    return NULL;
  statement = prepare_query (store, query, error);
  if (statement == NULL)
    return NULL;
  while (cpd_statement_next (statement, error))
    g_ptr_array_add (rows, read_row (statement));
  if (cpd_statement_failed (statement))
    return NULL;

  if (rows->len > 0)
    newest = MAX (newest, ((CpdEventRow *) rows->pdata[rows->len - 1])->seq);
  if (last != NULL)
    *last = rows->len == limit ? ((CpdEventRow *) rows->pdata[limit - 1])->seq
                               : MAX (newest, query->since);
  if (gap != NULL)
    *gap = query->since < (oldest > 0 ? oldest - 1 : newest);
  return g_steal_pointer (&rows);
}

/* Number of the newest event, 0 when there never was one. */
guint64
cpd_store_last_event (CpdStore *store)
{
  guint64 oldest, newest = 0;

  read_bounds (store, &oldest, &newest, NULL);
  return newest;
}

/*
 * Deletes all but the newest MAX_ROWS events, and those up to the last one
 * before OLDER_THAN; 0 stands for no bound. Times may go back and forth, but
 * what is deleted is always the beginning.
 */
gboolean
cpd_store_prune_events (CpdStore *store, guint max_rows, gint64 older_than, GError **error)
{
  g_autoptr(CpdTransaction) tx = cpd_store_begin (store, CPD_STORE_BOOT, error);
  g_autoptr(CpdStatement) statement = NULL;

  if (tx == NULL)
    return FALSE;
  statement = cpd_transaction_prepare (tx, "DELETE FROM event WHERE seq <="
                                           " (SELECT max(seq) FROM event WHERE time < ?1) OR (?2 > 0"
                                           " AND seq <= (SELECT max(seq) FROM event) - ?2)", error);
  if (statement == NULL)
    return FALSE;
  cpd_statement_bind (statement, "ii", older_than, (gint64) max_rows);
  if (!cpd_statement_execute (statement, error))
    return FALSE;
  g_clear_pointer (&statement, cpd_statement_free);
  return cpd_transaction_commit (tx, error);
}
